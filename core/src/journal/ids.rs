//! The ids of events. They only grow, also over a restart.

use crate::effects::Effects;
use crate::machine::{Change, Saved};
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

fn change(reserved: u64) -> Change {
    let value = Some(reserved.to_string().into_bytes());
    Change { space: Space::EventIds.whole(), key: "reserved".to_owned(), value }
}

/// Assigns ids.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: u64,
    reserved: u64,
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
        Ids { last: reserved, reserved }
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
        if self.last + RESERVE / 2 >= self.reserved {
            self.reserved = self.last + RESERVE;
            fx.save(now, vec![change(self.reserved)]);
        }
    }

    /// Returns a new id. More ids are reserved, durably, before they run out.
    pub(crate) fn next(&mut self, now: Instant, fx: &mut Effects) -> u64 {
        self.last += 1;
        self.reserve(now, fx);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Output;

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
