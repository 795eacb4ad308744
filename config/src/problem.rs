//! Problems of the settings, described so that a person can correct them.

use std::fmt;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters counted from 1.
    pub column: usize,
}

/// Writes `config.yaml:12:7`, as compilers do.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gateway does not start.
    Error,
    /// The gateway starts, but a setting has no effect or another one than expected.
    Warning,
}

/// One problem. Its texts never contain a key, a password or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// The key (`api.tcp.port`, `router.fallback[0].host`), the variable or the option. Empty for a file as a whole.
    pub path: String,
    /// The place in a file, if it is known.
    pub place: Option<Place>,
    /// A description of the problem.
    pub message: String,
    /// What to write instead.
    pub fix: String,
}

impl Problem {
    /// Makes a problem that keeps the gateway from starting.
    pub fn error(path: impl fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            path: path.to_string(),
            place: None,
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// Makes a problem that does not keep the gateway from starting.
    pub fn warning(path: impl fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(path, message, fix) }
    }

    /// Returns whether the problem keeps the gateway from starting.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Returns the problem with its place.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Returns one line, `config.yaml:12:7: api.tcp.port: description; fix`, without the severity. The log has the severity
    /// in a place of its own.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(place) = &self.place {
            text += &format!("{place}: ");
        }
        if !self.path.is_empty() {
            text += &format!("{}: ", self.path);
        }
        text += &self.message;
        if !self.fix.is_empty() {
            text += &format!("; {}", self.fix);
        }
        // The text can contain parts of the file. They must not control a terminal or add a line.
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() || (!c.is_ascii() && !c.escape_debug().eq([c])) {
                plain.extend(c.escape_default());
            } else {
                plain.push(c);
            }
        }
        plain
    }
}

/// Writes `error: ` or `warning: `, followed by the [text](Problem::text).
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.text())
    }
}

/// All problems, with at least one error among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// Writes one problem on each line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Problems(vec![problem])
    }
}
