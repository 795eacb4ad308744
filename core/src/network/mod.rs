//! What is known of the network: the muds and channels that a router tells of, and who is on at home.

pub mod chanlist;
pub mod mudlist;
pub mod presence;

pub use chanlist::{Chanlist, Channel};
pub use mudlist::{Lookup, Mud, Mudlist};
pub use presence::{Presence, PresenceError, User};
