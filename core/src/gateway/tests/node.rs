//! A gateway that is one of several nodes.

use crate::Gateway;
use crate::cx::testing::{Bench, node};
use crate::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, Saved};
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

/// Ends the turn, and returns the changes of each save. The connections take what is queued for them.
fn saves(gateway: &mut Gateway, now: Now) -> Vec<Vec<Change>> {
    let mut saves = Vec::new();
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
    let begun = sessions(&saves(&mut gateway, at(1)));
    assert_eq!((begun.len(), begun[0].space.as_str()), (1, "session/boot one"));
    let value = String::from_utf8(begun[0].value.as_deref().unwrap().to_vec()).unwrap();
    assert!(value.contains(r#""mud":"Alpha""#) && value.contains(r#""client":"game""#), "{value}");
    say(&mut gateway, conn, 2, r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    assert!(saves(&mut gateway, at(2)).is_empty());
    for channel in ["one", "two"] {
        let params = format!(r#""params":{{"channel":"{channel}"}}"#);
        say(
            &mut gateway,
            conn,
            3,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"method":"channel_join",{params}}}"#),
        );
    }
    let changed = saves(&mut gateway, at(3));
    assert_eq!((changed.len(), sessions(&changed).len()), (1, 1), "{changed:?}");
    gateway.handle(at(4), Input::Lost { conn, by: LostBy::EndOfStream });
    let ended = sessions(&saves(&mut gateway, at(4)));
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
