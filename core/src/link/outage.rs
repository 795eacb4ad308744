//! What a link does when another link of the process sees that a router can be reached again.
//!
//! The wait after a failure grows up to some minutes. One link may try a router just after it has come back, and another
//! one just before. What the first one sees, the second one need not find out by itself.

use super::counts::Cause;
use super::router_link::RouterLink;
use super::state::State;
use super::step::{LinkCx, LinkEvent};
use crate::notice::{Level, Notice};
use crate::time::Instant;
use std::time::Duration;

/// How long the link waits then. A Dead Souls router forgets the logins of its first two seconds.
const BACK_WAIT: Duration = Duration::from_secs(2);

/// An attempt that has taken this long when the router is back has begun when it was away: it is given up.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);

/// Once in this time the link tries sooner than its own wait allows. So links that lose a router again and again do not drive each
/// other.
const SOONER_ONCE_IN: Duration = Duration::from_secs(60);

/// A session in which nothing has come in for this long is checked.
const QUIET: Duration = Duration::from_secs(5);

impl Cause {
    /// Whether it passes when the router is back. A refusal does not.
    fn is_absence(self) -> bool {
        matches!(self, Cause::NoConnection | Cause::LoginUnanswered | Cause::ConnectionLost | Cause::Silence)
    }
}

impl RouterLink {
    /// Another link has seen at `seen` that the router at this address can be reached again. If this link waits because of
    /// an attempt or a session that ended while that router was away, it tries that router soon. An attempt under way
    /// that has begun while it was away is given up. A session that has been quiet is checked.
    pub fn router_is_back(
        &mut self,
        cx: &mut LinkCx<'_>,
        (host, port): (&str, u16),
        seen: Instant,
    ) -> Option<LinkEvent> {
        let now = cx.now.mono;
        if self.is_asleep() {
            return None;
        }
        if let State::Ready { watch, .. } = &mut self.state {
            let current = self.route.current();
            if current.host == host && current.port == port && watch.is_quiet(now, QUIET) {
                watch.check(now, cx.settings);
            }
            return None;
        }
        let place = cx.mud.routers.iter().position(|router| router.host == host && router.port == port)?;
        let tried = self.tried_at?;
        let may_be_sooner = self.sooner_at.is_none_or(|at| at + SOONER_ONCE_IN <= now);
        let until = now + BACK_WAIT;
        let is_late = match self.state {
            State::Waiting { until: next } => {
                tried < seen && next > until && self.ended_by.is_some_and(Cause::is_absence)
            }
            State::Connecting { .. } | State::LoggingIn { .. } => tried + ATTEMPT_MAX <= seen,
            _ => false,
        };
        if !is_late || !may_be_sooner {
            return None;
        }
        self.sooner_at = Some(now);
        let router = &cx.mud.routers[place];
        let notice = Notice::new(Level::Info, "link", "the router can be reached again; trying it soon")
            .with("mud", &cx.mud.name)
            .with("router", &router.name)
            .with("next_attempt", cx.now.unix + BACK_WAIT);
        cx.fx.notice(notice);
        if let Some(conn) = self.conn() {
            cx.fx.close_now(conn);
        }
        self.route.turn_to(place);
        self.become_state(cx, State::Waiting { until })
    }
}
