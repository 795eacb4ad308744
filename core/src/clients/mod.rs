//! Connected clients: their sessions, addresses, permissions, request rates and subscriptions. Nothing here depends on
//! a front door.

pub mod addresses;
mod all;
mod audience;
mod elsewhere;
pub mod keys;
mod mud_client;
mod person;
pub mod proxies;
pub mod rates;
mod session;
mod story;
pub mod strangers;
mod used;
mod way;

pub use all::{
    ALL_PENDING_BYTES_MAX, CHANNEL_PENDING_BYTES_MAX, CLIENT_CROWDED_BYTES_MAX, CLIENT_PAUSE_BYTES,
    CLIENT_PENDING_BYTES_MAX, PRESENCE_PENDING_BYTES_MAX, RESERVED_PLACES,
};
pub(crate) use all::{Clients, Dismissal, Goodbye};
pub(crate) use elsewhere::{Moved, Remote, SavedPerson, SavedSession, Turned, unix_of};
pub use mud_client::LATE_AFTER;
pub(crate) use mud_client::MudClient;
pub use person::ECHO_WITHIN;
pub(crate) use person::{Addressed, Person, Sees};
pub use session::{CLIENT_STALLED_MAX, Role};
pub(crate) use session::{Identified, Joined, Session, session_id};
pub(crate) use story::tell_who_left;
pub(crate) use way::{Encode, Personal, Posted, Views, Way};
pub use way::{Framed, TextCharset};
