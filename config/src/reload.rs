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
use crate::path::Path;
use crate::problem::{Place, Problem};
use crate::secret;
use crate::sources::Sources;
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

    /// Returns the settings file if keys or passwords are written in it, and not only their digests or variables.
    pub fn settings_with_secrets(&self) -> Option<&std::path::Path> {
        let (name, text) = self.settings.as_ref()?;
        let tree = yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
        let is_plain = |secret: &String| {
            !secret.trim().is_empty()
                && secret != "0"
                && !secret.starts_with("sha256:")
                && !secret.contains("${")
        };
        secret::in_tree(&tree).iter().any(is_plain).then(|| std::path::Path::new(name))
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
