//! How a program ends: its exit codes, and what it reports with them.

use crate::error::DaemonError;
use crate::terminal::err;
use i3_config::Logging;
use std::fmt;
use std::process::ExitCode;

/// `EX_USAGE` of sysexits.h: supervisors and scripts know these numbers.
pub const USAGE: u8 = 64;
/// `EX_UNAVAILABLE`.
pub const UNAVAILABLE: u8 = 69;
/// `EX_CANTCREAT`.
pub const CANNOT_CREATE: u8 = 73;
/// `EX_CONFIG`.
pub const CONFIG: u8 = 78;

/// Starts logging, or says why not.
pub fn start_logging(logging: &Logging) -> Result<(), ExitCode> {
    i3_config::log::init(logging).map_err(|problem| unusable(&problem))
}

/// The exit code for settings that cannot be used, which it says.
pub fn unusable(problems: &impl fmt::Display) -> ExitCode {
    err(&problems.to_string());
    ExitCode::from(CONFIG)
}

/// The exit code of a daemon that has ended. An error is logged.
pub fn ended(outcome: Result<(), DaemonError>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    log::error!(target: "daemon", "{error}");
    match error {
        DaemonError::Settings(_) => ExitCode::from(CONFIG),
        DaemonError::Listen(_) | DaemonError::Store(_) => ExitCode::from(UNAVAILABLE),
        DaemonError::System(_) => ExitCode::FAILURE,
    }
}
