//! The HTTP pages, as health checks and scrapers ask for them.

use i3_core::machine::Listener;
use i3_tests::scenario::Stage;

fn ask(stage: &mut Stage, request: &str) -> (String, String) {
    let script = stage.world.connect("Alpha", Listener::Http).unwrap();
    stage.world.write(script, format!("{request}\r\nHost: x\r\n\r\n").as_bytes());
    let answer = String::from_utf8(std::mem::take(stage.world.received(script))).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[test]
fn each_page_answers_as_clients_expect() {
    let mut stage = Stage::new(1, 7);
    for line in ["router *net", "gateway Alpha", "client a Alpha lines", "client b Alpha websocket"] {
        stage.line(line).unwrap();
    }
    for (request, status, header, body) in [
        (
            "GET /health HTTP/1.1",
            200,
            "application/json",
            r#"{"status":"healthy","service":"i3-gateway-api","websocket_connections":1,"active_sessions":2}"#,
        ),
        ("GET /health/live HTTP/1.1", 200, "application/json", r#"{"status":"alive"}"#),
        ("GET /health/ready?x HTTP/1.1", 200, "application/json", r#"{"status":"ready"}"#),
        ("HEAD /health/live HTTP/1.1", 200, "Content-Length: 18", ""),
        ("POST /health HTTP/1.1", 405, "Allow: GET, HEAD", r#"{"error":"only GET and HEAD"}"#),
        ("GET /nope HTTP/1.1", 404, "application/json", r#"{"error":"no such page"}"#),
        (
            "GET /ws HTTP/1.1",
            426,
            "Upgrade: websocket",
            r#"{"error":"this is a WebSocket; ask for an upgrade"}"#,
        ),
    ] {
        let (head, answer) = ask(&mut stage, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert!(head.contains(header), "{request}: {head}");
        assert_eq!(answer, body, "{request}");
    }
    let (head, metrics) = ask(&mut stage, "GET /metrics HTTP/1.1");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    for line in [
        "api_websocket_connections 1",
        "api_active_sessions 2",
        "i3_router_links_ready 1",
        "i3_router_logins_total 1",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    let (_, info) = ask(&mut stage, "GET /api/info HTTP/1.1");
    assert!(info.contains(r#""transports":["websocket","tcp"],"authentication":"api_key""#), "{info}");
    let (_, openrpc) = ask(&mut stage, "GET /api/openrpc.json HTTP/1.1");
    let openrpc: serde_json::Value = serde_json::from_str(&openrpc).unwrap();
    assert!(openrpc["methods"].as_array().unwrap().iter().any(|method| method["name"] == "tell"));

    // Ready is what the router link is.
    stage.line("crash *net").unwrap();
    let (head, body) = ask(&mut stage, "GET /health/ready HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, r#"{"status":"not_ready"}"#);
}
