//! Lines of the history whose changes were dropped because their space is written anew. They are saved then, if they are
//! still in memory.

use crate::line;
use crate::machine::{Change, SmolStr};
use std::collections::BTreeMap;

/// Returns the id of a line whose change this is. `None`: it is another change.
fn id_in(space: &str, key: &str) -> Option<u64> {
    line::id_of(key).filter(|_| line::is_of_lines(space))
}

/// Returns the number of lines of the history among changes.
pub(super) fn lines_in(changes: &[Change]) -> u64 {
    changes.iter().filter(|change| id_in(&change.space, &change.key).is_some()).count() as u64
}

/// The dropped lines of one space.
#[derive(Clone, Copy, Debug)]
struct Lines {
    count: u64,
    /// The least of their ids. All later lines of the space are dropped too, until it is written anew.
    first: u64,
}

/// The dropped lines of each space that has some.
#[derive(Clone, Debug, Default)]
pub(super) struct DroppedLines {
    of_space: BTreeMap<SmolStr, Lines>,
}

impl DroppedLines {
    /// Adds a line.
    pub(super) fn add(&mut self, space: &SmolStr, id: u64) {
        self.add_some(space.clone(), Lines { count: 1, first: id });
    }

    /// Adds a change, if it is one of a line.
    pub(super) fn add_change(&mut self, space: &SmolStr, key: &str) {
        if let Some(id) = id_in(space, key) {
            self.add(space, id);
        }
    }

    pub(super) fn add_all(&mut self, other: DroppedLines) {
        other.of_space.into_iter().for_each(|(space, lines)| self.add_some(space, lines));
    }

    fn add_some(&mut self, space: SmolStr, lines: Lines) {
        self.of_space.entry(space).and_modify(|known| known.add(lines)).or_insert(lines);
    }

    /// Takes those of a space.
    pub(super) fn take(&mut self, space: &SmolStr) -> DroppedLines {
        DroppedLines { of_space: self.of_space.remove_entry(space).into_iter().collect() }
    }

    /// Returns the number of all.
    pub(super) fn count(&self) -> u64 {
        self.of_space.values().map(|lines| lines.count).sum()
    }

    /// Returns how many of them are not among these entries, which are all that memory has of their spaces. Those that wait to be
    /// saved by themselves are none of them.
    pub(super) fn missing_from(&self, entries: &[Change], waits: impl Fn(&Change) -> bool) -> u64 {
        let mut missing = self.of_space.clone();
        for entry in entries {
            if let Some(lines) = missing.get_mut(&entry.space)
                && line::id_of(&entry.key).is_some_and(|id| id >= lines.first)
                && !waits(entry)
            {
                lines.count = lines.count.saturating_sub(1);
            }
        }
        missing.values().map(|lines| lines.count).sum()
    }
}

impl Lines {
    fn add(&mut self, other: Lines) {
        self.count += other.count;
        self.first = self.first.min(other.first);
    }
}
