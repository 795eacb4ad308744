//! Requests that are answered later: by a packet from the network, by the store, or by a timeout.

mod question;
mod reply;
mod table;

pub(crate) use question::{Becomes, Question, WhoFilters};
pub(crate) use reply::{
    Acknowledged, AcknowledgedStatus, Banned, BannedStatus, ChannelUser, ChannelWho, ChannelWhoStatus,
    Drained, DrainedStatus, Hosted, HostedStatus, Members, Reply, Success, Unbanned, UnbannedStatus,
    WhoAnswer,
};
pub(crate) use table::{Asker, Finished, Waiting};
pub use table::{WAITERS_MAX, WAITERS_PER_CLIENT_MAX};
