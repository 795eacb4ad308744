//! The properties of each kind of event.

use crate::describe::shape::{Member, Shape};
use crate::settings::Permission;

/// How soon an event is dropped for a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Muds and users that come and go. These events are dropped first.
    Presence,
    /// Channel lines.
    Channel,
    /// Tells, and events about the client itself. These are never dropped silently.
    Personal,
}

impl Weight {
    /// The label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Weight::Presence => "presence",
            Weight::Channel => "channel",
            Weight::Personal => "personal",
        }
    }
}

/// The class of a kept event, which decides how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Messages for a user.
    Tells,
    /// Messages on a channel.
    Channels,
    /// Answers to the mud's questions, and errors about what it has sent.
    Answers,
}

/// A kind of event.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// The permission that a session needs to receive it.
    pub permission: Option<Permission>,
    /// How soon it is dropped for a client that does not read.
    pub weight: Weight,
    /// The class in which it is kept for an absent game. Events without one report a state that can be queried, or are
    /// soon out of date.
    pub kept: Option<Class>,
    /// Who receives it, and when.
    pub summary: &'static str,
    /// Its members, besides [`COMMON`].
    pub members: &'static [Member],
}

/// Who may receive events of a kind, how soon they are dropped, and how long they are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) permission: Option<Permission>,
    pub(crate) weight: Weight,
    pub(crate) kept: Option<Class>,
}

/// For messages to a user.
pub(crate) const TELL: Rules =
    Rules { permission: Some(Permission::Tell), weight: Weight::Personal, kept: Some(Class::Tells) };

/// For messages on a channel.
pub(crate) const LINE: Rules =
    Rules { permission: Some(Permission::Channel), weight: Weight::Channel, kept: Some(Class::Channels) };

/// For answers to questions.
pub(crate) const ANSWER: Rules =
    Rules { permission: Some(Permission::Info), weight: Weight::Personal, kept: Some(Class::Answers) };

/// For errors about what a mud has sent.
pub(crate) const VERDICT: Rules =
    Rules { permission: None, weight: Weight::Personal, kept: Some(Class::Answers) };

/// For changes of the network, or among the sessions of a mud.
pub(crate) const fn news(permission: Permission) -> Rules {
    Rules { permission: Some(permission), weight: Weight::Presence, kept: None }
}

/// For events about the present state of a session.
pub(crate) const fn now(permission: Option<Permission>) -> Rules {
    Rules { permission, weight: Weight::Personal, kept: None }
}

/// The members that every event has.
pub static COMMON: [Member; 2] = [
    Member {
        name: "timestamp",
        shape: Shape::Time,
        required: true,
        default: None,
        summary: "when it arrived",
    },
    Member {
        name: "event_id",
        shape: Shape::Within(1, i64::MAX),
        required: true,
        default: None,
        summary: "identifies the event; ids only grow, also across restarts",
    },
];

/// The member of replayed events.
pub static REPLAYED: Member = Member {
    name: "replay",
    shape: Shape::Flag,
    required: false,
    default: None,
    summary: "true: the event is a replay",
};
