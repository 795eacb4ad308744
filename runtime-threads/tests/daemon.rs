//! The program as its users run it: a real process, real sockets, on loopback.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

const GATEWAY: &str = env!("CARGO_BIN_EXE_i3-gateway-threads");

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    fn end(&mut self) -> ExitStatus {
        wait_for("the process to end", || self.0.try_wait().unwrap())
    }
}

fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

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
    let refused = run(&mut program(here, &settings));
    assert_eq!(refused.status.code(), Some(69), "EX_UNAVAILABLE");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("listening"));
}
