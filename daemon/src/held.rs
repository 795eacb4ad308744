//! A store whose directory this process holds: before each write it makes sure that no other gateway has taken the place.

use i3_core::machine::{Change, Clear, Saved};
use i3_core::query::{Page, Query};
use i3_store::{Condition, DirectoryLock, LineReader, Store, StoreError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The lock of a state directory. The store's thread takes it again if the directory or the lock file was removed.
pub(crate) type SharedLock = Arc<Mutex<DirectoryLock>>;

/// A store in a directory that is locked.
pub(crate) struct HeldStore {
    store: Box<dyn Store>,
    lock: SharedLock,
}

impl HeldStore {
    pub(crate) fn new(store: Box<dyn Store>, lock: SharedLock) -> HeldStore {
        HeldStore { store, lock }
    }

    fn hold(&self) -> Result<(), StoreError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.hold().map_err(|why| StoreError(format!("{}: {why}", self.store.place())))
    }
}

impl Store for HeldStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.store.load()
    }

    fn page(
        &mut self,
        after: Option<(&str, &str)>,
        value_bytes_max: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.store.page(after, value_bytes_max)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.hold()?;
        self.store.commit(changes)
    }

    fn replace(&mut self, clear: &Clear, changes: &[Change]) -> Result<(), StoreError> {
        self.hold()?;
        self.store.replace(clear, changes)
    }

    fn lines(&mut self, query: &Query) -> Result<Page, StoreError> {
        self.store.lines(query)
    }

    fn line_reader(&self) -> Option<Box<dyn LineReader>> {
        self.store.line_reader()
    }

    fn take_lines(&mut self, snapshot: &Path) -> Result<(), StoreError> {
        self.hold()?;
        self.store.take_lines(snapshot)
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.hold()?;
        self.store.look()
    }

    fn shrink(&mut self) -> Result<(), StoreError> {
        self.store.shrink()
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fn check(&mut self) -> Result<Condition, StoreError> {
        self.store.check()
    }

    fn snapshot_to(&mut self, file: &Path) -> Result<(), StoreError> {
        self.store.snapshot_to(file)
    }

    fn load_snapshot(&self, file: &Path) -> Result<Saved, StoreError> {
        self.store.load_snapshot(file)
    }
}
