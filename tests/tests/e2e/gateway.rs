//! A gateway: a process with its settings and its state in a folder of its own.

use crate::client::{Client, Transport};
use crate::process::{Process, free_port, wait_for};
use crate::programs::Daemon;
use serde_json::{Value as Json, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// Where a router is: its name and its port.
pub(crate) type Address<'a> = (&'a str, u16);

pub(crate) struct Gateway {
    pub(crate) daemon: Daemon,
    pub(crate) folder: TempDir,
    pub(crate) http: u16,
    pub(crate) lines: u16,
    settings: Json,
    process: Option<Process>,
}

impl Gateway {
    /// One for that mud, at the first of these routers. It is not started. It comes back to a lost router soon, and waits
    /// for a slow one as long as by default: a busy machine may keep a router from answering for seconds.
    pub(crate) fn new(daemon: Daemon, mud: &str, routers: &[Address<'_>]) -> Gateway {
        let routers: Vec<Json> = routers
            .iter()
            .map(|(name, port)| json!({"name": name, "host": "127.0.0.1", "port": port}))
            .collect();
        let (http, lines) = (free_port(), free_port());
        let settings = json!({
            "mud": {"name": mud, "port": 4000},
            "router": {"primary": routers[0], "fallback": routers[1..]},
            "api": {
                "websocket": {"host": "127.0.0.1", "port": http},
                "tcp": {"host": "127.0.0.1", "port": lines},
                "auth": {"secret": format!("{mud}-secret-key")},
            },
            "security": {"rate_limiting": {"enabled": false}},
            "performance": {"reconnect_delay": 1},
            "state": {"directory": "state"},
            "logging": {"level": "DEBUG"},
        });
        Gateway { daemon, folder: tempfile::tempdir().unwrap(), http, lines, settings, process: None }
    }

    /// The same with more settings, or others.
    pub(crate) fn with(mut self, more: &Json) -> Gateway {
        merge(&mut self.settings, more);
        self
    }

    /// Changes the settings for the next start.
    pub(crate) fn set(&mut self, more: &Json) {
        merge(&mut self.settings, more);
    }

    /// The program in its folder, with nothing of this process's environment. The file of the settings is written when it
    /// says something else: a gateway that is starting may be reading it.
    pub(crate) fn command(&self) -> Command {
        // Whatever is JSON is YAML too.
        let (file, settings) = (self.folder.path().join("settings.yaml"), self.settings.to_string());
        if !fs::read(&file).is_ok_and(|now| now == settings.as_bytes()) {
            fs::write(file, settings).unwrap();
        }
        let mut command = Command::new(self.daemon.program());
        command.current_dir(self.folder.path()).env_clear().args(["-c", "settings.yaml"]);
        command.stdin(Stdio::null());
        command
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&mut self) {
        let command = self.command();
        self.start_as(command);
    }

    /// Starts it in another way.
    pub(crate) fn start_as(&mut self, mut command: Command) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        self.process = Some(Process(command.stdout(Stdio::null()).stderr(log).spawn().unwrap()));
        wait_for("the gateway to listen", || {
            let ended = self.process.as_mut().unwrap().0.try_wait().unwrap();
            assert!(ended.is_none(), "{:?} has ended: {ended:?}\n{}", self.daemon, self.log());
            self.try_get("/health/live")
        });
        wait_for("the second port", || TcpStream::connect(("127.0.0.1", self.lines)).ok());
    }

    pub(crate) fn started(mut self) -> Gateway {
        self.start();
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().0.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().unwrap().signal(name);
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.process.as_mut().unwrap().end()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().unwrap().0.try_wait().unwrap().is_none()
    }

    /// Ends it in the hardest way.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.end();
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for a text in the log.
    pub(crate) fn logs(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), || self.log().contains(text).then_some(()));
    }

    /// How many lines of the log have a text in them.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Waits until a text is in so many lines of the log, and no more. What a page or a client is told can be seen before
    /// the line about it is written.
    pub(crate) fn logs_times(&self, text: &str, times: usize) {
        wait_for(&format!("{text:?} in {times} lines of the log"), || {
            (self.logged(text) >= times).then_some(())
        });
        assert_eq!(self.logged(text), times, "lines with {text:?}");
    }

    /// An HTTP request as it stands, and the whole answer.
    pub(crate) fn http(&self, request: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        stream.set_read_timeout(Some(crate::process::PATIENCE)).unwrap();
        stream.write_all(request).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        (!text.is_empty()).then_some(text)
    }

    fn try_get(&self, path: &str) -> Option<String> {
        self.http(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap_or_else(|| panic!("no answer to {path}"))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.get("/health/ready").starts_with("HTTP/1.1 200 ")
    }

    /// Waits until its router link is ready, or is not.
    pub(crate) fn becomes_ready(&self, ready: bool) {
        wait_for(&format!("readiness to be {ready}"), || (self.is_ready() == ready).then_some(()));
    }

    pub(crate) fn key(&self) -> String {
        self.settings["api"]["auth"]["secret"].as_str().unwrap().to_owned()
    }

    pub(crate) fn port(&self, transport: Transport) -> u16 {
        match transport {
            Transport::Lines => self.lines,
            Transport::WebSocket => self.http,
        }
    }

    /// A client that has shown its key.
    pub(crate) fn client(&self, transport: Transport) -> Client {
        let mut client = Client::connect(transport, self.port(transport));
        let answer = client.call("authenticate", &json!({"api_key": self.key()}));
        assert_eq!(answer["result"]["status"], "authenticated", "{answer}");
        client
    }

    /// The router as `status` shows it.
    pub(crate) fn router_status(&self) -> Json {
        self.client(Transport::Lines).call("status", &json!({}))["result"]["router"].clone()
    }

    /// A number of the process's status, in its unit.
    #[cfg(target_os = "linux")]
    pub(crate) fn process_status(&self, name: &str) -> u64 {
        let all = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().nth(1));
        value.unwrap_or_else(|| panic!("{name} in {all}")).parse().unwrap()
    }
}

impl Drop for Gateway {
    /// Shows the end of the log of a case that failed.
    #[expect(clippy::print_stderr, reason = "the test runner shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{:?} logged:\n{}", self.daemon, lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// Objects are merged member by member, everything else is replaced.
pub(crate) fn merge(into: &mut Json, more: &Json) {
    match (into, more) {
        (Json::Object(into), Json::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name.clone()).or_insert(Json::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}
