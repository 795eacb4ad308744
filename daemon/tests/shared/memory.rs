//! A second engine, in memory: what runs with it knows nothing of the first.

use i3_core::machine::{Change, Saved, SmolStr};
use i3_store::{Condition, Store, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

type Facts = BTreeMap<(SmolStr, SmolStr), Arc<[u8]>>;

/// A store whose clones keep the same facts, as two connections to one server do. Its snapshots are lines of text.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryStore {
    facts: Arc<Mutex<Facts>>,
}

/// What begins a snapshot.
const MARK: &str = "memory snapshot\n";

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        let facts = self.facts.lock().unwrap();
        let entries = facts.iter().map(|((space, key), value)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        });
        Ok(Saved { entries: entries.collect(), ..Saved::default() })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut facts = self.facts.lock().unwrap();
        for change in changes {
            let name = (change.space.clone(), change.key.clone());
            match &change.value {
                Some(value) => facts.insert(name, value.clone()),
                None => facts.remove(&name),
            };
        }
        Ok(())
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn check(&mut self) -> Result<Condition, StoreError> {
        Ok(Condition::default())
    }

    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError> {
        let mut text = MARK.to_owned();
        for ((space, key), value) in &*self.facts.lock().unwrap() {
            text += &format!("{space}\t{key}\t{}\n", std::str::from_utf8(value).unwrap());
        }
        fs::write(file, text).map_err(|error| StoreError(error.to_string()))
    }

    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError> {
        let text = fs::read_to_string(file).map_err(|error| StoreError(error.to_string()))?;
        let text = text.strip_prefix(MARK).ok_or_else(|| StoreError("no snapshot".to_owned()))?;
        let entries = text.lines().map(|line| {
            let parts: Vec<&str> = line.split('\t').collect();
            Change { space: parts[0].into(), key: parts[1].into(), value: Some(parts[2].as_bytes().into()) }
        });
        Ok(Saved { entries: entries.collect(), ..Saved::default() })
    }
}
