//! Why a daemon did not start, or why it ended.

use std::fmt;

/// An error that ends a daemon, with a text for people.
#[derive(Debug)]
pub enum DaemonError {
    /// The settings are wrong.
    Settings(String),
    /// The state directory cannot be used.
    Store(String),
    /// A listener cannot be opened.
    Listen(String),
    /// Another error of the operating system.
    System(String),
}

impl DaemonError {
    /// A listener cannot be opened.
    pub fn listen(error: impl fmt::Display) -> Self {
        DaemonError::Listen(error.to_string())
    }

    /// The signal handlers cannot be installed.
    pub fn signals(error: impl fmt::Display) -> Self {
        DaemonError::System(format!("signals: {error}"))
    }
}

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonError::Settings(text) => write!(f, "settings: {text}"),
            DaemonError::Store(text) => write!(f, "state: {text}"),
            DaemonError::Listen(text) => write!(f, "listening: {text}"),
            DaemonError::System(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DaemonError {}
