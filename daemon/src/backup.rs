//! The commands `backup` and `restore`. Both work while a gateway runs with the state.

use crate::directory::{Restored, StateDirectory, before_restore, refused, staged};
use crate::exit::{UNAVAILABLE, unusable};
use crate::state::{open_to_read, url};
use crate::terminal::{err, out};
use i3_config::Config;
use i3_config::cli::{Backup, Cli, Restore};
use i3_store::{StoreError, Unavailable, copy_snapshot, open_to_restore};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// How long a running gateway may take to shut down and start again with the restored state.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// The interval of the checks whether it has done so.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Copies the state to a file.
pub fn backup(cli: &Cli, command: &Backup) -> ExitCode {
    let directory = match state_directory(cli, command.state.as_deref()) {
        Ok(directory) => directory,
        Err(code) => return code,
    };
    match open_to_read(&directory).and_then(|mut store| store.snapshot_to(&command.file)) {
        Ok(()) => {
            out(&format!("The state was copied to {}.", command.file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// Replaces the state by a copy.
pub fn restore(cli: &Cli, command: &Restore) -> ExitCode {
    let directory = match state_directory(cli, command.state.as_deref()) {
        Ok(directory) => directory,
        Err(code) => return code,
    };
    match restore_from(&directory, &command.file) {
        Ok(text) => {
            out(&text);
            ExitCode::SUCCESS
        }
        Err(text) => failed(&text),
    }
}

fn failed(text: &str) -> ExitCode {
    err(text);
    ExitCode::from(UNAVAILABLE)
}

/// What is done in place of `backup` and `restore` where the state is in a database.
const WITH_DATABASE: &str = "the state is in PostgreSQL: back it up with its own tools, such as `pg_dump --format=custom`, and restore \
                             with `pg_restore` while no gateway runs; `i3-gateway state copy` copies it to a directory";

/// Returns the directory that the command names. The default is that of the settings.
fn state_directory(cli: &Cli, named: Option<&Path>) -> Result<PathBuf, ExitCode> {
    match named {
        Some(directory) => Ok(directory.to_owned()),
        None => match i3_config::load_files(&cli.files()) {
            Ok(Config { shared: Some(_), .. }) => Err(failed(WITH_DATABASE)),
            Ok(config) => Ok(config.state_directory),
            Err(problems) => Err(unusable(&problems)),
        },
    }
}

fn restore_from(path: &Path, file: &Path) -> Result<String, String> {
    if !path.is_dir() {
        return Err(format!("{}: there is no such directory", path.display()));
    }
    match StateDirectory::take(path) {
        Ok(held) => restore_here(&held, file).map_err(|error| error.to_string()),
        Err(Unavailable::Error(error)) => Err(format!("{}: {error}", path.display())),
        Err(Unavailable::InUse(None)) => Err(format!(
            "a gateway runs with the state in {}, and its process is unknown: stop the gateway first",
            path.display()
        )),
        Err(Unavailable::InUse(Some(process))) => restore_in(process, path, file),
    }
}

/// Replaces the state while no gateway runs with it.
fn restore_here(directory: &StateDirectory, file: &Path) -> Result<String, StoreError> {
    let path = directory.path();
    copy_snapshot(url(path)?, file, &staged(path))?;
    let restored = directory.restore(|staged| open_to_restore(url(path)?, staged))?;
    let former = restored.as_ref().and_then(Restored::sentence).unwrap_or_default();
    Ok(format!("The state was restored. {former}No gateway is running with it."))
}

/// Asks the gateway with this process to restart with the copy.
fn restore_in(process: u32, path: &Path, file: &Path) -> Result<String, String> {
    let (staged, refused) = (staged(path), refused(path));
    let _ = fs::remove_file(&refused);
    let saved_before = modified(&before_restore(path));
    let url = url(path).map_err(|error| error.to_string())?;
    copy_snapshot(url, file, &staged).map_err(|error| error.to_string())?;
    if let Err(error) = request_restore(process).and_then(|()| wait_until_taken(&staged)) {
        // Otherwise the next start would restore it unexpectedly.
        let _ = fs::remove_file(&staged);
        return Err(format!("the gateway (process {process}) did not restore the state: {error}"));
    }
    if refused.exists() {
        return Err(format!(
            "the gateway (process {process}) could not use the file, and continues with its former state: its log \
             contains the reason"
        ));
    }
    let is_new = modified(&before_restore(path)) != saved_before;
    let former = if is_new { Restored::Saved(before_restore(path)).sentence() } else { None };
    let text = format!(
        "The gateway (process {process}) runs with the restored state. {}",
        former.unwrap_or_default()
    );
    Ok(text.trim_end().to_owned())
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|found| found.modified()).ok()
}

#[cfg(unix)]
fn request_restore(process: u32) -> io::Result<()> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.ok_or(io::ErrorKind::InvalidData)?;
    Ok(rustix::process::kill_process(process, rustix::process::Signal::USR1)?)
}

#[cfg(not(unix))]
fn request_restore(_: u32) -> io::Result<()> {
    Err(io::Error::other("this system has no signals: stop the gateway first"))
}

fn wait_until_taken(staged: &Path) -> io::Result<()> {
    let until = Instant::now() + TAKEN_WITHIN;
    while staged.exists() {
        if Instant::now() >= until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
