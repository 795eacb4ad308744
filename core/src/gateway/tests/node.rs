//! A gateway that is one of several nodes.

use crate::Gateway;
use crate::cx::testing::{Bench, node};
use crate::machine::{Beaten, Change, ConnId, Input, Listener, LostBy, Machine, Output, Saved};
use crate::time::{Instant, Now, UnixTime};
use std::net::SocketAddr;
use std::time::Duration;

fn at(millis: u64) -> Now {
    let unix = UnixTime::from_micros(1_800_000_000_000_000) + Duration::from_millis(millis);
    Now { mono: Instant::from_micros(millis * 1_000), unix }
}

fn gateway(is_node: bool) -> Gateway {
    let mut settings = Bench::default().settings;
    settings.node = is_node.then(|| node("one"));
    Gateway::new(settings, &Saved::default(), 1, at(0)).unwrap()
}

/// Ends the turn, and returns the changes of each save. The connections take what is queued for them, and the node is told
/// what others have saved, which is nothing.
fn saves(gateway: &mut Gateway, now: Now) -> Vec<Vec<Change>> {
    let mut saves = Vec::new();
    while gateway.poll_timeout().is_some_and(|(at, _)| at <= now.mono) {
        gateway.handle_timeout(now);
    }
    while let Some(output) = gateway.poll_output() {
        match output {
            Output::Save { ticket, changes, .. } => {
                gateway.handle(now, Input::Saved { ticket, outcome: Ok(()) });
                saves.push(changes);
            }
            Output::Write { conn } => {
                gateway.take_bytes(conn, usize::MAX, &mut Vec::new());
                gateway.handle(now, Input::Flushed { conn });
            }
            Output::Beat { beat, .. } => {
                gateway.handle(now, Input::Beaten { beat, outcome: Ok(Beaten::default()) });
                gateway.handle(now, Input::Followed { beat });
            }
            _ => {}
        }
    }
    saves
}

fn connect(gateway: &mut Gateway) -> ConnId {
    let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let conn = gateway.accept(at(1), Listener::Lines, peer).unwrap();
    say(gateway, conn, 1, r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"client":"game"}}"#);
    conn
}

fn say(gateway: &mut Gateway, conn: ConnId, millis: u64, line: &str) {
    gateway.handle(at(millis), Input::Received { conn, bytes: format!("{line}\n").as_bytes() });
}

#[test]
fn a_node_saves_its_sessions_once_a_turn_and_nothing_while_they_stay_as_they_are() {
    let mut gateway = gateway(true);
    saves(&mut gateway, at(0));
    let conn = connect(&mut gateway);
    let sessions = |saves: &[Vec<Change>]| -> Vec<Change> {
        let all = saves.iter().flatten().filter(|change| change.space.starts_with("session/"));
        all.cloned().collect()
    };
    let has = |change: &Change, text: &str| {
        change.value.as_deref().is_some_and(|value| String::from_utf8_lossy(value).contains(text))
    };
    let unnamed = sessions(&saves(&mut gateway, at(1)));
    assert!(unnamed.iter().all(|one| !has(one, r#""client":"game""#)), "it waits for what others have saved");
    let begun = sessions(&saves(&mut gateway, at(150)));
    assert_eq!((begun.len(), begun[0].space.as_str()), (1, "session/boot one"));
    assert!(has(&begun[0], r#""mud":"Alpha""#) && has(&begun[0], r#""client":"game""#), "{begun:?}");
    say(&mut gateway, conn, 152, r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    assert!(saves(&mut gateway, at(152)).is_empty());
    for channel in ["one", "two"] {
        let params = format!(r#""params":{{"channel":"{channel}"}}"#);
        say(
            &mut gateway,
            conn,
            153,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"method":"channel_join",{params}}}"#),
        );
    }
    let changed = saves(&mut gateway, at(153));
    assert_eq!((changed.len(), sessions(&changed).len()), (1, 1), "{changed:?}");
    gateway.handle(at(154), Input::Lost { conn, by: LostBy::EndOfStream });
    let ended = sessions(&saves(&mut gateway, at(154)));
    assert_eq!((ended.len(), &ended[0].key, &ended[0].value), (1, &begun[0].key, &None));
}

#[test]
fn on_one_host_nothing_is_saved_for_others() {
    let mut gateway = gateway(false);
    saves(&mut gateway, at(0));
    let conn = connect(&mut gateway);
    let params = r#""params":{"users":[{"name":"Ann"}]}"#;
    say(&mut gateway, conn, 1, &format!(r#"{{"jsonrpc":"2.0","id":2,"method":"presence_sync",{params}}}"#));
    let mut all = saves(&mut gateway, at(1)).concat();
    gateway.handle(at(2), Input::Lost { conn, by: LostBy::EndOfStream });
    all.extend(saves(&mut gateway, at(2)).concat());
    assert!(all.iter().all(|change| change.space == "clients/Alpha"), "{all:?}");
}

/// Ends the turn. Returns what the connections were sent, and the numbers of the beats.
fn turn(gateway: &mut Gateway, now: Now) -> (String, Vec<u64>) {
    let (mut sent, mut beats) = (Vec::new(), Vec::new());
    while gateway.poll_timeout().is_some_and(|(at, _)| at <= now.mono) {
        gateway.handle_timeout(now);
    }
    while let Some(output) = gateway.poll_output() {
        match output {
            Output::Save { ticket, .. } => gateway.handle(now, Input::Saved { ticket, outcome: Ok(()) }),
            Output::Write { conn } => {
                let mut pieces = Vec::new();
                gateway.take_bytes(conn, usize::MAX, &mut pieces);
                sent.extend(pieces.concat());
                gateway.handle(now, Input::Flushed { conn });
            }
            Output::Beat { beat, .. } => beats.push(beat),
            _ => {}
        }
    }
    (String::from_utf8_lossy(&sent).into_owned(), beats)
}

fn beaten(gateway: &mut Gateway, now: Now, beat: u64, outcome: Result<Beaten, String>) {
    gateway.handle(now, Input::Beaten { beat, outcome });
}

/// A node that has beaten once, and 200 milliseconds later has a client that shows its key.
fn node_with_client(bytes: &[u8], on: Listener) -> (Gateway, ConnId, u64) {
    let mut gateway = gateway(true);
    let (_, beats) = turn(&mut gateway, at(0));
    beaten(&mut gateway, at(1), beats[0], Ok(Beaten::default()));
    turn(&mut gateway, at(200));
    let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let conn = gateway.accept(at(400), on, peer).unwrap();
    gateway.handle(at(400), Input::Received { conn, bytes });
    let (sent, beats) = turn(&mut gateway, at(400));
    assert!(!sent.contains("authenticated") && !sent.contains("101 Switching"), "{sent}");
    (gateway, conn, *beats.last().expect("a beat is asked at once"))
}

const PIPELINED: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"client":"game"}}
{"jsonrpc":"2.0","id":2,"method":"ping"}
{"jsonrpc":"2.0","id":3,"method":"heartbeat"}
"#;

const UPGRADE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_client_is_identified_when_the_node_knows_what_others_have_saved_and_its_requests_stay_in_order() {
    let (mut gateway, _, beat) = node_with_client(PIPELINED, Listener::Lines);
    beaten(&mut gateway, at(401), beat, Ok(Beaten::default()));
    // A beat that was asked before the client had come says nothing.
    gateway.handle(at(402), Input::Followed { beat: beat - 1 });
    assert!(!turn(&mut gateway, at(402)).0.contains("result"));
    gateway.handle(at(403), Input::Followed { beat });
    let mut sent = String::new();
    for millis in 403..410 {
        sent += &turn(&mut gateway, at(millis)).0;
    }
    let places = ["\"authenticated\"", "\"pong\"", "\"id\":3"].map(|text| sent.find(text));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{sent}");
    assert_eq!(gateway.common.metrics.requests, 3);
}

#[test]
fn a_websocket_begins_when_the_node_knows_what_others_have_saved() {
    let (mut gateway, conn, beat) = node_with_client(UPGRADE, Listener::Http);
    gateway.handle(at(401), Input::Received { conn, bytes: &[0x89, 0x80, 0, 0, 0, 0] });
    assert_eq!(turn(&mut gateway, at(401)).0, "");
    gateway.handle(at(402), Input::Followed { beat });
    let sent: String = (402..410).map(|millis| turn(&mut gateway, at(millis)).0).collect();
    // The ping that has come meanwhile is answered.
    assert!(sent.starts_with("HTTP/1.1 101 Switching") && sent.ends_with("\u{fffd}\0"), "{sent:?}");
}

#[test]
fn who_comes_while_the_database_is_away_is_told_to_try_again() {
    for (bytes, on, expected) in
        [(PIPELINED, Listener::Lines, "database_away"), (UPGRADE, Listener::Http, "503 Service Unavailable")]
    {
        // It does not answer in time.
        let (mut late, ..) = node_with_client(bytes, on);
        let sent: String = (1..=14).map(|half| turn(&mut late, at(400 + half * 500)).0).collect();
        assert!(sent.contains(expected), "{sent}");
        // It is known to be away.
        let mut gateway = gateway(true);
        let (_, beats) = turn(&mut gateway, at(0));
        beaten(&mut gateway, at(401), beats[0], Err("no route to host".to_owned()));
        let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let conn = gateway.accept(at(402), on, peer).unwrap();
        gateway.handle(at(402), Input::Received { conn, bytes });
        assert!(turn(&mut gateway, at(402)).0.contains(expected));
    }
}
