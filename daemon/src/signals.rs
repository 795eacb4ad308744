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

/// How a daemon has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It is to go on with another state.
    ToRestore,
}

/// What a runtime does about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What looks after the machine reads the settings again.
    Reload,
    /// The machine is told to end in order.
    Shutdown,
    /// Nothing.
    Nothing,
}

/// Whether a daemon is ending already, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    begun: Option<Ended>,
    restores: bool,
}

impl Ending {
    /// Of a daemon that can go on with another state.
    pub fn or_restore() -> Ending {
        Ending { begun: None, restores: true }
    }

    /// What to do about a request. A second one to end does not wait for that: it ends the process at once.
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
                log::warn!(target: "daemon", "ending to go on with a restored state");
                self.begin(Ended::ToRestore)
            }
            Request::Restore => {
                log::warn!(target: "daemon", "SIGUSR1: there is nothing to restore here");
                Answer::Nothing
            }
        }
    }

    fn begin(&mut self, ended: Ended) -> Answer {
        self.begun = Some(ended);
        Answer::Shutdown
    }

    /// How the daemon has ended. A machine that stopped by itself was not to be restored.
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
