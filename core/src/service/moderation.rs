//! Bans, in both directions.
//!
//! A banned packet from the network is dropped without an answer: answers to a flood would use up the packets that the
//! router accepts from the gateway. It is counted, and `ban_list` returns the counts.

use super::audit::who;
use super::call::Call;
use super::durable;
use super::method::{Access, methods};
use super::page::Page;
use crate::cx::Cx;
use crate::describe::datum::Datum;
use crate::describe::macros::{output, params};
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{Filled, FromLiteral, OrNull, Parameter, Seconds, Short, Wrong};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, NOT_SAVED, TOO_MANY_WAITING};
use crate::ids::MudId;
use crate::moderation::{BANS_MAX, Ban, Direction, PATTERN_BYTES_MAX};
use crate::muds::Muds;
use crate::settings::Permission;
use crate::time::{Steady, UnixTime};
use crate::waiting::{Banned, BannedStatus, Reply, Success, Unbanned, UnbannedStatus, Waiting};

/// The longest duration of a ban, in seconds: ten years.
const BAN_SECONDS_MAX: u64 = 315_360_000;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

params! {
    /// The parameters of `ban_add`.
    pub(super) struct AddBan<'a> {
        /// the user, as `user@mud` with `*` and `?`, such as `bob@Sage` or `*@Sage`: the sender of an incoming packet, the
        /// sender or the target of an outgoing one
        pattern: Short<'a, PATTERN_BYTES_MAX>,
        /// only packets for such channels, with `*` and `?`
        channel: Option<Short<'a, PATTERN_BYTES_MAX>>,
        /// only packets of such types, with `*` and `?`: `tell`, `channel-*`
        packet_type: Option<Short<'a, PATTERN_BYTES_MAX>>,
        /// in (from the network), out (to it) or both
        direction: Direction = "both",
        /// how long the ban lasts, in seconds; without it, for ever
        expires_in: Option<Seconds<BAN_SECONDS_MAX>>,
        /// a text for people
        reason: Option<Why<'a>>,
    }

    /// The parameters of `ban_list`.
    pub(super) struct ListBans {
        /// only bans after this ban_id: the `next` of the answer before
        after: Option<i64>,
    }

    /// The parameters of `ban_remove`.
    pub(super) struct RemoveBan {
        /// from `ban_add` or `ban_list`
        ban_id: i64,
    }
}

/// The reason of a ban.
#[derive(Clone, Debug)]
pub(super) struct Why<'a>(Filled<'a>);

impl Described for Why<'_> {
    const SHAPE: Shape = Shape::Short(REASON_BYTES_MAX);
}

impl<'a> Parameter<'a> for Why<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let text = Filled::read(value)?;
        if text.len() > REASON_BYTES_MAX {
            return Err(Wrong::must(format!("may have at most {REASON_BYTES_MAX} bytes")));
        }
        Ok(Why(text))
    }
}

impl FromLiteral<&'static str> for Direction {
    fn from_literal(literal: &'static str) -> Self {
        let known = Direction::ALL.iter().find(|known| known.name() == literal);
        known.copied().unwrap_or(Direction::Both)
    }
}

output! {
    /// The result of `ban_list`.
    pub(super) struct BanList<'m> {
        /// always `success`
        status: Success,
        /// the bans of this mud
        bans: Vec<BanRow<'m>>,
        /// number of bans in this answer
        count: usize,
        /// true: the answer is full, and there are more bans
        more: Option<bool>,
        /// where the rest begins: `after` of the next request
        next: Option<u64>,
    }

    /// One ban.
    pub(super) struct BanRow<'m> {
        /// identifies the ban
        ban_id: u64,
        /// the user, as a pattern
        pattern: &'m str,
        /// the channels, as a pattern; null: all
        channel: OrNull<&'m str>,
        /// the packet types, as a pattern; null: all
        packet_type: OrNull<&'m str>,
        /// the direction
        direction: Direction,
        /// a text for people
        reason: &'m str,
        /// who has set it: the mud of the key, and where its session came from; empty if that is not known
        by: &'m str,
        /// when it was added
        created: UnixTime,
        /// when it ends; null: never
        expires: OrNull<UnixTime>,
        /// number of packets that it has stopped since the start
        hits: u64,
    }
}

methods! {
    /// Bans packets from coming in or going out. The result comes when the ban is saved.
    "ban_add" (Access::Permitted(Permission::Moderate)) AddBan<'_> => later [Banned] &[&NOT_SAVED, &TOO_MANY_WAITING],
        |parts, call, args| {
            let by = who(parts.clients, call);
            add(&mut parts.cx, parts.muds, parts.waiting, call, args, by)
        };
    /// Lists the bans, each with the number of packets that it has stopped since the start.
    "ban_list" (Access::Permitted(Permission::Moderate)) ListBans => [BanList] &[&BACKLOG_FULL],
        |parts, call, args| list(&mut parts.cx, parts.muds, call, &args);
    /// Removes a ban. The result comes when the removal is saved.
    "ban_remove" (Access::Permitted(Permission::Moderate)) RemoveBan => later [Unbanned] &[&NOT_SAVED, &TOO_MANY_WAITING],
        |parts, call, args| remove(&mut parts.cx, parts.muds, parts.waiting, call, &args);
}

fn add(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: AddBan<'_>,
    by: String,
) -> Result<Option<Banned>, Fault> {
    let mud = call.speaker()?.mud;
    if !args.pattern.contains('@') {
        return Err(Fault::params("pattern must be user@mud, such as bob@Sage or *@Sage"));
    }
    durable::may_wait(waiting, call)?;
    let (now, lasts) = (cx.now.unix, args.expires_in.map(|lasts| lasts.0));
    let ban = Ban {
        pattern: args.pattern.to_string(),
        channel: args.channel.map(|pattern| pattern.to_string()),
        packet_type: args.packet_type.map(|pattern| pattern.to_string()),
        direction: args.direction,
        reason: args.reason.map(|Why(text)| text.to_string()).unwrap_or_default(),
        by,
        created: now.micros(),
        expires: lasts.map(|lasts| now.micros() + lasts.as_micros() as u64),
        ends: lasts.map(|lasts| (cx.steady + lasts).micros()),
    };
    sweep(cx, muds, mud);
    let one = &mut muds[mud];
    if one.bans.len() >= BANS_MAX {
        return Err(Fault::params(format!(
            "there are {BANS_MAX} bans, the most that are kept: remove one with ban_remove"
        )));
    }
    let ban_id = match &cx.settings.node {
        Some(node) => one.bans.add_at(&node.boot, ban),
        None => one.bans.add(ban),
    };
    let changes = vec![one.save_ban(&cx.settings.mud(mud).name, ban_id), cx.clock_change()];
    let done = Banned { status: BannedStatus::Banned, ban_id };
    Ok(durable::answer_when_saved(cx, waiting, call, changes, done, Reply::Banned))
}

fn remove(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: &RemoveBan,
) -> Result<Option<Unbanned>, Fault> {
    let mud = call.speaker()?.mud;
    durable::may_wait(waiting, call)?;
    let one = &mut muds[mud];
    let known = u64::try_from(args.ban_id).ok().filter(|id| one.bans.remove(*id));
    let ban_id = known.ok_or_else(|| {
        Fault::params(format!("there is no ban {}: the method ban_list lists them", args.ban_id))
    })?;
    let changes = vec![one.save_ban(&cx.settings.mud(mud).name, ban_id)];
    let done = Unbanned { status: UnbannedStatus::Removed, ban_id };
    Ok(durable::answer_when_saved(cx, waiting, call, changes, done, Reply::Unbanned))
}

fn list<'m>(cx: &mut Cx<'_>, muds: &'m mut Muds, call: &Call, args: &ListBans) -> Result<BanList<'m>, Fault> {
    let mud = call.speaker()?.mud;
    sweep(cx, muds, mud);
    let now = (cx.now.unix, cx.steady);
    let is_after = |id: u64| args.after.is_none_or(|after| i64::try_from(id).is_ok_and(|id| id > after));
    let bans = muds[mud].bans.iter().filter(|(id, ..)| is_after(*id));
    let Page { rows: bans, has_more } = Page::of(call, bans.map(|ban| row(ban, now)));
    let next = bans.last().filter(|_| has_more).map(|last| last.ban_id);
    Ok(BanList { status: Success::Success, count: bans.len(), bans, more: next.map(|_| true), next })
}

fn row((ban_id, ban, hits): (u64, &Ban, u64), (unix, steady): (UnixTime, Steady)) -> BanRow<'_> {
    BanRow {
        ban_id,
        pattern: &ban.pattern,
        channel: OrNull(ban.channel.as_deref()),
        packet_type: OrNull(ban.packet_type.as_deref()),
        direction: ban.direction,
        reason: &ban.reason,
        by: &ban.by,
        created: UnixTime::from_micros(ban.created),
        expires: OrNull(ban.ends_at(unix, steady)),
        hits,
    }
}

/// Removes expired bans, in the store too.
fn sweep(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId) {
    let (one, name) = (&mut muds[mud], &cx.settings.mud(mud).name);
    let over = one.bans.sweep(cx.steady);
    let changes: Vec<_> = over.into_iter().map(|id| one.save_ban(name, id)).collect();
    cx.save(changes);
}
