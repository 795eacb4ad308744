//! Both stores and the writer, on real files.

use i3_core::machine::{Change, SaveTicket, Saved};
use i3_store::{
    MemoryStore, QUEUE_TICKETS_MAX, SCHEMA_VERSION, SqliteStore, Store, StoreError, Writer, copy,
};
use std::path::Path;
use std::sync::mpsc;

fn put(space: &str, key: &str, value: &[u8]) -> Change {
    Change { space: space.to_owned(), key: key.to_owned(), value: Some(value.to_vec()) }
}

fn delete(space: &str, key: &str) -> Change {
    Change { space: space.to_owned(), key: key.to_owned(), value: None }
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
    let path = directory.path().join("deep/er/state.db");
    round_trip(&mut SqliteStore::open(&path).unwrap());
    let again = SqliteStore::open(&path).unwrap().load().unwrap();
    assert_eq!(again.entries.len(), 3, "it is still there after opening it again");
}

#[test]
fn a_second_opener_sees_what_the_first_has_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut first = SqliteStore::open(&path).unwrap();
    let mut second = SqliteStore::open(&path).unwrap();
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
        let path = directory.path().join("state/state.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.commit(&[put("a", "b", b"c")]).unwrap();
        assert_eq!(mode(&directory.path().join("state")), 0o700);
        for name in ["state.db", "state.db-wal", "state.db-shm"] {
            assert_eq!(mode(&directory.path().join("state").join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn wider_permissions_are_tightened_and_a_given_directory_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = directory.path().join("state.db");
        fs::write(&path, b"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        SqliteStore::open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(directory.path()), 0o755);
    }
}

#[test]
fn a_failed_commit_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
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
    let path = directory.path().join("state.db");
    SqliteStore::open(&path).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    let newer = format!("version {}", SCHEMA_VERSION + 1);
    assert!(error.contains(&newer) && error.contains("state.db"), "{error}");
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION + 1);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    std::fs::write(&path, "not a database, but a text that is long enough to be looked at ".repeat(30))
        .unwrap();
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
}

#[test]
fn every_ticket_is_answered_in_order_and_written_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    refuse_key(&path, "7");
    let (done, answers) = mpsc::channel();
    let writer = Writer::spawn(store, move |ticket, outcome| done.send((ticket, outcome)).unwrap());
    for n in 0..1000_u64 {
        assert!(writer.submit(SaveTicket(n), vec![put("n", &n.to_string(), b"x")]));
    }
    writer.finish();
    let answers: Vec<_> = answers.iter().collect();
    assert!(answers.iter().enumerate().all(|(at, (ticket, _))| ticket.0 == at as u64));
    for (ticket, outcome) in &answers {
        assert_eq!(outcome.is_err(), ticket.0 == 7, "{ticket:?} {outcome:?}");
    }
    assert_eq!(answers.len(), 1000);
    assert_eq!(SqliteStore::open(&path).unwrap().load().unwrap().entries.len(), 999);
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
}

#[test]
fn a_full_queue_refuses_without_waiting() {
    let (go, gate) = mpsc::channel();
    let (entered, started) = mpsc::channel();
    let (done, answers) = mpsc::channel();
    let writer =
        Writer::spawn(Stuck(gate, entered), move |ticket, outcome| done.send((ticket, outcome)).unwrap());
    let change = || vec![put("a", "b", b"c")];
    assert!(writer.submit(SaveTicket(0), change()));
    assert_eq!(started.recv().unwrap(), 1, "it hangs in the first save");
    let max = QUEUE_TICKETS_MAX as u64;
    for n in 1..=max {
        assert!(writer.submit(SaveTicket(n), change()));
    }
    assert!(!writer.submit(SaveTicket(max + 1), change()));
    assert!(!writer.submit(SaveTicket(max + 2), change()));
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
    let path = directory.path().join("state.db");
    file_of_version_1(&path);
    let expected = [put("event_ids", "reserved", b"10000"), put("password/Alpha", "*i4", b"17")];
    for _ in 0..2 {
        assert_eq!(SqliteStore::open(&path).unwrap().load().unwrap().entries, expected);
        assert_eq!((pragma(&path, "user_version"), pragma(&path, "application_id")), (2, 0x4933_4757));
    }
    let fresh = directory.path().join("fresh.db");
    SqliteStore::open(&fresh).unwrap();
    assert_eq!((pragma(&fresh, "user_version"), pragma(&fresh, "application_id")), (2, 0x4933_4757));
}

#[test]
fn a_copy_is_made_while_the_file_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let [path, copied] = ["state.db", "copy.db"].map(|name| directory.path().join(name));
    let store = SqliteStore::open(&path).unwrap();
    let writer = Writer::spawn(store, |_, outcome| outcome.unwrap());
    // Each save writes a pair: half of one in the copy would show.
    for n in 0..2_000_u64 {
        writer.submit(
            SaveTicket(n),
            vec![put("a", &format!("{n:06}"), b"x"), put("b", &format!("{n:06}"), b"x")],
        );
        if n % 500 == 250 {
            copy(&path, &copied).unwrap();
            let entries = SqliteStore::open(&copied).unwrap().load().unwrap().entries;
            let of = |space: &str| entries.iter().filter(|one| one.space == space).count();
            assert_eq!(of("a"), of("b"));
        }
    }
    writer.finish();
    copy(&path, &copied).unwrap();
    assert_eq!(SqliteStore::open(&copied).unwrap().load(), SqliteStore::open(&path).unwrap().load());
}

#[test]
fn a_copy_replaces_a_file_that_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let [path, other] = ["state.db", "other.db"].map(|name| directory.path().join(name));
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit(&[put("a", "old", b"1")]).unwrap();
    SqliteStore::open(&other).unwrap().commit(&[put("a", "new", b"2")]).unwrap();
    copy(&other, &path).unwrap();
    assert_eq!(store.load().unwrap().entries, [put("a", "new", b"2")]);
    store.commit(&[put("a", "newer", b"3")]).unwrap();
    drop(store);
    assert_eq!(SqliteStore::open(&path).unwrap().load().unwrap().entries.len(), 2);
}

#[test]
fn what_is_no_state_is_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let [good, bad, target] = ["good.db", "bad.db", "target.db"].map(|name| directory.path().join(name));
    assert!(copy(&bad, &target).unwrap_err().to_string().contains("bad.db"));
    assert!(!bad.exists(), "looking for it does not create it");
    std::fs::write(&bad, "").unwrap();
    assert!(copy(&bad, &target).unwrap_err().to_string().contains("not a state"));
    std::fs::write(&bad, "not a database, but a text that is long enough to be looked at ".repeat(30))
        .unwrap();
    assert!(copy(&bad, &target).unwrap_err().to_string().contains("not a database"));
    SqliteStore::open(&good).unwrap().commit(&[put("a", "b", b"c")]).unwrap();
    for (pragma, text) in [("application_id = 5", "not a state"), ("user_version = 99", "version 99")] {
        std::fs::copy(&good, &bad).unwrap();
        rusqlite::Connection::open(&bad).unwrap().execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        assert!(copy(&bad, &target).unwrap_err().to_string().contains(text), "{pragma}");
    }
    assert!(!target.exists());
}

#[test]
fn a_locked_file_is_said_soon_and_taken_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (done, answers) = mpsc::channel();
    let writer = Writer::spawn(store, move |ticket, outcome| done.send((ticket, outcome)).unwrap());
    for n in 0..200_u64 {
        writer.submit(SaveTicket(n), vec![put("a", &n.to_string(), b"x")]);
    }
    let refused: Vec<_> = (0..200).map(|_| answers.recv().unwrap()).collect();
    assert!(refused.iter().all(|(_, outcome)| outcome.as_ref().is_err_and(|text| text.contains("locked"))));
    other.execute_batch("COMMIT").unwrap();
    writer.submit(SaveTicket(200), vec![put("a", "now", b"x")]);
    assert_eq!(answers.recv().unwrap(), (SaveTicket(200), Ok(())));
}
