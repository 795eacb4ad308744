//! A router's flood to many clients: how many lines a second reach them.

use super::bare::Role;
use super::options::Plan;
use super::report::Row;
use super::stage::{Flood, Stage};
use super::target::{CHANNEL, Door, Target, channel_line};
use super::text::{Numbered, spoken};
use crate::daemon::{Outcome, Tls};
use crate::measure::median;

/// Bytes of packets that are numbered at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// The figures' names.
pub const OF_LOOP: &str = "of the bare loop";
/// The part of what the same program reaches over lines.
pub const OF_LINES: &str = "of its lines";

/// Lines of one flood, so that floods to few and to many clients take similar times.
pub fn lines_to(clients: usize, lines: u64) -> u64 {
    (lines * 120 / (clients as u64 + 20)).max(20)
}

struct Candidate {
    door: Door,
    stage: Stage,
    line_bytes: usize,
    rates: Vec<f64>,
    costs: Vec<f64>,
}

/// Measures all programs and the bare ones, which take turns.
pub fn measure(plan: &Plan, clients: usize) -> Outcome<Vec<Row>> {
    plan.needs_descriptors(plan.doors.len() * (plan.programs.len() + 2) * clients)?;
    let text = spoken(plan.text_bytes);
    let lines = lines_to(clients, plan.lines);
    let mut candidates = Vec::new();
    for door in &plan.doors {
        candidates.extend(stages(plan, *door, clients, &text)?);
    }
    let mut packets = Numbered::new(channel_line(CHANNEL, &text))?.piece(PIECE_BYTES, lines);
    for round in 0..=plan.rounds {
        for candidate in &mut candidates {
            let lines = if round == 0 { lines.div_ceil(10) } else { lines };
            let flood = Flood { lines, one_of: 1, line_bytes: candidate.line_bytes };
            let (time, used) = candidate.stage.flood(flood, &mut packets)?;
            candidate.stage.rest();
            let arrivals = (lines * clients as u64) as f64;
            // The first, shorter round makes what all later ones use.
            if round > 0 {
                candidate.rates.push(arrivals / time.as_secs_f64());
                candidate.costs.push(used.as_nanos() as f64 / arrivals);
            }
        }
    }
    Ok(candidates.iter().map(|candidate| row(candidate, &candidates, clients)).collect())
}

fn stages(plan: &Plan, door: Door, clients: usize, text: &str) -> Outcome<Vec<Candidate>> {
    let tls = if door == Door::Tls { Some(Tls::new()?) } else { None };
    let mut targets = Vec::new();
    for program in &plan.programs {
        targets.push(Target::daemon(program, tls.as_ref(), |_| {})?);
    }
    let line = targets.first_mut().ok_or("no daemon is named")?.sample(door, text)?;
    for role in [Role::Loop, Role::Relay] {
        targets.push(Target::bare(role, &line, None, tls.as_ref())?);
    }
    let candidate = |target| {
        let stage = Stage::new(target, door, clients)?;
        Ok(Candidate { door, stage, line_bytes: line.len(), rates: Vec::new(), costs: Vec::new() })
    };
    targets.into_iter().map(candidate).collect()
}

fn row(candidate: &Candidate, all: &[Candidate], clients: usize) -> Row {
    let target = &candidate.stage.target;
    let of = |other: Option<&Candidate>| {
        let Some(other) = other else { return f64::NAN };
        median(candidate.rates.iter().zip(&other.rates).map(|(rate, base)| rate / base).collect())
    };
    let bare =
        |role| all.iter().find(|other| other.door == candidate.door && other.stage.target.role == Some(role));
    let over_lines =
        all.iter().find(|other| other.door == Door::Lines && other.stage.target.name == target.name);
    Row {
        scenario: "fanout",
        program: target.name.clone(),
        kind: target.kind(),
        load: vec![("door", candidate.door.name().to_owned()), ("clients", clients.to_string())],
        values: vec![
            ("lines/s to all", median(candidate.rates.clone())),
            (OF_LOOP, of(bare(Role::Loop))),
            ("of the bare relay", of(bare(Role::Relay))),
            (OF_LINES, of(over_lines)),
            ("CPU ns a line and client", median(candidate.costs.clone())),
        ],
    }
}
