//! The program as its users run it: a real process, real sockets, on loopback.

#![cfg(unix)]

#[path = "../../host/tests/shared/process.rs"]
mod process;

use process::{PATIENCE, Process, free_port, wait_for};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway-threads");

/// The program in an empty directory, with nothing of this process's environment and these settings.
fn program(directory: &Path, settings: &str) -> Command {
    std::fs::write(directory.join("settings.yaml"), settings).unwrap();
    let mut command = Command::new(GATEWAY);
    command.current_dir(directory).env_clear().args(["-c", "settings.yaml"]);
    command
}

fn settings(http: u16, lines: u16, router: u16) -> String {
    format!(
        "mud: {{name: Here, port: 4000}}
router:
  primary: {{name: '*test', host: 127.0.0.1, port: {router}}}
api:
  websocket: {{host: 127.0.0.1, port: {http}}}
  tcp: {{host: 127.0.0.1, port: {lines}}}
  auth: {{secret: a-key-of-some-length-for-a-test}}
state: {{directory: state}}
"
    )
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn connect(port: u16) -> TcpStream {
    let stream = wait_for("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn it_serves_dials_and_ends_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (http, lines) = (free_port(), free_port());
    let router = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = settings(http, lines, router.local_addr().unwrap().port());
    let child = program(directory.path(), &settings).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut gateway = Process(child.unwrap());

    // It greets the router by name; what follows is the machine's business.
    let (mut link, _) = router.accept().unwrap();
    link.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut greeting = [0; 200];
    link.read_exact(&mut greeting).unwrap();
    assert!(String::from_utf8_lossy(&greeting).contains("startup-req-3"));

    let mut health = connect(http);
    health.write_all(b"GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    health.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let mut client = BufReader::new(connect(lines));
    let login = r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"api_key":"KEY"}}"#;
    let login = login.replace("KEY", "a-key-of-some-length-for-a-test");
    client.get_mut().write_all(format!("{login}\n").as_bytes()).unwrap();
    let (mut welcome, mut answer) = (String::new(), String::new());
    client.read_line(&mut welcome).unwrap();
    client.read_line(&mut answer).unwrap();
    assert!(answer.contains("authenticated"), "{welcome}{answer}");
    assert!(directory.path().join("state/i3-gateway.sqlite").is_file());

    gateway.signal("HUP");
    gateway.signal("TERM");
    assert!(gateway.end().success());
    assert!(TcpStream::connect(("127.0.0.1", lines)).is_err());
}

#[test]
fn a_state_is_copied_and_put_back_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let lines = free_port();
    let router = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = settings(free_port(), lines, router.local_addr().unwrap().port());
    let child = program(here, &settings).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut gateway = Process(child.unwrap());
    let client = || {
        let mut client = BufReader::new(connect(lines));
        let login = r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"api_key":"KEY"}}"#;
        let login = login.replace("KEY", "a-key-of-some-length-for-a-test");
        client.get_mut().write_all(format!("{login}\n").as_bytes()).unwrap();
        client
    };
    let until = |client: &mut BufReader<TcpStream>, word: &str| {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(client.read_line(&mut line).unwrap(), 0, "it ended before {word}");
        }
    };
    let mut game = client();
    until(&mut game, "authenticated");
    let copied = run(program(here, &settings).args(["backup", "copy"]));
    assert!(copied.status.success(), "{copied:?}");
    let second = run(&mut program(here, &settings));
    assert_eq!(second.status.code(), Some(69), "{second:?}");
    let restored = run(program(here, &settings).args(["restore", "--state", "state", "copy"]));
    assert!(restored.status.success(), "{restored:?}");
    until(&mut game, "shutdown_warning");
    // The same process serves again.
    let mut game = client();
    until(&mut game, "authenticated");
    assert!(here.join("state/i3-gateway.before-restore.sqlite").is_file());
    gateway.signal("TERM");
    assert!(gateway.end().success());
    // Without one that runs, the command does it itself.
    let restored = run(program(here, &settings).args(["restore", "copy"]));
    assert!(String::from_utf8_lossy(&restored.stdout).contains("No gateway is running"), "{restored:?}");
}

#[test]
fn one_client_too_many_is_refused_and_does_not_wait() {
    let directory = tempfile::tempdir().unwrap();
    let lines = free_port();
    // The link to it is open and does not count, so that only clients do.
    let router = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = settings(free_port(), lines, router.local_addr().unwrap().port())
        + "performance: {max_connections: 2}\n";
    let child = program(directory.path(), &settings).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut gateway = Process(child.unwrap());
    let greeting = |client: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        // A refusal may come as a reset.
        let _ = client.read_line(&mut line);
        line
    };
    let mut served: Vec<_> = (0..2).map(|_| BufReader::new(connect(lines))).collect();
    for client in &mut served {
        assert!(greeting(client).contains("welcome"));
    }
    // More than are accepted beyond those who are served.
    for _ in 0..100 {
        assert_eq!(greeting(&mut BufReader::new(connect(lines))), "");
    }
    served.pop();
    wait_for("the place", || greeting(&mut BufReader::new(connect(lines))).contains("welcome").then_some(()));
    gateway.signal("TERM");
    assert!(gateway.end().success());
}

#[test]
fn exit_codes_say_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let good = settings(free_port(), free_port(), 1);
    let here = directory.path();
    assert!(run(program(here, &good).arg("--validate-config")).status.success());
    let wrong = run(program(here, &good.replace("port: 4000", "port: no")).arg("--validate-config"));
    assert_eq!(wrong.status.code(), Some(78), "EX_CONFIG");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("mud.port"));
    for of_the_other in [["--demo"].as_slice(), &["call", "ping"], &["watch"]] {
        assert_eq!(run(program(here, &good).args(of_the_other)).status.code(), Some(64), "EX_USAGE");
    }

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = settings(taken.local_addr().unwrap().port(), free_port(), 1);
    let settings = settings + "metrics: {port: 5}\n";
    let refused = run(&mut program(here, &settings));
    assert_eq!(refused.status.code(), Some(69), "EX_UNAVAILABLE");
    let log = String::from_utf8_lossy(&refused.stderr);
    assert!(log.contains("listening"), "{log}");
    // The level says that it is a warning.
    assert!(
        log.contains("WARN  settings: ") && log.contains("metrics.port") && !log.contains("warning:"),
        "{log}"
    );
}
