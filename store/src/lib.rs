//! The durable state: values under keys in named spaces. The changes of one save are written all or none.
//!
//! The store does not interpret keys and values. At its start a daemon opens a store and passes the result of
//! [`Store::load`] to the core. It passes every [`Output::Save`](i3_core::machine::Output::Save) to a [`Writer`], so that
//! a slow disk does not stop the sockets.

mod sqlite;
mod writer;

pub use sqlite::{BUSY_TIMEOUT_MS, SCHEMA_VERSION, SqliteStore, complete, copy};
pub use writer::{BATCH_TICKETS_MAX, QUEUE_TICKETS_MAX, Writer};

use i3_core::machine::{Change, Saved};
use std::collections::BTreeMap;
use std::fmt;

/// A store of durable facts.
pub trait Store: Send {
    /// Returns everything in the store, in the order of space and key.
    fn load(&mut self) -> Result<Saved, StoreError>;
    /// Makes the changes durable, all or none. They apply in order: of two changes of one key the later one counts.
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

/// Why the store could not be read or written. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// A store in memory, for tests and experiments.
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
