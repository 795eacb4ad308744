//! What is known of a network: its muds and channels, as a router lists them, who subscribes to channels elsewhere, and
//! who is on in the game at home.

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
