//! What a gateway and the process that it runs in know of each other: figures for `/metrics` one way, a report for the
//! service manager and the log the other way.

use crate::time::{Instant, UnixTime};
use std::time::Duration;

/// Figures of the process, as the operating system says. What it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// When the report was due: what passes until it is made is how far the loop that drives the machine is behind.
    pub due: Instant,
    /// Memory that is in use, in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open files, sockets among them.
    pub open_files: Option<u64>,
    /// How many may be open.
    pub open_files_max: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Processor time, of all threads.
    pub cpu: Option<Duration>,
    /// When it was started.
    pub started: Option<UnixTime>,
}

/// How many links that are not ready are shown on one line.
const LINKS_SHOWN_MAX: usize = 3;

/// How a gateway is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Every router link is ready.
    pub ready: bool,
    /// Router links that are ready.
    pub links_ready: usize,
    /// Router links.
    pub links: usize,
    /// Of each of the others: whose it is, what it does, and what was last wrong with it.
    pub links_down: Vec<String>,
    /// Sessions that have shown a key.
    pub sessions: usize,
    /// How far the loop that drives the machine was behind.
    pub lag: Duration,
    /// What holds memory, by name: entries, or bytes where the name says so.
    pub holds: Vec<(&'static str, usize)>,
}

/// One line for people.
impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} router links ready, {} sessions", self.links_ready, self.links, self.sessions)?;
        self.links_down.iter().take(LINKS_SHOWN_MAX).try_for_each(|link| write!(f, "; {link}"))
    }
}
