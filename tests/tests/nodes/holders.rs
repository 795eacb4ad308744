//! Which node holds the link of a mud, and how it moves.

use i3_tests::cluster::{Cluster, LEASE};
use serde_json::json;
use std::time::Duration;

const NODES: [&str; 2] = ["east", "west"];

fn cluster(muds: &[&str]) -> Cluster {
    let mut cluster = Cluster::new(&NODES, muds);
    for mud in muds {
        cluster.until(5, "the mud is logged in", |cluster| logins(cluster, mud) == 1);
    }
    cluster
}

fn logins(cluster: &Cluster, mud: &str) -> usize {
    cluster.sent_with(&format!(r#"({{"startup-req-3",5,"{mud}","#)).len()
}

#[test]
fn two_nodes_log_in_once_under_a_name() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    assert_eq!(cluster.linked(), [holder.as_str()]);
    cluster.wait(120);
    assert_eq!((logins(&cluster, "Alpha"), cluster.holder("Alpha")), (1, Some(holder)));
}

#[test]
fn muds_are_spread_over_the_nodes_and_stay() {
    let muds = ["Alpha", "Beta", "Gamma", "Delta"];
    let mut cluster = cluster(&muds);
    cluster.until(60, "two muds at each node", |cluster| {
        let at = |node: &str| muds.iter().filter(|mud| cluster.holder(mud).as_deref() == Some(node)).count();
        (at("east"), at("west")) == (2, 2)
    });
    cluster.wait(10);
    let logins: Vec<usize> = muds.iter().map(|mud| logins(&cluster, mud)).collect();
    cluster.wait(300);
    assert_eq!(
        muds.iter().map(|mud| self::logins(&cluster, mud)).collect::<Vec<_>>(),
        logins,
        "none moves on"
    );
    assert!(logins.iter().all(|logins| *logins <= 2), "{logins:?}");
}

#[test]
fn status_names_the_node_and_the_holder_alike() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    for node in NODES {
        cluster.client(node, node, "Alpha", &json!({}));
        let status = cluster.result(node, "status", &json!({}));
        assert_eq!(
            (&status["node"], &status["holder"], &status["connected"]),
            (&json!(node), &json!(holder), &json!(true)),
            "{status}"
        );
    }
}

#[test]
fn a_killed_holder_is_replaced_when_its_lease_is_over() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    let other = cluster.other(&holder, &NODES);
    cluster.client("game", &other, "Alpha", &json!({}));
    cluster.world.crash(&holder);
    let millis = cluster.until(20, "the other logs in", |cluster| logins(cluster, "Alpha") == 2);
    // It was renewed a third of a lease ago at the earliest.
    assert!(millis >= LEASE.as_millis() as u64 / 2, "after {millis} ms");
    assert_eq!(cluster.sent_with("startup-req-3")[1].node, other);
    cluster.until(5, "the game is told", |cluster| {
        cluster.result("game", "status", &json!({}))["connected"] == true
    });
    cluster.tell_in("Alpha", "ann", "after it");
    cluster.wait(1);
    assert_eq!(cluster.events("game", "tell_received").len(), 1);
    assert!(cluster.is_connected("game"), "a move closes no game's connection");
    // What was killed comes back, and leaves the link where it is.
    assert!(cluster.start(&holder));
    cluster.wait(60);
    assert_eq!((logins(&cluster, "Alpha"), cluster.holder("Alpha")), (2, Some(other)));
}

#[test]
fn a_holder_that_stood_still_writes_nothing_when_it_wakes() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    let other = cluster.other(&holder, &NODES);
    cluster.client("still", &holder, "Alpha", &json!({}));
    cluster.world.pause(&holder, Duration::from_secs(40));
    let id =
        cluster.ask("still", "tell", &json!({"target_mud": "Sage", "target_user": "bob", "message": "late"}));
    cluster.until(30, "the other logs in", |cluster| logins(cluster, "Alpha") == 2);
    let by_holder = cluster.sent.iter().filter(|sent| sent.node == holder).count();
    cluster.wait(30);
    assert_eq!(cluster.sent.iter().filter(|sent| sent.node == holder).count(), by_holder);
    assert_eq!((cluster.holder("Alpha"), logins(&cluster, "Alpha")), (Some(other.clone()), 2));
    // What its game asked goes out once through the other, or not at all.
    let answer = cluster.answer("still", id).expect("it is answered");
    let sent: Vec<&str> = cluster.sent_with("\"late\"").iter().map(|sent| sent.node.as_str()).collect();
    match answer["result"]["status"].as_str() {
        Some("sent") => assert_eq!(sent, [other.as_str()]),
        _ => assert_eq!((&answer["error"]["data"]["retryable"], sent), (&json!(true), vec![]), "{answer}"),
    }
}

#[test]
fn a_drained_node_hands_its_muds_over_within_two_seconds() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    let other = cluster.other(&holder, &NODES);
    cluster.client("game", &holder, "Alpha", &json!({}));
    let drained = cluster.ask("game", "drain", &json!({}));
    let millis = cluster.until(5, "the other logs in", |cluster| logins(cluster, "Alpha") == 2);
    assert!(millis <= 2000, "after {millis} ms");
    cluster.wait(1);
    let answer = cluster.answer("game", drained).expect("the node says when it is done");
    assert_eq!(answer["result"]["status"], "drained", "{answer}");
    let goodbye = cluster.sent_with(r#"({"shutdown""#);
    assert_eq!(goodbye.iter().map(|sent| &sent.node).collect::<Vec<_>>(), [&holder]);
    assert_eq!(cluster.sent_with("startup-req-3")[1].node, other);
    assert!(cluster.is_connected("game"), "a drain closes no game's connection");
    cluster.wait(60);
    assert_eq!(cluster.holder("Alpha"), Some(other), "it takes none until its next start");
    let sent = cluster.result(
        "game",
        "tell",
        &json!({"target_mud": "Sage", "target_user": "bob", "message": "from a drained node"}),
    );
    assert_eq!(sent["status"], "sent");
}

#[test]
fn a_node_that_is_told_to_end_hands_its_muds_over_first() {
    let mut cluster = cluster(&["Alpha"]);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    let other = cluster.other(&holder, &NODES);
    cluster.world.shut_down(&holder);
    let millis = cluster.until(5, "the other logs in", |cluster| logins(cluster, "Alpha") == 2);
    assert!(millis <= 2000, "after {millis} ms");
    cluster.until(10, "it has ended", |cluster| cluster.world.has_stopped(&holder));
    assert_eq!(cluster.holder("Alpha"), Some(other.clone()));
    let mut by_holder = cluster.sent.iter().filter(|sent| sent.node == holder);
    assert!(
        by_holder.next_back().is_some_and(|sent| sent.text.starts_with(r#"({"shutdown""#)),
        "it said goodbye"
    );
}
