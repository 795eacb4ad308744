//! The frames of a session, and bytes and reports of connections that are not its own.

use super::rig::Rig;
use crate::link::counts::Cause;
use crate::link::state::StateName;

/// Half a frame comes in, and the other half later. Returns whether it is read.
fn is_read(rig: &mut Rig) -> bool {
    let conn = rig.link.conn().unwrap();
    let first = rig.received(conn, b"\0\0\0\x06({");
    first.is_empty() && rig.received(conn, b"1,})") == [b"({1,})"]
}

#[test]
fn frames_come_in_pieces_in_every_state_of_a_session() {
    let mut rig = Rig::new(&["a"], |_| {});
    assert!(!is_read(&mut rig), "nothing is read before the connection is open");
    rig.opened();
    assert!(is_read(&mut rig), "logging in");
    rig.reply(true, &[]);
    assert!(is_read(&mut rig), "saving password");
    let ticket = rig.saves[0];
    // The state changes between two pieces.
    let conn = rig.link.conn().unwrap();
    assert!(rig.received(conn, b"\0\0").is_empty());
    rig.step(|link, cx| link.saved(cx, ticket, &Ok(())));
    assert_eq!(rig.received(conn, b"\0\x06({1,})"), [b"({1,})"]);
    assert!(is_read(&mut rig), "ready");
    // A piece of the last connection is not mixed into the next one.
    assert!(rig.received(conn, b"\0\0").is_empty());
    rig.lost(conn);
    rig.next_dial();
    rig.opened();
    assert!(rig.received(conn, b"\0\x06({1,})").is_empty());
    assert!(is_read(&mut rig));
}

#[test]
fn a_frame_that_ends_the_session_is_the_last_one_that_is_read() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    let mut input: &[u8] = b"\0\0\0\x04({})\0\0\0\0\0\0\0\x04({})";
    let first = rig.link.next_frame(conn, &mut input).unwrap().unwrap();
    assert!(
        input.as_ptr_range().end == first.as_ptr_range().end.wrapping_add(12),
        "the frame lies in the input"
    );
    rig.step(|link, cx| link.broken(cx, "the router does not know us".to_owned()));
    assert_eq!(&*first, b"({})");
    assert!(rig.link.next_frame(conn, &mut input).unwrap().is_none());
    assert_eq!(rig.new_ends(), [Cause::BadFrame]);
}

#[test]
fn a_length_that_no_frame_has_is_an_error() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    let mut input: &[u8] = b"\x7f\xff\xff\xff";
    assert!(rig.link.next_frame(conn, &mut input).is_err());
}

#[test]
fn what_comes_for_another_connection_changes_nothing() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    rig.lost(conn);
    assert_eq!(rig.new_ends(), [Cause::ConnectionLost]);
    rig.lost(conn);
    assert_eq!(rig.new_ends(), [], "it was lost before");
    rig.next_dial();
    let next = rig.opened();
    rig.lost(conn);
    assert!(rig.received(conn, b"\0\0\0\x04({})").is_empty());
    assert_eq!((rig.state(), rig.new_ends()), (StateName::LoggingIn, vec![]));
    rig.kinds();
    rig.step(|link, cx| link.dialed(cx, next));
    assert_eq!(rig.kinds().len(), 0, "one login for each connection");
}
