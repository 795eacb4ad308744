//! Channels without end, and characters that are aimed at logs and terminals.

use super::*;
use i3_tests::wire::{mudmode_frame, mudmode_frames};

#[test]
fn ten_thousand_channels_are_refused_after_five_hundred() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.ask(attacker, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(attacker);
    siege.world.wait(SECOND);
    siege.world.received(siege.router).clear();
    let mut refused = 0;
    for at in 0..10_000 {
        siege.ask(
            attacker,
            &format!(r#"{{"jsonrpc":"2.0","id":{at},"method":"channel_join","params":["c{at}"]}}"#),
        );
        let answer = siege.read(attacker).pop().unwrap();
        if answer["error"]["code"] == -32602 {
            refused += 1;
            assert!(
                answer["error"]["message"].as_str().unwrap().contains("at most 500 channels"),
                "{answer}"
            );
        }
        // No more than the router takes, so that none waits for too long.
        if at < 500 && at % 8 == 7 {
            siege.world.wait(SECOND);
        }
    }
    assert_eq!(refused, 9_500);
    siege.world.wait(2 * SECOND);
    let joined = mudmode_frames(siege.world.received(siege.router));
    assert_eq!(joined.iter().filter(|frame| frame.starts_with(r#"({"channel-listen""#)).count(), 500);
    siege.nobody_else_noticed();
}

/// Everything that could move a cursor, forge a line, hide text, or end a string.
const NASTY: [&str; 8] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\r\nforged line",
    "\u{9b}31m",
    "\u{0}",
    "\u{8}\u{8}",
    "\u{7f}",
    "\u{85}",
    "\t",
];

#[test]
fn control_characters_reach_no_log_and_no_packet() {
    let mut siege = Siege::default();
    let attacker = siege.connect(Listener::Lines);
    siege.ask(attacker, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(attacker);
    for nasty in NASTY {
        let request = |method: &str, params: Json| {
            json!({"jsonrpc": "2.0", "id": nasty, "method": method, "params": params}).to_string()
        };
        for (method, params) in [
            ("tell", json!({"target_mud": nasty, "target_user": "bob", "message": "x"})),
            ("tell", json!({"target_mud": "Sage", "target_user": format!("b{nasty}b"), "message": "x"})),
            (
                "tell",
                json!({"target_mud": "Sage", "target_user": "bob", "message": "x", "from_user": format!("a{nasty}")}),
            ),
            ("channel_join", json!({"channel": format!("c{nasty}")})),
            ("ban_add", json!({"pattern": format!("{nasty}@Sage")})),
            ("who", json!({"target_mud": format!("S{nasty}")})),
        ] {
            siege.ask(attacker, &request(method, params));
            let answer = siege.text(attacker);
            assert_eq!(answer.matches('\n').count(), 1, "one line: {answer:?}");
            assert!(!answer.contains(['\u{1b}', '\u{0}', '\u{8}', '\r', '\t', '\u{7}']), "{answer:?}");
            let answer: Json = serde_json::from_str(&answer).unwrap();
            assert_eq!(
                (&answer["error"]["code"], &answer["id"]),
                (&json!(-32602), &json!(nasty)),
                "{method}: {answer}"
            );
        }
        // A message may hold them; they stay here.
        let text = json!({"target_mud": "Sage", "target_user": "bob", "message": format!("a{nasty}b")});
        siege.ask(attacker, &request("tell", text));
        assert_eq!(siege.read(attacker)[0]["result"]["status"], "sent");
        siege.ask(attacker, &request(nasty, json!([])));
        assert_eq!(siege.read(attacker)[0]["error"]["code"], -32601);
        let stranger = siege.connect(Listener::Lines);
        siege.read(stranger);
        siege.ask(stranger, &request("authenticate", json!([nasty])));
        let answer = siege.read(stranger);
        assert!(answer[0]["error"]["code"] == -32000 || answer[0]["error"]["code"] == -32001, "{answer:?}");
    }
    // From the network: into the log when a frame cannot be read, to a client in an event.
    for nasty in NASTY.into_iter().filter(|nasty| *nasty != "\u{0}") {
        siege.frame(&format!("({{\"tell\",5,\"{nasty}"));
        siege.frame(&format!(r#"({{"error",5,"*net",0,"Alpha",0,"bad-mojo","{nasty}",0,}})"#));
        let event = siege.text(siege.bystander);
        assert!(!event.contains(['\u{1b}', '\u{8}', '\r', '\u{7}']), "{event:?}");
    }
    siege.world.wait(20 * SECOND);
    for frame in mudmode_frames(siege.world.received(siege.router)) {
        // A line's end travels as a carriage return, as drivers write it.
        assert!(!frame.replace('\r', "").contains(char::is_control), "{frame:?}");
    }
    for notice in &siege.world.notices {
        let line = notice.to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    assert!(
        siege.world.notices.iter().any(|notice| notice.to_string().contains(r"\u{1b}[2J")),
        "it is shown, escaped"
    );
    siege.nobody_else_noticed();
}

#[test]
fn what_is_not_utf_8_is_read_as_windows_1252_in_both_directions() {
    let mut siege = Siege::default();
    let game = siege.connect(Listener::Lines);
    siege.ask(game, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
    siege.read(game);
    // As a game writes it whose players type on Windows, with a name in UTF-8 from an event beside it.
    let mut request =
        br#"{"jsonrpc":"2.0","id":1,"method":"tell","params":{"target_mud":"Sage","target_user":"#.to_vec();
    request.extend_from_slice("\"zo\u{eb}\"".as_bytes());
    request.extend_from_slice(b",\"message\":\"\x93caf\xe9\x94 \x96 5 \x80\x85\"}}\n");
    siege.world.write(game, &request);
    assert_eq!(siege.read(game)[0]["result"]["status"], "sent");
    siege.world.wait(SECOND);
    let frames = mudmode_frames(siege.world.received(siege.router));
    assert!(
        frames.iter().any(|frame| frame.contains(
            "\"Sage\",\"zo\u{eb}\",\"Someone\",\"\u{201c}caf\u{e9}\u{201d} \u{2013} 5 \u{20ac}\u{2026}\""
        )),
        "{frames:?}"
    );
    // What is no JSON either is answered, and the line after it is read.
    siege.world.write(game, b"\xff\xfe\n");
    assert_eq!(siege.read(game)[0]["error"]["code"], -32700);
    // As the bytes come from a mud.
    let frame = b"({\"tell\",5,\"Sage\",\"bob\",\"Alpha\",\"ann\",\"Bob\",\"it\x92s 5\x80 \x97 na\xefve\",})";
    siege.world.write(siege.router, &mudmode_frame(frame));
    let told = siege.read(game).pop().unwrap();
    assert_eq!(told["params"]["message"], "it\u{2019}s 5\u{20ac} \u{2014} na\u{ef}ve");
    siege.nobody_else_noticed();
}

#[test]
fn colours_of_mirc_are_converted_for_every_reader() {
    let mut siege = Siege::default();
    for (format, expected) in [
        ("raw", "%^BOLD%^%^RED%^hot%^RESET%^ news"),
        ("plain", "hot news"),
        ("ansi", "\u{1b}[0;91mhot\u{1b}[0m news"),
        ("html", "<span style=\"color:#f55\">hot</span> news"),
    ] {
        let reader = siege.connect(Listener::Lines);
        let key = json!({"api_key": "alpha-key", "text_format": format});
        siege.call(reader, "authenticate", &key);
        siege.tell("\u{3}04hot\u{3} news");
        assert_eq!(siege.read(reader).pop().unwrap()["params"]["message"], expected, "{format}");
    }
    siege.nobody_else_noticed();
}

/// A game whose players read Latin-1 gets and sends its bytes.
#[test]
fn a_client_reads_and_writes_the_character_set_that_it_names() {
    let told = "({\"tell\",5,\"Sage\",\"bob\",\"Alpha\",\"ann\",\"Bob\",\"na\u{ef}ve \u{201c}\u{141}\u{f3}d\u{17a}\u{201d} 5\u{20ac}\",})";
    let asked = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tell\",\"params\":{\"target_mud\":\"Sage\",\"target_user\":\"b\",\"message\":\"\xc3\xa9\"}}\n";
    for (charset, expected, said) in [
        ("utf-8", "na\u{ef}ve \u{201c}\u{141}\u{f3}d\u{17a}\u{201d} 5\u{20ac}".as_bytes(), "\u{e9}"),
        // The bytes of the request could be UTF-8, but the client has said what it writes.
        ("latin-1", b"na\xefve \\\"L\xf3dz\\\" 5EUR", "\u{c3}\u{a9}"),
        ("ascii", b"naive \\\"Lodz\\\" 5EUR", "\u{e9}"),
    ] {
        let mut siege = Siege::default();
        let game = siege.connect(Listener::Lines);
        let params = format!(r#"{{"api_key":"alpha-key","charset":"{charset}"}}"#);
        siege.ask(game, &format!(r#"{{"jsonrpc":"2.0","id":0,"method":"authenticate","params":{params}}}"#));
        siege.read(game);
        siege.world.write(siege.router, &mudmode_frame(told.as_bytes()));
        let bytes = siege.world.received(game).to_vec();
        let has_come = bytes.windows(expected.len()).any(|part| part == expected);
        assert!(has_come, "{charset}: {}", String::from_utf8_lossy(&bytes));
        siege.world.write(game, asked);
        siege.world.wait(SECOND);
        let frames = mudmode_frames(siege.world.received(siege.router));
        assert!(frames.iter().any(|frame| frame.contains(&format!("\"{said}\""))), "{charset}: {frames:?}");
    }
    let mut siege = Siege::default();
    let game = siege.connect(Listener::Lines);
    let params = r#"{"api_key":"alpha-key","charset":"koi8-r"}"#;
    siege.ask(game, &format!(r#"{{"jsonrpc":"2.0","id":0,"method":"authenticate","params":{params}}}"#));
    assert_eq!(siege.read(game).pop().unwrap()["error"]["code"], -32602);
}
