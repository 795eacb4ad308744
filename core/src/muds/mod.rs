//! The muds that the gateway speaks for: their links, what waits for their routers, what their networks told, and who is
//! banned. Nothing here knows a client.

mod all;
mod bans;
mod lists;
mod mud;
mod outbound;
mod passwords;
mod sent;

pub(crate) use all::{Muds, News};
pub(crate) use mud::Mud;
pub use outbound::QUEUED_PACKET_MAX_AGE;
pub(crate) use passwords::saved_passwords;
