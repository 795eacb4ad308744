//! What follows from the end of a session.

use super::parts::Parts;
use super::{bouncer, channel, trace};
use crate::clients::{Session, tell_who_left};
use crate::delivery::Delivery;
use crate::machine::ConnId;

/// Handles a client that has disconnected: ends its subscriptions, its role as a judge, and the waits of its requests.
pub(crate) fn ended(parts: &mut Parts<'_>, conn: ConnId) {
    // One that has not spoken yet is told of now.
    parts.clients.tell_who_came(&mut parts.cx, conn);
    let mud_of = parts.clients.get(conn).filter(|session| session.mud_client.is_some());
    if let Some(mud) = mud_of.and_then(Session::mud) {
        // What the mud has taken is not delivered again when it is back. Marks are not saved of a session that is leaving.
        if let Some(session) = parts.clients.get_mut(conn) {
            session.leaving = false;
        }
        let (cx, mut out) = parts.delivery();
        out.save_marks(cx);
        bouncer::left(&mut parts.cx, parts.muds, mud, conn);
    }
    parts.waiting.forget(&mut parts.cx, conn);
    let Some(session) = parts.clients.remove(conn) else { return };
    tell_who_left(&mut parts.cx, &session);
    parts.filters.forget(conn);
    parts.searches.forget(conn);
    parts.past.forget(conn);
    trace::tracers_changed(parts.muds, parts.clients);
    let mut out = Delivery { clients: parts.clients, journal: parts.journal };
    out.reader_gone(&mut parts.cx, &session);
    let Some(identity) = session.identity else { return };
    for channel in session.channels.into_keys() {
        channel::parted(&mut parts.cx, parts.muds, &mut out, identity.mud, conn, &channel);
    }
}
