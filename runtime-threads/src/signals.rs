//! What the operating system's signals ask for.

pub use i3_daemon::signals::Request;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator;
use std::io;

/// The signals of this process, from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    signals: iterator::Signals,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT, SIGHUP and SIGUSR1.
    pub fn new() -> io::Result<Self> {
        Ok(Signals { signals: iterator::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])? })
    }

    /// Ends a [`Signals::next_request`] that waits, and all later ones, from any thread.
    pub fn closer(&self) -> Closer {
        Closer { handle: self.signals.handle() }
    }

    /// Waits for the next one, on a thread that has nothing else to do. `None` after [`Closer::close`].
    pub fn next_request(&mut self) -> Option<Request> {
        match self.signals.forever().next()? {
            SIGHUP => Some(Request::Reload),
            SIGUSR1 => Some(Request::Restore),
            _ => Some(Request::Shutdown),
        }
    }
}

/// Ends the waiting for signals.
#[derive(Clone, Debug)]
pub struct Closer {
    handle: iterator::Handle,
}

impl Closer {
    /// There will be no more requests. The signals stay taken over: one that comes now does nothing.
    pub fn close(&self) {
        self.handle.close();
    }
}
