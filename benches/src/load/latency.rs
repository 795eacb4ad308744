//! Lines at a steady rate: how long each takes from the router to each client.

use super::bare::Role;
use super::options::Plan;
use super::report::Row;
use super::stage::Stage;
use super::target::{CHANNEL, Door, Target, channel_line};
use super::text::{Numbered, spoken};
use crate::daemon::{Outcome, Tls};
use crate::measure::median;
use hdrhistogram::Histogram;

/// The figures' names.
pub const P99_OF_RELAY: &str = "p99 of the bare relay's";

struct Candidate {
    stage: Stage,
    all: Histogram<u64>,
    p99: Vec<f64>,
}

/// Measures all programs and the bare relay, which take turns.
pub fn measure(plan: &Plan, door: Door, clients: usize) -> Outcome<Vec<Row>> {
    plan.needs_descriptors((plan.programs.len() + 1) * clients)?;
    let tls = if door == Door::Tls { Some(Tls::new()?) } else { None };
    let text = spoken(plan.text_bytes);
    let mut targets = Vec::new();
    for program in &plan.programs {
        targets.push(Target::daemon(program, tls.as_ref(), |_| {})?);
    }
    let line = targets.first_mut().ok_or("no daemon is named")?.sample(door, &text)?;
    targets.push(Target::bare(Role::Relay, &line, None, tls.as_ref())?);
    let mut candidates = Vec::new();
    for target in targets {
        let stage = Stage::new(target, door, clients)?;
        candidates.push(Candidate { stage, all: Histogram::new(3)?, p99: Vec::new() });
    }
    let mut packets = Numbered::new(channel_line(CHANNEL, &text))?.piece(1, 1);
    for round in 0..=plan.rounds {
        for candidate in &mut candidates {
            let lines = if round == 0 { plan.rate.div_ceil(5) } else { plan.rate * plan.seconds };
            let times = candidate.stage.pace(lines, plan.rate, &mut packets)?;
            if round > 0 {
                candidate.p99.push(times.value_at_quantile(0.99) as f64);
                candidate.all.add(&times)?;
            }
        }
    }
    let relay = candidates.last().map(|last| last.p99.clone()).unwrap_or_default();
    Ok(candidates
        .iter()
        .map(|candidate| {
            let ratios = candidate.p99.iter().zip(&relay).map(|(p99, base)| p99 / base).collect();
            Row {
                scenario: "latency",
                program: candidate.stage.target.name.clone(),
                kind: candidate.stage.target.kind(),
                load: vec![
                    ("door", door.name().to_owned()),
                    ("lines/s", plan.rate.to_string()),
                    ("clients", clients.to_string()),
                ],
                values: [percentiles(&candidate.all), vec![(P99_OF_RELAY, median(ratios))]].concat(),
            }
        })
        .collect())
}

/// The percentiles that tables show.
pub fn percentiles(times: &Histogram<u64>) -> Vec<(&'static str, f64)> {
    let at = |part| times.value_at_quantile(part) as f64;
    vec![
        ("p50 us", at(0.5)),
        ("p90 us", at(0.9)),
        ("p99 us", at(0.99)),
        ("p99.9 us", at(0.999)),
        ("longest us", times.max() as f64),
    ]
}
