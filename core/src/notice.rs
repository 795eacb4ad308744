//! What a machine tells its operator. The driver writes it to a log; nothing here knows how.

use std::fmt;

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
    /// The particulars. A value may hold a peer's text: `Display` escapes it, another writer must too.
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

/// `what name=value …` on one line: a value with blanks, quotes or control characters is quoted and escaped,
/// so that no peer can forge a line, drive a terminal or turn the direction of its writing.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        for (name, value) in &self.fields {
            let plain =
                !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
            if plain {
                write!(f, " {name}={value}")?;
            } else {
                write!(f, " {name}={value:?}")?;
            }
        }
        Ok(())
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
}
