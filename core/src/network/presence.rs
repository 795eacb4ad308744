//! The users who are online in the local game, as the game last published them (`presence_sync`).
//!
//! The time for which they count as online is a setting, so the caller passes it to [`Presence::fresh`].

use crate::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Number of users in one snapshot.
pub const USERS_MAX: usize = 512;
/// The longest idle time that a game may publish, in seconds: a year.
pub const IDLE_SECONDS_MAX: i64 = 31_536_000;
/// The highest level that a game may publish.
pub const LEVEL_MAX: i64 = 1000;
/// A user as the game published it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The visible name.
    pub name: String,
    /// The text after the name.
    pub title: String,
    /// The race.
    pub race: String,
    /// The guild or class.
    pub guild: String,
    /// The place in the game.
    pub location: String,
    /// The activity of the user: `afk`, `editing`, …
    pub status: String,
    /// The level; 0 when the game published none.
    pub level: i64,
    /// Seconds of idleness when this was published.
    pub idle: i64,
    /// The login time, in RFC 3339 or as the game wrote it; empty when the game published none.
    pub login_time: String,
}

/// The users that the game last published, by name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    users: BTreeMap<String, User>,
    published: Option<Instant>,
}

impl Presence {
    /// Replaces the users. Returns those whose name has changed its spelling.
    pub fn replace(&mut self, now: Instant, users: BTreeMap<String, User>) -> Vec<User> {
        let before = std::mem::replace(&mut self.users, users);
        self.published = Some(now);
        let renamed =
            |key: &String, user: &User| before.get(key).is_some_and(|before| before.name != user.name);
        self.users.iter().filter(|(key, user)| renamed(key, user)).map(|(_, user)| user.clone()).collect()
    }

    /// Returns the users, if the game published them less than `ttl` ago. Otherwise it is unknown who is online.
    pub fn fresh(&self, now: Instant, ttl: Duration) -> Option<Snapshot<'_>> {
        let published = self.published.filter(|at| now < *at + ttl)?;
        Some(Snapshot { users: &self.users, age: now.since(published) })
    }

    /// Returns the number of users last published, however long ago.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether no user was last published.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// The users who are online now.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    users: &'a BTreeMap<String, User>,
    age: Duration,
}

impl<'a> Snapshot<'a> {
    /// Returns all users, sorted by name.
    pub fn users(self) -> impl Iterator<Item = &'a User> {
        self.users.values()
    }

    /// Returns the user with this name, in any case.
    pub fn find(self, name: &str) -> Option<&'a User> {
        self.users.get(&name.to_lowercase())
    }

    /// Returns for how many seconds a user has been idle: the published value plus the age of the snapshot.
    pub fn idle(self, user: &User) -> i64 {
        user.idle.saturating_add(i64::try_from(self.age.as_secs()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> BTreeMap<String, User> {
        let user = |name: &&str| {
            (name.to_lowercase(), User { name: (*name).to_owned(), idle: 5, ..User::default() })
        };
        names.iter().map(user).collect()
    }

    #[test]
    fn presence_expires_and_idle_times_grow() {
        let (mut presence, ttl) = (Presence::default(), Duration::from_secs(30));
        assert!(presence.fresh(Instant::ORIGIN, ttl).is_none());
        presence.replace(Instant::ORIGIN, users(&["Alyx"]));
        let later = presence.fresh(Instant::from_micros(9_000_000), ttl).unwrap();
        let user = later.find("ALYX").unwrap();
        assert_eq!(later.idle(user), 14);
        assert_eq!((later.users().count(), later.find("alyxa")), (1, None));
        let late = Instant::from_micros(30_000_000);
        assert!(presence.fresh(late, ttl).is_none());
        // The setting at the time of the question decides.
        assert!(presence.fresh(late, ttl * 2).is_some());
    }

    #[test]
    fn a_user_whose_name_changed_its_spelling_is_returned() {
        let mut presence = Presence::default();
        let mut publish = |names: &[&str]| {
            let renamed = presence.replace(Instant::ORIGIN, users(names));
            renamed.into_iter().map(|user| user.name).collect::<Vec<_>>()
        };
        assert!(publish(&["Ann", "Bob"]).is_empty());
        assert_eq!(publish(&["ANN", "Bob", "Cid"]), ["ANN"]);
    }
}
