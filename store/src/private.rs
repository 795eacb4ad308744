//! Files and directories that only their owner may read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Creates a directory and those above it. Only the owner may use the new ones.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Creates a file that only its owner may read. An existing file is not changed.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    open_file(path).map(drop)
}

/// Opens a file for reading and writing. A missing one is created, and only its owner may read it.
pub(crate) fn open_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Restricts the mode of a file to its owner. A missing file is no error.
pub(crate) fn tighten(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match fs::metadata(path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Returns the mode of a file that others may read. `None`: only the owner may, or the system has no file modes.
pub(crate) fn open_to_others(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Replaces a file atomically: `write` writes a new file beside it, which is then renamed. A new file that an interrupted
/// attempt left is removed first.
pub(crate) fn replace_file<E>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
    fail: impl Fn(io::Error) -> E,
) -> Result<(), E> {
    let part = beside(path, ".part");
    let replace = || {
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        write(&part)?;
        fs::File::open(&part).and_then(|file| file.sync_all()).map_err(&fail)?;
        fs::rename(&part, path).map_err(&fail)
    };
    replace().inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// Returns the path with a suffix.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
