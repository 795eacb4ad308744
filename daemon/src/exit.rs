//! The exit codes of a program, and the errors that it reports with them.

use crate::error::DaemonError;
use crate::terminal::{err, unprinted};
use i3_config::Logging;
use std::fmt;
use std::process::ExitCode;
use std::thread;

/// The command line is wrong: `EX_USAGE` of sysexits.h, whose numbers supervisors and scripts know.
pub const USAGE: u8 = 64;
/// A port or the state cannot be used: `EX_UNAVAILABLE`.
pub const UNAVAILABLE: u8 = 69;
/// A file cannot be written: `EX_CANTCREAT`.
pub const CANNOT_CREATE: u8 = 73;
/// The output cannot be written: `EX_IOERR`.
pub const OUTPUT: u8 = 74;
/// The settings are wrong: `EX_CONFIG`.
pub const CONFIG: u8 = 78;

/// Ends a program that has come to this exit code: waits for its log, and returns the code. If a part of the output could
/// not be written, success becomes an error.
pub fn finish(code: ExitCode) -> ExitCode {
    i3_config::log::flush();
    let Some(error) = unprinted() else { return code };
    err(&format!("the output cannot be written: {error}"));
    if code == ExitCode::SUCCESS { ExitCode::from(OUTPUT) } else { code }
}

/// The stack of a thread that writes the log. It calls little more than `write`.
const LOG_STACK_BYTES: usize = 131_072;

/// Starts the log. An error is printed, and the exit code returned.
pub fn start_logging(logging: &Logging) -> Result<(), ExitCode> {
    let spawn = |body: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name("i3-log".to_owned()).stack_size(LOG_STACK_BYTES);
        thread.spawn(body).map(drop)
    };
    i3_config::log::init(logging, spawn).map_err(|problem| unusable(&problem))
}

/// Prints the problems of the settings, and returns the exit code for them.
pub fn unusable(problems: &impl fmt::Display) -> ExitCode {
    err(&problems.to_string());
    ExitCode::from(CONFIG)
}

/// Returns the exit code of a daemon that has ended, and logs its error.
pub fn ended(outcome: Result<(), DaemonError>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    log::error!(target: "daemon", "{error}");
    match error {
        DaemonError::Settings(_) => ExitCode::from(CONFIG),
        DaemonError::Listen(_) | DaemonError::Store(_) => ExitCode::from(UNAVAILABLE),
        DaemonError::System(_) => ExitCode::FAILURE,
    }
}
