//! The outputs of a machine that have nothing to do with sockets.

use crate::command::Command;
use i3_core::machine::{Beat, Change, Clear, Fence, SaveTicket};
use i3_core::notice::{Level, Notice};
use i3_core::query::Query;
use std::fmt;

/// A save that a machine wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Save {
    /// The answer must carry this ticket.
    pub ticket: SaveTicket,
    /// What is removed first.
    pub clear: Clear,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The muds whose holder this node must be.
    pub fences: Vec<Fence>,
}

/// The functions that carry out saves, questions, notices and changes of the log's level. They must not block or use the driver.
pub struct Hooks {
    /// Carries out a save, which is answered with [`Command::Saved`].
    pub save: Box<dyn FnMut(Save) + Send>,
    /// Asks the store, which is answered with [`Command::Found`].
    pub query: Box<dyn FnMut(u64, Query) + Send>,
    /// Carries out a beat, which is answered with [`Command::Beaten`].
    pub beat: Box<dyn FnMut(u64, Beat) + Send>,
    /// Writes a notice to the log.
    pub notice: Box<dyn FnMut(&Notice) + Send>,
    /// Changes the log's level.
    pub log_level: Box<dyn FnMut(Level) + Send>,
}

impl Hooks {
    /// Makes hooks of a machine without a store. They drop notices and do not change the log. `answer` gets the answers to
    /// saves, which fail, and to questions, which find nothing.
    pub fn new(answer: impl Fn(Command) + Clone + Send + 'static) -> Hooks {
        let found = answer.clone();
        Hooks {
            save: Box::new(move |save: Save| answer(Command::no_store(save.ticket))),
            query: Box::new(move |query, _| found(Command::nothing_found(query))),
            beat: Box::new(|_, _| {}),
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
