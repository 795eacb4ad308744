//! The ids of the mudlist and of the channel list, and what has changed since an id.

use std::collections::BTreeMap;

/// Names whose last change is remembered: those of the list, and of some that are no longer on it.
const CHANGES_MAX: usize = 4000;

/// A list's id, which grows with each change.
#[derive(Debug, Default)]
pub(crate) struct ListId {
    id: i64,
    /// Changes from this id on are remembered.
    known_since: i64,
    /// The id at which each name last changed.
    changed: BTreeMap<String, i64>,
}

impl ListId {
    /// A list that is as it was when it had this id.
    pub(crate) fn new(id: i64) -> ListId {
        ListId { id, known_since: id, changed: BTreeMap::new() }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// An entry has changed. The new id is at least that second, if ids are times: then they grow over a restart too.
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

    /// The names that have changed since `id`, or `None` if only the whole list will do.
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
