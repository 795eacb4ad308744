//! What the threads of a store report.

use i3_core::machine::{Beaten, SaveError, SaveTicket, Told};
use i3_core::query::Page;

/// What the threads report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The changes of a save are durable, or it has failed.
    Saved(SaveTicket, Result<(), SaveError>),
    /// What was saved is gone: its file was removed, moved or replaced. The text is for people. It is reported again every
    /// five seconds as long as it is not written anew.
    Lost(String),
    /// A save of any node.
    Told(Told),
    /// Leases and nodes.
    Beaten {
        /// The number of the beat that this answers. 0: it answers none, because another node has changed something.
        beat: u64,
        /// The leases and nodes, or why they are not known.
        outcome: Result<Beaten, String>,
    },
    /// All saves before the beat with this number were told.
    Followed(u64),
    /// This node cannot be told what follows, so it has to start anew. The text is for people.
    Behind(String),
    /// The answer to a question about lines of the history.
    Found(u64, Result<Page, String>),
}
