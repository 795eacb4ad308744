//! What all nodes share: bans, the cursors of named clients, which events were delivered, who is online, the sessions and
//! the request rates. What one node saves of it, the others apply here.

use super::sessions;
use crate::clients::Session;
use crate::ids::MudId;
use crate::machine::{Change, Saved};
use crate::notice::{Level, Notice};
use crate::service::Parts;
use crate::spaces::Space;
use crate::wake::Wake;

/// Applies a change that another node has saved, and that was not in the store yet when this node started: of a mud, or,
/// where `mud` is `None`, of the whole gateway or of a start of a node. `rest` is the name of the space after its family, `boot` the start of the node that has saved the change.
pub(crate) fn applied(
    parts: &mut Parts<'_>,
    mud: Option<MudId>,
    space: Space,
    rest: &str,
    key: &str,
    value: Option<&[u8]>,
    boot: &str,
) {
    let is_own = parts.cx.settings.node.as_ref().is_some_and(|node| node.boot == rest);
    let is_readable = match (space, mud, value) {
        (Space::Bans, Some(mud), _) => parts.muds[mud].ban_elsewhere(key, value),
        (Space::Clients, Some(mud), _) => {
            let is_here = is_used_here(parts, mud, key);
            let applied = parts.journal.cursors_mut(mud).apply(key, value, is_here);
            // What the other node has saved must not be the last word in the store.
            applied.map(|more| parts.cx.save(more)).is_ok()
        }
        (Space::Users, Some(mud), Some(value)) => parts.muds[mud].presence.restore(parts.cx.now, value),
        (Space::Marks, _, _) => parts.journal.mark_elsewhere(parts.cx.settings, key, value),
        // Another node believed that this one was gone.
        (Space::Sessions, _, _) if is_own => {
            parts.clients.all_changed();
            true
        }
        (Space::Sessions, _, Some(value)) => sessions::put(parts, rest, key, value),
        (Space::Sessions, _, None) => {
            sessions::ended(parts, rest, key);
            true
        }
        (Space::Kicks, _, Some(value)) if is_own => sessions::kicked(parts, key, value),
        (Space::Used, _, Some(value)) => {
            used(parts, rest, key, value);
            true
        }
        _ => true,
    };
    if !is_readable {
        let notice = Notice::new(Level::Warn, "store", "what another node has saved cannot be read");
        parts.cx.notice(notice.with("space", space.of(rest)).with("key", key).with("node", boot));
    }
}

/// Applies that another node has removed all entries of a space. Those that are to be in it follow.
pub(crate) fn cleared(parts: &mut Parts<'_>, mud: Option<MudId>, space: Space, rest: &str) {
    let is_own = parts.cx.settings.node.as_ref().is_some_and(|node| node.boot == rest);
    match (space, mud) {
        (Space::Bans, Some(mud)) => parts.muds[mud].bans.clear(),
        (Space::Clients, Some(mud)) => {
            let clients = &*parts.clients;
            let is_here = |name: &str| clients.of_mud(mud).any(|(_, session)| uses(session, name));
            parts.journal.cursors_mut(mud).cleared(is_here);
        }
        (Space::Users, Some(mud)) => parts.muds[mud].presence.forget(),
        (Space::Marks, _) => {
            for mud in parts.muds.ids() {
                parts.journal.marks_changed(&mut parts.cx, mud);
            }
        }
        (Space::Sessions, _) if is_own => parts.clients.all_changed(),
        (Space::Sessions, _) => {
            sessions::all_ended(parts, rest);
        }
        _ => {}
    }
}

/// Restores the sessions at other nodes when this one starts. The other parts restore themselves.
pub(crate) fn restore(parts: &mut Parts<'_>, saved: &Saved) {
    parts.clients.share();
    for Change { space, key, value } in &saved.entries {
        if let (Some((Space::Sessions, boot)), Some(value)) = (Space::parse(space), value) {
            applied(parts, None, Space::Sessions, boot, key, Some(value), boot);
        }
    }
}

/// Handles the end of a start of a node. `name` is the name of that node, unless another start of it is there. `clears`:
/// of the nodes that are there this one removes from the store what the node has left.
pub(crate) fn node_gone(parts: &mut Parts<'_>, boot: &str, name: Option<&str>, clears: bool) {
    let ids = sessions::all_ended(parts, boot);
    parts.clients.rates.forget_node(boot);
    if !clears {
        return;
    }
    let space = Space::Sessions.of(boot);
    let gone = ids.into_iter().map(|id| Change { space: space.clone(), key: id.into(), value: None });
    let marks = name.map(|name| parts.journal.take_over_marks(parts.cx.settings, name));
    let changes: Vec<Change> = gone.chain(marks.into_iter().flatten()).collect();
    parts.cx.save(changes);
}

/// Saves what other nodes have to learn of this turn, before its save is sent.
pub(crate) fn turn_ends(parts: &mut Parts<'_>) {
    let news = parts.clients.take_news();
    let (cx, mut out) = parts.delivery();
    out.save_cursors(cx, news.taken);
    let changes = sessions::changes(parts, news.changed, &news.ended);
    parts.cx.save(changes);
    tell_used(parts);
}

/// Tells other nodes what this one has let through, when it is time.
fn tell_used(parts: &mut Parts<'_>) {
    let Some(at) = parts.clients.rates.due() else { return };
    if at > parts.cx.now.mono {
        parts.cx.timers.set(Wake::Used, at);
        return;
    }
    parts.cx.timers.clear(Wake::Used);
    let Some(node) = &parts.cx.settings.node else { return };
    let space = Space::Used.of(&node.boot);
    let used = parts.clients.rates.take_used().into_iter();
    let changes = used.map(|(key, value)| Change { space: space.clone(), key, value: Some(value) });
    parts.cx.save(changes);
}

/// Charges requests that another node has let through to the budgets of their keys.
fn used(parts: &mut Parts<'_>, boot: &str, key: &str, value: &[u8]) {
    let api = &parts.cx.settings.api;
    let (Some(limits), Some(keys)) = (&api.rate_limits, &api.keys) else { return };
    parts.clients.rates.used_elsewhere((boot, key), value, (limits, keys), parts.cx.now.mono);
}

/// Whether a session of this node uses a named client.
fn is_used_here(parts: &Parts<'_>, mud: MudId, name: &str) -> bool {
    parts.clients.of_mud(mud).any(|(_, session)| uses(session, name))
}

fn uses(session: &Session, name: &str) -> bool {
    session.reader.client() == Some(name)
}
