//! Begins the TLS sessions of a listener.

use super::session::TlsSession;
use rustls::server::ServerConfig;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Begins the TLS sessions of a listener, with settings that can be replaced.
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
    /// Makes an acceptor with these settings.
    pub fn new(config: Arc<ServerConfig>) -> Acceptor {
        Acceptor { current: Arc::new(RwLock::new(config)) }
    }

    /// Replaces the settings of this acceptor and of its clones. They apply to new connections only.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Begins the session of a new connection.
    pub fn begin(&self) -> Result<TlsSession, String> {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        TlsSession::new(config).map_err(|error| error.to_string())
    }
}
