//! Questions of local programs to other muds: who, finger, locate, and who is on a channel.

use super::call::Call;
use super::method::{ASK, Access, methods};
use super::text::{or_empty, resolve_mud};
use crate::clients::Clients;
use crate::cx::Cx;
use crate::describe::macros::{output, params, words};
use crate::describe::values::{Filled, Name, Seconds};
use crate::event::told::{FingerReply, Located};
use crate::fault::Fault;
use crate::fault::reason::{QUEUE_FULL, ROUTER_DOWN, SERVICE_DISABLED, TOO_MANY_WAITING};
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

/// How long an answer is waited for, unless the caller says otherwise. The default of the parameter `timeout` says it.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest wait that a caller may ask for, in seconds.
pub const ANSWER_SECONDS_MAX: u64 = 60;

/// Muds that one channel_who asks: those heard last. Each question is a packet that must be paced.
pub const CHANNEL_WHO_MUDS_MAX: usize = 16;

params! {
    /// What `who` takes.
    pub(super) struct Who<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// which users the result is to have, with `wait`; the event has all
        filters: Option<Filters<'a>>,
        /// answer with the reply itself
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// Which users of a who are wanted.
    pub(super) struct Filters<'a> {
        /// only from this level on
        min_level: Option<i64>,
        /// only up to this level
        max_level: Option<i64>,
        /// only with this text in what the mud tells of them, in any case
        race: Option<Filled<'a>>,
        /// only with this text in what the mud tells of them, in any case
        guild: Option<Filled<'a>>,
    }

    /// What `finger` takes.
    pub(super) struct Finger<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// answer with the reply itself
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// What `locate` takes.
    pub(super) struct Locate<'a> {
        /// the user, in any case
        target_user: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// answer with the reply itself
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// What `channel_user` takes.
    pub(super) struct AskUser<'a> {
        /// the mud; its name may be written loosely
        target_mud: Name<'a>,
        /// the user, in any case
        target_user: Name<'a>,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }

    /// What `channel_who` takes.
    pub(super) struct AskSubscribers<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// one mud; those heard there last when left out
        target_mud: Option<Name<'a>>,
        /// the local user
        from_user: Name<'a> = "Someone",
        /// answer with the reply itself
        wait: bool = false,
        /// how long to wait, in seconds
        timeout: Seconds<ANSWER_SECONDS_MAX> = 10,
    }
}

output! {
    /// A who that was sent.
    pub(super) struct WhoRequested {
        /// that it went well
        status: RequestedStatus,
        /// the mud
        mud_name: String,
    }

    /// A finger that was sent.
    pub(super) struct FingerRequested<'a> {
        /// that it went well
        status: RequestedStatus,
        /// the mud
        mud_name: String,
        /// as it was given
        user_name: Name<'a>,
    }

    /// A locate that was sent.
    pub(super) struct LocateRequested<'a> {
        /// that it went well
        status: RequestedStatus,
        /// as it was given
        user_name: Name<'a>,
    }
}

words! {
    /// That a question was sent.
    pub(super) enum RequestedStatus {
        /// It was.
        Requested = "requested",
    }
}

methods! {
    /// Asks who is on; the answer is the event `who_reply`, or with `wait` the result.
    "who" (Access::Permitted(Permission::Info)) Who<'_> => later [WhoRequested, WhoAnswer] ASK,
        |parts, call, args| who(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Asks about a user; the answer is the event `finger_reply`, or with `wait` the result.
    "finger" (Access::Permitted(Permission::Info)) Finger<'_> => later [FingerRequested, FingerReply] ASK,
        |parts, call, args| finger(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Asks all muds for a user; the answers are events `locate_reply`, with `wait` the first is the result.
    "locate" (Access::Permitted(Permission::Info)) Locate<'_> => later [LocateRequested, Located] ASK,
        |parts, call, args| locate(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Reports what a user of another mud is called.
    "channel_user" (Access::Permitted(Permission::Info)) AskUser<'_> => later [ChannelUser] ASK,
        |parts, call, args| channel_user(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Reports who subscribes to a channel, as far as is known; with `wait` after asking.
    "channel_who" (Access::Permitted(Permission::Info)) AskSubscribers<'_> => later [ChannelWho]
        &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &TOO_MANY_WAITING],
        |parts, call, args| channel_who(&mut parts.cx, parts.muds, parts.clients, parts.waiting, call, args);
}

/// Whether, and how long, the caller waits for the answer itself.
type Wait = Option<Duration>;

/// Sends a question. The answer is an event, or, for a caller that waits, the answer to the request. Returns whether it
/// waits.
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
    // If it cannot go after all, an event says so.
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
    let of = resolve_mud(muds, call, mud, &args.target_mud)?;
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
    let of = resolve_mud(muds, call, mud, &args.target_mud)?;
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

/// What is remembered is answered at once.
fn channel_user(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: AskUser<'_>,
) -> Result<Option<ChannelUser>, Fault> {
    let caller = call.user_of(cx, "channel")?;
    let mud = caller.mud;
    let of = resolve_mud(muds, call, mud, &args.target_mud)?;
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

/// What a user of another mud is called, as a result.
pub(super) fn shown_user(mud: &str, user: &str, shown: &Shown) -> ChannelUser {
    ChannelUser {
        status: Success::Success,
        mud_name: mud.to_owned(),
        user_name: user.to_owned(),
        visname: shown.visname.clone(),
        gender: shown.gender,
    }
}

/// Asks one mud, or those that were heard on the channel last.
fn channel_who(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &Clients,
    waiting: &mut Waiting,
    call: &Call,
    args: AskSubscribers<'_>,
) -> Result<Option<ChannelWho>, Fault> {
    let caller = call.user_of(cx, "channel")?;
    let mud = caller.mud;
    if args.wait {
        waiting.may_wait(call.conn())?;
    }
    let targets = match &args.target_mud {
        Some(name) => vec![resolve_mud(muds, call, mud, name)?],
        None => {
            let mut heard = muds[mud].elsewhere.muds(&args.channel, CHANNEL_WHO_MUDS_MAX);
            heard.retain(|mud| *mud != caller.mud_name);
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
        let question = Question::ChanWho { mud, channel: args.channel.to_string(), open: targets };
        waiting.wait(cx, call.asker, question, args.timeout.0);
        return Ok(None);
    }
    let status = if args.wait { ChannelWhoStatus::Success } else { ChannelWhoStatus::Requested };
    Ok(Some(subscribers(cx, muds, clients, mud, &args.channel, status)))
}

/// Who is known to subscribe to a channel, here and elsewhere.
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
        let users = here.into_iter().flat_map(|here| here.users()).map(|user| user.name.clone());
        known.insert(0, (cx.settings.mud(mud).name.clone(), users.collect()));
    }
    let users = known.iter().flat_map(|(_, users)| users).cloned().collect();
    let members = known.into_iter().map(|(mud, users)| Members { mud, users }).collect();
    ChannelWho { status, channel: channel.to_owned(), members, users }
}
