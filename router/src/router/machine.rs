//! The router as a machine: passes on each input and each timer.

use super::state::{Conn, ConnState, Intake, Router, RouterWake, Stage};
use crate::coffeemud::heap::Heap;
use crate::rules::Form;
use bytes::Bytes;
use i3_core::i3::Deframer;
use i3_core::machine::{ConnId, Input, Listener, Machine, Output, Refused};
use i3_core::time::{Instant, Now};
use std::net::SocketAddr;

impl Machine for Router {
    type Wake = RouterWake;

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        let now = self.clamp(now);
        let ip = peer.ip().to_canonical();
        let refused = match on {
            Listener::Mud if self.stage != Stage::Running => Some(Refused::ShuttingDown),
            Listener::Mud if self.suspects.is_shut_out(ip, now.unix.seconds()) => Some(Refused::Address),
            Listener::Mud if self.conns.len() >= self.settings.connections_max => Some(Refused::TooMany),
            Listener::Mud => None,
            Listener::Http | Listener::Lines | Listener::Irc => Some(Refused::WrongListener),
        };
        if let Some(refused) = refused {
            self.metrics.connections_refused += 1;
            return Err(refused);
        }
        self.metrics.connections_accepted += 1;
        let conn = self.effects.open();
        let last = std::mem::replace(&mut self.accepted_in, now.unix.seconds());
        if self.settings.faults.one_accept_a_second && last == self.accepted_in {
            // Accepted, and closed without a packet.
            self.effects.close_now(conn);
            return Ok(conn);
        }
        let intake = match self.rules().form {
            Form::Driver => Intake::Frames(Deframer::new(self.settings.frame_bytes_max)),
            Form::CoffeeMud => Intake::Heap(Heap::default()),
        };
        self.conns.insert(conn, Conn { ip, intake, state: ConnState::New { refusals: 0 } });
        let timeout = self.rules().startup_timeout.unwrap_or(self.settings.startup_timeout);
        self.timers.set(RouterWake::Login(conn), now.mono + timeout);
        Ok(conn)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        let now = self.clamp(now);
        match input {
            Input::Received { conn, bytes } => self.received(now, conn, bytes),
            Input::Flushed { conn } => self.flushed(conn),
            Input::Lost { conn, by } => self.lost(now, conn, &by),
            Input::Saved { outcome, .. } => self.saved(outcome.map_err(|error| error.to_string())),
            Input::StoreLost { reason } => self.store_lost(&reason),
            Input::Shutdown => self.shutdown(now),
            // A router does not dial and keeps no lines, and it is on one host.
            Input::Dialed { .. }
            | Input::Secured { .. }
            | Input::Told(_)
            | Input::Beaten { .. }
            | Input::Followed { .. }
            | Input::Found { .. } => self.metrics.late_inputs += 1,
        }
        self.report_fallen(now);
        self.cut_off_laggards(now);
        self.stop_if_done();
    }

    fn handle_timeout(&mut self, now: Now) {
        let now = self.clamp(now);
        while let Some(wake) = self.timers.pop_due(now.mono) {
            match wake {
                RouterWake::Login(conn) => self.close(now, conn, "no login in time"),
                RouterWake::Linger(conn) => self.close(now, conn, "did not read the end"),
                RouterWake::MudlistAgain(conn) => self.mudlist_again(now, conn),
                RouterWake::Joined(mud) => self.announce_state(now, mud),
                RouterWake::Left(mud) => self.announce_loss(now, mud),
                RouterWake::Idle(mud) => self.coffee_ping(mud),
                RouterWake::Tick => self.coffee_tick(now),
                RouterWake::ForgetFirst => self.forget_first(now),
                RouterWake::Release => self.release(now),
                RouterWake::Sweep => self.sweep(now),
                RouterWake::Save => self.save_channels(),
                RouterWake::Stop => self.stop(),
            }
        }
        self.report_fallen(now);
        self.cut_off_laggards(now);
        self.stop_if_done();
    }

    fn poll_timeout(&self) -> Option<(Instant, RouterWake)> {
        self.timers.next()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.effects.poll()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.effects.take_bytes(conn, budget, into)
    }
}
