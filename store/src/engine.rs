//! The interface between the daemon and the engines that keep its state.

use i3_core::line;
use i3_core::machine::{Change, Clear, Saved};
use i3_core::query::{Order, PAGE_ROWS_MAX, Page, Query};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Entries of one [`Store::page`].
pub const PAGE_ENTRIES_MAX: usize = 500;

/// How long an engine looks for the rows of one page. After that it returns what it has, and where the rest begins.
pub const QUERY_TIME_MAX: Duration = Duration::from_millis(200);

/// Reads the lines of the history of a store, on another thread than the one that writes.
pub trait LineReader: Send {
    /// Returns a page of lines, as [`Store::lines`] does. It finds everything that was committed before.
    fn page(&mut self, query: &Query) -> Result<Page, StoreError>;

    /// Returns the muds that have lines, in the order of their names.
    fn muds(&mut self) -> Result<Vec<String>, StoreError>;
}

/// A store of durable facts: a file, or a server.
///
/// One gateway uses an open store. Tools such as `backup` may read its file meanwhile. An engine that is a server must
/// itself prevent a second gateway from opening the same state.
pub trait Store: Send {
    /// Returns everything in the store, in the order of space and key, apart from the lines of the history.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Returns the entries that follow `after` in the order of space and key, at most [`PAGE_ENTRIES_MAX`]. None: there are
    /// no more. A value of more than `value_bytes_max` bytes is not read: its entry comes without a value. Lines of the
    /// history are not among them.
    fn page(
        &mut self,
        after: Option<(&str, &str)>,
        value_bytes_max: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let follows =
            |entry: &Change| after.is_none_or(|(space, key)| (&*entry.space, &*entry.key) > (space, key));
        let entries = self.load()?.entries.into_iter().filter(follows).take(PAGE_ENTRIES_MAX);
        let fits = |value: &Arc<[u8]>| value.len() <= value_bytes_max;
        Ok(entries.map(|entry| Change { value: entry.value.filter(fits), ..entry }).collect())
    }

    /// Makes the changes durable, all or none. They apply in order: of two changes of one key the later one counts. When
    /// this has returned, they survive a power failure.
    ///
    /// Changes of a space for which [`i3_core::line::mud_of`] names a mud are lines of its history. They are read with
    /// [`i3_core::line::read`], written in the same transaction, and no entries. An engine that keeps no lines may drop them.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Like [`Store::commit`], but removes first what `clear` covers. Both happen together or not at all.
    fn replace(&mut self, clear: &Clear, changes: &[Change]) -> Result<(), StoreError> {
        let before = match clear {
            Clear::Nothing => Vec::new(),
            _ => self.load()?.entries,
        };
        let removed = before.into_iter().filter(|entry| clear.covers(&entry.space));
        let mut all: Vec<Change> = removed.map(|entry| Change { value: None, ..entry }).collect();
        all.extend(changes.iter().cloned());
        self.commit(&all)
    }

    /// Returns the lines of the history for which [`Query::holds`] is true, in the order of the question, at most its limit,
    /// [`PAGE_ROWS_MAX`](i3_core::query::PAGE_ROWS_MAX) rows and [`PAGE_BYTES_MAX`](i3_core::query::PAGE_BYTES_MAX) bytes, but
    /// at least one row if there is any. After [`QUERY_TIME_MAX`] it returns what it has found. [`Page::rest`] says where the
    /// next page begins.
    ///
    /// The cost must not grow with the number of all lines for a page by id of one channel, nor for a text of three letters
    /// or more: the engine needs an index by mud, channel and id, and one that finds the lines that contain a text, in any
    /// case and anywhere in a word. What the index finds may be too much, never too little: `holds` decides.
    ///
    /// An engine that keeps no lines finds none.
    fn lines(&mut self, _query: &Query) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    /// Opens a second way to the lines of the history, so that saves and searches do not wait for each other. `None`: the
    /// engine keeps no lines.
    fn line_reader(&self) -> Option<Box<dyn LineReader>> {
        None
    }

    /// Adds the lines of a snapshot, after a restore of its entries. Those that are there stay as they are.
    fn take_lines(&mut self, _snapshot: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    /// Checks that what was saved is still where a later start looks for it. The error: it is gone. Then only a
    /// [`Store::replace`] of everything is accepted.
    fn look(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deletes some lines of the history that are not kept any more, and gives the room of deleted entries back, where the
    /// engine does not do so itself. It is called every few seconds.
    fn shrink(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns a path or an address for people. It contains no password.
    fn place(&self) -> String;

    /// Checks the integrity of the state. The error: the state is damaged or cannot be read.
    fn check(&mut self) -> Result<Condition, StoreError>;

    /// Writes a consistent copy of the store to `file`, while a gateway may commit. An existing file is replaced when the
    /// new one is complete. Only the owner may read the file.
    ///
    /// An engine that cannot do this returns an error that names the tool for it, such as a server's own.
    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError>;

    /// Returns the contents of a snapshot.
    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError>;
}

/// Passes all lines of the history to `write`, those of one mud after those of the other and the oldest first. Returns how many
/// there are.
pub fn copy_lines(
    lines: &mut dyn LineReader,
    write: &mut dyn FnMut(Vec<Change>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let mut count = 0;
    for mud in lines.muds()? {
        let space = line::space_of(&mud);
        let order = Order::Oldest;
        let mut query = Query { mud, order, limit: PAGE_ROWS_MAX, ..Query::default() };
        loop {
            let page = lines.page(&query)?;
            count += page.rows.len();
            let rows = page.rows.into_iter();
            let puts: Vec<Change> = rows.map(|row| line::put(&space, row.id, row.value)).collect();
            if !puts.is_empty() {
                write(puts)?;
            }
            match page.rest {
                Some(rest) => query = query.from(rest),
                None => break,
            }
        }
    }
    Ok(count)
}

/// Replaces the whole contents of a store by `saved`, in one commit.
pub fn replace_all(store: &mut dyn Store, saved: &Saved) -> Result<(), StoreError> {
    store.replace(&Clear::Everything, &saved.entries)
}

/// The condition of an undamaged store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The time of the last save, if the engine knows it.
    pub saved_at: Option<SystemTime>,
    /// Problems that the owner should know of.
    pub warnings: Vec<Warning>,
}

/// A problem that does not prevent a gateway from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The problem.
    pub what: String,
    /// The remedy.
    pub fix: String,
}

/// Why the store could not be read or written. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
