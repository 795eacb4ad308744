//! Receives the signals of the process.

pub use i3_daemon::signals::Request;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator;
use std::io;

/// The signals of this process.
#[derive(Debug)]
pub struct Signals {
    signals: iterator::Signals,
}

impl Signals {
    /// Installs handlers of SIGTERM, SIGINT, SIGHUP and SIGUSR1.
    pub fn new() -> io::Result<Self> {
        Ok(Signals { signals: iterator::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])? })
    }

    /// Returns a closer, which ends the current and all later calls of [`Signals::next_request`] from any thread.
    pub fn closer(&self) -> Closer {
        Closer { handle: self.signals.handle() }
    }

    /// Waits for the next request, and blocks the thread. `None` after [`Closer::close`].
    pub fn next_request(&mut self) -> Option<Request> {
        match self.signals.forever().next()? {
            SIGHUP => Some(Request::Reload),
            SIGUSR1 => Some(Request::Restore),
            _ => Some(Request::Shutdown),
        }
    }
}

/// Ends the wait for signals.
#[derive(Clone, Debug)]
pub struct Closer {
    handle: iterator::Handle,
}

impl Closer {
    /// Ends the requests. The handlers stay installed, so later signals have no effect.
    pub fn close(&self) {
        self.handle.close();
    }
}
