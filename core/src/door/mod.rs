//! Front doors: the protocols for local clients. A front door decodes bytes into typed requests for the services, and
//! encodes their results and events. To add one, add a folder here and a line in `table`.

mod contract;
mod doors;
pub mod i3;
pub mod irc;
pub mod rpc;
mod table;

pub(crate) use doors::Doors;
