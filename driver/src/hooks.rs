//! What a machine asks of the daemon around it, beside sockets.

use i3_core::machine::{Change, SaveTicket};
use i3_core::notice::{Level, Notice};
use std::fmt;

/// Carries out saves, notices and changes of the log's level. None of them may block or use the driver.
pub struct Hooks {
    /// Carries out saves; each is answered with [`Command::Saved`](crate::command::Command::Saved).
    pub save: Box<dyn FnMut(SaveTicket, Vec<Change>) + Send>,
    /// Carries notices to the operator.
    pub notice: Box<dyn FnMut(&Notice) + Send>,
    /// Changes the log's level.
    pub log_level: Box<dyn FnMut(Level) + Send>,
}

impl Hooks {
    /// Hooks that drop notices and leave the log alone. `unsaved` answers saves, each with
    /// [`Command::no_store`](crate::command::Command::no_store).
    pub fn new(mut unsaved: impl FnMut(SaveTicket) + Send + 'static) -> Hooks {
        Hooks {
            save: Box::new(move |ticket, _| unsaved(ticket)),
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
