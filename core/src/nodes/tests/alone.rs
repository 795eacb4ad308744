//! What one node makes of answers that are late, wrong or missing.

use super::rig::{LEASE, Rig, Table, seconds};
use crate::ids::MudId;
use crate::machine::{Beat, Beaten, Fence, Lease, Node};
use crate::nodes::leases::{Database, Leases, Step};
use crate::settings::NodeSettings;
use crate::time::Instant;
use std::time::Duration;

const ME: (&str, &str) = ("a", "a.1");
const MUD: MudId = MudId::OWN;

fn at(time: f64) -> Instant {
    Instant::ORIGIN + seconds(time)
}

/// One node with one mud.
fn node(keeps_without_database: bool) -> Leases {
    let node =
        NodeSettings { name: ME.0.to_owned(), boot: ME.1.to_owned(), lease: LEASE, keeps_without_database };
    Leases::new(&super::rig::settings(1, false), &node, at(0.0))
}

fn fence(epoch: u64) -> Fence {
    Fence { mud: "Mud0".to_owned(), epoch }
}

fn answer(boot: &str, epoch: u64, left: Duration) -> Beaten {
    let lease = Lease { fence: fence(epoch), boot: boot.to_owned(), left };
    Beaten { leases: vec![lease], ..nobody() }
}

fn nobody() -> Beaten {
    let me = Node { name: ME.0.to_owned(), boot: ME.1.to_owned(), is_draining: false };
    Beaten { leases: Vec::new(), nodes: vec![me] }
}

/// A node that has taken its mud at 1 s, with lease 1: until 13 s.
fn holder(keeps: bool) -> Leases {
    let mut leases = node(keeps);
    let (first, ask) = leases.poll_beat(at(0.5)).unwrap();
    assert_eq!((first, ask), (1, Beat::default()), "nothing is known yet");
    assert!(leases.answered(at(0.6), first, nobody()).is_empty());
    assert_eq!(leases.due_at(at(0.6)), Some(at(0.6)));
    let (second, ask) = leases.poll_beat(at(1.0)).unwrap();
    assert_eq!((second, ask.take), (2, vec!["Mud0".to_owned()]));
    assert_eq!(leases.answered(at(1.2), second, answer(ME.1, 1, LEASE)), [Step::Taken(MUD, 1)]);
    assert_eq!(leases.end_at(), Some(at(13.0)).filter(|_| !keeps));
    leases
}

#[test]
fn a_lease_is_prolonged_from_the_moment_of_the_question() {
    let mut leases = holder(false);
    assert_eq!(leases.due_at(at(1.2)), Some(at(6.0)));
    assert!(leases.poll_beat(at(5.9)).is_none());
    let (beat, ask) = leases.poll_beat(at(6.0)).unwrap();
    assert_eq!(ask, Beat { keep: vec![fence(1)], ..Beat::default() });
    assert!(leases.answered(at(9.0), beat, answer(ME.1, 1, LEASE)).is_empty());
    assert_eq!(leases.end_at(), Some(at(18.0)));
    // What the database counts is less than the length in the settings.
    let (beat, _) = leases.poll_beat(at(11.0)).unwrap();
    leases.answered(at(11.0), beat, answer(ME.1, 1, seconds(5.0)));
    assert_eq!(leases.end_at(), Some(at(18.0)), "an answer does not shorten it");
    assert!(leases.ended(at(17.9)).is_empty());
    assert_eq!(leases.ended(at(18.0)), [Step::Lapsed(MUD)]);
    assert!(leases.epoch(MUD).is_none() && leases.end_at().is_none());
}

#[test]
fn an_answer_after_the_end_of_its_lease_gives_nothing() {
    let mut leases = node(false);
    let (first, _) = leases.poll_beat(at(0.5)).unwrap();
    leases.answered(at(0.6), first, nobody());
    let (second, _) = leases.poll_beat(at(1.0)).unwrap();
    assert!(leases.answered(at(13.0), second, answer(ME.1, 1, LEASE)).is_empty());
    assert_eq!(leases.epoch(MUD), None);
    // The next answer finds it in time.
    let (third, ask) = leases.poll_beat(at(13.1)).unwrap();
    assert_eq!(ask.keep, []);
    let steps = leases.answered(at(13.2), third, answer(ME.1, 1, seconds(4.0)));
    assert_eq!((steps, leases.end_at()), (vec![Step::Taken(MUD, 1)], Some(at(14.1))));
}

#[test]
fn a_lease_that_has_run_out_is_prolonged_unless_another_node_has_taken_the_mud() {
    for taken in [false, true] {
        let mut leases = holder(false);
        assert_eq!(leases.ended(at(20.0)), [Step::Lapsed(MUD)]);
        let (beat, ask) = leases.poll_beat(at(20.1)).unwrap();
        assert_eq!((ask.keep, ask.take), (vec![fence(1)], vec![]));
        let steps = match taken {
            true => leases.answered(at(20.2), beat, answer("b.1", 2, LEASE)),
            false => leases.answered(at(20.2), beat, answer(ME.1, 1, LEASE)),
        };
        let expected = match taken {
            true => Step::Lost(MUD, "another node has taken the mud"),
            false => Step::Taken(MUD, 1),
        };
        assert_eq!(steps, [expected]);
        assert_eq!(leases.poll_beat(at(26.0)).unwrap().1.keep.len(), usize::from(!taken));
    }
}

#[test]
fn an_answer_from_before_a_sleep_gives_nothing() {
    let mut leases = holder(false);
    // The host has slept for an hour. The database says that the lease runs, which an answer that is as old has said.
    let (beat, _) = leases.poll_beat(at(6.0)).unwrap();
    assert_eq!(leases.ended(at(3600.0)).len(), 1);
    assert!(leases.answered(at(3600.0), beat, answer(ME.1, 1, LEASE)).is_empty());
    assert_eq!(leases.epoch(MUD), None);
    let (beat, ask) = leases.poll_beat(at(3600.1)).unwrap();
    assert_eq!((ask.leave, ask.take, ask.keep), (vec![], vec![], vec![fence(1)]));
    leases.answered(at(3600.2), beat, nobody());
    let (beat, ask) = leases.poll_beat(at(3600.3)).unwrap();
    assert_eq!(ask.take, ["Mud0"]);
    assert_eq!(leases.answered(at(3600.4), beat, answer(ME.1, 2, LEASE)), [Step::Taken(MUD, 2)]);
}

#[test]
fn another_holder_ends_it_at_once() {
    for taken in [answer("b.1", 2, LEASE), nobody()] {
        let mut leases = holder(false);
        let (beat, _) = leases.poll_beat(at(6.0)).unwrap();
        assert_eq!(leases.answered(at(6.1), beat, taken), [Step::Lost(MUD, "the lease has run out")]);
    }
    // A view that was not asked for may be old: it only makes the node ask.
    let mut leases = holder(false);
    leases.told(at(2.0), answer("b.1", 2, LEASE));
    assert_eq!((leases.epoch(MUD), leases.due_at(at(2.0))), (Some(1), Some(at(1.1))));
    // A refused save is not.
    let mut leases = holder(false);
    assert!(leases.refused(&["Other".to_owned()], at(2.0)).is_empty());
    assert_eq!(leases.refused(&["Mud0".to_owned()], at(2.0)).len(), 1);
    assert_eq!(leases.due_at(at(2.0)), Some(at(1.1)));
}

#[test]
fn a_failed_beat_is_repeated_each_second_and_the_answer_to_an_older_one_counts_from_its_own_question() {
    let mut leases = holder(false);
    let (beat, _) = leases.poll_beat(at(6.0)).unwrap();
    leases.failed(at(6.5), beat);
    assert_eq!((leases.database(), leases.due_at(at(6.5))), (Database::Away, Some(at(7.5))));
    let (slow, _) = leases.poll_beat(at(7.5)).unwrap();
    assert_eq!(leases.due_at(at(7.5)), Some(at(12.5)));
    leases.look(at(12.5));
    let (next, _) = leases.poll_beat(at(12.5)).unwrap();
    assert!(leases.answered(at(12.9), slow, answer(ME.1, 1, LEASE)).is_empty());
    assert_eq!((leases.database(), leases.end_at()), (Database::Answers, Some(at(19.5))));
    assert!(leases.answered(at(13.0), next, answer(ME.1, 1, LEASE)).is_empty());
    assert_eq!(leases.end_at(), Some(at(24.5)));
    // Both are answered. A repeated answer, or one to a beat that was passed over, says nothing.
    assert!(leases.answered(at(13.0), slow, nobody()).is_empty());
    assert_eq!(leases.epoch(MUD), Some(1));
}

#[test]
fn beats_that_nobody_answers_have_a_limit() {
    let mut leases = holder(false);
    let asked: Vec<bool> =
        (0..600).map(|tick| leases.poll_beat(at(6.0 + f64::from(tick) / 10.0)).is_some()).collect();
    assert_eq!(asked.iter().filter(|asked| **asked).count(), 3);
    leases.look(at(70.0));
    assert_eq!((leases.database(), leases.due_at(at(70.0))), (Database::Away, None));
    // An answer to any of them lets the next one go.
    leases.answered(at(70.0), 5, nobody());
    assert_eq!(leases.due_at(at(70.0)).map(|at| at <= Instant::ORIGIN + seconds(70.0)), Some(true));
}

#[test]
fn a_single_node_keeps_its_link_without_the_database_and_takes_it_again() {
    let mut leases = holder(true);
    let (beat, _) = leases.poll_beat(at(6.0)).unwrap();
    leases.failed(at(6.1), beat);
    assert!(leases.ended(at(3600.0)).is_empty());
    assert!(leases.refused(&["Mud0".to_owned()], at(3600.0)).is_empty());
    let (beat, ask) = leases.poll_beat(at(3600.0)).unwrap();
    assert_eq!(ask.keep, [fence(1)]);
    assert!(leases.answered(at(3600.1), beat, nobody()).is_empty());
    let (beat, ask) = leases.poll_beat(at(3600.2)).unwrap();
    assert_eq!((ask.take, ask.keep), (vec!["Mud0".to_owned()], vec![]));
    assert_eq!(leases.answered(at(3600.3), beat, answer(ME.1, 2, LEASE)), [Step::TakenAgain(MUD, 2)]);
    // Somebody has started a second node against all advice: it has the mud.
    let (beat, _) = leases.poll_beat(at(3610.0)).unwrap();
    let lost = leases.answered(at(3610.1), beat, answer("b.1", 3, LEASE));
    assert_eq!(lost, [Step::Lost(MUD, "the lease has run out")]);
}

#[test]
fn the_last_beat_gives_back_what_is_left() {
    let mut leases = holder(false);
    leases.end();
    let (_, ask) = leases.last_beat();
    assert_eq!(ask.leave, [fence(1)]);
    assert!(ask.is_gone && ask.is_draining && leases.held() == 0);
}

#[test]
fn a_lease_that_was_removed_by_hand_is_taken_anew() {
    let mut rig = Rig::new(2);
    rig.join("a");
    rig.until("all muds held", |rig| rig.counts() == [2]);
    rig.table.remove("Mud1");
    rig.until("losing it", |rig| rig.counts() == [1]);
    rig.until("taking it", |rig| rig.counts() == [2]);
    assert!(rig.table.has("a") && !Table::default().has("a"));
}
