//! Who may connect, and what a wrong key costs.

use crate::client::{Client, TRANSPORTS, Transport, read};
use crate::gateway::Gateway;
use crate::process::{PATIENCE, free_port, wait_for};
use crate::programs::Daemon;
use crate::router::Played;
use i3_tests::wire;
use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

for_both!(
    addresses_that_are_not_wanted_get_nothing,
    pages_of_other_origins_open_no_websocket,
    guessing_keys_costs_time,
    requests_over_one_connection_of_a_proxy_have_their_own_clients,
    clients_without_a_key_shut_nobody_out,
    the_log_shows_more_when_an_administrator_says_so,
);

const HERE: [u8; 4] = [127, 0, 0, 1];
const UNWANTED: [u8; 4] = [127, 0, 0, 2];

/// A connection from an address of this host.
fn connect(from: [u8; 4], port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::from(SocketAddr::from((from, 0)))).unwrap();
    socket.connect(&SockAddr::from(SocketAddr::from((HERE, port)))).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn addresses_that_are_not_wanted_get_nothing(daemon: Daemon) {
    let router = Played::listen();
    let second_lines = free_port();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({
            "gateway": {"port": second_lines},
            "security": {"ip_blacklist": ["127.0.0.2", "203.0.113.0/24"]},
        }))
        .started();
    for port in [gateway.lines, second_lines, gateway.http] {
        let mut unwanted = connect(UNWANTED, port);
        let _ = unwanted.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(matches!(read(&mut unwanted, &mut [0; 100]), Ok(0) | Err(_)), "not even a welcome");
    }
    for port in [gateway.lines, second_lines] {
        let mut wanted = Client::over(Transport::Lines, connect(HERE, port));
        assert_eq!(wanted.message()["method"], "welcome");
    }
    // A proxy on this host gives the address of its client.
    for (header, status) in [
        ("", "200"),
        ("X-Forwarded-For: 198.51.100.1\r\n", "200"),
        ("X-Forwarded-For: 203.0.113.9\r\n", "403"),
    ] {
        let request = format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        let answer = gateway.http(request.as_bytes()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {answer}");
    }
}

fn pages_of_other_origins_open_no_websocket(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"api": {"websocket": {"allowed_origins": ["https://game.example"]}}}))
        .started();
    for (origin, status) in [
        ("", "101"),
        ("Origin: https://game.example\r\n", "101"),
        ("Origin: https://other.example\r\n", "403"),
    ] {
        let mut client = Client::over(Transport::WebSocket, connect(HERE, gateway.http));
        let request = wire::websocket_request("/ws", None);
        let request = request.strip_suffix("\r\n").unwrap();
        client.send_bytes(format!("{request}{origin}\r\n").as_bytes());
        let head = client.head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {head}");
    }
}

fn guessing_keys_costs_time(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    // Five wrong ones are free, the next cost time. Who has the right one gets in.
    for attempt in 0..6 {
        let mut client = Client::connect(TRANSPORTS[attempt % 2], gateway.port(TRANSPORTS[attempt % 2]));
        let answer = client.call("authenticate", &json!([format!("guess-{attempt}")]));
        assert_eq!(answer["error"]["code"], -32000, "{answer}");
    }
    let show =
        |key: &str| Client::connect(Transport::Lines, gateway.lines).call("authenticate", &json!([key]));
    let (told, answer) = (Instant::now(), show("guess-6"));
    assert_eq!(answer["error"]["code"], -32001, "{answer}");
    assert_eq!(show(&gateway.key())["result"]["status"], "authenticated");
    let wait = Duration::from_millis(answer["error"]["data"]["retry_after_ms"].as_u64().unwrap());
    wait_for("the time that was named", || (told.elapsed() > wait).then_some(()));
    let answer = wait_for("the next guess to be looked at", || {
        let answer = show("guess-7");
        (answer["error"]["code"] == -32000).then_some(answer)
    });
    assert_eq!(answer["error"]["message"], "Invalid API key", "{answer}");
    gateway.logs("wrong API key address=127.0.0.1");
    assert!(!gateway.log().contains("guess-"), "a key in the log");
}

fn requests_over_one_connection_of_a_proxy_have_their_own_clients(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"security": {"ip_blacklist": ["203.0.113.0/24"], "client_ip_header": "forwarded"}}))
        .started();
    let mut proxy = Client::over(Transport::WebSocket, connect(HERE, gateway.http));
    let right = gateway.key();
    for (client, key, status) in [
        ("203.0.113.9", Some(right.as_str()), "403"),
        ("198.51.100.1", Some("a guess"), "401"),
        ("\"[2001:db8::1]:4711\"", Some("a guess"), "401"),
        ("198.51.100.1", Some(right.as_str()), "101"),
    ] {
        let request = wire::websocket_request("/ws", key);
        let request = request.strip_suffix("\r\n").unwrap();
        let headers = format!("X-Real-IP: 198.51.100.9\r\nForwarded: for=198.51.100.8, for={client}\r\n\r\n");
        proxy.send_bytes(format!("{request}{headers}").as_bytes());
        let head = proxy.head();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{client}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
        proxy.skip(length.parse().unwrap());
    }
    let mut admin = gateway.client(Transport::Lines);
    let sessions = admin.call("sessions", &json!({}))["result"]["sessions"].to_string();
    assert!(sessions.contains("198.51.100.1\"") && !sessions.contains("203.0.113.9"), "{sessions}");
}

fn clients_without_a_key_shut_nobody_out(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"performance": {"max_connections": 50}}))
        .started();
    let mut known = gateway.client(Transport::Lines);
    let strangers: Vec<TcpStream> = (0..200)
        .map(|at| connect([127, 0, 0, 10 + at % 10], if at % 2 == 0 { gateway.lines } else { gateway.http }))
        .collect();
    let answer = gateway.http(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for transport in TRANSPORTS {
        gateway.client(transport).result("ping", &json!({}), &json!({"pong": true}));
    }
    known.result("ping", &json!({}), &json!({"pong": true}));
    let metrics = gateway.http(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let evicted = metrics.lines().find_map(|line| line.strip_prefix("api_strangers_evicted_total "));
    assert!(evicted.unwrap().parse::<f64>().unwrap() >= 150.0, "{evicted:?}");
    // The oldest has been told why.
    let mut text = String::new();
    strangers[0].try_clone().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("the gateway is full"), "{text}");
}

fn the_log_shows_more_when_an_administrator_says_so(daemon: Daemon) {
    // Nobody listens there, so the link tries again and again.
    let gateway = Gateway::new(daemon, "Alpha", &[("*net", free_port())])
        .with(&json!({"logging": {"level": "WARNING", "file": "gateway.log"}}))
        .started();
    gateway.logs("router link failed");
    assert!(!gateway.log().contains("router link changed"), "{}", gateway.log());
    let mut admin = gateway.client(Transport::WebSocket);
    admin.result("log_level", &json!(["DEBUG"]), &json!({"level": "DEBUG"}));
    gateway.logs("router link changed");
    gateway.logs("the log level was changed by an administrator level=DEBUG mud=Alpha");
    // The file has the same, a moment after standard error has it.
    wait_for("the lines in the file", || {
        let file = std::fs::read_to_string(gateway.folder.path().join("gateway.log")).unwrap();
        let lines = ["router link failed", "router link changed", "the log level was changed"];
        lines.iter().all(|line| file.contains(line)).then_some(())
    });
}
