//! A link that rests: the mud that it is for logs in at the gateway itself, and has been away for too long. And what such a
//! mud has announced of itself.

use super::counts::Cause;
use super::router_link::RouterLink;
use super::state::{State, Then};
use super::step::{LinkCx, LinkEvent};
use crate::i3::serving::MudInfo;

/// Why a link that was not woken yet is not logged in.
const AWAY_BEFORE: &str = "the mud is away, and was for too long";

impl RouterLink {
    /// Whether the link does not dial before it is woken.
    pub fn rests(&self) -> bool {
        self.rests
    }

    /// Sets what the mud has announced of itself. The next login says it.
    pub fn announce(&mut self, info: Option<MudInfo>) {
        self.announced = info;
    }

    /// Says goodbye, and does not come back before [`RouterLink::wake`].
    pub fn rest(&mut self, cx: &mut LinkCx<'_>, why: &str) -> Option<LinkEvent> {
        if matches!(self.state, State::Leaving { then: Then::Stop | Then::Retire, .. } | State::Stopped) {
            return None;
        }
        self.rests = true;
        self.last_error = Some(why.to_owned());
        self.route.prefer();
        if matches!(self.state, State::Waiting { .. }) {
            return None;
        }
        self.counts.end(Cause::Requested);
        self.leave(cx, Then::Rest)
    }

    /// Does not dial before [`RouterLink::wake`]. For a link that has not begun.
    pub fn lie_down(&mut self) {
        self.rests = true;
        self.last_error = Some(AWAY_BEFORE.to_owned());
    }

    /// Lets the link dial again, at once if it has nothing else to do.
    pub fn wake(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        if std::mem::take(&mut self.rests) {
            self.last_error = None;
            self.postpone(cx.now.mono);
        }
        None
    }
}
