//! Bans, in both directions, and how much a local user may say.
//!
//! What a ban keeps from coming in is dropped without an answer: an answer to each packet of somebody who floods would
//! use up the packets that the router takes from us. It is counted, and `ban_list` shows how often.

use super::speaker;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::{Fault, code};
use crate::hub::Hub;
use crate::i3::packet::{Body, Packet};
use crate::moderation::{BANS_MAX, Ban, Direction, PATTERN_BYTES_MAX, Seen, Way};
use crate::time::UnixTime;
use serde::Serialize;

/// The longest time that a ban may be set for, in seconds: ten years.
pub(crate) const BAN_SECONDS_MAX: u64 = 315_360_000;

/// The longest reason, in bytes.
pub(crate) const REASON_BYTES_MAX: usize = 500;

/// The method `ban_add`.
pub(crate) fn add(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = speaker(hub, call)?;
    let pattern = |name: &str| -> Result<Option<String>, Fault> {
        let Some(text) = call.params.optional_text(name)? else { return Ok(None) };
        if text.len() > PATTERN_BYTES_MAX || text.chars().any(char::is_control) {
            let text = format!("{name} must be at most {PATTERN_BYTES_MAX} bytes without control characters");
            return Err(Fault::params(text));
        }
        Ok(Some(text.into_owned()))
    };
    let who = pattern("pattern")?.ok_or_else(|| Fault::params("pattern is missing"))?;
    if !who.contains('@') {
        return Err(Fault::params("pattern must be user@mud, such as bob@Sage or *@Sage"));
    }
    let direction = call.params.optional_text("direction")?;
    let direction = match direction.as_deref() {
        None => Direction::default(),
        Some(name) => match Direction::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, direction)) => *direction,
            None => return Err(Fault::params("direction must be both, in or out")),
        },
    };
    let reason = call.params.optional_text("reason")?.unwrap_or_default().into_owned();
    if reason.len() > REASON_BYTES_MAX {
        return Err(Fault::params(format!("reason may have at most {REASON_BYTES_MAX} bytes")));
    }
    let now = hub.now.unix;
    let lasts = call.params.optional_seconds("expires_in", BAN_SECONDS_MAX)?;
    let ban = Ban {
        pattern: who,
        channel: pattern("channel")?,
        packet_type: pattern("packet_type")?,
        direction,
        reason,
        created: now.micros(),
        expires: lasts.map(|lasts| now.micros() + lasts.as_micros() as u64),
    };
    sweep(hub, caller.mud);
    let one = &mut hub.muds[caller.mud];
    if one.bans.len() >= BANS_MAX {
        return Err(Fault::params(format!("there are {BANS_MAX} bans, the most that are kept")));
    }
    let id = one.bans.add(ban);
    let change = one.save_ban(id);
    hub.save(vec![change]);
    Ok(Object::default().with("status", "banned").with("ban_id", &id).finish())
}

/// The method `ban_remove`.
pub(crate) fn remove(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = speaker(hub, call)?;
    let id = call.params.optional_int("ban_id")?.ok_or_else(|| Fault::params("ban_id is missing"))?;
    let one = &mut hub.muds[caller.mud];
    let known = u64::try_from(id).ok().filter(|id| one.bans.remove(*id));
    let known = known.ok_or_else(|| Fault::params(format!("there is no ban {id}")))?;
    let change = one.save_ban(known);
    hub.save(vec![change]);
    Ok(Object::default().with("status", "removed").with("ban_id", &known).finish())
}

#[derive(Serialize)]
struct Row<'a> {
    ban_id: u64,
    pattern: &'a str,
    channel: Option<&'a str>,
    packet_type: Option<&'a str>,
    direction: Direction,
    reason: &'a str,
    created: String,
    expires: Option<String>,
    hits: u64,
}

fn row((ban_id, ban, hits): (u64, &Ban, u64)) -> Row<'_> {
    let shown = |micros| UnixTime::from_micros(micros).to_string();
    Row {
        ban_id,
        pattern: &ban.pattern,
        channel: ban.channel.as_deref(),
        packet_type: ban.packet_type.as_deref(),
        direction: ban.direction,
        reason: &ban.reason,
        created: shown(ban.created),
        expires: ban.expires.map(shown),
        hits,
    }
}

/// The method `ban_list`.
pub(crate) fn list(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = speaker(hub, call)?;
    sweep(hub, caller.mud);
    let bans = &hub.muds[caller.mud].bans;
    let rows: Vec<Row<'_>> = bans.iter().map(row).collect();
    Ok(Object::default().with("status", "success").with("bans", &rows).with("count", &rows.len()).finish())
}

/// Forgets the bans that are over, in the store too.
fn sweep(hub: &mut Hub, mud: usize) {
    let one = &mut hub.muds[mud];
    let changes = one.bans.sweep(hub.now.unix).into_iter().map(|id| one.save_ban(id)).collect();
    hub.save(changes);
}

/// The channel that a packet of users is about.
fn channel_of<'p>(body: &'p Body<'_>) -> Option<&'p str> {
    match body {
        Body::ChannelMessage { channel, .. }
        | Body::ChannelEmote { channel, .. }
        | Body::ChannelTargetedEmote { channel, .. }
        | Body::ChanWhoReq { channel }
        | Body::ChanWhoReply { channel, .. } => Some(channel),
        _ => None,
    }
}

fn person(user: Option<&str>, mud: &str) -> String {
    format!("{}@{mud}", user.unwrap_or_default())
}

/// Whether a ban keeps a packet of another mud out. What comes from the router, or back to ourselves, always comes in.
pub(crate) fn keeps_out(hub: &mut Hub, mud: usize, packet: &Packet<'_>) -> bool {
    let one = &mut hub.muds[mud];
    if one.bans.is_empty() {
        return false;
    }
    let from = &packet.header.from_mud;
    if from.eq_ignore_ascii_case(&one.link.router().name) || *from == one.settings.name {
        return false;
    }
    let people = vec![person(packet.header.from_user.as_deref(), from)];
    let seen = Seen { way: Way::In, kind: packet.body.kind(), channel: channel_of(&packet.body), people };
    let stopped = one.bans.stop(&seen, hub.now.unix).is_some();
    hub.metrics.packets_banned_in += u64::from(stopped);
    stopped
}

/// Whether a packet may go out: neither its sender nor whom it is for is banned. An error always may: it answers.
pub(crate) fn may_go(hub: &mut Hub, mud: usize, packet: &Packet<'_>) -> Result<(), Fault> {
    let one = &mut hub.muds[mud];
    if one.bans.is_empty() || matches!(packet.body, Body::Error { .. }) {
        return Ok(());
    }
    let header = &packet.header;
    let sender = header.from_user.as_deref().map(|user| person(Some(user), &header.from_mud));
    let to_mud = header.to_mud.as_deref().filter(|to| !to.eq_ignore_ascii_case(&one.link.router().name));
    let to_user = match &packet.body {
        Body::FingerReq { user } | Body::ChanUserReq { user } => Some(&**user),
        _ => header.to_user.as_deref(),
    };
    let target = to_mud.map(|to_mud| person(to_user, to_mud));
    let people = sender.into_iter().chain(target).collect();
    let seen = Seen { way: Way::Out, kind: packet.body.kind(), channel: channel_of(&packet.body), people };
    let Some((id, ban)) = one.bans.stop(&seen, hub.now.unix) else { return Ok(()) };
    hub.metrics.packets_banned_out += 1;
    let why = if ban.reason.is_empty() { String::new() } else { format!(": {}", ban.reason) };
    let message = format!("{} is banned here{why}", ban.pattern);
    let data = serde_json::json!({"needs": format!("the end of ban {id}"), "ban_id": id});
    Err(Fault { data: Some(data), ..Fault::new(code::PERMISSION, message) })
}

/// Whether a local user may send another message now.
pub(crate) fn admit_user(hub: &mut Hub, mud: usize, user: &str) -> Result<(), Fault> {
    let Some(per_minute) = hub.settings.api.user_messages_per_minute else { return Ok(()) };
    hub.user_rates.admit(mud, user, per_minute, hub.now.mono).map_err(|wait_ms| {
        hub.metrics.user_messages_limited += 1;
        Fault::too_often(wait_ms, format!("{user} may send {per_minute} messages a minute"))
    })
}
