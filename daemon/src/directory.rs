//! The state directory: who uses it, and a state that is put back.

use crate::state::STORE_FILE;
use i3_store::{SqliteStore, Store, StoreError};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Beside it while a gateway runs there: locked, with the number of its process in it.
pub const LOCK_FILE: &str = "i3-gateway.lock";

/// A state that is to be restored: the gateway takes it over when it is told to, or at its start.
pub const RESTORE_FILE: &str = "i3-gateway.restore.sqlite";

/// What was to be restored, and could not be used.
pub const REFUSED_FILE: &str = "i3-gateway.refused.sqlite";

/// The state that was there before the last one was restored.
pub const BEFORE_RESTORE_FILE: &str = "i3-gateway.before-restore.sqlite";

/// The state directory of one gateway, which no other uses as long as this is held.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

/// Why a state directory cannot be had.
#[derive(Debug)]
pub enum Unavailable {
    /// A gateway uses it: its process, if that can be told.
    InUse(Option<u32>),
    /// The system's reason.
    Error(io::Error),
}

impl StateDirectory {
    /// Takes it, and creates it where it is missing.
    pub fn take(path: &Path) -> Result<StateDirectory, Unavailable> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(Unavailable::Error)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut lock = options.open(path.join(LOCK_FILE)).map_err(Unavailable::Error)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = lock.read_to_string(&mut text);
                return Err(Unavailable::InUse(read.ok().and_then(|_| text.trim().parse().ok())));
            }
            Err(TryLockError::Error(error)) => return Err(Unavailable::Error(error)),
        }
        let write = |lock: &mut File| {
            lock.set_len(0)?;
            lock.write_all(format!("{}\n", std::process::id()).as_bytes())
        };
        write(&mut lock).map_err(Unavailable::Error)?;
        Ok(StateDirectory { path: path.to_owned(), _lock: lock })
    }

    /// Puts the state that is to be restored, if there is one, in place of what is there. Nobody may have the store
    /// open. One that cannot be used is put aside, and the state stays as it is.
    pub fn restore(&self) -> Result<bool, StoreError> {
        let staged = self.path.join(RESTORE_FILE);
        if !staged.exists() {
            return Ok(false);
        }
        let outcome = self.replace_with(&staged);
        let put_away = match &outcome {
            Ok(()) => fs::remove_file(&staged),
            Err(_) => fs::rename(&staged, self.path.join(REFUSED_FILE)),
        };
        // It would be restored again at the next start.
        put_away
            .map_err(|error| StoreError(format!("{}: cannot be put away: {error}", staged.display())))
            .and(outcome)
            .map(|()| true)
    }

    fn replace_with(&self, staged: &Path) -> Result<(), StoreError> {
        let file = self.path.join(STORE_FILE);
        let mut restored = SqliteStore::open(staged)?;
        if file.exists() {
            let mut before = SqliteStore::open(&file)?;
            let carried = i3_core::Gateway::carry_over(&before.load()?, &restored.load()?);
            restored.commit(&carried)?;
            drop(before);
            i3_store::copy(&file, &self.path.join(BEFORE_RESTORE_FILE))?;
        }
        drop(restored);
        // All at once: whatever happens meanwhile, the file holds the one or the other state.
        i3_store::copy(staged, &file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use i3_core::machine::Change;

    fn fact(key: &str, value: &str) -> Change {
        Change { space: "event_ids".to_owned(), key: key.to_owned(), value: Some(value.as_bytes().to_vec()) }
    }

    #[test]
    fn one_gateway_for_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/state");
        let held = StateDirectory::take(&path).unwrap();
        let process = std::process::id();
        assert!(matches!(StateDirectory::take(&path), Err(Unavailable::InUse(Some(pid))) if pid == process));
        drop(held);
        assert!(!StateDirectory::take(&path).unwrap().restore().unwrap(), "there is nothing to restore");
    }

    #[test]
    fn a_restored_state_replaces_the_old_one_but_for_the_ids_that_were_given() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::take(directory.path()).unwrap();
        let [file, staged, before] =
            [STORE_FILE, RESTORE_FILE, BEFORE_RESTORE_FILE].map(|name| directory.path().join(name));
        let entries = |path: &Path| SqliteStore::open(path).unwrap().load().unwrap().entries;
        let new = [fact("reserved", "30000"), fact("only new", "1")];
        SqliteStore::open(&file).unwrap().commit(&new).unwrap();
        let old = [fact("reserved", "10000"), fact("only old", "1")];
        SqliteStore::open(&staged).unwrap().commit(&old).unwrap();
        assert!(state.restore().unwrap());
        assert_eq!(entries(&file), [fact("only old", "1"), fact("reserved", "30000")]);
        assert_eq!(entries(&before), [fact("only new", "1"), fact("reserved", "30000")]);
        assert!(!staged.exists() && !state.restore().unwrap());

        fs::write(&staged, "this is no state").unwrap();
        assert!(state.restore().is_err());
        assert!(!staged.exists() && directory.path().join(REFUSED_FILE).exists());
        assert_eq!(entries(&file).len(), 2);
    }
}
