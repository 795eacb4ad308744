//! The sessions of each node, as the nodes tell each other.

use crate::audit::Action;
use crate::clients::{Clients, Goodbye, Moved, Remote, SavedPerson, SavedSession, Session, Turned, unix_of};
use crate::cx::Cx;
use crate::event::told::Subscriber;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::machine::{Change, ConnId, SmolStr};
use crate::notice::{Level, Notice};
use crate::saved;
use crate::service::held::Filters;
use crate::service::{Parts, bouncer, channel, persons};
use crate::settings::{NodeSettings, Settings};
use crate::spaces::Space;
use crate::time::Now;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the changes that tell other nodes which sessions have begun, have changed or have ended here.
pub(super) fn changes(parts: &Parts<'_>, changed: BTreeSet<ConnId>, ended: &[Arc<str>]) -> Vec<Change> {
    let Some(node) = &parts.cx.settings.node else { return Vec::new() };
    let space = Space::Sessions.of(&node.boot);
    let gone = ended.iter().map(|id| Change { space: space.clone(), key: SmolStr::new(id), value: None });
    let known = (&*parts.clients, &*parts.filters);
    let changed = changed.into_iter().filter_map(|conn| entry(node, parts.cx.now, known, conn));
    gone.chain(changed).collect()
}

/// Returns the entries of the sessions here.
pub(crate) fn entries(settings: &Settings, now: Now, clients: &Clients, filters: &Filters) -> Vec<Change> {
    let Some(node) = &settings.node else { return Vec::new() };
    let conns = clients.iter().map(|(conn, _)| conn);
    conns.filter_map(|conn| entry(node, now, (clients, filters), conn)).collect()
}

/// Returns the entry of a session; `None` before it is identified.
fn entry(
    node: &NodeSettings,
    now: Now,
    (clients, filters): (&Clients, &Filters),
    conn: ConnId,
) -> Option<Change> {
    let session = clients.get(conn)?;
    let identity = session.identity.as_ref()?;
    let person = session.person.as_ref().map(|person| SavedPerson {
        user: person.user.clone(),
        away: person.away.clone(),
        spoke: unix_of(now, person.spoke).micros(),
    });
    let saved = SavedSession {
        node: node.name.clone(),
        mud: identity.mud_name.to_string(),
        speaks: identity.may_speak,
        key: identity.key_name.as_deref().map(str::to_owned),
        role: session.role,
        client: session.client_name.as_deref().map(str::to_owned),
        reader: session.reader.client().map(str::to_owned),
        transport: session.way.name.to_owned(),
        address: clients.addresses.of(conn),
        since: unix_of(now, session.since).micros(),
        permissions: identity.permissions.names().into_iter().map(str::to_owned).collect(),
        is_mud: session.mud_client.is_some(),
        channels: session.channels.keys().cloned().collect(),
        judges: filters.judged_by(conn),
        person,
    };
    let key = SmolStr::new(&identity.session_id);
    Some(Change { space: Space::Sessions.of(&node.boot), key, value: saved::write(&saved) })
}

/// Handles a session of another node that has begun or has changed. Returns whether it can be read.
pub(super) fn put(parts: &mut Parts<'_>, boot: &str, id: &str, value: &[u8]) -> bool {
    let Some(session) = saved::read::<SavedSession>(value) else { return false };
    let known = parts.cx.settings.muds.iter().position(|mud| mud.name == session.mud).map(MudId::at);
    // A session of a mud without a link reads the lists of the first mud.
    let mud = known.unwrap_or(MudId::OWN);
    let before = parts.clients.elsewhere.put((boot, id), mud, session.clone(), parts.cx.now);
    moved(parts, (mud, id), before.as_ref(), &session);
    let before = before.unwrap_or_else(|| SavedSession {
        channels: BTreeSet::new(),
        judges: BTreeMap::new(),
        ..session.clone()
    });
    for (channel, since) in before.judges.iter().filter(|(of, at)| session.judges.get(*of) != Some(at)) {
        parts.filters.not_judged_elsewhere(&(mud, channel.clone()), *since, id);
    }
    for (channel, since) in session.judges.iter().filter(|(of, at)| before.judges.get(*of) != Some(at)) {
        if let Some(conn) = parts.filters.judged_elsewhere((mud, channel.clone()), *since, id) {
            parts.clients.changed(conn);
        }
    }
    let (cx, muds, mut out) = parts.delivery_and_muds();
    for channel in session.channels.difference(&before.channels) {
        channel::joined_elsewhere(cx, muds, &mut out, mud, Subscriber { channel, session_id: id });
    }
    for channel in before.channels.difference(&session.channels) {
        channel::left_elsewhere(cx, muds, &mut out, mud, Subscriber { channel, session_id: id });
    }
    true
}

/// Notes what a change of a session at another node says of its user, for those who share channels with that user here.
fn moved(
    parts: &mut Parts<'_>,
    (mud, id): (MudId, &str),
    before: Option<&SavedSession>,
    after: &SavedSession,
) {
    let speaks = |session: &SavedSession| session.person.clone().filter(|_| session.speaks);
    let was = before.and_then(|before| Some((before, speaks(before)?)));
    let is = speaks(after);
    let stays = was.as_ref().zip(is.as_ref()).is_some_and(|((_, was), is)| was.user == is.user);
    let none = BTreeSet::new();
    let had = was.as_ref().map_or(&none, |(before, _)| &before.channels);
    if let Some((before, was)) = &was {
        let gone = had.iter().filter(|channel| !stays || !after.channels.contains(*channel));
        left(parts, (mud, id), before, &was.user, gone);
    }
    let Some(is) = is else { return };
    let clients = &*parts.clients;
    let is_new = |channel: &&String| {
        let is_known = stays && had.contains(*channel);
        !is_known && !persons::is_there(clients, mud, &is.user, id, Some(channel))
    };
    let joined: Vec<String> = after.channels.iter().filter(is_new).cloned().collect();
    let has_turned = stays && was.as_ref().is_some_and(|(_, was)| was.away != is.away);
    let shows_away = has_turned || is.away.is_some() && !joined.is_empty();
    let joined = (!joined.is_empty()).then_some(Turned::Joined(joined));
    for what in joined.into_iter().chain(shows_away.then_some(Turned::Away(is.away))) {
        let (mud_name, user) = (after.mud.clone(), is.user.clone());
        parts.clients.elsewhere.note(Moved { mud, mud_name, user, what });
    }
}

/// Notes that a user has left channels with a session at another node, unless another session of the user is on them.
fn left<'c>(
    parts: &mut Parts<'_>,
    (mud, id): (MudId, &str),
    session: &SavedSession,
    user: &str,
    channels: impl Iterator<Item = &'c String>,
) {
    let clients = &*parts.clients;
    let is_left = |channel: &&String| !persons::is_there(clients, mud, user, id, Some(channel));
    let channels: Vec<String> = channels.filter(is_left).cloned().collect();
    if channels.is_empty() {
        return;
    }
    let is_gone = !persons::is_there(clients, mud, user, "", None);
    let what = if is_gone { Turned::Gone(channels) } else { Turned::Parted(channels) };
    let (mud_name, user) = (session.mud.clone(), user.to_owned());
    parts.clients.elsewhere.note(Moved { mud, mud_name, user, what });
}

/// Handles the end of a session of another node.
pub(super) fn ended(parts: &mut Parts<'_>, boot: &str, id: &str) {
    if let Some(remote) = parts.clients.elsewhere.take(boot, id) {
        forget(parts, id, &remote);
    }
}

/// Handles the end of all sessions of a start of a node. Returns their ids.
pub(super) fn all_ended(parts: &mut Parts<'_>, boot: &str) -> Vec<String> {
    let gone = parts.clients.elsewhere.take_all(boot);
    for (id, remote) in &gone {
        forget(parts, id, remote);
    }
    gone.into_keys().collect()
}

fn forget(parts: &mut Parts<'_>, id: &str, remote: &Remote) {
    let mud = remote.mud;
    if let Some(person) = remote.saved.person.as_ref().filter(|_| remote.saved.speaks) {
        left(parts, (mud, id), &remote.saved, &person.user, remote.saved.channels.iter());
    }
    for (channel, since) in &remote.saved.judges {
        parts.filters.not_judged_elsewhere(&(mud, channel.clone()), *since, id);
    }
    let (cx, muds, mut out) = parts.delivery_and_muds();
    if remote.saved.is_mud {
        bouncer::left_elsewhere(cx, muds, mud);
    }
    for channel in &remote.saved.channels {
        channel::parted_elsewhere(cx, muds, &mut out, mud, channel);
    }
}

/// Who ends a session at another node, and how that is written in the audit there.
#[derive(Debug, Serialize, Deserialize)]
struct Kick {
    /// The mud of the caller's key.
    mud_name: String,
    by: String,
}

/// Returns the change that lets another node end a session.
pub(crate) fn kick(boot: &str, session_id: &str, mud_name: &str, by: String) -> Change {
    let value = saved::write(&Kick { mud_name: mud_name.to_owned(), by });
    Change { space: Space::Kicks.of(boot), key: session_id.into(), value }
}

/// Ends a session here, because an administrator at another node wants that. Returns whether it can be read who that is.
pub(super) fn kicked(parts: &mut Parts<'_>, session_id: &str, value: &[u8]) -> bool {
    let Some(Kick { mud_name, by }) = saved::read(value) else { return false };
    let is_it = |session: &Session| {
        session.identity.as_ref().is_some_and(|identity| *identity.session_id == *session_id)
    };
    let found = parts.clients.iter().find(|(_, session)| is_it(session) && !session.leaving);
    if let Some((conn, _)) = found {
        end(&mut parts.cx, parts.clients, conn);
        let params = format!("{{\"session_id\":\"{session_id}\"}}");
        let at = parts.cx.now.unix;
        parts.run.audit.add(Action { number: 0, at, method: "kick", params, mud_name, by });
    }
    true
}

/// Ends a session at the request of an administrator.
pub(crate) fn end(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId) {
    cx.metrics.sessions_kicked += 1;
    let notice = Notice::new(Level::Info, "api", "session ended by an administrator");
    cx.notice(notice.with("address", clients.addresses.of(conn)));
    // A mud gets the reason with the end of its session.
    if clients.get(conn).is_some_and(|session| session.mud_client.is_none()) {
        clients.report(cx, conn, &Fault::session_expired("the session was ended by an administrator"));
    }
    clients.dismiss(conn, Goodbye::Policy, "ended by an administrator");
}
