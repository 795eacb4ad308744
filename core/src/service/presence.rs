//! The users who are online in the game, as the game publishes them.

use super::asked::NEUTER;
use super::call::Call;
use super::method::{Access, methods};
use crate::cx::Cx;
use crate::describe::datum::Datum;
use crate::describe::macros::{output, params, words};
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{List, Parameter, Within, Wrong};
use crate::fault::Fault;
use crate::i3::packet::{Body, Header, Packet};
use crate::link::pacer::Priority;
use crate::muds::Muds;
use crate::network::User;
use crate::network::presence::{IDLE_SECONDS_MAX, LEVEL_MAX, USERS_MAX};
use crate::settings::Permission;
use crate::time::UnixTime;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The longest name of a user, in characters.
const NAME_CHARS_MAX: usize = 128;

/// The longest login time that is a text, in bytes.
const LOGIN_TIME_BYTES_MAX: usize = 64;

/// The latest login time that is a number of seconds, exclusive.
const LOGIN_SECONDS_BELOW: i64 = 1 << 40;

params! {
    /// The parameters of `presence_sync`.
    pub(super) struct Sync<'a> {
        /// all users who are online; any other user is offline
        users: List<SyncedUser<'a>, USERS_MAX>,
    }

    /// A user who is online.
    pub(super) struct SyncedUser<'a> {
        /// as shown, without blanks around it; at most 128 characters
        name: ShownName<'a>,
        /// the text after the name; at most 256 characters
        title: Option<Chars<'a, 256>>,
        /// at most 128 characters
        race: Option<Chars<'a, 128>>,
        /// at most 128 characters
        guild: Option<Chars<'a, 128>>,
        /// at most 256 characters
        location: Option<Chars<'a, 256>>,
        /// `afk`, `editing`, …, at most 256 characters
        status: Option<Chars<'a, 256>>,
        /// the user's level
        level: Within<0, LEVEL_MAX> = 0,
        /// seconds of idleness
        idle: Within<0, IDLE_SECONDS_MAX> = 0,
        /// seconds since 1970, or a text of at most 64 bytes
        login_time: Option<LoginTime<'a>>,
    }
}

output! {
    /// The result of `presence_sync`.
    pub(super) struct Synchronized {
        /// always `synchronized`
        status: SynchronizedStatus,
        /// the session's mud
        mud_name: String,
        /// number of users
        count: usize,
    }
}

words! {
    /// The only status of `presence_sync`.
    pub(super) enum SynchronizedStatus {
        /// The users were published.
        Synchronized = "synchronized",
    }
}

methods! {
    /// Publishes which users are online. The list is valid for 30 seconds, unless the settings say otherwise.
    "presence_sync" (Access::Permitted(Permission::Presence)) Sync<'_> => [Synchronized] &[],
        |parts, call, args| sync(&mut parts.cx, parts.muds, call, args);
}

/// A text of at most `MOST` characters, without control characters.
#[derive(Clone, Debug)]
pub(super) struct Chars<'a, const MOST: usize>(Cow<'a, str>);

impl<const MOST: usize> Described for Chars<'_, MOST> {
    const SHAPE: Shape = Shape::Text;
}

impl<'a, const MOST: usize> Parameter<'a> for Chars<'a, MOST> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let Datum::Text(text) = value else { return Err(Wrong::must("must be a text")) };
        if text.chars().count() > MOST {
            return Err(Wrong::must(format!("is longer than {MOST} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(Wrong::must("holds control characters"));
        }
        Ok(Chars(text))
    }
}

/// The visible name of a user.
#[derive(Clone, Debug)]
pub(super) struct ShownName<'a>(Cow<'a, str>);

impl Described for ShownName<'_> {
    const SHAPE: Shape = Shape::Name;
}

impl<'a> Parameter<'a> for ShownName<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let Chars(name) = Chars::<'a, NAME_CHARS_MAX>::read(value)?;
        if name.is_empty() || name.trim() != name {
            return Err(Wrong::must("must be a name without blanks around it"));
        }
        Ok(ShownName(name))
    }
}

/// When a user logged in: a time, or the text that the game wrote.
#[derive(Clone, Debug)]
pub(super) struct LoginTime<'a>(Cow<'a, str>);

impl Described for LoginTime<'_> {
    const SHAPE: Shape = Shape::Any;
}

impl<'a> Parameter<'a> for LoginTime<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let is_text = |text: &str| text.len() <= LOGIN_TIME_BYTES_MAX && !text.chars().any(char::is_control);
        match value {
            Datum::Text(text) if is_text(&text) => Ok(LoginTime(text)),
            Datum::Int(seconds @ 0..LOGIN_SECONDS_BELOW) => {
                let at = UnixTime::from_micros(seconds.unsigned_abs() * 1_000_000);
                Ok(LoginTime(Cow::Owned(at.to_string())))
            }
            _ => Err(Wrong::must("must be seconds since 1970 or a time as text")),
        }
    }
}

impl From<SyncedUser<'_>> for User {
    fn from(user: SyncedUser<'_>) -> Self {
        fn text<const MOST: usize>(text: Option<Chars<'_, MOST>>) -> String {
            text.map(|Chars(text)| text.into_owned()).unwrap_or_default()
        }
        User {
            name: user.name.0.into_owned(),
            title: text(user.title),
            race: text(user.race),
            guild: text(user.guild),
            location: text(user.location),
            status: text(user.status),
            level: user.level.0,
            idle: user.idle.0,
            login_time: user.login_time.map(|LoginTime(text)| text.into_owned()).unwrap_or_default(),
        }
    }
}

/// Returns the users by their names in lower case.
fn by_name(users: List<SyncedUser<'_>, USERS_MAX>) -> Result<BTreeMap<String, User>, Wrong> {
    let mut known = BTreeMap::new();
    for (at, user) in users.0.into_iter().enumerate() {
        let user = User::from(user);
        if known.insert(user.name.to_lowercase(), user).is_some() {
            return Err(Wrong::must("has a name that is there twice").at(at).of("users"));
        }
    }
    Ok(known)
}

fn sync(cx: &mut Cx<'_>, muds: &mut Muds, call: &Call, args: Sync<'_>) -> Result<Synchronized, Fault> {
    // Only the game itself can publish its users.
    let caller = call.speaker()?;
    let mud = caller.mud;
    let users = by_name(args.users)?;
    let count = users.len();
    let renamed = muds[mud].presence.replace(cx.now.mono, users);
    if let Some(node) = &cx.settings.node {
        muds[mud].presence.publish(cx.now, &node.boot);
        let change = muds[mud].save_users(&cx.settings.mud(mud).name);
        cx.save([change]);
    }
    if cx.settings.mud(mud).offers("ucache") && muds[mud].link.is_ready() {
        for user in renamed {
            let (key, visname) = (user.name.to_lowercase(), user.name.as_str());
            let body =
                Body::UcacheUpdate { user: key.as_str().into(), visname: visname.into(), gender: NEUTER };
            let packet = Packet { header: Header::broadcast(&caller.mud_name, None), body };
            if muds.send(cx, mud, Priority::Query, &packet, None).is_err() {
                cx.metrics.packets_ignored += 1;
            }
        }
    }
    let (status, mud_name) = (SynchronizedStatus::Synchronized, caller.mud_name.to_string());
    Ok(Synchronized { status, mud_name, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::datum::Source;
    use crate::describe::values::Parameters;

    fn read(users: &str) -> Result<BTreeMap<String, User>, Wrong> {
        struct One<'a>(Option<Datum<'a>>);

        impl<'a> Source<'a> for One<'a> {
            fn take(&mut self, _: &str) -> Option<Datum<'a>> {
                self.0.take()
            }
        }

        let mut source = One(crate::saved::read(users.as_bytes()));
        let Sync { users } = Sync::read_from(&mut source)?;
        by_name(users)
    }

    #[test]
    fn the_longest_snapshot_fits_into_a_text() {
        let text = |chars: usize| "\\u4f60".repeat(chars);
        let user = |at: usize| {
            let name = format!("{}{at:03}", text(NAME_CHARS_MAX - 3));
            let (short, long) = (text(128), text(256));
            format!(
                r#"{{"name":"{name}","title":"{long}","race":"{short}","guild":"{short}","location":"{long}","status":"{long}","level":1000,"idle":31536000,"login_time":"{}"}}"#,
                "x".repeat(LOGIN_TIME_BYTES_MAX)
            )
        };
        let users = format!("[{}]", (0..USERS_MAX).map(user).collect::<Vec<_>>().join(", "));
        assert!(users.len() + 1_000 < crate::settings::MESSAGE_BYTES_MAX, "{}", users.len());
        assert_eq!(read(&users).map(|users| users.len()), Ok(USERS_MAX));
    }

    #[test]
    fn snapshots_are_checked_field_by_field() {
        let long = format!(r#"[{{"name":"{}"}}]"#, "x".repeat(129));
        for (users, expected) in [
            (r#"["A"]"#, "users[0] must be an object"),
            (r#"[{"level":1}]"#, "users[0].name is missing"),
            (r#"[{"name":" A"}]"#, "users[0].name must be a name without blanks around it"),
            (r#"[{"name":""}]"#, "users[0].name must be a name without blanks around it"),
            (r#"[{"name":"A"},{"name":"a"}]"#, "users[1] has a name that is there twice"),
            (r#"[{"name":"A","level":1001}]"#, "users[0].level must be between 0 and 1000"),
            (r#"[{"name":"A","level":true}]"#, "users[0].level must be an integer"),
            (r#"[{"name":"A","level":1.5}]"#, "users[0].level must be an integer"),
            (r#"[{"name":"A","idle":-1}]"#, "users[0].idle must be between 0 and 31536000"),
            (&long, "users[0].name is longer than 128 characters"),
            (r#"[{"name":"A","title":"\u001b[2J"}]"#, "users[0].title holds control characters"),
            (
                r#"[{"name":"A","login_time":[1]}]"#,
                "users[0].login_time must be seconds since 1970 or a time as text",
            ),
        ] {
            assert_eq!(read(users).unwrap_err().to_string(), expected);
        }
        let many = format!("[{}1]", "1,".repeat(USERS_MAX));
        assert_eq!(read(&many).unwrap_err().to_string(), "users may hold at most 512, not 513");
        let users = read(r#"[{"name":"Alyx","idle":5,"login_time":1790000000,"title":null,"x":1}]"#).unwrap();
        let alyx = &users["alyx"];
        assert_eq!((alyx.idle, alyx.login_time.as_str()), (5, "2026-09-21T14:13:20Z"));
    }
}
