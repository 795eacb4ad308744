//! Packets from the network for a mud that is logged in here.

use super::beside;
use crate::clients::CLIENT_PENDING_BYTES_MAX;
use crate::i3::packet::{Body, Packet};
use crate::i3::serving::{ROUTER_KINDS, Unreadable};
use crate::i3::{Value, text};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::service::parts::Parts;
use bytes::Bytes;
use std::borrow::Cow;

/// What happens to a packet from the network, if a mud is logged in here that it may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Only the gateway handles it.
    Gateway,
    /// It is an event, and the mud gets the packet with it.
    Event,
    /// The mud gets it, and the gateway notes what it says.
    Both,
    /// Only the mud gets it: it answers itself.
    Mud,
}

/// Passes a packet on to the mud that is logged in here, if it is for that. Returns whether the gateway has to handle it too.
pub(in crate::service) fn take(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>) -> bool {
    let Some(conn) = parts.muds[mud].home.conn() else {
        // At another node it answers itself, through that node.
        return !parts.clients.elsewhere.has_mud(mud) || way_of(parts, mud, packet) != Way::Mud;
    };
    let way = way_of(parts, mud, packet);
    if way == Way::Gateway {
        return true;
    }
    let router = parts.muds[mud].link.router().name.clone();
    let Some(client) = parts.clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut())
    else {
        return true;
    };
    match client.passed_on(packet, &router) {
        Ok(frame) if way == Way::Event => client.incoming = Some(frame),
        Ok(frame) => give(parts, conn, frame),
        Err(error) => refuse(parts, mud, packet, error),
    }
    way != Way::Mud
}

/// Forgets the packet that was handled.
pub(in crate::service) fn done(parts: &mut Parts<'_>, mud: MudId) {
    if let Some(conn) = parts.muds[mud].home.conn()
        && let Some(client) =
            parts.clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut())
    {
        client.incoming = None;
    }
}

/// Queues a packet for a mud, unless it does not read.
fn give(parts: &mut Parts<'_>, conn: ConnId, frame: Bytes) {
    if parts.cx.fx.pending_bytes(conn) > CLIENT_PENDING_BYTES_MAX {
        parts.cx.metrics.events_dropped += 1;
        if let Some(session) = parts.clients.get_mut(conn) {
            session.falls_behind(&mut parts.cx, conn);
        }
        return;
    }
    if let Some(client) = parts.clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut()) {
        client.sent += 1;
    }
    parts.cx.fx.send_shared(conn, frame);
    parts.clients.bound(&mut parts.cx, conn);
}

/// Tells the sender of a request that this mud cannot read it.
fn refuse(parts: &mut Parts<'_>, mud: MudId, packet: &Packet<'_>, error: Unreadable) {
    let kind = packet.body.kind();
    parts.cx.metrics.packets_ignored += 1;
    if kind.ends_with("-reply") || kind.ends_with("-ack") {
        return;
    }
    let (code, text) = match error {
        Unreadable::Kind => ("unk-type", format!("the packet type {kind} is not served here")),
        Unreadable::TooLong => ("bad-pkt", "the packet is too long for this mud".to_owned()),
    };
    parts.muds.refuse(&mut parts.cx, mud, packet, code, text);
}

fn way_of(parts: &Parts<'_>, mud: MudId, packet: &Packet<'_>) -> Way {
    let header = &packet.header;
    let name = &parts.cx.settings.mud(mud).name;
    let from_router = header.from_mud.eq_ignore_ascii_case(&parts.muds[mud].link.router().name);
    let from_self = header.from_mud == *name;
    let is_for_us = header.to_mud.as_ref().is_none_or(|to| to == name);
    match &packet.body {
        Body::ChannelMessage { .. } | Body::ChannelEmote { .. } | Body::ChannelTargetedEmote { .. } => {
            Way::Event
        }
        _ if !is_for_us => Way::Gateway,
        Body::StartupReply { .. } | Body::Mudlist { .. } | Body::ChanlistReply { .. } => Way::Gateway,
        Body::Tell { .. } | Body::Emoteto { .. } | Body::Beep { .. } => Way::Event,
        // The gateway's own probe has come back. Those of the mud do not leave the gateway.
        Body::AuthMudReq {} | Body::PingReq {} if from_self => Way::Gateway,
        // A CoffeeMud router pings.
        Body::PingReq {} if from_router => Way::Gateway,
        Body::Error { packet: copy, code, .. } if from_router && is_own(copy, code, name) => Way::Gateway,
        Body::Error { .. }
        | Body::WhoReply { .. }
        | Body::FingerReply { .. }
        | Body::LocateReply { .. }
        | Body::ChanWhoReply { .. }
        | Body::ChanUserReply { .. }
        | Body::UcacheUpdate { .. } => Way::Both,
        // The mud does not know a user who is online beside it.
        Body::FingerReq { user } | Body::LocateReq { user } | Body::ChanUserReq { user }
            if !from_self && beside::is_online(&parts.cx, parts.muds, parts.clients, mud, user) =>
        {
            Way::Gateway
        }
        body if !from_router && ROUTER_KINDS.contains(&body.kind()) => Way::Gateway,
        _ => Way::Mud,
    }
}

/// Whether an error of the router is about a packet of the gateway itself: its login, its probe.
fn is_own(copy: &Value<'_>, code: &str, mud_name: &str) -> bool {
    let Value::Array(fields) = copy else { return code == "bad-mojo" };
    let field = |at: usize| match fields.get(at) {
        Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0,
        _ => Cow::Borrowed(""),
    };
    let kind = field(0);
    let is_probe = matches!(&*kind, "auth-mud-req" | "ping-req") && field(4) == mud_name;
    code == "bad-mojo" || kind.starts_with("startup-req") || kind == "shutdown" || is_probe
}
