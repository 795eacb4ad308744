//! The muds that the gateway speaks for: their links, the packets that wait for their routers, the lists of their
//! networks, and bans. Nothing here depends on clients.

mod all;
mod bans;
pub(crate) mod handed;
mod holding;
mod home;
mod lists;
mod logins;
mod mud;
mod outbound;
mod passwords;
mod questions;
pub(crate) mod seen;
mod sent;
mod sharing;

pub(crate) use all::{Muds, News};
pub(crate) use holding::Holder;
pub(crate) use lists::Lists;
pub(crate) use mud::Mud;
pub use outbound::QUEUED_PACKET_MAX_AGE;
pub(crate) use passwords::saved_passwords;
pub(crate) use questions::Asked;
