//! A program with its clients, and floods and paced lines to them.

use super::bare::Role;
use super::hearers::{Framing, Hearers};
use super::keepalive::Keepalive;
use super::target::{Door, Target};
use super::text::Packets;
use crate::daemon::{Outcome, PATIENCE};
use hdrhistogram::Histogram;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of lines that may be on their way to a client. The buffers of its socket take them all: a daemon drops lines of channels
/// for a client that is more than 64 KiB behind with what its socket does not take. With fewer, each program would wait for the
/// client most of the time, and not the bare loop, which knows of no limit.
const UNDER_WAY_BYTES: usize = 256 * 1024;

/// Bytes to the router's end that are put together at a time.
const PACKETS_BYTES: usize = 16 * 1024;

/// How long the store of a gateway may need after a flood: it pauses up to 250 ms between two saves.
const STORE_RESTS_AFTER: Duration = Duration::from_millis(400);

/// Clients that connect at once.
const CONNECT_AT_ONCE: usize = 100;

/// The longest latency that is told from longer ones, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What is sent at once.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// How many lines.
    pub lines: u64,
    /// Each client hears one of so many lines; 1: each line.
    pub one_of: u64,
    /// Bytes of a line as a client gets it.
    pub line_bytes: usize,
}

/// A target with its clients.
#[derive(Debug)]
pub struct Stage {
    /// What is measured.
    pub target: Target,
    /// Its clients.
    pub hearers: Hearers,
    /// Says something on its links when nothing is measured.
    pub keepalive: Keepalive,
}

impl Stage {
    /// Connects clients to a target.
    pub fn new(target: Target, door: Door, clients: usize) -> Outcome<Stage> {
        let mut stage = Stage::empty(target, door)?;
        for first in (0..clients).step_by(CONNECT_AT_ONCE) {
            for client in stage.target.clients(door, CONNECT_AT_ONCE.min(clients - first))? {
                stage.hearers.add(client)?;
            }
            // Each is told of those that join the channel after it.
            stage.hearers.drain()?;
        }
        Ok(stage)
    }

    /// A target without clients.
    pub fn empty(target: Target, door: Door) -> Outcome<Stage> {
        let framing = if door == Door::WebSocket { Framing::WebSocket } else { Framing::Lines };
        let hearers = Hearers::new(framing, door == Door::Tls)?;
        let keepalive = Keepalive::of(&target)?;
        Ok(Stage { target, hearers, keepalive })
    }

    /// Waits until the store of a gateway has written what a flood has left. Otherwise it would take time from the program that is
    /// measured next.
    pub fn rest(&self) {
        if self.target.role.is_none() {
            thread::sleep(STORE_RESTS_AFTER);
        }
    }

    /// Sends as many lines, and gives the time until each client has heard all that it should, and the processor time that
    /// the program used.
    pub fn flood(&mut self, flood: Flood, packets: &mut dyn Packets) -> Outcome<(Duration, Duration)> {
        let keepalive = self.keepalive.clone();
        let _measured = keepalive.pause();
        let before = self.target.processor_time()?;
        self.hearers.restart();
        self.target.link.set_nonblocking(true)?;
        let began = Instant::now();
        let outcome = self.flood_on(flood, packets);
        let time = began.elapsed();
        self.target.link.set_nonblocking(false)?;
        outcome.map_err(|error| self.target.fault(&error))?;
        Ok((time, self.target.processor_time()?.saturating_sub(before)))
    }

    fn flood_on(&mut self, flood: Flood, packets: &mut dyn Packets) -> Outcome<()> {
        let under_way_max = (UNDER_WAY_BYTES / flood.line_bytes).max(1) as u64 * flood.one_of;
        let link = &mut self.target.link;
        let (mut unsent, mut sent, mut heard) = (Vec::new(), 0, 0);
        if self.target.role == Some(Role::Loop) {
            writeln!(link, "{}", flood.lines)?;
            sent = flood.lines;
        }
        let mut progress = Instant::now();
        while heard < flood.lines {
            write_some(link, &mut unsent)?;
            while unsent.is_empty() && sent < flood.lines && sent - heard < under_way_max {
                while unsent.len() < PACKETS_BYTES && sent < flood.lines && sent - heard < under_way_max {
                    let most = (flood.lines - sent).min(under_way_max - (sent - heard));
                    sent += packets.append(sent, most, &mut unsent);
                }
                write_some(link, &mut unsent)?;
            }
            let wait = Duration::from_millis(if unsent.is_empty() { 100 } else { 1 });
            self.hearers.hear(wait, |_, _, _| {})?;
            let now_heard = self.hearers.least() * flood.one_of;
            if now_heard > heard {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(format!("only {heard} of {} lines have come", flood.lines).into());
            }
            heard = now_heard;
        }
        Ok(())
    }

    /// Sends lines at a steady rate, and records how many microseconds each took to each client.
    pub fn pace(
        &mut self,
        lines: u64,
        per_second: u64,
        packets: &mut (dyn Packets + Send),
    ) -> Outcome<Histogram<u64>> {
        let _measured = self.keepalive.pause();
        self.hearers.restart();
        let base = Instant::now();
        let sent: Vec<AtomicU64> = (0..lines).map(|_| AtomicU64::new(0)).collect();
        let mut link = self.target.link.try_clone()?;
        let mut times = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?;
        let hearers = &mut self.hearers;
        let outcome = thread::scope(|scope| -> Outcome<()> {
            let sender = scope.spawn(|| send_paced(&mut link, &sent, per_second, base, packets));
            let last = Duration::from_nanos(lines * 1_000_000_000 / per_second) + PATIENCE;
            while hearers.least() < lines {
                if base.elapsed() > last {
                    return Err(format!("only {} of {lines} lines have come", hearers.least()).into());
                }
                hearers.hear(Duration::from_millis(100), |_, number, _| {
                    let began = sent[number as usize].load(Ordering::Acquire);
                    let took = (base.elapsed().as_nanos() as u64).saturating_sub(began);
                    times.saturating_record((took / 1000).max(1));
                })?;
            }
            Ok(sender.join().map_err(|_| "the sender ended")??)
        });
        outcome.map_err(|error| self.target.fault(&error))?;
        Ok(times)
    }
}

/// Sends each line when its time has come, and notes when that was.
fn send_paced(
    link: &mut TcpStream,
    sent: &[AtomicU64],
    per_second: u64,
    base: Instant,
    packets: &mut dyn Packets,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (at, note) in sent.iter().enumerate() {
        let due = Duration::from_nanos(at as u64 * 1_000_000_000 / per_second);
        thread::sleep(due.saturating_sub(base.elapsed()));
        bytes.clear();
        packets.append(at as u64, 1, &mut bytes);
        note.store(base.elapsed().as_nanos() as u64, Ordering::Release);
        link.write_all(&bytes)?;
    }
    Ok(())
}

/// Writes what the socket takes.
pub fn write_some(link: &mut TcpStream, unsent: &mut Vec<u8>) -> Outcome<()> {
    while !unsent.is_empty() {
        match link.write(unsent) {
            Ok(count) => drop(unsent.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(format!("its link to the router: {error}").into()),
        }
    }
    Ok(())
}
