//! The front door itself: finds the packets in the bytes of a mud, and passes them on.

use super::conn::{Conn, EARLY_BYTES_MAX, HELD_MAX, Stage};
use super::encoder::{self, MUDS};
use crate::clients::{Goodbye, Session};
use crate::door::contract::Door;
use crate::effects::ConnMap;
use crate::i3::Value;
use crate::i3::serving::Incoming;
use crate::machine::{ConnId, Listener};
use crate::notice::{Level, Notice};
use crate::service::Parts;
use crate::service::bouncer::{self, LoginRefused, Taken};
use crate::time::Instant;
use crate::waiting::Finished;

/// Muds over MudMode.
#[derive(Debug, Default)]
pub(crate) struct I3Door {
    conns: ConnMap<Conn>,
}

impl Door for I3Door {
    fn open(&mut self, parts: &mut Parts<'_>, conn: ConnId, _: Listener) {
        self.conns.insert(conn, Conn::new(parts.cx.now.mono));
        parts.clients.insert(conn, Session::new(&MUDS, parts.cx.now));
    }

    /// The protocol knows no TLS, and neither does the listener.
    fn refuse_plain_text(&mut self, parts: &mut Parts<'_>, conn: ConnId, _: Listener) {
        self.conns.insert(conn, Conn::new(parts.cx.now.mono));
        parts.cx.fx.close_now(conn);
    }

    fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        if one.stage == Stage::New {
            one.early_bytes += bytes.len();
            if one.early_bytes > EARLY_BYTES_MAX {
                return at_fault(parts, conn, "too many bytes without a login");
            }
        }
        let mut deframer = std::mem::take(&mut one.deframer);
        let mut input = bytes;
        while parts.cx.fx.is_open(conn) && parts.clients.stays(conn) {
            match deframer.next_frame(&mut input) {
                Ok(Some(text)) if text.is_empty() => {}
                Ok(Some(text)) => self.frame(parts, conn, &text),
                Ok(None) => break,
                Err(error) => {
                    if parts.clients.get(conn).is_some_and(|session| session.mud_client.is_some()) {
                        bouncer::refuse(parts, conn, "", "bad-pkt", &error.to_string(), Value::Int(0));
                        return parts.clients.dismiss(conn, Goodbye::Finished, "a frame was too long");
                    }
                    return at_fault(parts, conn, &error.to_string());
                }
            }
        }
        if let Some(one) = self.conns.get_mut(conn) {
            one.deframer = deframer;
        }
        parts.clients.bound(&mut parts.cx, conn);
    }

    fn flushed(&mut self, _: &mut Parts<'_>, _: ConnId) -> bool {
        false
    }

    fn turn(&mut self, _: &mut Parts<'_>) -> Vec<ConnId> {
        Vec::new()
    }

    fn turn_is_over(&mut self) {}

    fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        match self.conns.get(conn).map(|one| one.stage) {
            Some(Stage::New) => at_fault(parts, conn, "no login in time"),
            Some(Stage::Closing) => parts.cx.fx.close_now(conn),
            Some(Stage::LoggedIn) => self.work_off(parts, conn),
            None => {}
        }
    }

    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant> {
        self.conns.get(conn)?.deadline(is_ready(parts, conn))
    }

    fn owes(&self, _: ConnId) -> bool {
        false
    }

    fn finished(&mut self, _: &mut Parts<'_>, _: Finished) {}

    fn dismiss(&mut self, parts: &mut Parts<'_>, conn: ConnId, goodbye: Goodbye, reason: &'static str) {
        let is_logged_in = self.conns.get(conn).is_some_and(|one| one.stage == Stage::LoggedIn);
        if is_logged_in && goodbye == Goodbye::Policy {
            bouncer::refuse(parts, conn, "", "not-allowed", reason, Value::Int(0));
        }
        self.close(parts, conn);
    }

    fn closed(&mut self, conn: ConnId) {
        self.conns.remove(conn);
    }
}

/// Whether the link of a mud is ready.
fn is_ready(parts: &Parts<'_>, conn: ConnId) -> bool {
    let mud = parts.clients.get(conn).and_then(Session::mud);
    mud.is_some_and(|mud| parts.muds[mud].link.is_ready())
}

/// Closes a connection because of what it has sent, or has not.
fn at_fault(parts: &mut Parts<'_>, conn: ConnId, why: &str) {
    parts.cx.metrics.connections_at_fault += 1;
    let notice = Notice::new(Level::Info, "api", "connection of a mud closed");
    let address = parts.clients.addresses.of(conn);
    parts.cx.notice(notice.with("address", address).with("reason", why));
    parts.cx.fx.close_now(conn);
}

impl I3Door {
    /// Handles the text of a frame.
    fn frame(&mut self, parts: &mut Parts<'_>, conn: ConnId, text: &[u8]) {
        let is_logged_in = self.conns.get(conn).is_some_and(|one| one.stage == Stage::LoggedIn);
        if let Ok(packet) = Incoming::read(text)
            && packet.kind.to_ascii_lowercase().starts_with("startup-req")
        {
            return self.log_in(parts, conn, &packet);
        }
        // A mud that does not know yet whether its login was refused may send more. Routers say nothing to that.
        if !is_logged_in {
            parts.cx.metrics.packets_ignored += 1;
            return;
        }
        self.work_off(parts, conn);
        self.pass(parts, conn, text, true);
    }

    fn log_in(&mut self, parts: &mut Parts<'_>, conn: ConnId, packet: &Incoming<'_>) {
        let now = parts.cx.now.mono;
        match bouncer::log_in(parts, conn, packet) {
            Ok(()) => {
                if let Some(one) = self.conns.get_mut(conn) {
                    one.enter(Stage::LoggedIn, now);
                }
            }
            Err(LoginRefused { code, why, mud, router }) => {
                parts.cx.fx.send(conn, &encoder::error(&router, &mud, code, &why));
                parts.clients.dismiss(conn, Goodbye::Finished, "the login was refused");
            }
        }
    }

    /// Passes a packet of a mud on, or lets it wait.
    fn pass(&mut self, parts: &mut Parts<'_>, conn: ConnId, text: &[u8], may_wait: bool) {
        let may_wait = may_wait && self.conns.get(conn).is_some_and(|one| one.has_room(text.len()));
        match bouncer::packet(parts, conn, text, may_wait) {
            Taken::Done => {}
            Taken::NotReady => {
                if let Some(one) = self.conns.get_mut(conn) {
                    one.hold(parts.cx.now.mono, text);
                }
            }
            Taken::Leaves => parts.clients.dismiss(conn, Goodbye::Finished, "the mud has left"),
        }
    }

    /// Passes on what has waited: all of it if the link is ready, else what has waited for too long, which is refused now.
    fn work_off(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let now = parts.cx.now.mono;
        while parts.clients.stays(conn) {
            let is_ready = is_ready(parts, conn);
            let Some(one) = self.conns.get_mut(conn) else { return };
            let came_before = |at: Instant| is_ready || at + HELD_MAX <= now;
            if !one.held.front().is_some_and(|(at, _)| came_before(*at)) {
                return;
            }
            let Some(text) = one.next_held(now) else { return };
            self.pass(parts, conn, &text, false);
        }
    }

    fn close(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        if let Some(one) = self.conns.get_mut(conn) {
            one.enter(Stage::Closing, parts.cx.now.mono);
        }
        parts.cx.fx.close_when_flushed(conn);
    }
}
