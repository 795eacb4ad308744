//! `i3-gateway-threads`: the daemon for minimal hosts.

use i3_config::cli::{Cli, Command};
use i3_gateway_threads::daemon;
use i3_host::program::{USAGE, run_daemon};
use i3_host::terminal::{err, out};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli: Cli = argh::from_env();
    if cli.version {
        out(&format!("i3-gateway-threads {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    match &cli.command {
        Some(Command::Backup(backup)) => return i3_host::backup::backup(&cli, backup),
        Some(Command::Restore(restore)) => return i3_host::backup::restore(&cli, restore),
        _ => {}
    }
    if cli.command.is_some() || cli.demo {
        err("This is the daemon alone, with backup and restore: call, watch and --demo are in i3-gateway.");
        return ExitCode::from(USAGE);
    }
    run_daemon(&cli, daemon::run_gateway)
}
