//! What a program does with its command line: it runs the command, or the daemon where there is none.

use crate::attend::with_account;
use crate::exit::{CONFIG, USAGE, ended, start_logging, unusable};
use crate::gateway::{Run, run_each};
use crate::terminal::{err, out};
use crate::{backup, doctor, healthcheck, setup, tls};
use i3_config::cli::{Cli, Command};
use i3_config::{Config, Severity};
use std::process::ExitCode;

/// The command line of this process. An error is the exit code, when all is said: help is none, a word that nobody
/// knows is.
pub fn command_line() -> Result<Cli, ExitCode> {
    Cli::read(std::env::args_os()).map_err(|(text, asked)| match asked {
        true => {
            out(text.trim_end());
            ExitCode::SUCCESS
        }
        false => {
            err(&text);
            ExitCode::from(USAGE)
        }
    })
}

/// Carries out the commands that need no runtime, and runs the daemon when there is none. `None`: a command of the
/// caller's.
pub fn run_shared(cli: &Cli, run: Run) -> Option<ExitCode> {
    Some(match &cli.command {
        None => run_daemon(cli, run),
        Some(Command::Init(init)) => setup::init(cli, init),
        Some(Command::Doctor(doctor)) => doctor::run(cli, doctor, run),
        Some(Command::Healthcheck(healthcheck)) => healthcheck::run(cli, healthcheck),
        Some(Command::HashKey(command)) => setup::hash_key(command),
        Some(Command::Backup(command)) => backup::backup(cli, command),
        Some(Command::Restore(command)) => backup::restore(cli, command),
        Some(Command::Call(_) | Command::Watch(_)) => return None,
    })
}

/// Reads the settings, and then either says what it thinks of them or starts logging and calls `run`.
fn run_daemon(cli: &Cli, run: Run) -> ExitCode {
    let files = cli.files();
    let config = match i3_config::load_files(&files) {
        Ok(config) => config,
        Err(problems) => return unusable(&problems),
    };
    if cli.only_validates() {
        let found = tls::findings(&config.listeners);
        for problem in config.warnings.iter().chain(&found.problems) {
            err(&problem.to_string());
        }
        if found.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return ExitCode::from(CONFIG);
        }
        out("The settings can be used.");
        return ExitCode::SUCCESS;
    }
    let config = Config { logging: with_account(config.logging, cli.profile_memory), ..config };
    if let Err(code) = start_logging(&config.logging) {
        return code;
    }
    for warning in &config.warnings {
        // The log line has the severity already.
        log::warn!(target: "settings", "{}", warning.text());
    }
    ended(run_each(&files, config, cli.profile_memory, run))
}
