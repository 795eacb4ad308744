//! The state of this run of the gateway as a whole.

use crate::audit::Audit;
use crate::health::Process;
use crate::hour::Hour;
use crate::notice::{Level, Repeated};
use crate::time::Instant;
use std::time::Duration;

/// The state of this run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) started: Instant,
    /// The gateway is shutting down.
    pub(crate) stopping: bool,
    /// It has ended: nothing that comes changes anything.
    pub(crate) stopped: bool,
    /// The gateway gives its links to other nodes, and shuts down then.
    pub(crate) leaving: bool,
    /// The driver's last figures of the process.
    pub(crate) process: Option<Process>,
    /// The delay of the driver's loop at that time.
    pub(crate) lag: Duration,
    /// The level of the log.
    pub(crate) log_level: Level,
    /// The last hour.
    pub(crate) hour: Hour,
    /// What administrators have done.
    pub(crate) audit: Audit,
    /// Lines of the history that left memory before they were saved.
    pub(crate) lines_lost: Repeated,
}

impl Run {
    /// Begins a run.
    pub(crate) fn new(started: Instant, log_level: Level) -> Run {
        Run {
            started,
            stopping: false,
            stopped: false,
            leaving: false,
            process: None,
            lag: Duration::ZERO,
            log_level,
            hour: Hour::default(),
            audit: Audit::default(),
            lines_lost: Repeated::default(),
        }
    }
}
