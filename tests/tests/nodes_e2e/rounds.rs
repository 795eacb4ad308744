//! Faults, round after round, under traffic: nodes are killed, stopped and cut off, and so are the database and the router.
//! After each round everything is checked.

use crate::check::{Counts, Done, check};
use crate::cluster::{Cluster, Helpless, MUDS, Node, Plan};
use crate::game::{Game, Outcome};
use crate::postgres::Stop;
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::relay::Mode;
use crate::sage::Sage;
use std::thread;
use std::time::{Duration, Instant};

mod smol {
    #[test]
    #[ignore = "waits for minutes: tests/nodes.sh short, which CI runs"]
    fn two_nodes_survive_every_fault() {
        super::two_nodes_survive_every_fault(crate::programs::Daemon::Smol);
    }
}

mod threads {
    #[test]
    #[ignore = "waits for minutes: tests/nodes.sh short, which CI runs"]
    fn two_nodes_survive_every_fault() {
        super::two_nodes_survive_every_fault(crate::programs::Daemon::Threads);
    }
}

/// The faults that are long outlast a lease by this.
const LONGER: Duration = Duration::from_secs(3);

/// The faults that are short.
const SHORT: Duration = Duration::from_millis(1500);

/// How long the traffic goes on before a fault, and after it.
const AROUND: Duration = Duration::from_millis(700);

/// How long a message may take when all is well. A mud sends eight packets a second, and a router that takes it for one that
/// floods hears nothing of it for ten seconds.
const HEARD_WITHIN: Duration = Duration::from_secs(40);

/// How much of what has gone to the router a failure shows.
const SHOWN: Duration = Duration::from_secs(60);

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    StopShortly,
    StopForLong,
    Terminate,
    Drain,
    CutFromDatabase,
    StallDatabaseShortly,
    StallDatabaseForLong,
    StopPostgresShortly,
    StopPostgresForLong,
    RestartPostgres,
    CrashPostgres,
    CutFromRouter,
    StallRouter,
    RestartRouter,
    KillAndCrashPostgres,
    KillAll,
}

const FAULTS: [Fault; 17] = [
    Fault::Kill,
    Fault::StopForLong,
    Fault::CutFromDatabase,
    Fault::Terminate,
    Fault::StopPostgresForLong,
    Fault::CrashPostgres,
    Fault::Drain,
    Fault::StallDatabaseForLong,
    Fault::StopShortly,
    Fault::StallDatabaseShortly,
    Fault::StopPostgresShortly,
    Fault::RestartPostgres,
    Fault::CutFromRouter,
    Fault::StallRouter,
    Fault::RestartRouter,
    Fault::KillAndCrashPostgres,
    Fault::KillAll,
];

/// The faults of the short form, the first ones. Both daemons together take them in about a minute and a half.
const SHORT_FORM: usize = 6;

fn two_nodes_survive_every_fault(daemon: Daemon) {
    let Some(mut play) = Play::start(daemon, 2, std::process::id().into()) else { return };
    for fault in &FAULTS[..SHORT_FORM] {
        play.round(*fault);
    }
    let counts = play.counts;
    assert!(counts.sent > 20 && counts.events > 100, "{counts:?}");
}

/// The long form: `I3_ROUNDS` rounds, `I3_SEED` is the seed of an earlier run, `I3_FAULTS` names the faults if not all are
/// meant. Two and three nodes of both daemons in turn.
#[test]
#[ignore = "takes an hour: tests/nodes.sh rounds"]
fn nodes_survive_two_hundred_rounds() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let rounds: u64 = number("I3_ROUNDS").unwrap_or(200);
    let seed = number("I3_SEED").unwrap_or(std::process::id().into());
    let named = std::env::var("I3_FAULTS").unwrap_or_default();
    let is_meant =
        |fault: &Fault| named.is_empty() || named.split(',').any(|name| format!("{fault:?}") == name);
    let faults: Vec<Fault> = FAULTS.into_iter().filter(is_meant).collect();
    assert!(!faults.is_empty(), "{named:?} names none of {FAULTS:?}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let kinds = [(Daemon::Smol, 2), (Daemon::Threads, 2), (Daemon::Smol, 3), (Daemon::Threads, 3)];
    for (at, (daemon, nodes)) in kinds.into_iter().enumerate() {
        let Some(mut play) = Play::start(daemon, nodes, rng.u64(..)) else { return };
        let mut order = Vec::new();
        for round in (at as u64..rounds).step_by(kinds.len()) {
            if order.is_empty() {
                order.clone_from(&faults);
                rng.shuffle(&mut order);
            }
            let fault = order.pop().unwrap();
            play.round(fault);
            say(&format!(
                "seed {seed}, round {round}, {nodes} nodes of {daemon:?}: {fault:?}, {:?}",
                play.counts
            ));
        }
    }
}

#[expect(clippy::print_stderr, reason = "shows the progress of a test that takes long")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// A cluster under traffic.
struct Play {
    cluster: Cluster,
    sage: Sage,
    games: Vec<Game>,
    done: Done,
    counts: Counts,
    rng: fastrand::Rng,
    seed: u64,
    rounds: usize,
}

impl Play {
    fn start(daemon: Daemon, nodes: usize, seed: u64) -> Option<Play> {
        let cluster = Plan::new(daemon, nodes).start()?;
        let ports: Vec<u16> = cluster.nodes.iter().map(|node| node.gateway.lines).collect();
        let sage = Sage::log_in(&cluster.router, &cluster.muds);
        let mut games = Vec::new();
        for mud in MUDS {
            for (name, acks) in [("acker", true), ("taker", false)] {
                for node in 0..nodes {
                    let name = format!("{mud}-{name}-{node}");
                    let seed = seed.wrapping_add(games.len() as u64);
                    games.push(Game::start(mud, &name, acks, ports.clone(), node, seed));
                }
            }
        }
        let (done, counts, rng) = (Done::default(), Counts::default(), fastrand::Rng::with_seed(seed));
        let mut play = Play { cluster, sage, games, done, counts, rng, seed, rounds: 0 };
        play.quiet();
        Some(play)
    }

    fn round(&mut self, fault: Fault) {
        self.rounds += 1;
        self.talk(true);
        thread::sleep(AROUND);
        let before = Instant::now();
        self.strike(fault);
        thread::sleep(AROUND);
        self.talk(false);
        self.cluster.heal();
        self.quiet();
        let all = check(&self.cluster.tap.frames(), &self.cluster.muds, &self.games, &self.done);
        match all {
            Ok(counts) => self.counts = counts,
            Err(text) => {
                let (seed, round, took) = (self.seed, self.rounds, before.elapsed());
                let tables = self.tables(&text);
                panic!(
                    "seed {seed}, round {round}, {fault:?}, {took:?} ago: {text}\n{:?}\n{tables}",
                    self.done
                )
            }
        }
    }

    /// What the database has about a fault: the packets that wait, and the saves in which a text of the fault is. And what
    /// has gone to the router shortly before, with the second of the router's clock in which it counts.
    fn tables(&self, fault: &str) -> String {
        let waiting = "SELECT space, convert_from(key, 'UTF8') FROM i3_entry WHERE space LIKE 'out/%'";
        let mut found = vec![format!("waiting: {}", self.cluster.postgres.sql("i3", waiting))];
        found.extend(self.cluster.tap.since(Instant::now() - SHOWN));
        for text in fault.split_whitespace().filter(|word| word.matches('-').count() > 3) {
            let saves = format!(
                "SELECT position, boot, at, left(encode(body, 'escape'), 600) FROM i3_log
                 WHERE position('{text}'::bytea IN body) > 0 ORDER BY position"
            );
            found.push(format!("{text}: {}", self.cluster.postgres.sql("i3", &saves)));
        }
        found.join("\n")
    }

    fn talk(&self, talks: bool) {
        self.games.iter().for_each(|game| game.talk(talks));
        self.sage.talk(talks);
    }

    /// Waits until all is well. Then each game goes to another node, or stays, and all is still well.
    fn quiet(&mut self) {
        // A mud that moves cannot be told anything for a second or two.
        wait_for("an even spread of the muds", || self.cluster.is_even().then_some(()));
        self.cluster.settles();
        self.sage.is_in();
        for game in &self.games {
            wait_for(&format!("{} at a node", game.name), || game.is_in());
        }
        for mud in &self.cluster.muds {
            wait_for(&format!("{mud} to listen"), || self.cluster.listens(mud).then_some(()));
        }
        self.hear("before");
        let nodes = self.cluster.nodes.len();
        for game in &self.games {
            let node = self.rng.usize(..nodes);
            game.go_to(node);
            wait_for(&format!("{} at node {node}", game.name), || (game.is_in() == Some(node)).then_some(()));
        }
        self.hear("after");
        // What was queued behind a fault goes out evenly.
        let tap = &self.cluster.tap;
        wait_for("the queues to be empty", || {
            let before = tap.count(|frame| frame.up);
            thread::sleep(SHORT);
            (tap.count(|frame| frame.up) == before).then_some(())
        });
    }

    /// Each game hears Sage, and Sage hears each game.
    fn hear(&self, when: &str) {
        let round = self.rounds;
        let line = format!("{when}-{round}-line");
        self.sage.say(None, &line);
        for mud in &self.cluster.muds {
            self.sage.say(Some(mud), &format!("{when}-{round}-{mud}"));
        }
        for game in &self.games {
            let tell = format!("{when}-{round}-{}", game.mud);
            wait_for(&format!("{} to be told {tell}", game.name), || {
                game.with(|log| log.has(&tell) && log.has(&line)).then_some(())
            });
            let asked = Instant::now();
            let mut tries = 0..;
            let mut own = String::new();
            while own.is_empty() || self.sage.heard(&own) != 1 {
                let message = game.with(|log| log.messages.get(&own).cloned());
                match message.as_ref().map(|message| &message.outcome) {
                    Some(Outcome::Sent) => {}
                    // A busy host may make the database late.
                    Some(Outcome::Refused(error)) if error["data"]["retryable"] == true => own.clear(),
                    Some(outcome) => panic!("{own}: {outcome:?}"),
                    None => {}
                }
                if own.is_empty() {
                    own = format!("{when}-{round}-{}-{}", game.name, tries.next().unwrap_or(0));
                    game.say(&own, false);
                }
                let is_late = asked.elapsed() > HEARD_WITHIN;
                assert!(!is_late, "Sage does not hear {own} of {message:?}\n{}", self.tables(&own));
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// The node that holds one of the muds.
    fn a_holder(&mut self) -> usize {
        let mud = MUDS[self.rng.usize(..MUDS.len())];
        wait_for(&format!("a holder of {mud}"), || self.cluster.holder(mud))
    }

    fn strike(&mut self, fault: Fault) {
        let node = self.a_holder();
        let long = self.cluster.lease + LONGER;
        let now = Instant::now();
        match fault {
            Fault::Kill => self.kill(node, long),
            Fault::StopShortly => self.stop(node, SHORT),
            Fault::StopForLong => self.stop(node, long),
            Fault::Terminate => self.cluster.nodes[node].stop(),
            Fault::Drain => self.drain(node),
            Fault::CutFromDatabase => self.with_database(node, Mode::Cut, long),
            Fault::StallDatabaseShortly => self.with_database(node, Mode::Stalled, SHORT),
            Fault::StallDatabaseForLong => self.with_database(node, Mode::Stalled, long),
            Fault::StopPostgresShortly => self.stop_postgres(SHORT),
            Fault::StopPostgresForLong => self.stop_postgres(long),
            Fault::RestartPostgres => self.restart_postgres(Stop::Fast),
            Fault::CrashPostgres => self.restart_postgres(Stop::Immediate),
            Fault::CutFromRouter => {
                self.done.cut.push((node, now));
                self.with_link(node, Mode::Cut);
            }
            Fault::StallRouter => {
                self.with_link(node, Mode::Stalled);
                self.done.helpless.push(Helpless { node, from: now, to: Instant::now() });
            }
            Fault::RestartRouter => {
                self.cluster.router.kill();
                thread::sleep(SHORT);
                self.cluster.router.restart();
            }
            Fault::KillAndCrashPostgres => {
                self.kill(node, Duration::ZERO);
                self.restart_postgres(Stop::Immediate);
                thread::sleep(long);
            }
            Fault::KillAll => {
                self.strike_all();
                self.cluster.nodes.iter_mut().for_each(Node::kill);
            }
        }
    }

    fn kill(&mut self, node: usize, then: Duration) {
        self.done.struck.push((node, Instant::now()));
        self.cluster.nodes[node].kill();
        thread::sleep(then);
    }

    fn stop(&mut self, node: usize, how_long: Duration) {
        let from = Instant::now();
        self.done.struck.push((node, from));
        self.cluster.nodes[node].gateway.signal("STOP");
        thread::sleep(how_long);
        self.cluster.nodes[node].gateway.signal("CONT");
        self.done.helpless.push(Helpless { node, from, to: Instant::now() });
    }

    /// All muds move, and the games of the node go on. Then it is started anew.
    fn drain(&mut self, node: usize) {
        let node = &mut self.cluster.nodes[node];
        let mut client = node.gateway.client(crate::client::Transport::Lines);
        let answer = client.call("drain", &serde_json::json!({}));
        assert_eq!(answer["result"]["status"], "drained", "{answer}");
        assert!(MUDS.iter().all(|mud| !node.holds(mud)));
        thread::sleep(AROUND);
        node.stop();
    }

    fn with_database(&mut self, node: usize, mode: Mode, how_long: Duration) {
        self.done.struck.push((node, Instant::now()));
        self.cluster.nodes[node].database.set(mode);
        thread::sleep(how_long);
        self.cluster.nodes[node].database.set(Mode::Passing);
    }

    fn with_link(&mut self, node: usize, mode: Mode) {
        self.cluster.nodes[node].link.set(mode);
        thread::sleep(SHORT);
        self.cluster.nodes[node].link.set(Mode::Passing);
    }

    fn strike_all(&mut self) {
        let now = Instant::now();
        self.done.struck.extend((0..self.cluster.nodes.len()).map(|node| (node, now)));
    }

    fn stop_postgres(&mut self, how_long: Duration) {
        self.strike_all();
        self.cluster.postgres.signal_all("STOP");
        thread::sleep(how_long);
        self.cluster.postgres.signal_all("CONT");
    }

    fn restart_postgres(&mut self, how: Stop) {
        self.strike_all();
        self.cluster.postgres.stop(how);
        thread::sleep(SHORT);
        self.cluster.postgres.start_again();
    }
}
