//! TLS in a program that was built without it: the settings cannot ask for it, so the rest is never reached.

use super::Findings;
use bytes::Bytes;
use i3_config::{ListenAt, Problem, Problems};
use i3_core::machine::LostBy;
use std::convert::Infallible;

/// There is none.
#[derive(Clone, Debug)]
pub struct Acceptor(Infallible);

impl Acceptor {
    /// Never called.
    pub fn begin(&self) -> Result<Session, String> {
        match self.0 {}
    }
}

/// Of no listener.
#[derive(Clone, Debug, Default)]
pub struct Acceptors {
    _none: (),
}

impl Acceptors {
    /// An error where the settings ask for TLS.
    pub fn load(listeners: &[ListenAt]) -> Result<Acceptors, Problems> {
        let problems = findings(listeners).problems;
        if problems.is_empty() { Ok(Acceptors::default()) } else { Err(Problems(problems)) }
    }

    /// Never one.
    pub fn of(&self, _: &ListenAt) -> Option<Acceptor> {
        None
    }

    /// The same as [`Acceptors::load`].
    pub fn reload(&self, listeners: &[ListenAt]) -> Result<usize, Problems> {
        Acceptors::load(listeners).map(|_| 0)
    }
}

/// The same errors.
pub fn findings(listeners: &[ListenAt]) -> Findings {
    let mut found = Findings::default();
    for tls in listeners.iter().filter_map(|at| at.tls.as_ref()) {
        let message = "this program was built without TLS";
        let fix = "build it with the feature `tls`, or put a proxy in front of it";
        found.problems.push(Problem::error(&tls.certificate.key, message, fix));
    }
    found.problems.dedup();
    found
}

/// What some bytes meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Never.
    pub secured: bool,
    /// Never.
    pub end: Option<LostBy>,
}

/// There is none.
#[derive(Debug)]
pub struct Session(Infallible);

impl Session {
    /// Never called.
    pub fn receive(&mut self, _: &[u8], _: &mut Vec<u8>) -> Heard {
        match self.0 {}
    }

    /// Never called.
    pub fn take_outgoing(&mut self) -> Option<Bytes> {
        match self.0 {}
    }

    /// Never called.
    pub fn seal(&mut self, _: &mut Vec<Bytes>) -> Result<(), LostBy> {
        match self.0 {}
    }

    /// Never called.
    pub fn close(&mut self) -> Option<Bytes> {
        match self.0 {}
    }
}

/// The tools' side.
pub mod client {
    use i3_config::TlsFiles;
    use std::io;
    use std::net::TcpStream;

    /// An error.
    pub fn local(_: TcpStream, _: &TlsFiles) -> io::Result<TcpStream> {
        Err(io::Error::other("this program was built without TLS"))
    }
}
