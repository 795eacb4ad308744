//! What new settings do to a link that runs.

use super::rig::{Rig, SECOND};
use crate::i3::Charset;
use crate::i3::packet::{Body, Header, Packet};
use crate::link::state::StateName;
use crate::link::step::Applied;
use std::time::Duration;

#[test]
fn new_settings_hold_at_once_where_the_router_need_not_know_them() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.live(Duration::from_secs(15), SECOND);
    rig.kinds();
    let applied = rig.reload(|settings, _| settings.keepalive_interval = 20 * SECOND);
    assert_eq!(applied, Applied::Now);
    rig.wait(20 * SECOND);
    assert_eq!(rig.kinds(), ["auth-mud-req"]);
    rig.heard();
    assert_eq!(rig.reload(|_, mud| mud.open_status = "closed".to_owned()), Applied::AtTheNextLogin);
    assert_eq!(rig.reload(|_, mud| mud.routers.push(mud.routers[0].clone())), Applied::Now);
    assert!(rig.link.is_ready());
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(
        rig.reload(|_, mud| mud.open_status = "open".to_owned()),
        Applied::Now,
        "no router was told yet"
    );
}

#[test]
fn a_shorter_longest_wait_holds_for_the_wait_that_has_begun() {
    let mut rig = Rig::new(&["a"], |_| {});
    for _ in 0..9 {
        rig.next_dial();
        let (conn, _) = rig.dials[0];
        rig.lost(conn);
    }
    let waits = |rig: &Rig| rig.deadline().unwrap().0.since(rig.now.mono);
    assert!(waits(&rig) > 100 * SECOND);
    rig.reload(|settings, _| settings.reconnect_delay_max = 20 * SECOND);
    assert_eq!(waits(&rig), 20 * SECOND);
    rig.reload(|settings, _| settings.reconnect_delay_max = 300 * SECOND);
    assert_eq!(waits(&rig), 20 * SECOND);
}

#[test]
fn another_list_leaves_the_session_where_it_is() {
    let mut rig = Rig::new(&["a", "b"], |_| {});
    rig.log_in();
    let applied = rig.reload(|_, mud| {
        mud.routers.reverse();
    });
    assert_eq!((applied, rig.link.router().name.as_str()), (Applied::Now, "*a"));
    // It is the second of the list now, so the first is tried.
    assert_eq!(tried_host(&mut rig), "b");
    let applied = rig.reload(|_, mud| drop(mud.routers.pop()));
    assert_eq!((applied, rig.link.router().name.as_str()), (Applied::AtTheNextLogin, "*a"));
    assert_eq!(rig.link.conns().count(), 1, "there are no trials from a router that is not in the list");
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    assert_eq!(rig.next_dial().1, "b");
}

fn tried_host(rig: &mut Rig) -> String {
    while rig.dials.is_empty() {
        rig.live(SECOND, SECOND);
    }
    rig.dials.remove(0).1
}

#[test]
fn returning_can_be_switched_off_and_on() {
    let mut rig = Rig::at_the_second(Some(600 * SECOND));
    rig.live(Duration::from_secs(200), SECOND);
    let (trial, _) = rig.dials[0].clone();
    rig.reload(|settings, _| settings.return_after = None);
    assert!(rig.closed.contains(&trial));
    rig.live(Duration::from_secs(3600), SECOND);
    assert!(rig.dials.is_empty());
    rig.reload(|settings, _| settings.return_after = Some(30 * SECOND));
    rig.reload(|settings, _| settings.return_after = Some(30 * SECOND));
    rig.live(9 * SECOND, SECOND);
    rig.reload(|settings, _| settings.connect_timeout = 3 * SECOND);
    rig.live(SECOND, SECOND);
    assert_eq!(rig.dials.len(), 1, "the trials go on when their interval has not changed");
}

#[test]
fn new_settings_do_not_end_a_session_whose_registration_is_being_checked() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.log_in();
    rig.wait(11 * SECOND);
    assert_eq!((rig.sent.len(), rig.state()), (2, StateName::Ready), "the check was sent: {:?}", rig.sent);
    rig.reload(|settings, _| {
        settings.keepalive_interval = 5 * SECOND;
        settings.dead_after = 8 * SECOND;
    });
    rig.wait(SECOND);
    assert_eq!(rig.state(), StateName::Ready, "{:?}", rig.sent);
    rig.wait(3 * SECOND);
    assert_eq!(rig.state(), StateName::Waiting, "it is given up in its time");
}

#[test]
fn the_character_set_is_that_of_the_router_in_use_until_the_next_login() {
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.log_in();
    let packet = Packet {
        header: Header::to_mud("Alpha", None, "Beta"),
        body: Body::Tell { visname: "Ann".into(), message: "é".into() },
    };
    let holds =
        |rig: &Rig, bytes: &[u8]| rig.link.frame(&packet).windows(bytes.len()).any(|part| part == bytes);
    let applied = rig.reload(|_, mud| mud.routers[0].charset = Charset::Latin1);
    assert_eq!(applied, Applied::AtTheNextLogin);
    assert!(holds(&rig, b"\"\xc3\xa9\""));
    rig.lost(conn);
    rig.log_in();
    assert!(holds(&rig, b"\"\xe9\""));
}
