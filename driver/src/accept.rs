//! What is done about a listener that cannot accept.

use i3_core::machine::Listener;
use i3_core::notice::{Level, Notice};
use std::io;
use std::time::{Duration, Instant};

/// How long nothing is accepted after a failure, such as too many open files: trying at once would spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often something that lasts is told.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// Something that is told again only after a while.
#[derive(Clone, Debug)]
pub struct Complaint {
    on: Listener,
    level: Level,
    what: &'static str,
    told: Option<Instant>,
}

impl Complaint {
    /// Nothing has been told of it yet.
    pub fn new(on: Listener, level: Level, what: &'static str) -> Self {
        Complaint { on, level, what, told: None }
    }

    /// The complaint that the system refuses to accept.
    pub fn cannot_accept(on: Listener) -> Self {
        Complaint::new(on, Level::Error, "cannot accept connections")
    }

    /// It is so again: what to tell, unless that was told just before.
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
