//! Packets of a mud that is logged in here.

use super::beside;
use super::lists;
use crate::clients::MudClient;
use crate::fault::{Fault, FaultKind};
use crate::i3::Value;
use crate::i3::packet::{self, Body, Header, Packet, PacketError, WhoRow};
use crate::i3::serving::ROUTER_KINDS;
use crate::ids::MudId;
use crate::link::pacer::{Origin, Priority};
use crate::machine::ConnId;
use crate::metrics::outcome_label;
use crate::network::KnownMud;
use crate::service::channel;
use crate::service::parts::Parts;
use crate::service::text::{Names, Outgoing, or_empty};
use std::borrow::Cow;
use std::time::Duration;

/// Number of packets that may wait for the router before those of a mud that sends too fast are refused. At 8 packets a
/// second they take 12 seconds.
const FLOOD_PACKETS_MAX: usize = 100;

/// The longest copy of a refused packet in the error about it, in bytes.
const REFUSED_COPY_BYTES_MAX: usize = 8_192;

/// Number of rows, and their bytes, of a mud's last who-reply that are remembered.
const WHO_ROWS_MAX: usize = 1_000;
const WHO_BYTES_MAX: usize = 65_536;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was sent, done or refused.
    Done,
    /// It is for the network, and the link is not ready. Nothing was done.
    NotReady,
    /// The mud leaves.
    Leaves,
}

/// Why a packet is refused.
struct Refused {
    code: &'static str,
    why: String,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        let code = match fault.kind {
            FaultKind::Params => "bad-pkt",
            FaultKind::Gateway => "unk-dst",
            _ => "not-allowed",
        };
        Refused { code, why: fault.message }
    }
}

fn not_allowed(why: impl Into<String>) -> Refused {
    Refused { code: "not-allowed", why: why.into() }
}

/// Handles a packet of a mud. If it is for the network while the link is not ready, it waits if `may_wait`, and is refused
/// otherwise.
pub(crate) fn packet(parts: &mut Parts<'_>, conn: ConnId, text: &[u8], may_wait: bool) -> Taken {
    parts.cx.metrics.mud_packets_received += 1;
    let as_written;
    let decoded = match Packet::decode(text) {
        Err(_) => match packet::as_written(text) {
            Some(written) => {
                as_written = written;
                Packet::decode(&as_written)
            }
            None => Packet::decode(text),
        },
        decoded => decoded,
    };
    match decoded {
        Ok((packet, repairs)) => {
            parts.cx.metrics.bare_quotes_repaired += u64::from(repairs.bare_quotes);
            parts.cx.metrics.latin1_strings += u64::from(repairs.latin1_strings);
            decoded_packet(parts, conn, &packet, may_wait)
        }
        Err(error) => {
            parts.cx.metrics.frames_unreadable += 1;
            unreadable(parts, conn, text, error);
            Taken::Done
        }
    }
}

/// Answers a frame that is no packet. An error packet is never answered.
fn unreadable(parts: &mut Parts<'_>, conn: ConnId, text: &[u8], error: PacketError) {
    let header = Packet::decode_header(text).ok();
    if header.as_ref().is_some_and(|packet| packet.body.kind().eq_ignore_ascii_case("error")) {
        return;
    }
    let user = header.as_ref().map(|packet| or_empty(packet.header.from_user.as_ref()).to_owned());
    let copy = header.as_ref().map_or(Value::Int(0), |packet| packet.to_value_within(REFUSED_COPY_BYTES_MAX));
    refuse(parts, conn, &user.unwrap_or_default(), "bad-pkt", &error.to_string(), copy);
}

/// Sends an error packet to a mud.
pub(crate) fn refuse(
    parts: &mut Parts<'_>,
    conn: ConnId,
    to_user: &str,
    code: &str,
    why: &str,
    copy: Value<'static>,
) {
    parts.cx.metrics.mud_packets_refused += 1;
    if let Some(client) = client_mut(parts, conn)
        && let Some(frame) = client.error_frame(to_user, code, why, copy)
    {
        parts.cx.fx.send_shared(conn, frame);
        parts.clients.bound(&mut parts.cx, conn);
    }
}

fn client_mut<'p>(parts: &'p mut Parts<'_>, conn: ConnId) -> Option<&'p mut MudClient> {
    parts.clients.get_mut(conn)?.mud_client.as_deref_mut()
}

fn decoded_packet(parts: &mut Parts<'_>, conn: ConnId, packet: &Packet<'_>, may_wait: bool) -> Taken {
    let Some(session) = parts.clients.get_mut(conn) else { return Taken::Done };
    session.heard = parts.cx.now.mono;
    let (Some(mud), Some(client)) = (session.mud(), session.mud_client.as_deref()) else {
        return Taken::Done;
    };
    let (name, router) = (client.mud.clone(), client.router.clone());
    if matches!(packet.body, Body::Shutdown { .. }) {
        return Taken::Leaves;
    }
    if *packet.header.from_mud != *name {
        let why = format!("You are not {}", packet.header.from_mud);
        return refused(parts, conn, packet, &Refused { code: "unk-src", why });
    }
    if let Some(outcome) = at_home(parts, conn, mud, packet, &router) {
        return outcome.map_or_else(|why| refused(parts, conn, packet, &why), |()| Taken::Done);
    }
    // While the gateway logs in, the packet can wait a little. Where the router is away, nobody knows for how long.
    let link = &parts.muds[mud].link;
    if !link.is_ready() && link.last_error().is_none() && may_wait {
        return Taken::NotReady;
    }
    // The mud may call its router by another name.
    let real = parts.muds[mud].link.router().name.clone();
    let is_for_router = packet.header.to_mud.as_ref().is_some_and(|to| to.eq_ignore_ascii_case(&router));
    let sent = if is_for_router {
        let header = Header { to_mud: Some(real.into()), ..packet.header.clone() };
        send(parts, conn, mud, &Packet { header, body: packet.body.clone() })
    } else {
        send(parts, conn, mud, packet)
    };
    sent.map_or_else(|why| refused(parts, conn, packet, &why), |()| Taken::Done)
}

fn refused(parts: &mut Parts<'_>, conn: ConnId, packet: &Packet<'_>, refused: &Refused) -> Taken {
    // Errors about errors would never end.
    if matches!(packet.body, Body::Error { .. }) {
        parts.cx.metrics.packets_ignored += 1;
        return Taken::Done;
    }
    let user = or_empty(packet.header.from_user.as_ref()).to_owned();
    let copy = packet.to_value_within(REFUSED_COPY_BYTES_MAX);
    refuse(parts, conn, &user, refused.code, &refused.why, copy);
    Taken::Done
}

/// Does what needs no router. `None`: the packet is for the network.
fn at_home(
    parts: &mut Parts<'_>,
    conn: ConnId,
    mud: MudId,
    packet: &Packet<'_>,
    router: &str,
) -> Option<Result<(), Refused>> {
    let header = &packet.header;
    let to = header.to_mud.as_deref();
    let is_for_router = to.is_none_or(|to| to.eq_ignore_ascii_case(router));
    match &packet.body {
        Body::ChannelListen { channel, on } if is_for_router => {
            Some(channel::tuned(parts, conn, mud, channel, *on != 0).map_err(Refused::from))
        }
        Body::ChanlistReq {} | Body::ChanlistRequest {} if is_for_router => {
            lists::channels(&mut parts.cx, parts.muds, parts.clients, mud, conn);
            Some(Ok(()))
        }
        body if ROUTER_KINDS.contains(&body.kind()) && !is_for_router => {
            Some(Err(not_allowed("You are not allowed to send this kind of packet.")))
        }
        body if body.kind().starts_with("irn-") => {
            Some(Err(not_allowed("packets of routers are not passed on")))
        }
        // A mud asks itself to learn whether its connection works. That is the one to the gateway.
        Body::AuthMudReq {} | Body::PingReq {} | Body::AuthMudReply { .. } | Body::PingReply { .. }
            if to == Some(&*header.from_mud) =>
        {
            let frame = client_mut(parts, conn).map(|client| client.passed_on(packet, router));
            if let Some(Ok(frame)) = frame {
                parts.cx.fx.send_shared(conn, frame);
                parts.clients.bound(&mut parts.cx, conn);
            }
            Some(Ok(()))
        }
        _ => None,
    }
}

/// Checks the request rate of a mud, under the name of the method that does the same for other clients.
fn admit(parts: &mut Parts<'_>, conn: ConnId, method: &'static str) -> Result<(), Refused> {
    let Some(limits) = &parts.cx.settings.api.rate_limits else { return Ok(()) };
    let Some(session) = parts.clients.get(conn) else { return Ok(()) };
    let Some(holder) = session.identity.as_ref().map(|identity| identity.holder) else { return Ok(()) };
    let admitted = parts.clients.rates.admit(holder, limits, None, method, parts.cx.now.mono);
    admitted.map_err(|refused| {
        let wait = refused.retry_after_ms.div_ceil(1000);
        not_allowed(format!(
            "Flood: {method} is limited to {} a minute ({}); wait {wait} s",
            refused.per_minute, refused.setting
        ))
    })
}

/// Stands for the packets that no method of the API sends.
const OTHER: &str = "other packets";

/// Returns the method of the API that does what a packet does.
fn method_of(body: &Body<'_>) -> &'static str {
    match body {
        Body::Tell { .. } => "tell",
        Body::Emoteto { .. } => "emoteto",
        Body::Beep { .. } => "beep",
        Body::ChannelMessage { .. } => "channel_send",
        Body::ChannelEmote { .. } => "channel_emote",
        Body::ChannelTargetedEmote { .. } => "channel_targeted_emote",
        Body::WhoReq {} => "who",
        Body::FingerReq { .. } => "finger",
        Body::LocateReq { .. } => "locate",
        Body::ChanWhoReq { .. } => "channel_who",
        Body::ChanUserReq { .. } => "channel_user",
        Body::ChannelAdd { .. } => "channel_add",
        Body::ChannelRemove { .. } => "channel_remove",
        Body::ChannelAdmin { .. } => "channel_admin",
        _ => OTHER,
    }
}

/// Whether a packet answers one of another mud.
fn is_answer(body: &Body<'_>) -> bool {
    let kind = body.kind();
    matches!(body, Body::Error { .. })
        || (kind.ends_with("-reply") && !matches!(body, Body::ChanFilterReply { .. }))
}

fn send(parts: &mut Parts<'_>, conn: ConnId, mud: MudId, packet: &Packet<'_>) -> Result<(), Refused> {
    if let Body::WhoReply { users } = &packet.body {
        remember_who(parts, mud, users);
    }
    if is_answer(&packet.body)
        && let Some(to) = packet.header.to_mud.as_deref()
    {
        if beside::is_mistaken(parts, mud, &packet.body) {
            parts.cx.metrics.packets_ignored += 1;
            return Ok(());
        }
        let completed = beside::completed(parts, mud, packet);
        return answer(parts, mud, to, completed.as_ref().unwrap_or(packet));
    }
    let method = method_of(&packet.body);
    let outcome = admit(parts, conn, method).and_then(|()| {
        if parts.muds[mud].pacer.len() >= FLOOD_PACKETS_MAX {
            parts.cx.metrics.packets_refused += 1;
            return Err(not_allowed(format!(
                "Flood: {FLOOD_PACKETS_MAX} packets wait for the router; this one was not sent, send slower"
            )));
        }
        tune_in(parts, conn, mud, &packet.body);
        request(parts, mud, packet)
    });
    if method != OTHER {
        let kind = outcome.as_ref().err().map(|refused| match refused.code {
            "bad-pkt" => FaultKind::Params,
            "unk-dst" => FaultKind::Gateway,
            _ => FaultKind::RateLimit,
        });
        parts.cx.metrics.count_call(method, outcome_label(kind), Duration::ZERO);
    }
    outcome
}

/// Tunes a mud in to a channel on which it speaks without listening, as a Dead Souls router does.
fn tune_in(parts: &mut Parts<'_>, conn: ConnId, mud: MudId, body: &Body<'_>) {
    let (Body::ChannelMessage { channel, .. }
    | Body::ChannelEmote { channel, .. }
    | Body::ChannelTargetedEmote { channel, .. }) = body
    else {
        return;
    };
    let listens = parts.clients.get(conn).is_some_and(|session| session.channels.contains_key(&**channel));
    let one = &parts.muds[mud];
    if !listens && !one.behind_coffeemud && one.lists.channels().get(channel).is_some() {
        // If that fails, the router tells the mud about it.
        let _ = channel::tuned(parts, conn, mud, channel, true);
    }
}

/// Passes an answer to another mud on. Answers have a queue of their own, with room for each mud.
fn answer(parts: &mut Parts<'_>, mud: MudId, to: &str, packet: &Packet<'_>) -> Result<(), Refused> {
    if !parts.muds[mud].link.is_ready() {
        let why = parts.muds[mud].link.last_error().unwrap_or("the login is not finished").to_owned();
        return Err(Fault::away(None, why).into());
    }
    if !parts.muds.may_answer(&mut parts.cx, mud, to) {
        return Err(not_allowed(format!("Flood: too many answers to {to} wait; this one was not sent")));
    }
    let most = parts.cx.settings.link.frame_bytes_max;
    let length = parts.muds[mud].frame(&parts.cx.settings.link, packet).len();
    if length > most {
        let fitted = crate::i3::serving::shortened(packet, length - most, length);
        let Some(fitted) =
            fitted.filter(|one| parts.muds[mud].frame(&parts.cx.settings.link, one).len() <= most)
        else {
            let why = format!("the packet has {length} bytes, routers take {most}");
            return Err(Refused { code: "bad-pkt", why });
        };
        parts.muds.answer_of_game(&mut parts.cx, mud, to, &fitted);
        return Ok(());
    }
    parts.muds.answer_of_game(&mut parts.cx, mud, to, packet);
    Ok(())
}

fn remember_who(parts: &mut Parts<'_>, mud: MudId, users: &[WhoRow<'_>]) {
    let owned = |text: &Cow<'_, str>| Cow::Owned(text.to_string());
    let mut room = WHO_BYTES_MAX;
    let rows = users.iter().take(WHO_ROWS_MAX).take_while(|row| {
        let bytes = row.visname.len() + row.extra.len();
        let fits = bytes <= room;
        room = room.saturating_sub(bytes);
        fits
    });
    let rows =
        rows.map(|row| WhoRow { visname: owned(&row.visname), idle: row.idle, extra: owned(&row.extra) });
    parts.muds[mud].home.last_who = rows.collect();
}

/// Sends a message, or any other packet that the mud has begun.
fn request(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>) -> Result<(), Refused> {
    let header = &packet.header;
    let to_mud = or_empty(header.to_mud.as_ref()).to_owned();
    let to_user = or_empty(header.to_user.as_ref()).to_owned();
    let target = [to_mud.clone(), to_user];
    let owned = |text: &Cow<'_, str>| -> Cow<'static, str> { Cow::Owned(text.to_string()) };
    match &packet.body {
        Body::Tell { visname, message } => {
            let body = |message: String| Body::Tell { visname: owned(visname), message: message.into() };
            say(parts, mud, packet, "tell", target, message, &body)
        }
        Body::Emoteto { visname, message } if is_for_coffeemud(parts, mud, &to_mud) => {
            // Its reader stops at an emoteto, and its router passes none on.
            let shown =
                if visname.is_empty() { header.from_user.as_ref().unwrap_or(visname) } else { visname };
            let text = message.replace("$N", shown);
            let body = |message: String| Body::Tell { visname: owned(visname), message: message.into() };
            say(parts, mud, packet, "tell", target, &text, &body)
        }
        Body::Emoteto { visname, message } => {
            let body = |message: String| Body::Emoteto { visname: owned(visname), message: message.into() };
            say(parts, mud, packet, "emoteto", target, message, &body)
        }
        Body::ChannelMessage { channel, visname, message } => {
            let body = |message: String| Body::ChannelMessage {
                channel: owned(channel),
                visname: owned(visname),
                message: message.into(),
            };
            say(parts, mud, packet, "channel-m", [channel.to_string(), String::new()], message, &body)
        }
        Body::ChannelEmote { channel, visname, message } => {
            let body = |message: String| Body::ChannelEmote {
                channel: owned(channel),
                visname: owned(visname),
                message: message.into(),
            };
            say(parts, mud, packet, "channel-e", [channel.to_string(), String::new()], message, &body)
        }
        _ => {
            let from_user = or_empty(header.from_user.as_ref()).to_owned();
            let origin = Origin { message_id: None, from_user };
            let priority = match &packet.body {
                Body::ChannelTargetedEmote { .. } => Priority::Chatter,
                Body::Beep { .. }
                | Body::ChannelAdd { .. }
                | Body::ChannelRemove { .. }
                | Body::ChannelAdmin { .. }
                | Body::ChanFilterReply { .. } => Priority::Prompt,
                _ => Priority::Query,
            };
            parts.muds.send(&mut parts.cx, mud, priority, packet, Some(origin)).map_err(Refused::from)
        }
    }
}

fn is_for_coffeemud(parts: &Parts<'_>, mud: MudId, target: &str) -> bool {
    let one = &parts.muds[mud];
    one.behind_coffeemud || one.lists.muds().get(target).is_some_and(KnownMud::is_coffeemud)
}

/// Sends a message of a user, as the methods of the API do.
fn say<'p>(
    parts: &mut Parts<'_>,
    mud: MudId,
    packet: &Packet<'p>,
    kind: &'static str,
    to: [String; 2],
    text: &str,
    body: &dyn Fn(String) -> Body<'static>,
) -> Result<(), Refused> {
    let owned = |text: &Cow<'p, str>| -> Cow<'static, str> { Cow::Owned(text.to_string()) };
    let from = &packet.header;
    let header = Header {
        ttl: from.ttl,
        from_mud: owned(&from.from_mud),
        from_user: from.from_user.as_ref().map(owned),
        to_mud: from.to_mud.as_ref().map(owned),
        to_user: from.to_user.as_ref().map(owned),
    };
    let is_line = kind.starts_with("channel-");
    let priority = if is_line { Priority::Chatter } else { Priority::Prompt };
    let names = Names {
        message: kind,
        packet: kind,
        // An emote in two pieces would be two emotes.
        may_split: matches!(kind, "tell" | "channel-m"),
        priority,
    };
    let about = if is_line { to[0].clone() } else { from.from_mud.to_string() };
    let Parts { cx, muds, clients, .. } = parts;
    Outgoing { mud, names, header, about, to }.send(cx, muds, clients, text, body).map_err(Refused::from)?;
    Ok(())
}
