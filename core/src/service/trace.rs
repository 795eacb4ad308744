//! The packets of a mud, shown to an administrator who asks for it.

use super::caller;
use crate::api::event;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::hub::Hub;
use crate::i3::packet::{Body, Packet};
use crate::machine::ConnId;

/// Characters of a packet that are shown.
const SHOWN_CHARS_MAX: usize = 4000;

/// Bytes queued for a client that is behind, above which it is shown no more: a trace is worth less than all else.
const PENDING_BYTES_MAX: usize = 32_768;

/// What stands before a frame's text: its length.
const FRAME_HEAD_BYTES: usize = 4;

/// The method `trace`.
pub(crate) fn set(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    caller(hub, call)?;
    let on = call.params.optional_flag("enabled")?.unwrap_or(true);
    if on {
        hub.tracers.insert(call.conn);
    } else {
        hub.tracers.remove(&call.conn);
    }
    Ok(Object::default().with("status", if on { "tracing" } else { "stopped" }).finish())
}

/// A packet came from the router.
pub(crate) fn received(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    if !hub.tracers.is_empty() {
        show(hub, mud, "received", packet);
    }
}

/// A frame goes to the router. Logins are not shown: they do not wait in the queue.
pub(crate) fn sent(hub: &mut Hub, mud: usize, frame: &[u8]) {
    let text = frame.get(FRAME_HEAD_BYTES..).unwrap_or_default();
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    // What we wrote we can read.
    if let Ok((packet, _)) = Packet::decode(text) {
        show(hub, mud, "sent", &packet);
    }
}

/// The text of a packet, without what opens something: the router's password, the keys of out-of-band sessions.
fn shown(packet: &Packet<'_>) -> String {
    let mut packet = packet.clone();
    match &mut packet.body {
        Body::StartupReply { password, .. } => *password = 0,
        Body::AuthMudReply { key } | Body::PingReply { key } => *key = 0,
        _ => {}
    }
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    let text = crate::i3::text::decode(bytes.into()).0;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.into_owned(),
    }
}

fn show(hub: &mut Hub, mud: usize, direction: &str, packet: &Packet<'_>) {
    let is_of = |conn: &ConnId| hub.sessions.get(*conn).is_some_and(|session| session.is_of(mud));
    let tracers: Vec<ConnId> = hub.tracers.iter().copied().filter(is_of).collect();
    if tracers.is_empty() {
        return;
    }
    let text = shown(packet);
    for conn in tracers {
        if hub.fx.is_behind(conn) && hub.fx.pending_bytes(conn) > PENDING_BYTES_MAX {
            hub.metrics.events_dropped += 1;
            *hub.metrics.events_dropped_by_weight.entry("trace").or_default() += 1;
            if let Some(session) = hub.sessions.get_mut(conn) {
                session.lagged += 1;
            }
            continue;
        }
        let params = Object::default()
            .with("direction", direction)
            .with("mud_name", &hub.muds[mud].settings.name)
            .with("router", &hub.muds[mud].link.router().name)
            .with("packet", &text);
        hub.emit_to(conn, &event::PACKET_TRACE, params);
    }
}
