//! How the link finds out that a session is dead.

use super::rig::{Rig, SECOND};
use crate::link::counts::Cause;
use crate::link::liveness::Liveness;
use crate::link::router_link::RouterLink;
use crate::link::state::StateName;
use crate::link::step::LinkEvent;
use std::time::Duration;

#[test]
fn silence_is_asked_about_twice_and_then_ends_the_session() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.live(Duration::from_secs(30), SECOND);
    assert_eq!(rig.link.liveness(), Liveness::AnswersProbes);
    rig.kinds();
    for (wait, kinds) in [
        (Duration::from_millis(59_999), vec![]),
        (Duration::from_millis(1), vec!["auth-mud-req"]),
        (Duration::from_millis(9_999), vec![]),
        (Duration::from_millis(1), vec!["ping-req"]),
        (Duration::from_millis(19_999), vec![]),
    ] {
        rig.wait(wait);
        assert_eq!(
            (rig.kinds(), rig.link.is_ready()),
            (kinds.into_iter().map(str::to_owned).collect(), true)
        );
    }
    // Any bytes are a sign of life.
    rig.heard();
    rig.wait(Duration::from_secs(89));
    assert_eq!((rig.kinds().len(), rig.link.is_ready()), (2, true));
    rig.events.clear();
    rig.wait(SECOND);
    assert_eq!((rig.events.as_slice(), rig.closed.as_slice()), (&[LinkEvent::Down][..], &[conn][..]));
    assert_eq!(rig.new_ends(), [Cause::Silence]);
}

#[test]
fn probes_go_to_ourselves_and_are_counted() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.sent.clear();
    rig.wait(Duration::from_secs(39));
    assert_eq!(
        rig.sent,
        [r#"({"auth-mud-req",5,"Alpha",0,"Alpha",0,})"#, r#"({"ping-req",5,"Alpha",0,"Alpha",0,})"#]
    );
    assert_eq!(rig.events, [LinkEvent::Ready, LinkEvent::Probed, LinkEvent::Probed]);
}

#[test]
fn no_second_holds_two_probes() {
    let mut rig = Rig::new(&["a"], |settings| settings.keepalive_interval = Duration::from_millis(9_900));
    rig.log_in();
    rig.kinds();
    rig.wait(Duration::from_millis(9_900));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    // The check of the registration falls due right after a probe that the silence caused.
    rig.heard();
    rig.wait(Duration::from_millis(1_009));
    assert_eq!(rig.kinds().len(), 0);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
}

#[test]
fn ten_seconds_after_a_login_the_registration_is_checked() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.kinds();
    rig.wait(Duration::from_millis(9_999));
    assert_eq!(rig.kinds().len(), 0);
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    assert_eq!(rig.link.liveness(), Liveness::NotProbed);
    // The router has forgotten the mud and sends nothing. The session is given up and the same router tried again.
    rig.wait(Duration::from_secs(10));
    assert_eq!(rig.kinds(), ["ping-req"]);
    rig.wait(Duration::from_millis(19_999));
    assert!(rig.link.is_ready());
    rig.wait(Duration::from_millis(1));
    assert_eq!(rig.new_ends(), [Cause::Silence]);
    assert_eq!((rig.state(), rig.link.liveness()), (StateName::Waiting, Liveness::NotConnected));
    // Now the router knows the mud. The registration is checked once.
    rig.log_in();
    rig.kinds();
    rig.live(Duration::from_secs(50), SECOND);
    assert_eq!(
        (rig.kinds(), rig.link.liveness()),
        (vec!["auth-mud-req".to_owned()], Liveness::AnswersProbes)
    );
}

#[test]
fn a_router_that_eats_every_probe_is_judged_by_its_socket_alone() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..2 {
        rig.log_in();
        rig.wait(Duration::from_secs(40));
        assert_eq!(rig.state(), StateName::Waiting);
    }
    rig.log_in();
    assert_eq!(rig.link.liveness(), Liveness::NoAnswers);
    rig.kinds();
    rig.wait(Duration::from_secs(3500));
    assert!(rig.link.is_ready());
    let probes = rig.kinds().len();
    assert!((60..=90).contains(&probes), "it is still asked: {probes} times");
    // After an hour without a packet the router may have forgotten the mud.
    rig.heard();
    rig.wait(Duration::from_secs(3599));
    assert!(rig.link.is_ready());
    rig.wait(Duration::from_secs(100));
    assert!(!rig.link.is_ready());
    rig.log_in();
    // A lost connection still ends the session at once.
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(rig.state(), StateName::Waiting);
    // After one answer the router is judged like any other.
    rig.log_in();
    rig.wait(Duration::from_secs(10));
    rig.link.probe_answered();
    assert_eq!(rig.link.liveness(), Liveness::AnswersProbes);
    rig.wait(Duration::from_secs(30));
    assert_eq!(rig.state(), StateName::Waiting);
    // One connection was lost; each other session ended for its silence.
    let ended = [Cause::Silence, Cause::ConnectionLost].map(|cause| rig.link.counts().ended(cause));
    assert_eq!(ended, [4, 1]);
}

#[test]
fn a_session_that_was_proven_does_not_count_against_its_router() {
    let mut rig = Rig::new(&["a"], |_| {});
    for proven in [false, true, false, true, false, true] {
        rig.log_in();
        if proven {
            rig.link.probe_answered();
        }
        assert_eq!(rig.link.liveness(), if proven { Liveness::AnswersProbes } else { Liveness::NotProbed });
        rig.wait(Duration::from_secs(40));
        assert_eq!(rig.state(), StateName::Waiting);
    }
}

#[test]
fn a_wake_up_that_comes_late_leaves_the_router_its_time_to_answer() {
    // The host sleeps for longer than `dead_after`.
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.live(20 * SECOND, SECOND);
    rig.sent.clear();
    rig.now.mono = rig.now.mono + Duration::from_secs(500);
    rig.step(RouterLink::handle_timeout);
    assert_eq!((rig.sent.len(), rig.state()), (1, StateName::Ready), "{:?}", rig.sent);
    rig.wait(29 * SECOND);
    assert_eq!((rig.sent.len(), rig.state()), (2, StateName::Ready), "{:?}", rig.sent);
    rig.wait(2 * SECOND);
    assert_eq!(rig.state(), StateName::Waiting);
}
