//! A router's flood to many clients: how many lines a second reach them.

use super::bare::Role;
use super::hearers::{Framing, Hearers};
use super::target::{CHANNEL, Door, Target, channel_line};
use super::text::{Numbered, Piece, spoken};
use crate::daemon::{Outcome, PATIENCE, Tls};
use crate::measure::median;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bytes of a line that may be on their way to a client: a daemon that has more than 64 KiB for a client drops lines of
/// channels, and this much always fits into that and the kernel.
const UNDER_WAY_BYTES: usize = 128 * 1024;

/// Bytes to the router's end that are written at a time.
const PACKETS_BYTES: usize = 16 * 1024;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemons.
    pub programs: Vec<PathBuf>,
    /// By which door clients come.
    pub door: Door,
    /// How many clients there are.
    pub clients: usize,
    /// Lines of one flood.
    pub lines: u64,
    /// Bytes of the text of a line.
    pub text_bytes: usize,
    /// Floods of each, which take turns.
    pub rounds: usize,
}

/// What one program did.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The program.
    pub name: String,
    /// Clients that heard the lines.
    pub clients: usize,
    /// Lines a second that reached clients, of all clients together: the median of all rounds.
    pub lines_per_second: f64,
    /// The part of what the bare loop reached in the same round, and of what the bare relay reached: medians.
    pub of_loop: f64,
    /// The same of the bare relay.
    pub of_relay: f64,
    /// Nanoseconds of its processor time for each line and client.
    pub processor_ns: f64,
}

/// A target with its clients.
#[derive(Debug)]
pub struct Stage {
    /// What is measured.
    pub target: Target,
    /// Its clients.
    pub hearers: Hearers,
}

impl Stage {
    /// Connects clients to a target.
    pub fn new(target: Target, door: Door, clients: usize) -> Outcome<Stage> {
        let clients = (0..clients).map(|_| target.client(door)).collect::<Outcome<Vec<_>>>()?;
        let framing = if door == Door::WebSocket { Framing::WebSocket } else { Framing::Lines };
        let hearers = Hearers::new(clients, framing, door == Door::Tls)?;
        Ok(Stage { target, hearers })
    }

    /// Sends as many lines, and gives the time until each client has heard each of them.
    pub fn flood(
        &mut self,
        lines: u64,
        packets: &mut Piece,
        under_way_max: u64,
        role: Option<Role>,
    ) -> Outcome<Duration> {
        self.hearers.restart();
        let link = &mut self.target.link;
        let began = Instant::now();
        let mut sent = 0;
        if role == Some(Role::Loop) {
            writeln!(link, "{lines}")?;
            sent = lines;
        }
        link.set_nonblocking(true)?;
        let (mut unsent, mut heard) = (Vec::new(), 0);
        let mut progress = Instant::now();
        while heard < lines {
            while unsent.is_empty() && sent < lines && sent - heard < under_way_max {
                let count = packets.lines().min(lines - sent).min(under_way_max - (sent - heard));
                unsent.extend_from_slice(packets.from(sent, count));
                sent += count;
                write_some(link, &mut unsent)?;
            }
            write_some(link, &mut unsent)?;
            let wait = if unsent.is_empty() { Duration::from_millis(100) } else { Duration::from_millis(1) };
            self.hearers.hear(wait, |_, _| {})?;
            let now_heard = self.hearers.least();
            if now_heard > heard {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(format!("{}: {heard} of {lines} lines have come", self.target.name).into());
            }
            heard = now_heard;
        }
        let time = began.elapsed();
        link.set_nonblocking(false)?;
        Ok(time)
    }
}

fn write_some(link: &mut std::net::TcpStream, unsent: &mut Vec<u8>) -> Outcome<()> {
    while !unsent.is_empty() {
        match link.write(unsent) {
            Ok(count) => drop(unsent.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(format!("the link: {error}").into()),
        }
    }
    Ok(())
}

/// Measures all programs and the bare ones, which take turns.
pub fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let tls = if plan.door == Door::Tls { Some(Tls::new()?) } else { None };
    let text = spoken(plan.text_bytes);
    let mut targets = Vec::new();
    for program in &plan.programs {
        targets.push((None, Target::daemon(program, tls.as_ref(), |_| {})?));
    }
    let (_, first) = targets.first_mut().ok_or("no daemon is named")?;
    let line = first.sample(plan.door, &text)?;
    for role in [Role::Loop, Role::Relay] {
        targets.push((Some(role), Target::bare(role, &line, None, tls.as_ref())?));
    }
    let mut packets = Numbered::new(channel_line(CHANNEL, &text))?.piece(PACKETS_BYTES, plan.lines);
    let under_way_max = (UNDER_WAY_BYTES / line.len()).max(1) as u64;
    let mut stages = Vec::new();
    for (role, target) in targets {
        let mut stage = Stage::new(target, plan.door, plan.clients)?;
        // The first lines make what all later ones use.
        stage.flood((plan.lines / 10).max(1), &mut packets, under_way_max, role)?;
        stages.push((role, stage));
    }
    let count = stages.len();
    let (mut rates, mut costs) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    let arrivals = (plan.lines * plan.clients as u64) as f64;
    for _ in 0..plan.rounds {
        for (at, (role, stage)) in stages.iter_mut().enumerate() {
            let before = stage.target.processor_time()?;
            let time = stage.flood(plan.lines, &mut packets, under_way_max, *role)?;
            let used = stage.target.processor_time()?.saturating_sub(before);
            rates[at].push(arrivals / time.as_secs_f64());
            costs[at].push(used.as_nanos() as f64 / arrivals);
        }
    }
    let of = |rates: &[f64], base: &[f64]| {
        median(rates.iter().zip(base).map(|(rate, base)| rate / base).collect())
    };
    let bare = [&rates[count - 2], &rates[count - 1]];
    Ok((0..count)
        .map(|at| Figure {
            name: stages[at].1.target.name.clone(),
            clients: plan.clients,
            lines_per_second: median(rates[at].clone()),
            of_loop: of(&rates[at], bare[0]),
            of_relay: of(&rates[at], bare[1]),
            processor_ns: median(costs[at].clone()),
        })
        .collect())
}
