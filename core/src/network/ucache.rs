//! The visible names of users of other muds, from the ucache-updates that muds broadcast and from answers to questions.

use super::limits::{ENTRY_BYTES, NAME_BYTES_MAX};
use std::collections::{BTreeMap, VecDeque};

/// Number of users that are remembered. The oldest entries are forgotten first.
const USERS_MAX: usize = 10_000;

/// Bytes of the users that are remembered.
pub const UCACHE_BYTES_MAX: usize = 2_097_152;

/// The visible name and the gender of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The name with its capitals.
    pub visname: String,
    /// 0: male; 1: female; 2: neuter.
    pub gender: i64,
}

/// The users, by mud and name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Ucache {
    users: BTreeMap<(String, String), Shown>,
    order: VecDeque<(String, String)>,
    bytes: usize,
}

/// Returns the bytes of an entry. Its key is there twice.
fn bytes_of((mud, user): &(String, String), shown: &Shown) -> usize {
    ENTRY_BYTES + 2 * (mud.len() + user.len()) + shown.visname.len()
}

impl Ucache {
    /// Notes a user's visible name, as a mud has reported it. Returns whether the names are short enough to be remembered.
    pub fn learn(&mut self, mud: &str, user: &str, shown: Shown) -> bool {
        if [mud, user, &shown.visname].into_iter().any(|name| name.len() > NAME_BYTES_MAX) {
            return false;
        }
        let key = (mud.to_owned(), user.to_lowercase());
        self.bytes += bytes_of(&key, &shown);
        match self.users.insert(key.clone(), shown) {
            Some(before) => self.bytes -= bytes_of(&key, &before),
            None => self.order.push_back(key),
        }
        while (self.order.len() > USERS_MAX || self.bytes > UCACHE_BYTES_MAX)
            && let Some(oldest) = self.order.pop_front()
        {
            let shown = self.users.remove(&oldest);
            self.bytes -= shown.map_or(0, |shown| bytes_of(&oldest, &shown));
        }
        true
    }

    /// Returns the number of users.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a user's visible name, if it is known.
    pub fn find(&self, mud: &str, user: &str) -> Option<&Shown> {
        self.users.get(&(mud.to_owned(), user.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_name_is_kept_and_the_oldest_user_forgotten() {
        let mut cache = Ucache::default();
        let shown = |visname: &str| Shown { visname: visname.to_owned(), gender: 1 };
        cache.learn("M", "Ann", shown("Ann"));
        cache.learn("M", "ann", shown("Lady Ann"));
        assert_eq!(cache.find("M", "ANN"), Some(&shown("Lady Ann")));
        assert_eq!(cache.find("N", "ann"), None);
        for n in 0..USERS_MAX {
            cache.learn("M", &format!("u{n}"), shown("x"));
        }
        assert_eq!(cache.find("M", "ann"), None);
        assert_eq!(cache.users.len(), USERS_MAX);
    }

    #[test]
    fn the_bytes_are_limited_and_long_names_are_ignored() {
        let mut cache = Ucache::default();
        let (name, long) = ("x".repeat(NAME_BYTES_MAX - 10), "x".repeat(NAME_BYTES_MAX + 1));
        let shown = |visname: &str| Shown { visname: visname.to_owned(), gender: 1 };
        for (mud, user, visname) in [(&long, &name, &name), (&name, &long, &name), (&name, &name, &long)] {
            assert!(!cache.learn(mud, user, shown(visname)));
        }
        assert_eq!((cache.len(), cache.bytes), (0, 0));
        for n in 0..2 * USERS_MAX {
            assert!(cache.learn(&name, &format!("{name}{}", n % 5_000), shown(&name)));
        }
        assert!(cache.bytes <= UCACHE_BYTES_MAX && cache.bytes > UCACHE_BYTES_MAX - 2_000);
        let expected: usize = cache.users.iter().map(|(key, shown)| bytes_of(key, shown)).sum();
        assert_eq!((cache.bytes, cache.order.len()), (expected, cache.len()));
    }
}
