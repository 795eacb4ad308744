//! What users of other muds are called: the ucache-updates that muds broadcast, and answers to questions.

use std::collections::{BTreeMap, VecDeque};

/// Users that are remembered; the oldest are forgotten first.
const USERS_MAX: usize = 10_000;

/// How a user is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The name with its capitals.
    pub visname: String,
    /// 0 male, 1 female, 2 neuter.
    pub gender: i64,
}

/// By mud and user in lower case.
#[derive(Clone, Debug, Default)]
pub struct Ucache {
    users: BTreeMap<(String, String), Shown>,
    order: VecDeque<(String, String)>,
}

impl Ucache {
    /// A mud said how a user is shown.
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

    /// How many users are remembered.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How a user is shown, if that is known.
    pub fn find(&self, mud: &str, user: &str) -> Option<&Shown> {
        self.users.get(&(mud.to_owned(), user.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_the_oldest_user_goes() {
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
