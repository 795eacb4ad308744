//! Who holds which mud.

use crate::node::{LEASE, Node, PATIENCE, database, fence, holders, identity};
use i3_core::machine::Beat;
use i3_store::open_shared;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

#[test]
fn a_lease_is_taken_kept_and_given_back_and_each_taking_has_a_new_epoch() {
    let Some((postgres, name, place)) = database() else { return };
    let (mut a, mut b) = (Node::start(&place, "a"), Node::start(&place, "b"));
    let beaten = a.take(&["M", "N", "M"]);
    assert_eq!(holders(&beaten), ["M=a#1", "N=a#1"]);
    assert!(beaten.leases[0].left <= LEASE && beaten.leases[0].left > LEASE / 2);
    assert_eq!(holders(&b.take(&["M", "N", "O"])), ["M=a#1", "N=a#1", "O=b#1"]);
    // What is another's, or of another epoch, stays as it is.
    let others = Beat { keep: vec![fence("M", 1)], leave: vec![fence("N", 1)], ..Beat::default() };
    assert_eq!(holders(&b.beat(&others)), ["M=a#1", "N=a#1", "O=b#1"]);
    postgres.sql(&name, "UPDATE i3_lease SET until = now() + interval '1 s'");
    let ask =
        Beat { keep: vec![fence("M", 1), fence("O", 1)], leave: vec![fence("N", 2)], ..Beat::default() };
    let beaten = a.beat(&ask);
    let left: Vec<bool> = beaten.leases.iter().map(|lease| lease.left > LEASE / 2).collect();
    assert_eq!(left, [true, false, false], "only M was prolonged");
    let ask = Beat { leave: vec![fence("M", 1)], take: vec!["P".to_owned()], ..Beat::default() };
    assert_eq!(holders(&a.beat(&ask)), ["N=a#1", "O=b#1", "P=a#1"]);
    assert_eq!(holders(&b.take(&["M"])), ["M=b#2", "N=a#1", "O=b#1", "P=a#1"]);
    // A lease that has run out is nobody's, and its node prolongs it unless another one has taken it.
    let run_out = "UPDATE i3_lease SET until = now() - interval '1 ms' WHERE mud = 'N'";
    postgres.sql(&name, run_out);
    assert_eq!(holders(&a.beat(&Beat::default())), ["M=b#2", "O=b#1", "P=a#1"]);
    let ask = Beat { keep: vec![fence("N", 1)], ..Beat::default() };
    assert_eq!(holders(&a.beat(&ask)), ["M=b#2", "N=a#1", "O=b#1", "P=a#1"]);
    postgres.sql(&name, run_out);
    assert_eq!(holders(&b.take(&["N"])), ["M=b#2", "N=b#2", "O=b#1", "P=a#1"]);
    assert_eq!(holders(&a.beat(&ask)), ["M=b#2", "N=b#2", "O=b#1", "P=a#1"]);
}

#[test]
fn a_lease_ends_by_the_clock_of_the_database() {
    let Some((_postgres, _, place)) = database() else { return };
    let lease = Duration::from_secs(5);
    let (mut a, mut b) = (Node::start_with(&place, "a", lease), Node::start_with(&place, "b", lease));
    let taken = Instant::now();
    a.take(&["M"]);
    while holders(&b.take(&["M"])) == ["M=a#1"] {
        assert!(taken.elapsed() < PATIENCE);
        sleep(Duration::from_millis(50));
    }
    assert!(taken.elapsed() >= lease && taken.elapsed() < lease * 3, "{:?}", taken.elapsed());
    assert_eq!(holders(&a.beat(&Beat::default())), ["M=b#2"]);
}

#[test]
fn nodes_are_listed_while_they_beat() {
    let Some((postgres, name, place)) = database() else { return };
    let (mut a, mut b) = (Node::start(&place, "a"), Node::start(&place, "b"));
    let names = |beaten: &i3_core::machine::Beaten| -> Vec<String> {
        beaten
            .nodes
            .iter()
            .map(|node| format!("{}{}", node.name, if node.is_draining { "!" } else { "" }))
            .collect()
    };
    assert_eq!(names(&a.beat(&Beat::default())), ["a"]);
    assert_eq!(names(&b.beat(&Beat { is_draining: true, ..Beat::default() })), ["a", "b!"]);
    let mut again = open_shared(&place, identity("c")).unwrap().store;
    assert_eq!(again.nodes().unwrap().len(), 2, "one that is only opened is none");
    assert_eq!(names(&a.beat(&Beat { is_gone: true, ..Beat::default() })), ["b!"]);
    a.beat(&Beat::default());
    let aged =
        format!("UPDATE i3_node SET seen = seen - interval '{} s' WHERE name = 'b'", LEASE.as_secs() * 3);
    postgres.sql(&name, &aged);
    assert_eq!(names(&a.beat(&Beat::default())), ["a"]);
}

/// Two nodes take and give back the same muds as fast as they can, while their saves lock the leases, too. At no time do
/// both hold a mud, no epoch comes twice, and they never wait for each other without end.
#[test]
fn two_nodes_race_for_the_same_muds() {
    let Some((postgres, name, place)) = database() else { return };
    let muds: Vec<String> = (0..20).map(|at| format!("Mud {at:02}")).collect();
    let rounds = 60;
    let racers: Vec<_> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let (place, mut muds) = (place.clone(), muds.clone());
            if name == "b" {
                muds.reverse();
            }
            thread::spawn(move || {
                let mut node = Node::start(&place, name);
                let mut held_ever = Vec::new();
                for round in 0..rounds {
                    let beaten = node.beat(&Beat { take: muds.clone(), ..Beat::default() });
                    let boot = format!("boot of {name}");
                    let mine: Vec<_> = beaten
                        .leases
                        .iter()
                        .filter(|lease| lease.boot == boot)
                        .map(|lease| lease.fence.clone())
                        .collect();
                    let key = format!("{name} {round:03}");
                    let save = crate::node::save(&[crate::node::change("won", &key, "")], &mine);
                    assert_eq!(node.commit(&[save]), Ok(vec![Ok(())]));
                    let (keep, leave) = mine.split_at(mine.len() / 3);
                    node.beat(&Beat { keep: keep.to_vec(), leave: leave.to_vec(), ..Beat::default() });
                    held_ever.extend(mine);
                    sleep(Duration::from_millis(2));
                }
                held_ever
            })
        })
        .collect();
    let mut held: Vec<Vec<_>> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
    for one in &mut held {
        one.sort();
        one.dedup();
        assert!(one.len() > rounds / 2, "each node has held muds: {}", one.len());
    }
    let both: Vec<_> = held[0].iter().filter(|fence| held[1].contains(fence)).collect();
    assert_eq!(both, Vec::<&i3_core::machine::Fence>::new(), "one epoch has one holder");
    let deadlocks =
        postgres.sql(&name, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    assert_eq!(deadlocks, "0");
}
