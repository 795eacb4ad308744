//! The log when nobody takes it: neither the start, nor the API, nor the end waits for it.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::{PATIENCE, Process, wait_for};
use crate::programs::Daemon;
use crate::router::Played;
use serde_json::json;
use std::io::Read;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

for_both!(a_log_that_nobody_reads_holds_nothing_up, a_pipe_as_log_file_is_not_waited_for);

fn start(gateway: &Gateway, stderr: Stdio) -> Process {
    let mut command = gateway.command();
    // The figures of /metrics are taken more often.
    command.env("WATCHDOG_USEC", "400000").stdout(Stdio::null()).stderr(stderr);
    let process = Process(command.spawn().unwrap());
    wait_for("the gateway to listen", || TcpStream::connect(("127.0.0.1", gateway.lines)).ok());
    process
}

fn dropped(gateway: &Gateway) -> u64 {
    let page = gateway.get("/metrics");
    let value = page.lines().find_map(|line| line.strip_prefix("i3_log_dropped_total "));
    value.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
}

fn a_log_that_nobody_reads_holds_nothing_up(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    let mut process = start(&gateway, Stdio::piped());
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    assert_eq!(dropped(&gateway), 0);
    // A line for each, of some 400 bytes: more than a pipe and the queue hold.
    let unreadable = format!("({{{}", "\"x\",".repeat(60));
    for _ in 0..6_000 {
        link.send(&unreadable);
    }
    wait_for("lines to be dropped", || (dropped(&gateway) > 100).then_some(()));
    let mut client = gateway.client(Transport::Lines);
    for _ in 0..20 {
        let begun = Instant::now();
        client.result("ping", &json!({}), &json!({"pong": true}));
        assert!(gateway.get("/health/live").starts_with("HTTP/1.1 200 "));
        assert!(begun.elapsed() < PATIENCE / 10, "{:?}", begun.elapsed());
    }
    process.signal("HUP");
    client.result("tell", &json!(["Sage", "bob", "hello"]), &json!({"status": "sent"}));
    assert_eq!(link.expect("tell")[7], "hello");

    // Somebody reads at last, and learns that lines are missing. Later lines come again.
    let mut stderr = process.0.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        stderr.read_to_end(&mut all).map(|_| String::from_utf8(all).unwrap())
    });
    // The figure is up to half a second old.
    std::thread::sleep(Duration::from_secs(1));
    let before = dropped(&gateway);
    process.signal("TERM");
    assert_eq!(process.end().code(), Some(0));
    let log = reader.join().unwrap().unwrap();
    let told = "WARN  log: lines were dropped, because they could not be written in time lines=";
    let lines: Vec<u64> = log.lines().filter_map(|line| line.split_once(told)?.1.parse().ok()).collect();
    assert!(!lines.is_empty() && lines.iter().sum::<u64>() >= before, "{lines:?} of {before}");
    assert!(log.ends_with("daemon: stopped\n"), "the end is logged");

    // And where nobody ever reads, the end does not wait either.
    let mut process = start(&gateway, Stdio::piped());
    let (mut link, _) = router.log_in(7);
    for _ in 0..2_000 {
        link.send(&unreadable);
    }
    gateway.becomes_ready(true);
    process.signal("TERM");
    let begun = Instant::now();
    assert_eq!(process.end().code(), Some(0));
    assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
}

fn a_pipe_as_log_file_is_not_waited_for(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"logging": {"file": "pipe", "rotate_size": 1000}}));
    let pipe = gateway.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut process = start(&gateway, Stdio::null());
    let (_link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    process.signal("HUP");
    gateway.client(Transport::Lines).result("ping", &json!({}), &json!({"pong": true}));
    process.signal("TERM");
    assert_eq!(process.end().code(), Some(0));

    // Who comes later gets what has waited, and what follows.
    let mut process = start(&gateway, Stdio::null());
    let (_link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    let mut reader = std::fs::File::open(&pipe).unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        reader.read_to_string(&mut all).map(|_| all)
    });
    process.signal("TERM");
    assert_eq!(process.end().code(), Some(0));
    let log = reader.join().unwrap().unwrap();
    assert!(log.contains("listening for JSON lines") && log.ends_with("daemon: stopped\n"), "{log}");
    let names: Vec<_> =
        std::fs::read_dir(gateway.folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "pipe.1"), "a pipe was renamed: {names:?}");
}
