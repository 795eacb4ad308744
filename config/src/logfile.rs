//! The log file. It is appended to, rotated by size, and reopened if another program has moved it.
//!
//! Crates for log rotation assume that no other program changes the directory. Beside logrotate they panic, or silently
//! lose lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open log file.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    rotation: Option<Rotation>,
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
    /// Opens the file, and creates its directory if it is missing.
    pub(crate) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        let file = append_to(path)?;
        let bytes = file.metadata()?.len();
        Ok(LogFile { path: path.to_owned(), file, bytes, rotation })
    }

    /// Appends a line with one write, so that the lines of two writers do not mix.
    pub(crate) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if let Some(Rotation { bytes_max, backups }) = self.rotation
            && self.bytes > 0
            && self.bytes + length > bytes_max
        {
            self.rotate(backups)?;
        }
        self.file.write_all(line)?;
        self.bytes += length;
        Ok(())
    }

    /// Renames the file and opens a new one. If another program has renamed it already, it is not renamed again.
    fn rotate(&mut self, backups: u32) -> io::Result<()> {
        if is_at(&self.file, &self.path) {
            for at in (1..backups).rev() {
                rename_if_there(&self.backup(at), &self.backup(at + 1))?;
            }
            rename_if_there(&self.path, &self.backup(1))?;
        }
        *self = LogFile::open(&self.path, self.rotation)?;
        Ok(())
    }

    fn backup(&self, at: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{at}"));
        name.into()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // The log contains names of players and their addresses.
        options.mode(0o640);
    }
    options.open(path)
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
            log.write_line(line.as_bytes()).unwrap();
        }
        let expected = [("x.log", "four\n"), ("x.log.1", "a line that is longer\n"), ("x.log.2", "three\n")];
        assert_eq!(texts(directory.path()), owned(&expected));
        // What is there from before counts.
        drop(log);
        let mut log = LogFile::open(&path, rotation).unwrap();
        log.write_line(b"another\n").unwrap();
        assert_eq!(texts(directory.path())[0].1, "another\n");
    }

    #[test]
    fn what_somebody_else_has_moved_is_not_rotated_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        let mut log = LogFile::open(&path, Some(Rotation { bytes_max: 10, backups: 5 })).unwrap();
        log.write_line(b"before\n").unwrap();
        fs::rename(&path, directory.path().join("x.log.1")).unwrap();
        fs::write(&path, "made by logrotate\n").unwrap();
        log.write_line(b"after\n").unwrap();
        let expected = [("x.log", "made by logrotate\nafter\n"), ("x.log.1", "before\n")];
        assert_eq!(texts(directory.path()), owned(&expected));
    }
}
