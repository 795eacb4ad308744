//! The demo and the program's own client as their users run them: real processes, real sockets, on loopback. The daemon
//! is tested beside the other one, in `tests/tests/e2e/`.

#![cfg(unix)]

#[allow(dead_code, reason = "others need more of it")]
#[path = "../../daemon/tests/shared/process.rs"]
mod process;

use process::{Process, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway");

fn call(url: &str, key: &str, arguments: &[&str]) -> Output {
    Command::new(GATEWAY).args(["call", "--url", url, "--key", key]).args(arguments).output().unwrap()
}

#[test]
fn the_demo_runs_a_network_and_ends_on_an_interrupt() {
    let child =
        Command::new(GATEWAY).arg("--demo").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut demo = Process(child);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut seen = Vec::new();
    // The key, and one of the muds' users answering the tell that the demo sends.
    for line in lines.by_ref() {
        seen.push(line.clone());
        if line.contains("-> Me:") {
            break;
        }
    }
    let text = seen.join("\n");
    let after = |mark: &str| {
        text.split(mark).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned()
    };
    let (url, key) = (after("WebSocket"), after("API key"));
    // News of the others' logins come two seconds after them.
    wait_for("the four muds", || {
        let output = call(&url, &key, &["mudlist", r#"{"filter":{"status":"up"}}"#]);
        let muds: Value = serde_json::from_slice(&output.stdout).unwrap();
        (muds["count"] == 4).then_some(())
    });
    let tell =
        ["tell", "target_mud=emberfall", "target_user=Korrin", "from_user=Me", "message=hi é \"there\""];
    let output = call(&url, &key, &tell);
    let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sent["status"], "sent");
    // A wrong key, and a gateway that is not there.
    assert_eq!(call(&url, "guess", &["ping"]).status.code(), Some(1));
    assert_eq!(call("ws://127.0.0.1:1/ws", &key, &["ping"]).status.code(), Some(69), "EX_UNAVAILABLE");
    demo.signal("INT");
    assert_eq!(demo.end().code(), Some(0));
}
