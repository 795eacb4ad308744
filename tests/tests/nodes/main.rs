//! Several gateways that share an engine, in virtual time.

mod database;
mod engine;
mod games;
mod holders;
mod people;

use i3_tests::cluster::Cluster;
use serde_json::{Value as Json, json};

const NODES: [&str; 2] = ["east", "west"];

/// Two nodes with a game of Alpha at each, named after them. The holder comes first.
fn cluster() -> (Cluster, String, String) {
    let mut cluster = Cluster::new(&NODES, &["Alpha"]);
    cluster.until(5, "Alpha is logged in", |cluster| cluster.sent_with("startup-req-3").len() == 1);
    let holder = cluster.holder("Alpha").expect("one node holds the mud");
    let other = cluster.other(&holder, &NODES);
    for node in NODES {
        cluster.client(node, node, "Alpha", &json!({"client": node}));
    }
    cluster.wait(2);
    (cluster, holder, other)
}

fn tell_out(text: &str) -> Json {
    json!({"target_mud": "Sage", "target_user": "bob", "message": text, "from_user": "ann"})
}

fn texts(events: &[Json]) -> Vec<&str> {
    events.iter().filter_map(|event| event["params"]["message"].as_str()).collect()
}
