//! Kept events: which events are kept, for whom, and when they are replayed.
//!
//! Events for a mud (tells, answers, lines of the channels it listens to) go into the mud's log under their event ids,
//! and from there to the store. A new session receives, marked as a replay:
//!
//! - with no arguments: events not yet delivered to any session of its mud;
//! - with a last event id: all events after that one, whoever received them;
//! - with a client name: all events after the cursor of that name. A client that acknowledges moves its cursor by that
//!   alone; the cursor of one that never did follows what was written to its connection.
//!
//! Lines of a channel are replayed when the session joins the channel. The channels of a named client are remembered;
//! the replay of a channel that is new to the client begins with the first event that no session has received.
//!
//! "Delivered" means written to a connection. Bytes that a connection still held when it broke count as not delivered,
//! unless another session of the mud received the event. Which events were delivered is saved a second later; after a
//! crash in between they are replayed again, and never lost.
//!
//! The journal does not depend on sessions: the layers above it report which events were delivered, and to which
//! client.

mod all;
mod cursors;
mod ids;
mod lane;
mod log;
mod reader;
mod record;

pub(crate) use all::{Journal, Unread};
pub use cursors::CLIENTS_MAX;
pub(crate) use ids::{carry_over, set_aside};
pub(crate) use log::Log;
pub(crate) use reader::{Job, Reader};
pub(crate) use record::{LaneName, Record, Since};
