//! This run of the gateway: facts about the process and the program as a whole.

use crate::health::Process;
use crate::notice::Level;
use crate::time::Instant;
use std::time::Duration;

/// What is known of this run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) started: Instant,
    /// It was told to end.
    pub(crate) stopping: bool,
    /// What the driver last reported of the process.
    pub(crate) process: Option<Process>,
    /// How far the driver's loop was behind then.
    pub(crate) lag: Duration,
    /// What the log shows.
    pub(crate) log_level: Level,
}

impl Run {
    /// A run that begins.
    pub(crate) fn new(started: Instant, log_level: Level) -> Run {
        Run { started, stopping: false, process: None, lag: Duration::ZERO, log_level }
    }
}
