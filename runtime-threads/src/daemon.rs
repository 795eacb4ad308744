//! A machine as a daemon: its store, its listeners, its driver, and the signals that end it.

use crate::clock::Clock;
use crate::driver::{Command, Commands, Driver};
use crate::listen;
use crate::signals::{Request, Signals};
use i3_config::{Config, ListenAt};
use i3_core::Gateway;
use i3_core::machine::{Listener, Machine, Saved};
use i3_store::{SqliteStore, Store, Writer};
use std::fmt;
use std::io;
use std::path::Path;
use std::thread;

/// The file in the state directory.
const STORE_FILE: &str = "i3-gateway.sqlite";

/// Why a daemon did not start, or ended badly.
#[derive(Debug)]
pub enum DaemonError {
    /// The settings cannot be used.
    Settings(String),
    /// The state directory cannot be used.
    Store(String),
    /// An address cannot be listened at.
    Listen(String),
    /// The system refuses something else.
    System(String),
}

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonError::Settings(text) => write!(f, "settings: {text}"),
            DaemonError::Store(text) => write!(f, "state: {text}"),
            DaemonError::Listen(text) => write!(f, "listening: {text}"),
            DaemonError::System(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DaemonError {}

/// Runs a gateway until it is told to end.
pub fn run_gateway(config: Config) -> Result<(), DaemonError> {
    let Config { core, listeners, state_directory, .. } = config;
    let (store, saved) = open_store(&state_directory)?;
    let clock = Clock::start();
    let gateway = Gateway::new(core, &saved, seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    run(gateway, clock, &listeners, store)
}

/// Opens the store in its directory and reads it.
pub fn open_store(directory: &Path) -> Result<(SqliteStore, Saved), DaemonError> {
    let file = directory.join(STORE_FILE);
    let fail = |error| DaemonError::Store(format!("{}: {error}", file.display()));
    let mut store = SqliteStore::open(&file).map_err(fail)?;
    let saved = store.load().map_err(fail)?;
    Ok((store, saved))
}

/// A number that nobody can guess, from the operating system.
pub fn seed() -> Result<u64, DaemonError> {
    getrandom::u64().map_err(|error| DaemonError::System(format!("no randomness: {error}")))
}

/// Runs a machine until it is told to end: by SIGTERM or SIGINT; a second one ends the process at once.
pub fn run<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: &[ListenAt],
    store: impl Store + 'static,
) -> Result<(), DaemonError> {
    let system = |error: io::Error| DaemonError::System(error.to_string());
    let mut driver = Driver::new(machine, clock).on_notice(i3_config::log::record);
    for at in listeners {
        let bound =
            listen::bind(&at.host, at.port).map_err(|error| DaemonError::Listen(error.to_string()))?;
        log::info!("listening for {} at {}:{}", speech(at.listener), at.host, bound.port);
        driver = driver.listen(at.listener, bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let writer = Writer::spawn(store, move |ticket, outcome| {
        // The driver is gone only when nobody waits for the outcome any more.
        let _ = done.send(Command::Saved { ticket, outcome });
    });
    // Dropped with the driver: it writes what was submitted, and ends.
    let driver = driver.on_save(move |ticket, changes| {
        // A full queue refuses; the writer then answers the ticket with an error, in its turn.
        writer.submit(ticket, changes);
    });
    let signals = Signals::new().map_err(|error| DaemonError::System(format!("signals: {error}")))?;
    let closer = signals.closer();
    let watcher = thread::Builder::new().name("i3-signals".to_owned());
    let watcher = watcher.spawn(move || watch_signals(signals, &commands)).map_err(system)?;
    let outcome = driver.run().map_err(system);
    closer.close();
    let _ = watcher.join();
    log::info!("stopped");
    outcome
}

fn watch_signals(mut signals: Signals, commands: &Commands) {
    let mut ending = false;
    while let Some(request) = signals.next_request() {
        match request {
            Request::Shutdown if ending => std::process::exit(130),
            Request::Shutdown => {
                log::info!("shutting down");
                ending = true;
                let _ = commands.send(Command::Shutdown);
            }
            Request::Reload => {
                log::warn!("SIGHUP: settings are read at the start only; restart to apply them");
            }
        }
    }
}

fn speech(listener: Listener) -> &'static str {
    match listener {
        Listener::Http => "HTTP and WebSocket",
        Listener::Lines => "JSON lines",
        Listener::Mud => "muds",
    }
}
