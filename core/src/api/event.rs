//! The ids of events: they only grow, also over a restart.

use crate::effects::Effects;
use crate::machine::{Change, Saved};

/// How many ids are set aside at once. A start skips what was left of them.
const RESERVE: u64 = 10_000;

/// The space of the store that holds the last id set aside.
const SPACE: &str = "event_ids";

/// Gives out ids.
#[derive(Debug, Default)]
pub struct Ids {
    last: u64,
    reserved: u64,
}

impl Ids {
    /// Goes on after what was set aside before.
    pub fn restore(saved: &Saved) -> Self {
        let reserved = saved
            .entries
            .iter()
            .filter(|entry| entry.space == SPACE)
            .filter_map(|entry| std::str::from_utf8(entry.value.as_deref()?).ok()?.parse().ok())
            .max()
            .unwrap_or(0);
        Ids { last: reserved, reserved }
    }

    /// The next id. More are set aside, durably, before they run out.
    pub fn next(&mut self, fx: &mut Effects) -> u64 {
        self.last += 1;
        if self.last + RESERVE / 2 > self.reserved {
            self.reserved += RESERVE;
            let value = Some(self.reserved.to_string().into_bytes());
            fx.save(vec![Change { space: SPACE.to_owned(), key: "reserved".to_owned(), value }]);
        }
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
        for round in 0..40_000 {
            let id = ids.next(&mut fx);
            assert!(id > last);
            last = id;
            while let Some(Output::Save { changes, .. }) = fx.poll() {
                saved.entries = changes;
            }
            if round % 7_919 == 0 {
                ids = Ids::restore(&saved);
            }
        }
    }
}
