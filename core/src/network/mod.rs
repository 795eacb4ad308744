//! What is known of the network: the muds and channels that a router tells of, and who is on at home.

pub mod chanlist;
pub mod listeners;
pub mod mudlist;
pub mod presence;
pub mod ucache;

pub use chanlist::{Chanlist, Channel};
pub use listeners::Listeners;
pub use mudlist::{Lookup, Mud, Mudlist};
pub use presence::{Presence, PresenceError, User};
pub use ucache::{Shown, Ucache};
