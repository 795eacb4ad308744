//! Connected clients: their sessions, addresses, permissions, request rates and subscriptions. Nothing here depends on
//! a front door.

pub mod addresses;
mod all;
mod audience;
pub mod keys;
pub mod proxies;
pub mod rates;
mod session;
pub mod strangers;
mod way;

pub use all::{
    ALL_PENDING_BYTES_MAX, CHANNEL_PENDING_BYTES_MAX, CLIENT_CROWDED_BYTES_MAX, CLIENT_PAUSE_BYTES,
    CLIENT_PENDING_BYTES_MAX, PRESENCE_PENDING_BYTES_MAX, RESERVED_PLACES,
};
pub(crate) use all::{Clients, Dismissal, Goodbye};
pub use session::{CLIENT_STALLED_MAX, Role};
pub(crate) use session::{Identified, Joined, Session};
pub use way::Framed;
pub(crate) use way::{Encode, Posted, RUNS_MAX, Views, Way};
