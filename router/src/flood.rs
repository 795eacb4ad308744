//! The flood control of Dead Souls: points for each mud and second of the wall clock, and a gray list.

use crate::registry::KnownMudId;
use std::collections::{BTreeMap, VecDeque};

/// The points of a mud for one second.
pub(crate) const POINTS_PER_SECOND_MAX: u32 = 10;
/// The points of a login.
const STARTUP_POINTS: u32 = 6;

/// Returns the points of a packet of this type.
pub(crate) fn points(kind: &str) -> u32 {
    match kind {
        "channel-listen" => 0,
        kind if kind.starts_with("startup-req") => STARTUP_POINTS,
        _ => 1,
    }
}

/// The result of the flood control for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloodVerdict {
    /// The packet passes.
    Pass,
    /// The packet exceeds the points. It is dropped, and the mud gets an error and goes on the gray list.
    Detected,
    /// The mud is on the gray list. The packet is dropped, and the mud gets an error.
    Reminder,
    /// The mud is on the gray list, and got an error in this second. The packet is dropped.
    Ignored,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    second: u64,
    points: u32,
    /// The second of the last answer about flooding.
    told: u64,
}

/// The points that muds have used, and the gray list. Both have at most one entry for each mud.
#[derive(Debug, Default)]
pub(crate) struct FloodControl {
    counts: BTreeMap<KnownMudId, Count>,
    gray: VecDeque<KnownMudId>,
}

impl FloodControl {
    /// Counts a packet.
    pub(crate) fn charge(&mut self, mud: KnownMudId, second: u64, points: u32) -> FloodVerdict {
        let count = self.counts.entry(mud).or_default();
        if self.gray.contains(&mud) {
            let verdict = if count.told == second { FloodVerdict::Ignored } else { FloodVerdict::Reminder };
            count.told = second;
            return verdict;
        }
        if count.second != second {
            *count = Count { second, points: 0, told: 0 };
        }
        // A packet without points never exceeds the limit.
        if points > 0 && count.points + points > POINTS_PER_SECOND_MAX {
            count.told = second;
            self.gray.push_back(mud);
            return FloodVerdict::Detected;
        }
        count.points += points;
        FloodVerdict::Pass
    }

    /// Removes the mud that has been on the gray list for the longest time.
    pub(crate) fn release_one(&mut self) -> Option<KnownMudId> {
        self.gray.pop_front()
    }

    /// Whether a mud is on the gray list.
    pub(crate) fn has_gray(&self) -> bool {
        !self.gray.is_empty()
    }

    /// Removes a mud that is forgotten.
    pub(crate) fn forget(&mut self, mud: KnownMudId) {
        self.counts.remove(&mud);
        self.gray.retain(|other| *other != mud);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_point_in_a_second_is_too_many() {
        let mut flood = FloodControl::default();
        let (a, b) = (KnownMudId::for_test(1), KnownMudId::for_test(2));
        assert_eq!(flood.charge(a, 100, points("startup-req-3")), FloodVerdict::Pass);
        for _ in 0..4 {
            assert_eq!(flood.charge(a, 100, points("tell")), FloodVerdict::Pass);
        }
        assert_eq!(flood.charge(a, 100, points("channel-listen")), FloodVerdict::Pass);
        assert_eq!(flood.charge(b, 100, points("tell")), FloodVerdict::Pass);
        assert_eq!(flood.charge(a, 100, points("tell")), FloodVerdict::Detected);
        assert_eq!(flood.charge(a, 100, points("tell")), FloodVerdict::Ignored);
        assert_eq!(flood.charge(a, 101, points("channel-listen")), FloodVerdict::Reminder);
        assert_eq!(flood.charge(a, 101, points("tell")), FloodVerdict::Ignored);
        assert_eq!(flood.release_one(), Some(a));
        assert!(!flood.has_gray());
        assert_eq!(flood.charge(a, 101, points("tell")), FloodVerdict::Pass);
    }

    #[test]
    fn a_new_second_starts_at_nothing() {
        let mut flood = FloodControl::default();
        for second in 1..5 {
            for _ in 0..POINTS_PER_SECOND_MAX {
                assert_eq!(flood.charge(KnownMudId::for_test(1), second, 1), FloodVerdict::Pass);
            }
        }
    }
}
