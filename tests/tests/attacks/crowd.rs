//! Connections that open and idle.

use super::*;

/// One address after the other.
fn address(number: u32) -> [u8; 4] {
    (0x0b00_0000 + number).to_be_bytes()
}

#[test]
fn ten_thousand_connections_from_one_address_leave_room_for_all_others() {
    let mut siege = Siege::default();
    let opened = (0..10_000)
        .filter(|at| {
            let on = if at % 2 == 0 { Listener::Lines } else { Listener::Http };
            siege.connect_from(address(1), on).is_some()
        })
        .count();
    assert_eq!(opened, 100);
    assert_eq!(siege.world.refused, [Refused::TooMany; 9_900]);
    assert_eq!(siege.metrics().connections_refused, 9_900);
    assert!(siege.connect_from(address(2), Listener::Lines).is_some());
    // Those who show no key are gone after a minute.
    siege.world.wait(61 * SECOND);
    assert!(siege.connect_from(address(1), Listener::Lines).is_some());
    siege.nobody_else_noticed();
}

#[test]
fn ten_thousand_connections_from_everywhere_are_bounded_and_gone_after_a_minute() {
    let mut siege = Siege::default();
    let mut opened = Vec::new();
    for at in 0..10_000 {
        let on = if at % 2 == 0 { Listener::Lines } else { Listener::Http };
        opened.extend(siege.connect_from(address(at), on));
    }
    // The game has the thousandth. The oldest have made room for the newest.
    let open: Vec<usize> = (0..opened.len()).filter(|at| siege.world.is_open(opened[*at])).collect();
    assert_eq!(open, (9_001..10_000).collect::<Vec<_>>());
    let metrics = siege.metrics();
    assert_eq!((metrics.connections_refused, metrics.strangers_evicted), (0, 9_001));
    let told = siege.read(opened[0]).pop().unwrap();
    assert!(told["error"]["message"].as_str().unwrap().contains("the gateway is full"), "{told}");
    siege.nobody_else_noticed();
    siege.world.wait(61 * SECOND);
    assert_eq!(opened.iter().filter(|script| siege.world.is_open(**script)).count(), 0);
    assert!(siege.connect_from(address(1), Listener::Lines).is_some());
    siege.nobody_else_noticed();
}

/// They come again and again, and do not read. A game, a health check and a page of another host get in all the same.
#[test]
fn a_thousand_connections_from_ten_addresses_shut_nobody_out() {
    let mut siege = Siege::default();
    let mut slow_game = None;
    for round in 0..20 {
        for at in 0..1000 {
            siege.connect_from(address(at % 10), if at % 3 == 0 { Listener::Http } else { Listener::Lines });
        }
        let health = http(&mut siege, [127, 0, 0, 1], "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(health.0, "200", "{round}: {}", health.1);
        let game = siege.connect_from([198, 51, 100, 1], Listener::Lines).expect("a place for the game");
        siege.ask(game, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
        assert_eq!(siege.read(game).pop().unwrap()["result"]["status"], "authenticated");
        siege.world.close(game);
        // A game far away takes its time to show its key. It is not the loudest.
        slow_game.get_or_insert_with(|| siege.connect_from([198, 51, 100, 2], Listener::Lines).unwrap());
    }
    let slow_game = slow_game.unwrap();
    siege.ask(slow_game, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    assert_eq!(siege.read(slow_game).pop().unwrap()["result"]["status"], "authenticated");
    siege.nobody_else_noticed();
}

#[test]
fn each_kind_of_stranger_is_told_why_it_must_go() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.connections_max = 6);
    let websocket = siege.connect_from(address(1), Listener::Http).unwrap();
    siege.world.write(websocket, handshake(None, "").as_bytes());
    assert!(siege.text(websocket).starts_with("HTTP/1.1 101"));
    let lines = siege.connect_from(address(1), Listener::Lines).unwrap();
    let idle = siege.connect_from(address(1), Listener::Http).unwrap();
    let half = siege.connect_from(address(1), Listener::Http).unwrap();
    siege.world.write(half, b"GET /hea");
    let known = siege.connect_from(address(1), Listener::Http).unwrap();
    siege.world.write(known, handshake(Some("alpha-key"), "").as_bytes());
    siege.read(lines);
    for at in 0..4 {
        assert!(siege.connect_from(address(2 + at), Listener::Lines).is_some());
    }
    let frames = siege.frames(websocket);
    assert!(frames[0].contains("the gateway is full") && frames[1] == "close 1013", "{frames:?}");
    assert!(siege.text(lines).contains("the gateway is full"));
    assert_eq!(siege.text(idle), "");
    assert!(siege.text(half).starts_with("HTTP/1.1 503 "));
    for script in [websocket, lines, idle, half] {
        assert!(!siege.world.is_open(script));
    }
    assert!(siege.world.is_open(known), "a client with a key makes no room");
    assert_eq!(siege.metrics().strangers_evicted, 4);
    siege.nobody_else_noticed();
}

/// The keys that are known have all places: a health check of this host has one of its own, and nobody else.
#[test]
fn health_checks_have_places_of_their_own() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.connections_max = 4);
    for _ in 0..3 {
        siege.websocket();
    }
    assert_eq!(siege.connect_from(address(1), Listener::Http), None);
    assert_eq!(siege.connect_from([127, 0, 0, 1], Listener::Lines), None);
    let probes: Vec<usize> =
        (0..100).filter_map(|_| siege.connect_from([127, 0, 0, 1], Listener::Http)).collect();
    let open: Vec<usize> = probes.iter().copied().filter(|one| siege.world.is_open(*one)).collect();
    assert!(!open.is_empty() && open.len() <= RESERVED_PLACES, "{}", open.len());
    siege.world.write(*open.last().unwrap(), b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(siege.statuses(*open.last().unwrap()), ["200"]);
    // A client behind a proxy of this host does not stay there.
    let (status, _) =
        http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), "X-Forwarded-For: 11.0.0.1\r\n"));
    assert_eq!(status, "503");
    siege.nobody_else_noticed();
}

#[test]
fn a_slow_head_on_every_connection_is_cut_off() {
    let mut siege = Siege::default();
    let slow: Vec<usize> =
        (0..500).map(|at| siege.connect_from(address(at), Listener::Http).unwrap()).collect();
    for byte in b"GET /health HTTP" {
        for script in &slow {
            siege.world.write(*script, &[*byte]);
        }
        siege.world.wait(SECOND);
    }
    assert!(slow.iter().all(|script| !siege.world.is_open(*script)));
    assert_eq!(siege.metrics().connections_at_fault, 500);
    siege.nobody_else_noticed();
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let mut siege = Siege::default();
    let host = |network: u16, host: u16| std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, network, 0, 0, 0, host);
    let opened = (0..500).filter(|at| siege.connect_from(host(1, *at), Listener::Lines).is_some()).count();
    assert_eq!(opened, 100);
    assert!(siege.connect_from(host(2, 1), Listener::Lines).is_some());
}

#[test]
fn clients_of_a_proxy_have_their_own_limits() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.connections_per_address_max = 3);
    let mut open = |client: &str| {
        let script = siege.connect(Listener::Http);
        let request = handshake(Some("alpha-key"), &format!("X-Forwarded-For: 6.6.6.6, {client}\r\n"));
        siege.world.write(script, request.as_bytes());
        siege.text(script)[9..12].to_owned()
    };
    let statuses: Vec<String> = (0..5).map(|_| open("203.0.113.9")).collect();
    assert_eq!(statuses, ["101", "101", "101", "429", "429"]);
    assert_eq!(open("203.0.113.10"), "101");
    assert_eq!(siege.metrics().connections_refused, 2);
}

#[test]
fn a_kicked_session_is_told_and_gone() {
    let mut siege = Siege::default();
    let websocket = siege.websocket();
    let lines = siege.connect(Listener::Lines);
    siege.ask(lines, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    let session = siege.read(lines).pop().unwrap()["result"]["session_id"].clone();
    siege.ask(siege.bystander, r#"{"jsonrpc":"2.0","id":1,"method":"sessions"}"#);
    let sessions = siege.read(siege.bystander).pop().unwrap()["result"]["sessions"].clone();
    let of = |transport: &str| {
        let mut found = sessions.as_array().unwrap().iter().filter(|one| one["transport"] == transport);
        found.next_back().unwrap()["session_id"].clone()
    };
    assert_eq!(of("tcp"), session);
    for (id, gone) in [(of("websocket"), websocket), (session, lines)] {
        let kick = json!({"jsonrpc": "2.0", "id": 2, "method": "kick", "params": {"session_id": id}});
        siege.ask(siege.bystander, &kick.to_string());
        assert_eq!(siege.read(siege.bystander)[0]["result"], json!({"status": "kicked", "session_id": id}));
        assert!(!siege.world.is_open(gone));
        siege.ask(siege.bystander, &kick.to_string());
        assert_eq!(
            siege.read(siege.bystander)[0]["error"]["code"],
            -32602,
            "there is no such session any more"
        );
    }
    let text = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32003,"message":"the session was ended by an administrator"}}"#;
    assert_eq!(siege.frames(websocket), [text, "close 1008"]);
    assert_eq!(siege.text(lines), format!("{text}\n"));
    assert_eq!(siege.metrics().sessions_kicked, 2);
    siege.nobody_else_noticed();
}

/// Before a key there is little to be had, whichever way it is asked for.
#[test]
fn a_stranger_has_small_buffers_and_a_small_budget() {
    let mut siege = Siege::default();
    // An unfinished line, and an unfinished message.
    let lines = siege.connect_from(address(1), Listener::Lines).unwrap();
    siege.read(lines);
    siege.world.write(lines, &vec![b'x'; STRANGER_TEXT_BYTES_MAX + 1]);
    let told = siege.read(lines).pop().unwrap();
    assert!(told["error"]["message"].as_str().unwrap().contains("longer than 4096 bytes"), "{told}");
    let websocket = siege.connect_from(address(1), Listener::Http).unwrap();
    siege.world.write(websocket, handshake(None, "").as_bytes());
    siege.text(websocket);
    siege.world.write(websocket, &[0x81, 0x80 | 126, 0x10, 0x01, 0, 0, 0, 0]);
    assert_eq!(siege.frames(websocket), ["close 1009"]);
    // The longest key has room, and the next line on the same segment has its full length.
    let long = siege.connect_from(address(1), Listener::Lines).unwrap();
    siege.read(long);
    let ping =
        format!(r#"{{"jsonrpc":"2.0","id":2,"method":"ping","params":{{"x":"{}"}}}}"#, "y".repeat(60_000));
    siege.ask(long, &format!("{}\n{ping}", r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#));
    assert_eq!(siege.read(long).pop().unwrap()["result"]["pong"], true);
    // Batches.
    let batch = siege.connect_from(address(1), Listener::Lines).unwrap();
    siege.read(batch);
    siege.ask(batch, r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#);
    let told = siege.read(batch).pop().unwrap();
    assert_eq!((&told["id"], &told["error"]["code"]), (&Json::Null, &json!(-32600)));
    siege.nobody_else_noticed();
}

#[test]
fn a_stranger_cannot_go_on_with_texts_that_are_no_requests() {
    for bytes in [&b"\xff\n"[..], b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", b"{}\n", b"[]\n"] {
        let mut siege = Siege::default();
        let script = siege.connect_from(address(1), Listener::Lines).unwrap();
        siege.read(script);
        let mut sent = 0;
        while siege.world.is_open(script) && sent < 4 * STRANGER_BYTES_MAX {
            siege.world.write(script, &bytes.repeat(100));
            sent += 100 * bytes.len();
        }
        assert!(!siege.world.is_open(script), "{bytes:?}");
        assert!(siege.read(script).len() <= 101);
        siege.nobody_else_noticed();
    }
}

/// The documents cost much to send. One address gets so many, over however many connections, and its key is looked at
/// all the same.
#[test]
fn one_address_gets_so_many_documents() {
    let mut siege = Siege::default();
    let (mut documents, mut refused) = (0, 0);
    for _ in 0..200 {
        let script = siege.connect_from(address(1), Listener::Lines).unwrap();
        siege.read(script);
        for _ in 0..100 {
            siege.ask(script, r#"{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}"#);
            if !siege.world.is_open(script) {
                break;
            }
        }
        for answer in siege.read(script) {
            match answer["error"]["code"].as_i64() {
                None if answer["result"]["methods"].is_array() => documents += 1,
                Some(-32001) => refused += 1,
                _ => panic!("{answer}"),
            }
        }
        siege.world.close(script);
    }
    assert!((10..200).contains(&documents), "{documents}");
    assert_eq!(siege.metrics().strangers_limited, refused);
    assert!(refused > 1000, "{refused}");
    let status = http(&mut siege, address(1), "GET /api/openrpc.json HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(status.0 == "429" && status.1.contains("Retry-After: "), "{}", status.1);
    assert_eq!(http(&mut siege, address(1), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").0, "200");
    assert_eq!(http(&mut siege, address(2), "GET /api/openrpc.json HTTP/1.1\r\nHost: x\r\n\r\n").0, "200");
    let game = siege.connect_from(address(1), Listener::Lines).unwrap();
    siege.ask(game, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    siege.ask(game, r#"{"jsonrpc":"2.0","id":2,"method":"rpc.discover"}"#);
    assert!(siege.read(game).pop().unwrap()["result"]["methods"].is_array());
    siege.nobody_else_noticed();
}

#[test]
fn who_pipelines_pages_and_does_not_read_gets_a_bounded_number() {
    let mut siege = Siege::default();
    let script = siege.connect_from([127, 0, 0, 1], Listener::Http).unwrap();
    siege.world.stall(script);
    siege.world.write(script, "GET /api/openrpc.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000).as_bytes());
    siege.world.wait(SECOND);
    let held = siege.world.machine::<Gateway>("Alpha").pending_bytes();
    assert!((100_000..1_000_000).contains(&held), "{held} bytes");
    siege.world.wait(Duration::from_secs(300));
    assert!(!siege.world.is_open(script));
    siege.nobody_else_noticed();
}
