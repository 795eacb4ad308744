// Made from docs/openrpc.json and docs/asyncapi.json by
// `cargo test -p i3-tests --test api -- --ignored`. A test fails when this file is stale.

//! The events of the gateway, as types.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A user of another mud wants the attention of a user of this mud. `message` is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BeepReceived {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// this mud
    pub to_mud: String,
    /// the local user who receives it
    pub to_user: String,
    /// the sender's visible name
    pub visname: String,
}

/// A channel was added or has changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelAdded {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that created it; empty when it was removed
    pub owner: String,
    /// when it arrived
    pub timestamp: String,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered
    pub r#type: i64,
}

/// An emote on a channel, for sessions that subscribe to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelEmote {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// true: this mud's own line, as the router sent it back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "self")]
    pub own: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// the sender's visible name
    pub visname: String,
}

/// The router asks whether a message may pass on a filtered channel of this mud. The sessions of the mud receive this once one of them has called `channel_filter`, which also answers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFilterRequest {
    /// the channel
    pub channel: String,
    /// the event that the message would become
    pub event: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// for the answer with `channel_filter`
    pub filter_id: i64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text
    pub message: String,
    /// seconds after which the message passes unchanged
    pub timeout: i64,
    /// when it arrived
    pub timestamp: String,
    /// the sender's visible name
    pub visname: String,
}

/// Another session of the mud has joined a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelJoined {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the session
    pub session_id: String,
    /// when it arrived
    pub timestamp: String,
}

/// Another session of the mud has left a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelLeft {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the session
    pub session_id: String,
    /// when it arrived
    pub timestamp: String,
}

/// A message on a channel, for sessions that subscribe to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelMessage {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// true: this mud's own line, as the router sent it back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "self")]
    pub own: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// the sender's visible name
    pub visname: String,
}

/// A channel was removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelRemoved {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that created it; empty when it was removed
    pub owner: String,
    /// when it arrived
    pub timestamp: String,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered
    pub r#type: i64,
}

/// An emote on a channel that is aimed at a user, for sessions that subscribe to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelTargetedEmote {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text for others; `$N` stands for the sender's name and `$O` for the target's, as in an emote
    pub message: String,
    /// the text for the target
    pub message_target: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// true: this mud's own line, as the router sent it back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "self")]
    pub own: Option<bool>,
    /// the mud of the target
    pub target_mud: String,
    /// the target
    pub target_user: String,
    /// the target's visible name
    pub target_visname: String,
    /// when it arrived
    pub timestamp: String,
    /// the sender's visible name
    pub visname: String,
}

/// An answer to a `channel_who`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelWhoReply {
    /// the channel
    pub channel: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that answers
    pub from_mud: String,
    /// true: the list was too long, and its end is left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// the user who asked
    pub to_user: String,
    /// the subscribers on that mud
    pub users: Vec<String>,
}

/// A user of another mud has sent an emote to a user of this mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmotetoReceived {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// this mud
    pub to_mud: String,
    /// the local user who receives it
    pub to_user: String,
    /// the sender's visible name
    pub visname: String,
}

/// Something that this mud has sent failed. A request that waits for it gets the error as its answer instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorOccurred {
    /// whether the error is from the network or from the gateway's queue
    pub context: String,
    /// a code of Intermud-3, such as `unk-dst`, `unk-user` or `not-allowed`; `not-sent`: the packet never left the gateway
    pub error_code: String,
    /// a text for people
    pub error_message: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud or router that reports the error; empty: this gateway
    pub from_mud: String,
    /// identifies the message that failed, if it is known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// this mud
    pub to_mud: String,
    /// the local user concerned
    pub to_user: String,
}

/// the user
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FingerReplyUserInfo {
    /// the e-mail address
    pub email: String,
    /// other text that the mud reports
    pub extra: String,
    /// seconds of idleness; -1 when offline
    pub idle_time: i64,
    /// the address from which the user is connected
    pub ip_address: String,
    /// the level; 0 if the mud reports none, or one that is not a number
    pub level: i64,
    /// the level, if it is a text
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_name: Option<String>,
    /// the time of the last login or logout, as the mud writes it
    pub login_time: String,
    /// the visible name
    pub name: String,
    /// the real name
    pub real_name: String,
    /// the title; any text is empty if the mud does not report it
    pub title: String,
}

/// The answer to a `finger` without `wait`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FingerReply {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that answers
    pub from_mud: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
    /// the user
    pub user_info: FingerReplyUserInfo,
}

/// The link to the router was lost or closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayDisconnected {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// a text for people
    pub message: String,
    /// a text for people
    pub reason: String,
    /// the router
    pub router: String,
    /// the state of the link
    pub status: String,
    /// when it arrived
    pub timestamp: String,
}

/// The link to the router is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayReconnected {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// a text for people
    pub message: String,
    /// a text for people
    pub reason: String,
    /// the router
    pub router: String,
    /// the state of the link
    pub status: String,
    /// when it arrived
    pub timestamp: String,
}

/// Another gateway or game uses the mud's name, or the router refuses the login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityWarning {
    /// what to do, for people
    pub advice: String,
    /// the router's code, such as `bad-mojo`
    pub error_code: String,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the router's text
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
}

/// This client has not read for a while, and events for it were dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lagged {
    /// number of dropped events
    pub dropped: i64,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// when it arrived
    pub timestamp: String,
}

/// An answer to a `locate`: one from each mud where the user is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocateReply {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that answers
    pub from_mud: String,
    /// seconds of idleness
    pub idle: i64,
    /// the mud where the user is
    pub located_mud: String,
    /// the user's visible name
    pub located_user: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// `afk`, `editing`, …
    pub status: String,
    /// when it arrived
    pub timestamp: String,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudOfflineInfo {
    /// the e-mail address of its administrator
    pub admin_email: String,
    /// the driver
    pub driver: String,
    /// the address, as the router sees it
    pub host: String,
    /// the type of mud: `LP`, `Diku`, …
    pub mud_type: String,
    /// the mudlib
    pub mudlib: String,
    /// its exact name
    pub name: String,
    /// free text about whether the mud is open
    pub open_status: String,
    /// the port for players
    pub port: i64,
    /// the services that it offers; each value is 1, a port, or a version
    pub services: Map<String, Value>,
    /// whether it is on the network
    pub status: String,
    /// the out-of-band TCP port, 0 for none
    pub tcp_port: i64,
    /// the out-of-band UDP port, 0 for none
    pub udp_port: i64,
}

/// A mud has gone down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudOffline {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud's entry, as in `mudlist`; null when it is off the list
    pub info: Option<MudOfflineInfo>,
    /// the mud
    pub mud_name: String,
    /// whether it is on the network now
    pub status: String,
    /// when it arrived
    pub timestamp: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudOnlineInfo {
    /// the e-mail address of its administrator
    pub admin_email: String,
    /// the driver
    pub driver: String,
    /// the address, as the router sees it
    pub host: String,
    /// the type of mud: `LP`, `Diku`, …
    pub mud_type: String,
    /// the mudlib
    pub mudlib: String,
    /// its exact name
    pub name: String,
    /// free text about whether the mud is open
    pub open_status: String,
    /// the port for players
    pub port: i64,
    /// the services that it offers; each value is 1, a port, or a version
    pub services: Map<String, Value>,
    /// whether it is on the network
    pub status: String,
    /// the out-of-band TCP port, 0 for none
    pub tcp_port: i64,
    /// the out-of-band UDP port, 0 for none
    pub udp_port: i64,
}

/// A mud has come up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudOnline {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud's entry, as in `mudlist`; null when it is off the list
    pub info: Option<MudOnlineInfo>,
    /// the mud
    pub mud_name: String,
    /// whether it is on the network now
    pub status: String,
    /// when it arrived
    pub timestamp: String,
}

/// A packet of the mud, for sessions that have called `trace`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PacketTrace {
    /// the direction
    pub direction: String,
    /// why the gateway could not read it, if it could not
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud
    pub mud_name: String,
    /// the text of the packet, without passwords; a long one is cut
    pub packet: String,
    /// the router
    pub router: String,
    /// when it arrived
    pub timestamp: String,
}

/// A request was refused because requests come too often; sent at most once a minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RateLimitWarning {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the method of the refused request; `unknown` if there is no such method
    pub method: String,
    /// the limit in requests a minute
    pub per_minute: i64,
    /// milliseconds to wait before the next request
    pub retry_after_ms: i64,
    /// when it arrived
    pub timestamp: String,
}

/// A replay is complete: see "What came while you were away".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplayComplete {
    /// the channel, if the replay was only of its lines
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// true: some events were too old or too many, and are lost
    pub gap: bool,
    /// number of replayed events
    pub replayed: i64,
    /// when it arrived
    pub timestamp: String,
}

/// The gateway is shutting down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShutdownWarning {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// a text for people
    pub message: String,
    /// when it arrived
    pub timestamp: String,
}

/// The store fails to save changes, or what was saved is gone; the gateway tries again, and then saves all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StorageFailed {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the text of the store
    pub reason: String,
    /// when it arrived
    pub timestamp: String,
    /// number of changes that are not saved yet
    pub waiting: i64,
}

/// The store has saved all changes again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StorageRecovered {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the text of the store
    pub reason: String,
    /// when it arrived
    pub timestamp: String,
    /// number of changes that are not saved yet
    pub waiting: i64,
}

/// A user of another mud has sent a message to a user of this mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TellReceived {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the sender's name, which is there itself unless texts are read `raw`
    pub message: String,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// this mud
    pub to_mud: String,
    /// the local user who receives it
    pub to_user: String,
    /// the sender's visible name
    pub visname: String,
}

/// The first message over TCP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// whether `authenticate` is needed
    pub authentication: String,
    /// the version of this gateway
    pub gateway_version: String,
    /// the protocol
    pub protocol: String,
    /// the name of the service
    pub service: String,
    /// the version of the API, as the Python gateway names it
    pub version: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoReplyUsers {
    /// other text that the mud reports
    pub extra: String,
    /// seconds of idleness
    pub idle: i64,
    /// the level; 0 if the mud does not report one
    pub level: i64,
    /// the user's visible name
    pub name: String,
}

/// The answer to a `who` without `wait`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoReply {
    /// identifies the event; ids only grow, also across restarts
    pub event_id: u64,
    /// the mud that answers
    pub from_mud: String,
    /// true: the list was too long, and its end is left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// true: the event is a replay
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    /// when it arrived
    pub timestamp: String,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
    /// the users who are online
    pub users: Vec<WhoReplyUsers>,
}

/// An event, by its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an event is read, used and dropped; a box would only cost")]
pub enum Kind {
    /// A user of another mud wants the attention of a user of this mud. `message` is empty.
    BeepReceived(BeepReceived),
    /// A channel was added or has changed.
    ChannelAdded(ChannelAdded),
    /// An emote on a channel, for sessions that subscribe to it.
    ChannelEmote(ChannelEmote),
    /// The router asks whether a message may pass on a filtered channel of this mud. The sessions of the mud receive this once one of them has called `channel_filter`, which also answers it.
    ChannelFilterRequest(ChannelFilterRequest),
    /// Another session of the mud has joined a channel.
    ChannelJoined(ChannelJoined),
    /// Another session of the mud has left a channel.
    ChannelLeft(ChannelLeft),
    /// A message on a channel, for sessions that subscribe to it.
    ChannelMessage(ChannelMessage),
    /// A channel was removed.
    ChannelRemoved(ChannelRemoved),
    /// An emote on a channel that is aimed at a user, for sessions that subscribe to it.
    ChannelTargetedEmote(ChannelTargetedEmote),
    /// An answer to a `channel_who`.
    ChannelWhoReply(ChannelWhoReply),
    /// A user of another mud has sent an emote to a user of this mud.
    EmotetoReceived(EmotetoReceived),
    /// Something that this mud has sent failed. A request that waits for it gets the error as its answer instead.
    ErrorOccurred(ErrorOccurred),
    /// The answer to a `finger` without `wait`.
    FingerReply(FingerReply),
    /// The link to the router was lost or closed.
    GatewayDisconnected(GatewayDisconnected),
    /// The link to the router is ready.
    GatewayReconnected(GatewayReconnected),
    /// Another gateway or game uses the mud's name, or the router refuses the login.
    IdentityWarning(IdentityWarning),
    /// This client has not read for a while, and events for it were dropped.
    Lagged(Lagged),
    /// An answer to a `locate`: one from each mud where the user is.
    LocateReply(LocateReply),
    /// A mud has gone down.
    MudOffline(MudOffline),
    /// A mud has come up.
    MudOnline(MudOnline),
    /// A packet of the mud, for sessions that have called `trace`.
    PacketTrace(PacketTrace),
    /// A request was refused because requests come too often; sent at most once a minute.
    RateLimitWarning(RateLimitWarning),
    /// A replay is complete: see "What came while you were away".
    ReplayComplete(ReplayComplete),
    /// The gateway is shutting down.
    ShutdownWarning(ShutdownWarning),
    /// The store fails to save changes, or what was saved is gone; the gateway tries again, and then saves all of it.
    StorageFailed(StorageFailed),
    /// The store has saved all changes again.
    StorageRecovered(StorageRecovered),
    /// A user of another mud has sent a message to a user of this mud.
    TellReceived(TellReceived),
    /// The first message over TCP.
    Welcome(Welcome),
    /// The answer to a `who` without `wait`.
    WhoReply(WhoReply),
    /// An event that this version of the client does not know.
    Unknown,
}

fn read<T: DeserializeOwned>(params: &Value, kind: fn(T) -> Kind) -> Kind {
    T::deserialize(params).map_or(Kind::Unknown, kind)
}

impl Kind {
    /// Reads the parameters of the event of this name.
    pub fn read(name: &str, params: &Value) -> Kind {
        match name {
            "beep_received" => read(params, Kind::BeepReceived),
            "channel_added" => read(params, Kind::ChannelAdded),
            "channel_emote" => read(params, Kind::ChannelEmote),
            "channel_filter_request" => read(params, Kind::ChannelFilterRequest),
            "channel_joined" => read(params, Kind::ChannelJoined),
            "channel_left" => read(params, Kind::ChannelLeft),
            "channel_message" => read(params, Kind::ChannelMessage),
            "channel_removed" => read(params, Kind::ChannelRemoved),
            "channel_targeted_emote" => read(params, Kind::ChannelTargetedEmote),
            "channel_who_reply" => read(params, Kind::ChannelWhoReply),
            "emoteto_received" => read(params, Kind::EmotetoReceived),
            "error_occurred" => read(params, Kind::ErrorOccurred),
            "finger_reply" => read(params, Kind::FingerReply),
            "gateway_disconnected" => read(params, Kind::GatewayDisconnected),
            "gateway_reconnected" => read(params, Kind::GatewayReconnected),
            "identity_warning" => read(params, Kind::IdentityWarning),
            "lagged" => read(params, Kind::Lagged),
            "locate_reply" => read(params, Kind::LocateReply),
            "mud_offline" => read(params, Kind::MudOffline),
            "mud_online" => read(params, Kind::MudOnline),
            "packet_trace" => read(params, Kind::PacketTrace),
            "rate_limit_warning" => read(params, Kind::RateLimitWarning),
            "replay_complete" => read(params, Kind::ReplayComplete),
            "shutdown_warning" => read(params, Kind::ShutdownWarning),
            "storage_failed" => read(params, Kind::StorageFailed),
            "storage_recovered" => read(params, Kind::StorageRecovered),
            "tell_received" => read(params, Kind::TellReceived),
            "welcome" => read(params, Kind::Welcome),
            "who_reply" => read(params, Kind::WhoReply),
            _ => Kind::Unknown,
        }
    }
}
