//! The ids of events: they only grow, also over a restart.

use crate::effects::Effects;
use crate::machine::{Change, Saved};
use crate::spaces::Space;
use crate::time::Instant;

/// How many ids are set aside at once. A start skips what was left of them. It takes half as many events to run out of
/// them while the store does not take what is saved.
const RESERVE: u64 = 100_000;

/// See [`Gateway::carry_over`](crate::Gateway::carry_over).
pub(crate) fn carry_over(before: &Saved, restored: &Saved) -> Vec<Change> {
    let (before, restored) = (Ids::restore(before), Ids::restore(restored));
    if before.reserved > restored.reserved { vec![change(before.reserved)] } else { Vec::new() }
}

/// See [`Gateway::before_start`](crate::Gateway::before_start).
pub(crate) fn set_aside(saved: &Saved) -> Vec<Change> {
    vec![change(Ids::restore(saved).reserved + RESERVE)]
}

fn change(reserved: u64) -> Change {
    let value = Some(reserved.to_string().into_bytes());
    Change { space: Space::EventIds.whole(), key: "reserved".to_owned(), value }
}

/// Gives out ids.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: u64,
    reserved: u64,
}

impl Ids {
    /// Goes on after what was set aside before.
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

    /// Skips ids that were given out without having been set aside, because the store did not take it.
    pub(crate) fn skip_to(&mut self, last: u64) {
        self.last = self.last.max(last);
        self.reserved = self.reserved.max(last);
    }

    /// The last id that was given out.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Sets ids aside, durably, if there are few.
    pub(crate) fn reserve(&mut self, now: Instant, fx: &mut Effects) {
        if self.last + RESERVE / 2 >= self.reserved {
            self.reserved = self.last + RESERVE;
            fx.save(now, vec![change(self.reserved)]);
        }
    }

    /// The next id. More are set aside, durably, before they run out.
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
