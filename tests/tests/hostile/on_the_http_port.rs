//! What comes to the HTTP port.

use super::*;

#[test]
fn lines_get_a_400_that_says_where_to_go() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Http);
    siege.ask(attacker, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let text = siege.text(attacker);
    assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("JSON lines have their own port"), "{text}");
    assert!(!siege.world.is_open(attacker));
    assert_eq!(siege.metrics().connections_at_fault, 1);
    siege.nobody_else_noticed();
}

#[test]
fn a_head_without_end_or_with_too_many_headers_gets_a_431() {
    for head in [
        format!("GET /health HTTP/1.1\r\nX: {}", "y".repeat(20_000)),
        format!("GET /{} HTTP/1.1\r\n", "y".repeat(20_000)),
        format!("GET /health HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(2000)),
    ] {
        let mut siege = Siege::default();
        let attacker = siege.connect(Listener::Http);
        for piece in head.as_bytes().chunks(1000) {
            siege.world.write(attacker, piece);
        }
        assert_eq!(siege.statuses(attacker), ["431"]);
        assert!(!siege.world.is_open(attacker));
        assert_eq!(siege.metrics().connections_at_fault, 1);
        siege.nobody_else_noticed();
    }
}

#[test]
fn a_head_of_one_byte_a_second_has_ten_seconds() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Http);
    let mut seconds = 0;
    for byte in b"GET /health HTTP/1.1\r\nHost: example.org\r\n" {
        siege.world.write(attacker, &[*byte]);
        if !siege.world.is_open(attacker) {
            break;
        }
        siege.world.wait(SECOND);
        seconds += 1;
    }
    assert_eq!(seconds, 10);
    assert_eq!(siege.statuses(attacker), ["408"]);
    assert_eq!(siege.metrics().connections_at_fault, 1);
    siege.nobody_else_noticed();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let mut siege = Siege::default();
    let silent = siege.connect(Listener::Http);
    let idle = siege.connect(Listener::Http);
    siege.world.write(idle, b"GET /health HTTP/1.1\r\n\r\n");
    assert_eq!(siege.statuses(idle), ["200"]);
    siege.world.wait(11 * SECOND);
    assert!(!siege.world.is_open(silent) && siege.world.is_open(idle));
    // Between requests there is more time.
    siege.world.wait(70 * SECOND);
    assert!(!siege.world.is_open(idle));
    assert_eq!(siege.text(silent) + &siege.text(idle), "");
    assert_eq!(siege.metrics().connections_at_fault, 0);
}

#[test]
fn a_body_is_refused_and_not_taken_for_a_request() {
    for (request, status) in [
        (
            "POST /health HTTP/1.1\r\nContent-Length: 35\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            "405",
        ),
        (
            "POST /rpc HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
            "404",
        ),
        ("GET /health HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "200"),
    ] {
        let mut siege = Siege::default();
        let attacker = siege.connect(Listener::Http);
        siege.world.write(attacker, request.as_bytes());
        assert_eq!(siege.statuses(attacker), [status], "{request}");
        assert!(!siege.world.is_open(attacker));
        siege.nobody_else_noticed();
    }
}

#[test]
fn a_wrong_key_in_the_handshake_gets_a_401() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Http);
    siege.world.write(attacker, wire::websocket_request("/ws", Some("guess")).as_bytes());
    assert_eq!(siege.statuses(attacker), ["401"]);
    assert_eq!(siege.metrics().keys_refused, 1);
    siege.nobody_else_noticed();
}
