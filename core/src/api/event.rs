//! The one table of events: what each is called, who gets it, how long it is kept, and what it tells. The AsyncAPI
//! document and docs/API.md are made from it.

use super::methods::{LOCATED, MUD, REPLY, USER_INFO, WHO_USER};
use super::shape::Shape::{self, Flag, Int, List, Object, OneOf, OrNull, Text, Within};
use super::shape::{ANY_LENGTH, Member, may, must};
use crate::settings::Permission;

/// How much a client that does not read misses first.
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

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, which is the method of the notification.
    pub name: &'static str,
    /// What a session needs to get it.
    pub permission: Option<Permission>,
    /// How much a client that does not read misses it.
    pub weight: Weight,
    /// As what it is kept for who is away, and given again. The others tell of a state that can be asked for, or are over at
    /// once.
    pub kept: Option<Class>,
    /// Who gets it, and when.
    pub summary: &'static str,
    /// What it tells, beside [`COMMON`].
    pub members: &'static [Member],
}

/// What every event tells.
pub static COMMON: [Member; 2] = [
    must("timestamp", Shape::Time, "when it came"),
    must("event_id", Within(1, i64::MAX), "names it; ids only grow, over restarts too"),
];

/// What an event tells that comes late.
pub static REPLAYED: Member = may("replay", Flag, "true: it came while nobody had it, or is given again");

const TO_USER: Member = must("to_user", Text, "the local user it is for");

const TOLD: &[Member] = &[
    must("from_mud", Text, "the mud it comes from"),
    must("from_user", Text, "the user it comes from"),
    must("to_mud", Text, "this mud"),
    TO_USER,
    must("visname", Text, "the sender's name, as shown"),
    must("message", Text, "what was said; an emote has `$N` for the sender's name"),
];

const CHANNEL: Member = must("channel", Text, "the channel");

const SAID: [Member; 6] = [
    CHANNEL,
    must("from_mud", Text, "the mud it comes from"),
    must("from_user", Text, "the user it comes from"),
    must("visname", Text, "the sender's name, as shown"),
    must("message", Text, "what was said; an emote has `$N` for the sender's name"),
    may("self", Flag, "true: this mud's own line, as the router sent it back"),
];

const MUD_CAME: &[Member] = &[
    must("mud_name", Text, "the mud"),
    must("status", OneOf(&["up", "down"]), "whether it is on the network now"),
    must("info", OrNull(&Object(MUD)), "the mud as `mudlist` shows it; null when it is off the list"),
];

const CHANNEL_CAME: &[Member] = &[
    CHANNEL,
    must("owner", Text, "the mud that made it; empty when it is gone"),
    must("type", Int, "0 all but the banned, 1 only the admitted, 2 filtered"),
];

const LISTENER: &[Member] = &[CHANNEL, must("session_id", Text, "the session")];

const LINK: &[Member] = &[
    must("message", Text, "for people"),
    must("status", OneOf(&["connected", "disconnected"]), "of the link"),
    must("router", Text, "the router"),
    must("reason", Text, "for people"),
];

const STORAGE: &[Member] =
    &[must("reason", Text, "what the disk says"), must("waiting", Int, "changes that are not saved yet")];

const fn told(name: &'static str, summary: &'static str) -> Event {
    let (permission, kept) = (Some(Permission::Tell), Some(Class::Tells));
    Event { name, permission, weight: Weight::Personal, kept, summary, members: TOLD }
}

const fn said(name: &'static str, summary: &'static str, members: &'static [Member]) -> Event {
    let (permission, kept) = (Some(Permission::Channel), Some(Class::Channels));
    Event { name, permission, weight: Weight::Channel, kept, summary, members }
}

const fn answer(
    name: &'static str,
    permission: Option<Permission>,
    summary: &'static str,
    members: &'static [Member],
) -> Event {
    Event { name, permission, weight: Weight::Personal, kept: Some(Class::Answers), summary, members }
}

const fn news(
    name: &'static str,
    permission: Permission,
    summary: &'static str,
    members: &'static [Member],
) -> Event {
    Event { name, permission: Some(permission), weight: Weight::Presence, kept: None, summary, members }
}

const fn personal(
    name: &'static str,
    permission: Option<Permission>,
    summary: &'static str,
    members: &'static [Member],
) -> Event {
    Event { name, permission, weight: Weight::Personal, kept: None, summary, members }
}

/// The table: each event under the name by which the services emit it, and all of them.
macro_rules! events {
    ($($constant:ident = $event:expr;)*) => {
        $(pub(crate) static $constant: Event = $event;)*

        /// All events, in the order in which a reader meets them.
        pub static EVENTS: &[&Event] = &[$(&$constant),*];
    };
}

events! {
    TELL_RECEIVED = told("tell_received", "A user of another mud says something to one of this mud.");
    EMOTETO_RECEIVED = told("emoteto_received", "The same as an emote.");
    BEEP_RECEIVED = told("beep_received", "A user of another mud nudges one of this mud. Its `message` is empty.");
    CHANNEL_MESSAGE = said("channel_message", "A line on a channel, for the sessions that have joined it.", &SAID);
    CHANNEL_EMOTE = said("channel_emote", "An emote on a channel.", &SAID);
    CHANNEL_TARGETED_EMOTE = said("channel_targeted_emote", "An emote on a channel that is aimed at somebody.", &[
        SAID[0], SAID[1], SAID[2], SAID[3], SAID[4], SAID[5],
        must("target_mud", Text, "the mud of the one aimed at"),
        must("target_user", Text, "the user aimed at"),
        must("target_visname", Text, "the name to show of the one aimed at"),
        must("message_target", Text, "what the one aimed at reads"),
    ]);
    WHO_REPLY = answer("who_reply", Some(Permission::Info), "The answer to a `who` that did not wait for it.", &[
        REPLY[0], REPLY[1], REPLY[2],
        must("users", List(&Object(WHO_USER), ANY_LENGTH), "who is on"),
    ]);
    FINGER_REPLY = answer("finger_reply", Some(Permission::Info), "The answer to a `finger` that did not wait for it.", &[
        REPLY[0], REPLY[1], REPLY[2],
        must("user_info", Object(USER_INFO), "the user"),
    ]);
    LOCATE_REPLY = answer("locate_reply", Some(Permission::Info), "An answer to a `locate`: one from each mud that knows the user.", LOCATED);
    CHANNEL_WHO_REPLY = answer("channel_who_reply", Some(Permission::Info), "An answer to a `channel_who`.", &[
        must("from_mud", Text, "the mud that answers"),
        must("to_user", Text, "the user who asked"),
        CHANNEL,
        must("users", List(&Text, ANY_LENGTH), "who hears it there"),
    ]);
    ERROR_OCCURRED = answer("error_occurred", None, "Something that this mud sent could not be done. Who waited for it has an \
        error as the answer instead.", &[
        must("error_code", Text, "`unk-dst`, `unk-user`, `not-allowed`, … as Intermud-3 has them; `not-sent`: it never left the gateway"),
        must("error_message", Text, "for people"),
        must("from_mud", Text, "who says so; empty: this gateway"),
        must("to_mud", Text, "this mud"),
        must("to_user", Text, "the local user whom it concerns"),
        must("context", OneOf(&["i3_packet_error", "gateway_queue"]), "whether it came from the network or from the gateway's queue"),
        may("message_id", Text, "of what caused it, where that is known"),
    ]);
    IDENTITY_WARNING = answer("identity_warning", None, "Somebody else uses the mud's name, or the router refuses the login.", &[
        must("error_code", Text, "as the router has it, such as `bad-mojo`"),
        must("message", Text, "the router's words"),
        must("advice", Text, "what to do, for people"),
    ]);
    MUD_ONLINE = news("mud_online", Permission::Info, "A mud has come.", MUD_CAME);
    MUD_OFFLINE = news("mud_offline", Permission::Info, "A mud has gone.", MUD_CAME);
    CHANNEL_ADDED = news("channel_added", Permission::Info, "There is a new channel, or one has changed.", CHANNEL_CAME);
    CHANNEL_REMOVED = news("channel_removed", Permission::Info, "A channel is gone.", CHANNEL_CAME);
    CHANNEL_JOINED = news("channel_joined", Permission::Channel, "Another session of the mud has joined a channel.", LISTENER);
    CHANNEL_LEFT = news("channel_left", Permission::Channel, "Another session of the mud has left a channel.", LISTENER);
    CHANNEL_FILTER_REQUEST = personal("channel_filter_request", Some(Permission::Host), "May this pass on a filtered channel of this \
        mud? For the sessions of the mud, once one of them has asked for it with `channel_filter`, which is also how to answer.", &[
        must("filter_id", Int, "to answer with"),
        CHANNEL,
        must("event", OneOf(&["channel_message", "channel_emote", "channel_targeted_emote"]), "what it would become"),
        must("from_mud", Text, "the mud it comes from"),
        must("from_user", Text, "the user it comes from"),
        must("visname", Text, "the sender's name, as shown"),
        must("message", Text, "what is said"),
        must("timeout", Int, "seconds after which it passes unchanged"),
    ]);
    GATEWAY_DISCONNECTED = personal("gateway_disconnected", None, "The link to the router is lost, or was left.", LINK);
    GATEWAY_RECONNECTED = personal("gateway_reconnected", None, "The link to the router is ready.", LINK);
    REPLAY_COMPLETE = personal("replay_complete", None, "All that was kept has been given: see \"What came while you were away\".", &[
        must("replayed", Int, "how many events"),
        must("gap", Flag, "true: there were others, which are lost"),
        may("channel", Text, "the channel whose lines they are; else all that is kept"),
    ]);
    LAGGED = personal("lagged", None, "This client has not read for a while, and has missed events.", &[
        must("dropped", Int, "how many"),
    ]);
    RATE_LIMIT_WARNING = personal("rate_limit_warning", None, "Requests come too often, and one was refused; at most once a minute.", &[
        must("method", Text, "of the request that was refused; `unknown` for what is no method"),
        must("per_minute", Int, "the limit that was reached"),
        must("retry_after_ms", Int, "when there is room"),
    ]);
    PACKET_TRACE = personal("packet_trace", Some(Permission::Admin), "A packet of the mud, for who asked with `trace`.", &[
        must("direction", OneOf(&["received", "sent"]), "which way"),
        must("mud_name", Text, "the mud"),
        must("router", Text, "the router"),
        must("packet", Text, "its text, without passwords; a long one is cut"),
    ]);
    STORAGE_FAILED = personal("storage_failed", Some(Permission::Admin), "The disk does not take what is saved; it is tried again.", STORAGE);
    STORAGE_RECOVERED = personal("storage_recovered", Some(Permission::Admin), "Saving works again.", STORAGE);
    SHUTDOWN_WARNING = personal("shutdown_warning", None, "The gateway ends.", &[must("message", Text, "for people")]);
}

/// The event of that name.
pub(crate) fn find(name: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|event| event.name == name).copied()
}

/// The members of the welcome that a line client gets first. It is no event: it has no id.
pub static WELCOME: &[Member] = &[
    must("service", OneOf(&["i3-gateway"]), "who speaks"),
    must("version", Text, "of the gateway"),
    must("protocol", OneOf(&["JSON-RPC 2.0"]), "what is spoken"),
    must("authentication", OneOf(&["required", "none"]), "whether `authenticate` must come first"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_members_too() {
        for event in EVENTS {
            assert!(std::ptr::eq(find(event.name).unwrap(), *event), "{}", event.name);
            let mut names: Vec<_> = event.members.iter().chain(&COMMON).map(|member| member.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", event.name);
        }
    }
}
