//! When a link dials, what it does with an attempt that fails, and how long it waits.

use super::rig::{Rig, SECOND};
use crate::link::counts::Cause;
use crate::link::state::StateName;
use crate::notice::Level;
use std::time::Duration;

#[test]
fn a_router_that_is_away_is_tried_for_ever_and_less_and_less_often() {
    let mut rig = Rig::new(&["a"], |_| {});
    let mut waits = Vec::new();
    for _ in 0..200 {
        let (wait, _) = rig.next_dial();
        waits.push(wait);
        rig.dial_fails();
    }
    assert_eq!(waits[0], Duration::ZERO);
    for (n, wait) in waits[1..].iter().enumerate() {
        let full = (2.0 * 2f64.powi(n.min(20) as i32)).min(300.0);
        let wait = wait.as_secs_f64();
        assert!(wait >= 1.0 && (full * 0.75..=full * 1.25).contains(&wait), "wait {n}: {wait}");
    }
    let last: Vec<_> = waits[100..].iter().map(Duration::as_micros).collect();
    assert!(last.windows(2).any(|pair| pair[0] != pair[1]), "the waits vary");
    assert_eq!(rig.link.last_error(), Some("gone"));
}

#[test]
fn two_attempts_never_fall_into_one_second() {
    let mut rig = Rig::new(&["a"], |settings| settings.reconnect_delay = Duration::from_millis(1));
    for n in 0..20 {
        let (wait, _) = rig.next_dial();
        assert!(n == 0 || wait >= SECOND, "{wait:?}");
        rig.dial_fails();
    }
}

#[test]
fn a_session_that_held_makes_the_next_wait_short_again() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..8 {
        rig.next_dial();
        rig.dial_fails();
    }
    let conn = rig.log_in();
    rig.live(Duration::from_secs(59), SECOND);
    rig.lost(conn);
    assert!(rig.next_dial().0 > Duration::from_secs(200), "it was too short");
    let conn = rig.opened();
    rig.reply(false, &[]);
    rig.live(Duration::from_secs(60), SECOND);
    rig.lost(conn);
    assert!(rig.next_dial().0 < Duration::from_secs(3), "it held for a minute");
}

#[test]
fn connecting_and_the_answer_to_the_login_have_their_deadlines() {
    let mut rig = Rig::new(&["a", "b"], |settings| {
        settings.connect_timeout = 7 * SECOND;
        settings.startup_timeout = 11 * SECOND;
    });
    assert_eq!(rig.state(), StateName::Connecting);
    let black_hole = rig.dials[0].0;
    rig.wait(Duration::from_millis(6999));
    assert_eq!(rig.state(), StateName::Connecting);
    rig.wait(Duration::from_millis(1));
    assert_eq!((rig.state(), rig.new_ends()), (StateName::Waiting, vec![Cause::NoConnection]));
    assert_eq!(rig.closed, [black_hole]);
    assert_eq!(rig.next_dial().1, "b", "the next of the list");
    rig.opened();
    assert_eq!((rig.state(), rig.kinds()), (StateName::LoggingIn, vec!["startup-req-3".to_owned()]));
    rig.wait(Duration::from_millis(10_999));
    assert_eq!(rig.state(), StateName::LoggingIn);
    rig.wait(Duration::from_millis(1));
    assert_eq!((rig.state(), rig.new_ends()), (StateName::Waiting, vec![Cause::LoginUnanswered]));
    assert_eq!(rig.next_dial().1, "a", "the first of the list again");
    assert_eq!(rig.events, []);
}

#[test]
fn a_connection_closed_at_once_is_tried_again_soon_and_counts_as_a_failure_only_when_that_goes_on() {
    let mut rig = Rig::new(&["a", "b"], |_| {});
    for n in 0..3 {
        let (wait, host) = rig.next_dial();
        assert_eq!(host, "a");
        assert!(n == 0 || (2 * SECOND..=5 * SECOND).contains(&wait), "{wait:?}");
        let conn = rig.opened();
        rig.wait(Duration::from_millis(999));
        rig.lost(conn);
        assert_eq!(rig.new_ends(), [Cause::ClosedAtOnce], "{n}");
    }
    assert_eq!(rig.notices(Level::Warn), 0, "that is no failure");
    // A failure is the fourth in a row, one that is closed after a second, and one that is closed after some bytes.
    rig.next_dial();
    let conn = rig.opened();
    rig.lost(conn);
    assert_eq!((rig.notices(Level::Warn), rig.next_dial().1.as_str()), (1, "b"));
    let conn = rig.opened();
    rig.wait(SECOND);
    rig.lost(conn);
    assert_eq!((rig.notices(Level::Warn), rig.next_dial().1.as_str()), (2, "a"));
    let conn = rig.opened();
    rig.heard();
    rig.lost(conn);
    assert_eq!((rig.notices(Level::Warn), rig.next_dial().1.as_str()), (3, "b"));
    assert_eq!(rig.new_ends(), [Cause::ConnectionLost; 3]);
}

#[test]
fn a_login_makes_up_for_connections_that_were_closed_at_once() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..3 {
        for _ in 0..3 {
            rig.next_dial();
            let conn = rig.opened();
            rig.lost(conn);
        }
        let conn = rig.log_in();
        rig.live(Duration::from_secs(61), SECOND);
        rig.lost(conn);
    }
    let ended = [Cause::ClosedAtOnce, Cause::ConnectionLost].map(|cause| rig.link.counts().ended(cause));
    assert_eq!((ended, rig.notices(Level::Warn)), ([9, 3], 3), "one failure for each session");
}

#[test]
fn a_refusal_in_words_is_shown_and_waited_out_longer() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.opened();
    rig.heard();
    rig.step(|link, cx| link.refused(cx, "refused: wrong password".to_owned()));
    assert_eq!((rig.state(), rig.link.last_error()), (StateName::Waiting, Some("refused: wrong password")));
    assert_eq!((rig.closed.len(), rig.new_ends()), (1, vec![Cause::LoginRefused]));
    assert!((12 * SECOND..=20 * SECOND).contains(&rig.next_dial().0));
    // In a session that is ready the same error is no refusal of the login.
    rig.opened();
    rig.reply(false, &[]);
    rig.step(|link, cx| link.refused(cx, "refused".to_owned()));
    assert!(rig.link.is_ready());
}
