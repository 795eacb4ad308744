//! Which events of a mud were delivered, as it is saved. Where several nodes share a store, each saves what it knows; an
//! event is delivered if any of them knows so.

use super::record::LaneName;
use serde::{Deserialize, Serialize};

/// Which events of a mud have been delivered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// All events up to this one were delivered, …
    pub(super) through: u64,
    /// … except these.
    pub(super) open: Vec<u64>,
    /// The last removed event of the tells, the answers and the channels.
    pub(super) lost: [u64; 3],
    /// What was removed before any game had it, and no game was told of yet.
    #[serde(default)]
    pub(super) missed: Missed,
}

/// The lanes from which an event was removed that no game had.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Missed {
    pub(super) tells: bool,
    pub(super) answers: bool,
    pub(super) channels: Vec<String>,
}

impl Mark {
    /// Whether an event was delivered.
    pub(super) fn has(&self, id: u64) -> bool {
        id <= self.through && self.open.binary_search(&id).is_err()
    }

    /// Whether a tell was delivered, in the mark of another node. That node may have removed the tell because no session
    /// has collected it; this one has to find that out itself, because the holder tells the sender.
    pub(super) fn has_tell(&self, id: u64) -> bool {
        self.has(id) && (id > self.lost[0] || !self.missed.tells)
    }

    /// Returns what two nodes know together.
    pub(super) fn merged(self, other: Mark) -> Mark {
        let (mut later, earlier) = if self.through >= other.through { (self, other) } else { (other, self) };
        later.open.retain(|id| !earlier.has(*id));
        for (lost, also) in later.lost.iter_mut().zip(earlier.lost) {
            *lost = also.max(*lost);
        }
        later
    }

    /// Whether it has known all events up to this one, and none of them still waits for a game.
    pub(super) fn knows_all_through(&self, id: u64) -> bool {
        self.through >= id && self.open.first().is_none_or(|first| *first > id)
    }
}

/// What all nodes have saved of one mud.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    all: Vec<Mark>,
    /// The first of them is that of this node.
    has_own: bool,
}

impl Marks {
    /// Adds what this node has saved.
    pub(super) fn add_own(&mut self, mark: Mark) {
        self.all.insert(0, mark);
        self.has_own = true;
    }

    /// Adds what another node has saved.
    pub(super) fn add(&mut self, mark: Mark) {
        self.all.push(mark);
    }

    /// Whether an event of a lane was delivered.
    pub(super) fn have(&self, lane: LaneName<'_>, id: u64) -> bool {
        let own = usize::from(self.has_own);
        let has = |(at, mark): (usize, &Mark)| match lane {
            LaneName::Tells if at >= own => mark.has_tell(id),
            _ => mark.has(id),
        };
        self.all.iter().enumerate().any(has)
    }

    /// Returns the last removed event of the tells, the answers and the channels.
    pub(super) fn lost(&self) -> [u64; 3] {
        let mut lost = [0; 3];
        for mark in &self.all {
            for (known, other) in lost.iter_mut().zip(mark.lost) {
                *known = other.max(*known);
            }
        }
        lost
    }

    /// Whether a game has missed an event of a lane whose last removed event is `lost`.
    pub(super) fn has_missed(&self, lost: u64, is_missed: impl Fn(&Missed) -> bool) -> bool {
        let knows_better = |mark: &Mark| !is_missed(&mark.missed) && mark.knows_all_through(lost);
        self.all.iter().any(|mark| is_missed(&mark.missed)) && !self.all.iter().any(knows_better)
    }

    /// Returns the channels of which a game has missed a line.
    pub(super) fn missed_channels(&self) -> impl Iterator<Item = &str> {
        let [.., lost] = self.lost();
        let all = self.all.iter().flat_map(|mark| &mark.missed.channels).map(String::as_str);
        all.filter(move |channel| {
            self.has_missed(lost, |missed| missed.channels.iter().any(|known| known == channel))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(through: u64, open: &[u64], lost: u64, missed: bool) -> Mark {
        let channels = if missed { vec!["chat".to_owned()] } else { Vec::new() };
        let missed = Missed { tells: missed, answers: false, channels };
        Mark { through, open: open.to_vec(), lost: [lost, 0, lost], missed }
    }

    #[test]
    fn what_one_node_has_delivered_is_delivered() {
        let mut marks = Marks::default();
        assert!(!marks.have(LaneName::Answers, 1) && marks.lost() == [0; 3]);
        marks.add(mark(10, &[4, 6], 2, false));
        marks.add(mark(7, &[6, 7], 3, false));
        let open: Vec<u64> = (1..=12).filter(|id| !marks.have(LaneName::Answers, *id)).collect();
        assert_eq!(open, [6, 11, 12]);
        assert_eq!(marks.lost(), [3, 0, 3]);
    }

    #[test]
    fn a_tell_that_another_node_has_given_up_is_not_delivered() {
        let (tells, given_up) = (LaneName::Tells, mark(10, &[7], 5, true));
        let mut marks = Marks::default();
        marks.add(given_up);
        assert_eq!([4, 5, 6, 7].map(|id| marks.have(tells, id)), [false, false, true, false]);
        assert!(marks.have(LaneName::Channel("chat"), 5));
        marks.add_own(mark(5, &[4], 5, true));
        assert_eq!([4, 5, 6, 7].map(|id| marks.have(tells, id)), [false, true, true, false]);
    }

    #[test]
    fn a_game_has_missed_nothing_that_it_had_at_another_node() {
        for (other, is_missed) in [
            (mark(10, &[], 0, false), false),
            (mark(10, &[9], 0, false), false),
            (mark(10, &[5], 0, false), true),
            (mark(4, &[], 0, false), true),
            (mark(10, &[], 0, true), true),
        ] {
            let mut marks = Marks::default();
            marks.add(mark(10, &[], 5, true));
            marks.add(other);
            let found = marks.has_missed(5, |missed| missed.tells);
            assert_eq!((found, marks.missed_channels().count() > 0), (is_missed, is_missed), "{marks:?}");
        }
    }
}
