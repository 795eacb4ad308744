//! The changes that wait to be saved again.

use super::anew::Stale;
use crate::machine::{Change, SaveTicket, SmolStr};
use crate::spaces::Space;
use smol_str::format_smolstr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The memory that a change needs besides its texts.
const CHANGE_OVERHEAD_BYTES: usize = 128;

/// The space and the key of a change.
pub(super) type Name = (SmolStr, SmolStr);

/// A waiting change.
#[derive(Debug)]
pub(super) struct One {
    /// The first save of this key that is not durable.
    pub(super) first: SaveTicket,
    /// The save that last set the change.
    pub(super) last: SaveTicket,
    /// The first save of this key since the save of waiting changes was sent.
    since_retry: Option<SaveTicket>,
    pub(super) value: Option<Arc<[u8]>>,
}

/// The changes that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_name: BTreeMap<Name, One>,
    bytes: usize,
    /// The first save of those that wait: to look through all of them for each answer would take the longer the more wait.
    first: Option<SaveTicket>,
    /// The bytes of the changes of each space that can be written anew.
    of_space: BTreeMap<SmolStr, usize>,
    /// Several nodes share the store.
    is_shared: bool,
}

/// Returns the memory that a change needs.
pub(super) fn bytes_of(space: &str, key: &str, value: &Option<Arc<[u8]>>) -> usize {
    space.len() + key.len() + value.as_ref().map_or(0, |value| value.len()) + CHANGE_OVERHEAD_BYTES
}

/// Returns the memory that a change needs.
pub(super) fn bytes_of_change(change: &Change) -> usize {
    bytes_of(&change.space, &change.key, &change.value)
}

impl Waiting {
    /// From now on several nodes share the store.
    pub(super) fn share(&mut self) {
        self.is_shared = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Returns the number of changes.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Returns their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the bytes of the changes of a space, if it can be written anew.
    pub(super) fn bytes_of(&self, space: &str) -> usize {
        self.of_space.get(space).copied().unwrap_or(0)
    }

    /// Returns the first save that is not durable because of them.
    pub(super) fn first(&self) -> Option<SaveTicket> {
        debug_assert_eq!(self.first, self.by_name.values().map(|one| one.first).min());
        self.first
    }

    pub(super) fn get(&self, name: &Name) -> Option<&One> {
        self.by_name.get(name)
    }

    /// Whether a change with the name of this one waits.
    pub(super) fn has(&self, change: &Change) -> bool {
        self.get(&(change.space.clone(), change.key.clone())).is_some()
    }

    /// Returns all of them, in the order of their names.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        self.by_name.iter().map(|((space, key), one)| Change {
            space: space.clone(),
            key: key.clone(),
            value: one.value.clone(),
        })
    }

    /// Adds a change of a save, in the place of an older one of its key. `is_retrying`: a save of waiting changes is under way.
    pub(super) fn add(&mut self, ticket: SaveTicket, change: Change, is_retrying: bool) {
        let Change { space, key, value } = change;
        self.count(&space, bytes_of(&space, &key, &value));
        let since_retry = is_retrying.then_some(ticket);
        let mut new = One { first: ticket, last: ticket, since_retry, value };
        let name = (space, key);
        if let Some(old) = self.by_name.get(&name) {
            let bytes = bytes_of(&name.0, &name.1, &old.value);
            new.first = old.first.min(ticket);
            new.since_retry = old.since_retry.or(since_retry);
            self.discount(&name.0, bytes);
        }
        self.first = Some(self.first.map_or(new.first, |first| first.min(new.first)));
        self.by_name.insert(name, new);
    }

    /// Lets a change stand for an earlier save of its key, too.
    pub(super) fn stand_for(&mut self, name: &Name, ticket: SaveTicket) {
        if let Some(one) = self.by_name.get_mut(name) {
            one.first = one.first.min(ticket);
            self.first = self.first.map(|first| first.min(ticket));
        }
    }

    /// Removes a change.
    pub(super) fn forget(&mut self, name: &Name) {
        if let Some(old) = self.by_name.remove(name) {
            self.discount(&name.0, bytes_of(&name.0, &name.1, &old.value));
            self.removed(old.first);
        }
    }

    /// Removes the changes of a space, and calls `each` with them.
    pub(super) fn drop_space(&mut self, space: &str, mut each: impl FnMut(&Name, &One)) -> Stale {
        let mut dropped = Stale { first: SaveTicket(u64::MAX), changes: 0 };
        let first = (SmolStr::new(space), SmolStr::default());
        let after = (format_smolstr!("{space}\0"), SmolStr::default());
        let mut bytes = 0;
        for (name, one) in self.by_name.extract_if(first..after, |_, _| true) {
            each(&name, &one);
            bytes += bytes_of(&name.0, &name.1, &one.value);
            dropped = dropped.and(Stale { first: one.first, changes: 1 });
        }
        self.discount(space, bytes);
        self.removed(dropped.first);
        dropped
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        *self = Waiting { is_shared: self.is_shared, ..Waiting::default() };
    }

    /// Returns the space with the most bytes, if there is one that can be written anew.
    pub(super) fn largest(&self) -> Option<SmolStr> {
        let largest = self.of_space.iter().max_by_key(|(_, bytes)| **bytes);
        largest.map(|(space, _)| space.clone())
    }

    /// A save of waiting changes has failed.
    pub(super) fn retry_failed(&mut self) {
        self.by_name.values_mut().for_each(|one| one.since_retry = None);
    }

    /// A save of waiting changes, up to this one, is durable. Those that have changed since then stay.
    pub(super) fn retried(&mut self, ticket: SaveTicket, through: Option<&Name>) {
        let mut by_name = std::mem::take(&mut self.by_name);
        by_name.retain(|name, one| {
            let since_retry = one.since_retry.take();
            if through.is_none_or(|last| name > last) {
                return true;
            }
            let is_newer = one.last > ticket;
            if is_newer {
                one.first = since_retry.unwrap_or(one.last);
            } else {
                self.discount(&name.0, bytes_of(&name.0, &name.1, &one.value));
            }
            is_newer
        });
        self.by_name = by_name;
        self.removed(SaveTicket(0));
    }

    /// Changes were removed; `first` was the first save of these.
    fn removed(&mut self, first: SaveTicket) {
        if self.first.is_some_and(|of_all| first <= of_all) {
            self.first = self.by_name.values().map(|one| one.first).min();
        }
    }

    /// Whether a space can be written anew. Messages to other nodes are in no place from which they could be, and a space that
    /// several nodes write is not in the memory of one of them alone.
    fn is_in_memory(&self, space: &str) -> bool {
        Space::parse(space)
            .is_none_or(|(family, _)| !family.is_message() && (!self.is_shared || family.is_of_holder()))
    }

    /// So many bytes more of a space wait.
    fn count(&mut self, space: &SmolStr, bytes: usize) {
        self.bytes += bytes;
        if let Some(of_space) = self.of_space.get_mut(space) {
            *of_space += bytes;
        } else if self.is_in_memory(space) {
            self.of_space.insert(space.clone(), bytes);
        }
    }

    /// So many bytes fewer of a space wait.
    fn discount(&mut self, space: &str, bytes: usize) {
        self.bytes -= bytes;
        if let Some(of_space) = self.of_space.get_mut(space) {
            *of_space -= bytes;
            if *of_space == 0 {
                self.of_space.remove(space);
            }
        }
    }
}
