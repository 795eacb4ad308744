//! The results of requests that may be answered later.

use crate::describe::macros::{output, words};
use crate::describe::values::EventId;
use crate::event::told::{FingerReply, Located, WhoUser};
use serde::Serialize;

output! {
    /// Who subscribes to a channel on one mud, or is on there.
    pub(crate) struct Members {
        /// the mud
        pub(crate) mud: String,
        /// its users
        pub(crate) users: Vec<String>,
    }

    /// The answer to a who that waited for it.
    pub(crate) struct WhoAnswer {
        /// the mud that answers
        pub(crate) from_mud: String,
        /// the mud that asked
        pub(crate) to_mud: String,
        /// the user who asked
        pub(crate) to_user: String,
        /// who is on
        pub(crate) users: Vec<WhoUser<'static>>,
        /// by mud
        pub(crate) members: Vec<Members>,
    }

    /// What a user of another mud is called.
    pub(crate) struct ChannelUser {
        /// that it went well
        pub(crate) status: Success,
        /// the mud
        pub(crate) mud_name: String,
        /// in lower case
        pub(crate) user_name: String,
        /// the name, as shown
        pub(crate) visname: String,
        /// 0 male, 1 female, 2 neuter
        pub(crate) gender: i64,
    }

    /// Who subscribes to a channel.
    pub(crate) struct ChannelWho {
        /// `requested`: muds were asked, and this is what was known before
        pub(crate) status: ChannelWhoStatus,
        /// the channel
        pub(crate) channel: String,
        /// by mud
        pub(crate) members: Vec<Members>,
        /// all of them in one list
        pub(crate) users: Vec<String>,
    }

    /// What a router says of a request about a channel of ours.
    pub(crate) struct Hosted {
        /// `success`: the router has agreed; `sent`: it has said nothing in 3 seconds, as routers do when all is well
        pub(crate) status: HostedStatus,
        /// the channel
        pub(crate) channel: String,
        /// names it: an `error_occurred` about it has the same
        pub(crate) message_id: String,
    }

    /// What an acknowledgement gets.
    pub(crate) struct Acknowledged {
        /// it is durable
        pub(crate) status: AcknowledgedStatus,
        /// as it was given
        pub(crate) event_id: EventId,
    }
}

words! {
    /// That a request went well.
    pub(crate) enum Success {
        /// It did.
        Success = "success",
    }

    /// How a channel_who was answered.
    pub(crate) enum ChannelWhoStatus {
        /// The muds that were asked have answered, or have had their time.
        Success = "success",
        /// Muds were asked.
        Requested = "requested",
    }

    /// How a router takes a request about a channel of ours.
    pub(crate) enum HostedStatus {
        /// It has agreed.
        Success = "success",
        /// It has said nothing.
        Sent = "sent",
    }

    /// That an acknowledgement is durable.
    pub(crate) enum AcknowledgedStatus {
        /// It is.
        Acknowledged = "acknowledged",
    }
}

/// A result that comes later.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Who(WhoAnswer),
    Finger(FingerReply<'static>),
    Locate(Located<'static>),
    ChannelUser(ChannelUser),
    ChannelWho(ChannelWho),
    Hosted(Hosted),
    Acknowledged(Acknowledged),
}
