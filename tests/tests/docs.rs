//! The documents for operators: what they tell to type is typed, what they quote of the log is in the program, and what
//! they point to is there.
//!
//! A block of commands is marked after its three backquotes. `sh run`: it is run as it stands, by bash, in a directory
//! that begins empty but for what [`prepare`] puts there, and must end with 0. `sh run background`: a program that goes on
//! until the document ends; it must become ready, and end with 0 on SIGTERM. `sh example`: it is not run, since it needs
//! root, a container, the network, or somebody else's names. `log`: lines of the log, without time and particulars.

#![cfg(unix)]

#[path = "../../daemon/tests/shared/process.rs"]
#[allow(dead_code)]
mod process;
#[path = "e2e/programs.rs"]
#[allow(dead_code)]
mod programs;

use process::{Process, free_port, wait_for};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// README.md and what is in `docs/`, by name.
fn documents() -> Vec<String> {
    let mut names = vec!["README.md".to_owned()];
    for entry in fs::read_dir(tree().join("docs")).unwrap() {
        names.push(format!("docs/{}", entry.unwrap().file_name().into_string().unwrap()));
    }
    names.retain(|name| name.ends_with(".md"));
    names.sort();
    names
}

fn read(name: &str) -> String {
    fs::read_to_string(tree().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A fenced block.
struct Block {
    line: usize,
    marks: Vec<String>,
    text: String,
}

fn blocks(name: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut indent = None;
    for (at, line) in read(name).lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (indent, fence) {
            (None, Some(marks)) => {
                indent = Some(line.len() - line.trim_start().len());
                let marks = marks.split_whitespace().map(str::to_owned).collect();
                blocks.push(Block { line: at + 1, marks, text: String::new() });
            }
            (Some(_), Some(end)) => {
                assert_eq!(end, "", "{name}:{}: a fence within a block", at + 1);
                indent = None;
            }
            (Some(indent), None) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(indent.is_none(), "{name}: a block without an end");
    blocks
}

fn is(block: &Block, marks: &[&str]) -> bool {
    block.marks == marks
}

#[test]
fn each_block_says_what_it_is() {
    for name in documents() {
        for block in blocks(&name) {
            let marks: Vec<&str> = block.marks.iter().map(String::as_str).collect();
            let known = match marks[..] {
                ["sh", "run" | "example"] | ["sh", "run", "background"] => true,
                ["sh" | "bash" | "shell" | "console", ..] => false,
                [_] => true,
                _ => false,
            };
            assert!(known, "{name}:{}: mark it as `sh run`, `sh example`, or what else it is", block.line);
        }
    }
}

#[test]
fn what_is_pointed_to_is_there() {
    for name in documents() {
        let folder = tree().join(&name).parent().unwrap().to_owned();
        let text = read(&name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.contains("://") {
                continue;
            }
            let file = if path.is_empty() { tree().join(&name) } else { folder.join(path) };
            assert!(file.exists(), "{name}: there is no {path}");
            if !anchor.is_empty() {
                let there = fs::read_to_string(&file).unwrap();
                let headings = there.lines().filter(|line| line.starts_with('#'));
                let found = headings.map(as_anchor).any(|heading| heading == anchor);
                assert!(found, "{name}: no heading for {target}");
            }
        }
        // Files of the tree that are named, wherever.
        for word in text.split(|c: char| c.is_whitespace() || "`(),;:'\"".contains(c)) {
            let word = word.trim_end_matches('.');
            if ["deploy/", "tests/tests/", "docs/", "config/.env"].iter().any(|start| word.starts_with(start))
            {
                assert!(tree().join(word).exists(), "{name} names {word}, which is not there");
            }
        }
    }
}

/// As forges make one of a heading.
fn as_anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The program's text, in which a text over several lines is one.
fn program_text() -> String {
    let mut folders: Vec<PathBuf> =
        ["core", "driver", "daemon", "client", "demo", "config", "store", "runtime-smol"]
            .map(|name| tree().join(name).join("src"))
            .into();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let mut rest = source.as_str();
                while let Some((before, after)) = rest.split_once("\\\n") {
                    text.push_str(before);
                    rest = after.trim_start();
                }
                text.push_str(rest);
            }
        }
    }
    text
}

#[test]
fn what_the_log_is_said_to_hold_is_what_the_program_writes() {
    let program = program_text();
    let mut quoted = 0;
    for name in documents() {
        for block in blocks(&name).iter().filter(|block| is(block, &["log"])) {
            for line in block.text.lines() {
                let (level, rest) = line.split_once(' ').unwrap();
                assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level), "{name}:{}: {line}", block.line);
                let (component, what) = rest.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
                // In an error that is logged as a whole, the part comes first.
                let what = what.strip_prefix("listening: ").unwrap_or(what);
                for part in [format!("\"{component}\""), what.to_owned()] {
                    assert!(program.contains(&part), "{name}:{}: the program has no {part:?}", block.line);
                }
                quoted += 1;
            }
        }
    }
    assert!(quoted >= 6, "{quoted}");
}

/// What runs the blocks of one document.
struct Runner {
    folder: tempfile::TempDir,
    /// HTTP, lines, and that of the Python gateway's third listener.
    ports: [u16; 3],
    router_port: u16,
    background: Option<Process>,
    _router: Process,
}

/// The key of the gateway in every document.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let router_port = free_port();
        let mut router = Command::new(programs::router());
        router
            .args(["--name", "*docs", "--port", &router_port.to_string(), "--state"])
            .arg(folder.path().join(".router"));
        let log = File::create(folder.path().join(".router.log")).unwrap();
        let router = Process(router.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        wait_for("the router", || TcpStream::connect(("127.0.0.1", router_port)).ok());
        let ports = [free_port(), free_port(), free_port()];
        Runner { folder, ports, router_port, background: None, _router: router }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text with this run's ports in place of the usual ones.
    fn adapted(&self, text: &str) -> String {
        let [http, lines, _] = self.ports;
        let text = text.replace("8080", &http.to_string()).replace("8081", &lines.to_string());
        text.replace("target/release/", "")
    }

    fn bash(&self, text: &str) -> Command {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", text]).current_dir(self.folder.path()).stdin(Stdio::null());
        let [http, lines, third] = self.ports.map(|port| port.to_string());
        let programs = programs::router().parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap();
        for (name, _) in std::env::vars() {
            let of_the_gateway =
                ["API_", "I3_", "MUD_", "LOG_", "STATE_"].iter().any(|start| name.starts_with(start));
            if of_the_gateway {
                bash.env_remove(name);
            }
        }
        bash.env("PATH", format!("{programs}:{path}")).env("no_proxy", "*").env("NO_PROXY", "*");
        bash.envs([
            ("API_WS_PORT", &http),
            ("API_PORT", &http),
            ("API_TCP_PORT", &lines),
            ("GATEWAY_PORT", &third),
        ]);
        bash.envs([
            ("MUD_NAME", "YourMUD"),
            ("I3_GATEWAY_SECRET", KEY),
            ("I3_ROUTER_NAME", "*docs"),
            ("I3_ROUTER_HOST", "127.0.0.1"),
        ]);
        bash.env("I3_ROUTER_PORT", self.router_port.to_string());
        bash.envs([("I3_FALLBACK_ROUTER_HOST", ""), ("I3_FALLBACK2_ROUTER_HOST", "")]);
        bash
    }

    fn run(&mut self, at: &str, text: &str) {
        let output = self.bash(&self.adapted(text)).output().unwrap();
        assert!(
            output.status.success(),
            "{at} ended with {:?}\n{text}\n{}{}{}",
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            fs::read_to_string(self.path(".background.log")).unwrap_or_default(),
        );
    }

    /// The last line is the program; signals are for it and not for the shell.
    fn start(&mut self, at: &str, text: &str) {
        self.end(at);
        let text = self.adapted(text.trim_end());
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", &text));
        let log = File::create(self.path(".background.log")).unwrap();
        let mut command = self.bash(&format!("{before}\nexec {last}"));
        self.background =
            Some(Process(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()));
        wait_for(&format!("{at} to be ready"), || {
            self.bash("i3-gateway healthcheck --ready").output().unwrap().status.success().then_some(())
        });
    }

    fn end(&mut self, at: &str) {
        let Some(mut process) = self.background.take() else { return };
        process.signal("TERM");
        let log = || fs::read_to_string(self.path(".background.log")).unwrap_or_default();
        assert_eq!(process.end().code(), Some(0), "{at}: {}", log());
    }
}

/// What a document takes for granted.
fn prepare(runner: &mut Runner, name: &str) {
    match name {
        // It begins at the beginning.
        "docs/DEPLOYMENT.md" => {}
        "README.md" => {
            fs::create_dir(runner.path("config")).unwrap();
            fs::copy(tree().join("config/config.yaml"), runner.path("config/config.yaml")).unwrap();
        }
        // What the Python gateway leaves, with demo keys replaced.
        "docs/MIGRATING.md" => {
            let settings = runner.adapted(&read("config/tests/data/python-gateway.yaml"));
            for folder in ["config", "state"] {
                fs::create_dir(runner.path(folder)).unwrap();
            }
            fs::write(runner.path("config/config.yaml"), settings).unwrap();
            let keys = ["ONE", "DEMO", "ADMIN"].map(|key| format!("API_KEY_{key}={key}-{KEY}\n"));
            fs::write(runner.path(".env"), format!("MUD_NAME=YourMUD\n{}", keys.concat())).unwrap();
            fs::write(runner.path("state/router-password"), "713545536\n").unwrap();
        }
        _ => {
            runner.run("prepared", "i3-gateway init --mud-name YourMUD");
            // A state that is worth keeping, and a gateway that runs with it.
            if name == "docs/BACKUP.md" {
                runner.start("prepared", "i3-gateway");
            }
        }
    }
}

/// Types what a document tells to type.
fn type_in(name: &str) {
    let blocks = blocks(name);
    let mut runner = Runner::new();
    prepare(&mut runner, name);
    let mut run = 0;
    for block in &blocks {
        let at = format!("{name}:{}", block.line);
        match block.marks.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["sh", "run"] => runner.run(&at, &block.text),
            ["sh", "run", "background"] => runner.start(&at, &block.text),
            _ => continue,
        }
        run += 1;
    }
    assert!(run > 0, "{name} tells nothing to type: take it out of the list");
    runner.end(name);
}

/// A test of each document that has something to run.
macro_rules! type_in {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { type_in($name); })*

        #[test]
        fn each_document_with_something_to_run_is_run() {
            let run = documents().into_iter().filter(|name| {
                blocks(name).iter().any(|block| block.marks.get(1).is_some_and(|mark| mark == "run"))
            });
            assert_eq!(run.collect::<Vec<_>>(), [$($name),*]);
        }
    };
}

type_in! {
    readme: "README.md",
    backup: "docs/BACKUP.md",
    deployment: "docs/DEPLOYMENT.md",
    migrating: "docs/MIGRATING.md",
    monitoring: "docs/MONITORING.md",
    troubleshooting: "docs/TROUBLESHOOTING.md",
}
