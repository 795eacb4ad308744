//! The reasons for which the gateway must be woken.

use crate::ids::{MudId, Ticket};
use crate::link::Wait;
use crate::machine::ConnId;

/// The reason of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// The link of a mud waits for something.
    Link(MudId, Wait),
    /// A packet may go to the router of a mud.
    Pace(MudId),
    /// A packet has waited too long for the router of a mud and must be dropped.
    Expire(MudId),
    /// The deadline of a client's connection.
    Client(ConnId),
    /// A request has waited long enough for its answer.
    Answer(Ticket),
    /// A filter request has waited long enough for its game.
    Filter(u64),
    /// Requests wait for their turn.
    Turn,
    /// Kept events have become too old.
    Sweep,
    /// It is time to tell the store which lines of the history it keeps.
    Lines,
    /// It is time to save which events were delivered.
    Marks,
    /// It is time to tell other nodes which requests were let through.
    Used,
    /// It is time to try a failed save again.
    Save,
    /// The shutdown must be completed.
    Stop,
    /// A mud that speaks Intermud-3 has been away for as long as the gateway stays logged in for it.
    Away(MudId),
    /// A beat is due, or a mud may be given to another node.
    Beat,
    /// A lease of this node ends, unless it was prolonged.
    LeaseEnd,
    /// Other nodes have had their time to take the links: the shutdown goes on.
    Leave,
}
