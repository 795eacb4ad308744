//! The driver over real loopback sockets: the suite of all drivers, and what only this one has.

mod common;
#[path = "../../driver/tests/shared/suite.rs"]
mod suite;
#[cfg(feature = "tls")]
#[path = "../../driver/tests/shared/suite_tls.rs"]
mod suite_tls;

use common::{Running, Setup, round_trip, until};
#[cfg(target_os = "linux")]
use common::{hanging_port, syns_sent_to};
use i3_core::machine::LostBy;
use i3_core::notice::Notice;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

#[test]
fn accepting_pauses_at_the_limit_and_goes_on_when_there_is_room() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = notices.clone();
    const MAX: usize = 3;
    let notice = Box::new(move |notice: &Notice| seen.lock().unwrap().push(notice.to_string()));
    let driver = Running::start_with_max(Setup { notice: Some(notice), ..Setup::default() }, MAX);
    let mut clients: Vec<TcpStream> = (0..MAX).map(|_| Running::connect(driver.ports.echo)).collect();
    for client in &mut clients {
        round_trip(client, b"inside");
    }
    until("the pause", || !notices.lock().unwrap().is_empty());
    // The kernel takes these.
    let outside: Vec<TcpStream> = (0..MAX).map(|_| Running::connect(driver.ports.echo)).collect();
    for mut client in &outside {
        client.write_all(b"may I?").unwrap();
    }
    for client in &mut clients {
        round_trip(client, b"still inside");
    }
    assert_eq!(driver.look(|m| m.accepted.len()), MAX);
    // Lost ones make room, and so do closed ones.
    drop(clients.pop());
    until("the first of them", || driver.look(|m| m.accepted.len()) == MAX + 1);
    driver.look(|m| m.effects.close_now(m.accepted[0]));
    drop(clients);
    for mut client in outside {
        let mut answer = [0; 6];
        client.read_exact(&mut answer).expect("the echo");
        assert_eq!(&answer, b"may I?");
    }
    assert_eq!(driver.look(|m| m.accepted.len()), 2 * MAX);
    // The other listeners say it for themselves, if they noticed.
    let complaint = "too many connections: further ones wait until others end listener=Lines";
    let told = notices.lock().unwrap().iter().filter(|notice| *notice == complaint).count();
    assert_eq!(told, 1, "a lasting lack of room is told once");
    driver.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn too_many_dials_fail_and_a_stop_ends_them() {
    const MANY: usize = 70;
    let driver = Running::start();
    let (port, _busy, _first) = hanging_port();
    driver.look(move |m| {
        for _ in 0..MANY {
            m.effects.dial("127.0.0.1", port);
        }
    });
    until("the last to fail", || driver.look(|m| m.lost.len() == 6));
    let (_, by) = driver.look(|m| m.lost[0].clone());
    assert!(matches!(&by, LostBy::Error(text) if text.contains("64 attempts")), "{by:?}");
    until("the dials to hang", || syns_sent_to(port) == 64);
    driver.stop();
    assert_eq!(syns_sent_to(port), 0);
}
