//! Reads typed values from the tree, and reports a problem for each value of a wrong type.

use crate::env::Environment;
use crate::path::{Path, Step};
use crate::problem::{Place, Problem};
use crate::yaml::{self, Node};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Characters of a wrong value that a message shows.
const SHOWN_CHARS_MAX: usize = 60;

/// The longest time that can be set: one year.
const SECONDS_MAX: f64 = 31_536_000.0;

/// Reads settings from the tree, and collects problems.
pub(crate) struct SettingsReader<'a> {
    pub(crate) env: &'a Environment,
    /// The name and the text of the YAML, from which the places of problems are found.
    pub(crate) yaml: (&'a str, &'a str),
    pub(crate) root: Node,
    /// Values of the file that an environment variable overrides.
    pub(crate) overrides: BTreeMap<Path, (&'static str, Option<Place>)>,
    /// Values of the file that contain an environment variable.
    pub(crate) named: BTreeMap<Path, (&'static str, Option<Place>)>,
    /// Values that are empty because these variables are not set.
    pub(crate) missing: BTreeMap<Path, Vec<String>>,
    pub(crate) problems: Vec<Problem>,
}

impl SettingsReader<'_> {
    /// Returns the value at a path. `None`: it is missing or empty.
    pub(crate) fn node(&self, path: &Path) -> Option<&Node> {
        let mut node = &self.root;
        for step in &path.0 {
            node = match (step, node) {
                (Step::Key(key), Node::Map(entries)) => &entries.iter().find(|(name, _)| name == key)?.1,
                (Step::Index(at), Node::List(items)) => items.get(*at)?,
                _ => return None,
            };
        }
        (*node != Node::Null).then_some(node)
    }

    /// Overrides the value at a path by that of a variable.
    pub(crate) fn put(&mut self, path: &Path, name: &'static str, value: String, place: Option<Place>) {
        let mut node = &mut self.root;
        for step in &path.0 {
            let key = match step {
                Step::Key(key) => key,
                Step::Index(at) => {
                    if !matches!(node, Node::List(items) if items.len() > *at) {
                        *node = Node::List(vec![Node::Null; at + 1]);
                    }
                    let Node::List(items) = node else { return };
                    node = &mut items[*at];
                    continue;
                }
            };
            if !matches!(node, Node::Map(_)) {
                *node = Node::Map(Vec::new());
            }
            let Node::Map(entries) = node else { return };
            let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                entries.push((key.clone(), Node::Null));
                entries.len() - 1
            });
            node = &mut entries[at].1;
        }
        *node = Node::Text(value);
        self.missing.remove(path);
        self.overrides.insert(path.clone(), (name, place));
    }

    /// Returns whether a variable overrides the value.
    pub(crate) fn is_override(&self, path: &Path) -> bool {
        self.overrides.contains_key(path)
    }

    /// Returns the variable that a value comes from, and its place.
    fn variable(&self, path: &Path) -> Option<&(&'static str, Option<Place>)> {
        self.overrides.get(path).or_else(|| self.named.get(path))
    }

    /// Returns the place of a value.
    pub(crate) fn place(&self, path: &Path) -> Option<Place> {
        match self.variable(path) {
            Some((_, place)) => place.clone(),
            None => yaml::position_of(self.yaml.1, path).map(|(line, column)| Place {
                file: self.yaml.0.to_owned(),
                line,
                column,
            }),
        }
    }

    pub(crate) fn error(&mut self, path: &Path, message: impl Into<String>, fix: impl Into<String>) {
        let problem = Problem::error(path, self.with_source(path, message.into()), fix);
        self.problems.push(problem.at(self.place(path)));
    }

    /// Reports a problem, unless it has been reported already.
    pub(crate) fn report_once(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(crate) fn warn(&mut self, path: &Path, message: impl Into<String>, fix: impl Into<String>) {
        let problem = Problem::warning(path, self.with_source(path, message.into()), fix);
        self.problems.push(problem.at(self.place(path)));
    }

    fn with_source(&self, path: &Path, message: String) -> String {
        match self.variable(path) {
            Some((name, _)) => format!("{message} (from the environment variable {name})"),
            None => message,
        }
    }

    /// Returns a value as messages show it. Secrets are not shown.
    pub(crate) fn shown(&self, path: &Path) -> String {
        if path.is_secret() {
            return "this".to_owned();
        }
        let cut = |text: &str| text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
        match self.node(path) {
            None | Some(Node::Null) => "nothing".to_owned(),
            Some(Node::Bool(value)) => value.to_string(),
            Some(Node::Int(value)) => value.to_string(),
            Some(Node::Float(value)) => value.to_string(),
            Some(Node::Text(text)) => format!("{:?}", cut(text)),
            Some(Node::List(_)) => "a list".to_owned(),
            Some(Node::Map(_)) => "a section".to_owned(),
        }
    }

    fn wrong(&mut self, path: &Path, expected: &str) {
        let message = format!("{} is not {expected}", self.shown(path));
        self.error(path, message, format!("write {expected}"));
    }

    /// Returns the text of a value as the file has it. `None`: the file does not have it, as where a variable stands.
    fn written(&self, path: &Path) -> Option<String> {
        if self.is_override(path) { None } else { yaml::written(self.yaml.1, path) }
    }

    /// Returns why a value is missing that has to be there.
    pub(crate) fn why_missing(&self, path: &Path) -> String {
        match (self.missing.get(path), self.written(path)) {
            (Some(names), _) => format!("is empty: {} is not set", names.join(", ")),
            (None, Some(word)) if !word.is_empty() && !path.is_secret() => {
                format!("is missing: {word} means no value in YAML, unless it is in quotes")
            }
            _ => "is missing".to_owned(),
        }
    }

    /// Reads text without control characters. A number, a date or a truth value is the text that the file has.
    pub(crate) fn text(&mut self, path: &Path) -> Option<String> {
        let text = match self.node(path)? {
            Node::Text(text) => text.clone(),
            Node::Bool(_) | Node::Float(_) | Node::Int(_) if self.written(path).is_some() => {
                self.written(path)?
            }
            Node::Int(value) => value.to_string(),
            Node::Bool(_) | Node::Float(_) => {
                let message = format!("{} is not text in YAML", self.shown(path));
                self.error(path, message, "put it in quotes");
                return None;
            }
            _ => {
                self.wrong(path, "text");
                return None;
            }
        };
        if text.chars().any(char::is_control) {
            self.error(path, "contains a line break or another control character", "write it on one line");
            return None;
        }
        Some(text)
    }

    /// Reads a whole number in a range. `what` describes the number in messages.
    pub(crate) fn integer(&mut self, path: &Path, range: RangeInclusive<i64>, what: &str) -> Option<i64> {
        let value = match self.node(path)? {
            Node::Int(value) => Some(*value),
            Node::Text(text) => text.trim().parse().ok(),
            Node::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => Some(*value as i64),
            _ => None,
        };
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            self.wrong(path, &format!("{what} from {} to {}", range.start(), range.end()));
        }
        value
    }

    /// Reads a whole number as the type that the settings use.
    pub(crate) fn number<T: TryFrom<i64> + Display>(
        &mut self,
        path: &Path,
        range: RangeInclusive<i64>,
        what: &str,
    ) -> Option<T> {
        self.integer(path, range, what).and_then(|value| T::try_from(value).ok())
    }

    /// Reads a TCP port.
    pub(crate) fn port(&mut self, path: &Path) -> Option<u16> {
        self.number(path, 1..=65_535, "a port")
    }

    /// Reads a time in seconds, more than 0. Fractions are allowed.
    pub(crate) fn seconds(&mut self, path: &Path) -> Option<Duration> {
        let value = match self.node(path)? {
            Node::Int(value) => Some(*value as f64),
            Node::Float(value) => Some(*value),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        match value.filter(|value| (0.001..=SECONDS_MAX).contains(value)) {
            Some(value) => Some(Duration::from_secs_f64(value)),
            None => {
                self.wrong(path, "a number of seconds above 0 and up to a year");
                None
            }
        }
    }

    /// Reads true or false. The words of older YAML (yes, no, on, off) and 0 and 1 are accepted too.
    pub(crate) fn boolean(&mut self, path: &Path) -> Option<bool> {
        self.boolean_or(path, "true or false")
    }

    /// Reads true or false where other words are accepted too. `expected` lists in the error what can be written.
    pub(crate) fn boolean_or(&mut self, path: &Path, expected: &str) -> Option<bool> {
        let value = match self.node(path)? {
            Node::Bool(value) => Some(*value),
            Node::Int(0) => Some(false),
            Node::Int(1) => Some(true),
            Node::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            self.wrong(path, expected);
        }
        value
    }

    /// Reads a host name or an address. Brackets, as in `[::1]`, are removed.
    pub(crate) fn host(&mut self, path: &Path) -> Option<String> {
        let text = self.text(path)?.trim().to_owned();
        let host = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
        if host.is_empty() {
            return None;
        }
        if host.contains(|c: char| c.is_whitespace() || "/@[]".contains(c)) {
            self.wrong(path, "a host name or an IP address");
            return None;
        }
        if host.parse::<f64>().is_ok() {
            self.wrong(path, "a host name or an IP address");
            return None;
        }
        if host.matches(':').count() == 1 {
            let message = format!("{} contains a port", self.shown(path));
            self.error(path, message, "write only the host here, and the port under its own key");
            return None;
        }
        Some(host.to_owned())
    }

    /// Returns the length of a list, 0 if it is missing.
    pub(crate) fn length(&mut self, path: &Path) -> usize {
        match self.node(path) {
            None => 0,
            Some(Node::List(items)) => items.len(),
            Some(Node::Map(_)) => {
                self.error(path, "is a section", "write a list: each entry begins with `- `");
                0
            }
            Some(_) => {
                // The value is not shown: a key may stand in the wrong place.
                self.error(path, "this is not a list", "write a list");
                0
            }
        }
    }

    /// Returns the keys of a section.
    pub(crate) fn keys(&self, path: &Path) -> Vec<String> {
        match self.node(path) {
            Some(Node::Map(entries)) => entries.iter().map(|(key, _)| key.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the path that counts among several paths of one setting: one that a variable overrides, else the first that
    /// is set. Warns of another value under another of these paths.
    pub(crate) fn first(&mut self, paths: &[Path]) -> Path {
        let set: Vec<&Path> = paths.iter().filter(|path| self.node(path).is_some()).collect();
        let by_variable = set.iter().find(|path| self.is_override(path));
        let Some(winner) = by_variable.or(set.first()).map(|path| (*path).clone()) else {
            return paths[0].clone();
        };
        if !self.is_override(&winner) {
            let value = self.plain(&winner);
            let others: Vec<Path> =
                set.into_iter().filter(|path| self.plain(path) != value).cloned().collect();
            for other in others {
                let message = format!("has no effect: {winner} is also set, and takes precedence");
                self.warn(&other, message, "keep one of the two");
            }
        }
        winner
    }

    fn plain(&self, path: &Path) -> Option<String> {
        Some(match self.node(path)? {
            Node::Text(text) => text.clone(),
            Node::Int(value) => value.to_string(),
            other => format!("{other:?}"),
        })
    }
}
