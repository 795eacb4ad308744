//! Bans, in both directions.
//!
//! What a ban stops on its way in is dropped without an answer: an answer to each packet of a flood would use up the
//! packets that the router takes from us. It is counted, and `ban_list` reports how often.

use super::call::Call;
use super::method::{Access, NoParams, methods};
use crate::cx::Cx;
use crate::describe::datum::Datum;
use crate::describe::macros::{output, params, words};
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{Filled, FromLiteral, OrNull, Parameter, Seconds, Short, Wrong};
use crate::fault::Fault;
use crate::ids::MudId;
use crate::moderation::{BANS_MAX, Ban, Direction, PATTERN_BYTES_MAX};
use crate::muds::Muds;
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::Success;

/// The longest time that a ban may be set for, in seconds: ten years.
const BAN_SECONDS_MAX: u64 = 315_360_000;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

params! {
    /// What `ban_add` takes.
    pub(super) struct AddBan<'a> {
        /// whose packets, as `user@mud` with `*` and `?`: `bob@Sage`, `*@Sage`; a user of this mud too
        pattern: Short<'a, PATTERN_BYTES_MAX>,
        /// only about such channels, with `*` and `?`
        channel: Option<Short<'a, PATTERN_BYTES_MAX>>,
        /// only packets of such types, with `*` and `?`: `tell`, `channel-*`
        packet_type: Option<Short<'a, PATTERN_BYTES_MAX>>,
        /// in (from the network), out (to it) or both
        direction: Direction = "both",
        /// how long it holds, in seconds; for ever when left out
        expires_in: Option<Seconds<BAN_SECONDS_MAX>>,
        /// for people
        reason: Option<Why<'a>>,
    }

    /// What `ban_remove` takes.
    pub(super) struct RemoveBan {
        /// of `ban_add` or `ban_list`
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
    /// What adding a ban gets.
    pub(super) struct Banned {
        /// that it went well
        status: BannedStatus,
        /// names the ban
        ban_id: u64,
    }

    /// What removing a ban gets.
    pub(super) struct Unbanned {
        /// that it went well
        status: UnbannedStatus,
        /// as it was given
        ban_id: u64,
    }

    /// The bans of a mud.
    pub(super) struct BanList<'m> {
        /// that it went well
        status: Success,
        /// the bans of this mud
        bans: Vec<BanRow<'m>>,
        /// how many
        count: usize,
    }

    /// A ban.
    pub(super) struct BanRow<'m> {
        /// names it
        ban_id: u64,
        /// whose packets
        pattern: &'m str,
        /// about which channels; null: all
        channel: OrNull<&'m str>,
        /// of which types; null: all
        packet_type: OrNull<&'m str>,
        /// which way
        direction: Direction,
        /// for people
        reason: &'m str,
        /// when it was made
        created: UnixTime,
        /// when it ends; null: never
        expires: OrNull<UnixTime>,
        /// packets that it has stopped since the start
        hits: u64,
    }
}

words! {
    /// That a ban was added.
    pub(super) enum BannedStatus {
        /// It was.
        Banned = "banned",
    }

    /// That a ban was removed.
    pub(super) enum UnbannedStatus {
        /// It was.
        Removed = "removed",
    }
}

methods! {
    /// Keeps packets from coming in and going out.
    "ban_add" (Access::Permitted(Permission::Moderate)) AddBan<'_> => [Banned] &[],
        |parts, call, args| add(&mut parts.cx, parts.muds, call, args);
    /// Lists the bans, and how many packets each has stopped since the start.
    "ban_list" (Access::Permitted(Permission::Moderate)) NoParams => [BanList] &[],
        |parts, call, _args| list(&mut parts.cx, parts.muds, call);
    /// Ends a ban.
    "ban_remove" (Access::Permitted(Permission::Moderate)) RemoveBan => [Unbanned] &[],
        |parts, call, args| remove(&mut parts.cx, parts.muds, call, args);
}

fn add(cx: &mut Cx<'_>, muds: &mut Muds, call: &Call, args: AddBan<'_>) -> Result<Banned, Fault> {
    let mud = call.speaker()?.mud;
    if !args.pattern.contains('@') {
        return Err(Fault::params("pattern must be user@mud, such as bob@Sage or *@Sage"));
    }
    let now = cx.now.unix;
    let ban = Ban {
        pattern: args.pattern.to_string(),
        channel: args.channel.map(|pattern| pattern.to_string()),
        packet_type: args.packet_type.map(|pattern| pattern.to_string()),
        direction: args.direction,
        reason: args.reason.map(|Why(text)| text.to_string()).unwrap_or_default(),
        created: now.micros(),
        expires: args.expires_in.map(|lasts| now.micros() + lasts.0.as_micros() as u64),
    };
    sweep(cx, muds, mud);
    let one = &mut muds[mud];
    if one.bans.len() >= BANS_MAX {
        return Err(Fault::params(format!("there are {BANS_MAX} bans, the most that are kept")));
    }
    let ban_id = one.bans.add(ban);
    let change = one.save_ban(&cx.settings.mud(mud).name, ban_id);
    cx.save([change]);
    Ok(Banned { status: BannedStatus::Banned, ban_id })
}

fn remove(cx: &mut Cx<'_>, muds: &mut Muds, call: &Call, args: RemoveBan) -> Result<Unbanned, Fault> {
    let mud = call.speaker()?.mud;
    let one = &mut muds[mud];
    let known = u64::try_from(args.ban_id).ok().filter(|id| one.bans.remove(*id));
    let ban_id = known.ok_or_else(|| Fault::params(format!("there is no ban {}", args.ban_id)))?;
    let change = one.save_ban(&cx.settings.mud(mud).name, ban_id);
    cx.save([change]);
    Ok(Unbanned { status: UnbannedStatus::Removed, ban_id })
}

fn list<'m>(cx: &mut Cx<'_>, muds: &'m mut Muds, call: &Call) -> Result<BanList<'m>, Fault> {
    let mud = call.speaker()?.mud;
    sweep(cx, muds, mud);
    let bans: Vec<BanRow<'m>> = muds[mud].bans.iter().map(row).collect();
    Ok(BanList { status: Success::Success, count: bans.len(), bans })
}

fn row((ban_id, ban, hits): (u64, &Ban, u64)) -> BanRow<'_> {
    BanRow {
        ban_id,
        pattern: &ban.pattern,
        channel: OrNull(ban.channel.as_deref()),
        packet_type: OrNull(ban.packet_type.as_deref()),
        direction: ban.direction,
        reason: &ban.reason,
        created: UnixTime::from_micros(ban.created),
        expires: OrNull(ban.expires.map(UnixTime::from_micros)),
        hits,
    }
}

/// Forgets the bans that are over, in the store too.
fn sweep(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId) {
    let (one, name) = (&mut muds[mud], &cx.settings.mud(mud).name);
    let over = one.bans.sweep(cx.now.unix);
    let changes: Vec<_> = over.into_iter().map(|id| one.save_ban(name, id)).collect();
    cx.save(changes);
}
