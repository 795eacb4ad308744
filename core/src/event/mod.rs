//! The events that the gateway sends to clients: the members of each, who may receive it, and how long it is kept.
//!
//! [`kind`] describes the properties of events, [`told`] has their members, and [`list`](mod@list) is the list of all
//! events.

pub mod kind;
pub mod list;
pub mod told;

pub use kind::{Class, Kind, Weight};
pub use list::{Event, KINDS, find};
