//! The interface between the daemon and the engines that keep its state.

use i3_core::machine::{Change, Saved};
use std::fmt;
use std::path::Path;
use std::time::SystemTime;

/// A store of durable facts: a file, or a server.
///
/// One gateway uses an open store. Tools such as `backup` may read its file meanwhile. An engine that is a server must
/// itself prevent a second gateway from opening the same state.
pub trait Store: Send {
    /// Returns everything in the store, in the order of space and key.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Makes the changes durable, all or none. They apply in order: of two changes of one key the later one counts. When
    /// this has returned, they survive a power failure.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

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
    let before = store.load()?.entries.into_iter();
    let mut changes: Vec<Change> = before.map(|entry| Change { value: None, ..entry }).collect();
    changes.extend(saved.entries.iter().cloned());
    store.commit(&changes)
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
