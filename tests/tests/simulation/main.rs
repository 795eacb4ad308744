//! The simulator, for as many seeds as CI has time for. See `i3_tests::sim` for what it is and how a failure is replayed.

#![allow(clippy::print_stdout, reason = "the test harness shows it when a test fails")]

mod oracles;

use i3_tests::sim::plan::{Fault, PEOPLE_FROM, Plan};
use i3_tests::sim::report::report;
use i3_tests::sim::run::{Outcome, run};
use std::collections::BTreeSet;
use std::path::Path;

/// Seeds of a run of the tests.
const SEEDS: u64 = 300;

/// Seeds with clients of IRC of a run of the tests.
const SEEDS_WITH_PEOPLE: u64 = 150;

/// Seeds that have found a fault of the gateway, and what it was.
const FOUND: [(u64, &str); 10] = [
    (1_001_043, "a channel that was left and joined again was replayed twice"),
    (1_024_235, "an event that came during two replays was given by both"),
    (1_002_462, "two probes and a goodbye in one second"),
    (1_006_608, "packets that the system took late went together with those after them"),
    (1_028_757, "the same, in the middle of a batch"),
    (
        2_011_809,
        "an event that another left unread was given again to who had left the channel and come back",
    ),
    (2_016_623, "a probe let go what waited for the system"),
    (5_025_540, "a password that came while the link was leaving was not kept"),
    (1_026_614, "a shorter longest wait did not hold for the wait that had begun"),
    (1_098_011, "a slow request head, of which the reader of the simulator itself knew nothing"),
];

/// Seeds that are run twice.
const SEEDS_TWICE: u64 = 20;

/// Fails with a report if the seed does.
fn check(seed: u64) -> Outcome {
    let plan = Plan::new(seed);
    let outcome = run(&plan, false);
    assert!(
        outcome.violation.is_none(),
        "{}",
        report(&plan, &outcome, Path::new(env!("CARGO_TARGET_TMPDIR")), false)
    );
    outcome
}

#[test]
fn nothing_that_strikes_breaks_a_rule() {
    let outcomes: Vec<Outcome> = (0..SEEDS).map(check).collect();
    let tells: usize = outcomes.iter().map(|outcome| outcome.tells).sum();
    let records: u64 = outcomes.iter().map(|outcome| outcome.records).sum();
    println!("{tells} tells told, {records} things happened");
    assert!(tells > SEEDS as usize && records > 100 * SEEDS, "hardly anything happens");
    let struck: BTreeSet<Fault> = (0..SEEDS).flat_map(|seed| Plan::new(seed).faults.into_keys()).collect();
    assert_eq!(struck.into_iter().collect::<Vec<_>>(), Fault::ALL, "every fault is tried");
}

#[test]
fn people_with_clients_of_irc_are_told_everything_once() {
    let outcomes: Vec<Outcome> = (PEOPLE_FROM..PEOPLE_FROM + SEEDS_WITH_PEOPLE).map(check).collect();
    let people_told: usize = outcomes.iter().map(|outcome| outcome.people_told).sum();
    println!("people were told {people_told} things");
    assert!(people_told > 10 * SEEDS_WITH_PEOPLE as usize, "hardly anything reaches them");
}

#[test]
fn what_was_found_is_mended() {
    for (seed, what) in FOUND {
        println!("{seed}: {what}");
        check(seed);
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    let mut hashes = BTreeSet::new();
    for seed in (0..SEEDS_TWICE / 2).chain(PEOPLE_FROM..PEOPLE_FROM + SEEDS_TWICE / 2) {
        let [first, second] = [false, true].map(|with_transcript| run(&Plan::new(seed), with_transcript));
        assert_eq!((first.hash, first.records), (second.hash, second.records), "seed {seed}");
        assert!(first.transcript.is_empty() && !second.transcript.is_empty());
        hashes.insert(first.hash);
    }
    assert_eq!(hashes.len() as u64, SEEDS_TWICE, "no two seeds are the same run");
}

/// `I3_SEED=5 cargo test -p i3-tests --test simulation one -- --nocapture`
#[test]
fn one() {
    if let Some(seed) = std::env::var("I3_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let outcome = check(seed);
        println!("seed {seed}: {} tells told, {} things happened", outcome.tells, outcome.records);
    }
}
