//! The users who are online in the local game, as the game last published them (`presence_sync`).
//!
//! The time for which they count as online is a setting, so the caller passes it to [`Presence::fresh`].

use crate::saved;
use crate::time::{Instant, Now, UnixTime};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Number of users in one snapshot.
pub const USERS_MAX: usize = 512;
/// The longest idle time that a game may publish, in seconds: a year.
pub const IDLE_SECONDS_MAX: i64 = 31_536_000;
/// The highest level that a game may publish.
pub const LEVEL_MAX: i64 = 1000;
/// A user as the game published it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// A snapshot as nodes save it for each other. Of two the one with the greater time counts, then that of the greater start.
#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    /// When it was published: microseconds since 1970.
    at: u64,
    /// The start of the node that has published it.
    boot: Cow<'a, str>,
    users: Cow<'a, BTreeMap<String, User>>,
}

/// The users that the game last published, by name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    users: BTreeMap<String, User>,
    published: Option<Instant>,
    /// The age of the snapshot when it became known here.
    age: Duration,
    /// The time and the start of the node under which it was saved.
    saved_as: (u64, String),
}

impl Presence {
    /// Replaces the users. Returns those whose name has changed its spelling.
    pub fn replace(&mut self, now: Instant, users: BTreeMap<String, User>) -> Vec<User> {
        let before = std::mem::replace(&mut self.users, users);
        (self.published, self.age) = (Some(now), Duration::ZERO);
        let renamed =
            |key: &String, user: &User| before.get(key).is_some_and(|before| before.name != user.name);
        self.users.iter().filter(|(key, user)| renamed(key, user)).map(|(_, user)| user.clone()).collect()
    }

    /// Notes that the start `boot` of a node has published the users just now, and saves them for the others.
    pub(crate) fn publish(&mut self, now: Now, boot: &str) {
        // The clocks of nodes differ. What came later must count more.
        let at = now.unix.micros().max(self.saved_as.0 + 1);
        self.saved_as = (at, boot.to_owned());
    }

    /// Returns the users as nodes save them; `None` if none were published.
    pub(crate) fn saved(&self) -> Option<Arc<[u8]>> {
        self.published?;
        let (at, boot) = &self.saved_as;
        saved::write(&Saved { at: *at, boot: Cow::Borrowed(boot), users: Cow::Borrowed(&self.users) })
    }

    /// Takes the users that a node has saved, unless later ones are known. Returns whether they can be read.
    pub(crate) fn restore(&mut self, now: Now, value: &[u8]) -> bool {
        let Some(Saved { at, boot, users }) = saved::read(value) else { return false };
        let (known_at, known_boot) = &self.saved_as;
        if (at, &*boot) > (*known_at, known_boot) {
            self.saved_as = (at, boot.into_owned());
            self.users = users.into_owned();
            (self.published, self.age) = (Some(now.mono), now.unix.since(UnixTime::from_micros(at)));
        }
        true
    }

    /// Forgets the users: it is unknown who is online.
    pub(crate) fn forget(&mut self) {
        self.users.clear();
        self.published = None;
    }

    /// Returns the users, if the game published them less than `ttl` ago. Otherwise it is unknown who is online.
    pub fn fresh(&self, now: Instant, ttl: Duration) -> Option<Snapshot<'_>> {
        let age = self.age + now.since(self.published?);
        (age < ttl).then_some(Snapshot { users: &self.users, age })
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
    fn what_another_node_has_published_counts_until_it_is_as_old_as_any() {
        let at = |seconds: u64| Now {
            mono: Instant::from_micros(seconds * 1_000_000),
            unix: UnixTime::from_micros((1_800_000_000 + seconds) * 1_000_000),
        };
        let ttl = Duration::from_secs(30);
        let (mut here, mut there) = (Presence::default(), Presence::default());
        assert_eq!(here.saved(), None);
        here.replace(at(0).mono, users(&["Alyx"]));
        here.publish(at(0), "a");
        let first = here.saved().unwrap();
        assert!(there.restore(at(10), &first) && !there.restore(at(10), b"odd"));
        let seen = there.fresh(at(12).mono, ttl).unwrap();
        assert_eq!(seen.idle(seen.find("alyx").unwrap()), 17);
        assert!(there.fresh(at(29).mono, ttl).is_some() && there.fresh(at(30).mono, ttl).is_none());
        // A node whose clock is behind publishes later.
        there.replace(at(40).mono, users(&["Bob"]));
        there.publish(Now { unix: UnixTime::from_micros(0), ..at(40) }, "b");
        let second = there.saved().unwrap();
        assert!(here.restore(at(40), &second) && here.restore(at(41), &first));
        assert_eq!((here.len(), here.users.contains_key("bob"), here.saved()), (1, true, Some(second)));
        here.forget();
        assert!(here.fresh(at(40).mono, ttl).is_none() && here.saved().is_none());
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
