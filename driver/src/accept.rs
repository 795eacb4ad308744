//! Reports about a listener that cannot accept connections.

use i3_core::machine::Listener;
use i3_core::notice::{Level, Notice};
use std::io;
use std::time::{Duration, Instant};

/// The pause after a failure to accept, such as too many open files. Without it the driver would try in a loop.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The interval between two reports of a lasting failure.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// A failure that is reported at most once in an interval.
#[derive(Clone, Debug)]
pub struct Complaint {
    on: Listener,
    level: Level,
    what: &'static str,
    told: Option<Instant>,
}

impl Complaint {
    /// Makes a complaint that has not been reported yet.
    pub fn new(on: Listener, level: Level, what: &'static str) -> Self {
        Complaint { on, level, what, told: None }
    }

    /// Makes the complaint about a system call that fails.
    pub fn cannot_accept(on: Listener) -> Self {
        Complaint::new(on, Level::Error, "cannot accept connections")
    }

    /// Notes that the failure has happened. Returns a notice, unless one was returned shortly before.
    pub fn again(&mut self, error: Option<&io::Error>) -> Option<Notice> {
        if self.told.is_some_and(|at| at.elapsed() < NOTICE_INTERVAL) {
            return None;
        }
        self.told = Some(Instant::now());
        let notice =
            Notice::new(self.level, "net", self.what).with("listener", format_args!("{:?}", self.on));
        Some(match error {
            Some(error) => notice.with("error", error),
            None => notice,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once() {
        let mut complaint = Complaint::cannot_accept(Listener::Lines);
        let error = io::Error::from(io::ErrorKind::OutOfMemory);
        let notice = complaint.again(Some(&error)).unwrap();
        assert_eq!(notice.what, "cannot accept connections");
        assert!(notice.to_string().contains("Lines") && notice.to_string().contains("memory"), "{notice}");
        assert!(complaint.again(Some(&error)).is_none());
    }
}
