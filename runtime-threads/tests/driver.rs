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
use i3_core::notice::Notice;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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

/// A driver whose machine has a notice for each read, and for each of them whether the thread that had read wrote it.
fn told_by() -> (Running, Arc<Mutex<Vec<bool>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let by = told.clone();
    let notice = move |notice: &Notice| {
        if notice.to_string() == "read" {
            by.lock().unwrap().push(std::thread::current().name() == Some("i3-read"));
        }
    };
    let driver = Running::start_with(Setup { notice: Some(Box::new(notice)), ..Setup::default() });
    driver.look(|m| m.tells_reads = true);
    (driver, told)
}

#[test]
fn the_first_readers_process_what_they_read_while_the_core_thread_sleeps() {
    const AT_ONCE: usize = 4;
    let (driver, told) = told_by();
    let mut clients: Vec<TcpStream> = (0..AT_ONCE + 3).map(|_| Running::connect(driver.ports.echo)).collect();
    for client in &mut clients {
        round_trip(client, b"one after the other, so the first ones have the first threads");
    }
    let (mut first, mut others) = (0, 0);
    for (at, client) in clients.iter_mut().enumerate() {
        // The last notice comes after the last echo.
        driver.look(|_| ());
        told.lock().unwrap().clear();
        let mut trips = 0;
        until("a read on its own thread", || {
            round_trip(client, b"read");
            trips += 1;
            told.lock().unwrap().contains(&true) || (at >= AT_ONCE && trips == 50)
        });
        let on_its_thread = told.lock().unwrap().contains(&true);
        *(if on_its_thread { &mut first } else { &mut others }) += 1;
    }
    assert_eq!((first, others), (AT_ONCE, 3));
    // One that ends leaves its place to the next one.
    drop(clients.remove(0));
    until("the end of the first", || driver.look(|m| m.lost.len()) == 1);
    until("a read of the next one on its own thread", || {
        let mut next = Running::connect(driver.ports.echo);
        driver.look(|_| ());
        told.lock().unwrap().clear();
        (0..50).for_each(|_| round_trip(&mut next, b"read"));
        told.lock().unwrap().contains(&true)
    });
    driver.stop();
}

#[test]
fn reads_stay_in_order_whoever_processes_them() {
    let (driver, told) = told_by();
    // While one of them uses the machine, the others send what they read to the core thread, which sleeps still.
    let clients = [(); 6].map(|()| Running::connect(driver.ports.echo));
    let both_have = || {
        let told = told.lock().unwrap();
        [true, false].iter().all(|by| told.iter().filter(|told| *told == by).count() > 1_000)
    };
    until("reads on both kinds of threads", || {
        std::thread::scope(|scope| {
            for mut client in &clients {
                scope.spawn(move || (0..1_000_u32).for_each(|n| client.write_all(&n.to_be_bytes()).unwrap()));
                scope.spawn(move || {
                    for n in 0..1_000_u32 {
                        let mut got = [0; 4];
                        client.read_exact(&mut got).expect("the echo");
                        assert_eq!(u32::from_be_bytes(got), n);
                    }
                });
            }
        });
        both_have()
    });
    driver.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn many_dials_wait_for_earlier_ones_and_a_stop_ends_them() {
    const AT_ONCE: usize = 64;
    let driver = Running::start();
    let (hanging, _busy, _first) = hanging_port();
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = there.local_addr().unwrap().port();
    let hang = driver.look(move |m| [(); AT_ONCE].map(|()| m.effects.dial("127.0.0.1", hanging)));
    let wait = driver.look(move |m| [(); 4].map(|()| m.effects.dial("127.0.0.1", port)));
    until("the dials to hang", || syns_sent_to(hanging) == AT_ONCE);
    // Neither this one, which is cancelled, nor the others have a thread.
    driver.look(move |m| m.effects.close_now(wait[0]));
    assert!(driver.look(|m| m.dialed.is_empty() && m.lost.is_empty()));
    driver.look(move |m| m.effects.close_now(hang[7]));
    until("those that waited", || driver.look(|m| m.dialed.len() == 3));
    assert_eq!(driver.look(|m| m.dialed.clone()), wait[1..]);
    assert_eq!(syns_sent_to(hanging), AT_ONCE - 1);
    driver.stop();
    assert_eq!(syns_sent_to(hanging), 0);
}
