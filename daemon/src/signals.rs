//! The requests that arrive as signals, and what a daemon does about each.

/// The request of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT: shut down.
    Shutdown,
    /// SIGHUP: reload the settings.
    Reload,
    /// SIGUSR1: restart with the state to restore.
    Restore,
}

/// The exit code that shells use for an interrupted program.
const INTERRUPTED: i32 = 130;

/// How a daemon has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By a request to shut down, or by itself.
    Stopped,
    /// By a request to restart with another state.
    ToRestore,
}

/// What a runtime does about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The attendant reloads the settings.
    Reload,
    /// The machine is told to shut down.
    Shutdown,
    /// The request has no effect.
    Nothing,
}

/// Whether a daemon is shutting down already, and why.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    begun: Option<Ended>,
    restores: bool,
}

impl Ending {
    /// For a daemon that can restart with another state.
    pub fn or_restore() -> Ending {
        Ending { begun: None, restores: true }
    }

    /// Returns what to do about a request. A second request to shut down ends the process at once.
    pub fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Reload => Answer::Reload,
            Request::Shutdown if self.begun.is_some() => std::process::exit(INTERRUPTED),
            Request::Shutdown => {
                log::info!(target: "daemon", "shutting down");
                crate::systemd::stopping();
                self.begin(Ended::Stopped)
            }
            Request::Restore if self.begun.is_some() => Answer::Nothing,
            Request::Restore if self.restores => {
                log::warn!(target: "daemon", "restarting to restore a copy of the state");
                self.begin(Ended::ToRestore)
            }
            Request::Restore => {
                log::warn!(target: "daemon", "SIGUSR1 has no effect: this program cannot restore a state");
                Answer::Nothing
            }
        }
    }

    fn begin(&mut self, ended: Ended) -> Answer {
        self.begun = Some(ended);
        Answer::Shutdown
    }

    /// Returns how the daemon has ended. A machine that stopped by itself is not restarted.
    pub fn ended(self) -> Ended {
        self.begun.unwrap_or(Ended::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_to_end_begins_the_end() {
        let mut ending = Ending::default();
        assert_eq!(ending.answer(Request::Reload), Answer::Reload);
        assert_eq!(ending.answer(Request::Restore), Answer::Nothing);
        assert_eq!(ending.answer(Request::Shutdown), Answer::Shutdown);
        assert_eq!(ending.answer(Request::Reload), Answer::Reload);
        assert_eq!(ending.ended(), Ended::Stopped);
        let mut ending = Ending::or_restore();
        assert_eq!(ending.answer(Request::Restore), Answer::Shutdown);
        assert_eq!(ending.answer(Request::Restore), Answer::Nothing);
        assert_eq!(ending.ended(), Ended::ToRestore);
    }
}
