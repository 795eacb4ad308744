//! The ids of the mudlist and of the channel list, and the changes since an id.

use std::collections::BTreeMap;

/// The most names whose last change is remembered: those on the list, and some that were removed.
const CHANGES_MAX: usize = 4000;

/// The id of a list. It grows with each change.
#[derive(Debug, Default)]
pub(crate) struct ListId {
    id: i64,
    /// Changes from this id on are remembered.
    known_since: i64,
    /// The id at which each name last changed.
    changed: BTreeMap<String, i64>,
}

impl ListId {
    /// Makes a list with this id and without changes.
    pub(crate) fn new(id: i64) -> ListId {
        ListId { id, known_since: id, changed: BTreeMap::new() }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Notes the change of an entry. If ids are times, the new id is at least `second`, so that ids keep growing after a
    /// restart.
    pub(crate) fn change(&mut self, name: &str, unix_second: Option<u64>) -> i64 {
        let second = unix_second.and_then(|second| i64::try_from(second).ok()).unwrap_or(0);
        self.id = second.max(self.id + 1);
        self.changed.insert(name.to_owned(), self.id);
        if self.changed.len() > CHANGES_MAX {
            self.changed.clear();
            self.known_since = self.id;
        }
        self.id
    }

    /// Returns the names that have changed since `id`. `None`: the whole list has to be sent.
    pub(crate) fn since(&self, id: i64) -> Option<Vec<String>> {
        if id < self.known_since || id > self.id {
            return None;
        }
        Some(self.changed.iter().filter(|(_, at)| **at > id).map(|(name, _)| name.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_times_or_one_more() {
        let mut list = ListId::new(100);
        assert_eq!(
            [list.change("a", Some(100)), list.change("b", Some(100)), list.change("c", Some(200))],
            [101, 102, 200]
        );
        assert_eq!(list.change("d", None), 201);
        assert_eq!(list.since(102).unwrap(), ["c", "d"]);
        assert_eq!(list.since(201).unwrap(), [""; 0]);
        assert_eq!((list.since(99), list.since(202)), (None, None));
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut list = ListId::new(0);
        for number in 0..=CHANGES_MAX {
            list.change(&number.to_string(), None);
        }
        assert_eq!(list.since(0), None);
        assert!(list.since(list.id()).is_some());
    }
}
