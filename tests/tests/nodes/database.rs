//! What happens while nodes cannot reach the database.

use crate::{NODES, cluster, tell_out, texts};
use i3_tests::cluster::Cluster;
use serde_json::json;

#[test]
fn a_short_outage_costs_nothing() {
    let (mut cluster, holder, other) = cluster();
    cluster.world.engine_mut().is_up = false;
    cluster.tell_in("Alpha", "ann", "meanwhile");
    cluster.wait(5);
    assert_eq!(cluster.linked(), [holder.as_str()], "the link stays as long as its lease");
    cluster.world.engine_mut().is_up = true;
    cluster.wait(10);
    for node in [&holder, &other] {
        assert_eq!(texts(&cluster.events(node, "tell_received")), ["meanwhile"], "{node}");
    }
    assert_eq!(cluster.sent_with("startup-req-3").len(), 1);
}

#[test]
fn the_next_request_of_a_game_waits_until_its_message_is_durable() {
    let (mut cluster, _, other) = cluster();
    cluster.world.engine_mut().is_up = false;
    let tell = cluster.ask(&other, "tell", &tell_out("first"));
    let next = cluster.ask(&other, "ping", &json!({}));
    cluster.wait(2);
    assert_eq!((cluster.answer(&other, tell), cluster.answer(&other, next)), (None, None));
    cluster.world.engine_mut().is_up = true;
    cluster.wait(5);
    let answers = [tell, next].map(|id| cluster.answer(&other, id).map(|answer| answer["result"].clone()));
    assert_eq!(answers[0].as_ref().map(|result| &result["status"]), Some(&json!("sent")), "{answers:?}");
    assert!(answers[1].as_ref().is_some_and(|result| !result.is_null()), "{answers:?}");
}

#[test]
fn a_long_outage_ends_the_link_and_no_game() {
    let (mut cluster, holder, other) = cluster();
    cluster.world.engine_mut().is_up = false;
    cluster.wait(20);
    assert_eq!(cluster.linked(), [] as [&str; 0], "nobody may hold the link any more");
    for node in NODES {
        assert!(cluster.is_connected(node), "games stay connected");
        let answer = cluster.call(node, "tell", &tell_out("refused"));
        assert_eq!(answer["error"]["data"]["retryable"], true, "{answer}");
    }
    cluster.world.engine_mut().is_up = true;
    cluster.until(10, "somebody logs in", |cluster| cluster.sent_with("startup-req-3").len() == 2);
    cluster.wait(3);
    for node in [&holder, &other] {
        let sent = cluster.result(node, "tell", &tell_out(&format!("back at {node}")));
        assert_eq!(sent["status"], "sent");
    }
    cluster.wait(3);
    assert_eq!(cluster.sent_with("\"back at ").len(), 2);
    assert_eq!(cluster.sent_with("\"refused\"").len(), 0, "what was refused is not sent later");
}

#[test]
fn a_holder_that_alone_is_cut_off_is_replaced_and_lets_go_first() {
    let (mut cluster, holder, other) = cluster();
    cluster.world.cut_engine(&holder, true);
    cluster.until(30, "the other logs in", |cluster| cluster.sent_with("startup-req-3").len() == 2);
    assert_eq!(cluster.linked(), [other.as_str()]);
    cluster.tell_in("Alpha", "ann", "for both");
    cluster.wait(1);
    assert_eq!(texts(&cluster.events(&other, "tell_received")), ["for both"]);
    assert_eq!(texts(&cluster.events(&holder, "tell_received")), [] as [&str; 0]);
    cluster.world.cut_engine(&holder, false);
    cluster.wait(5);
    assert_eq!(texts(&cluster.events(&holder, "tell_received")), ["for both"], "it is told when it is back");
    assert_eq!(cluster.sent_with("startup-req-3").len(), 2);
}

#[test]
fn a_node_without_the_database_says_so_once() {
    let (mut cluster, _, other) = cluster();
    cluster.world.cut_engine(&other, true);
    cluster.wait(20);
    cluster.world.cut_engine(&other, false);
    cluster.wait(20);
    let told = |cluster: &mut Cluster, kind| cluster.events(&other, kind).len();
    assert_eq!((told(&mut cluster, "storage_failed"), told(&mut cluster, "storage_recovered")), (1, 1));
}
