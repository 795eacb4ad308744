//! What happens when the process has no file descriptor left. The limit is set by a shell that starts this test again.

mod common;

use common::{Echo, PATIENCE, again_with_few_files, patiently, until};
use i3_core::machine::Listener;
use i3_gateway_threads::clock::Clock;
use i3_gateway_threads::driver::{Command, Driver};
use i3_gateway_threads::listen::bind;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn accepting_goes_on_when_there_are_descriptors_again() {
    if again_with_few_files() {
        with_few_files();
    }
}

fn with_few_files() {
    let complaints = Arc::new(AtomicU32::new(0));
    let complained = complaints.clone();
    let lines = bind("127.0.0.1", 0).unwrap();
    let driver = Driver::new(Echo::default(), Clock::start())
        .listen(Listener::Lines, None, lines.listeners)
        .on_notice(move |notice| {
            assert_eq!(notice.what, "cannot accept connections");
            complained.fetch_add(1, Ordering::Relaxed);
        });
    let commands = driver.commands();
    let running = std::thread::spawn(|| driver.run());

    // Clients take all that there are; the last of them are never accepted.
    let address = ("127.0.0.1", lines.port);
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(address) {
        clients.push(client);
    }
    until("the complaint", || complaints.load(Ordering::Relaxed) > 0);
    drop(clients);

    // Until the driver has noticed that they are gone there may be no descriptor for us either.
    let mut client = None;
    until("a descriptor", || {
        client = TcpStream::connect(address).ok();
        client.is_some()
    });
    let mut client = client.unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).expect("the echo");
    assert_eq!(&answer, b"hello");
    assert_eq!(complaints.load(Ordering::Relaxed), 1, "a lasting failure is told once");
    commands.send(Command::Shutdown).unwrap();
    patiently("stopping", || running.join()).unwrap().unwrap();
}
