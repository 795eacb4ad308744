//! What a machine tells its operator. The driver writes it to a log; nothing here knows how.

use crate::time::Instant;
use std::fmt;
use std::time::Duration;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is lost or does not work.
    Error,
    /// Somebody should look.
    Warn,
    /// Normal life.
    Info,
    /// For finding faults.
    Debug,
}

impl Level {
    /// Each, by its name in the settings.
    pub const ALL: &[(&str, Level)] =
        &[("ERROR", Level::Error), ("WARNING", Level::Warn), ("INFO", Level::Info), ("DEBUG", Level::Debug)];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        Level::ALL.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

/// One thing that happened, with its particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// Which part says it: `link`, `api`, `store`, `router`, `demo`.
    pub component: &'static str,
    /// What happened: the same words each time.
    pub what: &'static str,
    /// The particulars. A value may hold a peer's text: [`Shown`] escapes it, another writer must too.
    pub fields: Vec<(&'static str, String)>,
}

impl Notice {
    /// A notice without particulars.
    pub fn new(level: Level, component: &'static str, what: &'static str) -> Self {
        Notice { level, component, what, fields: Vec::new() }
    }

    /// Adds one particular.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

/// `what name=value …` on one line.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        for (name, value) in &self.fields {
            write!(f, " {name}={}", Shown(value))?;
        }
        Ok(())
    }
}

/// A value as a line of text shows it: with blanks, quotes or control characters it is quoted and escaped, so that no
/// peer can forge a line, drive a terminal or turn the direction of its writing.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\') {
            f.write_str(value)
        } else {
            write!(f, "{value:?}")
        }
    }
}

/// How often something that may come in masses is told at most.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Something that may come in masses: told once in a while, with how often it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Repeated {
    told: Option<Instant>,
    times: u64,
}

impl Repeated {
    /// It came again. How often since it was last told, when it is to be told now: at most once a minute.
    pub fn again(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        if self.told.is_some_and(|told| now.since(told) < TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_cannot_break_the_line() {
        let notice = Notice::new(Level::Info, "link", "error from router")
            .with("router", "*dalet")
            .with("text", "two\nlines \u{1b}[31m\u{9b}2J");
        assert_eq!(
            notice.to_string(),
            "error from router router=*dalet text=\"two\\nlines \\u{1b}[31m\\u{9b}2J\""
        );
        // Characters of direction, and other ends of a line.
        for hidden in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{2028}\u{2029}".chars() {
            let notice = Notice::new(Level::Info, "link", "x").with("text", format!("a{hidden}b"));
            assert_eq!(notice.to_string(), format!("x text=\"a\\u{{{:x}}}b\"", u32::from(hidden)));
        }
    }

    #[test]
    fn what_comes_in_masses_is_told_with_a_count() {
        let mut repeated = Repeated::default();
        let seconds = |count: u64| Instant::from_micros(count * 1_000_000);
        let told: Vec<_> = [0, 1, 59, 60, 61, 300].map(|at| repeated.again(seconds(at))).into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
