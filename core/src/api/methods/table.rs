//! The one table of methods. What `rpc.discover` tells and docs/API.md are made from it.

use super::{Access, Answer, Method, Run};
use crate::api::reason::{
    NO_ANSWER, NOT_SAVED, NOT_SENT, NOT_SUPPORTED, QUEUE_FULL, ROUTER_DOWN, Reason, SERVICE_DISABLED,
    TOO_LATE, TOO_MANY_WAITING,
};
use crate::api::shape::Shape::{
    Any, Filled, Flag, Int, List, Map, Name, Number, Object, OneOf, OrNull, Point, Seconds, Short, Text,
    Time, Within,
};
use crate::api::shape::{ANY_LENGTH, Member, may, must};
use crate::link::STATE_NAMES;
use crate::moderation::PATTERN_BYTES_MAX;
use crate::network::presence;
use crate::service::{channel, gateway, history, host, lists, moderation, query, tell, trace};
use crate::settings::Permission;

const TARGET_MUD: Member = must("target_mud", Name, "the mud; its name may be written loosely");
const TARGET_USER: Member = must("target_user", Name, "the user, in any case");
const CHANNEL: Member = must("channel", Name, "the channel's exact name");
const FROM_USER: Member = may("from_user", Name, "the local user").or(r#""Someone""#);
const VISNAME: Member = may("visname", Name, "the name to show; `from_user` when left out");
const WAIT: Member = may("wait", Flag, "answer with the reply itself").or("false");
const TIMEOUT: Member =
    may("timeout", Seconds(query::ANSWER_SECONDS_MAX), "how long to wait, in seconds").or("10");
const EVENT_ID: crate::api::shape::Shape = Within(0, i64::MAX);
const LAST_EVENT_ID: Member = may("last_event_id", EVENT_ID, "give again what came after this event");
const LIMIT: Member =
    may("limit", Within(1, i64::MAX), "how many messages at most, the last ones; more than 100 count as 100")
        .or("100");
const BEFORE: Member = may("before", Point, "only what came before this event_id, or this time (RFC 3339)");
const AFTER: Member = may("after", Point, "only what came after this event_id, or this time (RFC 3339)");

/// What has to do with the router.
const SPEAK: &[&Reason] = &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED];
const ASK: &[&Reason] = &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NO_ANSWER, &TOO_MANY_WAITING];
const HOST: &[&Reason] = &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NOT_SENT, &TOO_MANY_WAITING];

/// The only result of a method.
const fn always(members: &'static [Member]) -> Answer {
    Answer { when: "", members }
}

/// One of several.
const fn when(when: &'static str, members: &'static [Member]) -> Answer {
    Answer { when, members }
}

const fn status(text: &'static [&'static str]) -> Member {
    must("status", OneOf(text), "that it went well")
}

const MESSAGE_ID: Member = must("message_id", Text, "names it: an `error_occurred` about it has the same");
const COUNT: Member = must("count", Int, "how many");

const SENT: &[Answer] =
    &[always(&[must("status", OneOf(&["sent"]), "accepted into the queue of the router"), MESSAGE_ID])];

const TIMESTAMP: Member = must("timestamp", Time, "now");

const MUD_NAME: Member = must("mud_name", Text, "the mud");

const HOSTED: &[Answer] = &[always(&[
    must(
        "status",
        OneOf(&["success", "sent"]),
        "`success`: the router has agreed; `sent`: it has said nothing in 3 seconds, as routers do when all is well",
    ),
    must("channel", Text, "the channel"),
    MESSAGE_ID,
])];

/// A mud, in `mudlist` and in events.
pub(crate) const MUD: &[Member] = &[
    must("name", Text, "its exact name"),
    must("host", Text, "its address, as the router sees it"),
    must("port", Int, "where players connect"),
    must("tcp_port", Int, "its out-of-band port over TCP, 0 for none"),
    must("udp_port", Int, "the same over UDP"),
    must("driver", Text, "its driver"),
    must("mudlib", Text, "its mudlib"),
    must("mud_type", Text, "`LP`, `Diku`, …"),
    must("status", OneOf(&["up", "down"]), "whether it is on the network"),
    must("services", Map(&Any), "what it offers: service to 1, a port, or a version"),
    must("open_status", Text, "free text"),
    must("admin_email", Text, "e-mail"),
];

/// The header of a reply.
pub(crate) const REPLY: [Member; 3] = [
    must("from_mud", Text, "the mud that answers"),
    must("to_mud", Text, "the mud that asked"),
    must("to_user", Text, "the user who asked"),
];

/// A row of a who.
pub(crate) const WHO_USER: &[Member] = &[
    must("name", Text, "the user's name, as shown"),
    must("idle", Int, "seconds"),
    must("level", Int, "0 when not told"),
    must("extra", Text, "what else the mud tells"),
];

/// What a finger tells.
pub(crate) const USER_INFO: &[Member] = &[
    must("name", Text, "the name, as shown"),
    must("title", Text, "the title; all texts are empty where the mud tells nothing"),
    must("real_name", Text, "the real name"),
    must("email", Text, "e-mail"),
    must("login_time", Text, "since when on, or when last on, as the mud writes it"),
    must("idle_time", Int, "seconds; -1 when not on"),
    must("ip_address", Text, "the address"),
    must("level", Int, "0 when it is not told, or no number"),
    must("extra", Text, "what else the mud tells"),
    may("level_name", Text, "a level that is a word"),
];

/// Who hears a channel on one mud.
const MEMBERS: Member = must(
    "members",
    List(
        &Object(&[must("mud", Text, "the mud"), must("users", List(&Text, ANY_LENGTH), "its users")]),
        ANY_LENGTH,
    ),
    "by mud",
);

const CHANNEL_WHO: &[Member] = &[
    must(
        "status",
        OneOf(&["success", "requested"]),
        "`requested`: muds were asked, and this is what was known before",
    ),
    must("channel", Text, "the channel"),
    MEMBERS,
    must("users", List(&Text, ANY_LENGTH), "all of them in one list"),
];

const HISTORY: &[Answer] = &[always(&[
    status(&["success"]),
    must(
        "messages",
        List(&Object(HISTORY_LINE), ANY_LENGTH),
        "the events that they were, oldest first, each with its name as `event`",
    ),
    COUNT,
])];

const HISTORY_LINE: &[Member] = &[
    must("event", Text, "`channel_message`, `channel_emote`, …: what the other members are depends on it"),
    may("channel", Text, "the channel"),
    must("from_mud", Text, "the mud it came from"),
    must("from_user", Text, "the user it came from"),
    must("visname", Text, "the sender's name, as shown"),
    must("message", Text, "what was said; an emote has `$N` for the name"),
    may("self", Flag, "true: the mud's own line, as the router sent it back"),
    may("to_mud", Text, "of a tell: the mud it was for"),
    may("to_user", Text, "of a tell: the user it was for"),
    may("target_mud", Text, "of a targeted emote: the mud of the one aimed at"),
    may("target_user", Text, "of a targeted emote: the user aimed at"),
    may("target_visname", Text, "of a targeted emote: the name to show of the one aimed at"),
    may("message_target", Text, "of a targeted emote: what the one aimed at reads"),
    must("timestamp", Time, "when it came"),
    must("event_id", EVENT_ID, "its event's"),
];

const BAN: &[Member] = &[
    must("ban_id", Int, "names it"),
    must("pattern", Text, "whose packets"),
    must("channel", OrNull(&Text), "about which channels; null: all"),
    must("packet_type", OrNull(&Text), "of which types; null: all"),
    must("direction", OneOf(&["both", "in", "out"]), "which way"),
    must("reason", Text, "for people"),
    must("created", Time, "when it was made"),
    must("expires", OrNull(&Time), "when it ends; null: never"),
    must("hits", Int, "packets that it has stopped since the start"),
];

const SESSION: &[Member] = &[
    must("session_id", OrNull(&Text), "names it; null before a key was shown"),
    must("mud_name", OrNull(&Text), "the mud of its key; null before a key was shown"),
    must("transport", OneOf(&["tcp", "websocket"]), "how it is connected"),
    must("address", Text, "from where; behind a trusted proxy what that says"),
    must("since", Time, "since when"),
    must("idle_seconds", Int, "since its last request"),
    must("permissions", List(&Text, ANY_LENGTH), "of its key; `*` for all"),
    must("channels", Int, "how many it hears"),
    must("queued_bytes", Int, "what it has not read yet"),
];

const ROUTER: &[Member] = &[
    must("name", Text, "the router that is used, or tried"),
    must("state", OneOf(&STATE_NAMES), "what the link to it does"),
    must("since", Time, "since when"),
    must("last_error", OrNull(&Text), "why it was last lost or refused"),
    must("liveness", Text, "how it is known that it lives, for people"),
    must("next_attempt", OrNull(&Time), "when it is dialed next, if it waits for that"),
];

const USER: &[Member] = &[
    must("name", Name, "as shown; no blanks around it; at most 128 characters"),
    may("title", Text, "what follows the name, at most 256 characters"),
    may("race", Text, "at most 128 characters"),
    may("guild", Text, "at most 128 characters"),
    may("location", Text, "at most 256 characters"),
    may("status", Text, "`afk`, `editing`, …, at most 256 characters"),
    may("level", Within(0, presence::LEVEL_MAX), "the level").or("0"),
    may("idle", Within(0, presence::IDLE_SECONDS_MAX), "seconds").or("0"),
    may("login_time", Any, "seconds since 1970, or a text of at most 64 bytes"),
];

/// All methods, by name.
pub static METHODS: &[Method] = &[
    Method {
        name: "ack",
        access: Access::Identified,
        params: &[must("event_id", EVENT_ID, "the last event that has been dealt with, with all before it")],
        summary: "Moves the cursor of this client: earlier events are not given again. Answered when it is durable.",
        results: &[always(&[
            must("status", OneOf(&["acknowledged"]), "it is durable"),
            must("event_id", EVENT_ID, "as it was given"),
        ])],
        reasons: &[&NOT_SAVED, &TOO_MANY_WAITING],
        run: Run::Later(history::ack),
    },
    Method {
        name: "authenticate",
        access: Access::Open,
        params: &[
            must("api_key", Filled, "the key; not needed by who is identified already"),
            may("text_format", OneOf(&["raw", "plain", "ansi", "html"]), "how texts are to come: as they are, without colours, with colours for a terminal, or for a page").or(r#""raw""#),
            LAST_EVENT_ID,
            may("client", Name, "a name under which the gateway remembers what this client has had"),
            may("echo", Flag, "false: without the lines of one's own mud that the network sends back").or("true"),
        ],
        summary: "Says who calls; everything else comes after.",
        results: &[always(&[
            must("status", OneOf(&["authenticated", "success"]), "`success`: it was answered before, and the session keeps its identity"),
            must("mud_name", Text, "the mud that the session speaks for"),
            must("session_id", Text, "names the session; it opens nothing"),
        ])],
        reasons: &[],
        run: Run::Now(gateway::authenticate),
    },
    Method {
        name: "ban_add",
        access: Access::Permitted(Permission::Moderate),
        params: &[
            must("pattern", Short(PATTERN_BYTES_MAX), "whose packets, as `user@mud` with `*` and `?`: `bob@Sage`, `*@Sage`; a user of this mud too"),
            may("channel", Short(PATTERN_BYTES_MAX), "only about such channels, with `*` and `?`"),
            may("packet_type", Short(PATTERN_BYTES_MAX), "only packets of such types, with `*` and `?`: `tell`, `channel-*`"),
            may("direction", OneOf(&["both", "in", "out"]), "in (from the network), out (to it) or both").or(r#""both""#),
            may("expires_in", Seconds(moderation::BAN_SECONDS_MAX), "how long it holds, in seconds; for ever when left out"),
            may("reason", Short(moderation::REASON_BYTES_MAX), "for people"),
        ],
        summary: "Keeps packets from coming in and going out.",
        results: &[always(&[status(&["banned"]), must("ban_id", Int, "names the ban")])],
        reasons: &[],
        run: Run::Now(moderation::add),
    },
    Method {
        name: "ban_list",
        access: Access::Permitted(Permission::Moderate),
        params: &[],
        summary: "Lists the bans, and how many packets each has stopped since the start.",
        results: &[always(&[status(&["success"]), must("bans", List(&Object(BAN), ANY_LENGTH), "the bans of this mud"), COUNT])],
        reasons: &[],
        run: Run::Now(moderation::list),
    },
    Method {
        name: "ban_remove",
        access: Access::Permitted(Permission::Moderate),
        params: &[must("ban_id", Int, "of `ban_add` or `ban_list`")],
        summary: "Ends a ban.",
        results: &[always(&[status(&["removed"]), must("ban_id", Int, "as it was given")])],
        reasons: &[],
        run: Run::Now(moderation::remove),
    },
    Method {
        name: "beep",
        access: Access::Permitted(Permission::Tell),
        params: &[TARGET_MUD, TARGET_USER, FROM_USER, VISNAME],
        summary: "Nudges a user on another mud.",
        results: SENT,
        reasons: &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NOT_SUPPORTED],
        run: Run::Now(tell::beep),
    },
    Method {
        name: "channel_add",
        access: Access::Permitted(Permission::Host),
        params: &[
            must("channel", Short(host::CHANNEL_BYTES_MAX), "its name"),
            may("type", Within(0, 2), "0 all but the banned, 1 only the admitted, 2 filtered by this mud").or("0"),
            FROM_USER,
        ],
        summary: "Makes a channel; an error of the router is the error of the request.",
        results: HOSTED,
        reasons: HOST,
        run: Run::Later(host::add),
    },
    Method {
        name: "channel_admin",
        access: Access::Permitted(Permission::Host),
        params: &[
            CHANNEL,
            may("add", List(&Filled, host::ADMIN_MUDS_MAX), "muds to put on its list"),
            may("remove", List(&Filled, host::ADMIN_MUDS_MAX), "muds to take off its list"),
            FROM_USER,
        ],
        summary: "Changes who is banned from, or admitted to, a channel of this mud. `add` or `remove` must name a mud.",
        results: HOSTED,
        reasons: HOST,
        run: Run::Later(host::admin),
    },
    Method {
        name: "channel_emote",
        access: Access::Permitted(Permission::Channel),
        params: &[
            CHANNEL,
            must("emote", Filled, "with `$N` for the name; put in front when missing; `message` is taken for it too"),
            FROM_USER,
            VISNAME,
        ],
        summary: "Sends an emote to a channel.",
        results: SENT,
        reasons: SPEAK,
        run: Run::Now(channel::emote),
    },
    Method {
        name: "channel_filter",
        access: Access::Permitted(Permission::Host),
        params: &[
            may("channel", Name, "whose messages this session judges"),
            may("enabled", Flag, "false to stop").or("true"),
            may("filter_id", Int, "of the event `channel_filter_request` to answer"),
            may("allow", Flag, "whether the message may pass; needed with `filter_id`"),
            may("message", Filled, "what to pass in its place"),
        ],
        summary: "Judges what is said on a filtered channel of this mud: with `channel` this session is asked from here on, \
            with `filter_id` and `allow` it answers.",
        results: &[
            when("with `channel`", &[
                must("status", OneOf(&["filtering", "not_filtering"]), "whether the session is asked"),
                must("channel", Text, "the channel"),
            ]),
            when("with `filter_id`", &[
                must("status", OneOf(&["passed", "dropped"]), "what became of the message"),
                must("filter_id", Int, "as it was given"),
            ]),
        ],
        reasons: &[&SERVICE_DISABLED, &TOO_LATE],
        run: Run::Now(host::filter),
    },
    Method {
        name: "channel_history",
        access: Access::Permitted(Permission::Info),
        params: &[CHANNEL, LIMIT, BEFORE, AFTER],
        summary: "Lists what was said on a channel, oldest first.",
        results: HISTORY,
        reasons: &[],
        run: Run::Now(history::channel_history),
    },
    Method {
        name: "channel_join",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL, may("listen_only", Flag, "hear it, but do not speak").or("false")],
        summary: "Hears a channel from here on.",
        results: &[always(&[status(&["joined"]), must("channel", Text, "as it was given")])],
        reasons: &[&QUEUE_FULL],
        run: Run::Now(channel::join),
    },
    Method {
        name: "channel_leave",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL],
        summary: "Hears a channel no longer.",
        results: &[always(&[status(&["left"]), must("channel", Text, "as it was given")])],
        reasons: &[],
        run: Run::Now(channel::leave),
    },
    Method {
        name: "channel_list",
        access: Access::Permitted(Permission::Info),
        params: &[
            may("refresh", Flag, "ask the router for the list again; what changes comes as events").or("false"),
            may(
                "filter",
                Object(&[
                    may("type", Int, "only of this type"),
                    may("owner", Filled, "only of this mud"),
                    may("min_members", Int, "only with so many local listeners").or("0"),
                ]),
                "which channels",
            ),
        ],
        summary: "Lists the channels of the network.",
        results: &[always(&[
            status(&["success"]),
            must(
                "channels",
                List(
                    &Object(&[
                        must("name", Text, "its exact name"),
                        must("owner", Text, "the mud that made it"),
                        must("type", Int, "0 all but the banned, 1 only the admitted, 2 filtered"),
                        must("member_count", Int, "sessions of this gateway that hear it"),
                    ]),
                    ANY_LENGTH,
                ),
                "by name",
            ),
            COUNT,
            must("subscribed_channels", List(&Text, ANY_LENGTH), "those that this session hears"),
        ])],
        reasons: &[&ROUTER_DOWN, &QUEUE_FULL],
        run: Run::Now(channel::list),
    },
    Method {
        name: "channel_remove",
        access: Access::Permitted(Permission::Host),
        params: &[CHANNEL, FROM_USER],
        summary: "Removes a channel of this mud.",
        results: HOSTED,
        reasons: HOST,
        run: Run::Later(host::remove),
    },
    Method {
        name: "channel_send",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL, must("message", Filled, "what to say"), FROM_USER, VISNAME],
        summary: "Says something on a channel.",
        results: SENT,
        reasons: SPEAK,
        run: Run::Now(channel::send),
    },
    Method {
        name: "channel_targeted_emote",
        access: Access::Permitted(Permission::Channel),
        params: &[
            CHANNEL,
            TARGET_MUD,
            TARGET_USER,
            must("message", Filled, "what others read, with `$N` and `$O`; `emote` is taken for it too"),
            may("message_target", Filled, "what the one aimed at reads; `message` when left out"),
            FROM_USER,
            VISNAME,
            may("target_visname", Name, "the name to show of the one aimed at; `target_user` when left out"),
        ],
        summary: "Sends an emote to a channel, aimed at somebody.",
        results: SENT,
        reasons: SPEAK,
        run: Run::Now(channel::targeted_emote),
    },
    Method {
        name: "channel_user",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_MUD, TARGET_USER, TIMEOUT],
        summary: "Says what a user of another mud is called.",
        results: &[always(&[
            status(&["success"]),
            MUD_NAME,
            must("user_name", Text, "in lower case"),
            must("visname", Text, "the name, as shown"),
            must("gender", Int, "0 male, 1 female, 2 neuter"),
        ])],
        reasons: ASK,
        run: Run::Later(query::channel_user),
    },
    Method {
        name: "channel_who",
        access: Access::Permitted(Permission::Info),
        params: &[
            CHANNEL,
            may("target_mud", Name, "one mud; those heard there last when left out"),
            FROM_USER,
            WAIT,
            TIMEOUT,
        ],
        summary: "Says who hears a channel, as far as is known; with `wait` after asking.",
        results: &[always(CHANNEL_WHO)],
        reasons: &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &TOO_MANY_WAITING],
        run: Run::Later(query::channel_who),
    },
    Method {
        name: "emoteto",
        access: Access::Permitted(Permission::Tell),
        params: &[
            TARGET_MUD,
            TARGET_USER,
            must("emote", Filled, "with `$N` for the name; `message` is taken for it too"),
            FROM_USER,
            VISNAME,
        ],
        summary: "Sends an emote to a user on another mud.",
        results: SENT,
        reasons: SPEAK,
        run: Run::Now(tell::emoteto),
    },
    Method {
        name: "finger",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_MUD, TARGET_USER, FROM_USER, WAIT, TIMEOUT],
        summary: "Asks about a user; the answer is the event `finger_reply`, or with `wait` the result.",
        results: &[
            when("at once", &[
                status(&["requested"]),
                MUD_NAME,
                must("user_name", Text, "as it was given"),
            ]),
            when("with `wait`", &[REPLY[0], REPLY[1], REPLY[2], must("user_info", Object(USER_INFO), "the user")]),
        ],
        reasons: ASK,
        run: Run::Later(query::finger),
    },
    Method {
        name: "heartbeat",
        access: Access::Identified,
        params: &[],
        summary: "Shows that the session lives.",
        results: &[always(&[status(&["ok"]), TIMESTAMP])],
        reasons: &[],
        run: Run::Now(gateway::heartbeat),
    },
    Method {
        name: "history_search",
        access: Access::Permitted(Permission::Info),
        params: &[
            must("query", Filled, "a part of a message or of a visible name, in any case"),
            may("channel", Name, "one channel; all when left out"),
            may("from_mud", Name, "the sender's mud"),
            may("from_user", Name, "the sender"),
            LIMIT,
            BEFORE,
            AFTER,
        ],
        summary: "Searches what was said on channels.",
        results: HISTORY,
        reasons: &[],
        run: Run::Now(history::search),
    },
    Method {
        name: "kick",
        access: Access::Permitted(Permission::Admin),
        params: &[must("session_id", Filled, "of `sessions`")],
        summary: "Ends a session and closes its connection.",
        results: &[always(&[status(&["kicked"]), must("session_id", Text, "as it was given")])],
        reasons: &[],
        run: Run::Now(gateway::kick),
    },
    Method {
        name: "locate",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_USER, FROM_USER, WAIT, TIMEOUT],
        summary: "Asks all muds for a user; the answers are events `locate_reply`, with `wait` the first is the result.",
        results: &[
            when("at once", &[status(&["requested"]), must("user_name", Text, "as it was given")]),
            when("with `wait`", LOCATED),
        ],
        reasons: ASK,
        run: Run::Later(query::locate),
    },
    Method {
        name: "log_level",
        access: Access::Permitted(Permission::Admin),
        params: &[may("level", Filled, "DEBUG, INFO, WARNING or ERROR, in any case; nothing changes when left out")],
        summary: "Says what the log shows, and changes it until the next start.",
        results: &[always(&[
            status(&["success"]),
            must("level", OneOf(&["DEBUG", "INFO", "WARNING", "ERROR"]), "what the log shows now"),
        ])],
        reasons: &[],
        run: Run::Now(gateway::log_level),
    },
    Method {
        name: "mudlist",
        access: Access::Permitted(Permission::Info),
        params: &[
            may("refresh", Flag, "taken for old clients; routers send every change unasked").or("false"),
            may(
                "filter",
                Object(&[
                    may("status", Filled, "`up` or `down`"),
                    may("driver", Filled, "a part of the driver's name, in any case"),
                    may("has_service", Filled, "a service that it offers"),
                    may("name", Filled, "a part of the mud's name, in any case"),
                ]),
                "which muds",
            ),
        ],
        summary: "Lists the muds of the network.",
        results: &[always(&[
            status(&["success"]),
            must("muds", List(&Object(MUD), ANY_LENGTH), "by name"),
            COUNT,
        ])],
        reasons: &[],
        run: Run::Now(lists::mudlist),
    },
    Method {
        name: "ping",
        access: Access::Open,
        params: &[],
        summary: "Shows that the gateway lives.",
        results: &[always(&[must("pong", Flag, "true"), TIMESTAMP])],
        reasons: &[],
        run: Run::Now(gateway::ping),
    },
    Method {
        name: "presence_sync",
        access: Access::Permitted(Permission::Presence),
        params: &[must("users", List(&Object(USER), presence::USERS_MAX), "who is on; all others are not")],
        summary: "Says who is on; holds for 30 seconds, unless the settings say otherwise.",
        results: &[always(&[status(&["synchronized"]), MUD_NAME, COUNT])],
        reasons: &[],
        run: Run::Now(query::presence_sync),
    },
    Method {
        name: "reconnect",
        access: Access::Permitted(Permission::Admin),
        params: &[],
        summary: "Leaves the router and logs in again.",
        results: &[always(&[status(&["reconnecting"])])],
        reasons: &[],
        run: Run::Now(gateway::reconnect),
    },
    Method {
        name: "resume",
        access: Access::Identified,
        params: &[LAST_EVENT_ID],
        summary: "Gives missed events again, then the event `replay_complete`.",
        results: &[always(&[
            status(&["success"]),
            must("last_event_id", OrNull(&EVENT_ID), "from where; null: what no session of the mud has had"),
        ])],
        reasons: &[],
        run: Run::Now(history::resume),
    },
    Method {
        name: "rpc.discover",
        access: Access::Open,
        params: &[],
        summary: "The OpenRPC document of these methods.",
        results: &[always(&[
            must("openrpc", Text, "the version of OpenRPC"),
            must("info", Map(&Any), "what this is"),
            must("methods", List(&Map(&Any), ANY_LENGTH), "the methods"),
        ])],
        reasons: &[],
        run: Run::Now(gateway::discover),
    },
    Method {
        name: "sessions",
        access: Access::Permitted(Permission::Admin),
        params: &[],
        summary: "Lists the sessions of the caller's mud; for the gateway's own mud all.",
        results: &[always(&[
            status(&["success"]),
            must("sessions", List(&Object(SESSION), ANY_LENGTH), "the sessions"),
            COUNT,
        ])],
        reasons: &[],
        run: Run::Now(gateway::sessions),
    },
    Method {
        name: "stats",
        access: Access::Identified,
        params: &[],
        summary: "Counts.",
        results: &[always(&[
            must("mud_count", Int, "muds that are known"),
            must("online_muds", Int, "of these, up"),
            must("channel_count", Int, "channels that are known"),
            must("session_count", Int, "sessions that have shown a key"),
            must("mudlist_id", Int, "of the router's list; it orders nothing"),
            must("chanlist_id", Int, "the same"),
            must("gateway_connected", Flag, "whether the router link is ready"),
            must("packets_sent", Int, "to routers, since the start"),
            must("packets_received", Int, "from routers, since the start"),
        ])],
        reasons: &[],
        run: Run::Now(gateway::stats),
    },
    Method {
        name: "status",
        access: Access::Identified,
        params: &[],
        summary: "Whether the router link is ready, and why not.",
        results: &[always(&[
            must("connected", Flag, "whether it is ready"),
            MUD_NAME,
            must("session_id", Text, "of this session"),
            must("uptime", Number, "seconds since this session came"),
            must("router", Object(ROUTER), "the link"),
        ])],
        reasons: &[],
        run: Run::Now(gateway::status),
    },
    Method {
        name: "tell",
        access: Access::Permitted(Permission::Tell),
        params: &[TARGET_MUD, TARGET_USER, must("message", Filled, "what to say"), FROM_USER, VISNAME],
        summary: "Sends a message to a user on another mud.",
        results: SENT,
        reasons: SPEAK,
        run: Run::Now(tell::tell),
    },
    Method {
        name: "trace",
        access: Access::Permitted(Permission::Admin),
        params: &[may("enabled", Flag, "false to stop").or("true")],
        summary: "Shows this session the packets of its mud, as events `packet_trace`, without passwords.",
        results: &[always(&[status(&["tracing", "stopped"])])],
        reasons: &[],
        run: Run::Now(trace::set),
    },
    Method {
        name: "who",
        access: Access::Permitted(Permission::Info),
        params: &[
            TARGET_MUD,
            FROM_USER,
            may(
                "filters",
                Object(&[
                    may("min_level", Int, "only from this level on"),
                    may("max_level", Int, "only up to this level"),
                    may("race", Filled, "only with this text in what the mud tells of them, in any case"),
                    may("guild", Filled, "the same"),
                ]),
                "which users the result is to have, with `wait`; the event has all",
            ),
            WAIT,
            TIMEOUT,
        ],
        summary: "Asks who is on; the answer is the event `who_reply`, or with `wait` the result.",
        results: &[
            when("at once", &[status(&["requested"]), MUD_NAME]),
            when("with `wait`", &[
                REPLY[0],
                REPLY[1],
                REPLY[2],
                must("users", List(&Object(WHO_USER), ANY_LENGTH), "who is on"),
                MEMBERS,
            ]),
        ],
        reasons: ASK,
        run: Run::Later(query::who),
    },
];

/// What a locate tells.
pub(crate) const LOCATED: &[Member] = &[
    REPLY[0],
    REPLY[1],
    REPLY[2],
    must("located_mud", Text, "where the user is"),
    must("located_user", Text, "the user's name, as shown"),
    must("idle", Int, "seconds"),
    must("status", Text, "`afk`, `editing`, …"),
];
