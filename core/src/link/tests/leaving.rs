//! How a link leaves its router.

use super::rig::{Rig, SECOND};
use crate::link::counts::Cause;
use crate::link::router_link::RouterLink;
use crate::link::state::StateName;
use crate::link::step::LinkEvent;
use crate::notice::Level;
use std::time::Duration;

#[test]
fn leaving_says_goodbye_and_comes_back_or_not() {
    for stop in [false, true] {
        let mut rig = Rig::new(&["a"], |_| {});
        rig.log_in();
        rig.sent.clear();
        rig.step(if stop { RouterLink::stop } else { RouterLink::reconnect });
        let delay = if stop { 0 } else { 1 };
        assert_eq!(rig.sent, [format!(r#"({{"shutdown",5,"Alpha",0,"*a",0,{delay},}})"#)]);
        assert_eq!(rig.events, [LinkEvent::Ready, LinkEvent::Down]);
        assert_eq!(rig.link.is_stopped(), stop);
        if stop {
            assert_eq!(rig.deadline(), None);
        } else {
            assert_eq!(rig.next_dial(), (2 * SECOND, "a".to_owned()));
        }
    }
}

#[test]
fn a_mud_that_retires_tells_the_router_to_forget_it() {
    let mut rig = Rig::new(&["a"], |_| {});
    // Nobody hears it before the login.
    rig.step(RouterLink::retire);
    assert!(!rig.link.is_stopped());
    rig.log_in();
    rig.sent.clear();
    rig.step(RouterLink::retire);
    assert_eq!(rig.sent, [r#"({"shutdown",5,"Alpha",0,"*a",0,31536000,})"#]);
    assert!(rig.link.is_stopped());
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.stuck = true;
    rig.step(RouterLink::retire);
    // A stop in the meantime does not cut the goodbye off, and nothing brings the link back.
    rig.step(RouterLink::stop);
    rig.step(RouterLink::reconnect);
    assert_eq!((rig.state(), rig.closed.len()), (StateName::Leaving, 0));
    rig.wait(2 * SECOND);
    assert_eq!((rig.state(), rig.closed.as_slice()), (StateName::Stopped, &[conn][..]));
}

#[test]
fn leaving_a_router_that_does_not_read_has_an_end() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.stuck = true;
    rig.step(RouterLink::stop);
    // Something was flushed, but not all.
    rig.step(RouterLink::flushed);
    assert_eq!(rig.state(), StateName::Leaving);
    rig.wait(Duration::from_millis(1_999));
    assert_eq!((rig.state(), rig.closed.len()), (StateName::Leaving, 0));
    rig.wait(Duration::from_millis(1));
    assert_eq!((rig.state(), rig.closed.as_slice()), (StateName::Stopped, &[conn][..]));
}

#[test]
fn what_comes_while_leaving_is_read_and_a_password_kept() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.next_dial();
    let conn = rig.opened();
    // The link leaves when half a frame has come in.
    assert!(rig.received(conn, b"\0\0\0\x05({").is_empty());
    rig.stuck = true;
    rig.step(RouterLink::reconnect);
    assert_eq!(rig.state(), StateName::Leaving);
    assert_eq!(rig.received(conn, b"})\0"), [b"({})"]);
    // The password of the next login is saved, and the link leaves all the same.
    let saves = rig.saves.len();
    rig.reply(true, &[]);
    assert_eq!((rig.saves.len(), rig.state()), (saves + 1, StateName::Leaving));
    // Bytes that are no frame end it too, and are no failure.
    rig.step(|link, cx| link.broken(cx, "rubbish".to_owned()));
    assert_eq!((rig.state(), rig.link.last_error()), (StateName::Waiting, None));
}

#[test]
fn a_router_that_hangs_up_on_the_goodbye_has_not_failed() {
    for stop in [false, true] {
        let mut rig = Rig::new(&["a"], |_| {});
        let conn = rig.log_in();
        rig.stuck = true;
        rig.new_ends();
        rig.step(if stop { RouterLink::stop } else { RouterLink::reconnect });
        rig.lost(conn);
        assert_eq!((rig.link.is_stopped(), rig.link.last_error()), (stop, None));
        assert_eq!(rig.notices(Level::Warn), 0);
        assert_eq!(rig.new_ends(), if stop { vec![] } else { vec![Cause::Requested] });
    }
}

#[test]
fn leaving_before_the_login_or_twice_is_quick() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.step(RouterLink::stop);
    assert_eq!((rig.state(), rig.closed.as_slice()), (StateName::Stopped, &[conn][..]));
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.lost(conn);
    rig.step(RouterLink::stop);
    assert!(rig.link.is_stopped());
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.stuck = true;
    rig.step(RouterLink::reconnect);
    assert_eq!(rig.state(), StateName::Leaving);
    rig.step(RouterLink::stop);
    assert_eq!((rig.state(), rig.closed.as_slice()), (StateName::Stopped, &[conn][..]));
}

#[test]
fn who_is_told_to_stop_does_not_come_back() {
    for stuck in [false, true] {
        let mut rig = Rig::new(&["a"], |_| {});
        rig.log_in();
        rig.stuck = stuck;
        rig.step(RouterLink::stop);
        let state = if stuck { StateName::Leaving } else { StateName::Stopped };
        for again in [RouterLink::reconnect, RouterLink::flushed] {
            assert_eq!(rig.state(), state);
            rig.step(again);
        }
        rig.step(RouterLink::stop);
        rig.step(|link, cx| link.broken(cx, "late".to_owned()));
        assert_eq!((rig.state(), rig.deadline()), (StateName::Stopped, None));
        assert_eq!(rig.new_ends(), []);
    }
}

#[test]
fn a_link_that_is_handed_over_is_read_until_the_router_closes_it() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.sent.clear();
    rig.step(RouterLink::hand_over);
    assert_eq!(rig.sent, [r#"({"shutdown",5,"Alpha",0,"*a",0,1,})"#]);
    // The goodbye has left, and the connection is open.
    assert_eq!((rig.state(), rig.closed.len(), rig.link.conn()), (StateName::Leaving, 0, Some(conn)));
    // Nothing brings it back, and nothing says goodbye twice.
    rig.step(RouterLink::reconnect);
    rig.step(RouterLink::hand_over);
    rig.step(|link, cx| link.rest(cx, "the mud is away"));
    rig.step(RouterLink::wake);
    assert_eq!((rig.state(), rig.sent.len()), (StateName::Leaving, 1));
    rig.step(|link, cx| link.lost(cx, conn, "closed by the router".to_owned()));
    assert_eq!((rig.state(), rig.deadline()), (StateName::Waiting, None));
    rig.step(RouterLink::handle_timeout);
    assert!(rig.dials.is_empty(), "it rests");
    rig.step(RouterLink::take_up);
    assert_eq!(rig.next_dial().0, Duration::ZERO, "it dials at once");
}

#[test]
fn a_router_that_does_not_close_has_two_seconds() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.step(RouterLink::hand_over);
    rig.wait(2 * SECOND);
    assert_eq!((rig.state(), rig.closed.as_slice()), (StateName::Waiting, &[conn][..]));
    assert_eq!(rig.deadline(), None);
}

#[test]
fn a_link_that_was_cut_sends_nothing_more() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.sent.clear();
    rig.step(|link, cx| link.cut(cx, "the lease has run out"));
    assert_eq!((rig.sent.len(), rig.closed.as_slice()), (0, &[conn][..]));
    assert_eq!((rig.link.counts().ended(Cause::LeaseLost), rig.deadline()), (1, None));
    assert_eq!(rig.events, [LinkEvent::Ready, LinkEvent::Down]);
    // In the middle of a goodbye too, and where there is nothing to cut.
    rig.step(RouterLink::take_up);
    rig.log_in();
    rig.step(RouterLink::hand_over);
    rig.step(|link, cx| link.cut(cx, "the lease has run out"));
    rig.step(|link, cx| link.cut(cx, "the lease has run out"));
    assert_eq!((rig.state(), rig.closed.len()), (StateName::Waiting, 2));
    assert_eq!(rig.link.counts().ended(Cause::LeaseLost), 2);
}

#[test]
fn a_link_runs_only_where_its_node_holds_it_and_its_mud_is_not_away() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.step(|link, cx| link.cut(cx, "the lease has run out"));
    rig.step(|link, cx| link.rest(cx, "the mud is away"));
    rig.step(RouterLink::take_up);
    assert_eq!((rig.deadline(), rig.link.rests()), (None, true), "the mud is still away");
    rig.step(RouterLink::wake);
    rig.next_dial();
    rig.step(|link, cx| link.rest(cx, "the mud is away"));
    rig.step(|link, cx| link.cut(cx, "the lease has run out"));
    rig.step(RouterLink::wake);
    assert_eq!((rig.deadline(), rig.link.rests()), (None, false), "it is elsewhere");
    rig.step(RouterLink::take_up);
    rig.next_dial();
}
