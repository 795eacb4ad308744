//! Why the gateway must be woken.

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
    /// A packet has waited too long for the router of a mud.
    Expire(MudId),
    /// A client's connection is idle, slow, or to be pinged.
    Client(ConnId),
    /// A request has waited long enough for its answer.
    Answer(Ticket),
    /// A filter request has waited long enough for its game.
    Filter(u64),
    /// Kept events have become too old.
    Sweep,
    /// It is time to save which events were delivered.
    Marks,
    /// It is time to try a failed save again.
    Save,
    /// The shutdown has taken long enough.
    Stop,
}
