//! The local users who are known because a session of their own speaks for them. They are online as long as it is there,
//! beside those that the game publishes.

use crate::clients::{Clients, Person};
use crate::colour::to_pinkfish;
use crate::i3::packet::{Text, WhoRow};
use crate::i3::text::outgoing;
use crate::ids::MudId;
use crate::network::{Snapshot, User};
use crate::time::Instant;
use std::collections::BTreeMap;

/// What is said of such a user who is away.
const AWAY: &str = "afk";

/// Returns the persons of all sessions of a mud.
fn persons(clients: &Clients, mud: MudId) -> impl Iterator<Item = &Person> {
    clients.of_mud(mud).filter_map(|(_, session)| session.person.as_ref())
}

/// Returns a user who has a session of its own, by the name in any case.
pub(crate) fn find<'c>(clients: &'c Clients, mud: MudId, user: &str) -> Option<&'c Person> {
    persons(clients, mud).find(|person| person.is(user))
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
        let (user, idle) = shown(person, now);
        let entry = users.entry(person.user.to_lowercase()).or_insert((user, idle));
        entry.1 = entry.1.min(idle);
    }
    users.into_values().collect()
}

fn shown(person: &Person, now: Instant) -> (User, i64) {
    let idle = i64::try_from(now.since(person.spoke).as_secs()).unwrap_or(i64::MAX);
    let status = if person.away.is_some() { AWAY } else { "" };
    let title = person.away.clone().unwrap_or_default();
    (User { name: person.user.clone(), title, status: status.to_owned(), ..User::default() }, idle)
}

/// Returns the names of a mud's users who have joined a channel with a session of their own, sorted.
pub(crate) fn on_channel(clients: &Clients, mud: MudId, channel: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for session in clients.audience.of(mud, channel).filter_map(|conn| clients.get(conn)) {
        if let Some(person) = &session.person
            && !names.iter().any(|name| person.is(name))
        {
            names.push(person.user.clone());
        }
    }
    names.sort_unstable();
    names
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
    let game_hears = clients.audience.of(mud, channel).any(of_game);
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
