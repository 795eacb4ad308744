//! The commands that other threads and tasks send to a running driver.

use i3_core::machine::{Beaten, Input, SaveError, SaveTicket, Told};
use i3_core::query::Page;

/// How many commands may wait. Further senders wait for room.
pub const COMMANDS_MAX: usize = 1024;

/// One command.
#[derive(Debug)]
pub enum Command {
    /// The result of a save. The driver passes it on as [`Input::Saved`].
    Saved {
        /// The ticket of the save.
        ticket: SaveTicket,
        /// Why it was not written.
        outcome: Result<(), SaveError>,
    },
    /// The answer to a question to the store. The driver passes it on as [`Input::Found`].
    Found {
        /// The number of the question.
        query: u64,
        /// The lines, or the error text of the store.
        outcome: Result<Page, String>,
    },
    /// What nodes have saved. The driver passes it on as [`Input::Told`].
    Told(Told),
    /// The answer to a beat. The driver passes it on as [`Input::Beaten`].
    Beaten {
        /// The number of the beat.
        beat: u64,
        /// The leases and nodes, or the error text of the database.
        outcome: Result<Beaten, String>,
    },
    /// All that was saved before a beat was told. The driver passes it on as [`Input::Followed`].
    Followed {
        /// The number of the beat.
        beat: u64,
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
        Command::Saved { ticket, outcome: Err(SaveError::Failed("there is no store".to_owned())) }
    }

    /// Makes the answer to a question of a machine without a store.
    pub fn nothing_found(query: u64) -> Self {
        Command::Found { query, outcome: Ok(Page::default()) }
    }
}

impl From<Command> for Input<'_> {
    fn from(command: Command) -> Self {
        match command {
            Command::Saved { ticket, outcome } => Input::Saved { ticket, outcome },
            Command::Found { query, outcome } => Input::Found { query, outcome },
            Command::Told(told) => Input::Told(told),
            Command::Beaten { beat, outcome } => Input::Beaten { beat, outcome },
            Command::Followed { beat } => Input::Followed { beat },
            Command::StoreLost { reason } => Input::StoreLost { reason },
            Command::Shutdown => Input::Shutdown,
        }
    }
}
