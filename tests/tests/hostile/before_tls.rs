//! Connections on which TLS is not agreed on, or not yet.

use super::*;
use i3_core::health::Process;
use i3_core::machine::{ConnId, HandshakeFault};
use i3_core::notice::Level;

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

/// A gateway that wants no key, so that whoever is connected is there for its mud, and what it has done.
struct Site {
    gateway: Gateway,
    seconds: u64,
    written: Vec<u8>,
    closed: Vec<ConnId>,
    levels: Vec<Level>,
}

impl Site {
    fn new() -> Site {
        let mut settings = settings("Alpha", &["*net".to_owned()]);
        settings.api.keys = None;
        let gateway = Gateway::new(settings, &Saved::default(), 1, now(0)).unwrap();
        let mut site =
            Site { gateway, seconds: 0, written: Vec::new(), closed: Vec::new(), levels: Vec::new() };
        site.settle();
        site
    }

    fn connect(&mut self, on: Listener) -> ConnId {
        self.gateway.accept_secured(now(self.seconds), on, SocketAddr::from(PEER)).unwrap()
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(now(self.seconds), input);
        self.settle();
    }

    fn wait(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.settle();
    }

    fn settle(&mut self) {
        let now = now(self.seconds);
        let Site { gateway, written, closed, levels, .. } = self;
        settle(gateway, now, |gateway, output| match output {
            Output::Write { conn } => {
                let mut pieces = Vec::new();
                gateway.take_bytes(conn, usize::MAX, &mut pieces);
                written.extend(pieces.concat());
                gateway.handle(now, Input::Flushed { conn });
            }
            Output::Close { conn } => closed.push(conn),
            Output::Notice(notice) if notice.what == "TLS handshake with a client failed" => {
                levels.push(notice.level);
            }
            _ => {}
        });
    }

    fn sessions(&mut self) -> usize {
        self.gateway.report(now(self.seconds), Process::default()).sessions
    }

    fn failed(&self, fault: HandshakeFault) -> u64 {
        self.gateway.metrics().handshakes_failed.get(fault.name()).copied().unwrap_or(0)
    }

    fn said(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.written)).unwrap()
    }
}

fn now(seconds: u64) -> Now {
    let micros = seconds * 1_000_000;
    Now { mono: Instant::from_micros(micros), unix: UnixTime::from_micros(1_795_400_000_000_000 + micros) }
}

#[test]
fn nobody_is_there_before_tls_is_agreed_on() {
    let mut site = Site::new();
    let conn = site.connect(Listener::Lines);
    site.settle();
    assert_eq!((site.said(), site.sessions()), (String::new(), 0));
    site.handle(Input::Secured { conn });
    assert!(site.said().contains("welcome"));
    assert_eq!((site.sessions(), site.gateway.metrics().handshakes), (1, 1));
    site.handle(Input::Received { conn, bytes: b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n" });
    assert!(site.said().contains("pong"));
    // A second time means nothing, and so it does for a connection without TLS.
    site.handle(Input::Secured { conn });
    assert_eq!((site.said(), site.gateway.metrics().handshakes), (String::new(), 1));
}

#[test]
fn a_handshake_has_the_time_of_one() {
    for on in [Listener::Http, Listener::Lines] {
        let mut site = Site::new();
        let conn = site.connect(on);
        site.wait(9);
        assert_eq!(site.closed, []);
        site.wait(1);
        assert_eq!((&site.closed[..], site.failed(HandshakeFault::TooSlow)), (&[conn][..], 1));
        assert_eq!(site.said(), "");
        let conn = site.connect(on);
        site.wait(9);
        site.handle(Input::Secured { conn });
        site.wait(9);
        assert_eq!(site.closed.len(), 1, "what comes then has its own time");
    }
}

#[test]
fn plain_text_is_answered_in_plain_text() {
    let mut site = Site::new();
    let conn = site.connect(Listener::Http);
    site.handle(Input::Received { conn, bytes: b"GET /health HTTP/1.1\r\n\r\n" });
    let answer = site.said();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
    let other = site.connect(Listener::Lines);
    site.handle(Input::Received { conn: other, bytes: b"{" });
    let answer: Json = serde_json::from_str(&site.said()).unwrap();
    assert_eq!(answer["error"]["message"], "this port speaks TLS: connect with TLS");
    assert_eq!((site.closed.clone(), site.failed(HandshakeFault::PlainText)), (vec![conn, other], 2));
    assert_eq!(site.sessions(), 0);
}

#[test]
fn each_failure_is_counted_and_told_now_and_then() {
    let mut site = Site::new();
    for (times, fault) in [
        HandshakeFault::NoCertificate,
        HandshakeFault::BadCertificate,
        HandshakeFault::Refused,
        HandshakeFault::Protocol,
    ]
    .into_iter()
    .enumerate()
    {
        for _ in 0..=times {
            let conn = site.connect(Listener::Lines);
            site.handle(Input::Lost { conn, by: LostBy::Handshake(fault, "why".to_owned()) });
        }
        assert_eq!(site.failed(fault), times as u64 + 1);
    }
    for by in [LostBy::EndOfStream, LostBy::Error("reset".to_owned())] {
        let conn = site.connect(Listener::Http);
        site.handle(Input::Lost { conn, by });
    }
    assert_eq!(site.failed(HandshakeFault::Ended), 2);
    assert_eq!((site.levels.len(), site.levels[0]), (12, Level::Warn));
    assert!(site.levels[1..].iter().all(|level| *level == Level::Debug));
    site.wait(10);
    let conn = site.connect(Listener::Lines);
    site.handle(Input::Lost { conn, by: LostBy::EndOfStream });
    assert_eq!(site.levels.last(), Some(&Level::Warn));
    // When TLS is agreed on, an end is an end.
    let conn = site.connect(Listener::Lines);
    site.handle(Input::Secured { conn });
    site.handle(Input::Lost { conn, by: LostBy::EndOfStream });
    assert_eq!(site.failed(HandshakeFault::Ended), 3);
}

#[test]
fn tls_in_the_place_of_plain_text_is_counted_however_it_is_cut() {
    for chunk in [1, usize::MAX >> 1] {
        let mut siege = Siege::new(chunk, |_| {});
        for on in [Listener::Http, Listener::Lines] {
            let attacker = siege.connect(on);
            siege.world.write(attacker, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on");
        }
        assert_eq!(siege.metrics().handshakes_failed.get("plain_listener"), Some(&2));
        siege.nobody_else_noticed();
    }
}
