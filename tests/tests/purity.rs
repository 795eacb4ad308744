//! Who may know what: the invariants of ARCHITECTURE.md that the compiler does not hold. Each message says which one
//! broke and what to do. The sources are parsed, without what is compiled for tests only.

use i3_tests::source::mentions::{Brings, Mentions};
use i3_tests::source::purity::{Charset, Fault, check};
use i3_tests::source::tree::{File, Tree, is_test_only, read_texts};
use i3_tests::source::workspace::{Package, cargo, package, packages, root, shipped_packages};
use std::collections::{BTreeMap, BTreeSet};

/// The crates that are machines: they have no I/O.
const MACHINES: &[&str] = &["core", "router"];

/// The one file that converts between bytes and text as it likes.
const CHARSET_FILE: &str = "core/src/i3/text.rs";

/// Where else it is allowed, each with its reason.
const CHARSET_EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("core/src/service/inbound.rs", "from_utf8_lossy", "shows an operator a frame that nobody could read"),
    (
        "router/src/coffeemud/text.rs",
        "utf8_chunks",
        "damages text that is not UTF-8 as CoffeeMud's router does",
    ),
];

/// In this folder bytes are not even read as UTF-8, but for [`CHARSET_FILE`] and the numbers of LPC, which are ASCII.
const CHARSET_STRICT: &str = "core/src/i3/";
const CHARSET_NUMBERS: &str = "core/src/i3/lpc";

/// What a crate may name of core: modules, and items that its root exports.
const MAY_NAME_OF_CORE: &[(&str, &[&str], &str)] = &[
    (
        "router",
        &["effects", "i3", "machine", "notice", "time", "timers"],
        "the router shares the codec and the contract of a machine with the gateway, nothing else",
    ),
    (
        "store",
        &["line", "machine", "query", "saves"],
        "values are opaque to the store, apart from lines of the history, which it finds: what they mean belongs to core",
    ),
];

/// What config must not name of core: it turns files into settings.
const CONFIG_MUST_NOT_NAME: &[&str] = &["i3", "Gateway", "*"];

/// What every other crate may name of core: it moves bytes, time and files, and knows no rule of either protocol.
const RUNTIMES_MAY_NAME: &[&str] = &["Gateway", "health", "machine", "notice", "query", "settings", "time"];

/// The demo makes a key of its own, for which it needs the digest of keys.
const DEMO_MAY_NAME: &[&str] = &["clients"];

/// The only file that names serde_yaml, so that it can be replaced.
const YAML_FILE: &str = "config/src/yaml.rs";

/// The direct dependencies of core.
const CORE_NEEDS: &[&str] = &[
    "any_ascii",
    "bytes",
    "data-encoding",
    "erased-serde",
    "fastrand",
    "httparse",
    "ipnet",
    "itoa",
    "memchr",
    "miniz_oxide",
    "nom",
    "prometheus-client",
    "serde",
    "serde_json",
    "sha2",
    "smol_str",
    "strsim",
    "subtle",
    "time",
    "tungstenite",
    "wide",
];

/// Dependencies of core that bring something impure with their default features.
const CORE_WITHOUT_DEFAULTS: &[(&str, &str)] =
    &[("fastrand", "the system's randomness"), ("tungstenite", "sockets"), ("time", "a clock")];

/// Packages that do I/O, by the beginning of the name.
const IO_PACKAGES: &[&str] = &[
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
    "yaml_serde",
    "argh",
];

/// Packages with the name of such a family that do none.
const NO_IO_PACKAGES: &[&str] = &["smol_str"];

/// Whether a package is one of those that do I/O, or of their families: `async-io`, `serde_yaml_ng`.
fn does_io(name: &str, but: &[&str]) -> bool {
    let mut families = IO_PACKAGES.iter().filter(|io| !but.contains(io));
    !NO_IO_PACKAGES.contains(&name)
        && families.any(|io| {
            name.strip_prefix(io).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        })
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn toml(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What may be done with character sets in a file, seen from the root of the workspace.
fn charset(path: &str) -> Charset {
    Charset {
        is_allowed: path == CHARSET_FILE,
        is_strict: path.starts_with(CHARSET_STRICT) && !path.starts_with(CHARSET_NUMBERS),
    }
}

/// The names of all packages that `package` is built from.
fn built_from(package: &str) -> BTreeSet<String> {
    let output = cargo()
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", package])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// What the files of a package name, by their paths from the root of the workspace.
fn mentions_of(package: &Package) -> BTreeMap<String, Mentions> {
    let files = package.tree().files.into_values();
    files.map(|file| (format!("{}/{}", package.sources(), file.path), Mentions::of(&file.syntax))).collect()
}

/// The places where a file names a path, in full, with their lines. A glob import ends with `*`.
fn full_paths(mentions: &Mentions) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    for import in &mentions.imports {
        for mut path in mentions.full_paths(&import.path) {
            path.extend((import.brings == Brings::All).then(|| "*".to_owned()));
            found.push((path, import.line));
        }
    }
    for mention in &mentions.mentions {
        found.extend(mentions.full_paths(&mention.path).into_iter().map(|path| (path, mention.line)));
    }
    found
}

/// The places where a package names a path that begins with `krate`, as `file:line: path`, and what follows `krate`.
fn names_of(package: &Package, krate: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, mentions) in mentions_of(package) {
        for (path, line) in full_paths(&mentions) {
            if let [first, second, ..] = &path[..]
                && first == krate
            {
                found.push((format!("{file}:{line}: {}", path.join("::")), second.clone()));
            }
        }
    }
    found
}

#[test]
fn core_and_router_are_built_without_any_io() {
    for folder in MACHINES {
        let name = package(folder).name;
        let from = built_from(&name);
        assert!(from.contains(&name) && from.len() > 5, "{from:?}");
        for part in from {
            assert!(
                !does_io(&part, &[]),
                "{name} has no I/O, but is built from {part}: do it in a runtime, and give the machine an input"
            );
        }
    }
}

#[test]
fn core_needs_what_is_listed_here_and_no_more() {
    let core = package("core");
    let direct = core.dependencies.iter().filter(|one| one.is_normal);
    let actual: BTreeSet<&str> = direct.clone().map(|one| one.name.as_str()).collect();
    let allowed: BTreeSet<&str> = CORE_NEEDS.iter().copied().collect();
    let new: Vec<_> = actual.difference(&allowed).collect();
    let gone: Vec<_> = allowed.difference(&actual).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "core's dependencies are few and chosen: new {new:?}, gone {gone:?}. Give the reason in Cargo.toml, then \
         change the list here"
    );
    for (name, brings) in CORE_WITHOUT_DEFAULTS {
        let one = direct.clone().find(|one| one.name == *name).unwrap();
        assert!(
            !one.uses_default_features,
            "core must not get {brings} with {name}: keep default-features = false in Cargo.toml"
        );
    }
}

#[test]
fn no_tokio_anywhere() {
    let lock = toml("Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 50);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        assert!(
            !name.starts_with("tokio"),
            "the workspace runs on smol and on threads, but Cargo.lock has {name}: find who brings it with \
             `cargo tree -i`, and switch that feature off"
        );
    }
}

#[test]
fn every_member_has_the_lints_of_the_workspace_and_no_unsafe_code() {
    let lints = &toml("Cargo.toml")["workspace"]["lints"];
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for package in packages() {
        let manifest = toml(&format!("{}/Cargo.toml", package.folder));
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(inherits.and_then(toml::Value::as_bool), Some(true), "{}/Cargo.toml", package.folder);
    }
}

/// Every file of the machines, with its path from the root of the workspace.
fn machine_files() -> Vec<(String, File)> {
    let mut files = Vec::new();
    for folder in MACHINES {
        let package = package(folder);
        let own = package.tree().files.into_values();
        files.extend(own.map(|file| (format!("{}/{}", package.sources(), file.path), file)));
    }
    files
}

#[test]
fn core_and_router_name_nothing_of_the_world_outside() {
    let files = machine_files();
    assert!(files.len() > 40, "the sources are missing");
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for (path, file) in &files {
        for finding in check(file, charset(path)) {
            let is_allowed = |(file, name, _): &&(&str, &'static str, &str)| {
                finding.fault == Fault::Charset && path == file && finding.what.ends_with(name)
            };
            match CHARSET_EXCEPTIONS.iter().find(is_allowed) {
                Some(exception) => _ = used.insert(exception),
                None => found.push(format!("{path}: {finding}")),
            }
        }
    }
    assert!(found.is_empty(), "core and router are pure\n{}", found.join("\n"));
    assert!(files.iter().any(|(path, _)| path == CHARSET_FILE), "{CHARSET_FILE} is gone");
    for exception in CHARSET_EXCEPTIONS {
        assert!(used.contains(exception), "nothing needs this exception any more: {exception:?}");
    }
}

/// What is planted into every file, and what the check must call it.
const PLANTED: &[(Fault, &str)] = &[
    (Fault::Thread, "fn planted_thread() { std::thread::spawn(|| ()); }"),
    (Fault::Thread, "mod planted_thread_in_module { use std::thread as t; fn f() { t::Builder::new(); } }"),
    (Fault::Clock, "fn planted_clock() -> u64 { assert!(std::time::Instant::now() > x); 0 }"),
    (Fault::Clock, "use std::time::SystemTime as PlantedClock;"),
    (Fault::File, "fn planted_file() { let planted = std::fs::read(\"x\"); }"),
    (Fault::File, "use std::{fs as planted_files, fmt as planted_format};"),
    (Fault::Socket, "struct PlantedSocket { stream: Option<std::net::TcpStream> }"),
    (Fault::Environment, "const PLANTED: &[fn()] = &[|| drop(std::env::var(\"x\"))];"),
    (Fault::Process, "trait Planted { fn end() { std::process::exit(1) } }"),
    (Fault::Randomness, "fn planted_randomness() -> u8 { fastrand::u8(..) }"),
    (Fault::Global, "static mut PLANTED_STATE: u8 = 0;"),
    (
        Fault::HashOrder,
        "fn planted_order(all: &std::collections::HashMap<u8, u8>) { for one in all.keys() { drop(one); } }",
    ),
    (Fault::Console, "fn planted_output() { println!(\"planted\"); }"),
    (Fault::Charset, "fn planted_text(bytes: &[u8]) { String::from_utf8_lossy(bytes); }"),
];

/// The line before the first item of a file that is for tests only; after the last line if there is none.
fn before_the_tests(file: &File, text: &str) -> usize {
    let attributes = file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) => Some(&item.attrs),
        syn::Item::Fn(item) => Some(&item.attrs),
        syn::Item::Use(item) => Some(&item.attrs),
        _ => None,
    });
    let mut tests = attributes.filter(|attributes| is_test_only(attributes));
    let first = tests.next().map(|attributes| attributes[0].pound_token.span.start().line - 1);
    first.unwrap_or(text.lines().count())
}

#[test]
fn what_is_planted_into_any_file_of_core_and_router_is_found() {
    for folder in MACHINES {
        let package = package(folder);
        let texts = read_texts(&root().join(package.sources())).unwrap();
        for (path, file) in package.tree().files {
            let whole = format!("{}/{path}", package.sources());
            let lines: Vec<&str> = texts[&path].lines().collect();
            let end = lines.len();
            for at in [before_the_tests(&file, &texts[&path]), end] {
                let planted: Vec<&str> = PLANTED.iter().map(|(_, text)| *text).collect();
                let text = [&lines[..at], &planted, &lines[at..]].concat().join("\n");
                let changed = File {
                    path: path.clone(),
                    krate: file.krate.clone(),
                    module: file.module.clone(),
                    syntax: syn::parse_file(&text).unwrap_or_else(|error| panic!("{whole}: {error}")),
                };
                let found = check(&changed, charset(&whole));
                for (offset, (fault, text)) in PLANTED.iter().enumerate() {
                    let line = at + offset + 1;
                    let is_found = found.iter().any(|one| one.fault == *fault && one.line == line);
                    let is_free = *fault == Fault::Charset && whole == CHARSET_FILE;
                    assert!(is_found != is_free, "in line {line} of {whole} the check does not see: {text}");
                }
            }
        }
    }
}

#[test]
fn what_is_planted_into_tests_is_let_pass() {
    for (_, text) in PLANTED {
        let text = format!("fn before() {{}}\n#[cfg(test)]\nmod tests {{ {text} }}\n");
        let texts = BTreeMap::from([("lib.rs".to_owned(), text.clone())]);
        let tree = Tree::parse(&texts, &[("planted".to_owned(), "lib.rs".to_owned())]).unwrap();
        let found = check(&tree.files["lib.rs"], Charset::default());
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn each_crate_names_of_core_what_it_may() {
    for package in shipped_packages().into_iter().filter(|package| package.folder != "core") {
        let own = MAY_NAME_OF_CORE.iter().find(|(folder, ..)| package.folder == *folder);
        for (place, name) in names_of(&package, "i3_core") {
            if package.folder == "config" {
                let is_allowed = !CONFIG_MUST_NOT_NAME.contains(&name.as_str());
                assert!(is_allowed, "config must not name {CONFIG_MUST_NOT_NAME:?} of core\n{place}");
                continue;
            }
            let (allowed, why) = own.map_or(
                (
                    RUNTIMES_MAY_NAME,
                    "a runtime moves bytes, time and files, and knows no rule of either protocol",
                ),
                |(_, allowed, why)| (*allowed, *why),
            );
            let is_demo = package.folder == "demo";
            let is_allowed = allowed.contains(&name.as_str())
                || (is_demo && own.is_none() && DEMO_MAY_NAME.contains(&name.as_str()));
            assert!(is_allowed, "{} may name {allowed:?} of core: {why}\n{place}", package.folder);
        }
    }
}

#[test]
fn yaml_is_read_in_one_file() {
    let mut files = BTreeSet::new();
    for package in shipped_packages() {
        for (place, _) in names_of(&package, "serde_yaml") {
            files.insert(place.split(':').next().unwrap_or_default().to_owned());
        }
    }
    assert_eq!(
        files,
        BTreeSet::from([YAML_FILE.to_owned()]),
        "serde_yaml is used in {YAML_FILE} only, so that it can be replaced: call that"
    );
}

#[test]
fn config_and_store_know_no_runtime() {
    for (folder, but) in
        [("config", &["serde_yaml", "yaml_serde", "argh", "simplelog"][..]), ("store", &["rusqlite"])]
    {
        let package = package(folder);
        for part in built_from(&package.name) {
            assert!(
                !does_io(&part, but),
                "{} is built from {part}: waiting belongs to a runtime",
                package.name
            );
        }
    }
    assert!(!built_from(&package("store").name).contains("i3-config"));
    let config = package("config");
    for file in config.tree().files.values() {
        for finding in check(file, Charset::default()) {
            let is_runtime = finding.fault == Fault::Socket || finding.what.contains("std::thread");
            assert!(
                !is_runtime,
                "config turns files into settings and knows neither sockets nor threads\n{finding}"
            );
        }
    }
}

#[test]
fn each_component_of_the_log_can_have_its_level() {
    let known: BTreeSet<&str> =
        i3_config::log::COMPONENTS.iter().flat_map(|(_, targets)| targets.iter().copied()).collect();
    let mut found = BTreeSet::new();
    for package in shipped_packages() {
        for mentions in mentions_of(&package).into_values() {
            let notices = mentions.calls.iter().filter(|call| {
                matches!(&call.path[..], [.., class, function] if class == "Notice" && function == "new")
            });
            found.extend(notices.filter_map(|call| call.texts.get(1).cloned().flatten()));
            let targets = mentions.labelled.into_iter().filter(|(name, _)| name == "target");
            found.extend(targets.map(|(_, text)| text));
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    let unknown: Vec<_> = found.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(
        unknown.is_empty(),
        "i3_config::log::COMPONENTS does not know these parts of the log: {unknown:?}"
    );
}

#[test]
fn clippy_bans_the_same_world_in_core_and_in_router() {
    let [core, router] = MACHINES else { panic!("two machines") };
    let [core, router] = [core, router].map(|folder| toml(&format!("{folder}/clippy.toml")));
    assert_eq!(core, router, "core/clippy.toml and router/clippy.toml ban the same: copy one over the other");
    let mut banned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["disallowed-methods", "disallowed-types", "disallowed-macros"] {
        for entry in core[list].as_array().unwrap() {
            let path = entry["path"].as_str().unwrap();
            let reason = entry.get("reason").and_then(toml::Value::as_str).unwrap_or_default();
            assert!(reason.len() > 10, "{path} has no reason");
            assert!(banned.entry(list).or_default().insert(path), "{path} is listed twice in {list}");
        }
    }
    for (list, paths) in CLIPPY_BANS {
        for path in *paths {
            assert!(banned[list].contains(path), "{list} lacks {path}");
        }
    }
}

/// What both lists of clippy ban at least, one of each kind. The lint knows the types that the parser does not see.
const CLIPPY_BANS: &[(&str, &[&str])] = &[
    (
        "disallowed-methods",
        &[
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "std::thread::spawn",
            "std::thread::scope",
            "std::thread::sleep",
            "std::thread::Builder::spawn",
            "std::env::var",
            "std::env::args",
            "std::env::current_dir",
            "std::fs::read",
            "std::fs::write",
            "std::fs::read_to_string",
            "std::fs::remove_file",
            "std::process::exit",
            "std::io::stdin",
            "std::io::stdout",
            "std::io::stderr",
            "std::path::Path::exists",
            "std::net::ToSocketAddrs::to_socket_addrs",
        ],
    ),
    (
        "disallowed-types",
        &[
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::fs::File",
            "std::fs::OpenOptions",
            "std::thread::Builder",
            "std::thread::JoinHandle",
            "std::process::Command",
            "std::time::Instant",
            "std::time::SystemTime",
            "std::sync::Mutex",
            "std::sync::RwLock",
            "std::sync::OnceLock",
            "std::sync::LazyLock",
            "std::collections::HashMap",
            "std::collections::HashSet",
            "std::hash::RandomState",
        ],
    ),
    ("disallowed-macros", &["std::thread_local"]),
];
