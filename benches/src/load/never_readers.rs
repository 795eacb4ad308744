//! Clients that never read, during a flood: what the others notice, and how much memory it takes.

use super::bare::Role;
use super::latency::percentiles;
use super::options::Plan;
use super::report::Row;
use super::stage::{Flood, Stage};
use super::target::{CHANNEL, Door, Target, channel_line};
use super::text::{Finder, Numbered, spoken};
use crate::daemon::{Client, Outcome};
use std::io::{BufRead, ErrorKind};
use std::time::Duration;

/// The receive buffer of a client that never reads.
const RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// The text of the lines that come first, and how many: more than the kernel holds back for a client, so that the program
/// notices that it does not read.
const LONG_TEXT_BYTES: usize = 8_000;
const LONG_LINES: u64 = 1_000;

/// When nothing has come for so long, a client that begins to read after all has everything.
const QUIET: Duration = Duration::from_millis(500);

/// The figures' names.
pub const MEMORY: &str = "highest RSS, kB";

/// Measures all programs, with and without such clients, and the bare relay without.
pub fn measure(plan: &Plan, healthy: usize) -> Outcome<Vec<Row>> {
    plan.needs_descriptors(plan.stuck + healthy)?;
    let mut rows = Vec::new();
    let text = spoken(plan.text_bytes);
    let mut line = Vec::new();
    for program in &plan.programs {
        for stuck in [0, plan.stuck] {
            let mut target = Target::daemon(program, None, |_| {})?;
            line = target.sample(Door::Lines, &text)?;
            rows.push(one(plan, target, healthy, stuck, &text)?);
        }
    }
    let relay = Target::bare(Role::Relay, &line, None, None)?;
    rows.push(one(plan, relay, healthy, 0, &text)?);
    Ok(rows)
}

fn one(plan: &Plan, target: Target, healthy: usize, stuck: usize, text: &str) -> Outcome<Row> {
    let mut stage = Stage::new(target, Door::Lines, healthy)?;
    let mut never = Vec::new();
    for _ in 0..stuck {
        never.push(stage.target.slow_client(RECEIVE_BUFFER_BYTES)?);
    }
    let long = spoken(LONG_TEXT_BYTES);
    let mut packets = Numbered::new(channel_line(CHANNEL, &long))?.piece(1, 1);
    let flood = Flood { lines: LONG_LINES, one_of: 1, line_bytes: long.len() };
    stage.flood(flood, &mut packets)?;
    let mut packets = Numbered::new(channel_line(CHANNEL, text))?.piece(1, 1);
    let lines = plan.rate * plan.seconds;
    let times = stage.pace(lines, plan.rate, &mut packets)?;
    let memory = stage.target.status("VmHWM:")? as f64;
    let heard = never.first_mut().map(|client| late_reader(client, lines)).transpose()?;
    let values = [
        percentiles(&times),
        vec![(MEMORY, memory), ("% of them that a late reader got", heard.unwrap_or(f64::NAN))],
    ];
    Ok(Row {
        scenario: "never-readers",
        program: stage.target.name.clone(),
        kind: stage.target.kind(),
        load: vec![
            ("lines/s", plan.rate.to_string()),
            ("healthy clients", healthy.to_string()),
            ("never-readers", stuck.to_string()),
        ],
        values: values.concat(),
    })
}

/// Reads what there is for a client that did not read, and checks that the lines are in order. Some must be missing, or it
/// was not behind.
fn late_reader(client: &mut Client, lines: u64) -> Outcome<f64> {
    client.socket().set_read_timeout(Some(QUIET))?;
    let (mut finder, mut line, mut last, mut count) = (Finder::default(), Vec::new(), None, 0);
    loop {
        line.clear();
        match client.stream.read_until(b'\n', &mut line) {
            // It may have been disconnected in the meantime.
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset) => break,
            Err(error) => return Err(error.into()),
        }
        if let Some(number) = finder.number(&line) {
            // Long lines came first, with numbers of their own.
            let now = (line.len() < LONG_TEXT_BYTES, number);
            if last.is_some_and(|last| last >= now) {
                return Err(format!("a late reader got line {number} after line {last:?}").into());
            }
            last = Some(now);
            count += u64::from(now.0);
        }
    }
    if count == lines {
        return Err(
            "clients that never read were not behind: the kernel held everything back for them".into()
        );
    }
    Ok(count as f64 * 100.0 / lines as f64)
}
