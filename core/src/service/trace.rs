//! Shows the packets of a mud to administrators who ask for it.

use super::call::Call;
use super::method::{Access, methods};
use crate::clients::Clients;
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::{output, params, words};
use crate::event::Event;
use crate::event::told::{Direction, PacketTrace};
use crate::fault::Fault;
use crate::i3::Value;
use crate::i3::packet::{Packet, hide_copies, without_passwords, without_these};
use crate::i3::text::decode;
use crate::ids::MudId;
use crate::muds::Muds;
use crate::settings::Permission;

/// Number of characters of a packet that are shown.
const SHOWN_CHARS_MAX: usize = 4000;

/// The length in front of a frame's text.
const FRAME_HEAD_BYTES: usize = 4;

params! {
    /// The parameters of `trace`.
    pub(super) struct Trace {
        /// false: stop tracing
        enabled: bool = true,
    }
}

output! {
    /// The result of `trace`.
    pub(super) struct Tracing {
        /// whether the session receives packets
        status: TracingStatus,
    }
}

words! {
    /// Whether the session is shown packets.
    pub(super) enum TracingStatus {
        /// The session receives packets.
        Tracing = "tracing",
        /// The session no longer receives packets.
        Stopped = "stopped",
    }
}

methods! {
    /// Sends this session the packets of its mud as events `packet_trace`, with passwords removed.
    "trace" (Access::Permitted(Permission::Admin)) Trace => [Tracing] &[],
        |parts, call, args| set(parts.muds, parts.clients, call, &args);
}

fn set(muds: &mut Muds, clients: &mut Clients, call: &Call, args: &Trace) -> Result<Tracing, Fault> {
    call.caller()?;
    if args.enabled {
        clients.tracers.insert(call.conn());
    } else {
        clients.tracers.remove(&call.conn());
    }
    tracers_changed(muds, clients);
    Ok(Tracing { status: if args.enabled { TracingStatus::Tracing } else { TracingStatus::Stopped } })
}

/// Sent frames are recorded while any session traces.
pub(super) fn tracers_changed(muds: &mut Muds, clients: &Clients) {
    muds.tracing = !clients.tracers.is_empty();
}

/// Shows a packet from the router.
pub(super) fn received(
    cx: &mut Cx<'_>,
    muds: &Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    if muds.tracing {
        show(cx, muds, out, mud, Direction::Received, packet);
    }
}

/// Shows a frame that was sent to the router. Logins are not shown: they do not pass through the queue.
pub(super) fn sent(cx: &mut Cx<'_>, muds: &Muds, out: &mut Delivery<'_>, mud: MudId, frame: &[u8]) {
    let text = frame.get(FRAME_HEAD_BYTES..).unwrap_or_default();
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    // A packet that the gateway wrote can always be read.
    if let Ok((packet, _)) = Packet::decode(text) {
        show(cx, muds, out, mud, Direction::Sent, &packet);
    }
}

/// Shows a frame from the router that cannot be read, and why it was dropped.
pub(super) fn dropped(
    cx: &mut Cx<'_>,
    muds: &Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    text: &[u8],
    why: &str,
) {
    if muds.tracing && is_watched(out, mud) {
        let passwords = muds[mud].secrets(cx.settings.mud(mud));
        let text = cut(&without_passwords(&decode(text.into()).0, &passwords));
        let router = &muds[mud].link.router().name;
        let mud_name = &cx.settings.mud(mud).name;
        let direction = Direction::Received;
        let trace = PacketTrace { direction, mud_name, router, packet: &text, dropped: Some(why) };
        out.emit(cx, To::Tracers(mud), &Event::PacketTrace(trace));
    }
}

/// Whether a session is shown the packets of a mud.
fn is_watched(out: &Delivery<'_>, mud: MudId) -> bool {
    let is_of = |conn| out.clients.get(conn).is_some_and(|session| session.is_of(mud));
    out.clients.tracers.iter().any(|conn| is_of(*conn))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Returns the text of a packet without secrets: the passwords of the mud, and the keys of out-of-band sessions.
fn shown(packet: &Packet<'_>, passwords: &[i64]) -> String {
    let mut packet = packet.clone();
    packet.body.hide_secrets();
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    if let Ok(mut value) = Value::parse(&bytes) {
        hide_copies(&mut value);
        let mut hidden = Vec::new();
        value.write(&mut hidden);
        bytes = hidden;
    }
    cut(&without_these(&decode(bytes.into()).0, passwords))
}

fn show(
    cx: &mut Cx<'_>,
    muds: &Muds,
    out: &mut Delivery<'_>,
    mud: MudId,
    direction: Direction,
    packet: &Packet<'_>,
) {
    if !is_watched(out, mud) {
        return;
    }
    let trace = PacketTrace {
        direction,
        mud_name: &cx.settings.mud(mud).name,
        router: &muds[mud].link.router().name,
        packet: &shown(packet, &muds[mud].secrets(cx.settings.mud(mud))),
        dropped: None,
    };
    out.emit(cx, To::Tracers(mud), &Event::PacketTrace(trace));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Header};

    #[test]
    fn secrets_are_not_shown() {
        let body = Body::StartupReply { routers: Vec::new(), password: 4711 };
        let packet = Packet { header: Header::to_mud("*net", None, "Alpha"), body };
        let text = shown(&packet, &[]);
        assert!(text.contains("startup-reply") && !text.contains("4711"), "{text}");
    }
}
