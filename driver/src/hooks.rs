//! The outputs of a machine that have nothing to do with sockets.

use i3_core::machine::{Change, Clear, SaveTicket};
use i3_core::notice::{Level, Notice};
use std::fmt;

/// The functions that carry out saves, notices and changes of the log's level. They must not block or use the driver.
pub struct Hooks {
    /// Carries out a save, which is answered with [`Command::Saved`](crate::command::Command::Saved).
    pub save: Box<dyn FnMut(SaveTicket, Clear, Vec<Change>) + Send>,
    /// Writes a notice to the log.
    pub notice: Box<dyn FnMut(&Notice) + Send>,
    /// Changes the log's level.
    pub log_level: Box<dyn FnMut(Level) + Send>,
}

impl Hooks {
    /// Makes hooks that drop notices and do not change the log. `unsaved` must answer each save with
    /// [`Command::no_store`](crate::command::Command::no_store).
    pub fn new(mut unsaved: impl FnMut(SaveTicket) + Send + 'static) -> Hooks {
        Hooks {
            save: Box::new(move |ticket, _, _| unsaved(ticket)),
            notice: Box::new(|_| {}),
            log_level: Box::new(|_| {}),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
