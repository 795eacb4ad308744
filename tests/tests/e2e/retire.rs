//! A mud leaves the network for good: the command with a gateway that runs and without one, and what `init` says of names.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::router::{Played, Session};
use serde_json::json;
use std::process::{Command, Output, Stdio};

for_both!(
    without_a_gateway_the_command_says_goodbye_itself,
    a_gateway_that_runs_is_asked,
    a_name_that_is_no_mud_is_refused,
    init_says_that_a_name_is_permanent,
);

/// Above this delay a router deletes a mud: seven days.
const SEVEN_DAYS_SECONDS: i64 = 604_800;

/// The delay in the goodbye of the mud.
fn goodbye(link: &mut Session) -> i64 {
    let shutdown = link.expect("shutdown");
    shutdown[6].as_i64().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn without_a_gateway_the_command_says_goodbye_itself(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    let child =
        gateway.command().arg("retire").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut link, _) = router.log_in(7);
    assert!(goodbye(&mut link) > SEVEN_DAYS_SECONDS);
    drop(link);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("Alpha has said goodbye for good"), "{}", text(&output));
}

fn a_gateway_that_runs_is_asked(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    let output = gateway.command().args(["retire", "--key", &gateway.key(), "Alpha"]).output().unwrap();
    match daemon {
        Daemon::Smol => assert_eq!(output.status.code(), Some(0), "{}", text(&output)),
        // It has no client.
        Daemon::Threads => {
            assert_eq!(output.status.code(), Some(64), "{}", text(&output));
            assert!(text(&output).contains("i3-gateway call retire"), "{}", text(&output));
            gateway.client(Transport::Lines).result("retire", &json!({}), &json!({"status": "retired"}));
        }
    }
    assert!(goodbye(&mut link) > SEVEN_DAYS_SECONDS);
    wait_for("the link to end", || (gateway.router_status()["state"] == "stopped").then_some(()));
    // It does not come back, whoever asks for it, and a stop of the gateway is a stop.
    gateway.client(Transport::Lines).call("reconnect", &json!({}));
    let again = gateway.client(Transport::Lines).call("retire", &json!({}));
    assert_eq!(again["error"]["data"]["reason"], "router_down", "{again}");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(router.try_accept().is_none());
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}

fn a_name_that_is_no_mud_is_refused(daemon: Daemon) {
    let router = Played::listen();
    let gateway =
        Gateway::new(daemon, "Alpha", &[router.address()]).with(&json!({"muds": [{"name": "Beta"}]}));
    for (arguments, said) in [
        (&["retire"][..], "name the mud that retires: Alpha, Beta"),
        (&["retire", "Gamma"], "\"Gamma\" is no mud of the settings: Alpha, Beta"),
    ] {
        let output = gateway.command().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{}", text(&output));
        assert!(text(&output).contains(said), "{}", text(&output));
    }
    assert!(router.try_accept().is_none());
}

fn init_says_that_a_name_is_permanent(daemon: Daemon) {
    let folder = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| {
        let mut command = Command::new(daemon.program());
        command.current_dir(folder.path()).env_clear().arg("init").args(arguments).output().unwrap()
    };
    let output = init(&["--mud-name", "Bot", "--engine", "not a game"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("A name is permanent"), "{}", text(&output));
    let env = std::fs::read_to_string(folder.path().join(".env")).unwrap();
    assert!(env.contains("\nMUD_NAME=Bot\n\nMUD_ENGINE=none\n"), "{env}");
    let output = init(&["--force", "--engine", "abacus"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("tbamud"), "{}", text(&output));
}
