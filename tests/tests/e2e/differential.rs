//! The same input to both daemons gives the same bytes on every connection.
//!
//! A recorded script is played on several connections, the router's among them. After each step every connection is
//! asked for a sign, so that all that the step causes has come before the next begins. What is compared is every byte
//! that came out, with these masked: the members [`MASKED`], all of them times or made of one; the seconds that a user
//! has been idle; and the number in a ping-reply, which is random.

use crate::client::{Transport, read};
use crate::gateway::Gateway;
use crate::process::PATIENCE;
use crate::programs::Daemon;
use crate::router::Played;
use i3_tests::wire;
use serde_json::json;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};

/// Members of JSON whose values differ from run to run.
const MASKED: [&str; 7] =
    ["timestamp", "created", "since", "session_id", "uptime", "uptime_seconds", "message_id"];

/// How many seconds the script's user has been idle when the gateway is told, without the two digits that it grows by.
const IDLE: &str = "5000";

/// A connection of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Router,
    Lines(usize),
    WebSocket(usize),
    Http(usize),
}
use On::{Http, Lines, Router, WebSocket};

/// Lines, WebSockets and plain HTTP connections that the script uses.
const LINES: usize = 3;
const WEBSOCKETS: usize = 3;
const HTTP: usize = 6;

fn call(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"{method}","method":"{method}","params":{params}}}"#)
}

/// The request whose answer waits for the store.
fn ban() -> String {
    call("ban_add", r#"{"pattern":"mallory@*","reason":"spam"}"#)
}

/// What is sent, in order.
fn script(key: &str) -> Vec<(On, Vec<u8>)> {
    let line = |n, text: &str| (Lines(n), format!("{text}\n").into_bytes());
    let text = |n, text: &str| (WebSocket(n), wire::websocket_frame(1, text.as_bytes()));
    let packet = |text: &str| (Router, wire::mudmode_frame(text.as_bytes()));
    let http = |n, text: &str| (Http(n), text.as_bytes().to_vec());
    let login = call("authenticate", &format!(r#"["{key}"]"#));
    let ping = call("ping", "{}").into_bytes();
    let cut = |mut frame: Vec<u8>, more: bool| {
        frame[0] &= if more { 0x7f } else { 0xff };
        frame
    };
    let in_pieces = wire::mudmode_frame(br#"({"tell",5,"Sage","bob","Alpha","ann","Bob","in pieces",})"#);
    let plain = call("authenticate", &format!(r#"{{"api_key":"{key}","text_format":"ansi"}}"#));
    let mut script = vec![
        // First, while the seconds that it has been up have one digit: the length of the page is compared too.
        http(0, "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"),
        line(0, &call("mudlist", "{}")),
        line(0, &login),
        line(1, &plain),
        text(0, &login),
        text(1, &call("authenticate", r#"["guess"]"#)),
        line(0, &call("status", "{}")),
        packet(
            r#"({"mudlist",5,"*net",0,"Alpha",0,1,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,"emoteto":1,"channel":1,"who":1,]),0,}),"Hollow":({0,"127.0.0.2",23,0,0,"l","b","CoffeeMud v5","t","o","e",(["tell":1,]),0,}),]),})"#,
        ),
        packet(
            r#"({"chanlist-reply",5,"*net",0,"Alpha",0,1,(["chat":({"*net",0,}),"code":({"Sage",1,}),]),})"#,
        ),
        line(0, &call("mudlist", "{}")),
        text(0, &call("channel_list", "{}")),
        text(0, &call("channel_join", r#"["chat"]"#)),
        line(1, &call("channel_join", r#"{"channel":"chat","listen_only":true}"#)),
        line(
            0,
            &call(
                "tell",
                r#"{"target_mud":"sage","target_user":"Bob","from_user":"Ann","message":"é \"quoted\" \\ and\nmore"}"#,
            ),
        ),
        line(1, &call("channel_send", r#"["chat","not allowed"]"#)),
        text(0, &call("channel_send", r#"["chat","%^RED%^hello%^RESET%^"]"#)),
        text(0, &call("emoteto", r#"["Hollow","bob","smiles"]"#)),
        text(0, &call("tell", r#"["Nowhere","bob","hi"]"#)),
        packet(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","%^BOLD%^hi é%^RESET%^",})"#),
        packet(r#"({"channel-m",5,"Sage","bob",0,0,"chat","Bob","a line",})"#),
        packet(r#"({"channel-e",5,"Sage","bob",0,0,"chat","Bob","$N waves",})"#),
        packet(r#"({"channel-m",5,"Sage","bob",0,0,"code","Bob","nobody hears it",})"#),
        line(
            0,
            &call(
                "presence_sync",
                r#"{"users":[{"name":"Ann","title":"the Brave","level":7,"idle":500000}]}"#,
            ),
        ),
        packet(r#"({"who-req",5,"Sage","bob","Alpha",0,})"#),
        packet(r#"({"finger-req",5,"Sage","bob","Alpha",0,"ann",})"#),
        packet(r#"({"locate-req",5,"Sage","bob",0,0,"ann",})"#),
        packet(r#"({"tell",5,"Sage","bob","Alpha","nobody","Bob","hi",})"#),
        packet(
            r#"({"error",5,"Sage",0,"Alpha","ann","unk-user","there is nobody",({"tell",5,"Alpha","ann","Sage","bob","Ann","x",}),})"#,
        ),
        line(0, &call("who", r#"["Sage"]"#)),
        packet(r#"({"who-reply",5,"Sage",0,"Alpha","someone",({({"Bob",60,"wizard",}),}),})"#),
        // Faults.
        packet("({"),
        packet(r#"({"tell",5,})"#),
        packet(r#"({"nothing",5,"Sage",0,"Alpha",0,})"#),
        line(2, "{"),
        line(2, &"x".repeat(70_000)),
        (Lines(2), b"\xff\xfe\n".to_vec()),
        line(2, "[]"),
        line(2, r#"[1,{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
        line(0, &call("nothing", "{}")),
        line(0, &call("tell", r#"{"target_mud":7}"#)),
        text(0, "[1,2]"),
        (WebSocket(2), wire::websocket_frame(2, b"binary")),
        (WebSocket(1), wire::websocket_frame(9, b"a ping")),
        http(0, "HEAD /api/info HTTP/1.1\r\nHost: x\r\n\r\n"),
        http(0, "GET /api/openrpc.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        http(3, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        http(4, &format!("GET /health HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000))),
        http(5, "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        http(1, "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"),
        http(2, "what?\r\n\r\n"),
        (Lines(0), b"{\"jsonrpc\":\"2.0\",\"id\":\"cut\",".to_vec()),
        (Lines(0), b"\"method\":\"stats\"}\n".to_vec()),
        // Bans, what is kept, and a WebSocket that showed its key in the request.
        text(2, &ban()),
        packet(r#"({"tell",5,"Sage","mallory","Alpha","ann","Mallory","not heard",})"#),
        text(2, &call("ban_list", "{}")),
        text(2, &call("channel_history", r#"{"channel":"chat","limit":2}"#)),
        line(1, &call("history_search", r#"{"query":"line"}"#)),
        line(0, &call("resume", r#"{"last_event_id":0}"#)),
        line(0, &call("rpc.discover", "{}")),
        line(
            0,
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","id":[1],"method":"ping"}]"#,
        ),
        // A message in two frames, and one that ends its connection.
        (WebSocket(0), cut(wire::websocket_frame(1, &ping[..20]), true)),
        (WebSocket(0), cut(wire::websocket_frame(0, &ping[20..]), false)),
        (WebSocket(1), wire::websocket_frame(1, b"\xff\xfe")),
        // A packet in two pieces, bytes that are no text, a frame without any.
        (Router, in_pieces[..30].to_vec()),
        (Router, in_pieces[30..].to_vec()),
        (
            Router,
            wire::mudmode_frame(b"({\"tell\",5,\"Sage\",\"bob\",\"Alpha\",\"ann\",\"Bob\",\"\xe9\xff\",})"),
        ),
        (Router, wire::mudmode_frame(b"")),
        packet(&"({".repeat(1_000)),
        packet(r#"({"mudlist",5,"*net",0,"Alpha",0,2,(["Sage":0,]),})"#),
        packet(r#"({"shutdown",5,"*net",0,"Alpha",0,0,})"#),
    ];
    // A burst in one write.
    let burst: Vec<u8> = (0..50)
        .flat_map(|n| {
            wire::mudmode_frame(
                format!(r#"({{"channel-m",5,"Hollow","bob",0,0,"chat","Bob","{n}",}})"#).as_bytes(),
            )
        })
        .collect();
    script.insert(script.len() - 1, (Router, burst));
    script
}

/// A connection, and what has come from it.
struct Peer {
    on: On,
    stream: TcpStream,
    received: Vec<u8>,
    open: bool,
}

impl Peer {
    fn new(on: On, stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Peer { on, stream, received: Vec::new(), open: true }
    }

    fn write(&mut self, bytes: &[u8]) {
        // One that was closed because of an earlier step takes no more.
        let _ = self.stream.write_all(bytes);
    }

    /// Reads until `sign` has come, or the end.
    fn read_until(&mut self, sign: &[u8]) {
        let start = self.received.len();
        let mut buffer = [0; 16_384];
        while self.open && !self.received[start..].windows(sign.len()).any(|part| part == sign) {
            match read(&mut self.stream, &mut buffer) {
                Ok(0) => self.open = false,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => self.open = false,
                Err(error) => {
                    panic!("{:?}: {error}: {}", self.on, String::from_utf8_lossy(&self.received[start..]))
                }
            }
        }
    }

    /// Asks for something and waits for the answer: what was caused before has come then.
    fn sign(&mut self, number: usize) {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":"sign {number}","method":"ping"}}"#);
        match self.on {
            Lines(_) => {
                self.write(format!("{ping}\n").as_bytes());
                self.read_until(format!(r#""id":"sign {number}""#).as_bytes());
                self.read_up_to(b'\n');
            }
            WebSocket(_) => {
                let payload = format!("sign {number}");
                self.write(&wire::websocket_frame(9, payload.as_bytes()));
                self.read_until(payload.as_bytes());
            }
            Router => {
                let user = format!("sign{number}");
                let ask = format!(r#"({{"ping-req",5,"Sage","{user}","Alpha",0,}})"#);
                self.write(&wire::mudmode_frame(ask.as_bytes()));
                self.read_until(format!("\"{user}\",").as_bytes());
                self.read_up_to(0);
            }
            // There is nothing to ask: who was written to answers by itself, and the rest is read at the end.
            Http(_) => {}
        }
    }

    /// Reads on to the end of a message.
    fn read_up_to(&mut self, end: u8) {
        while self.open && self.received.last() != Some(&end) {
            let mut buffer = [0; 4096];
            match read(&mut self.stream, &mut buffer) {
                Ok(count) if count > 0 => self.received.extend_from_slice(&buffer[..count]),
                _ => self.open = false,
            }
        }
    }
}

/// Whether bytes for the router's connection end where a frame ends. Only the second half of the frame that is cut in two
/// begins where none begins, and that ends it.
fn ended(bytes: &[u8]) -> bool {
    let mut rest = bytes.to_vec();
    let begins = bytes.starts_with(&[0, 0]);
    wire::mudmode_frames(&mut rest);
    !begins || rest.is_empty()
}

/// Plays the script. What came out, by connection.
fn play(daemon: Daemon) -> Vec<(On, Vec<u8>)> {
    let router = Played::listen();
    // Paced packets would come in an order that depends on the time.
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"router": {"pacing": {"enabled": false}}}))
        .started();
    let (session, _) = router.log_in(7);
    gateway.becomes_ready(true);
    let mut peers = vec![Peer::new(Router, session.stream)];
    let connect = |transport| TcpStream::connect(("127.0.0.1", gateway.port(transport))).unwrap();
    peers.extend((0..LINES).map(|n| Peer::new(Lines(n), connect(Transport::Lines))));
    for n in 0..WEBSOCKETS {
        let mut peer = Peer::new(WebSocket(n), connect(Transport::WebSocket));
        // The last shows its key at once.
        let key = (n == WEBSOCKETS - 1).then(|| gateway.key());
        peer.write(wire::websocket_request("/ws", key.as_deref()).as_bytes());
        peer.read_until(b"\r\n\r\n");
        peers.push(peer);
    }
    peers.extend((0..HTTP).map(|n| Peer::new(Http(n), connect(Transport::WebSocket))));
    for (number, (on, bytes)) in script(&gateway.key()).into_iter().enumerate() {
        let at = peers.iter().position(|peer| peer.on == on).unwrap();
        peers[at].write(&bytes);
        let over = match on {
            Lines(_) => bytes.ends_with(b"\n"),
            Router => ended(&bytes),
            WebSocket(_) => {
                if bytes == wire::websocket_frame(1, ban().as_bytes()) {
                    peers[at].read_until(br#""id":"ban_add""#);
                }
                true
            }
            Http(_) => {
                peers[at].read_until(b"\r\n\r\n");
                true
            }
        };
        // What has only begun has no effect yet.
        if !over {
            continue;
        }
        // First the one that was written to: then the gateway has read it.
        peers[at].sign(number);
        for (_, peer) in peers.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            peer.sign(number);
        }
    }
    gateway.signal("TERM");
    let read = |mut peer: Peer| {
        while peer.open {
            peer.read_until(b"there is no such text");
        }
        let _ = peer.stream.shutdown(Shutdown::Both);
        (peer.on, peer.received)
    };
    let all = peers.into_iter().map(read).collect();
    assert_eq!(gateway.end().code(), Some(0));
    all
}

/// What a connection received, message by message, without what differs from run to run. The lengths in front of frames
/// and messages are read with them: a wrong one is found.
fn masked(on: On, bytes: &[u8]) -> String {
    let latin = |bytes: &[u8]| -> String { bytes.iter().map(|byte| char::from(*byte)).collect() };
    let text = match on {
        Lines(_) | Http(_) => latin(bytes),
        WebSocket(_) => {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            let mut rest = bytes[head..].to_vec();
            let frames = wire::websocket_frames(&mut rest);
            let frames: Vec<String> =
                frames.iter().map(|(opcode, payload)| format!("{opcode}: {}", latin(payload))).collect();
            format!("{}{}\n{}", latin(&bytes[..head]), frames.join("\n"), latin(&rest))
        }
        Router => {
            let mut rest = bytes.to_vec();
            let mut frames = wire::mudmode_frames(&mut rest);
            for frame in frames.iter_mut().filter(|frame| frame.starts_with("({\"ping-reply\",")) {
                let number = frame.trim_end_matches(",})").rfind(',').unwrap();
                frame.truncate(number);
            }
            format!("{}\n{}", frames.join("\n"), latin(&rest))
        }
    };
    let text = MASKED.iter().fold(text, |text, name| without(&text, name));
    let mut parts = text.split(IDLE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let grown = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text + IDLE + "*" + grown
    })
}

/// Replaces the values of the members of that name.
fn without(text: &str, name: &str) -> String {
    let start = format!("\"{name}\":");
    let mut parts = text.split(&start);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = match part.strip_prefix('"') {
            Some(inner) => inner.find('"').unwrap() + 2,
            None => part.find([',', '}']).unwrap(),
        };
        done.push_str(&start);
        done.push('*');
        done.push_str(&part[end..]);
    }
    done
}

#[test]
fn both_daemons_answer_byte_for_byte_the_same() {
    let (smol, threads) = (play(Daemon::Smol), play(Daemon::Threads));
    for ((on, smol), (_, threads)) in smol.iter().zip(&threads) {
        let (smol, threads) = (masked(*on, smol), masked(*on, threads));
        let same = smol.chars().zip(threads.chars()).take_while(|(one, other)| one == other).count();
        let around =
            |text: &str| -> String { text.chars().skip(same.saturating_sub(80)).take(200).collect() };
        assert!(smol == threads, "{on:?}: smol says\n{}\nthreads says\n{}", around(&smol), around(&threads));
        assert!(!smol.is_empty(), "{on:?} received nothing");
    }
    let all: String = smol.iter().map(|(on, bytes)| masked(*on, bytes)).collect();
    for seen in [
        "tell_received",
        "channel_message",
        "who-reply",
        "-32700",
        "shutdown_warning",
        "HTTP/1.1 405",
        "HTTP/1.1 404",
        "HTTP/1.1 431",
        "mallory@*",
        "in pieces",
        "replay_complete",
        ",5000*,",
        "\u{3}\u{ef}",
    ] {
        assert!(all.contains(seen), "{seen} has not been caused");
    }
}
