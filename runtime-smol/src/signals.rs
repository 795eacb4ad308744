//! Receives the signals of the process.

use async_signal::Signal;
use futures_lite::stream::StreamExt;
pub use i3_daemon::signals::Request;
use std::io;

/// The signals of this process.
#[derive(Debug)]
pub struct Signals {
    signals: async_signal::Signals,
}

impl Signals {
    /// Installs handlers of SIGTERM, SIGINT, SIGHUP and SIGUSR1.
    pub fn new() -> io::Result<Self> {
        let signals = [Signal::Term, Signal::Int, Signal::Hup, Signal::Usr1];
        Ok(Signals { signals: async_signal::Signals::new(signals)? })
    }

    /// Waits for the next request. After an error there are no more requests.
    pub async fn next(&mut self) -> io::Result<Request> {
        match self.signals.next().await {
            Some(Ok(Signal::Hup)) => Ok(Request::Reload),
            Some(Ok(Signal::Usr1)) => Ok(Request::Restore),
            Some(Ok(_)) => Ok(Request::Shutdown),
            Some(Err(error)) => Err(error),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
