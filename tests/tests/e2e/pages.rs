//! The HTTP pages, as health checks and scrapers ask for them.

use crate::client::{Client, TRANSPORTS, Transport};
use crate::gateway::Gateway;
use crate::process::PATIENCE;
use crate::programs::Daemon;
use crate::router::Played;
use i3_tests::wire;
use std::net::TcpStream;

for_both!(each_page_answers, a_connection_serves_several_requests, a_wrong_key_is_refused_before_the_upgrade);

fn each_page_answers(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let ready = gateway.get("/health/ready");
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with(r#"{"status":"not_ready"}"#), "{ready}");
    let _link = router.log_in(7);
    gateway.becomes_ready(true);
    let _clients = TRANSPORTS.map(|transport| gateway.client(transport));
    for (request, status, parts) in [
        (
            "GET /health",
            200,
            [
                "application/json",
                r#"{"status":"healthy","service":"i3-gateway-api","websocket_connections":1,"active_sessions":2,"#,
            ],
        ),
        ("GET /health/live", 200, ["Content-Length: 18", "\r\n\r\n{\"status\":\"alive\"}"]),
        ("GET /health/ready", 200, ["application/json", r#"{"status":"ready"}"#]),
        ("HEAD /health/live", 200, ["Content-Length: 18", "\r\n\r\n"]),
        ("GET /metrics", 200, ["text/plain; version=0.0.4", "\n# TYPE i3_router_links_ready gauge\n"]),
        ("GET /metrics", 200, ["\napi_websocket_connections 1.0\n", "\ni3_router_links_ready 1.0\n"]),
        ("GET /api/info", 200, ["application/json", r#""transports":["websocket","tcp"]"#]),
        ("GET /api/openrpc.json", 200, ["application/json", r#""openrpc":"1"#]),
        ("GET /api/asyncapi.json", 200, ["application/json", r#""asyncapi":"3"#]),
        ("GET /nothing", 404, ["application/json", r#"{"error":"#]),
        ("POST /health", 405, ["Allow: GET, HEAD", r#"{"error":"#]),
        ("GET /ws", 426, ["Upgrade: websocket", r#"{"error":"#]),
    ] {
        let text = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = gateway.http(text.as_bytes()).unwrap_or_else(|| panic!("no answer to {request}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        for part in parts {
            assert!(answer.contains(part), "{request}: {part} is not in {answer}");
        }
        if request.starts_with("HEAD") {
            assert!(answer.ends_with("\r\n\r\n"), "a body: {answer}");
        }
    }
}

fn a_connection_serves_several_requests(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // All at once; the end comes after the last answer.
    let answers = gateway.http(format!("{request}{request}{last}").as_bytes()).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
    assert_eq!(answers.matches(r#"{"status":"alive"}"#).count(), 3, "{answers}");
}

fn a_wrong_key_is_refused_before_the_upgrade(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    for path in ["/ws", "/"] {
        let mut client =
            Client::over(Transport::WebSocket, TcpStream::connect(("127.0.0.1", gateway.http)).unwrap());
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_bytes(wire::websocket_request(path, Some("guess")).as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 401 "));

        let mut client =
            Client::over(Transport::WebSocket, TcpStream::connect(("127.0.0.1", gateway.http)).unwrap());
        client.send_bytes(wire::websocket_request(path, Some(&gateway.key())).as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        let answer = client.call("status", &serde_json::json!({}));
        assert_eq!(answer["result"]["mud_name"], "Alpha", "{answer}");
    }
    assert!(!gateway.log().contains("guess"), "a key in the log");
}
