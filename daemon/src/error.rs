//! Why a daemon did not start, or ended badly.

use std::fmt;

/// What could not be used, and the system's text.
#[derive(Debug)]
pub enum DaemonError {
    /// The settings cannot be used.
    Settings(String),
    /// The state directory cannot be used.
    Store(String),
    /// An address cannot be listened at.
    Listen(String),
    /// The system refuses something else.
    System(String),
}

impl DaemonError {
    /// An address cannot be listened at.
    pub fn listen(error: impl fmt::Display) -> Self {
        DaemonError::Listen(error.to_string())
    }

    /// Signals cannot be taken over.
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
