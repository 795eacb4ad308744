//! One SQLite file: the embedded default.

use crate::{Store, StoreError};
use i3_core::machine::{Change, Saved};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

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
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// See [`MIGRATIONS`].
const APPLICATION_ID: i64 = 0x4933_4757;

/// The version in which files begin to say whose they are.
const MARKED_SINCE_VERSION: i64 = 2;

/// How long to wait for another process that holds the file. The core tries again what could not be saved.
pub const BUSY_TIMEOUT_MS: u64 = 1_000;

/// What SQLite may keep of the file in memory: it is read once, at the start.
const CACHE_KIB: i64 = 512;

/// Facts in one SQLite file, which only its owner may read: it holds router passwords and private messages.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, and creates it and its directory where they are missing.
    ///
    /// A file of a newer schema is refused and left as it is.
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

/// Puts a whole copy of one file in place of another, at once: who reads or writes either at the same time sees the one
/// or the other state. A file that holds no state of this program, or a newer one's, is refused.
///
/// The copy is complete in itself, readable by its owner alone, and checked.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let fail = |path: &Path, what: &str, error: &dyn std::fmt::Display| {
        StoreError(format!("{}: {what}: {error}", path.display()))
    };
    // SQLite would create it.
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
            // All pages in one step: nobody can write in between.
            let backup = Backup::new(&source, &mut target)?;
            match backup.step(-1)? {
                StepResult::Done => {}
                other => return Err(StoreError(format!("it is in use ({other:?})"))),
            }
        }
        let verdict: String = target.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError(verdict)) }
    };
    write().map_err(|error| fail(to, "cannot be written", &error))
}

/// Makes a file that nobody has open complete in itself: nothing of it stands in a log beside it.
pub fn complete(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
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

/// The directory of the file; a new one is open to its owner alone.
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

/// Creates the file before SQLite does, so that it is never readable by others, and tightens one that is there. SQLite
/// gives `-wal` and `-shm` the mode of the file itself when it creates them; what an earlier run left is tightened too.
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
