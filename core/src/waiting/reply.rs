//! The results of requests that may be answered later.

use crate::describe::cut;
use crate::describe::macros::{output, words};
use crate::describe::values::EventId;
use crate::event::told::WhoUser;
use crate::query::Row;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::sync::Arc;

output! {
    /// The users of one mud who are online, or who subscribe to a channel.
    pub(crate) struct Members {
        /// the mud
        pub(crate) mud: String,
        /// its users
        pub(crate) users: Vec<String>,
    }

    /// The result of `who` with `wait`.
    pub(crate) struct WhoAnswer {
        /// the mud that answers
        pub(crate) from_mud: String,
        /// the mud that asked
        pub(crate) to_mud: String,
        /// the user who asked
        pub(crate) to_user: String,
        /// the users who are online
        pub(crate) users: Vec<WhoUser<'static>>,
        /// the users' names by mud
        pub(crate) members: Vec<Members>,
        /// true: the list was too long, and its end is left out
        pub(crate) more: Option<bool>,
    }

    /// The result of `channel_user`.
    pub(crate) struct ChannelUser {
        /// always `success`
        pub(crate) status: Success,
        /// the mud
        pub(crate) mud_name: String,
        /// the user's name, in lower case
        pub(crate) user_name: String,
        /// the visible name
        pub(crate) visname: String,
        /// 0: male; 1: female; 2: neuter
        pub(crate) gender: i64,
    }

    /// The result of `channel_who`.
    pub(crate) struct ChannelWho {
        /// `success`: the answers are in; `requested`: muds were asked, and the result holds what was known before
        pub(crate) status: ChannelWhoStatus,
        /// the channel
        pub(crate) channel: String,
        /// the users by mud
        pub(crate) members: Vec<Members>,
        /// the users of all muds in one list
        pub(crate) users: Vec<String>,
        /// true: the lists were too long, and their end is left out
        pub(crate) more: Option<bool>,
    }

    /// The result of `channel_add`, `channel_remove` and `channel_admin`.
    pub(crate) struct Hosted {
        /// `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success
        pub(crate) status: HostedStatus,
        /// the channel
        pub(crate) channel: String,
        /// identifies the request; an `error_occurred` about it has this id too
        pub(crate) message_id: String,
    }

    /// The result of `ack`.
    pub(crate) struct Acknowledged {
        /// always `acknowledged`: the cursor is saved
        pub(crate) status: AcknowledgedStatus,
        /// as given
        pub(crate) event_id: EventId,
    }

    /// The result of `ban_add`.
    pub(crate) struct Banned {
        /// always `banned`: the ban is saved
        pub(crate) status: BannedStatus,
        /// identifies the ban
        pub(crate) ban_id: u64,
    }

    /// The result of `drain`.
    pub(crate) struct Drained {
        /// always `drained`: no router link is left on this node
        pub(crate) status: DrainedStatus,
        /// number of muds whose links it had
        pub(crate) muds: usize,
    }

    /// The result of `ban_remove`.
    pub(crate) struct Unbanned {
        /// always `removed`: that is saved
        pub(crate) status: UnbannedStatus,
        /// as given
        pub(crate) ban_id: u64,
    }
}

words! {
    /// The only status of many results.
    pub(crate) enum Success {
        /// The request has succeeded.
        Success = "success",
    }

    /// How far a channel_who has come.
    pub(crate) enum ChannelWhoStatus {
        /// The muds that were asked have answered, or their time is over.
        Success = "success",
        /// Muds were asked, and their answers will arrive as events.
        Requested = "requested",
    }

    /// A router's verdict on a request about a hosted channel.
    pub(crate) enum HostedStatus {
        /// The router has confirmed it.
        Success = "success",
        /// The router has not answered.
        Sent = "sent",
    }

    /// The only status of an acknowledgement.
    pub(crate) enum AcknowledgedStatus {
        /// The cursor is saved.
        Acknowledged = "acknowledged",
    }

    /// The only status of `ban_add`.
    pub(crate) enum BannedStatus {
        /// The ban was added.
        Banned = "banned",
    }

    /// The only status of `drain`.
    pub(crate) enum DrainedStatus {
        /// Other nodes have the links.
        Drained = "drained",
    }

    /// The only status of `ban_remove`.
    pub(crate) enum UnbannedStatus {
        /// The ban was removed.
        Removed = "removed",
    }
}

/// A result that comes later.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    ChannelUser(ChannelUser),
    ChannelWho(ChannelWho),
    Hosted(Hosted),
    Acknowledged(Acknowledged),
    Banned(Banned),
    Unbanned(Unbanned),
    Drained(Drained),
    /// What the request waited for is there: it is run again.
    #[serde(skip)]
    Again,
    /// A result that is written already. Requests with the same result share it.
    #[serde(serialize_with = "written")]
    Written(Arc<RawValue>),
    /// Lines of the history, oldest first, for a front door that writes them itself.
    #[serde(skip)]
    Rows(Arc<[Row]>),
}

impl Reply {
    /// Writes a result for requests that share it.
    pub(crate) fn shared(result: &impl Serialize) -> Option<Reply> {
        let mut json = Vec::new();
        let json = String::from_utf8(cut::write(&mut json, result, usize::MAX).then_some(json)?).ok()?;
        RawValue::from_string(json).ok().map(|written| Reply::Written(written.into()))
    }

    /// A result that is written already. `None`: it is no JSON.
    pub(crate) fn written(json: Vec<u8>) -> Option<Reply> {
        let json = String::from_utf8(json).ok()?;
        RawValue::from_string(json).ok().map(|written| Reply::Written(written.into()))
    }
}

/// Serialises what several replies share.
fn written<S: Serializer>(written: &Arc<RawValue>, serializer: S) -> Result<S::Ok, S::Error> {
    written.as_ref().serialize(serializer)
}
