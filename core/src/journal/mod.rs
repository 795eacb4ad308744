//! Events that are not lost: what is kept of them, for whom, and when it is given again.
//!
//! What is meant for a mud (tells, answers, lines of the channels it hears) goes into its log with the event's id, and
//! from there to the store. A session that comes gets of it, marked as a replay:
//!
//! - with no arguments: events not yet delivered to any session of its mud;
//! - with a last event id: all events after that one, whoever received them;
//! - with a client name: all events after the cursor of that name. A client that acknowledges moves its cursor by that
//!   alone; the cursor of one that never did follows what was written to its connection.
//!
//! Lines of a channel come when the session joins it: until then it does not hear the channel. The channels of a named
//! client are remembered, so a channel that is new to it begins with what no session has had.
//!
//! "Delivered" means written to a connection: what a connection still held when it broke counts as not delivered, as long
//! as no other session of the mud received it. Which events were delivered is saved a second later; a crash in between
//! gives them again, and never loses them.
//!
//! Nothing here knows a session: what was delivered, and to whom, comes from above.

mod all;
mod cursors;
mod ids;
mod lane;
mod log;
mod reader;
mod record;

pub(crate) use self::log::Log;
pub(crate) use all::{Journal, Unread};
pub use cursors::CLIENTS_MAX;
pub(crate) use ids::{carry_over, set_aside};
pub(crate) use reader::{Job, Reader};
pub(crate) use record::{LaneName, Record, Since};
