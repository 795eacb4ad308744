//! What an idle connection costs. Alone in its process, so that nobody else's memory is counted.

mod common;

use common::{Echo, until};
use i3_core::machine::Listener;
use i3_gateway::clock::Clock;
use i3_gateway::driver::Driver;
use i3_gateway::listen::bind;
use smol::LocalExecutor;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Two descriptors each: below the usual limit of 1,024.
const CONNECTIONS: usize = 400;
/// For all layers together; the driver's own share is what is measured here.
const BUDGET_BYTES: usize = 4096;

#[test]
fn an_idle_connection_is_small() {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let lines = bind("127.0.0.1", 0).unwrap();
        let driver =
            Driver::new(Echo::default(), Clock::start()).listen(Listener::Lines, None, lines.listeners);
        let machine = driver.handle();
        let running = executor.spawn(driver.run());
        let mut clients = Vec::with_capacity(CONNECTIONS);
        let region = Region::new(ALLOCATOR);
        for n in 1..=CONNECTIONS {
            clients.push(TcpStream::connect(("127.0.0.1", lines.port)).unwrap());
            until("the accept", || machine.with(|m, _| m.accepted.len()) == Some(n)).await;
        }
        // Each has been used: what was needed for that must be free again.
        for client in &mut clients {
            client.write_all(&[7; 3000]).unwrap();
        }
        let expected = CONNECTIONS * 3000;
        until("the bytes", || machine.with(|m, _| m.received_bytes) == Some(expected)).await;
        for client in &mut clients {
            client.read_exact(&mut [0; 3000]).unwrap();
        }
        until("the flush", || {
            machine.with(|m, _| m.accepted.iter().all(|conn| m.effects.pending_bytes(*conn) == 0))
                == Some(true)
        })
        .await;
        let change = region.change();
        let each = (change.bytes_allocated - change.bytes_deallocated) / CONNECTIONS;
        assert!(each <= BUDGET_BYTES / 2, "{each} bytes for each idle connection");
        assert!(each > 100, "nothing was measured");
        drop(running);
    }));
}
