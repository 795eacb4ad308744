//! Kept events: which events are kept, for whom, and when they are replayed.
//!
//! Events for a mud (tells, answers, lines of the channels it listens to) go into the mud's log under their event ids,
//! and from there to the store. A new session receives, marked as a replay:
//!
//! - with no arguments: events that no session of the game has taken;
//! - with a last event id: all events after that one, whoever received them;
//! - with a client name: all events after the cursors of that name. A client belongs to a key, and has a cursor in each
//!   lane. A client that acknowledges moves its cursors by that alone; the cursors of one that never did follow what its
//!   connection has taken.
//!
//! Lines of a channel are replayed when the session joins the channel. The channels of a named client are remembered;
//! the replay of a lane that is new to the client begins with the first event that no game has taken.
//!
//! "Delivered" means that the connection of a session that speaks for the game has taken the event. Which events were
//! delivered is saved a second later; after a crash in between they are replayed again, and never lost.
//!
//! The journal does not depend on sessions: the layers above it report which events were delivered, and to which
//! client.

mod all;
mod alone;
mod cursors;
mod ids;
mod kept;
mod lane;
mod marks;
mod reader;
mod record;
mod selection;
mod shares;

pub(crate) use all::{Journal, Unread};
pub(crate) use alone::marks_of_one;
pub use cursors::CLIENTS_MAX;
pub(crate) use cursors::full_name;
pub(crate) use ids::{carry_over, change as reserve, reserved, set_aside};
pub(crate) use kept::Log;
pub(crate) use reader::{Job, Reader};
pub(crate) use record::{LaneKey, LaneName, Record, Since};
pub use selection::Selection;
