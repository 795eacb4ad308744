//! A place of the log: a bounded queue, and the thread that writes its lines.
//!
//! Whoever logs never waits, not for a disk and not for a pipe that nobody reads. If a queue is full, lines are dropped
//! and counted, and a line says how many as soon as there is room. Each place has a thread of its own, so a terminal that
//! stands still does not hold up the log file.

use crate::logfile::LogFile;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of lines that wait in one place. Further lines are dropped until all of these are written.
pub const LOG_QUEUE_BYTES_MAX: usize = 1_048_576;

/// How long the end of the program waits for the lines that are still in the queues.
pub const LOG_FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// The pause before a pipe that is full, or that nobody reads, is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Lines that this process has dropped or could not write, in all places.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Returns how many lines were lost since the start: dropped because a queue was full, or not written because of an error.
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// What a place says about itself. The writer of log lines makes a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// So many lines were dropped here.
    Dropped(u64),
    /// The file cannot be written.
    Unwritable(String),
    /// The file cannot be rotated, and grows beyond its limit.
    NotRotated(String),
}

/// Starts a thread with this body, which writes the lines of one place as long as the program runs.
pub type Spawn = fn(Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// Makes a log line of a remark.
pub(crate) type Wording = fn(&Remark) -> Vec<u8>;

/// Where the lines of a place go.
pub(crate) enum Target {
    StandardError(Box<dyn Write + Send>),
    File {
        file: LogFile,
        /// The place that is told of errors of the file.
        errors_to: Place,
        /// The last line could not be written, and that was reported.
        failed: bool,
    },
}

/// A place of the log. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Place(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines that were dropped since the queue was last empty.
    dropped: u64,
    wording: Wording,
    /// The target that the writing thread has not taken over yet.
    next: Option<Target>,
    /// The thread is writing a line.
    is_writing: bool,
    /// Starts the writing thread. `None`: it runs.
    spawn: Option<Spawn>,
}

/// Shows no lines.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

impl Place {
    /// Makes a place without a target. Its lines wait.
    pub(crate) fn new(wording: Wording, spawn: Spawn) -> Self {
        let state = State {
            lines: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            wording,
            next: None,
            is_writing: false,
            spawn: Some(spawn),
        };
        Place(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Sets where the lines go from now on, those that wait included, and how remarks are worded. The first call starts the
    /// writing thread.
    pub(crate) fn set(&self, target: Target, wording: Wording) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Some(spawn) = state.spawn {
            let shared = self.0.clone();
            spawn(Box::new(move || shared.write_all()))?;
            state.spawn = None;
        }
        state.wording = wording;
        state.next = Some(target);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Sets how remarks are worded.
    pub(crate) fn word(&self, wording: Wording) {
        self.0.lock().wording = wording;
    }

    /// Adds a line, or drops it if the queue is full. Never waits for the target.
    pub(crate) fn push(&self, line: Vec<u8>) {
        let mut state = self.0.lock();
        if state.dropped > 0 || state.bytes + line.len() > LOG_QUEUE_BYTES_MAX {
            state.dropped += 1;
            LOST.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        self.0.changed.notify_all();
    }

    fn remark(&self, remark: &Remark) {
        let wording = self.0.lock().wording;
        self.push(wording(remark));
    }

    /// Waits until everything is written, but not longer than until then.
    pub(crate) fn flush(&self, until: Instant) {
        let mut state = self.0.lock();
        while state.spawn.is_none() && (state.is_writing || !state.lines.is_empty() || state.dropped > 0) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the lines that wait.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> Vec<String> {
        let mut state = self.0.lock();
        state.bytes = 0;
        state.lines.drain(..).map(|line| String::from_utf8(line).unwrap()).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes line after line, as long as the process runs.
    fn write_all(&self) {
        let mut target = None;
        loop {
            let line = self.next_line(&mut target);
            let Some(target) = &mut target else { continue };
            if target.write_line(&line, &mut || self.pause()).is_err() {
                LOST.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits for a line and for a target to write it to. After the lines of a full queue comes one that says how many were
    /// dropped.
    fn next_line(&self, target: &mut Option<Target>) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = false;
        loop {
            if let Some(next) = state.next.take() {
                *target = Some(next);
            }
            if target.is_some() && (!state.lines.is_empty() || state.dropped > 0) {
                break;
            }
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        match state.lines.pop_front() {
            Some(line) => {
                state.bytes -= line.len();
                line
            }
            None => {
                let remark = Remark::Dropped(std::mem::take(&mut state.dropped));
                (state.wording)(&remark)
            }
        }
    }

    /// Waits a moment before a pipe is tried again. Returns false as soon as there is another target.
    fn pause(&self) -> bool {
        let until = Instant::now() + RETRY_INTERVAL;
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.next.is_some() || left.is_zero() {
                return state.next.is_none();
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Target {
    fn write_line(&mut self, line: &[u8], wait: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let (file, errors_to, failed) = match self {
            Target::StandardError(stream) => return write_slowly(&mut **stream, line, wait),
            Target::File { file, errors_to, failed } => (file, errors_to, failed),
        };
        let outcome = file.write_line(line, wait);
        match &outcome {
            Err(error) if !*failed => errors_to.remark(&Remark::Unwritable(error.to_string())),
            Ok(Err(error)) => errors_to.remark(&Remark::NotRotated(error.to_string())),
            _ => {}
        }
        *failed = outcome.is_err();
        outcome.map(drop)
    }
}

/// Writes a line to a stream that another program may have set not to wait.
fn write_slowly(stream: &mut dyn Write, line: &[u8], wait: &mut dyn FnMut() -> bool) -> io::Result<()> {
    let mut rest = line;
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && wait() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns standard error. While it stands still, whoever prints there waits as well; a running daemon only logs.
pub(crate) fn standard_error() -> Target {
    Target::StandardError(Box::new(io::stderr()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    fn spawn(body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        std::thread::Builder::new().spawn(body).map(drop)
    }

    fn wording(remark: &Remark) -> Vec<u8> {
        format!("{remark:?}\n").into_bytes()
    }

    /// A stream that stands still until the test lets it go on.
    struct Still {
        go_on: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Still {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The sender is gone: everything may go.
            let _ = self.go_on.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_does_not_wait_and_a_line_says_what_was_dropped() {
        let (go, go_on) = channel();
        let (written, lines) = channel();
        let place = Place::new(wording, spawn);
        place.set(Target::StandardError(Box::new(Still { go_on, written })), wording).unwrap();
        let line = [vec![b'x'; 999], b"\n".to_vec()].concat();
        let before = lost();
        let begun = Instant::now();
        for _ in 0..3_000 {
            place.push(line.clone());
        }
        let dropped = lost() - before;
        // One line is being written, and so many wait.
        let waiting = (LOG_QUEUE_BYTES_MAX / line.len()) as u64;
        assert!((2_998 - waiting..=3_000 - waiting).contains(&dropped), "{dropped}");
        place.flush(Instant::now() + Duration::from_millis(50));
        assert!(begun.elapsed() < Duration::from_secs(30), "the end waits for nothing either");
        drop(go);
        place.flush(Instant::now() + Duration::from_secs(30));
        let all: Vec<Vec<u8>> = lines.try_iter().collect();
        assert_eq!(all.len() as u64, 3_001 - dropped);
        assert_eq!(all.last(), Some(&wording(&Remark::Dropped(dropped))));
        place.push(b"and on\n".to_vec());
        place.flush(Instant::now() + Duration::from_secs(30));
        assert_eq!(lines.try_iter().collect::<Vec<_>>(), [b"and on\n"]);
    }

    #[test]
    fn another_target_frees_a_writer_that_waits() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (errors_to, place) = (Place::new(wording, spawn), Place::new(wording, spawn));
        let open = |path| Target::File {
            file: LogFile::open(path, None).unwrap(),
            errors_to: errors_to.clone(),
            failed: false,
        };
        place.set(open(&pipe), wording).unwrap();
        place.push(b"for nobody\n".to_vec());
        place.push(b"next\n".to_vec());
        // The writer has taken the first line, and waits for a reader.
        let until = Instant::now() + Duration::from_secs(30);
        while place.0.lock().lines.len() > 1 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        let file = directory.path().join("file");
        place.set(open(&file), wording).unwrap();
        place.flush(until);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "next\n");
        let remarks = errors_to.taken();
        assert!(remarks.len() == 1 && remarks[0].contains("nobody reads the pipe"), "{remarks:?}");
    }

    #[test]
    fn errors_of_a_file_are_remarked_once() {
        let directory = tempfile::tempdir().unwrap();
        let (errors_to, place) = (Place::new(wording, spawn), Place::new(wording, spawn));
        let full = std::path::Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let open = |path: &std::path::Path| Target::File {
            file: LogFile::open(path, None).unwrap(),
            errors_to: errors_to.clone(),
            failed: false,
        };
        place.set(open(full), wording).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        (0..3).for_each(|_| place.push(b"line\n".to_vec()));
        place.flush(until);
        assert_eq!(errors_to.taken().len(), 1);
        place.set(open(&directory.path().join("file")), wording).unwrap();
        place.push(b"line\n".to_vec());
        place.flush(until);
        assert!(errors_to.taken().is_empty());
    }
}
