//! What is wrong with the settings, said so that a person can mend it.

use std::fmt;

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Characters into the line, counted from 1.
    pub column: usize,
}

/// `config.yaml:12:7`, as compilers write it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gateway does not start.
    Error,
    /// It starts, and something is not as the settings say.
    Warning,
}

/// One thing that is wrong. No text of it ever holds a key, a password or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The key (`api.tcp.port`, `router.fallback[0].host`), the variable or the option. Empty for a file as a whole.
    pub path: String,
    /// Where it stands, where that is known.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub fix: String,
}

impl Problem {
    /// Something that keeps the gateway from starting.
    pub fn error(path: impl fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            path: path.to_string(),
            place: None,
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// Something that does not.
    pub fn warning(path: impl fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(path, message, fix) }
    }

    /// The same, with where it stands.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// `config.yaml:12:7: api.tcp.port: what is wrong; what to write`, on one line: without the severity, for where that
    /// is said already.
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
        // Parts of the file can be in it: they must not drive a terminal or add a line.
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() {
                plain.extend(c.escape_default());
            } else {
                plain.push(c);
            }
        }
        plain
    }
}

/// `error: ` or `warning: `, and the [text](Problem::text).
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.text())
    }
}

/// Everything that is wrong, at least one error among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// One problem on each line.
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
