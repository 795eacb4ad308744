//! Saves, and who may write them.

use crate::node::{Node, change, database, entries, fence, holders, save};
use i3_core::machine::{Change, Clear, POSITIONS_OF_SAVE, positions_of};
use i3_store::FencedSave;

#[test]
fn what_was_saved_is_read_in_the_order_of_bytes_whatever_it_contains() {
    let Some((_postgres, _, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    assert_eq!(node.loaded, []);
    let all: Vec<u8> = (0..=255).collect();
    let expected = [
        change("Space", "B", "1"),
        change("Space", "a", &all),
        change("Space", "a\0\u{1}", [0, 0, 255]),
        change("Space", "ä", [0xc3, 0x28]),
        change("space/Müd's \\ \"{,}", "", ""),
        change("space/Müd's \\ \"{,}", "NULL", "{NULL}"),
    ];
    let mut shuffled = expected.to_vec();
    shuffled.reverse();
    node.save(&shuffled);
    assert_eq!(entries(&place), expected);
    assert_eq!(node.told(1)[0].changes, shuffled);

    // Of two changes of one key the later one counts, also over the saves of one transaction.
    let gone = |key: &str| Change { value: None, ..change("Space", key, "") };
    let saves = [
        save(&[change("Space", "B", "2"), gone("B"), change("Space", "c", "1")], &[]),
        save(&[change("Space", "B", "3"), gone("c"), gone("never there")], &[]),
        FencedSave {
            clear: Clear::Spaces(vec!["space/Müd's \\ \"{,}".into()]),
            changes: vec![change("space/Müd's \\ \"{,}", "NULL", "new")],
            fences: Vec::new(),
        },
    ];
    assert_eq!(node.commit(&saves), Ok(vec![Ok(()); 3]));
    let mut now = expected.to_vec();
    now[0] = change("Space", "B", "3");
    now.remove(4);
    now[4] = change("space/Müd's \\ \"{,}", "NULL", "new");
    assert_eq!(entries(&place), now);

    let everything =
        FencedSave { clear: Clear::Everything, changes: vec![change("x", "y", "z")], fences: Vec::new() };
    assert_eq!(node.commit(&[save(&[change("w", "w", "w")], &[]), everything.clone()]), Ok(vec![Ok(()); 2]));
    assert_eq!(entries(&place), [change("x", "y", "z")]);
    let told = node.told(5);
    assert_eq!(told[4].clear, Clear::Everything);
    assert_eq!(told[4].changes, everything.changes);
    assert_eq!(told[2].clear, saves[2].clear);
}

#[test]
fn a_value_that_is_too_long_comes_without_it() {
    let Some((_postgres, _, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    node.save(&[change("s", "long", [7; 1001]), change("s", "short", [7; 1000])]);
    let mut read = Vec::new();
    crate::node::open(&place, "b").load(1000, &mut |entry| read.push(entry)).unwrap();
    let lengths: Vec<_> = read.iter().map(|entry| entry.value.as_ref().map(|value| value.len())).collect();
    assert_eq!(lengths, [None, Some(1000)]);
}

#[test]
fn a_stale_save_writes_nothing_and_the_others_of_its_transaction_do() {
    let Some((postgres, name, place)) = database() else { return };
    let (mut old, mut new) = (Node::start(&place, "old"), Node::start(&place, "new"));
    assert_eq!(holders(&old.take(&["M", "N"])), ["M=old#1", "N=old#1"]);
    let (m, n) = (fence("M", 1), fence("N", 1));
    assert_eq!(
        old.commit(&[save(&[change("events/M", "1", "x")], std::slice::from_ref(&m))]),
        Ok(vec![Ok(())])
    );

    postgres.sql(&name, "UPDATE i3_lease SET until = now() - interval '1 ms' WHERE mud = 'M'");
    let late = [save(&[change("events/M", "1", "x")], std::slice::from_ref(&m))];
    assert_eq!(old.commit(&late), Ok(vec![Ok(())]), "nobody has taken it since");
    assert_eq!(holders(&new.take(&["M"])), ["M=new#2", "N=old#1"]);
    let stale = Err(vec!["M".to_owned()]);
    let saves = [
        save(&[change("events/M", "2", "stale")], std::slice::from_ref(&m)),
        save(&[change("events/N", "1", "kept")], std::slice::from_ref(&n)),
        save(&[change("both", "1", "stale")], &[n.clone(), m.clone()]),
        save(&[change("users", "1", "kept")], &[]),
    ];
    assert_eq!(old.commit(&saves), Ok(vec![stale.clone(), Ok(()), stale.clone(), Ok(())]));
    assert_eq!(holders(&new.take(&["M", "N"])), ["M=new#2", "N=old#1"]);
    assert_eq!(old.commit(&saves[..1]), Ok(vec![stale.clone()]));
    // The right epoch alone is not enough: another node has it.
    assert_eq!(old.commit(&[save(&[change("x", "1", "stale")], &[fence("M", 2)])]), Ok(vec![stale]));
    assert_eq!(new.commit(&[save(&[change("events/M", "3", "new")], &[fence("M", 2)])]), Ok(vec![Ok(())]));
    let kept: Vec<String> = entries(&place)
        .iter()
        .map(|entry| String::from_utf8(entry.value.as_deref().unwrap().to_vec()).unwrap())
        .collect();
    assert_eq!(kept, ["x", "new", "kept", "kept"]);
    assert_eq!(new.told(5).iter().filter(|told| told.boot == "boot of old").count(), 4);
}

#[test]
fn each_save_has_its_positions_and_what_passes_is_no_entry() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    let packet = change(">packet/M", "0001.0001", [1; 100]);
    let saves =
        [save(std::slice::from_ref(&packet), &[]), save(&[change("s", "k", [2; 500])], &[]), save(&[], &[])];
    assert_eq!(node.commit(&saves), Ok(vec![Ok(()); 3]));
    node.save(std::slice::from_ref(&packet));
    let told = node.told(4);
    let spans: Vec<u64> = told.iter().map(|told| told.end - told.position).collect();
    let passing = POSITIONS_OF_SAVE + positions_of(&packet);
    assert_eq!(spans, [passing, POSITIONS_OF_SAVE, POSITIONS_OF_SAVE, passing]);
    assert!(told.windows(2).all(|pair| pair[0].end == pair[1].position));
    assert_eq!(told[0].changes, [packet]);
    assert_eq!(entries(&place), [change("s", "k", [2; 500])]);
    let later = Node::start(&place, "b");
    assert_eq!(later.start.position, told[3].position);
    assert_eq!(later.start.told_from, told[0].position);
    // However long all nodes were away, a node begins before the last saves: their effects may not be saved.
    postgres.sql(&name, "UPDATE i3_log SET at = at - interval '2 days'");
    let after_days = Node::start(&place, "c").start;
    assert_eq!(after_days.told_from, told[0].position);
    let [short, long] = [later.start.away, after_days.away].map(|away| away.as_secs() / 3600);
    assert_eq!((short, long), (0, 48), "how long ago the last save was");
    // The same when one of them has begun again, and has saved something.
    let earlier = format!("position < {}", told[3].position);
    postgres.sql(&name, &format!("UPDATE i3_log SET at = at - interval '2 days' WHERE {earlier}"));
    assert_eq!(Node::start(&place, "d").start.told_from, told[0].position);
    // But not before a minute in which saves were made.
    let many = (0..20).map(|_| save(&[], &[]));
    assert_eq!(node.commit(&many.collect::<Vec<_>>()), Ok(vec![Ok(()); 20]));
    let apart = format!("timestamptz '2026-01-01' + position / {POSITIONS_OF_SAVE} * interval '4 seconds'");
    postgres.sql(&name, &format!("UPDATE i3_log SET at = {apart}"));
    let late = Node::start(&place, "e").start;
    assert!(late.told_from > told[3].position && late.told_from < late.position, "{late:?}");
}

#[test]
fn a_big_save_is_written_and_told() {
    let Some((_postgres, _, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    // Bytes that cannot be compressed well, in 5,000 entries.
    let value = |seed: u32| -> Vec<u8> {
        (0..1_000u32).map(|at| ((seed ^ at).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    let changes: Vec<Change> = (0..5_000).map(|at| change("big", &format!("{at:05}"), value(at))).collect();
    node.save(&changes);
    node.save(&[change("small", "1", "1")]);
    let told = node.told(2);
    assert_eq!(told[0].changes, changes);
    assert_eq!(entries(&place).len(), 5_001);
}
