//! The interface between the daemon and the engines that keep its state.

use i3_core::machine::{Change, Clear, Saved};
use std::fmt;
use std::path::Path;
use std::time::SystemTime;

/// Entries of one [`Store::page`].
pub const PAGE_ENTRIES_MAX: usize = 500;

/// A store of durable facts: a file, or a server.
///
/// One gateway uses an open store. Tools such as `backup` may read its file meanwhile. An engine that is a server must
/// itself prevent a second gateway from opening the same state.
pub trait Store: Send {
    /// Returns everything in the store, in the order of space and key.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Returns the entries that follow `after` in the order of space and key, at most [`PAGE_ENTRIES_MAX`]. None: there are
    /// no more. A value of more than `value_bytes_max` bytes is not read: its entry comes without a value.
    fn page(
        &mut self,
        after: Option<(&str, &str)>,
        value_bytes_max: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let follows =
            |entry: &Change| after.is_none_or(|(space, key)| (&*entry.space, &*entry.key) > (space, key));
        let entries = self.load()?.entries.into_iter().filter(follows).take(PAGE_ENTRIES_MAX);
        let fits = |value: &Vec<u8>| value.len() <= value_bytes_max;
        Ok(entries.map(|entry| Change { value: entry.value.filter(fits), ..entry }).collect())
    }

    /// Makes the changes durable, all or none. They apply in order: of two changes of one key the later one counts. When
    /// this has returned, they survive a power failure.
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

    /// Checks that what was saved is still where a later start looks for it. The error: it is gone. Then only a
    /// [`Store::replace`] of everything is accepted.
    fn look(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Gives the room of deleted entries back, where the engine does not do so itself.
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
