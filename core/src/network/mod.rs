//! The state of a network: its muds and channels, as a router lists them, the subscribers of channels on other muds,
//! and the users who are online in the local game.
//!
//! Routers and other muds decide how many names there are and how long they are. So what is remembered is limited in number and
//! in bytes.

pub mod chanlist;
pub mod limits;
pub mod mudlist;
pub mod presence;
pub mod remote_subscribers;
pub mod ucache;

pub use chanlist::{Chanlist, Channel};
pub use limits::NAME_BYTES_MAX;
pub use mudlist::{KnownMud, Lookup, Mudlist};
pub use presence::{Presence, Snapshot, User};
pub use remote_subscribers::RemoteSubscribers;
pub use ucache::{Shown, Ucache};
