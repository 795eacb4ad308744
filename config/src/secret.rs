//! Secrets in variables and in the files that variables name, and what keeps secrets out of messages.
//!
//! `NAME_FILE` names a file with the value of `NAME`, as is the convention of container images. It works for every variable
//! that is used as a secret: keys, and the router's password.

use crate::env::Environment;
use crate::path::Path;
use crate::problem::{Place, Problem};
use crate::yaml::Node;
use std::io::{self, Read};

/// The end of the name of a variable that names a file.
pub(crate) const FILE_SUFFIX: &str = "_FILE";

/// The longest file with a secret.
pub const SECRET_FILE_BYTES_MAX: u64 = 65_536;

/// A run of letters and digits at least as long as this looks like a secret, if it has both.
const KEY_LIKE_CHARS_MIN: usize = 16;

/// A shorter secret is not looked for in messages: it could be a part of any word.
const SOUGHT_BYTES_MIN: usize = 4;

/// What stands in a message in place of a secret.
const HIDDEN: &str = "…";

/// A secret, and the place of the variable if it is in the env file.
pub(crate) type Found = (String, Option<Place>);

/// Returns the secret in a variable, or in the file that NAME_FILE names. `None`: neither is set.
pub(crate) fn secret(env: &Environment, name: &str) -> Result<Option<Found>, Problem> {
    let set = |name: &str| env.find(name).filter(|(value, _)| !value.trim().is_empty());
    let by_file = format!("{name}{FILE_SUFFIX}");
    match (set(name), set(&by_file)) {
        (own, None) => Ok(own.map(|(value, place)| (value.to_owned(), place.cloned()))),
        (None, Some((file, place))) => match read(file) {
            Ok(text) => Ok(Some((text, place.cloned()))),
            Err(why) => {
                let fix =
                    "name a file with the secret and nothing else, which the user of the gateway can read";
                Err(Problem::error(&by_file, format!("{file}: {why}"), fix).at(place.cloned()))
            }
        },
        (Some(_), Some((_, place))) => {
            let message = format!("has no effect beside {name}, which is also set");
            Err(Problem::error(&by_file, message, "keep one of the two").at(place.cloned()))
        }
    }
}

/// Reads a file with a secret. Editors add a byte order mark and a line end.
fn read(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = |text: &mut String| -> io::Result<usize> {
        std::fs::File::open(path)?.take(SECRET_FILE_BYTES_MAX + 1).read_to_string(text)
    };
    let length = read(&mut text).map_err(|error| format!("cannot be read: {error}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    match () {
        () if length as u64 > SECRET_FILE_BYTES_MAX => {
            Err(format!("the file is longer than {SECRET_FILE_BYTES_MAX} bytes"))
        }
        () if text.is_empty() => Err("the file is empty".to_owned()),
        () if text.chars().any(char::is_control) => Err("the file has more than one line".to_owned()),
        () => Ok(text.to_owned()),
    }
}

/// Returns whether a text is the name of a file and not a secret.
pub(crate) fn names_a_file(text: &str) -> bool {
    text.starts_with("/run/secrets/") || (text.starts_with('/') && std::path::Path::new(text).exists())
}

/// Returns all secrets in the settings and their variables, the longest first.
pub(crate) fn known(root: &Node, env: &Environment) -> Vec<String> {
    let mut found = in_tree(root);
    let variables = env.names().into_iter().filter(|name| is_variable(name));
    found.extend(variables.filter_map(|name| env.get(&name).map(str::to_owned)));
    found.extend(env.values().filter_map(password_in).map(str::to_owned));
    for secret in &mut found {
        *secret = secret.trim().to_owned();
    }
    found.retain(|secret| secret.len() >= SOUGHT_BYTES_MIN);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

/// Returns all secrets in the settings.
pub(crate) fn in_tree(root: &Node) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, &Path::default(), &mut found);
    found
}

/// Returns whether a variable of this name holds a secret.
pub(crate) fn is_variable(name: &str) -> bool {
    let is_file = name.ends_with(FILE_SUFFIX);
    let ends = ["_SECRET", "_PASSWORD", "_TOKEN", "_KEY"];
    !is_file && (crate::env::key_name(name).is_some() || ends.iter().any(|end| name.ends_with(end)))
}

fn collect(node: &Node, path: &Path, found: &mut Vec<String>) {
    match node {
        Node::Map(entries) => entries.iter().for_each(|(key, value)| collect(value, &path.key(key), found)),
        Node::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(item, &path.index(at), found));
        }
        Node::Text(text) if path.holds_secret() => found.push(text.clone()),
        Node::Text(text) => found.extend(password_in(text).map(str::to_owned)),
        Node::Int(number) if path.holds_secret() => found.push(number.to_string()),
        _ => {}
    }
}

/// Returns the password in a URL, if there is one.
fn password_in(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (account, _) = rest.rsplit_once('@')?;
    account.split_once(':').map(|(_, password)| password)
}

/// Removes secrets from the texts of problems: those that are known, and what looks like one that stands in a wrong place.
/// `is_word` says of a secret whether it is a word that messages need.
pub(crate) fn hide(problems: &mut [Problem], secrets: &[String], is_word: impl Fn(&str) -> bool) {
    for problem in problems {
        for text in [&mut problem.path, &mut problem.message, &mut problem.fix] {
            for secret in secrets.iter().filter(|secret| secret.as_str() != HIDDEN) {
                if text.contains(secret.as_str()) && !is_word(secret) {
                    *text = text.replace(secret.as_str(), HIDDEN);
                }
            }
            *text = without_key_like(text);
        }
    }
}

/// Replaces what looks like a key.
fn without_key_like(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+=".contains(c);
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        shown.push_str(before);
        shown.push_str(if looks_like_key(word) { HIDDEN } else { word });
        rest = after;
    }
    shown + rest
}

/// Long, with a digit and a small letter. Names of variables have no small letters, and keys of the settings no digits.
fn looks_like_key(word: &str) -> bool {
    word.len() >= KEY_LIKE_CHARS_MIN
        && word.contains(|c: char| c.is_ascii_digit())
        && word.contains(|c: char| c.is_ascii_lowercase())
        && !word.starts_with("i3-gateway")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn env(pairs: &[(&str, &str)]) -> Environment {
        let process: BTreeMap<_, _> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Environment::new(process, None, &mut Vec::new())
    }

    #[test]
    fn a_variable_or_the_file_that_another_names() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let value = |pairs: &[(&str, &str)]| {
            secret(&env(pairs), "KEY")
                .map(|found| found.map(|(text, _)| text))
                .map_err(|problem| problem.text())
        };
        assert_eq!(value(&[]), Ok(None));
        assert_eq!(value(&[("KEY", "plain")]), Ok(Some("plain".to_owned())));
        for text in ["secret", "secret\n", "\u{feff}secret\r\n", "  secret \n\n"] {
            let path = file("good", text.as_bytes());
            assert_eq!(value(&[("KEY_FILE", &path), ("KEY", "")]), Ok(Some("secret".to_owned())), "{text:?}");
        }
        let path = file("good", b"secret");
        let missing = directory.path().join("missing");
        for (pairs, why) in [
            (&[("KEY_FILE", path.as_str()), ("KEY", "plain")][..], "which is also set"),
            (&[("KEY_FILE", &file("empty", b"\n"))], "the file is empty"),
            (&[("KEY_FILE", &file("two", b"secret\nhunter2\n"))], "more than one line"),
            (&[("KEY_FILE", &file("binary", b"\xff\xfe"))], "cannot be read"),
            (&[("KEY_FILE", &file("long", &[b'x'; 70_000]))], "longer than 65536 bytes"),
            (&[("KEY_FILE", missing.to_str().unwrap())], "cannot be read"),
        ] {
            let text = value(pairs).unwrap_err();
            assert!(text.starts_with("KEY_FILE: ") && text.contains(why), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_hidden() {
        for (text, shown) in [
            ("\"9f86d081884c7d659a2feaa0\" is no port", "\"…\" is no port"),
            ("api.auth.c2VjcmV0LWtleS0xMjM=", "api.auth.…"),
            ("write ${I3_FALLBACK2_ROUTER_HOST}", "write ${I3_FALLBACK2_ROUTER_HOST}"),
            ("performance.max_connections_per_address", "performance.max_connections_per_address"),
            ("the state in /var/lib/i3-gateway-test2", "the state in /var/lib/i3-gateway-test2"),
        ] {
            assert_eq!(without_key_like(text), shown);
        }
    }
}
