//! What all nodes are told.

use crate::node::{Node, PATIENCE, change, database, entries, open, save};
use i3_core::machine::{Change, SmolStr, Told};
use i3_store::FollowError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

fn key(told: &Told) -> String {
    told.changes[0].key.to_string()
}

#[test]
fn all_nodes_are_told_all_saves_of_two_writers_in_one_order() {
    let Some((_postgres, _, place)) = database() else { return };
    let count = 300;
    let mut readers = [Node::start(&place, "r1"), Node::start(&place, "r2")];
    let writers: Vec<_> = ["w1", "w2"]
        .into_iter()
        .map(|name| {
            let place = place.clone();
            thread::spawn(move || {
                let mut node = Node::start(&place, name);
                for turn in 0..count / 3 {
                    let saves: Vec<_> = (0..3)
                        .map(|at| save(&[change(">p", &format!("{name} {:04}", turn * 3 + at), "x")], &[]))
                        .collect();
                    assert_eq!(node.commit(&saves), Ok(vec![Ok(()); 3]));
                }
            })
        })
        .collect();
    let told = readers.each_mut().map(|reader| reader.told(2 * count));
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(told[0], told[1]);
    assert!(told[0].windows(2).all(|pair| pair[0].end == pair[1].position));
    for name in ["w1", "w2"] {
        let keys: Vec<String> = told[0].iter().map(key).filter(|key| key.starts_with(name)).collect();
        let expected: Vec<String> = (0..count).map(|at| format!("{name} {at:04}")).collect();
        assert_eq!(keys, expected);
    }
    let late = Node::start(&place, "late").told(2 * count);
    assert_eq!(late, told[0], "a node that starts is told the last minute, too");
}

/// What a node has loaded and what it is told since make the state, at whatever moment it starts.
#[test]
fn entries_and_what_is_told_fit_together() {
    let Some((_postgres, _, place)) = database() else { return };
    let is_done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (place, is_done) = (place.clone(), Arc::clone(&is_done));
        thread::spawn(move || {
            let mut node = Node::start(&place, "w");
            let mut written = 0u32;
            while !is_done.load(Ordering::Relaxed) {
                let gone = Change { value: None, ..change("s", &format!("{:02}", (written + 50) % 100), "") };
                node.save(&[change("s", &format!("{:02}", written % 100), written.to_string()), gone]);
                written += 1;
            }
            node.save(&[change("end", "", "")]);
        })
    };
    let mut nodes = Vec::new();
    for at in 0..20 {
        nodes.push(Node::start(&place, &format!("r{at}")));
    }
    is_done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    let expected = entries(&place);
    assert!(expected.len() > 10, "{}", expected.len());
    let mut overlaps = 0;
    for mut node in nodes {
        let mut state: BTreeMap<_, _> = node
            .loaded
            .iter()
            .map(|entry| ((entry.space.clone(), entry.key.clone()), entry.value.clone()))
            .collect();
        let started = Instant::now();
        while !state.contains_key(&("end".into(), SmolStr::default())) {
            assert!(started.elapsed() < PATIENCE);
            for told in node.roles.follower.news().unwrap().told {
                if told.position <= node.start.position {
                    overlaps += 1;
                    continue;
                }
                for Change { space, key, value } in told.changes {
                    match value {
                        Some(value) => drop(state.insert((space, key), Some(value))),
                        None => drop(state.remove(&(space, key))),
                    }
                }
            }
        }
        let state: Vec<Change> =
            state.into_iter().map(|((space, key), value)| Change { space, key, value }).collect();
        assert_eq!(state, expected);
    }
    assert!(overlaps > 0, "nodes are told what came shortly before their start");
}

#[test]
fn the_log_is_read_in_pages() {
    let Some((_postgres, _, place)) = database() else { return };
    let (mut node, mut reader) = (Node::start(&place, "w"), Node::start(&place, "r"));
    let small: Vec<_> = (0..1_200).map(|at| save(&[change(">p", &at.to_string(), "")], &[])).collect();
    for some in small.chunks(100) {
        node.commit(some).unwrap();
    }
    for at in 1_200..1_206 {
        node.save(&[change(">p", &at.to_string(), vec![0; 3_000_000])]);
    }
    let (mut pages, mut told) = (Vec::new(), Vec::new());
    while told.len() < 1_206 {
        let news = reader.roles.follower.news().unwrap();
        pages.push(news.told.len());
        told.extend(news.told);
    }
    assert!(told.iter().enumerate().all(|(at, told)| key(told) == at.to_string()));
    assert!(pages.iter().all(|page| *page <= 500) && pages[3..] == [2, 2], "{pages:?}");
}

#[test]
fn a_node_whose_next_save_was_deleted_says_so() {
    let Some((postgres, name, place)) = database() else { return };
    let mut writer = Node::start(&place, "w");
    writer.save(&[change("s", "1", "")]);
    let mut behind = [Node::start(&place, "r1"), Node::start(&place, "r2"), Node::start(&place, "r3")];
    behind.iter_mut().for_each(|node| drop(node.told(1)));
    writer.save(&[change("s", "2", "")]);
    // Two saves are old, and the third is not.
    postgres.sql(&name, "UPDATE i3_log SET at = at - interval '61 minutes'");
    let [first, second, third] = &mut behind;
    first.told(1);
    writer.roles.saver.tidy().unwrap();
    assert_eq!(postgres.sql(&name, "SELECT count(*) FROM i3_log"), "0");
    let is_behind = |node: &mut Node| match node.roles.follower.news() {
        Err(FollowError::Behind(error)) => error.0,
        other => panic!("{other:?}"),
    };
    assert!(is_behind(second).contains("was deleted"));
    writer.save(&[change("s", "3", "")]);
    assert!(is_behind(third).contains("was deleted"));
    assert_eq!(key(&first.told(1)[0]), "3");
    writer.roles.saver.tidy().unwrap();
    assert_eq!(postgres.sql(&name, "SELECT count(*) FROM i3_log"), "1", "a young one stays");

    // An older state has taken the place: positions have gone back.
    postgres.sql(&name, "UPDATE i3_position SET next = next - 1, last = last - 1");
    assert!(is_behind(first).contains("older state"));
    assert!(open(&place, "new").load(usize::MAX, &mut drop).is_ok(), "a new start can use it");
}
