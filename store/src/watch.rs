//! Notices that the files of a store were removed, replaced or written by another program.
//!
//! Only the metadata of the files is read. A program that opens the file of an SQLite database besides SQLite loses
//! SQLite's locks when it closes it.

use crate::private::beside;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files that SQLite keeps beside the main file while it is open. What they contain belongs to the state.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Tells files apart. A file that replaces another one has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(found: &Metadata) -> Identity {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Identity(found.dev(), found.ino())
        }
        #[cfg(not(unix))]
        {
            let _ = found;
            Identity(0, 0)
        }
    }
}

/// What shows that another program has written to a file.
type Written = (u64, Option<SystemTime>);

fn written(found: &Metadata) -> Written {
    (found.len(), found.modified().ok())
}

/// The files of an open store, as this process has last left them.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    file: Identity,
    written: Written,
    companions: [Option<Identity>; 2],
}

impl Watch {
    /// Begins with the files as they are.
    pub(crate) fn new(path: &Path) -> io::Result<Watch> {
        let found = fs::metadata(path)?;
        Ok(Watch {
            path: path.to_owned(),
            file: Identity::of(&found),
            written: written(&found),
            companions: COMPANIONS.map(|suffix| identity(&beside(path, suffix))),
        })
    }

    /// Checks the files before this process writes to them. The error is for people.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.main_file()? != self.written {
            return Err(format!("{}: another program has written to the file", self.path.display()));
        }
        for (suffix, known) in COMPANIONS.iter().zip(self.companions) {
            let path = beside(&self.path, suffix);
            if known.is_some_and(|known| identity(&path) != Some(known)) {
                return Err(format!("{}: the file was removed or replaced", path.display()));
            }
        }
        Ok(())
    }

    /// Notes how this process has left the files. The error: they were removed or replaced meanwhile.
    pub(crate) fn note(&mut self) -> Result<(), String> {
        self.written = self.main_file()?;
        for (suffix, known) in COMPANIONS.iter().zip(&mut self.companions) {
            let path = beside(&self.path, suffix);
            let found = identity(&path);
            if known.is_some_and(|known| found != Some(known)) {
                return Err(format!("{}: the file was removed or replaced", path.display()));
            }
            *known = found;
        }
        Ok(())
    }

    /// Whether the main file is the one that was opened, and nobody else has written to it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.main_file().is_ok_and(|found| found == self.written)
    }

    fn main_file(&self) -> Result<Written, String> {
        let shown = self.path.display();
        match fs::metadata(&self.path) {
            Ok(found) if Identity::of(&found) == self.file => Ok(written(&found)),
            Ok(_) => Err(format!("{shown}: the file was replaced by another one")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("{shown}: the file was removed"))
            }
            Err(error) => Err(format!("{shown}: the file cannot be found: {error}")),
        }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|found| Identity::of(&found))
}
