//! `i3-gateway-threads`: the daemon for minimal hosts.

use i3_config::cli::Command;
use i3_daemon::exit::{USAGE, finish};
use i3_daemon::program::{command_line, run_shared};
use i3_daemon::terminal::{err, out};
use i3_gateway_threads::daemon;
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(run())
}

fn run() -> ExitCode {
    let cli = match command_line() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if cli.version {
        out(&format!("i3-gateway-threads {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    let shared = if cli.demo { None } else { run_shared(&cli, daemon::run) };
    shared.unwrap_or_else(|| {
        err(match &cli.command {
            Some(Command::Retire(_)) => {
                "A gateway runs with this state: stop it first, or ask it with `i3-gateway call retire`."
            }
            _ => "i3-gateway-threads has no --demo and no commands that ask a running gateway: use i3-gateway for them.",
        });
        ExitCode::from(USAGE)
    })
}
