//! The store and the writer, on real files, beside a second engine.

#[path = "../../daemon/tests/shared/memory.rs"]
mod memory;

use i3_core::machine::{Change, Clear, SaveTicket, Saved};
use i3_store::{
    Condition, FencedSave, PAGE_ENTRIES_MAX, QUEUE_TICKETS_MAX, Report, Store, StoreError, Writer,
    copy_snapshot, open_existing, replace_all, snapshot_path,
};
use memory::MemoryStore;
use std::path::Path;
use std::sync::mpsc;

/// The version of the layout that this program writes.
const SCHEMA_VERSION: i64 = 4;

/// What a writer calls when saves are all that it reports.
fn answered(done: impl Fn(SaveTicket, Result<(), String>)) -> impl Fn(Report) {
    move |report| match report {
        Report::Saved(ticket, outcome) => done(ticket, outcome.map_err(|error| error.to_string())),
        other => panic!("{other:?}"),
    }
}

/// The store in this file.
fn open(path: &Path) -> Result<Box<dyn Store>, StoreError> {
    i3_store::open(path.to_str().unwrap())
}

fn put(space: &str, key: &str, value: &[u8]) -> Change {
    Change { space: space.into(), key: key.into(), value: Some(value.into()) }
}

fn delete(space: &str, key: &str) -> Change {
    Change { space: space.into(), key: key.into(), value: None }
}

fn round_trip(store: &mut dyn Store) {
    assert_eq!(store.load().unwrap(), Saved::default());
    let odd = "naïve\n\u{1F600}";
    store
        .commit(&[
            put("router", "*i4", b"17"),
            put("log", odd, &[0, 255, 1]),
            put("log", "a", b""),
            put("gone", "x", b"1"),
        ])
        .unwrap();
    store.commit(&[delete("gone", "x"), delete("gone", "never there")]).unwrap();
    store.commit(&[put("router", "*i4", b"18"), put("router", "*i4", b"19")]).unwrap();
    store.commit(&[]).unwrap();
    let expected = [put("log", "a", b""), put("log", odd, &[0, 255, 1]), put("router", "*i4", b"19")];
    assert_eq!(store.load().unwrap().entries, expected);
}

#[test]
fn what_is_put_comes_back() {
    round_trip(&mut MemoryStore::default());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/state.sqlite");
    round_trip(&mut *open(&path).unwrap());
    let again = open(&path).unwrap().load().unwrap();
    assert_eq!(again.entries.len(), 3, "it is still there after opening it again");
}

#[test]
fn a_second_opener_sees_what_the_first_has_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut first = open(&path).unwrap();
    let mut second = open(&path).unwrap();
    first.commit(&[put("a", "b", b"c")]).unwrap();
    assert_eq!(second.load().unwrap().entries, [put("a", "b", b"c")]);
}

#[cfg(unix)]
mod permissions {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_can_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/state.sqlite");
        let mut store = open(&path).unwrap();
        store.commit(&[put("a", "b", b"c")]).unwrap();
        assert_eq!(mode(&directory.path().join("state")), 0o700);
        for name in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] {
            assert_eq!(mode(&directory.path().join("state").join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn wider_permissions_are_tightened_and_a_given_directory_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = directory.path().join("state.sqlite");
        open(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let warnings = open_existing(path.to_str().unwrap()).unwrap().unwrap().check().unwrap().warnings;
        assert!(warnings[0].what.contains("mode 644") && warnings[0].fix.contains("chmod 600"));
        open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(directory.path()), 0o755);
    }
}

#[test]
fn a_failed_commit_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut store = open(&path).unwrap();
    store.commit(&[put("a", "kept", b"1")]).unwrap();
    refuse_key(&path, "bad");
    let error =
        store.commit(&[put("a", "kept", b"2"), delete("a", "kept"), put("a", "bad", b"3")]).unwrap_err();
    assert!(error.to_string().contains("refused here"), "{error}");
    assert_eq!(store.load().unwrap().entries, [put("a", "kept", b"1")]);
}

/// Makes the file itself refuse one key.
fn refuse_key(path: &Path, key: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TRIGGER t BEFORE INSERT ON state WHEN new.key = '{key}'
             BEGIN SELECT RAISE(ABORT, 'refused here'); END"
        ))
        .unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    open(&path).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    let error = open(&path).map(drop).unwrap_err().to_string();
    let newer = format!("version {}", SCHEMA_VERSION + 1);
    assert!(error.contains(&newer) && error.contains("state.sqlite"), "{error}");
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION + 1);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    std::fs::write(&path, "not a database, but a text that is long enough to be looked at ".repeat(30))
        .unwrap();
    let error = open(&path).map(drop).unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
}

#[test]
fn every_ticket_is_answered_in_order_and_written_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let store = open(&path).unwrap();
    refuse_key(&path, "7");
    let (done, answers) = mpsc::channel();
    let writer = Writer::spawn(store, answered(move |ticket, outcome| done.send((ticket, outcome)).unwrap()));
    for n in 0..1000_u64 {
        assert!(
            writer
                .submit(SaveTicket(n), FencedSave::new(Clear::Nothing, vec![put("n", &n.to_string(), b"x")]))
        );
    }
    writer.finish();
    let answers: Vec<_> = answers.iter().collect();
    assert!(answers.iter().enumerate().all(|(at, (ticket, _))| ticket.0 == at as u64));
    for (ticket, outcome) in &answers {
        assert_eq!(outcome.is_err(), ticket.0 == 7, "{ticket:?} {outcome:?}");
    }
    assert_eq!(answers.len(), 1000);
    assert_eq!(open(&path).unwrap().load().unwrap().entries.len(), 999);
}

/// A store that stands still until it is told to go on.
struct Stuck(mpsc::Receiver<()>, mpsc::Sender<usize>);

impl Store for Stuck {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(Saved::default())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.1.send(changes.len()).unwrap();
        // The sender is gone once the test lets everything through.
        let _ = self.0.recv();
        Ok(())
    }

    fn place(&self) -> String {
        "stuck".to_owned()
    }

    fn check(&mut self) -> Result<Condition, StoreError> {
        Ok(Condition::default())
    }

    fn snapshot_to(&mut self, _: &Path) -> Result<(), StoreError> {
        Err(StoreError("it is stuck".to_owned()))
    }

    fn load_snapshot(&self, _: &Path) -> Result<Saved, StoreError> {
        Err(StoreError("it is stuck".to_owned()))
    }
}

#[test]
fn a_full_queue_refuses_without_waiting() {
    let (go, gate) = mpsc::channel();
    let (entered, started) = mpsc::channel();
    let (done, answers) = mpsc::channel();
    let writer = Writer::spawn(
        Box::new(Stuck(gate, entered)),
        answered(move |ticket, outcome| {
            done.send((ticket, outcome)).unwrap();
        }),
    );
    let change = || vec![put("a", "b", b"c")];
    assert!(writer.submit(SaveTicket(0), FencedSave::new(Clear::Nothing, change())));
    assert_eq!(started.recv().unwrap(), 1, "it hangs in the first save");
    let max = QUEUE_TICKETS_MAX as u64;
    for n in 1..=max {
        assert!(writer.submit(SaveTicket(n), FencedSave::new(Clear::Nothing, change())));
    }
    assert!(!writer.submit(SaveTicket(max + 1), FencedSave::new(Clear::Nothing, change())));
    assert!(!writer.submit(SaveTicket(max + 2), FencedSave::new(Clear::Nothing, change())));
    drop(go);
    drop(writer);
    let answers: Vec<_> = answers.iter().collect();
    assert!(answers.iter().enumerate().all(|(at, (ticket, _))| ticket.0 == at as u64));
    assert_eq!(answers.len() as u64, max + 3);
    assert!(answers.iter().all(|(ticket, outcome)| outcome.is_err() == (ticket.0 > max)));
}

/// A file as version 1 of the layout has it, written without our own code.
fn file_of_version_1(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE state (
                space TEXT NOT NULL,
                key TEXT NOT NULL,
                value BLOB NOT NULL,
                PRIMARY KEY (space, key)
             ) WITHOUT ROWID;
             INSERT INTO state VALUES ('password/Alpha', '*i4', CAST('17' AS BLOB));
             INSERT INTO state VALUES ('event_ids', 'reserved', CAST('10000' AS BLOB));
             PRAGMA user_version = 1;",
        )
        .unwrap();
}

fn pragma(path: &Path, name: &str) -> i64 {
    rusqlite::Connection::open(path).unwrap().pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

#[test]
fn an_old_file_becomes_a_new_one_and_keeps_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    file_of_version_1(&path);
    let expected = [put("event_ids", "reserved", b"10000"), put("password/Alpha", "*i4", b"17")];
    for _ in 0..2 {
        assert_eq!(open(&path).unwrap().load().unwrap().entries, expected);
        assert_eq!(
            (pragma(&path, "user_version"), pragma(&path, "application_id")),
            (SCHEMA_VERSION, 0x4933_4757)
        );
    }
    let fresh = directory.path().join("fresh.sqlite");
    open(&fresh).unwrap();
    assert_eq!(
        (pragma(&fresh, "user_version"), pragma(&fresh, "application_id")),
        (SCHEMA_VERSION, 0x4933_4757)
    );
}

#[test]
fn a_snapshot_is_made_while_the_file_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copied] = ["state.sqlite", "copy"].map(|name| directory.path().join(name));
    let writer = Writer::spawn(open(&path).unwrap(), answered(|_, outcome| outcome.unwrap()));
    let mut reader = open_existing(path.to_str().unwrap()).unwrap().unwrap();
    // Each save writes a pair: half of one in the copy would show.
    for n in 0..2_000_u64 {
        writer.submit(
            SaveTicket(n),
            FencedSave::new(
                Clear::Nothing,
                vec![put("a", &format!("{n:06}"), b"x"), put("b", &format!("{n:06}"), b"x")],
            ),
        );
        if n % 500 == 250 {
            reader.snapshot_to(&copied).unwrap();
            let entries = reader.load_snapshot(&copied).unwrap().entries;
            let of = |space: &str| entries.iter().filter(|one| one.space == space).count();
            assert_eq!(of("a"), of("b"));
        }
    }
    writer.finish();
    reader.snapshot_to(&copied).unwrap();
    assert_eq!(reader.load_snapshot(&copied), reader.load());
    assert_eq!(names(directory.path()), ["copy", "state.sqlite"], "a snapshot is complete in itself");
}

/// What a directory holds, but for the journals of a file that is open.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("state.sqlite-")).collect();
    names.sort();
    names
}

/// Checks the snapshots of an engine.
fn snapshots(store: &mut dyn Store, other: &mut dyn Store) {
    let directory = tempfile::tempdir().unwrap();
    let first = snapshot_path(directory.path(), "first");
    store.commit(&[put("a", "old", b"1"), put("a", "both", b"1")]).unwrap();
    other.commit(&[put("a", "new", b"2"), put("a", "both", b"2")]).unwrap();
    other.snapshot_to(&first).unwrap();
    let saved = store.load_snapshot(&first).unwrap();
    replace_all(store, &saved).unwrap();
    assert_eq!(store.load().unwrap().entries, [put("a", "both", b"2"), put("a", "new", b"2")]);
    std::fs::write(&first, "this is no snapshot").unwrap();
    assert!(store.load_snapshot(&first).is_err());
    std::fs::remove_file(&first).unwrap();
    assert!(store.load_snapshot(&first).is_err());
    assert_eq!(store.check().unwrap().warnings, []);
    assert!(!store.place().is_empty());
}

#[test]
fn a_snapshot_replaces_everything() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| open(&directory.path().join(name)).unwrap();
    snapshots(&mut *at("a.sqlite"), &mut *at("b.sqlite"));
    snapshots(&mut MemoryStore::default(), &mut MemoryStore::default());
}

#[test]
fn who_has_the_file_open_sees_what_replaced_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut store = open(&path).unwrap();
    store.commit(&[put("a", "old", b"1")]).unwrap();
    replace_all(
        &mut *open(&path).unwrap(),
        &Saved { entries: vec![put("a", "new", b"2")], ..Saved::default() },
    )
    .unwrap();
    assert_eq!(store.load().unwrap().entries, [put("a", "new", b"2")]);
    store.commit(&[put("a", "newer", b"3")]).unwrap();
    drop(store);
    assert_eq!(open(&path).unwrap().load().unwrap().entries.len(), 2);
}

#[test]
fn the_state_itself_is_no_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut store = open(&path).unwrap();
    let elsewhere = directory.path().join("copy");
    for outcome in [
        store.snapshot_to(&path),
        copy_snapshot(path.to_str().unwrap(), &path, &elsewhere),
        store.load_snapshot(&path).map(drop),
    ] {
        assert!(outcome.unwrap_err().to_string().contains("the state itself"));
    }
}

#[test]
fn what_is_no_state_is_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let [good, bad, target] = ["good", "bad", "target"].map(|name| directory.path().join(name));
    let mut store = open(directory.path()).unwrap();
    let url = directory.path().to_str().unwrap();
    let refused = || copy_snapshot(url, &bad, &target).unwrap_err().to_string();
    assert!(refused().contains("bad"));
    assert!(!bad.exists(), "looking for it does not create it");
    std::fs::write(&bad, "").unwrap();
    assert!(refused().contains("not a state"));
    std::fs::write(&bad, "not a database, but a text that is long enough to be looked at ".repeat(30))
        .unwrap();
    assert!(refused().contains("not a database"));
    store.commit(&[put("a", "b", b"c")]).unwrap();
    store.snapshot_to(&good).unwrap();
    for (pragma, text) in [("application_id = 5", "not a state"), ("user_version = 99", "version 99")] {
        std::fs::copy(&good, &bad).unwrap();
        rusqlite::Connection::open(&bad).unwrap().execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        assert!(refused().contains(text), "{pragma}");
    }
    assert!(!target.exists());
    copy_snapshot(url, &good, &target).unwrap();
    assert_eq!(store.load_snapshot(&target), store.load());
    assert!(copy_snapshot(url, &bad, &target).is_err());
    assert_eq!(store.load_snapshot(&target), store.load(), "a copy that fails does not replace the target");
}

#[test]
fn opening_to_read_makes_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let existing = || open_existing(path.to_str().unwrap());
    assert!(existing().unwrap().is_none() && names(directory.path()).is_empty());
    file_of_version_1(&path);
    let mut store = existing().unwrap().unwrap();
    assert_eq!((store.load().unwrap().entries.len(), pragma(&path, "user_version")), (2, 1));
    std::fs::write(&path, "not a database, but a text that is long enough to be looked at ".repeat(30))
        .unwrap();
    assert!(existing().map(drop).unwrap_err().to_string().contains("state.sqlite"));
}

#[test]
fn a_check_finds_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut store = open(&path).unwrap();
    let value = vec![b'x'; 100];
    let changes: Vec<Change> = (0..500).map(|n| put("a", &format!("{n:04}"), &value)).collect();
    store.commit(&changes).unwrap();
    assert!(store.check().unwrap().saved_at.is_some());
    let copied = directory.path().join("copy.sqlite");
    store.snapshot_to(&copied).unwrap();
    let mut bytes = std::fs::read(&copied).unwrap();
    // A page in the middle, behind its header.
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 64].fill(0xff);
    std::fs::write(&copied, bytes).unwrap();
    let mut damaged = open_existing(copied.to_str().unwrap()).unwrap().unwrap();
    assert!(damaged.check().unwrap_err().to_string().contains("is damaged"));
}

#[test]
fn a_locked_file_is_said_soon_and_taken_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let store = open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (done, answers) = mpsc::channel();
    let writer = Writer::spawn(store, answered(move |ticket, outcome| done.send((ticket, outcome)).unwrap()));
    for n in 0..200_u64 {
        writer.submit(SaveTicket(n), FencedSave::new(Clear::Nothing, vec![put("a", &n.to_string(), b"x")]));
    }
    let refused: Vec<_> = (0..200).map(|_| answers.recv().unwrap()).collect();
    assert!(refused.iter().all(|(_, outcome)| outcome.as_ref().is_err_and(|text| text.contains("locked"))));
    other.execute_batch("COMMIT").unwrap();
    writer.submit(SaveTicket(200), FencedSave::new(Clear::Nothing, vec![put("a", "now", b"x")]));
    assert_eq!(answers.recv().unwrap(), (SaveTicket(200), Ok(())));
}

#[test]
fn a_file_that_is_empty_or_not_a_state_is_refused_and_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let foreign = |sql: &str| {
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    };
    let cases: [(&dyn Fn(), &str); 4] = [
        (&|| std::fs::write(&path, "").unwrap(), "the file is empty"),
        (
            &|| std::fs::write(&path, "some text, long enough to be a header of SQLite ".repeat(9)).unwrap(),
            "not a database",
        ),
        (
            &|| foreign("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')"),
            "not a state of this gateway",
        ),
        (&|| foreign("PRAGMA user_version = 2; VACUUM"), "not a state of this gateway"),
    ];
    for (make, expected) in cases {
        make();
        let before = std::fs::read(&path).unwrap();
        for opened in [open(&path).map(drop), open_existing(path.to_str().unwrap()).map(drop)] {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains("state.sqlite") && error.contains(expected), "{error}");
        }
        assert!(std::fs::read(&path).unwrap() == before && names(directory.path()) == ["state.sqlite"]);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn entries_come_in_pages_and_no_large_value_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut file = open(&path).unwrap();
    let mut memory = MemoryStore::default();
    let value = vec![b'x'; 4_000];
    for store in [&mut *file as &mut dyn Store, &mut memory] {
        let all: Vec<Change> =
            (0..1_200).map(|n| put(&format!("s{}", n / 400), &format!("{n:05}"), &value)).collect();
        store.commit(&all).unwrap();
        store.commit(&[put("s1", "00500x", &[b'y'; 4_001])]).unwrap();
        let (mut read, mut pages): (Vec<Change>, usize) = (Vec::new(), 0);
        loop {
            let after = read.last().map(|last| (last.space.clone(), last.key.clone()));
            let page = store.page(after.as_ref().map(|(space, key)| (&**space, &**key)), 4_000).unwrap();
            assert!(page.len() <= PAGE_ENTRIES_MAX);
            if page.is_empty() {
                break;
            }
            pages += 1;
            read.extend(page);
        }
        assert!(pages > 2 && read.len() == 1_201);
        assert_eq!(read.remove(501), delete("s1", "00500x"), "it is there, and was not read");
        assert_eq!(read, all);
    }
}

#[test]
fn what_is_replaced_is_removed_in_the_same_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut file = open(&path).unwrap();
    for store in [&mut *file as &mut dyn Store, &mut MemoryStore::default()] {
        store
            .commit(&[put("a", "1", b"x"), put("a", "2", b"x"), put("ab", "1", b"x"), put("b", "1", b"x")])
            .unwrap();
        let spaces = Clear::Spaces(vec!["a".into(), "c".into()]);
        store.replace(&spaces, &[put("a", "2", b"y"), put("c", "1", b"y")]).unwrap();
        let expected = [put("a", "2", b"y"), put("ab", "1", b"x"), put("b", "1", b"x"), put("c", "1", b"y")];
        assert_eq!(store.load().unwrap().entries, expected);
        store.replace(&Clear::Everything, &[put("d", "1", b"z")]).unwrap();
        assert_eq!(store.load().unwrap().entries, [put("d", "1", b"z")]);
    }
    refuse_key(&path, "bad");
    let again = file.replace(&Clear::Everything, &[put("e", "good", b"1"), put("e", "bad", b"1")]);
    assert!(again.is_err() && file.load().unwrap().entries == [put("d", "1", b"z")]);
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

#[test]
fn a_file_shrinks_when_entries_are_deleted_also_one_of_an_earlier_version() {
    let directory = tempfile::tempdir().unwrap();
    for earlier in [false, true] {
        let path = directory.path().join(format!("{earlier}.sqlite"));
        if earlier {
            file_of_version_1(&path);
        }
        let mut store = open(&path).unwrap();
        let value = vec![b'x'; 1_000];
        let all: Vec<Change> = (0..20_000).map(|n| put("events", &format!("{n:020}"), &value)).collect();
        all.chunks(1_000).for_each(|some| store.commit(some).unwrap());
        store.shrink().unwrap();
        assert!(length(&path) > 20_000_000);
        store.commit(&all[100..].iter().map(|one| delete("events", &one.key)).collect::<Vec<_>>()).unwrap();
        store.shrink().unwrap();
        let wal = path.with_extension("sqlite-wal");
        assert!(length(&path) < 1_000_000 && length(&wal) < 1_000_000, "{} {}", length(&path), length(&wal));
        assert_eq!((store.look(), pragma(&path, "auto_vacuum")), (Ok(()), 2));
        store.commit(&all[..1]).unwrap();
        assert_eq!(store.load().unwrap().entries.len(), if earlier { 102 } else { 100 });
        store.check().unwrap();
    }
}
