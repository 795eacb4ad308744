//! What was saved, by any node, reaches the part that it concerns.

use super::{hold, shared};
use crate::i3::packet::{Body, Packet};
use crate::ids::MudId;
use crate::machine::{Change, Clear, ConnId, POSITIONS_OF_SAVE, SaveTicket, Told, positions_of};
use crate::muds::seen;
use crate::service::{Parts, bouncer, consequences, errors, inbound, storing};
use crate::spaces::Space;

/// Bytes that wait to become durable above which no router is read from. They are packets of routers in the first place.
const UNSAVED_BYTES_MAX: usize = 1_048_576;

/// Handles a save of a node, which may be this one.
pub(crate) fn told(parts: &mut Parts<'_>, told: &Told, follow: &mut dyn FnMut(&mut Parts<'_>)) {
    let own_boot = parts.cx.settings.node.as_ref().map(|node| node.boot.clone()).unwrap_or_default();
    let is_own = own_boot == told.boot;
    // What a node reads at its start has the state up to a position. Only packets before it are told again: their effects may
    // not have been saved yet.
    let is_new = told.position > parts.nodes.read_up_to;
    if let Clear::Spaces(spaces) = &told.clear
        && is_new
        && !is_own
    {
        for (family, rest) in spaces.iter().filter_map(|space| Space::parse(space)) {
            shared::cleared(parts, parts.muds.named(rest), family, rest);
        }
    }
    let mut position = told.position;
    let all: u64 = told.changes.iter().map(positions_of).sum();
    let end = told.end.max(position + all + POSITIONS_OF_SAVE);
    let mut is_settled = false;
    for change in &told.changes {
        parts.journal.ids_mut().at(position, end, !is_new);
        position += positions_of(change);
        if is_settled_by(change, is_own, &own_boot) {
            is_settled |= parts.cx.fx.saves_mut().is_some_and(|saves| saves.told(&change.space, &change.key));
        }
        if let Some((family, rest)) = Space::parse(&change.space) {
            change_told(parts, (family, rest), change, &told.boot, (is_new, is_own));
            follow(parts);
        }
    }
    parts.journal.ids_mut().after(position, end);
    if is_settled {
        consequences::saves_settled(parts);
    }
}

/// Whether a message of this node, whose key no other message has, need not be saved again: it is in the store, or its holder has
/// removed it.
fn is_settled_by(Change { space, key, value }: &Change, is_own: bool, own_boot: &str) -> bool {
    match (Space::parse(space).map(|(family, _)| family), value) {
        (Some(Space::Packets | Space::Out), Some(_)) => is_own,
        (Some(Space::Out), None) => seen::numbered(key).is_some_and(|(sender, _)| sender == own_boot),
        _ => false,
    }
}

/// Handles one change.
fn change_told(
    parts: &mut Parts<'_>,
    (family, rest): (Space, &str),
    Change { key, value, .. }: &Change,
    boot: &str,
    (is_new, is_own): (bool, bool),
) {
    let mud = parts.muds.named(rest);
    match (family, mud, value) {
        (Space::LoggedIn, Some(mud), _) => parts.muds.login_told(&mut parts.cx, mud, key),
        (Space::Passwords, Some(mud), Some(value)) if is_new && !is_own => {
            parts.muds.password_told(mud, key, value);
        }
        (Space::Packets, Some(mud), Some(text)) => packet_told(parts, mud, key, text),
        (Space::Out, Some(mud), Some(value)) if is_new => {
            parts.muds.handed_over(&mut parts.cx, mud, key, value);
        }
        // It may have been sent, and a save of unknown outcome may be repeated.
        (Space::Out, Some(mud), Some(_)) => parts.muds[mud].handed.was_told(key),
        (Space::Out, Some(mud), None) if is_new => parts.muds[mud].handed.ended(key),
        (Space::Link, Some(mud), value) if is_new && !is_own => {
            hold::view_told(parts, mud, value.as_deref());
        }
        (Space::Gone, Some(mud), Some(value)) if is_new => parts.muds.told_gone(mud, key, value),
        (Space::Home, Some(mud), Some(value)) if is_new && !is_own => {
            bouncer::login_elsewhere(parts, mud, value);
        }
        (Space::Events, Some(mud), Some(_)) => parts.journal.is_saved(mud, key),
        (family, mud, value) if is_new && !is_own => {
            shared::applied(parts, mud, family, rest, key, value.as_deref(), boot);
        }
        _ => {}
    }
}

fn packet_told(parts: &mut Parts<'_>, mud: MudId, key: &str, text: &[u8]) {
    let is_first =
        seen::numbered(key).is_some_and(|(lease, number)| parts.muds[mud].packets.note(lease, number));
    if is_first {
        inbound::frame(parts, mud, text);
    }
}

/// Handles a frame from the router of a mud that this node holds. What is for the link itself is handled at once; all nodes handle
/// the rest when it is durable.
pub(crate) fn frame_received(parts: &mut Parts<'_>, mud: MudId, text: &[u8]) {
    let name = &parts.cx.settings.mud(mud).name;
    let epoch = parts.cx.fx.epoch(name);
    let Some(epoch) = epoch.filter(|_| !is_for_link(parts, mud, text)) else {
        return inbound::frame(parts, mud, text);
    };
    let one = &mut parts.muds[mud];
    if std::mem::replace(&mut one.last_packet_of, epoch) != epoch {
        one.last_packet = 0;
    }
    one.last_packet += 1;
    let key = seen::key(&format!("{epoch:016}"), one.last_packet);
    let change = Change { space: Space::Packets.of(name), key: key.into(), value: Some(text.into()) };
    parts.cx.save([change]);
}

/// Whether a packet is for the link: it answers its login or its probe, or says that the mud floods. One that cannot be read is dropped by this node alone.
fn is_for_link(parts: &Parts<'_>, mud: MudId, text: &[u8]) -> bool {
    let link = &parts.muds[mud].link;
    let Ok((packet, _)) = Packet::decode(text) else {
        return crate::i3::packet::as_written(text).is_none_or(|text| Packet::decode(&text).is_err());
    };
    let from_self = packet.header.from_mud == parts.cx.settings.mud(mud).name;
    match &packet.body {
        Body::StartupReply { .. } => true,
        Body::AuthMudReq {} | Body::PingReq {} => from_self,
        Body::Error { .. } if !link.is_ready() => true,
        // What the router has dropped as part of a flood goes once more: no game needs to know.
        Body::Error { .. } => errors::dropped_as_flood(parts.muds, mud, &packet)
            .is_some_and(|copy| parts.muds[mud].pacer.has_sent(copy)),
        _ => false,
    }
}

/// Handles a save that was not written because other nodes hold these muds: this node lets go of them, and repeats the rest.
pub(crate) fn refused(parts: &mut Parts<'_>, ticket: SaveTicket, muds: &[String]) {
    hold::lost(parts, muds);
    if let Some(saves) = parts.cx.fx.saves_mut() {
        saves.refused(ticket);
    }
    storing::plan_save(parts);
}

/// Reads no more from this router while too much waits to become durable.
pub(crate) fn pause_router(parts: &mut Parts<'_>, conn: ConnId) {
    if parts.cx.settings.node.is_some() && is_too_much_unsaved(parts) {
        parts.cx.fx.pause(conn, true);
        parts.nodes.paused.push(conn);
    }
}

/// Reads again from the routers that were not read from, as soon as less waits to become durable.
pub(crate) fn read_routers(parts: &mut Parts<'_>) {
    if !parts.nodes.paused.is_empty() && !is_too_much_unsaved(parts) {
        for conn in std::mem::take(&mut parts.nodes.paused) {
            parts.cx.fx.pause(conn, false);
        }
    }
}

fn is_too_much_unsaved(parts: &Parts<'_>) -> bool {
    parts.cx.fx.saves().is_some_and(|saves| saves.bytes() > UNSAVED_BYTES_MAX)
}
