//! The acceptors of the listeners, with certificates and keys from the files of the settings.

use super::files;
use i3_config::{ListenAt, Problem, Problems, Severity};
use i3_core::machine::Listener;
use i3_driver::tls::Acceptor;
use rustls::server::ServerConfig;
use std::sync::Arc;

/// The acceptors of all listeners with TLS: one for each kind of listener.
#[derive(Clone, Debug, Default)]
pub struct Acceptors {
    each: Vec<(Listener, Acceptor)>,
}

impl Acceptors {
    /// Reads the files of these listeners. The error lists their problems.
    pub fn load(listeners: &[ListenAt]) -> Result<Acceptors, Problems> {
        let read = read(listeners)?;
        let each = read.into_iter().map(|(listener, config)| (listener, Acceptor::new(config)));
        Ok(Acceptors { each: each.collect() })
    }

    /// Returns the acceptor of a listener, if it has TLS.
    pub fn of(&self, at: &ListenAt) -> Option<Acceptor> {
        let found = self.each.iter().find(|(listener, _)| *listener == at.listener && at.tls.is_some())?;
        Some(found.1.clone())
    }

    /// Reads the files that the settings now name, for use by new connections. After an error, nothing has changed. Returns
    /// how many kinds of listeners have TLS.
    pub fn reload(&self, listeners: &[ListenAt]) -> Result<usize, Problems> {
        for (listener, config) in read(listeners)? {
            // A listener that started without TLS gets it only after a restart.
            if let Some((_, acceptor)) = self.each.iter().find(|(known, _)| *known == listener) {
                acceptor.replace(config);
            }
        }
        Ok(self.each.len())
    }
}

/// Reads all files, once for each kind of listener.
fn read(listeners: &[ListenAt]) -> Result<Vec<(Listener, Arc<ServerConfig>)>, Problems> {
    let mut read: Vec<(Listener, Arc<ServerConfig>)> = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for at in listeners {
        let Some(tls) = at.tls.as_ref().filter(|_| read.iter().all(|(known, _)| *known != at.listener))
        else {
            continue;
        };
        match files::server_config(tls) {
            Ok((config, notes)) => {
                read.push((at.listener, config));
                for problem in notes.problems {
                    log::warn!(target: "net", "{}", problem.text());
                }
            }
            Err(found) => problems.extend(found.0),
        }
    }
    problems.dedup();
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Problems(problems));
    }
    Ok(read)
}
