// Made from docs/openrpc.json and docs/asyncapi.json by
// `cargo test -p i3-tests --test api -- --ignored`. A test fails when this file is stale.

//! The methods of the gateway, as types: the parameters, and what is answered.

use crate::request::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The method `ack`. Moves the cursor of this client: events up to it are not replayed again. The result comes when the cursor is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// the last event that the client has handled, along with all before it
    pub event_id: u64,
}

/// The answer to `ack`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AckAnswer {
    /// as given
    pub event_id: u64,
    /// always `acknowledged`: the cursor is saved
    pub status: String,
}

/// The method `audit`. Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted channels, ended sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of all muds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// only actions after this number: the `next` of the answer before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditAnswerActions {
    /// who did it: the mud of the key, and where its session came from
    pub by: String,
    /// the method
    pub method: String,
    /// the mud of the caller's key
    pub mud_name: String,
    /// numbers the actions since the start
    pub number: i64,
    /// its parameters in JSON, as the caller wrote them; at most 500 bytes
    pub params: String,
    /// when it was done
    pub timestamp: String,
}

/// The answer to `audit`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditAnswer {
    /// the last actions since the start, oldest first, at most 500
    pub actions: Vec<AuditAnswerActions>,
    /// number of actions in this answer
    pub count: i64,
    /// true: the answer is full, and there are more actions
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `after` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// always `success`
    pub status: String,
}

/// The method `authenticate`. Identifies the client. All other methods but `ping` and `rpc.discover` need it first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Authenticate {
    /// the key; not needed by a client that is identified already
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// how texts are delivered: unchanged, without colours, with colours for a terminal, or as HTML; in all but `raw`, emotes have the names in place of `$N` and `$O`. A key can have another default in the settings
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_format: Option<String>,
    /// replay the events after this one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<u64>,
    /// a name under which the gateway remembers which events this client has received
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// false: do not send the mud's own channel lines that the router sends back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<bool>,
    /// the character set of the client. `ascii`, `latin-1`: what it lacks is spelled in ASCII. Over TCP, `latin-1` is what the bytes of lines are, in both directions; a WebSocket carries UTF-8 in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// `observer`: a tool that only looks; what it receives is still kept for the game
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// The answer to `authenticate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthenticateAnswer {
    /// the mud that the session speaks for
    pub mud_name: String,
    /// identifies the session; it is not a secret
    pub session_id: String,
    /// `success` if the session was identified already; it keeps its identity
    pub status: String,
}

/// The method `ban_add`. Bans packets from coming in or going out. The result comes when the ban is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanAdd {
    /// the user, as `user@mud` with `*` and `?`, such as `bob@Sage` or `*@Sage`: the sender of an incoming packet, the sender or the target of an outgoing one
    pub pattern: String,
    /// only packets for such channels, with `*` and `?`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// only packets of such types, with `*` and `?`: `tell`, `channel-*`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_type: Option<String>,
    /// in (from the network), out (to it) or both
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// how long the ban lasts, in seconds; without it, for ever
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<f64>,
    /// a text for people
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to `ban_add`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanAddAnswer {
    /// identifies the ban
    pub ban_id: i64,
    /// always `banned`: the ban is saved
    pub status: String,
}

/// The method `ban_list`. Lists the bans, each with the number of packets that it has stopped since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanList {
    /// only bans after this ban_id: the `next` of the answer before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanListAnswerBans {
    /// identifies the ban
    pub ban_id: i64,
    /// who has set it: the mud of the key, and where its session came from; empty if that is not known
    pub by: String,
    /// the channels, as a pattern; null: all
    pub channel: Option<String>,
    /// when it was added
    pub created: String,
    /// the direction
    pub direction: String,
    /// when it ends; null: never
    pub expires: Option<String>,
    /// number of packets that it has stopped since the start
    pub hits: i64,
    /// the packet types, as a pattern; null: all
    pub packet_type: Option<String>,
    /// the user, as a pattern
    pub pattern: String,
    /// a text for people
    pub reason: String,
}

/// The answer to `ban_list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanListAnswer {
    /// the bans of this mud
    pub bans: Vec<BanListAnswerBans>,
    /// number of bans in this answer
    pub count: i64,
    /// true: the answer is full, and there are more bans
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `after` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// always `success`
    pub status: String,
}

/// The method `ban_remove`. Removes a ban. The result comes when the removal is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanRemove {
    /// from `ban_add` or `ban_list`
    pub ban_id: i64,
}

/// The answer to `ban_remove`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BanRemoveAnswer {
    /// as given
    pub ban_id: i64,
    /// always `removed`: that is saved
    pub status: String,
}

/// The method `beep`. Gets the attention of a user on another mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beep {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
}

/// The answer to `beep`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BeepAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `channel_add`. Creates a channel of this mud. An error from the router becomes the error of the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelAdd {
    /// the channel's name
    pub channel: String,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered by this mud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<u64>,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
}

/// The answer to `channel_add`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelAddAnswer {
    /// the channel
    pub channel: String,
    /// identifies the request; an `error_occurred` about it has this id too
    pub message_id: String,
    /// `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success
    pub status: String,
}

/// The method `channel_admin`. Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelAdmin {
    /// the channel's exact name
    pub channel: String,
    /// muds to put on the channel's list
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<Vec<String>>,
    /// muds to take off the channel's list
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Vec<String>>,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
}

/// The answer to `channel_admin`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelAdminAnswer {
    /// the channel
    pub channel: String,
    /// identifies the request; an `error_occurred` about it has this id too
    pub message_id: String,
    /// `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success
    pub status: String,
}

/// The method `channel_emote`. Sends an emote to a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelEmote {
    /// the channel's exact name
    pub channel: String,
    /// the text, with `$N` for the name; a missing `$N` is put in front; may also be called `message`
    pub emote: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
}

/// The answer to `channel_emote`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelEmoteAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `channel_filter`. Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from now on as events `channel_filter_request`; with `filter_id` and `allow`, it answers one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFilter {
    /// the channel whose messages this session judges
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// false: stop judging
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// from the event `channel_filter_request` that is answered
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_id: Option<i64>,
    /// whether the message may pass; required with `filter_id`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// a text to pass on in place of the message
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// with `channel`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFilterAnswerWithChannel {
    /// the channel
    pub channel: String,
    /// whether this session judges the channel
    pub status: String,
}

/// with `filter_id`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFilterAnswerWithFilterId {
    /// as given
    pub filter_id: i64,
    /// what happened to the message
    pub status: String,
}

/// One of the answers that the method gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "an answer is read, used and dropped")]
pub enum ChannelFilterAnswer {
    /// with `channel`
    WithChannel(ChannelFilterAnswerWithChannel),
    /// with `filter_id`
    WithFilterId(ChannelFilterAnswerWithFilterId),
}

/// The method `channel_history`. Returns the messages of a channel, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelHistory {
    /// the channel's exact name
    pub channel: String,
    /// how many messages at most, counted from the newest; more than 100 count as 100
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// only messages before this event_id, or before this time (RFC 3339)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// only messages after this event_id, or after this time (RFC 3339)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelHistoryAnswerMessages {
    /// the channel
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `channel_message`, `channel_emote`, …; it determines the other members
    pub event: String,
    /// the number of its event
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the name, which is there itself unless texts are read `raw`
    pub message: String,
    /// for a targeted emote: the text for the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_target: Option<String>,
    /// true: the mud's own line, as the router sent it back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "self")]
    pub own: Option<bool>,
    /// for a targeted emote: the mud of the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_mud: Option<String>,
    /// for a targeted emote: the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_user: Option<String>,
    /// for a targeted emote: the visible name of the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_visname: Option<String>,
    /// when it arrived
    pub timestamp: String,
    /// for a tell: the recipient's mud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_mud: Option<String>,
    /// for a tell: the recipient
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_user: Option<String>,
    /// the sender's visible name
    pub visname: String,
}

/// The answer to `channel_history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelHistoryAnswer {
    /// number of messages in this answer
    pub count: i64,
    /// the messages, oldest first, each with the members of its event; `event` is the event's name
    pub messages: Vec<ChannelHistoryAnswerMessages>,
    /// true: the answer is full, and there are older messages
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `before` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// always `success`
    pub status: String,
}

/// The method `channel_join`. Subscribes this session to a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelJoin {
    /// the channel's exact name
    pub channel: String,
    /// receive the channel's lines, but do not speak
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen_only: Option<bool>,
}

/// The answer to `channel_join`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelJoinAnswer {
    /// as given
    pub channel: String,
    /// always `joined`
    pub status: String,
    /// if the list of channels does not have it: a text that says so, with the most similar names
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// The method `channel_leave`. Ends this session's subscription to a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelLeave {
    /// the channel's exact name
    pub channel: String,
}

/// The answer to `channel_leave`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelLeaveAnswer {
    /// as given
    pub channel: String,
    /// always `left`
    pub status: String,
}

/// which channels to list
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelListFilter {
    /// only channels with at least this many local subscribers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_members: Option<i64>,
    /// only channels of this mud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// only channels of this type
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<i64>,
}

/// The method `channel_list`. Lists the channels of the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelList {
    /// ask the router for the list again; changes arrive as events
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<bool>,
    /// which channels to list
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<ChannelListFilter>,
    /// only channels after this name: the `next` of the answer before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelListAnswerChannels {
    /// number of sessions of this gateway that subscribe to it, on all its nodes
    pub member_count: i64,
    /// its exact name
    pub name: String,
    /// the mud that created it
    pub owner: String,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered
    pub r#type: i64,
}

/// The answer to `channel_list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelListAnswer {
    /// sorted by name
    pub channels: Vec<ChannelListAnswerChannels>,
    /// number of channels in this answer
    pub count: i64,
    /// true: the answer is full, and there are more channels
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `after` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// always `success`
    pub status: String,
    /// the channels that this session subscribes to
    pub subscribed_channels: Vec<String>,
}

/// The method `channel_remove`. Removes a channel of this mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelRemove {
    /// the channel's exact name
    pub channel: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
}

/// The answer to `channel_remove`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelRemoveAnswer {
    /// the channel
    pub channel: String,
    /// identifies the request; an `error_occurred` about it has this id too
    pub message_id: String,
    /// `success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success
    pub status: String,
}

/// The method `channel_send`. Sends a message to a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelSend {
    /// the channel's exact name
    pub channel: String,
    /// the text
    pub message: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
}

/// The answer to `channel_send`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelSendAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `channel_targeted_emote`. Sends an emote that is aimed at a user to a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelTargetedEmote {
    /// the channel's exact name
    pub channel: String,
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// the text for others, with `$N` and `$O` for the names; may also be called `emote`
    pub message: String,
    /// the text for the target; without it, `message`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_target: Option<String>,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
    /// the visible name of the target; without it, `target_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_visname: Option<String>,
}

/// The answer to `channel_targeted_emote`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelTargetedEmoteAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `channel_user`. Returns the visible name and the gender of a user of another mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelUser {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// how long to wait, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// The answer to `channel_user`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelUserAnswer {
    /// 0: male; 1: female; 2: neuter
    pub gender: i64,
    /// the mud
    pub mud_name: String,
    /// always `success`
    pub status: String,
    /// the user's name, in lower case
    pub user_name: String,
    /// the visible name
    pub visname: String,
}

/// The method `channel_who`. Returns the known subscribers of a channel. With `wait` it asks the other muds first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelWho {
    /// the channel's exact name
    pub channel: String,
    /// the mud to ask; without it, those that spoke on the channel last
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_mud: Option<String>,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// return the reply as the result
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// how long to wait, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelWhoAnswerMembers {
    /// the mud
    pub mud: String,
    /// its users
    pub users: Vec<String>,
}

/// The answer to `channel_who`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelWhoAnswer {
    /// the channel
    pub channel: String,
    /// the users by mud
    pub members: Vec<ChannelWhoAnswerMembers>,
    /// true: the lists were too long, and their end is left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// `success`: the answers are in; `requested`: muds were asked, and the result holds what was known before
    pub status: String,
    /// the users of all muds in one list
    pub users: Vec<String>,
}

/// The method `drain`. Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is restarted the node takes none; clients stay connected to it, and go on to use the links.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drain {
}

/// The answer to `drain`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DrainAnswer {
    /// number of muds whose links it had
    pub muds: i64,
    /// always `drained`: no router link is left on this node
    pub status: String,
}

/// The method `emoteto`. Sends an emote to a user on another mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Emoteto {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// the text, with `$N` for the name; may also be called `message`
    pub emote: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
}

/// The answer to `emoteto`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmotetoAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `finger`. Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finger {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// return the reply as the result
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// how long to wait, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// at once
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FingerAnswerAtOnce {
    /// the mud
    pub mud_name: String,
    /// always `requested`
    pub status: String,
    /// as given
    pub user_name: String,
}

/// the user
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FingerAnswerWithWaitUserInfo {
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

/// with `wait`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FingerAnswerWithWait {
    /// the mud that answers
    pub from_mud: String,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
    /// the user
    pub user_info: FingerAnswerWithWaitUserInfo,
}

/// One of the answers that the method gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "an answer is read, used and dropped")]
pub enum FingerAnswer {
    /// at once
    AtOnce(FingerAnswerAtOnce),
    /// with `wait`
    WithWait(FingerAnswerWithWait),
}

/// The method `heartbeat`. Keeps the session from timing out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
}

/// The answer to `heartbeat`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// always `ok`
    pub status: String,
    /// the current time
    pub timestamp: String,
}

/// The method `history_search`. Searches the messages of channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistorySearch {
    /// a part of a message or of a visible name, in any case
    pub query: String,
    /// one channel; all when left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// the sender's mud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_mud: Option<String>,
    /// the sender's user name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// how many messages at most, counted from the newest; more than 100 count as 100
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// only messages before this event_id, or before this time (RFC 3339)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// only messages after this event_id, or after this time (RFC 3339)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistorySearchAnswerMessages {
    /// the channel
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `channel_message`, `channel_emote`, …; it determines the other members
    pub event: String,
    /// the number of its event
    pub event_id: u64,
    /// the sender's mud
    pub from_mud: String,
    /// the sender's user name
    pub from_user: String,
    /// the text; in an emote `$N` stands for the name, which is there itself unless texts are read `raw`
    pub message: String,
    /// for a targeted emote: the text for the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_target: Option<String>,
    /// true: the mud's own line, as the router sent it back
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "self")]
    pub own: Option<bool>,
    /// for a targeted emote: the mud of the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_mud: Option<String>,
    /// for a targeted emote: the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_user: Option<String>,
    /// for a targeted emote: the visible name of the target
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_visname: Option<String>,
    /// when it arrived
    pub timestamp: String,
    /// for a tell: the recipient's mud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_mud: Option<String>,
    /// for a tell: the recipient
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_user: Option<String>,
    /// the sender's visible name
    pub visname: String,
}

/// The answer to `history_search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistorySearchAnswer {
    /// number of messages in this answer
    pub count: i64,
    /// the messages, oldest first, each with the members of its event; `event` is the event's name
    pub messages: Vec<HistorySearchAnswerMessages>,
    /// true: the answer is full, and there are older messages
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `before` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// always `success`
    pub status: String,
}

/// The method `kick`. Ends a session and closes its connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kick {
    /// from `sessions`
    pub session_id: String,
}

/// The answer to `kick`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KickAnswer {
    /// as given
    pub session_id: String,
    /// always `kicked`
    pub status: String,
}

/// The method `locate`. Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Locate {
    /// the user, in any case
    pub target_user: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// return the reply as the result
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// how long to wait, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// at once
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocateAnswerAtOnce {
    /// always `requested`
    pub status: String,
    /// as given
    pub user_name: String,
}

/// with `wait`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocateAnswerWithWait {
    /// the mud that answers
    pub from_mud: String,
    /// seconds of idleness
    pub idle: i64,
    /// the mud where the user is
    pub located_mud: String,
    /// the user's visible name
    pub located_user: String,
    /// `afk`, `editing`, …
    pub status: String,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
}

/// One of the answers that the method gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "an answer is read, used and dropped")]
pub enum LocateAnswer {
    /// at once
    AtOnce(LocateAnswerAtOnce),
    /// with `wait`
    WithWait(LocateAnswerWithWait),
}

/// The method `log_level`. Returns the level of the log, and changes it until the next restart if one is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLevel {
    /// DEBUG, INFO, WARNING or ERROR, in any case; omit it to read the level only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// The answer to `log_level`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLevelAnswer {
    /// the current level of the log
    pub level: String,
    /// always `success`
    pub status: String,
}

/// which muds to list
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudlistFilter {
    /// a part of the driver's name, in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// a service that the mud offers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_service: Option<String>,
    /// a part of the mud's name, in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `up` or `down`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// The method `mudlist`. Lists the muds of the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mudlist {
    /// accepted for old clients, without effect; routers send every change unasked
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<bool>,
    /// which muds to list
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<MudlistFilter>,
    /// only muds after this name: the `next` of the answer before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudlistAnswerMuds {
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

/// The answer to `mudlist`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MudlistAnswer {
    /// number of muds in this answer
    pub count: i64,
    /// true: the answer is full, and there are more muds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// sorted by name
    pub muds: Vec<MudlistAnswerMuds>,
    /// where the rest begins: `after` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// always `success`
    pub status: String,
}

/// The method `overview`. Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links of all muds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
}

/// the router link
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswerIdentitiesRouter {
    /// why the link was last lost or refused
    pub last_error: Option<String>,
    /// how the gateway checks that the router still answers, as text for people
    pub liveness: String,
    /// the router in use, or the one being tried
    pub name: String,
    /// when the gateway dials it next; null when no attempt is scheduled
    pub next_attempt: Option<String>,
    /// when the link entered its state
    pub since: String,
    /// the state of the link
    pub state: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswerIdentitiesRouters {
    /// its address
    pub host: String,
    /// whether the link uses it, or is trying it
    pub in_use: bool,
    /// its name
    pub name: String,
    /// its port
    pub port: i64,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswerIdentities {
    /// bans
    pub ban_count: i64,
    /// known channels
    pub channel_count: i64,
    /// whether the router link is ready
    pub connected: bool,
    /// where several nodes share the muds: the name of the node that holds the router link; null: none does
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// local users who are online, as the game has published them
    pub local_users: i64,
    /// the mud
    pub mud_name: String,
    /// known muds that are up
    pub online_muds: i64,
    /// the router link
    pub router: OverviewAnswerIdentitiesRouter,
    /// the routers in the order in which they are tried
    pub routers: Vec<OverviewAnswerIdentitiesRouters>,
    /// bytes of these packets
    pub waiting_bytes: i64,
    /// packets that wait for the router
    pub waiting_packets: i64,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswerMinutes {
    /// the mean time, in milliseconds, of requests that waited for the network or the store; null: none did
    pub answer_ms: Option<f64>,
    /// events for clients, counted for each recipient
    pub events: i64,
    /// the greatest delay of the gateway's loop, in milliseconds
    pub lag_ms: f64,
    /// packets from routers
    pub packets_received: i64,
    /// packets to routers
    pub packets_sent: i64,
    /// requests of clients
    pub requests: i64,
    /// when it began
    pub timestamp: String,
}

/// what waits
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswerQueues {
    /// bytes of these events
    pub kept_bytes: i64,
    /// events that are kept for the history and for games that are away
    pub kept_events: i64,
    /// bytes queued or in transit for all connections
    pub pending_bytes: i64,
    /// identified sessions
    pub session_count: i64,
    /// whether the store accepts changes
    pub storage: String,
    /// changes that are not saved yet
    pub unsaved_changes: i64,
    /// requests that wait for an answer from the network or the store
    pub waiting_requests: i64,
}

/// The answer to `overview`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverviewAnswer {
    /// the muds that this gateway speaks for, as far as the caller may see them
    pub identities: Vec<OverviewAnswerIdentities>,
    /// whether the caller's mud has a router link here, without which a session may not speak
    pub may_speak: bool,
    /// the minutes of the last hour in which something came in, oldest first; the last one is not over yet
    pub minutes: Vec<OverviewAnswerMinutes>,
    /// where several nodes share the muds: the name of this node
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// what the caller's key may do; `*` means all
    pub permissions: Vec<String>,
    /// what waits
    pub queues: OverviewAnswerQueues,
    /// always `success`
    pub status: String,
    /// seconds since the gateway was started
    pub uptime: f64,
    /// the version of the gateway
    pub version: String,
    /// what is doubtful about the settings; empty without the permission `admin` for the gateway's own mud
    pub warnings: Vec<String>,
}

/// The method `ping`. Shows that the gateway is running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ping {
}

/// The answer to `ping`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PingAnswer {
    /// always true
    pub pong: bool,
    /// the current time
    pub timestamp: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PresenceSyncUsers {
    /// at most 128 characters
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<String>,
    /// seconds of idleness
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// the user's level
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u64>,
    /// at most 256 characters
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// seconds since 1970, or a text of at most 64 bytes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_time: Option<Value>,
    /// as shown, without blanks around it; at most 128 characters
    pub name: String,
    /// at most 128 characters
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<String>,
    /// `afk`, `editing`, …, at most 256 characters
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// the text after the name; at most 256 characters
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The method `presence_sync`. Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PresenceSync {
    /// all users who are online; any other user is offline
    pub users: Vec<PresenceSyncUsers>,
}

/// The answer to `presence_sync`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PresenceSyncAnswer {
    /// number of users
    pub count: i64,
    /// the session's mud
    pub mud_name: String,
    /// always `synchronized`
    pub status: String,
}

/// The method `reconnect`. Closes the link to the router and logs in again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reconnect {
}

/// The answer to `reconnect`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReconnectAnswer {
    /// always `reconnecting`
    pub status: String,
}

/// The method `resume`. Replays missed events, followed by the event `replay_complete`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// replay the events after this one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<u64>,
}

/// The answer to `resume`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResumeAnswer {
    /// where the replay starts; null: at the first event not yet delivered to any session of the mud
    pub last_event_id: Option<u64>,
    /// always `success`
    pub status: String,
}

/// The method `retire`. Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The gateway goes on without the link. A later start logs in again, under the same name as a new mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retire {
    /// the name of the mud, as a check: the mud of the key retires
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mud_name: Option<String>,
}

/// The answer to `retire`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetireAnswer {
    /// the mud
    pub mud_name: String,
    /// the router that has been told
    pub router: String,
    /// always `retired`
    pub status: String,
}

/// The method `rpc.discover`. Returns the OpenRPC document that describes all methods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RpcDiscover {
}

/// The answer to `rpc.discover`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RpcDiscoverAnswer {
    /// the name and version of the API
    pub info: Map<String, Value>,
    /// the methods
    pub methods: Vec<Map<String, Value>>,
    /// the version of OpenRPC
    pub openrpc: String,
}

/// The method `sessions`. Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// only sessions after this number: the `next` of the answer before
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionsAnswerSessions {
    /// the client's address; behind a trusted proxy, the address that the proxy reports
    pub address: String,
    /// number of channels that it subscribes to
    pub channels: i64,
    /// the name that the client gave itself; null if it gave none
    pub client: Option<String>,
    /// seconds since its last request; not for a session at another node
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<i64>,
    /// the name of its key in the settings; null before `authenticate`, and where no key is needed
    pub key_name: Option<String>,
    /// the mud of its key; null before `authenticate`
    pub mud_name: Option<String>,
    /// the node that it is connected to, where several gateways share a database
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// permissions of its key; `*` means all
    pub permissions: Vec<String>,
    /// bytes queued for the client that it has not read yet; not for a session at another node
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_bytes: Option<i64>,
    /// whom it speaks for: what an `observer` receives is still kept for the game; null before `authenticate`
    pub role: Option<String>,
    /// identifies the session; null before `authenticate`
    pub session_id: Option<String>,
    /// when it connected
    pub since: String,
    /// how it is connected
    pub transport: String,
}

/// The answer to `sessions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionsAnswer {
    /// number of sessions in this answer
    pub count: i64,
    /// true: the answer is full, and there are more sessions
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// where the rest begins: `after` of the next request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// the sessions
    pub sessions: Vec<SessionsAnswerSessions>,
    /// always `success`
    pub status: String,
}

/// The method `stats`. Returns counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
}

/// The answer to `stats`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatsAnswer {
    /// the version number of the router's channel list; the numbers have no order
    pub chanlist_id: i64,
    /// known channels
    pub channel_count: i64,
    /// whether the router link is ready
    pub gateway_connected: bool,
    /// known muds
    pub mud_count: i64,
    /// the version number of the router's mudlist; the numbers have no order
    pub mudlist_id: i64,
    /// known muds that are up
    pub online_muds: i64,
    /// packets received from routers since the start
    pub packets_received: i64,
    /// packets sent to routers since the start
    pub packets_sent: i64,
    /// identified sessions, at all nodes
    pub session_count: i64,
}

/// The method `status`. Reports whether the router link is ready, and why not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
}

/// the router link
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusAnswerRouter {
    /// why the link was last lost or refused
    pub last_error: Option<String>,
    /// how the gateway checks that the router still answers, as text for people
    pub liveness: String,
    /// the router in use, or the one being tried
    pub name: String,
    /// when the gateway dials it next; null when no attempt is scheduled
    pub next_attempt: Option<String>,
    /// when the link entered its state
    pub since: String,
    /// the state of the link
    pub state: String,
}

/// The answer to `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// whether the router link is ready
    pub connected: bool,
    /// where several nodes share the muds: the name of the node that holds the router link; null: none does
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// the session's mud
    pub mud_name: String,
    /// where several nodes share the muds: the name of this node
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// the router link
    pub router: StatusAnswerRouter,
    /// this session
    pub session_id: String,
    /// seconds since this session connected
    pub uptime: f64,
}

/// The method `tell`. Sends a message to a user on another mud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tell {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the user, in any case
    pub target_user: String,
    /// the text
    pub message: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// the name to show; without it, `from_user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visname: Option<String>,
}

/// The answer to `tell`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TellAnswer {
    /// identifies the message; an `error_occurred` about it has this id too
    pub message_id: String,
    /// always `sent`: accepted into the queue of the router
    pub status: String,
}

/// The method `tell_refuse`. Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent or ignores the sender. The sender's mud receives the error `unk-user` with the text. This works for as long as the event is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TellRefuse {
    /// the event of the tell, the emote or the beep
    pub event_id: u64,
    /// what the sender is told; without it, that the user is not online
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The answer to `tell_refuse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TellRefuseAnswer {
    /// as given
    pub event_id: u64,
    /// always `refused`: the error was accepted into the queue of the router
    pub status: String,
}

/// The method `text_preview`. Returns a text in each of the forms in which clients read texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextPreview {
    /// the text, with colours in pinkfish (`%^RED%^`), in ANSI, or in the codes of mIRC
    pub text: String,
}

/// The answer to `text_preview`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextPreviewAnswer {
    /// with colours for a terminal
    pub ansi: String,
    /// as HTML
    pub html: String,
    /// without colours
    pub plain: String,
    /// as a client reads it that asks for `raw`
    pub raw: String,
    /// as it goes to the network if a client sends it
    pub sent: String,
    /// always `success`
    pub status: String,
}

/// The method `trace`. Sends this session the packets of its mud as events `packet_trace`, with passwords removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// false: stop tracing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The answer to `trace`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceAnswer {
    /// whether the session receives packets
    pub status: String,
}

/// which users the result contains, with `wait`; the event always contains all
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoFilters {
    /// only users whose description holds this text, in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<String>,
    /// only users of at most this level
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_level: Option<i64>,
    /// only users of at least this level
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_level: Option<i64>,
    /// only users whose description holds this text, in any case
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<String>,
}

/// The method `who`. Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Who {
    /// the mud; its name in any case, or shortened
    pub target_mud: String,
    /// the local user
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_user: Option<String>,
    /// which users the result contains, with `wait`; the event always contains all
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<WhoFilters>,
    /// return the reply as the result
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// how long to wait, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// at once
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoAnswerAtOnce {
    /// the mud
    pub mud_name: String,
    /// always `requested`
    pub status: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoAnswerWithWaitMembers {
    /// the mud
    pub mud: String,
    /// its users
    pub users: Vec<String>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoAnswerWithWaitUsers {
    /// other text that the mud reports
    pub extra: String,
    /// seconds of idleness
    pub idle: i64,
    /// the level; 0 if the mud does not report one
    pub level: i64,
    /// the user's visible name
    pub name: String,
}

/// with `wait`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhoAnswerWithWait {
    /// the mud that answers
    pub from_mud: String,
    /// the users' names by mud
    pub members: Vec<WhoAnswerWithWaitMembers>,
    /// true: the list was too long, and its end is left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// the mud that asked
    pub to_mud: String,
    /// the user who asked
    pub to_user: String,
    /// the users who are online
    pub users: Vec<WhoAnswerWithWaitUsers>,
}

/// One of the answers that the method gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "an answer is read, used and dropped")]
pub enum WhoAnswer {
    /// at once
    AtOnce(WhoAnswerAtOnce),
    /// with `wait`
    WithWait(WhoAnswerWithWait),
}

impl Request for Ack {
    const METHOD: &'static str = "ack";
    type Answer = AckAnswer;
}

impl Request for Audit {
    const METHOD: &'static str = "audit";
    type Answer = AuditAnswer;
}

impl Request for Authenticate {
    const METHOD: &'static str = "authenticate";
    type Answer = AuthenticateAnswer;
}

impl Request for BanAdd {
    const METHOD: &'static str = "ban_add";
    type Answer = BanAddAnswer;
}

impl Request for BanList {
    const METHOD: &'static str = "ban_list";
    type Answer = BanListAnswer;
}

impl Request for BanRemove {
    const METHOD: &'static str = "ban_remove";
    type Answer = BanRemoveAnswer;
}

impl Request for Beep {
    const METHOD: &'static str = "beep";
    type Answer = BeepAnswer;
}

impl Request for ChannelAdd {
    const METHOD: &'static str = "channel_add";
    type Answer = ChannelAddAnswer;
}

impl Request for ChannelAdmin {
    const METHOD: &'static str = "channel_admin";
    type Answer = ChannelAdminAnswer;
}

impl Request for ChannelEmote {
    const METHOD: &'static str = "channel_emote";
    type Answer = ChannelEmoteAnswer;
}

impl Request for ChannelFilter {
    const METHOD: &'static str = "channel_filter";
    type Answer = ChannelFilterAnswer;
}

impl Request for ChannelHistory {
    const METHOD: &'static str = "channel_history";
    type Answer = ChannelHistoryAnswer;
}

impl Request for ChannelJoin {
    const METHOD: &'static str = "channel_join";
    type Answer = ChannelJoinAnswer;
}

impl Request for ChannelLeave {
    const METHOD: &'static str = "channel_leave";
    type Answer = ChannelLeaveAnswer;
}

impl Request for ChannelList {
    const METHOD: &'static str = "channel_list";
    type Answer = ChannelListAnswer;
}

impl Request for ChannelRemove {
    const METHOD: &'static str = "channel_remove";
    type Answer = ChannelRemoveAnswer;
}

impl Request for ChannelSend {
    const METHOD: &'static str = "channel_send";
    type Answer = ChannelSendAnswer;
}

impl Request for ChannelTargetedEmote {
    const METHOD: &'static str = "channel_targeted_emote";
    type Answer = ChannelTargetedEmoteAnswer;
}

impl Request for ChannelUser {
    const METHOD: &'static str = "channel_user";
    type Answer = ChannelUserAnswer;
}

impl Request for ChannelWho {
    const METHOD: &'static str = "channel_who";
    type Answer = ChannelWhoAnswer;
}

impl Request for Drain {
    const METHOD: &'static str = "drain";
    type Answer = DrainAnswer;
}

impl Request for Emoteto {
    const METHOD: &'static str = "emoteto";
    type Answer = EmotetoAnswer;
}

impl Request for Finger {
    const METHOD: &'static str = "finger";
    type Answer = FingerAnswer;
}

impl Request for Heartbeat {
    const METHOD: &'static str = "heartbeat";
    type Answer = HeartbeatAnswer;
}

impl Request for HistorySearch {
    const METHOD: &'static str = "history_search";
    type Answer = HistorySearchAnswer;
}

impl Request for Kick {
    const METHOD: &'static str = "kick";
    type Answer = KickAnswer;
}

impl Request for Locate {
    const METHOD: &'static str = "locate";
    type Answer = LocateAnswer;
}

impl Request for LogLevel {
    const METHOD: &'static str = "log_level";
    type Answer = LogLevelAnswer;
}

impl Request for Mudlist {
    const METHOD: &'static str = "mudlist";
    type Answer = MudlistAnswer;
}

impl Request for Overview {
    const METHOD: &'static str = "overview";
    type Answer = OverviewAnswer;
}

impl Request for Ping {
    const METHOD: &'static str = "ping";
    type Answer = PingAnswer;
}

impl Request for PresenceSync {
    const METHOD: &'static str = "presence_sync";
    type Answer = PresenceSyncAnswer;
}

impl Request for Reconnect {
    const METHOD: &'static str = "reconnect";
    type Answer = ReconnectAnswer;
}

impl Request for Resume {
    const METHOD: &'static str = "resume";
    type Answer = ResumeAnswer;
}

impl Request for Retire {
    const METHOD: &'static str = "retire";
    type Answer = RetireAnswer;
}

impl Request for RpcDiscover {
    const METHOD: &'static str = "rpc.discover";
    type Answer = RpcDiscoverAnswer;
}

impl Request for Sessions {
    const METHOD: &'static str = "sessions";
    type Answer = SessionsAnswer;
}

impl Request for Stats {
    const METHOD: &'static str = "stats";
    type Answer = StatsAnswer;
}

impl Request for Status {
    const METHOD: &'static str = "status";
    type Answer = StatusAnswer;
}

impl Request for Tell {
    const METHOD: &'static str = "tell";
    type Answer = TellAnswer;
}

impl Request for TellRefuse {
    const METHOD: &'static str = "tell_refuse";
    type Answer = TellRefuseAnswer;
}

impl Request for TextPreview {
    const METHOD: &'static str = "text_preview";
    type Answer = TextPreviewAnswer;
}

impl Request for Trace {
    const METHOD: &'static str = "trace";
    type Answer = TraceAnswer;
}

impl Request for Who {
    const METHOD: &'static str = "who";
    type Answer = WhoAnswer;
}
