//! A machine as a daemon: its store, its listeners, its driver, and the signals that end it.

use crate::clock::Clock;
use crate::driver::{Command, Commands, Driver};
use crate::signals::Signals;
use i3_config::{Config, ListenAt};
use i3_core::machine::Machine;
pub use i3_host::error::DaemonError;
use i3_host::gateway::{Ended, Prepared, run_each};
use i3_host::listen::bind_each;
pub use i3_host::seed::seed;
use i3_host::signals::{Ending, Request};
pub use i3_host::state::open_store;
use i3_host::state::save_to;
use i3_store::Store;
use std::io;
use std::thread;

/// How many connections are accepted beyond those that the gateway serves: it refuses them itself, so that they are
/// counted, and closed ones need room while they linger.
const CONNECTIONS_SPARE: usize = 64;

/// Runs a gateway until it is told to end.
pub fn run_gateway(config: &Config) -> Result<(), DaemonError> {
    run_each(config, |Prepared { gateway, clock, listeners, store, connections_max }| {
        let most = connections_max.saturating_add(CONNECTIONS_SPARE);
        run_until(gateway, clock, &listeners, store, most, Ending::or_restore())
    })
}

/// Runs a machine until it is told to end: by SIGTERM or SIGINT; a second one ends the process at once. At
/// `connections_max` accepting pauses, see [`Driver::connections_max`].
pub fn run<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: &[ListenAt],
    store: impl Store + 'static,
    connections_max: usize,
) -> Result<(), DaemonError> {
    run_until(machine, clock, listeners, store, connections_max, Ending::default()).map(|_| ())
}

fn run_until<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: &[ListenAt],
    store: impl Store + 'static,
    connections_max: usize,
    ending: Ending,
) -> Result<Ended, DaemonError> {
    let system = |error: io::Error| DaemonError::System(error.to_string());
    let driver = Driver::new(machine, clock).on_notice(i3_config::log::record);
    let mut driver = driver.connections_max(connections_max);
    for (on, bound) in bind_each(listeners)? {
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
    let watcher = watcher.spawn(move || watch_signals(signals, &commands, ending)).map_err(system)?;
    let outcome = driver.run().map_err(system);
    closer.close();
    // A panic there has been reported by the panic hook already.
    let ended = watcher.join().unwrap_or(Ended::Stopped);
    log::info!(target: "daemon", "stopped");
    outcome.map(|()| ended)
}

/// Until the daemon has ended; says how.
fn watch_signals(mut signals: Signals, commands: &Commands, mut ending: Ending) -> Ended {
    let mut ended = Ended::Stopped;
    while let Some(request) = signals.next_request() {
        if ending.begins_with(request) {
            ended = if request == Request::Restore { Ended::ToRestore } else { Ended::Stopped };
            let _ = commands.send(Command::Shutdown);
        }
    }
    ended
}
