//! What a gateway and its process exchange: the process reports its figures for `/metrics`, and the gateway reports its
//! health for the service manager and the log.

use crate::time::{Instant, UnixTime};
use std::time::Duration;

/// The figures of the process, from the operating system. `None` if the system does not report them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// When the report was due. Its delay is the delay of the loop that drives the machine.
    pub due: Instant,
    /// Resident memory, in bytes.
    pub resident_bytes: Option<u64>,
    /// Virtual memory, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open file descriptors, including sockets.
    pub open_files: Option<u64>,
    /// The limit of open file descriptors.
    pub open_files_max: Option<u64>,
    /// Number of threads.
    pub threads: Option<u64>,
    /// CPU time of all threads.
    pub cpu: Option<Duration>,
    /// Lines of the log that were dropped or could not be written.
    pub log_lines_lost: u64,
    /// When the process was started.
    pub started: Option<UnixTime>,
}

/// Number of links that one line lists as not ready.
const LINKS_SHOWN_MAX: usize = 3;

/// The health of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether every router link is ready.
    pub ready: bool,
    /// Number of ready router links.
    pub links_ready: usize,
    /// Number of router links.
    pub links: usize,
    /// For each other link: its mud, its state, and its last error.
    pub links_down: Vec<String>,
    /// Whether the store accepts no changes.
    pub storage_failing: bool,
    /// Number of identified sessions.
    pub sessions: usize,
    /// The delay of the loop that drives the machine.
    pub lag: Duration,
    /// What uses memory, by name: a number of entries, or of bytes if the name says so.
    pub holds: Vec<(&'static str, usize)>,
}

/// Writes one line for people.
impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} router links ready, {} sessions", self.links_ready, self.links, self.sessions)?;
        if self.storage_failing {
            f.write_str("; nothing is saved")?;
        }
        self.links_down.iter().take(LINKS_SHOWN_MAX).try_for_each(|link| write!(f, "; {link}"))
    }
}
