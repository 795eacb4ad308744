//! What is kept: over a kill, in a copy, and while somebody else holds the file.

use crate::client::{Client, Transport};
use crate::gateway::Gateway;
use crate::process::{PATIENCE, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Session};
use rusqlite::Connection;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

for_both!(
    what_nobody_heard_is_kept_over_a_kill,
    the_commands_of_a_person_take_nothing_from_the_game,
    a_state_is_copied_and_put_back_while_it_runs,
    a_state_is_put_back_where_no_gateway_runs,
    a_file_that_somebody_holds_is_said_and_written_later,
);

const PASSWORD: i64 = 7;

/// A gateway whose link is ready.
fn linked(daemon: Daemon, router: &Played) -> (Gateway, Session) {
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let link = linked_again(&gateway, router);
    (gateway, link)
}

fn linked_again(gateway: &Gateway, router: &Played) -> Session {
    let (mut link, _) = router.log_in(PASSWORD);
    link.lists();
    gateway.becomes_ready(true);
    link
}

fn tell(link: &mut Session, message: &str) {
    link.send(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{message}",}})"#));
}

/// The texts that a store holds in one space.
fn held(file: &Path, space: &str) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    let mut select = connection.prepare("SELECT value FROM state WHERE space = ?1").unwrap();
    let values = select.query_map([space], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    values.map(|value| String::from_utf8(value.unwrap()).unwrap()).collect()
}

fn holds_event(file: &Path, message: &str) -> bool {
    held(file, "events/Alpha").iter().any(|event| event.contains(message))
}

/// Runs the program beside the gateway, with its settings.
fn run(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command: Command = gateway.command();
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// A game that is given what was kept for it.
fn replayed(gateway: &Gateway, message: &str) -> (Client, u64) {
    let mut game = gateway.client(Transport::Lines);
    let told = game.event("tell_received");
    assert_eq!((&told["message"], &told["replay"]), (&json!(message), &json!(true)));
    assert_eq!(game.event("replay_complete")["replayed"], 1);
    let id = told["event_id"].as_u64().unwrap();
    (game, id)
}

fn what_nobody_heard_is_kept_over_a_kill(daemon: Daemon) {
    let router = Played::listen();
    let (mut gateway, mut link) = linked(daemon, &router);
    let file = gateway.state().join("i3-gateway.sqlite");
    tell(&mut link, "are you there?");
    wait_for("the tell to be saved", || holds_event(&file, "are you there?").then_some(()));
    gateway.kill();
    assert_eq!(held(&file, "password/Alpha").len(), 1);
    gateway.start();
    let _link = linked_again(&gateway, &router);
    replayed(&gateway, "are you there?");
}

fn the_commands_of_a_person_take_nothing_from_the_game(daemon: Daemon) {
    let router = Played::listen();
    let (gateway, mut link) = linked(daemon, &router);
    let file = gateway.state().join("i3-gateway.sqlite");
    tell(&mut link, "are you there?");
    wait_for("the tell to be saved", || holds_event(&file, "are you there?").then_some(()));
    let url = format!("ws://127.0.0.1:{}/ws", gateway.http);
    for method in ["status", "mudlist", r#"ack {"event_id":1}"#] {
        let mut command = Command::new(Daemon::Smol.program());
        command.env_clear().args(["call", "--url", &url, "--key", &gateway.key()]).args(method.split(' '));
        let Output { status, stderr, .. } = command.output().unwrap();
        assert!(status.success(), "{method}: {}", String::from_utf8_lossy(&stderr));
    }
    replayed(&gateway, "are you there?");
}

fn a_state_is_copied_and_put_back_while_it_runs(daemon: Daemon) {
    let router = Played::listen();
    let (mut gateway, mut link) = linked(daemon, &router);
    let (state, folder) = (gateway.state(), gateway.folder.path().to_owned());
    let file = state.join("i3-gateway.sqlite");
    tell(&mut link, "are you there?");
    wait_for("the tell to be saved", || holds_event(&file, "are you there?").then_some(()));
    let (mut game, first) = replayed(&gateway, "are you there?");

    // A second gateway with the same state does not start.
    let (code, text) = run(&gateway, &[]);
    assert!(code == Some(69) && text.contains("another gateway"), "{code:?} {text}");

    // By the settings, and by the directory alone; a copy that is there is replaced, the state itself is not.
    for arguments in [&["backup", "copy"] as &[&str], &["backup", "--state", "state", "copy"]] {
        let (code, text) = run(&gateway, arguments);
        assert_eq!(code, Some(0), "{text}");
        let copy = folder.join("copy");
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(holds_event(&copy, "are you there?"));
    }
    assert_eq!(run(&gateway, &["backup", "state/i3-gateway.sqlite"]).0, Some(69));

    tell(&mut link, "later");
    assert_eq!(game.event("tell_received")["message"], "later");
    std::fs::write(folder.join("wrong"), "no state").unwrap();
    let (code, text) = run(&gateway, &["restore", "wrong"]);
    assert_eq!(code, Some(69), "{text}");
    let before = gateway.pid();
    let (code, text) = run(&gateway, &["restore", "copy"]);
    assert!(code == Some(0) && text.contains("runs with the restored state"), "{code:?} {text}");
    game.event("shutdown_warning");
    assert_eq!(link.expect("shutdown")[0], "shutdown");

    // The same process goes on, with what was known then: what came later is gone, and no id is given twice.
    let mut link = linked_again(&gateway, &router);
    assert!(gateway.is_running() && gateway.pid() == before);
    let mut game = gateway.client(Transport::WebSocket);
    game.result("resume", &json!({"last_event_id": first - 1}), &json!({"status": "success"}));
    assert_eq!(game.event("tell_received")["event_id"], first);
    assert_eq!(game.event("replay_complete")["replayed"], 1);
    tell(&mut link, "after");
    let after = game.event("tell_received");
    assert!(after["message"] == "after" && after["event_id"].as_u64() > Some(first + 1), "{after}");
    let aside = state.join("i3-gateway.before-restore.sqlite");
    assert!(holds_event(&aside, "later") && !holds_event(&file, "later"));
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}

fn a_state_is_put_back_where_no_gateway_runs(daemon: Daemon) {
    let router = Played::listen();
    let (mut gateway, _link) = linked(daemon, &router);
    assert_eq!(run(&gateway, &["backup", "copy"]).0, Some(0));
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
    for entry in std::fs::read_dir(gateway.state()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (code, text) = run(&gateway, &["restore", "copy"]);
    assert_eq!((code, text.as_str()), (Some(0), "The state was restored. No gateway is running with it.\n"));
    // The password is the one that was copied.
    gateway.start();
    assert_eq!(router.log_in(PASSWORD).1, PASSWORD);
    gateway.kill();
    // A damaged state does not start, and can be replaced.
    let file = gateway.state().join("i3-gateway.sqlite");
    std::fs::write(&file, "this was a database once ".repeat(100)).unwrap();
    let (code, text) = run(&gateway, &[]);
    assert!(code == Some(69) && text.contains("file is not a database"), "{code:?} {text}");
    let (code, text) = run(&gateway, &["restore", "copy"]);
    assert!(code == Some(0) && text.contains("i3-gateway.damaged-1.sqlite"), "{code:?} {text}");
    // Each daemon continues with the state that the other one has saved.
    gateway.daemon = daemon.other();
    gateway.start();
    assert_eq!(router.log_in(PASSWORD).1, PASSWORD);
}

fn a_file_that_somebody_holds_is_said_and_written_later(daemon: Daemon) {
    let router = Played::listen();
    let (gateway, mut link) = linked(daemon, &router);
    let mut game = gateway.client(Transport::Lines);
    tell(&mut link, "hi");
    let id = game.event("tell_received")["event_id"].clone();
    let file = Connection::open(gateway.state().join("i3-gateway.sqlite")).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    game.send(
        &json!({"jsonrpc": "2.0", "id": "held", "method": "ack", "params": {"event_id": id}}).to_string(),
    );
    assert!(game.event("storage_failed")["reason"].as_str().unwrap().contains("locked"));
    assert!(gateway.get("/metrics").contains("i3_store_failing 1"));
    // Nothing stands still for it.
    game.result("ping", &json!({}), &json!({"pong": true}));
    file.execute_batch("COMMIT").unwrap();
    game.event("storage_recovered");
    assert!(gateway.get("/metrics").contains("i3_store_failing 0"));
    game.result("ack", &json!({"event_id": id}), &json!({"status": "acknowledged"}));
}
