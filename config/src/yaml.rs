//! Parses YAML text into a plain tree. This is the only file that uses the YAML crate.

use crate::path::{Path, Step};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Value;
use std::fmt;

/// A value of the settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// No value.
    Null,
    /// `true` or `false`, without quotes.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text. The value of a variable is always text; the reader converts it to the type that it expects.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A section, in the order of the file.
    Map(Vec<(String, Node)>),
}

/// A line and a column, both counted from 1.
pub(crate) type Position = (usize, usize);

/// An error of the YAML crate, and its position.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) position: Option<Position>,
    pub(crate) message: String,
}

/// Parses one document. An empty text is [`Node::Null`].
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let refuse =
        |error: serde_yaml::Error| SyntaxError { position: position(&error), message: error.to_string() };
    let mut value: Value = serde_yaml::from_str(text).map_err(refuse)?;
    value.apply_merge().map_err(refuse)?;
    node(value).map_err(|message| SyntaxError { position: None, message: message.to_owned() })
}

fn position(error: &serde_yaml::Error) -> Option<Position> {
    error.location().map(|location| (location.line(), location.column()))
}

fn node(value: Value) -> Result<Node, &'static str> {
    Ok(match value {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Bool(value),
        Value::Number(value) => match value.as_i64() {
            Some(whole) => Node::Int(whole),
            None => Node::Float(value.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Node::Text(text),
        Value::Sequence(items) => Node::List(items.into_iter().map(node).collect::<Result<_, _>>()?),
        Value::Mapping(entries) => {
            let entry = |(key, value)| Ok((key_text(key)?, node(value)?));
            Node::Map(entries.into_iter().map(entry).collect::<Result<_, &'static str>>()?)
        }
        Value::Tagged(_) => return Err("YAML tags (`!name`) have no meaning here"),
    })
}

fn key_text(key: Value) -> Result<String, &'static str> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        _ => Err("a key must be a plain word"),
    }
}

/// Returns the position of a key or list element. If the text does not contain it, returns that of the nearest section
/// around it. This parses the text again, so it is for error messages only.
pub(crate) fn position_of(text: &str, path: &Path) -> Option<Position> {
    (1..=path.0.len()).rev().find_map(|length| {
        let error = Probe(&path.0[..length]).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
        if !error.to_string().contains(FOUND) {
            return None;
        }
        position(&error)
    })
}

/// Returns the text of a plain value as it is written: `0x1F`, not 31. `None`: the text does not contain it there.
pub(crate) fn written(text: &str, path: &Path) -> Option<String> {
    let mut found = None;
    // It ends with an error when the value is found.
    let _ = Fetch { path: &path.0, found: &mut found }.deserialize(serde_yaml::Deserializer::from_str(text));
    found
}

/// Walks down `path` and takes the text at its end.
struct Fetch<'a> {
    path: &'a [Step],
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Fetch<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            deserializer.deserialize_str(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Fetch<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value that was looked for")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if self.path.is_empty() {
            *self.found = Some(text.to_owned());
        }
        Err(E::custom(FOUND))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(key), rest)) = self.path.split_first() else { return Ok(()) };
        while let Some(matches) = map.next_key_seed(KeyProbe { key, last: false })? {
            if matches {
                return map.next_value_seed(Fetch { path: rest, found: self.found });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((Step::Index(index), rest)) = self.path.split_first() else { return Ok(()) };
        for _ in 0..*index {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        list.next_element_seed(Fetch { path: rest, found: self.found }).map(drop)
    }
}

/// The crate reports positions only with errors. So a probe walks to the node, and fails there with this text.
const FOUND: &str = "(the node that was looked for)";

/// Walks down `path` and fails at its end.
struct Probe<'a>(&'a [Step]);

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// At the end of the path a value of any kind is an error. Before the end, scalars are skipped.
macro_rules! visit_scalars {
    ($($name:ident: $type:ty),*) => {$(
        fn $name<E: serde::de::Error>(self, _: $type) -> Result<(), E> {
            self.here()
        }
    )*};
}

impl Probe<'_> {
    fn here<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.0.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    visit_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.here()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.here()?;
        let Some((Step::Key(key), rest)) = self.0.split_first() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(matches) = map.next_key_seed(KeyProbe { key, last: rest.is_empty() })? {
            if matches {
                map.next_value_seed(Probe(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.here()?;
        let mut at = 0;
        loop {
            let more = match self.0.split_first() {
                Some((Step::Index(index), rest)) if *index == at => {
                    list.next_element_seed(Probe(rest))?.is_some()
                }
                _ => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            at += 1;
        }
    }
}

/// Compares a key. Fails at the key at the end of the path, so that the error has the position of the key and not that of
/// its value.
struct KeyProbe<'a> {
    key: &'a str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for KeyProbe<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyProbe<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match key == self.key {
            true if self.last => Err(E::custom(FOUND)),
            matches => Ok(matches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment with mud: in it
mud:
  name: \"# not: a comment\"

  'port': 4000
router:
  fallback:
    - name: a
      host: b

    -
      name: c
  list: [x, {y: 1,
    z: 2}]
&anchor text: |
  mud:
    port: 5
last: *anchor
";

    #[test]
    fn lines() {
        let router = Path::of("router");
        let fallback = router.key("fallback");
        for (path, line) in [
            (Path::of("mud"), 2),
            (Path::of("mud.name"), 3),
            (Path::of("mud.port"), 5),
            (Path::of("mud.missing"), 2),
            (Path::of("router"), 6),
            (fallback.clone(), 7),
            (fallback.index(0), 8),
            (fallback.index(0).key("host"), 9),
            (fallback.index(1).key("name"), 12),
            (fallback.index(2), 7),
            (router.key("list").index(0), 13),
            (router.key("list").index(1).key("y"), 13),
            (router.key("list").index(1).key("z"), 14),
            (Path::of("text"), 15),
            (Path::of("last"), 18),
        ] {
            assert_eq!(position_of(TEXT, &path).map(|(line, _)| line), Some(line), "{path}");
        }
        assert_eq!(position_of(TEXT, &Path::of("nothing.at.all")), None);
        assert_eq!(position_of("a: [", &Path::of("a.b")), Some((1, 1)));
        // Columns, too: of keys, of list elements, of what stands in braces.
        for (path, position) in [
            (Path::of("mud.port"), (5, 3)),
            (fallback.index(0).key("host"), (9, 7)),
            (router.key("list").index(0), (13, 10)),
            (router.key("list").index(1).key("y"), (13, 14)),
        ] {
            assert_eq!(position_of(TEXT, &path), Some(position), "{path}");
        }
    }

    #[test]
    fn values() {
        let text =
            "a: 1\nb: 007\nc: '1'\nd: 1.5\ne: true\nf:\ng: ~\nh: yes\n5: x\nbase: &b {p: 1}\nm:\n  <<: *b\n";
        let Node::Map(entries) = parse(text).unwrap() else { panic!("a map") };
        let text = |text: &str| Node::Text(text.to_owned());
        let p = Node::Map(vec![("p".to_owned(), Node::Int(1))]);
        let values: Vec<Node> = entries.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(
            values,
            [
                Node::Int(1),
                text("007"),
                text("1"),
                Node::Float(1.5),
                Node::Bool(true),
                Node::Null,
                Node::Null,
                text("yes"),
                text("x"),
                p.clone(),
                p
            ]
        );
        assert_eq!(entries[8].0, "5");
        assert_eq!(parse("").unwrap(), Node::Null);
    }

    #[test]
    fn values_as_they_are_written() {
        let text = "mud: {name: 0x1F, 5: x}\nlist:\n  - +123\n  - {a: 1_000, b: \"0x1F\"}\n  - &c .inf\n  - *c\n  - ~\n";
        let list = Path::of("list");
        for (path, expected) in [
            (Path::of("mud.name"), Some("0x1F")),
            (list.index(0), Some("+123")),
            (list.index(1).key("a"), Some("1_000")),
            (list.index(1).key("b"), Some("0x1F")),
            (list.index(2), Some(".inf")),
            (list.index(3), Some(".inf")),
            (list.index(4), Some("~")),
            (list.index(5), None),
            (list.clone(), None),
            (Path::of("mud.missing"), None),
        ] {
            assert_eq!(written(text, &path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_yaml_has_a_place() {
        assert_eq!(parse("a: 1\nb: [\nc: }\n").unwrap_err().position, Some((3, 4)));
        let twice = parse("mud:\n  name: a\n  name: b\n").unwrap_err();
        assert!(twice.message.contains("duplicate"), "{}", twice.message);
        assert!(twice.position.is_some());
        assert!(parse("a: !secret x").is_err());
        assert!(parse("--- a\n--- b\n").is_err());
    }
}
