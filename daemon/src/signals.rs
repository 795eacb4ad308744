//! What the operating system's signals ask for, and what a daemon does about it.

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT: end in order.
    Shutdown,
    /// SIGHUP: read the settings again.
    Reload,
    /// SIGUSR1: take over the state that is to be restored.
    Restore,
}

/// What a shell calls the end by an interrupt.
const INTERRUPTED: i32 = 130;

/// Whether a daemon is ending already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    begun: bool,
    restores: bool,
}

impl Ending {
    /// Of a daemon that can go on with another state.
    pub fn or_restore() -> Ending {
        Ending { begun: false, restores: true }
    }

    /// Whether this request begins the end. A second one to end does not wait for that: it ends the process at once.
    pub fn begins_with(&mut self, request: Request) -> bool {
        match request {
            Request::Shutdown if self.begun => std::process::exit(INTERRUPTED),
            Request::Shutdown => {
                log::info!(target: "daemon", "shutting down");
                crate::systemd::stopping();
                self.begun = true;
                true
            }
            Request::Restore if self.begun => false,
            Request::Restore if self.restores => {
                log::warn!(target: "daemon", "ending to go on with a restored state");
                self.begun = true;
                true
            }
            Request::Restore => {
                log::warn!(target: "daemon", "SIGUSR1: there is nothing to restore here");
                false
            }
            Request::Reload => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_to_end_begins_the_end() {
        let mut ending = Ending::default();
        assert!(!ending.begins_with(Request::Reload));
        assert!(!ending.begins_with(Request::Restore));
        assert!(ending.begins_with(Request::Shutdown));
        assert!(!ending.begins_with(Request::Reload));
        let mut ending = Ending::or_restore();
        assert!(ending.begins_with(Request::Restore));
        assert!(!ending.begins_with(Request::Restore));
    }
}
