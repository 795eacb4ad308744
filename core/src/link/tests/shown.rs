//! What a link shows of itself.

use super::rig::Rig;
use crate::link::counts::Cause;
use crate::link::liveness::Liveness;
use crate::link::router_link::RouterLink;
use crate::link::state::StateName;
use crate::time::UnixTime;

#[test]
fn what_is_shown_of_a_link_follows_it() {
    let mut rig = Rig::new(&["a"], |_| {});
    rig.now.unix = UnixTime::from_micros(5);
    assert_eq!((rig.link.next_attempt(), rig.link.liveness()), (None, Liveness::NotConnected));
    let conn = rig.dials[0].0;
    rig.lost(conn);
    assert_eq!(rig.link.since(), UnixTime::from_micros(5));
    assert_eq!(rig.link.next_attempt(), rig.deadline().map(|(at, _)| at));
    assert!(rig.link.next_attempt().is_some_and(|at| at > rig.now.mono));
    rig.link.set_password(4711);
    rig.next_dial();
    assert!(rig.link.is_logging_in() != rig.link.is_ready() || rig.state() == StateName::Connecting);
    rig.opened();
    assert!(rig.link.is_logging_in() && rig.sent[0].contains(r#""*a",0,4711,0,0,4000,"#), "{:?}", rig.sent);
}

#[test]
fn each_end_is_counted_under_its_cause() {
    let counted = |rig: &Rig| -> Vec<(&'static str, u64)> {
        let all = Cause::ALL.map(|cause| (cause.name(), rig.link.counts().ended(cause)));
        all.into_iter().filter(|(_, times)| *times > 0).collect()
    };
    let mut rig = Rig::new(&["a"], |_| {});
    let conn = rig.dials[0].0;
    rig.lost(conn);
    assert_eq!(counted(&rig), [("no_connection", 1)]);
    rig.next_dial();
    rig.opened();
    rig.step(|link, cx| link.refused(cx, "no".to_owned()));
    rig.next_dial();
    rig.opened();
    let conn = rig.link.conn().unwrap();
    rig.lost(conn);
    rig.next_dial();
    rig.log_in();
    rig.step(|link, cx| link.broken(cx, "bad".to_owned()));
    rig.next_dial();
    rig.log_in();
    rig.step(RouterLink::reconnect);
    let expected = ["closed_at_once", "login_refused", "bad_frame", "requested"].map(|name| (name, 1));
    let mut found = counted(&rig);
    found.retain(|(name, _)| *name != "no_connection");
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
    let own: Vec<_> = rig.link.counts().own_packets().collect();
    assert!(
        own.contains(&("shutdown", 1))
            && own.iter().any(|(kind, times)| *kind == "startup-req-3" && *times >= 4),
        "{own:?}"
    );
}
