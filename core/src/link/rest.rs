//! A link that rests: another node has to run it, or the mud that it is for logs in at the gateway itself and has been away for
//! too long. It runs only where neither is so. And what such a mud has announced of itself.

use super::counts::Cause;
use super::router_link::RouterLink;
use super::state::{Rests, State, Then};
use super::step::{LinkCx, LinkEvent};
use crate::i3::serving::MudInfo;

/// Why a link that was not woken yet is not logged in.
const AWAY_BEFORE: &str = "the mud is away, and was for too long";

impl RouterLink {
    /// Whether the link rests because its mud is away.
    pub fn rests(&self) -> bool {
        self.rests.is_away
    }

    /// Whether the link does not dial, for whatever reason.
    pub(super) fn is_asleep(&self) -> bool {
        self.rests != Rests::default()
    }

    /// Sets what the mud has announced of itself. The next login says it.
    pub fn announce(&mut self, info: Option<MudInfo>) {
        self.announced = info;
    }

    /// Says goodbye, and does not come back before [`RouterLink::wake`].
    pub fn rest(&mut self, cx: &mut LinkCx<'_>, why: &str) -> Option<LinkEvent> {
        if self.has_ended() {
            return None;
        }
        self.rests.is_away = true;
        self.last_error = Some(why.to_owned());
        self.say_goodbye(cx, Then::Rest)
    }

    /// Does not dial before [`RouterLink::wake`]. For a link that has not begun.
    pub fn lie_down(&mut self) {
        self.rests.is_away = true;
        self.last_error = Some(AWAY_BEFORE.to_owned());
    }

    /// Lets the link dial again, at once if it has nothing else to do.
    pub fn wake(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        if std::mem::take(&mut self.rests.is_away) {
            self.last_error = None;
            self.postpone(cx.now.mono);
        }
        None
    }

    /// Does not dial before [`RouterLink::take_up`]. For a link that has not begun.
    pub fn stand_by(&mut self) {
        self.rests.is_elsewhere = true;
    }

    /// This node holds the mud from now on: the link dials at once.
    pub fn take_up(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        self.shown = None;
        if std::mem::take(&mut self.rests.is_elsewhere) {
            self.last_error = self.rests.is_away.then(|| AWAY_BEFORE.to_owned());
            self.postpone(cx.now.mono);
        }
        None
    }

    /// Says goodbye, for another node that logs in next, and does not come back before [`RouterLink::take_up`]. What comes
    /// in is read until the router closes the connection.
    pub fn hand_over(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        if self.has_ended() {
            return None;
        }
        self.rests.is_elsewhere = true;
        self.last_error = Some("another node takes over".to_owned());
        self.say_goodbye(cx, Then::HandOver)
    }

    /// Closes the connection at once, since another node may log in, and does not come back before [`RouterLink::take_up`].
    pub fn cut(&mut self, cx: &mut LinkCx<'_>, why: &str) -> Option<LinkEvent> {
        self.rests.is_elsewhere = true;
        let conn = self.conn()?;
        self.last_error = Some(why.to_owned());
        cx.fx.close_now(conn);
        self.counts.end(Cause::LeaseLost);
        let next = match self.has_ended() {
            true => State::Stopped,
            false => State::Waiting { until: cx.now.mono },
        };
        self.become_state(cx, next)
    }

    /// Whether the link ends for good, or has ended.
    fn has_ended(&self) -> bool {
        matches!(self.state, State::Leaving { then: Then::Stop | Then::Retire, .. } | State::Stopped)
    }

    fn say_goodbye(&mut self, cx: &mut LinkCx<'_>, then: Then) -> Option<LinkEvent> {
        self.route.prefer();
        if let State::Leaving { then: Then::HandOver | Then::Rest, .. } | State::Waiting { .. } = self.state {
            return None;
        }
        self.counts.end(Cause::Requested);
        self.leave(cx, then)
    }
}
