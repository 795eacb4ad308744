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

use i3_tests::source::mentions::Mentions;
use i3_tests::source::workspace::{packages, root as tree, shipped_packages};
use process::{Process, free_port, wait_for};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpStream;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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

/// The events of a document, each with its place in the text.
fn events(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// A fenced block.
struct Block {
    line: usize,
    marks: Vec<String>,
    text: String,
}

fn blocks(name: &str) -> Vec<Block> {
    let text = read(name);
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (event, range) in events(&text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(marks))) => {
                let line = line_of(&text, range.start);
                let is_closed = text[range].lines().last().is_some_and(|last| last.trim() == "```");
                assert!(is_closed, "{name}:{line}: a block without an end");
                let marks = marks.split_whitespace().map(str::to_owned).collect();
                blocks.push(Block { line, marks, text: String::new() });
                is_open = true;
            }
            Event::End(TagEnd::CodeBlock) => is_open = false,
            Event::Text(part) if is_open => blocks.last_mut().unwrap().text.push_str(&part),
            _ => {}
        }
    }
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

/// The links of a document, and its code: spans, and the words of blocks.
fn links_and_code(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut links, mut code, mut is_block) = (Vec::new(), Vec::new(), false);
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push(dest_url.into_string());
            }
            Event::Start(Tag::CodeBlock(_)) => is_block = true,
            Event::End(TagEnd::CodeBlock) => is_block = false,
            Event::Code(span) => code.push(span.into_string()),
            Event::Text(part) if is_block => code.extend(part.split_whitespace().map(str::to_owned)),
            _ => {}
        }
    }
    (links, code)
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut heading) = (BTreeSet::new(), None);
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let words = heading.take().unwrap_or_default().to_lowercase();
                let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
            }
            _ => {}
        }
    }
    found
}

#[test]
fn what_is_pointed_to_is_there() {
    for name in [documents(), vec!["ARCHITECTURE.md".to_owned(), "CONTRIBUTING.md".to_owned()]].concat() {
        let folder = tree().join(&name).parent().unwrap().to_owned();
        let text = read(&name);
        let (links, code) = links_and_code(&text);
        for target in links.iter().filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { tree().join(&name) } else { folder.join(path) };
            assert!(file.exists(), "{name}: there is no {path}");
            if !anchor.is_empty() {
                let there = fs::read_to_string(&file).unwrap();
                assert!(anchors(&there).contains(anchor), "{name}: no heading for {target}");
            }
        }
        for word in code.iter().map(|word| word.trim_matches(['.', ',', ';', ':', '"', '\''])) {
            if ["deploy/", "tests/", "docs/", "config/.env"].iter().any(|start| word.starts_with(start)) {
                assert!(tree().join(word).exists(), "{name} names {word}, which is not there");
            }
        }
    }
}

/// The files and folders of all packages, with and without `src/`, each after a slash.
fn source_paths() -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> =
        packages().into_iter().map(|package| tree().join(package.folder)).collect();
    while let Some(path) = waiting.pop() {
        let name = path.strip_prefix(tree()).unwrap().to_str().unwrap().to_owned();
        let end = if path.is_dir() { "/" } else { "" };
        found.extend([format!("/{name}{end}"), format!("/{}{end}", name.replacen("/src", "", 1))]);
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn the_source_files_that_are_named_are_there() {
    let paths = source_paths();
    let mut named = 0;
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let (_, code) = links_and_code(&read(name));
        let is_path = |word: &&String| {
            let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            is_plain && !word.starts_with(['.', '/']) && (word.ends_with(".rs") || word.ends_with('/'))
        };
        for word in code.iter().filter(is_path) {
            let is_there = paths.iter().any(|path| path.ends_with(&format!("/{word}")));
            assert!(is_there, "{name} names {word}, which no package has");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}

/// The texts in the programs' code, those of its tests left out.
fn program_texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for package in shipped_packages() {
        for file in package.tree().files.into_values() {
            texts.extend(Mentions::of(&file.syntax).literals.into_iter().map(|(text, _)| text));
        }
    }
    texts
}

#[test]
fn what_the_log_is_said_to_hold_is_what_the_program_writes() {
    let texts = program_texts();
    let writes = |part: &str| texts.iter().any(|text| text.contains(part));
    let is_component = |name: &str| i3_config::log::COMPONENTS.iter().any(|(_, of)| of.contains(&name));
    for name in documents() {
        for block in blocks(&name).iter().filter(|block| is(block, &["log"])) {
            for line in block.text.lines() {
                let at = format!("{name}:{}: {line}", block.line);
                let (level, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{at}"));
                assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level), "{at}");
                let (component, what) = rest.split_once(": ").unwrap_or_else(|| panic!("{at}"));
                assert!(is_component(component), "{at}: the log has no part {component}");
                // An error that is logged with what led to it is put together from several texts.
                let is_written = writes(what) || what.split(": ").all(writes);
                assert!(is_written, "{at}: the program has no such text");
            }
        }
    }
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
    commands: "docs/COMMANDS.md",
    deployment: "docs/DEPLOYMENT.md",
    migrating: "docs/MIGRATING.md",
    monitoring: "docs/MONITORING.md",
    troubleshooting: "docs/TROUBLESHOOTING.md",
}
