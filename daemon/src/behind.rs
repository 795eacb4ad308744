//! Why a node has to start anew.

use crate::error::DaemonError;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a gateway has to start anew, once that is known: it cannot be told what the other nodes have saved.
#[derive(Clone, Debug, Default)]
pub struct Behind(Arc<Mutex<Option<String>>>);

impl Behind {
    /// Notes the reason.
    pub(crate) fn set(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// The reason as an error that ends the daemon.
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        let why = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        why.map_or(Ok(()), |why| Err(DaemonError::Store(format!("{why}; the gateway has to start anew"))))
    }
}
