//! The HTTP pages, as health checks and scrapers ask for them.

use i3_core::machine::Listener;
use i3_tests::scenario::Stage;
use std::collections::{BTreeMap, BTreeSet};

fn ask(stage: &mut Stage, request: &str) -> (String, String) {
    ask_for(stage, request, "*/*")
}

fn ask_for(stage: &mut Stage, request: &str, accept: &str) -> (String, String) {
    let script = stage.world.connect("Alpha", Listener::Http).unwrap();
    stage.world.write(script, format!("{request}\r\nHost: x\r\nAccept: {accept}\r\n\r\n").as_bytes());
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
            concat!(
                r#"{"status":"healthy","service":"i3-gateway-api","websocket_connections":1,"active_sessions":2,"#,
                r#""version":""#,
                env!("CARGO_PKG_VERSION"),
                r#"","ready":true,"uptime_seconds":0,"routers":[{"name":"*net","state":"ready"}]}"#
            ),
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
    let (_, info) = ask(&mut stage, "GET /api/info HTTP/1.1");
    assert!(info.contains(r#""transports":["websocket","tcp"],"authentication":"api_key""#), "{info}");
    let (_, openrpc) = ask(&mut stage, "GET /api/openrpc.json HTTP/1.1");
    let openrpc: serde_json::Value = serde_json::from_str(&openrpc).unwrap();
    let (_, asyncapi) = ask(&mut stage, "GET /api/asyncapi.json HTTP/1.1");
    let asyncapi: serde_json::Value = serde_json::from_str(&asyncapi).unwrap();
    assert!(asyncapi["components"]["messages"]["tell_received"].is_object());
    assert!(openrpc["methods"].as_array().unwrap().iter().any(|method| method["name"] == "tell"));

    // A store that fails is shown, and takes no game away from the gateway.
    stage.line("disk Alpha full").unwrap();
    stage.line(r#"a > {"jsonrpc":"2.0","id":90,"method":"ban_add","params":{"pattern":"*@Spam"}}"#).unwrap();
    stage.line("wait 1s").unwrap();
    let (head, body) = ask(&mut stage, "GET /health/ready HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, r#"{"status":"ready","storage":"failing"}"#);
    let (_, body) = ask(&mut stage, "GET /health HTTP/1.1");
    assert!(body.ends_with(r#","storage":"failing"}"#), "{body}");
    stage.line("disk Alpha works").unwrap();

    // Ready is what the router link is.
    stage.line("crash *net").unwrap();
    let (head, body) = ask(&mut stage, "GET /health/ready HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, r#"{"status":"not_ready"}"#);
}

#[test]
fn the_metrics_are_there_in_both_formats() {
    let mut stage = Stage::new(1, 7);
    for line in [
        "router *net",
        "gateway Alpha",
        "client a Alpha lines",
        "client b Alpha websocket",
        r#"a > {"jsonrpc":"2.0","id":1,"method":"ban_add","params":{"pattern":"*@spam"}}"#,
    ] {
        stage.line(line).unwrap();
    }
    let (head, old) = ask(&mut stage, "GET /metrics HTTP/1.1");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let (head, new) =
        ask_for(&mut stage, "GET /metrics HTTP/1.1", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(new.ends_with("# EOF\n") && !old.contains("# EOF"));
    for line in [
        "api_websocket_connections 1.0",
        "api_active_sessions 2.0",
        "i3_router_links 1.0",
        "i3_router_links_ready 1.0",
        "i3_router_link_state{link=\"1\",state=\"ready\"} 1.0",
        "i3_router_link_state{link=\"1\",state=\"waiting\"} 0.0",
        "i3_router_reconnects_total{link=\"1\",cause=\"connection_lost\"} 0",
        "i3_router_logins_total 1",
        "i3_bans{link=\"1\"} 1.0",
        "i3_packets_sent_total{type=\"startup-req-3\"} 1",
        "i3_packets_received_total{type=\"startup-reply\"} 1",
        "api_sessions{transport=\"websocket\"} 1.0",
        "api_requests_total{method=\"authenticate\",outcome=\"ok\"} 1",
        "api_request_duration_seconds_count{method=\"authenticate\"} 1",
    ] {
        for page in [&old, &new] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
    // No name of a mud, nor of a user, is in it.
    assert!(!new.contains("Alpha"), "{new}");
    let openmetrics = Families::read(&new);
    openmetrics.check();
    let before = openmetrics.samples.len();
    Families::read(&old).check();

    // What is documented is there, and the other way round.
    let page = include_str!("../../docs/OPERATING.md").split("## Metrics").nth(1).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    // The driver gives the figures of the process; there is none here.
    let documented: BTreeSet<&str> = names.filter(|name| !name.starts_with("process_")).collect();
    let families = Families::read(&old);
    let there: BTreeSet<&str> = families.kinds.keys().map(String::as_str).collect();
    assert_eq!(documented, there);

    // What a peer makes up adds no series.
    let made_up = (0..50).map(|at| format!(r#"{{"jsonrpc":"2.0","id":{at},"method":"made_up_{at}"}}"#));
    let script = stage.world.connect("Alpha", Listener::Lines).unwrap();
    let text = made_up.collect::<Vec<_>>().join("\n") + "\n";
    stage.world.write(script, text.as_bytes());
    let (_, after) = ask_for(&mut stage, "GET /metrics HTTP/1.1", "application/openmetrics-text");
    let after = Families::read(&after);
    after.check();
    let new: Vec<_> = after.samples.keys().filter(|name| !openmetrics.samples.contains_key(*name)).collect();
    assert!(after.samples.len() <= before + 20 && new.iter().all(|name| name.contains("unknown")), "{new:?}");
}

/// A page of metrics, read as strictly as the formats allow.
#[derive(Debug, Default)]
struct Families {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Families {
    fn read(page: &str) -> Self {
        let mut families = Families::default();
        let mut open = String::new();
        for line in page.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["#", "HELP", name, help] => {
                    assert!(!help.is_empty() && !families.kinds.contains_key(name), "{line}");
                    open = name.to_owned();
                }
                ["#", "TYPE", name, kind] => {
                    assert_eq!(name, open, "the help comes first");
                    assert!(["counter", "gauge", "histogram", "info"].contains(&kind), "{line}");
                    families.kinds.insert(name.to_owned(), kind.to_owned());
                }
                ["#", "UNIT", name, unit] => assert!(name == open && name.ends_with(unit), "{line}"),
                ["#", "EOF"] => {}
                _ => {
                    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
                    assert!(series.starts_with(&open), "{line} is not of {open}");
                    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                    assert!(
                        families.samples.insert(series.to_owned(), value).is_none(),
                        "{line} comes twice"
                    );
                }
            }
        }
        families
    }

    /// Names, ends and sums fit the kinds.
    fn check(&self) {
        assert!(self.kinds.len() > 40, "{:?}", self.kinds);
        for (series, value) in &self.samples {
            let name = series.split('{').next().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
            assert!(value.is_finite() && *value >= 0.0, "{series}");
            let family = ["", "_total", "_info", "_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| self.kinds.get_key_value(name.strip_suffix(end)?))
                .unwrap_or_else(|| panic!("{name} has no type"));
            let is_counter = name.ends_with("_total");
            assert_eq!(is_counter, family.1 == "counter", "{name}: {}", family.1);
        }
        let last = self.samples.iter().filter(|(series, _)| series.contains("le=\"+Inf\""));
        assert!(last.clone().count() >= 2, "each histogram ends with what has no bound");
        for (series, last) in last {
            let count = series
                .replace("_bucket{", "_count{")
                .replace("le=\"+Inf\",", "")
                .replace("{le=\"+Inf\"}", "");
            assert_eq!(self.samples[&count], *last, "{series}");
        }
    }
}
