//! The connections of a router: input, output and end; and the shutdown of the router.

use super::state::{Conn, ConnState, FORGETFUL_FOR, Intake, Router, RouterWake, Stage};
use crate::registry::{KnownMudId, Presence};
use crate::rules::Form;
use crate::wire;
use bytes::Bytes;
use i3_core::i3::Value;
use i3_core::machine::{Change, ConnId, LostBy};
use i3_core::notice::Level;
use i3_core::time::Now;
use i3_core::timers::Timers;
use std::time::Duration;

/// How long a connection that is being closed may take to accept its last bytes.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// Connections.
impl Router {
    pub(super) fn received(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        let Some(peer) = self.conns.get_mut(conn) else {
            self.metrics.late_inputs += 1;
            return;
        };
        self.metrics.bytes_in += bytes.len() as u64;
        if matches!(peer.state, ConnState::Deaf | ConnState::Closing) {
            return;
        }
        let mut deframer = match &mut peer.intake {
            Intake::Frames(deframer) => std::mem::take(deframer),
            Intake::Heap(heap) => {
                let lost = heap.push(bytes);
                return self.coffee_pushed(now, lost);
            }
        };
        let mut input = bytes;
        while matches!(
            self.conns.get(conn),
            Some(Conn { state: ConnState::New { .. } | ConnState::Mud { .. }, .. })
        ) {
            match deframer.next(&mut input) {
                Ok(Some(text)) => self.frame(now, conn, text),
                Ok(None) => break,
                Err(error) => {
                    self.metrics.drop_packet("frame too long");
                    self.notice(Level::Warn, "frame too long", |n| n.with("error", error));
                    return self.close(now, conn, "a frame was too long");
                }
            }
        }
        if let Some(peer) = self.conns.get_mut(conn) {
            peer.intake = Intake::Frames(deframer);
        }
    }

    pub(super) fn flushed(&mut self, conn: ConnId) {
        self.effects.flushed(conn);
        if !self.effects.is_open(conn) && self.conns.remove(conn).is_some() {
            self.timers.clear(RouterWake::Linger(conn));
        }
    }

    pub(super) fn lost(&mut self, now: Now, conn: ConnId, by: &LostBy) {
        if !self.effects.release(conn) {
            self.metrics.late_inputs += 1;
            return;
        }
        if self.rules().form == Form::CoffeeMud
            && let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(conn)
        {
            self.unnoticed.insert(conn, *mud);
            self.conns.remove(conn);
            return;
        }
        match by {
            LostBy::EndOfStream => self.forget_conn(now, conn, "it closed the connection"),
            LostBy::Error(error) | LostBy::Handshake(_, error) => self.forget_conn(now, conn, error),
        }
    }

    /// Closes a connection at once.
    pub(super) fn close(&mut self, now: Now, conn: ConnId, why: &str) {
        self.forget_conn(now, conn, why);
        self.effects.close_now(conn);
    }

    /// Closes a connection when the peer has accepted the last bytes, or after [`LINGER_MAX`].
    pub(super) fn close_gently(&mut self, now: Now, conn: ConnId) {
        let Some(peer) = self.conns.get_mut(conn) else { return };
        peer.state = ConnState::Closing;
        self.timers.clear(RouterWake::Login(conn));
        self.timers.clear(RouterWake::MudlistAgain(conn));
        if self.effects.close_when_flushed(conn) {
            self.conns.remove(conn);
        } else {
            self.timers.set(RouterWake::Linger(conn), now.mono + LINGER_MAX);
        }
    }

    /// Removes a connection that has ended or is about to end. Its mud is now offline, which is announced later.
    pub(super) fn forget_conn(&mut self, now: Now, conn: ConnId, why: &str) {
        let Some(peer) = self.conns.remove(conn) else { return };
        for wake in [RouterWake::Login(conn), RouterWake::Linger(conn), RouterWake::MudlistAgain(conn)] {
            self.timers.clear(wake);
        }
        match peer.state {
            ConnState::Mud { mud, .. } => self.set_offline(now, mud, why),
            ConnState::New { .. } => {
                self.notice(Level::Info, "connection ended without login", |n| {
                    n.with("ip", peer.ip).with("reason", why)
                });
            }
            ConnState::Deaf | ConnState::Closing => {}
        }
    }

    pub(super) fn set_offline(&mut self, now: Now, id: KnownMudId, why: &str) {
        let Some(mud) = self.muds.get_mut(id) else { return };
        let news = &self.settings.dialect.rules().news;
        mud.presence = Presence::Offline(now.unix.seconds());
        if news.down_at_once {
            mud.state = 0;
        }
        let name = mud.name.clone();
        self.timers.clear(RouterWake::Idle(id));
        self.timers.set(RouterWake::Left(id), now.mono + news.left_after);
        self.notice(Level::Info, "mud left", |n| n.with("mud", name).with("reason", why));
    }

    /// Makes a mud offline whose connection stays open. It may log in again on that connection.
    pub(super) fn forget_online(&mut self, now: Now, id: KnownMudId, conn: ConnId) {
        if let Some(peer) = self.conns.get_mut(conn) {
            peer.state = ConnState::New { refusals: 0 };
        }
        self.timers.clear(RouterWake::MudlistAgain(conn));
        self.timers.clear(RouterWake::Joined(id));
        self.set_offline(now, id, "it was forgotten");
    }

    pub(super) fn forget_first(&mut self, now: Now) {
        let online: Vec<(KnownMudId, ConnId)> =
            self.muds.iter().filter_map(|(id, mud)| Some((id, mud.conn()?))).collect();
        for (id, conn) in online {
            self.forget_online(now, id, conn);
        }
    }

    /// Whether a login at this time will be forgotten.
    pub(super) fn is_forgetful(&self, now: Now) -> bool {
        self.settings.faults.forgets_first_logins && now.mono.since(self.started) < FORGETFUL_FOR
    }

    /// Returns a packet from the router.
    pub(super) fn packet(
        &self,
        kind: &str,
        to: Option<&str>,
        to_user: Value<'_>,
        fields: Vec<Value<'_>>,
    ) -> Bytes {
        wire::packet(self.rules().form, kind, &self.settings.name, to, to_user, fields)
    }

    /// Queues a frame.
    pub(super) fn send(&mut self, conn: ConnId, frame: Bytes) {
        if let Some(mud) = self.unnoticed.remove(&conn) {
            self.metrics.drop_packet("mud gone unnoticed");
            self.fallen.push(mud);
            return;
        }
        self.coffee_traffic(conn);
        self.metrics.packets_out += 1;
        self.metrics.bytes_out += frame.len() as u64;
        self.effects.send_shared(conn, frame);
        if self.effects.pending_bytes(conn) > self.settings.outbox_bytes_max && !self.laggards.contains(&conn)
        {
            self.laggards.push(conn);
        }
    }

    /// Makes muds offline whose end was noticed by a write. Their announcement may reveal further ones.
    pub(super) fn report_fallen(&mut self, now: Now) {
        while let Some(mud) = self.fallen.pop() {
            self.set_offline(now, mud, "its connection had ended");
        }
    }

    pub(super) fn cut_off_laggards(&mut self, now: Now) {
        for conn in std::mem::take(&mut self.laggards) {
            self.metrics.cut_off += 1;
            self.close(now, conn, "it does not read");
        }
    }

    pub(super) fn saved(&mut self, outcome: Result<(), String>) {
        self.saves_pending = self.saves_pending.saturating_sub(1);
        if let Err(error) = outcome {
            self.metrics.saves_failed += 1;
            self.notice(Level::Error, "save failed", |n| n.with("error", error));
        }
    }

    /// Saves everything anew, because the store has lost it.
    pub(super) fn store_lost(&mut self, reason: &str) {
        self.metrics.saves_failed += 1;
        let text = "the saved state is gone; the router writes all of it anew";
        self.notice(Level::Error, text, |n| n.with("error", reason));
        let muds = self.muds.iter().map(|(_, mud)| mud.change());
        let mut everything: Vec<Change> = muds.chain(self.channels.all_changes()).collect();
        everything.extend(self.list_id_change("mudlist", self.mudlist.id()));
        everything.extend(self.list_id_change("chanlist", self.chanlist.id()));
        self.saves_pending += 1;
        self.effects.save_everything(everything);
    }

    pub(super) fn shutdown(&mut self, now: Now) {
        if self.stage != Stage::Running {
            return;
        }
        self.stage = Stage::Stopping;
        self.save_channels();
        let conns: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in conns {
            self.close_gently(now, conn);
        }
        self.timers.set(RouterWake::Stop, now.mono + LINGER_MAX);
    }

    pub(super) fn stop_if_done(&mut self) {
        if self.stage == Stage::Stopping && self.conns.is_empty() && self.saves_pending == 0 {
            self.stop();
        }
    }

    pub(super) fn stop(&mut self) {
        if self.stage == Stage::Stopped {
            return;
        }
        self.stage = Stage::Stopped;
        let conns: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in conns {
            self.conns.remove(conn);
            self.effects.close_now(conn);
        }
        self.timers = Timers::default();
        self.effects.stopped();
    }
}
