//! All front doors: the front door of each connection, the TLS handshake before it, and what follows after each call.

use super::contract::Door;
use super::table;
use crate::clients::{Dismissal, Goodbye, RESERVED_PLACES};
use crate::effects::ConnMap;
use crate::fault::Fault;
use crate::machine::{ConnId, HandshakeFault, Listener, LostBy};
use crate::service::{Parts, consequences, sessions};
use crate::time::Instant;
use crate::wake::Wake;

/// A client's connection.
#[derive(Debug)]
struct Attached {
    door: usize,
    on: Listener,
    /// The start of a TLS handshake that is not complete. Until then there is no session.
    securing: Option<Instant>,
    /// The client sends no more. The connection closes when it has all its answers.
    ended: bool,
}

/// Bytes queued for a client above which it gets no goodbye when it makes room: it does not read.
const GOODBYE_BEHIND_BYTES: usize = 4096;

/// The error for a client without a key that makes room for others.
const NO_ROOM: &str = "the gateway is full, and clients without a key make room for others";

/// The front doors, and the clients' connections.
#[derive(Debug)]
pub(crate) struct Doors {
    listeners: Vec<&'static [Listener]>,
    doors: Vec<Box<dyn Door>>,
    conns: ConnMap<Attached>,
}

impl Default for Doors {
    fn default() -> Self {
        let (listeners, doors) = table::doors().into_iter().unzip();
        Doors { listeners, doors, conns: ConnMap::default() }
    }
}

impl Doors {
    /// Returns the number of clients' connections.
    pub(crate) fn len(&self) -> usize {
        self.conns.len()
    }

    /// Returns all clients' connections.
    pub(crate) fn conns(&self) -> Vec<ConnId> {
        self.conns.iter().map(|(conn, _)| conn).collect()
    }

    /// Whether a connection is a client's.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.conns.get(conn).is_some()
    }

    /// Whether a listener belongs to a front door.
    pub(crate) fn serves(&self, on: Listener) -> bool {
        self.listeners.iter().any(|of_door| of_door.contains(&on))
    }

    /// Makes room for one more connection. When all places are taken, a connection without a key is closed: the oldest of
    /// the address that has the most. A client with a key never makes room. Returns false if clients with keys have all
    /// places: then only a health check of this host finds one of those that are reserved.
    pub(crate) fn make_room(&mut self, parts: &mut Parts<'_>, is_probe: bool) -> bool {
        let places = parts.cx.settings.api.connections_max;
        let places = match parts.clients.addresses.known() < places {
            true => places,
            false if is_probe => places + RESERVED_PLACES,
            false => return false,
        };
        let strangers = parts.clients.addresses.strangers();
        if self.conns.len() - strangers.leaving() < places {
            return true;
        }
        let first = strangers.first_to_go();
        first.inspect(|conn| self.evict(parts, *conn)).is_some()
    }

    /// Closes a connection without a key. It takes a goodbye if it reads.
    fn evict(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let Some(attached) = self.conns.get(conn) else { return parts.clients.addresses.forget(conn) };
        parts.cx.metrics.strangers_evicted += 1;
        if attached.securing.is_some() || parts.cx.fx.pending_bytes(conn) > GOODBYE_BEHIND_BYTES {
            parts.cx.fx.close_now(conn);
            return self.after(parts, conn);
        }
        let overdue = parts.clients.addresses.told_to_go(conn);
        parts.clients.report(&mut parts.cx, conn, &Fault::not_authenticated(NO_ROOM));
        self.dismiss(parts, &Dismissal { conn, goodbye: Goodbye::MakingRoom, reason: "no room" });
        if let Some(overdue) = overdue {
            parts.cx.fx.close_now(overdue);
            self.after(parts, overdue);
        }
    }

    /// Handles a new connection on the listener of a front door.
    pub(crate) fn accept(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener, is_secured: bool) {
        let door = self.listeners.iter().position(|of_door| of_door.contains(&on)).unwrap_or(0);
        let securing = is_secured.then_some(parts.cx.now.mono);
        self.conns.insert(conn, Attached { door, on, securing, ended: false });
        if !is_secured {
            self.doors[door].open(parts, conn, on);
        }
        self.after(parts, conn);
    }

    /// Handles a completed TLS handshake.
    pub(crate) fn secured(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let Some(attached) = self.conns.get_mut(conn) else { return };
        if attached.securing.take().is_some() {
            parts.cx.metrics.handshakes += 1;
            let (door, on) = (attached.door, attached.on);
            self.doors[door].open(parts, conn, on);
            self.after(parts, conn);
        }
    }

    /// Handles received bytes.
    pub(crate) fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]) {
        let Some(attached) = self.conns.get_mut(conn) else { return };
        parts.cx.metrics.api_bytes_received += bytes.len() as u64;
        let (door, on) = (attached.door, attached.on);
        if attached.securing.take().is_some() {
            let text = "this listener speaks TLS, the client plain text";
            parts.clients.handshake_failed(&mut parts.cx, conn, HandshakeFault::PlainText, text);
            parts.cx.metrics.connections_at_fault += 1;
            self.doors[door].refuse_plain_text(parts, conn, on);
        } else {
            self.doors[door].received(parts, conn, bytes);
        }
        self.after(parts, conn);
    }

    /// Handles that a client has taken all bytes that were queued for it.
    pub(crate) fn flushed(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let (cx, mut out) = parts.delivery();
        out.flushed(cx, conn);
        let Some(attached) = self.conns.get(conn) else { return };
        let is_changed = self.doors[attached.door].flushed(parts, conn);
        // A deadline that moves is a later one: the timer stays.
        if is_changed || !parts.cx.fx.is_open(conn) {
            self.after(parts, conn);
        }
    }

    /// Continues requests that were put off.
    pub(crate) fn turn(&mut self, parts: &mut Parts<'_>) {
        for door in 0..self.doors.len() {
            for conn in self.doors[door].turn(parts) {
                self.after(parts, conn);
            }
        }
    }

    /// Notes that the driver has carried out all outputs.
    pub(crate) fn turn_is_over(&mut self) {
        self.doors.iter_mut().for_each(|door| door.turn_is_over());
    }

    /// Handles that a client sends no more. Returns whether the connection stays open, because the client has not taken all
    /// that is queued, or because a request of it waits for its answer.
    pub(crate) fn ended(&mut self, parts: &mut Parts<'_>, conn: ConnId) -> bool {
        let Some(attached) = self.conns.get_mut(conn).filter(|attached| attached.securing.is_none()) else {
            return false;
        };
        if !self.doors[attached.door].owes(conn) && parts.cx.fx.pending_bytes(conn) == 0 {
            return false;
        }
        attached.ended = true;
        self.after(parts, conn);
        true
    }

    /// Handles a connection that was closed by the client or by an error.
    pub(crate) fn lost(&mut self, parts: &mut Parts<'_>, conn: ConnId, by: LostBy) {
        if self.conns.get(conn).is_some_and(|attached| attached.securing.is_some()) {
            let (fault, text) = match by {
                LostBy::Handshake(fault, text) => (fault, text),
                LostBy::EndOfStream => (HandshakeFault::Ended, "the client closed the connection".to_owned()),
                LostBy::Error(text) => (HandshakeFault::Ended, text),
            };
            parts.clients.handshake_failed(&mut parts.cx, conn, fault, &text);
        } else if let LostBy::Error(text) = by
            && let Some(session) = parts.clients.get_mut(conn)
        {
            session.ends_because(format!("the connection was lost: {text}"));
        }
        self.gone(parts, conn);
    }

    /// Handles the timer of a connection. It may have been set for an earlier deadline than the state has now.
    pub(crate) fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let is_due = self.deadline(parts, conn).is_some_and(|at| at <= parts.cx.now.mono);
        let Some(attached) = self.conns.get_mut(conn).filter(|_| is_due) else {
            return self.after(parts, conn);
        };
        let door = attached.door;
        if attached.securing.is_some() {
            let text = "the handshake took too long";
            parts.clients.handshake_failed(&mut parts.cx, conn, HandshakeFault::TooSlow, text);
            parts.cx.fx.close_now(conn);
        } else if given_up_at(parts, conn).is_some_and(|at| at <= parts.cx.now.mono) {
            parts.clients.give_up(&mut parts.cx, conn);
        } else {
            self.doors[door].due(parts, conn);
        }
        self.after(parts, conn);
    }

    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant> {
        let attached = self.conns.get(conn)?;
        match attached.securing {
            Some(since) => Some(since + parts.cx.settings.api.handshake_timeout),
            None => {
                let of_door = self.doors[attached.door].deadline(parts, conn);
                of_door.into_iter().chain(given_up_at(parts, conn)).min()
            }
        }
    }

    /// Applies new settings to the deadlines.
    pub(crate) fn reloaded(&mut self, parts: &mut Parts<'_>) {
        for conn in self.conns() {
            self.after(parts, conn);
        }
    }

    /// Runs after each call of a front door. It forgets a closed connection. The timer of an open one is never set
    /// later than its deadline, but it may be set earlier, so that not every input has to move it.
    fn after(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        if let Some(attached) = self.conns.get_mut(conn).filter(|attached| attached.ended)
            && !self.doors[attached.door].owes(conn)
        {
            attached.ended = false;
            self.doors[attached.door].dismiss(parts, conn, Goodbye::Finished, "");
            sessions::ended(parts, conn);
        }
        if !parts.cx.fx.is_open(conn) {
            return self.gone(parts, conn);
        }
        let (wake, now) = (Wake::Client(conn), parts.cx.now.mono);
        if let Some(at) = self.deadline(parts, conn)
            && parts.cx.timers.get(wake).is_none_or(|set| set > at || set <= now)
        {
            parts.cx.timers.set(wake, at.max(now));
        }
    }

    fn gone(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let Some(attached) = self.conns.remove(conn) else { return };
        parts.cx.timers.clear(Wake::Client(conn));
        self.doors[attached.door].leaving(parts, conn);
        // The report of its end shows the address.
        sessions::ended(parts, conn);
        parts.clients.addresses.forget(conn);
        self.doors[attached.door].closed(conn);
    }

    /// Handles all that follows from an input: changes of the muds, requests with an outcome, sessions that must end.
    pub(crate) fn follow(&mut self, parts: &mut Parts<'_>) {
        loop {
            consequences::follow(parts);
            if let Some(finished) = parts.waiting.poll_finished() {
                let conn = finished.conn;
                if let Some(attached) = self.conns.get(conn) {
                    self.doors[attached.door].finished(parts, finished);
                    self.after(parts, conn);
                }
            } else if let Some(dismissal) = parts.clients.poll_dismissal() {
                self.dismiss(parts, &dismissal);
            } else if let Some(moved) = parts.clients.elsewhere.poll_moved() {
                self.doors.iter_mut().for_each(|door| door.moved(parts, &moved));
            } else {
                return;
            }
        }
    }

    fn dismiss(&mut self, parts: &mut Parts<'_>, dismissal: &Dismissal) {
        let Dismissal { conn, goodbye, reason } = *dismissal;
        let Some(attached) = self.conns.get(conn) else { return };
        self.doors[attached.door].dismiss(parts, conn, goodbye, reason);
        if let Some(session) = parts.clients.get_mut(conn) {
            session.ends_because(reason);
        }
        sessions::ended(parts, conn);
        self.after(parts, conn);
    }

    /// Ends every connection with a goodbye.
    pub(crate) fn shut_down(&mut self, parts: &mut Parts<'_>, goodbye: Goodbye, reason: &'static str) {
        for conn in self.conns() {
            self.dismiss(parts, &Dismissal { conn, goodbye, reason });
        }
    }

    /// Closes every connection at once.
    pub(crate) fn close_all(&mut self, parts: &mut Parts<'_>) {
        for conn in self.conns() {
            if let Some(session) = parts.clients.get_mut(conn) {
                session.ends_because("the gateway stops");
            }
            parts.cx.fx.close_now(conn);
            self.gone(parts, conn);
        }
    }
}

/// Returns when a client is closed because it does not read.
fn given_up_at(parts: &Parts<'_>, conn: ConnId) -> Option<Instant> {
    parts.clients.get(conn)?.given_up_at()
}
