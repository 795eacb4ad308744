//! The list of all events.

use super::kind::{ANSWER, Kind, LINE, Rules, TELL, VERDICT, news, now};
use super::told::{
    ChannelChanged, ChannelWhoReply, ErrorOccurred, FilterRequest, FingerReply, IdentityWarning, Lagged,
    LinkChanged, Located, MudChanged, PacketTrace, RateLimitWarning, ReplayComplete, Said, Shutdown,
    StorageChanged, Subscriber, Targeted, Told, WhoReply,
};
use crate::describe::cut::{self, TEXTS_BYTES_MAX};
use crate::describe::shape::Object;
use crate::settings::Permission;

/// Generates the enum of events, a [`Kind`] for each, and the list of all kinds.
macro_rules! events {
    ($($(#[doc = $summary:literal])* $variant:ident($type:ident $(<$life:lifetime>)?) = $name:literal, $rules:expr;)*) => {
        /// An event.
        #[derive(Clone, Debug)]
        pub enum Event<'a> {
            $($(#[doc = $summary])* $variant($type $(<$life>)?),)*
        }

        /// All kinds of events, in the order of the documents.
        #[allow(elided_lifetimes_in_paths, reason = "the members of a type are those of each of its lifetimes")]
        pub static KINDS: &[Kind] = &[$({
            const RULES: Rules = $rules;
            Kind {
                name: $name,
                permission: RULES.permission,
                weight: RULES.weight,
                kept: RULES.kept,
                summary: concat!($($summary),*).trim_ascii(),
                members: <$type as Object>::MEMBERS,
            }
        }),*];

        /// The index of each event in [`KINDS`].
        #[derive(Clone, Copy)]
        enum Place {
            $($variant,)*
        }

        impl Event<'_> {
            fn place(&self) -> Place {
                match self {
                    $(Event::$variant(_) => Place::$variant,)*
                }
            }

            /// Returns the event's members as an object, the form in which it is saved. Long texts are cut.
            pub fn write(&self) -> Vec<u8> {
                let mut members = Vec::with_capacity(128);
                self.write_to(&mut members);
                members
            }

            /// Appends the event's members.
            pub(crate) fn write_to(&self, members: &mut Vec<u8>) {
                let is_written = match self {
                    $(Event::$variant(told) => cut::write_object(members, told, TEXTS_BYTES_MAX),)*
                };
                debug_assert!(is_written, "an event that cannot be written");
            }
        }
    };
}

events! {
    /// A user of another mud has sent a message to a user of this mud.
    TellReceived(Told<'a>) = "tell_received", TELL;
    /// A user of another mud has sent an emote to a user of this mud.
    EmotetoReceived(Told<'a>) = "emoteto_received", TELL;
    /// A user of another mud wants the attention of a user of this mud. `message` is empty.
    BeepReceived(Told<'a>) = "beep_received", TELL;
    /// A message on a channel, for sessions that subscribe to it.
    ChannelMessage(Said<'a>) = "channel_message", LINE;
    /// An emote on a channel, for sessions that subscribe to it.
    ChannelEmote(Said<'a>) = "channel_emote", LINE;
    /// An emote on a channel that is aimed at a user, for sessions that subscribe to it.
    ChannelTargetedEmote(Targeted<'a>) = "channel_targeted_emote", LINE;
    /// The answer to a `who` without `wait`.
    WhoReply(WhoReply<'a>) = "who_reply", ANSWER;
    /// The answer to a `finger` without `wait`.
    FingerReply(FingerReply<'a>) = "finger_reply", ANSWER;
    /// An answer to a `locate`: one from each mud where the user is.
    LocateReply(Located<'a>) = "locate_reply", ANSWER;
    /// An answer to a `channel_who`.
    ChannelWhoReply(ChannelWhoReply<'a>) = "channel_who_reply", ANSWER;
    /// Something that this mud has sent failed. A request that waits for it gets the error as its answer instead.
    ErrorOccurred(ErrorOccurred<'a>) = "error_occurred", VERDICT;
    /// Another gateway or game uses the mud's name, or the router refuses the login.
    IdentityWarning(IdentityWarning<'a>) = "identity_warning", VERDICT;
    /// A mud has come up.
    MudOnline(MudChanged<'a>) = "mud_online", news(Permission::Info);
    /// A mud has gone down.
    MudOffline(MudChanged<'a>) = "mud_offline", news(Permission::Info);
    /// A channel was added or has changed.
    ChannelAdded(ChannelChanged<'a>) = "channel_added", news(Permission::Info);
    /// A channel was removed.
    ChannelRemoved(ChannelChanged<'a>) = "channel_removed", news(Permission::Info);
    /// Another session of the mud has joined a channel.
    ChannelJoined(Subscriber<'a>) = "channel_joined", news(Permission::Channel);
    /// Another session of the mud has left a channel.
    ChannelLeft(Subscriber<'a>) = "channel_left", news(Permission::Channel);
    /// The router asks whether a message may pass on a filtered channel of this mud. The sessions of the mud receive
    /// this once one of them has called `channel_filter`, which also answers it.
    ChannelFilterRequest(FilterRequest<'a>) = "channel_filter_request", now(Some(Permission::Host));
    /// The link to the router was lost or closed.
    GatewayDisconnected(LinkChanged<'a>) = "gateway_disconnected", now(None);
    /// The link to the router is ready.
    GatewayReconnected(LinkChanged<'a>) = "gateway_reconnected", now(None);
    /// A replay is complete: see "What came while you were away".
    ReplayComplete(ReplayComplete<'a>) = "replay_complete", now(None);
    /// This client has not read for a while, and events for it were dropped.
    Lagged(Lagged) = "lagged", now(None);
    /// A request was refused because requests come too often; sent at most once a minute.
    RateLimitWarning(RateLimitWarning<'a>) = "rate_limit_warning", now(None);
    /// A packet of the mud, for sessions that have called `trace`.
    PacketTrace(PacketTrace<'a>) = "packet_trace", now(Some(Permission::Admin));
    /// The store fails to save changes, or what was saved is gone; the gateway tries again, and then saves all of it.
    StorageFailed(StorageChanged<'a>) = "storage_failed", now(Some(Permission::Admin));
    /// The store has saved all changes again.
    StorageRecovered(StorageChanged<'a>) = "storage_recovered", now(Some(Permission::Admin));
    /// The gateway is shutting down.
    ShutdownWarning(Shutdown<'a>) = "shutdown_warning", now(None);
}

impl Event<'_> {
    /// Returns the kind of the event.
    pub fn kind(&self) -> &'static Kind {
        &KINDS[self.place() as usize]
    }

    /// Returns the mud that has sent a message, and the local user whom it is for, who is empty for a channel.
    pub(crate) fn ends(&self) -> Option<(&str, &str)> {
        match self {
            Event::TellReceived(told) | Event::EmotetoReceived(told) | Event::BeepReceived(told) => {
                Some((&told.from_mud, &told.to_user))
            }
            Event::ChannelMessage(said) | Event::ChannelEmote(said) => Some((&said.from_mud, "")),
            Event::ChannelTargetedEmote(targeted) => Some((&targeted.from_mud, "")),
            _ => None,
        }
    }
}

/// Returns the kind with this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::kind::COMMON;
    use crate::saved;

    #[test]
    fn names_of_events_and_members_are_unique() {
        for kind in KINDS {
            assert!(std::ptr::eq(find(kind.name).unwrap(), kind), "{}", kind.name);
            let mut names: Vec<_> = kind.members.iter().chain(&COMMON).map(|member| member.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", kind.name);
        }
    }

    #[test]
    fn an_event_is_written_as_it_is_described() {
        let said = Said {
            channel: "chat".into(),
            from_mud: "Sage".into(),
            from_user: "bob".into(),
            message: "hi".into(),
            visname: "Bob".into(),
            is_echo: None,
        };
        let event = Event::ChannelMessage(said);
        let text =
            br#"{"channel":"chat","from_mud":"Sage","from_user":"bob","message":"hi","visname":"Bob"}"#;
        assert_eq!((event.kind().name, event.write()), ("channel_message", text.to_vec()));
        let read: Said<'_> = saved::read(text).unwrap();
        assert_eq!((&*read.message, read.is_echo), ("hi", None));
    }
}
