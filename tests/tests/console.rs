//! The page for people, over HTTP: who gets it, with which headers, and what is as before without it.

use i3_core::machine::Listener;
use i3_tests::hostile::Siege;

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

fn siege(is_on: bool) -> Siege {
    Siege::new(usize::MAX >> 1, |settings| {
        if is_on {
            settings.api.console = i3_console::FILES;
        }
    })
}

/// Sends a request line with further headers; returns the head of the answer, and its body.
fn ask(siege: &mut Siege, request: &str, headers: &str) -> (String, Vec<u8>) {
    let script = siege.connect(Listener::Http);
    siege.world.write(script, format!("{request} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n").as_bytes());
    let answer = std::mem::take(siege.world.received(script));
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_browser_gets_the_page_and_its_files() {
    let mut siege = siege(true);
    for file in i3_console::FILES {
        let (head, body) = ask(&mut siege, &format!("GET {}", file.path), &format!("Accept: {BROWSER}\r\n"));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{}: {head}", file.path);
        assert_eq!(header(&head, "Content-Type"), Some(file.content_type), "{}", file.path);
        assert_eq!(body, file.body, "{}", file.path);
        assert_eq!(header(&head, "X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(header(&head, "Referrer-Policy"), Some("no-referrer"));
        assert_eq!(header(&head, "Cache-Control"), Some("no-cache"));
        let policy = header(&head, "Content-Security-Policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"), "{policy}");
        // What the browser has is not sent again.
        let tag = header(&head, "ETag").unwrap().to_owned();
        let known = format!("Accept: {BROWSER}\r\nIf-None-Match: {tag}\r\n");
        let (head, body) = ask(&mut siege, &format!("GET {}", file.path), &known);
        assert!(head.starts_with("HTTP/1.1 304 Not Modified\r\n") && body.is_empty(), "{head}");
        assert_eq!(header(&head, "ETag"), Some(tag.as_str()));
        let (head, body) = ask(&mut siege, &format!("HEAD {}", file.path), &format!("Accept: {BROWSER}\r\n"));
        let length = file.body.len().to_string();
        assert_eq!((header(&head, "Content-Length"), body.len()), (Some(length.as_str()), 0));
    }
    siege.works();
}

#[test]
fn others_get_what_they_got_before() {
    let mut siege = siege(true);
    let before = ask(&mut without_page(), "GET /", "Accept: */*\r\n");
    for (request, accept) in
        [("GET /", "*/*"), ("GET /", "application/json"), ("POST /", BROWSER), ("GET /", "text/html;q=0")]
    {
        let got = ask(&mut siege, request, &format!("Accept: {accept}\r\n"));
        assert_eq!(got, before, "{request} {accept}");
    }
    for path in [
        "/console",
        "/console/",
        "/console/nothing.js",
        "/console/../index.html",
        "/index.html",
        "/console/vendor/",
    ] {
        let (head, _) = ask(&mut siege, &format!("GET {path}"), &format!("Accept: {BROWSER}\r\n"));
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    // A WebSocket at `/` is one, whatever it accepts.
    let (head, _) = ask(
        &mut siege,
        "GET /?role=observer",
        &format!(
            "Accept: {BROWSER}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        ),
    );
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // Nor does a page of another site get anything.
    let (head, _) =
        ask(&mut siege, "GET /", &format!("Accept: {BROWSER}\r\nOrigin: https://evil.example\r\n"));
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
}

/// A gateway whose settings switch the page off.
fn without_page() -> Siege {
    siege(false)
}

#[test]
fn switched_off_there_is_no_page() {
    let mut siege = siege(false);
    for path in i3_console::FILES.iter().map(|file| file.path) {
        let (head, body) = ask(&mut siege, &format!("GET {path}"), &format!("Accept: {BROWSER}\r\n"));
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert_eq!(body, br#"{"error":"no such page"}"#, "{path}");
    }
}

#[test]
fn the_page_never_counts_as_the_game() {
    // Where no key is needed, a session has its identity from the first byte on.
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.keys = None);
    siege.world.close(siege.bystander);
    siege.tell("while the game is away");
    let page = siege.connect(Listener::Http);
    siege.world.write(
        page,
        b"GET /ws?role=observer HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let answer = siege.text(page);
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("tell_received"), "{answer}");
    let game = siege.connect(Listener::Lines);
    let told = siege.call(game, "authenticate", &serde_json::json!({}));
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|one| one.contains("while the game is away")), "{told:?}");
}
