//! A mud that logs in at the gateway crashes, reboots, floods, does not read and logs in twice, in random order and in virtual
//! time, while it and another mud tell each other things. No tell is lost or doubled, and none is refused in silence.

#![allow(clippy::print_stdout, reason = "the test harness shows it when a test fails")]

use i3_core::Gateway;
use i3_core::time::Instant;
use i3_tests::scenario::Stage;
use i3_tests::wire;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Seeds of a run of the tests.
const SEEDS: u64 = 60;

/// Steps of one storm.
const STEPS: usize = 50;

/// What is on its way when a mud crashes is lost with it: what the gateway has written, and errors.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// How long a packet may wait until it is sent or refused.
const WAITS_MAX: Duration = Duration::from_secs(90);

/// A tell with a number.
#[derive(Default)]
struct Told {
    sent: Vec<Instant>,
    /// How often each has arrived, and how often an error has come about it.
    arrived: BTreeMap<usize, usize>,
    refused: BTreeMap<usize, usize>,
}

struct Storm {
    stage: Stage,
    rng: fastrand::Rng,
    /// The connection of the mud, and those before it that may still have something to read.
    game: Option<usize>,
    old: Vec<usize>,
    /// When the mud has crashed.
    crashes: Vec<Instant>,
    password: i64,
    /// From Sage to the mud, and the other way.
    to_game: Told,
    to_sage: Told,
}

fn line(stage: &mut Stage, line: &str) {
    stage.line(line).unwrap_or_else(|problem| panic!("{line}: {problem}"));
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut rng = fastrand::Rng::with_seed(seed);
        let chunk = [usize::MAX, 100, 7][rng.usize(..3)];
        let mut stage = Stage::new(seed, chunk);
        for text in ["router *net", "bouncer Alpha", "mud Sage", "wait 4s", "set Alpha keep_tells=100000"] {
            line(&mut stage, text);
        }
        line(&mut stage, &format!("set Alpha i3_stay={}", rng.u32(200..2000)));
        line(&mut stage, "reload Alpha");
        // What another client has taken, the mud gets all the same.
        if rng.bool() {
            line(&mut stage, "client j Alpha lines");
        }
        let (to_game, to_sage) = (Told::default(), Told::default());
        let (old, crashes) = (Vec::new(), Vec::new());
        Storm { stage, rng, game: None, old, crashes, password: 0, to_game, to_sage }
    }

    fn now(&self) -> Instant {
        self.stage.world.now().mono
    }

    fn write(&mut self, script: usize, text: &str) {
        self.stage.world.write(script, &wire::mudmode_frame(text.as_bytes()));
    }

    fn log_in(&mut self) {
        self.stage.line("game g Alpha").unwrap();
        let script = self.stage.script("g");
        let login = format!(
            r#"({{"startup-req-3",5,"Alpha",0,"*i4",0,{},0,0,4000,0,0,"l","b","MudOS","LP","open","e",(["channel":1,"tell":1,]),0,}})"#,
            self.password
        );
        self.write(script, &login);
        self.old.extend(self.game.replace(script));
    }

    /// Whether a tell from the network would reach the gateway.
    fn is_on_the_network(&self) -> bool {
        let gateway: &Gateway = self.stage.world.machine("Alpha");
        gateway.is_ready()
    }

    fn tell_game(&mut self) {
        let number = self.to_game.sent.len();
        self.to_game.sent.push(self.now());
        let sage = self.stage.script("Sage");
        self.write(sage, &format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","s{number}",}})"#));
    }

    fn tell_sage(&mut self) {
        let Some(script) = self.game else { return };
        let number = self.to_sage.sent.len();
        self.to_sage.sent.push(self.now());
        self.write(script, &format!(r#"({{"tell",5,"Alpha","ann","Sage","bob","Ann","g{number}",}})"#));
    }

    /// Reads what everybody has received.
    fn read(&mut self) {
        let sage = self.stage.script("Sage");
        let games: Vec<usize> = self.old.iter().copied().chain(self.game).collect();
        for script in games.into_iter().chain([sage]) {
            for frame in wire::mudmode_frames(self.stage.world.received(script)) {
                let packet = wire::strict_lpc(&frame).unwrap_or_else(|fault| panic!("{fault}: {frame}"));
                self.note(&packet, script == sage);
            }
        }
    }

    fn note(&mut self, packet: &Json, at_sage: bool) {
        let number = |text: &Json, mark: char| -> Option<usize> {
            let text = text.as_str()?;
            let text = text.split_once("] ").map_or(text, |(_, text)| text);
            text.strip_prefix(mark)?.parse().ok()
        };
        let (arriving, leaving, mark) = if at_sage {
            (&mut self.to_sage, &mut self.to_game, 'g')
        } else {
            (&mut self.to_game, &mut self.to_sage, 's')
        };
        match packet[0].as_str() {
            Some("tell") => {
                if let Some(number) = number(&packet[7], mark) {
                    *arriving.arrived.entry(number).or_default() += 1;
                }
            }
            Some("error") => {
                let mark = if at_sage { 's' } else { 'g' };
                if let Some(number) = number(&packet[8][7], mark) {
                    *leaving.refused.entry(number).or_default() += 1;
                }
            }
            Some("startup-reply") => self.password = packet[7].as_i64().unwrap(),
            _ => {}
        }
    }

    fn wait(&mut self, time: Duration) {
        self.stage.world.wait(time);
        self.read();
    }

    fn step(&mut self) {
        match self.rng.u8(..20) {
            0 | 1 => self.log_in(),
            2 => {
                if let Some(script) = self.game.take() {
                    // A crash: nobody reads what is on its way.
                    self.crashes.push(self.now());
                    self.stage.world.close(script);
                }
            }
            3 => {
                if let Some(script) = self.game.take() {
                    self.write(script, r#"({"shutdown",5,"Alpha",0,"null",0,0,})"#);
                    self.old.push(script);
                }
            }
            4 if self.game.is_some() => {
                for _ in 0..self.rng.usize(100..250) {
                    self.tell_sage();
                }
            }
            5 => {
                if let Some(script) = self.game {
                    self.stage.world.stall(script);
                    let time = Duration::from_secs(self.rng.u64(1..60));
                    self.wait(time);
                    self.stage.world.resume(script);
                }
            }
            6..=9 => (0..self.rng.usize(1..10)).for_each(|_| self.tell_sage()),
            _ if self.is_on_the_network() => (0..self.rng.usize(1..4)).for_each(|_| self.tell_game()),
            _ => {}
        }
        let time = Duration::from_millis(if self.rng.bool() {
            self.rng.u64(20..500)
        } else {
            self.rng.u64(1_000..8_000)
        });
        self.wait(time);
    }

    fn has_crashed_within(&self, from: Instant, time: Duration) -> bool {
        self.crashes.iter().any(|at| *at >= from && *at <= from + time)
    }

    fn check(&self, seed: u64) {
        for (number, sent) in self.to_game.sent.iter().enumerate() {
            let arrived = self.to_game.arrived.get(&number).copied().unwrap_or(0);
            let refused = self.to_game.refused.get(&number).copied().unwrap_or(0);
            let is_lost_with_mud = arrived + refused == 0 && self.has_crashed_within(*sent, WAITS_MAX);
            assert!(
                arrived + refused == 1 || is_lost_with_mud,
                "seed {seed}: s{number} came {arrived} times, {refused} errors"
            );
        }
        let is_over_at = self.now();
        for (number, sent) in self.to_sage.sent.iter().enumerate() {
            let arrived = self.to_sage.arrived.get(&number).copied().unwrap_or(0);
            let refused = self.to_sage.refused.get(&number).copied().unwrap_or(0);
            let is_untold = arrived + refused == 0 && self.has_crashed_within(*sent, WAITS_MAX);
            assert!(
                arrived + refused == 1 || is_untold,
                "seed {seed}: g{number} came {arrived} times, {refused} errors, sent {:?} before the end",
                is_over_at.since(*sent)
            );
        }
    }
}

fn storm(seed: u64) -> (usize, usize, usize) {
    println!("seed {seed}");
    let mut storm = Storm::new(seed);
    storm.log_in();
    storm.wait(Duration::from_secs(6));
    for _ in 0..STEPS {
        storm.step();
    }
    storm.log_in();
    storm.wait(WAITS_MAX + ON_ITS_WAY);
    storm.check(seed);
    let late: usize = storm.to_game.arrived.len();
    (late, storm.to_sage.arrived.len(), storm.to_sage.refused.len())
}

#[test]
fn whatever_a_mud_does_no_tell_is_lost_or_doubled() {
    let all: Vec<_> = (0..SEEDS).map(storm).collect();
    let sum = |of: fn(&(usize, usize, usize)) -> usize| all.iter().map(of).sum::<usize>();
    let (to_game, to_sage, refused) = (sum(|one| one.0), sum(|one| one.1), sum(|one| one.2));
    println!("{to_game} tells came to the mud, {to_sage} from it, {refused} were refused");
    assert!(to_game > 1000 && to_sage > 1000 && refused > 100, "hardly anything happens");
}
