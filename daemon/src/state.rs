//! Loads the state, and saves its changes.

use crate::behind::Behind;
use crate::error::DaemonError;
use i3_core::Gateway;
use i3_core::machine::{Beat, Change, Saved, SmolStr};
use i3_core::query::Query;
use i3_core::settings::Settings;
use i3_core::time::Now;
use i3_driver::command::Command;
use i3_driver::hooks::Save;
use i3_store::{FencedSave, Report, Roles, Store, StoreError, Writer};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Deletions that are committed together while the store is being read.
const DELETIONS_AT_A_TIME: usize = 2_000;

/// Opens the store of a state directory, and creates it if there is none.
fn open(directory: &Path) -> Result<Box<dyn Store>, StoreError> {
    let url = url(directory)?;
    let is_new = i3_store::open_existing(url)?.is_none();
    let store = i3_store::open(url)?;
    if is_new {
        log::info!(target: "store", "{}: there was no state, so a new one was created", store.place());
    }
    Ok(store)
}

/// Opens the store of a state directory, creates it if there is none, and reads all of it.
pub fn open_store(directory: &Path) -> Result<(Box<dyn Store>, Saved), DaemonError> {
    let open = || {
        let mut store = open(directory)?;
        let saved = store.load().map_err(|error| StoreError(format!("{}: {error}", store.place())))?;
        Ok((store, saved))
    };
    open().map_err(|error: StoreError| DaemonError::Store(error.to_string()))
}

/// Opens the store of a gateway, creates it if there is none, and reads what the gateway keeps in memory. The rest is
/// deleted.
pub fn open_gateway_store(
    directory: &Path,
    settings: &Settings,
    now: Now,
) -> Result<(Box<dyn Store>, Saved), DaemonError> {
    let open = || {
        let mut store = open(directory)?;
        let mut deleted = 0;
        let saved = read_within(&mut *store, settings, now, |store, deletions| {
            deleted += deletions.len();
            store.commit(&deletions)
        });
        let saved = saved.map_err(|error| StoreError(format!("{}: {error}", store.place())))?;
        if deleted > 0 {
            let text = "entries that are too many, too old or unreadable were deleted from the state";
            log::warn!(target: "store", "{deleted} {text}");
        }
        // A gateway can run with a file that is too long.
        if let Err(error) = store.shrink() {
            log::warn!(target: "store", "{error}");
        }
        Ok((store, saved))
    };
    open().map_err(|error: StoreError| DaemonError::Store(error.to_string()))
}

/// Reads what a gateway with these settings keeps in memory, page by page. `delete` gets the deletions of what it does not
/// keep. They are not needed: the next start finds the entries again.
pub(crate) fn read_within(
    store: &mut dyn Store,
    settings: &Settings,
    now: Now,
    mut delete: impl FnMut(&mut dyn Store, Vec<Change>) -> Result<(), StoreError>,
) -> Result<Saved, StoreError> {
    let mut selection = Gateway::select(settings);
    let mut clean = |store: &mut dyn Store, deletions: Vec<Change>| {
        if !deletions.is_empty()
            && let Err(error) = delete(store, deletions)
        {
            log::warn!(target: "store", "entries that are not needed were not deleted: {error}");
        }
    };
    let mut after: Option<(SmolStr, SmolStr)> = None;
    loop {
        let from = after.as_ref().map(|(space, key)| (space.as_str(), key.as_str()));
        let page = store.page(from, selection.value_bytes_max())?;
        let Some(last) = page.last() else { break };
        after = Some((last.space.clone(), last.key.clone()));
        page.into_iter().for_each(|entry| selection.take(entry));
        if selection.deletions() >= DELETIONS_AT_A_TIME {
            clean(store, selection.take_deletions());
        }
    }
    let saved = selection.finish(now);
    clean(store, selection.take_deletions());
    Ok(saved)
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

/// Where a machine's saves go.
pub enum Stored {
    /// To a store that it has for itself.
    Alone(Box<dyn Store>),
    /// To a store that several gateways share, as one of its nodes. The gateway shuts down if it has to start anew.
    Node(Roles, Behind),
}

/// A state that was opened for a gateway.
pub(crate) struct Opened {
    /// Where its saves go.
    pub(crate) stored: Stored,
    /// What it starts with.
    pub(crate) saved: Saved,
    /// Whether it has to start anew.
    pub(crate) behind: Behind,
}

/// How long to wait before a command is offered again to a driver that has no room for it.
const OFFER_INTERVAL: Duration = Duration::from_millis(2);

/// Why a driver has not taken a command.
pub enum NotTaken {
    /// It has no room for it now.
    Full(Command),
    /// It has ended.
    Gone,
}

/// Starts the threads that carry out a machine's saves, beats and questions to the store. They offer each result to the driver
/// with `offer`, which must not wait. Returns the functions that submit a save and a beat, and that ask a question.
///
/// Dropping all three functions waits until everything that was submitted is written, and ends the threads.
#[allow(clippy::type_complexity, reason = "one function for each kind of output of a machine")]
pub fn save_to(
    stored: Stored,
    offer: impl Fn(Command) -> Result<(), NotTaken> + Send + Sync + 'static,
) -> (
    impl FnMut(Save) + Send + 'static,
    impl FnMut(u64, Beat) + Send + 'static,
    impl FnMut(u64, Query) + Send + 'static,
) {
    let is_ending = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&is_ending);
    let behind = match &stored {
        Stored::Alone(_) => Behind::default(),
        Stored::Node(_, behind) => behind.clone(),
    };
    let on_report = move |report: Report| {
        let mut command = command(report, &behind);
        while let Err(NotTaken::Full(again)) = offer(command) {
            if ending.load(Ordering::Acquire) {
                // The driver has ended, and needs no answers.
                return;
            }
            std::thread::sleep(OFFER_INTERVAL);
            command = again;
        }
    };
    let writer = match stored {
        Stored::Alone(store) => Writer::spawn(store, on_report),
        Stored::Node(roles, _) => Writer::spawn_node(roles, on_report),
    };
    let saving = Arc::new(Saving { is_ending, writer });
    let (beating, asking) = (Arc::clone(&saving), Arc::clone(&saving));
    let save = move |Save { ticket, clear, changes, fences }: Save| {
        // If the queue is full, the writer answers the ticket with an error in its turn.
        saving.writer.submit(ticket, FencedSave { clear, changes, fences });
    };
    let beat = move |beat, ask| beating.writer.beat(beat, ask);
    (save, beat, move |query, ask| asking.writer.ask(query, ask))
}

/// The threads of a store. The one that is dropped last ends them.
struct Saving {
    is_ending: Arc<AtomicBool>,
    writer: Writer,
}

impl Drop for Saving {
    fn drop(&mut self) {
        // The writer is dropped next. It waits for its threads, and they do not wait for a driver that has ended.
        self.is_ending.store(true, Ordering::Release);
    }
}

fn command(report: Report, behind: &Behind) -> Command {
    match report {
        Report::Saved(ticket, outcome) => Command::Saved { ticket, outcome },
        Report::Lost(reason) => Command::StoreLost { reason },
        Report::Told(told) => Command::Told(told),
        Report::Found(query, outcome) => Command::Found { query, outcome },
        Report::Beaten { beat, outcome } => Command::Beaten { beat, outcome },
        Report::Followed(beat) => Command::Followed { beat },
        Report::Behind(why) => {
            behind.set(why);
            Command::Shutdown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use i3_core::machine::{Clear, SaveTicket};
    use std::sync::mpsc;

    #[test]
    fn each_save_is_answered() {
        let (sender, answers) = mpsc::channel();
        let stored = Stored::Alone(Box::new(MemoryStore::default()));
        let (mut save, beat, query) =
            save_to(stored, move |command| sender.send(command).map_err(|_| NotTaken::Gone));
        save(Save { ticket: SaveTicket(7), clear: Clear::Nothing, changes: Vec::new(), fences: Vec::new() });
        drop((save, beat, query));
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
