//! Flood control as Dead Souls does it: points per mud and wall-clock second, and a gray list.

use crate::registry::KnownMudId;
use std::collections::{BTreeMap, VecDeque};

/// Points a mud has in one second.
pub(crate) const POINTS_PER_SECOND_MAX: u32 = 10;
/// What a login costs.
const STARTUP_POINTS: u32 = 6;

/// What a packet of this type costs.
pub(crate) fn points(kind: &str) -> u32 {
    match kind {
        "channel-listen" => 0,
        kind if kind.starts_with("startup-req") => STARTUP_POINTS,
        _ => 1,
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloodVerdict {
    /// It passes.
    Pass,
    /// It is one too many: it is dropped, the mud is told and goes on the gray list.
    Detected,
    /// The mud is on the gray list: the packet is dropped, and the mud is told, once in a second.
    Reminder,
    /// The same, and the mud has been told.
    Ignored,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    second: u64,
    points: u32,
    /// The second of the last answer about flooding.
    told: u64,
}

/// Who has sent how much, and who is ignored for it. At most one entry a mud in either.
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
        // A free packet is not the one too many.
        if points > 0 && count.points + points > POINTS_PER_SECOND_MAX {
            count.told = second;
            self.gray.push_back(mud);
            return FloodVerdict::Detected;
        }
        count.points += points;
        FloodVerdict::Pass
    }

    /// Takes the mud that has been ignored longest off the gray list.
    pub(crate) fn release_one(&mut self) -> Option<KnownMudId> {
        self.gray.pop_front()
    }

    /// Whether anybody is on the gray list.
    pub(crate) fn has_gray(&self) -> bool {
        !self.gray.is_empty()
    }

    /// The mud no longer exists.
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
