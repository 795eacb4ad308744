//! How much memory a hostile peer can make the gateway hold, counted by the allocator.

use i3_core::machine::Listener;
use i3_tests::hostile::{MESSAGE_BYTES_MAX, Siege};
use i3_tests::wire;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The tests of this file count the same heap: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Bytes on the heap now that were not there at the beginning of the region.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

/// The most that is held after any of these writes.
fn most_held(siege: &mut Siege, script: usize, writes: usize, bytes: &[u8]) -> usize {
    let region = Region::new(ALLOCATOR);
    let mut most = 0;
    for _ in 0..writes {
        siege.world.write(script, bytes);
        most = most.max(held(&region));
    }
    most
}

/// A buffer that grows by doubling may be twice as large as what is in it.
const LINE_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX + 16_384;

#[test]
fn an_endless_line_holds_one_message() {
    let _alone = alone();
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    let most = most_held(&mut siege, attacker, 20_000, &[b'x'; 1000]);
    assert!(most < LINE_BYTES_MAX, "20 MB without a line end hold {most} bytes");
    siege.nobody_else_noticed();
}

#[test]
fn an_endless_head_holds_8_kib() {
    let _alone = alone();
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Http);
    siege.world.write(attacker, b"GET / HTTP/1.1\r\n");
    let most = most_held(&mut siege, attacker, 20_000, b"X: y\r\n");
    assert!(most < 40_000, "{most} bytes");
    siege.nobody_else_noticed();
}

#[test]
fn endless_fragments_hold_one_message() {
    let _alone = alone();
    for payload in [&b"    "[..], b""] {
        let mut siege = Siege::default();
        let attacker = siege.websocket();
        let mut frame = wire::websocket_frame(1, payload);
        frame[0] = 1;
        siege.world.write(attacker, &frame);
        frame[0] = 0;
        let most = most_held(&mut siege, attacker, 2000, &frame.repeat(100));
        assert!(most < LINE_BYTES_MAX, "{most} bytes");
        siege.nobody_else_noticed();
    }
}

#[test]
fn a_frame_that_never_ends_holds_what_has_come_and_no_more_than_2_mib() {
    let _alone = alone();
    let mut siege = Siege::default();
    siege.world.write(siege.router, &[0, 0x20, 0, 0]);
    let router = siege.router;
    let little = most_held(&mut siege, router, 10, &[b'x'; 1000]);
    assert!(little < 40_000, "{little} bytes for 10,000 that have come");
    let most = most_held(&mut siege, router, 2000, &[b'x'; 1000]);
    assert!(most < 2 * 2_097_152 + 100_000, "{most} bytes");
    // It was too long for any value, is dropped, and its memory with it.
    siege.world.write(router, &vec![b'x'; 2_097_152 - 2_010_000]);
    let region = Region::new(ALLOCATOR);
    siege.works();
    assert!(held(&region) < 100_000);
}

#[test]
fn deep_nesting_holds_nothing() {
    let _alone = alone();
    let mut siege = Siege::default();
    let text = "({".repeat(100_000);
    let region = Region::new(ALLOCATOR);
    for _ in 0..10 {
        siege.frame(&text);
    }
    // The notices are the world's, not the gateway's.
    siege.world.notices.clear();
    assert!(held(&region) < 50_000, "{} bytes", held(&region));
    siege.nobody_else_noticed();
}

#[test]
fn four_hundred_clients_that_never_read_hold_less_than_64_mib() {
    let _alone = alone();
    let mut siege = Siege::default();
    let sleepers: Vec<usize> = (0..400)
        .map(|_| {
            let sleeper = siege.connect(Listener::Lines);
            siege.ask(sleeper, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
            siege.ask(sleeper, r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#);
            sleeper
        })
        .collect();
    for sleeper in sleepers {
        siege.text(sleeper);
        siege.world.stall(sleeper);
    }
    siege.read(siege.bystander);
    let region = Region::new(ALLOCATOR);
    let mut heard = 0;
    for at in 0..1500 {
        siege.frame(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","line {at}",}})"#));
        heard += siege.read(siege.bystander).len();
    }
    assert_eq!(heard, 1500, "who reads misses nothing");
    let held = held(&region);
    assert!(held < 64 * 1_048_576, "{held} bytes");
    assert!(held > 20 * 1_048_576, "the queues were not full: {held} bytes");
    // What may not be lost closes who has no room for it, one by one and not all at once.
    siege.nobody_else_noticed();
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let _alone = alone();
    let mut siege = Siege::default();
    let once = |siege: &mut Siege| {
        for on in [Listener::Lines, Listener::Http] {
            let client = siege.connect(on);
            siege.world.write(client, br#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
            siege.world.write(client, b"\nhalf a line");
            siege.world.close(client);
            siege.world.received(client).clear();
            siege.world.received(client).shrink_to_fit();
            // The log says of each that it came and left.
            siege.world.notices.clear();
        }
    };
    for _ in 0..100 {
        once(&mut siege);
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..2000 {
        once(&mut siege);
    }
    // The world keeps a script for each, some 60 bytes.
    let per_connection = held(&region) / 4000;
    assert!(per_connection < 200, "{per_connection} bytes are left of each connection");
    siege.nobody_else_noticed();
}
