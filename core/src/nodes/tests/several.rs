//! How muds are spread over several nodes.

use super::rig::{LEASE, Rig, seconds, settings};
use crate::nodes::Leases;
use std::time::Duration;

fn is_even(rig: &Rig) -> bool {
    let counts = rig.counts();
    let (most, least) = (counts.iter().max().unwrap_or(&0), counts.iter().min().unwrap_or(&0));
    counts.iter().sum::<usize>() == rig.settings.muds.len() && most - least <= 1
}

#[test]
fn nodes_that_start_together_share_at_once() {
    let mut rig = Rig::new(10);
    for name in ["a", "b", "c"] {
        rig.join(name);
    }
    let took = rig.until("an even spread", is_even);
    assert!(took < seconds(2.5), "{took:?}");
    let moves = rig.moves;
    rig.wait(seconds(60.0));
    assert_eq!(rig.moves, moves, "nothing moves without need");
}

#[test]
fn a_node_that_joins_gets_its_share_one_by_one_for_each_router() {
    for (one_router, least, most) in [(true, 20.0, 27.0), (false, 0.0, 7.0)] {
        let mut rig = Rig::with(settings(40, one_router));
        rig.join("a");
        rig.until("all muds held", |rig| rig.counts() == [40]);
        rig.join("b");
        let took = rig.until("an even spread", is_even);
        assert!(took >= seconds(least) && took <= seconds(most), "{one_router} {took:?}");
        assert_eq!(rig.moves, 60, "each mud moves at most once");
    }
}

#[test]
fn the_muds_of_a_killed_node_are_taken_when_their_leases_run_out() {
    let mut rig = Rig::new(9);
    for name in ["a", "b", "c"] {
        rig.join(name);
    }
    rig.until("an even spread", is_even);
    rig.wait(seconds(20.0));
    let moves = rig.moves;
    rig.kill("c");
    let took = rig.until("all muds held", |rig| rig.counts().iter().sum::<usize>() == 9);
    assert!(took > LEASE / 2 && took < LEASE + seconds(1.5), "{took:?}");
    // The killed node is still in the list. Nothing is given to it.
    rig.wait(LEASE * 4);
    assert!(is_even(&rig), "{:?}", rig.counts());
    assert_eq!(rig.moves, moves + 3);
    let (moves, lost) = (rig.moves, rig.node("b").links.len());
    rig.kill("b");
    rig.until("all muds held", |rig| rig.counts() == [9]);
    rig.wait(LEASE * 4);
    assert_eq!(rig.moves, moves + lost);
}

#[test]
fn a_node_that_drains_is_empty_soon_and_stays_so() {
    let mut rig = Rig::new(4);
    rig.join("a");
    rig.join("b");
    rig.until("an even spread", is_even);
    rig.wait(seconds(7.0));
    rig.ask("a", Leases::drain);
    let took = rig.until("the hand-over", |rig| rig.counts() == [0, 4]);
    assert!(took < seconds(0.5), "{took:?}");
    assert_eq!((rig.node("a").leases.drained(), rig.node("a").leases.held()), (2, 0));
    rig.wait(seconds(60.0));
    assert_eq!(rig.counts(), [0, 4]);
    // The other one is lost: a node that drains takes nothing.
    rig.kill("b");
    rig.wait(seconds(60.0));
    assert_eq!(rig.counts(), [0]);
}

#[test]
fn a_drain_ends_where_no_other_node_is_left() {
    let mut rig = Rig::with(settings(40, true));
    rig.join("a");
    rig.join("b");
    rig.until("an even spread", is_even);
    rig.ask("a", Leases::drain);
    rig.wait(seconds(3.0));
    let left = rig.counts()[0];
    assert!(left > 10 && left < 20, "{left}");
    rig.kill("b");
    rig.wait(LEASE * 3 + seconds(3.0));
    assert!(!rig.node("a").leases.is_draining());
    rig.until("all muds held", |rig| rig.counts() == [40]);
}

#[test]
fn a_node_that_ends_gives_all_at_once() {
    let mut rig = Rig::with(settings(40, true));
    rig.join("a");
    rig.join("b");
    rig.until("an even spread", is_even);
    rig.ask("a", Leases::end);
    let took = rig.until("the hand-over", |rig| rig.counts() == [0, 40]);
    assert!(took < seconds(0.5), "{took:?}");
    let (_, last) = rig.node("a").leases.last_beat();
    assert!(last.is_gone && last.leave.is_empty());
}

#[test]
fn a_node_that_was_stopped_lets_go_before_it_does_anything_else() {
    for pause in [LEASE, LEASE * 4, Duration::from_secs(3600)] {
        let mut rig = Rig::new(6);
        rig.join("a");
        rig.join("b");
        rig.until("an even spread", is_even);
        rig.node("a").is_paused = true;
        rig.wait(pause);
        rig.wait(seconds(3.0));
        assert_eq!(rig.counts(), [3, 6], "{pause:?}");
        rig.node("a").is_paused = false;
        rig.wait(LEASE * 4);
        assert!(is_even(&rig), "{:?}", rig.counts());
    }
}

#[test]
fn a_node_without_the_database_lets_go_before_another_one_takes() {
    let mut rig = Rig::new(6);
    rig.join("a");
    rig.join("b");
    rig.until("an even spread", is_even);
    rig.node("a").is_cut_off = true;
    let let_go = rig.until("letting go", |rig| rig.counts()[0] == 0);
    assert!(let_go > LEASE / 3 && let_go < LEASE - seconds(2.9), "{let_go:?}");
    rig.until("taking", |rig| rig.counts() == [0, 6]);
    rig.node("a").is_cut_off = false;
    rig.until("an even spread", is_even);
}

#[test]
fn after_an_outage_each_node_counts_although_all_leases_have_run_out() {
    for (outage, apart) in [(LEASE / 2, 0.0), (LEASE * 2, 0.0), (LEASE * 2, 2.5), (LEASE * 2, 4.5)] {
        let mut rig = Rig::new(6);
        rig.join("a");
        rig.join("b");
        rig.until("an even spread", is_even);
        rig.wait(seconds(20.0));
        rig.nodes.iter_mut().for_each(|node| node.is_cut_off = true);
        rig.wait(outage);
        rig.node("a").is_cut_off = false;
        rig.wait(seconds(apart));
        rig.node("b").is_cut_off = false;
        let moves = rig.moves;
        for tenth in 0..300 {
            rig.wait(seconds(0.1));
            let can_drain = rig.nodes.iter().all(|node| node.leases.has_others());
            assert!(can_drain, "{outage:?} {apart} {tenth}");
        }
        assert!(
            is_even(&rig) && rig.moves - moves <= 6,
            "{outage:?} {apart}: {:?} {}",
            rig.counts(),
            rig.moves - moves
        );
    }
}

#[test]
fn a_mud_that_no_other_node_has_is_not_offered_again_and_again() {
    let mut rig = Rig::new(4);
    rig.join("a");
    rig.until("all muds held", |rig| rig.counts() == [4]);
    // This node has other muds in its settings.
    let all = std::mem::replace(&mut rig.settings, settings(1, false));
    rig.join("b");
    rig.settings = all;
    rig.wait(seconds(3600.0));
    let (counts, moves) = (rig.counts(), rig.moves);
    assert_eq!(counts.iter().sum::<usize>(), 4, "{counts:?}");
    assert!(moves < 30, "{moves}");
    rig.wait(seconds(3600.0));
    assert!(rig.counts() == counts && rig.moves <= moves + 4, "{moves} {}", rig.moves);
}

#[test]
fn whatever_comes_and_goes_the_muds_settle() {
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..30 {
        let mut rig = Rig::with(settings(rng.usize(1..30), rng.bool()));
        let names = ["a", "b", "c", "d", "e"];
        for _ in 0..12 {
            let name = names[rng.usize(..names.len())];
            match rig.nodes.iter().position(|node| node.name == name) {
                None => rig.join(name),
                Some(_) if rng.bool() => rig.kill(name),
                Some(at) if rng.bool() => rig.nodes[at].is_cut_off ^= true,
                Some(at) => rig.nodes[at].is_paused ^= true,
            }
            rig.wait(seconds(rng.f64() * 25.0));
        }
        for node in &mut rig.nodes {
            (node.is_paused, node.is_cut_off) = (false, false);
        }
        if rig.nodes.is_empty() {
            rig.join("a");
        }
        rig.wait(LEASE * 4 + seconds(60.0));
        assert!(is_even(&rig), "round {round}: {:?}", rig.counts());
        let moves = rig.moves;
        rig.wait(seconds(60.0));
        assert_eq!(rig.moves, moves, "round {round}: nothing moves without need");
    }
}
