//! The way to a value in the settings.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Into a section.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// `api.tcp.port`, `router.fallback[0].host`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// Of keys with dots between them.
    pub(crate) fn of(text: &str) -> Self {
        Path(text.split('.').map(|key| Step::Key(key.to_owned())).collect())
    }

    /// One or more keys further, with dots between them.
    pub(crate) fn then(&self, keys: &str) -> Self {
        Path(self.0.iter().cloned().chain(Path::of(keys).0).collect())
    }

    /// One key further, which may itself hold a dot.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// One element further.
    pub(crate) fn index(&self, at: usize) -> Self {
        self.step(Step::Index(at))
    }

    fn step(&self, step: Step) -> Self {
        let mut further = self.clone();
        further.0.push(step);
        further
    }

    /// The same with `*` for each element of a list: how the table of known keys writes it.
    pub(crate) fn pattern(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Index(_) => "*",
        });
        steps.collect::<Vec<_>>().join(".")
    }

    /// Whether the value must never be shown.
    pub(crate) fn is_secret(&self) -> bool {
        let last = self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        matches!(last, Some("key" | "api_keys" | "secret" | "password"))
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
