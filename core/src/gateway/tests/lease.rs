//! How the links of gateways follow their leases.

use super::pair::Pair;
use crate::link::StateName;
use crate::machine::{Input, Machine};
use std::time::Duration;

#[test]
fn each_mud_is_logged_in_once_and_every_node_shows_it() {
    let mut pair = Pair::new(4);
    assert_eq!(pair.sessions(), [2, 2]);
    pair.connect(0);
    pair.connect(1);
    for at in [0, 1] {
        for mud in 0..4 {
            assert_eq!(pair.state(at, mud), StateName::Ready, "{at} {mud}");
        }
        assert!(pair.hosts[at].gateway.is_ready());
    }
    let [first, second] = [0, 1].map(|at| pair.ask(at, "status", 0.1));
    let holders = ["a", "b"].map(|name| format!(r#""holder":"{name}""#));
    assert!(first.contains(r#""node":"a""#) && second.contains(r#""node":"b""#), "{first} {second}");
    assert!(
        holders.iter().any(|holder| first.contains(holder) && second.contains(holder)),
        "{first} {second}"
    );
    assert!(first.contains(r#""connected":true"#) && second.contains(r#""connected":true"#));
}

#[test]
fn a_shutdown_gives_the_links_to_the_other_node_first() {
    // The other node leaves the router a second between two sessions of a mud.
    for (closes, least, most) in [(true, 0.0, 1.7), (false, 2.0, 3.7)] {
        let mut pair = Pair::new(4);
        pair.closes = closes;
        pair.connect(1);
        pair.hosts[1].told.clear();
        pair.hosts[0].gateway.handle(pair.now, Input::Shutdown);
        assert!(pair.hosts[0].gateway.is_stopping() && !pair.hosts[0].is_stopped);
        pair.wait(least);
        assert!(!closes || pair.sessions()[0] == 0 || pair.sessions() == [2, 2]);
        pair.wait(most - least);
        assert_eq!(pair.sessions()[1], 4, "closes: {closes}");
        assert!(pair.hosts[0].is_stopped && !pair.table.has("a"));
        assert_eq!(pair.hosts[0].sent.matches(r#"({"shutdown""#).count(), 2);
        assert_eq!(pair.notices(0, "this node no longer holds the mud"), 0);
    }
}

#[test]
fn a_node_alone_ends_as_on_one_host_and_leaves_no_lease() {
    let mut pair = Pair::empty(2, false);
    pair.start("a");
    pair.wait(5.0);
    assert_eq!(pair.sessions(), [2]);
    pair.hosts[0].gateway.handle(pair.now, Input::Shutdown);
    pair.wait(0.1);
    assert!(pair.hosts[0].is_stopped && pair.table.view(pair.now.mono).leases.is_empty());
}

#[test]
fn a_drain_is_answered_when_no_link_is_left_and_clients_stay() {
    let mut pair = Pair::new(4);
    pair.connect(0);
    let answer = pair.ask(0, "drain", 1.7);
    assert!(answer.contains(r#"{"status":"drained","muds":2}"#), "{answer}");
    assert!(answer.contains("gateway_reconnected"), "the mud of the client is back: {answer}");
    assert_eq!(pair.sessions(), [0, 4]);
    let status = pair.ask(0, "status", 0.1);
    assert!(status.contains(r#""connected":true"#) && status.contains(r#""holder":"b""#), "{status}");
    // Again: there is nothing left to give.
    let answer = pair.ask(0, "drain", 0.1);
    assert!(answer.contains(r#"{"status":"drained","muds":2}"#), "{answer}");
    // The link is not this node's.
    let refused = pair.ask(0, "reconnect", 0.1);
    assert!(refused.contains("other_node") && refused.contains("b holds the router link"), "{refused}");
    // Nor has the other node anybody to give it to.
    pair.connect(1);
    let refused = pair.ask(1, "drain", 0.1);
    assert!(refused.contains("no_other_node"), "{refused}");
    assert_eq!(pair.sessions(), [0, 4]);
}

#[test]
fn after_a_sleep_the_link_is_closed_before_anything_else_happens() {
    let mut pair = Pair::new(2);
    let conn = *pair.hosts[0].routers.keys().next().expect("a session");
    pair.hosts[0].is_asleep = true;
    pair.pass(Duration::from_secs(3600));
    pair.connect(1);
    pair.wait(5.0);
    pair.hosts[0].is_asleep = false;
    let received = pair.hosts[0].gateway.metrics().packets_received;
    pair.receive(0, conn, r#"({"tell",5,"Sage","bob","Mud0","ann","Bob","hi",})"#);
    assert_eq!(
        pair.hosts[0].gateway.metrics().packets_received,
        received,
        "it may be for the new holder too"
    );
    assert_eq!(pair.hosts[0].gateway.metrics().late_inputs, 1);
    pair.settle(0);
    assert_eq!(pair.sessions(), [0, 2]);
    // Other entrances than inputs are guarded too.
    let mut pair = Pair::new(2);
    pair.pass(Duration::from_secs(3600));
    pair.hosts[0].gateway.handle_timeout(pair.now);
    pair.hosts[0].has_nothing_open();
    let peer = "127.0.0.1:9".parse().expect("an address");
    let accepted = pair.hosts[1].gateway.accept(pair.now, crate::machine::Listener::Lines, peer);
    assert!(accepted.is_ok());
    pair.hosts[1].has_nothing_open();
}

#[test]
fn without_the_database_a_node_says_so_once_and_lets_go_in_time() {
    let mut pair = Pair::new(2);
    pair.connect(0);
    pair.hosts[0].told.clear();
    pair.has_database = false;
    pair.wait(6.0);
    assert!(!pair.hosts[0].gateway.is_ready());
    assert_eq!(pair.sessions(), [1, 1], "the lease has not run out");
    pair.wait(8.0);
    assert_eq!(pair.sessions(), [0, 0]);
    assert_eq!(pair.hosts[0].told.matches("gateway_disconnected").count(), 1);
    pair.wait(60.0);
    assert_eq!(pair.notices(0, "the database is away"), 1);
    assert_eq!(pair.hosts[0].told.matches("storage_failed").count(), 1, "{}", pair.hosts[0].told);
    pair.has_database = true;
    pair.wait(10.0);
    assert_eq!(pair.sessions(), [1, 1]);
    assert_eq!(pair.notices(0, "the database is back"), 1);
    assert_eq!(pair.hosts[0].told.matches("storage_recovered").count(), 1);
    assert!(
        pair.hosts[0].told.matches("gateway_reconnected").count() == 1 && pair.hosts[0].gateway.is_ready()
    );
}

#[test]
fn a_single_node_may_keep_its_links_without_the_database() {
    let mut pair = Pair::empty(2, true);
    pair.start("a");
    pair.wait(5.0);
    pair.has_database = false;
    pair.wait(300.0);
    assert_eq!((pair.sessions(), pair.hosts[0].dials), (vec![2], 2));
    pair.has_database = true;
    pair.wait(10.0);
    assert_eq!((pair.sessions(), pair.hosts[0].dials), (vec![2], 2));
    let view = pair.table.view(pair.now.mono);
    assert_eq!(view.leases.iter().map(|lease| lease.fence.epoch).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn the_links_of_a_lost_node_are_shown_as_nobody_s_until_another_one_has_them() {
    let mut pair = Pair::new(2);
    pair.connect(1);
    let lost = (0..2).find(|mud| pair.hosts[0].gateway.muds[crate::ids::MudId::at(*mud)].link.has_session());
    let lost = lost.expect("a has one");
    pair.hosts[0].is_asleep = true;
    pair.wait(8.0);
    assert_eq!(pair.state(1, lost), StateName::Ready, "nobody knows better yet");
    pair.wait(9.0);
    assert_eq!(pair.sessions()[1], 2);
    assert_eq!(pair.state(1, lost), StateName::Ready);
    let link = &pair.hosts[1].gateway.muds[crate::ids::MudId::at(lost)].link;
    assert!(link.has_session());
}

#[test]
fn a_refused_save_ends_the_link_at_once() {
    let mut pair = Pair::new(2);
    let name = (0..2)
        .find(|mud| pair.hosts[0].gateway.muds[crate::ids::MudId::at(*mud)].link.has_session())
        .map(|mud| format!("Mud{mud}"))
        .expect("a has one");
    let (mut parts, doors) = pair.hosts[0].gateway.parts();
    crate::service::nodes::hold::lost(&mut parts, &[name]);
    doors.follow(&mut parts);
    pair.hosts[0].has_nothing_open();
    // Nobody else has it: the next answer shows the lease, which is given back and taken anew.
    pair.wait(5.0);
    assert_eq!(pair.sessions(), [1, 1]);
}
