//! What the operating system's signals ask for, and what a daemon does about it.

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT: end in order.
    Shutdown,
    /// SIGHUP: read the settings again.
    Reload,
}

/// What a shell calls the end by an interrupt.
const INTERRUPTED: i32 = 130;

/// Whether a daemon is ending already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    begun: bool,
}

impl Ending {
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
        assert!(ending.begins_with(Request::Shutdown));
        assert!(!ending.begins_with(Request::Reload));
    }
}
