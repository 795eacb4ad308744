//! Who is on at home, as the game last said.

use crate::time::Instant;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Users in one snapshot.
pub const USERS_MAX: usize = 512;
/// Seconds: a year.
pub const IDLE_SECONDS_MAX: i64 = 31_536_000;
/// The highest level.
pub const LEVEL_MAX: i64 = 1000;
/// The texts of a user and the longest each may be, in characters.
const TEXTS: [(&str, usize); 6] =
    [("name", 128), ("title", 256), ("race", 128), ("guild", 128), ("location", 256), ("status", 256)];

/// A user as the game published it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// As shown.
    pub name: String,
    /// What follows the name.
    pub title: String,
    /// The race.
    pub race: String,
    /// The guild or class.
    pub guild: String,
    /// Where in the game.
    pub location: String,
    /// `afk`, `editing`, …
    pub status: String,
    /// The level, 0 when not told.
    pub level: i64,
    /// Seconds, when it was published.
    pub idle: i64,
    /// RFC 3339 or as the game wrote it; empty when not told.
    pub login_time: String,
}

/// What is wrong with a snapshot, in words for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceError(pub String);

/// The last snapshot, by name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    users: BTreeMap<String, User>,
    published: Option<Instant>,
    ttl: Duration,
}

impl Presence {
    /// How long a snapshot holds from now on.
    pub fn set_ttl(&mut self, ttl: Duration) {
        self.ttl = ttl;
    }

    /// Nothing published; a snapshot will hold for `ttl`.
    pub fn new(ttl: Duration) -> Self {
        Presence { users: BTreeMap::new(), published: None, ttl }
    }

    /// Replaces the snapshot. Gives the users whose name is now written in another way than in the last one.
    pub fn replace(&mut self, now: Instant, users: BTreeMap<String, User>) -> Vec<User> {
        let before = std::mem::replace(&mut self.users, users);
        self.published = Some(now);
        let renamed =
            |key: &String, user: &User| before.get(key).is_some_and(|before| before.name != user.name);
        self.users.iter().filter(|(key, user)| renamed(key, user)).map(|(_, user)| user.clone()).collect()
    }

    /// Whether the game said lately who is on.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.published.is_some_and(|at| now < at + self.ttl)
    }

    /// Who is on, if that is known.
    pub fn users(&self, now: Instant) -> impl Iterator<Item = &User> {
        self.users.values().filter(move |_| self.is_fresh(now))
    }

    /// How many are on, or were when it was last heard.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The user of that name, in any case, if presence is fresh.
    pub fn find(&self, now: Instant, name: &str) -> Option<&User> {
        if self.is_fresh(now) { self.users.get(&name.to_lowercase()) } else { None }
    }

    /// How long a user is idle by now.
    pub fn idle(&self, now: Instant, user: &User) -> i64 {
        let since = self.published.map_or(0, |at| now.since(at).as_secs());
        user.idle.saturating_add(i64::try_from(since).unwrap_or(0))
    }
}

/// Reads the `users` of a presence_sync.
pub fn parse_users(users: &[Value]) -> Result<BTreeMap<String, User>, PresenceError> {
    let fail = |text: String| Err(PresenceError(text));
    if users.len() > USERS_MAX {
        return fail(format!("users: a snapshot holds at most {USERS_MAX} users"));
    }
    let mut parsed = BTreeMap::new();
    for (at, user) in users.iter().enumerate() {
        let Value::Object(user) = user else { return fail(format!("users[{at}] must be an object")) };
        let user = parse_user(at, user)?;
        if parsed.insert(user.name.to_lowercase(), user).is_some() {
            return fail(format!("users[{at}]: the name stands twice"));
        }
    }
    Ok(parsed)
}

fn parse_user(at: usize, fields: &Map<String, Value>) -> Result<User, PresenceError> {
    let fail = |field: &str, what: &str| Err(PresenceError(format!("users[{at}].{field} {what}")));
    let mut texts = TEXTS.map(|_| String::new());
    for ((field, most), text) in TEXTS.into_iter().zip(&mut texts) {
        match fields.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) => {
                if value.chars().count() > most {
                    return fail(field, &format!("is longer than {most} characters"));
                }
                if value.chars().any(char::is_control) {
                    return fail(field, "holds control characters");
                }
                text.clone_from(value);
            }
            Some(_) => return fail(field, "must be a text"),
        }
    }
    let [name, title, race, guild, location, status] = texts;
    if name.is_empty() || name.trim() != name {
        return fail("name", "must be a name without blanks around it");
    }
    let number = |field: &str, most: i64| match fields.get(field) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => match value.as_i64() {
            Some(number) if (0..=most).contains(&number) => Ok(number),
            Some(_) => fail(field, &format!("must be between 0 and {most}")).map(|_: User| 0),
            None => fail(field, "must be an integer").map(|_: User| 0),
        },
    };
    let login_time = match fields.get("login_time") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.len() <= 64 && !text.chars().any(char::is_control) => text.clone(),
        Some(Value::Number(seconds)) => match seconds.as_u64().filter(|seconds| *seconds < 1 << 40) {
            Some(seconds) => crate::time::UnixTime::from_micros(seconds * 1_000_000).to_string(),
            None => return fail("login_time", "must be seconds since 1970 or a time as text"),
        },
        Some(_) => return fail("login_time", "must be seconds since 1970 or a time as text"),
    };
    let (level, idle) = (number("level", LEVEL_MAX)?, number("idle", IDLE_SECONDS_MAX)?);
    Ok(User { name, title, race, guild, location, status, level, idle, login_time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(users: &Value) -> String {
        parse_users(users.as_array().unwrap()).unwrap_err().0
    }

    #[test]
    fn snapshots_are_checked_field_by_field() {
        for (users, expected) in [
            (json!(["A"]), "users[0] must be an object"),
            (json!([{"level": 1}]), "users[0].name must be a name without blanks around it"),
            (json!([{"name": " A"}]), "users[0].name must be a name without blanks around it"),
            (json!([{"name": "A"}, {"name": "a"}]), "users[1]: the name stands twice"),
            (json!([{"name": "A", "level": 1001}]), "users[0].level must be between 0 and 1000"),
            (json!([{"name": "A", "level": true}]), "users[0].level must be an integer"),
            (json!([{"name": "A", "level": 1.5}]), "users[0].level must be an integer"),
            (json!([{"name": "A", "idle": -1}]), "users[0].idle must be between 0 and 31536000"),
            (json!([{"name": "x".repeat(129)}]), "users[0].name is longer than 128 characters"),
            (json!([{"name": "A", "title": "\u{1b}[2J"}]), "users[0].title holds control characters"),
            (
                json!([{"name": "A", "login_time": [1]}]),
                "users[0].login_time must be seconds since 1970 or a time as text",
            ),
        ] {
            assert_eq!(error(&users), expected);
        }
        let many: Vec<_> = (0..513).map(|n| json!({"name": format!("u{n}")})).collect();
        assert_eq!(error(&Value::Array(many)), "users: a snapshot holds at most 512 users");
    }

    #[test]
    fn presence_grows_old_and_idle_grows_with_it() {
        let users = json!([{"name": "Alyx", "idle": 5, "login_time": 1_790_000_000, "bogus": 1}]);
        let users = parse_users(users.as_array().unwrap()).unwrap();
        let mut presence = Presence::new(Duration::from_secs(30));
        assert!(!presence.is_fresh(Instant::ORIGIN));
        presence.replace(Instant::ORIGIN, users);
        let later = Instant::from_micros(9_000_000);
        let user = presence.find(later, "ALYX").unwrap();
        assert_eq!((presence.idle(later, user), user.login_time.as_str()), (14, "2026-09-21T14:13:20Z"));
        let late = Instant::from_micros(30_000_000);
        assert!(presence.find(late, "alyx").is_none());
        assert_eq!(presence.users(late).count(), 0);
    }
}
