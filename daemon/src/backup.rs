//! The commands `backup` and `restore`. Both work on the state of a gateway that runs.

use crate::directory::{BEFORE_RESTORE_FILE, REFUSED_FILE, RESTORE_FILE, StateDirectory, Unavailable};
use crate::exit::{UNAVAILABLE, unusable};
use crate::state::STORE_FILE;
use crate::terminal::{err, out};
use i3_config::cli::{Backup, Cli, Restore};
use std::fs::{self, File};
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
    match copy_whole(&directory.join(STORE_FILE), &command.file) {
        Ok(()) => {
            out(&format!("The state is copied to {}.", command.file.display()));
            ExitCode::SUCCESS
        }
        Err(text) => failed(&text),
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

/// Copies beside the target first: what stands under its name is always whole.
pub(crate) fn copy_whole(from: &Path, to: &Path) -> Result<(), String> {
    if is_same_file(from, to) {
        return Err(format!("{} is the state itself: name another file", to.display()));
    }
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let fail = |error: io::Error| format!("{}: {error}", to.display());
    let write = || {
        // A rest of an attempt that was cut off.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        i3_store::copy(from, &part).map_err(|error| error.to_string())?;
        i3_store::complete(&part).map_err(|error| error.to_string())?;
        File::open(&part).and_then(|file| file.sync_all()).map_err(fail)?;
        fs::rename(&part, to).map_err(fail)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn restore_from(directory: &Path, file: &Path) -> Result<String, String> {
    let staged = directory.join(RESTORE_FILE);
    let before = directory.join(BEFORE_RESTORE_FILE);
    if !directory.is_dir() {
        return Err(format!("{}: there is no such directory", directory.display()));
    }
    if is_same_file(file, &directory.join(STORE_FILE)) {
        return Err(format!("{} is the state itself", file.display()));
    }
    let kept = format!("What was there before is in {}.", before.display());
    match StateDirectory::take(directory) {
        Ok(held) => {
            copy_whole(file, &staged)?;
            held.restore().map_err(|error| error.to_string())?;
            Ok(format!("The state is restored. {kept} No gateway is running with it."))
        }
        Err(Unavailable::Error(error)) => Err(format!("{}: {error}", directory.display())),
        Err(Unavailable::InUse(None)) => Err(format!(
            "a gateway runs with the state in {}, and its process cannot be told: stop it first",
            directory.display()
        )),
        Err(Unavailable::InUse(Some(process))) => {
            let refused = directory.join(REFUSED_FILE);
            let _ = fs::remove_file(&refused);
            copy_whole(file, &staged)?;
            if let Err(error) = tell(process).and_then(|()| wait_until_taken(&staged)) {
                // Else it would be taken at the next start, when nobody expects it.
                let _ = fs::remove_file(&staged);
                return Err(format!("the gateway (process {process}) did not take the state: {error}"));
            }
            if refused.exists() {
                return Err(format!("the gateway (process {process}) refused the state: its log says why"));
            }
            Ok(format!("The gateway (process {process}) goes on with the restored state. {kept}"))
        }
    }
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
