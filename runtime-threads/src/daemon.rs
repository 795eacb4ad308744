//! A machine as a daemon: its store, its listeners, its driver, and the signals that end it.

use crate::clock::Clock;
use crate::driver::{Command, Commands, Driver, Handle};
use crate::signals::Signals;
use crate::threads::STACK_BYTES;
use i3_core::Gateway;
use i3_core::machine::{Listener, Machine};
pub use i3_daemon::attend::{Attend, Unattended};
pub use i3_daemon::error::DaemonError;
use i3_daemon::gateway::{Ended, Prepared};
pub use i3_daemon::seed::seed;
use i3_daemon::signals::{Ending, Request};
pub use i3_daemon::state::open_store;
use i3_daemon::state::save_to;
use i3_driver::listen::Bound;
use i3_store::Store;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many connections are accepted beyond those that the gateway serves: it refuses them itself, so that they are
/// counted, and closed ones need room while they linger.
const CONNECTIONS_SPARE: usize = 64;

/// Runs a gateway until it is told to end, or to go on with another state.
pub fn run_gateway(
    prepared: Prepared,
    attendant: Box<dyn Attend<Gateway> + Send>,
) -> Result<Ended, DaemonError> {
    let Prepared { gateway, clock, listeners, store, connections_max } = prepared;
    let connections_max = connections_max.saturating_add(CONNECTIONS_SPARE);
    run_until(gateway, clock, listeners, store, connections_max, attendant, Ending::or_restore())
}

/// Runs a machine until it is told to end: by SIGTERM or SIGINT; a second one ends the process at once. SIGHUP is passed
/// to what looks after it. At `connections_max` accepting pauses, see [`Driver::connections_max`].
pub fn run<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
    store: Box<dyn Store>,
    connections_max: usize,
    attendant: impl Attend<M> + Send + 'static,
) -> Result<(), DaemonError> {
    run_until(machine, clock, listeners, store, connections_max, attendant, Ending::default()).map(|_| ())
}

fn run_until<M: Machine + Send + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
    store: Box<dyn Store>,
    connections_max: usize,
    mut attendant: impl Attend<M> + Send + 'static,
    ending: Ending,
) -> Result<Ended, DaemonError> {
    let system = |error: io::Error| DaemonError::System(error.to_string());
    let driver =
        Driver::new(machine, clock).on_notice(i3_config::log::record).on_log_level(i3_config::log::set_level);
    let mut driver = driver.connections_max(connections_max);
    for (on, bound) in listeners {
        driver = driver.listen(on, bound.tls.as_ref(), bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let driver = driver.on_save(save_to(store, move |answer| {
        // The driver is gone only when nobody waits for the answer any more.
        let _ = done.send(answer);
    }));
    let signals = Signals::new().map_err(DaemonError::signals)?;
    let closer = signals.closer();
    attendant.started();
    let attendant = Arc::new(Mutex::new(attendant));
    let (handle, attended) = (driver.handle(), attendant.clone());
    let (end_looking, ended) = mpsc::channel();
    let looker = thread::Builder::new().name("i3-look".to_owned()).stack_size(STACK_BYTES);
    let looker = looker.spawn(move || look(&handle, clock, &attended, &ended)).map_err(system)?;
    let handle = driver.handle();
    let watcher = thread::Builder::new().name("i3-signals".to_owned()).stack_size(STACK_BYTES);
    let watcher = watcher
        .spawn(move || watch_signals(signals, &commands, &handle, &attendant, ending))
        .map_err(system)?;
    let outcome = driver.run().map_err(system);
    closer.close();
    drop(end_looking);
    // A panic there has been reported by the panic hook already.
    let ended = watcher.join().unwrap_or(Ended::Stopped);
    let _ = looker.join();
    log::info!(target: "daemon", "stopped");
    outcome.map(|()| ended)
}

/// Until the daemon has ended; says how.
fn watch_signals<M>(
    mut signals: Signals,
    commands: &Commands,
    handle: &Handle<M>,
    attendant: &Arc<Mutex<impl Attend<M> + Send + 'static>>,
    mut ending: Ending,
) -> Ended {
    let mut ended = Ended::Stopped;
    while let Some(request) = signals.next_request() {
        if request == Request::Reload {
            let attendant = attendant.clone();
            handle.with(move |machine, now| locked(&attendant).reload(machine, now));
        } else if ending.begins_with(request) {
            ended = if request == Request::Restore { Ended::ToRestore } else { Ended::Stopped };
            let _ = commands.send(Command::Shutdown);
        }
    }
    ended
}

/// Looks at the machine now and then, until its driver is gone.
fn look<M>(
    handle: &Handle<M>,
    clock: Clock,
    attendant: &Arc<Mutex<impl Attend<M> + Send + 'static>>,
    ended: &Receiver<()>,
) {
    let interval = locked(attendant).interval();
    loop {
        let (due, attendant) = (clock.now().mono, attendant.clone());
        let look = move |machine: &mut M, now| locked(&attendant).look(machine, now, due);
        if handle.with(look).is_none() || ended.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// It is used on the core thread only, but for its interval.
fn locked<A>(attendant: &Mutex<A>) -> MutexGuard<'_, A> {
    attendant.lock().unwrap_or_else(PoisonError::into_inner)
}
