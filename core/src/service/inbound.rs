//! Packets from a router, and the service that each is for.

use super::parts::Parts;
use super::{answers, asked, bouncer, errors, filter, lists, speech, tell, trace};
use crate::delivery::Delivery;
use crate::i3::packet::{self, Body, Packet, PacketError, Repairs, without_digits};
use crate::ids::MudId;

/// Number of bytes of an unreadable frame that a notice shows.
const SHOWN_BYTES_MAX: usize = 200;

/// Handles a frame from the router of a mud.
pub(crate) fn frame(parts: &mut Parts<'_>, mud: MudId, text: &[u8]) {
    match Packet::decode(text) {
        Ok((packet, repairs)) => received(parts, mud, &packet, repairs),
        Err(error) => {
            let written = packet::as_written(text);
            match written.as_deref().map(Packet::decode) {
                Some(Ok((packet, repairs))) => received(parts, mud, &packet, repairs),
                _ => {
                    unreadable(parts, mud, text, error);
                    refuse_malformed(parts, mud, text, error);
                }
            }
        }
    }
}

fn received(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>, repairs: Repairs) {
    let metrics = &mut *parts.cx.metrics;
    metrics.packets_received += 1;
    *metrics.received_by_kind.entry(packet.body.label()).or_default() += 1;
    metrics.bare_quotes_repaired += u64::from(repairs.bare_quotes);
    metrics.latin1_strings += u64::from(repairs.latin1_strings);
    metrics.odd_rows += u64::from(repairs.odd_rows);
    let mut out = Delivery { clients: parts.clients, journal: parts.journal };
    trace::received(&mut parts.cx, parts.muds, &mut out, mud, packet);
    let is_over = packet.header.ttl <= 0 && !is_from_router(parts, mud, packet);
    parts.cx.metrics.packets_ignored += u64::from(is_over);
    if goes_once_more(parts, mud, packet) {
        return;
    }
    if !is_over && !parts.muds.keeps_out(&mut parts.cx, mud, packet) {
        if bouncer::take(parts, mud, packet) {
            route(parts, mud, packet);
        }
        bouncer::done(parts, mud);
    }
}

/// Whether a packet is an error about one that the router has dropped as part of a flood, and that goes once more. Only the node
/// that runs the link knows.
fn goes_once_more(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>) -> bool {
    let Parts { cx, muds, .. } = parts;
    let Some(copy) = errors::dropped_as_flood(muds, mud, packet) else { return false };
    muds.is_holder(cx.settings, mud) && muds.flooded(cx, mud, copy)
}

/// Whether a packet comes from the router itself.
fn is_from_router(parts: &Parts<'_>, mud: MudId, packet: &Packet<'_>) -> bool {
    packet.header.from_mud.eq_ignore_ascii_case(&parts.muds[mud].link.router().name)
}

/// Answers a packet for this mud that lacks a field, or has one of another type, as Dead Souls does. An error packet and a
/// reply are never answered.
fn refuse_malformed(parts: &mut Parts<'_>, mud: MudId, text: &[u8], error: PacketError) {
    if !matches!(error, PacketError::Missing(_) | PacketError::WrongType(_)) {
        return;
    }
    let Ok(packet) = Packet::decode_header(text) else { return };
    let kind = packet.body.kind().to_ascii_lowercase();
    let name = &parts.cx.settings.mud(mud).name;
    let is_for_us = packet.header.to_mud.as_ref().is_some_and(|to| to == name) && packet.header.ttl > 0;
    let is_own = packet.header.from_mud == *name || is_from_router(parts, mud, &packet);
    let is_answer = kind == "error" || kind.ends_with("-reply") || kind.ends_with("-ack");
    if is_for_us && !is_own && !is_answer && !parts.muds.keeps_out(&mut parts.cx, mud, &packet) {
        parts.muds.refuse(&mut parts.cx, mud, &packet, "bad-pkt", format!("{kind}: {error}"));
    }
}

/// Reports an unreadable frame. The frame is lost, but the link continues. CoffeeMud's router sends texts without their
/// escapes, so on its network this is normal: the errors are counted, and each one is logged at the debug level only.
fn unreadable(parts: &mut Parts<'_>, mud: MudId, text: &[u8], error: PacketError) {
    parts.cx.metrics.frames_unreadable += 1;
    // Any number in it may be a password: where it cannot be read, nobody knows what it is.
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES_MAX)]);
    let shown = without_digits(&shown);
    parts.muds.report_unreadable(&mut parts.cx, mud, error, &shown);
    let mut out = Delivery { clients: parts.clients, journal: parts.journal };
    trace::dropped(&mut parts.cx, parts.muds, &mut out, mud, text, &error.to_string());
}

fn route(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>) {
    let header = &packet.header;
    let Parts { cx, muds, clients, journal, waiting, filters, searches: _, past: _, nodes: _, run: _ } =
        parts;
    let from_router = header.from_mud.eq_ignore_ascii_case(&muds[mud].link.router().name);
    let name = &cx.settings.mud(mud).name;
    let from_self = header.from_mud == *name;
    let for_us = header.to_mud.as_ref().is_none_or(|to| to == name);
    let mut out = Delivery { clients, journal };
    match &packet.body {
        Body::StartupReply { routers, password } if from_router => {
            muds.startup_reply(cx, mud, *password, routers);
        }
        Body::StartupReply { .. } if muds[mud].link.is_logging_in() => {
            muds.named_otherwise(cx, mud, &header.from_mud);
        }
        Body::Mudlist { id, muds: entries } if from_router => {
            lists::mudlist_received(cx, muds, &mut out, mud, (*id, entries));
        }
        Body::ChanlistReply { id, channels } if from_router => {
            lists::chanlist_received(cx, muds, waiting, &mut out, mud, (*id, channels));
        }
        Body::ChannelMessage { .. } | Body::ChannelEmote { .. } | Body::ChannelTargetedEmote { .. } => {
            speech::received(cx, muds, &mut out, mud, packet);
        }
        _ if !for_us => cx.metrics.packets_ignored += 1,
        Body::Tell { .. } | Body::Emoteto { .. } => tell::received(cx, muds, &mut out, mud, packet),
        Body::Beep { .. } if cx.settings.mud(mud).offers("beep") || muds[mud].home.conn().is_some() => {
            tell::received(cx, muds, &mut out, mud, packet);
        }
        // The gateway's own question, sent back: routers send broadcasts to all muds, and probes are addressed to the
        // sender.
        Body::LocateReq { .. } if from_self => {}
        Body::AuthMudReq {} | Body::PingReq {} if from_self => muds[mud].link.probe_answered(),
        Body::WhoReq {}
        | Body::FingerReq { .. }
        | Body::LocateReq { .. }
        | Body::ChanWhoReq { .. }
        | Body::ChanUserReq { .. }
        | Body::AuthMudReq {} => asked::asked(cx, muds, out.clients, mud, packet),
        Body::ChanWhoReply { .. } => {
            answers::channel_members(cx, muds, waiting, &mut out, mud, packet);
        }
        Body::ChanUserReply { .. } => answers::user_shown(cx, muds, waiting, mud, packet),
        Body::UcacheUpdate { .. } if !from_self => answers::user_shown(cx, muds, waiting, mud, packet),
        // A CoffeeMud router pings under its own name, where no answer can be sent.
        Body::PingReq {} if !from_router => asked::asked(cx, muds, out.clients, mud, packet),
        Body::WhoReply { .. } | Body::FingerReply { .. } | Body::LocateReply { .. } => {
            answers::answered(cx, muds, waiting, &mut out, mud, packet);
        }
        Body::Error { .. } => errors::received(cx, muds, waiting, &mut out, mud, packet),
        Body::ChanFilterReq { channel, packet } if from_router => {
            filter::asked(cx, muds, filters, &mut out, mud, (channel, packet));
        }
        // The packet's type is not served here. An error packet or a reply is never answered.
        body if is_request(body) && header.to_mud.is_some() && !from_router && !from_self => {
            let text = format!("the packet type {} is not served here", packet.body.kind());
            muds.refuse(cx, mud, packet, "unk-type", text);
        }
        _ => cx.metrics.packets_ignored += 1,
    }
}

/// Whether a packet asks for something that is not served here. An answer, and what only a router may send, asks for
/// nothing.
fn is_request(body: &Body<'_>) -> bool {
    matches!(
        body,
        Body::Unknown { .. }
            | Body::OobReq {}
            | Body::Beep { .. }
            | Body::NewsReadReq { .. }
            | Body::StartupReq1 { .. }
            | Body::StartupReq2 { .. }
            | Body::StartupReq3 { .. }
            | Body::Shutdown { .. }
            | Body::ChanlistReq {}
            | Body::ChanlistRequest {}
            | Body::ChannelListen { .. }
            | Body::ChannelAdd { .. }
            | Body::ChannelRemove { .. }
            | Body::ChannelAdmin { .. }
            | Body::ChanFilterReq { .. }
            | Body::ChanAdminlist { .. }
    )
}
