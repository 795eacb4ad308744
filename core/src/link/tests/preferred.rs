//! The return to the preferred router.

use super::rig::{Rig, SECOND};
use crate::link::state::StateName;
use crate::link::step::LinkEvent;
use std::time::Duration;

/// Waits for one trial of the preferred router. Returns how long that took.
fn trial(rig: &mut Rig, reached: bool) -> Duration {
    let from = rig.now.mono;
    while rig.dials.is_empty() {
        rig.live(SECOND, SECOND);
        assert!(rig.link.is_ready() && rig.now.mono.since(from) < Duration::from_secs(86_400));
    }
    let (conn, host) = rig.dials[0].clone();
    assert_eq!(host, "a");
    let time = rig.now.mono.since(from);
    if reached {
        rig.opened();
        assert!(rig.closed.contains(&conn), "a trial is closed as soon as it is open");
    } else {
        rig.lost(conn);
    }
    time
}

#[test]
fn the_link_returns_to_the_preferred_router_when_that_has_been_there_for_a_while() {
    let mut rig = Rig::at_the_second(Some(600 * SECOND));
    rig.kinds();
    // Reached twice and then not: the count starts over.
    for (reached, seconds) in [(true, 200), (true, 200), (false, 200), (true, 200), (true, 200)] {
        assert_eq!(trial(&mut rig, reached), seconds * SECOND);
        assert_eq!(rig.state(), StateName::Ready);
    }
    assert_eq!(rig.kinds(), ["auth-mud-req"], "nothing was sent to the preferred router");
    trial(&mut rig, true);
    assert_eq!(rig.kinds(), ["shutdown"]);
    assert_eq!(rig.events.last(), Some(&LinkEvent::Down));
    assert_eq!(rig.next_dial(), (2 * SECOND, "a".to_owned()));
    rig.opened();
    rig.reply(false, &[]);
    assert_eq!(rig.link.router().name, "*a");
    // At the preferred router there are no trials.
    rig.live(Duration::from_secs(7200), 10 * SECOND);
    assert!(rig.dials.is_empty() && rig.link.is_ready());
}

#[test]
fn an_attempt_to_reach_the_preferred_router_has_an_end() {
    let mut rig = Rig::at_the_second(Some(600 * SECOND));
    for _ in 0..2 {
        rig.live(Duration::from_secs(200), SECOND);
        let (conn, _) = rig.dials[0].clone();
        rig.live(Duration::from_secs(29), SECOND);
        assert!(!rig.closed.contains(&conn));
        rig.live(SECOND, SECOND);
        assert!(rig.closed.contains(&conn) && rig.link.is_ready());
    }
    // A trial that was late does not count: three more are needed.
    for ready in [true, true, false] {
        trial(&mut rig, true);
        assert_eq!(rig.link.is_ready(), ready);
    }
}

#[test]
fn a_session_that_ends_takes_its_attempt_along() {
    let mut rig = Rig::at_the_second(Some(600 * SECOND));
    rig.live(Duration::from_secs(200), SECOND);
    let (trial_conn, _) = rig.dials[0].clone();
    assert_eq!(rig.link.conns().count(), 2);
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert!(rig.closed.contains(&trial_conn));
    assert_eq!(rig.link.conns().count(), 0);
    assert_eq!(rig.next_dial().1, "a", "after a session that was ready, the preferred one first");
}

#[test]
fn a_preferred_router_that_does_not_last_is_returned_to_less_and_less_eagerly() {
    let mut rig = Rig::at_the_second(Some(600 * SECOND));
    let mut intervals = Vec::new();
    for _ in 0..7 {
        for _ in 0..3 {
            intervals.push(trial(&mut rig, true).as_secs());
        }
        rig.next_dial();
        rig.opened();
        // The preferred router accepts the login and is lost within a minute.
        rig.reply(false, &[]);
        let conn = rig.link.conn().unwrap();
        rig.live(Duration::from_secs(59), SECOND);
        rig.lost(conn);
        assert_eq!(rig.next_dial().1, "a");
        let conn = rig.dials[0].0;
        rig.lost(conn);
        rig.log_in();
        assert_eq!(rig.link.router().name, "*b");
    }
    intervals.dedup();
    assert_eq!(intervals, [200, 400, 800, 1600, 3200]);
    // A session there lasts: the waits are short again.
    for _ in 0..3 {
        trial(&mut rig, true);
    }
    let conn = rig.log_in();
    rig.live(Duration::from_secs(61), SECOND);
    rig.lost(conn);
    rig.next_dial();
    let conn = rig.dials[0].0;
    rig.lost(conn);
    rig.log_in();
    assert_eq!(trial(&mut rig, true), 200 * SECOND);
}

#[test]
fn who_does_not_want_to_return_stays() {
    let mut rig = Rig::at_the_second(None);
    rig.live(Duration::from_secs(86_400), 30 * SECOND);
    assert!(rig.dials.is_empty() && rig.link.is_ready());
}
