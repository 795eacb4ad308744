//! What the sessions of a listener begin with.

use super::session::Session;
use rustls::server::ServerConfig;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Begins the sessions of a listener, with the settings of TLS that it was given last.
#[derive(Clone)]
pub struct Acceptor {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl Acceptor {
    /// An acceptor that begins with these settings.
    pub fn new(config: Arc<ServerConfig>) -> Acceptor {
        Acceptor { current: Arc::new(RwLock::new(config)) }
    }

    /// Replaces the settings, in every clone: new connections begin with `config`, open ones stay as they are.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The session of a new connection.
    pub fn begin(&self) -> Result<Session, String> {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        Session::new(config).map_err(|error| error.to_string())
    }
}
