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
    assert_eq!(opened.len(), 999, "the game has the thousandth");
    assert_eq!(siege.metrics().connections_refused, 9_001);
    siege.nobody_else_noticed();
    siege.world.wait(61 * SECOND);
    assert_eq!(opened.iter().filter(|script| siege.world.is_open(**script)).count(), 0);
    assert!(siege.connect_from(address(1), Listener::Lines).is_some());
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
