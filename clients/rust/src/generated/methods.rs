// Made from docs/openrpc.json and docs/asyncapi.json by
// `cargo test -p i3-tests --test api -- --ignored`. A test fails when this file is stale.

//! The methods of the gateway, as a table: for programs whose user names the method.

use crate::request::{Member, Method, Shape};

/// All methods, by their names.
pub const METHODS: &[Method] = &[
    Method {
        name: "ack",
        summary: "Moves the cursor of this client: events up to it are not replayed again. The result comes when the cursor is saved.",
        permission: None,
        params: &[
            Member { name: "event_id", shape: Shape::Integer, required: true, default: None, summary: "the last event that the client has handled, along with all before it" },
        ],
        answer: &[
            Member { name: "event_id", shape: Shape::Integer, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["acknowledged"]), required: true, default: None, summary: "always `acknowledged`: the cursor is saved" },
        ],
    },
    Method {
        name: "audit",
        summary: "Lists what administrators and moderators of the caller's mud have done since the start: bans, hosted channels, ended sessions, the log level, reconnects. A key of the gateway's own mud sees the actions of all muds.",
        permission: Some("admin"),
        params: &[
            Member { name: "after", shape: Shape::Integer, required: false, default: None, summary: "only actions after this number: the `next` of the answer before" },
        ],
        answer: &[
            Member { name: "actions", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the last actions since the start, oldest first, at most 500" },
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of actions in this answer" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are more actions" },
            Member { name: "next", shape: Shape::Integer, required: false, default: None, summary: "where the rest begins: `after` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "authenticate",
        summary: "Identifies the client. All other methods but `ping` and `rpc.discover` need it first.",
        permission: None,
        params: &[
            Member { name: "api_key", shape: Shape::Text, required: false, default: None, summary: "the key; not needed by a client that is identified already" },
            Member { name: "text_format", shape: Shape::OneOf(&["raw", "plain", "ansi", "html"]), required: false, default: Some("\"raw\""), summary: "how texts are delivered: unchanged, without colours, with colours for a terminal, or as HTML; in all but `raw`, emotes have the names in place of `$N` and `$O`. A key can have another default in the settings" },
            Member { name: "last_event_id", shape: Shape::Integer, required: false, default: None, summary: "replay the events after this one" },
            Member { name: "client", shape: Shape::Text, required: false, default: None, summary: "a name under which the gateway remembers which events this client has received" },
            Member { name: "echo", shape: Shape::Flag, required: false, default: Some("true"), summary: "false: do not send the mud's own channel lines that the router sends back" },
            Member { name: "charset", shape: Shape::OneOf(&["utf-8", "latin-1", "ascii"]), required: false, default: Some("\"utf-8\""), summary: "the character set of the client. `ascii`, `latin-1`: what it lacks is spelled in ASCII. Over TCP, `latin-1` is what the bytes of lines are, in both directions; a WebSocket carries UTF-8 in any case" },
            Member { name: "role", shape: Shape::OneOf(&["game", "observer"]), required: false, default: Some("\"game\""), summary: "`observer`: a tool that only looks; what it receives is still kept for the game" },
        ],
        answer: &[
            Member { name: "mud_name", shape: Shape::Text, required: true, default: None, summary: "the mud that the session speaks for" },
            Member { name: "session_id", shape: Shape::Text, required: true, default: None, summary: "identifies the session; it is not a secret" },
            Member { name: "status", shape: Shape::OneOf(&["authenticated", "success"]), required: true, default: None, summary: "`success` if the session was identified already; it keeps its identity" },
        ],
    },
    Method {
        name: "ban_add",
        summary: "Bans packets from coming in or going out. The result comes when the ban is saved.",
        permission: Some("moderate"),
        params: &[
            Member { name: "pattern", shape: Shape::Text, required: true, default: None, summary: "the user, as `user@mud` with `*` and `?`, such as `bob@Sage` or `*@Sage`: the sender of an incoming packet, the sender or the target of an outgoing one" },
            Member { name: "channel", shape: Shape::Text, required: false, default: None, summary: "only packets for such channels, with `*` and `?`" },
            Member { name: "packet_type", shape: Shape::Text, required: false, default: None, summary: "only packets of such types, with `*` and `?`: `tell`, `channel-*`" },
            Member { name: "direction", shape: Shape::OneOf(&["both", "in", "out"]), required: false, default: Some("\"both\""), summary: "in (from the network), out (to it) or both" },
            Member { name: "expires_in", shape: Shape::Number, required: false, default: None, summary: "how long the ban lasts, in seconds; without it, for ever" },
            Member { name: "reason", shape: Shape::Text, required: false, default: None, summary: "a text for people" },
        ],
        answer: &[
            Member { name: "ban_id", shape: Shape::Integer, required: true, default: None, summary: "identifies the ban" },
            Member { name: "status", shape: Shape::OneOf(&["banned"]), required: true, default: None, summary: "always `banned`: the ban is saved" },
        ],
    },
    Method {
        name: "ban_list",
        summary: "Lists the bans, each with the number of packets that it has stopped since the start.",
        permission: Some("moderate"),
        params: &[
            Member { name: "after", shape: Shape::Integer, required: false, default: None, summary: "only bans after this ban_id: the `next` of the answer before" },
        ],
        answer: &[
            Member { name: "bans", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the bans of this mud" },
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of bans in this answer" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are more bans" },
            Member { name: "next", shape: Shape::Integer, required: false, default: None, summary: "where the rest begins: `after` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "ban_remove",
        summary: "Removes a ban. The result comes when the removal is saved.",
        permission: Some("moderate"),
        params: &[
            Member { name: "ban_id", shape: Shape::Integer, required: true, default: None, summary: "from `ban_add` or `ban_list`" },
        ],
        answer: &[
            Member { name: "ban_id", shape: Shape::Integer, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["removed"]), required: true, default: None, summary: "always `removed`: that is saved" },
        ],
    },
    Method {
        name: "beep",
        summary: "Gets the attention of a user on another mud.",
        permission: Some("tell"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "channel_add",
        summary: "Creates a channel of this mud. An error from the router becomes the error of the request.",
        permission: Some("host"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's name" },
            Member { name: "type", shape: Shape::Integer, required: false, default: Some("0"), summary: "0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered by this mud" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel" },
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the request; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["success", "sent"]), required: true, default: None, summary: "`success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success" },
        ],
    },
    Method {
        name: "channel_admin",
        summary: "Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a mud.",
        permission: Some("host"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "add", shape: Shape::List(&Shape::Text), required: false, default: None, summary: "muds to put on the channel's list" },
            Member { name: "remove", shape: Shape::List(&Shape::Text), required: false, default: None, summary: "muds to take off the channel's list" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel" },
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the request; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["success", "sent"]), required: true, default: None, summary: "`success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success" },
        ],
    },
    Method {
        name: "channel_emote",
        summary: "Sends an emote to a channel.",
        permission: Some("channel"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "emote", shape: Shape::Text, required: true, default: None, summary: "the text, with `$N` for the name; a missing `$N` is put in front; may also be called `message`" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "channel_filter",
        summary: "Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from now on as events `channel_filter_request`; with `filter_id` and `allow`, it answers one.",
        permission: Some("host"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: false, default: None, summary: "the channel whose messages this session judges" },
            Member { name: "enabled", shape: Shape::Flag, required: false, default: Some("true"), summary: "false: stop judging" },
            Member { name: "filter_id", shape: Shape::Integer, required: false, default: None, summary: "from the event `channel_filter_request` that is answered" },
            Member { name: "allow", shape: Shape::Flag, required: false, default: None, summary: "whether the message may pass; required with `filter_id`" },
            Member { name: "message", shape: Shape::Text, required: false, default: None, summary: "a text to pass on in place of the message" },
        ],
        answer: &[
            Member { name: "filter_id", shape: Shape::Integer, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["passed", "dropped"]), required: true, default: None, summary: "what happened to the message" },
        ],
    },
    Method {
        name: "channel_history",
        summary: "Returns the messages of a channel, oldest first.",
        permission: Some("info"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "limit", shape: Shape::Integer, required: false, default: Some("100"), summary: "how many messages at most, counted from the newest; more than 100 count as 100" },
            Member { name: "before", shape: Shape::IntegerOrText, required: false, default: None, summary: "only messages before this event_id, or before this time (RFC 3339)" },
            Member { name: "after", shape: Shape::IntegerOrText, required: false, default: None, summary: "only messages after this event_id, or after this time (RFC 3339)" },
        ],
        answer: &[
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of messages in this answer" },
            Member { name: "messages", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the messages, oldest first, each with the members of its event; `event` is the event's name" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are older messages" },
            Member { name: "next", shape: Shape::Integer, required: false, default: None, summary: "where the rest begins: `before` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "channel_join",
        summary: "Subscribes this session to a channel.",
        permission: Some("channel"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "listen_only", shape: Shape::Flag, required: false, default: Some("false"), summary: "receive the channel's lines, but do not speak" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["joined"]), required: true, default: None, summary: "always `joined`" },
            Member { name: "warning", shape: Shape::Text, required: false, default: None, summary: "if the list of channels does not have it: a text that says so, with the most similar names" },
        ],
    },
    Method {
        name: "channel_leave",
        summary: "Ends this session's subscription to a channel.",
        permission: Some("channel"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["left"]), required: true, default: None, summary: "always `left`" },
        ],
    },
    Method {
        name: "channel_list",
        summary: "Lists the channels of the network.",
        permission: Some("info"),
        params: &[
            Member { name: "refresh", shape: Shape::Flag, required: false, default: Some("false"), summary: "ask the router for the list again; changes arrive as events" },
            Member { name: "filter", shape: Shape::Object, required: false, default: None, summary: "which channels to list" },
            Member { name: "after", shape: Shape::Text, required: false, default: None, summary: "only channels after this name: the `next` of the answer before" },
        ],
        answer: &[
            Member { name: "channels", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "sorted by name" },
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of channels in this answer" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are more channels" },
            Member { name: "next", shape: Shape::Text, required: false, default: None, summary: "where the rest begins: `after` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
            Member { name: "subscribed_channels", shape: Shape::List(&Shape::Text), required: true, default: None, summary: "the channels that this session subscribes to" },
        ],
    },
    Method {
        name: "channel_remove",
        summary: "Removes a channel of this mud.",
        permission: Some("host"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel" },
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the request; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["success", "sent"]), required: true, default: None, summary: "`success`: the router has confirmed it; `sent`: no answer within 3 seconds, as is usual after success" },
        ],
    },
    Method {
        name: "channel_send",
        summary: "Sends a message to a channel.",
        permission: Some("channel"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "message", shape: Shape::Text, required: true, default: None, summary: "the text" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "channel_targeted_emote",
        summary: "Sends an emote that is aimed at a user to a channel.",
        permission: Some("channel"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "message", shape: Shape::Text, required: true, default: None, summary: "the text for others, with `$N` and `$O` for the names; may also be called `emote`" },
            Member { name: "message_target", shape: Shape::Text, required: false, default: None, summary: "the text for the target; without it, `message`" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
            Member { name: "target_visname", shape: Shape::Text, required: false, default: None, summary: "the visible name of the target; without it, `target_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "channel_user",
        summary: "Returns the visible name and the gender of a user of another mud.",
        permission: Some("info"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "timeout", shape: Shape::Number, required: false, default: Some("10"), summary: "how long to wait, in seconds" },
        ],
        answer: &[
            Member { name: "gender", shape: Shape::Integer, required: true, default: None, summary: "0: male; 1: female; 2: neuter" },
            Member { name: "mud_name", shape: Shape::Text, required: true, default: None, summary: "the mud" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
            Member { name: "user_name", shape: Shape::Text, required: true, default: None, summary: "the user's name, in lower case" },
            Member { name: "visname", shape: Shape::Text, required: true, default: None, summary: "the visible name" },
        ],
    },
    Method {
        name: "channel_who",
        summary: "Returns the known subscribers of a channel. With `wait` it asks the other muds first.",
        permission: Some("info"),
        params: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel's exact name" },
            Member { name: "target_mud", shape: Shape::Text, required: false, default: None, summary: "the mud to ask; without it, those that spoke on the channel last" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "wait", shape: Shape::Flag, required: false, default: Some("false"), summary: "return the reply as the result" },
            Member { name: "timeout", shape: Shape::Number, required: false, default: Some("10"), summary: "how long to wait, in seconds" },
        ],
        answer: &[
            Member { name: "channel", shape: Shape::Text, required: true, default: None, summary: "the channel" },
            Member { name: "members", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the users by mud" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the lists were too long, and their end is left out" },
            Member { name: "status", shape: Shape::OneOf(&["success", "requested"]), required: true, default: None, summary: "`success`: the answers are in; `requested`: muds were asked, and the result holds what was known before" },
            Member { name: "users", shape: Shape::List(&Shape::Text), required: true, default: None, summary: "the users of all muds in one list" },
        ],
    },
    Method {
        name: "drain",
        summary: "Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is restarted the node takes none; clients stay connected to it, and go on to use the links.",
        permission: Some("admin"),
        params: &[
        ],
        answer: &[
            Member { name: "muds", shape: Shape::Integer, required: true, default: None, summary: "number of muds whose links it had" },
            Member { name: "status", shape: Shape::OneOf(&["drained"]), required: true, default: None, summary: "always `drained`: no router link is left on this node" },
        ],
    },
    Method {
        name: "emoteto",
        summary: "Sends an emote to a user on another mud.",
        permission: Some("tell"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "emote", shape: Shape::Text, required: true, default: None, summary: "the text, with `$N` for the name; may also be called `message`" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "finger",
        summary: "Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result.",
        permission: Some("info"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "wait", shape: Shape::Flag, required: false, default: Some("false"), summary: "return the reply as the result" },
            Member { name: "timeout", shape: Shape::Number, required: false, default: Some("10"), summary: "how long to wait, in seconds" },
        ],
        answer: &[
            Member { name: "from_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that answers" },
            Member { name: "to_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that asked" },
            Member { name: "to_user", shape: Shape::Text, required: true, default: None, summary: "the user who asked" },
            Member { name: "user_info", shape: Shape::Object, required: true, default: None, summary: "the user" },
        ],
    },
    Method {
        name: "heartbeat",
        summary: "Keeps the session from timing out.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "status", shape: Shape::OneOf(&["ok"]), required: true, default: None, summary: "always `ok`" },
            Member { name: "timestamp", shape: Shape::Text, required: true, default: None, summary: "the current time" },
        ],
    },
    Method {
        name: "history_search",
        summary: "Searches the messages of channels.",
        permission: Some("info"),
        params: &[
            Member { name: "query", shape: Shape::Text, required: true, default: None, summary: "a part of a message or of a visible name, in any case" },
            Member { name: "channel", shape: Shape::Text, required: false, default: None, summary: "one channel; all when left out" },
            Member { name: "from_mud", shape: Shape::Text, required: false, default: None, summary: "the sender's mud" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: None, summary: "the sender's user name" },
            Member { name: "limit", shape: Shape::Integer, required: false, default: Some("100"), summary: "how many messages at most, counted from the newest; more than 100 count as 100" },
            Member { name: "before", shape: Shape::IntegerOrText, required: false, default: None, summary: "only messages before this event_id, or before this time (RFC 3339)" },
            Member { name: "after", shape: Shape::IntegerOrText, required: false, default: None, summary: "only messages after this event_id, or after this time (RFC 3339)" },
        ],
        answer: &[
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of messages in this answer" },
            Member { name: "messages", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the messages, oldest first, each with the members of its event; `event` is the event's name" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are older messages" },
            Member { name: "next", shape: Shape::Integer, required: false, default: None, summary: "where the rest begins: `before` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "kick",
        summary: "Ends a session and closes its connection.",
        permission: Some("admin"),
        params: &[
            Member { name: "session_id", shape: Shape::Text, required: true, default: None, summary: "from `sessions`" },
        ],
        answer: &[
            Member { name: "session_id", shape: Shape::Text, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["kicked"]), required: true, default: None, summary: "always `kicked`" },
        ],
    },
    Method {
        name: "locate",
        summary: "Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the result.",
        permission: Some("info"),
        params: &[
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "wait", shape: Shape::Flag, required: false, default: Some("false"), summary: "return the reply as the result" },
            Member { name: "timeout", shape: Shape::Number, required: false, default: Some("10"), summary: "how long to wait, in seconds" },
        ],
        answer: &[
            Member { name: "from_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that answers" },
            Member { name: "idle", shape: Shape::Integer, required: true, default: None, summary: "seconds of idleness" },
            Member { name: "located_mud", shape: Shape::Text, required: true, default: None, summary: "the mud where the user is" },
            Member { name: "located_user", shape: Shape::Text, required: true, default: None, summary: "the user's visible name" },
            Member { name: "status", shape: Shape::Text, required: true, default: None, summary: "`afk`, `editing`, …" },
            Member { name: "to_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that asked" },
            Member { name: "to_user", shape: Shape::Text, required: true, default: None, summary: "the user who asked" },
        ],
    },
    Method {
        name: "log_level",
        summary: "Returns the level of the log, and changes it until the next restart if one is given.",
        permission: Some("admin"),
        params: &[
            Member { name: "level", shape: Shape::Text, required: false, default: None, summary: "DEBUG, INFO, WARNING or ERROR, in any case; omit it to read the level only" },
        ],
        answer: &[
            Member { name: "level", shape: Shape::OneOf(&["DEBUG", "INFO", "WARNING", "ERROR"]), required: true, default: None, summary: "the current level of the log" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "mudlist",
        summary: "Lists the muds of the network.",
        permission: Some("info"),
        params: &[
            Member { name: "refresh", shape: Shape::Flag, required: false, default: Some("false"), summary: "accepted for old clients, without effect; routers send every change unasked" },
            Member { name: "filter", shape: Shape::Object, required: false, default: None, summary: "which muds to list" },
            Member { name: "after", shape: Shape::Text, required: false, default: None, summary: "only muds after this name: the `next` of the answer before" },
        ],
        answer: &[
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of muds in this answer" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are more muds" },
            Member { name: "muds", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "sorted by name" },
            Member { name: "next", shape: Shape::Text, required: false, default: None, summary: "where the rest begins: `after` of the next request" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "overview",
        summary: "Reports the router links, the last hour, and what waits. A key of the gateway's own mud sees the links of all muds.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "identities", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the muds that this gateway speaks for, as far as the caller may see them" },
            Member { name: "may_speak", shape: Shape::Flag, required: true, default: None, summary: "whether the caller's mud has a router link here, without which a session may not speak" },
            Member { name: "minutes", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the minutes of the last hour in which something came in, oldest first; the last one is not over yet" },
            Member { name: "node", shape: Shape::Text, required: false, default: None, summary: "where several nodes share the muds: the name of this node" },
            Member { name: "permissions", shape: Shape::List(&Shape::Text), required: true, default: None, summary: "what the caller's key may do; `*` means all" },
            Member { name: "queues", shape: Shape::Object, required: true, default: None, summary: "what waits" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
            Member { name: "uptime", shape: Shape::Number, required: true, default: None, summary: "seconds since the gateway was started" },
            Member { name: "version", shape: Shape::Text, required: true, default: None, summary: "the version of the gateway" },
            Member { name: "warnings", shape: Shape::List(&Shape::Text), required: true, default: None, summary: "what is doubtful about the settings; empty without the permission `admin` for the gateway's own mud" },
        ],
    },
    Method {
        name: "ping",
        summary: "Shows that the gateway is running.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "pong", shape: Shape::Flag, required: true, default: None, summary: "always true" },
            Member { name: "timestamp", shape: Shape::Text, required: true, default: None, summary: "the current time" },
        ],
    },
    Method {
        name: "presence_sync",
        summary: "Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise.",
        permission: Some("presence"),
        params: &[
            Member { name: "users", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "all users who are online; any other user is offline" },
        ],
        answer: &[
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of users" },
            Member { name: "mud_name", shape: Shape::Text, required: true, default: None, summary: "the session's mud" },
            Member { name: "status", shape: Shape::OneOf(&["synchronized"]), required: true, default: None, summary: "always `synchronized`" },
        ],
    },
    Method {
        name: "reconnect",
        summary: "Closes the link to the router and logs in again.",
        permission: Some("admin"),
        params: &[
        ],
        answer: &[
            Member { name: "status", shape: Shape::OneOf(&["reconnecting"]), required: true, default: None, summary: "always `reconnecting`" },
        ],
    },
    Method {
        name: "resume",
        summary: "Replays missed events, followed by the event `replay_complete`.",
        permission: None,
        params: &[
            Member { name: "last_event_id", shape: Shape::Integer, required: false, default: None, summary: "replay the events after this one" },
        ],
        answer: &[
            Member { name: "last_event_id", shape: Shape::Integer, required: true, default: None, summary: "where the replay starts; null: at the first event not yet delivered to any session of the mud" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "retire",
        summary: "Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The gateway goes on without the link. A later start logs in again, under the same name as a new mud.",
        permission: Some("admin"),
        params: &[
            Member { name: "mud_name", shape: Shape::Text, required: false, default: None, summary: "the name of the mud, as a check: the mud of the key retires" },
        ],
        answer: &[
            Member { name: "mud_name", shape: Shape::Text, required: true, default: None, summary: "the mud" },
            Member { name: "router", shape: Shape::Text, required: true, default: None, summary: "the router that has been told" },
            Member { name: "status", shape: Shape::OneOf(&["retired"]), required: true, default: None, summary: "always `retired`" },
        ],
    },
    Method {
        name: "rpc.discover",
        summary: "Returns the OpenRPC document that describes all methods.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "info", shape: Shape::Object, required: true, default: None, summary: "the name and version of the API" },
            Member { name: "methods", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the methods" },
            Member { name: "openrpc", shape: Shape::Text, required: true, default: None, summary: "the version of OpenRPC" },
        ],
    },
    Method {
        name: "sessions",
        summary: "Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds.",
        permission: Some("admin"),
        params: &[
            Member { name: "after", shape: Shape::Integer, required: false, default: None, summary: "only sessions after this number: the `next` of the answer before" },
        ],
        answer: &[
            Member { name: "count", shape: Shape::Integer, required: true, default: None, summary: "number of sessions in this answer" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the answer is full, and there are more sessions" },
            Member { name: "next", shape: Shape::Integer, required: false, default: None, summary: "where the rest begins: `after` of the next request" },
            Member { name: "sessions", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the sessions" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "stats",
        summary: "Returns counters.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "chanlist_id", shape: Shape::Integer, required: true, default: None, summary: "the version number of the router's channel list; the numbers have no order" },
            Member { name: "channel_count", shape: Shape::Integer, required: true, default: None, summary: "known channels" },
            Member { name: "gateway_connected", shape: Shape::Flag, required: true, default: None, summary: "whether the router link is ready" },
            Member { name: "mud_count", shape: Shape::Integer, required: true, default: None, summary: "known muds" },
            Member { name: "mudlist_id", shape: Shape::Integer, required: true, default: None, summary: "the version number of the router's mudlist; the numbers have no order" },
            Member { name: "online_muds", shape: Shape::Integer, required: true, default: None, summary: "known muds that are up" },
            Member { name: "packets_received", shape: Shape::Integer, required: true, default: None, summary: "packets received from routers since the start" },
            Member { name: "packets_sent", shape: Shape::Integer, required: true, default: None, summary: "packets sent to routers since the start" },
            Member { name: "session_count", shape: Shape::Integer, required: true, default: None, summary: "identified sessions, at all nodes" },
        ],
    },
    Method {
        name: "status",
        summary: "Reports whether the router link is ready, and why not.",
        permission: None,
        params: &[
        ],
        answer: &[
            Member { name: "connected", shape: Shape::Flag, required: true, default: None, summary: "whether the router link is ready" },
            Member { name: "holder", shape: Shape::Text, required: false, default: None, summary: "where several nodes share the muds: the name of the node that holds the router link; null: none does" },
            Member { name: "mud_name", shape: Shape::Text, required: true, default: None, summary: "the session's mud" },
            Member { name: "node", shape: Shape::Text, required: false, default: None, summary: "where several nodes share the muds: the name of this node" },
            Member { name: "router", shape: Shape::Object, required: true, default: None, summary: "the router link" },
            Member { name: "session_id", shape: Shape::Text, required: true, default: None, summary: "this session" },
            Member { name: "uptime", shape: Shape::Number, required: true, default: None, summary: "seconds since this session connected" },
        ],
    },
    Method {
        name: "tell",
        summary: "Sends a message to a user on another mud.",
        permission: Some("tell"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "target_user", shape: Shape::Text, required: true, default: None, summary: "the user, in any case" },
            Member { name: "message", shape: Shape::Text, required: true, default: None, summary: "the text" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "visname", shape: Shape::Text, required: false, default: None, summary: "the name to show; without it, `from_user`" },
        ],
        answer: &[
            Member { name: "message_id", shape: Shape::Text, required: true, default: None, summary: "identifies the message; an `error_occurred` about it has this id too" },
            Member { name: "status", shape: Shape::OneOf(&["sent"]), required: true, default: None, summary: "always `sent`: accepted into the queue of the router" },
        ],
    },
    Method {
        name: "tell_refuse",
        summary: "Tells the sender of a tell, an emote or a beep that the user does not get it, because the user is absent or ignores the sender. The sender's mud receives the error `unk-user` with the text. This works for as long as the event is kept.",
        permission: Some("tell"),
        params: &[
            Member { name: "event_id", shape: Shape::Integer, required: true, default: None, summary: "the event of the tell, the emote or the beep" },
            Member { name: "message", shape: Shape::Text, required: false, default: None, summary: "what the sender is told; without it, that the user is not online" },
        ],
        answer: &[
            Member { name: "event_id", shape: Shape::Integer, required: true, default: None, summary: "as given" },
            Member { name: "status", shape: Shape::OneOf(&["refused"]), required: true, default: None, summary: "always `refused`: the error was accepted into the queue of the router" },
        ],
    },
    Method {
        name: "text_preview",
        summary: "Returns a text in each of the forms in which clients read texts.",
        permission: None,
        params: &[
            Member { name: "text", shape: Shape::Text, required: true, default: None, summary: "the text, with colours in pinkfish (`%^RED%^`), in ANSI, or in the codes of mIRC" },
        ],
        answer: &[
            Member { name: "ansi", shape: Shape::Text, required: true, default: None, summary: "with colours for a terminal" },
            Member { name: "html", shape: Shape::Text, required: true, default: None, summary: "as HTML" },
            Member { name: "plain", shape: Shape::Text, required: true, default: None, summary: "without colours" },
            Member { name: "raw", shape: Shape::Text, required: true, default: None, summary: "as a client reads it that asks for `raw`" },
            Member { name: "sent", shape: Shape::Text, required: true, default: None, summary: "as it goes to the network if a client sends it" },
            Member { name: "status", shape: Shape::OneOf(&["success"]), required: true, default: None, summary: "always `success`" },
        ],
    },
    Method {
        name: "trace",
        summary: "Sends this session the packets of its mud as events `packet_trace`, with passwords removed.",
        permission: Some("admin"),
        params: &[
            Member { name: "enabled", shape: Shape::Flag, required: false, default: Some("true"), summary: "false: stop tracing" },
        ],
        answer: &[
            Member { name: "status", shape: Shape::OneOf(&["tracing", "stopped"]), required: true, default: None, summary: "whether the session receives packets" },
        ],
    },
    Method {
        name: "who",
        summary: "Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result.",
        permission: Some("info"),
        params: &[
            Member { name: "target_mud", shape: Shape::Text, required: true, default: None, summary: "the mud; its name in any case, or shortened" },
            Member { name: "from_user", shape: Shape::Text, required: false, default: Some("\"Someone\""), summary: "the local user" },
            Member { name: "filters", shape: Shape::Object, required: false, default: None, summary: "which users the result contains, with `wait`; the event always contains all" },
            Member { name: "wait", shape: Shape::Flag, required: false, default: Some("false"), summary: "return the reply as the result" },
            Member { name: "timeout", shape: Shape::Number, required: false, default: Some("10"), summary: "how long to wait, in seconds" },
        ],
        answer: &[
            Member { name: "from_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that answers" },
            Member { name: "members", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the users' names by mud" },
            Member { name: "more", shape: Shape::Flag, required: false, default: None, summary: "true: the list was too long, and its end is left out" },
            Member { name: "to_mud", shape: Shape::Text, required: true, default: None, summary: "the mud that asked" },
            Member { name: "to_user", shape: Shape::Text, required: true, default: None, summary: "the user who asked" },
            Member { name: "users", shape: Shape::List(&Shape::Object), required: true, default: None, summary: "the users who are online" },
        ],
    },
];
