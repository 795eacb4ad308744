//! Requests that are answered later: by a packet that comes back, by the store, or when their time is up.

mod question;
mod reply;
mod table;

pub(crate) use question::{Question, WhoFilters};
pub(crate) use reply::{
    Acknowledged, AcknowledgedStatus, ChannelUser, ChannelWho, ChannelWhoStatus, Hosted, HostedStatus,
    Members, Reply, Success, WhoAnswer,
};
pub(crate) use table::{Asker, Finished, Waiting};
pub use table::{WAITERS_MAX, WAITERS_PER_CLIENT_MAX};
