//! The passwords of one mud at the routers that it has logged in to.

use crate::machine::{Change, Saved};
use crate::spaces::Space;

/// Returns the names of the routers whose passwords a store holds for a mud.
pub(crate) fn saved_passwords(saved: &Saved, mud: &str) -> Vec<String> {
    let space = Space::Passwords.of(mud);
    saved.entries.iter().filter(|entry| entry.space == space).map(|entry| entry.key.to_string()).collect()
}

/// Passwords by the names of the routers, in the order of these. Most muds have one.
#[derive(Debug, Default)]
pub(crate) struct Passwords(Vec<(Box<str>, i64)>);

impl Passwords {
    /// Restores a saved password. Returns whether it can be read.
    pub(crate) fn restore(&mut self, router: &str, value: &[u8]) -> bool {
        let password = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        password.is_some_and(|password| {
            self.put(router, password);
            true
        })
    }

    /// Returns all entries that the store must have.
    pub(crate) fn entries(&self, mud_name: &str) -> impl Iterator<Item = Change> {
        self.0.iter().map(move |(router, password)| change(mud_name, router, *password))
    }

    /// Returns where the password for a router is, or would be.
    fn place(&self, router: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| (**name).cmp(router))
    }

    fn put(&mut self, router: &str, password: i64) {
        match self.place(router) {
            Ok(place) => self.0[place].1 = password,
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (router.into(), password));
            }
        }
    }

    /// Returns the password for a router.
    pub(crate) fn at(&self, router: &str) -> Option<i64> {
        self.place(router).ok().map(|place| self.0[place].1)
    }

    /// Returns all passwords.
    pub(crate) fn all(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|(_, password)| *password)
    }

    /// Keeps the password that a router has sent. Returns the change to save, if there is one. 0 means no password and
    /// never replaces one; -1 (CoffeeMud) is a password.
    pub(crate) fn keep(&mut self, mud_name: &str, router: &str, password: i64) -> Option<Change> {
        if password == 0 || self.at(router) == Some(password) {
            return None;
        }
        self.put(router, password);
        Some(change(mud_name, router, password))
    }
}

fn change(mud_name: &str, router: &str, password: i64) -> Change {
    Change {
        space: Space::Passwords.of(mud_name),
        key: router.into(),
        value: Some(password.to_string().into_bytes().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_and_never_replaced_by_zero() {
        let mut passwords = Passwords::default();
        let change = passwords.keep("Alpha", "*net", 7).unwrap();
        assert_eq!((change.space.as_str(), change.value.as_deref()), ("password/Alpha", Some(&b"7"[..])));
        assert_eq!((passwords.keep("Alpha", "*net", 7), passwords.keep("Alpha", "*net", 0)), (None, None));
        assert!(passwords.keep("Alpha", "*net", -1).is_some());
        assert_eq!((passwords.at("*net"), passwords.at("*other")), (Some(-1), None));
        assert!(passwords.restore("*other", b"12") && !passwords.restore("*bad", b"x"));
        assert_eq!((passwords.at("*other"), passwords.at("*bad")), (Some(12), None));
    }
}
