//! The sessions at other nodes, as those nodes have saved them. Each node saves its own in a space of its start.

use super::session::Role;
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::settings::{Permission, Permissions};
use crate::time::{Instant, Now, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The number of the first session at another node. Those of sessions here are smaller.
const NUMBERS_FROM: u64 = 1 << 32;

/// A session, as its node saves it for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedSession {
    /// The name of its node.
    pub(crate) node: String,
    /// The mud of its key.
    pub(crate) mud: String,
    /// The gateway has a link for that mud.
    pub(crate) speaks: bool,
    /// The name of its key in the settings.
    #[serde(default)]
    pub(crate) key: Option<String>,
    pub(crate) role: Role,
    /// The name that the client gave itself.
    #[serde(default)]
    pub(crate) client: Option<String>,
    /// The full name of the client whose cursors it moves.
    #[serde(default)]
    pub(crate) reader: Option<String>,
    /// The name of its front door.
    pub(crate) transport: String,
    pub(crate) address: IpAddr,
    /// When it connected: microseconds since 1970.
    pub(crate) since: u64,
    pub(crate) permissions: Vec<String>,
    /// It is a mud that speaks Intermud-3.
    #[serde(default)]
    pub(crate) is_mud: bool,
    /// The channels that it subscribes to.
    #[serde(default)]
    pub(crate) channels: BTreeSet<String>,
    /// The channels whose messages it judges, each with the time at which it began.
    #[serde(default)]
    pub(crate) judges: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) person: Option<SavedPerson>,
}

/// The user for whom a session speaks, as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedPerson {
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) away: Option<String>,
    /// When the user last said something: microseconds since 1970. It may be up to a minute too early.
    pub(crate) spoke: u64,
}

/// A session at another node.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) saved: SavedSession,
    /// The mud whose lists and events it reads.
    pub(crate) mud: MudId,
    /// Its place in lists of sessions. It keeps it until it ends.
    pub(crate) number: u64,
    permissions: Permissions,
    /// When its user last said something, by the clock of this node.
    spoke: Instant,
}

impl Remote {
    /// Whether it may speak for this mud.
    pub(crate) fn is_of(&self, mud: MudId) -> bool {
        self.mud == mud && self.saved.speaks
    }

    /// Whether it has a permission.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Returns the user for whom it speaks, if it speaks for one only.
    pub(crate) fn person(&self) -> Option<(&SavedPerson, Instant)> {
        self.saved.person.as_ref().map(|person| (person, self.spoke))
    }
}

/// What a user has done who has no session here that does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The user has joined these channels.
    Joined(Vec<String>),
    /// The user has left these channels.
    Parted(Vec<String>),
    /// The user has left all, and was on these channels.
    Gone(Vec<String>),
    /// The user is away, or back.
    Away(Option<String>),
}

/// News of a user with a session of its own at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) mud: MudId,
    pub(crate) mud_name: String,
    pub(crate) user: String,
    pub(crate) what: Turned,
}

/// What the other nodes have to learn of the sessions here.
#[derive(Debug, Default)]
pub(crate) struct SessionNews {
    /// Those that have begun, or have changed.
    pub(crate) changed: BTreeSet<ConnId>,
    /// The ids of those that have ended.
    pub(crate) ended: Vec<Arc<str>>,
    /// Named clients that have taken events.
    pub(crate) taken: BTreeSet<ConnId>,
}

/// The sessions at all other nodes. On one host there are none.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// What the other nodes have to learn of the sessions here; `None` on one host.
    pub(super) news: Option<SessionNews>,
    last: u64,
    /// News of users, which are handled with the input that has brought them.
    moved: VecDeque<Moved>,
    /// By the start of their node, and by their ids.
    by_boot: BTreeMap<String, BTreeMap<String, Remote>>,
}

impl Elsewhere {
    /// Adds a session, or replaces what was known of it. Returns what that was.
    pub(crate) fn put(
        &mut self,
        (boot, id): (&str, &str),
        mud: MudId,
        saved: SavedSession,
        now: Now,
    ) -> Option<SavedSession> {
        let mut permissions = Permissions::default();
        for name in &saved.permissions {
            // One that this version does not know allows nothing here.
            permissions.add(name);
        }
        let spoke = saved.person.as_ref().map_or(now.unix.micros(), |person| person.spoke);
        let spoke = instant_of(now, spoke);
        let of_boot = self.by_boot.entry(boot.to_owned()).or_default();
        let known = of_boot.remove(id);
        let number = known.as_ref().map_or(NUMBERS_FROM + self.last, |known| known.number);
        self.last += u64::from(known.is_none());
        of_boot.insert(id.to_owned(), Remote { saved, mud, number, permissions, spoke });
        known.map(|known| known.saved)
    }

    /// Notes what a user has done. The same is not noted twice: a user may have several sessions at a node that is lost.
    pub(crate) fn note(&mut self, moved: Moved) {
        if self.moved.back() != Some(&moved) {
            self.moved.push_back(moved);
        }
    }

    /// Returns the next news of a user.
    pub(crate) fn poll_moved(&mut self) -> Option<Moved> {
        self.moved.pop_front()
    }

    /// Whether a user has a session, other than the one with this id, that is on a channel, or at all.
    pub(crate) fn has(&self, mud: MudId, user: &str, except: &str, channel: Option<&str>) -> bool {
        self.iter().any(|(_, id, remote)| {
            id != except
                && remote.is_of(mud)
                && remote.saved.person.as_ref().is_some_and(|one| one.user.eq_ignore_ascii_case(user))
                && channel.is_none_or(|channel| remote.saved.channels.contains(channel))
        })
    }

    /// Removes and returns a session that has ended.
    pub(crate) fn take(&mut self, boot: &str, id: &str) -> Option<Remote> {
        let of_boot = self.by_boot.get_mut(boot)?;
        let taken = of_boot.remove(id);
        if of_boot.is_empty() {
            self.by_boot.remove(boot);
        }
        taken
    }

    /// Removes and returns all sessions of a start of a node.
    pub(crate) fn take_all(&mut self, boot: &str) -> BTreeMap<String, Remote> {
        self.by_boot.remove(boot).unwrap_or_default()
    }

    /// Returns the starts of nodes that have sessions, each with the name of its node.
    pub(crate) fn boots(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_boot.iter().filter_map(|(boot, of_boot)| {
            let (_, remote) = of_boot.first_key_value()?;
            Some((boot.as_str(), remote.saved.node.as_str()))
        })
    }

    /// Returns the number of sessions.
    pub(crate) fn len(&self) -> usize {
        self.by_boot.values().map(BTreeMap::len).sum()
    }

    /// Returns all sessions, each with the start of its node and its id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Remote)> {
        self.by_boot.iter().flat_map(|(boot, of_boot)| {
            of_boot.iter().map(move |(id, remote)| (boot.as_str(), id.as_str(), remote))
        })
    }

    /// Returns the sessions that may speak for a mud.
    pub(crate) fn of_mud(&self, mud: MudId) -> impl Iterator<Item = &Remote> {
        self.iter().map(|(_, _, remote)| remote).filter(move |remote| remote.is_of(mud))
    }

    /// Whether a mud that speaks Intermud-3 is logged in at another node.
    pub(crate) fn has_mud(&self, mud: MudId) -> bool {
        self.of_mud(mud).any(|remote| remote.saved.is_mud)
    }
}

/// Returns a wall-clock time in the past by the clock of this node.
fn instant_of(now: Now, micros: u64) -> Instant {
    let age = now.unix.since(UnixTime::from_micros(micros));
    let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
    Instant::from_micros(now.mono.micros().saturating_sub(age))
}

/// Returns the wall-clock time of a moment in the past.
pub(crate) fn unix_of(now: Now, at: Instant) -> UnixTime {
    let age: Duration = now.mono.since(at);
    UnixTime::from_micros(
        now.unix.micros().saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX)),
    )
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::net::Ipv4Addr;

    /// A session of the game of a mud at the node `other`.
    pub(crate) fn saved(mud: &str) -> SavedSession {
        SavedSession {
            node: "other".to_owned(),
            mud: mud.to_owned(),
            speaks: true,
            key: None,
            role: Role::Game,
            client: None,
            reader: None,
            transport: "tcp".to_owned(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            since: 0,
            permissions: vec!["*".to_owned()],
            is_mud: false,
            channels: BTreeSet::new(),
            judges: BTreeMap::new(),
            person: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::saved;
    use super::*;

    #[test]
    fn a_session_keeps_its_number_until_it_ends() {
        let (mut elsewhere, now) = (Elsewhere::default(), Now::default());
        let number = |elsewhere: &Elsewhere, wanted: &str| {
            elsewhere.iter().find(|(_, id, _)| *id == wanted).map(|(_, _, remote)| remote.number)
        };
        assert!(elsewhere.put(("b", "one"), MudId::OWN, saved("Alpha"), now).is_none());
        elsewhere.put(("a", "two"), MudId::OWN, saved("Alpha"), now);
        let first = number(&elsewhere, "one");
        assert!(first < number(&elsewhere, "two"));
        let changed = SavedSession { client: Some("game".to_owned()), ..saved("Alpha") };
        assert_eq!(elsewhere.put(("b", "one"), MudId::OWN, changed, now), Some(saved("Alpha")));
        assert_eq!((number(&elsewhere, "one"), elsewhere.len()), (first, 2));
        assert!(elsewhere.take("b", "one").is_some() && elsewhere.take("b", "one").is_none());
        assert_eq!(elsewhere.boots().collect::<Vec<_>>(), [("a", "other")]);
        elsewhere.put(("b", "one"), MudId::OWN, saved("Alpha"), now);
        assert!(number(&elsewhere, "one") > number(&elsewhere, "two"), "it is another session");
    }

    #[test]
    fn a_session_is_saved_and_read_and_an_earlier_form_too() {
        let whole = SavedSession {
            channels: BTreeSet::from(["chat".to_owned()]),
            judges: BTreeMap::from([("chat".to_owned(), 5)]),
            person: Some(SavedPerson { user: "Ann".to_owned(), away: None, spoke: 7 }),
            ..saved("Alpha")
        };
        let written = crate::saved::write(&whole).unwrap();
        assert_eq!(crate::saved::read::<SavedSession>(&written), Some(whole));
        let least = br#"{"node":"n","mud":"M","speaks":true,"role":"observer","transport":"irc","address":"::1","since":1,"permissions":["tell"]}"#;
        let least: SavedSession = crate::saved::read(least).unwrap();
        assert_eq!((least.role, least.channels.len()), (Role::Observer, 0));
    }
}
