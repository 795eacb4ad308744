//! The programs as their users run them: real processes, real sockets, on loopback.

#![cfg(unix)]

#[path = "../../host/tests/shared/process.rs"]
mod process;

use i3_store::{SqliteStore, Store};
use process::{PATIENCE, Process, free_port, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway");
const ROUTER: &str = env!("CARGO_BIN_EXE_i3-router");

fn router(port: u16, state: &Path) -> Process {
    let mut command = Command::new(ROUTER);
    command
        .args(["--name", "*test", "--channel", "chat", "--port", &port.to_string()])
        .arg("--state")
        .arg(state);
    let router = Process(command.stderr(Stdio::null()).spawn().unwrap());
    wait_for("the router to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
    router
}

struct Gateway {
    process: Process,
    http: u16,
    lines: u16,
    key: String,
}

/// The daemon with nothing but the guide's environment variables and its own default settings.
fn gateway(mud: &str, router: u16, folder: &Path) -> Gateway {
    let (http, lines) = (free_port(), free_port());
    let key = format!("{mud}-secret-key");
    let child = Command::new(GATEWAY)
        .current_dir(folder)
        .env_clear()
        .env("MUD_NAME", mud)
        .env("I3_ROUTER_NAME", "*test")
        .env("I3_ROUTER_HOST", "127.0.0.1")
        .env("I3_ROUTER_PORT", router.to_string())
        .env("I3_GATEWAY_SECRET", &key)
        .env("API_WS_PORT", http.to_string())
        .env("API_TCP_PORT", lines.to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let gateway = Gateway { process: Process(child), http, lines, key };
    wait_for("the gateway to be ready", || {
        gateway.get("/health/ready").filter(|text| text.contains(" 200 "))
    });
    gateway
}

impl Gateway {
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.lines)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { reader: BufReader::new(stream.try_clone().unwrap()), stream };
        assert_eq!(client.next()["method"], "welcome");
        let answer = client.call("authenticate", &json!({"api_key": self.key}));
        assert_eq!(answer["result"]["status"], "authenticated");
        client
    }

    /// The program's own client, over a WebSocket.
    fn call(&self, arguments: &[&str]) -> Value {
        let url = format!("ws://127.0.0.1:{}/ws", self.http);
        let output = Command::new(GATEWAY)
            .args(["call", "--url", &url])
            .args(arguments)
            .env("I3_API_KEY", &self.key)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
        writeln!(self.stream, "{request}").unwrap();
        loop {
            let message = self.next();
            if message["id"] == method {
                return message;
            }
        }
    }

    fn event(&mut self, name: &str) -> Value {
        loop {
            let message = self.next();
            if message["method"] == name {
                return message["params"].clone();
            }
        }
    }
}

/// The password as a store holds it.
fn passwords(file: &Path, space: &str) -> Vec<String> {
    let saved = SqliteStore::open(file).unwrap().load().unwrap();
    let entries = saved.entries.into_iter().filter(|entry| entry.space == space);
    entries.map(|entry| String::from_utf8(entry.value.unwrap()).unwrap()).collect()
}

#[test]
fn two_gateways_tell_each_other_and_survive_a_kill() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let port = free_port();
    let _router = router(port, folders[0].path());
    let mut alpha = gateway("Alpha", port, folders[1].path());
    let beta = gateway("Beta", port, folders[2].path());

    let mut game = alpha.client();
    let answer = beta.call(&[
        "tell",
        "target_mud=alpha",
        "target_user=Ann",
        "from_user=Bob",
        "message=hi é \"there\"",
    ]);
    assert_eq!(answer["status"], "sent");
    let told = game.event("tell_received");
    assert_eq!(
        (&told["from_mud"], &told["from_user"], &told["to_user"], &told["message"]),
        (&json!("Beta"), &json!("Bob"), &json!("ann"), &json!("hi é \"there\""))
    );
    let mut other = beta.client();
    let tell = json!({"target_mud": "Beta", "target_user": "bob", "message": "and back"});
    assert_eq!(game.call("tell", &tell)["result"]["status"], "sent");
    assert_eq!(other.event("tell_received")["message"], "and back");

    // Only the owner reads the passwords.
    let store = folders[1].path().join("state/i3-gateway.sqlite");
    assert_eq!(std::fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o600);

    // Killed at any moment, it comes back under its name: the router gave no new password.
    let before = passwords(&store, "password/Alpha");
    alpha.process.signal("KILL");
    alpha.process.end();
    // The router mutes a name that logs in twice within one second.
    let killed = Instant::now();
    wait_for("a second to pass", || (killed.elapsed() > Duration::from_millis(1100)).then_some(()));
    let mut alpha = gateway("Alpha", port, folders[1].path());
    assert_eq!(passwords(&store, "password/Alpha"), before);
    assert_eq!(before.len(), 1);
    let known = alpha.client().call("mudlist", &json!({"filter": {"status": "up"}}));
    assert_eq!(known["result"]["count"], 2, "{known}");

    // Told to end, it says goodbye to everybody and ends well.
    let mut game = alpha.client();
    alpha.process.signal("TERM");
    game.event("shutdown_warning");
    assert_eq!(alpha.process.end().code(), Some(0));
    let offline = other.event("mud_offline");
    assert_eq!(offline["mud_name"], "Alpha");
}

#[test]
fn the_settings_are_checked_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let run = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(GATEWAY);
        command.current_dir(folder.path()).env_clear().args(arguments).envs(variables.iter().copied());
        command.output().unwrap()
    };
    let good = [("MUD_NAME", "Alpha"), ("I3_GATEWAY_SECRET", "a-long-secret")];
    assert_eq!(run(&good, &["--validate-config"]).status.code(), Some(0));
    let bad = run(&[("MUD_NAME", "Alpha"), ("I3_GATEWAY_SECRET", "your-secret-key-here")], &["--dry-run"]);
    let text = String::from_utf8_lossy(&bad.stderr);
    assert_eq!(bad.status.code(), Some(78));
    assert!(text.contains("I3_GATEWAY_SECRET") && !text.contains("your-secret-key-here"), "{text}");
    assert_eq!(run(&[], &[]).status.code(), Some(78));
    // The port of somebody else.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let other = free_port().to_string();
    let variables = [good[0], good[1], ("API_WS_PORT", &port), ("API_TCP_PORT", &other)];
    let refused = run(&variables, &[]);
    assert_eq!(refused.status.code(), Some(69), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&run(&[], &["--version"]).stdout).starts_with("i3-gateway "));
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

#[test]
fn a_tell_waits_for_a_game_over_a_kill_and_a_state_is_restored_while_it_runs() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let port = free_port();
    let _router = router(port, folders[0].path());
    let mut alpha = gateway("Alpha", port, folders[1].path());
    let beta = gateway("Beta", port, folders[2].path());
    let state = folders[1].path().join("state");
    let store = state.join("i3-gateway.sqlite");
    let tell = |message: &str| {
        let message = format!("message={message}");
        let answer = beta.call(&["tell", "target_mud=Alpha", "target_user=ann", &message]);
        assert_eq!(answer["status"], "sent");
    };

    // Nobody is there: it is kept, and survives a kill.
    tell("are you there?");
    let kept = || passwords(&store, "events/Alpha").iter().any(|event| event.contains("are you there?"));
    wait_for("the tell to be saved", || kept().then_some(()));
    alpha.process.signal("KILL");
    alpha.process.end();
    let killed = Instant::now();
    wait_for("a second to pass", || (killed.elapsed() > Duration::from_millis(1100)).then_some(()));
    let alpha = gateway("Alpha", port, folders[1].path());
    let mut game = alpha.client();
    let told = game.event("tell_received");
    assert_eq!((&told["message"], &told["replay"]), (&json!("are you there?"), &json!(true)));
    let first_id = told["event_id"].as_u64().unwrap();
    assert_eq!(game.event("replay_complete")["replayed"], 1);

    // A second gateway with the same state does not start.
    let run = |arguments: &[&str]| {
        let mut command = Command::new(GATEWAY);
        let ports = [free_port().to_string(), free_port().to_string()];
        command.current_dir(folders[1].path()).env_clear().env("MUD_NAME", "Alpha");
        command.env("I3_GATEWAY_SECRET", "Alpha-secret-key");
        command.env("API_WS_PORT", &ports[0]).env("API_TCP_PORT", &ports[1]);
        command.args(arguments).output().unwrap()
    };
    let second = run(&[]);
    assert_eq!(second.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another gateway"), "{second:?}");

    // A backup of a gateway that runs, by the settings and by the directory alone.
    let copied = run(&["backup", "copy.sqlite"]);
    assert!(copied.status.success(), "{copied:?}");
    let copy = folders[1].path().join("copy.sqlite");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(passwords(&copy, "events/Alpha").iter().any(|event| event.contains("are you there?")));
    let again = run(&["backup", "--state", state.to_str().unwrap(), "copy.sqlite"]);
    assert!(again.status.success(), "it replaces the older one: {again:?}");
    assert_eq!(run(&["backup", "state/i3-gateway.sqlite"]).status.code(), Some(69));

    // What comes after the backup is not there after it is restored; ids have grown all the same.
    tell("later");
    assert_eq!(game.event("tell_received")["message"], "later");
    std::fs::write(folders[1].path().join("wrong"), "no state").unwrap();
    let refused = run(&["restore", "wrong"]);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    let restored = run(&["restore", "copy.sqlite"]);
    assert!(restored.status.success(), "{restored:?}");
    assert!(String::from_utf8_lossy(&restored.stdout).contains("goes on"), "{restored:?}");
    game.event("shutdown_warning");
    wait_for("the gateway to be ready again", || {
        alpha.get("/health/ready").filter(|text| text.contains(" 200 "))
    });
    let mut game = alpha.client();
    let resumed = game.call("resume", &json!({"last_event_id": first_id - 1}));
    assert_eq!(resumed["result"]["status"], "success");
    assert_eq!(game.event("tell_received")["event_id"], first_id);
    assert_eq!(game.event("replay_complete")["replayed"], 1);
    tell("after");
    let after = game.event("tell_received");
    assert_eq!(after["message"], "after");
    assert!(after["event_id"].as_u64() > Some(first_id + 1));
    let before = state.join("i3-gateway.before-restore.sqlite");
    wait_for("the state before", || before.exists().then_some(()));
    assert!(passwords(&before, "events/Alpha").iter().any(|event| event.contains("later")));
}

#[test]
fn a_file_that_somebody_holds_is_said_and_written_later() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let port = free_port();
    let _router = router(port, folders[0].path());
    let alpha = gateway("Alpha", port, folders[1].path());
    let mut game = alpha.client();
    let tell = json!({"target_mud": "Alpha", "target_user": "ann", "message": "to myself"});
    assert_eq!(game.call("tell", &tell)["result"]["status"], "sent");
    let id = game.event("tell_received")["event_id"].clone();

    let file = rusqlite::Connection::open(folders[1].path().join("state/i3-gateway.sqlite")).unwrap();
    file.busy_timeout(PATIENCE).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ack = json!({"jsonrpc": "2.0", "id": 1, "method": "ack", "params": {"event_id": id}});
    writeln!(game.stream, "{ack}").unwrap();
    assert!(game.event("storage_failed")["reason"].as_str().unwrap().contains("locked"));
    assert!(alpha.get("/metrics").unwrap().contains("i3_store_failing 1"));
    // Nothing stands still for it.
    assert_eq!(game.call("ping", &json!({}))["result"]["pong"], true);
    file.execute_batch("COMMIT").unwrap();
    game.event("storage_recovered");
    assert!(alpha.get("/metrics").unwrap().contains("i3_store_failing 0"));
    assert_eq!(game.call("ack", &json!({"event_id": id}))["result"]["status"], "acknowledged");
}
