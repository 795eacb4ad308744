//! A machine as a daemon: its store, its listeners, its driver, and the signals that end it.

use crate::clock::Clock;
use crate::driver::{Command, Commands, Driver};
use crate::signals::Signals;
use i3_config::Config;
use i3_core::machine::{Listener, Machine};
pub use i3_host::error::DaemonError;
use i3_host::gateway::{Prepared, prepare};
use i3_host::listen::Bound;
pub use i3_host::seed::seed;
use i3_host::signals::Ending;
pub use i3_host::state::open_store;
use i3_host::state::save_to;
use i3_store::Store;
use std::io;
use std::thread;

/// How many connections are accepted beyond those that the gateway serves: it refuses them itself, so that they are
/// counted, and closed ones need room while they linger.
const CONNECTIONS_SPARE: usize = 64;

/// Runs a gateway until it is told to end.
pub fn run_gateway(config: Config) -> Result<(), DaemonError> {
    let Prepared { gateway, clock, listeners, store, connections_max } = prepare(config)?;
    run(gateway, clock, listeners, store, connections_max.saturating_add(CONNECTIONS_SPARE))
}

/// Runs a machine until it is told to end: by SIGTERM or SIGINT; a second one ends the process at once. At
/// `connections_max` accepting pauses, see [`Driver::connections_max`].
pub fn run<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
    store: impl Store + 'static,
    connections_max: usize,
) -> Result<(), DaemonError> {
    let system = |error: io::Error| DaemonError::System(error.to_string());
    let driver =
        Driver::new(machine, clock).on_notice(i3_config::log::record).on_log_level(i3_config::log::set_level);
    let mut driver = driver.connections_max(connections_max);
    for (on, bound) in listeners {
        driver = driver.listen(on, bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let driver = driver.on_save(save_to(store, move |answer| {
        // The driver is gone only when nobody waits for the answer any more.
        let _ = done.send(answer);
    }));
    let signals = Signals::new().map_err(DaemonError::signals)?;
    let closer = signals.closer();
    let watcher = thread::Builder::new().name("i3-signals".to_owned());
    let watcher = watcher.spawn(move || watch_signals(signals, &commands)).map_err(system)?;
    let outcome = driver.run().map_err(system);
    closer.close();
    let _ = watcher.join();
    log::info!(target: "daemon", "stopped");
    outcome
}

fn watch_signals(mut signals: Signals, commands: &Commands) {
    let mut ending = Ending::default();
    while let Some(request) = signals.next_request() {
        if ending.begins_with(request) {
            let _ = commands.send(Command::Shutdown);
        }
    }
}
