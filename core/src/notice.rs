//! The reports of a machine to its operator. The driver writes them to the log.

use crate::time::Instant;
use std::fmt;
use std::time::Duration;

/// The severity of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is lost or does not work.
    Error,
    /// An operator should look at it.
    Warn,
    /// Normal operation.
    Info,
    /// Details for finding faults.
    Debug,
}

impl Level {
    /// Every level, by its name in the settings.
    pub const ALL: &[(&str, Level)] =
        &[("ERROR", Level::Error), ("WARNING", Level::Warn), ("INFO", Level::Info), ("DEBUG", Level::Debug)];

    /// Returns the name in the settings.
    pub fn name(self) -> &'static str {
        Level::ALL.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

/// A report about one occurrence, with its particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The severity.
    pub level: Level,
    /// The reporting part: `link`, `api`, `store`, `router`, `demo`.
    pub component: &'static str,
    /// What happened, always in the same words.
    pub what: &'static str,
    /// The particulars. A value may hold a peer's text: [`Shown`] escapes it, and any other writer must escape it too.
    pub fields: Vec<(&'static str, String)>,
}

impl Notice {
    /// Creates a notice without particulars.
    pub fn new(level: Level, component: &'static str, what: &'static str) -> Self {
        Notice { level, component, what, fields: Vec::new() }
    }

    /// Adds a particular.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

/// Writes `what name=value …` on one line.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        for (name, value) in &self.fields {
            write!(f, " {name}={}", Shown(value))?;
        }
        Ok(())
    }
}

/// Writes a value as part of a log line. If it holds blanks, quotes or control characters, it is quoted and escaped, so
/// that no peer can forge a line, control a terminal or change its writing direction.
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

/// The least time between two reports of a frequent occurrence.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// A frequent occurrence, which is reported from time to time with a count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Repeated {
    told: Option<Instant>,
    times: u64,
    times_told: u64,
}

impl Repeated {
    /// Counts one occurrence. Returns the number since the last report if a report is due: at most once a minute.
    pub fn again(&mut self, now: Instant) -> Option<u64> {
        self.times_are(now, self.times + 1)
    }

    /// Sets the number of all occurrences, which somebody else counts. Returns what [`Repeated::again`] returns; `None` if all of them
    /// are reported.
    pub fn times_are(&mut self, now: Instant, times: u64) -> Option<u64> {
        self.times = times;
        if times == self.times_told || self.told.is_some_and(|told| now.since(told) < TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(times - std::mem::replace(&mut self.times_told, times))
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
        // Characters that change the writing direction, and other line ends.
        for hidden in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{2028}\u{2029}".chars() {
            let notice = Notice::new(Level::Info, "link", "x").with("text", format!("a{hidden}b"));
            assert_eq!(notice.to_string(), format!("x text=\"a\\u{{{:x}}}b\"", u32::from(hidden)));
        }
    }

    #[test]
    fn frequent_occurrences_are_reported_with_a_count() {
        let mut repeated = Repeated::default();
        let seconds = |count: u64| Instant::from_micros(count * 1_000_000);
        let told: Vec<_> = [0, 1, 59, 60, 61, 300].map(|at| repeated.again(seconds(at))).into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
        let told: Vec<_> =
            [(301, 13), (360, 13), (420, 13)].map(|(at, all)| repeated.times_are(seconds(at), all)).into();
        assert_eq!(told, [None, Some(7), None]);
    }
}
