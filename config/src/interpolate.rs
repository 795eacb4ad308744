//! Replaces `${NAME}` and `${NAME:default}` in values. This happens after the YAML is parsed, so a variable cannot add a
//! key.

use crate::env::{Environment, is_name};
use crate::path::Path;
use crate::problem::Problem;
use crate::secret::secret;
use crate::yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// How deeply `${…}` may be nested in defaults.
const DEPTH_MAX: usize = 8;

/// The problems of an expansion.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// Values that are empty because these variables are not set and have no default.
    pub(crate) missing: BTreeMap<Path, Vec<String>>,
    /// The names of the variables in each value, whether or not they are set.
    pub(crate) named: BTreeMap<Path, BTreeSet<String>>,
    /// Values with a wrong `${…}`, and the reason.
    pub(crate) bad: Vec<(Path, &'static str)>,
    /// Secrets that cannot be read from the files that variables name.
    pub(crate) unreadable: Vec<(Path, Problem)>,
}

/// Replaces the variables in every text of the tree. A text that becomes empty is replaced by [`Node::Null`].
pub(crate) fn expand(node: &mut Node, path: &Path, env: &Environment, seen: &mut Expanded) {
    match node {
        Node::Text(text) if text.contains("${") => {
            seen.named.insert(path.clone(), names(text));
            let mut unset = Vec::new();
            let of_files = &mut seen.unreadable;
            let value_of = &mut |name: &str| {
                if !path.holds_secret() {
                    return env.get(name).map(str::to_owned);
                }
                secret(env, name)
                    .unwrap_or_else(|problem| {
                        of_files.push((path.clone(), problem));
                        None
                    })
                    .map(|(text, _)| text)
                    // An empty variable is set.
                    .or_else(|| env.get(name).map(str::to_owned))
            };
            let value = match expand_text(text, value_of, &mut unset, DEPTH_MAX) {
                Ok(value) => value,
                Err(message) => {
                    seen.bad.push((path.clone(), message));
                    String::new()
                }
            };
            if value.is_empty() && !unset.is_empty() {
                seen.missing.insert(path.clone(), unset);
            }
            *node = if value.is_empty() { Node::Null } else { Node::Text(value) };
        }
        Node::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                expand(item, &path.index(at), env, seen);
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries {
                expand(value, &path.key(key), env, seen);
            }
        }
        _ => {}
    }
}

/// Returns the names of all variables in a text, those of defaults too.
fn names(text: &str) -> BTreeSet<String> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    text.split("${").skip(1).map(|rest| rest.split(ends).next().unwrap_or_default().to_owned()).collect()
}

fn expand_text(
    text: &str,
    value_of: &mut dyn FnMut(&str) -> Option<String>,
    unset: &mut Vec<String>,
    depth: usize,
) -> Result<String, &'static str> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if depth == 0 {
            return Err("`${…}` is nested too deeply");
        }
        done += &rest[..start];
        let inner = &rest[start + 2..];
        let end = closing(inner).ok_or("`${` has no `}`")?;
        let (name, default) = match inner[..end].split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (&inner[..end], None),
        };
        if !is_name(name) {
            return Err("the text after `${` is not the name of a variable");
        }
        match (value_of(name), default) {
            (Some(value), _) => done += &value,
            (None, Some(default)) => done += &expand_text(default, value_of, unset, depth - 1)?,
            (None, None) => unset.push(name.to_owned()),
        }
        rest = &inner[end + 1..];
    }
    Ok(done + rest)
}

/// Finds the `}` that closes a `${`. Nested `${…}` in the default are skipped.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut previous = ' ';
    for (at, c) in inner.char_indices() {
        match c {
            '{' if previous == '$' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let process = [("A", "1"), ("EMPTY", ""), ("TRICK", "x\nb: ${A}")];
        let process = process.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = Environment::new(process.into(), None, &mut Vec::new());
        let value_of = &mut |name: &str| env.get(name).map(str::to_owned);
        for (text, value) in [
            ("${A}", "1"),
            ("a${A}b${A}c", "a1b1c"),
            ("${B:*i4}", "*i4"),
            ("${B:http://x:1/}", "http://x:1/"),
            ("${B:}", ""),
            ("${EMPTY:default}", ""),
            ("${B:${A}}x", "1x"),
            ("${B:${C:}}", ""),
            ("$A {A}", "$A {A}"),
            ("${TRICK}", "x\nb: ${A}"),
        ] {
            assert_eq!(
                expand_text(text, value_of, &mut Vec::new(), DEPTH_MAX).as_deref(),
                Ok(value),
                "{text}"
            );
        }
        for text in ["${A", "${", "${}", "${a b}", "${A:${B}", "${:x}"] {
            assert!(expand_text(text, value_of, &mut Vec::new(), DEPTH_MAX).is_err(), "{text}");
        }
        assert!(expand_text(&"${B:".repeat(100_000), value_of, &mut Vec::new(), DEPTH_MAX).is_err());
    }

    #[test]
    fn an_unset_variable_is_remembered_where_it_leaves_nothing() {
        let mut tree = Node::Map(vec![("mud".to_owned(), Node::List(vec![Node::Text("${X}".to_owned())]))]);
        let mut seen = Expanded::default();
        expand(&mut tree, &Path::default(), &Environment::default(), &mut seen);
        assert_eq!(tree, Node::Map(vec![("mud".to_owned(), Node::List(vec![Node::Null]))]));
        assert_eq!(seen.missing, [(Path::of("mud").index(0), vec!["X".to_owned()])].into());
        assert_eq!(seen.named, [(Path::of("mud").index(0), ["X".to_owned()].into())].into());
        assert_eq!(names("a ${X:${Y_1:z}} $Z ${"), ["", "X", "Y_1"].map(str::to_owned).into());
    }
}
