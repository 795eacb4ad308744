//! The default store: one SQLite file.

use crate::database::{self, JOURNALS, copy_pages, fail, quick_check};
use crate::engine::{Condition, LineReader, QUERY_TIME_MAX, Store, StoreError, Warning};
use crate::lines;
use crate::private::{beside, make_directory, open_to_others, replace_file, tighten};
use crate::snapshot::snapshot_path;
use crate::watch::Watch;
use i3_core::line::{self, Kept, LineChange};
use i3_core::machine::{Change, Clear, Saved};
use i3_core::query::{Page, Query};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The name of the file in the state directory.
const FILE: &str = "i3-gateway.sqlite";

/// Lines of the history that are deleted together, each few seconds, so that saves do not wait for long.
const TIDY_LINES_MAX: i64 = 500;

/// The ending of a path that names the file itself.
const EXTENSION: &str = "sqlite";

/// Returns the file of the state that a path names, as [`open`](crate::open) documents it.
pub(crate) fn file_of(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.extension().is_some_and(|end| end == EXTENSION) { path.to_owned() } else { path.join(FILE) }
}

/// A store in one SQLite file. Only the owner may read the file: it contains router passwords and private messages.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    file: PathBuf,
    database: Database,
    /// Which lines of the history are kept, of the muds that may have others.
    untidy: BTreeMap<String, Kept>,
}

#[derive(Debug)]
enum Database {
    /// Open for reading, while a gateway may use it.
    Reading(Connection),
    /// In use.
    Open(Connection, Watch),
    /// The files are no longer those that were open. The text says what has happened to them. The last value: nobody has
    /// written to the main file, so the new one may replace it.
    Lost(String, bool),
}

impl SqliteStore {
    /// Opens the file, and creates it and its directory if they are missing.
    ///
    /// A file that is empty, that is not a state of this gateway or that a newer version has written is refused, and not
    /// changed.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        make_parent(path)?;
        match size(path)? {
            Some(0) => return Err(empty(path)),
            Some(_) => {}
            None => {
                // The log of a file that was removed would be applied to the new one.
                set_aside(path, "orphaned", JOURNALS)?;
                database::create(path, &[])?;
            }
        }
        let database = open_file(path)?;
        Ok(SqliteStore { file: path.to_owned(), database, untidy: BTreeMap::new() })
    }

    /// Opens the file for reading. `None`: the file is missing.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        match size(path) {
            Ok(None) => return Ok(None),
            Ok(Some(0)) => return Err(empty(path)),
            _ => {}
        }
        let database = Database::Reading(database::open_to_read(path)?);
        Ok(Some(SqliteStore { file: path.to_owned(), database, untidy: BTreeMap::new() }))
    }

    /// Opens the file, so that it can be replaced by a snapshot. A damaged file is moved: its new path is the second value.
    pub(crate) fn open_to_restore(
        path: &Path,
        snapshot: &Path,
    ) -> Result<(Self, Option<PathBuf>), StoreError> {
        quick_check(&open_snapshot(path, snapshot)?).map_err(|error| fail(snapshot, "is damaged", error))?;
        let damaged = if is_damaged(path)? { set_aside(path, "damaged", &ALL_FILES)? } else { None };
        Ok((SqliteStore::open(path)?, damaged))
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        match &self.database {
            Database::Reading(connection) | Database::Open(connection, _) => Ok(connection),
            Database::Lost(why, _) => Err(StoreError(why.clone())),
        }
    }

    /// Closes the files, because they are not those that a later start would find.
    fn lose(&mut self, why: String) -> StoreError {
        let is_untouched = matches!(&self.database, Database::Open(_, watch) if watch.is_untouched());
        let lost = Database::Lost(why.clone(), is_untouched);
        if let Database::Open(connection, _) = std::mem::replace(&mut self.database, lost) {
            database::abandon(connection);
        }
        if !is_untouched && self.file.exists() {
            // The log of the former file must not be applied to this one. The gateway has its contents in memory.
            for suffix in JOURNALS {
                let _ = database::remove(&beside(&self.file, suffix));
            }
        }
        StoreError(why)
    }

    /// Writes a new file with these entries, after the former one was lost. Whatever has its name now is moved.
    fn renew(&mut self, entries: &[Change]) -> Result<(), StoreError> {
        make_parent(&self.file)?;
        let is_untouched = matches!(self.database, Database::Lost(_, true));
        match size(&self.file)? {
            None => {}
            Some(_) if is_untouched => {}
            Some(0) => {
                database::remove(&self.file).map_err(|error| fail(&self.file, "cannot be removed", error))?;
            }
            Some(_) => drop(set_aside(&self.file, "replaced", &ALL_FILES)?),
        }
        database::create(&self.file, entries)?;
        self.database = open_file(&self.file)?;
        Ok(())
    }

    fn write(&mut self, clear: &Clear, changes: &[Change]) -> Result<(), StoreError> {
        self.look()?;
        let (written, noted) = match &mut self.database {
            Database::Open(connection, watch) => {
                let written = database::write(connection, clear, changes);
                (written, watch.note())
            }
            Database::Reading(connection) => (database::write(connection, clear, changes), Ok(())),
            Database::Lost(why, _) => return Err(StoreError(why.clone())),
        };
        match (written, noted) {
            (_, Err(why)) => Err(self.lose(why)),
            (Err(error), Ok(())) if is_damage(&error) => {
                let why = fail(&self.file, "the file is damaged", error);
                Err(self.lose(why.0))
            }
            (written, Ok(())) => {
                written?;
                self.note_kept(changes);
                Ok(())
            }
        }
    }

    /// Notes which lines are kept from now on. The others are deleted a part after the other.
    fn note_kept(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some(mud) = line::mud_of(&change.space)
                && let LineChange::Keep(kept) = line::read(change)
            {
                self.untidy.insert(mud.to_owned(), kept);
            }
        }
    }

    /// Deletes some lines that are not kept any more, and indexes the others.
    fn tidy(&mut self) -> rusqlite::Result<()> {
        let Database::Open(connection, _) = &mut self.database else { return Ok(()) };
        let mut left = TIDY_LINES_MAX;
        while left > 0
            && let Some((mud, kept)) = self.untidy.pop_first()
        {
            let count = database::tidy(connection, &mud, &kept, left)?;
            left -= count;
            if left <= 0 {
                self.untidy.insert(mud, kept);
            }
        }
        database::index_lines(connection)
    }
}

/// Reads lines of the history, while a store writes. Each question has a connection of its own, so that none stays with a
/// file that was replaced.
struct SqliteLines {
    file: PathBuf,
}

impl LineReader for SqliteLines {
    fn page(&mut self, query: &Query) -> Result<Page, StoreError> {
        let connection = database::open_lines(&self.file)?;
        let page = lines::page(&connection, query, Instant::now() + QUERY_TIME_MAX);
        page.map_err(|error| fail(&self.file, "cannot be read", error))
    }

    fn muds(&mut self) -> Result<Vec<String>, StoreError> {
        let muds = lines::muds(&database::open_lines(&self.file)?);
        muds.map_err(|error| fail(&self.file, "cannot be read", error))
    }
}

fn make_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(directory) => {
            make_directory(directory).map_err(|error| fail(path, "cannot create its directory", error))
        }
        None => Ok(()),
    }
}

/// Returns the size of a file; `None` if there is none.
fn size(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found.len())),
        Ok(_) => Err(fail(path, "cannot be used", "it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail(path, "cannot be opened", error)),
    }
}

fn empty(path: &Path) -> StoreError {
    let text = "restore a backup (i3-gateway restore FILE), or remove the file to start without passwords, bans and \
                kept messages";
    fail(path, "the file is empty, so the state was lost", text)
}

/// Opens an existing file to write to it. The mode of the file and of its journals is restricted first. SQLite gives new
/// journals the mode of the main file.
fn open_file(path: &Path) -> Result<Database, StoreError> {
    let opened = |error: io::Error| fail(path, "cannot be opened", error);
    JOURNALS.iter().chain(&[""]).try_for_each(|suffix| tighten(&beside(path, suffix))).map_err(opened)?;
    let connection = database::open_to_write(path)?;
    let watch = Watch::new(path).map_err(opened)?;
    Ok(Database::Open(connection, watch))
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
    database::open_to_read(file)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether a file is there, but is not a database or is a damaged one. The error: it cannot be read for another reason,
/// such as its permissions.
fn is_damaged(path: &Path) -> Result<bool, StoreError> {
    match size(path)? {
        None => return Ok(false),
        Some(0) => return Ok(true),
        Some(_) => {}
    }
    let verdict = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        database::wait_for_others(&connection)?;
        connection.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0))
    };
    match verdict() {
        Ok(text) => Ok(text != "ok"),
        Err(error) if is_damage(&error) => Ok(true),
        Err(error) => Err(fail(path, "cannot be read", error)),
    }
}

/// The endings of the main file and of what SQLite keeps beside it.
const ALL_FILES: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// Renames a file and those beside it, and returns the new path; `None` if there is none of them. No file that was set
/// aside earlier is replaced.
fn set_aside(path: &Path, why: &str, suffixes: &[&str]) -> Result<Option<PathBuf>, StoreError> {
    let suffixes: Vec<&&str> = suffixes.iter().filter(|suffix| beside(path, suffix).exists()).collect();
    if suffixes.is_empty() {
        return Ok(None);
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut names = (1..).map(|number| snapshot_path(directory, &format!("{why}-{number}")));
    let is_free = |name: &PathBuf| ALL_FILES.iter().all(|suffix| !beside(name, suffix).exists());
    let aside = names.find(is_free);
    let aside = aside.ok_or_else(|| StoreError(format!("{}: no name is free beside it", path.display())))?;
    for suffix in suffixes {
        let to = beside(&aside, suffix);
        let moved = fs::rename(beside(path, suffix), &to).and_then(|()| tighten(&to));
        moved.map_err(|error| fail(path, "cannot be moved", error))?;
    }
    Ok(Some(aside))
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        database::load(self.connection()?)
    }

    fn page(
        &mut self,
        after: Option<(&str, &str)>,
        value_bytes_max: usize,
    ) -> Result<Vec<Change>, StoreError> {
        database::page(self.connection()?, after, value_bytes_max)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.write(&Clear::Nothing, changes)
    }

    fn replace(&mut self, clear: &Clear, changes: &[Change]) -> Result<(), StoreError> {
        if self.look().is_err() && *clear == Clear::Everything {
            return self.renew(changes);
        }
        self.write(clear, changes)
    }

    fn lines(&mut self, query: &Query) -> Result<Page, StoreError> {
        let page = lines::page(self.connection()?, query, Instant::now() + QUERY_TIME_MAX);
        page.map_err(|error| fail(&self.file, "cannot be read", error))
    }

    fn line_reader(&self) -> Option<Box<dyn LineReader>> {
        Some(Box::new(SqliteLines { file: self.file.clone() }))
    }

    fn take_lines(&mut self, snapshot: &Path) -> Result<(), StoreError> {
        let name =
            snapshot.to_str().ok_or_else(|| fail(snapshot, "cannot be read", "its name is not UTF-8"))?;
        let Database::Open(connection, watch) = &mut self.database else { return Ok(()) };
        let taken = database::take_lines(connection, name);
        if let Err(why) = watch.note() {
            return Err(self.lose(why));
        }
        taken.map_err(|error| fail(&self.file, "cannot take the history of the copy", error))
    }

    fn look(&mut self) -> Result<(), StoreError> {
        match &self.database {
            Database::Reading(_) => Ok(()),
            Database::Open(_, watch) => match watch.check() {
                Ok(()) => Ok(()),
                Err(why) => Err(self.lose(why)),
            },
            Database::Lost(why, _) => Err(StoreError(why.clone())),
        }
    }

    fn shrink(&mut self) -> Result<(), StoreError> {
        self.look()?;
        let tidied = self.tidy();
        let Database::Open(connection, watch) = &mut self.database else { return Ok(()) };
        let outcome = tidied.and_then(|()| database::shrink(connection));
        if let Err(why) = watch.note() {
            return Err(self.lose(why));
        }
        outcome.map_err(|error| fail(&self.file, "cannot shrink", error))
    }

    fn place(&self) -> String {
        self.file.display().to_string()
    }

    fn check(&mut self) -> Result<Condition, StoreError> {
        quick_check(self.connection()?).map_err(|error| fail(&self.file, "is damaged", error))?;
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
        copy(&self.file, self.connection()?, file)
    }

    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError> {
        database::load(&open_snapshot(&self.file, file)?).map_err(|error| fail(file, "cannot be read", error))
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
