//! The default store: one SQLite file.

use crate::engine::{Condition, Store, StoreError, Warning};
use crate::private::{beside, make_directory, make_file, open_to_others, replace_file, tighten};
use crate::snapshot::snapshot_path;
use i3_core::machine::{Change, Saved};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the file in the state directory.
const FILE: &str = "i3-gateway.sqlite";

/// The ending of a path that names the file itself.
const EXTENSION: &str = "sqlite";

/// The statements that turn a file of each version into one of the next. Version 0 is an empty file. The version of a file
/// is its `user_version`.
const MIGRATIONS: &[&str] = &[
    "CREATE TABLE state (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) WITHOUT ROWID",
    // Marks the file as a state of this gateway ("I3GW"), for the program `file` and for a restore.
    "PRAGMA application_id = 1228097367",
];

/// The version that this program writes.
const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The mark of the state files of this gateway: "I3GW".
const APPLICATION_ID: i64 = 0x4933_4757;

/// The first version whose files have that mark.
const MARKED_SINCE_VERSION: i64 = 2;

/// What SQLite appends to the name of the file for the files that it keeps beside it.
const JOURNALS: &[&str] = &["-wal", "-shm", "-journal"];

/// How long to wait for another process that has locked the file. The core repeats a save that failed.
const BUSY_TIMEOUT_MS: u64 = 1_000;

/// The page cache of SQLite. A small one is enough, since the file is read only once, at the start.
const CACHE_KIB: i64 = 512;

/// Returns the file of the state that a path names, as [`open`](crate::open) documents it.
pub(crate) fn file_of(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.extension().is_some_and(|end| end == EXTENSION) { path.to_owned() } else { path.join(FILE) }
}

/// A store in one SQLite file. Only the owner may read the file: it contains router passwords and private messages.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    file: PathBuf,
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, and creates it and its directory if they are missing.
    ///
    /// A file of a newer version is refused, and not changed.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            make_directory(directory).map_err(|error| fail(path, "cannot create its directory", error))?;
        }
        make_private(path).map_err(|error| fail(path, "cannot be opened", error))?;
        let mut connection = Connection::open(path).map_err(|error| fail(path, "cannot be opened", error))?;
        prepare(&mut connection).map_err(|error| fail(path, "cannot be used", error))?;
        Ok(SqliteStore { file: path.to_owned(), connection })
    }

    /// Opens the file for reading. `None`: the file is missing, or empty because it was never written.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.len() == 0 => return Ok(None),
            _ => {}
        }
        Ok(Some(SqliteStore { file: path.to_owned(), connection: open_to_read(path)? }))
    }

    /// Opens the file, so that it can be replaced by a snapshot. A damaged file is moved: its new path is the second value.
    pub(crate) fn open_to_restore(
        path: &Path,
        snapshot: &Path,
    ) -> Result<(Self, Option<PathBuf>), StoreError> {
        quick_check(&open_snapshot(path, snapshot)?).map_err(|error| fail(snapshot, "is damaged", error))?;
        let damaged = if is_damaged(path)? { Some(set_aside(path)?) } else { None };
        Ok((SqliteStore::open(path)?, damaged))
    }
}

/// Copies a snapshot for a restore of the state in the file `state`.
pub(crate) fn copy_snapshot(state: &Path, from: &Path, to: &Path) -> Result<(), StoreError> {
    copy(state, &open_snapshot(state, from)?, to)
}

/// Copies the database of a connection to a file other than that of the state.
fn copy(state: &Path, source: &Connection, to: &Path) -> Result<(), StoreError> {
    if is_same_file(state, to) {
        return Err(StoreError(format!("{} is the state itself: name another file", to.display())));
    }
    let fail = |error: &dyn fmt::Display| fail(to, "cannot be written", error);
    let write = |part: &Path| copy_pages(source, part).map_err(|error| fail(&error));
    replace_file(to, write, |error| fail(&error))
}

/// Opens a snapshot, which must not be the state itself.
fn open_snapshot(state: &Path, file: &Path) -> Result<Connection, StoreError> {
    if is_same_file(state, file) {
        return Err(StoreError(format!("{} is the state itself", file.display())));
    }
    open_to_read(file)
}

/// Whether a file is there, but is not a database or is a damaged one. The error: it cannot be read for another reason,
/// such as its permissions.
fn is_damaged(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fail(path, "cannot be opened", error)),
        Ok(found) if found.len() == 0 => return Ok(false),
        Ok(_) => {}
    }
    let verdict = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        connection.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0))
    };
    match verdict() {
        Ok(text) => Ok(text != "ok"),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(true),
            _ => Err(fail(path, "cannot be read", error)),
        },
    }
}

/// Renames a damaged file, with its journals, and returns its new path. No earlier damaged file is replaced.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let names = (1..).map(|number| snapshot_path(directory, &format!("damaged-{number}")));
    let aside = names.into_iter().find(|name| !name.exists());
    let aside = aside.ok_or_else(|| StoreError(format!("{}: no name is free beside it", path.display())))?;
    for suffix in JOURNALS.iter().chain(&[""]) {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(fail(path, "is damaged and cannot be moved", error));
            }
            _ => {}
        }
    }
    Ok(aside)
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        load(&self.connection)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        // A transaction that is dropped without `commit` is rolled back.
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
            what: format!("{shown} contains passwords, and other users may read it (mode {mode:o})"),
            fix: format!("chmod 600 {shown}"),
        });
        Ok(Condition { saved_at, warnings: exposed.into_iter().collect() })
    }

    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError> {
        copy(&self.file, &self.connection, file)
    }

    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError> {
        load(&open_snapshot(&self.file, file)?).map_err(|error| fail(file, "cannot be read", error))
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
    // FULL: an acknowledged save survives a power failure, and not only a crash of the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(connection, version, SCHEMA_VERSION)
}

/// Each step is one transaction, so a step that was interrupted is repeated.
fn migrate(connection: &mut Connection, from: i64, to: i64) -> Result<(), StoreError> {
    for version in from..to {
        let step = usize::try_from(version).ok().and_then(|at| MIGRATIONS.get(at));
        let step = step.ok_or_else(|| StoreError(format!("the file has the unknown version {version}")))?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Copies all pages to another file. The copy has no journal beside it.
fn copy_pages(source: &Connection, to: &Path) -> Result<(), StoreError> {
    make_file(to).map_err(|error| StoreError(error.to_string()))?;
    let mut target = Connection::open(to)?;
    target.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    {
        // One step for all pages, so that no other process can write in between.
        let backup = Backup::new(source, &mut target)?;
        match backup.step(-1)? {
            StepResult::Done => {}
            other => return Err(StoreError(format!("the file is in use ({other:?})"))),
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

/// Opens a state file for reading. The file keeps its version.
fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would create a missing file.
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

/// Checks that a file is a state that this program can read.
fn is_state(connection: &Connection) -> Result<(), StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_ours = connection.prepare("SELECT space, key, value FROM state").is_ok();
    if version < 1 || !is_ours || (version >= MARKED_SINCE_VERSION && id != APPLICATION_ID) {
        return Err(StoreError("the file is not a state of this gateway".to_owned()));
    }
    if version > SCHEMA_VERSION { Err(newer(version)) } else { Ok(()) }
}

fn newer(version: i64) -> StoreError {
    StoreError(format!(
        "the file has version {version}, and this program reads versions up to {SCHEMA_VERSION}; \
         use the program that wrote it, or a newer one"
    ))
}

/// Creates the file before SQLite does, so that others can never read it, and restricts the mode of an existing file.
/// SQLite gives new journals the mode of the main file. The mode of existing journals is restricted too.
fn make_private(path: &Path) -> io::Result<()> {
    make_file(path)?;
    JOURNALS.iter().chain(&[""]).try_for_each(|suffix| tighten(&beside(path, suffix)))
}
