//! The kept events of all muds of the gateway.

use super::cursors::Cursors;
use super::ids::Ids;
use super::kept::{Log, Removed};
use super::marks::{Mark, Marks};
use super::record::{LaneName, Moment, Record};
use crate::contents::BySpace;
use crate::cx::Cx;
use crate::ids::MudId;
use crate::line::{self, Kept};
use crate::machine::{Change, Clear, Saved, SmolStr};
use crate::saved;
use crate::settings::Settings;
use crate::spaces::Space;
use crate::time::{Instant, Steady};
use crate::wake::Wake;
use smol_str::format_smolstr;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a change of the delivered events may stay unsaved.
const MARK_DELAY: Duration = Duration::from_secs(1);

/// The least time between two sweeps of the logs. A tell that no session has collected is refused up to this much
/// later.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

/// Lines of a mud that are saved before the store is told again which it keeps.
const LINES_PER_TIDY: u32 = 500;

/// Number of changes for which there is still room after an event. Most events make two.
const CHANGES_KEPT_MAX: usize = 64;

/// The kept events of one mud.
#[derive(Debug)]
struct OfMud {
    log: Log,
    cursors: Cursors,
    /// Which events were delivered has changed since the last save.
    unsaved: bool,
    /// It must be saved in this turn.
    mark_due: bool,
    /// The last event that is known to be in the store. For a mud that several nodes share.
    saved: u64,
    /// The space of its lines of the history.
    line_space: SmolStr,
    /// Lines of the history that were saved since the store was told which it keeps.
    lines: u32,
}

/// Returns the marks of a mud, each with its node: on one host its own alone.
fn marks_of<'s>(
    saved: &BySpace<'s>,
    mud_name: &str,
    of_nodes: bool,
) -> impl Iterator<Item = (Option<&'s str>, &'s [u8])> {
    let of = move |key: &'s str| match split_key(key).filter(|(mud, _)| of_nodes && *mud == mud_name) {
        Some((_, node)) => Some(Some(node)),
        None => (key == mud_name).then_some(None),
    };
    saved.of(&Space::Marks.whole()).filter_map(move |(key, value)| Some((of(key)?, value)))
}

/// Returns when a sweep is made that is due at this time.
fn sweep_at(cx: &Cx<'_>, at: Steady) -> Instant {
    (cx.now.mono + at.since(cx.steady)).max(cx.now.mono + SWEEP_PAUSE)
}

/// Returns the change that says which lines of a mud the store keeps.
fn keep_lines(cx: &Cx<'_>, mud: MudId) -> Change {
    let events = &cx.settings.api.events;
    let born_after = match cx.settings.keeps_lines() {
        true => cx.steady.before(events.history_age).micros(),
        false => u64::MAX,
    };
    line::keep(&cx.settings.mud(mud).name, &Kept { born_after, bytes_max: events.history_bytes_max })
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
    /// Empty between two events. It keeps its memory.
    removed: Removed,
    unreadable: usize,
    unread: VecDeque<Unread>,
    /// The muds with [`OfMud::mark_due`].
    marks_due: Vec<MudId>,
    /// The name of this node, where several share the store.
    node: Option<String>,
}

/// Between the name of a mud and that of a node in the key of a mark.
const OF_NODE: char = '@';

/// Returns the key of the mark of a node.
pub(super) fn key_of(mud_name: &str, node: &str) -> SmolStr {
    format_smolstr!("{mud_name}{OF_NODE}{node}")
}

/// Returns the mud and the node of the key of a mark.
pub(super) fn split_key(key: &str) -> Option<(&str, &str)> {
    key.rsplit_once(OF_NODE)
}

impl Journal {
    /// Restores the journal from the store's contents.
    pub(crate) fn restore(cx: &mut Cx<'_>, saved: &Saved) -> Journal {
        let muds = cx.settings.muds.iter().map(|mud| OfMud {
            log: Log::new(&mud.name),
            cursors: Cursors::new(&mud.name),
            unsaved: false,
            mark_due: false,
            saved: 0,
            line_space: line::space_of(&mud.name),
            lines: 0,
        });
        let (muds, ids) = (muds.collect(), Ids::restore(saved));
        let mut journal = Journal {
            ids,
            muds,
            removed: Removed::default(),
            unreadable: 0,
            unread: VecDeque::new(),
            marks_due: Vec::new(),
            node: cx.settings.node.as_ref().map(|node| node.name.clone()),
        };
        let by_space = BySpace::new(saved);
        for (at, mud) in cx.settings.muds.iter().enumerate() {
            journal.restore_mud(MudId::at(at), &mud.name, &by_space, (cx.now.unix, cx.steady));
        }
        if cx.settings.node.is_some() {
            journal.ids.share(saved.position, saved.end);
        }
        journal.ids.reserve(cx.now.mono, cx.fx);
        let last = journal.last_id();
        journal.muds.iter_mut().for_each(|one| one.log.begins_after(last));
        journal
    }

    fn restore_mud(&mut self, mud: MudId, name: &str, saved: &BySpace<'_>, now: Moment) {
        let mut marks = Marks::default();
        for (node, value) in marks_of(saved, name, self.node.is_some()) {
            match saved::read::<Mark>(value) {
                Some(mark) if node.is_none() || node == self.node.as_deref() => marks.add_own(mark),
                Some(mark) => marks.add(mark),
                None => self.unreadable += 1,
            }
        }
        let one = &mut self.muds[mud.place()];
        for (key, value) in saved.of(one.log.space()) {
            match one.log.restore(key, value, &marks, now) {
                // The store may have failed to reserve ids that were used afterwards.
                Some(id) => {
                    self.ids.skip_to(id);
                    one.saved = one.saved.max(id);
                }
                None => self.unreadable += 1,
            }
        }
        for (key, value) in saved.of(one.cursors.space()) {
            self.unreadable += usize::from(!one.cursors.restore(key, value));
        }
        one.log.restore_lost(&marks);
    }

    /// Returns the number of saved entries that could not be read.
    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Returns a new event id.
    pub(crate) fn next_id(&mut self, cx: &mut Cx<'_>) -> u64 {
        let id = self.ids.next(cx.now.mono, cx.fx);
        if self.ids.ask_for_more() {
            let change = cx.clock_change();
            cx.save([change]);
        }
        id
    }

    /// Returns a new id for an event that is kept.
    pub(crate) fn next_kept_id(&mut self, cx: &mut Cx<'_>) -> u64 {
        self.ids.next_kept(cx.now.mono, cx.fx)
    }

    /// The ids of events, where nodes share a store.
    pub(crate) fn ids_mut(&mut self) -> &mut Ids {
        &mut self.ids
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
            if settings.keeps_lines() && clear.covers(&one.line_space) {
                let lines = one.log.lines(&settings.api.events);
                entries.extend(lines.map(|record| record.put(&one.line_space)));
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

    /// Saves the events of a mud again that are not known to be in the store, and those of the last moments: the node that held the
    /// mud before may not have saved them.
    pub(crate) fn save_latest(&mut self, cx: &mut Cx<'_>, mud: MudId, age: Duration) {
        let changes: Vec<Change> =
            self.log(mud).latest(cx.steady, age, self.muds[mud.place()].saved).collect();
        cx.save(changes);
    }

    /// Notes that an event is in the store.
    pub(crate) fn is_saved(&mut self, mud: MudId, key: &str) {
        if let Ok(id) = key.parse::<u64>() {
            let saved = &mut self.muds[mud.place()].saved;
            *saved = id.max(*saved);
        }
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
        let mut written = None;
        let mut put = |space: &SmolStr| Change {
            space: space.clone(),
            ..written.get_or_insert_with(|| record.put(space)).clone()
        };
        self.save_line(cx, mud, lane, record.id, &mut put);
        let settings = &cx.settings.api.events;
        let keeps_account = self.keeps_account(cx, mud);
        let log = &mut self.muds[mud.place()].log;
        let mut removed = std::mem::take(&mut self.removed);
        // Of a mud that another node holds nothing is written here.
        removed.is_anew = !keeps_account || !cx.fx.saves_each(log.space());
        if !removed.is_anew {
            removed.changes.push(put(log.space()));
        }
        let due = log.push(lane, record, settings, &mut removed);
        self.take(cx, mud, &mut removed);
        if removed.changes.capacity() <= CHANGES_KEPT_MAX {
            self.removed = removed;
        }
        if keeps_account {
            self.marks_changed(cx, mud);
        }
        due.map(|at| sweep_at(cx, at))
    }

    /// Saves an event as a line of the history, if it is one. It stays in the store when it leaves memory. `put` returns
    /// the change that adds its record to a space.
    fn save_line(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        lane: LaneName<'_>,
        id: u64,
        put: impl FnOnce(&SmolStr) -> Change,
    ) {
        let is_line = match lane {
            LaneName::Channel(_) => true,
            LaneName::Tells => cx.settings.api.events.history_holds_tells,
            LaneName::Answers => false,
        };
        if !is_line || !cx.settings.keeps_lines() {
            return;
        }
        let one = &mut self.muds[mud.place()];
        // In a flood, most of what is built would be dropped.
        if !cx.fx.drops_line(&one.line_space, id) {
            cx.save([put(&one.line_space)]);
        }
        one.lines += 1;
        if one.lines >= LINES_PER_TIDY {
            one.lines = 0;
            cx.save([keep_lines(cx, mud)]);
        }
    }

    /// Tells the store which lines of the history it keeps.
    pub(crate) fn keep_lines(&mut self, cx: &mut Cx<'_>) {
        for mud in MudId::all(self.muds.len()) {
            self.muds[mud.place()].lines = 0;
            cx.save([keep_lines(cx, mud)]);
        }
    }

    /// Whether this node saves which events of a mud there are, and which of them were lost: it writes them. Other nodes save
    /// only what their sessions have taken.
    fn keeps_account(&self, cx: &Cx<'_>, mud: MudId) -> bool {
        cx.fx.holds(&cx.settings.mud(mud).name)
    }

    /// Takes what was removed out of `removed`, saves the changes, and reports the rest.
    fn take(&mut self, cx: &mut Cx<'_>, mud: MudId, removed: &mut Removed) {
        let unread = std::mem::take(&mut removed.unread);
        cx.metrics.events_expired += unread;
        if unread > 0 {
            // Saved together: after a crash in between, no game would learn that events are missing.
            if removed.is_anew && self.node.is_none() {
                cx.fx.write_anew(&Space::Marks.whole());
            } else if self.keeps_account(cx, mud)
                && !std::mem::replace(&mut self.muds[mud.place()].mark_due, true)
            {
                self.marks_due.push(mud);
            }
        }
        cx.save(removed.changes.drain(..));
        self.unread.extend(removed.unread_tells.drain(..).map(|members| Unread { mud, members }));
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
            let mut removed = self.log_mut(mud).sweep(&cx.settings.api.events, cx.steady);
            if removed.unread > 0 && self.keeps_account(cx, mud) {
                self.marks_changed(cx, mud);
            }
            self.take(cx, mud, &mut removed);
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

    /// Returns the change that saves which events of a mud were delivered, as far as this node knows.
    pub(crate) fn mark(&self, mud: MudId, mud_name: &str) -> Change {
        let (log, last) = (self.log(mud), self.last_id());
        let (key, mark) = match &self.node {
            Some(node) => (key_of(mud_name, node), log.mark_for_others(last)),
            None => (mud_name.into(), log.mark(last)),
        };
        Change { space: Space::Marks.whole(), key, value: saved::write(&mark) }
    }

    /// Returns the change that saves which events of a mud were delivered, if that has changed since the last save.
    pub(crate) fn unsaved_mark(&mut self, mud: MudId, mud_name: &str) -> Option<Change> {
        let is_unsaved = std::mem::take(&mut self.muds[mud.place()].unsaved);
        is_unsaved.then(|| self.mark(mud, mud_name))
    }

    /// Applies the mark of another node. Returns whether it can be read.
    pub(crate) fn mark_elsewhere(&mut self, settings: &Settings, key: &str, value: Option<&[u8]>) -> bool {
        // A node that is gone: what it knew is known here.
        let Some(value) = value else { return true };
        let mut muds = MudId::all(self.muds.len());
        let mud_name = split_key(key).map_or(key, |(mud, _)| mud);
        let Some(mud) = muds.find(|mud| settings.mud(*mud).name == mud_name) else { return true };
        let mark: Option<Mark> = saved::read(value);
        if let Some(mark) = &mark {
            self.log_mut(mud).delivered_elsewhere(mark);
        }
        mark.is_some()
    }

    /// Returns the changes that replace the marks of a node that is gone by those of this one.
    pub(crate) fn take_over_marks(&self, settings: &Settings, node: &str) -> Vec<Change> {
        let space = Space::Marks.whole();
        let muds = MudId::all(self.muds.len()).map(|mud| (mud, settings.mud(mud).name.as_str()));
        let changes = muds.flat_map(|(mud, name)| {
            let gone = Change { space: space.clone(), key: key_of(name, node), value: None };
            [self.mark(mud, name), gone]
        });
        changes.collect()
    }
}
