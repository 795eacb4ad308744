//! The state of a network: its muds and channels, as a router lists them, the subscribers of channels on other muds,
//! and the users who are online in the local game.
//!
//! Routers and other muds decide how many names there are and how long they are. So what is remembered is limited in number and
//! in bytes.

pub mod chanlist;
pub mod mudlist;
pub mod presence;
pub mod remote_subscribers;
pub mod ucache;

pub use chanlist::{Chanlist, Channel};
pub use mudlist::{KnownMud, Lookup, Mudlist};
pub use presence::{Presence, Snapshot, User};
pub use remote_subscribers::RemoteSubscribers;
pub use ucache::{Shown, Ucache};

/// The longest name of a mud, a channel or a user that is remembered, in bytes. What has a longer name is ignored.
pub const NAME_BYTES_MAX: usize = 256;

/// What an entry in a table of names needs beside its texts, in bytes, as far as limits are concerned.
const ENTRY_BYTES: usize = 64;
