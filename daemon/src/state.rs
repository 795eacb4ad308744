//! Loads the state, and saves its changes.

use crate::error::DaemonError;
use i3_core::machine::{Change, SaveTicket, Saved};
use i3_driver::command::Command;
use i3_store::{Store, StoreError, Writer};
use std::io::ErrorKind;
use std::path::Path;

/// Opens the store of a state directory, creates it if there is none, and reads it.
pub fn open_store(directory: &Path) -> Result<(Box<dyn Store>, Saved), DaemonError> {
    let open = || {
        let mut store = i3_store::open(url(directory)?)?;
        let saved = store.load().map_err(|error| StoreError(format!("{}: {error}", store.place())))?;
        Ok((store, saved))
    };
    open().map_err(|error: StoreError| DaemonError::Store(error.to_string()))
}

/// Opens the store of a state directory for reading, while a gateway may use it. A missing store is an error.
pub(crate) fn open_to_read(directory: &Path) -> Result<Box<dyn Store>, StoreError> {
    let found = i3_store::open_existing(url(directory)?)?;
    found.ok_or_else(|| {
        StoreError(format!("{}: the directory contains no state of a gateway", directory.display()))
    })
}

/// The URL of the store in a state directory.
pub(crate) fn url(directory: &Path) -> Result<&str, StoreError> {
    directory
        .to_str()
        .ok_or_else(|| StoreError(format!("{}: the name of the directory is not UTF-8", directory.display())))
}

/// The file in which the Python gateway keeps the password that its router gave it.
const PYTHON_PASSWORD_FILE: &str = "router-password";

/// Reads the password that the Python gateway left in the state directory, a decimal number. With it a mud that migrates
/// to this gateway keeps its name.
///
/// `None`: there is no such file. The error is for people.
pub fn python_password(directory: &Path) -> Result<Option<i64>, String> {
    let file = directory.join(PYTHON_PASSWORD_FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    // Editors write a byte order mark before the first line.
    match text.strip_prefix('\u{feff}').unwrap_or(&text).trim().parse() {
        Ok(0) => Ok(None),
        Ok(password) => Ok(Some(password)),
        Err(_) => Err(format!("{}: the file does not contain a number", file.display())),
    }
}

/// Starts a thread that carries out a machine's saves and calls `answer` with each result. Returns a function that submits
/// a save.
///
/// Dropping the function waits until everything that was submitted is written, and ends the thread.
pub fn save_to(
    store: Box<dyn Store>,
    answer: impl Fn(Command) + Send + 'static,
) -> impl FnMut(SaveTicket, Vec<Change>) + Send + 'static {
    let writer = Writer::spawn(store, move |ticket, outcome| answer(Command::Saved { ticket, outcome }));
    move |ticket, changes| {
        // If the queue is full, the writer answers the ticket with an error in its turn.
        writer.submit(ticket, changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use std::sync::mpsc;

    #[test]
    fn each_save_is_answered() {
        let (sender, answers) = mpsc::channel();
        let mut save =
            save_to(Box::new(MemoryStore::default()), move |command| sender.send(command).unwrap());
        save(SaveTicket(7), Vec::new());
        drop(save);
        let answers: Vec<Command> = answers.iter().collect();
        assert!(matches!(&answers[..], [Command::Saved { ticket: SaveTicket(7), outcome: Ok(()) }]));
    }

    #[test]
    fn the_python_gateways_password_is_a_number_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(python_password(directory.path()), Ok(None));
        let file = directory.path().join(PYTHON_PASSWORD_FILE);
        for (text, expected) in [
            ("713545536\n", Ok(Some(713_545_536))),
            ("-1", Ok(Some(-1))),
            ("\u{feff}713545536\r\n", Ok(Some(713_545_536))),
            ("0", Ok(None)),
            ("secret", Err(())),
        ] {
            std::fs::write(&file, text).unwrap();
            let password = python_password(directory.path());
            assert!(!format!("{password:?}").contains("secret"), "{password:?}");
            assert_eq!(password.map_err(drop), expected);
        }
    }

    #[test]
    fn a_store_that_cannot_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        assert!(open_to_read(directory.path()).is_err());
        assert!(open_store(directory.path()).unwrap().1.entries.is_empty());
        assert!(open_to_read(directory.path()).is_ok());
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = open_store(&file).map(drop).unwrap_err();
        assert!(matches!(&error, DaemonError::Store(text) if text.contains("file")), "{error}");
    }
}
