//! Commands that wait for an answer of the network or of the store.

use super::points::Wish;
use crate::machine::ConnId;

/// What follows from the answer.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// `NAMES` of a channel.
    Names { channel: String },
    /// `WHO` of a channel.
    WhoChannel { channel: String },
    /// `WHO` of a mud.
    WhoMud { mask: String },
    /// `WHOIS` of a user, as the target was written.
    Whois { target: String, user: String, mud: String },
    /// `CHATHISTORY` of a target, as it is shown.
    History { wish: Wish, target: String },
    /// A question to the service user.
    Service { about: String },
}

/// A command that waits for its answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) conn: ConnId,
    pub(super) label: Option<String>,
    pub(super) then: Then,
}
