//! Saves which events were delivered, and removes old events.

use super::emit::Delivery;
use super::replay::heard;
use crate::clients::Session;
use crate::cx::Cx;
use crate::ids::MudId;
use crate::journal::{LaneKey, LaneName, Record};
use crate::machine::{Change, ConnId};
use crate::time::Instant;
use crate::wake::Wake;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl Delivery<'_> {
    /// Sets the timer for the next sweep, if there is anything to remove.
    pub(crate) fn set_sweep(&self, cx: &mut Cx<'_>) {
        let due = self.clients.audience.next_expiry().into_iter().chain(self.journal.next_sweep(cx)).min();
        match due {
            Some(at) => cx.timers.set(Wake::Sweep, at),
            None => cx.timers.clear(Wake::Sweep),
        }
    }

    /// Keeps a mud on a channel after its subscriber has disconnected without leaving, for as long as channel lines are
    /// kept, and at least until the time at which the gateway logs off a mud that is away. Returns whether it stays on the
    /// channel.
    pub(crate) fn linger(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        channel: &str,
        stays_until: Option<Instant>,
    ) -> bool {
        let events = &cx.settings.api.events;
        let keep = events.keep_channels;
        let kept_until = (keep > Duration::ZERO && events.kept_max > 0).then(|| cx.now.mono + keep);
        let until = kept_until.max(stays_until);
        if let Some(until) = until {
            self.clients.audience.linger(mud, channel, until);
            self.set_sweep(cx);
        }
        until.is_some()
    }

    /// Saves which events were delivered, and to which clients.
    pub(crate) fn save_marks(&mut self, cx: &mut Cx<'_>) {
        let mut changes: Vec<Change> = Vec::new();
        for mud in self.journal.take_changed() {
            let cursors = self.taken_by_clients(mud, |_| true);
            // For events that are written to a socket but not read, clients have acknowledgements.
            changes.push(self.journal.mark(mud, &cx.settings.mud(mud).name));
            changes.extend(self.written(cx, mud, cursors));
        }
        changes.push(cx.clock_change());
        cx.save(changes);
    }

    /// Saves at once how far named clients have come whose connections have taken events: they may go on at another node.
    pub(crate) fn save_cursors(&mut self, cx: &mut Cx<'_>, taken: BTreeSet<ConnId>) {
        let mut clients: BTreeMap<MudId, BTreeSet<String>> = BTreeMap::new();
        for session in taken.into_iter().filter_map(|conn| self.clients.get(conn)) {
            if let (Some(mud), Some(client)) = (session.mud(), session.reader.client()) {
                clients.entry(mud).or_default().insert(client.to_owned());
            }
        }
        for (mud, names) in clients {
            let cursors = self.taken_by_clients(mud, |name| names.contains(name));
            let changes = self.written(cx, mud, cursors);
            cx.save(changes);
        }
    }

    /// Returns up to which events the connections of some clients have taken everything, in each lane.
    fn taken_by_clients(
        &self,
        mud: MudId,
        is_meant: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, BTreeMap<LaneKey, u64>> {
        let last = self.journal.last_id();
        let mut cursors: BTreeMap<String, BTreeMap<LaneKey, u64>> = BTreeMap::new();
        for (_, session) in self.clients.of_mud(mud) {
            let Some(client) = session.reader.client().filter(|client| is_meant(client)) else { continue };
            let of_client = cursors.entry(client.to_owned()).or_default();
            for lane in heard(session) {
                let through = session.reader.taken_through(lane.name(), last);
                let least = of_client.entry(lane).or_insert(through);
                *least = through.min(*least);
            }
        }
        cursors
    }

    /// Moves the cursors of clients. Returns the changes to save.
    fn written(
        &mut self,
        cx: &Cx<'_>,
        mud: MudId,
        cursors: BTreeMap<String, BTreeMap<LaneKey, u64>>,
    ) -> Vec<Change> {
        let known = self.journal.cursors_mut(mud);
        let changes =
            cursors.into_iter().filter_map(|(client, through)| known.written(&client, &through, cx.steady));
        changes.collect()
    }

    /// Notes that a client has handled all events up to one: those that it may read and was given. Returns the change to
    /// save.
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx<'_>, conn: ConnId, through: u64) -> Option<Change> {
        let session = self.clients.get(conn)?;
        let (mud, last) = (session.mud()?, self.journal.last_id());
        let given = |lane: LaneKey| {
            let through = through.min(session.reader.given_through(lane.name(), last));
            (lane, through)
        };
        let lanes: Vec<(LaneKey, u64)> = heard(session).into_iter().map(given).collect();
        if let Some(client) = session.reader.client() {
            return self.journal.cursors_mut(mud).acknowledged(client, &lanes);
        }
        if !session.is_game() {
            return None;
        }
        for (lane, through) in &lanes {
            let is_readable = |record: &Record| session.may(record.kind.permission);
            self.journal.log_mut(mud).delivered_through(lane.name(), *through, is_readable);
        }
        self.journal.marks_changed(cx, mud);
        Some(self.journal.mark(mud, &cx.settings.mud(mud).name))
    }

    /// Handles the end of a session. What its connection has not taken was never marked as delivered.
    pub(crate) fn reader_gone(&mut self, cx: &mut Cx<'_>, session: &Session) {
        let identity = session.identity.as_ref().filter(|identity| identity.may_speak);
        let is_shared = cx.settings.node.is_some();
        if let (Some(identity), Some(client)) = (identity, session.reader.client())
            && (session.person.is_some() || is_shared)
        {
            // It may be back within the second after which cursors are saved, also at another node.
            let last = self.journal.last_id();
            let lanes = session.channels.keys().map(|channel| LaneName::Channel(channel).key());
            let lanes = lanes.chain([LaneKey::Tells, LaneKey::Answers]);
            let mut through: BTreeMap<LaneKey, u64> =
                lanes.map(|lane| (lane.clone(), session.reader.taken_through(lane.name(), last))).collect();
            if is_shared {
                let others = self.taken_by_clients(identity.mud, |name| name == client);
                for (lane, other) in others.into_values().flatten() {
                    through.entry(lane).and_modify(|own| *own = other.min(*own));
                }
            }
            let change = self.journal.cursors_mut(identity.mud).written(client, &through, cx.steady);
            cx.save(change);
        }
        if let Some(identity) = identity.filter(|_| is_shared) {
            let mud = identity.mud;
            let change = self.journal.unsaved_mark(mud, &cx.settings.mud(mud).name);
            cx.save(change);
        }
        if let (Some(identity), Some(client)) = (identity, session.reader.client()) {
            let change = self.journal.cursors_mut(identity.mud).seen(client, cx.steady);
            cx.save(change);
        }
    }
}
