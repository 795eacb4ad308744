//! What is said of an event as a whole.

use crate::describe::shape::{Member, Shape};
use crate::settings::Permission;

/// How early a client that does not read misses an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Who came and went: dropped first.
    Presence,
    /// Channel lines.
    Channel,
    /// Tells and what concerns the client itself: never dropped in silence.
    Personal,
}

impl Weight {
    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Weight::Presence => "presence",
            Weight::Channel => "channel",
            Weight::Personal => "personal",
        }
    }
}

/// What a kept event is about, which decides how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Meant for a user.
    Tells,
    /// Said on a channel.
    Channels,
    /// What the mud asked for, or is told about what it did.
    Answers,
}

/// A kind of event.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What a session needs to get it.
    pub permission: Option<Permission>,
    /// How early a client that does not read misses it.
    pub weight: Weight,
    /// As what it is kept for a game that is away. The others report a state that can be asked for, or are over at once.
    pub kept: Option<Class>,
    /// Who gets it, and when.
    pub summary: &'static str,
    /// What it tells, beside [`COMMON`].
    pub members: &'static [Member],
}

/// Who may have events of a kind, how early they are dropped, and as what they are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) permission: Option<Permission>,
    pub(crate) weight: Weight,
    pub(crate) kept: Option<Class>,
}

/// Meant for a user.
pub(crate) const TELL: Rules =
    Rules { permission: Some(Permission::Tell), weight: Weight::Personal, kept: Some(Class::Tells) };

/// Said on a channel.
pub(crate) const LINE: Rules =
    Rules { permission: Some(Permission::Channel), weight: Weight::Channel, kept: Some(Class::Channels) };

/// The answer to a question.
pub(crate) const ANSWER: Rules =
    Rules { permission: Some(Permission::Info), weight: Weight::Personal, kept: Some(Class::Answers) };

/// What a mud must know of what it did.
pub(crate) const VERDICT: Rules =
    Rules { permission: None, weight: Weight::Personal, kept: Some(Class::Answers) };

/// What has changed on the network, or among the sessions of a mud.
pub(crate) const fn news(permission: Permission) -> Rules {
    Rules { permission: Some(permission), weight: Weight::Presence, kept: None }
}

/// What concerns a session, and holds now.
pub(crate) const fn now(permission: Option<Permission>) -> Rules {
    Rules { permission, weight: Weight::Personal, kept: None }
}

/// What every event has.
pub static COMMON: [Member; 2] = [
    Member { name: "timestamp", shape: Shape::Time, required: true, default: None, summary: "when it came" },
    Member {
        name: "event_id",
        shape: Shape::Within(1, i64::MAX),
        required: true,
        default: None,
        summary: "names it; ids only grow, over restarts too",
    },
];

/// What an event has that comes late.
pub static REPLAYED: Member = Member {
    name: "replay",
    shape: Shape::Flag,
    required: false,
    default: None,
    summary: "true: it came while no session of the mud had it, or is given again",
};
