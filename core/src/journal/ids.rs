//! The ids of events. They only grow, also over a restart.

use crate::effects::Effects;
use crate::machine::{Change, POSITIONS_OF_SAVE, Saved, SmolStr};
use crate::spaces::Space;
use crate::time::Instant;

/// Number of ids that are reserved at a time. A restart skips the rest of them. While the store fails, the gateway runs
/// out of reserved ids after at least half as many events.
const RESERVE: u64 = 100_000;

/// Implements [`Gateway::carry_over`](crate::Gateway::carry_over).
pub(crate) fn carry_over(before: &Saved, restored: &Saved) -> Vec<Change> {
    let (before, restored) = (Ids::restore(before), Ids::restore(restored));
    if before.reserved > restored.reserved { vec![change(before.reserved)] } else { Vec::new() }
}

/// Implements [`Gateway::before_start`](crate::Gateway::before_start).
pub(crate) fn set_aside(saved: &Saved) -> Vec<Change> {
    vec![change(Ids::restore(saved).reserved + RESERVE)]
}

/// Implements [`Gateway::ids_reserved`](crate::Gateway::ids_reserved).
pub(crate) fn reserved(saved: &Saved) -> u64 {
    Ids::restore(saved).reserved
}

/// Implements [`Gateway::reserve_ids`](crate::Gateway::reserve_ids).
pub(crate) fn change(reserved: u64) -> Change {
    let value = Some(reserved.to_string().into_bytes().into());
    Change { space: Space::EventIds.whole(), key: SmolStr::new_static("reserved"), value }
}

/// Where nodes share a store, the number of ids before the first kept event of a packet. The events of a packet that are not
/// kept, such as a trace, have ids that differ between nodes; those of kept events do not.
const BEFORE_KEPT: u64 = 32;

/// The number of ids from one kept event of a packet to the next one.
const KEPT_APART: u64 = 8;

/// The ids of a node that shares a store. Each node is told all saves with their positions, and takes ids from these.
#[derive(Debug)]
struct Shared {
    /// The id of the next event that is kept.
    kept: u64,
    /// The ids from here on are those of later saves.
    end: u64,
    /// Something is saved, so that more ids come.
    is_asked: bool,
    /// What is handled was saved before the state that this node has read at its start.
    is_past: bool,
}

/// Assigns ids.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: u64,
    reserved: u64,
    /// `None`: this gateway has its store to itself, and reserves ids.
    shared: Option<Shared>,
}

impl Ids {
    /// Continues after the ids that were reserved before.
    pub(crate) fn restore(saved: &Saved) -> Self {
        let space = Space::EventIds.whole();
        let reserved = saved
            .entries
            .iter()
            .filter(|entry| entry.space == space)
            .filter_map(|entry| std::str::from_utf8(entry.value.as_deref()?).ok()?.parse().ok())
            .max()
            .unwrap_or(0);
        Ids { last: reserved, reserved, shared: None }
    }

    /// Skips ids that were used without a reservation, because the store failed.
    pub(crate) fn skip_to(&mut self, last: u64) {
        self.last = self.last.max(last);
        self.reserved = self.reserved.max(last);
    }

    /// Returns the entry that the store must have.
    pub(crate) fn entry(&self) -> Change {
        change(self.reserved)
    }

    /// Returns the last id in use.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Reserves more ids, durably, if few are left.
    pub(crate) fn reserve(&mut self, now: Instant, fx: &mut Effects) {
        if self.shared.is_none() && self.last + RESERVE / 2 >= self.reserved {
            self.reserved = self.last + RESERVE;
            fx.save(now, vec![change(self.reserved)]);
        }
    }

    /// From now on ids are positions of saves. `position` is that of the last save that is known, and the next one is not below
    /// `end`. What is kept of the saves until now is past, and its ids are before those at the end of the last save.
    pub(crate) fn share(&mut self, position: u64, end: u64) {
        self.last = self.last.max(position).max(end.saturating_sub(POSITIONS_OF_SAVE));
        let end = end.max(self.last + BEFORE_KEPT);
        self.shared = Some(Shared { kept: self.last + 1, end, is_asked: false, is_past: false });
    }

    /// A change of a save is handled now, at its position. The ids up to `end` are those of the save. `is_past`: it was saved
    /// before the state that this node has read at its start.
    pub(crate) fn at(&mut self, position: u64, end: u64, is_past: bool) {
        if let Some(shared) = &mut self.shared {
            self.last = self.last.max(position);
            shared.kept = position + BEFORE_KEPT;
            shared.end = shared.end.max(end);
            shared.is_past = is_past;
        }
    }

    /// Whether what is handled is past: of its events only those are news that are kept.
    pub(crate) fn is_past(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_past)
    }

    /// All changes of a save were handled. The ids up to `end` are for events of this node alone.
    pub(crate) fn after(&mut self, position: u64, end: u64) {
        if let Some(shared) = &mut self.shared {
            self.last = self.last.max(position);
            shared.kept = shared.kept.max(self.last + 1);
            (shared.end, shared.is_asked, shared.is_past) = (shared.end.max(end), false, false);
        }
    }

    /// Whether the node has to save something now, because few ids are left before the next save.
    pub(crate) fn ask_for_more(&mut self) -> bool {
        let Some(shared) = &mut self.shared else { return false };
        let are_few = self.last + POSITIONS_OF_SAVE / 2 >= shared.end;
        are_few && !std::mem::replace(&mut shared.is_asked, true)
    }

    /// Returns a new id for an event that is not kept. More ids are reserved, durably, before they run out.
    pub(crate) fn next(&mut self, now: Instant, fx: &mut Effects) -> u64 {
        match &self.shared {
            // Without its database a node may run out of ids. A later save has greater ones than all that repeat.
            Some(shared) => self.last = (self.last + 1).min(shared.end.saturating_sub(1)).max(self.last),
            None => {
                self.last += 1;
                self.reserve(now, fx);
            }
        }
        self.last
    }

    /// Returns a new id for an event that is kept: on all nodes the same one.
    pub(crate) fn next_kept(&mut self, now: Instant, fx: &mut Effects) -> u64 {
        let Some(shared) = &mut self.shared else { return self.next(now, fx) };
        // What is past has the id that it had, by which the log knows it.
        let id = if shared.is_past { shared.kept } else { shared.kept.max(self.last + 1) };
        shared.kept = id + KEPT_APART;
        self.last = self.last.max(id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Output;

    #[test]
    fn nodes_give_kept_events_the_same_ids_whatever_else_they_report() {
        let mut fx = Effects::default();
        let kept = |traces: u64, fx: &mut Effects| {
            let mut ids = Ids::default();
            ids.share(1_000, 1_000 + POSITIONS_OF_SAVE);
            let mut seen: Vec<u64> = (0..3).map(|_| ids.next(Instant::ORIGIN, fx)).collect();
            let mut kept = Vec::new();
            for position in [7_000, 7_100] {
                ids.at(position, 7_200 + POSITIONS_OF_SAVE, false);
                seen.extend((0..traces).map(|_| ids.next(Instant::ORIGIN, fx)));
                kept.extend([ids.next_kept(Instant::ORIGIN, fx), ids.next_kept(Instant::ORIGIN, fx)]);
                seen.extend(&kept[kept.len() - 2..]);
            }
            ids.after(7_200, 7_200 + POSITIONS_OF_SAVE);
            seen.extend((0..5).map(|_| ids.next(Instant::ORIGIN, fx)));
            assert!(seen.is_sorted(), "{seen:?}");
            kept
        };
        assert_eq!(kept(0, &mut fx), kept(7, &mut fx));
        assert!(fx.poll().is_none(), "nothing is reserved");
    }

    #[test]
    fn each_event_of_a_node_has_an_id_of_its_own() {
        let (mut fx, mut ids, now) = (Effects::default(), Ids::default(), Instant::ORIGIN);
        ids.share(1_000, 1_000 + POSITIONS_OF_SAVE);
        // A list of muds has many events, all in one packet, and what is kept may follow.
        ids.at(7_000, 7_400 + POSITIONS_OF_SAVE, false);
        let mut seen: Vec<u64> = (0..300).map(|_| ids.next(now, &mut fx)).collect();
        seen.push(ids.next_kept(now, &mut fx));
        ids.after(7_400, 7_400 + POSITIONS_OF_SAVE);
        // What follows from no packet.
        seen.extend([ids.next(now, &mut fx), ids.next_kept(now, &mut fx), ids.next(now, &mut fx)]);
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    }

    #[test]
    fn ids_grow_over_a_restart_from_any_acknowledged_state() {
        let mut fx = Effects::default();
        let mut ids = Ids::default();
        let mut saved = Saved::default();
        let mut last = 0;
        for round in 0..400_000 {
            let id = ids.next(Instant::ORIGIN, &mut fx);
            assert!(id > last);
            last = id;
            while let Some(Output::Save { changes, .. }) = fx.poll() {
                saved.entries = changes;
            }
            if round % 79_190 == 0 {
                ids = Ids::restore(&saved);
            }
        }
    }
}
