//! `i3-gateway-threads`: the daemon for minimal hosts.

use i3_config::cli::Cli;
use i3_gateway_threads::daemon::{self, DaemonError};
use std::io::Write;
use std::process::ExitCode;

/// `EX_USAGE`, `EX_UNAVAILABLE`, `EX_CONFIG` of sysexits.h: supervisors and scripts know them.
const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;
const CONFIG: u8 = 78;

fn main() -> ExitCode {
    let cli: Cli = argh::from_env();
    if cli.version {
        out(&format!("i3-gateway-threads {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    if cli.command.is_some() || cli.demo {
        err("This is the daemon alone: call, watch and --demo are in i3-gateway.");
        return ExitCode::from(USAGE);
    }
    run_daemon(&cli)
}

fn run_daemon(cli: &Cli) -> ExitCode {
    let config = match i3_config::load_files(&cli.files()) {
        Ok(config) => config,
        Err(problems) => {
            err(&problems.to_string());
            return ExitCode::from(CONFIG);
        }
    };
    if cli.only_validates() {
        for warning in &config.warnings {
            err(&warning.to_string());
        }
        out("The settings can be used.");
        return ExitCode::SUCCESS;
    }
    if let Err(problem) = i3_config::log::init(&config.logging) {
        err(&problem.to_string());
        return ExitCode::from(CONFIG);
    }
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    ended(daemon::run_gateway(config))
}

fn ended(outcome: Result<(), DaemonError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            match error {
                DaemonError::Settings(_) => ExitCode::from(CONFIG),
                DaemonError::Listen(_) | DaemonError::Store(_) => ExitCode::from(UNAVAILABLE),
                DaemonError::System(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// The program's output.
fn out(text: &str) {
    // If nobody reads it, there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What is wrong, for the person at the terminal.
fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
