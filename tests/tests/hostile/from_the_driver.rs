//! What a driver may get wrong, and the limit on connections.

use super::*;

fn at(seconds: u64) -> Now {
    let micros = seconds * 1_000_000;
    Now { mono: Instant::from_micros(micros), unix: UnixTime::from_micros(1_795_400_000_000_000 + micros) }
}

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

/// Carries everything out; gives the dialed connections and what was written.
fn drive(gateway: &mut Gateway, now: Now) -> (Vec<i3_core::machine::ConnId>, usize) {
    let (mut dialed, mut bytes) = (Vec::new(), 0);
    settle(gateway, now, |gateway, output| match output {
        Output::Dial { conn, .. } => dialed.push(conn),
        Output::Write { conn } => {
            bytes += gateway.take_bytes(conn, usize::MAX, &mut Vec::new());
            gateway.handle(now, Input::Flushed { conn });
        }
        _ => {}
    });
    (dialed, bytes)
}

#[test]
fn connections_above_the_limit_are_refused() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.connections_max = 5);
    // Connections with a key make no room; without one, the oldest go.
    let more: Vec<usize> = (0..4).map(|_| siege.websocket()).collect();
    for on in [Listener::Lines, Listener::Lines, Listener::Mud] {
        assert_eq!(siege.world.connect("Alpha", on), None);
    }
    assert_eq!(siege.world.refused, [Refused::TooMany; 3]);
    assert_eq!(siege.metrics().connections_refused, 3);
    siege.nobody_else_noticed();
    siege.world.close(more[0]);
    siege.connect(Listener::Http);
}

#[test]
fn reports_about_connections_that_are_gone_are_ignored_and_counted() {
    let settings = settings("Alpha", &["*net".to_owned()]);
    let mut gateway = Gateway::new(settings, &Saved::default(), 1, at(1)).unwrap();
    let now = at(1);
    let (dialed, _) = drive(&mut gateway, now);
    let router = dialed[0];
    let old = gateway.accept(now, Listener::Lines, SocketAddr::from(PEER)).unwrap();
    gateway.handle(now, Input::Lost { conn: old, by: LostBy::EndOfStream });
    drive(&mut gateway, now);
    let new = gateway.accept(now, Listener::Lines, SocketAddr::from(PEER)).unwrap();
    assert_eq!((old.index(), old == new), (new.index(), false), "the same place, another connection");
    assert!(drive(&mut gateway, now).1 > 0, "the greeting");
    let before = gateway.metrics().late_inputs;
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    let late = |gateway: &mut Gateway| {
        gateway.handle(now, Input::Received { conn: old, bytes: request });
        gateway.handle(now, Input::Flushed { conn: old });
        gateway.handle(now, Input::Dialed { conn: old });
        gateway.handle(now, Input::Lost { conn: old, by: LostBy::Error("late".to_owned()) });
        // Nothing was dialed there.
        gateway.handle(now, Input::Dialed { conn: new });
        for ticket in [0, 1, 7, u64::MAX] {
            gateway.handle(now, Input::Saved { ticket: SaveTicket(ticket), outcome: Ok(()) });
        }
        assert_eq!(gateway.take_bytes(old, 1000, &mut Vec::new()), 0);
    };
    late(&mut gateway);
    assert_eq!(gateway.metrics().late_inputs, before + 5);
    assert_eq!(drive(&mut gateway, now), (vec![], 0), "the new connection in its place heard nothing");
    gateway.handle(now, Input::Received { conn: new, bytes: request });
    assert!(drive(&mut gateway, now).1 > 0);

    // The same for a router's connection: dialed twice, lost twice, spoken for when it is gone.
    gateway.handle(now, Input::Dialed { conn: router });
    let login = drive(&mut gateway, now).1;
    assert!(login > 0);
    gateway.handle(now, Input::Lost { conn: router, by: LostBy::EndOfStream });
    drive(&mut gateway, now);
    let before = gateway.metrics().clone();
    gateway.handle(now, Input::Received { conn: router, bytes: &wire::mudmode_frame(b"({})") });
    gateway.handle(now, Input::Lost { conn: router, by: LostBy::EndOfStream });
    gateway.handle(now, Input::Dialed { conn: router });
    drive(&mut gateway, now);
    assert_eq!(gateway.metrics().late_inputs, before.late_inputs + 3);
    assert_eq!(gateway.metrics().frames_unreadable, 0);
    late(&mut gateway);
    assert!(!gateway.is_ready());
}

#[test]
fn a_connection_that_is_dialed_twice_logs_in_once() {
    let settings = settings("Alpha", &["*net".to_owned()]);
    let mut gateway = Gateway::new(settings, &Saved::default(), 1, at(1)).unwrap();
    let router = drive(&mut gateway, at(1)).0[0];
    gateway.handle(at(1), Input::Dialed { conn: router });
    assert!(drive(&mut gateway, at(1)).1 > 0);
    gateway.handle(at(2), Input::Dialed { conn: router });
    assert_eq!(drive(&mut gateway, at(2)).1, 0, "a second login on the same connection");
}

#[test]
fn time_that_goes_back_and_timers_that_fire_early_change_nothing() {
    let settings = settings("Alpha", &["*net".to_owned()]);
    let mut gateway = Gateway::new(settings, &Saved::default(), 1, at(100)).unwrap();
    let router = drive(&mut gateway, at(100)).0[0];
    gateway.handle(at(100), Input::Dialed { conn: router });
    drive(&mut gateway, at(100));
    let deadline = gateway.poll_timeout();
    for now in [at(0), at(50), at(101), at(99)] {
        gateway.handle_timeout(now);
        assert!(gateway.poll_output().is_none());
        assert_eq!(gateway.poll_timeout(), deadline);
    }
}
