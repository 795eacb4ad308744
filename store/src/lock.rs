//! A lock, so that only one gateway uses a state directory.

use crate::private::make_directory;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// A file in the directory that the gateway locks while it runs. It contains the number of the process.
const LOCK_FILE: &str = "i3-gateway.lock";

/// The exclusive right to use a state directory. It ends when this is dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

/// Why a state directory cannot be used.
#[derive(Debug)]
pub enum Unavailable {
    /// Another gateway uses it: its process, if the lock file names one.
    InUse(Option<u32>),
    /// The error of the operating system.
    Error(io::Error),
}

impl DirectoryLock {
    /// Returns whether a gateway uses the directory, as [`DirectoryLock::take`] would. This creates and changes nothing.
    pub fn look(directory: &Path) -> Result<(), Unavailable> {
        let mut file = match File::open(directory.join(LOCK_FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Unavailable::Error(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(Unavailable::InUse(process_in(&mut file))),
            Err(TryLockError::Error(error)) => Err(Unavailable::Error(error)),
        }
    }

    /// Takes the lock, and creates the directory if it is missing.
    pub fn take(directory: &Path) -> Result<DirectoryLock, Unavailable> {
        make_directory(directory).map_err(Unavailable::Error)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(directory.join(LOCK_FILE)).map_err(Unavailable::Error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Unavailable::InUse(process_in(&mut file)));
            }
            Err(TryLockError::Error(error)) => return Err(Unavailable::Error(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.write_all(format!("{}\n", std::process::id()).as_bytes())
        };
        write(&mut file).map_err(Unavailable::Error)?;
        Ok(DirectoryLock { _file: file })
    }
}

/// Reads the number of the process in a lock file.
fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gateway_for_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/state");
        assert!(DirectoryLock::look(&path).is_ok() && !path.exists(), "a look makes nothing");
        let held = DirectoryLock::take(&path).unwrap();
        let process = std::process::id();
        assert!(matches!(DirectoryLock::take(&path), Err(Unavailable::InUse(Some(pid))) if pid == process));
        assert!(matches!(DirectoryLock::look(&path), Err(Unavailable::InUse(Some(pid))) if pid == process));
        drop(held);
        assert!(DirectoryLock::look(&path).is_ok());
        assert!(DirectoryLock::take(&path).is_ok());
    }
}
