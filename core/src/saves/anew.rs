//! What has to be written anew, from memory.

use super::lines::DroppedLines;
use crate::line;
use crate::machine::{Clear, SaveTicket, SmolStr};
use std::collections::BTreeMap;

/// A part of the store that has to be written anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stale {
    /// The first save that is not durable in it.
    pub(super) first: SaveTicket,
    /// Number of changes that waited.
    pub(super) changes: usize,
}

impl Stale {
    pub(super) fn and(self, other: Stale) -> Stale {
        Stale { first: self.first.min(other.first), changes: self.changes + other.changes }
    }
}

/// What has to be written anew.
#[derive(Debug, Default)]
pub(super) struct Anew {
    /// Spaces of which too many changes waited, or whose contents in the store are not known.
    pub(super) spaces: BTreeMap<SmolStr, Stale>,
    /// The whole store, because it has lost everything.
    pub(super) everything: Option<Stale>,
    /// The lines of the history in these parts that were not saved.
    pub(super) lines: DroppedLines,
}

impl Anew {
    pub(super) fn is_empty(&self) -> bool {
        self.spaces.is_empty() && self.everything.is_none()
    }

    pub(super) fn covers(&self, space: &str) -> bool {
        self.everything.is_some() || self.spaces.contains_key(space)
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Stale> {
        self.spaces.values().chain(&self.everything)
    }

    pub(super) fn clear(&self) -> Clear {
        match (&self.everything, self.spaces.is_empty()) {
            (Some(_), _) => Clear::Everything,
            (None, false) => Clear::Spaces(self.spaces.keys().cloned().collect()),
            (None, true) => Clear::Nothing,
        }
    }

    pub(super) fn add(&mut self, space: SmolStr, stale: Stale) {
        let sum = self.spaces.get(&space).map_or(stale, |known| known.and(stale));
        self.spaces.insert(space, sum);
    }

    pub(super) fn add_all(&mut self, other: Anew) {
        self.lines.add_all(other.lines);
        if let Some(stale) = other.everything {
            self.everything = Some(self.everything.map_or(stale, |known| known.and(stale)));
        }
        other.spaces.into_iter().for_each(|(space, stale)| self.add(space, stale));
    }
}

/// Returns what is removed before parts of the store are written anew. Lines of the history stay: memory has only the newest
/// of them, and to write one again changes nothing.
pub(super) fn without_lines(parts: Clear) -> Clear {
    match parts {
        Clear::Spaces(mut spaces) => {
            spaces.retain(|space| !line::is_of_lines(space));
            if spaces.is_empty() { Clear::Nothing } else { Clear::Spaces(spaces) }
        }
        other => other,
    }
}
