//! Both stores and the writer, on real files.

use i3_core::machine::{Change, SaveTicket, Saved};
use i3_store::{MemoryStore, QUEUE_TICKETS_MAX, SCHEMA_VERSION, SqliteStore, Store, StoreError, Writer};
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
    assert!(error.contains("version 2") && error.contains("state.db"), "{error}");
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
