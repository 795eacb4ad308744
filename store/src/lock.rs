//! A lock, so that only one gateway uses a state directory.

use crate::private::{make_directory, open_file, tighten};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file in the directory that the gateway locks while it runs. It contains the number of the process.
const LOCK_FILE: &str = "i3-gateway.lock";

/// The exclusive right to use a state directory. It ends when this is dropped.
///
/// Both the directory and a file in it are locked. The lock of the directory holds although the file is deleted. The file
/// tells others the number of the process, and is what earlier versions lock.
#[derive(Debug)]
pub struct DirectoryLock {
    path: PathBuf,
    /// The locked directory; `None` if this system cannot lock directories.
    directory: Option<File>,
    file: File,
}

/// Why a state directory cannot be used.
#[derive(Debug)]
pub enum Unavailable {
    /// Another gateway uses it: its process, if the lock file names one.
    InUse(Option<u32>),
    /// The error of the operating system.
    Error(io::Error),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unavailable::InUse(_) => f.write_str("another gateway runs with this state"),
            Unavailable::Error(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Self {
        Unavailable::Error(error)
    }
}

impl DirectoryLock {
    /// Returns whether a gateway uses the directory, as [`DirectoryLock::take`] would. This creates and changes nothing.
    pub fn look(path: &Path) -> Result<(), Unavailable> {
        for locked in [path, &path.join(LOCK_FILE)] {
            let file = match File::open(locked) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Unavailable::Error(error)),
            };
            match file.try_lock_shared() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Unavailable::InUse(holder(&path.join(LOCK_FILE))));
                }
                // Some network file systems lock only files that are open for writing.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
        }
        Ok(())
    }

    /// Takes the lock, and creates the directory if it is missing.
    pub fn take(path: &Path) -> Result<DirectoryLock, Unavailable> {
        make_directory(path)?;
        let directory = match lock_directory(path) {
            // Others see who it is.
            Err(Unavailable::InUse(_)) => return Err(Unavailable::InUse(holder(&path.join(LOCK_FILE)))),
            other => other?,
        };
        let file = lock_file(&path.join(LOCK_FILE))?;
        Ok(DirectoryLock { path: path.to_owned(), directory, file })
    }

    /// Takes the lock again where it was removed: the directory was moved or deleted, or the file in it was.
    pub fn hold(&mut self) -> Result<(), Unavailable> {
        let has_directory = match &self.directory {
            Some(directory) => is_same(directory, &self.path),
            None => self.path.is_dir(),
        };
        if !has_directory {
            *self = DirectoryLock::take(&self.path)?;
        } else if !is_same(&self.file, &self.path.join(LOCK_FILE)) {
            self.file = lock_file(&self.path.join(LOCK_FILE))?;
        }
        Ok(())
    }
}

/// Locks a directory; `None` if the system cannot do that.
fn lock_directory(path: &Path) -> Result<Option<File>, Unavailable> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let directory = File::open(path)?;
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(TryLockError::WouldBlock) => Err(Unavailable::InUse(None)),
        // Some network file systems lock only files that are open for writing.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Locks the file, and writes the number of this process to it.
fn lock_file(path: &Path) -> Result<File, Unavailable> {
    let mut file = open_file(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Unavailable::InUse(holder(path))),
        Err(TryLockError::Error(error)) => return Err(Unavailable::Error(error)),
    }
    tighten(path)?;
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(file)
}

/// Returns the process that a lock file names.
fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).and_then(|mut file| file.read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}

/// Whether a path still names an open file or directory.
fn is_same(open: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |found: &fs::Metadata| (found.dev(), found.ino());
        matches!((open.metadata(), fs::metadata(path)), (Ok(open), Ok(found)) if identity(&open) == identity(&found))
    }
    #[cfg(not(unix))]
    {
        let _ = open;
        fs::metadata(path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_use(path: &Path) -> bool {
        let process = std::process::id();
        matches!(DirectoryLock::take(path), Err(Unavailable::InUse(Some(pid))) if pid == process)
    }

    #[test]
    fn one_gateway_for_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/state");
        assert!(DirectoryLock::look(&path).is_ok() && !path.exists(), "a look makes nothing");
        let held = DirectoryLock::take(&path).unwrap();
        assert!(in_use(&path));
        let process = std::process::id();
        assert!(matches!(DirectoryLock::look(&path), Err(Unavailable::InUse(Some(pid))) if pid == process));
        drop(held);
        assert!(DirectoryLock::look(&path).is_ok());
        assert!(DirectoryLock::take(&path).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn the_lock_outlives_its_file_and_is_taken_again() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (path, moved) = (directory.path().join("state"), directory.path().join("moved"));
        let mut held = DirectoryLock::take(&path).unwrap();
        fs::remove_file(path.join(LOCK_FILE)).unwrap();
        assert!(matches!(DirectoryLock::take(&path), Err(Unavailable::InUse(None))));
        held.hold().unwrap();
        assert!(in_use(&path), "the file is there again");
        // An earlier version locks only the file.
        let earlier = open_file(&path.join(LOCK_FILE)).unwrap();
        assert!(matches!(earlier.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(fs::metadata(path.join(LOCK_FILE)).unwrap().permissions().mode() & 0o777, 0o600);

        fs::rename(&path, &moved).unwrap();
        held.hold().unwrap();
        assert!(in_use(&path), "a new directory is locked too");
        drop(held);
        fs::remove_dir_all(&path).unwrap();

        // Another gateway was quicker.
        let mut held = DirectoryLock::take(&path).unwrap();
        fs::rename(&path, directory.path().join("moved again")).unwrap();
        let other = DirectoryLock::take(&path).unwrap();
        assert!(matches!(held.hold(), Err(Unavailable::InUse(_))));
        drop(other);
        held.hold().unwrap();
    }
}
