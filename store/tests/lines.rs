//! Lines of the history on real files: months of them are found by id, by time and by text, grow old, and outlive a restart.

#[path = "shared/history.rs"]
mod history;

use history::{DAY, compare_with_every_line, everything, four_hundred, ids, message, of, pages, put, value};
use i3_core::line::{self, Kept};
use i3_core::machine::{Change, Clear, SaveTicket};
use i3_core::query::{Lanes, Order, Page, Query};
use i3_store::{
    FencedSave, QUERIES_MAX, Report, Store, StoreError, Writer, open, open_existing, replace_all,
};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

fn store(path: &Path) -> Box<dyn Store> {
    open(path.to_str().unwrap()).unwrap()
}

/// How many lines are indexed, and how many are not yet. Each line is one or the other, and nothing else is indexed.
fn index_of(directory: &Path) -> (usize, usize) {
    let raw = Connection::open(directory.join("i3-gateway.sqlite")).unwrap();
    let ids = |sql: &str| -> BTreeSet<i64> {
        let mut select = raw.prepare(sql).unwrap();
        select.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let indexed = ids("SELECT id FROM line_text_docsize");
    let unindexed = ids("SELECT id FROM line_unindexed");
    assert!(indexed.is_disjoint(&unindexed));
    assert_eq!(&indexed | &unindexed, ids("SELECT id FROM line"));
    (indexed.len(), unindexed.len())
}

/// All pages of an answer, up to so many rows.
fn all(store: &mut dyn Store, query: &Query, most: usize) -> Vec<u64> {
    pages(query, most, |query| store.lines(query).unwrap())
}

#[test]
fn what_an_index_finds_is_what_a_look_at_every_line_finds() {
    let lines = four_hundred();
    // Those of the first part are indexed, the others not yet.
    for indexed in [0, 1, 150, 400, 401] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = store(directory.path());
        // Not in the order of their ids: some that are indexed come after some that are not, and between them.
        let (first, others): (Vec<_>, Vec<_>) =
            lines.iter().cloned().enumerate().partition(|(at, _)| (at * 7) % 401 < indexed);
        let [first, others] =
            [first, others].map(|part| part.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
        assert_eq!(first.len(), indexed);
        store.commit(&first).unwrap();
        store.shrink().unwrap();
        assert_eq!(index_of(directory.path()), (indexed, 0));
        store.commit(&others).unwrap();
        store.commit(&lines).unwrap();
        assert_eq!(index_of(directory.path()), (indexed, 401 - indexed));
        assert!(store.load().unwrap().entries.is_empty() && store.page(None, 1 << 20).unwrap().is_empty());
        compare_with_every_line(|query| store.lines(query).unwrap());
        let mut reader = store.line_reader().unwrap();
        compare_with_every_line(|query| reader.page(query).unwrap());
    }
}

#[test]
fn lines_that_are_not_indexed_outlive_a_restart_and_are_indexed_later() {
    let directory = tempfile::tempdir().unwrap();
    let lines = |range: std::ops::RangeInclusive<u64>| -> Vec<Change> {
        range.map(|id| put(id, id, "chat", &message(id))).collect()
    };
    let mut file = store(directory.path());
    file.commit(&lines(1..=1000)).unwrap();
    drop(file);
    let mut file = store(directory.path());
    assert_eq!(index_of(directory.path()), (0, 1000));
    let search = |id: u64| Query { text: Some(format!("line {id}:")), ..of("chat") };
    assert_eq!(all(&mut *file, &search(500), 9), [500]);
    // One more is one too many.
    file.commit(&lines(1001..=1001)).unwrap();
    assert_eq!(index_of(directory.path()), (1001, 0));
    file.commit(&lines(1002..=1003)).unwrap();
    file.shrink().unwrap();
    assert_eq!(index_of(directory.path()), (1003, 0));
    for id in [500, 1001, 1002, 1003] {
        assert_eq!(all(&mut *file, &search(id), 9), [id]);
    }
}

#[test]
fn a_hundred_thousand_lines_of_sixty_days_are_found_and_the_old_ones_go() {
    const LINES: u64 = 120_000;
    let directory = tempfile::tempdir().unwrap();
    let mut file = store(directory.path());
    let step = 60 * DAY / LINES;
    let channel =
        |id: u64| if id.is_multiple_of(1000) { "quiet" } else { ["chat", "news", "ooc"][id as usize % 3] };
    for first in (1..=LINES).step_by(4000) {
        let lines = (first..first + 4000).map(|id| put(id, id * step, channel(id), &message(id)));
        file.commit(&lines.collect::<Vec<_>>()).unwrap();
    }
    drop(file);
    let mut file = store(directory.path());
    let begun = Instant::now();
    // A page from the middle, in both directions.
    let middle = Query { before: Some(60_000), ..of("quiet") };
    assert_eq!(ids(&file.lines(&middle).unwrap())[..3], [59_000, 58_000, 57_000]);
    let forward = Query { after: Some(60_000), order: Order::Oldest, ..of("quiet") };
    assert_eq!(ids(&file.lines(&forward).unwrap())[..3], [61_000, 62_000, 63_000]);
    // By time: the first line of the 30th day.
    let day = Query { since: Some(30 * DAY), order: Order::Oldest, limit: 1, ..of("chat") };
    let found = file.lines(&day).unwrap();
    let first = (1..=LINES).find(|id| id * step >= 30 * DAY && channel(*id) == "chat");
    assert_eq!(ids(&found)[0], first.unwrap());
    // A rare word, a common one, a part of one, two in a row, and one that nobody has said.
    let search = |text: &str| Query { text: Some(text.to_owned()), lanes: Lanes::All, ..of("") };
    for (text, is_it) in [
        ("castle977", (|id| message(id).contains("castle977")) as fn(u64) -> bool),
        ("elf", |_| true),
        ("word111 a", |id| message(id).contains("word111 a")),
        ("line 77777:", |id| id == 77_777),
    ] {
        let found = all(&mut *file, &search(text), 300);
        let expected: Vec<u64> =
            (1..=LINES).rev().filter(|id| message(*id).to_lowercase().contains(text) && is_it(*id)).collect();
        assert!(!expected.is_empty(), "{text}");
        assert_eq!(
            found[..found.len().min(expected.len())],
            expected[..found.len().min(expected.len())],
            "{text}"
        );
        assert!(found.len() >= expected.len().min(300), "{text}: {} of {}", found.len(), expected.len());
    }
    assert!(all(&mut *file, &search("basilisk"), 1).is_empty());
    let walked = all(&mut *file, &of("quiet"), usize::MAX);
    assert_eq!(walked, (1..=LINES / 1000).rev().map(|n| n * 1000).collect::<Vec<_>>());
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());

    // After 60 days, 59 are kept. They are deleted a part after the other, and one save deletes none.
    let kept = Kept { born_after: DAY, bytes_max: 1 << 40 };
    file.commit(&[line::keep("Alpha", &kept)]).unwrap();
    let oldest = |file: &mut dyn Store| {
        ids(&file.lines(&Query { lanes: Lanes::All, order: Order::Oldest, limit: 1, ..of("") }).unwrap())[0]
    };
    assert_eq!(oldest(&mut *file), 1);
    file.shrink().unwrap();
    assert!(oldest(&mut *file) <= 501 * 4);
    for _ in 0..6 {
        file.shrink().unwrap();
    }
    assert_eq!(oldest(&mut *file), 2001, "2000 lines are older than 59 days");
    assert!(all(&mut *file, &search("line 2000:"), 1).is_empty());
    assert_eq!(all(&mut *file, &search("line 2001:"), 1), [2001]);
    file.check().unwrap();
}

#[test]
fn the_lane_with_the_most_bytes_pays_for_too_many() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = store(directory.path());
    let lines: Vec<Change> = (1..=1000)
        .map(|id| put(id, id, if id <= 10 { "quiet" } else { "loud" }, &"much to say ".repeat(10)))
        .collect();
    file.commit(&lines).unwrap();
    let bytes: usize = lines.iter().map(|change| change.value.as_ref().unwrap().len()).sum();
    file.commit(&[line::keep("Alpha", &Kept { born_after: 0, bytes_max: bytes as u64 / 2 })]).unwrap();
    assert_eq!(index_of(directory.path()), (0, 1000));
    (0..3).for_each(|_| file.shrink().unwrap());
    let (indexed, unindexed) = index_of(directory.path());
    assert!(indexed < 510 && unindexed == 0);
    assert_eq!(all(&mut *file, &of("quiet"), 100).len(), 10);
    let loud = all(&mut *file, &of("loud"), 10_000);
    assert!((430..=495).contains(&loud.len()) && loud[0] == 1000, "{}", loud.len());
    // No history at all any more.
    file.commit(&[line::keep("Alpha", &Kept { born_after: u64::MAX, bytes_max: 0 })]).unwrap();
    (0..2).for_each(|_| file.shrink().unwrap());
    assert!(all(&mut *file, &everything(), 1).is_empty());
    assert_eq!(index_of(directory.path()), (0, 0));
    file.commit(&[put(2000, 2000, "quiet", "again")]).unwrap();
    assert_eq!(all(&mut *file, &of("quiet"), 9), [2000]);
}

#[test]
fn a_file_of_an_earlier_version_keeps_its_lines() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = store(directory.path());
    let path = directory.path().join("i3-gateway.sqlite");
    let event = |id: u64, value: Arc<[u8]>| Change {
        space: "events/Alpha".into(),
        key: format!("{id:020}").into(),
        value: Some(value),
    };
    let entries = [
        event(1, value(10, "chat", "bob", "an old line")),
        event(2, value(20, "", "bob", "a tell")),
        event(3, b"odd"[..].into()),
        event(4, br#"{"at":40,"event":"channel_message","params":{"channel":"chat","from_mud":"Sage","from_user":"zoe","message":"older still","visname":"Zoe","timestamp":"1970-01-01T00:00:00.00004Z","event_id":4}}"#[..].into()),
    ];
    file.commit(&entries).unwrap();
    drop(file);
    // As the version before this one has left it.
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE line_text; DROP TABLE line_unindexed; DROP TABLE line; DROP TABLE lane; PRAGMA user_version = 2")
        .unwrap();
    drop(raw);
    let mut read = open_existing(path.to_str().unwrap()).unwrap().unwrap();
    assert_eq!(read.lines(&of("chat")).unwrap(), Page::default());
    drop(read);
    let mut file = store(directory.path());
    assert_eq!(file.load().unwrap().entries, entries, "the events stay");
    assert_eq!(all(&mut *file, &everything(), 9), [4, 1], "tells are left out");
    assert_eq!(all(&mut *file, &Query { text: Some("older".to_owned()), ..of("chat") }, 9), [4]);
    // The version that has indexed each line at once.
    file.shrink().unwrap();
    drop(file);
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE line_unindexed; PRAGMA user_version = 3").unwrap();
    drop(raw);
    let older = Query { text: Some("older".to_owned()), ..of("chat") };
    let mut read = open_existing(path.to_str().unwrap()).unwrap().unwrap();
    assert_eq!(all(&mut *read, &older, 9), [4]);
    drop(read);
    let mut file = store(directory.path());
    file.commit(&[put(5, 50, "chat", "older, but said later")]).unwrap();
    assert_eq!(all(&mut *file, &older, 9), [5, 4]);
    assert_eq!(index_of(directory.path()), (2, 1));
}

#[test]
fn a_restore_brings_the_lines_of_the_copy() -> Result<(), StoreError> {
    let directory = tempfile::tempdir().unwrap();
    let mut file = store(directory.path());
    let copy = directory.path().join("copy");
    let lines = |range: std::ops::RangeInclusive<u64>, text: &str| -> Vec<Change> {
        range.map(|id| put(id, id, "chat", text)).collect()
    };
    file.commit(&lines(1..=6000, "before the copy"))?;
    file.snapshot_to(&copy)?;
    file.commit(&lines(6001..=6010, "after the copy"))?;
    let saved = file.load_snapshot(&copy)?;
    replace_all(&mut *file, &saved)?;
    assert!(all(&mut *file, &of("chat"), 9).is_empty());
    file.take_lines(&copy)?;
    file.take_lines(&copy)?;
    assert_eq!(all(&mut *file, &of("chat"), 10_000).len(), 6000);
    assert!(all(&mut *file, &Query { text: Some("after".to_owned()), ..of("chat") }, 9).is_empty());
    assert_eq!(file.lines(&Query { text: Some("before the".to_owned()), ..of("chat") })?.rows[0].id, 6000);
    // What one mud no longer has goes without those of others.
    file.commit(&[line::put(&line::space_of("Beta"), 7000, value(7, "chat", "zoe", "elsewhere"))])?;
    file.shrink()?;
    file.commit(&lines(7500..=7510, "not indexed"))?;
    file.replace(&Clear::Spaces(vec![line::space_of("Alpha")]), &lines(8000..=8000, "anew"))?;
    assert_eq!(index_of(directory.path()), (1, 1));
    assert_eq!(all(&mut *file, &of("chat"), 9), [8000]);
    assert_eq!(file.lines(&Query { mud: "Beta".to_owned(), limit: 9, ..Query::default() })?.rows.len(), 1);
    file.check().map(drop)
}

#[test]
fn a_writer_answers_questions_beside_its_saves() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, reports) = mpsc::channel();
    let writer = Writer::spawn(store(directory.path()), move |report| drop(sender.send(report)));
    let next = || reports.recv_timeout(Duration::from_secs(20)).unwrap();
    for ticket in 1..=50 {
        let changes = vec![put(ticket, ticket, "chat", "hello")];
        writer.submit(SaveTicket(ticket), FencedSave::new(Clear::Nothing, changes));
    }
    for ticket in 1..=50 {
        assert_eq!(next(), Report::Saved(SaveTicket(ticket), Ok(())));
    }
    writer.ask(7, of("chat"));
    let Report::Found(7, Ok(page)) = next() else { panic!("no page") };
    assert_eq!(ids(&page).len(), 50, "what was reported as saved is found");
    // More than it takes: each is answered, and those that are too many with an error.
    let many = QUERIES_MAX as u64 * 4;
    (0..many).for_each(|number| writer.ask(number, of("chat")));
    let mut refused = 0;
    for number in 0..many {
        let Report::Found(answered, outcome) = next() else { panic!("no answer") };
        assert_eq!(answered, number);
        refused += u64::from(outcome.is_err());
    }
    assert!(refused < many);
    // The file is gone, so it cannot be read. When it is written anew, it can.
    std::fs::remove_file(directory.path().join("i3-gateway.sqlite")).unwrap();
    writer.ask(1000, of("chat"));
    assert!(matches!(next(), Report::Found(1000, Err(_)) | Report::Lost(_)));
    let changes = vec![put(99, 99, "chat", "hello")];
    writer.submit(SaveTicket(99), FencedSave::new(Clear::Everything, changes));
    while next() != Report::Saved(SaveTicket(99), Ok(())) {}
    writer.ask(1001, of("chat"));
    let Report::Found(1001, Ok(page)) = next() else { panic!("no page") };
    assert_eq!(ids(&page), [99]);
    drop(writer);
}

/// Prints the size of a line and the time of searches among a million lines, for docs/PERFORMANCE.md.
#[test]
#[ignore = "takes minutes; run it with --release"]
fn measure_a_million_lines() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = store(directory.path());
    history::measure_saves(|changes| file.commit(changes).unwrap());
    file.shrink().unwrap();
    let files = std::fs::read_dir(directory.path()).unwrap();
    history::print_size(files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum());
    let mut reader = file.line_reader().unwrap();
    history::measure_searches(|query| reader.page(query).unwrap());
    let kept = Kept { born_after: 2 * DAY, bytes_max: 1 << 40 };
    file.commit(&[line::keep("Alpha", &kept)]).unwrap();
    history::measure_shrinking(|| file.shrink().unwrap());
}
