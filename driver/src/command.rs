//! What other threads and tasks tell a running driver.

use i3_core::machine::{Input, SaveTicket};

/// How many commands may wait; further senders wait themselves.
pub const COMMANDS_MAX: usize = 1024;

/// One command.
#[derive(Debug)]
pub enum Command {
    /// The answer to a save: becomes [`Input::Saved`].
    Saved {
        /// Which one.
        ticket: SaveTicket,
        /// The system's text on failure.
        outcome: Result<(), String>,
    },
    /// End in order: becomes [`Input::Shutdown`].
    Shutdown,
}

impl Command {
    /// The answer to a save where nothing can be saved.
    pub fn no_store(ticket: SaveTicket) -> Self {
        Command::Saved { ticket, outcome: Err("there is no store".to_owned()) }
    }
}

impl From<Command> for Input<'_> {
    fn from(command: Command) -> Self {
        match command {
            Command::Saved { ticket, outcome } => Input::Saved { ticket, outcome },
            Command::Shutdown => Input::Shutdown,
        }
    }
}
