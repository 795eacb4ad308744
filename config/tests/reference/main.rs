//! docs/CONFIGURATION.md is generated from the table of keys, the default file, and the program's own error for a wrong
//! value, so it agrees with the program.

#[path = "../common/mod.rs"]
mod common;
mod table;

use common::{BASE, all_of, base_value, sources, yaml_of};
use i3_config::{DEFAULT_CONFIG_TEXT, Problems, VARIABLES, known_keys, load};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use table::{Entry, SECTIONS};

fn entries() -> impl Iterator<Item = &'static Entry> {
    SECTIONS.iter().flat_map(|(_, _, entries)| *entries)
}

/// Whether an entry is about a key.
fn is_about(entry: &Entry, key: &str) -> bool {
    let (mut ours, mut theirs) = (entry.path.split('.'), key.split('.'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(our), Some(their)) if our == their || our.starts_with('<') => {}
            _ => return false,
        }
    }
}

/// The keys of a YAML text, with their values.
fn leaves(yaml: &str) -> BTreeMap<String, String> {
    fn walk(value: &serde_yaml::Value, path: String, into: &mut BTreeMap<String, String>) {
        match value {
            serde_yaml::Value::Mapping(map) => {
                for (key, value) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, format!("{path}{dot}{}", key.as_str().unwrap()), into);
                }
            }
            serde_yaml::Value::Sequence(items) => {
                into.entry(path.clone()).or_default();
                items.iter().for_each(|item| walk(item, format!("{path}.*"), into));
            }
            value => {
                let text = serde_yaml::to_string(value).unwrap();
                into.entry(path).or_insert(text.trim().trim_matches('\'').to_owned());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&serde_yaml::from_str(yaml).unwrap(), String::new(), &mut found);
    found
}

/// The fix that the program suggests for a nonsensical value.
fn wanted(key: &str) -> String {
    let nonsense = yaml_of(key, "{not: [what, is, wanted]}");
    let process: Vec<_> =
        BASE.iter().copied().filter(|(name, _)| *name != "MUD_NAME" || key != "mud.name").collect();
    let Err(Problems(problems)) = load(sources(Some(&nonsense), None, &process)) else {
        panic!("{key} accepts any value")
    };
    let pattern = |path: &str| path.replace("[0]", ".*");
    let of_key = problems.iter().find(|problem| pattern(&problem.path) == key);
    let problem = of_key.unwrap_or_else(|| panic!("{key}: {problems:?}"));
    problem.fix.strip_prefix("write ").unwrap_or(&problem.fix).to_owned()
}

fn markdown() -> String {
    let default_file = leaves(DEFAULT_CONFIG_TEXT);
    let guide = leaves(include_str!("../data/guide.yaml"));
    let python = leaves(include_str!("../data/python-gateway.yaml"));
    let known = known_keys();
    let mut page = String::from(
        "# Settings\n\n\
         This page is generated from the program's own table of keys: `cargo test -p i3-config --test \
                 reference -- --ignored` writes it. A test fails if the page is out of date.\n\n\
         The settings are one YAML file (`config/config.yaml`, or `--config FILE`). In it, `${NAME:default}` is the value \
         of a variable, from the process or from the env file (`.env`, or `--env-file FILE`); the process takes \
         precedence. `init` writes both files. `--validate-config` reports every problem, with its line, and ends with 0 \
         or 78. SIGHUP reads the settings again; a notice in the log names what needs a restart.\n\n\
         A variable counts where the file contains `${NAME}`, as the default file does. A variable with a * also counts \
         where the file has no value for its key. A value that is written out in the file takes precedence over a \
         variable, and a warning names both. No variable moves a listener from a loopback address that the file \
         contains to another one, unless the file names it. The last column shows which other files have the key: G, \
         the deployment guide's; P, the Python gateway's.\n\n\
         Templates of the Python gateway have other names of some variables, which count if ours are not set: \
         `I3_ROUTER_FALLBACK_HOST`, `I3_ROUTER_FALLBACK_PORT`, `RATE_LIMIT_PER_MINUTE` (here `RATE_LIMIT_REQUESTS`) and \
         `MAX_QUEUE_SIZE` (here `MESSAGE_QUEUE_SIZE`).\n",
    );
    for (title, text, entries) in SECTIONS {
        let _ = write!(page, "\n## {title}\n\n");
        if !text.is_empty() {
            let _ = write!(page, "{text}\n\n");
        }
        page.push_str(
            "| key | value | default | variable | meaning | also in |\n|---|---|---|---|---|---|\n",
        );
        for entry in *entries {
            let keys: Vec<&str> =
                known.iter().map(|key| key.path.as_str()).filter(|key| is_about(entry, key)).collect();
            let value = if entry.value.is_empty() { wanted(keys[0]) } else { entry.value.to_owned() };
            let default =
                if entry.default.is_empty() { String::new() } else { format!("`{}`", entry.default) };
            let over =
                VARIABLES.iter().filter(|(_, key)| keys.contains(key)).map(|(name, _)| format!("`{name}`*"));
            let mut variables: BTreeSet<String> = over.collect();
            for text in keys.iter().filter_map(|key| default_file.get(*key)) {
                let name = text.strip_prefix("${").and_then(|rest| rest.split([':', '}']).next());
                variables.extend(
                    name.filter(|name| !VARIABLES.iter().any(|(other, _)| other == name))
                        .map(|name| format!("`{name}`")),
                );
            }
            let variables = variables.into_iter().collect::<Vec<_>>().join(" ");
            let has = |file: &BTreeMap<String, String>| keys.iter().any(|key| file.contains_key(*key));
            let dialects = [(has(&guide), "G"), (has(&python), "P")].into_iter().filter(|(has, _)| *has);
            let dialects = dialects.map(|(_, name)| name).collect::<Vec<_>>().join(" ");
            let path = entry.path.replace(".*", "[]");
            let _ = writeln!(
                page,
                "| `{path}` | {value} | {default} | {variables} | {} | {dialects} |",
                entry.meaning
            );
        }
        for placeholder in ["<service>", "<method>", "<part>"] {
            let of = |entry: &Entry| entry.path.split('.').position(|step| step == placeholder);
            let Some((entry, at)) = entries.iter().find_map(|entry| Some((entry, of(entry)?))) else {
                continue;
            };
            let names = known.iter().filter(|key| key.no_effect.is_none() && is_about(entry, &key.path));
            let names: BTreeSet<_> = names.filter_map(|key| key.path.split('.').nth(at)).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let _ = write!(page, "\n`{placeholder}` is one of: {names}.\n");
        }
    }
    page.push_str(
        "\n## Keys without effect\n\nThe files of other gateways have these keys. The gateway warns of each once at the start, with \
         the reason.\n\n| key | reason |\n|---|---|\n",
    );
    for key in known.iter().filter(|key| !key.path.starts_with("muds.") || key.path.contains("router")) {
        if let Some(why) = key.no_effect {
            let _ = writeln!(page, "| `{}` | {why} |", key.path.replace(".*", "[]"));
        }
    }
    page
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md")
}

#[test]
fn each_key_has_its_entry() {
    for key in known_keys() {
        let own = entries().filter(|entry| is_about(entry, &key.path)).count();
        let is_further = key.path.starts_with("muds.");
        match key.no_effect {
            None if is_further => assert_eq!(own, 0, "{}: muds has the keys of mud and router", key.path),
            None => assert_eq!(own, 1, "{} needs one entry in this file", key.path),
            Some(_) => {}
        }
    }
    for entry in entries() {
        let known = known_keys().iter().any(|key| key.no_effect.is_none() && is_about(entry, &key.path));
        assert!(known, "{} is no key that has an effect", entry.path);
    }
}

/// A default is what holds when the key is left out.
#[test]
fn the_defaults_are_true() {
    for entry in entries().filter(|entry| !entry.default.is_empty()) {
        let mut process = BASE.to_vec();
        process.push(("API_KEY_TEST", "a-long-key"));
        let read = |value: &str| {
            let yaml = yaml_of(entry.path, value);
            all_of(
                &load(sources(Some(&yaml), None, &process))
                    .unwrap_or_else(|problems| panic!("{problems}\n{yaml}")),
            )
        };
        assert_eq!(read(&format!("'{}'", entry.default)), read(""), "{}", entry.path);
        assert_ne!(base_value(entry.path), entry.default, "{}: this would be no test", entry.path);
    }
    // What the default file writes out is the same.
    for (key, text) in leaves(DEFAULT_CONFIG_TEXT) {
        let Some(default) = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')?.split_once(':'))
        else {
            continue;
        };
        // An entry of a list has its own values.
        if let Some(entry) = entries().find(|entry| is_about(entry, &key) && !key.contains('*'))
            && !entry.default.is_empty()
            && !default.1.is_empty()
        {
            assert_eq!(entry.default, default.1, "{key}");
        }
    }
}

#[test]
fn the_page_is_not_stale() {
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    assert!(
        written == markdown(),
        "docs/CONFIGURATION.md is out of date: cargo test -p i3-config --test reference -- --ignored"
    );
}

#[test]
#[ignore = "writes docs/CONFIGURATION.md"]
fn write_the_page() {
    std::fs::create_dir_all(page().parent().unwrap()).unwrap();
    std::fs::write(page(), markdown()).unwrap();
}
