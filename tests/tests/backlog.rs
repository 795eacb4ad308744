//! Who consumes what was kept: the game and nobody else, each client by its own cursors.

use i3_core::Gateway;
use i3_core::clients::keys;
use i3_core::machine::Listener;
use i3_core::settings::{KeySettings, Permissions, Settings};
use i3_tests::hostile::Siege;
use i3_tests::scenario;
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// A key of Alpha with these permissions.
fn key(text: &str, permissions: &[&str]) -> KeySettings {
    let mut allowed = Permissions::default();
    assert!(permissions.iter().all(|name| allowed.add(name)));
    KeySettings::new(keys::digest(text), "Alpha", allowed)
}

fn more_keys(settings: &mut Settings) {
    let keys = settings.api.keys.as_mut().unwrap();
    keys.push(key("info-key", &["info"]));
    keys.push(key("bot-key", &["channel", "info"]));
}

/// A gateway whose game is away.
fn without_game() -> Siege {
    let mut siege = Siege::new(usize::MAX >> 1, more_keys);
    siege.world.close(siege.bystander);
    siege
}

/// The gateway is killed and started again with what its store holds. Its link is not needed any more.
fn kill(siege: &mut Siege) {
    siege.world.crash("Alpha");
    siege.world.start("Alpha", |saved, now| {
        let mut settings = scenario::settings("Alpha", &["*net".to_owned()]);
        more_keys(&mut settings);
        Gateway::new(settings, saved, 4, now).unwrap()
    });
}

/// A client of the line port, and what it gets.
fn authenticate(siege: &mut Siege, key: &str, more: &Json) -> (usize, Vec<Json>) {
    let script = siege.connect(Listener::Lines);
    let mut params = json!({"api_key": key});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let messages = siege.call(script, "authenticate", &params);
    assert!(messages.iter().any(|message| message["result"]["session_id"].is_string()), "{messages:?}");
    (script, messages)
}

fn join(siege: &mut Siege, script: usize) -> Vec<Json> {
    siege.call(script, "channel_join", &json!({"channel": "chat"}))
}

fn texts(messages: &[Json], event: &str) -> Vec<String> {
    let events = messages.iter().filter(|message| message["method"] == event);
    events.map(|message| message["params"]["message"].as_str().unwrap().to_owned()).collect()
}

fn tells(messages: &[Json]) -> Vec<String> {
    texts(messages, "tell_received")
}

fn event_id(messages: &[Json], text: &str) -> Json {
    let found = messages.iter().find(|message| message["params"]["message"] == text);
    found.expect("the event comes")["params"]["event_id"].clone()
}

fn has_gap(messages: &[Json]) -> bool {
    messages.iter().any(|message| message["params"]["gap"] == true)
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn tools_and_probes_take_nothing_from_the_game() {
    let mut siege = without_game();
    siege.tell("kept");
    siege.line("said");
    // As `call` does: a key and a role in the handshake.
    let call_script = siege.connect(Listener::Http);
    let request = wire::websocket_request("/ws", Some("alpha-key"));
    let request = request.replacen("\r\n", "\r\nX-I3-Role: observer\r\n", 1);
    siege.world.write(call_script, request.as_bytes());
    assert!(siege.text(call_script).starts_with("HTTP/1.1 101 "));
    let status = json!({"jsonrpc": "2.0", "id": 1, "method": "status"}).to_string();
    siege.world.write(call_script, &wire::websocket_frame(1, status.as_bytes()));
    let said = siege.frames(call_script);
    assert_eq!(said.len(), 1, "the answer, and no backlog: {said:?}");
    // As a page does.
    let (page, messages) = authenticate(&mut siege, "alpha-key", &json!({"role": "observer"}));
    assert_eq!(messages.len(), 2, "the welcome and the answer: {messages:?}");
    let messages = siege.call(page, "sessions", &json!({}));
    let rows = messages.last().unwrap()["result"]["sessions"].clone();
    assert_eq!((&rows[0]["role"], &rows[1]["role"]), (&json!("observer"), &json!("observer")));
    join(&mut siege, page);
    siege.tell("live");
    siege.line("also live");
    let messages = siege.read(page);
    assert_eq!(
        (tells(&messages), texts(&messages, "channel_message")),
        (vec!["live".into()], vec!["also live".into()])
    );
    let last = event_id(&messages, "also live");
    siege.call(page, "ack", &json!({"event_id": last}));
    // Who asks may look.
    assert_eq!(tells(&siege.call(page, "resume", &json!({}))), ["kept", "live"]);
    siege.world.wait(Duration::from_secs(2));
    let (game, messages) = authenticate(&mut siege, "alpha-key", &json!({}));
    assert_eq!(tells(&messages), ["kept", "live"]);
    assert_eq!(texts(&join(&mut siege, game), "channel_message"), ["said", "also live"]);
}

#[test]
fn a_key_that_may_not_read_a_kind_of_event_takes_none_of_it() {
    let mut siege = without_game();
    siege.tell("kept");
    let last = 1_000_000;
    for more in [json!({}), json!({"client": "game"}), json!({"last_event_id": 0})] {
        let (script, messages) = authenticate(&mut siege, "info-key", &more);
        assert_eq!(tells(&messages), [] as [&str; 0]);
        for id in (1..=last).rev().step_by(99_999) {
            siege.call(script, "ack", &json!({"event_id": id}));
        }
        siege.world.wait(Duration::from_secs(2));
        siege.world.close(script);
    }
    let (_, messages) = authenticate(&mut siege, "alpha-key", &json!({}));
    assert_eq!(tells(&messages), ["kept"]);
}

#[test]
fn a_probe_that_only_connects_takes_nothing_where_no_key_is_needed() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.keys = None);
    siege.world.close(siege.bystander);
    siege.tell("kept");
    let probe = siege.connect(Listener::Lines);
    siege.world.wait(Duration::from_secs(1));
    assert_eq!(tells(&siege.read(probe)), [] as [&str; 0]);
    siege.tell("live");
    siege.world.close(probe);
    let game = siege.connect(Listener::Lines);
    assert_eq!(tells(&siege.call(game, "heartbeat", &json!({}))), ["kept", "live"]);
}

#[test]
fn a_game_that_has_not_taken_an_event_does_not_have_it_whoever_else_is_connected() {
    let mut siege = without_game();
    let (slow, _) = authenticate(&mut siege, "alpha-key", &json!({}));
    siege.world.stall(slow);
    siege.tell("on its way");
    // It was connected when the other broke off, but not when the tell came.
    let (other, messages) = authenticate(&mut siege, "alpha-key", &json!({}));
    siege.world.close(slow);
    siege.world.close(other);
    let (_, again) = authenticate(&mut siege, "alpha-key", &json!({}));
    assert_eq!([tells(&messages), tells(&again)].concat(), ["on its way"]);
}

#[test]
fn a_new_name_starts_with_what_no_game_has_had_and_its_first_ack_counts() {
    let mut siege = without_game();
    for n in 0..20 {
        siege.tell(&n.to_string());
    }
    let (client, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    assert_eq!(tells(&messages), numbers(0..20));
    siege.world.wait(Duration::from_secs(2));
    siege.call(client, "ack", &json!({"event_id": event_id(&messages, "4")}));
    siege.world.close(client);
    for _ in 0..2 {
        let (client, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
        assert_eq!(tells(&messages), numbers(5..20));
        siege.world.close(client);
        siege.world.wait(Duration::from_secs(2));
        kill(&mut siege);
    }
}

#[test]
fn a_key_in_the_handshake_and_a_name_afterwards_are_one_client() {
    let mut siege = without_game();
    for n in 0..20 {
        siege.tell(&n.to_string());
    }
    let socket = siege.connect(Listener::Http);
    siege.world.write(socket, wire::websocket_request("/ws", Some("alpha-key")).as_bytes());
    siege.world.wait(Duration::from_secs(1));
    siege.world.received(socket).clear();
    let named = json!({"jsonrpc": "2.0", "id": 1, "method": "authenticate", "params": {"client": "game"}});
    siege.world.write(socket, &wire::websocket_frame(1, named.to_string().as_bytes()));
    let given = siege.frames(socket);
    assert!(given.iter().all(|text| !text.contains("tell_received")), "not twice: {given:?}");
    siege.world.close(socket);
    let (_, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    assert_eq!(tells(&messages), numbers(0..20), "it has acknowledged none");
}

#[test]
fn a_kill_right_after_authenticate_of_a_new_name_loses_nothing() {
    let mut siege = without_game();
    for n in 0..200 {
        siege.tell(&n.to_string());
    }
    siege.world.wait(Duration::from_secs(2));
    let script = siege.connect(Listener::Lines);
    siege.call(script, "authenticate", &json!({"api_key": "alpha-key", "client": "new"}));
    kill(&mut siege);
    let (_, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "new"}));
    assert_eq!(tells(&messages), numbers(0..200));
    siege.world.wait(Duration::from_secs(2));
}

#[test]
fn a_client_that_dies_before_it_joins_its_channel_loses_no_line() {
    let mut siege = without_game();
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    join(&mut siege, client);
    siege.world.close(client);
    siege.world.wait(Duration::from_secs(2));
    siege.line("said");
    siege.tell("kept");
    let (client, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    // Its acknowledgement is for the tell alone: it has not joined the channel.
    siege.call(client, "ack", &json!({"event_id": event_id(&messages, "kept")}));
    siege.world.wait(Duration::from_secs(2));
    siege.world.close(client);
    let (client, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    assert_eq!(tells(&messages), [] as [&str; 0]);
    assert_eq!(texts(&join(&mut siege, client), "channel_message"), ["said"]);
    siege.world.close(client);
    // Too late for the line, and told so.
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "late"}));
    siege.world.close(client);
    siege.line("unheard");
    siege.world.wait(Duration::from_secs(61));
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "late"}));
    assert!(has_gap(&join(&mut siege, client)));
}

#[test]
fn other_keys_do_not_move_the_cursors_of_the_game() {
    let mut siege = without_game();
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    siege.world.close(client);
    siege.tell("kept");
    // A hundred names of another key push out none of this one, and a name is another client with another key.
    for n in 0..110 {
        let (script, _) = authenticate(&mut siege, "info-key", &json!({"client": format!("c{n}")}));
        siege.world.close(script);
    }
    let (script, _) = authenticate(&mut siege, "info-key", &json!({"client": "game"}));
    siege.world.wait(Duration::from_secs(2));
    siege.world.close(script);
    let (_, messages) = authenticate(&mut siege, "alpha-key", &json!({"client": "game"}));
    assert_eq!(tells(&messages), ["kept"]);
}

#[test]
fn an_acknowledgement_of_a_tell_takes_no_channel_line_from_a_bot() {
    let mut siege = without_game();
    siege.line("said");
    siege.tell("kept");
    let (game, messages) = authenticate(&mut siege, "alpha-key", &json!({}));
    siege.call(game, "ack", &json!({"event_id": event_id(&messages, "kept")}));
    siege.world.wait(Duration::from_secs(2));
    let (bot, _) = authenticate(&mut siege, "bot-key", &json!({}));
    assert_eq!(texts(&join(&mut siege, bot), "channel_message"), ["said"]);
}

#[test]
fn a_slow_client_whose_lines_were_dropped_gets_them_when_it_comes_back() {
    let mut siege = without_game();
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "log"}));
    join(&mut siege, client);
    siege.world.stall(client);
    let wide = "x".repeat(1_000);
    for n in 0..150 {
        siege.line(&format!("{n} {wide}"));
    }
    siege.world.resume(client);
    siege.world.wait(Duration::from_secs(2));
    let live = texts(&siege.read(client), "channel_message");
    assert!(live.len() < 150, "{} lines", live.len());
    siege.line("afterwards");
    siege.world.wait(Duration::from_secs(2));
    siege.world.close(client);
    let (client, _) = authenticate(&mut siege, "alpha-key", &json!({"client": "log"}));
    let late = texts(&join(&mut siege, client), "channel_message");
    let had: std::collections::BTreeSet<String> = live.into_iter().chain(late).collect();
    assert_eq!(had.len(), 151, "none is missing");
}
