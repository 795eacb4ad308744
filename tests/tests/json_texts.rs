//! JSON texts of every class, valid, invalid and up to the parser, and what each is answered: alone, as a parameter and as
//! an id, over both transports. Whatever comes, there is one answer with the right code, and the connection lives.

use i3_core::machine::Listener;
use i3_tests::hostile::Siege;
use i3_tests::wire;
use serde_json::Value as Json;

/// Numbers as the grammar of RFC 8259, section 6, has them.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "9",
    "10",
    "123",
    "-123",
    "0.0",
    "-0.0",
    "0.5",
    "1.0",
    "1.50",
    "123.456",
    "0e0",
    "0e1",
    "0E1",
    "0e+1",
    "0e-1",
    "-0e-1",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1E+1",
    "1E-1",
    "1e00",
    "1e007",
    "1.5e3",
    "1.5E-3",
    "-1.5e+3",
    "0.1e1",
    "123e65",
    "123e45",
    "20e1",
    "123456789",
    "9007199254740993",
    "-9223372036854775808",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.12345678901234567890123456789",
    "1e400",
    "-1e400",
    "1e-400",
    "1e9999999999",
    "-237462374673276894279832749832423479823246327846",
    "100000000000000000000000000000000000000e-37",
];

/// What looks like a number and is none.
const NO_NUMBERS: &[&str] = &[
    "+1",
    "++1",
    "--1",
    "-",
    "+",
    "- 1",
    "01",
    "-01",
    "00",
    "012",
    "-012",
    "1.",
    "-1.",
    "1.e1",
    "1.e",
    "2.e+3",
    ".5",
    "-.5",
    ".",
    "-.",
    ".e1",
    ".-1",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "0e",
    "0E+",
    "0.e1",
    "1eE2",
    "1ee2",
    "1e1.5",
    "1e+-1",
    "9.e+",
    "1.5.5",
    "1..5",
    "1.2e",
    "1.0e-",
    "0x1",
    "0X1",
    "0b1",
    "0o7",
    "0x",
    "1_000",
    "1 000",
    "1,5",
    "1a",
    "1f",
    "1L",
    "1n",
    "-a",
    "-1x",
    "0.3e+",
    "0.3e",
    "NaN",
    "-NaN",
    "+NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "Inf",
    "-Inf",
    "inf",
    "1.#INF",
    "\u{ff11}",
    "\u{661}",
    "1\u{ff0e}5",
    "1/2",
    "1%",
    "$1",
    "#1",
    "1e\u{2212}1",
    "\u{2212}1",
];

/// Strings.
const STRINGS: &[&str] = &[
    r#""""#,
    r#"" ""#,
    r#""a""#,
    r#""\"""#,
    r#""\\""#,
    r#""\/""#,
    r#""/""#,
    r#""\b\f\n\r\t""#,
    r#""\u0041""#,
    r#""\u00e9""#,
    r#""\u00E9""#,
    r#""\u0000""#,
    r#""\u001f""#,
    r#""\u007f""#,
    r#""\u0080""#,
    r#""\u2028\u2029""#,
    r#""\uffff""#,
    r#""\uFDD0""#,
    r#""\ud83d\ude00""#,
    r#""\uD834\uDD1E""#,
    r#""\udbff\udfff""#,
    r#""a\u0062c""#,
    r#""\\u0041""#,
    r#""\\\"""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""'""#,
    r#""//""#,
    r#""/*""#,
    r#""null""#,
    r#""{}""#,
    r#""new\u000Aline""#,
    r#""\u0022""#,
    r#""\u005C""#,
    r#""\u0012""#,
    r#""\uA66D""#,
    r#""asd ""#,
    r#"" asd""#,
    "\"\u{7f}\"",
    "\"\u{80}\"",
    "\"\u{9b}2J\"",
    "\"é\"",
    "\"\u{65e5}\u{672c}\"",
    "\"\u{1f600}\"",
    "\"\u{2028}\"",
    "\"\u{feff}\"",
    "\"\u{ffff}\"",
    "\"\u{10ffff}\"",
    "\"\u{301}e\"",
    "\"\u{202e}\"",
];

/// What looks like a string and is none.
const NO_STRINGS: &[&str] = &[
    r#"""#,
    r#""a"#,
    r#"a""#,
    r#"""""#,
    r#""a"b""#,
    r#""\""#,
    r#""\\\""#,
    r#""\a""#,
    r#""\x41""#,
    r#""\0""#,
    r#""\v""#,
    r#""\'""#,
    r#""\ ""#,
    r#""\U0041""#,
    r#""\u""#,
    r#""\u1""#,
    r#""\u12""#,
    r#""\u123""#,
    r#""\u123g""#,
    r#""\u 041""#,
    r#""\u+041""#,
    r#""\u-041""#,
    r#""\u{41}""#,
    r#""\u00"#,
    r#""\ud83d\u""#,
    r#""\ud83d\u12""#,
    r#""\ud83d\x""#,
    r#""\ud83d\""#,
    "'a'",
    "'",
    "`a`",
    "a",
    "\u{201c}a\u{201d}",
    "\"\\\u{1f600}\"",
    "\"\\\u{e9}\"",
    "\"a\tb\"",
    "\"\u{0}\"",
    "\"\u{1}\"",
    "\"\u{8}\"",
    "\"\u{c}\"",
    "\"\u{1b}[31m\"",
    "\"\u{1f}\"",
    r#"\u0022a\u0022"#,
    r#"\"a\""#,
    "\"\\\u{0}\"",
    "\"\\\t\"",
];

/// Literals, lists and objects.
const STRUCTURES: &[&str] = &[
    "null",
    "true",
    "false",
    "{}",
    "{ }",
    "[[]]",
    "[{}]",
    "[[],[]]",
    "[null]",
    "[1,\"a\",null,true,{},[]]",
    "[ 1 , 2 ]",
    "[1\t,\r2]",
    r#"{"a":1}"#,
    r#"{"":0}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":1,"a":1}"#,
    r#"{"\u0061":1,"a":2}"#,
    r#"{"a":{"b":{}}}"#,
    r#"{"a":[]}"#,
    r#"{ "a" : 1 , "b" : [ ] }"#,
    r#"{"a":null}"#,
    r#"{"\u0000":1}"#,
    r#"{"\"":1}"#,
    r#"{"é":1}"#,
    "[[[[[[1]]]]]]",
    r#"{"a":"//"}"#,
    r#"{"__proto__":1}"#,
    r#"{"x":[{"id":"y"}]}"#,
    "{\"a\"\t:\r1}",
];

/// What looks like one of these and is none.
const NO_STRUCTURES: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "[1",
    "1]",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1,,2]",
    "[1,2,]",
    "[1 2]",
    "[1;2]",
    "[1:2]",
    "[\"a\":1]",
    "[1}",
    "[[]",
    "[]]",
    "[[1]",
    "[1]]",
    "[a]",
    "[-]",
    "[*]",
    "[\"a\",\n4\n,1,",
    "[\"",
    "[\"a",
    "[1,[2]",
    "[}",
    "{]",
    "[]{}",
    "[][]",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{:1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{[]:1}",
    "{\"a\" 1}",
    "{\"a\"=1}",
    "{\"a\"::1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\":\"b\":\"c\"}",
    "{\"a\",\"b\"}",
    "{\"a\":1],",
    "{\"a\":1]",
    "{\"a\":1}}",
    "{\"a\":1}#",
    "{\"a\":1}/**/",
    "{\"a\":/*c*/1}",
    "{\"a\":1//\r}",
    "{\"a\":1,\"b\"}",
    "{\"a\":a}",
    "{\"a\":'b'}",
    "{ \"a\" : 1 , }",
    "{}{}",
    "{} {}",
    "{},{}",
    "1 2",
    "\"a\" \"b\"",
    "true false",
    "null,",
    ",null",
    "nul",
    "nulll",
    "n",
    "Null",
    "NULL",
    "tru",
    "truee",
    "t",
    "True",
    "TRUE",
    "fals",
    "falsee",
    "False",
    "undefined",
    "None",
    "nil",
    "yes",
    "/**/",
    "//",
    "/",
    "#",
    "@",
    "$",
    "~",
    "&",
    "*",
    "?",
    "=",
    ":",
    ";",
    "<null>",
    "<!-- -->",
    "(1)",
    "\\",
    "\\n",
    "\u{c}null",
    "\u{b}null",
    "\u{a0}null",
    "\u{2060}null",
    "\u{3000}null",
    "\u{85}null",
    "null\u{0}",
    "\u{0}null",
    "null\u{1a}",
    "[\u{c}]",
    "[\u{a0}]",
    "{\"a\":\u{2028}1}",
    "\u{1f600}",
    "\u{e9}",
    "%7B%7D",
    "{}\u{feff}",
    "[1\u{0}]",
    "GET HTTP/1.1",
    "PING",
    "({\"tell\",5,})",
];

/// Up to the parser (RFC 8259, sections 8.1 and 8.2): what each is here.
const LONE_SURROGATES: &[&str] = &[
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\ud800a""#,
    r#""a\udfff""#,
    r#""\ud800\ud800""#,
    r#""\udc00\ud800""#,
    r#""\ud800\n""#,
    r#""\ud800\u0041""#,
    r#""\uDFAA""#,
];

/// Bytes that are no UTF-8.
const NOT_UTF8: &[&[u8]] = &[
    b"\xff",
    b"\xfe",
    b"\xff\xfe[\0]\0",
    b"\xfe\xff\0[\0]",
    b"\"\xe9\"",
    b"\"\x80\"",
    b"\"\xbf\"",
    b"\"\xc0\x80\"",
    b"\"\xc1\xbf\"",
    b"\"\xe0\x80\xaf\"",
    b"\"\xf0\x80\x80\xaf\"",
    b"\"\xe2\x82\"",
    b"\"\xf0\x9f\x98\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xed\xbf\xbf\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xf8\x88\x80\x80\x80\"",
    b"\"\xfc\x84\x80\x80\x80\x80\"",
    b"\"a\xffb\"",
    b"{\"\xb9\":\"0\"}",
    b"[\xff]",
    b"\"\\u\xe9\"",
    b"1\xe5",
    b"-123\xff",
    b"0e1\xe5",
    b"\xef\xbb{}",
];

/// A client over each of the transports, which has shown its key.
struct Clients {
    siege: Siege,
    lines: usize,
    websocket: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Transport {
    Lines,
    WebSocket,
}

use Transport::{Lines, WebSocket};

impl Clients {
    fn new() -> Clients {
        let mut siege = Siege::default();
        let lines = siege.connect(Listener::Lines);
        siege.ask(lines, r#"{"id":0,"method":"authenticate","params":["alpha-key"]}"#);
        siege.read(lines);
        let websocket = siege.websocket();
        Clients { siege, lines, websocket }
    }

    fn ask(&mut self, over: Transport, text: &[u8]) -> Vec<String> {
        let (script, bytes) = match over {
            Lines => (self.lines, [text, b"\n"].concat()),
            WebSocket => (self.websocket, wire::websocket_frame(1, text)),
        };
        self.siege.world.write(script, &bytes);
        match over {
            Lines => self.siege.text(script).lines().map(str::to_owned).collect(),
            WebSocket => self.siege.frames(script),
        }
    }

    /// Asks, and then sees that the connection lives.
    fn answers(&mut self, over: Transport, text: &str) -> Vec<String> {
        let answers = self.ask(over, text.as_bytes());
        let alive = self.ask(over, br#"{"jsonrpc":"2.0","id":"alive","method":"ping"}"#);
        assert!(
            alive.len() == 1 && alive[0].contains(r#""id":"alive","result""#),
            "{over:?} {text:?}: {alive:?}"
        );
        answers
    }

    /// The code of the one error, whose id must be as it is said.
    fn refused(&mut self, over: Transport, text: &str, id: &str) -> i64 {
        let answers = self.answers(over, text);
        let [answer] = &answers[..] else { panic!("{over:?} {text:?}: {answers:?}") };
        assert!(
            answer.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":"#)),
            "{text:?}: {answer}"
        );
        assert!(answer.len() < 500, "{text:?}: {answer}");
        let answer: Json = serde_json::from_str(answer).unwrap();
        assert!(answer["error"]["message"].is_string());
        answer["error"]["code"].as_i64().unwrap()
    }
}

fn with_param(text: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"x":{text}}}}}"#)
}

fn with_id(text: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"ping"}}"#)
}

const PONG: &str = r#""result":{"pong":true,"#;

fn valid() -> impl Iterator<Item = &'static str> {
    [NUMBERS, STRINGS, STRUCTURES].into_iter().flatten().copied()
}

fn invalid() -> impl Iterator<Item = &'static str> {
    [NO_NUMBERS, NO_STRINGS, NO_STRUCTURES].into_iter().flatten().copied()
}

#[test]
fn there_are_enough_of_them() {
    let count = valid().count() + invalid().count() + LONE_SURROGATES.len() + NOT_UTF8.len();
    assert!(count > 380, "{count}");
}

#[test]
fn valid_texts_are_no_requests_and_good_parameters_and_some_are_ids() {
    let mut clients = Clients::new();
    for over in [Lines, WebSocket] {
        for text in valid() {
            if text.starts_with('[') {
                let answers = clients.answers(over, text);
                let list: Vec<Json> = serde_json::from_str(&answers[0]).unwrap();
                assert!(
                    list.iter().all(|one| one["error"]["code"] == -32600 && one["id"].is_null()),
                    "{list:?}"
                );
            } else {
                assert_eq!(clients.refused(over, text, "null"), -32600, "{over:?} {text:?}");
            }
            let answers = clients.answers(over, &with_param(text));
            assert!(answers.len() == 1 && answers[0].contains(PONG), "{over:?} {text:?}: {answers:?}");
            if text.starts_with(['t', 'f', '[', '{']) {
                assert_eq!(clients.refused(over, &with_id(text), "null"), -32600, "{over:?} {text:?}");
            } else {
                // Bit for bit.
                let answers = clients.answers(over, &with_id(text));
                let wanted = format!(r#"{{"jsonrpc":"2.0","id":{text},{PONG}"#);
                assert!(
                    answers.len() == 1 && answers[0].starts_with(&wanted),
                    "{over:?} {text:?}: {answers:?}"
                );
            }
        }
        assert_eq!(clients.refused(over, "[]", "null"), -32600);
    }
    clients.siege.nobody_else_noticed();
}

#[test]
fn invalid_texts_are_errors_wherever_they_stand() {
    let mut clients = Clients::new();
    for over in [Lines, WebSocket] {
        for text in invalid() {
            // A line feed ends a line.
            if over == Lines && text.contains('\n') {
                continue;
            }
            assert_eq!(clients.refused(over, text, "null"), -32700, "{over:?} {text:?}");
            assert_eq!(clients.refused(over, &with_param(text), "null"), -32700, "{over:?} {text:?}");
            assert_eq!(clients.refused(over, &with_id(text), "null"), -32700, "{over:?} {text:?}");
        }
    }
    clients.siege.nobody_else_noticed();
}

/// A request that breaks off anywhere is an error, and one with blanks anywhere is none.
#[test]
fn every_beginning_of_a_request_is_an_error() {
    let request = "{ \"jsonrpc\" : \"2.0\" , \"id\" : \"\\u00e9\\ud83d\\ude00\" , \"method\" : \"ping\" , \"params\" : { \"é\" : [ 1e5 , null ] } }";
    let mut clients = Clients::new();
    for over in [Lines, WebSocket] {
        for end in (1..request.len()).filter(|end| request.is_char_boundary(*end)) {
            assert_eq!(clients.refused(over, &request[..end], "null"), -32700, "{over:?} {end}");
        }
        for blanks in
            ["", " ", "\t", "\r", " \t\r ", "                                                            "]
        {
            let answers = clients.answers(over, &request.replace(' ', blanks));
            assert!(answers.len() == 1 && answers[0].contains(PONG), "{over:?} {blanks:?}: {answers:?}");
        }
    }
    clients.siege.nobody_else_noticed();
}

#[test]
fn what_is_up_to_the_parser() {
    let mut clients = Clients::new();
    let ping = with_id("7");
    for over in [Lines, WebSocket] {
        // Half a character is good JSON: it passes where nobody reads it, is echoed in an id, and is no text.
        for text in LONE_SURROGATES {
            assert_eq!(clients.refused(over, text, "null"), -32600, "{text}");
            assert!(clients.answers(over, &with_param(text))[0].contains(PONG), "{text}");
            let echoed = clients.ask(over, with_id(text).as_bytes());
            assert!(echoed[0].starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{text},"#)), "{echoed:?}");
            let join = format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"channel_join","params":{{"channel":{text}}}}}"#
            );
            assert_eq!(clients.refused(over, &join, "7"), -32602, "{text}");
            let method = format!(r#"{{"jsonrpc":"2.0","id":7,"method":{text}}}"#);
            assert_eq!(clients.refused(over, &method, "7"), -32600, "{text}");
        }
        // A byte order mark is no JSON.
        assert_eq!(clients.refused(over, &format!("\u{feff}{ping}"), "null"), -32700);
        // Of several members with one name the last counts, however it is written.
        let twice = r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"foo","method":"ping"}"#;
        assert!(clients.answers(over, twice)[0].starts_with(r#"{"jsonrpc":"2.0","id":2,"result""#));
        let twice =
            r#"{"jsonrpc":"2.0","id":3,"method":"channel_leave","params":{"channel":5,"channel":"chat"}}"#;
        assert!(clients.answers(over, twice)[0].contains(r#""status":"left","channel":"chat""#));
        // Nesting costs nothing where nobody looks, and is refused where somebody does.
        for depth in [100, 500, 10_000] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            assert!(
                clients.answers(over, &with_param(&format!("{open}{close}")))[0].contains(PONG),
                "{depth}"
            );
            let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
            let objects = with_param(&objects);
            assert!(clients.answers(over, &objects)[0].contains(PONG), "{depth}");
            let sync = format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"presence_sync","params":{{"users":{open}{close}}}}}"#
            );
            assert_eq!(clients.refused(over, &sync, "7"), -32602, "{depth}");
            let unclosed = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{open}"#);
            assert_eq!(clients.refused(over, &unclosed, "null"), -32700, "{depth}");
        }
        // Blanks around a request, and as many members as there is room for.
        assert!(clients.answers(over, &format!(" \t\r{ping}\r\t "))[0].contains(PONG));
        let members: Vec<String> = (0..3000).map(|at| format!("\"m{at}\":{at}")).collect();
        assert!(clients.answers(over, &with_param(&format!("{{{}}}", members.join(","))))[0].contains(PONG));
    }
    // A line feed is a blank in a message, and the end of a line.
    assert!(clients.answers(WebSocket, &ping.replace(',', ",\n"))[0].contains(PONG));
    assert_eq!(clients.answers(Lines, &ping.replace(',', ",\n")).len(), 3);
    // Nothing is nothing on a line, and no JSON in a message.
    for blank in ["", " ", "\t\r"] {
        assert_eq!(clients.answers(Lines, blank), [""; 0]);
        assert_eq!(clients.refused(WebSocket, blank, "null"), -32700);
    }
    clients.siege.nobody_else_noticed();
}

/// A line that is no UTF-8 is read as Windows-1252, in which every byte is a character; RFC 6455, section 8.1, wants a
/// WebSocket closed.
#[test]
fn what_is_no_utf_8_is_read_as_windows_1252_or_the_end() {
    let mut clients = Clients::new();
    for bytes in NOT_UTF8 {
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let value = serde_json::from_str::<Json>(&text).ok();
        let (no_json, no_request) = ("\"error\":{\"code\":-32700,", "\"error\":{\"code\":-32600,");
        let of_id = |id: &Json| if id.is_string() || id.is_number() { PONG } else { no_request };
        for (bytes, expected) in [
            (bytes.to_vec(), value.as_ref().map(|_| no_request)),
            (
                [br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":"#, *bytes, b"}}"].concat(),
                value.as_ref().map(|_| PONG),
            ),
            (
                [br#"{"jsonrpc":"2.0","id":"#, *bytes, br#","method":"ping"}"#].concat(),
                value.as_ref().map(of_id),
            ),
        ] {
            let answers = clients.ask(Lines, &bytes);
            let [answer] = &answers[..] else { panic!("{bytes:?}: {answers:?}") };
            assert!(answer.contains(expected.unwrap_or(no_json)), "{bytes:?}: {answer}");
            assert_eq!(clients.ask(WebSocket, &bytes), ["close 1007"], "{bytes:?}");
            assert!(!clients.siege.world.is_open(clients.websocket));
            clients.websocket = clients.siege.websocket();
        }
    }
    assert!(clients.ask(Lines, with_id("7").as_bytes())[0].contains(PONG));
    clients.siege.nobody_else_noticed();
}
