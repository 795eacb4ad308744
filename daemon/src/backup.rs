//! The commands `backup` and `restore`. Both work on the state of a gateway that runs.

use crate::directory::{StateDirectory, before_restore, refused, staged};
use crate::exit::{UNAVAILABLE, unusable};
use crate::state::{open_to_read, url};
use crate::terminal::{err, out};
use i3_config::cli::{Backup, Cli, Restore};
use i3_store::{StoreError, Unavailable};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a gateway may take to end in order and to go on with a restored state.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// How often to look whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Copies the state into a file.
pub fn backup(cli: &Cli, command: &Backup) -> ExitCode {
    let directory = match state_directory(cli, command.state.as_deref()) {
        Ok(directory) => directory,
        Err(code) => return code,
    };
    match open_to_read(&directory).and_then(|mut store| store.snapshot_to(&command.file)) {
        Ok(()) => {
            out(&format!("The state is copied to {}.", command.file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// Puts a copy of the state back.
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

/// The directory that the command names, or else the settings.
fn state_directory(cli: &Cli, named: Option<&Path>) -> Result<PathBuf, ExitCode> {
    match named {
        Some(directory) => Ok(directory.to_owned()),
        None => match i3_config::load_files(&cli.files()) {
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
            "a gateway runs with the state in {}, and its process cannot be told: stop it first",
            path.display()
        )),
        Err(Unavailable::InUse(Some(process))) => restore_in(process, path, file),
    }
}

/// No gateway runs with this state.
fn restore_here(directory: &StateDirectory, file: &Path) -> Result<String, StoreError> {
    let path = directory.path();
    let open = || i3_store::open(url(path)?);
    open()?.copy_snapshot(file, &staged(path))?;
    directory.restore(open)?;
    Ok(format!("The state is restored. {} No gateway is running with it.", kept(path)))
}

/// Lets the gateway with this process take the state over.
fn restore_in(process: u32, path: &Path, file: &Path) -> Result<String, String> {
    let (staged, refused) = (staged(path), refused(path));
    let _ = fs::remove_file(&refused);
    let store = open_to_read(path).map_err(|error| error.to_string())?;
    store.copy_snapshot(file, &staged).map_err(|error| error.to_string())?;
    // The gateway is to have the state to itself.
    drop(store);
    if let Err(error) = tell(process).and_then(|()| wait_until_taken(&staged)) {
        // Else it would be taken at the next start, when nobody expects it.
        let _ = fs::remove_file(&staged);
        return Err(format!("the gateway (process {process}) did not take the state: {error}"));
    }
    if refused.exists() {
        return Err(format!("the gateway (process {process}) refused the state: its log says why"));
    }
    Ok(format!("The gateway (process {process}) goes on with the restored state. {}", kept(path)))
}

fn kept(path: &Path) -> String {
    format!("What was there before is in {}.", before_restore(path).display())
}

#[cfg(unix)]
fn tell(process: u32) -> io::Result<()> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.ok_or(io::ErrorKind::InvalidData)?;
    Ok(rustix::process::kill_process(process, rustix::process::Signal::USR1)?)
}

#[cfg(not(unix))]
fn tell(_: u32) -> io::Result<()> {
    Err(io::Error::other("it cannot be told on this system: stop it first"))
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
