//! The visible names of users of other muds, from the ucache-updates that muds broadcast and from answers to questions.

use std::collections::{BTreeMap, VecDeque};

/// Number of users that are remembered. The oldest entries are forgotten first.
const USERS_MAX: usize = 10_000;

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
}

impl Ucache {
    /// Notes a user's visible name, as a mud has reported it.
    pub fn learn(&mut self, mud: &str, user: &str, shown: Shown) {
        let key = (mud.to_owned(), user.to_lowercase());
        if self.users.insert(key.clone(), shown).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > USERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.users.remove(&oldest);
        }
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
}
