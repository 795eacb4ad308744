//! How the cost of a line grows with what there is: clients, channels, muds in the list, kept events.
//!
//! The cost is processor time of the program, so that it does not matter how fast lines come or are read. Each program runs
//! alone; "growth" is the cost divided by the least cost of the same program under a smaller load.

use super::bare::Role;
use super::fanout::lines_to;
use super::options::Plan;
use super::report::Row;
use super::stage::{Flood, Stage};
use super::target::{CHANNEL, Door, Target, channel_line, line_from, packet};
use super::text::{Made, Numbered, Packets, numbered, spoken};
use crate::daemon::{Outcome, PATIENCE};
use crate::measure::median;
use serde_json::json;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long an idle program is watched.
const IDLE: Duration = Duration::from_secs(2);

/// Clients that hear the lines where something else than their number grows.
const HEARERS: usize = 10;

/// A log that the lines of one channel fill: with more channels it would be full, too.
const FULL_LOG_BYTES: u64 = 262_144;

/// The most channels to which a session may subscribe.
const SUBSCRIBED_MAX: usize = 500;

/// The most muds that a gateway remembers.
const MUDS_MAX: usize = 20_000;

/// The figures' names.
pub const COST: &str = "CPU ns a line and client";
/// The cost divided by the least cost under a smaller load.
pub const GROWTH: &str = "growth";
/// Processor time without anything to do.
pub const IDLE_COST: &str = "idle: CPU us a second";
/// Memory.
pub const MEMORY: &str = "RSS, kB";

/// What is measured of one program under one load.
pub(super) struct Cost {
    pub(super) nanoseconds: f64,
    pub(super) idle: f64,
    pub(super) memory: f64,
}

/// The rows of one program, from the smallest load to the greatest.
pub(super) struct Rows {
    scenario: &'static str,
    what: &'static str,
    /// The least cost so far.
    least: Option<f64>,
    rows: Vec<Row>,
}

impl Rows {
    pub(super) fn new(scenario: &'static str, what: &'static str) -> Rows {
        Rows { scenario, what, least: None, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, target: &Target, load: usize, cost: &Cost, more: Vec<(&'static str, f64)>) {
        let least = self.least.unwrap_or(cost.nanoseconds);
        self.least = Some(least.min(cost.nanoseconds));
        let values = vec![
            (COST, cost.nanoseconds),
            (GROWTH, cost.nanoseconds / least),
            (IDLE_COST, cost.idle),
            (MEMORY, cost.memory),
        ];
        self.rows.push(Row {
            scenario: self.scenario,
            program: target.name.clone(),
            kind: target.kind(),
            load: vec![(self.what, load.to_string())],
            values: [values, more].concat(),
        });
    }

    pub(super) fn finish(self) -> Vec<Row> {
        self.rows
    }
}

/// The processor time of floods, and what the program takes when they are over.
pub(super) fn cost(plan: &Plan, stage: &mut Stage, flood: Flood, packets: &mut dyn Packets) -> Outcome<Cost> {
    let warm = Flood { lines: flood.lines.div_ceil(10).next_multiple_of(flood.one_of), ..flood };
    stage.flood(warm, packets)?;
    let mut costs = Vec::new();
    let arrivals = (flood.lines * stage.hearers.len() as u64 / flood.one_of) as f64;
    for _ in 0..plan.rounds {
        let (_, used) = stage.flood(flood, packets)?;
        costs.push(used.as_nanos() as f64 / arrivals);
    }
    let _measured = stage.keepalive.pause();
    let (idle, memory) = at_rest(&stage.target)?;
    Ok(Cost { nanoseconds: median(costs), idle, memory })
}

/// Microseconds of processor time a second, and kB of memory, without anything to do.
pub(super) fn at_rest(target: &Target) -> Outcome<(f64, f64)> {
    settle(target)?;
    let before = target.processor_time()?;
    thread::sleep(IDLE);
    let used = target.processor_time()?.saturating_sub(before);
    Ok((used.as_micros() as f64 / IDLE.as_secs_f64(), target.status("VmRSS:")? as f64))
}

/// Waits until a program does nothing any more: what it saves is saved later than what it sends.
fn settle(target: &Target) -> Outcome<()> {
    let began = Instant::now();
    let mut last = target.processor_time()?;
    loop {
        thread::sleep(Duration::from_millis(200));
        let now = target.processor_time()?;
        if now.saturating_sub(last) < Duration::from_millis(1) || began.elapsed() > PATIENCE {
            return Ok(());
        }
        last = now;
    }
}

/// A daemon, and the length of a line as its clients get it.
fn daemon(program: &Path, text: &str) -> Outcome<(Target, usize)> {
    let mut target = Target::daemon(program, None, |_| {})?;
    let line_bytes = target.sample(Door::Lines, text)?.len();
    Ok((target, line_bytes))
}

/// Against clients, with the bare relay.
pub fn clients(plan: &Plan) -> Outcome<Vec<Row>> {
    plan.needs_descriptors(plan.clients.iter().copied().max().unwrap_or(0))?;
    let text = spoken(plan.text_bytes);
    let mut all = Vec::new();
    let sample =
        daemon(plan.programs.first().ok_or("no daemon is named")?, &text)?.0.sample(Door::Lines, &text)?;
    for program in plan.programs.iter().map(Some).chain([None]) {
        let mut rows = Rows::new("growth-clients", "clients");
        for count in &plan.clients {
            let target = match program {
                Some(program) => daemon(program, &text)?.0,
                None => Target::bare(Role::Relay, &sample, None, None)?,
            };
            let mut stage = Stage::new(target, Door::Lines, *count)?;
            let flood = Flood { lines: lines_to(*count, plan.lines), one_of: 1, line_bytes: sample.len() };
            let mut packets = Numbered::new(channel_line(CHANNEL, &text))?.piece(16 * 1024, flood.lines);
            let cost = cost(plan, &mut stage, flood, &mut packets)?;
            rows.push(&stage.target, *count, &cost, Vec::new());
        }
        all.extend(rows.finish());
    }
    Ok(all)
}

/// Against channels. A line always goes to one client. One client hears all channels, as far as a session may; of 1,000 channels two
/// clients hear half each.
pub fn channels(plan: &Plan) -> Outcome<Vec<Row>> {
    let text = spoken(plan.text_bytes);
    let mut all = Vec::new();
    for program in &plan.programs {
        let mut rows = Rows::new("growth-channels", "channels");
        for count in [1_usize, 10, 100, 1000] {
            let mut target = Target::daemon(program, None, |settings| {
                settings["events"] = json!({"max_bytes": FULL_LOG_BYTES});
            })?;
            let line_bytes = target.sample(Door::Lines, &text)?.len();
            let names: Vec<String> = (0..count).map(|n| format!("chat{n}")).collect();
            let entries: String =
                names.iter().map(|name| format!(r#""{name}":({{"Mud 00001",0,}}),"#)).collect();
            let list = format!(r#"({{"chanlist-reply",5,"*net",0,"Alpha",0,7,([{entries}]),}})"#);
            target.link.write_all(&packet(&list))?;
            let hearers = count.div_ceil(SUBSCRIBED_MAX);
            let mut stage = Stage::empty(target, Door::Lines)?;
            for at in 0..hearers {
                let own: Vec<&str> = names.iter().skip(at).step_by(hearers).map(String::as_str).collect();
                stage.hearers.add(stage.target.client_on(Door::Lines, &own)?)?;
            }
            let one_of = hearers as u64;
            let words = &text[11..];
            let mut packets =
                Made(|n: u64| channel_line(&names[n as usize % count], &numbered(n / one_of, words)));
            let flood = Flood { lines: plan.lines.next_multiple_of(one_of), one_of, line_bytes };
            let cost = cost(plan, &mut stage, flood, &mut packets)?;
            rows.push(&stage.target, count, &cost, Vec::new());
        }
        all.extend(rows.finish());
    }
    Ok(all)
}

/// Against muds in the list. The lines are from all of them in turn.
pub fn muds(plan: &Plan) -> Outcome<Vec<Row>> {
    let text = spoken(plan.text_bytes);
    let mut all = Vec::new();
    for program in &plan.programs {
        let mut rows = Rows::new("growth-muds", "muds in the list");
        for count in [10, 100, 1000, 10_000, 50_000] {
            let (mut target, line_bytes) = daemon(program, &text)?;
            target.list_of_muds(count)?;
            let mut client = target.client(Door::Lines)?;
            let known = format!("\"mud_count\":{}", count.min(MUDS_MAX));
            let began = Instant::now();
            while !client.ask("stats", &json!({}))?.contains(&known) {
                if began.elapsed() > PATIENCE {
                    return Err(format!("{}: it does not know {count} muds", target.name).into());
                }
                thread::sleep(Duration::from_millis(20));
            }
            drop(client);
            let mut stage = Stage::new(target, Door::Lines, HEARERS)?;
            let words = &text[11..];
            let mut packets = Made(|n: u64| {
                line_from(&format!("Mud {:05}", n as usize % count + 1), CHANNEL, &numbered(n, words))
            });
            let flood = Flood { lines: lines_to(HEARERS, plan.lines) / 4, one_of: 1, line_bytes };
            let cost = cost(plan, &mut stage, flood, &mut packets)?;
            rows.push(&stage.target, count, &cost, Vec::new());
        }
        all.extend(rows.finish());
    }
    Ok(all)
}

/// Against events that are kept while no game is there: what a further tell costs.
pub fn kept(plan: &Plan) -> Outcome<Vec<Row>> {
    let words = spoken(plan.text_bytes)[11..].to_owned();
    let mut all = Vec::new();
    for program in &plan.programs {
        let mut rows = Rows::new("growth-kept", "kept tells");
        for count in [100, 1000, 10_000, 100_000] {
            let mut target = Target::daemon(program, None, |settings| {
                settings["events"] =
                    json!({"max_bytes": 1 << 30, "keep": {"max_count": 1_000_000, "tells": 3600}});
            })?;
            // Tells are kept for a game that was there.
            drop(target.client(Door::Lines)?);
            thread::sleep(Duration::from_millis(100));
            let mut sent = 0;
            tells(&mut target, &mut sent, count, &words)?;
            let each = (plan.lines / 40).max(1) as usize;
            let mut costs = Vec::new();
            for _ in 0..plan.rounds {
                let before = target.processor_time()?;
                tells(&mut target, &mut sent, each, &words)?;
                let used = target.processor_time()?.saturating_sub(before);
                costs.push(used.as_nanos() as f64 / each as f64);
            }
            let (idle, memory) = at_rest(&target)?;
            rows.push(&target, count, &Cost { nanoseconds: median(costs), idle, memory }, Vec::new());
            delivered(&target, sent)?;
        }
        all.extend(rows.finish());
    }
    Ok(all)
}

/// Sends tells, and waits until the daemon has dealt with all of them and saved them.
fn tells(target: &mut Target, sent: &mut u64, count: usize, words: &str) -> Outcome<()> {
    for _ in 0..count {
        let text = numbered(*sent, words);
        let tell = format!(r#"({{"tell",5,"Mud 00001","bob","Alpha","ann","Bob","{text}",}})"#);
        target.link.write_all(&packet(&tell))?;
        *sent += 1;
    }
    target.link.write_all(&packet(r#"({"auth-mud-req",5,"Mud 00001",0,"Alpha",0,})"#))?;
    // The answer comes after what was sent before.
    let (mut received, mut buffer) = (Vec::new(), vec![0; 4096]);
    while memchr::memmem::find(&received, b"auth-mud-reply").is_none() {
        match target.link.read(&mut buffer)? {
            0 => return Err(format!("{}: the link was closed", target.name).into()),
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
    settle(target)
}

/// A game that comes now gets all tells, in order.
fn delivered(target: &Target, sent: u64) -> Outcome<()> {
    let mut client = target.running()?.line_client()?;
    let mut finder = super::text::Finder::default();
    let mut line = Vec::new();
    for number in 0..sent {
        let got = loop {
            line.clear();
            if client.stream.read_until(b'\n', &mut line)? == 0 {
                return Err(format!("{}: the game was disconnected", target.name).into());
            }
            if let Some(got) = finder.number(&line) {
                break got;
            }
        };
        if got != number {
            return Err(format!("{}: kept tell {got} in place of {number}", target.name).into());
        }
    }
    Ok(())
}
