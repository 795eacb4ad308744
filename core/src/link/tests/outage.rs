//! What a link does when another one has seen its router.

use super::rig::{Rig, SECOND};
use crate::link::state::StateName;
use crate::time::Instant;
use std::time::Duration;

impl Rig {
    /// Another link has seen the router of this host at this moment.
    fn seen(&mut self, host: &str, at: Instant) {
        self.step(|link, cx| link.router_is_back(cx, (host, 4000), at));
    }

    /// How long it is until the next attempt.
    fn left(&self) -> Duration {
        self.link.next_attempt().expect("it waits").since(self.now.mono)
    }
}

/// A link that has failed so often that its wait is long.
fn waiting(routers: &[&str]) -> Rig {
    let mut rig = Rig::new(routers, |_| {});
    for _ in 0..12 {
        rig.next_dial();
        rig.dial_fails();
    }
    assert!(rig.left() > Duration::from_secs(200));
    rig
}

#[test]
fn a_link_that_waits_for_a_router_that_was_away_tries_it_soon() {
    let mut rig = waiting(&["a", "b"]);
    rig.wait(SECOND);
    rig.seen("c", rig.now.mono);
    assert!(rig.left() > Duration::from_secs(199), "that is not its router");
    rig.seen("b", rig.now.mono);
    assert_eq!((rig.left(), rig.next_dial().1.as_str()), (2 * SECOND, "b"));
    // It has been tried since then.
    let seen = rig.now.mono;
    rig.now.mono = seen + SECOND;
    rig.dial_fails();
    assert!(rig.left() > Duration::from_secs(200));
    rig.wait(Duration::from_secs(100));
    rig.seen("b", seen);
    assert!(rig.left() > Duration::from_secs(100));
}

#[test]
fn links_that_lose_their_router_again_and_again_do_not_drive_each_other() {
    let mut rig = waiting(&["a"]);
    let mut attempts = 0;
    for _ in 0..600 {
        rig.wait(SECOND);
        rig.seen("a", rig.now.mono);
        while !rig.dials.is_empty() {
            attempts += 1;
            rig.dial_fails();
        }
    }
    assert!((5..=15).contains(&attempts), "{attempts}");
}

#[test]
fn a_refusal_does_not_pass_when_the_router_is_back() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..3 {
        rig.next_dial();
        rig.opened();
        rig.step(|link, cx| link.refused(cx, "refused".to_owned()));
    }
    let before = rig.left();
    rig.seen("a", rig.now.mono);
    assert_eq!(rig.left(), before);
}

#[test]
fn an_attempt_that_has_begun_while_the_router_was_away_is_given_up() {
    for logs_in in [false, true] {
        let mut rig = Rig::new(&["a", "b"], |_| {});
        if logs_in {
            rig.opened();
        }
        rig.wait(4 * SECOND);
        rig.seen("a", rig.now.mono);
        assert_ne!(rig.state(), StateName::Waiting, "it may yet succeed");
        rig.wait(4 * SECOND);
        rig.seen("a", rig.now.mono);
        assert_eq!((rig.state(), rig.left()), (StateName::Waiting, 2 * SECOND));
        assert_eq!((rig.closed.len(), rig.next_dial().1.as_str()), (1, "a"));
    }
}

#[test]
fn a_quiet_session_is_checked() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.live(Duration::from_secs(200), Duration::from_secs(30));
    rig.kinds();
    rig.seen("b", rig.now.mono);
    rig.wait(4 * SECOND);
    rig.seen("a", rig.now.mono);
    rig.wait(SECOND);
    assert_eq!(rig.kinds(), [""; 0], "it has just been heard, or it is another router");
    rig.seen("a", rig.now.mono);
    rig.wait(SECOND);
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    rig.wait(Duration::from_secs(30));
    assert_eq!(rig.state(), StateName::Waiting);
}
