//! Saves which events were delivered, and removes old events.

use super::emit::Delivery;
use super::replay::{is_had_by_others, speaker};
use crate::clients::Session;
use crate::cx::Cx;
use crate::ids::MudId;
use crate::journal::LaneName;
use crate::machine::{Change, ConnId};
use crate::settings::Permission;
use crate::wake::Wake;
use std::collections::BTreeMap;
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
    /// kept. Returns whether it stays on the channel.
    pub(crate) fn linger(&mut self, cx: &mut Cx<'_>, mud: MudId, channel: &str) -> bool {
        let events = &cx.settings.api.events;
        let keep = events.keep_channels;
        let lingers = keep > Duration::ZERO && events.kept_max > 0;
        if lingers {
            self.clients.audience.linger(mud, channel, cx.now.mono + keep);
            self.set_sweep(cx);
        }
        lingers
    }

    /// Saves which events were delivered, and to which clients.
    pub(crate) fn save_marks(&mut self, cx: &mut Cx<'_>) {
        let mut changes: Vec<Change> = Vec::new();
        let last = self.journal.last_id();
        for mud in self.journal.take_changed() {
            let readers = || self.clients.of_mud(mud);
            let through =
                readers().map(|(_, session)| session.reader.written_through(last)).min().unwrap_or(last);
            let mut cursors = BTreeMap::new();
            for (_, session) in readers() {
                if let Some(client) = session.reader.client() {
                    let through = session.reader.read_through(last);
                    let least = cursors.entry(client.to_owned()).or_insert(through);
                    *least = through.min(*least);
                }
            }
            // For events that are written to a socket but not read, clients have acknowledgements.
            changes.push(self.journal.mark(mud, &cx.settings.mud(mud).name, through));
            let known = self.journal.cursors_mut(mud);
            for (client, through) in cursors {
                changes.extend(known.written(&client, through, cx.now.unix));
            }
        }
        cx.save(changes);
    }

    /// Handles the end of a session: events that its connection has not taken count as not delivered, unless another
    /// session has received them.
    pub(crate) fn reader_gone(&mut self, cx: &mut Cx<'_>, conn: ConnId, session: &Session) {
        let Some(mud) = speaker(session).map(|identity| identity.mud) else { return };
        if let Some(client) = session.reader.client() {
            let change = self.journal.cursors_mut(mud).seen(client, cx.now.unix);
            cx.save(change);
        }
        let Some(from) = session.reader.unwritten_from() else { return };
        let mut lanes = Vec::new();
        if !is_had_by_others(self.clients.of_mud(mud), conn, Permission::Tell) {
            lanes.push(LaneName::Tells);
        }
        if !is_had_by_others(self.clients.of_mud(mud), conn, Permission::Info) {
            lanes.push(LaneName::Answers);
        }
        for channel in session.channels.keys() {
            if self.clients.audience.of(mud, channel).all(|one| one == conn) {
                lanes.push(LaneName::Channel(channel));
            }
        }
        for lane in lanes {
            self.journal.log_mut(mud).undelivered_from(lane, from);
        }
        self.journal.marks_changed(cx, mud);
    }
}
