//! Questions of local clients to other muds: who, finger, locate, and the subscribers of a channel.

use super::call::Call;
use super::method::{ASK, Access, methods};
use super::page::{self, USERS_BYTES_MAX};
use super::persons;
use super::text::{or_empty, resolve_mud};
use crate::clients::Clients;
use crate::cx::Cx;
use crate::describe::macros::{output, params, words};
use crate::describe::values::{Filled, Name, Seconds};
use crate::event::told::{FingerReply, Located};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED, TOO_MANY_WAITING};
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::link::pacer::{Origin, Priority};
use crate::muds::Muds;
use crate::network::Shown;
use crate::settings::Permission;
use crate::waiting::{
    ChannelUser, ChannelWho, ChannelWhoStatus, Members, Question, Success, Waiting, WhoAnswer, WhoFilters,
};
use std::time::Duration;

/// How long a request waits for its answer by default. The default of the parameter `timeout` repeats it.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest wait that a caller may ask for, in seconds.
pub const ANSWER_SECONDS_MAX: u64 = 60;

/// The number of muds that one channel_who asks, those that spoke on the channel last. Each question is a packet that
/// must be paced.
pub const CHANNEL_WHO_MUDS_MAX: usize = 16;

params! {
    /// The parameters of `who`.
    pub(super) struct Who<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// which users the result contains, with `wait`; the event always contains all
        filters: Option<Filters<'a>>,
        /// return the reply as the result
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// Selects users of a who reply.
    pub(super) struct Filters<'a> {
        /// only users of at least this level
        min_level: Option<i64>,
        /// only users of at most this level
        max_level: Option<i64>,
        /// only users whose description holds this text, in any case
        race: Option<Filled<'a>>,
        /// only users whose description holds this text, in any case
        guild: Option<Filled<'a>>,
    }

    /// The parameters of `finger`.
    pub(super) struct Finger<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// return the reply as the result
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// The parameters of `locate`.
    pub(super) struct Locate<'a> {
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// return the reply as the result
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// The parameters of `channel_user`.
    pub(super) struct AskUser<'a> {
        /// the mud; its name in any case, or shortened
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// The parameters of `channel_who`.
    pub(super) struct AskSubscribers<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the mud to ask; without it, those that spoke on the channel last
        target_mud: Option<Name<'a>>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// return the reply as the result
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }
}

output! {
    /// The result of `who` without `wait`.
    pub(super) struct WhoRequested {
        /// always `requested`
        status: RequestedStatus,
        /// the mud
        mud_name: String,
    }

    /// The result of `finger` without `wait`.
    pub(super) struct FingerRequested<'a> {
        /// always `requested`
        status: RequestedStatus,
        /// the mud
        mud_name: String,
        /// as given
        user_name: Name<'a>,
    }

    /// The result of `locate` without `wait`.
    pub(super) struct LocateRequested<'a> {
        /// always `requested`
        status: RequestedStatus,
        /// as given
        user_name: Name<'a>,
    }
}

words! {
    /// The only status of a question.
    pub(super) enum RequestedStatus {
        /// The question was accepted into the queue of the router.
        Requested = "requested",
    }
}

methods! {
    /// Asks a mud who is on. The answer is the event `who_reply`, or with `wait` the result.
    "who" (Access::Permitted(Permission::Info)) Who<'_> => later [WhoRequested, WhoAnswer] ASK,
        |parts, call, args| who(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Asks a mud about a user. The answer is the event `finger_reply`, or with `wait` the result.
    "finger" (Access::Permitted(Permission::Info)) Finger<'_> => later [FingerRequested, FingerReply] ASK,
        |parts, call, args| finger(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Asks all muds for a user. Each answer is an event `locate_reply`; with `wait` the first one is the result.
    "locate" (Access::Permitted(Permission::Info)) Locate<'_> => later [LocateRequested, Located] ASK,
        |parts, call, args| locate(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Returns the visible name and the gender of a user of another mud.
    "channel_user" (Access::Permitted(Permission::Info)) AskUser<'_> => later [ChannelUser] ASK,
        |parts, call, args| channel_user(&mut parts.cx, parts.muds, parts.waiting, call, &args);
    /// Returns the known subscribers of a channel. With `wait` it asks the other muds first.
    "channel_who" (Access::Permitted(Permission::Info)) AskSubscribers<'_> => later [ChannelWho]
        &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &TOO_MANY_WAITING, &BACKLOG_FULL],
        |parts, call, args| channel_who(&mut parts.cx, parts.muds, parts.clients, parts.waiting, call, &args);
}

/// How long the caller waits for the answer itself; `None` if it does not.
type Wait = Option<Duration>;

/// Sends a question. The answer becomes an event, or the result of the request if the caller waits. Returns whether the
/// caller waits.
fn ask(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    (mud, packet): (MudId, &Packet<'_>),
    (wait, question): (Wait, Question),
) -> Result<bool, Fault> {
    if wait.is_some() {
        waiting.may_wait(call.conn())?;
    }
    // If the packet cannot be sent later, an event reports it to this user.
    let from_user = or_empty(packet.header.from_user.as_ref()).to_owned();
    muds.send(cx, mud, Priority::Query, packet, Some(Origin { message_id: None, from_user }))?;
    if let Some(timeout) = wait {
        waiting.wait(cx, call.asker, question, timeout);
    }
    Ok(wait.is_some())
}

fn who(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: Who<'_>,
) -> Result<Option<WhoRequested>, Fault> {
    let caller = call.user_of(cx, "who")?;
    let mud = caller.mud;
    let of = resolve_mud(cx, muds, call, mud, &args.target_mud)?;
    let packet = Packet {
        header: Header::to_mud(&caller.mud_name, Some(&args.from_user), &of),
        body: Body::WhoReq {},
    };
    let filters = args.filters.map(WhoFilters::from).unwrap_or_default();
    let question = Question::Who { mud, of: of.clone(), asker: args.from_user.to_string(), filters };
    let wait = args.wait.then_some(args.timeout.0);
    let waits = ask(cx, muds, waiting, call, (mud, &packet), (wait, question))?;
    let requested = WhoRequested { status: RequestedStatus::Requested, mud_name: of.clone() };
    Ok((!waits).then_some(requested))
}

impl From<Filters<'_>> for WhoFilters {
    fn from(filters: Filters<'_>) -> Self {
        let texts = [filters.race, filters.guild];
        WhoFilters {
            min_level: filters.min_level,
            max_level: filters.max_level,
            texts: texts.into_iter().flatten().map(|text| text.to_lowercase()).collect(),
        }
    }
}

fn finger<'a>(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: Finger<'a>,
) -> Result<Option<FingerRequested<'a>>, Fault> {
    let caller = call.user_of(cx, "finger")?;
    let mud = caller.mud;
    let of = resolve_mud(cx, muds, call, mud, &args.target_mud)?;
    let packet = Packet {
        header: Header::to_mud(&caller.mud_name, Some(&args.from_user), &of),
        body: Body::FingerReq { user: args.target_user.to_lowercase().into() },
    };
    let question = Question::Finger { mud, of: of.clone(), asker: args.from_user.to_string() };
    let wait = args.wait.then_some(args.timeout.0);
    let waits = ask(cx, muds, waiting, call, (mud, &packet), (wait, question))?;
    let requested = FingerRequested {
        status: RequestedStatus::Requested,
        mud_name: of.clone(),
        user_name: args.target_user,
    };
    Ok((!waits).then_some(requested))
}

fn locate<'a>(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: Locate<'a>,
) -> Result<Option<LocateRequested<'a>>, Fault> {
    let caller = call.user_of(cx, "locate")?;
    let packet = Packet {
        header: Header::broadcast(&caller.mud_name, Some(&args.from_user)),
        body: Body::LocateReq { user: args.target_user.to_lowercase().into() },
    };
    let question = Question::Locate { mud: caller.mud, asker: args.from_user.to_string() };
    let wait = args.wait.then_some(args.timeout.0);
    let waits = ask(cx, muds, waiting, call, (caller.mud, &packet), (wait, question))?;
    let requested = LocateRequested { status: RequestedStatus::Requested, user_name: args.target_user };
    Ok((!waits).then_some(requested))
}

/// A user that is in the cache is answered at once.
fn channel_user(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: &AskUser<'_>,
) -> Result<Option<ChannelUser>, Fault> {
    let caller = call.user_of(cx, "channel")?;
    let mud = caller.mud;
    let of = resolve_mud(cx, muds, call, mud, &args.target_mud)?;
    let user = args.target_user.to_lowercase();
    if let Some(shown) = muds[mud].ucache.find(&of, &user) {
        return Ok(Some(shown_user(&of, &user, shown)));
    }
    waiting.may_wait(call.conn())?;
    let packet = Packet {
        header: Header::to_mud(&caller.mud_name, None, &of),
        body: Body::ChanUserReq { user: user.as_str().into() },
    };
    muds.send(cx, mud, Priority::Query, &packet, None)?;
    waiting.wait(
        cx,
        call.asker,
        Question::ChanUser { mud, of: of.clone(), user: user.clone() },
        args.timeout.0,
    );
    Ok(None)
}

/// Returns the visible name of a user of another mud, as a result.
pub(super) fn shown_user(mud: &str, user: &str, shown: &Shown) -> ChannelUser {
    ChannelUser {
        status: Success::Success,
        mud_name: mud.to_owned(),
        user_name: user.to_owned(),
        visname: shown.visname.clone(),
        gender: shown.gender,
    }
}

/// Asks one mud, or those that spoke on the channel last.
fn channel_who(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &Clients,
    waiting: &mut Waiting,
    call: &Call,
    args: &AskSubscribers<'_>,
) -> Result<Option<ChannelWho>, Fault> {
    let caller = call.user_of(cx, "channel")?;
    let mud = caller.mud;
    if args.wait {
        waiting.may_wait(call.conn())?;
    }
    let targets = match &args.target_mud {
        Some(name) => vec![resolve_mud(cx, muds, call, mud, name)?],
        None => {
            let mut heard = muds[mud].elsewhere.muds(&args.channel, CHANNEL_WHO_MUDS_MAX);
            heard.retain(|mud| **mud != *caller.mud_name);
            heard
        }
    };
    for target in &targets {
        let packet = Packet {
            header: Header::to_mud(&caller.mud_name, Some(&args.from_user), target),
            body: Body::ChanWhoReq { channel: (*args.channel).into() },
        };
        let origin = Origin { message_id: None, from_user: args.from_user.to_string() };
        muds.send(cx, mud, Priority::Query, &packet, Some(origin))?;
    }
    if args.wait && !targets.is_empty() {
        let (channel, named) = (args.channel.to_string(), args.target_mud.is_some());
        let question = Question::ChanWho { mud, channel, open: targets, named };
        waiting.wait(cx, call.asker, question, args.timeout.0);
        return Ok(None);
    }
    let status = if args.wait { ChannelWhoStatus::Success } else { ChannelWhoStatus::Requested };
    Ok(Some(subscribers(cx, muds, clients, mud, &args.channel, status)))
}

/// Returns the known subscribers of a channel, here and on other muds.
pub(super) fn subscribers(
    cx: &Cx<'_>,
    muds: &Muds,
    clients: &Clients,
    mud: MudId,
    channel: &str,
    status: ChannelWhoStatus,
) -> ChannelWho {
    let (one, now) = (&muds[mud], cx.now.mono);
    let mut known = one.elsewhere.members(now, channel);
    if clients.audience.has(mud, channel) {
        let here = one.presence.fresh(now, cx.settings.api.presence_ttl);
        let users = persons::listeners(clients, mud, channel, here);
        known.insert(0, (cx.settings.mud(mud).name.clone(), users));
    }
    let (mut members, mut room, mut is_cut) = (Vec::new(), USERS_BYTES_MAX, false);
    for (mud, users) in known {
        let (users, is_full, bytes) = page::take(users, room);
        members.push(Members { mud, users });
        room = room.saturating_sub(bytes);
        if is_full || room == 0 {
            is_cut = true;
            break;
        }
    }
    let users = members.iter().flat_map(|one| &one.users).cloned().collect();
    ChannelWho { status, channel: channel.to_owned(), members, users, more: is_cut.then_some(true) }
}
