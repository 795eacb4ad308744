//! Addresses and pages that are not wanted, headers that lie.

use super::*;
use i3_core::Gateway;
use i3_core::settings::{AddressRules, ClientIpHeader, Settings};
use i3_tests::scenario::settings;

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
        ("X-Forwarded-For: 198.51.100.1\r\n", "200"),
        ("X-Forwarded-For: 203.0.113.9\r\n", "403"),
        ("X-Forwarded-For: ::ffff:203.0.113.9\r\n", "403"),
        ("X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", "403"),
        // What stands further left the client wrote himself.
        ("X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n", "200"),
        ("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "403"),
    ] {
        let (got, text) = http(&mut siege, [127, 0, 0, 1], &format!("{HEALTH}{header}\r\n"));
        assert_eq!(got, status, "{header}: {text}");
    }
    assert_eq!(
        http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), "X-Forwarded-For: 203.0.113.9\r\n")).0,
        "403"
    );
    assert_eq!(siege.metrics().connections_forbidden, 5);
    // A whitelist lets the clients of a proxy in, and the proxy itself only if it is on it. The game of the test is not
    // behind one.
    let mut siege = Siege::new(usize::MAX >> 1, rules(&["127.0.0.1/32", "203.0.113.0/24"], &[]));
    for (from, header, status) in [
        ([127, 0, 0, 2], "", "403"),
        ([127, 0, 0, 2], "X-Forwarded-For: 203.0.113.9\r\n", "200"),
        ([127, 0, 0, 2], "X-Forwarded-For: 198.51.100.1\r\n", "403"),
        ([203, 0, 113, 9], "X-Forwarded-For: 198.51.100.1\r\n", "200"),
    ] {
        assert_eq!(http(&mut siege, from, &format!("{HEALTH}{header}\r\n")).0, status, "{header}");
    }
    // JSON lines have no headers.
    assert!(siege.connect_from([127, 0, 0, 2], Listener::Lines).is_none());
    siege.nobody_else_noticed();
}

/// A gateway with rules that shut its game out.
fn reloaded(change: impl FnOnce(&mut Settings)) -> Siege {
    let mut siege = Siege::default();
    let mut settings = settings("Alpha", &["*net".to_owned()]);
    change(&mut settings);
    siege.world.with::<Gateway, _>("Alpha", |gateway, now| gateway.reload(now, settings)).unwrap();
    siege
}

/// A whitelist that leaves this host out stops its games, but not its health checks. Whether this host is a trusted proxy
/// makes no difference.
#[test]
fn the_health_check_of_this_host_passes_a_whitelist() {
    for proxies in [&["127.0.0.0/8", "::1/128"][..], &[]] {
        let proxies: Vec<_> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        let mut siege = reloaded(|settings| {
            rules(&["203.0.113.0/24", "127.0.0.7/32"], &[])(settings);
            settings.api.addresses.trusted_proxies = proxies;
        });
        let here = [127, 0, 0, 1];
        for (request, status) in [
            ("GET /health HTTP/1.1\r\n", "200"),
            ("GET /health/live HTTP/1.1\r\n", "200"),
            ("HEAD /health/live HTTP/1.1\r\n", "200"),
            ("GET /metrics HTTP/1.1\r\n", "403"),
            ("GET /api/info HTTP/1.1\r\n", "403"),
            ("GET /healthy HTTP/1.1\r\n", "403"),
            ("GET / HTTP/1.1\r\n", "403"),
        ] {
            assert_eq!(http(&mut siege, here, &format!("{request}\r\n")).0, status, "{request}");
        }
        assert_eq!(http(&mut siege, here, &handshake(Some("alpha-key"), "")).0, "403", "no session");
        assert!(siege.connect_from(here, Listener::Lines).is_none());
        assert!(siege.connect_from([198, 51, 100, 1], Listener::Http).is_none());
    }
    // What a proxy of this host passes on is not a check of this host; and a blacklist means what it says.
    let mut siege = reloaded(rules(&["203.0.113.0/24"], &[]));
    let forwarded = format!("{HEALTH}X-Forwarded-For: 198.51.100.1\r\n\r\n");
    assert_eq!(http(&mut siege, [127, 0, 0, 1], &forwarded).0, "403");
    let mut siege = reloaded(rules(&[], &["127.0.0.1/32"]));
    assert!(siege.connect_from([127, 0, 0, 1], Listener::Http).is_none());
}

/// A proxy keeps its connections, and sends the requests of many clients over each.
#[test]
fn every_request_on_a_connection_of_a_proxy_has_its_own_client() {
    let mut siege = Siege::new(usize::MAX >> 1, rules(&[], &["203.0.113.66/32"]));
    let mut proxy = siege.connect_from([127, 0, 0, 1], Listener::Http).unwrap();
    let ask = |siege: &mut Siege, proxy: &mut usize, client: &str, key: Option<&str>| {
        let header = format!("X-Forwarded-For: {client}\r\n");
        let request = match key {
            Some(key) => handshake(Some(key), &header),
            None => format!("{HEALTH}{header}\r\n"),
        };
        siege.world.write(*proxy, request.as_bytes());
        let text = siege.text(*proxy);
        assert!(siege.world.is_open(*proxy), "the proxy keeps its connection: {text}");
        let status = text[9..12].to_owned();
        if status == "101" {
            *proxy = siege.connect_from([127, 0, 0, 1], Listener::Http).unwrap();
        }
        status
    };
    // An innocent client comes between the guesses of another, and after a client that is not wanted.
    for guess in 0..10 {
        let wanted = if guess < 6 { "401" } else { "429" };
        let key = format!("guess-{guess}");
        assert_eq!(ask(&mut siege, &mut proxy, "198.51.100.1", Some(&key)), wanted);
        assert_eq!(ask(&mut siege, &mut proxy, "203.0.113.66", None), "403");
        assert_eq!(ask(&mut siege, &mut proxy, "203.0.113.66", Some("alpha-key")), "403");
        assert_eq!(ask(&mut siege, &mut proxy, "198.51.100.2", None), "200");
    }
    assert_eq!(ask(&mut siege, &mut proxy, "198.51.100.2", Some("a typo")), "401");
    assert_eq!(ask(&mut siege, &mut proxy, "198.51.100.2", Some("alpha-key")), "101");
    // The address of a WebSocket is that of its upgrade request.
    siege.ask(siege.bystander, r#"{"jsonrpc":"2.0","id":1,"method":"sessions"}"#);
    let sessions = siege.read(siege.bystander).pop().unwrap()["result"]["sessions"].clone();
    let addresses: Vec<&str> =
        sessions.as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
    assert!(addresses.contains(&"198.51.100.2") && !addresses.contains(&"198.51.100.1"), "{addresses:?}");
    siege.nobody_else_noticed();
}

/// The proxy appends the address of its peer. All else in the headers is the client's own.
#[test]
fn a_client_behind_an_appending_proxy_does_not_choose_its_address() {
    let by = |header: ClientIpHeader| {
        move |settings: &mut Settings| {
            settings.api.addresses.whitelist =
                vec!["127.0.0.1/32".parse().unwrap(), "203.0.113.0/24".parse().unwrap()];
            settings.api.addresses.client_ip_header = header;
        }
    };
    for (header, own, appended) in [
        (ClientIpHeader::ForwardedFor, "X-Forwarded-For: 203.0.113.5", ", "),
        (ClientIpHeader::ForwardedFor, "X-Real-IP: 203.0.113.5\r\nX-Forwarded-For: ", ""),
        (ClientIpHeader::ForwardedFor, "Forwarded: for=203.0.113.5\r\nX-Forwarded-For: \u{ff}", ", "),
        (ClientIpHeader::ForwardedFor, "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: ", ""),
        (ClientIpHeader::Forwarded, "X-Forwarded-For: 203.0.113.5\r\nForwarded: ", "for="),
        (ClientIpHeader::Forwarded, "Forwarded: for=\"203.0.113.5", ", for="),
        (ClientIpHeader::Forwarded, "Forwarded: for=203.0.113.5;x=\"", ", For="),
    ] {
        let mut siege = Siege::new(usize::MAX >> 1, by(header));
        for (client, status) in [("198.51.100.1", "403"), ("203.0.113.9", "200")] {
            let request = format!("{HEALTH}{own}{appended}{client}\r\n\r\n");
            let (got, text) = http(&mut siege, [127, 0, 0, 1], &request);
            assert_eq!(got, status, "{request}: {text}");
        }
    }
    // Nor does it get more guesses.
    let mut siege = Siege::default();
    for guess in 0..1000 {
        let headers = format!(
            "X-Real-IP: 10.{}.{}.1\r\nX-Forwarded-For: 10.0.0.{}, 198.51.100.1\r\n",
            guess / 250,
            guess % 250,
            guess % 250
        );
        http(&mut siege, [127, 0, 0, 1], &handshake(Some(&format!("guess-{guess}")), &headers));
    }
    assert_eq!((siege.metrics().keys_refused, siege.metrics().keys_delayed), (6, 994));
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let mut siege = Siege::default();
    for (headers, status) in [
        ("", "101"),
        ("Origin: https://evil.example\r\n", "403"),
        ("Origin: http://localhost\r\n", "101"),
        ("Origin: https://localhost\r\n", "101"),
        ("Origin: http://localhost:8080\r\n", "403"),
        ("Origin: null\r\n", "403"),
    ] {
        assert_eq!(
            http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), headers)).0,
            status,
            "{headers}"
        );
    }
    assert_eq!(
        http(&mut siege, [127, 0, 0, 1], &format!("{HEALTH}Origin: https://evil.example\r\n\r\n")).0,
        "403"
    );
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
        ("Origin: https://game.example\r\nOrigin: https://evil.example\r\n", "403"),
    ] {
        let (got, text) = http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), headers));
        assert_eq!(got, status, "{headers}: {text}");
    }
    assert_eq!(siege.metrics().connections_forbidden, 6);
    siege.nobody_else_noticed();
}

/// Without keys whoever connects may do everything, and every page that is open in a browser on this host can connect.
#[test]
fn without_authentication_no_page_of_another_site_gets_in() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.keys = None);
    let named = |origin: &str, host: &str| {
        handshake(None, &format!("Origin: {origin}\r\n")).replace("Host: localhost", &format!("Host: {host}"))
    };
    for (origin, host, status) in [
        ("https://evil.example", "127.0.0.1:8080", "403"),
        // Its owner has pointed the name to this host.
        ("http://evil.example:8080", "evil.example:8080", "403"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "101"),
        ("http://localhost:8080", "localhost:8080", "101"),
    ] {
        assert_eq!(http(&mut siege, [127, 0, 0, 1], &named(origin, host)).0, status, "{origin} at {host}");
    }
    // A page can also send a form to the port of JSON lines.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#;
    for request in [
        format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\r\n{body}\n"),
        format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n{body}\n", "y".repeat(100_000)),
        format!("{} / HTTP/1.1\r\nHost: evil.example\r\n\r\n{body}\n", "M".repeat(1000)),
        format!("{} / HTTP/1.1\r\nHost: evil.example\r\n\r\n{body}\n", "M".repeat(100_000)),
    ] {
        let script = siege.connect_from([127, 0, 0, 1], Listener::Lines).unwrap();
        siege.read(script);
        siege.world.write(script, request.as_bytes());
        let answers = siege.read(script);
        assert!(answers.iter().all(|answer| answer["id"].is_null()), "{answers:?}");
        assert!(
            answers.last().unwrap()["error"]["message"].as_str().unwrap().contains("this is HTTP"),
            "{answers:?}"
        );
        assert!(!siege.world.is_open(script));
    }
}

#[test]
fn a_subprotocol_comes_back_and_no_extension_but_compression_is_agreed_to() {
    let mut siege = Siege::default();
    for (headers, wanted) in [
        ("", None),
        ("Sec-WebSocket-Protocol: i3.v1, other\r\n", Some("i3.v1")),
        ("Sec-WebSocket-Protocol: bad token\r\nSec-WebSocket-Protocol: good\r\n", Some("good")),
        ("Sec-WebSocket-Protocol: \"quoted\"\r\n", None),
        ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", None),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n", None),
        ("Sec-WebSocket-Extensions: permessage-bzip2\r\n", None),
    ] {
        let (status, text) = http(&mut siege, [127, 0, 0, 1], &handshake(Some("alpha-key"), headers));
        assert_eq!(status, "101", "{headers}");
        let protocol = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(protocol, wanted, "{headers}");
        let extensions = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(extensions, headers.contains("client_max_window_bits").then_some(agreed), "{headers}");
    }
}
