//! `i3-router`: an Intermud-3 router for a private network.

use argh::FromArgs;
use i3_config::{ListenAt, Logging};
use i3_core::machine::Listener;
use i3_daemon::attend::Unattended;
use i3_daemon::directory::StateDirectory;
use i3_daemon::error::DaemonError;
use i3_daemon::exit::{finish, start_logging};
use i3_daemon::listeners::bind_each;
use i3_daemon::seed::seed;
use i3_daemon::service::Service;
use i3_daemon::signals::Ending;
use i3_daemon::state::{Stored, open_store};
use i3_daemon::tls::Acceptors;
use i3_gateway::clock::Clock;
use i3_gateway::daemon;
use i3_router::{Dialect, Faults, Router, RouterSettings};
use std::path::PathBuf;
use std::process::ExitCode;

/// An Intermud-3 router for a private network.
#[derive(FromArgs)]
struct Cli {
    /// the name of the router on the network (default: *private)
    #[argh(option, default = "\"*private\".to_owned()")]
    name: String,
    /// the address to listen at (default: 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_owned()")]
    host: String,
    /// the port to listen at (default: 8787)
    #[argh(option, default = "8787")]
    port: u16,
    /// the address that the router gives to muds (default: the address of --host)
    #[argh(option)]
    announce: Option<String>,
    /// the router whose rules it follows: dead-souls, coffeemud, or spec for the published specification (default:
    /// dead-souls)
    #[argh(option, default = "Dialect::default()", from_str_fn(dialect))]
    dialect: Dialect,
    /// also imitate the known faults of that router
    #[argh(switch)]
    faults: bool,
    /// a channel that belongs to the router; can be repeated (default: chat)
    #[argh(option, long = "channel")]
    channels: Vec<String>,
    /// how many muds may be known from one address, online or not, from 1 to 10000 (default: 32)
    #[argh(option, default = "RouterSettings::default().muds_per_ip_max")]
    muds_per_address: usize,
    /// the directory of the state: passwords, channels and subscriptions (default: router-state)
    #[argh(option, default = "PathBuf::from(\"router-state\")")]
    state: PathBuf,
    /// log messages of the level DEBUG too
    #[argh(switch)]
    debug: bool,
}

/// The most muds from one address that `--muds-per-address` allows.
const MUDS_PER_ADDRESS_MAX: usize = 10_000;

/// Connections beside those of the muds of one address.
const CONNECTIONS_SPARE: usize = 64;

fn dialect(name: &str) -> Result<Dialect, String> {
    Dialect::named(name).ok_or_else(|| {
        let names = Dialect::NAMES.map(|(name, _)| name).join(", ");
        format!("unknown dialect {name}: write one of {names}")
    })
}

fn main() -> ExitCode {
    let cli: Cli = argh::from_env();
    let level = if cli.debug { log::LevelFilter::Debug } else { log::LevelFilter::Info };
    if let Err(code) = start_logging(&Logging::to_stderr(level)) {
        return code;
    }
    let code = match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    };
    finish(code)
}

fn run(cli: &Cli) -> Result<(), DaemonError> {
    if !cli.name.starts_with('*') || cli.name.len() < 2 {
        return Err(DaemonError::Settings(
            "the name of a router begins with *, followed by at least one character".to_owned(),
        ));
    }
    if !(1..=MUDS_PER_ADDRESS_MAX).contains(&cli.muds_per_address) {
        return Err(DaemonError::Settings(format!(
            "--muds-per-address is a number from 1 to {MUDS_PER_ADDRESS_MAX}"
        )));
    }
    let channels = if cli.channels.is_empty() { vec!["chat".to_owned()] } else { cli.channels.clone() };
    let announced = cli.announce.as_ref().unwrap_or(&cli.host);
    let usual = RouterSettings::default();
    let settings = RouterSettings {
        dialect: cli.dialect,
        faults: if cli.faults { Faults::seen(cli.dialect) } else { Faults::default() },
        name: cli.name.clone(),
        address: format!("{announced} {}", cli.port),
        channels: channels.into_iter().map(|name| (name, 0)).collect(),
        muds_per_ip_max: cli.muds_per_address,
        muds_max: usual.muds_max.max(cli.muds_per_address),
        connections_max: usual.connections_max.max(cli.muds_per_address + CONNECTIONS_SPARE),
        ..usual
    };
    let directory = StateDirectory::take(&cli.state)
        .map_err(|why| DaemonError::Store(format!("{}: {why}", cli.state.display())))?;
    let (store, saved) = open_store(&cli.state)?;
    let stored = Stored::Alone(directory.holding(store));
    let clock = Clock::start();
    let machine = Router::new(settings, saved, seed()?, clock.now());
    let (listener, host) = (Listener::Mud, cli.host.clone());
    let at = ListenAt { listener, host, port: cli.port, tls: None, is_spare: false };
    let listeners = bind_each(&[at], &Acceptors::default(), false)?;
    let ending = Ending::default();
    let connections_max = None;
    let attendant = Unattended;
    daemon::run(Service { machine, clock, listeners, stored, connections_max, attendant, ending }).map(|_| ())
}
