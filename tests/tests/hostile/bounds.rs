//! Answers, batches and texts of the network: each has a bound in bytes, a client that reads is never closed, and what one
//! client asks for is done in turns.

use super::*;
use i3_core::door::rpc::limits::{BATCH_ANSWERS_BYTES_MAX, TURN_WORK_MAX};
use i3_core::service::limits::{
    ALL_PENDING_BYTES_MAX, ANSWER_BYTES_MAX, CLIENT_PAUSE_BYTES, CLIENT_PENDING_BYTES_MAX,
    CLIENT_STALLED_MAX, CUT_MARK, TEXT_BYTES_MAX,
};

/// The bytes of an answer besides its rows.
const ENVELOPE_BYTES: usize = 600;

/// Muds that a network may have.
const MUDS: usize = 20_000;

/// Lets all that was put off be done.
fn settle(siege: &mut Siege) {
    siege.world.wait(Duration::from_millis(100));
}

/// The router names many muds.
fn many_muds(siege: &mut Siege, muds: usize) {
    for first in (0..muds).step_by(1000) {
        let entries: String = (first..muds.min(first + 1000))
            .map(|n| {
                format!(
                    r#""Mud {n:05}":({{-1,"127.0.0.1",4000,0,0,"lib","base","driver","LPMud","open","a@b.c",(["tell":1,"channel":1,"who":1,"finger":1,]),0,}}),"#
                )
            })
            .collect();
        siege.frame(&format!(r#"({{"mudlist",5,"*net",0,"Alpha",0,{first},([{entries}]),}})"#));
        siege.read(siege.bystander);
    }
}

/// The channel has so many lines of a text.
fn many_lines(siege: &mut Siege, lines: usize, text: &str) {
    for at in 0..lines {
        siege.line(&format!("{at} {text}"));
        siege.text(siege.bystander);
    }
}

/// Somebody with a key, who is not the bystander.
fn client(siege: &mut Siege) -> usize {
    let client = siege.connect(Listener::Lines);
    siege.ask(client, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.text(client);
    client
}

fn call_of(id: usize, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

/// Asks for a list until there is no more, and gives its rows.
fn all_pages(
    siege: &mut Siege,
    client: usize,
    method: &str,
    cursor: &str,
    rows: &str,
    params: &Json,
) -> Vec<Json> {
    let (mut params, mut all) = (params.clone(), Vec::new());
    for _ in 0..1000 {
        siege
            .ask(client, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string());
        settle(siege);
        let text = siege.text(client);
        assert!(text.len() <= ANSWER_BYTES_MAX + ENVELOPE_BYTES, "{method}: {} bytes", text.len());
        let answer: Json = serde_json::from_str(&text).unwrap();
        let page = answer["result"][rows].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(answer["result"]["count"], page.len());
        all.push(page.clone());
        let next = &answer["result"]["next"];
        assert_eq!(answer["result"]["more"] == true, !next.is_null(), "a mark that there is more");
        if next.is_null() {
            // History goes back in time.
            if cursor == "before" {
                all.reverse();
            }
            return all.concat();
        }
        params[cursor] = next.clone();
    }
    panic!("the pages of {method} have no end");
}

#[test]
fn a_long_list_comes_in_pages_and_each_row_once() {
    let mut siege = Siege::default();
    many_muds(&mut siege, MUDS - 1);
    let client = client(&mut siege);
    let muds = all_pages(&mut siege, client, "mudlist", "after", "muds", &json!({}));
    let names: Vec<&str> = muds.iter().map(|mud| mud["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), MUDS);
    assert!(names.is_sorted() && names.windows(2).all(|two| two[0] != two[1]));
    let down = json!({"filter": {"name": "MUD 0000"}});
    assert_eq!(all_pages(&mut siege, client, "mudlist", "after", "muds", &down).len(), 10);
    siege.nobody_else_noticed();
}

#[test]
fn channels_bans_and_sessions_come_in_pages_too() {
    let mut siege = Siege::default();
    let client = client(&mut siege);
    let entries: String =
        (0..6000).map(|n| format!("\"channel {n:04}\":({{\"{}\",0,}}),", "\u{1b}".repeat(20))).collect();
    siege.frame(&format!(r#"({{"chanlist-reply",5,"*net",0,"Alpha",0,1,([{entries}]),}})"#));
    siege.text(client);
    let channels = all_pages(&mut siege, client, "channel_list", "after", "channels", &json!({}));
    assert_eq!(channels.len(), 6000);
    // A quote is written as two bytes.
    let reason = "\"".repeat(500);
    for n in 0..500 {
        let params = json!({"pattern": format!("bob{n}@Sage"), "reason": reason});
        siege.ask(
            client,
            &json!({"jsonrpc": "2.0", "id": 1, "method": "ban_add", "params": params}).to_string(),
        );
        siege.text(client);
    }
    let bans = all_pages(&mut siege, client, "ban_list", "after", "bans", &json!({}));
    assert_eq!(bans.len(), 500);
    let others: Vec<usize> = (0..900).map(|_| self::client(&mut siege)).collect();
    let sessions = all_pages(&mut siege, client, "sessions", "after", "sessions", &json!({}));
    assert_eq!(sessions.len(), others.len() + 2);
    siege.works();
}

#[test]
fn lines_of_escapes_do_not_lock_a_game_out() {
    let mut siege = Siege::default();
    // In JSON each of these characters has six bytes.
    many_lines(&mut siege, 45, &"\u{1b}".repeat(4000));
    let client = client(&mut siege);
    for (method, params) in
        [("channel_history", json!({"channel": "chat"})), ("history_search", json!({"query": "\u{1b}"}))]
    {
        let lines = all_pages(&mut siege, client, method, "before", "messages", &params);
        let numbers: Vec<usize> = lines
            .iter()
            .map(|line| line["message"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..45).collect::<Vec<usize>>(), "{method}");
    }
    assert!(siege.world.is_open(client));
    assert_eq!(siege.metrics().connections_at_fault, 0);
    siege.nobody_else_noticed();
}

#[test]
fn who_asks_twenty_times_and_reads_slowly_gets_twenty_answers_in_order() {
    for over_websocket in [false, true] {
        let mut siege = Siege::default();
        many_muds(&mut siege, 2000);
        let client = if over_websocket { siege.websocket() } else { client(&mut siege) };
        siege.world.stall(client);
        let requests: Vec<String> = (0..20).map(|id| call_of(id, "mudlist", "{}")).collect();
        let bytes: Vec<u8> = if over_websocket {
            requests.iter().flat_map(|one| wire::websocket_frame(1, one.as_bytes())).collect()
        } else {
            (requests.join("\n") + "\n").into_bytes()
        };
        siege.world.write(client, &bytes);
        let mut ids = Vec::new();
        for _ in 0..200 {
            settle(&mut siege);
            let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
            assert!(held < CLIENT_PAUSE_BYTES + 2 * ANSWER_BYTES_MAX, "{held} bytes are held");
            // It takes one write, and then nothing for a while.
            siege.world.resume(client);
            siege.world.stall(client);
            let texts: Vec<String> = if over_websocket {
                siege.frames(client)
            } else {
                let text = siege.text(client);
                // The end of a write may be in the middle of a line.
                let end = text.rfind('\n').map_or(0, |at| at + 1);
                siege.world.received(client).extend_from_slice(&text.as_bytes()[end..]);
                text[..end].lines().map(str::to_owned).collect()
            };
            for text in texts {
                let answer: Json = serde_json::from_str(&text).unwrap();
                assert!(answer["result"]["count"].as_u64() > Some(500), "{answer}");
                ids.push(answer["id"].as_u64().unwrap());
            }
            if ids.len() == 20 {
                break;
            }
        }
        assert_eq!(ids, (0..20).collect::<Vec<u64>>());
        assert!(siege.world.is_open(client));
        siege.nobody_else_noticed();
    }
}

#[test]
fn pipelined_pages_of_http_are_answered_when_the_client_reads() {
    let mut siege = Siege::default();
    let client = siege.connect(Listener::Http);
    siege.world.stall(client);
    siege.world.write(client, "GET /api/openrpc.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(30).as_bytes());
    let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
    assert!(held < 2 * CLIENT_PAUSE_BYTES, "{held} bytes are held");
    siege.world.resume(client);
    settle(&mut siege);
    assert_eq!(siege.statuses(client), vec!["200"; 30]);
    siege.nobody_else_noticed();
}

#[test]
fn a_long_text_of_the_network_is_cut_and_closes_nobody() {
    for unit in ["x", "\u{1b}", "é"] {
        let mut siege = Siege::default();
        let sessions: Vec<usize> = (0..3).map(|_| client(&mut siege)).collect();
        let long = unit.repeat(1_050_000 / unit.len());
        let stream: Vec<u8> = [long.as_str(), "small"]
            .iter()
            .flat_map(|text| {
                let packet = format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{text}",}})"#);
                wire::mudmode_frame(packet.as_bytes())
            })
            .collect();
        // Both in one piece.
        siege.world.write(siege.router, &stream);
        for session in sessions.into_iter().chain([siege.bystander]) {
            let told = siege.read(session);
            let texts: Vec<&str> =
                told.iter().map(|one| one["params"]["message"].as_str().unwrap()).collect();
            assert_eq!((texts.len(), texts[1]), (2, "small"));
            let kept = texts[0].strip_suffix(CUT_MARK).expect("it is marked");
            let bytes = serde_json::to_string(kept).unwrap().len() - 2;
            assert!(
                long.starts_with(kept) && bytes <= TEXT_BYTES_MAX && bytes > TEXT_BYTES_MAX - 7,
                "{bytes}"
            );
        }
        assert_eq!(siege.metrics().connections_at_fault, 0);
        siege.nobody_else_noticed();
    }
}

#[test]
fn every_kind_of_event_from_the_network_is_bounded() {
    let long = "\u{1b}".repeat(150_000);
    let rows = |row: &str| row.repeat(1_000_000 / row.len());
    let [users, names] = [rows(r#"({"bob",0,"x"}),"#), rows("\"bob\",")].map(|rows| format!("({{{rows}}})"));
    for packet in [
        format!(r#"({{"emoteto",5,"{long}","{long}","Alpha","ann","{long}","{long}",}})"#),
        format!(r#"({{"channel-m",5,"{long}","bob",0,0,"chat","{long}","{long}",}})"#),
        format!(
            r#"({{"channel-t",5,"{long}","bob",0,0,"chat","{long}","{long}","{long}","{long}","{long}","{long}",}})"#
        ),
        format!(r#"({{"who-reply",5,"Sage",0,"Alpha","ann",{users},}})"#),
        format!(r#"({{"chan-who-reply",5,"Sage",0,"Alpha","ann","chat",{names},}})"#),
        format!(
            r#"({{"finger-reply",5,"Sage",0,"Alpha","ann","{long}","{long}","{long}","{long}","{long}",1,"{long}","{long}","{long}",}})"#
        ),
        format!(r#"({{"locate-reply",5,"Sage",0,"Alpha","ann","{long}","{long}",1,"{long}",}})"#),
        format!(r#"({{"error",5,"{long}",0,"Alpha","ann","{long}","{long}",0,}})"#),
        format!(r#"({{"error",5,"*net",0,"Alpha",0,"bad-mojo","{long}",0,}})"#),
        format!(
            r#"({{"mudlist",5,"*net",0,"Alpha",0,1,(["New":({{-1,"{long}",4000,0,0,"{long}","{long}","{long}","t","o","e",(["{long}":"{long}",]),0,}}),]),}})"#
        ),
    ] {
        let mut siege = Siege::default();
        siege.world.wait(31 * SECOND);
        // Nobody is told of such a reply unless somebody has asked.
        let who = call_of(1, "channel_who", r#"{"channel":"chat","target_mud":"Sage","from_user":"ann"}"#);
        siege.ask(siege.bystander, &who);
        siege.text(siege.bystander);
        siege.frame(&packet);
        let shown = &packet[..14];
        let text = siege.text(siege.bystander);
        assert!(!text.is_empty() && text.len() < ANSWER_BYTES_MAX + 2000, "{shown}: {} bytes", text.len());
        let event: Json = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert!(event["method"].is_string() && event["params"]["event_id"].is_u64(), "{shown}");
        if packet.contains("who-reply") {
            assert_eq!(event["params"]["more"], true, "{shown}");
        }
        assert_eq!(siege.metrics().connections_at_fault, 0);
        siege.nobody_else_noticed();
    }
}

#[test]
fn the_answer_to_who_has_a_bound_for_each_that_waits() {
    let mut siege = Siege::default();
    let client = client(&mut siege);
    for id in 0..60 {
        siege.ask(client, &call_of(id, "who", r#"{"target_mud":"Sage","wait":true,"from_user":"ann"}"#));
    }
    let rows = r#"({"bob",0,"x"}),"#.repeat(60_000);
    siege.frame(&format!(r#"({{"who-reply",5,"Sage",0,"Alpha","ann",({{{rows}}}),}})"#));
    let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
    assert_eq!(held, 0, "everybody reads");
    let answers = siege.read(client);
    assert_eq!(answers.len(), 60);
    let given = answers.iter().filter(|answer| answer["result"]["more"] == true).count();
    let refused = answers.iter().filter(|answer| answer["error"]["data"]["reason"] == "backlog_full").count();
    assert!(given >= 3 && given + refused == 60, "{given} given, {refused} refused");
    siege.nobody_else_noticed();
}

#[test]
fn what_a_batch_holds_counts_and_what_it_cannot_hold_is_an_error_for_each_request() {
    for (over_websocket, clients) in [(false, 12), (true, 2)] {
        let mut siege = Siege::default();
        many_lines(&mut siege, 50, &"\u{1b}".repeat(1000));
        let clients: Vec<usize> = (0..clients)
            .map(|_| if over_websocket { siege.websocket() } else { client(&mut siege) })
            .collect();
        let mut requests: Vec<String> =
            (0..20).map(|id| call_of(id, "channel_history", r#"["chat"]"#)).collect();
        requests.push(call_of(20, "who", r#"{"target_mud":"Sage","wait":true,"timeout":30}"#));
        let batch = format!("[{}]", requests.join(","));
        let mut most = 0;
        for one in &clients {
            // Each sends it again and again.
            for _ in 0..2 {
                match over_websocket {
                    true => siege.world.write(*one, &wire::websocket_frame(1, batch.as_bytes())),
                    false => siege.ask(*one, &batch),
                }
                settle(&mut siege);
            }
            most = most.max(siege.world.machine::<Gateway>("Alpha").pending_bytes());
        }
        assert!(most > clients.len() * BATCH_ANSWERS_BYTES_MAX / 2, "what is held counts: {most}");
        assert!(most < ALL_PENDING_BYTES_MAX + 2 * 1_048_576, "{most} bytes are held");
        siege.frame(r#"({"who-reply",5,"Sage",0,"Alpha","someone",({}),})"#);
        settle(&mut siege);
        assert_eq!(siege.world.machine::<Gateway>("Alpha").pending_bytes(), 0);
        let texts: Vec<String> = match over_websocket {
            true => siege.frames(clients[0]),
            false => siege.text(clients[0]).lines().map(str::to_owned).collect(),
        };
        assert_eq!(texts.len(), 2, "each batch is answered");
        for text in texts {
            assert!(text.len() < BATCH_ANSWERS_BYTES_MAX + 30 * ENVELOPE_BYTES, "{}", text.len());
            let answers: Vec<Json> = serde_json::from_str(&text).unwrap();
            let ids: Vec<u64> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (0..21).collect::<Vec<u64>>());
            let is_refused = |answer: &&Json| {
                answer["error"]["data"] == json!({"reason": "backlog_full", "retryable": true})
            };
            assert!(answers.iter().filter(is_refused).count() >= 17);
            assert!(answers[20]["result"]["users"].is_array(), "a short answer has room");
        }
        assert_eq!(siege.metrics().connections_at_fault, 0);
        siege.nobody_else_noticed();
    }
}

/// Sends a batch, and counts the turns until its answer comes. In each the bystander has its answer at once.
fn turns_of(siege: &mut Siege, batch: &str) -> (usize, Vec<Json>) {
    let greedy = client(siege);
    siege.ask(greedy, batch);
    let mut turns = 0;
    let is_answered =
        |received: &[u8]| received.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"["));
    while !is_answered(siege.world.received(greedy)) {
        siege.ask(siege.bystander, &call_of(turns, "ping", "{}"));
        let answers = siege.read(siege.bystander);
        assert_eq!(answers.len(), 1, "turn {turns}: a ping waits for the batch of another client");
        let now = siege.world.now().mono;
        siege.world.step(now + SECOND);
        turns += 1;
        assert!(turns < 10_000, "the batch is never answered");
    }
    let text = siege.text(greedy);
    let batch = text.lines().find(|line| line.starts_with('[')).unwrap();
    (turns, serde_json::from_str(batch).unwrap())
}

#[test]
fn a_hundred_lists_are_done_in_turns() {
    let mut siege = Siege::default();
    many_muds(&mut siege, MUDS);
    let requests: Vec<String> = (0..100).map(|id| call_of(id, "mudlist", "{}")).collect();
    let (turns, answers) = turns_of(&mut siege, &format!("[{}]", requests.join(",")));
    assert_eq!(answers.len(), 100);
    assert!(answers[0]["result"]["more"] == true);
    let least = 100 * ANSWER_BYTES_MAX / TURN_WORK_MAX / 2;
    assert!((least..1000).contains(&turns), "{turns} turns");
    // The same for what looks at much and returns little.
    for request in [
        call_of(1, "mudlist", r#"{"filter":{"name":"nothing like this"}}"#),
        call_of(1, "tell", r#"{"target_mud":"unknown","target_user":"bob","message":"hi"}"#),
    ] {
        let (turns, answers) = turns_of(&mut siege, &format!("[{}]", vec![request.clone(); 100].join(",")));
        assert!(turns > 5, "{turns} turns for 100 times {request}");
        assert_eq!(answers.len(), 100);
    }
    // The tells leave one after the other.
    siege.world.wait(20 * SECOND);
    siege.nobody_else_noticed();
}

#[test]
fn many_searches_are_done_in_turns_and_in_order() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| {
        settings.api.events.log_bytes_max = 4 * 1_048_576;
        settings.api.events.history_max = 400;
    });
    for channel in 0..4 {
        siege.ask(siege.bystander, &call_of(1, "channel_join", &format!("[\"c{channel}\"]")));
        for at in 0..400 {
            let text = "lorem ipsum dolor sit amet ".repeat(50);
            siege.frame(&format!(
                r#"({{"channel-m",5,"Sage{at}","bob",0,0,"c{channel}","Bob","{at} {text}",}})"#
            ));
        }
        siege.text(siege.bystander);
    }
    let requests: Vec<String> =
        (0..30).map(|id| call_of(id, "history_search", r#"{"query":"NOT THERE"}"#)).collect();
    let (turns, answers) = turns_of(&mut siege, &format!("[{}]", requests.join(",")));
    assert!(turns > 150, "{turns} turns");
    assert!(answers.iter().all(|answer| answer["result"]["count"] == 0), "{}", answers[0]);
    // A search of many turns finds what one of a single turn would, and the request after it waits.
    let client = client(&mut siege);
    siege.ask(client, &call_of(1, "history_search", r#"{"query":"399 LOREM"}"#));
    siege.ask(client, &call_of(2, "ping", "{}"));
    assert_eq!(siege.text(client), "", "it takes more than one turn");
    settle(&mut siege);
    let answers = siege.read(client);
    assert_eq!((answers[0]["id"].as_u64(), answers[1]["id"].as_u64()), (Some(1), Some(2)));
    let found: Vec<&str> = answers[0]["result"]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["channel"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["c0", "c1", "c2", "c3"]);
    // Who leaves in the middle leaves nothing behind.
    siege.ask(client, &call_of(3, "history_search", r#"{"query":"NOT THERE"}"#));
    siege.world.close(client);
    settle(&mut siege);
    siege.nobody_else_noticed();
}

#[test]
fn a_hundred_replays_are_done_in_turns() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.events.history_max = 1000);
    many_lines(&mut siege, 1000, "x");
    let (turns, answers) =
        turns_of(&mut siege, &format!("[{}]", vec![call_of(1, "resume", "{}"); 100].join(",")));
    assert!(turns > 1, "{turns} turns");
    assert_eq!(answers.len(), 100);
    siege.nobody_else_noticed();
}

#[test]
fn many_connections_of_one_key_share_the_turns() {
    let mut siege = Siege::default();
    many_muds(&mut siege, 1000);
    let greedy: Vec<usize> = (0..20).map(|_| client(&mut siege)).collect();
    for round in 0..2 {
        for one in &greedy {
            let requests: Vec<String> = (0..3).map(|id| call_of(id, "mudlist", "{}")).collect();
            siege.world.write(*one, (requests.join("\n") + "\n").as_bytes());
            siege.ask(siege.bystander, &call_of(round, "ping", "{}"));
            assert_eq!(siege.read(siege.bystander).len(), 1);
        }
        siege.world.wait(SECOND);
        for one in &greedy {
            assert_eq!(siege.text(*one).lines().count(), 3);
        }
    }
    siege.nobody_else_noticed();
}

#[test]
fn who_ends_its_side_gets_what_it_has_asked_for_in_turns() {
    let mut siege = Siege::default();
    many_muds(&mut siege, 2000);
    let client = client(&mut siege);
    let requests: Vec<String> = (0..12).map(|id| call_of(id, "mudlist", "{}")).collect();
    siege.world.write(client, (requests.join("\n") + "\n").as_bytes());
    siege.world.half_close(client);
    siege.world.wait(SECOND);
    assert_eq!(siege.text(client).lines().count(), 12);
    assert!(!siege.world.is_open(client));
    siege.nobody_else_noticed();
}

#[test]
fn who_never_reads_is_closed_after_a_time_and_its_tells_wait() {
    for over_websocket in [false, true] {
        let mut siege = Siege::default();
        let sleeper = if over_websocket { siege.websocket() } else { client(&mut siege) };
        siege.world.stall(sleeper);
        let text = "x".repeat(5000);
        for _ in 0..400 {
            siege.tell(&text);
        }
        let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
        assert!(held < CLIENT_PENDING_BYTES_MAX + 10_000, "{held} bytes are held");
        siege.world.wait(CLIENT_STALLED_MAX - SECOND);
        assert!(siege.world.is_open(sleeper), "its time is not over");
        siege.world.wait(2 * SECOND);
        assert!(!siege.world.is_open(sleeper));
        assert_eq!(siege.metrics().connections_at_fault, 1);
        siege.nobody_else_noticed();
    }
}

#[test]
fn who_reads_a_little_now_and_then_is_not_closed() {
    for over_websocket in [false, true] {
        let mut siege = Siege::default();
        many_muds(&mut siege, 2000);
        let slow = if over_websocket { siege.websocket() } else { client(&mut siege) };
        siege.world.stall(slow);
        let requests: Vec<String> = (0..20).map(|id| call_of(id, "mudlist", "{}")).collect();
        for request in requests {
            match over_websocket {
                true => siege.world.write(slow, &wire::websocket_frame(1, request.as_bytes())),
                false => siege.ask(slow, &request),
            }
        }
        for _ in 0..15 {
            siege.world.wait(CLIENT_STALLED_MAX - SECOND);
            assert!(siege.world.is_open(slow));
            siege.world.resume(slow);
            siege.world.stall(slow);
        }
        siege.nobody_else_noticed();
    }
}
