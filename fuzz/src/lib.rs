//! What the fuzz targets do with their bytes. Each function panics where something does not hold; nothing here needs a
//! fuzzer, so that the committed corpora are replayed by the ordinary tests too.

use i3_core::Gateway;
use i3_core::door::irc::message::{LINE_BYTES_MAX, parse};
use i3_core::door::rpc::http::parse_head;
use i3_core::door::rpc::rpc::{self, Incoming};
use i3_core::door::rpc::websocket::{Received, WebSocket};
use i3_core::i3::frame::FRAME_BYTES_MAX;
use i3_core::i3::{Deframer, Packet, Reader, Value};
use i3_core::machine::{
    ConnId, Input, Listener, LostBy, Machine, Output, SaveError, SaveTicket, Saved, settle,
};
use i3_core::time::{Instant, Now, UnixTime};
use i3_tests::hostile::Siege;
use i3_tests::{scenario, wire};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

/// A target.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("chunking", chunking),
    ("frame", frame),
    ("gateway", gateway),
    ("http_head", http_head),
    ("irc", irc),
    ("json_rpc", json_rpc),
    ("lpc_round_trip", lpc_round_trip),
    ("lpc_value", lpc_value),
    ("mud_door", mud_door),
    ("packet", packet),
    ("websocket", websocket),
];

/// Cuts a stream into pieces of 1 to 16 bytes; 0 leaves it whole.
fn pieces(cut: u8, stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = if cut == 0 { stream.len().max(1) } else { usize::from(cut % 16) + 1 };
    stream.chunks(size)
}

/// A stream of frames: the same whole and in pieces, and no more held than has come.
pub fn frame(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let read = |cut: u8| {
        let (mut deframer, mut frames) = (Deframer::default(), Vec::new());
        for mut piece in pieces(cut, stream) {
            loop {
                match deframer.next(&mut piece) {
                    Ok(Some(text)) => frames.push(text.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
            assert!(piece.is_empty(), "bytes are left, but it needs more");
            assert!(deframer.partial_bytes() <= stream.len().min(FRAME_BYTES_MAX + 4));
        }
        (frames, None)
    };
    assert_eq!(read(0), read(cut | 1));
}

/// A text as a value: read as a tree or passed over, it ends at the same place.
pub fn lpc_value(data: &[u8]) {
    let (mut reader, mut skipper) = (Reader::new(data), Reader::new(data));
    let (value, skipped) = (reader.value(), skipper.skip());
    assert_eq!(value.as_ref().err(), skipped.as_ref().err());
    assert_eq!(reader.rest(), skipper.rest());
    if let Ok(value) = value {
        assert_eq!(value.clone().into_owned(), value);
    }
}

/// What is read can be written, strictly, and read again as the same.
pub fn lpc_round_trip(data: &[u8]) {
    let Ok(value) = Value::parse(data) else { return };
    let mut text = Vec::new();
    value.write(&mut text);
    let again =
        Value::parse(&text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
    let mut text_again = Vec::new();
    again.write(&mut text_again);
    assert_eq!(text, text_again);
    is_strict(&text);
}

/// Others can read it, unless it holds what no service lets out.
fn is_strict(text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text)
        && !text.chars().any(|c| c.is_control() && c != '\r')
        && let Err(fault) = wire::strict_lpc(text)
    {
        panic!("{fault}");
    }
}

/// What is read as a packet can be written and read again as the same.
pub fn packet(data: &[u8]) {
    let Ok((packet, _)) = Packet::decode(data) else { return };
    let text = written(&packet);
    let (again, repairs) = Packet::decode(&text).unwrap_or_else(|error| panic!("{error}"));
    let text_again = written(&again);
    let (third, _) = Packet::decode(&text_again).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(third, again);
    assert_eq!(repairs.bare_quotes, 0);
    assert!(matches!(packet.to_value(), Value::Array(_)));
    is_strict(&text);
    // A control character is read and not written, and a name that holds nothing else is nobody's.
    let is_plain = |text: &str| !text.chars().any(|c| c.is_control() && c != '\r' && c != '\n');
    if std::str::from_utf8(data).is_ok_and(is_plain) {
        assert_eq!(String::from_utf8_lossy(&text), String::from_utf8_lossy(&text_again));
        assert_eq!(again.body.kind(), packet.body.kind());
    }
}

fn written(packet: &Packet<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    packet.encode(&mut text);
    text
}

/// A request head: read whole or not at all.
pub fn http_head(data: &[u8]) {
    let Ok(Some((head, length))) = parse_head(data) else { return };
    assert!(length <= data.len() && !head.path.contains(['?', '#']));
    assert!(matches!(parse_head(&data[..length]), Ok(Some((_, again))) if again == length));
    for end in 0..length {
        assert!(!matches!(parse_head(&data[..end]), Ok(Some(_))), "a head in a part of a head");
    }
}

/// The bytes of a WebSocket client: the same messages and answers whole and in pieces.
pub fn websocket(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let read = |cut: u8| {
        let (mut socket, mut received, mut output) = (WebSocket::new(1000, false), Vec::new(), Vec::new());
        for mut piece in pieces(cut, stream) {
            while let Some(message) = socket.next(&mut piece, &mut output) {
                let over = matches!(message, Received::Closed { .. });
                assert!(!matches!(&message, Received::Text(text) if text.len() > 1000));
                received.push(message);
                if over {
                    return (received, output);
                }
            }
        }
        (received, output)
    };
    assert_eq!(read(0), read(cut | 1));
}

/// A text from a client: what is refused gets a JSON-RPC error, what is taken can be answered.
pub fn json_rpc(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let requests = match rpc::parse(text) {
        Incoming::Single(request) => vec![request],
        Incoming::Batch(requests) => requests.into_iter().map(rpc::request).collect(),
    };
    assert!((1..=rpc::BATCH_REQUESTS_MAX).contains(&requests.len()));
    for request in requests {
        let answer = match &request {
            Ok(request) => rpc::result(request.id, b"{}"),
            Err(answer) => answer.clone(),
        };
        assert!(!answer.contains(&b'\n') || text.contains('\n'), "an answer of two lines");
        // Not as a `Value`: an id is echoed as it was written, and may be a number that no float can hold.
        let answer: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((answer["jsonrpc"].get(), answer.contains_key("error")), ("\"2.0\"", request.is_err()));
    }
}

/// Takes a number of bytes off the front, or what there is.
fn take<'a>(data: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = data.split_at(length.min(data.len()));
    *data = rest;
    taken
}

fn byte(data: &mut &[u8]) -> u8 {
    take(data, 1).first().copied().unwrap_or_default()
}

/// A conversation of a gateway with a router and three clients: who speaks, how much, the bytes; the same out of every
/// connection however the bytes are cut.
pub fn chunking(data: &[u8]) {
    let play = |chunk: usize| {
        let mut siege = Siege::new(chunk, |_| {});
        let websocket = siege.websocket();
        let http = siege.connect(Listener::Http);
        let scripts = [siege.router, siege.bystander, websocket, http];
        let mut rest = data;
        while !rest.is_empty() {
            let (who, length) = (byte(&mut rest), byte(&mut rest));
            let bytes = take(&mut rest, usize::from(length));
            let bytes = match who / 4 % 2 {
                0 => bytes.to_vec(),
                _ => match who % 4 {
                    0 => wire::mudmode_frame(bytes),
                    1 => [bytes, b"\n"].concat(),
                    2 => wire::websocket_frame(1, bytes),
                    _ => [b"GET /", bytes, b" HTTP/1.1\r\n\r\n"].concat(),
                },
            };
            siege.world.write(scripts[usize::from(who % 4)], &bytes);
        }
        siege.world.wait(Duration::from_secs(12));
        scripts.map(|script| std::mem::take(siege.world.received(script)))
    };
    assert_eq!(play(usize::MAX >> 1), play(7));
}

/// The bytes of a client of IRC, and a text from the network for one: nothing ends a line that should not, and what the client
/// gets are lines that a strict client can read, the same however the bytes are cut.
pub fn irc(data: &[u8]) {
    let Some((&how, stream)) = data.split_first() else { return };
    if let Ok(text) = std::str::from_utf8(stream) {
        for message in text.split('\n').filter_map(|line| parse(line).ok()) {
            assert!(!message.command.is_empty());
            assert!(!message.params.iter().any(|param| param.contains(['\r', '\n', '\0'])));
        }
    }
    let play = |chunk: usize| {
        let mut siege = Siege::new(chunk, |_| {});
        let client = siege.connect(Listener::Irc);
        if how % 2 == 0 {
            siege.world.write(client, b"CAP REQ :message-tags labeled-response batch echo-message\r\n");
            siege
                .world
                .write(client, b"PASS alpha-key\r\nNICK ann\r\nUSER a 0 * :a\r\nCAP END\r\nJOIN #chat\r\n");
        }
        if how / 2 % 2 == 0 {
            siege.world.write(client, stream);
            siege.world.write(client, b"\r\nPING end\r\n");
        } else {
            for kind in [&b"tell"[..], b"emoteto"] {
                let mut frame = [b"({\"", kind, b"\",5,\"Sage\",\"bob\",\"Alpha\",\"ann\",\"Bob\","].concat();
                Value::Str(stream.into()).write(&mut frame);
                frame.extend_from_slice(b",})");
                siege.world.write(siege.router, &wire::mudmode_frame(&frame));
            }
        }
        siege.world.wait(Duration::from_secs(12));
        std::mem::take(siege.world.received(client))
    };
    let received = play(usize::MAX >> 1);
    let text = std::str::from_utf8(&received).unwrap_or_else(|fault| panic!("no UTF-8: {fault}"));
    for line in text.split("\r\n") {
        let line =
            if line.starts_with('@') { line.split_once(' ').map_or("", |(_, rest)| rest) } else { line };
        assert!(line.len() <= LINE_BYTES_MAX, "a line of {} bytes", line.len());
        assert!(!line.contains(['\r', '\n', '\0']), "a line with an end in it: {line:?}");
    }
    assert_eq!(received, play(7));
}

/// A driver with faults, which only keeps to what the contract of a machine demands of one.
struct Driver {
    gateway: Gateway,
    now: Now,
    /// All that there ever were: what is said about a dead one is ignored.
    conns: Vec<ConnId>,
    dead: BTreeSet<ConnId>,
    tickets: Vec<SaveTicket>,
    /// Bytes are taken, but never flushed.
    stalled: bool,
    stopped: bool,
}

impl Driver {
    fn settle(&mut self) {
        let Driver { gateway, now, conns, dead, tickets, stalled, stopped } = self;
        let (now, mut outputs) = (*now, 0);
        let next = settle(gateway, now, |gateway, output| {
            outputs += 1;
            assert!(outputs < 100_000, "it does not come to rest");
            match output {
                Output::Write { conn } => {
                    assert!(!dead.contains(&conn), "bytes for a connection that it closed");
                    let mut pieces = Vec::new();
                    let taken = gateway.take_bytes(conn, 4096, &mut pieces);
                    assert!(taken <= 4096 && taken == pieces.iter().map(bytes::Bytes::len).sum::<usize>());
                    if !*stalled {
                        gateway.handle(now, Input::Flushed { conn });
                    }
                }
                Output::Close { conn } => assert!(dead.insert(conn), "closed twice"),
                Output::Dial { conn, .. } => conns.push(conn),
                Output::Save { ticket, .. } => tickets.push(ticket),
                Output::Beat { .. } | Output::Query { .. } => {
                    unreachable!("one host, and a history in memory")
                }
                Output::Stopped => *stopped = true,
                Output::Read { .. } | Output::Notice(_) | Output::LogLevel(_) => {}
            }
        });
        assert!(next.is_none_or(|(at, _)| at > now.mono), "a deadline has passed, but it rests");
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        self.gateway.handle(self.now, Input::Received { conn, bytes });
    }

    fn accept(&mut self, on: Listener) {
        let accepted = self.gateway.accept(self.now, on, SocketAddr::from(([127, 0, 0, 1], 5)));
        assert!(!self.stopped || accepted.is_err(), "accepted after the end");
        self.conns.extend(accepted.ok());
    }

    fn pass(&mut self, duration: Duration) {
        let micros = duration.as_micros() as u64;
        self.now = Now {
            mono: self.now.mono + duration,
            unix: UnixTime::from_micros(self.now.unix.micros() + micros),
        };
    }

    /// One step: what, for which connection, how much, the bytes.
    fn step(&mut self, data: &mut &[u8]) {
        let (what, which, length) = (byte(data), byte(data), byte(data));
        let conn = self.conns[usize::from(which) % self.conns.len()];
        match what % 16 {
            0 => self.accept(Listener::Lines),
            1 => self.accept(Listener::Http),
            2 | 3 => self.received(conn, take(data, usize::from(length))),
            4 | 5 => {
                let frame = wire::mudmode_frame(take(data, usize::from(length)));
                self.received(self.conns[0], &frame);
            }
            6 | 7 => {
                let line = [take(data, usize::from(length)), b"\n"].concat();
                self.received(conn, &line);
            }
            8 if which % 16 == 15 => self.accept(Listener::Irc),
            8 => {
                let frame = wire::websocket_frame(which >> 4, take(data, usize::from(length)));
                self.received(conn, &frame);
            }
            9 => self.pass(Duration::from_millis(u64::from(length) << (which % 12))),
            10 => self.gateway.handle(self.now, Input::Flushed { conn }),
            11 => self.gateway.handle(self.now, Input::Lost { conn, by: LostBy::EndOfStream }),
            12 => self.gateway.handle(self.now, Input::Dialed { conn }),
            13 => {
                let ticket =
                    self.tickets.get(usize::from(length)).copied().unwrap_or(SaveTicket(length.into()));
                let outcome =
                    if which == 0 { Err(SaveError::Failed("disk full".to_owned())) } else { Ok(()) };
                self.gateway.handle(self.now, Input::Saved { ticket, outcome });
            }
            14 => self.stalled = !self.stalled,
            _ if length == 0xff => self.gateway.handle(self.now, Input::Shutdown),
            _ => self.gateway.handle_timeout(self.now),
        }
        // Any number of inputs may come before the outputs are carried out.
        if what < 0xf0 {
            self.settle();
        }
    }
}

/// A script of inputs to a whole gateway, in any order: it never panics and always comes to rest.
pub fn gateway(data: &[u8]) {
    let now = Now { mono: Instant::from_micros(1), unix: UnixTime::from_micros(1_795_400_000_000_000) };
    let settings = scenario::settings("Alpha", &["*net".to_owned(), "*two".to_owned()]);
    let gateway = Gateway::new(settings, &Saved::default(), 1, now).unwrap_or_else(|error| panic!("{error}"));
    let (conns, dead, tickets) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut driver = Driver { gateway, now, conns, dead, tickets, stalled: false, stopped: false };
    driver.settle();
    let router = driver.conns[0];
    driver.gateway.handle(now, Input::Dialed { conn: router });
    driver.received(
        router,
        &wire::mudmode_frame(br#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","1.2.3.4 5",}),}),0,})"#),
    );
    driver.settle();
    assert!(driver.gateway.is_ready());
    // The first two clients are known and on a channel: most of what can happen needs that.
    for _ in 0..2 {
        driver.accept(Listener::Lines);
        let conn = driver.conns[driver.conns.len() - 1];
        driver.received(conn, b"{\"id\":1,\"method\":\"authenticate\",\"params\":[\"alpha-key\"]}\n");
        driver.received(
            conn,
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"channel_join\",\"params\":[\"chat\"]}\n",
        );
        driver.settle();
    }
    let mut rest = data;
    while !rest.is_empty() {
        driver.step(&mut rest);
    }
    driver.settle();
    // Whatever happened: a shutdown comes to its end.
    driver.gateway.handle(driver.now, Input::Shutdown);
    driver.settle();
    driver.pass(Duration::from_secs(6));
    driver.settle();
    assert!(driver.stopped, "it was told to end and did not");
}

/// Plays a network with a mud that logs in at the gateway.
fn mud_door_network(chunk: usize) -> scenario::Stage {
    let mut stage = scenario::Stage::new(5, chunk);
    for line in ["router *net", "bouncer Alpha", "mud Sage", "wait 5s", "game g Alpha"] {
        stage.line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    stage
}

/// The login of the mud at the gateway, with a name that decides what program it counts as.
fn login(driver: &str, protocol: u8) -> String {
    let tail = if protocol == 3 { ",0,})" } else { ",})" };
    let email = if protocol == 3 { r#","a@b""# } else { "" };
    format!(
        r#"({{"startup-req-{protocol}",5,"Alpha",0,"*i4",0,0,0,0,4000,0,0,"l","b","{driver}","LP","open"{email},(["channel":1,"tell":1,]){tail}"#
    )
}

/// What a mud sends to the gateway, and what the network sends to it: whatever comes, what the mud gets is what its program
/// can read, within its frames. It is the same however the bytes are cut.
pub fn mud_door(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let (driver, protocol, most) =
        [("MudOS", 3, 10_000), ("CoffeeMud 5", 3, 65_536), ("SMAUG", 3, 131_072), ("FluffOS", 1, 10_000)]
            [usize::from(first % 4)];
    let play = |chunk: usize| {
        let mut stage = mud_door_network(chunk);
        let (mud, other) = (stage.script("g"), stage.script("Sage"));
        if first & 0x80 == 0 {
            stage.world.write(mud, &wire::mudmode_frame(login(driver, protocol).as_bytes()));
            stage.world.wait(Duration::from_secs(5));
        }
        let mut rest = data;
        while !rest.is_empty() {
            let (who, length) = (byte(&mut rest), byte(&mut rest));
            let bytes = take(&mut rest, usize::from(length) << (who % 8));
            match who / 8 % 4 {
                0 => stage.world.write(mud, bytes),
                1 => stage.world.write(mud, &wire::mudmode_frame(bytes)),
                2 => stage.world.write(other, &wire::mudmode_frame(bytes)),
                _ => stage.world.wait(Duration::from_secs(1)),
            }
        }
        stage.world.wait(Duration::from_secs(12));
        [mud, other].map(|script| std::mem::take(stage.world.received(script)))
    };
    let [mut received, at_other] = play(usize::MAX >> 1);
    let [again, other_again] = play(7);
    assert_eq!(received, again, "it depends on how the bytes are cut");
    assert_eq!(at_other, other_again, "it depends on how the bytes are cut");
    let whole = received.len();
    let frames = wire::mudmode_frames(&mut received);
    assert!(received.is_empty(), "{} of {whole} bytes are no frame", received.len());
    for frame in frames {
        assert!(frame.len() + 5 <= most, "a frame of {} bytes", frame.len());
        let text = frame.strip_prefix(wire::LATIN_1).unwrap_or(&frame);
        let packet = wire::strict_lpc(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
        assert!(driver != "CoffeeMud 5" || packet[0] != "emoteto" && packet[0] != "beep");
    }
}
