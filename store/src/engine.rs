//! What every engine does: the seam between the daemon and whatever keeps its state.

use i3_core::machine::{Change, Saved};
use std::fmt;
use std::path::Path;
use std::time::SystemTime;

/// Where durable facts are kept: a file, or a server.
///
/// An open store is used by one gateway. Its file may be read by the tools at the same time, as `backup` does; a server
/// must see to it by itself that no second gateway opens the same state.
pub trait Store: Send {
    /// Everything that is kept, in the order of space and key.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Makes the changes durable, all or none. They apply in order: a later one for the same key wins. When this returns,
    /// they survive a power failure.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Where the state is, for people: a path or an address, without passwords.
    fn place(&self) -> String;

    /// Looks whether the state is whole. The error: it is damaged or cannot be read.
    fn check(&mut self) -> Result<Condition, StoreError>;

    /// Writes all that is kept into `file`, as it is at one moment and also while a gateway commits. A file that is there
    /// already is replaced when the new one is whole; only its owner may read it.
    ///
    /// Where an engine cannot do this, the error names the tool that can: a server has its own.
    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError>;

    /// Copies a snapshot, with the care of [`Store::snapshot_to`]. The error: it cannot be read, it is no snapshot of a
    /// gateway's state, or it is the state itself.
    fn copy_snapshot(&self, from: &Path, to: &Path) -> Result<(), StoreError>;

    /// What a snapshot holds.
    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError>;
}

/// Replaces everything that a store holds with `saved`, at once.
pub fn replace_all(store: &mut dyn Store, saved: &Saved) -> Result<(), StoreError> {
    let before = store.load()?.entries.into_iter();
    let mut changes: Vec<Change> = before.map(|entry| Change { value: None, ..entry }).collect();
    changes.extend(saved.entries.iter().cloned());
    store.commit(&changes)
}

/// How a store is, beside being whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// When something was saved last, if the engine knows.
    pub saved_at: Option<SystemTime>,
    /// What its owner should look at.
    pub warnings: Vec<Warning>,
}

/// Something that is not as it should be and stops nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Why something could not be kept or read. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
