//! Clients to the router: tells that are sent without waiting for answers, with pacing off.

use super::bare::Role;
use super::hearers::Hearers;
use super::options::Plan;
use super::report::{Kind, Row};
use super::stage::Stage;
use super::target::{Door, SPEAKER, Target};
use super::text::{Finder, numbered, spoken};
use crate::daemon::{Outcome, PATIENCE};
use crate::measure::median;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// Requests that may not have come to the router yet, of all clients together: a gateway refuses what does not fit into the
/// queue to its router, which has room for 1,000 packets.
const UNDER_WAY_MAX: u64 = 800;

/// Bytes that a client has said and that the socket may not have taken.
const READ_BYTES: usize = 64 * 1024;

/// The figures' names.
pub const OF_BARE: &str = "of the bare program";
/// The part of what the daemon on smol reaches.
pub const OF_SMOL: &str = "of the daemon on smol";

struct Candidate {
    stage: Stage,
    rates: Vec<f64>,
    costs: Vec<f64>,
}

/// Measures all programs and the bare one, which take turns.
pub fn measure(plan: &Plan, clients: usize) -> Outcome<Vec<Row>> {
    plan.needs_descriptors((plan.programs.len() + 1) * clients)?;
    let words = spoken(plan.text_bytes)[11..].to_owned();
    let mut targets = Vec::new();
    for program in &plan.programs {
        targets.push(Target::daemon(program, None, |_| {})?);
    }
    let (answer, frame) = sample(targets.first_mut().ok_or("no daemon is named")?, &words)?;
    targets.push(Target::bare(Role::Requests, &answer, Some(&frame), None)?);
    let mut candidates = Vec::new();
    for target in targets {
        let stage = Stage::new(target, Door::Lines, clients)?;
        candidates.push(Candidate { stage, rates: Vec::new(), costs: Vec::new() });
    }
    let each = (plan.lines / clients as u64).max(1);
    for round in 0..=plan.rounds {
        for candidate in &mut candidates {
            let each = if round == 0 { each.div_ceil(10) } else { each };
            let before = candidate.stage.target.processor_time()?;
            let time = tell(&mut candidate.stage, each, &words)
                .map_err(|error| candidate.stage.target.fault(&error))?;
            let used = candidate.stage.target.processor_time()?.saturating_sub(before);
            candidate.stage.rest();
            let all = (each * clients as u64) as f64;
            if round > 0 {
                candidate.rates.push(all / time.as_secs_f64());
                candidate.costs.push(used.as_nanos() as f64 / all);
            }
        }
    }
    Ok(candidates.iter().map(|candidate| row(candidate, &candidates, clients)).collect())
}

fn row(candidate: &Candidate, all: &[Candidate], clients: usize) -> Row {
    let of = |kind| {
        let Some(other) = all.iter().find(|other| other.stage.target.kind() == kind) else { return f64::NAN };
        median(candidate.rates.iter().zip(&other.rates).map(|(rate, base)| rate / base).collect())
    };
    Row {
        scenario: "outbound",
        program: candidate.stage.target.name.clone(),
        kind: candidate.stage.target.kind(),
        load: vec![("clients", clients.to_string())],
        values: vec![
            ("requests/s", median(candidate.rates.clone())),
            (OF_BARE, of(Kind::Bare)),
            (OF_SMOL, of(Kind::Smol)),
            ("CPU ns a request", median(candidate.costs.clone())),
        ],
    }
}

/// A tell. Its id is its number, so that the answer has it too.
fn request(number: u64, words: &str) -> String {
    let text = numbered(number, words);
    let id = numbered(number, "");
    format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"tell","params":{{"target_mud":"{SPEAKER}","target_user":"bob","message":"{text}","from_user":"ann"}}}}"#,
        id.trim_end()
    ) + "\n"
}

/// The answer to a tell, and the frame that the router gets.
fn sample(target: &mut Target, words: &str) -> Outcome<(Vec<u8>, Vec<u8>)> {
    let mut client = target.client(Door::Lines)?;
    target.link.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut rest = Vec::new();
    // What the daemon says after a login.
    while read_frames(target, &mut rest)?.is_some() {}
    client.stream.get_mut().write_all(request(0, words).as_bytes())?;
    let mut answer = Vec::new();
    // The client may be told of the login before.
    while answer.is_empty() || is_event(&answer) {
        answer.clear();
        if std::io::BufRead::read_until(&mut client.stream, b'\n', &mut answer)? == 0 {
            return Err("the gateway has closed the connection".into());
        }
    }
    if !is_result(&answer) {
        return Err(String::from_utf8_lossy(&answer).into());
    }
    target.link.set_read_timeout(Some(PATIENCE))?;
    let frame = read_frames(target, &mut rest)?.ok_or("no tell came to the router")?;
    Ok((answer, frame))
}

/// The next frame of the link, unless none comes in time.
fn read_frames(target: &mut Target, rest: &mut Vec<u8>) -> Outcome<Option<Vec<u8>>> {
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, text)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            if text.len() >= length {
                return Ok(Some(rest.drain(..4 + length).collect()));
            }
        }
        match target.link.read(&mut buffer) {
            Ok(0) => return Err("the link was closed".into()),
            Ok(count) => rest.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_event(message: &[u8]) -> bool {
    memchr::memmem::find(message, br#""method""#).is_some()
}

fn is_result(answer: &[u8]) -> bool {
    memchr::memmem::find(answer, br#""result""#).is_some()
}

/// What comes to the router.
#[derive(Default)]
struct Router {
    rest: Vec<u8>,
    finder: Finder,
    /// Tells of each number: as many as there are clients, and never a later one before an earlier one.
    counts: Vec<u32>,
    tells: u64,
}

impl Router {
    /// Looks at the frames in what was read.
    fn take(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.rest.extend_from_slice(bytes);
        let mut used = 0;
        while let Some((head, rest)) = self.rest[used..].split_first_chunk::<4>() {
            let Some(text) = rest.get(..u32::from_be_bytes(*head) as usize) else { break };
            used += 4 + text.len();
            if let Some(number) = self.finder.number(text) {
                let number = number as usize;
                let count = *self.counts.get(number).ok_or("a tell that was not sent")?;
                if number > 0 && self.counts[number - 1] <= count {
                    return Err(format!("tell {number} came before the one before it").into());
                }
                self.counts[number] += 1;
                self.tells += 1;
            }
        }
        self.rest.drain(..used);
        Ok(())
    }
}

/// Each client sends so many tells; the time until all are answered and have come to the router.
fn tell(stage: &mut Stage, each: u64, words: &str) -> Outcome<Duration> {
    let clients = stage.hearers.len();
    let window = (UNDER_WAY_MAX / clients as u64).max(1);
    let requests: Vec<Vec<u8>> = (0..each).map(|number| request(number, words).into_bytes()).collect();
    let (mut said, mut all_said) = (vec![0; clients], 0);
    let mut router = Router { counts: vec![0; each as usize], ..Router::default() };
    let (all, link_at) = (each * clients as u64, clients);
    stage.hearers.restart();
    let keepalive = stage.keepalive.clone();
    let _measured = keepalive.pause();
    stage.target.link.set_nonblocking(true)?;
    stage.hearers.watch(&stage.target.link, link_at)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut batch = Vec::new();
    let (began, mut failed) = (Instant::now(), None);
    while stage.hearers.all_received() < all || router.tells < all {
        for (at, said) in said.iter_mut().enumerate() {
            let rest = each - *said;
            let room = UNDER_WAY_MAX - (all_said - router.tells);
            let count = (stage.hearers.received(at) + window - *said).min(rest).min(room);
            // Half a window at once: a client that wrote each request alone would measure itself.
            if count > 0 && count >= window.div_ceil(2).min(rest) {
                batch.clear();
                let (from, until) = (*said as usize, (*said + count) as usize);
                requests[from..until].iter().for_each(|one| batch.extend_from_slice(one));
                (*said, all_said) = (*said + count, all_said + count);
                stage.hearers.say(at, &batch)?;
            }
        }
        hear(&mut stage.hearers, &mut failed)?;
        match stage.target.link.read(&mut buffer) {
            Ok(0) => return Err("the link was closed".into()),
            Ok(count) => router.take(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if began.elapsed() > PATIENCE * 3 {
            return Err(format!("only {} of {all} tells have come to the router", router.tells).into());
        }
    }
    let time = began.elapsed();
    stage.hearers.unwatch(&stage.target.link)?;
    stage.target.link.set_nonblocking(false)?;
    Ok(time)
}

fn hear(hearers: &mut Hearers, failed: &mut Option<String>) -> Outcome<()> {
    hearers.hear(Duration::from_millis(100), |_, _, answer| {
        // The bare program answers what a daemon has answered once.
        if failed.is_none() && !is_result(answer) {
            *failed = Some(String::from_utf8_lossy(answer).into_owned());
        }
    })?;
    failed.take().map_or(Ok(()), |answer| Err(format!("a tell was refused: {answer}").into()))
}
