//! Connection storms: all clients connect at once, and show their keys.

use super::bare::Role;
use super::keepalive::Keepalive;
use super::latency::percentiles;
use super::options::Plan;
use super::poll::Poll;
use super::report::Row;
use super::target::{Door, Greeting, Target};
use crate::daemon::{Client, Outcome, PATIENCE, Tls};
use crate::measure::median;
use hdrhistogram::Histogram;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// The longest time that is told from longer ones, in microseconds.
const TIME_US_MAX: u64 = 60_000_000;

/// The figures' names.
pub const OF_BARE: &str = "of the bare program";

struct Candidate {
    target: Target,
    times: Histogram<u64>,
    rates: Vec<f64>,
    _keepalive: Keepalive,
}

/// Measures all programs and a bare one, which take turns.
pub fn measure(plan: &Plan, door: Door, clients: usize) -> Outcome<Vec<Row>> {
    plan.needs_descriptors(clients)?;
    let tls = if door == Door::Tls { Some(Tls::new()?) } else { None };
    let mut targets = Vec::new();
    for program in &plan.programs {
        targets.push(Target::daemon(program, tls.as_ref(), |_| {})?);
    }
    targets.push(Target::bare(Role::Relay, b"#00000000#\n", None, tls.as_ref())?);
    let mut candidates = Vec::new();
    for target in targets {
        candidates.push(Candidate {
            _keepalive: Keepalive::of(&target)?,
            target,
            times: Histogram::new_with_bounds(1, TIME_US_MAX, 3)?,
            rates: Vec::new(),
        });
    }
    for _ in 0..plan.rounds {
        for candidate in &mut candidates {
            let greeting = candidate.target.greeting(door)?;
            let time = storm(&greeting, tls.as_ref(), clients, &mut candidate.times)
                .map_err(|error| candidate.target.fault(&error))?;
            candidate.rates.push(clients as f64 / time.as_secs_f64());
        }
    }
    let bare = candidates.last().map(|last| last.rates.clone()).unwrap_or_default();
    Ok(candidates
        .iter()
        .map(|candidate| {
            let ratios = candidate.rates.iter().zip(&bare).map(|(rate, base)| rate / base).collect();
            let rates = vec![("clients/s", median(candidate.rates.clone())), (OF_BARE, median(ratios))];
            Row {
                scenario: "storm",
                program: candidate.target.name.clone(),
                kind: candidate.target.kind(),
                load: vec![("door", door.name().to_owned()), ("clients", clients.to_string())],
                values: [rates, percentiles(&candidate.times)].concat(),
            }
        })
        .collect())
}

struct Newcomer {
    client: Client,
    began: Instant,
    /// What TLS does not take before the other end has said hello.
    unsaid: Vec<u8>,
    received: Vec<u8>,
    is_served: bool,
}

/// The time from the first connection until the last client is served. Each client's own time is recorded.
fn storm(
    greeting: &Greeting,
    tls: Option<&Tls>,
    clients: usize,
    times: &mut Histogram<u64>,
) -> Outcome<Duration> {
    let mut poll = Poll::new()?;
    let mut all = Vec::with_capacity(clients);
    let began = Instant::now();
    for at in 0..clients {
        let one = Instant::now();
        let client = Client::connect(greeting.port, tls)?;
        client.socket().set_nonblocking(true)?;
        poll.add(client.socket(), at)?;
        let unsaid = greeting.says.clone();
        let mut newcomer = Newcomer { client, began: one, unsaid, received: Vec::new(), is_served: false };
        say(&mut newcomer)?;
        all.push(newcomer);
    }
    let (mut served, mut buffer) = (0, vec![0; 16 * 1024]);
    while served < clients {
        let ready: Vec<usize> = poll.wait(Duration::from_millis(100))?.collect();
        for at in ready {
            let newcomer = &mut all[at];
            loop {
                match newcomer.client.stream.get_mut().read(&mut buffer) {
                    Ok(0) => return Err(format!("client {at} was disconnected").into()),
                    Ok(count) => newcomer.received.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(format!("client {at}: {error}").into()),
                }
            }
            say(newcomer)?;
            if !newcomer.is_served && memchr::memmem::find(&newcomer.received, greeting.hears).is_some() {
                newcomer.is_served = true;
                served += 1;
                times.saturating_record((newcomer.began.elapsed().as_micros() as u64).max(1));
            }
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("only {served} of {clients} clients were served").into());
        }
    }
    Ok(began.elapsed())
}

/// Says what can be said now.
fn say(newcomer: &mut Newcomer) -> Outcome<()> {
    let stream = newcomer.client.stream.get_mut();
    while !newcomer.unsaid.is_empty() {
        match stream.write(&newcomer.unsaid) {
            Ok(count) => drop(newcomer.unsaid.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stream.flush().or_else(would_block)?)
}

fn would_block(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::WouldBlock { Ok(()) } else { Err(error) }
}
