//! The contents of the store at the start, by their spaces.

use crate::machine::{Change, Saved};
use std::collections::BTreeMap;

/// The entries of a store by their spaces: a mud reads its own, not those of all muds.
pub(crate) struct BySpace<'s>(BTreeMap<&'s str, Vec<(&'s str, &'s [u8])>>);

impl<'s> BySpace<'s> {
    /// Sorts the entries.
    pub(crate) fn new(saved: &'s Saved) -> BySpace<'s> {
        let mut spaces: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
        for Change { space, key, value } in &saved.entries {
            if let Some(value) = value {
                spaces.entry(space).or_default().push((key, value));
            }
        }
        BySpace(spaces)
    }

    /// Returns the keys and values of a space, in their order.
    pub(crate) fn of(&self, space: &str) -> impl Iterator<Item = (&'s str, &'s [u8])> + use<'s, '_> {
        self.0.get(space).into_iter().flatten().copied()
    }
}
