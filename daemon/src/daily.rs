//! The daily copies of the state. A thread of its own makes a copy while the gateway runs.

use i3_core::time::{Instant, Now, UnixTime};
use i3_store::{Store, StoreError, snapshot_path};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

/// The age of the newest copy at which another one is made.
const DAY: Duration = Duration::from_secs(86_400);

/// The interval of the checks of that age.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// The daily copies of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Daily {
    looked: Option<Instant>,
    under_way: Option<JoinHandle<()>>,
}

impl Daily {
    /// Starts a copy to `directory` if the newest copy is a day old. `keep` is the number of copies to keep; 0 makes none.
    /// `open` opens the store for reading, while the gateway uses it.
    pub(crate) fn look(
        &mut self,
        now: Now,
        directory: &Path,
        keep: u32,
        open: impl FnOnce(&Path) -> Result<Box<dyn Store>, StoreError> + Send + 'static,
    ) {
        if keep == 0 || self.looked.is_some_and(|at| now.mono.since(at) < LOOK_INTERVAL) {
            return;
        }
        self.looked = Some(now.mono);
        let busy = self.under_way.as_ref().is_some_and(|copy| !copy.is_finished());
        if busy || !is_due(directory, now.unix) {
            return;
        }
        let directory = directory.to_owned();
        let copy = thread::Builder::new().name("backup".to_owned()).spawn(move || {
            let copied =
                open(&directory).and_then(|mut store| copy_and_rotate(&mut *store, &directory, keep));
            match copied {
                Ok(()) => {
                    log::info!(target: "store", "the state was copied to {}", file(&directory, 1).display());
                }
                Err(error) => log::error!(target: "store", "the daily copy of the state failed: {error}"),
            }
        });
        match copy {
            Ok(copy) => self.under_way = Some(copy),
            Err(error) => log::error!(target: "store", "the daily copy of the state failed: {error}"),
        }
    }

    /// Waits for a copy that has been started.
    fn finish(&mut self) {
        if let Some(copy) = self.under_way.take() {
            // The thread has logged its error.
            let _ = copy.join();
        }
    }
}

/// A daemon that ends completes its copy first.
impl Drop for Daily {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The file of a copy. Number 1 is the newest.
fn file(directory: &Path, number: u32) -> PathBuf {
    snapshot_path(directory, &format!("backup-{number}"))
}

fn is_due(directory: &Path, now: UnixTime) -> bool {
    let newest = fs::metadata(file(directory, 1)).and_then(|found| found.modified());
    // A time in the future comes from a clock that was wrong, so the copy counts as old.
    let age = newest
        .ok()
        .and_then(|made| (UNIX_EPOCH + Duration::from_micros(now.micros())).duration_since(made).ok());
    age.is_none_or(|age| age >= DAY)
}

fn copy_and_rotate(store: &mut dyn Store, directory: &Path, keep: u32) -> Result<(), StoreError> {
    let new = file(directory, 0);
    store.snapshot_to(&new)?;
    let fail = |error: io::Error| StoreError(error.to_string());
    for number in (1..keep).rev() {
        match fs::rename(file(directory, number), file(directory, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    fs::rename(new, file(directory, 1)).map_err(fail)?;
    // The settings may have kept more copies before.
    let beyond = (keep + 1..).map(|number| file(directory, number));
    for old in beyond.take_while(|old| old.exists()) {
        fs::remove_file(old).map_err(fail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::state::open_to_read;
    use i3_core::machine::Change;

    fn now(seconds: u64) -> Now {
        let unix = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let later = unix + Duration::from_secs(seconds);
        Now {
            mono: Instant::from_micros(seconds * 1_000_000),
            unix: UnixTime::from_micros(u64::try_from(later.as_micros()).unwrap()),
        }
    }

    /// What the copies hold, newest first.
    fn copies(store: &dyn Store, directory: &Path) -> Vec<String> {
        let files = (1..).map(|number| file(directory, number)).take_while(|file| file.exists());
        files
            .map(|file| {
                let saved = store.load_snapshot(&file).unwrap();
                String::from_utf8(saved.entries[0].value.as_deref().unwrap().to_vec()).unwrap()
            })
            .collect()
    }

    fn a_copy_a_day(
        store: &mut dyn Store,
        open: impl Fn(&Path) -> Result<Box<dyn Store>, StoreError> + Clone + Send + 'static,
        directory: &Path,
    ) {
        let mut daily = Daily::default();
        // The clock of the files does not go on in a test: each copy is taken for an old one.
        for (day, keep, expected) in
            [(0, 0, ""), (1, 2, "1"), (2, 2, "2 1"), (3, 2, "3 2"), (4, 3, "4 3 2"), (5, 1, "5")]
        {
            let value = Some(day.to_string().into_bytes().into());
            store.commit(&[Change { space: "test".into(), key: "day".into(), value }]).unwrap();
            let noon = now(day * 2 * DAY.as_secs());
            daily.look(noon, directory, keep, open.clone());
            // Nothing more for a while, nor within the day.
            daily.look(noon, directory, keep, open.clone());
            daily.finish();
            assert_eq!(copies(store, directory).join(" "), expected, "day {day}");
        }
        daily.look(now(11 * DAY.as_secs()), &directory.join("none"), 1, open);
        daily.finish();
        assert_eq!(copies(store, directory), ["5"]);
    }

    #[test]
    fn a_copy_a_day_is_made_while_the_state_is_in_use_and_so_many_are_kept() {
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [first, second] = directories.each_ref().map(tempfile::TempDir::path);
        a_copy_a_day(&mut *i3_store::open(first.to_str().unwrap()).unwrap(), open_to_read, first);
        let mut memory = MemoryStore::default();
        let same = memory.clone();
        a_copy_a_day(&mut memory, move |_| Ok(Box::new(same.clone())), second);
    }

    #[test]
    fn a_young_copy_is_enough() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(file(directory.path(), 1), "").unwrap();
        let due = [0, 80_000, 86_500].map(|seconds| is_due(directory.path(), now(seconds).unix));
        assert_eq!(due, [false, false, true]);
    }
}
