//! The simulator with several nodes on one engine, for as many seeds as CI has time for. See `i3_tests::sim`.

#![allow(clippy::print_stdout, reason = "the test harness shows it when a test fails")]

mod histories;

use i3_tests::sim::plan::{Fault, NODES_FROM, Part, Plan};
use i3_tests::sim::report::report;
use i3_tests::sim::run::{Outcome, run};
use i3_tests::world::shared::Planted;
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::time::Duration;

/// Seeds of a run of the tests.
const SEEDS: u64 = 100;

/// Seeds that have found a fault once.
const SEEDS_THAT_FOUND: [u64; 23] = [
    178,
    388,
    969,
    1_322,
    1_499,
    1_625,
    1_786,
    1_841,
    2_218,
    2_458,
    2_534,
    3_598,
    4_359,
    4_692,
    9_602,
    11_422,
    17_484,
    2_000_010_735,
    4_000_004_992,
    4_000_015_100,
    4_000_018_324,
    4_000_018_703,
    25_000_032_413,
];

/// Seeds in which a planted fault must be found.
const SEEDS_PLANTED: u64 = 40;

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

/// Does something with each of these seeds, on all processors.
fn spread<T: Send>(seeds: Range<u64>, act: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let some = &|first: usize| seeds.clone().skip(first).step_by(threads).map(&act).collect::<Vec<T>>();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || some(first))).collect();
        workers.into_iter().flat_map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[test]
fn nothing_that_strikes_nodes_breaks_a_rule() {
    let outcomes = spread(NODES_FROM..NODES_FROM + SEEDS, check);
    let tells: usize = outcomes.iter().map(|outcome| outcome.tells).sum();
    println!("{tells} tells told");
    assert!(tells > 10 * SEEDS as usize, "hardly anything happens");
    let seeds = NODES_FROM..NODES_FROM + SEEDS;
    let struck: BTreeSet<Fault> = seeds.flat_map(|seed| Plan::new(seed).faults.into_keys()).collect();
    assert!(Fault::OF_NODES.iter().all(|fault| struck.contains(fault)), "every fault is tried");
}

#[test]
fn what_seeds_have_found_is_mended() {
    for seed in SEEDS_THAT_FOUND {
        check(NODES_FROM + seed);
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in NODES_FROM..NODES_FROM + 5 {
        let [first, second] = [false, true].map(|with_transcript| run(&Plan::new(seed), with_transcript));
        assert_eq!((first.hash, first.records), (second.hash, second.records), "seed {seed}");
    }
}

/// The rules that are broken when something is wrong.
fn found(spoil: impl Fn(&mut Plan) + Sync) -> BTreeSet<&'static str> {
    let broken = spread(NODES_FROM..NODES_FROM + SEEDS_PLANTED, |seed| {
        let mut plan = Plan::new(seed);
        spoil(&mut plan);
        Some(run(&plan, false).violation?.oracle)
    });
    broken.into_iter().flatten().collect()
}

#[test]
fn what_is_planted_is_found() {
    let finds = |what: &str, rules: &BTreeSet<&'static str>, rule: &str| {
        assert!(rules.contains(rule), "{what} breaks {rules:?}");
    };
    for (planted, rule) in [
        (Planted::SharedLeases, "holders"),
        (Planted::LostSaves(7), "handed over"),
        (Planted::OwnPositions, "log"),
        (Planted::RowsMissing(5), "log"),
        (Planted::NoFences, "log"),
    ] {
        let rules = found(|plan| {
            plan.planted = Some(planted);
            // Only a node that another has replaced is stopped by a fence.
            plan.faults.insert(Fault::EngineCuts, 0.3);
        });
        finds(&format!("{planted:?}"), &rules, rule);
    }
    let followed = found(|plan| {
        plan.planted = Some(Planted::FollowedAtOnce);
        for client in plan.clients.iter_mut().filter(|client| client.part == Part::Game) {
            (client.part, client.websocket) = (Part::Named, false);
        }
        plan.faults.extend([(Fault::LostNotices, 1.0), (Fault::Leaves, 1.0), (Fault::Resets, 1.0)]);
        (plan.turbulence, plan.act_every) = (Duration::from_secs(40), Duration::from_millis(100));
    });
    finds("a node that does not know what others have saved", &followed, "acknowledged");
    let clocks = found(|plan| {
        plan.clocks_stop = true;
        plan.faults.insert(Fault::Pauses, 0.6);
        (plan.turbulence, plan.act_every) = (Duration::from_secs(40), Duration::from_millis(200));
    });
    finds("a clock that stops", &clocks, "holders");
}

/// `I3_SEED=5000000005 cargo test -p i3-tests --test simulation_nodes one -- --nocapture`
#[test]
fn one() {
    if let Some(seed) = std::env::var("I3_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let outcome = check(seed);
        println!("seed {seed}: {} tells told, {} things happened", outcome.tells, outcome.records);
    }
}
