//! The commands that other threads and tasks send to a running driver.

use i3_core::machine::{Input, SaveTicket};

/// How many commands may wait. Further senders wait for room.
pub const COMMANDS_MAX: usize = 1024;

/// One command.
#[derive(Debug)]
pub enum Command {
    /// The result of a save. The driver passes it on as [`Input::Saved`].
    Saved {
        /// The ticket of the save.
        ticket: SaveTicket,
        /// The error text of the store, if the save failed.
        outcome: Result<(), String>,
    },
    /// The store has lost what was saved. The driver passes it on as [`Input::StoreLost`].
    StoreLost {
        /// What happened, for people.
        reason: String,
    },
    /// Shut down. The driver passes it on as [`Input::Shutdown`].
    Shutdown,
}

impl Command {
    /// Makes the answer to a save of a machine without a store.
    pub fn no_store(ticket: SaveTicket) -> Self {
        Command::Saved { ticket, outcome: Err("there is no store".to_owned()) }
    }
}

impl From<Command> for Input<'_> {
    fn from(command: Command) -> Self {
        match command {
            Command::Saved { ticket, outcome } => Input::Saved { ticket, outcome },
            Command::StoreLost { reason } => Input::StoreLost { reason },
            Command::Shutdown => Input::Shutdown,
        }
    }
}
