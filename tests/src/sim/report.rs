//! What is said of a seed that fails: the smallest set of faults that still fails, and a transcript to read.

use super::plan::Plan;
use super::run::{Outcome, run};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Lines of the transcript that a report shows.
const SHOWN_LINES: usize = 60;

/// The shortest time for which faults are tried to last.
const TURBULENCE_MIN: Duration = Duration::from_millis(100);

/// Whether a plan fails in the same way.
fn fails_as(plan: &Plan, oracle: &str) -> bool {
    run(plan, false).violation.is_some_and(|violation| violation.oracle == oracle)
}

/// The plan with fewer faults and less time that still fails by the same oracle.
pub fn shrink(plan: &Plan, oracle: &str) -> Plan {
    let mut smallest = plan.clone();
    loop {
        let before = smallest.clone();
        for fault in before.faults.keys() {
            let without = smallest.without(*fault);
            if fails_as(&without, oracle) {
                smallest = without;
            }
        }
        for client in (0..smallest.clients.len()).rev() {
            let mut fewer = smallest.clone();
            fewer.clients.remove(client);
            // Each mud keeps one: nobody else can say how its link is.
            let served = |mud: &str| fewer.clients.iter().any(|client| client.mud == mud);
            if plan.clients.iter().all(|client| served(&client.mud)) && fails_as(&fewer, oracle) {
                smallest = fewer;
            }
        }
        for person in (0..smallest.people.len()).rev() {
            let mut fewer = smallest.clone();
            fewer.people.remove(person);
            if fails_as(&fewer, oracle) {
                smallest = fewer;
            }
        }
        let mut fewer = smallest.clone();
        let nodes = fewer.gateways.len() - 1;
        if plan.lease.is_some() && nodes > 1 {
            fewer.gateways.truncate(nodes);
            fewer.clients.iter_mut().for_each(|client| client.gateway %= nodes);
            if fails_as(&fewer, oracle) {
                smallest = fewer;
            }
        }
        let mut shorter = smallest.clone();
        shorter.turbulence /= 2;
        if shorter.turbulence > TURBULENCE_MIN && fails_as(&shorter, oracle) {
            smallest = shorter;
        }
        let size = |plan: &Plan| {
            let nodes = plan.gateways.len();
            (plan.faults.len(), plan.clients.len(), plan.people.len(), nodes, plan.turbulence)
        };
        if size(&before) == size(&smallest) {
            return smallest;
        }
    }
}

/// A report of a failure. The transcript of the smallest run is written to a file in `folder`; of the `whole` one if that is
/// asked for.
pub fn report(plan: &Plan, outcome: &Outcome, folder: &Path, whole: bool) -> String {
    let Some(violation) = &outcome.violation else { return String::new() };
    let seed = plan.seed;
    let smallest = if whole { plan.clone() } else { shrink(plan, violation.oracle) };
    let replayed = run(&smallest, true);
    let file = folder.join(format!("simulation-{seed}.txt"));
    let written = match std::fs::write(&file, replayed.transcript.join("\n")) {
        Ok(()) => file.display().to_string(),
        Err(error) => format!("could not be written: {error}"),
    };
    let mut text = String::new();
    let shown = replayed.transcript.len().saturating_sub(SHOWN_LINES);
    for line in &replayed.transcript[shown..] {
        let _ = writeln!(text, "{line}");
    }
    let faults: Vec<String> =
        smallest.faults.iter().map(|(fault, weight)| format!("{fault:?} {weight:.3}")).collect();
    let _ = writeln!(text, "seed {seed} fails: {}: {}", violation.oracle, violation.why);
    if let Some(smallest) = replayed.violation.filter(|smallest| smallest != violation) {
        let _ = writeln!(text, "the smallest run that fails: {}: {}", smallest.oracle, smallest.why);
    }
    let _ = writeln!(text, "with {} of {} faults: {}", faults.len(), plan.faults.len(), faults.join(", "));
    let _ = writeln!(
        text,
        "with {} clients and {} people, for {:?}",
        smallest.clients.len(),
        smallest.people.len(),
        smallest.turbulence
    );
    let _ = writeln!(text, "transcript: {written}");
    let _ =
        writeln!(text, "again: I3_SEED={seed} cargo test -p i3-tests --test simulation one -- --nocapture");
    text
}
