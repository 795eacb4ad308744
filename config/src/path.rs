//! Paths to values in the settings.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A key of a section.
    Key(String),
    /// An index of a list, counted from 0.
    Index(usize),
}

/// A path, such as `api.tcp.port` or `router.fallback[0].host`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// Returns the path of keys separated by dots.
    pub(crate) fn of(text: &str) -> Self {
        Path(text.split('.').map(|key| Step::Key(key.to_owned())).collect())
    }

    /// Returns this path, extended by keys separated by dots.
    pub(crate) fn then(&self, keys: &str) -> Self {
        Path(self.0.iter().cloned().chain(Path::of(keys).0).collect())
    }

    /// Returns this path, extended by one key, which may contain a dot.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// Returns this path, extended by an index.
    pub(crate) fn index(&self, at: usize) -> Self {
        self.step(Step::Index(at))
    }

    fn step(&self, step: Step) -> Self {
        let mut further = self.clone();
        further.0.push(step);
        further
    }

    /// Returns the path as the table of known keys writes it: with `*` for each index.
    pub(crate) fn pattern(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Index(_) => "*",
        });
        steps.collect::<Vec<_>>().join(".")
    }

    /// Returns whether a value at this path is a secret.
    pub(crate) fn holds_secret(&self) -> bool {
        let last = self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        matches!(last, Some("key" | "api_keys" | "secret" | "password"))
    }

    /// Returns whether no message may show the value: it is a secret, or a key may stand there by mistake. The sections of
    /// keys count as a whole.
    pub(crate) fn is_secret(&self) -> bool {
        let pattern = self.pattern();
        let is_below = |section: &str| {
            pattern.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.holds_secret()
            || ["api.auth", "gateway.auth", "state.url"].iter().any(|section| is_below(section))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
