//! What is harmful at the sockets: it is answered or cut off, and a game that minds its own business notices nothing.

use crate::client::{Client, TRANSPORTS, Transport, read};
use crate::gateway::Gateway;
use crate::process::{PATIENCE, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Session};
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

for_both!(
    each_attack_gets_its_answer,
    a_head_that_never_ends_is_cut_off,
    clients_that_say_nothing_cost_nobody_anything,
    a_client_that_never_reads_holds_up_nobody,
    a_client_that_asks_and_does_not_read_is_not_read_from,
    a_client_that_asks_for_much_is_answered_in_order_and_holds_up_nobody,
    a_text_that_is_too_long_closes_no_client_that_reads,
    a_router_that_sends_rubbish_is_endured,
    what_is_nested_as_deeply_as_can_be_is_endured,
    one_client_too_many_is_refused_and_does_not_wait,
    clients_that_do_not_hang_up_are_waited_for_within_bounds,
    hundreds_of_clients_that_never_read_take_a_bounded_amount_of_memory,
);

/// A gateway with a router that the test plays, and a game.
struct Siege {
    gateway: Gateway,
    router: Played,
    link: Session,
    bystander: Client,
    rounds: u32,
}

impl Siege {
    fn new(daemon: Daemon, more: &Json) -> Siege {
        let router = Played::listen();
        let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
            .with(&json!({"router": {"pacing": {"enabled": false}}}))
            .with(more)
            .started();
        let (mut link, _) = router.log_in(7);
        link.lists();
        gateway.becomes_ready(true);
        let mut bystander = gateway.client(Transport::Lines);
        bystander.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
        Siege { gateway, router, link, bystander, rounds: 0 }
    }

    /// The game gets its answers, tells go and come, the link is the same.
    fn nobody_else_noticed(&mut self) {
        self.rounds += 1;
        let (out, back) = (format!("out {}", self.rounds), format!("in {}", self.rounds));
        self.bystander.result("tell", &json!(["Sage", "bob", out]), &json!({"status": "sent"}));
        assert_eq!(self.link.expect("tell")[7], out);
        self.link.send(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{back}",}})"#));
        assert_eq!(self.bystander.event("tell_received")["message"], back);
        assert!(self.router.try_accept().is_none(), "the link was made again");
    }

    /// The same, and it ends in order: whoever is stuck holds up no end, and every thread is joined.
    fn ends_well(mut self) {
        self.nobody_else_noticed();
        self.gateway.signal("TERM");
        assert_eq!(self.gateway.end().code(), Some(0));
        let log = self.gateway.log();
        assert!(log.contains("stopped") && !log.contains("have not ended in time"), "{log}");
    }

    /// A connection on which nothing has been said.
    fn connect(&self, transport: Transport) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.gateway.port(transport))).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Everything that comes back for these bytes, after which the attacker says no more.
    fn attack(&self, transport: Transport, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(transport);
        // It may be cut off before all is written; what has come until then counts.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut received = Vec::new();
        match stream.read_to_end(&mut received) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("not cut off: {error}"),
            _ => received,
        }
    }
}

/// What does not change for so long has come to rest.
const STANDS_STILL: Duration = Duration::from_millis(500);

/// A connection that was full in both directions goes on after so long.
const SENDS_AGAIN_WITHIN: Duration = Duration::from_secs(120);

const PING: &str = "{\"jsonrpc\":\"2.0\",\"id\":\"ping\",\"method\":\"ping\"}\n";

/// Bytes for the port of the JSON lines, and the error codes that come back, with 0 for a result.
fn on_the_line_port() -> Vec<(&'static str, Vec<u8>, Vec<i64>)> {
    let then_ping = |bytes: &[u8]| [bytes, b"\n", PING.as_bytes()].concat();
    let all: Vec<u8> = (0..=255).collect();
    let guess = |n: i32| {
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"method\":\"authenticate\",\"params\":[\"guess\"]}}\n")
    };
    let guesses: String = (0..7).map(guess).collect();
    vec![
        ("all bytes there are", then_ping(&all), vec![-32700, -32700, 0]),
        ("HTTP", then_ping(b"GET / HTTP/1.1\r\nHost: x\r\n"), vec![-32700]),
        ("TLS", then_ping(b"\x16\x03\x01\x00\xa5\x01\x00"), vec![-32700, 0]),
        ("MudMode", then_ping(&wire::mudmode_frame(br#"({"tell",5,})"#)), vec![-32700, 0]),
        ("a line of 60 kilobytes", then_ping(&[b'x'; 60_000]), vec![-32600, 0]),
        ("a line of a megabyte", then_ping(&[b'x'; 1 << 20]), vec![-32600]),
        ("no UTF-8", then_ping(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}"), vec![-32000, 0]),
        ("many brackets", then_ping(&[b'['; 4_000]), vec![-32600, 0]),
        ("empty lines", then_ping(b"\n\r\n   \n"), vec![0]),
        ("half a line", PING.trim_end().as_bytes()[..20].to_vec(), vec![]),
        (
            "a call without a key",
            then_ping(br#"{"jsonrpc":"2.0","id":1,"method":"mudlist"}"#),
            vec![-32000, 0],
        ),
        ("guesses", [guesses.as_bytes(), PING.as_bytes()].concat(), vec![-32000; 5]),
    ]
}

/// Bytes for the other port, and what is in the answer.
fn on_the_http_port(key: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let upgraded = |frame: Vec<u8>| [wire::websocket_request("/ws", Some(key)).into_bytes(), frame].concat();
    let mut unmasked = wire::websocket_frame(1, b"{}");
    unmasked[1] &= 0x7f;
    let long = format!("GET /health HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET /health HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    vec![
        ("no HTTP", b"\x00\x01\x02\x03\r\n\r\n".to_vec(), "HTTP/1.1 400 "),
        ("JSON", PING.as_bytes().to_vec(), "HTTP/1.1 400 "),
        ("a long head", long.into_bytes(), "HTTP/1.1 431 "),
        ("many headers", many.into_bytes(), "HTTP/1.1 431 "),
        ("half a head", b"GET /health HTT".to_vec(), ""),
        ("an unmasked frame", upgraded(unmasked), "\u{3}\u{ea}"),
        ("a binary frame", upgraded(wire::websocket_frame(2, b"{}")), "-32600"),
        ("no UTF-8", upgraded(wire::websocket_frame(1, b"\xff\xfe")), "\u{3}\u{ef}"),
        ("a message of a megabyte", upgraded(wire::websocket_frame(1, &[b'x'; 1 << 20])), "\u{3}\u{f1}"),
        ("a reserved opcode", upgraded(wire::websocket_frame(3, b"")), "\u{3}\u{ea}"),
        ("no JSON", upgraded(wire::websocket_frame(1, b"{")), "-32700"),
    ]
}

fn each_attack_gets_its_answer(daemon: Daemon) {
    let siege = Siege::new(daemon, &json!({"api": {"websocket": {"max_frame_size": 65_000}}}));
    for (name, bytes, wanted) in on_the_line_port() {
        let received = String::from_utf8(siege.attack(Transport::Lines, &bytes)).unwrap();
        let mut lines = received.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        assert_eq!(lines.next().unwrap()["method"], "welcome", "{name}");
        let codes: Vec<i64> = lines.map(|line| line["error"]["code"].as_i64().unwrap_or_default()).collect();
        assert_eq!(codes, wanted, "{name}: {received}");
    }
    for (name, bytes, wanted) in on_the_http_port(&siege.gateway.key()) {
        let received = siege.attack(Transport::WebSocket, &bytes);
        // Byte for byte, so that the code of a Close can be looked for.
        let text: String = received.iter().map(|byte| char::from(*byte)).collect();
        assert!(text.contains(wanted) && (text.is_empty() == wanted.is_empty()), "{name}: {text}");
    }
    siege.ends_well();
}

/// A byte now and then keeps it open no longer than a head may take.
fn a_head_that_never_ends_is_cut_off(daemon: Daemon) {
    let siege = Siege::new(daemon, &json!({"api": {"handshake_timeout": 2}}));
    let mut slow = siege.connect(Transport::WebSocket);
    slow.write_all(b"GET /health HTTP/1.1\r\nX: ").unwrap();
    slow.set_nonblocking(true).unwrap();
    let mut received = Vec::new();
    wait_for("the slow client to be cut off", || {
        let _ = slow.write(b"x");
        match slow.read_to_end(&mut received) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            _ => Some(()),
        }
    });
    let answer = String::from_utf8(received).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    siege.ends_well();
}

fn clients_that_say_nothing_cost_nobody_anything(daemon: Daemon) {
    let mut siege = Siege::new(daemon, &json!({}));
    let mut silent = Vec::new();
    for at in 0..300 {
        let transport = if at % 2 == 0 { Transport::Lines } else { Transport::WebSocket };
        let mut stream = siege.connect(transport);
        let begun: &[u8] = match at % 6 {
            0 => b"{\"jsonrpc\":\"2.0\",",
            1 => b"GET /heal",
            2 => &[b'x'; 60_000],
            _ => b"",
        };
        stream.write_all(begun).unwrap();
        silent.push(stream);
    }
    siege.nobody_else_noticed();
    // Some go in order, the others break off with bytes unread.
    for (at, stream) in silent.into_iter().enumerate() {
        if at % 3 == 0 {
            stream.shutdown(Shutdown::Write).unwrap();
        }
    }
    siege.nobody_else_noticed();
    // Many others are there at the end.
    let _silent: Vec<_> = (0..100).map(|_| siege.connect(Transport::Lines)).collect();
    siege.ends_well();
}

fn a_client_that_never_reads_holds_up_nobody(daemon: Daemon) {
    const ROUNDS: usize = 45;
    const LINES: usize = 20;
    let mut siege = Siege::new(daemon, &json!({}));
    let mut never = siege.gateway.client(Transport::WebSocket);
    never.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    // Seven megabytes: more than the system holds for one connection.
    let text = "x".repeat(8_000);
    for round in 0..ROUNDS {
        for line in 0..LINES {
            siege.link.send(&format!(
                r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{round} {line} {text}",}})"#
            ));
        }
        // Who reads gets every one, in order, before more are sent.
        for line in 0..LINES {
            let heard = siege.bystander.event("channel_message");
            assert!(heard["message"].as_str().unwrap().starts_with(&format!("{round} {line} ")), "{heard}");
        }
    }
    siege.nobody_else_noticed();
    #[cfg(target_os = "linux")]
    assert!(siege.gateway.process_status("VmHWM") < 64 * 1024, "kB");
    // When it reads at last, it is told how much it missed.
    let mut messages = 0;
    let lagged = loop {
        let message = never.message();
        match message["method"].as_str() {
            Some("lagged") => break message,
            Some("channel_message") => messages += 1,
            _ => {}
        }
    };
    let dropped = lagged["params"]["dropped"].as_u64().unwrap_or_else(|| panic!("{lagged}"));
    assert!(
        messages > 0 && dropped > 0 && messages + dropped <= (ROUNDS * LINES) as u64,
        "{messages} {lagged}"
    );
}

fn a_client_that_asks_and_does_not_read_is_not_read_from(daemon: Daemon) {
    /// Some sixteen megabytes: more than the system holds for both directions, and than the one that may wait for one
    /// client. An id comes back as it is.
    const REQUESTS: usize = 15_000;
    let id = |number: usize| format!("{number:0>1000}");
    let mut siege = Siege::new(daemon, &json!({}));
    let mut asks = siege.gateway.client(Transport::Lines);
    socket2::SockRef::from(&asks.stream).set_send_buffer_size(65_536).unwrap();
    let mut stream = asks.stream.try_clone().unwrap();
    // It stands still until its answers are read, on a busy machine for long. Where both directions are full, Linux drops what
    // comes, acknowledgements too, until it sends again: after 0.2 s, and each time twice as long.
    stream.set_write_timeout(None).unwrap();
    stream.set_read_timeout(Some(SENDS_AGAIN_WITHIN)).unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counted = written.clone();
    let writing = std::thread::spawn(move || {
        for number in 0..REQUESTS {
            // In one piece: of thousands of small ones the system holds no megabytes, and trickles.
            let request = json!({"jsonrpc": "2.0", "id": id(number), "method": "ping"}).to_string() + "\n";
            stream.write_all(request.as_bytes()).unwrap();
            counted.store(number + 1, Ordering::Relaxed);
        }
    });
    let mut last = (0, Instant::now());
    wait_for("no more to be taken from it", || {
        let now = written.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.0 > 0 && last.1.elapsed() > STANDS_STILL).then_some(())
    });
    assert!(last.0 < REQUESTS, "all requests were taken");
    siege.nobody_else_noticed();
    // When it reads at last, all is answered, in order.
    for number in 0..REQUESTS {
        let answer = asks.message_that(|message| !message["id"].is_null());
        assert_eq!((&answer["id"], &answer["result"]["pong"]), (&json!(id(number)), &json!(true)));
    }
    writing.join().unwrap();
    siege.ends_well();
}

fn a_client_that_asks_for_much_is_answered_in_order_and_holds_up_nobody(daemon: Daemon) {
    const MUDS: usize = 2_000;
    const TIMES: usize = 8;
    let mut siege = Siege::new(daemon, &json!({}));
    let entries: String = (0..MUDS)
        .map(|n| format!(r#""Mud {n:04}":({{-1,"127.0.0.1",4000,0,0,"lib","base","driver","LPMud","open","e",(["tell":1,"channel":1,"who":1,]),0,}}),"#))
        .collect();
    siege.link.send(&format!(r#"({{"mudlist",5,"*net",0,"Alpha",0,9,([{entries}]),}})"#));
    siege.bystander.knows("Mud 1999");
    for transport in TRANSPORTS {
        let mut asks = siege.gateway.client(transport);
        socket2::SockRef::from(&asks.stream).set_recv_buffer_size(65_536).unwrap();
        for id in 0..TIMES {
            asks.send(&json!({"jsonrpc": "2.0", "id": id, "method": "mudlist"}).to_string());
        }
        siege.nobody_else_noticed();
        for id in 0..TIMES {
            std::thread::sleep(Duration::from_millis(10));
            let answer = asks.message_that(|message| !message["id"].is_null());
            let result = &answer["result"];
            assert_eq!((&answer["id"], &result["more"]), (&json!(id), &json!(true)));
            assert_eq!(result["next"], result["muds"][result["muds"].as_array().unwrap().len() - 1]["name"]);
        }
        let batch: Vec<Json> =
            (0..100).map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "mudlist"})).collect();
        asks.send(&Json::from(batch).to_string());
        siege.nobody_else_noticed();
        let answers = asks.message_that(Json::is_array);
        let answers = answers.as_array().unwrap();
        assert!(answers.iter().enumerate().all(|(id, answer)| answer["id"] == id) && answers.len() == 100);
        let full = json!({"reason": "backlog_full", "retryable": true});
        let refused = answers.iter().filter(|answer| answer["error"]["data"] == full).count();
        assert!((90..100).contains(&refused), "{refused}");
        // It may go on.
        asks.result("ping", &json!({}), &json!({"pong": true}));
    }
    #[cfg(target_os = "linux")]
    assert!(siege.gateway.process_status("VmHWM") < 64 * 1024, "kB");
    siege.ends_well();
}

fn a_text_that_is_too_long_closes_no_client_that_reads(daemon: Daemon) {
    let mut siege = Siege::new(daemon, &json!({}));
    let mut others: Vec<Client> =
        TRANSPORTS.into_iter().map(|transport| siege.gateway.client(transport)).collect();
    for unit in ["x", "\u{1b}"] {
        let long = unit.repeat(1_050_000);
        for text in [&*long, "small"] {
            siege.link.send(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{text}",}})"#));
        }
        for client in others.iter_mut().chain([&mut siege.bystander]) {
            let told = client.event("tell_received");
            let text = told["message"].as_str().unwrap();
            assert!(text.ends_with("… (cut)") && (10_000..65_600).contains(&text.len()), "{}", text.len());
            assert_eq!(client.event("tell_received")["message"], "small");
        }
    }
    drop(others);
    siege.ends_well();
}

fn a_router_that_sends_rubbish_is_endured(daemon: Daemon) {
    let mut siege = Siege::new(daemon, &json!({}));
    for rubbish in [
        "({",
        "",
        "\u{0}\u{0}",
        "({\"tell\",5,})",
        "({\"tell\",5,\"Sage\",\"bob\",\"Alpha\",7,({}),([]),})",
        "({\"nothing\",5,\"Sage\",0,\"Alpha\",0,})",
        &"({".repeat(50_000),
        "({\"mudlist\",5,\"*net\",0,\"Alpha\",0,\"x\",([1:2,]),})",
    ] {
        siege.link.send(rubbish);
    }
    siege.link.stream.write_all(&wire::mudmode_frame(b"\xff\xfe\x80")).unwrap();
    siege.nobody_else_noticed();
    // A frame longer than any cannot be followed: the link is made again.
    siege.link.stream.write_all(&[0x7f, 0xff, 0xff, 0xff]).unwrap();
    while siege.link.next().is_some() {}
    let (link, password) = siege.router.log_in(7);
    assert_eq!(password, 7);
    siege.link = link;
    siege.link.lists();
    siege.gateway.becomes_ready(true);
    siege.ends_well();
}

/// A thread that comes to the end of its stack ends the daemon.
fn what_is_nested_as_deeply_as_can_be_is_endured(daemon: Daemon) {
    let mut siege = Siege::new(daemon, &json!({}));
    let mut client = siege.gateway.client(Transport::Lines);
    for depth in [90, 120, 130, 5_000] {
        let nested = |open: &str, close: &str| open.repeat(depth) + &close.repeat(depth);
        for value in [nested("[", "]"), format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))] {
            client.send(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{value}}}"#));
            client.message_that(|message| message["method"].is_null());
        }
        for value in [nested("({", ",})"), format!("{}0{}", r#"(["a":"#.repeat(depth), ",])".repeat(depth))] {
            siege.link.send(&format!(r#"({{"oob-req",5,"Sage","bob","Alpha",0,{value},}})"#));
            siege.link.send(&format!(r#"({{"mudlist",5,"*net",0,"Alpha",0,9,(["Deep":{value},]),}})"#));
        }
        siege.nobody_else_noticed();
    }
    siege.ends_well();
}

fn one_client_too_many_is_refused_and_does_not_wait(daemon: Daemon) {
    // The bystander is one.
    let mut siege = Siege::new(daemon, &json!({"performance": {"max_connections": 3}}));
    let first = |siege: &Siege, transport| {
        let mut stream = siege.connect(transport);
        if transport == Transport::WebSocket {
            let _ = stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        let mut byte = [0];
        // A refusal may come as a reset.
        let served = read(&mut stream, &mut byte).is_ok_and(|count| count == 1);
        served.then_some(stream)
    };
    // Who has a key makes no room for others.
    let mut served: Vec<_> =
        TRANSPORTS.into_iter().map(|transport| siege.gateway.client(transport)).collect();
    // More than are accepted beyond those who are served. Health checks of this host have places of their own.
    for _ in 0..100 {
        assert!(first(&siege, Transport::Lines).is_none());
        assert!(first(&siege, Transport::WebSocket).is_some());
    }
    siege.nobody_else_noticed();
    served.pop();
    wait_for("the place", || first(&siege, Transport::Lines));
    siege.ends_well();
}

/// Who has had an answer and does not hang up is waited for, each for a while. Where a connection has a thread, the oldest
/// are given up when too many are waited for; nobody is refused, and nobody else notices.
fn clients_that_do_not_hang_up_are_waited_for_within_bounds(daemon: Daemon) {
    /// The bystander, and one of the others at a time.
    const SERVED: u64 = 2;
    /// More than are accepted beyond those who are served.
    const MANY: usize = 100;
    let mut siege = Siege::new(daemon, &json!({"performance": {"max_connections": SERVED}}));
    let mut waited_for = Vec::new();
    let mut visit = |siege: &Siege| {
        let mut stream = siege.connect(Transport::WebSocket);
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        waited_for.push(stream);
        #[cfg(target_os = "linux")]
        {
            // Those of connections, with one that each listener has in hand, and a dozen for all else.
            let most = if daemon == Daemon::Threads { SERVED + 64 + 2 + 12 } else { 12 };
            assert!(siege.gateway.process_status("Threads") <= most);
        }
        waited_for.len()
    };
    while visit(&siege) < MANY {}
    siege.nobody_else_noticed();
    visit(&siege);
    siege.ends_well();
}

/// The budget of 64 MB is for the whole process.
fn hundreds_of_clients_that_never_read_take_a_bounded_amount_of_memory(daemon: Daemon) {
    const CLIENTS: usize = 400;
    /// What is sent at least, and what more than the system can hold for all of them.
    const LINES: std::ops::Range<usize> = 300..3_000;
    let mut siege = Siege::new(daemon, &json!({}));
    let never: Vec<_> = (0..CLIENTS)
        .map(|at| {
            let transport = if at % 2 == 0 { Transport::Lines } else { Transport::WebSocket };
            let mut client = siege.gateway.client(transport);
            // So that the system does not take all of it in their place.
            socket2::SockRef::from(&client.stream).set_recv_buffer_size(4096).unwrap();
            client.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
            client
        })
        .collect();
    let text = "x".repeat(8_000);
    let dropped = |siege: &Siege| -> f64 {
        let metrics = siege.gateway.get("/metrics");
        let lines = metrics.lines().filter(|line| line.starts_with("api_events_dropped_total"));
        lines.map(|line| line.split_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    };
    for line in 0..LINES.end {
        siege.link.send(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{line} {text}",}})"#));
        // Who reads gets every one, in order, before more are sent.
        let heard = siege.bystander.event("channel_message");
        assert!(heard["message"].as_str().unwrap().starts_with(&format!("{line} ")), "{heard}");
        if line >= LINES.start && line % 50 == 0 && dropped(&siege) > CLIENTS as f64 {
            break;
        }
    }
    assert!(dropped(&siege) > CLIENTS as f64, "nobody was behind");
    siege.nobody_else_noticed();
    #[cfg(target_os = "linux")]
    assert!(siege.gateway.process_status("VmHWM") < 64 * 1024, "kB");
    siege.ends_well();
    drop(never);
}
