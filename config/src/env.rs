//! The process environment and the env file.

use crate::problem::{Place, Problem};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Returns the environment of this process. Variables that are not UTF-8 are left out, since no setting can use them.
pub fn process_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Variables whose name in templates of the Python gateway is another one: our name, and that name. Ours takes precedence.
pub(crate) const OLD_NAMES: &[(&str, &str)] = &[
    ("I3_FALLBACK_ROUTER_NAME", "I3_ROUTER_FALLBACK_NAME"),
    ("I3_FALLBACK_ROUTER_HOST", "I3_ROUTER_FALLBACK_HOST"),
    ("I3_FALLBACK_ROUTER_PORT", "I3_ROUTER_FALLBACK_PORT"),
    ("RATE_LIMIT_REQUESTS", "RATE_LIMIT_PER_MINUTE"),
    ("MESSAGE_QUEUE_SIZE", "MAX_QUEUE_SIZE"),
];

/// The variables of the process and of the env file. Those of the process take precedence.
#[derive(Default)]
pub struct Environment {
    process: BTreeMap<String, String>,
    file: BTreeMap<String, (String, Place)>,
    /// The names that were read: the other lines of the env file have no effect.
    asked: RefCell<BTreeSet<String>>,
}

/// Shows names only, since a value can be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("file", &self.file.keys()).finish_non_exhaustive()
    }
}

impl Environment {
    /// Combines both sources. Problems of the env file go to `problems`.
    pub fn new(
        process: BTreeMap<String, String>,
        env_file: Option<&(String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut file = BTreeMap::new();
        if let Some((name, text)) = env_file {
            parse(name, text, &mut file, problems);
        }
        Environment { process, file, asked: RefCell::default() }
    }

    /// Returns the value of a variable. A variable that is set but empty is `Some("")`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(value, _)| value)
    }

    /// Returns the value, and its place if it comes from the env file.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, Option<&Place>)> {
        self.find_exactly(name).or_else(|| {
            // Templates leave these lines empty, which means that they are not set.
            self.find_exactly(old_name(name)?).filter(|(value, _)| !value.is_empty())
        })
    }

    fn find_exactly(&self, name: &str) -> Option<(&str, Option<&Place>)> {
        self.asked.borrow_mut().insert(name.to_owned());
        match self.process.get(name) {
            Some(value) => Some((value, None)),
            None => self.file.get(name).map(|(value, place)| (value.as_str(), Some(place))),
        }
    }

    /// Returns the name under which [`Environment::find`] finds a variable: its own, or its old one.
    pub(crate) fn name_of(&self, name: &'static str) -> &'static str {
        let is_set = self.find_exactly(name).is_some();
        old_name(name).filter(|_| !is_set).filter(|old| self.find_exactly(old).is_some()).unwrap_or(name)
    }

    /// Returns the names of all variables.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.names_with("")
    }

    /// Returns all values, without counting them as read.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.process.values().chain(self.file.values().map(|(value, _)| value)).map(String::as_str)
    }

    /// Returns all names with this prefix, in order.
    pub(crate) fn names_with(&self, prefix: &str) -> BTreeSet<String> {
        self.process.keys().chain(self.file.keys()).filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// Returns the variables of the env file that were read.
    pub(crate) fn used_of_file(&self) -> BTreeSet<String> {
        let asked = self.asked.borrow();
        self.file.keys().filter(|name| asked.contains(*name)).cloned().collect()
    }

    /// Returns the variables of the env file that were never read.
    pub(crate) fn unread(&self) -> Vec<(String, Place)> {
        let asked = self.asked.borrow();
        let unread = self.file.iter().filter(|(name, _)| !asked.contains(*name));
        unread.map(|(name, (_, place))| (name.clone(), place.clone())).collect()
    }
}

fn old_name(name: &str) -> Option<&'static str> {
    OLD_NAMES.iter().find(|(own, _)| *own == name).map(|(_, old)| *old)
}

/// Parses lines of `NAME=value`. `export` may stand before the name, quotes around the value, and a `#` comment after it.
fn parse(file: &str, text: &str, into: &mut BTreeMap<String, (String, Place)>, problems: &mut Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let place = Place { file: file.to_owned(), line: at + 1, column: indent + 1 };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        // The line is not shown, since it can contain a secret.
        let Some((name, value)) = line.split_once('=') else {
            problems.push(Problem::error("", "this line has no `=`", "write NAME=value").at(Some(place)));
            continue;
        };
        let name = name.trim_end();
        if !is_name(name) {
            let fix = "write NAME=value, the name with letters, digits and _ only";
            problems.push(Problem::error("", "this is not the name of a variable", fix).at(Some(place)));
            continue;
        }
        match unquote(value.trim()) {
            Ok(value) => {
                if value.contains("${") {
                    let fix = "write the value itself";
                    let message = "`${` has no special meaning in an env file: it is part of the value";
                    problems.push(Problem::warning(name, message, fix).at(Some(place.clone())));
                }
                if let Some((_, first)) = into.insert(name.to_owned(), (value, place.clone())) {
                    let message = format!("is set twice, first on line {}", first.line);
                    problems.push(Problem::warning(name, message, "remove one of the two").at(Some(place)));
                }
            }
            Err(message) => {
                let fix = "put the whole value in quotes, on one line";
                problems.push(Problem::error(name, message, fix).at(Some(place)));
            }
        }
    }
}

/// The beginning of the name of a variable that is an API key.
pub(crate) const KEY_PREFIX: &str = "API_KEY_";

/// Returns the name of the key that a variable holds, `GAME` for `API_KEY_GAME`. `None`: it holds no key.
pub(crate) fn key_name(variable: &str) -> Option<&str> {
    variable.strip_prefix(KEY_PREFIX).filter(|name| !name.is_empty())
}

/// Whether a variable can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unquote(value: &str) -> Result<String, &'static str> {
    const OPEN: &str = "the quote is not closed";
    const AFTER: &str = "there is text after the closing quote";
    let (inner, rest) = if let Some(quoted) = value.strip_prefix('\'') {
        let (inner, rest) = quoted.split_once('\'').ok_or(OPEN)?;
        (inner.to_owned(), rest)
    } else if let Some(quoted) = value.strip_prefix('"') {
        escaped(quoted).ok_or(OPEN)?
    } else {
        // `#` begins a comment only after a blank: it can be part of a password.
        let comment = value
            .char_indices()
            .find(|(at, c)| *c == '#' && (*at == 0 || value[..*at].ends_with(char::is_whitespace)));
        let end = comment.map_or(value.len(), |(at, _)| at);
        return Ok(value[..end].trim_end().to_owned());
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') { Ok(inner) } else { Err(AFTER) }
}

/// Returns the text before the closing double quote, with the escapes `\n`, `\t`, `\r`, `\"`, `\\` and `\$` replaced, and
/// the text after the quote.
fn escaped(quoted: &str) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((inner, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => inner.push('\n'),
                't' => inner.push('\t'),
                'r' => inner.push('\r'),
                c @ ('"' | '\\' | '$') => inner.push(c),
                other => inner.extend(['\\', other]),
            },
            c => inner.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Environment, Vec<Problem>) {
        let mut problems = Vec::new();
        let file = (".env".to_owned(), text.to_owned());
        (Environment::new(BTreeMap::new(), Some(&file), &mut problems), problems)
    }

    #[test]
    fn values() {
        let (env, problems) = read(
            "\u{feff}# comment\r\nPLAIN=a b # c\r\nexport HASH=a#b\n\nEMPTY=\nSINGLE='a # \\n'  # c\n\
             DOUBLE=\"x\\ty \\\"z\\\" \\q\"\nEQUALS=a=b=\nSPACED = 1\nONLY= # nothing\n",
        );
        assert_eq!(problems, []);
        for (name, value) in [
            ("PLAIN", "a b"),
            ("HASH", "a#b"),
            ("EMPTY", ""),
            ("SINGLE", "a # \\n"),
            ("DOUBLE", "x\ty \"z\" \\q"),
            ("EQUALS", "a=b="),
            ("SPACED", "1"),
            ("ONLY", ""),
        ] {
            assert_eq!(env.get(name), Some(value), "{name}");
        }
        assert_eq!(env.get("OTHER"), None);
    }

    #[test]
    fn errors_name_the_line_and_show_no_value() {
        let (_, problems) =
            read("A=1\nhunter2\nB=\"hunter2\nC='x' hunter2\n1X=hunter2\nA=hunter2\nD=${hunter2}\n");
        let lines: Vec<usize> = problems.iter().map(|problem| problem.place.as_ref().unwrap().line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
        assert!(!format!("{problems:?}").contains("hunter2"));
    }

    #[test]
    fn the_process_comes_first_and_what_nobody_reads_is_known() {
        let process = BTreeMap::from([("A".to_owned(), "process".to_owned())]);
        let file = ("f".to_owned(), "A=file\nB=file\nC=file".to_owned());
        let env = Environment::new(process, Some(&file), &mut Vec::new());
        assert_eq!((env.get("A"), env.get("B")), (Some("process"), Some("file")));
        assert_eq!(env.unread(), [("C".to_owned(), Place { file: "f".to_owned(), line: 3, column: 1 })]);
        assert!(!format!("{env:?}").contains("process"));
    }

    #[test]
    fn an_old_name_counts_if_ours_is_not_set() {
        let (env, _) = read(
            "MAX_QUEUE_SIZE=5\nRATE_LIMIT_PER_MINUTE=6\nRATE_LIMIT_REQUESTS=7\nI3_ROUTER_FALLBACK_PORT=\n",
        );
        assert_eq!(env.get("MESSAGE_QUEUE_SIZE"), Some("5"));
        assert_eq!(env.name_of("MESSAGE_QUEUE_SIZE"), "MAX_QUEUE_SIZE");
        assert_eq!(env.get("RATE_LIMIT_REQUESTS"), Some("7"));
        assert_eq!(env.name_of("RATE_LIMIT_REQUESTS"), "RATE_LIMIT_REQUESTS");
        assert_eq!(env.get("I3_FALLBACK_ROUTER_PORT"), None, "an empty line");
        let unread: Vec<String> = env.unread().into_iter().map(|(name, _)| name).collect();
        assert_eq!(unread, ["RATE_LIMIT_PER_MINUTE"]);
    }
}
