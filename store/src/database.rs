//! What is done with one SQLite database: its layout, its creation, reading, copying and shrinking.

use crate::engine::{PAGE_ENTRIES_MAX, StoreError};
use crate::lines::{self, Puts};
use crate::private::{beside, make_file};
use i3_core::line;
use i3_core::machine::{Change, Clear, Saved, SmolStr};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
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
    lines::SCHEMA,
    lines::UNINDEXED_SCHEMA,
];

/// The version that this program writes.
const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The version since which files have the lines of the history in tables of their own.
const LINES_SINCE_VERSION: i64 = 3;

/// The mark of the state files of this gateway: "I3GW".
const APPLICATION_ID: i64 = 0x4933_4757;

/// The first version whose files have that mark.
const MARKED_SINCE_VERSION: i64 = 2;

/// What SQLite appends to the name of the file for the files that it keeps beside it.
pub(crate) const JOURNALS: &[&str] = &["-wal", "-shm", "-journal"];

/// How long to wait for another process that has locked the file. The core repeats a save that failed.
const BUSY_TIMEOUT_MS: u64 = 1_000;

/// The page cache of SQLite. A small one is enough, since the file is read only once, at the start.
const CACHE_KIB: i64 = 512;

/// The page cache of a connection that reads lines. It lasts for one question.
const READ_CACHE_KIB: i64 = 4_096;

/// Bytes of values of one page of entries. A single larger value is a page of its own.
const PAGE_BYTES_MAX: usize = 1_048_576;

/// The size above which SQLite cuts its write-ahead log after everything in it was moved to the main file.
const WAL_BYTES_MAX: i64 = 4_194_304;

/// Unused pages that stay in the file, so that it does not shrink and grow all the time. A page has 4 KiB.
const FREE_PAGES_MAX: i64 = 64;

/// The value of `auto_vacuum` with which the file shrinks on demand, without being rewritten.
const INCREMENTAL: i64 = 2;

/// Puts the error's place before it.
pub(crate) fn fail(path: &Path, what: &str, error: impl fmt::Display) -> StoreError {
    StoreError(format!("{}: {what}: {error}", path.display()))
}

/// Sets what every connection needs.
pub(crate) fn wait_for_others(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
}

/// Creates a state file with these entries. It appears under its name when it is complete.
pub(crate) fn create(path: &Path, entries: &[Change]) -> Result<(), StoreError> {
    let part = beside(path, ".new");
    let failed = |error: &dyn fmt::Display| fail(path, "cannot be created", error);
    for suffix in JOURNALS.iter().chain(&[""]) {
        // An interrupted attempt may have left them.
        remove(&beside(&part, suffix)).map_err(|error| failed(&error))?;
    }
    let io = |error: io::Error| StoreError(error.to_string());
    let build = || {
        make_file(&part).map_err(io)?;
        let mut connection = Connection::open(&part)?;
        wait_for_others(&connection)?;
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection, 0)?;
        write(&mut connection, &Clear::Nothing, entries)?;
        connection.close().map_err(|(_, error)| StoreError::from(error))?;
        // The log of a former file must not be applied to the new one.
        JOURNALS.iter().try_for_each(|suffix| remove(&beside(path, suffix))).map_err(io)?;
        fs::rename(&part, path).map_err(io)
    };
    build().map_err(|error: StoreError| failed(&error))?;
    sync_directory(path).map_err(|error| failed(&error))
}

/// Removes a file. A missing one is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a new name durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Opens an existing state file for writing. A file that is not a state of this gateway, or of a newer version, is refused
/// and not changed.
pub(crate) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| fail(path, "cannot be opened", error))?;
    let prepare = |mut connection: Connection| {
        wait_for_others(&connection)?;
        let version = is_state(&connection)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_MAX, |_| Ok(()))?;
        // FULL: an acknowledged save survives a power failure, and not only a crash of the process.
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection, version)?;
        // The first read opens the log. From then on no other program that closes the file removes the log.
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        Ok(connection)
    };
    prepare(connection).map_err(|error: StoreError| fail(path, "cannot be used", error))
}

/// Opens a state file for reading. The file keeps its version.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would create a missing file.
    fs::metadata(path).map_err(|error| fail(path, "cannot be opened", error))?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|error| fail(path, "cannot be opened", error))?;
    let prepare = || {
        wait_for_others(&connection)?;
        is_state(&connection)
    };
    prepare().map_err(|error| fail(path, "cannot be used", error))?;
    Ok(connection)
}

/// Closes a connection to a file that was taken away. Its write-ahead log is not written to whatever has the name now.
pub(crate) fn abandon(connection: Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    drop(connection);
}

/// Each step is one transaction, so a step that was interrupted is repeated.
fn migrate(connection: &mut Connection, from: i64) -> Result<(), StoreError> {
    for version in from..SCHEMA_VERSION {
        let step = usize::try_from(version).ok().and_then(|at| MIGRATIONS.get(at));
        let step = step.ok_or_else(|| StoreError(format!("the file has the unknown version {version}")))?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        if version + 1 == LINES_SINCE_VERSION {
            lines::import(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Opens a state file to read its lines.
pub(crate) fn open_lines(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| fail(path, "cannot be opened", error))?;
    let prepare = || {
        wait_for_others(&connection)?;
        // The log belongs to the connection that writes.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cache_size", -READ_CACHE_KIB)
    };
    prepare().map_err(|error| fail(path, "cannot be used", error))?;
    Ok(connection)
}

/// Deletes lines that are not kept any more, at most `most`, in one transaction. Returns how many.
pub(crate) fn tidy(
    connection: &mut Connection,
    mud: &str,
    kept: &line::Kept,
    most: i64,
) -> rusqlite::Result<i64> {
    let transaction = connection.transaction()?;
    let count = lines::tidy(&transaction, mud, kept, most)?;
    transaction.commit()?;
    Ok(count)
}

/// Indexes the lines that are not indexed yet.
pub(crate) fn index_lines(connection: &mut Connection) -> rusqlite::Result<()> {
    if !lines::has_unindexed(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    lines::index(&transaction)?;
    transaction.commit()
}

/// Adds the lines of another state file.
pub(crate) fn take_lines(connection: &mut Connection, snapshot: &str) -> rusqlite::Result<()> {
    connection.execute("ATTACH DATABASE ?1 AS snapshot", params![snapshot])?;
    let copied = lines::copy(connection);
    let detached = connection.execute_batch("DETACH DATABASE snapshot");
    copied.and(detached)
}

/// Checks that a file is a state that this program can read. Returns its version.
fn is_state(connection: &Connection) -> Result<i64, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_ours = connection.prepare("SELECT space, key, value FROM state").is_ok();
    if version < 1 || !is_ours || (version >= MARKED_SINCE_VERSION && id != APPLICATION_ID) {
        return Err(StoreError(
            "the file is not a state of this gateway; move it away, or set state.directory to another directory"
                .to_owned(),
        ));
    }
    if version > SCHEMA_VERSION { Err(newer(version)) } else { Ok(version) }
}

fn newer(version: i64) -> StoreError {
    StoreError(format!(
        "the file has version {version}, and this program reads versions up to {SCHEMA_VERSION}; \
         use the program that wrote it, or a newer one"
    ))
}

/// Applies changes in one transaction, after it has removed what `clear` covers.
pub(crate) fn write(connection: &mut Connection, clear: &Clear, changes: &[Change]) -> rusqlite::Result<()> {
    // A transaction that is dropped without `commit` is rolled back.
    let transaction = connection.transaction()?;
    lines::remove(&transaction, clear)?;
    match clear {
        Clear::Nothing => {}
        Clear::Everything => drop(transaction.execute("DELETE FROM state", ())?),
        Clear::Spaces(spaces) => {
            for space in spaces {
                transaction.execute("DELETE FROM state WHERE space = ?1", params![space.as_str()])?;
            }
        }
    }
    {
        let mut put = transaction
            .prepare_cached("INSERT OR REPLACE INTO state (space, key, value) VALUES (?1, ?2, ?3)")?;
        let mut delete = transaction.prepare_cached("DELETE FROM state WHERE space = ?1 AND key = ?2")?;
        let mut lines = Puts::new(&transaction);
        for change in changes {
            if let Some(mud) = line::mud_of(&change.space) {
                lines.apply(mud, change)?;
                continue;
            }
            let (space, key) = (change.space.as_str(), change.key.as_str());
            match &change.value {
                Some(value) => put.execute(params![space, key, value])?,
                None => delete.execute(params![space, key])?,
            };
        }
        lines.finish()?;
    }
    transaction.commit()
}

/// Reads all entries.
pub(crate) fn load(connection: &Connection) -> Result<Saved, StoreError> {
    let mut select = connection.prepare("SELECT space, key, value FROM state ORDER BY space, key")?;
    let rows = select.query_map((), |row| Ok(Change { value: Some(bytes(row, 2)?), ..named(row)? }))?;
    Ok(Saved { entries: rows.collect::<rusqlite::Result<_>>()?, ..Saved::default() })
}

fn named(row: &Row<'_>) -> rusqlite::Result<Change> {
    let text = |column| row.get_ref(column)?.as_str().map(SmolStr::new).map_err(rusqlite::Error::from);
    Ok(Change { space: text(0)?, key: text(1)?, value: None })
}

/// Returns a value, which somebody may have edited as a text.
fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Arc<[u8]>> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(bytes.into()),
        _ => row.get(column),
    }
}

/// Implements [`Store::page`](crate::Store::page).
pub(crate) fn page(
    connection: &Connection,
    after: Option<(&str, &str)>,
    value_bytes_max: usize,
) -> Result<Vec<Change>, StoreError> {
    let bound = if after.is_some() { "WHERE (space, key) > (?2, ?3)" } else { "WHERE ?2 = ?3" };
    let mut select = connection.prepare_cached(&format!(
        "SELECT space, key, CASE WHEN octet_length(value) <= ?1 THEN value END
         FROM state {bound} ORDER BY space, key"
    ))?;
    let (space, key) = after.unwrap_or_default();
    let most = i64::try_from(value_bytes_max).unwrap_or(i64::MAX);
    let mut rows = select.query(params![most, space, key])?;
    let (mut entries, mut size) = (Vec::new(), 0);
    while entries.len() < PAGE_ENTRIES_MAX && size < PAGE_BYTES_MAX {
        let Some(row) = rows.next()? else { break };
        let value = if row.get_ref(2)? == ValueRef::Null { None } else { Some(bytes(row, 2)?) };
        size += value.as_ref().map_or(0, |value| value.len());
        entries.push(Change { value, ..named(row)? });
    }
    Ok(entries)
}

/// Gives unused pages back to the system. A file that cannot do so yet, because an earlier version has made it, is
/// rewritten once.
pub(crate) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("auto_vacuum")? != INCREMENTAL {
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        connection.execute_batch("VACUUM")?;
    } else if number("freelist_count")? > FREE_PAGES_MAX {
        // The statement removes a page with each step.
        let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = vacuum.query(())?;
        while rows.next()?.is_some() {}
    } else {
        return Ok(());
    }
    // The main file shrinks when the log is moved to it.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}

/// Copies all pages to another file. The copy has no journal beside it.
pub(crate) fn copy_pages(source: &Connection, to: &Path) -> Result<(), StoreError> {
    make_file(to).map_err(|error| StoreError(error.to_string()))?;
    let mut target = Connection::open(to)?;
    wait_for_others(&target)?;
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

/// Checks that the file is not damaged.
pub(crate) fn quick_check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError(verdict)) }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError(error.to_string())
    }
}
