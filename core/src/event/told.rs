//! The members of events, and objects that events share with results of methods.

use crate::describe::macros::{output, words};
use crate::describe::values::OrNull;
use crate::network::KnownMud;
use crate::network::mudlist::{ServiceValue, Status};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What begins the `message_id` of the error for a user whose session has joined a channel that the router refuses. The name of
/// the channel follows.
pub(crate) const REFUSED_JOIN: &str = "channel_join ";

output! {
    /// The members of a tell, an emote or a beep.
    #[derive(Deserialize)]
    pub struct Told<'a> {
        /// the sender's mud
        pub from_mud: Cow<'a, str>,
        /// the sender's user name
        pub from_user: Cow<'a, str>,
        /// this mud
        pub to_mud: Cow<'a, str>,
        /// the local user who receives it
        pub to_user: Cow<'a, str>,
        /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
        pub message: Cow<'a, str>,
        /// the sender's visible name
        pub visname: Cow<'a, str>,
    }

    /// The members of a message or an emote on a channel.
    #[derive(Deserialize)]
    pub struct Said<'a> {
        /// the channel
        pub channel: Cow<'a, str>,
        /// the sender's mud
        pub from_mud: Cow<'a, str>,
        /// the sender's user name
        pub from_user: Cow<'a, str>,
        /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
        pub message: Cow<'a, str>,
        /// the sender's visible name
        pub visname: Cow<'a, str>,
        /// true: this mud's own line, as the router sent it back
        pub is_echo as "self": Option<bool>,
    }

    /// The members of a targeted emote on a channel.
    #[derive(Deserialize)]
    pub struct Targeted<'a> {
        /// the channel
        pub channel: Cow<'a, str>,
        /// the sender's mud
        pub from_mud: Cow<'a, str>,
        /// the sender's user name
        pub from_user: Cow<'a, str>,
        /// the text for others; `$N` stands for the sender's name and `$O` for the target's, as in an emote
        pub message: Cow<'a, str>,
        /// the sender's visible name
        pub visname: Cow<'a, str>,
        /// the mud of the target
        pub target_mud: Cow<'a, str>,
        /// the target
        pub target_user: Cow<'a, str>,
        /// the target's visible name
        pub target_visname: Cow<'a, str>,
        /// the text for the target
        pub message_target: Cow<'a, str>,
        /// true: this mud's own line, as the router sent it back
        pub is_echo as "self": Option<bool>,
    }

    /// A user in the answer to a who.
    #[derive(Deserialize)]
    pub struct WhoUser<'a> {
        /// the user's visible name
        pub name: Cow<'a, str>,
        /// seconds of idleness
        pub idle: i64,
        /// the level; 0 if the mud does not report one
        pub level: i64,
        /// other text that the mud reports
        pub extra: Cow<'a, str>,
    }

    /// The answer to a who.
    #[derive(Deserialize)]
    pub struct WhoReply<'a> {
        /// the mud that answers
        pub from_mud: Cow<'a, str>,
        /// the mud that asked
        pub to_mud: Cow<'a, str>,
        /// the user who asked
        pub to_user: Cow<'a, str>,
        /// the users who are online
        pub users: Vec<WhoUser<'a>>,
        /// true: the list was too long, and its end is left out
        pub more: Option<bool>,
    }

    /// A user in the answer to a finger.
    #[derive(Deserialize)]
    pub struct UserInfo<'a> {
        /// the visible name
        pub name: Cow<'a, str>,
        /// the title; any text is empty if the mud does not report it
        pub title: Cow<'a, str>,
        /// the real name
        pub real_name: Cow<'a, str>,
        /// the e-mail address
        pub email: Cow<'a, str>,
        /// the time of the last login or logout, as the mud writes it
        pub login_time: Cow<'a, str>,
        /// seconds of idleness; -1 when offline
        pub idle_time: i64,
        /// the address from which the user is connected
        pub ip_address: Cow<'a, str>,
        /// the level; 0 if the mud reports none, or one that is not a number
        pub level: i64,
        /// other text that the mud reports
        pub extra: Cow<'a, str>,
        /// the level, if it is a text
        pub level_name: Option<Cow<'a, str>>,
    }

    /// The answer to a finger.
    #[derive(Deserialize)]
    pub struct FingerReply<'a> {
        /// the mud that answers
        pub from_mud: Cow<'a, str>,
        /// the mud that asked
        pub to_mud: Cow<'a, str>,
        /// the user who asked
        pub to_user: Cow<'a, str>,
        /// the user
        pub user_info: UserInfo<'a>,
    }

    /// An answer to a locate.
    #[derive(Deserialize)]
    pub struct Located<'a> {
        /// the mud that answers
        pub from_mud: Cow<'a, str>,
        /// the mud that asked
        pub to_mud: Cow<'a, str>,
        /// the user who asked
        pub to_user: Cow<'a, str>,
        /// the mud where the user is
        pub located_mud: Cow<'a, str>,
        /// the user's visible name
        pub located_user: Cow<'a, str>,
        /// seconds of idleness
        pub idle: i64,
        /// `afk`, `editing`, …
        pub status: Cow<'a, str>,
    }

    /// An answer to a channel_who.
    #[derive(Deserialize)]
    pub struct ChannelWhoReply<'a> {
        /// the mud that answers
        pub from_mud: Cow<'a, str>,
        /// the user who asked
        pub to_user: Cow<'a, str>,
        /// the channel
        pub channel: Cow<'a, str>,
        /// the subscribers on that mud
        pub users: Vec<String>,
        /// true: the list was too long, and its end is left out
        pub more: Option<bool>,
    }

    /// An error about something that the mud has sent.
    #[derive(Deserialize)]
    pub struct ErrorOccurred<'a> {
        /// a code of Intermud-3, such as `unk-dst`, `unk-user` or `not-allowed`; `not-sent`: the packet never left the
        /// gateway
        pub error_code: Cow<'a, str>,
        /// a text for people
        pub error_message: Cow<'a, str>,
        /// the mud or router that reports the error; empty: this gateway
        pub from_mud: Cow<'a, str>,
        /// this mud
        pub to_mud: Cow<'a, str>,
        /// the local user concerned
        pub to_user: Cow<'a, str>,
        /// whether the error is from the network or from the gateway's queue
        pub context: ErrorContext,
        /// identifies the message that failed, if it is known
        pub message_id: Option<Cow<'a, str>>,
    }

    /// A conflict over the mud's name, or a refused login.
    #[derive(Deserialize)]
    pub struct IdentityWarning<'a> {
        /// the router's code, such as `bad-mojo`
        pub error_code: Cow<'a, str>,
        /// the router's text
        pub message: Cow<'a, str>,
        /// what to do, for people
        pub advice: Cow<'a, str>,
    }

    /// A mud of the network.
    pub struct MudRow<'a> {
        /// its exact name
        pub name: &'a str,
        /// the address, as the router sees it
        pub host: &'a str,
        /// the port for players
        pub port: i64,
        /// the out-of-band TCP port, 0 for none
        pub tcp_port: i64,
        /// the out-of-band UDP port, 0 for none
        pub udp_port: i64,
        /// the driver
        pub driver: &'a str,
        /// the mudlib
        pub mudlib: &'a str,
        /// the type of mud: `LP`, `Diku`, …
        pub mud_type: &'a str,
        /// whether it is on the network
        pub status: Status,
        /// the services that it offers; each value is 1, a port, or a version
        pub services: &'a BTreeMap<String, ServiceValue>,
        /// free text about whether the mud is open
        pub open_status: &'a str,
        /// the e-mail address of its administrator
        pub admin_email: &'a str,
    }

    /// A mud that has come up or gone down.
    pub struct MudChanged<'a> {
        /// the mud
        pub mud_name: &'a str,
        /// whether it is on the network now
        pub status: Status,
        /// the mud's entry, as in `mudlist`; null when it is off the list
        pub info: OrNull<MudRow<'a>>,
    }

    /// A channel that was added, changed or removed.
    pub struct ChannelChanged<'a> {
        /// the channel
        pub channel: &'a str,
        /// the mud that created it; empty when it was removed
        pub owner: &'a str,
        /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered
        pub channel_type as "type": i64,
    }

    /// A session of the mud that has joined or left a channel.
    pub struct Subscriber<'a> {
        /// the channel
        pub channel: &'a str,
        /// the session
        pub session_id: &'a str,
    }

    /// A message on a filtered channel of this mud.
    pub struct FilterRequest<'a> {
        /// for the answer with `channel_filter`
        pub filter_id: u64,
        /// the channel
        pub channel: &'a str,
        /// the event that the message would become
        pub event: LineEvent,
        /// the sender's mud
        pub from_mud: &'a str,
        /// the sender's user name
        pub from_user: &'a str,
        /// the sender's visible name
        pub visname: &'a str,
        /// the text
        pub message: &'a str,
        /// seconds after which the message passes unchanged
        pub timeout: u64,
    }

    /// A change of the link to the router.
    pub struct LinkChanged<'a> {
        /// a text for people
        pub message: &'a str,
        /// the state of the link
        pub status: LinkStatus,
        /// the router
        pub router: &'a str,
        /// a text for people
        pub reason: &'a str,
    }

    /// The end of a replay.
    #[derive(Deserialize)]
    pub struct ReplayComplete<'a> {
        /// number of replayed events
        pub replayed: u64,
        /// true: some events were too old or too many, and are lost
        pub gap: bool,
        /// the channel, if the replay was only of its lines
        pub channel: Option<&'a str>,
    }

    /// Events that were dropped for a client.
    pub struct Lagged {
        /// number of dropped events
        pub dropped: u64,
    }

    /// A refused request.
    pub struct RateLimitWarning<'a> {
        /// the method of the refused request; `unknown` if there is no such method
        pub method: &'a str,
        /// the limit in requests a minute
        pub per_minute: u32,
        /// milliseconds to wait before the next request
        pub retry_after_ms: u64,
    }

    /// A packet of the mud.
    pub struct PacketTrace<'a> {
        /// the direction
        pub direction: Direction,
        /// the mud
        pub mud_name: &'a str,
        /// the router
        pub router: &'a str,
        /// the text of the packet, without passwords; a long one is cut
        pub packet: &'a str,
        /// why the gateway could not read it, if it could not
        pub dropped: Option<&'a str>,
    }

    /// A change in the state of the store.
    pub struct StorageChanged<'a> {
        /// the text of the store
        pub reason: &'a str,
        /// number of changes that are not saved yet
        pub waiting: usize,
    }

    /// The shutdown of the gateway.
    pub struct Shutdown<'a> {
        /// a text for people
        pub message: &'a str,
    }
}

words! {
    /// The origin of an error.
    pub enum ErrorContext {
        /// The network.
        Packet = "i3_packet_error",
        /// The gateway's queue.
        Queue = "gateway_queue",
    }

    /// The state of a link.
    pub enum LinkStatus {
        /// The link is ready.
        Connected = "connected",
        /// The link is not ready.
        Disconnected = "disconnected",
    }

    /// The direction of a packet.
    pub enum Direction {
        /// From the router.
        Received = "received",
        /// To the router.
        Sent = "sent",
    }

    /// The events for messages on channels.
    pub enum LineEvent {
        /// A message.
        Message = "channel_message",
        /// An emote.
        Emote = "channel_emote",
        /// An emote that is aimed at a user.
        Targeted = "channel_targeted_emote",
    }
}

impl<'a> MudRow<'a> {
    /// The entry of a mud.
    pub fn new(name: &'a str, mud: &'a KnownMud) -> Self {
        MudRow {
            name,
            host: &mud.host,
            port: mud.port,
            tcp_port: mud.tcp_port,
            udp_port: mud.udp_port,
            driver: &mud.driver,
            mudlib: &mud.mudlib,
            mud_type: &mud.mud_type,
            status: mud.status,
            services: &mud.services,
            open_status: &mud.open_status,
            admin_email: &mud.admin_email,
        }
    }
}
