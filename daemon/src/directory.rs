//! The state directory: the lock of the gateway that uses it, and the restore of a snapshot.

use crate::held::{HeldStore, SharedLock};
use i3_core::Gateway;
use i3_core::machine::Change;
use i3_store::{DirectoryLock, Store, StoreError, ToRestore, Unavailable, replace_all, snapshot_path};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The state directory of one gateway. No other gateway can use it until this is dropped.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    lock: SharedLock,
}

/// The snapshot to restore. A gateway restores it at its start, or when it gets SIGUSR1.
pub(crate) fn staged(directory: &Path) -> PathBuf {
    snapshot_path(directory, "restore")
}

/// A snapshot that could not be restored.
pub(crate) fn refused(directory: &Path) -> PathBuf {
    snapshot_path(directory, "refused")
}

/// A snapshot of the state before the last restore.
pub(crate) fn before_restore(directory: &Path) -> PathBuf {
    snapshot_path(directory, "before-restore")
}

/// What became of the former state when a snapshot was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// There was none.
    OverNothing,
    /// It is in this file.
    Saved(PathBuf),
    /// It was damaged, and is in this file.
    Damaged(PathBuf),
}

impl Restored {
    /// A sentence for people that names the file of the former state, with a blank at its end.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Restored::OverNothing => None,
            Restored::Saved(file) => Some(format!("The former state is in {}. ", file.display())),
            Restored::Damaged(file) => {
                Some(format!("The former state was damaged, and is in {}. ", file.display()))
            }
        }
    }
}

impl StateDirectory {
    /// Takes the lock, and creates the directory if it is missing.
    pub fn take(path: &Path) -> Result<StateDirectory, Unavailable> {
        let lock = Arc::new(Mutex::new(DirectoryLock::take(path)?));
        Ok(StateDirectory { path: path.to_owned(), lock })
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the store in a form that keeps the lock, also where the directory or the lock file is removed.
    pub fn holding(&self, store: Box<dyn Store>) -> Box<dyn Store> {
        Box::new(HeldStore::new(store, self.lock.clone()))
    }

    /// Replaces the contents of the store by the snapshot to restore. `open` gets the snapshot and opens the store.
    /// `None`: there is no snapshot to restore. A snapshot that cannot be used is renamed, and the state does not change.
    pub fn restore(
        &self,
        open: impl FnOnce(&Path) -> Result<ToRestore, StoreError>,
    ) -> Result<Option<Restored>, StoreError> {
        let staged = staged(&self.path);
        if !staged.exists() {
            return Ok(None);
        }
        let outcome = open(&staged).and_then(|open| self.replace_with(open, &staged));
        // A snapshot that stayed would be restored again at the next start.
        let put_away = match &outcome {
            Ok(_) => fs::remove_file(&staged),
            Err(_) => fs::rename(&staged, refused(&self.path)),
        };
        put_away.map_err(|error| {
            StoreError(format!("{}: cannot be removed after the restore: {error}", staged.display()))
        })?;
        outcome.map(Some)
    }

    fn replace_with(&self, open: ToRestore, staged: &Path) -> Result<Restored, StoreError> {
        let ToRestore { mut store, damaged } = open;
        let mut restored = store.load_snapshot(staged)?;
        let before = store.load()?;
        let mut outcome = damaged.map_or(Restored::OverNothing, Restored::Damaged);
        if !before.entries.is_empty() {
            let carried = Gateway::carry_over(&before, &restored);
            let is_carried = |entry: &Change| {
                carried.iter().any(|one| (&one.space, &one.key) == (&entry.space, &entry.key))
            };
            restored.entries.retain(|entry| !is_carried(entry));
            restored.entries.extend(carried);
            store.snapshot_to(&before_restore(&self.path))?;
            outcome = Restored::Saved(before_restore(&self.path));
        }
        // One commit: after a crash the store contains either the former or the restored state.
        replace_all(&mut *store, &restored)?;
        // After a crash the next start does all of this once more.
        store.take_lines(staged)?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    fn fact(key: &str, value: &str) -> Change {
        Change { space: "event_ids".into(), key: key.into(), value: Some(value.as_bytes().into()) }
    }

    /// A restore works with any engine. `store` opens the store to restore into.
    fn restores(directory: &Path, store: &dyn Fn() -> Box<dyn Store>, other: &mut dyn Store) {
        let state = StateDirectory::take(directory).unwrap();
        let open = |_: &Path| Ok(ToRestore { store: store(), damaged: None });
        assert_eq!(state.restore(open).unwrap(), None, "there is nothing to restore");
        store().commit(&[fact("reserved", "30000"), fact("only new", "1")]).unwrap();
        other.commit(&[fact("reserved", "10000"), fact("only old", "1")]).unwrap();
        other.snapshot_to(&staged(directory)).unwrap();
        assert_eq!(state.restore(open).unwrap(), Some(Restored::Saved(before_restore(directory))));
        let now = [fact("only old", "1"), fact("reserved", "30000")];
        assert_eq!(store().load().unwrap().entries, now);
        let before = store().load_snapshot(&before_restore(directory)).unwrap().entries;
        assert_eq!(before, [fact("only new", "1"), fact("reserved", "30000")]);
        assert!(!staged(directory).exists() && state.restore(open).unwrap().is_none());

        fs::write(staged(directory), "this is no state").unwrap();
        assert!(state.restore(open).is_err());
        assert!(!staged(directory).exists() && refused(directory).exists());
        assert_eq!(store().load().unwrap().entries, now);
    }

    #[test]
    fn a_damaged_state_is_moved_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let url = path.to_str().unwrap();
        let state = StateDirectory::take(path).unwrap();
        let copy = path.join("copy");
        let restore = || {
            i3_store::copy_snapshot(url, &copy, &staged(path)).unwrap();
            state.restore(|staged| i3_store::open_to_restore(url, staged)).unwrap()
        };
        let mut store = i3_store::open(url).unwrap();
        store.commit(&[fact("reserved", "10000")]).unwrap();
        store.snapshot_to(&copy).unwrap();
        drop(store);
        let file = path.join("i3-gateway.sqlite");
        let damage = "this was a database once ".repeat(100);
        for number in 1..3 {
            fs::write(&file, &damage).unwrap();
            let aside = snapshot_path(path, &format!("damaged-{number}"));
            assert_eq!(restore(), Some(Restored::Damaged(aside.clone())));
            assert_eq!(fs::read_to_string(aside).unwrap(), damage);
            assert_eq!(i3_store::open(url).unwrap().load().unwrap().entries, [fact("reserved", "10000")]);
        }
        // A snapshot that cannot be used leaves the damaged state where it is.
        fs::write(&file, &damage).unwrap();
        fs::write(staged(path), &damage).unwrap();
        assert!(state.restore(|staged| i3_store::open_to_restore(url, staged)).is_err());
        assert!(fs::read_to_string(&file).unwrap() == damage && refused(path).exists());
        fs::remove_file(&file).unwrap();
        assert_eq!(restore(), Some(Restored::OverNothing));
    }

    #[test]
    fn a_restored_state_replaces_the_old_one_but_for_the_ids_that_were_given() {
        let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [first, other, second] = directories.each_ref().map(tempfile::TempDir::path);
        let open = |path: &Path| i3_store::open(path.to_str().unwrap()).unwrap();
        restores(first, &|| open(first), &mut *open(other));
        let memory = MemoryStore::default();
        restores(second, &|| Box::new(memory.clone()), &mut MemoryStore::default());
    }
}
