//! Guessing keys.

use super::*;

const GUESSER: [u8; 4] = [203, 0, 113, 9];

fn guess(siege: &mut Siege, from: [u8; 4], key: &str) -> Json {
    let script = siege.connect_from(from, Listener::Lines).expect("accepted");
    siege.read(script);
    siege.ask(script, &format!(r#"{{"id":1,"method":"authenticate","params":["{key}"]}}"#));
    let answer = siege.read(script).remove(0);
    siege.world.close(script);
    answer
}

#[test]
fn an_address_that_guesses_waits_longer_and_longer_and_others_do_not() {
    let mut siege = Siege::default();
    let mut looked_at = 0;
    let mut waits = Vec::new();
    // Two guesses a second for an hour, each over a connection of its own.
    for attempt in 0..7200 {
        let answer = guess(&mut siege, GUESSER, &format!("guess-{attempt}"));
        match answer["error"]["code"].as_i64() {
            Some(-32000) => looked_at += 1,
            Some(-32001) => waits.push(answer["error"]["data"]["retry_after_ms"].as_u64().unwrap()),
            _ => panic!("{answer}"),
        }
        siege.world.wait(SECOND / 2);
        siege.ask(siege.bystander, r#"{"jsonrpc":"2.0","id":"there?","method":"ping"}"#);
        assert_eq!(siege.read(siege.bystander).pop().unwrap()["id"], "there?");
    }
    assert!((60..90).contains(&looked_at), "{looked_at} guesses in an hour");
    assert!(waits.iter().all(|wait| (1..=60_000).contains(wait)), "the longest wait is a minute");
    let metrics = siege.metrics();
    assert_eq!((metrics.keys_refused, metrics.keys_delayed), (looked_at, waits.len() as u64));
    // A right key gets in, also from the address of the guesser.
    assert_eq!(guess(&mut siege, [203, 0, 113, 10], "alpha-key")["result"]["status"], "authenticated");
    assert_eq!(guess(&mut siege, GUESSER, "alpha-key")["result"]["status"], "authenticated");
    let told =
        siege.world.notices.iter().map(ToString::to_string).filter(|text| text.contains("wrong API key"));
    let told: Vec<String> = told.collect();
    assert_eq!(told.len() as u64, looked_at);
    assert!(
        told.iter().all(|text| text.ends_with("address=203.0.113.9") && !text.contains("guess")),
        "{}",
        told[0]
    );
}

#[test]
fn a_guess_in_a_header_counts_like_any_other() {
    let mut siege = Siege::default();
    for attempt in 0..6 {
        let request = handshake(Some(&format!("guess-{attempt}")), "");
        assert_eq!(http(&mut siege, GUESSER, &request).0, "401");
    }
    let (status, text) = http(&mut siege, GUESSER, &handshake(Some("guess-7"), ""));
    assert!(status == "429" && text.contains("\r\nRetry-After: 1\r\n"), "{text}");
    assert_eq!(guess(&mut siege, GUESSER, "guess-8")["error"]["code"], -32001);
    assert_eq!(http(&mut siege, GUESSER, &handshake(Some("alpha-key"), "")).0, "101");
    // Who shows no key is not concerned: health checks work on.
    assert_eq!(http(&mut siege, GUESSER, "GET /health HTTP/1.1\r\n\r\n").0, "200");
    siege.world.wait(SECOND);
    assert_eq!(http(&mut siege, GUESSER, &handshake(Some("guess-9"), "")).0, "401");
    siege.nobody_else_noticed();
}

#[test]
fn guessing_through_a_proxy_costs_the_client_and_not_the_proxy() {
    let mut siege = Siege::default();
    let behind = |client: &str, key: &str| handshake(Some(key), &format!("X-Forwarded-For: {client}\r\n"));
    for attempt in 0..10 {
        http(&mut siege, [127, 0, 0, 1], &behind("203.0.113.9", &format!("guess-{attempt}")));
    }
    assert_eq!(http(&mut siege, [127, 0, 0, 1], &behind("203.0.113.9", "guess")).0, "429");
    assert_eq!(http(&mut siege, [127, 0, 0, 1], &behind("203.0.113.10", "guess")).0, "401");
    assert_eq!(http(&mut siege, [127, 0, 0, 1], &behind("203.0.113.9", "alpha-key")).0, "101");
    // Who is no proxy cannot put it on somebody else.
    let mut siege = Siege::default();
    for attempt in 0..10 {
        http(&mut siege, GUESSER, &behind("198.51.100.1", &format!("guess-{attempt}")));
    }
    assert_eq!(http(&mut siege, [198, 51, 100, 1], &behind("6.6.6.6", "guess")).0, "401");
    assert_eq!(http(&mut siege, GUESSER, &behind("6.6.6.6", "guess")).0, "429");
}

/// It tries again every second. The game beside it, on the same host, comes and goes as it likes.
#[test]
fn a_game_with_an_old_key_keeps_nobody_out() {
    let mut siege = Siege::default();
    for _ in 0..60 {
        assert_eq!(guess(&mut siege, GUESSER, "the-old-key")["error"]["code"], -32000);
        assert_eq!(guess(&mut siege, GUESSER, "alpha-key")["result"]["status"], "authenticated");
        siege.world.wait(SECOND);
    }
    assert_eq!(siege.metrics().keys_refused, 60);
    siege.nobody_else_noticed();
}

/// Others guess from the address of the game as fast as they can. The game comes and goes.
#[test]
fn a_right_key_is_never_refused_for_the_wrong_keys_of_others() {
    let mut siege = Siege::default();
    for attempt in 0..40 {
        for guesses in 0..25 {
            let key = format!("guess-{attempt}-{guesses}");
            assert!(guess(&mut siege, GUESSER, &key)["error"]["code"].is_i64());
        }
        assert_eq!(guess(&mut siege, GUESSER, "alpha-key")["result"]["status"], "authenticated", "{attempt}");
        assert_eq!(http(&mut siege, GUESSER, &handshake(Some("alpha-key"), "")).0, "101", "{attempt}");
    }
    assert!(siege.metrics().keys_refused < 10, "{}", siege.metrics().keys_refused);
    siege.nobody_else_noticed();
}

/// While its address waits, each guess costs a connection, and all wrong keys get one text.
#[test]
fn a_guesser_that_must_wait_is_closed_and_learns_nothing_from_the_answer() {
    let mut siege = Siege::default();
    for attempt in 0..6 {
        guess(&mut siege, GUESSER, &format!("guess-{attempt}"));
    }
    let mut texts = std::collections::BTreeSet::new();
    for key in ["a", "alpha-ke", "alpha-keyy", "ALPHA-KEY", "guess-5", &"x".repeat(2000)] {
        let script = siege.connect_from(GUESSER, Listener::Lines).expect("accepted");
        siege.read(script);
        let request = format!(r#"{{"id":1,"method":"authenticate","params":["{key}"]}}"#);
        siege.ask(script, &request);
        siege.ask(script, &request);
        texts.insert(siege.text(script));
        assert!(!siege.world.is_open(script), "{key}");
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts.first().unwrap().contains("too many wrong keys from this address"));
}
