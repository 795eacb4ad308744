//! What games at several nodes hear, and what they say.

use crate::{cluster, tell_out, texts};
use serde_json::{Value as Json, json};

fn ids(events: &[Json]) -> Vec<u64> {
    let id = |event: &Json| event["params"]["event_id"].as_u64();
    events.iter().map(|event| id(event).unwrap_or_else(|| panic!("no id: {event}"))).collect()
}

#[test]
fn a_tell_reaches_the_games_at_all_nodes_under_one_id() {
    let (mut cluster, holder, other) = cluster();
    for text in ["one", "two"] {
        cluster.tell_in("Alpha", "ann", text);
        cluster.wait(1);
    }
    let [here, there] = [holder, other].map(|node| cluster.events(&node, "tell_received"));
    assert_eq!((texts(&here), texts(&there)), (vec!["one", "two"], vec!["one", "two"]));
    assert_eq!(ids(&here), ids(&there));
    assert!(ids(&here).is_sorted_by(|a, b| a < b));
}

#[test]
fn ids_grow_over_a_change_of_the_holder() {
    let (mut cluster, holder, other) = cluster();
    cluster.tell_in("Alpha", "ann", "before");
    cluster.wait(1);
    let before = ids(&cluster.events(&other, "tell_received"));
    cluster.world.crash(&holder);
    cluster.until(20, "the other logs in", |cluster| cluster.sent_with("startup-req-3").len() == 2);
    cluster.wait(2);
    cluster.tell_in("Alpha", "ann", "after");
    cluster.wait(1);
    let after = ids(&cluster.events(&other, "tell_received"));
    assert!(before.len() == 1 && after.len() == 1 && before < after, "{before:?} {after:?}");
}

#[test]
fn a_tell_of_a_game_at_another_node_goes_out_once() {
    let (mut cluster, holder, other) = cluster();
    cluster.frames("Sage");
    for (at, node) in [&other, &holder, &other].into_iter().enumerate() {
        let sent = cluster.result(node, "tell", &tell_out(&format!("tell {at}")));
        assert_eq!(sent["status"], "sent", "{sent}");
    }
    cluster.wait(3);
    let heard: Vec<String> =
        cluster.frames("Sage").into_iter().filter(|frame| frame.contains("tell ")).collect();
    assert_eq!(heard.len(), 3, "{heard:?}");
    for (at, frame) in heard.iter().enumerate() {
        assert!(frame.contains(&format!("\"tell {at}\"")), "in their order: {heard:?}");
    }
    assert!(cluster.sent_with("\"tell ").iter().all(|sent| sent.node == holder));
    cluster.wait(2);
    let left = cluster.world.engine().entries().keys().filter(|(space, _)| space == "out/Alpha").count();
    assert_eq!(left, 0, "what was sent is not kept");
}

#[test]
fn what_was_kept_for_a_killed_holder_is_sent_by_the_next() {
    let (mut cluster, holder, other) = cluster();
    cluster.world.crash(&holder);
    cluster.wait(1);
    let sent = cluster.call(&other, "tell", &tell_out("kept"));
    cluster.until(20, "the other logs in", |cluster| cluster.sent_with("startup-req-3").len() == 2);
    cluster.wait(5);
    let out = cluster.sent_with("\"kept\"").len();
    let was_given_up = !cluster.events(&other, "error_occurred").is_empty();
    match sent["result"]["status"].as_str() {
        Some("sent") => assert!(out == 1 || (out == 0 && was_given_up), "sent {out} times"),
        _ => assert_eq!((out, sent["error"]["data"]["retryable"].clone()), (0, json!(true)), "{sent}"),
    }
}

#[test]
fn a_channel_is_heard_at_all_nodes_whoever_joined_first() {
    let (mut cluster, holder, other) = cluster();
    cluster.result(&other, "channel_join", &json!({"channel": "chat"}));
    cluster.wait(2);
    cluster.line_in("chat", "for one");
    cluster.wait(1);
    assert_eq!(texts(&cluster.events(&other, "channel_message")), ["for one"]);
    cluster.result(&holder, "channel_join", &json!({"channel": "chat"}));
    cluster.wait(2);
    assert_eq!(cluster.sent_with(r#"({"channel-listen",5,"Alpha""#).len(), 1);
    cluster.events(&holder, "channel_message");
    cluster.line_in("chat", "for both");
    cluster.wait(1);
    let [here, there] = [&holder, &other].map(|node| cluster.events(node, "channel_message"));
    assert_eq!((texts(&here), texts(&there)), (vec!["for both"], vec!["for both"]));
    assert_eq!(ids(&here), ids(&there));
    cluster.result(
        &other,
        "channel_send",
        &json!({"channel": "chat", "message": "said", "from_user": "ann"}),
    );
    cluster.wait(2);
    assert_eq!(texts(&cluster.events(&holder, "channel_message")), ["said"]);
    assert_eq!(cluster.sent_with("\"said\"").len(), 1);
}

#[test]
fn presence_of_a_game_anywhere_answers_a_who() {
    let (mut cluster, _, other) = cluster();
    let users = json!({"users": [{"name": "Ann", "title": "the Brave"}]});
    cluster.result(&other, "presence_sync", &users);
    cluster.wait(2);
    cluster.frames("Sage");
    cluster.frame("Sage", r#"({"who-req",5,"Sage","bob","Alpha",0,})"#);
    cluster.wait(2);
    let answers: Vec<String> =
        cluster.frames("Sage").into_iter().filter(|frame| frame.starts_with(r#"({"who-reply""#)).collect();
    assert!(answers.len() == 1 && answers[0].contains("Ann"), "{answers:?}");
}

#[test]
fn an_answer_from_the_network_reaches_the_game_that_asked() {
    let (mut cluster, holder, other) = cluster();
    let id = cluster.ask(&other, "who", &json!({"target_mud": "Sage", "wait": true}));
    cluster.wait(2);
    let frames = cluster.frames("Sage");
    let asked = frames.iter().find(|frame| frame.starts_with(r#"({"who-req""#));
    assert_eq!(
        asked.map(String::as_str),
        Some(r#"({"who-req",5,"Alpha","Someone","Sage",0,})"#),
        "{frames:?}"
    );
    cluster.frame("Sage", r#"({"who-reply",5,"Sage",0,"Alpha","Someone",({({"Bob",0,"is on",}),}),})"#);
    cluster.wait(1);
    let answer = cluster.answer(&other, id).expect("the answer comes");
    assert!(answer["error"].is_null() && answer.to_string().contains("Bob"), "{answer}");
    assert_eq!(
        cluster.events(&holder, "who_reply").len(),
        1,
        "all sessions that do not wait for it have the event"
    );
}

#[test]
fn a_game_goes_on_at_another_node_by_its_last_event_id() {
    let (mut cluster, holder, other) = cluster();
    for text in ["one", "two", "three"] {
        cluster.tell_in("Alpha", "ann", text);
        cluster.wait(1);
    }
    let heard = ids(&cluster.events(&holder, "tell_received"));
    assert_eq!(heard.len(), 3);
    cluster.client("mover", &other, "Alpha", &json!({"client": "mover", "last_event_id": heard[0]}));
    cluster.wait(1);
    let replayed = cluster.events("mover", "tell_received");
    assert_eq!((texts(&replayed), ids(&replayed)), (vec!["two", "three"], heard[1..].to_vec()));
}

#[test]
fn a_named_client_goes_on_at_another_node_where_it_was() {
    let (mut cluster, holder, other) = cluster();
    cluster.client("bot", &holder, "Alpha", &json!({"client": "bot"}));
    cluster.tell_in("Alpha", "ann", "had");
    cluster.wait(2);
    assert_eq!(texts(&cluster.events("bot", "tell_received")), ["had"]);
    cluster.leave("bot");
    cluster.wait(1);
    cluster.tell_in("Alpha", "ann", "missed");
    cluster.wait(1);
    cluster.client("bot", &other, "Alpha", &json!({"client": "bot"}));
    cluster.wait(1);
    assert_eq!(texts(&cluster.events("bot", "tell_received")), ["missed"]);
}

#[test]
fn a_ban_and_a_kick_hold_at_all_nodes() {
    let (mut cluster, holder, other) = cluster();
    cluster.result(&other, "ban_add", &json!({"pattern": "bob@Sage"}));
    cluster.wait(1);
    cluster.tell_in("Alpha", "ann", "not heard");
    cluster.wait(1);
    for node in [&holder, &other] {
        assert_eq!(cluster.events(node, "tell_received"), [] as [Json; 0]);
    }
    let sessions = cluster.result(&holder, "sessions", &json!({}));
    let there = sessions["sessions"]
        .as_array()
        .and_then(|sessions| sessions.iter().find(|session| session["node"] == other.as_str()).cloned());
    let there = there.unwrap_or_else(|| panic!("the sessions of all nodes are listed: {sessions}"));
    let kicked = cluster.result(&holder, "kick", &json!({"session_id": there["session_id"]}));
    cluster.wait(2);
    assert!(!cluster.is_connected(&other), "{kicked} {sessions}");
    assert!(cluster.is_connected(&holder));
}
