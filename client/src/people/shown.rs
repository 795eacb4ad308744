//! What a command for people shows, and the words for it.

use i3_client::Error;
use serde_json::Value;

/// What a command has to show.
pub(crate) struct Shown {
    /// For programs.
    pub(crate) json: Value,
    /// For people.
    pub(crate) lines: Vec<String>,
}

impl Shown {
    pub(crate) fn new(json: Value, lines: Vec<String>) -> Shown {
        Shown { json, lines }
    }

    /// One line.
    pub(crate) fn line(json: Value, line: impl Into<String>) -> Shown {
        Shown { json, lines: vec![line.into()] }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The gateway refused, or cannot be asked.
    Api(Error),
    /// What was asked for is not there. The line says what to do.
    Nothing(String),
    /// The command line is wrong.
    Usage(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::Api(error)
    }
}

pub(crate) type Outcome = Result<Shown, Problem>;

/// Takes `USER@MUD` apart.
pub(crate) fn user_at_mud(text: &str) -> Result<(&str, &str), Problem> {
    match text.split_once('@') {
        Some((user, mud)) if !user.trim().is_empty() && !mud.trim().is_empty() => {
            Ok((user.trim(), mud.trim()))
        }
        _ => Err(Problem::Usage(format!("{text:?} is not of the form USER@MUD, such as bob@Sage"))),
    }
}

/// The words of a text that was given without quotes.
pub(crate) fn text_of(words: &[String], what: &str) -> Result<String, Problem> {
    let text = words.join(" ");
    if text.trim().is_empty() { Err(Problem::Usage(format!("{what} is missing"))) } else { Ok(text) }
}

/// A member as a harmless text. Missing or null: an empty text.
pub(crate) fn member(of: &Value, name: &str) -> String {
    match of.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => crate::text::plain(text),
        Some(other) => crate::text::plain(&other.to_string()),
    }
}

/// The elements of a list.
pub(crate) fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A time as people read it: `2026-11-23 12:01:07`, in UTC.
pub(crate) fn time(timestamp: &str) -> String {
    match (timestamp.get(..10), timestamp.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => timestamp.to_owned(),
    }
}

/// A duration in the largest units that say enough.
pub(crate) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// A noun with its number.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let shown = [5, 60, 3599, 3600, 7_260, 86_400, 180_000].map(duration);
        assert_eq!(shown, ["5 s", "1 min", "59 min", "1 h", "2 h 1 min", "1 d", "2 d 2 h"]);
        assert_eq!(time("2026-11-23T12:01:07.190959Z"), "2026-11-23 12:01:07");
        assert_eq!(time("soon"), "soon");
    }

    #[test]
    fn users_have_a_mud() {
        assert_eq!(user_at_mud("bob@Dead Souls Dev").unwrap(), ("bob", "Dead Souls Dev"));
        assert_eq!(user_at_mud("a b@M@x").unwrap(), ("a b", "M@x"));
        for wrong in ["bob", "@Sage", "bob@", ""] {
            assert!(matches!(user_at_mud(wrong), Err(Problem::Usage(_))), "{wrong}");
        }
    }
}
