//! What the log tells of the clients: who came, who left and why, and who was refused. Each is told once.
//!
//! Games are told of at the level INFO. Observers, such as the tools of the command line, come and go often, so they are
//! told of at DEBUG.

use super::all::Clients;
use super::session::{Role, Session, Told};
use crate::cx::Cx;
use crate::machine::ConnId;
use crate::notice::{Level, Notice};
use std::net::IpAddr;

/// The reason for the end of a session that nothing else has given a reason for.
const CLOSED_BY_CLIENT: &str = "the client closed the connection";

/// The report of a session, in the words for a game or for an observer.
fn notice(told: Told, game: &'static str, observer: &'static str, session: &Session) -> Notice {
    let (level, what) = match told.role {
        Role::Game => (Level::Info, game),
        Role::Observer => (Level::Debug, observer),
    };
    let mut notice = Notice::new(level, "api", what);
    if let Some(identity) = &session.identity {
        if let Some(key) = &identity.key_name {
            notice = notice.with("key", key);
        }
        notice = notice.with("mud", &identity.mud_name);
    }
    if let Some(client) = &session.client_name {
        notice = notice.with("client", client);
    }
    notice.with("door", session.way.name).with("address", told.address)
}

impl Clients {
    /// Reports a client that is identified and has spoken, once.
    pub(crate) fn tell_who_came(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let address = self.addresses.of(conn);
        let Some(session) = self.get_mut(conn) else { return };
        if session.identity.is_none() || session.told.is_some() {
            return;
        }
        let told = Told { address, role: session.role };
        session.told = Some(told);
        cx.notice(notice(told, "game connected", "observer connected", session));
    }

    /// Reports a refused client, with the number of those refused for the same reason since the last report.
    pub(crate) fn tell_who_was_refused(&mut self, cx: &mut Cx<'_>, address: IpAddr, reason: &'static str) {
        if let Some(times) = self.refusals.entry(reason).or_default().again(cx.now.mono) {
            let notice = Notice::new(Level::Info, "api", "client refused");
            cx.notice(notice.with("reason", reason).with("address", address).with("times", times));
        }
    }
}

/// Reports the end of a session that was reported when it came.
pub(crate) fn tell_who_left(cx: &mut Cx<'_>, session: &Session) {
    let Some(told) = session.told else { return };
    let reason = session.why_ended.as_deref().unwrap_or(CLOSED_BY_CLIENT);
    let seconds = cx.now.mono.since(session.since).as_secs();
    let notice = notice(told, "game left", "observer left", session);
    cx.notice(notice.with("reason", reason).with("after_seconds", seconds));
}
