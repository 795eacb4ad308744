//! Runs a machine as a daemon, with its driver, its signals and its attendant.

use crate::clock::Clock;
use crate::driver::{Command, Commands, Driver, Handle};
use crate::signals::Signals;
use crate::threads::STACK_BYTES;
use i3_core::machine::Machine;
use i3_daemon::attend::Attend;
use i3_daemon::error::DaemonError;
use i3_daemon::service::Service;
use i3_daemon::signals::{Answer, Ended, Ending};
use i3_daemon::state::{NotTaken, save_to};
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many connections are accepted beyond the limit of the machine. The machine decides which of them are refused, and
/// counts them. Closed connections need room while they linger, at most
/// [`LINGERING_HERE_MAX`](crate::runtime::LINGERING_HERE_MAX).
const CONNECTIONS_SPARE: usize = 64;

/// Runs a machine until a signal ends it. Returns how it has ended.
pub fn run<M, A>(service: Service<M, A>) -> Result<Ended, DaemonError>
where
    M: Machine + Send + 'static,
    A: Attend<M> + Send + 'static,
{
    let Service { machine, clock, listeners, stored, connections_max, mut attendant, ending } = service;
    let system = |error: io::Error| DaemonError::System(error.to_string());
    let mut driver =
        Driver::new(machine, clock).on_notice(i3_config::log::record).on_log_level(i3_config::log::set_level);
    if let Some(served) = connections_max {
        driver = driver.connections_max(served.saturating_add(CONNECTIONS_SPARE));
    }
    for (on, bound) in listeners {
        driver = driver.listen(on, bound.tls.as_ref(), bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let (save, beat, query) = save_to(stored, move |command| {
        done.try_send(command).map_err(|error| match error {
            TrySendError::Full(command) => NotTaken::Full(command),
            TrySendError::Disconnected(_) => NotTaken::Gone,
        })
    });
    let driver = driver.on_save(save).on_beat(beat).on_query(query);
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
    // The panic hook has reported a panic of the thread already.
    let ended = watcher.join().unwrap_or(Ended::Stopped);
    let _ = looker.join();
    log::info!(target: "daemon", "stopped");
    outcome.map(|()| ended)
}

/// Handles requests until the daemon has ended. Returns how it has ended.
fn watch_signals<M>(
    mut signals: Signals,
    commands: &Commands,
    handle: &Handle<M>,
    attendant: &Arc<Mutex<impl Attend<M> + Send + 'static>>,
    mut ending: Ending,
) -> Ended {
    while let Some(request) = signals.next_request() {
        match ending.answer(request) {
            Answer::Reload => {
                let attendant = attendant.clone();
                handle.with(move |machine, now| locked(&attendant).reload(machine, now));
            }
            Answer::Shutdown => drop(commands.send(Command::Shutdown)),
            Answer::Nothing => {}
        }
    }
    ending.ended()
}

/// Calls the attendant at its interval, until the driver is gone.
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

/// The attendant. Apart from its interval it is used on the core thread only.
fn locked<A>(attendant: &Mutex<A>) -> MutexGuard<'_, A> {
    attendant.lock().unwrap_or_else(PoisonError::into_inner)
}
