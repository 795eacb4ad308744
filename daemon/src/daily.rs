//! A copy of the state once a day, where the settings want it. It is made on a thread of its own: the gateway goes on.

use crate::backup::copy_whole;
use crate::state::STORE_FILE;
use i3_core::time::{Instant, Now, UnixTime};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

/// How old the newest copy becomes.
const DAY: Duration = Duration::from_secs(86_400);

/// How often its age is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// Sees to the copies of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Daily {
    looked: Option<Instant>,
    under_way: Option<JoinHandle<()>>,
}

impl Daily {
    /// Begins a copy if the newest is a day old; `keep` of them stay, none when it is 0.
    pub(crate) fn look(&mut self, now: Now, directory: &Path, keep: u32) {
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
            let outcome = copy_and_rotate(&directory, keep);
            match outcome {
                Ok(()) => {
                    log::info!(target: "store", "the state is copied to {}", file(&directory, 1).display());
                }
                Err(error) => log::error!(target: "store", "the daily copy of the state failed: {error}"),
            }
        });
        match copy {
            Ok(copy) => self.under_way = Some(copy),
            Err(error) => log::error!(target: "store", "the daily copy of the state failed: {error}"),
        }
    }

    /// Waits for a copy that is being made.
    fn finish(&mut self) {
        if let Some(copy) = self.under_way.take() {
            // What went wrong has been logged.
            let _ = copy.join();
        }
    }
}

/// An end does not cut a copy off.
impl Drop for Daily {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The copies by their age: 1 is the newest.
fn file(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("i3-gateway.backup-{number}.sqlite"))
}

fn is_due(directory: &Path, now: UnixTime) -> bool {
    let newest = fs::metadata(file(directory, 1)).and_then(|found| found.modified());
    // One from the future comes from a clock that was wrong.
    let age = newest
        .ok()
        .and_then(|made| (UNIX_EPOCH + Duration::from_micros(now.micros())).duration_since(made).ok());
    age.is_none_or(|age| age >= DAY)
}

fn copy_and_rotate(directory: &Path, keep: u32) -> Result<(), String> {
    let new = file(directory, 0);
    copy_whole(&directory.join(STORE_FILE), &new)?;
    let fail = |error: io::Error| error.to_string();
    for number in (1..keep).rev() {
        match fs::rename(file(directory, number), file(directory, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    fs::rename(new, file(directory, 1)).map_err(fail)?;
    // More were kept before.
    let beyond = (keep + 1..).map(|number| file(directory, number));
    for old in beyond.take_while(|old| old.exists()) {
        fs::remove_file(old).map_err(fail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use i3_core::machine::Change;
    use i3_store::{SqliteStore, Store};

    fn now(seconds: u64) -> Now {
        let unix = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let later = unix + Duration::from_secs(seconds);
        Now {
            mono: Instant::from_micros(seconds * 1_000_000),
            unix: UnixTime::from_micros(u64::try_from(later.as_micros()).unwrap()),
        }
    }

    /// What the copies hold, newest first.
    fn copies(directory: &Path) -> Vec<String> {
        let files = (1..).map(|number| file(directory, number)).take_while(|file| file.exists());
        files
            .map(|file| {
                let saved = SqliteStore::open(&file).unwrap().load().unwrap();
                String::from_utf8(saved.entries[0].value.clone().unwrap()).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_copy_a_day_is_made_while_the_state_is_in_use_and_so_many_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&directory.path().join(STORE_FILE)).unwrap();
        let mut daily = Daily::default();
        // The clock of the files does not go on in a test: each copy is taken for an old one.
        for (day, keep, expected) in
            [(0, 0, ""), (1, 2, "1"), (2, 2, "2 1"), (3, 2, "3 2"), (4, 3, "4 3 2"), (5, 1, "5")]
        {
            let value = Some(day.to_string().into_bytes());
            store.commit(&[Change { space: "test".to_owned(), key: "day".to_owned(), value }]).unwrap();
            let noon = now(day * 2 * DAY.as_secs());
            daily.look(noon, directory.path(), keep);
            // Nothing more for a while, nor within the day.
            daily.look(noon, directory.path(), keep);
            daily.finish();
            assert_eq!(copies(directory.path()).join(" "), expected, "day {day}");
        }
        daily.look(now(11 * DAY.as_secs()), &directory.path().join("none"), 1);
        daily.finish();
        assert_eq!(copies(directory.path()), ["5"]);
    }

    #[test]
    fn a_young_copy_is_enough() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(file(directory.path(), 1), "").unwrap();
        let due = [0, 80_000, 86_500].map(|seconds| is_due(directory.path(), now(seconds).unix));
        assert_eq!(due, [false, false, true]);
    }
}
