//! Addresses and pages that are not wanted, headers that lie.

use super::*;
use i3_core::settings::{AddressRules, Settings};

fn rules(whitelist: &[&str], blacklist: &[&str]) -> impl FnOnce(&mut Settings) + use<> {
    let read = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
    let addresses =
        AddressRules { whitelist: read(whitelist), blacklist: read(blacklist), ..AddressRules::default() };
    move |settings| settings.api.addresses = addresses
}

const HEALTH: &str = "GET /health HTTP/1.1\r\n";

#[test]
fn who_is_not_on_the_whitelist_is_refused_on_every_port() {
    // The game of the test comes from this host.
    let mut siege =
        Siege::new(usize::MAX >> 1, rules(&["127.0.0.1/32", "203.0.113.0/24"], &["203.0.113.66/32"]));
    for on in [Listener::Lines, Listener::Http] {
        assert!(siege.connect_from([203, 0, 113, 9], on).is_some());
        assert!(siege.connect_from([198, 51, 100, 1], on).is_none());
        assert!(siege.connect_from([203, 0, 113, 66], on).is_none());
        let mapped: std::net::Ipv6Addr = "::ffff:203.0.113.66".parse().unwrap();
        assert!(siege.connect_from(mapped, on).is_none());
    }
    assert_eq!(siege.world.refused, [Refused::Address; 6]);
    assert_eq!(siege.metrics().connections_forbidden, 6);
    siege.nobody_else_noticed();
}

#[test]
fn behind_a_proxy_the_client_counts() {
    let mut siege = Siege::new(usize::MAX >> 1, rules(&[], &["203.0.113.0/24"]));
    for (header, status) in [
        ("", "200"),
        ("X-Real-IP: 198.51.100.1\r\n", "200"),
        ("X-Real-IP: 203.0.113.9\r\n", "403"),
        ("X-Real-IP: ::ffff:203.0.113.9\r\n", "403"),
        ("X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", "403"),
        // What stands further left the client wrote himself.
        ("X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n", "200"),
        ("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "403"),
    ] {
        let (got, text) = http(&mut siege, [127, 0, 0, 1], &format!("{HEALTH}{header}\r\n"));
        assert_eq!(got, status, "{header}: {text}");
    }
    assert_eq!(
        http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), "X-Real-IP: 203.0.113.9\r\n")).0,
        "403"
    );
    assert_eq!(siege.metrics().connections_forbidden, 5);
    // A whitelist lets the clients of a proxy in, and the proxy itself only if it is on it. The game of the test is not
    // behind one.
    let mut siege = Siege::new(usize::MAX >> 1, rules(&["127.0.0.1/32", "203.0.113.0/24"], &[]));
    for (from, header, status) in [
        ([127, 0, 0, 2], "", "403"),
        ([127, 0, 0, 2], "X-Real-IP: 203.0.113.9\r\n", "200"),
        ([127, 0, 0, 2], "X-Real-IP: 198.51.100.1\r\n", "403"),
        ([203, 0, 113, 9], "X-Real-IP: 198.51.100.1\r\n", "200"),
    ] {
        assert_eq!(http(&mut siege, from, &format!("{HEALTH}{header}\r\n")).0, status, "{header}");
    }
    // JSON lines have no headers.
    assert!(siege.connect_from([127, 0, 0, 2], Listener::Lines).is_none());
    siege.nobody_else_noticed();
}

#[test]
fn a_page_of_another_origin_is_refused_where_origins_are_set() {
    let mut siege = Siege::default();
    let evil = handshake(Some("alpha-key"), "Origin: https://evil.example\r\n");
    assert_eq!(http(&mut siege, [127, 0, 0, 1], &evil).0, "101", "without the setting nobody asks");
    let mut siege = Siege::new(usize::MAX >> 1, |settings| {
        settings.api.allowed_origins = vec!["https://game.example".to_owned()];
    });
    for (headers, status) in [
        ("", "101"),
        ("Origin: https://game.example\r\n", "101"),
        ("Origin: HTTPS://GAME.example\r\n", "101"),
        ("Origin: https://evil.example\r\n", "403"),
        ("Origin: https://game.example.evil.example\r\n", "403"),
        ("Origin: http://game.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Origin:\r\n", "403"),
    ] {
        let (got, text) = http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), headers));
        assert_eq!(got, status, "{headers}: {text}");
    }
    assert_eq!(siege.metrics().connections_forbidden, 5);
    siege.nobody_else_noticed();
}

#[test]
fn a_subprotocol_comes_back_and_no_extension_is_agreed_to() {
    let mut siege = Siege::default();
    for (headers, wanted) in [
        ("", None),
        ("Sec-WebSocket-Protocol: i3.v1, other\r\n", Some("i3.v1")),
        ("Sec-WebSocket-Protocol: bad token\r\nSec-WebSocket-Protocol: good\r\n", Some("good")),
        ("Sec-WebSocket-Protocol: \"quoted\"\r\n", None),
        ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", None),
    ] {
        let (status, text) = http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), headers));
        assert_eq!(status, "101", "{headers}");
        let protocol = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(protocol, wanted, "{headers}");
        assert!(!text.contains("Extensions"), "{text}");
    }
}
