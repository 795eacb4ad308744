//! Durable state: values under keys in named spaces, written all or none.
//!
//! The store does not know the meaning of what it keeps. A driver opens one at its start, gives [`Store::load`] to the
//! core, and hands every [`Output::Save`](i3_core::machine::Output::Save) to a [`Writer`], so that a slow disk never
//! stops the sockets.

mod sqlite;
mod writer;

pub use sqlite::{BUSY_TIMEOUT_MS, SCHEMA_VERSION, SqliteStore, complete, copy};
pub use writer::{BATCH_TICKETS_MAX, QUEUE_TICKETS_MAX, Writer};

use i3_core::machine::{Change, Saved};
use std::collections::BTreeMap;
use std::fmt;

/// Where durable facts are kept.
pub trait Store: Send {
    /// Everything that is kept, in the order of space and key.
    fn load(&mut self) -> Result<Saved, StoreError>;
    /// Makes the changes durable, all or none. They apply in order: a later one for the same key wins.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn load(&mut self) -> Result<Saved, StoreError> {
        (**self).load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        (**self).commit(changes)
    }
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

/// A store that ends with the process: for tests and for trying things out.
#[derive(Debug, Default)]
pub struct MemoryStore {
    facts: BTreeMap<(String, String), Vec<u8>>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        let entries = self.facts.iter().map(|((space, key), value)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        });
        Ok(Saved { entries: entries.collect() })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            let name = (change.space.clone(), change.key.clone());
            match &change.value {
                Some(value) => self.facts.insert(name, value.clone()),
                None => self.facts.remove(&name),
            };
        }
        Ok(())
    }
}
