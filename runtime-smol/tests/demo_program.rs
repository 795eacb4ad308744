//! The demo as its users run it: a real process, real sockets, on loopback. What both daemons do is tested in `i3-tests`.

#![cfg(unix)]

#[path = "../../host/tests/shared/process.rs"]
#[allow(dead_code, reason = "nothing here needs a port of its own")]
mod process;

use process::{Process, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway");

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
    // News of the others' logins come two seconds after them.
    wait_for("the four muds", || {
        let output = Command::new(GATEWAY)
            .args(["call", "--url", &after("WebSocket"), "--key", &after("API key")])
            .args(["mudlist", r#"{"filter":{"status":"up"}}"#])
            .output()
            .unwrap();
        let muds: Value = serde_json::from_slice(&output.stdout).unwrap();
        (muds["count"] == 4).then_some(())
    });
    demo.signal("INT");
    assert_eq!(demo.end().code(), Some(0));
}
