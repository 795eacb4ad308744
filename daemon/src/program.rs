//! Runs the command of the command line, or the daemon if there is no command.

use crate::attend::with_account;
use crate::exit::{CONFIG, USAGE, ended, start_logging, unusable};
use crate::gateway::{Run, run_each};
use crate::terminal::{err, out};
use crate::{backup, copy, doctor, healthcheck, retire, setup, tls};
use i3_config::cli::{Cli, Command, State, StateCommand};
use i3_config::{Config, Severity};
use std::process::ExitCode;

/// Parses the command line of this process. The help and errors are printed here; then the result is the exit code.
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

/// Runs the commands that need no runtime, and the daemon if there is no command. `None`: the caller has to run the
/// command.
pub fn run_shared(cli: &Cli, run: Run) -> Option<ExitCode> {
    Some(match &cli.command {
        None => run_daemon(cli, run),
        Some(Command::Init(init)) => setup::init(cli, init),
        Some(Command::Doctor(doctor)) => doctor::run(cli, doctor, run),
        Some(Command::Healthcheck(healthcheck)) => healthcheck::run(cli, healthcheck),
        Some(Command::HashKey(command)) => setup::hash_key(command),
        Some(Command::Backup(command)) => backup::backup(cli, command),
        Some(Command::Restore(command)) => backup::restore(cli, command),
        Some(Command::State(State { command: StateCommand::Copy(command) })) => copy::run(cli, command),
        Some(Command::Retire(command)) => return retire::run(cli, command, run),
        // The commands that ask a running gateway.
        Some(_) => return None,
    })
}

/// Reads the settings. Then it prints their problems if the command line asks for that. Otherwise it starts the log and
/// the daemon.
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
        out("The settings are valid.");
        return ExitCode::SUCCESS;
    }
    let config = Config { logging: with_account(config.logging, cli.profile_memory), ..config };
    if let Err(code) = start_logging(&config.logging) {
        return code;
    }
    for warning in &config.warnings {
        // The log line contains the severity already.
        log::warn!(target: "settings", "{}", warning.text());
    }
    ended(run_each(&files, config, cli.profile_memory, run))
}
