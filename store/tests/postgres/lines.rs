//! Lines of the history.

use crate::history::{
    self, compare_with_every_line, everything, four_hundred, ids, message, of, pages, put, value,
};
use crate::node::{Node, PATIENCE, change, database, entries, fence, save};
use i3_core::line::{self, Kept};
use i3_core::machine::{Change, Clear, SaveTicket};
use i3_core::query::{PAGE_BYTES_MAX, Page, Query};
use i3_store::{FencedSave, Report, Writer};
use std::sync::mpsc;

impl Node {
    fn page(&mut self, query: &Query) -> Page {
        self.roles.lines.as_mut().unwrap().page(query).unwrap()
    }

    /// All pages of an answer, up to so many rows.
    fn pages(&mut self, query: &Query, most: usize) -> Vec<u64> {
        pages(query, most, |query| self.page(query))
    }
}

#[test]
fn what_is_found_is_what_a_look_at_every_line_finds() {
    let Some((_postgres, _, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    node.save(&four_hundred());
    node.save(&four_hundred());
    assert!(entries(&place).is_empty());
    compare_with_every_line(|query| node.page(query));
}

#[test]
fn lines_are_written_with_their_save_stay_as_they_are_and_are_not_told() {
    let Some((_postgres, _, place)) = database() else { return };
    let (mut old, mut new) = (Node::start(&place, "old"), Node::start(&place, "new"));
    old.take(&["Alpha"]);
    let mine = [fence("Alpha", 1)];
    let saves = [
        save(&[change("events/Alpha", "1", "x"), put(1, 1, "chat", "first")], &mine),
        save(&[put(1, 1, "news", "another with its id"), put(2, 2, "chat", "second")], &mine),
    ];
    assert_eq!(old.commit(&saves), Ok(vec![Ok(()); 2]));
    assert_eq!(old.commit(&[save(&[put(2, 2, "news", "again")], &mine)]), Ok(vec![Ok(())]));
    assert_eq!(new.pages(&everything(), 9), [2, 1]);
    assert_eq!(new.pages(&of("chat"), 9), [2, 1], "the other node finds them as they were written first");
    let told = new.told(3);
    assert_eq!(told[0].changes, [change("events/Alpha", "1", "x")]);
    assert!(told[1].changes.is_empty() && told[1].position == told[0].end);
    assert_eq!(entries(&place), [change("events/Alpha", "1", "x")]);

    // What a node saves that has lost the mud is not written.
    old.beat(&i3_core::machine::Beat { leave: mine.to_vec(), ..Default::default() });
    new.take(&["Alpha"]);
    let stale = [save(&[put(3, 3, "chat", "stale")], &mine), save(&[change("s", "k", "v")], &[])];
    assert_eq!(old.commit(&stale), Ok(vec![Err(vec!["Alpha".to_owned()]), Ok(())]));
    assert_eq!(new.pages(&everything(), 9), [2, 1]);
    // A change that cannot be read, and a long name with what no text of the database has.
    let long = format!("{}\\u0000", "n".repeat(5_000));
    new.save(&[
        Change { key: "odd".into(), ..put(4, 4, "chat", "") },
        Change { value: None, ..put(1, 1, "chat", "") },
        put(5, 5, &long, "to all"),
        put(6, 6, &"n".repeat(6_000), "to all"),
    ]);
    assert_eq!(new.pages(&of(&"n".repeat(6_000)), 9), [6]);
    assert_eq!(new.pages(&everything(), 9), [6, 5, 2, 1]);
}

#[test]
fn what_a_save_removes_first_goes_and_what_it_adds_stays() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    let beta = line::put(&line::space_of("Beta"), 9, value(9, "chat", "bob", "x"));
    node.save(&[put(1, 1, "chat", "x"), beta.clone()]);
    let clear = Clear::Spaces(vec![line::space_of("Alpha")]);
    let saves = [
        save(&[put(2, 2, "chat", "x")], &[]),
        FencedSave { clear, changes: vec![put(3, 3, "chat", "x")], fences: Vec::new() },
    ];
    assert_eq!(node.commit(&saves), Ok(vec![Ok(()); 2]));
    assert_eq!(node.pages(&everything(), 9), [3]);
    let of_beta = Query { mud: "Beta".to_owned(), ..everything() };
    assert_eq!(node.pages(&of_beta, 9), [9]);
    let clear = Clear::Everything;
    let all = FencedSave { clear, changes: vec![put(4, 4, "chat", "x")], fences: Vec::new() };
    assert_eq!(node.commit(&[save(&[beta], &[]), all]), Ok(vec![Ok(()); 2]));
    assert_eq!(node.pages(&everything(), 9), [4]);
    assert!(node.pages(&of_beta, 9).is_empty());
    assert_eq!(bytes(&postgres, &name), stored(&postgres, &name));
}

/// The bytes that the lanes count, and those that the lines have.
fn bytes(postgres: &crate::postgres::Postgres, name: &str) -> String {
    postgres.sql(name, "SELECT mud, lane, bytes FROM i3_lane ORDER BY 1, 2")
}

fn stored(postgres: &crate::postgres::Postgres, name: &str) -> String {
    let sql = "SELECT mud, lane, sum(octet_length(value)) FROM i3_line GROUP BY 1, 2 ORDER BY 1, 2";
    postgres.sql(name, sql)
}

#[test]
fn a_page_is_bounded_in_bytes_and_a_single_longer_line_is_one() {
    let Some((_postgres, _, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    let (long, longer) = ("long ".repeat(PAGE_BYTES_MAX / 15), "x".repeat(PAGE_BYTES_MAX + 9));
    for id in 1..=7 {
        node.save(&[put(id, id, "chat", if id == 4 { &longer } else { &long })]);
    }
    let page = node.page(&of("chat"));
    assert_eq!((ids(&page), page.rest), (vec![7, 6], Some(6)));
    let page = node.page(&of("chat").from(5));
    assert_eq!((ids(&page), page.rest), (vec![4], Some(4)));
    assert_eq!(node.pages(&of("chat"), 9), [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn two_hundred_thousand_lines_are_searched_with_the_index_and_without() {
    const LINES: u64 = 200_000;
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    for first in (1..=LINES).step_by(2_000) {
        let lines = (first..first + 2_000).map(|id| put(id, id * 1_000, "chat", &message(id)));
        node.save(&lines.collect::<Vec<_>>());
    }
    let search = |text: &str| Query { text: Some(text.to_owned()), ..everything() };
    assert_eq!(postgres.sql(&name, "SELECT count(*) FROM pg_indexes WHERE indexname = 'i3_line_text'"), "1");
    for has_index in [true, false] {
        if !has_index {
            postgres.sql(&name, "DROP INDEX i3_line_text");
        }
        for text in ["castle977", "elf", "word111 a", "line 77777:", "7:", "basilisk"] {
            let is_it = |id: &u64| message(*id).to_lowercase().contains(text);
            let expected: Vec<u64> = (1..=LINES).rev().filter(is_it).take(300).collect();
            let found = node.pages(&search(text), 300);
            assert!(found.len() >= expected.len(), "{text}: {} of {}", found.len(), expected.len());
            assert_eq!(found[..expected.len()], expected, "{text}");
        }
        // One page suffices for a rare text where there is an index.
        let page = node.page(&search("line 77777:"));
        assert!(!has_index || (ids(&page), page.rest) == (vec![77_777], None), "{page:?}");
    }
}

#[test]
fn lines_that_are_not_kept_are_deleted_in_parts() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    let lines: Vec<Change> = (1..=1_000)
        .map(|id| put(id, id, if id <= 10 { "quiet" } else { "loud" }, &"much to say ".repeat(10)))
        .collect();
    node.save(&lines);
    let bytes_of_all: usize = lines.iter().map(|line| line.value.as_ref().unwrap().len()).sum();
    let tidy = |node: &mut Node, kept: Kept| {
        node.save(&[line::keep("Alpha", &kept)]);
        (0..60).for_each(|_| node.roles.saver.tidy().unwrap());
        assert_eq!(bytes(&postgres, &name), stored(&postgres, &name));
        node.pages(&everything(), 2_000)
    };
    let left = tidy(&mut node, Kept { born_after: 5, bytes_max: u64::MAX });
    assert_eq!((left.len(), left[0], left[994]), (995, 1_000, 6));
    let left = tidy(&mut node, Kept { born_after: 5, bytes_max: bytes_of_all as u64 / 2 });
    assert!((430..=500).contains(&left.len()) && left[0] == 1_000, "{}", left.len());
    assert_eq!(left[left.len() - 5..], [10, 9, 8, 7, 6], "the lane with the most bytes pays");
    assert!(tidy(&mut node, Kept { born_after: u64::MAX, bytes_max: 0 }).is_empty());
    node.save(&[put(2_000, 2_000, "quiet", "again")]);
    assert_eq!(node.pages(&everything(), 9), [2_000]);
}

/// Prints the size of a line and the time of searches among a million lines, for docs/PERFORMANCE.md.
#[test]
#[ignore = "takes minutes; run it with --release"]
fn measure_a_million_lines_in_postgresql() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    history::measure_saves(|changes| node.save(changes));
    let tables = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'i3\\_line%'";
    history::print_size(postgres.sql(&name, tables).trim().parse().unwrap());
    history::measure_searches(|query| node.page(query));
    let kept = Kept { born_after: 2 * history::DAY, bytes_max: 1 << 40 };
    node.save(&[line::keep("Alpha", &kept)]);
    history::measure_shrinking(|| node.roles.saver.tidy().unwrap());
}

#[test]
fn tables_of_version_1_get_those_for_lines() {
    let Some((postgres, name, place)) = database() else { return };
    let first = include_str!("../../src/postgres/schema.sql");
    postgres.sql(&name, &format!("SET ROLE gateway; {first}; UPDATE i3_version SET version = 1"));
    let event = |id: u64, value: &[u8]| change("events/Alpha", &format!("{id:020}"), value);
    let before = [
        event(5, &value(5, "chat", "bob", "an old line")),
        event(6, &value(6, "", "bob", "a tell")),
        event(7, b"odd"),
        change("s", "k", "v"),
    ];
    for entry in &before {
        let value = String::from_utf8(entry.value.clone().unwrap().to_vec()).unwrap();
        let insert = format!("INSERT INTO i3_entry VALUES ('{}', '{}', '{value}')", entry.space, entry.key);
        postgres.sql(&name, &insert);
    }
    let mut node = Node::start(&place, "a");
    assert_eq!(node.loaded, before);
    assert_eq!(node.pages(&everything(), 9), [5], "tells are left out, as in a file");
    assert_eq!(postgres.sql(&name, "SELECT version FROM i3_version"), "2");
    node.save(&[put(8, 8, "chat", "hello")]);
    assert_eq!(node.pages(&of("chat"), 9), [8, 5]);
}

#[test]
fn without_the_right_to_the_index_lines_are_found_and_doctor_says_so() {
    let Some((postgres, name, place)) = database() else { return };
    postgres.sql(
        &name,
        &format!("ALTER DATABASE {name} OWNER TO postgres; GRANT CREATE ON SCHEMA public TO gateway"),
    );
    let mut node = Node::start(&place, "a");
    node.save(&[put(1, 1, "chat", "hello")]);
    assert_eq!(node.pages(&Query { text: Some("ello".to_owned()), ..everything() }, 9), [1]);
    let found = format!("{:?}", i3_store::examine_shared(&place, crate::node::identity("doctor")).unwrap());
    assert!(found.contains("no index for texts") && found.contains("lines of"), "{found}");
}

/// Questions are answered while saves go on, and find at once what was reported as saved.
#[test]
fn a_writer_answers_questions_while_saves_go_on() {
    let Some((_postgres, _, place)) = database() else { return };
    let node = Node::start(&place, "a");
    let (sender, reports) = mpsc::channel();
    let writer = Writer::spawn_node(node.roles, move |report| drop(sender.send(report)));
    let (mut saved, mut found) = (0, 0);
    for id in 1..=50 {
        writer.submit(SaveTicket(id), save(&[put(id, id, "chat", "hello")], &[]));
        writer.ask(id, of("chat"));
        let asked_after = saved;
        while found < id || saved < id {
            match reports.recv_timeout(PATIENCE).unwrap() {
                Report::Saved(SaveTicket(ticket), outcome) => {
                    assert_eq!((ticket, outcome), (id, Ok(())));
                    saved = ticket;
                }
                Report::Found(number, outcome) => {
                    let lines = outcome.unwrap().rows.len() as u64;
                    assert!(number == id && (asked_after..=id).contains(&lines), "{lines} of {id}");
                    found = number;
                }
                _ => {}
            }
        }
    }
    writer.finish();
}
