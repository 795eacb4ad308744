//! Games on two gateways talk to each other, each on either transport.

use crate::client::{Client, TRANSPORTS, Transport};
use crate::gateway::Gateway;
use crate::process::PATIENCE;
use crate::programs::Daemon;
use crate::router::{Played, Router};
use i3_tests::scenario::holds;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

for_both!(
    tells_and_channels_pass_between_two_gateways,
    requests_are_json_rpc_on_both_transports,
    the_longest_messages_pass_whole,
    who_sends_no_more_gets_the_answer_that_is_waited_for,
);

/// The other gateway is the other daemon: they are on one network with each other too.
fn tells_and_channels_pass_between_two_gateways(daemon: Daemon) {
    let router = Router::start("*test");
    let alpha = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let beta = Gateway::new(daemon.other(), "Beta", &[router.address()]).started();
    alpha.becomes_ready(true);
    beta.becomes_ready(true);
    let text = "hi é \"there\" \\ %^RED%^ 日本";
    let mut clients: Vec<(&str, Transport, Client)> = Vec::new();
    for transport in TRANSPORTS {
        for gateway in [&alpha, &beta] {
            let mut client = gateway.client(transport);
            client.result("channel_join", &json!({"channel": "chat"}), &json!({"status": "joined"}));
            client.hears_itself("chat");
            let (mud, other) = if gateway.daemon == daemon { ("Alpha", "Beta") } else { ("Beta", "Alpha") };
            client.knows(other);
            clients.push((mud, transport, client));
        }
    }
    for at in 0..clients.len() {
        let (mud, transport, client) = &mut clients[at];
        let (mud, target) = (*mud, if *mud == "Alpha" { "beta" } else { "alpha" });
        let (from, said) = (format!("{mud}{transport:?}"), format!("{text} {at}"));
        let tell = json!({"target_mud": target, "target_user": "Ann", "from_user": from, "message": said});
        client.result("tell", &tell, &json!({"status": "sent", "message_id": "*"}));
        let line = json!({"channel": "chat", "from_user": from, "message": said});
        client.result("channel_send", &line, &json!({"status": "sent"}));
        for (to, _, other) in &mut clients {
            if *to != mud {
                let told = other.event("tell_received");
                let wanted = json!({"from_mud": mud, "from_user": from, "visname": from, "to_user": "ann", "message": said});
                assert!(holds(&told, &wanted), "{told}");
            }
            other.expect(&json!({
                "method": "channel_message",
                "params": {"channel": "chat", "from_mud": mud, "visname": from, "message": said},
            }));
        }
    }
}

/// What is asked, and what comes back; `None` for nothing.
fn json_rpc() -> Vec<(&'static str, Option<Json>)> {
    vec![
        // By name, by position, and every kind of id.
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"channel_join","params":{"channel":"chat"}}"#,
            Some(json!({"id": 1, "result": {"status": "joined"}})),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"two","method":"channel_join","params":["chat",false]}"#,
            Some(json!({"id": "two", "result": {"status": "joined"}})),
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            Some(json!({"id": null, "result": {"pong": true}})),
        ),
        (
            r#"{"jsonrpc":"2.0","id":-1.5e3,"method":"ping","params":{}}"#,
            Some(json!({"id": -1500.0, "result": {"pong": true}})),
        ),
        // Notifications.
        (r#"{"jsonrpc":"2.0","method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","method":"nothing"}"#, None),
        // Batches.
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","id":2,"method":"nothing"},3]"#,
            Some(
                json!([{"id": 1, "result": {"pong": true}}, {"id": 2, "error": {"code": -32601}}, {"id": null, "error": {"code": -32600}}]),
            ),
        ),
        (r#"[{"jsonrpc":"2.0","method":"ping"}]"#, None),
        ("[]", Some(json!({"id": null, "error": {"code": -32600}}))),
        // Faults.
        (r#"{"jsonrpc":"2.0","id":3,"method":"#, Some(json!({"id": null, "error": {"code": -32700}}))),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"tell","params":["Sage"]}"#,
            Some(json!({"id": 4, "error": {"code": -32602}})),
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":[1]}"#,
            Some(json!({"id": 5, "error": {"code": -32602}})),
        ),
        // A carriage return before the newline is tolerated; in a WebSocket's text it is white space.
        (
            "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"}\r",
            Some(json!({"id": 6, "result": {"pong": true}})),
        ),
    ]
}

fn requests_are_json_rpc_on_both_transports(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    for transport in TRANSPORTS {
        let mut client = gateway.client(transport);
        for (at, (text, wanted)) in json_rpc().into_iter().enumerate() {
            client.send(text);
            // What comes after it shows that nothing was left out or added.
            client
                .send(&json!({"jsonrpc": "2.0", "id": format!("after {at}"), "method": "ping"}).to_string());
            let mut answers = Vec::new();
            loop {
                let message = client.message();
                if message["id"] == format!("after {at}") {
                    break;
                }
                // Events are not answers.
                if message["method"].is_null() {
                    answers.push(message);
                }
            }
            let expected: Vec<Json> = wanted.into_iter().collect();
            assert!(
                holds(&Json::Array(answers.clone()), &Json::Array(expected)),
                "{transport:?}: {text}: {answers:?}"
            );
        }
    }
}

/// Many reads and writes for one message, in both directions.
fn the_longest_messages_pass_whole(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"router": {"max_frame_bytes": 60_000, "pacing": {"enabled": false}}}))
        .started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    for transport in TRANSPORTS {
        let mut client = gateway.client(transport);
        let long = format!("{transport:?} ") + &"0123456789 é".repeat(4_000);
        let tell = json!({"target_mud": "Sage", "target_user": "bob", "message": long});
        client.result("tell", &tell, &json!({"status": "sent"}));
        assert_eq!(link.expect("tell")[7], long);
        link.send(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{long}",}})"#));
        assert_eq!(client.event("tell_received")["message"], long);
    }
}

/// `printf ... | nc -N`: the requests, the end of the client's side, and then the answers.
fn who_sends_no_more_gets_the_answer_that_is_waited_for(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut session, _) = router.log_in(7);
    session.lists();
    gateway.becomes_ready(true);
    gateway.client(Transport::Lines).knows("Sage");
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.lines)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let key = gateway.key();
    let authenticate = json!({"jsonrpc": "2.0", "id": 1, "method": "authenticate", "params": [key]});
    let who =
        json!({"jsonrpc": "2.0", "id": 2, "method": "who", "params": {"target_mud": "Sage", "wait": true}});
    stream.write_all(format!("\u{feff}{authenticate}\n{who}\n").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let asked = session.expect("who-req")[3].as_str().unwrap().to_owned();
    session.send(&format!(r#"({{"who-reply",5,"Sage",0,"Alpha","{asked}",({{({{"bob",0,"x",}}),}}),}})"#));
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let answers: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[1]["result"]["status"], "authenticated", "{text}");
    assert!(holds(answers.last().unwrap(), &json!({"id": 2, "result": {"from_mud": "Sage"}})), "{text}");
}
