//! Replaces this module in a program that was built without TLS. Settings that need TLS are an error.

use super::found::Findings;
use i3_config::{ListenAt, Problem, Problems};
use i3_driver::tls::Acceptor;

/// The acceptors of no listener.
#[derive(Clone, Debug, Default)]
pub struct Acceptors {
    _none: (),
}

impl Acceptors {
    /// Returns an error if the settings need TLS.
    pub fn load(listeners: &[ListenAt]) -> Result<Acceptors, Problems> {
        let problems = findings(listeners).problems;
        if problems.is_empty() { Ok(Acceptors::default()) } else { Err(Problems(problems)) }
    }

    /// Returns `None`.
    pub fn of(&self, _: &ListenAt) -> Option<Acceptor> {
        None
    }

    /// Returns an error if the settings need TLS.
    pub fn reload(&self, listeners: &[ListenAt]) -> Result<usize, Problems> {
        Acceptors::load(listeners).map(|_| 0)
    }
}

/// Returns a problem for each listener that needs TLS.
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

/// TLS for the gateway's own tools.
pub mod client {
    use i3_config::TlsFiles;
    use std::io;
    use std::net::TcpStream;

    /// Returns an error.
    pub fn local(_: TcpStream, _: &TlsFiles) -> io::Result<TcpStream> {
        Err(io::Error::other("this program was built without TLS"))
    }
}
