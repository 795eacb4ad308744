//! The kept events of all muds of the gateway.

use super::cursors::Cursors;
use super::ids::Ids;
use super::kept::{Log, Mark, Removed};
use super::record::{LaneName, Moment, Record};
use crate::cx::Cx;
use crate::ids::MudId;
use crate::machine::{Change, Clear, Saved};
use crate::saved;
use crate::settings::Settings;
use crate::spaces::Space;
use crate::time::{Instant, Steady};
use crate::wake::Wake;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a change of the delivered events may stay unsaved.
const MARK_DELAY: Duration = Duration::from_secs(1);

/// The least time between two sweeps of the logs. A tell that no session has collected is refused up to this much
/// later.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

/// The kept events of one mud.
#[derive(Debug)]
struct OfMud {
    log: Log,
    cursors: Cursors,
    /// Which events were delivered has changed since the last save.
    unsaved: bool,
    /// It must be saved in this turn.
    mark_due: bool,
}

/// Returns when a sweep is made that is due at this time.
fn sweep_at(cx: &Cx<'_>, at: Steady) -> Instant {
    (cx.now.mono + at.since(cx.steady)).max(cx.now.mono + SWEEP_PAUSE)
}

/// A tell that no session has collected in time.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) mud: MudId,
    /// The members of its event.
    pub(crate) members: Box<[u8]>,
}

/// The logs and cursors of all muds, and the ids of events.
#[derive(Debug)]
pub(crate) struct Journal {
    ids: Ids,
    muds: Vec<OfMud>,
    unreadable: usize,
    unread: VecDeque<Unread>,
    /// The muds with [`OfMud::mark_due`].
    marks_due: Vec<MudId>,
}

impl Journal {
    /// Restores the journal from the store's contents.
    pub(crate) fn restore(cx: &mut Cx<'_>, saved: &Saved) -> Journal {
        let muds = cx.settings.muds.iter().map(|mud| OfMud {
            log: Log::new(&mud.name),
            cursors: Cursors::new(&mud.name),
            unsaved: false,
            mark_due: false,
        });
        let (muds, ids) = (muds.collect(), Ids::restore(saved));
        let mut journal =
            Journal { ids, muds, unreadable: 0, unread: VecDeque::new(), marks_due: Vec::new() };
        for (at, mud) in cx.settings.muds.iter().enumerate() {
            journal.restore_mud(MudId::at(at), &mud.name, saved, (cx.now.unix, cx.steady));
        }
        journal.ids.reserve(cx.now.mono, cx.fx);
        journal
    }

    fn restore_mud(&mut self, mud: MudId, name: &str, saved: &Saved, now: Moment) {
        let one = &mut self.muds[mud.place()];
        let marks = Space::Marks.whole();
        let mut entries = saved.entries.iter();
        let found = entries.find(|entry| entry.space == marks && entry.key == name);
        let mark = found.and_then(|entry| entry.value.as_deref()).map(saved::read::<Mark>);
        self.unreadable += usize::from(matches!(mark, Some(None)));
        let mark = mark.flatten().unwrap_or_default();
        for Change { space, key, value } in &saved.entries {
            let Some(value) = value else { continue };
            if space == one.log.space() {
                match one.log.restore(key, value, &mark, now) {
                    // The store may have failed to reserve ids that were used afterwards.
                    Some(id) => self.ids.skip_to(id),
                    None => self.unreadable += 1,
                }
            } else if space == one.cursors.space() {
                self.unreadable += usize::from(!one.cursors.restore(key, value));
            }
        }
        one.log.restore_lost(&mark);
    }

    /// Returns the number of saved entries that could not be read.
    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Returns a new event id.
    pub(crate) fn next_id(&mut self, cx: &mut Cx<'_>) -> u64 {
        self.ids.next(cx.now.mono, cx.fx)
    }

    /// Returns the last event id in use.
    pub(crate) fn last_id(&self) -> u64 {
        self.ids.last()
    }

    /// The log of a mud.
    pub(crate) fn log(&self, mud: MudId) -> &Log {
        &self.muds[mud.place()].log
    }

    /// The log of a mud, to mark events as delivered.
    pub(crate) fn log_mut(&mut self, mud: MudId) -> &mut Log {
        &mut self.muds[mud.place()].log
    }

    /// The named clients of a mud.
    pub(crate) fn cursors(&self, mud: MudId) -> &Cursors {
        &self.muds[mud.place()].cursors
    }

    /// Returns the event after which a client begins in a lane that is new to it: what no game has had is still to come.
    pub(crate) fn start(&self, mud: MudId, lane: LaneName<'_>) -> u64 {
        self.log(mud).first_open(lane).map_or(self.last_id(), |first| first - 1)
    }

    /// The named clients of a mud, to change them.
    pub(crate) fn cursors_mut(&mut self, mud: MudId) -> &mut Cursors {
        &mut self.muds[mud.place()].cursors
    }

    /// Returns all entries that the store must have, in the spaces that `clear` covers.
    pub(crate) fn entries(&self, settings: &Settings, clear: &Clear) -> Vec<Change> {
        let mut entries = Vec::new();
        for mud in MudId::all(self.muds.len()) {
            let one = &self.muds[mud.place()];
            if clear.covers(one.log.space()) {
                entries.extend(one.log.entries());
            }
            if clear.covers(one.cursors.space()) {
                entries.extend(one.cursors.entries());
            }
            if clear.covers(&Space::Marks.whole()) {
                entries.push(self.mark(mud, &settings.mud(mud).name));
            }
        }
        if clear.covers(&Space::EventIds.whole()) {
            entries.push(self.ids.entry());
        }
        entries
    }

    /// Returns the number of records of all muds, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.muds.iter().map(|one| one.log.size()).fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }

    /// Returns the next tell that no session has collected in time.
    pub(crate) fn poll_unread(&mut self) -> Option<Unread> {
        self.unread.pop_front()
    }

    /// Adds an event to its log. Returns when a sweep is needed because of it.
    pub(crate) fn keep(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        lane: LaneName<'_>,
        record: Record,
    ) -> Option<Instant> {
        let settings = &cx.settings.api.events;
        let log = &mut self.muds[mud.place()].log;
        let is_anew = !cx.fx.saves_each(log.space());
        let removed = log.push(lane, record, settings, is_anew);
        let due = log.next_sweep_in(lane, settings);
        self.removed(cx, mud, removed);
        self.marks_changed(cx, mud);
        due.map(|at| sweep_at(cx, at))
    }

    fn removed(&mut self, cx: &mut Cx<'_>, mud: MudId, removed: Removed) {
        cx.metrics.events_expired += removed.unread;
        if removed.unread > 0 {
            // Saved together: after a crash in between, no game would learn that events are missing.
            if removed.is_anew {
                cx.fx.write_anew(&Space::Marks.whole());
            } else if !std::mem::replace(&mut self.muds[mud.place()].mark_due, true) {
                self.marks_due.push(mud);
            }
        }
        cx.save(removed.changes);
        self.unread.extend(removed.unread_tells.into_iter().map(|members| Unread { mud, members }));
    }

    /// Whether [`Journal::save_due_marks`] has anything to save.
    pub(crate) fn has_due_marks(&self) -> bool {
        !self.marks_due.is_empty()
    }

    /// Saves which events were delivered, for the muds that have lost some in this turn that no game has had. This must
    /// come before the save of the turn is sent.
    pub(crate) fn save_due_marks(&mut self, cx: &mut Cx<'_>) {
        while let Some(mud) = self.marks_due.pop() {
            self.muds[mud.place()].mark_due = false;
            let mark = self.mark(mud, &cx.settings.mud(mud).name);
            cx.save([mark]);
        }
    }

    /// Removes records that have become too old.
    pub(crate) fn sweep(&mut self, cx: &mut Cx<'_>) {
        for mud in MudId::all(self.muds.len()) {
            let removed = self.log_mut(mud).sweep(&cx.settings.api.events, cx.steady);
            if removed.unread > 0 {
                self.marks_changed(cx, mud);
            }
            self.removed(cx, mud, removed);
        }
    }

    /// Returns when [`Journal::sweep`] is needed next.
    pub(crate) fn next_sweep(&self, cx: &Cx<'_>) -> Option<Instant> {
        let due = self.muds.iter().filter_map(|one| one.log.next_sweep(&cx.settings.api.events));
        due.min().map(|at| sweep_at(cx, at))
    }

    /// Notes that events of a mud have been delivered.
    pub(crate) fn marks_changed(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        if std::mem::replace(&mut self.muds[mud.place()].unsaved, true) {
            return;
        }
        if cx.timers.get(Wake::Marks).is_none() {
            cx.timers.set(Wake::Marks, cx.now.mono + MARK_DELAY);
        }
    }

    /// Returns the muds whose delivered events have changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<MudId> {
        let muds = MudId::all(self.muds.len());
        muds.filter(|mud| std::mem::take(&mut self.muds[mud.place()].unsaved)).collect()
    }

    /// Returns the change that saves which events of a mud were delivered.
    pub(crate) fn mark(&self, mud: MudId, mud_name: &str) -> Change {
        let value = saved::write(&self.log(mud).mark(self.last_id()));
        Change { space: Space::Marks.whole(), key: mud_name.to_owned(), value }
    }
}
