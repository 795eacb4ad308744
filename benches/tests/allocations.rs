//! The budget of allocations on the way of a channel line from the router to the clients. Only one test is in this
//! process, because it counts the allocations of all threads.

use i3_benches::bench_gateway::Bench;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Turns until everything has the size that it keeps: as many lines are kept as there can be, and a store that hangs has
/// as many saves as it gets.
const WARM_TURNS: usize = 400;

/// Turns that are counted. The least counts: from time to time a collection grows.
const TURNS: usize = 20;

/// Allocations for a line that is saved by itself: its text, which the journal keeps, and the value for the store, which
/// the store and the repetition of a failed save share. The names of the changes need none, neither does the deletion of
/// the line that is pushed out.
const SAVED_LINE_ALLOCATIONS: usize = 2;

/// Further allocations of a turn with more lines: the lists of its changes, for the store and for the repetition, are
/// doubled two or three times.
const LISTS_ALLOCATIONS_MAX: usize = 6;

/// Returns the allocations of a turn with as many lines, which all clients take.
fn turn(bench: &mut Bench, lines: usize) -> usize {
    let region = Region::new(ALLOCATOR);
    (0..lines).for_each(|_| bench.channel_message());
    bench.drain();
    let change = region.change();
    change.allocations + change.reallocations
}

fn least(bench: &mut Bench, lines: usize) -> usize {
    (0..TURNS).map(|_| turn(bench, lines)).min().unwrap_or(0)
}

fn warm(clients: usize, store_hangs: bool) -> Bench {
    let mut bench = Bench::new(clients);
    bench.store_hangs = store_hangs;
    for _ in 0..WARM_TURNS {
        turn(&mut bench, 40);
    }
    turn(&mut bench, 200);
    bench
}

#[test]
fn a_line_allocates_its_text_and_nothing_for_a_recipient() {
    let [mut few, mut many] = [20, 200].map(|clients| warm(clients, true));
    for lines in [1, 50, 200] {
        let counts = [least(&mut few, lines), least(&mut many, lines)];
        assert_eq!(counts[0], counts[1], "{lines} lines to 20 and to 200 clients: {counts:?}");
    }
    // Nothing is saved by itself while the store is behind, so what remains is the text that is kept.
    let (short, long) = (least(&mut few, 50), least(&mut few, 200));
    assert_eq!(long - short, 150, "50 lines: {short}, 200 lines: {long}");

    let mut saved = warm(20, false);
    let (short, long) = (least(&mut saved, 50), least(&mut saved, 200));
    let lists = (long - short).checked_sub(150 * SAVED_LINE_ALLOCATIONS);
    assert!(
        lists.is_some_and(|lists| lists <= LISTS_ALLOCATIONS_MAX),
        "50 lines: {short}, 200 lines: {long}"
    );
}
