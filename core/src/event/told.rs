//! What events tell, and the objects that results of methods have in common with them.

use crate::describe::macros::{output, words};
use crate::describe::values::OrNull;
use crate::network::KnownMud;
use crate::network::mudlist::{ServiceValue, Status};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

output! {
    /// A tell, an emote or a beep for a user.
    #[derive(Deserialize)]
    pub struct Told<'a> {
        /// the mud it comes from
        pub from_mud: Cow<'a, str>,
        /// the user it comes from
        pub from_user: Cow<'a, str>,
        /// this mud
        pub to_mud: Cow<'a, str>,
        /// the local user it is for
        pub to_user: Cow<'a, str>,
        /// what was said; an emote has `$N` for the sender's name
        pub message: Cow<'a, str>,
        /// the sender's name, as shown
        pub visname: Cow<'a, str>,
    }

    /// A line or an emote on a channel.
    #[derive(Deserialize)]
    pub struct Said<'a> {
        /// the channel
        pub channel: Cow<'a, str>,
        /// the mud it comes from
        pub from_mud: Cow<'a, str>,
        /// the user it comes from
        pub from_user: Cow<'a, str>,
        /// what was said; an emote has `$N` for the sender's name
        pub message: Cow<'a, str>,
        /// the sender's name, as shown
        pub visname: Cow<'a, str>,
        /// true: this mud's own line, as the router sent it back
        pub is_echo as "self": Option<bool>,
    }

    /// An emote on a channel that is aimed at somebody.
    #[derive(Deserialize)]
    pub struct Targeted<'a> {
        /// the channel
        pub channel: Cow<'a, str>,
        /// the mud it comes from
        pub from_mud: Cow<'a, str>,
        /// the user it comes from
        pub from_user: Cow<'a, str>,
        /// what others read; it has `$N` for the sender's name and `$O` for the target's
        pub message: Cow<'a, str>,
        /// the sender's name, as shown
        pub visname: Cow<'a, str>,
        /// the mud of the target
        pub target_mud: Cow<'a, str>,
        /// the target
        pub target_user: Cow<'a, str>,
        /// the target's name, as shown
        pub target_visname: Cow<'a, str>,
        /// what the target reads
        pub message_target: Cow<'a, str>,
        /// true: this mud's own line, as the router sent it back
        pub is_echo as "self": Option<bool>,
    }

    /// A user in a who.
    #[derive(Deserialize)]
    pub struct WhoUser<'a> {
        /// the user's name, as shown
        pub name: Cow<'a, str>,
        /// seconds
        pub idle: i64,
        /// 0 when the mud tells none
        pub level: i64,
        /// what else the mud tells
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
        /// who is on
        pub users: Vec<WhoUser<'a>>,
    }

    /// What a finger tells.
    #[derive(Deserialize)]
    pub struct UserInfo<'a> {
        /// the name, as shown
        pub name: Cow<'a, str>,
        /// the title; all texts are empty where the mud tells nothing
        pub title: Cow<'a, str>,
        /// the real name
        pub real_name: Cow<'a, str>,
        /// e-mail
        pub email: Cow<'a, str>,
        /// when the user logged in, or was last on, as the mud writes it
        pub login_time: Cow<'a, str>,
        /// seconds; -1 when not on
        pub idle_time: i64,
        /// the address
        pub ip_address: Cow<'a, str>,
        /// 0 when the mud tells none, or none that is a number
        pub level: i64,
        /// what else the mud tells
        pub extra: Cow<'a, str>,
        /// a level that is a word
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
        /// where the user is
        pub located_mud: Cow<'a, str>,
        /// the user's name, as shown
        pub located_user: Cow<'a, str>,
        /// seconds
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
        /// who subscribes to it there
        pub users: Vec<String>,
    }

    /// Something that could not be done.
    #[derive(Deserialize)]
    pub struct ErrorOccurred<'a> {
        /// `unk-dst`, `unk-user`, `not-allowed`, … as Intermud-3 has them; `not-sent`: it never left the gateway
        pub error_code: Cow<'a, str>,
        /// for people
        pub error_message: Cow<'a, str>,
        /// which mud or router reports it; empty: this gateway
        pub from_mud: Cow<'a, str>,
        /// this mud
        pub to_mud: Cow<'a, str>,
        /// the local user whom it concerns
        pub to_user: Cow<'a, str>,
        /// whether it came from the network or from the gateway's queue
        pub context: ErrorContext,
        /// of what caused it, where that is known
        pub message_id: Option<Cow<'a, str>>,
    }

    /// A rival for the mud's name, or a refused login.
    #[derive(Deserialize)]
    pub struct IdentityWarning<'a> {
        /// as the router has it, such as `bad-mojo`
        pub error_code: Cow<'a, str>,
        /// the router's words
        pub message: Cow<'a, str>,
        /// what to do, for people
        pub advice: Cow<'a, str>,
    }

    /// A mud of the network.
    pub struct MudRow<'a> {
        /// its exact name
        pub name: &'a str,
        /// its address, as the router sees it
        pub host: &'a str,
        /// where players connect
        pub port: i64,
        /// its out-of-band port over TCP, 0 for none
        pub tcp_port: i64,
        /// its out-of-band port over UDP, 0 for none
        pub udp_port: i64,
        /// its driver
        pub driver: &'a str,
        /// its mudlib
        pub mudlib: &'a str,
        /// `LP`, `Diku`, …
        pub mud_type: &'a str,
        /// whether it is on the network
        pub status: Status,
        /// what it offers: service to 1, a port, or a version
        pub services: &'a BTreeMap<String, ServiceValue>,
        /// free text
        pub open_status: &'a str,
        /// e-mail
        pub admin_email: &'a str,
    }

    /// A mud that has come or gone.
    pub struct MudChanged<'a> {
        /// the mud
        pub mud_name: &'a str,
        /// whether it is on the network now
        pub status: Status,
        /// the mud as `mudlist` shows it; null when it is off the list
        pub info: OrNull<MudRow<'a>>,
    }

    /// A channel that has come, changed or gone.
    pub struct ChannelChanged<'a> {
        /// the channel
        pub channel: &'a str,
        /// the mud that made it; empty when it is gone
        pub owner: &'a str,
        /// 0 all but the banned, 1 only the admitted, 2 filtered
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
        /// to answer with
        pub filter_id: u64,
        /// the channel
        pub channel: &'a str,
        /// the event that it would become
        pub event: LineEvent,
        /// the mud it comes from
        pub from_mud: &'a str,
        /// the user it comes from
        pub from_user: &'a str,
        /// the sender's name, as shown
        pub visname: &'a str,
        /// what is said
        pub message: &'a str,
        /// seconds after which it passes unchanged
        pub timeout: u64,
    }

    /// A change of the link to the router.
    pub struct LinkChanged<'a> {
        /// for people
        pub message: &'a str,
        /// of the link
        pub status: LinkStatus,
        /// the router
        pub router: &'a str,
        /// for people
        pub reason: &'a str,
    }

    /// The end of a replay.
    pub struct ReplayComplete<'a> {
        /// how many events
        pub replayed: u64,
        /// true: there were others, which are lost
        pub gap: bool,
        /// the channel whose lines they are; without it, all that was kept
        pub channel: Option<&'a str>,
    }

    /// Events that a client has missed.
    pub struct Lagged {
        /// how many
        pub dropped: u64,
    }

    /// A refused request.
    pub struct RateLimitWarning<'a> {
        /// of the request that was refused; `unknown` for what is no method
        pub method: &'a str,
        /// the limit that was reached
        pub per_minute: u32,
        /// when there is room
        pub retry_after_ms: u64,
    }

    /// A packet of the mud.
    pub struct PacketTrace<'a> {
        /// which way
        pub direction: Direction,
        /// the mud
        pub mud_name: &'a str,
        /// the router
        pub router: &'a str,
        /// its text, without passwords; a long one is cut
        pub packet: &'a str,
    }

    /// A change of the store.
    pub struct StorageChanged<'a> {
        /// what the store reports
        pub reason: &'a str,
        /// changes that are not saved yet
        pub waiting: usize,
    }

    /// The end of the gateway.
    pub struct Shutdown<'a> {
        /// for people
        pub message: &'a str,
    }
}

words! {
    /// Where an error comes from.
    pub enum ErrorContext {
        /// From the network.
        Packet = "i3_packet_error",
        /// From the gateway's queue.
        Queue = "gateway_queue",
    }

    /// The state of a link.
    pub enum LinkStatus {
        /// It is ready.
        Connected = "connected",
        /// It is not.
        Disconnected = "disconnected",
    }

    /// Which way a packet goes.
    pub enum Direction {
        /// From the router.
        Received = "received",
        /// To the router.
        Sent = "sent",
    }

    /// The events that lines of channels become.
    pub enum LineEvent {
        /// A line.
        Message = "channel_message",
        /// An emote.
        Emote = "channel_emote",
        /// An emote that is aimed at somebody.
        Targeted = "channel_targeted_emote",
    }
}

impl<'a> MudRow<'a> {
    /// A mud under its name.
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
