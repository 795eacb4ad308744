//! The local users who are known because a session of their own speaks for them. They are online as long as it is there,
//! beside those that the game publishes.

use crate::clients::{Clients, Person, Remote};
use crate::colour::to_pinkfish;
use crate::i3::packet::{Text, WhoRow};
use crate::i3::text::outgoing;
use crate::ids::MudId;
use crate::network::{Snapshot, User};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// What is said of such a user who is away.
const AWAY: &str = "afk";

/// A user who has a session of its own, at any node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'c> {
    pub(crate) user: &'c str,
    /// Why the user is away.
    pub(crate) away: Option<&'c str>,
    /// When the user last said something.
    pub(crate) spoke: Instant,
}

impl<'c> Shown<'c> {
    fn here(person: &'c Person) -> Shown<'c> {
        Shown { user: &person.user, away: person.away.as_deref(), spoke: person.spoke }
    }

    fn elsewhere(remote: &'c Remote) -> Option<Shown<'c>> {
        let (person, spoke) = remote.person()?;
        Some(Shown { user: &person.user, away: person.away.as_deref(), spoke })
    }

    pub(crate) fn is(&self, user: &str) -> bool {
        self.user.eq_ignore_ascii_case(user)
    }
}

/// Returns the persons of all sessions of a mud, those here first.
fn persons(clients: &Clients, mud: MudId) -> impl Iterator<Item = Shown<'_>> {
    let here = clients.of_mud(mud).filter_map(|(_, session)| session.person.as_ref()).map(Shown::here);
    here.chain(clients.elsewhere.of_mud(mud).filter_map(Shown::elsewhere))
}

/// Returns a user who has a session of its own, by the name in any case.
pub(crate) fn find<'c>(clients: &'c Clients, mud: MudId, user: &str) -> Option<Shown<'c>> {
    persons(clients, mud).find(|person| person.is(user))
}

/// Whether a user has a session of its own on a channel, or at all, beside the one at another node with this id.
pub(crate) fn is_there(
    clients: &Clients,
    mud: MudId,
    user: &str,
    except: &str,
    channel: Option<&str>,
) -> bool {
    let here = clients.of_mud(mud).any(|(_, session)| {
        !session.leaving
            && session.person.as_ref().is_some_and(|person| person.is(user))
            && channel.is_none_or(|channel| session.channels.contains_key(channel))
    });
    here || clients.elsewhere.has(mud, user, except, channel)
}

/// Returns the users of a mud who have a session of their own, each once.
pub(crate) fn all(clients: &Clients, mud: MudId) -> Vec<Shown<'_>> {
    let mut all: Vec<Shown<'_>> = Vec::new();
    for person in persons(clients, mud) {
        if !all.iter().any(|known| known.is(person.user)) {
            all.push(person);
        }
    }
    all
}

/// Returns the channels that a user has joined with sessions of its own, sorted.
pub(crate) fn channels_of<'c>(clients: &'c Clients, mud: MudId, user: &str) -> BTreeSet<&'c str> {
    let here = clients.iter().map(|(_, session)| session).filter(|session| {
        session.mud_of_key() == Some(mud) && session.person.as_ref().is_some_and(|person| person.is(user))
    });
    let elsewhere = clients.elsewhere.of_mud(mud);
    let elsewhere = elsewhere.filter(|remote| Shown::elsewhere(remote).is_some_and(|shown| shown.is(user)));
    let elsewhere = elsewhere.flat_map(|remote| remote.saved.channels.iter());
    here.flat_map(|session| session.channels.keys()).chain(elsewhere).map(String::as_str).collect()
}

/// Returns the users of a mud who are online, with their idle times: those that the game has published, and those who have a
/// session of their own.
pub(super) fn online(
    clients: &Clients,
    mud: MudId,
    published: Option<Snapshot<'_>>,
    now: Instant,
) -> Vec<(User, i64)> {
    let mut users: BTreeMap<String, (User, i64)> = BTreeMap::new();
    for user in published.into_iter().flat_map(Snapshot::users) {
        let idle = published.map_or(0, |published| published.idle(user));
        users.insert(user.name.to_lowercase(), (user.clone(), idle));
    }
    for person in persons(clients, mud) {
        let (user, idle) = online_as(person, now);
        let entry = users.entry(person.user.to_lowercase()).or_insert((user, idle));
        entry.1 = entry.1.min(idle);
    }
    users.into_values().collect()
}

fn online_as(person: Shown<'_>, now: Instant) -> (User, i64) {
    let idle = i64::try_from(now.since(person.spoke).as_secs()).unwrap_or(i64::MAX);
    let status = if person.away.is_some() { AWAY } else { "" };
    let title = person.away.unwrap_or_default().to_owned();
    (User { name: person.user.to_owned(), title, status: status.to_owned(), ..User::default() }, idle)
}

/// Returns the names of a mud's users who have joined a channel with a session of their own, sorted.
pub(crate) fn on_channel(clients: &Clients, mud: MudId, channel: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let sessions = clients.audience.of(mud, channel).filter_map(|conn| clients.get(conn));
    let here = sessions.filter_map(|session| session.person.as_ref()).map(Shown::here);
    for person in here.chain(elsewhere_on(clients, mud, channel).filter_map(Shown::elsewhere)) {
        if !names.iter().any(|name| person.is(name)) {
            names.push(person.user.to_owned());
        }
    }
    names.sort_unstable();
    names
}

/// Returns the sessions at other nodes that subscribe to a channel.
fn elsewhere_on<'c>(clients: &'c Clients, mud: MudId, channel: &'c str) -> impl Iterator<Item = &'c Remote> {
    let all = clients.elsewhere.iter().map(|(_, _, remote)| remote);
    all.filter(move |remote| remote.mud == mud && remote.saved.channels.contains(channel))
}

/// Returns the names of the users of a mud who hear a channel: those that the game has published, if it listens, and those who
/// have joined themselves.
pub(super) fn listeners(
    clients: &Clients,
    mud: MudId,
    channel: &str,
    published: Option<Snapshot<'_>>,
) -> Vec<String> {
    let of_game = |conn| clients.get(conn).is_some_and(|session| session.person.is_none());
    let game_hears = clients.audience.of(mud, channel).any(of_game)
        || elsewhere_on(clients, mud, channel).any(|remote| remote.person().is_none());
    let published = published.filter(|_| game_hears).into_iter().flat_map(Snapshot::users);
    let mut names: Vec<String> = published.map(|user| user.name.clone()).collect();
    for name in on_channel(clients, mud, channel) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    names
}

/// Returns the rows of a who-reply with one more for each user whom none of them names.
pub(super) fn with_rows<'r>(mut rows: Vec<WhoRow<'r>>, online: &[(User, i64)]) -> Vec<WhoRow<'r>> {
    for (user, idle) in online {
        if !rows.iter().any(|row| row.visname.to_lowercase() == user.name.to_lowercase()) {
            rows.push(who_row(user, *idle));
        }
    }
    rows
}

/// Returns a published text as it is sent: colours in the network's own codes, no control characters.
pub(super) fn sent(text: &str) -> Text<'static> {
    outgoing(&to_pinkfish(text)).into_owned().into()
}

/// Writes "Level 12 - the Bold", the form that the Python gateway writes and reads.
fn who_row(user: &User, idle: i64) -> WhoRow<'static> {
    let extra = match (user.level, user.title.as_str()) {
        (0, title) => title.to_owned(),
        (level, "") => format!("Level {level}"),
        (level, title) => format!("Level {level} - {title}"),
    };
    WhoRow { visname: user.name.clone().into(), idle, extra: sent(&extra) }
}
