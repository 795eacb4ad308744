//! What comes to the port for JSON lines.

use super::*;

#[test]
fn a_line_without_end_gets_one_error_and_the_next_line_is_read() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.ask(attacker, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(attacker);
    for _ in 0..320 {
        siege.world.write(attacker, &[b'x'; 65_536]);
    }
    let answers = siege.read(attacker);
    assert_eq!(errors(&answers), [(-32600, Json::Null)]);
    assert!(answers[0]["error"]["message"].as_str().unwrap().contains("longer than 65536 bytes"));
    siege.ask(attacker, r#""}"#);
    siege.ask(attacker, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert_eq!(siege.read(attacker)[0]["result"]["pong"], true);
    assert_eq!(siege.metrics().request_errors, 1);
    siege.nobody_else_noticed();
}

#[test]
fn binary_gets_an_error_for_each_line() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.read(attacker);
    // A TLS ClientHello, a MudMode frame, all bytes there are.
    siege.ask(attacker, "\u{16}\u{3}\u{1}");
    siege.world.write(attacker, &wire::mudmode_frame(b"({\"tell\",5,})"));
    siege.world.write(attacker, b"\n");
    siege.world.write(attacker, &(0..=255).collect::<Vec<u8>>());
    siege.world.write(attacker, b"\n\xff\xfe\n");
    let answers = siege.read(attacker);
    assert_eq!(errors(&answers), vec![(-32700, Json::Null); 5]);
    assert_eq!(siege.metrics().request_errors, 5);
    siege.nobody_else_noticed();
}

#[test]
fn http_gets_one_error_and_is_closed() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.read(attacker);
    siege.world.write(attacker, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(errors(&siege.read(attacker)), [(-32700, Json::Null)]);
    assert!(!siege.world.is_open(attacker));
    siege.nobody_else_noticed();
}

#[test]
fn a_byte_order_mark_before_the_first_text_is_passed_over() {
    for chunk in [1, usize::MAX >> 1] {
        let mut siege = Siege::new(chunk, |_| {});
        let client = siege.connect(Listener::Lines);
        siege.read(client);
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        siege.ask(client, &format!("\u{feff}{ping}"));
        assert_eq!(siege.read(client)[0]["result"]["pong"], true);
        siege.ask(client, &format!("\u{feff}{ping}"));
        assert_eq!(errors(&siege.read(client)), [(-32700, Json::Null)], "only before the first");
        siege.nobody_else_noticed();
    }
}

#[test]
fn five_wrong_keys_are_enough() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.read(attacker);
    for id in 0..7 {
        siege.ask(attacker, &format!(r#"{{"id":{id},"method":"authenticate","params":["guess-{id}"]}}"#));
    }
    let wanted: Vec<_> = (0..5).map(|id| (-32000, json!(id))).collect();
    assert_eq!(errors(&siege.read(attacker)), wanted, "the fifth is answered, then it is over");
    assert!(!siege.world.is_open(attacker));
    let metrics = siege.metrics();
    assert_eq!((metrics.keys_refused, metrics.connections_at_fault), (5, 1));
    assert!(
        siege.world.notices.iter().all(|notice| !notice.to_string().contains("guess")),
        "no key in a log"
    );
    siege.nobody_else_noticed();
}

#[test]
fn who_never_shows_a_key_is_closed_after_100_requests() {
    for request in
        [r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, r#"{"jsonrpc":"2.0","id":1,"method":"tell"}"#, "5"]
    {
        let mut siege = Siege::default();
        let attacker = siege.connect(Listener::Lines);
        siege.read(attacker);
        for _ in 0..150 {
            siege.ask(attacker, request);
        }
        assert_eq!(siege.read(attacker).len(), 100, "{request}");
        assert!(!siege.world.is_open(attacker));
        assert_eq!(siege.metrics().connections_at_fault, 1);
        siege.nobody_else_noticed();
    }
}

#[test]
fn requests_of_a_kind_that_costs_much_are_refused() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.ask(attacker, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(attacker);
    let ping = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let deep = |open: &str, close: &str| {
        let nested = format!("{}1{}", open.repeat(9000), close.repeat(9000));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"presence_sync","params":{{"users":{nested}}}}}"#)
    };
    let members: Vec<String> = (0..4000).map(|at| format!(r#""a{at}":0"#)).collect();
    for (request, code, text) in [
        (format!("[{}1]", "1,".repeat(99_999)), -32600, "longer than"),
        (format!("[{}1]", "1,".repeat(30_000)), -32600, "at most 100 requests"),
        (ping(&format!("\"{}\"", "x".repeat(1_000_000))), -32600, "longer than"),
        (ping(&format!("\"{}\"", "x".repeat(60_000))), -32600, "id must be"),
        (ping(&"9".repeat(60_000)), -32600, "id must be"),
        ("[".repeat(60_000), -32700, "Invalid JSON"),
        (r#"{"a":"#.repeat(10_000), -32700, "Invalid JSON"),
        (deep("[", "]"), -32602, "users"),
        (deep(r#"{"a":"#, "}"), -32602, "users must be a list"),
        (format!(r#"{{"jsonrpc":"2.0","method":"ping",{}}}"#, members.join(",")), 0, ""),
    ] {
        siege.ask(attacker, &request);
        let answers = siege.read(attacker);
        let shown = &request[..60];
        if code == 0 {
            assert_eq!(answers, [] as [Json; 0], "a notification: {shown}");
            continue;
        }
        assert_eq!(errors(&answers).len(), 1, "{shown}: {answers:?}");
        assert_eq!(answers[0]["error"]["code"], code, "{shown}: {answers:?}");
        assert_eq!(answers[0]["jsonrpc"], "2.0");
        let message = answers[0]["error"]["message"].as_str().unwrap();
        assert!(message.contains(text) && message.len() < 300, "{shown}: {message}");
    }
    assert_eq!(siege.metrics().request_errors, 9);
    siege.nobody_else_noticed();
}

#[test]
fn a_text_that_does_not_fit_a_frame_is_refused_with_its_size() {
    let mut siege = Siege::default();
    let text = "\\\"".repeat(20_000);
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tell",
        "params": {"target_mud": "Sage", "target_user": "bob", "message": text}});
    siege.ask(siege.bystander, &request.to_string()[..]);
    let answer = siege.read(siege.bystander).pop().unwrap();
    assert!(answer["error"].is_object(), "{answer}");
    siege.nobody_else_noticed();
}

/// `printf ... | nc -N` sends its requests, ends its side, and waits.
#[test]
fn who_sends_no_more_gets_the_answers_that_are_waited_for() {
    let mut siege = Siege::default();
    let client = siege.connect(Listener::Lines);
    siege.ask(client, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    let who = |id| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"who","params":{{"target_mud":"Sage","wait":true}}}}"#
        )
    };
    let finger =
        r#"{"jsonrpc":"2.0","method":"finger","params":{"target_mud":"Sage","username":"bob","wait":true}}"#;
    siege.ask(client, &who(6));
    siege.ask(client, &format!("[{},{finger}]", who(7)));
    siege.read(client);
    siege.world.half_close(client);
    assert!(siege.world.is_open(client), "its requests wait");
    siege.frame(r#"({"who-reply",5,"Sage",0,"Alpha",0,({({"bob",0,"x",}),}),})"#);
    siege.frame(r#"({"who-reply",5,"Sage",0,"Alpha",0,({({"bob",0,"x",}),}),})"#);
    siege.world.wait(61 * SECOND);
    let answers = siege.read(client);
    assert!(answers.iter().any(|answer| answer["id"] == 6), "{answers:?}");
    assert!(answers.iter().any(|answer| answer[0]["id"] == 7), "{answers:?}");
    assert!(!siege.world.is_open(client), "it has all its answers");
    // Who waits for nothing is closed at once, and so is who may not wait for anything.
    for line in ["", r#"{"jsonrpc":"2.0","id":1,"method":"who","params":{"target_mud":"Sage","wait":true}}"#]
    {
        let client = siege.connect(Listener::Lines);
        siege.ask(client, line);
        siege.world.half_close(client);
        assert!(!siege.world.is_open(client));
    }
    siege.nobody_else_noticed();
}

#[test]
fn who_sends_no_more_and_reads_slowly_gets_all_that_is_queued() {
    let mut siege = Siege::default();
    let client = siege.connect(Listener::Lines);
    siege.ask(client, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(client);
    siege.world.stall(client);
    for _ in 0..3 {
        siege.ask(client, r#"{"jsonrpc":"2.0","id":"doc","method":"rpc.discover"}"#);
    }
    siege.world.half_close(client);
    siege.world.resume(client);
    assert_eq!(siege.read(client).len(), 3);
    assert!(!siege.world.is_open(client));
    // Who does not read at all is given up like anybody else who is closed.
    let client = siege.connect(Listener::Lines);
    siege.ask(client, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
    siege.world.stall(client);
    // So few answers that the gateway still reads from it, and sees its end.
    for _ in 0..2 {
        siege.ask(client, r#"{"jsonrpc":"2.0","id":"doc","method":"rpc.discover"}"#);
    }
    siege.world.half_close(client);
    siege.world.wait(11 * SECOND);
    assert!(!siege.world.is_open(client));
    siege.nobody_else_noticed();
}
