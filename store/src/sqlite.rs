//! One SQLite file: the embedded default.

use crate::{Store, StoreError};
use i3_core::machine::{Change, Saved};
use rusqlite::{Connection, params};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The layout this code reads and writes, kept in the file's `user_version`.
pub const SCHEMA_VERSION: i64 = 1;

/// How long to wait for another process that holds the file, for example one that makes a backup.
pub const BUSY_TIMEOUT_MS: u64 = 5_000;

const CREATE_TABLE: &str = "CREATE TABLE state (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (space, key)
) WITHOUT ROWID";

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
        return Err(StoreError(format!(
            "its schema is version {version}, and this program knows versions up to {SCHEMA_VERSION}; \
             use the program that wrote it or a newer one"
        )));
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // FULL: what was acknowledged is on disk even after a power failure, not only after a crash.
    connection.pragma_update(None, "synchronous", "FULL")?;
    if version == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(CREATE_TABLE)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    }
    Ok(())
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
