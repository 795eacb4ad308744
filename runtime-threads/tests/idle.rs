//! What idle connections cost, and that no thread is left of them. Alone in its process, so that nobody else's memory
//! and threads are counted.
#![cfg(target_os = "linux")]

mod common;

use common::{Echo, PATIENCE, patiently, until};
use i3_core::machine::Listener;
use i3_gateway_threads::clock::Clock;
use i3_gateway_threads::driver::{Command, Driver};
use i3_gateway_threads::listen::bind;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Two descriptors each: below the usual limit of 1,024.
const CONNECTIONS: usize = 400;
/// For all layers together; the driver's own share is what is measured here.
const BUDGET_BYTES: usize = 20 * 1024;

/// A line of the process's status, in its unit.
fn status(name: &str) -> usize {
    let all = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = all.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().nth(1));
    value.unwrap().parse().unwrap()
}

#[test]
fn an_idle_connection_is_small_and_its_thread_ends() {
    let threads_before = status("Threads");
    let lines = bind("127.0.0.1", 0).unwrap();
    let driver = Driver::new(Echo::default(), Clock::start()).listen(Listener::Lines, None, lines.listeners);
    let (machine, commands) = (driver.handle(), driver.commands());
    let running = std::thread::spawn(|| driver.run());
    let look_accepted = || machine.with(|m, _| m.accepted.len());
    let connect = || {
        let mut client = TcpStream::connect(("127.0.0.1", lines.port)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        // Each is used: what was needed for that must be free again.
        client.write_all(&[7; 3000]).unwrap();
        client.read_exact(&mut [0; 3000]).expect("the echo");
        client
    };
    // The first one makes what all share.
    let first = connect();
    let before = status("VmRSS");
    let clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect()).collect();
    until("the accepts", || look_accepted() == Some(CONNECTIONS + 1));
    let each = (status("VmRSS") - before) * 1024 / CONNECTIONS;
    assert!(each <= BUDGET_BYTES, "{each} bytes for each idle connection");
    assert!(each > 1000, "nothing was measured");
    assert!(status("Threads") >= threads_before + CONNECTIONS);

    // Half of them end before the stop, half by it.
    drop(clients.into_iter().skip(CONNECTIONS / 2).collect::<Vec<_>>());
    until("the losses", || machine.with(|m, _| m.lost.len()) >= Some(CONNECTIONS / 2));
    commands.send(Command::Shutdown).unwrap();
    patiently("stopping", || running.join()).unwrap().unwrap();
    // The test's own helpers, too, take a moment to end.
    until("the threads to be gone", || status("Threads") == threads_before);
    drop(first);
}
