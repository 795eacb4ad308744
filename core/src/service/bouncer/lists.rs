//! The lists of muds and channels, for muds that speak Intermud-3.

use crate::clients::{Clients, MudClient};
use crate::cx::Cx;
use crate::i3::Value;
use crate::i3::serving::{Family, MudInfo};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::network::KnownMud;
use crate::network::chanlist::ChannelChange;
use crate::network::mudlist::MudChange;
use bytes::Bytes;

/// Number of muds in a packet, as on Dead Souls.
const MUDS_MAX: usize = 10;

/// The longest list id: some programs have 32 bits for it.
const LIST_ID_MAX: i64 = i32::MAX as i64;

type Entry = (Value<'static>, Value<'static>);

fn list_id(id: i64) -> i64 {
    if (1..=LIST_ID_MAX).contains(&id) { id } else { 1 }
}

fn text(text: &str) -> Value<'static> {
    Value::Str(text.as_bytes().to_vec().into())
}

/// Sends all muds, and all channels if the mud uses any.
pub(super) fn all(cx: &mut Cx<'_>, muds: &Muds, clients: &mut Clients, mud: MudId, conn: ConnId) {
    let here = muds_here(muds, clients);
    let is_old = is_old(clients, conn);
    let entries: Vec<Entry> = muds[mud]
        .lists
        .muds()
        .iter()
        .map(|(name, known)| (text(name), entry(name, known, is_old, &here)))
        .collect();
    let id = list_id(muds[mud].lists.muds().id);
    send(cx, clients, conn, |client| list(client, "mudlist", id, &entries, MUDS_MAX));
    if muds[mud].home.info().is_some_and(MudInfo::has_channels) {
        channels(cx, muds, clients, mud, conn);
    }
}

fn is_old(clients: &Clients, conn: ConnId) -> bool {
    let client = clients.get(conn).and_then(|session| session.mud_client.as_ref());
    client.is_some_and(|client| client.program.is_old())
}

/// The muds that are logged in here, with their addresses as the gateway sees them.
fn muds_here(muds: &Muds, clients: &Clients) -> Vec<(String, String)> {
    let here = muds.iter().filter_map(|(_, one)| one.home.conn());
    let named = here.filter_map(|conn| {
        let client = clients.get(conn)?.mud_client.as_ref()?;
        Some((client.mud.clone(), clients.addresses.of(conn).to_string()))
    });
    named.collect()
}

/// Returns the entry of a mud. One that is logged in here is shown with its own address, at which the others here can reach
/// it; the router knows the address of the gateway.
fn entry(name: &str, known: &KnownMud, is_old: bool, here: &[(String, String)]) -> Value<'static> {
    match here.iter().find(|(mud, _)| mud == name) {
        Some((_, address)) => KnownMud { host: address.clone(), ..known.clone() }.entry(is_old),
        None => known.entry(is_old),
    }
}

fn list(client: &MudClient, kind: &str, id: i64, entries: &[Entry], most: usize) -> Vec<Bytes> {
    client.program.list_frames((kind, &client.router, &client.mud), id, entries, most)
}

fn send(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId, frames: impl FnOnce(&MudClient) -> Vec<Bytes>) {
    let Some(client) = clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut()) else {
        return;
    };
    for frame in frames(client) {
        client.sent += 1;
        cx.fx.send_shared(conn, frame);
    }
    clients.bound(cx, conn);
}

/// Sends all channels. LIMA takes each list for the whole one, so it is one packet where it fits.
pub(super) fn channels(cx: &mut Cx<'_>, muds: &Muds, clients: &mut Clients, mud: MudId, conn: ConnId) {
    let known = muds[mud].lists.channels();
    let entries = known.iter().map(|(name, channel)| {
        let owner = Value::Array(vec![text(&channel.owner), Value::Int(channel.channel_type)]);
        (text(name), owner)
    });
    let (entries, id): (Vec<Entry>, i64) = (entries.collect(), list_id(known.id));
    send(cx, clients, conn, |client| list(client, "chanlist-reply", id, &entries, usize::MAX));
}

/// Tells the mud that is logged in here what has changed in the list of muds.
pub(in crate::service) fn muds_changed(
    cx: &mut Cx<'_>,
    muds: &Muds,
    clients: &mut Clients,
    mud: MudId,
    changed: &[MudChange],
) {
    let Some(conn) = muds[mud].home.conn().filter(|_| !changed.is_empty()) else { return };
    let (here, is_old) = (muds_here(muds, clients), is_old(clients, conn));
    let known = muds[mud].lists.muds();
    let entries = changed.iter().map(|change| {
        let entry = known.get(&change.name).map(|known| entry(&change.name, known, is_old, &here));
        (text(&change.name), entry.unwrap_or(Value::Int(0)))
    });
    let (entries, id): (Vec<Entry>, i64) = (entries.collect(), list_id(known.id));
    send(cx, clients, conn, |client| list(client, "mudlist", id, &entries, MUDS_MAX));
}

/// Tells the mud that is logged in here that the list of channels has changed. Most programs keep a channel that a list does
/// not name, so removed ones are named first. CoffeeMud passes over that.
pub(in crate::service) fn channels_changed(
    cx: &mut Cx<'_>,
    muds: &Muds,
    clients: &mut Clients,
    mud: MudId,
    changed: &[ChannelChange],
) {
    let Some(conn) = muds[mud].home.conn().filter(|_| !changed.is_empty()) else { return };
    if !muds[mud].home.info().is_some_and(MudInfo::has_channels) {
        return;
    }
    let removed: Vec<Entry> = changed
        .iter()
        .filter(|(_, channel)| channel.is_none())
        .map(|(name, _)| (text(name), Value::Int(0)))
        .collect();
    let id = list_id(muds[mud].lists.channels().id);
    send(cx, clients, conn, |client| match client.program.family {
        Family::CoffeeMud => Vec::new(),
        _ if removed.is_empty() => Vec::new(),
        Family::Lpc | Family::C => list(client, "chanlist-reply", id, &removed, usize::MAX),
    });
    channels(cx, muds, clients, mud, conn);
}
