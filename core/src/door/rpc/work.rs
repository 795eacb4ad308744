//! What waits at a connection for its turn, or until the client has read.

use super::conn::State;
use super::entrance::RpcDoor;
use super::turns::{TURN_PAUSE, Turns};
use crate::clients::{CLIENT_PENDING_BYTES_MAX, Clients};
use crate::machine::ConnId;
use crate::service::{Parts, search};
use crate::wake::Wake;

impl RpcDoor {
    /// Whether the next text of a connection must not be read yet: the requests before it are not done, or the client has
    /// not read their answers.
    pub(super) fn must_stop(&self, parts: &Parts<'_>, conn: ConnId) -> bool {
        let Some(one) = self.conns.get(conn) else { return true };
        one.desk.working.is_some()
            || !one.desk.put_off.is_empty()
            || one.desk.held_bytes > CLIENT_PENDING_BYTES_MAX
            || !Clients::takes_more(&parts.cx, conn)
    }

    /// Whether anything is still read from a connection.
    fn is_read_from(&self, parts: &Parts<'_>, conn: ConnId) -> bool {
        match self.conns.get(conn).map(|one| &one.state) {
            Some(State::Lines(_) | State::WebSocket { .. }) => parts.clients.stays(conn),
            Some(State::Http { .. }) => true,
            Some(State::Draining { .. }) | None => false,
        }
    }

    /// Runs after each piece of work of a connection: counts what is held for it, stops reading from it or continues, and
    /// lets it wait for its turn.
    pub(super) fn tidy(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let is_read_from = self.is_read_from(parts, conn);
        let must_stop = self.must_stop(parts, conn);
        let Some(one) = self.conns.get_mut(conn) else { return };
        let desk = &mut one.desk;
        if !is_read_from {
            desk.clear();
        }
        parts.cx.fx.set_aside(conn, desk.bytes());
        parts.cx.fx.pause(conn, desk.is_busy());
        let has_request = !desk.put_off.is_empty() && Clients::takes_more(&parts.cx, conn);
        let has_bytes = (!desk.unread.is_empty() || desk.is_half_read) && !must_stop;
        let works = desk.working.is_some_and(|ticket| parts.searches.contains(ticket));
        let goes_on = works || desk.working.is_none() && (has_request || has_bytes);
        if goes_on {
            self.requests.turns.queue(conn, desk);
            if parts.cx.timers.get(Wake::Turn).is_none() {
                parts.cx.timers.set(Wake::Turn, parts.cx.now.mono + TURN_PAUSE);
            }
        }
    }

    /// Does the next piece of work of a connection.
    fn go_on(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        Turns::taken(&mut one.desk);
        if let Some(ticket) = one.desk.working {
            if let Some(work) = search::go_on(parts, ticket) {
                self.requests.turns.worked(&mut one.desk, work);
                // The store does the rest, or it is answered.
                if !parts.searches.contains(ticket) {
                    one.desk.working = None;
                }
            }
        } else if !one.desk.put_off.is_empty() {
            if Clients::takes_more(&parts.cx, conn) {
                self.requests.take_up(parts, &mut self.conns, conn);
            }
        } else if !self.must_stop(parts, conn) {
            self.read_on(parts, conn);
        }
        parts.clients.bound(&mut parts.cx, conn);
        self.tidy(parts, conn);
    }

    /// Gives each connection in the queue one piece of work after the other, until the work of the turn is done. Returns
    /// the connections.
    pub(super) fn work(&mut self, parts: &mut Parts<'_>) -> Vec<ConnId> {
        let mut conns = Vec::new();
        while self.requests.turns.has_time()
            && let Some(conn) = self.requests.turns.next()
        {
            self.go_on(parts, conn);
            conns.push(conn);
        }
        if !self.requests.turns.is_empty() {
            parts.cx.timers.set(Wake::Turn, parts.cx.now.mono + TURN_PAUSE);
        }
        conns
    }
}
