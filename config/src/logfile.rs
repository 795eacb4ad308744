//! The log file. It is appended to, rotated by size, and reopened if another program has moved it.
//!
//! Only a plain file is rotated: a device, a pipe, or the file behind `/dev/stdout` belongs to somebody else. A pipe is
//! opened and written without waiting, so that nobody who forgets to read it holds up the gateway.
//!
//! Crates for log rotation assume that no other program changes the directory. Beside logrotate they panic, or silently
//! lose lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// How many symbolic links are followed to find the file that is rotated.
const LINKS_MAX: usize = 8;

/// Where the system lists the open files of a process. What a link there points to belongs to whoever opened it.
const OPEN_FILES: &str = "/proc";

/// `O_NONBLOCK`: opening a pipe and writing to it do not wait. The number is that of Linux, or that of the BSDs and macOS.
#[cfg(unix)]
const NONBLOCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 0o4000 } else { 4 };

/// The error of opening a pipe that nobody reads: no such device or address.
#[cfg(unix)]
const ENXIO: i32 = 6;

/// The log file.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    /// `None`: a pipe that nobody reads.
    file: Option<File>,
    bytes: u64,
    rotation: Option<Rotation>,
    /// The plain file that is renamed. `None`: the file is not a plain one, and is never rotated.
    plain: Option<PathBuf>,
    /// The last line was cut by an error.
    is_torn: bool,
}

/// When a log file is rotated, and how many old files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// A line that would make the file longer than this goes to a new file. More than 0.
    pub bytes_max: u64,
    /// How many old files are kept: `.1` is the newest. More than 0.
    pub backups: u32,
}

impl LogFile {
    /// Opens the file, and creates its directory if it is missing. A pipe that nobody reads is opened when somebody does.
    pub(crate) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        let file = append_to(path)?;
        let bytes = file.as_ref().map_or(Ok(0), |file| file.metadata().map(|found| found.len()))?;
        let plain = plain_file(path);
        Ok(LogFile { path: path.to_owned(), file, bytes, rotation, plain, is_torn: false })
    }

    /// Appends a line with one write, so that the lines of two writers do not mix. While a pipe is full or nobody reads
    /// it, `wait` waits a moment, and says whether to try again. The error: the line is lost, as a whole or in part.
    ///
    /// The inner result is that of the rotation. If the file cannot be rotated, the line is written all the same.
    pub(crate) fn write_line(
        &mut self,
        line: &[u8],
        wait: &mut dyn FnMut() -> bool,
    ) -> io::Result<io::Result<()>> {
        let length = line.len() as u64;
        let mut rotated = Ok(());
        if let Some(Rotation { bytes_max, backups }) = self.rotation
            && self.plain.is_some()
            && self.bytes > 0
            && self.bytes + length > bytes_max
        {
            rotated = self.rotate(backups);
            if rotated.is_err() {
                // The next attempt follows after as many bytes again.
                self.bytes = 0;
            }
        }
        if self.is_torn {
            self.write_whole(b"\n", wait)?;
        }
        self.write_whole(line, wait)?;
        self.bytes += length;
        Ok(rotated)
    }

    fn write_whole(&mut self, line: &[u8], wait: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            if self.file.is_none() {
                self.file = append_to(&self.path)?;
            }
            let Some(file) = &mut self.file else {
                if wait() {
                    continue;
                }
                return Err(io::Error::new(ErrorKind::WouldBlock, "nobody reads the pipe"));
            };
            match file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && wait() => {}
                // The reader of the pipe is gone. The next one gets the whole line.
                Err(error) if error.kind() == ErrorKind::BrokenPipe && self.plain.is_none() => {
                    (self.file, rest) = (None, line);
                    if !wait() {
                        return Err(error);
                    }
                }
                Err(error) => {
                    self.is_torn = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        self.is_torn = false;
        Ok(())
    }

    /// Renames the file and opens a new one. If another program has renamed it already, it is not renamed again. After an
    /// error the open file stays in use.
    fn rotate(&mut self, backups: u32) -> io::Result<()> {
        let Some(plain) = &self.plain else { return Ok(()) };
        if self.file.as_ref().is_some_and(|file| is_at(file, plain)) {
            for at in (1..backups).rev() {
                rename_if_there(&backup(plain, at), &backup(plain, at + 1))?;
            }
            rename_if_there(plain, &backup(plain, 1))?;
        }
        *self = LogFile::open(&self.path, self.rotation)?;
        Ok(())
    }
}

fn backup(plain: &Path, at: u32) -> PathBuf {
    let mut name = plain.to_owned().into_os_string();
    name.push(format!(".{at}"));
    name.into()
}

/// Opens a file to append to it, without waiting for the reader of a pipe. `None`: nobody reads the pipe.
fn append_to(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // The log contains names of players and their addresses.
        options.mode(0o640);
        // A plain file takes no notice of this flag.
        options.custom_flags(NONBLOCK);
    }
    match options.open(path) {
        Err(error) if is_pipe_without_reader(path, &error) => Ok(None),
        opened => opened.map(Some),
    }
}

#[cfg(unix)]
fn is_pipe_without_reader(path: &Path, error: &io::Error) -> bool {
    use std::os::unix::fs::FileTypeExt;
    error.raw_os_error() == Some(ENXIO) && fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe_without_reader(_: &Path, _: &io::Error) -> bool {
    false
}

/// Returns the plain file at a path, behind symbolic links. `None`: it is something else, or a file that somebody else has
/// opened, as standard output is.
fn plain_file(path: &Path) -> Option<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..LINKS_MAX {
        let parent = at.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent = fs::canonicalize(parent).ok()?;
        if parent.starts_with(OPEN_FILES) {
            return None;
        }
        let found = fs::symlink_metadata(&at).ok()?.file_type();
        if found.is_file() {
            return Some(at);
        }
        if !found.is_symlink() {
            return None;
        }
        // An absolute target replaces the whole path.
        at = parent.join(fs::read_link(&at).ok()?);
    }
    None
}

/// Returns whether the open file is still the file at that path.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |of: io::Result<fs::Metadata>| of.ok().map(|of| (of.dev(), of.ino()));
        let here = id(file.metadata());
        here.is_some() && here == id(fs::metadata(path))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(log: &mut LogFile, line: &str) {
        log.write_line(line.as_bytes(), &mut || false).unwrap().unwrap();
    }

    fn texts(directory: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn owned(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_oldest_backups_go_and_no_line_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        let rotation = Some(Rotation { bytes_max: 10, backups: 2 });
        let mut log = LogFile::open(&path, rotation).unwrap();
        for line in ["one\n", "two\n", "three\n", "a line that is longer\n", "four\n"] {
            write(&mut log, line);
        }
        let expected = [("x.log", "four\n"), ("x.log.1", "a line that is longer\n"), ("x.log.2", "three\n")];
        assert_eq!(texts(directory.path()), owned(&expected));
        // What is there from before counts.
        drop(log);
        let mut log = LogFile::open(&path, rotation).unwrap();
        write(&mut log, "another\n");
        assert_eq!(texts(directory.path())[0].1, "another\n");
    }

    #[test]
    fn what_somebody_else_has_moved_is_not_rotated_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        let mut log = LogFile::open(&path, Some(Rotation { bytes_max: 10, backups: 5 })).unwrap();
        write(&mut log, "before\n");
        fs::rename(&path, directory.path().join("x.log.1")).unwrap();
        fs::write(&path, "made by logrotate\n").unwrap();
        write(&mut log, "after\n");
        let expected = [("x.log", "made by logrotate\nafter\n"), ("x.log.1", "before\n")];
        assert_eq!(texts(directory.path()), owned(&expected));
    }

    /// A directory whose file is a symbolic link: the file itself is renamed, and the link stays.
    #[cfg(unix)]
    #[test]
    fn behind_a_link_the_plain_file_is_rotated() {
        let directory = tempfile::tempdir().unwrap();
        let (path, there) = (directory.path().join("x.log"), directory.path().join("there.log"));
        std::os::unix::fs::symlink("there.log", &path).unwrap();
        let mut log = LogFile::open(&path, Some(Rotation { bytes_max: 5, backups: 1 })).unwrap();
        write(&mut log, "one\n");
        write(&mut log, "two\n");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&there).unwrap(), "two\n");
        assert_eq!(fs::read_to_string(backup(&there, 1)).unwrap(), "one\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_plain_files_are_rotated() {
        let directory = tempfile::tempdir().unwrap();
        let open_file = directory.path().join("somebody-elses");
        let file = File::create(&open_file).unwrap();
        let at = std::os::fd::AsRawFd::as_raw_fd(&file);
        for path in [format!("/dev/fd/{at}"), format!("/proc/self/fd/{at}"), "/dev/null".to_owned()] {
            let path = PathBuf::from(path);
            assert_eq!(plain_file(&path), None, "{path:?}");
            let link = directory.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(plain_file(&link), None, "a link to {path:?}");
            let mut log = LogFile::open(&link, Some(Rotation { bytes_max: 5, backups: 2 })).unwrap();
            (0..4).for_each(|_| write(&mut log, "line\n"));
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && !backup(&link, 1).exists());
            fs::remove_file(link).unwrap();
        }
        assert_eq!(fs::read_to_string(&open_file).unwrap(), "line\n".repeat(8));
    }

    #[cfg(unix)]
    #[test]
    fn where_nothing_can_be_renamed_the_file_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        // A directory that is not empty stands where the old file should go.
        fs::create_dir_all(backup(&path, 1).join("in the way")).unwrap();
        let mut log = LogFile::open(&path, Some(Rotation { bytes_max: 10, backups: 1 })).unwrap();
        let outcomes = ["one\n", "two\n", "three\n", "4\n", "5\n", "6\n"]
            .map(|line| log.write_line(line.as_bytes(), &mut || false).unwrap().is_ok());
        assert_eq!(outcomes, [true, true, false, true, true, false], "it is tried again from time to time");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n4\n5\n6\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_never_waited_for_and_every_reader_gets_whole_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let mut log = LogFile::open(&path, Some(Rotation { bytes_max: 5, backups: 1 })).unwrap();
        let mut tries = 0;
        let outcome = log.write_line(b"lost\n", &mut || {
            tries += 1;
            tries < 3
        });
        assert!(outcome.is_err() && tries == 3, "{outcome:?}");
        let mut options = OpenOptions::new();
        let options = std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), NONBLOCK);
        let mut reader = options.open(&path).unwrap();
        write(&mut log, "one\n");
        write(&mut log, "two\n");
        let mut read = [0; 64];
        let count = io::Read::read(&mut reader, &mut read).unwrap();
        assert_eq!(&read[..count], b"one\ntwo\n");
        // Nobody reads on: the pipe fills up, and the line is given up when `wait` says so.
        let full = (0..100).find_map(|_| log.write_line(&[b'x'; 4096], &mut || false).err());
        assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
        drop(reader);
        let mut reader = None;
        let outcome = log.write_line(b"whole\n", &mut || {
            reader = Some(options.open(&path).unwrap());
            true
        });
        outcome.unwrap().unwrap();
        let count = io::Read::read(reader.as_mut().unwrap(), &mut read).unwrap();
        assert_eq!(&read[..count], b"whole\n");
        assert!(!backup(&path, 1).exists());
    }
}
