//! The one table of methods: what each is called, needs, takes and does. `rpc.discover` is made from it.

use super::json::Object;
use super::params::Params;
use super::rpc::{self, Fault, Incoming, Request, code};
use crate::hub::Hub;
use crate::machine::ConnId;
use crate::service::{channel, gateway, history, host, lists, moderation, query, tell, trace};
use crate::session::rates::TooOften;
use crate::settings::Permission;
use serde_json::value::RawValue;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// Requests that a client may send before it is identified.
const EARLY_REQUESTS_MAX: u32 = 100;

/// What requests without a method of ours are counted under.
const UNKNOWN: &str = "unknown";

/// The type of a parameter, as JSON Schema names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// A text.
    Text,
    /// An integer.
    Int,
    /// An event_id, or a time in RFC 3339.
    Point,
    /// A number of seconds, with a fraction if need be.
    Seconds,
    /// true or false.
    Flag,
    /// A list.
    List,
    /// An object.
    Object,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ParamType,
    /// It must be there.
    pub required: bool,
    /// What it is.
    pub summary: &'static str,
}

/// One request on its way to a service.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) conn: ConnId,
    pub(crate) method: &'static str,
    pub(crate) params: Params<'a>,
    /// `None` for a notification.
    pub(crate) id: Option<&'a RawValue>,
    /// Its place in a batch.
    pub(crate) batch: Option<(u64, usize)>,
}

/// The result of a request, as JSON.
type Outcome = Result<Vec<u8>, Fault>;

/// The same, or nothing yet.
type LaterOutcome = Result<Option<Vec<u8>>, Fault>;

/// How a method is answered.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// At once.
    Now(fn(&mut Hub, &Call<'_>) -> Outcome),
    /// At once, or (`None`) later, through [`Hub::wait`].
    Later(fn(&mut Hub, &Call<'_>) -> LaterOutcome),
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also before `authenticate`.
    Open,
    /// Who is identified.
    Identified,
    /// Who has the permission.
    Permitted(Permission),
}

/// A method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who may call.
    pub access: Access,
    /// In their order.
    pub params: &'static [Param],
    /// What it does.
    pub summary: &'static str,
    run: Run,
}

const fn must(name: &'static str, kind: ParamType, summary: &'static str) -> Param {
    Param { name, kind, required: true, summary }
}

const fn may(name: &'static str, kind: ParamType, summary: &'static str) -> Param {
    Param { name, kind, required: false, summary }
}

use ParamType::{Flag, Int, List, Point, Seconds, Text};

const TARGET_MUD: Param = must("target_mud", Text, "the mud; its name may be written loosely");
const TARGET_USER: Param = must("target_user", Text, "the user, in any case");
const CHANNEL: Param = must("channel", Text, "the channel's exact name");
const FROM_USER: Param = may("from_user", Text, "the local user; Someone when left out");
const VISNAME: Param = may("visname", Text, "the name to show; from_user when left out");

const WAIT: Param = may("wait", Flag, "answer with the reply itself");
const TIMEOUT: Param = may("timeout", Seconds, "how long to wait: 10 when left out, at most 60");

const LAST_EVENT_ID: Param = may("last_event_id", Int, "give again what came after this event");
const LIMIT: Param = may("limit", Int, "how many messages at most: the last 100 when left out");
const BEFORE: Param = may("before", Point, "only what came before this event_id, or this time (RFC 3339)");
const AFTER: Param = may("after", Point, "only what came after this event_id, or this time (RFC 3339)");

/// All methods, by name.
pub const METHODS: &[Method] = &[
    Method {
        name: "ack",
        access: Access::Identified,
        params: &[must("event_id", Int, "the last event that has been dealt with, with all before it")],
        summary: "Moves the cursor of this client: earlier events are not given again. Answered when it is durable.",
        run: Run::Later(history::ack),
    },
    Method {
        name: "authenticate",
        access: Access::Open,
        params: &[
            must("api_key", Text, "the key"),
            may(
                "text_format",
                Text,
                "how texts are to come: raw (as they are, the default), plain, ansi or html",
            ),
            LAST_EVENT_ID,
            may("client", Text, "a name under which the gateway remembers what this client has had"),
            may("echo", Flag, "false: without the lines of one's own mud that the network sends back"),
        ],
        summary: "Says who calls; everything else comes after.",
        run: Run::Now(gateway::authenticate),
    },
    Method {
        name: "ban_add",
        access: Access::Permitted(Permission::Moderate),
        params: &[
            must(
                "pattern",
                Text,
                "whose packets, as user@mud with * and ?: bob@Sage, *@Sage; a user of this mud too",
            ),
            may("channel", Text, "only about such channels, with * and ?"),
            may("packet_type", Text, "only packets of such types, with * and ?: tell, channel-*"),
            may("direction", Text, "in (from the network), out (to it) or both, the default"),
            may("expires_in", Seconds, "how long it holds; for ever when left out"),
            may("reason", Text, "for people"),
        ],
        summary: "Keeps packets from coming in and going out.",
        run: Run::Now(moderation::add),
    },
    Method {
        name: "ban_list",
        access: Access::Permitted(Permission::Moderate),
        params: &[],
        summary: "Lists the bans, and how many packets each has stopped since the start.",
        run: Run::Now(moderation::list),
    },
    Method {
        name: "ban_remove",
        access: Access::Permitted(Permission::Moderate),
        params: &[must("ban_id", Int, "of ban_add or ban_list")],
        summary: "Ends a ban.",
        run: Run::Now(moderation::remove),
    },
    Method {
        name: "beep",
        access: Access::Permitted(Permission::Tell),
        params: &[TARGET_MUD, TARGET_USER, FROM_USER, VISNAME],
        summary: "Nudges a user on another mud.",
        run: Run::Now(tell::beep),
    },
    Method {
        name: "channel_add",
        access: Access::Permitted(Permission::Host),
        params: &[
            must("channel", Text, "its name, at most 80 bytes"),
            may("type", Int, "0 all but the banned, 1 only the admitted, 2 filtered by this mud"),
            FROM_USER,
        ],
        summary: "Makes a channel; an error of the router is the error of the request.",
        run: Run::Later(host::add),
    },
    Method {
        name: "channel_admin",
        access: Access::Permitted(Permission::Host),
        params: &[
            CHANNEL,
            may("add", List, "muds to put on its list"),
            may("remove", List, "muds to take off its list"),
            FROM_USER,
        ],
        summary: "Changes who is banned from, or admitted to, a channel of this mud.",
        run: Run::Later(host::admin),
    },
    Method {
        name: "channel_emote",
        access: Access::Permitted(Permission::Channel),
        params: &[
            CHANNEL,
            must("emote", Text, "with $N for the name; put in front when missing"),
            FROM_USER,
            VISNAME,
        ],
        summary: "Sends an emote to a channel.",
        run: Run::Now(channel::emote),
    },
    Method {
        name: "channel_filter",
        access: Access::Permitted(Permission::Host),
        params: &[
            may("channel", Text, "whose messages this session judges"),
            may("enabled", Flag, "false to stop"),
            may("filter_id", Int, "of the event channel_filter_request to answer"),
            may("allow", Flag, "whether the message may pass"),
            may("message", Text, "what to pass in its place"),
        ],
        summary: "Judges what is said on a filtered channel of this mud.",
        run: Run::Now(host::filter),
    },
    Method {
        name: "channel_history",
        access: Access::Permitted(Permission::Info),
        params: &[CHANNEL, LIMIT, BEFORE, AFTER],
        summary: "Lists what was said on a channel, oldest first.",
        run: Run::Now(history::channel_history),
    },
    Method {
        name: "channel_join",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL, may("listen_only", Flag, "hear it, but do not speak")],
        summary: "Hears a channel from here on.",
        run: Run::Now(channel::join),
    },
    Method {
        name: "channel_leave",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL],
        summary: "Hears a channel no longer.",
        run: Run::Now(channel::leave),
    },
    Method {
        name: "channel_list",
        access: Access::Permitted(Permission::Info),
        params: &[
            may("refresh", Flag, "ask the router for the list again; what changes comes as events"),
            may("filter", ParamType::Object, "type, owner, min_members"),
        ],
        summary: "Lists the channels of the network.",
        run: Run::Now(channel::list),
    },
    Method {
        name: "channel_remove",
        access: Access::Permitted(Permission::Host),
        params: &[CHANNEL, FROM_USER],
        summary: "Removes a channel of this mud.",
        run: Run::Later(host::remove),
    },
    Method {
        name: "channel_send",
        access: Access::Permitted(Permission::Channel),
        params: &[CHANNEL, must("message", Text, "what to say"), FROM_USER, VISNAME],
        summary: "Says something on a channel.",
        run: Run::Now(channel::send),
    },
    Method {
        name: "channel_targeted_emote",
        access: Access::Permitted(Permission::Channel),
        params: &[
            CHANNEL,
            TARGET_MUD,
            TARGET_USER,
            must("message", Text, "what others read, with $N and $O"),
            may("message_target", Text, "what the one aimed at reads; message when left out"),
            FROM_USER,
            VISNAME,
            may("target_visname", Text, "the name to show of the one aimed at"),
        ],
        summary: "Sends an emote to a channel, aimed at somebody.",
        run: Run::Now(channel::targeted_emote),
    },
    Method {
        name: "channel_user",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_MUD, TARGET_USER, TIMEOUT],
        summary: "Says what a user of another mud is called.",
        run: Run::Later(query::channel_user),
    },
    Method {
        name: "channel_who",
        access: Access::Permitted(Permission::Info),
        params: &[
            CHANNEL,
            may("target_mud", Text, "one mud; those heard there last when left out"),
            FROM_USER,
            WAIT,
            TIMEOUT,
        ],
        summary: "Says who hears a channel, as far as is known; with wait after asking.",
        run: Run::Later(query::channel_who),
    },
    Method {
        name: "emoteto",
        access: Access::Permitted(Permission::Tell),
        params: &[TARGET_MUD, TARGET_USER, must("emote", Text, "with $N for the name"), FROM_USER, VISNAME],
        summary: "Sends an emote to a user on another mud.",
        run: Run::Now(tell::emoteto),
    },
    Method {
        name: "finger",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_MUD, TARGET_USER, FROM_USER, WAIT, TIMEOUT],
        summary: "Asks about a user; the answer is the event finger_reply, or with wait the result.",
        run: Run::Later(query::finger),
    },
    Method {
        name: "heartbeat",
        access: Access::Identified,
        params: &[],
        summary: "Shows that the session lives.",
        run: Run::Now(gateway::heartbeat),
    },
    Method {
        name: "history_search",
        access: Access::Permitted(Permission::Info),
        params: &[
            must("query", Text, "a part of a message or of a visible name, in any case"),
            may("channel", Text, "one channel; all when left out"),
            may("from_mud", Text, "the sender's mud"),
            may("from_user", Text, "the sender"),
            LIMIT,
            BEFORE,
            AFTER,
        ],
        summary: "Searches what was said on channels.",
        run: Run::Now(history::search),
    },
    Method {
        name: "kick",
        access: Access::Permitted(Permission::Admin),
        params: &[must("session_id", Text, "of sessions")],
        summary: "Ends a session and closes its connection.",
        run: Run::Now(gateway::kick),
    },
    Method {
        name: "locate",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_USER, FROM_USER, WAIT, TIMEOUT],
        summary: "Asks all muds for a user; the answers are events locate_reply, with wait the first is the result.",
        run: Run::Later(query::locate),
    },
    Method {
        name: "log_level",
        access: Access::Permitted(Permission::Admin),
        params: &[may("level", Text, "DEBUG, INFO, WARNING or ERROR; nothing changes when left out")],
        summary: "Says what the log shows, and changes it until the next start.",
        run: Run::Now(gateway::log_level),
    },
    Method {
        name: "mudlist",
        access: Access::Permitted(Permission::Info),
        params: &[
            may("refresh", Flag, "taken for old clients; routers send every change unasked"),
            may("filter", ParamType::Object, "status (up, down), driver, has_service, name"),
        ],
        summary: "Lists the muds of the network.",
        run: Run::Now(lists::mudlist),
    },
    Method {
        name: "ping",
        access: Access::Open,
        params: &[],
        summary: "Shows that the gateway lives.",
        run: Run::Now(gateway::ping),
    },
    Method {
        name: "presence_sync",
        access: Access::Permitted(Permission::Presence),
        params: &[must(
            "users",
            List,
            "who is on: name, title, race, guild, location, status, level, idle, login_time",
        )],
        summary: "Says who is on; holds for 30 seconds.",
        run: Run::Now(query::presence_sync),
    },
    Method {
        name: "reconnect",
        access: Access::Permitted(Permission::Admin),
        params: &[],
        summary: "Leaves the router and logs in again.",
        run: Run::Now(gateway::reconnect),
    },
    Method {
        name: "resume",
        access: Access::Identified,
        params: &[LAST_EVENT_ID],
        summary: "Gives missed events again, then the event replay_complete.",
        run: Run::Now(history::resume),
    },
    Method {
        name: "rpc.discover",
        access: Access::Open,
        params: &[],
        summary: "This document.",
        run: Run::Now(gateway::discover),
    },
    Method {
        name: "sessions",
        access: Access::Permitted(Permission::Admin),
        params: &[],
        summary: "Lists the sessions of the caller's mud; for the gateway's own mud all.",
        run: Run::Now(gateway::sessions),
    },
    Method {
        name: "stats",
        access: Access::Identified,
        params: &[],
        summary: "Counts.",
        run: Run::Now(gateway::stats),
    },
    Method {
        name: "status",
        access: Access::Identified,
        params: &[],
        summary: "Whether the router link is ready, and why not.",
        run: Run::Now(gateway::status),
    },
    Method {
        name: "tell",
        access: Access::Permitted(Permission::Tell),
        params: &[TARGET_MUD, TARGET_USER, must("message", Text, "what to say"), FROM_USER, VISNAME],
        summary: "Sends a message to a user on another mud.",
        run: Run::Now(tell::tell),
    },
    Method {
        name: "trace",
        access: Access::Permitted(Permission::Admin),
        params: &[may("enabled", Flag, "false to stop")],
        summary: "Shows this session the packets of its mud, as events packet_trace, without passwords.",
        run: Run::Now(trace::set),
    },
    Method {
        name: "who",
        access: Access::Permitted(Permission::Info),
        params: &[TARGET_MUD, FROM_USER, WAIT, TIMEOUT],
        summary: "Asks who is on; the answer is the event who_reply, or with wait the result.",
        run: Run::Later(query::who),
    },
];

fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|at| &METHODS[at])
}

/// A text from a client: answers it, or what in it asks for an answer.
pub(crate) fn text(hub: &mut Hub, conn: ConnId, text: &str) {
    if let Some(session) = hub.sessions.get_mut(conn) {
        session.heard = hub.now.mono;
    }
    match rpc::parse(text) {
        Incoming::Single(request) => {
            if let Some(Some(answer)) = one(hub, conn, request, None) {
                hub.send_text(conn, &answer);
            }
        }
        Incoming::Batch(requests) => {
            let batch = hub.pending.open_batch(conn, requests.len());
            for (at, request) in requests.into_iter().enumerate() {
                if let Some(answer) = one(hub, conn, request, Some((batch, at))) {
                    hub.answer_in_batch(batch, at, answer);
                }
            }
        }
    }
    hub.replay(conn);
    hub.close_if_due(conn);
}

/// The answer to one request, which is nothing for a notification; `None` when it comes later.
fn one(
    hub: &mut Hub,
    conn: ConnId,
    request: Result<Request<'_>, Vec<u8>>,
    batch: Option<(u64, usize)>,
) -> Option<Option<Vec<u8>>> {
    hub.metrics.requests += 1;
    let request = match request {
        Ok(request) => request,
        Err(answer) => {
            count_unreadable(hub);
            hub.early_request(conn);
            return Some(Some(answer));
        }
    };
    let outcome = match run(hub, conn, &request, batch) {
        Ok(None) => return None,
        Ok(Some(result)) => Ok(result),
        Err(fault) => Err(fault),
    };
    let name = find(&request.method).map_or(UNKNOWN, |method| method.name);
    hub.metrics.count_call(name, outcome.as_ref().err().map(|fault| fault.code), Duration::ZERO);
    Some(request.id.map(|id| match outcome {
        Ok(result) => rpc::result(Some(id), &result),
        Err(fault) => rpc::error(Some(id), &fault),
    }))
}

/// Something came that is no request.
pub(crate) fn count_unreadable(hub: &mut Hub) {
    hub.metrics.count_call(UNKNOWN, Some(code::INVALID_REQUEST), Duration::ZERO);
}

fn run(hub: &mut Hub, conn: ConnId, request: &Request<'_>, batch: Option<(u64, usize)>) -> LaterOutcome {
    let now = hub.now.mono;
    let method = find(&request.method);
    let Some(session) = hub.sessions.get_mut(conn) else {
        return Err(Fault::new(code::NOT_AUTHENTICATED, "the session has ended"));
    };
    if session.identity.is_none() && method.is_none_or(|method| method.access != Access::Open) {
        hub.early_request(conn);
        return Err(Fault::new(code::NOT_AUTHENTICATED, "Not authenticated. Please authenticate first."));
    }
    let Some(method) = method else {
        return Err(Fault::new(code::METHOD_NOT_FOUND, format!("Unknown method: {}", request.method)));
    };
    if let (Some(identity), Some(limits)) = (&session.identity, &hub.settings.api.rate_limits)
        && let Err(refused) =
            hub.rates.admit(identity.holder, limits, identity.requests_per_minute, method.name, now)
    {
        return Err(hub.limited(conn, method, refused));
    }
    if let Access::Permitted(permission) = method.access
        && !session.may(Some(permission))
    {
        let data = serde_json::json!({"needs": permission.name()});
        let text = format!("{} needs the permission {}", method.name, permission.name());
        return Err(Fault { data: Some(data), ..Fault::new(code::PERMISSION, text) });
    }
    if session.identity.is_none() {
        hub.early_request(conn);
    }
    let params = Params::read(method, request.params)?;
    let call = Call { conn, method: method.name, params, id: request.id, batch };
    match method.run {
        Run::Now(run) => run(hub, &call).map(Some),
        Run::Later(run) => run(hub, &call),
    }
}

impl Hub {
    /// A request came too early: it is refused, and once in a while an event says so, for games that look at no errors.
    fn limited(&mut self, conn: ConnId, method: &Method, refused: TooOften) -> Fault {
        self.metrics.requests_limited += 1;
        if refused.is_news {
            let params = Object::default()
                .with("method", method.name)
                .with("per_minute", &refused.per_minute)
                .with("retry_after_ms", &refused.retry_after_ms);
            self.emit_to(conn, "rate_limit_warning", params);
        }
        Fault::too_often(refused.retry_after_ms, "Rate limit exceeded")
    }

    /// A client that is not identified has asked for something: it may not go on like that for ever.
    fn early_request(&mut self, conn: ConnId) {
        let Some(session) = self.sessions.get_mut(conn) else { return };
        if session.identity.is_some() {
            return;
        }
        session.early_requests += 1;
        if session.early_requests >= EARLY_REQUESTS_MAX {
            self.close_after_answer(conn, CloseCode::Policy, "not authenticated");
        }
    }

    /// Closes a client once the request that is being handled has been answered.
    pub(crate) fn close_after_answer(&mut self, conn: ConnId, code: CloseCode, reason: &'static str) {
        if let Some(session) = self.sessions.get_mut(conn) {
            session.closing = Some((code, reason));
        }
    }

    fn close_if_due(&mut self, conn: ConnId) {
        let closing = self.sessions.get(conn).and_then(|session| session.closing);
        if let Some((code, reason)) = closing {
            self.metrics.connections_at_fault += 1;
            self.close_client(conn, code, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(METHODS.is_sorted_by(|a, b| a.name < b.name));
        for method in METHODS {
            assert!(find(method.name).is_some());
            let required = method.params.iter().take_while(|param| param.required).count();
            assert!(method.params[required..].iter().all(|param| !param.required), "{}", method.name);
        }
        assert!(find("nothing").is_none());
    }
}
