//! The default store: one SQLite file.

use crate::{Store, StoreError};
use i3_core::machine::{Change, Saved};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

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
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The mark of the state files of this gateway: "I3GW".
const APPLICATION_ID: i64 = 0x4933_4757;

/// The first version whose files have that mark.
const MARKED_SINCE_VERSION: i64 = 2;

/// How long to wait for another process that has locked the file. The core repeats a save that failed.
pub const BUSY_TIMEOUT_MS: u64 = 1_000;

/// The page cache of SQLite. A small one is enough, since the file is read only once, at the start.
const CACHE_KIB: i64 = 512;

/// A store in one SQLite file. Only the owner may read the file: it contains router passwords and private messages.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, and creates it and its directory if they are missing.
    ///
    /// A file of a newer version is refused, and not changed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fail = |what: &str, error: &dyn std::fmt::Display| {
            StoreError(format!("{}: {what}: {error}", path.display()))
        };
        make_directory(path).map_err(|error| fail("cannot create its directory", &error))?;
        make_private(path).map_err(|error| fail("cannot be opened", &error))?;
        let mut connection = Connection::open(path).map_err(|error| fail("cannot be opened", &error))?;
        prepare(&mut connection).map_err(|error| fail("cannot be used", &error))?;
        Ok(SqliteStore { connection })
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        let read = || {
            let mut select =
                self.connection.prepare("SELECT space, key, value FROM state ORDER BY space, key")?;
            let rows = select.query_map((), |row| {
                Ok(Change { space: row.get(0)?, key: row.get(1)?, value: Some(row.get(2)?) })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        Ok(Saved { entries: read()? })
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

/// Replaces one file by a copy of another. The replacement is atomic: a process that uses a file meanwhile sees either the
/// old or the new state. A source that is not a state of this gateway, or that a newer version has written, is refused.
///
/// Only the owner may read the copy. Its integrity is checked.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let fail = |path: &Path, what: &str, error: &dyn std::fmt::Display| {
        StoreError(format!("{}: {what}: {error}", path.display()))
    };
    // SQLite would create a missing file.
    fs::metadata(from).map_err(|error| fail(from, "cannot be opened", &error))?;
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|error| fail(from, "cannot be opened", &error))?;
    source.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    is_state(&source).map_err(|error| fail(from, "cannot be used", &error))?;
    make_private(to).map_err(|error| fail(to, "cannot be written", &error))?;
    let write = || -> Result<(), StoreError> {
        let mut target = Connection::open(to)?;
        target.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        {
            // One step for all pages, so that no other process can write in between.
            let backup = Backup::new(&source, &mut target)?;
            match backup.step(-1)? {
                StepResult::Done => {}
                other => return Err(StoreError(format!("the file is in use ({other:?})"))),
            }
        }
        let verdict: String = target.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError(verdict)) }
    };
    write().map_err(|error| fail(to, "cannot be written", &error))
}

/// Moves everything from the write-ahead log into the file. No other process may have the file open.
pub fn complete(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
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

/// Creates the directory of the file if it is missing. Only its owner may use it.
fn make_directory(path: &Path) -> io::Result<()> {
    let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// Creates the file before SQLite does, so that others can never read it, and restricts the mode of an existing file. SQLite
/// gives new `-wal` and `-shm` files the mode of the main file; the mode of existing ones is restricted too.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?;
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt;
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::metadata(&name) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&name, fs::Permissions::from_mode(0o600))?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
