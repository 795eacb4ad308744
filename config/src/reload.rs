//! Reads the settings again while the gateway runs, and refuses files that are empty, cut or half-written.
//!
//! A YAML file that was cut at the end of a line can often still be read. All that is missing would get its default: no
//! keys, no list of addresses, and the public router. So a reload compares the files with what was read before:
//!
//! - A file that was there must still be there, and must not be empty.
//! - A file that ended with a line end must still do so.
//! - Each section and list of the settings must still be there; `{}` and `[]` are there. In the last section each key must
//!   be there, since a cut loses the end. Entries of a list may go.
//! - Each variable of the env file that the settings use must still be there, also if it is empty. `API_KEY_…` may go.
//!
//! Settings whose last line is `...`, the end of a YAML document, are complete, and only need not to be empty. Once they
//! have that line they must keep it.

use crate::env::{Environment, key_name};
use crate::load::Sources;
use crate::path::Path;
use crate::problem::{Place, Problem};
use crate::yaml::{self, Node};
use std::collections::BTreeSet;

/// The line that ends a YAML document.
const DOCUMENT_END: &str = "...";

/// What was read from the files when settings were loaded. It can contain secrets, so it is not shown.
#[derive(Clone, Default)]
pub struct FilesRead {
    settings: Option<(String, String)>,
    env_file: Option<(String, String)>,
    /// The variables of the env file that the settings use.
    used: BTreeSet<String>,
}

/// Shows no text.
impl std::fmt::Debug for FilesRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilesRead").field("used", &self.used).finish_non_exhaustive()
    }
}

impl FilesRead {
    /// Remembers the texts of settings that are being loaded.
    pub(crate) fn of(sources: &Sources) -> Self {
        FilesRead {
            settings: sources.yaml_text.clone(),
            env_file: sources.env_file_text.clone(),
            used: BTreeSet::new(),
        }
    }

    /// Remembers the variables that were used.
    pub(crate) fn uses(&mut self, env: &Environment) {
        self.used = env.used_of_file();
    }

    /// Returns what is missing in the files that a reload has read.
    pub(crate) fn missing_in(&self, new: &Sources) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(former) = &self.settings {
            match &new.yaml_text {
                Some(new) => settings(former, new, &mut problems),
                None => problems.push(gone(&former.0)),
            }
        }
        if let Some(former) = &self.env_file {
            match &new.env_file_text {
                Some(file) => self.variables(former, file, new, &mut problems),
                None => problems.push(gone(&former.0)),
            }
        }
        problems
    }

    fn variables(
        &self,
        former: &(String, String),
        file: &(String, String),
        new: &Sources,
        problems: &mut Vec<Problem>,
    ) {
        let (name, text) = file;
        problems.extend(cut(former, file));
        // Problems of the lines are reported where the file is loaded.
        let now = Environment::new(new.process_env.clone(), Some(file), &mut Vec::new());
        for variable in &self.used {
            if key_name(variable).is_none() && now.get(variable).is_none() {
                let message = "is missing: it was in the file when the settings were last read";
                let fix =
                    format!("write the rest of the file; if it is meant, write {variable}= without a value");
                problems.push(Problem::error(variable, message, fix).at(Some(end_of(name, text))));
            }
        }
    }
}

fn gone(name: &str) -> Problem {
    let message = "the file is missing: the settings were last read from it";
    Problem::error(name, message, "write the file again; to run without it, restart the gateway")
}

/// The last line of a text.
fn end_of(name: &str, text: &str) -> Place {
    let last = text.lines().last().unwrap_or_default();
    Place { file: name.to_owned(), line: text.lines().count().max(1), column: last.chars().count() + 1 }
}

/// Returns whether the last line of a YAML text says that it is complete.
fn is_complete(text: &str) -> bool {
    text.ends_with('\n') && text.trim_end().lines().last() == Some(DOCUMENT_END)
}

/// Returns the problem of a text that ends in the middle of a line, as the text before did not.
fn cut(former: &(String, String), (name, text): &(String, String)) -> Option<Problem> {
    let ended = former.1.ends_with('\n') && !text.ends_with('\n');
    let rest = former.1.strip_prefix(text.as_str());
    let is_beginning = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['\r', '\n']));
    let in_line = ended || (is_beginning && !text.ends_with('\n'));
    (in_line && !text.is_empty()).then(|| {
        let message = "the file ends in the middle of a line: it may be half-written";
        let fix = "write the rest of the file, with a line end at its end";
        Problem::error("", message, fix).at(Some(end_of(name, text)))
    })
}

fn settings(former: &(String, String), new: &(String, String), problems: &mut Vec<Problem>) {
    let (name, text) = new;
    // What is not YAML is reported where the file is loaded.
    let parsed = |text: &str| yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).ok();
    let Some(tree) = parsed(text) else { return };
    let before = parsed(&former.1).unwrap_or(Node::Null);
    let is_empty = |node: &Node| match node {
        Node::Map(entries) => entries.is_empty(),
        node => *node == Node::Null,
    };
    if is_empty(&tree) && !is_empty(&before) {
        let what = sections(&before).join(", ");
        let message = format!("the file contains no settings; when it was last read it contained {what}");
        let fix = "write the settings again; to run without them, restart the gateway";
        return problems.push(Problem::error("", message, fix).at(Some(end_of(name, text))));
    }
    if is_complete(text) {
        return;
    }
    if is_complete(&former.1) {
        let message = format!("the last line is missing: it was {DOCUMENT_END} when the file was last read");
        let fix = format!("write the rest of the file, and {DOCUMENT_END} at its end");
        problems.push(Problem::error("", message, fix).at(Some(end_of(name, text))));
    }
    problems.extend(cut(former, new));
    let mut lost = Lost { paths: Vec::new(), entries_too: former.1.starts_with(text.as_str()) };
    let last = match &tree {
        Node::Map(entries) if !is_enclosed(text) => entries.last().map(|(key, _)| key.as_str()),
        _ => None,
    };
    lost.look(&before, &tree, &Path::default(), Keys::OfSection(last));
    for path in lost.paths {
        let message = "is missing: it was in the file when it was last read";
        let fix = format!(
            "write the rest of the file; if it is meant, write it empty, or end the file with the line {DOCUMENT_END}"
        );
        problems.push(Problem::error(path, message, fix).at(Some(end_of(name, text))));
    }
}

/// Returns whether braces enclose the whole text, as in JSON. Nothing can be cut off it unnoticed.
fn is_enclosed(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().map(str::trim);
    lines
        .find(|line| !line.is_empty() && !line.starts_with(['#', '-']))
        .is_some_and(|line| line.starts_with('{'))
}

fn sections(node: &Node) -> Vec<String> {
    match node {
        Node::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Which plain keys must still be there.
#[derive(Clone, Copy)]
enum Keys<'a> {
    /// None here, and all in this section of the file.
    OfSection(Option<&'a str>),
    /// All.
    All,
    /// None.
    None,
}

/// The keys and sections that a new file lacks.
struct Lost {
    paths: Vec<Path>,
    /// The new file is the beginning of the former one: its lists have the same entries.
    entries_too: bool,
}

impl Lost {
    fn look(&mut self, before: &Node, now: &Node, path: &Path, keys: Keys<'_>) {
        match (before, now) {
            (Node::Map(before), Node::Map(now)) => {
                for (key, value) in before {
                    let there = now.iter().find(|(name, _)| name == key).map(|(_, value)| value);
                    let below = match keys {
                        Keys::OfSection(section) if section == Some(key) => Keys::All,
                        Keys::OfSection(_) => Keys::None,
                        keys => keys,
                    };
                    self.compare(value, there, &path.key(key), (keys, below));
                }
            }
            (Node::List(before), Node::List(now)) if self.entries_too => {
                for (at, (before, now)) in before.iter().zip(now).enumerate() {
                    self.look(before, now, &path.index(at), keys);
                }
            }
            _ => {}
        }
    }

    fn compare(
        &mut self,
        before: &Node,
        now: Option<&Node>,
        path: &Path,
        (here, below): (Keys<'_>, Keys<'_>),
    ) {
        let is_section = match before {
            Node::Map(entries) => !entries.is_empty(),
            Node::List(items) => !items.is_empty(),
            _ => false,
        };
        let is_lost = match now {
            None => is_section || (*before != Node::Null && matches!(here, Keys::All)),
            Some(now) => is_section && *now == Node::Null,
        };
        match now {
            _ if is_lost => self.paths.push(path.clone()),
            Some(now) => self.look(before, now, path, below),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Problems, load};
    use std::collections::BTreeMap;

    const SETTINGS: &str = "# the settings of a test
mud:
  name: Alpha
router:
  primary:
    name: '*test'
    host: 127.0.0.1
    port: 4000
  fallback:
    - {name: '*other', host: 127.0.0.1}
logging:
  level: INFO
api:
  auth:
    secret: a-long-enough-key
    api_keys:
      - key: another-long-key
        permissions: [tell]
      - key: a-third-long-key
        permissions: [tell]
    require_tls: false
security:
  ip_whitelist: 127.0.0.1
  ip_blacklist: 192.0.2.1
";

    fn sources(yaml: Option<&str>, env: Option<&str>) -> Sources {
        let named = |name: &str, text: Option<&str>| text.map(|text| (name.to_owned(), text.to_owned()));
        Sources {
            yaml_text: named("c.yaml", yaml),
            env_file_text: named(".env", env),
            process_env: BTreeMap::new(),
        }
    }

    fn first(yaml: &str, env: Option<&str>) -> Config {
        load(sources(Some(yaml), env)).unwrap()
    }

    fn again(former: &Config, yaml: Option<&str>, env: Option<&str>) -> Result<Config, Problems> {
        crate::load::reload(sources(yaml, env), former)
    }

    fn refusal(former: &Config, yaml: Option<&str>, env: Option<&str>) -> String {
        again(former, yaml, env).err().unwrap_or_else(|| panic!("taken: {yaml:?} {env:?}")).to_string()
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused() {
        for ending in ["", "...\n"] {
            let text = format!("{SETTINGS}{ending}");
            let former = first(&text, None);
            assert!(again(&former, Some(&text), None).is_ok());
            for length in 0..text.len() {
                refusal(&former, Some(&text[..length]), None);
            }
        }
        // The same after other changes before the cut, at each line end.
        let former = first(SETTINGS, None);
        let edited = SETTINGS.replace("name: Alpha", "name: Alpha\n  port: 4001");
        assert!(again(&former, Some(&edited), None).is_ok());
        for (at, _) in edited.match_indices('\n').rev().skip(1) {
            refusal(&former, Some(&edited[..=at]), None);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let former = first(SETTINGS, None);
        for empty in ["", "\n\n", "# only a comment\n", "---\n", "\u{feff}", "{}\n", "~\n"] {
            let text = refusal(&former, Some(empty), None);
            assert!(
                text.contains("contains no settings") && text.contains("mud, router, logging, api"),
                "{text}"
            );
        }
        for (from, to, named) in [
            ("router:", "", "router: is missing"),
            (
                "  primary:\n    name: '*test'\n    host: 127.0.0.1\n    port: 4000\n",
                "",
                "router.primary: is missing",
            ),
            ("  ip_blacklist: 192.0.2.1\n", "", "security.ip_blacklist: is missing"),
            ("192.0.2.1\n", "192.0.2.1", "c.yaml:24:26: the file ends in the middle of a line"),
        ] {
            let new = match named {
                "router: is missing" => {
                    let (before, rest) = SETTINGS.split_once(from).unwrap();
                    format!("{before}{}", &rest[rest.find("logging:").unwrap()..])
                }
                _ => SETTINGS.replace(from, to),
            };
            let text = refusal(&former, Some(&new), None);
            assert!(text.contains(named) && text.starts_with("error: c.yaml:"), "{text}");
        }
        let text = refusal(&former, None, None);
        assert!(text.contains("c.yaml: the file is missing"), "{text}");
    }

    #[test]
    fn what_is_meant_is_taken() {
        let former = first(SETTINGS, None);
        for (from, to) in [
            // A key is withdrawn, a plain key goes, a section becomes empty.
            ("      - key: a-third-long-key\n        permissions: [tell]\n", ""),
            ("    require_tls: false\n", ""),
            ("  fallback:\n    - {name: '*other', host: 127.0.0.1}\n", "  fallback: []\n"),
            ("  ip_blacklist: 192.0.2.1\n", "  ip_blacklist:\n"),
        ] {
            let new = SETTINGS.replace(from, to);
            assert_ne!(new, SETTINGS);
            again(&former, Some(&new), None).unwrap();
        }
        // A section goes, and the last line says that this is all.
        let (rest, _) = SETTINGS.split_once("security:").unwrap();
        again(&former, Some(&format!("{rest}...\n")), None).unwrap();
        // From no file to a file.
        let none = load(sources(None, Some("MUD_NAME=A\nI3_GATEWAY_SECRET=a-long-enough-key\n"))).unwrap();
        let env = "MUD_NAME=A\nI3_GATEWAY_SECRET=a-long-enough-key\n";
        again(&none, Some(SETTINGS), Some(env)).unwrap();
    }

    #[test]
    fn an_env_file_is_complete_or_refused() {
        let env = "MUD_NAME=Alpha\nMUD_PORT=4000\nUNUSED=1\nI3_ROUTER_HOST=127.0.0.1\nI3_GATEWAY_SECRET=a-long-enough-key\n\
                   API_KEY_GAME=another-long-key\n";
        let yaml =
            SETTINGS.replace("host: 127.0.0.1\n    port", "host: ${I3_ROUTER_HOST:192.0.2.7}\n    port");
        let former = first(&yaml, Some(env));
        let yaml = Some(yaml.as_str());
        let text = refusal(&former, yaml, None);
        assert!(text.contains(".env: the file is missing"), "{text}");
        let game = env.find("API_KEY_GAME").unwrap();
        for length in (0..env.len()).filter(|length| *length != game) {
            refusal(&former, yaml, Some(&env[..length]));
        }
        let text = refusal(&former, yaml, Some("# nothing\n"));
        assert!(text.contains(".env:1:10: I3_ROUTER_HOST: is missing"), "{text}");
        for (from, to) in [("UNUSED=1\n", ""), ("MUD_PORT=4000", "MUD_PORT=")] {
            again(&former, yaml, Some(&env.replace(from, to))).unwrap();
        }
        // A withdrawn key.
        again(&former, yaml, Some(&env[..game])).unwrap();
        // In the environment of the process it counts as well.
        let mut elsewhere = sources(yaml, Some(&env.replace("I3_ROUTER_HOST=127.0.0.1\n", "")));
        elsewhere.process_env.insert("I3_ROUTER_HOST".to_owned(), "127.0.0.1".to_owned());
        crate::load::reload(elsewhere, &former).unwrap();
    }
}
