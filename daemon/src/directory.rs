//! The state directory: who uses it, and a state that is put back.

use i3_core::Gateway;
use i3_core::machine::Change;
use i3_store::{DirectoryLock, Store, StoreError, Unavailable, replace_all, snapshot_path};
use std::fs;
use std::path::{Path, PathBuf};

/// The state directory of one gateway, which no other uses as long as this is held.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: DirectoryLock,
}

/// A snapshot that is to be restored: the gateway takes it over when it is told to, or at its start.
pub(crate) fn staged(directory: &Path) -> PathBuf {
    snapshot_path(directory, "restore")
}

/// What was to be restored, and could not be used.
pub(crate) fn refused(directory: &Path) -> PathBuf {
    snapshot_path(directory, "refused")
}

/// A snapshot of the state that was there before the last one was restored.
pub(crate) fn before_restore(directory: &Path) -> PathBuf {
    snapshot_path(directory, "before-restore")
}

impl StateDirectory {
    /// Takes it, and creates it where it is missing.
    pub fn take(path: &Path) -> Result<StateDirectory, Unavailable> {
        Ok(StateDirectory { path: path.to_owned(), _lock: DirectoryLock::take(path)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the state that is to be restored, if there is one, in place of what the store holds; `open` opens the store.
    /// A snapshot that cannot be used is put aside, and the state stays as it is.
    pub fn restore(
        &self,
        open: impl FnOnce() -> Result<Box<dyn Store>, StoreError>,
    ) -> Result<bool, StoreError> {
        let staged = staged(&self.path);
        if !staged.exists() {
            return Ok(false);
        }
        let outcome = open().and_then(|mut store| self.replace_with(&mut *store, &staged));
        let put_away = match &outcome {
            Ok(()) => fs::remove_file(&staged),
            Err(_) => fs::rename(&staged, refused(&self.path)),
        };
        // It would be restored again at the next start.
        put_away
            .map_err(|error| StoreError(format!("{}: cannot be put away: {error}", staged.display())))
            .and(outcome)
            .map(|()| true)
    }

    fn replace_with(&self, store: &mut dyn Store, staged: &Path) -> Result<(), StoreError> {
        let mut restored = store.load_snapshot(staged)?;
        let before = store.load()?;
        if !before.entries.is_empty() {
            let carried = Gateway::carry_over(&before, &restored);
            let is_carried = |entry: &Change| {
                carried.iter().any(|one| (&one.space, &one.key) == (&entry.space, &entry.key))
            };
            restored.entries.retain(|entry| !is_carried(entry));
            restored.entries.extend(carried);
            store.snapshot_to(&before_restore(&self.path))?;
        }
        // All at once: whatever happens meanwhile, the store holds the one or the other state.
        replace_all(store, &restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    fn fact(key: &str, value: &str) -> Change {
        Change { space: "event_ids".to_owned(), key: key.to_owned(), value: Some(value.as_bytes().to_vec()) }
    }

    /// The daemon restores into any engine: `store` opens the one to restore into.
    fn restores(directory: &Path, store: &dyn Fn() -> Box<dyn Store>, other: &mut dyn Store) {
        let state = StateDirectory::take(directory).unwrap();
        let open = || Ok(store());
        assert!(!state.restore(open).unwrap(), "there is nothing to restore");
        store().commit(&[fact("reserved", "30000"), fact("only new", "1")]).unwrap();
        other.commit(&[fact("reserved", "10000"), fact("only old", "1")]).unwrap();
        other.snapshot_to(&staged(directory)).unwrap();
        assert!(state.restore(open).unwrap());
        let now = [fact("only old", "1"), fact("reserved", "30000")];
        assert_eq!(store().load().unwrap().entries, now);
        let before = store().load_snapshot(&before_restore(directory)).unwrap().entries;
        assert_eq!(before, [fact("only new", "1"), fact("reserved", "30000")]);
        assert!(!staged(directory).exists() && !state.restore(open).unwrap());

        fs::write(staged(directory), "this is no state").unwrap();
        assert!(state.restore(open).is_err());
        assert!(!staged(directory).exists() && refused(directory).exists());
        assert_eq!(store().load().unwrap().entries, now);
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
