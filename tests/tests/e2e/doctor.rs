//! `doctor` and `healthcheck` beside a gateway that runs.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::Played;
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

for_both!(
    beside_a_gateway_its_state_is_left_alone,
    a_database_that_another_program_holds_is_not_called_damaged,
    settings_with_keys_that_everybody_can_read_are_reported,
    the_health_check_passes_a_whitelist,
);

fn run(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let output = gateway.command().args(arguments).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn beside_a_gateway_its_state_is_left_alone(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    // Without the port that tells of its health: only the state says that a gateway runs.
    gateway = gateway.with(&json!({"api": {"tcp": {"host": "127.0.0.1"}}})).started();
    let (_link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    gateway.client(Transport::Lines).result("ban_add", &json!(["*@Nowhere"]), &json!({}));
    // Whoever opens the database now is told that it is locked.
    let held = Connection::open(gateway.state().join("i3-gateway.sqlite")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let files = || -> BTreeMap<_, _> {
        let all = fs::read_dir(gateway.state()).unwrap().map(|one| one.unwrap());
        all.map(|one| (one.file_name(), one.metadata().unwrap().modified().unwrap())).collect()
    };
    let before = files();
    let (code, text) = run(&gateway, &["doctor"]);
    let line = format!(
        "ok    a gateway (process {}) runs with the state in state, which was not opened",
        gateway.pid()
    );
    assert!(text.contains(&line), "{text}");
    assert!(code == Some(0) && !text.contains("FAIL") && !text.contains("backup"), "{text}");
    assert!(text.contains("a gateway runs here") && text.contains("is in use, as expected"), "{text}");
    assert_eq!(files(), before, "nothing is touched");
    let (_, text) = run(&gateway, &["doctor", "--login"]);
    assert!(text.contains("no login was tried"), "{text}");
    assert!(router.try_accept().is_some_and(|mut probe| probe.next().is_none()), "it only connects");
    drop(held);
    gateway.kill();
    let (_, text) = run(&gateway, &["doctor"]);
    assert!(text.contains("the state in state is intact"), "{text}");
}

fn a_database_that_another_program_holds_is_not_called_damaged(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    gateway.kill();
    let held = Connection::open(gateway.state().join("i3-gateway.sqlite")).unwrap();
    held.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let (code, text) = run(&gateway, &["doctor"]);
    let fix = "      -> another program has the database open: end it, and try again";
    assert!(code == Some(1) && text.contains("locked") && text.contains(fix), "{text}");
}

fn settings_with_keys_that_everybody_can_read_are_reported(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    let settings = gateway.folder.path().join("settings.yaml");
    let says = |mode: u32| {
        let mut command = gateway.command();
        fs::set_permissions(&settings, PermissionsExt::from_mode(mode)).unwrap();
        let output = command.arg("doctor").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let line = "warn  settings.yaml contains keys or passwords, and everybody may read it (mode 644)\n      -> chmod 640 settings.yaml";
    assert!(says(0o644).contains(line), "{}", says(0o644));
    assert!(says(0o602).contains("everybody may read it"), "who may write may do more");
    for mode in [0o640, 0o600] {
        assert!(!says(mode).contains("everybody may read"), "{mode:o}");
    }
    // A digest is no secret.
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let gateway = gateway.with(&json!({"api": {"auth": {"secret": digest}}}));
    let (_, text) = run(&gateway, &["doctor"]);
    assert!(!text.contains("everybody may read"), "{text}");
}

fn the_health_check_passes_a_whitelist(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"security": {"ip_whitelist": ["203.0.113.9"]}}));
    let log = fs::File::create(gateway.folder.path().join("log")).unwrap();
    let mut process = crate::process::Process(gateway.command().stderr(log).spawn().unwrap());
    crate::process::wait_for("the gateway to be alive", || {
        (run(&gateway, &["healthcheck"]) == (Some(0), "{\"status\":\"alive\"}\n".to_owned())).then_some(())
    });
    let (_link, _) = router.log_in(7);
    crate::process::wait_for("the gateway to be ready", || {
        (run(&gateway, &["healthcheck", "--ready"]).0 == Some(0)).then_some(())
    });
    let (code, text) = run(&gateway, &["doctor"]);
    assert!(code == Some(0) && text.contains("a gateway runs here"), "{text}");
    // Nobody else gets in.
    assert!(gateway.get("/metrics").starts_with("HTTP/1.1 403 "));
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.lines)).unwrap();
    assert!(matches!(crate::client::read(&mut stream, &mut [0; 16]), Ok(0) | Err(_)));
    process.signal("TERM");
    assert_eq!(process.end().code(), Some(0));
}
