//! The history past memory: what the store has is found after a restart, by every front door, in copies too.

use crate::client::{Client, Transport};
use crate::gateway::Gateway;
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::router::{Played, Session};
use serde_json::{Value as Json, json};

for_both!(lines_that_are_no_longer_in_memory_are_found_after_a_restart);

/// The lines that the mud hears: many times what memory keeps.
const LINES: usize = 700;

fn linked_again(gateway: &Gateway, router: &Played) -> Session {
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    link
}

fn texts(answer: &Json) -> Vec<&str> {
    answer["messages"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect()
}

/// All lines of the channel, page by page, oldest first.
fn all(client: &mut Client) -> Vec<String> {
    let (mut lines, mut before) = (Vec::new(), Json::Null);
    loop {
        let asked = json!({"channel": "chat", "before": before, "limit": 100});
        let answer = client.result("channel_history", &asked, &json!({"status": "success"}));
        let page: Vec<String> = texts(&answer).into_iter().map(str::to_owned).collect();
        lines.splice(0..0, page);
        if answer["more"] != true {
            return lines;
        }
        before = answer["next"].clone();
    }
}

fn lines_that_are_no_longer_in_memory_are_found_after_a_restart(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({
            "history": {"days": 60, "max_lines": 20},
            "events": {"keep": {"max_count": 20}},
            "services": {"channel": {"default_channels": ["chat"]}},
        }))
        .started();
    let mut link = linked_again(&gateway, &router);
    let line = |number: usize| {
        let extra = if number.is_multiple_of(100) { " and a Basilisk" } else { "" };
        format!("line {number}{extra}")
    };
    let say = |link: &mut Session, number: usize| {
        link.send(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{}",}})"#, line(number)));
    };
    (0..LINES).for_each(|number| say(&mut link, number));
    let mut client = gateway.client(Transport::Lines);
    wait_for("the last line", || {
        let answer = client.call("channel_history", &json!({"channel": "chat", "limit": 1}));
        (texts(&answer["result"]) == [line(LINES - 1)]).then_some(())
    });
    let expected: Vec<String> = (0..LINES).map(line).collect();
    assert_eq!(all(&mut client), expected);

    // After a kill and a start of the other daemon, which reads the same file.
    gateway.kill();
    gateway.daemon = daemon.other();
    gateway.start();
    let mut link = linked_again(&gateway, &router);
    let mut client = gateway.client(Transport::WebSocket);
    assert_eq!(all(&mut client), expected);
    let search = |client: &mut Client, params: Json| {
        let answer = client.result("history_search", &params, &json!({"status": "success"}));
        texts(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let basilisks: Vec<String> = (0..LINES).step_by(100).map(line).collect();
    assert_eq!(search(&mut client, json!({"query": "BASILISK"})), basilisks);
    assert_eq!(search(&mut client, json!({"query": "asilis", "limit": 2})), basilisks[5..]);
    assert_eq!(search(&mut client, json!({"query": "basilisk", "from_user": "zoe"})), [""; 0]);
    assert_eq!(search(&mut client, json!({"query": "line 123"})), ["line 123"]);
    assert!(gateway.get("/metrics").contains("i3_store_queries_failed_total 0"));

    // A copy has the lines, and they are there when it is put back.
    let run = |gateway: &Gateway, arguments: &[&str]| {
        let output = gateway.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(&gateway, &["backup", "copy"]);
    (LINES..LINES + 50).for_each(|number| say(&mut link, number));
    wait_for("the last line", || {
        let answer = client.call("channel_history", &json!({"channel": "chat", "limit": 1}));
        (texts(&answer["result"]) == [line(LINES + 49)]).then_some(())
    });
    run(&gateway, &["restore", "copy"]);
    let _link = linked_again(&gateway, &router);
    let mut client = gateway.client(Transport::Lines);
    assert_eq!(all(&mut client), expected);
    assert_eq!(search(&mut client, json!({"query": "basilisk"})), basilisks);
}
