//! What an operator does with a program: the first settings, the doctor, and what stands around a service.

use crate::client::read;
use crate::process::{PATIENCE, Process, free_port, wait_for};
use crate::programs::Daemon;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

for_both!(the_first_settings, a_visit_of_the_doctor, a_service_that_is_looked_after);

/// A directory with a gateway's settings in it, and the ports that they name.
struct Site {
    daemon: Daemon,
    folder: tempfile::TempDir,
    http: u16,
    lines: u16,
    /// Somebody listens here and says nothing: a router that can be connected to.
    router: TcpListener,
}

impl Site {
    fn new(daemon: Daemon) -> Self {
        Site {
            daemon,
            folder: tempfile::tempdir().unwrap(),
            http: free_port(),
            lines: free_port(),
            router: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.daemon.program());
        command.current_dir(self.folder.path()).env_clear().args(arguments);
        for (name, value) in [
            ("API_WS_PORT", self.http.to_string()),
            ("API_TCP_PORT", self.lines.to_string()),
            ("I3_ROUTER_HOST", "127.0.0.1".to_owned()),
            ("I3_ROUTER_PORT", self.router.local_addr().unwrap().port().to_string()),
            ("I3_FALLBACK_ROUTER_HOST", String::new()),
            ("I3_FALLBACK2_ROUTER_HOST", String::new()),
            ("LOG_FILE", "logs/gateway.log".to_owned()),
        ] {
            command.env(name, value);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        said(&self.command(arguments).output().unwrap())
    }

    /// The body of a page.
    fn page(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// The exit code, and all that was printed.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// From nothing to settings that can be used.
fn the_first_settings(daemon: Daemon) {
    let site = Site::new(daemon);
    let (code, text) = site.run(&["--validate-config"]);
    assert!(code == Some(78) && text.contains("`i3-gateway init --mud-name NAME`"), "{text}");
    let (code, text) = site.run(&["init", "--mud-name", "Test Mud"]);
    assert_eq!(code, Some(0), "{text}");
    let (config, env_file) = (site.path("config/config.yaml"), site.path(".env"));
    assert_eq!((mode(&config), mode(&env_file)), (0o640, 0o600));
    let secret =
        |env: &str| env.lines().find_map(|line| line.strip_prefix("I3_GATEWAY_SECRET=")).unwrap().to_owned();
    let first = fs::read_to_string(&env_file).unwrap();
    assert!(secret(&first).len() == 64 && !text.contains(&secret(&first)), "{text}");
    assert_eq!(site.run(&["--validate-config"]), (Some(0), "The settings are valid.\n".to_owned()));
    assert_eq!(site.run(&["--dry-run"]).0, Some(0));

    assert!(first.contains("\nMUD_NAME='Test Mud'\n"), "{first}");
    assert!(
        first.starts_with("# Variables for config/config.yaml.") && !first.contains("opy this file"),
        "{first}"
    );

    // What is there stays, unless somebody insists.
    let (code, text) = site.run(&["init"]);
    assert_eq!(code, Some(73), "{text}");
    assert_eq!(fs::read_to_string(&env_file).unwrap(), first);
    assert_eq!(site.run(&["init", "--force", "--mud-name", "Test Mud"]).0, Some(0));
    let second = fs::read_to_string(&env_file).unwrap();
    assert_ne!(secret(&first), secret(&second));
    // Docker would take quotes as part of the name, and those that somebody writes all the same are named.
    assert_eq!(site.run(&["init", "--force", "--mud-name", "TestMud"]).0, Some(0));
    assert!(fs::read_to_string(&env_file).unwrap().contains("\nMUD_NAME=TestMud\n"));
    let (code, text) = said(&site.command(&["--dry-run"]).env("MUD_NAME", "'Test Mud'").output().unwrap());
    assert!(code == Some(0) && text.contains("warning: mud.name: has quotes around it"), "{text}");

    // A digest in the key's place.
    let hash = site.command(&["hash-key"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut hash = hash.unwrap();
    hash.stdin.take().unwrap().write_all(b"\xef\xbb\xbfa-long-key\r\n").unwrap();
    let expected = "sha256:08ee3a8ddf8f5b336a22a13ab4a5e88fe45ccd27d62672b44acc40976dbec27b\n".to_owned();
    assert_eq!(said(&hash.wait_with_output().unwrap()), (Some(0), expected.clone()));
    assert_eq!(site.run(&["hash-key", "a-long-key"]), (Some(0), expected));
    let (code, text) = site.run(&["hash-key", "short"]);
    assert!(code == Some(0) && text.contains("warning: the key has fewer than 8 characters"), "{text}");
    assert_eq!(site.run(&["hash-key", "changeme"]).0, Some(64));
}

/// What the doctor says of a host where all is well, and of one where it is not.
fn a_visit_of_the_doctor(daemon: Daemon) {
    let site = Site::new(daemon);
    let (code, text) = site.run(&["doctor"]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("MUD_NAME"), "{text}");
    site.run(&["init", "--mud-name", "Test Mud"]);
    let (code, text) = site.run(&["doctor"]);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "ok    the settings of Test Mud are valid",
        "ok    the clock shows 20",
        "ok    the state directory state has no state yet",
        "warn  Test Mud: no router password is known",
        &format!("ok    port 127.0.0.1:{} is free", site.http),
        "ok    router *i4 at 127.0.0.1:",
        "No login was tried",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert!(!site.path("state").exists() && !site.path("logs").exists(), "it makes nothing");
    // It only connected.
    let (mut stream, _) = site.router.accept().unwrap();
    assert_eq!(read(&mut stream, &mut [0; 16]).unwrap(), 0);

    let taken = TcpListener::bind(("127.0.0.1", site.http)).unwrap();
    fs::set_permissions(site.path(".env"), PermissionsExt::from_mode(0o644)).unwrap();
    fs::create_dir(site.path("state")).unwrap();
    fs::write(site.path("state/i3-gateway.sqlite"), "no database, by far not\n".repeat(50)).unwrap();
    let mut command = site.command(&["doctor"]);
    // A name that routers never answer, and a port where nobody listens.
    command.env("MUD_NAME", "DeadSoulsNew").env("I3_ROUTER_PORT", free_port().to_string());
    let (code, text) = said(&command.output().unwrap());
    assert_eq!(code, Some(1), "{text}");
    for line in [
        &format!("FAIL  port 127.0.0.1:{} is in use by another program", site.http),
        "FAIL  state: state/i3-gateway.sqlite: ",
        "FAIL  DeadSoulsNew: no router can be reached",
        "warn  .env contains keys, and other users may read it (mode 644)\n      -> chmod 600 .env",
        "routers do not answer it (from the environment variable MUD_NAME)\n      -> write the name",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    drop(taken);
}

/// A service manager, a prober, a scraper and logrotate around a gateway that runs.
fn a_service_that_is_looked_after(daemon: Daemon) {
    let site = Site::new(daemon);
    site.run(&["init", "--mud-name", "Test Mud"]);
    assert_eq!(site.run(&["healthcheck"]).0, Some(1), "nothing runs yet");
    let notify = UnixDatagram::bind(site.path("notify")).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut buffer = [0; 4096];
        let count = loop {
            match notify.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome.expect("the service manager is told something"),
            }
        };
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    let until = |wanted: &str| {
        let mut all = Vec::new();
        while !all.last().is_some_and(|message: &String| message.contains(wanted)) {
            all.push(next());
        }
        all
    };
    let mut command = site.command(&["--profile-memory"]);
    command.env("NOTIFY_SOCKET", site.path("notify")).env("WATCHDOG_USEC", "200000");
    // The account is asked for, so it is shown whatever the level.
    command.env("LOG_FORMAT", "json").env("LOG_LEVEL", "WARNING").stderr(Stdio::null());
    let mut gateway = Process(command.spawn().unwrap());
    assert!(next().contains("READY=1"), "it comes first");
    until("STATUS=0 of 1 router links ready, 0 sessions; Test Mud at *i4: ");
    until("WATCHDOG=1");
    until("WATCHDOG=1");

    // On a busy machine an answer may take longer than they wait for it.
    let says = |arguments: &[&str], wanted: (Option<i32>, &str)| {
        wait_for(wanted.1, || {
            let (code, text) = site.run(arguments);
            (code == wanted.0 && text.contains(wanted.1)).then_some(())
        });
    };
    says(&["healthcheck"], (Some(0), "{\"status\":\"alive\"}\n"));
    // A loop that does not turn answers nobody.
    gateway.signal("STOP");
    let (code, text) = site.run(&["healthcheck"]);
    gateway.signal("CONT");
    assert!(code == Some(1) && text.contains("timed out"), "{text}");
    says(&["healthcheck"], (Some(0), "alive"));
    says(&["healthcheck", "--ready"], (Some(1), "not_ready"));
    // Nothing is known of the router's password, which is no fault.
    says(&["doctor"], (Some(0), "a gateway runs here"));
    let metrics = site.page("/metrics");
    for name in
        ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "process_max_fds"]
    {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{name} {value}");
    }

    // logrotate moves the file; SIGHUP opens it anew and takes new settings over. Nobody is dropped.
    let (log, moved) = (site.path("logs/gateway.log"), site.path("logs/gateway.log.1"));
    let before = fs::read_to_string(&log).unwrap();
    assert!(before.contains("\"component\":\"memory\"") && before.contains("\"resident_bytes\""), "{before}");
    let mut client = TcpStream::connect(("127.0.0.1", site.lines)).unwrap();
    fs::rename(&log, &moved).unwrap();
    let config = site.path("config/config.yaml");
    let settings = fs::read_to_string(&config).unwrap();
    let settings = settings.replace("${MUD_STATUS:}", "open");
    fs::write(&config, format!("{settings}\nperformence: 1\n")).unwrap();
    gateway.signal("HUP");
    let told = until("READY=1");
    assert!(
        told.iter().any(|message| message.contains("RELOADING=1") && message.contains("MONOTONIC_USEC="))
    );
    let text = wait_for("the new log file", || {
        fs::read_to_string(&log).ok().filter(|text| text.contains("at the next login"))
    });
    assert!(!text.contains("INFO"), "{text}");
    let warnings = || fs::read_to_string(&log).unwrap().matches("performence").count();
    assert_eq!(warnings(), 1, "a new warning is told");
    assert_eq!(fs::read_to_string(&moved).unwrap(), before, "nothing more goes there");
    let mut greeting = [0; 32];
    client.read_exact(&mut greeting).unwrap();
    writeln!(client, r#"{{"jsonrpc":"2.0","id":1,"method":"ping"}}"#).unwrap();
    let mut answer = Vec::new();
    wait_for("the answer of a connection from before", || {
        let mut buffer = [0; 1024];
        let count = read(&mut client, &mut buffer).unwrap();
        answer.extend_from_slice(&buffer[..count]);
        String::from_utf8_lossy(&answer).contains("\"pong\":true").then_some(())
    });

    // And told once.
    gateway.signal("HUP");
    until("READY=1");
    assert_eq!(warnings(), 1);

    // Settings that cannot be used change nothing, and say why.
    fs::write(&config, "mud: {port: none, nmae: x}").unwrap();
    gateway.signal("HUP");
    until("READY=1");
    let text = wait_for("the refusal", || {
        fs::read_to_string(&log).ok().filter(|text| text.contains("the settings did not change"))
    });
    for (level, what) in
        [("ERROR", "config/config.yaml:1:7: mud.port: "), ("WARN", "config/config.yaml:1:19: mud.nmae: ")]
    {
        let record =
            text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} in {text}"));
        assert!(
            record.contains(&format!("\"level\":\"{level}\"")) && !record.contains("error: "),
            "{record}"
        );
    }
    assert_eq!(site.page("/health/live"), "{\"status\":\"alive\"}");

    gateway.signal("TERM");
    until("STOPPING=1");
    assert_eq!(gateway.end().code(), Some(0));
    let all = fs::read_to_string(&log).unwrap();
    assert!(all.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{all}");
}
