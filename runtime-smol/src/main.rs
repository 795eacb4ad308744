//! `i3-gateway`: the daemon, the demo, and the command-line client.

use i3_commands::command::run_retire;
use i3_config::Logging;
use i3_config::cli::{Cli, Command};
use i3_core::machine::{Listener, Machine};
use i3_daemon::error::DaemonError;
use i3_daemon::exit::{USAGE, ended, finish, start_logging};
use i3_daemon::program::{command_line, run_shared};
use i3_daemon::signals::Request;
use i3_daemon::terminal::out;
use i3_demo::Demo;
use i3_driver::clock::Clock;
use i3_driver::hooks::Save;
use i3_driver::listen::Bound;
use i3_gateway::daemon;
use i3_gateway::driver::{Command as DriverCommand, Driver};
use i3_gateway::signals::Signals;
use smol::LocalExecutor;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    finish(run())
}

fn run() -> ExitCode {
    let cli = match command_line() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if cli.version {
        out(&format!("i3-gateway {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    if let Some(code) = i3_commands::command::run(&cli) {
        return code;
    }
    match &cli.command {
        // `None`: a gateway runs with this state. It has the session with the router.
        Some(Command::Retire(retire)) => {
            run_shared(&cli, daemon::run).unwrap_or_else(|| run_retire(&cli, retire))
        }
        None if cli.demo => run_demo(&cli),
        _ => run_shared(&cli, daemon::run).unwrap_or(ExitCode::from(USAGE)),
    }
}

fn run_demo(cli: &Cli) -> ExitCode {
    // The output is what is said on the network. Notices are logged only with --debug.
    let level = if cli.debug { log::LevelFilter::Debug } else { log::LevelFilter::Warn };
    match start_logging(&Logging::to_stderr(level)) {
        Ok(()) => ended(Demo::new().and_then(drive_demo)),
        Err(code) => code,
    }
}

/// Drives the demo until SIGINT or SIGTERM.
fn drive_demo(demo: Demo) -> Result<(), DaemonError> {
    let Demo { clock, router, muds, gateway, show } = demo;
    let router = drive(router.0, clock, router.1)?;
    let muds = drive(muds, clock, Vec::new())?;
    let gateway = drive(gateway.0, clock, gateway.1)?;
    let mut signals = Signals::new().map_err(DaemonError::signals)?;
    let ends = [gateway.commands(), muds.commands(), router.commands()];
    let ready = gateway.handle();
    let executor = Rc::new(LocalExecutor::new());
    let drivers = [executor.spawn(router.run()), executor.spawn(muds.run()), executor.spawn(gateway.run())];
    let is_ready = move || ready.with(|gateway, _| gateway.is_ready()).unwrap_or(true);
    let show = executor.spawn(show.run(is_ready));
    smol::block_on(executor.run(async {
        while let Ok(Request::Reload) = signals.next().await {}
        i3_demo::goodbye();
        drop(show);
        // The gateway sends a shutdown packet to the router, so it ends first.
        for end in ends {
            let _ = end.send(DriverCommand::Shutdown).await;
        }
        for driver in drivers {
            driver.await;
        }
    }));
    Ok(())
}

/// Makes a driver for a machine of the demo. Saves succeed at once, because the demo keeps nothing.
fn drive<M: Machine + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
) -> Result<Driver<M>, DaemonError> {
    let mut driver = Driver::new(machine, clock).on_notice(i3_config::log::record);
    for (on, bound) in listeners {
        let bound = i3_gateway::listen::Bound::try_from(bound).map_err(DaemonError::listen)?;
        driver = driver.listen(on, None, bound.listeners);
    }
    let commands = driver.commands();
    let answered = move |save: Save| {
        drop(commands.try_send(DriverCommand::Saved { ticket: save.ticket, outcome: Ok(()) }));
    };
    Ok(driver.on_save(answered))
}
