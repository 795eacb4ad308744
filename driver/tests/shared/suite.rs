//! The tests of a driver over real loopback sockets, with a machine that echoes. Each runtime runs all of them, on its own
//! `Running` driver: see `setup.rs`.

use super::common::{
    Echo, FLOOD_BYTES, LAST_BYTES, PATIENCE, Running, Setup, pattern, round_trip, wait_until as until,
};
#[cfg(target_os = "linux")]
use super::common::{hanging_port, syns_sent_to};
use i3_core::machine::{Change, LostBy};
use i3_core::notice::Notice;
use i3_core::time::Now;
use i3_driver::linger::LINGER_TIME;
use i3_driver::listen::bind;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes and reads at the same time: an echo of any size does not fit into the sockets.
fn round_trip_at_once(client: &mut TcpStream, message: &[u8]) {
    let mut near = client.try_clone().unwrap();
    let mut answer = vec![0; message.len()];
    std::thread::scope(|scope| {
        scope.spawn(move || near.write_all(message).unwrap());
        client.read_exact(&mut answer).expect("the echo");
    });
    assert!(answer == message);
}

/// Reads to the end; both an end of stream and a reset count as one.
fn read_all(mut client: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    if let Err(error) = client.read_to_end(&mut all) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "still waiting for the end");
    }
    all
}

#[test]
fn many_clients_at_once() {
    let driver = Running::start();
    let port = driver.ports.echo;
    std::thread::scope(|scope| {
        for n in 0..100_usize {
            scope.spawn(move || {
                let mut client = Running::connect(port);
                for size in [1, 10, 1000, 100_000] {
                    round_trip_at_once(&mut client, &pattern(size + n));
                }
            });
        }
    });
    until("all to be gone", || driver.look(|m| m.lost.len() == 100));
    assert!(driver.look(|m| m.effects.open_count() == 0));
    driver.stop();
}

#[test]
fn a_client_that_does_not_read_blocks_nobody_and_gets_all_of_it_later() {
    let driver = Running::start();
    let mut slow = Running::connect(driver.ports.flood);
    until("the flood to be stuck", || {
        driver.look(|m| m.accepted.first().is_some_and(|conn| m.effects.pending_bytes(*conn) < FLOOD_BYTES))
    });
    let mut client = Running::connect(driver.ports.echo);
    for _ in 0..200 {
        round_trip(&mut client, b"are you there?");
    }
    assert!(driver.look(|m| m.effects.pending_bytes(m.accepted[0]) > 0), "the flood fitted into the sockets");
    let mut all = vec![0; FLOOD_BYTES];
    slow.read_exact(&mut all).expect("the flood");
    assert!(all == pattern(FLOOD_BYTES));
    until("the flush", || driver.look(|m| m.effects.pending_bytes(m.accepted[0]) == 0));
    // Both directions still work.
    round_trip(&mut slow, b"and now?");
    driver.stop();
}

#[test]
fn many_stuck_clients_hold_up_nobody_and_can_be_closed() {
    const STUCK: usize = 20;
    let driver = Running::start();
    let stuck: Vec<TcpStream> = (0..STUCK).map(|_| Running::connect(driver.ports.flood)).collect();
    until("the floods to be stuck", || {
        driver.look(|m| {
            let pending = |conn: &_| (1..FLOOD_BYTES).contains(&m.effects.pending_bytes(*conn));
            m.accepted.len() == STUCK && m.accepted.iter().all(pending)
        })
    });
    let mut client = Running::connect(driver.ports.echo);
    for _ in 0..200 {
        round_trip(&mut client, b"are you there?");
    }
    // Half of them are given up while their bytes wait, the other half goes by itself.
    driver.look(|m| {
        m.accepted[..STUCK / 2].iter().for_each(|conn| m.effects.close_now(*conn));
    });
    until("the first half to be closed", || driver.look(|m| m.effects.open_count() == 1 + STUCK - STUCK / 2));
    drop(stuck);
    until("the second half to be gone", || driver.look(|m| m.effects.open_count() == 1));
    assert_eq!(driver.look(|m| m.lost.len()), STUCK - STUCK / 2);
    round_trip(&mut client, b"still there?");
    driver.stop();
}

#[test]
fn clients_that_flood_hold_up_nobody() {
    let driver = Running::start();
    let port = driver.ports.echo;
    let flooders: Vec<TcpStream> = (0..8).map(|_| Running::connect(port)).collect();
    std::thread::scope(|scope| {
        for flooder in &flooders {
            let (mut near, mut far) = (flooder, flooder);
            // Both end when the connection does.
            scope.spawn(move || while near.write_all(&[1; 100_000]).is_ok() {});
            scope.spawn(move || while far.read(&mut [0; 100_000]).is_ok_and(|count| count > 0) {});
        }
        let mut client = Running::connect(port);
        for _ in 0..100 {
            round_trip(&mut client, b"are you there?");
        }
        for flooder in &flooders {
            flooder.shutdown(Shutdown::Both).unwrap();
        }
    });
    until("all to be gone", || driver.look(|m| m.lost.len() >= 8));
    driver.stop();
}

#[test]
fn the_last_bytes_arrive_although_the_client_goes_on_sending() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.closing);
    // Unread bytes at the time of the close: without lingering they would make it a reset.
    client.write_all(&pattern(300_000)).unwrap();
    until("the close", || driver.look(|m| m.accepted.len() == 1 && m.effects.open_count() == 0));
    client.write_all(&pattern(300_000)).unwrap();
    let mut all = Vec::new();
    client.read_to_end(&mut all).expect("no reset");
    assert!(all == pattern(LAST_BYTES));
    driver.stop();
}

#[test]
fn a_closed_client_that_stays_is_dropped_after_a_while() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.closing);
    client.write_all(b"x").unwrap();
    let mut all = vec![0; LAST_BYTES];
    client.read_exact(&mut all).expect("the last bytes");
    // It neither closes nor stops sending: in the end its writes fail.
    until("being dropped", || client.write_all(b"still here").is_err());
    driver.stop();
}

#[test]
fn a_closed_client_that_is_silent_is_dropped_after_a_while() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.closing);
    client.write_all(b"x").unwrap();
    let mut all = Vec::new();
    client.read_to_end(&mut all).expect("the last bytes");
    until("being dropped", || client.write_all(b"hello?").is_err());
    driver.stop();
}

#[test]
fn a_closed_client_that_floods_is_dropped_at_once() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.closing);
    let start = std::time::Instant::now();
    // Many times more than is discarded; a sender of zeros is faster than a second.
    let (mut sent, chunk) = (0, vec![0; 64 * 1024]);
    while client.write_all(&chunk).is_ok() {
        sent += chunk.len();
        assert!(start.elapsed() < PATIENCE, "{sent} bytes have been taken");
    }
    driver.stop();
}

#[test]
fn the_request_before_an_end_of_stream_is_answered() {
    let driver = Running::start();
    for _ in 0..50 {
        let mut client = Running::connect(driver.ports.echo);
        client.write_all(b"one question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(client), b"one question");
    }
    driver.stop();
}

#[test]
fn reading_pauses_and_goes_on() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.echo);
    round_trip(&mut client, b"first");
    driver.look(|m| m.read(m.accepted[0], false));
    let mut other = Running::connect(driver.ports.echo);
    round_trip(&mut other, b"settles");
    client.write_all(&pattern(200_000)).unwrap();
    for _ in 0..20 {
        round_trip(&mut other, b"time passes");
    }
    let heard = b"first".len() + b"settles".len() + 20 * b"time passes".len();
    assert_eq!(driver.look(|m| m.received_bytes), heard);
    driver.look(|m| m.read(m.accepted[0], true));
    let mut answer = vec![0; 200_000];
    client.read_exact(&mut answer).expect("the echo");
    assert!(answer == pattern(200_000));
    driver.stop();
}

#[test]
fn a_paused_connection_can_be_closed_and_lost() {
    let driver = Running::start();
    let mut clients: Vec<TcpStream> = (0..2).map(|_| Running::connect(driver.ports.echo)).collect();
    for client in &mut clients {
        round_trip(client, b"hello");
    }
    driver.look(|m| {
        m.accepted.clone().into_iter().for_each(|conn| m.read(conn, false));
    });
    round_trip(&mut Running::connect(driver.ports.echo), b"settles");
    for client in &mut clients {
        client.write_all(b"unread").unwrap();
    }
    driver.look(|m| m.effects.close_now(m.accepted[0]));
    assert_eq!(read_all(clients.remove(0)), b"");
    // The second is still paused when the driver stops.
    driver.stop();
    assert_eq!(read_all(clients.remove(0)), b"");
}

#[test]
fn dialing_between_two_drivers() {
    let (near, far) = (Running::start(), Running::start());
    // Bytes that wait before the connection is there go out when it is; the echo's echo is echoed, for ever.
    let port = far.ports.echo;
    near.look(move |m| {
        let conn = m.effects.dial("localhost", port);
        m.effects.send(conn, b"round and round");
    });
    until("the dial", || near.look(|m| m.dialed.len() == 1));
    until("some echoes", || near.look(|m| m.received_bytes > 1000));
    near.look(|m| m.effects.close_now(m.dialed[0]));
    until("the end", || far.look(|m| m.lost.len() == 1));
    assert!(near.look(|m| m.lost.is_empty()), "who closes is not told so");
    far.stop();
    near.stop();
}

#[test]
fn a_failed_dial_is_reported() {
    let driver = Running::start();
    let unused = bind("127.0.0.1", 0).unwrap().port;
    let (refused, unknown) = driver
        .look(move |m| (m.effects.dial("127.0.0.1", unused), m.effects.dial("no such host.invalid", 1)));
    until("both failures", || driver.look(|m| m.lost.len() == 2));
    for (conn, by) in driver.look(|m| m.lost.clone()) {
        let LostBy::Error(text) = by else { panic!("{by:?}") };
        let expected = if conn == refused { "refused" } else { "cannot resolve" };
        assert!(text.contains(expected), "{text}");
        assert!(conn == refused || conn == unknown);
    }
    driver.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn a_dial_is_cancelled_by_closing_it() {
    let driver = Running::start();
    let (port, _busy, _first) = hanging_port();
    let hanging = driver.look(move |m| m.effects.dial("127.0.0.1", port));
    driver.look(move |m| {
        let at_once = m.effects.dial("127.0.0.1", port);
        m.effects.close_now(at_once);
    });
    until("the dial to hang", || syns_sent_to(port) == 1);
    driver.look(move |m| m.effects.close_now(hanging));
    until("the dial to be gone", || syns_sent_to(port) == 0);
    let mut client = Running::connect(driver.ports.echo);
    round_trip(&mut client, b"hello");
    assert!(driver.look(|m| m.dialed.is_empty() && m.lost.is_empty()));
    driver.stop();
}

#[test]
fn timers_fire_when_they_are_due_also_after_having_been_moved() {
    let driver = Running::start();
    let count = driver.look(|m| m.fired.clone());
    // Returns how often it has fired before.
    let set = |wait: Duration| {
        let act = move |m: &mut Echo, now: Now| {
            m.wake_at = Some(now.mono + wait);
            m.fired.load(Ordering::SeqCst)
        };
        driver.with(act).unwrap()
    };
    // The machine is left alone: looking at it would fire a timer that is due.
    let fires_after = |fired: u32| {
        until("the timer to fire", || count.load(Ordering::SeqCst) == fired + 1);
    };
    let start = std::time::Instant::now();
    fires_after(set(Duration::from_millis(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    // Nearer, then past, then farther than what the clock was set to.
    set(PATIENCE * 10);
    round_trip(&mut Running::connect(driver.ports.echo), b"settles");
    fires_after(set(Duration::from_millis(5)));
    fires_after(set(Duration::ZERO));
    set(Duration::from_millis(10));
    round_trip(&mut Running::connect(driver.ports.echo), b"settles");
    // On a busy machine the one before has fired by now.
    fires_after(set(Duration::from_millis(50)));
    driver.stop();
}

#[test]
fn stopping_closes_everything() {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.echo);
    round_trip(&mut client, b"hello");
    let stuck = Running::connect(driver.ports.flood);
    until("the flood", || driver.look(|m| m.accepted.len() == 2));
    let port = driver.ports.echo;
    driver.stop();
    assert_eq!(read_all(client), b"");
    assert!(read_all(stuck).len() < FLOOD_BYTES);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn closing_in_order_at_the_stop_delivers_the_last_bytes() {
    // An attempt that takes longer than a connection lingers proves nothing: a busy machine needs several.
    assert!((0..20).any(|_| closes_in_order_at_the_stop()), "no attempt took less than a connection lingers");
}

/// Returns whether it took less time than a connection lingers.
fn closes_in_order_at_the_stop() -> bool {
    let driver = Running::start();
    let mut client = Running::connect(driver.ports.closing);
    let start = std::time::Instant::now();
    client.write_all(b"x").unwrap();
    until("the close", || driver.look(|m| m.accepted.len() == 1 && m.effects.open_count() == 0));
    let port = driver.ports.echo;
    let stopping = std::thread::spawn(|| driver.stop());
    until("the stop", || TcpStream::connect(("127.0.0.1", port)).is_err());
    // The machine has stopped, and this client has not finished.
    let mut all = Vec::new();
    let outcome = client.write_all(&pattern(300_000)).and_then(|()| client.read_to_end(&mut all));
    let stopped = stopping.is_finished();
    let in_time = start.elapsed() < LINGER_TIME;
    if in_time {
        outcome.expect("no reset");
        assert!(all == pattern(LAST_BYTES));
        assert!(!stopped, "the stop waits for it");
    }
    drop(client);
    stopping.join().unwrap();
    in_time
}

#[test]
fn refused_connections_are_closed() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = notices.clone();
    let notice = Box::new(move |notice: &Notice| seen.lock().unwrap().push(notice.what));
    let driver = Running::start_with(Setup { notice: Some(notice), ..Setup::default() });
    driver.look(|m| m.refuse = true);
    assert_eq!(read_all(Running::connect(driver.ports.echo)), b"");
    driver.look(|m| m.refuse = false);
    round_trip(&mut Running::connect(driver.ports.echo), b"hello");
    assert_eq!(*notices.lock().unwrap(), ["refused"]);
    driver.stop();
}

#[test]
fn saves_are_answered() {
    let plain = Running::start();
    plain.look(|m| m.effects.save(i3_core::time::Instant::ORIGIN, Vec::new()));
    until("the refusal", || plain.look(|m| m.saved.len() == 1));
    assert!(plain.look(|m| m.saved[0].is_err()));
    plain.stop();

    let (saves, stored) = mpsc::channel();
    let driver = Running::start_with(Setup { saves: Some(saves), ..Setup::default() });
    let change = Change { space: "s".into(), key: "k".into(), value: Some([1].into()) };
    let saved = change.clone();
    driver.look(move |m| m.effects.save(i3_core::time::Instant::ORIGIN, vec![saved]));
    until("the answer", || driver.look(|m| m.saved == [Ok(())]));
    assert_eq!(stored.recv().unwrap(), [change]);
    driver.stop();
}
