//! One SQLite file: the embedded default.

use crate::engine::{Condition, Store, StoreError, Warning};
use crate::private::{beside, make_directory, make_file, open_to_others, replace_file, tighten};
use i3_core::machine::{Change, Saved};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The state's file in its directory.
const FILE: &str = "i3-gateway.sqlite";

/// What a path that names the file itself ends in.
const EXTENSION: &str = "sqlite";

/// What makes a file of one version a file of the next, from an empty one on. The version of a file is its `user_version`.
const MIGRATIONS: &[&str] = &[
    "CREATE TABLE state (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) WITHOUT ROWID",
    // Says whose file it is ("I3GW"), to `file` and to who restores a copy.
    "PRAGMA application_id = 1228097367",
];

/// The layout this code reads and writes.
const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// See [`MIGRATIONS`].
const APPLICATION_ID: i64 = 0x4933_4757;

/// The version in which files begin to say whose they are.
const MARKED_SINCE_VERSION: i64 = 2;

/// How long to wait for another process that holds the file. The core tries again what could not be saved.
const BUSY_TIMEOUT_MS: u64 = 1_000;

/// What SQLite may keep of the file in memory: it is read once, at the start.
const CACHE_KIB: i64 = 512;

/// The file of the state at a path: see [`open`](crate::open).
pub(crate) fn file_of(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.extension().is_some_and(|end| end == EXTENSION) { path.to_owned() } else { path.join(FILE) }
}

/// Facts in one SQLite file, which only its owner may read: it holds router passwords and private messages.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    file: PathBuf,
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, and creates it and its directory where they are missing.
    ///
    /// A file of a newer schema is refused and left as it is.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_directory(directory).map_err(|error| fail(path, "cannot create its directory", error))?;
        }
        make_private(path).map_err(|error| fail(path, "cannot be opened", error))?;
        let mut connection = Connection::open(path).map_err(|error| fail(path, "cannot be opened", error))?;
        prepare(&mut connection).map_err(|error| fail(path, "cannot be used", error))?;
        Ok(SqliteStore { file: path.to_owned(), connection })
    }

    /// Opens the file to read it, if it is there. An empty file is one that was never written.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.len() == 0 => return Ok(None),
            _ => {}
        }
        Ok(Some(SqliteStore { file: path.to_owned(), connection: open_to_read(path)? }))
    }

    /// Copies what a connection reads into a snapshot, unless that is the state itself.
    fn copy(&self, source: &Connection, to: &Path) -> Result<(), StoreError> {
        if is_same_file(&self.file, to) {
            return Err(StoreError(format!("{} is the state itself: name another file", to.display())));
        }
        let fail = |error: &dyn fmt::Display| fail(to, "cannot be written", error);
        let write = |part: &Path| copy_pages(source, part).map_err(|error| fail(&error));
        replace_file(to, write, |error| fail(&error))
    }

    /// Opens a snapshot, unless it is the state itself.
    fn snapshot(&self, file: &Path) -> Result<Connection, StoreError> {
        if is_same_file(&self.file, file) {
            return Err(StoreError(format!("{} is the state itself", file.display())));
        }
        open_to_read(file)
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        load(&self.connection)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        // Dropped without `commit`, the transaction is rolled back.
        let mut write = || {
            let transaction = self.connection.transaction()?;
            {
                let mut put = transaction
                    .prepare_cached("INSERT OR REPLACE INTO state (space, key, value) VALUES (?1, ?2, ?3)")?;
                let mut delete =
                    transaction.prepare_cached("DELETE FROM state WHERE space = ?1 AND key = ?2")?;
                for change in changes {
                    match &change.value {
                        Some(value) => put.execute(params![change.space, change.key, value])?,
                        None => delete.execute(params![change.space, change.key])?,
                    };
                }
            }
            transaction.commit()
        };
        Ok(write()?)
    }

    fn place(&self) -> String {
        self.file.display().to_string()
    }

    fn check(&mut self) -> Result<Condition, StoreError> {
        quick_check(&self.connection).map_err(|error| fail(&self.file, "is damaged", error))?;
        let saved_at = [&beside(&self.file, "-wal"), &self.file]
            .into_iter()
            .filter_map(|file| fs::metadata(file).ok().filter(|found| found.len() > 0)?.modified().ok())
            .max();
        let shown = self.file.display();
        let exposed = open_to_others(&self.file).map(|mode| Warning {
            what: format!("{shown} holds passwords and others may read it (mode {mode:o})"),
            fix: format!("chmod 600 {shown}"),
        });
        Ok(Condition { saved_at, warnings: exposed.into_iter().collect() })
    }

    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError> {
        self.copy(&self.connection, file)
    }

    fn copy_snapshot(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.copy(&self.snapshot(from)?, to)
    }

    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError> {
        load(&self.snapshot(file)?).map_err(|error| fail(file, "cannot be read", error))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError(error.to_string())
    }
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > SCHEMA_VERSION {
        return Err(newer(version));
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // FULL: what was acknowledged is on disk even after a power failure, not only after a crash.
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(connection, version, SCHEMA_VERSION)
}

/// Each step is done whole or not at all, so one that was cut off is done again.
fn migrate(connection: &mut Connection, from: i64, to: i64) -> Result<(), StoreError> {
    for version in from..to {
        let step = usize::try_from(version).ok().and_then(|at| MIGRATIONS.get(at));
        let step = step.ok_or_else(|| StoreError(format!("its schema is version {version}")))?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Copies all pages into another file, which becomes complete in itself: nothing of it stands in a journal beside it.
fn copy_pages(source: &Connection, to: &Path) -> Result<(), StoreError> {
    make_file(to).map_err(|error| StoreError(error.to_string()))?;
    let mut target = Connection::open(to)?;
    target.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    {
        // All pages in one step: nobody can write in between.
        let backup = Backup::new(source, &mut target)?;
        match backup.step(-1)? {
            StepResult::Done => {}
            other => return Err(StoreError(format!("it is in use ({other:?})"))),
        }
    }
    quick_check(&target)?;
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
}

fn quick_check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError(verdict)) }
}

/// Opens a file that holds state to read it. It is left as it is, also in its version.
fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would create it.
    fs::metadata(path).map_err(|error| fail(path, "cannot be opened", error))?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|error| fail(path, "cannot be opened", error))?;
    let prepare = || {
        connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        is_state(&connection)
    };
    prepare().map_err(|error| fail(path, "cannot be used", error))?;
    Ok(connection)
}

fn load(connection: &Connection) -> Result<Saved, StoreError> {
    let mut select = connection.prepare("SELECT space, key, value FROM state ORDER BY space, key")?;
    let rows = select
        .query_map((), |row| Ok(Change { space: row.get(0)?, key: row.get(1)?, value: Some(row.get(2)?) }))?;
    Ok(Saved { entries: rows.collect::<rusqlite::Result<_>>()? })
}

fn fail(path: &Path, what: &str, error: impl fmt::Display) -> StoreError {
    StoreError(format!("{}: {what}: {error}", path.display()))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Whether a file holds state that this program can read.
fn is_state(connection: &Connection) -> Result<(), StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_ours = connection.prepare("SELECT space, key, value FROM state").is_ok();
    if version < 1 || !is_ours || (version >= MARKED_SINCE_VERSION && id != APPLICATION_ID) {
        return Err(StoreError("it holds no state of this gateway".to_owned()));
    }
    if version > SCHEMA_VERSION { Err(newer(version)) } else { Ok(()) }
}

fn newer(version: i64) -> StoreError {
    StoreError(format!(
        "its schema is version {version}, and this program knows versions up to {SCHEMA_VERSION}; \
         use the program that wrote it or a newer one"
    ))
}

/// Creates the file before SQLite does, so that it is never readable by others, and tightens one that is there. SQLite
/// gives its journals the mode of the file itself when it creates them; what an earlier run left is tightened too.
fn make_private(path: &Path) -> io::Result<()> {
    make_file(path)?;
    ["", "-wal", "-shm"].iter().try_for_each(|suffix| tighten(&beside(path, suffix)))
}
