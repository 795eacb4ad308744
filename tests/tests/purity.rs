//! Who may know what: the invariants of ARCHITECTURE.md that the compiler does not hold. Each message says which one
//! broke and what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The `.rs` files under a folder, as `folder/…` paths; none if there is no such folder.
fn sources(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files.extend(sources(&path));
        } else if path.ends_with(".rs") {
            files.push(path);
        }
    }
    // A module that holds tests and nothing else.
    files.retain(|file| !file.ends_with("/tests.rs"));
    files.sort();
    files
}

/// The lines of code in a file with their numbers: without comments, and without the tests at its end.
fn code(path: &str) -> Vec<(usize, String)> {
    let text = read(path);
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
    lines
        .map(|(at, line)| (at + 1, line.split(" // ").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .collect()
}

/// Where a word stands in the code of these files.
fn uses(files: &[String], word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in code(file) {
            if line.contains(word) {
                found.push(format!("{file}:{at}: {}", line.trim()));
            }
        }
    }
    found
}

/// The names of all packages that `package` is built from.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .current_dir(root())
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The names under `[dependencies]` of a manifest.
fn direct_dependencies(manifest: &str) -> BTreeSet<String> {
    let text = read(manifest);
    let section = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn core_and_router_are_built_without_any_io() {
    for package in ["i3-core", "i3-router"] {
        let io = [
            "tokio",
            "smol",
            "async",
            "futures",
            "mio",
            "polling",
            "socket2",
            "rusqlite",
            "signal",
            "rustix",
            "native-tls",
            "rustls",
            "openssl",
            "reqwest",
            "hyper",
            "simplelog",
            "serde_yaml",
            "argh",
        ];
        for name in tree(package) {
            let guilty = io.iter().any(|io| name == *io || name.starts_with(&format!("{io}-")));
            assert!(
                !guilty,
                "{package} has no I/O, but is built from {name}: do it in a runtime, and tell the machine of it"
            );
        }
    }
}

#[test]
fn core_needs_what_is_listed_here_and_no_more() {
    let allowed = [
        "any_ascii",
        "bytes",
        "fastrand",
        "httparse",
        "ipnet",
        "itoa",
        "memchr",
        "nom",
        "prometheus-client",
        "serde",
        "serde_json",
        "sha2",
        "subtle",
        "time",
        "tungstenite",
        "wide",
        "wildmatch",
    ];
    let allowed: BTreeSet<String> = allowed.into_iter().map(str::to_owned).collect();
    let actual = direct_dependencies("core/Cargo.toml");
    let new: Vec<_> = actual.difference(&allowed).collect();
    let gone: Vec<_> = allowed.difference(&actual).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "core's dependencies are few and chosen: new {new:?}, gone {gone:?}. Give the reason in Cargo.toml, then \
         change the list here"
    );
    let text = read("Cargo.toml");
    for (name, no_defaults) in
        [("fastrand", "the system's randomness"), ("tungstenite", "sockets"), ("time", "a clock")]
    {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap_or_default();
        assert!(
            line.contains("default-features = false"),
            "core must not get {no_defaults} with {name}: keep default-features = false in Cargo.toml"
        );
    }
}

#[test]
fn no_tokio_anywhere() {
    let lock = read("Cargo.lock");
    for line in lock.lines().filter_map(|line| line.strip_prefix("name = ")) {
        assert!(
            !line.trim_matches('"').starts_with("tokio"),
            "the workspace runs on smol and on threads, but Cargo.lock has {line}: find who brings it with \
             `cargo tree -i`, and switch that feature off"
        );
    }
}

#[test]
fn core_and_router_use_no_clock_no_file_no_thread_and_no_global() {
    let files = [sources("core/src"), sources("router/src")].concat();
    assert!(files.len() > 40, "the sources are missing");
    for (word, instead) in [
        ("std::net::Tcp", "a connection is a ConnId, its bytes are inputs and outputs"),
        ("std::net::Udp", "a connection is a ConnId, its bytes are inputs and outputs"),
        ("std::fs", "durable facts come with Saved and leave with Output::Save"),
        ("std::thread", "a machine is owned by one driver"),
        ("std::process", "only a daemon may end or start a process"),
        ("Instant::now", "time is an input: take Now"),
        ("SystemTime", "time is an input: take Now"),
        ("std::env", "settings are an input"),
        ("HashMap", "its order differs from run to run: use BTreeMap"),
        ("HashSet", "its order differs from run to run: use BTreeSet"),
        ("static mut", "state belongs to the machine"),
        ("thread_local!", "state belongs to the machine"),
        ("OnceLock", "state belongs to the machine"),
        ("LazyLock", "state belongs to the machine"),
        ("Mutex", "state belongs to the machine"),
        ("println!", "tell the operator with Output::Notice"),
        ("print!", "tell the operator with Output::Notice"),
        ("log::", "tell the operator with Output::Notice"),
        ("fastrand::Rng::new", "randomness comes from the seed given at construction"),
        ("getrandom", "randomness comes from the seed given at construction"),
        ("rand::", "randomness comes from the seed given at construction"),
        ("unsafe", "there is no need for it"),
    ] {
        let found: Vec<String> = uses(&files, word)
            .into_iter()
            // `fastrand::` ends like `rand::`.
            .filter(|line| word != "rand::" || line.replace("fastrand::", "").contains(word))
            .collect();
        assert!(found.is_empty(), "core and router are pure: {instead}\n{}", found.join("\n"));
    }
}

#[test]
fn only_text_rs_converts_character_sets() {
    // Each exception with its reason.
    let allowed = [
        ("core/src/i3/text.rs", "the one place"),
        ("core/src/service/inbound.rs", "shows an operator a frame that nobody could read"),
    ];
    let files = [sources("core/src"), sources("router/src")].concat();
    for word in ["from_utf8_lossy", "char::from(", "as char", "from_utf8_unchecked", "encode_utf16"] {
        for line in uses(&files, word) {
            let file = line.split(':').next().unwrap_or_default();
            assert!(
                allowed.iter().any(|(name, _)| *name == file),
                "only core/src/i3/text.rs knows character sets: call it, or name the exception here\n{line}"
            );
        }
    }
    // Numbers are ASCII: the grammar has seen to it.
    for line in uses(&sources("core/src/i3"), "from_utf8(") {
        assert!(
            ["core/src/i3/text.rs", "core/src/i3/lpc"].iter().any(|file| line.starts_with(file)),
            "only core/src/i3/text.rs knows character sets\n{line}"
        );
    }
}

/// What a crate may not name, and why.
fn must_not_name(files: &[String], words: &[&str], why: &str) {
    for word in words {
        let found = uses(files, word);
        assert!(found.is_empty(), "{why}\n{}", found.join("\n"));
    }
}

#[test]
fn the_router_does_not_know_the_gateway() {
    must_not_name(
        &sources("router/src"),
        &[
            "i3_core::api",
            "i3_core::session",
            "i3_core::service",
            "i3_core::link",
            "i3_core::network",
            "i3_core::settings",
            "i3_core::Gateway",
            "i3_core::hub",
            "i3_core::metrics",
            "i3_core::{",
        ],
        "the router shares the codec and the contract of a machine with the gateway, nothing else: i3, machine, \
         effects, timers, time, notice",
    );
}

#[test]
fn the_layers_of_i3_know_only_the_ones_below() {
    let gateway =
        ["crate::api", "crate::hub", "crate::service", "crate::link", "crate::network", "crate::mud"];
    for (layer, above) in [
        ("text", &["super::frame", "i3::lpc", "i3::frame", "i3::packet"][..]),
        ("frame", &["super::lpc", "super::packet", "super::text", "i3::lpc", "i3::packet", "i3::text"]),
        ("lpc", &["super::frame", "super::packet", "i3::frame", "i3::packet"]),
        ("packet", &["super::frame", "i3::frame"]),
    ] {
        let mut files = sources(&format!("core/src/i3/{layer}"));
        files.extend(
            sources("core/src/i3").into_iter().filter(|file| file.ends_with(&format!("/{layer}.rs"))),
        );
        assert!(!files.is_empty(), "the layer {layer} is missing");
        let words = [above, &gateway].concat();
        must_not_name(
            &files,
            &words,
            "the layers of i3/ know only the ones below, and nothing of the gateway",
        );
    }
}

#[test]
fn the_runtimes_know_no_protocol() {
    let files = [sources("host/src"), sources("runtime-smol/src"), sources("runtime-threads/src")].concat();
    must_not_name(
        &files,
        &[
            "i3_core::i3",
            "i3_core::link",
            "i3_core::network",
            "i3_core::service",
            "i3_core::hub",
            "i3_core::effects",
        ],
        "a runtime moves bytes, time and files, and knows no rule of either protocol: that belongs to core",
    );
    // The demo makes a key of its own, for which it needs the digest; nobody else may look into these.
    let but_demo: Vec<String> = files.into_iter().filter(|file| !file.ends_with("/demo.rs")).collect();
    must_not_name(
        &but_demo,
        &["i3_core::session", "i3_core::api"],
        "a runtime does not look into the API: only the demo makes a key",
    );
}

#[test]
fn yaml_is_read_in_one_file() {
    let folders = ["core", "router", "config", "store", "host", "runtime-smol", "runtime-threads"];
    let files: Vec<String> = folders.iter().flat_map(|folder| sources(&format!("{folder}/src"))).collect();
    for line in uses(&files, "serde_yaml") {
        assert!(
            line.starts_with("config/src/yaml.rs:"),
            "serde_yaml is used in config/src/yaml.rs only, so that it can be replaced: call that\n{line}"
        );
    }
}

#[test]
fn the_store_does_not_know_what_it_stores_and_config_knows_no_runtime() {
    must_not_name(
        &sources("store/src"),
        &[
            "i3_core::i3",
            "i3_core::api",
            "i3_core::link",
            "i3_core::session",
            "i3_core::Gateway",
            "serde_json",
        ],
        "values are opaque to the store: what they mean belongs to core",
    );
    must_not_name(
        &sources("config/src"),
        &[
            "smol::",
            "async_io::",
            "std::net::Tcp",
            "std::thread",
            "i3_core::i3",
            "i3_core::Gateway",
            "i3_gateway",
        ],
        "config turns files into settings and knows neither sockets nor runtimes",
    );
}

#[test]
fn clippy_bans_the_world_in_core_and_router() {
    for file in ["core/clippy.toml", "router/clippy.toml"] {
        let text = read(file);
        for banned in [
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "time::OffsetDateTime::now_utc",
            "time::UtcDateTime::now",
            "std::thread::spawn",
            "std::thread::sleep",
            "std::env::var",
            "std::env::vars",
            "std::env::args",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::fs::File",
            "std::time::Instant",
            "std::time::SystemTime",
            "std::sync::Mutex",
            "std::sync::RwLock",
            "std::collections::HashMap",
            "std::collections::HashSet",
        ] {
            assert!(
                text.contains(&format!("path = \"{banned}\"")),
                "{file} must ban {banned} with a reason: the lint finds what this test's search does not"
            );
        }
    }
}

#[test]
fn each_component_of_the_log_can_have_its_level() {
    let folders = ["core", "router", "config", "store", "host", "runtime-smol", "runtime-threads"];
    let mut found = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| sources(&format!("{folder}/src"))) {
        let text: String = code(&file).into_iter().map(|(_, line)| line + "\n").collect();
        for mark in ["Notice::new(", "target: "] {
            for after in text.split(mark).skip(1) {
                // A notice has its level before it, and no more. A constant is looked after where it stands.
                let after = if mark == "target: " {
                    after
                } else {
                    after.split_once(',').map_or("", |(_, rest)| rest)
                };
                if let Some(rest) = after.trim_start().strip_prefix('"') {
                    found.extend(rest.split('"').next().map(str::to_owned));
                }
            }
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    let log = read("config/src/log.rs");
    let table = log.split("pub const COMPONENTS").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let unknown: Vec<_> = found.iter().filter(|name| !table.contains(&format!("\"{name}\"]"))).collect();
    assert!(unknown.is_empty(), "config/src/log.rs does not know these parts of the log: {unknown:?}");
}
