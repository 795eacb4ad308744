//! The figures that one scrape of `/metrics` shows.

use super::encoder::{LINES, SOCKETS};
use crate::clients::Way;
use crate::door::i3::MUDS;
use crate::door::irc::PLAIN as IRC;
use crate::health::Process;
use crate::link::StateName;
use crate::link::counts::Cause;
use crate::metrics::Metrics;
use crate::muds::Mud;
use crate::nodes::Leases;
use crate::saves::Saves;
use crate::service::Parts;
use std::collections::BTreeMap;
use std::time::Duration;

/// The figures of a router link.
#[derive(Debug)]
pub(super) struct LinkFigures {
    /// Its number, in the order of the muds in the settings, from 1.
    pub(super) number: String,
    pub(super) state: StateName,
    pub(super) heard_at_seconds: Option<f64>,
    /// By class: packets and bytes.
    pub(super) queued: Vec<(&'static str, usize, usize)>,
    pub(super) ended: Vec<(Cause, u64)>,
    pub(super) own_packets: Vec<(&'static str, u64)>,
    pub(super) muds: usize,
    pub(super) muds_online: usize,
    pub(super) channels: usize,
    pub(super) bans: usize,
}

impl LinkFigures {
    fn of(at: usize, mud: &Mud) -> Self {
        let counts = mud.link.counts();
        LinkFigures {
            number: (at + 1).to_string(),
            state: mud.link.state(),
            heard_at_seconds: counts.heard_at.map(|at| at.micros() as f64 / 1e6),
            queued: mud.pacer.depths().collect(),
            ended: Cause::ALL.into_iter().map(|cause| (cause, counts.ended(cause))).collect(),
            own_packets: counts.own_packets().collect(),
            muds: mud.lists.muds().len(),
            muds_online: mud.lists.muds().online(),
            channels: mud.lists.channels().len(),
            bans: mud.bans.len(),
        }
    }
}

/// The figures of one scrape.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) metrics: Metrics,
    pub(super) process: Option<Process>,
    pub(super) lag: Duration,
    pub(super) links: Vec<LinkFigures>,
    pub(super) websocket_connections: usize,
    pub(super) active_sessions: usize,
    /// Sessions by transport.
    pub(super) sessions: Vec<(&'static str, usize)>,
    /// The names of the keys in the settings, with the sessions of each.
    pub(super) sessions_of_keys: Vec<(String, usize)>,
    pub(super) waiting_requests: usize,
    pub(super) pending_bytes: usize,
    /// Kept events, and their bytes.
    pub(super) kept: (usize, usize),
    pub(super) store_failing: bool,
    pub(super) changes_waiting: usize,
    pub(super) store_rewrites: u64,
    pub(super) history_lines_lost: u64,
    pub(super) uptime: Duration,
    /// The gateways that share the muds, this one too.
    pub(super) nodes: usize,
    /// Where several nodes share the muds: each mud, and whether this node holds it.
    pub(super) held: Vec<(String, bool)>,
}

impl Snapshot {
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let with = |way: &'static Way| (way.label, parts.clients.count_of(way.label));
        let saves = parts.cx.fx.saves();
        Snapshot {
            metrics: parts.cx.metrics.clone(),
            process: parts.run.process.clone(),
            lag: parts.run.lag,
            links: parts.muds.iter().map(|(mud, one)| LinkFigures::of(mud.place(), one)).collect(),
            websocket_connections: parts.clients.count_of(SOCKETS.label),
            active_sessions: parts.clients.active(),
            sessions: vec![with(&LINES), with(&SOCKETS), with(&MUDS), with(&IRC)],
            sessions_of_keys: sessions_of_keys(parts),
            waiting_requests: parts.waiting.len(),
            pending_bytes: parts.cx.fx.total_pending_bytes(),
            kept: parts.journal.size(),
            store_failing: saves.is_some_and(Saves::is_failing),
            changes_waiting: saves.map_or(0, Saves::waiting),
            store_rewrites: saves.map_or(0, Saves::rewrites),
            history_lines_lost: saves.map_or(0, Saves::lines_lost),
            uptime: parts.cx.now.mono.since(parts.run.started),
            nodes: parts.nodes.leases.as_ref().map_or(1, Leases::nodes),
            held: held(parts),
        }
    }
}

/// Returns the muds that nodes share, and whether this one holds them.
fn held(parts: &Parts<'_>) -> Vec<(String, bool)> {
    let Some(leases) = &parts.nodes.leases else { return Vec::new() };
    let name = |mud| parts.cx.settings.mud(mud).name.clone();
    parts.muds.ids().map(|mud| (name(mud), leases.epoch(mud).is_some())).collect()
}

/// Returns the names of the keys in the settings, and how many sessions the keys of each name have.
fn sessions_of_keys(parts: &Parts<'_>) -> Vec<(String, usize)> {
    let keys = parts.cx.settings.api.keys.as_deref().unwrap_or_default();
    let named = keys.iter().filter(|key| !key.name.is_empty());
    let mut counts: BTreeMap<&str, usize> = named.map(|key| (key.name.as_str(), 0)).collect();
    for (_, session) in parts.clients.iter() {
        let name = session.identity.as_ref().and_then(|identity| identity.key_name.as_deref());
        if let Some(count) = name.and_then(|name| counts.get_mut(name)) {
            *count += 1;
        }
    }
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}
