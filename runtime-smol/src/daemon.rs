//! A machine as a daemon: its store, its listeners, its driver, and the signals that end it.

use crate::clock::Clock;
use crate::driver::{Command, Driver, Handle};
use crate::signals::Signals;
use async_io::Timer;
use i3_core::Gateway;
use i3_core::machine::{Listener, Machine};
pub use i3_host::attend::{Attend, Unattended};
pub use i3_host::error::DaemonError;
use i3_host::gateway::{Ended, Prepared};
pub use i3_host::listen::{Bound, bind_each};
pub use i3_host::seed::seed;
use i3_host::signals::{Ending, Request};
pub use i3_host::state::open_store;
use i3_host::state::save_to;
use i3_store::Store;
use smol::LocalExecutor;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Runs a gateway until it is told to end, or to go on with another state.
pub fn run_gateway(
    prepared: Prepared,
    attendant: Box<dyn Attend<Gateway> + Send>,
) -> Result<Ended, DaemonError> {
    let Prepared { gateway, clock, listeners, store, .. } = prepared;
    run_until(gateway, clock, listeners, store, attendant, Ending::or_restore())
}

/// Runs a machine until it is told to end: by SIGTERM or SIGINT; a second one ends the process at once. SIGHUP is passed
/// to what looks after it.
pub fn run<M: Machine + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
    store: impl Store + 'static,
    attendant: impl Attend<M> + 'static,
) -> Result<(), DaemonError> {
    run_until(machine, clock, listeners, store, attendant, Ending::default()).map(|_| ())
}

fn run_until<M: Machine + 'static>(
    machine: M,
    clock: Clock,
    listeners: Vec<(Listener, Bound)>,
    store: impl Store + 'static,
    mut attendant: impl Attend<M> + 'static,
    mut ending: Ending,
) -> Result<Ended, DaemonError> {
    let mut driver =
        Driver::new(machine, clock).on_notice(i3_config::log::record).on_log_level(i3_config::log::set_level);
    for (on, bound) in listeners {
        let bound = crate::listen::Bound::try_from(bound).map_err(DaemonError::listen)?;
        driver = driver.listen(on, bound.tls.as_ref(), bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let driver = driver.on_save(save_to(store, move |answer| {
        // The driver is gone only when nobody waits for the answer any more.
        let _ = done.send_blocking(answer);
    }));
    let executor = Rc::new(LocalExecutor::new());
    let mut signals = Signals::new().map_err(DaemonError::signals)?;
    attendant.started();
    let handle = driver.handle();
    let attendant = Rc::new(RefCell::new(attendant));
    executor.spawn(look(handle.clone(), clock, attendant.clone())).detach();
    let ended = Rc::new(Cell::new(Ended::Stopped));
    let ends = ended.clone();
    let watch_signals = async move {
        while let Ok(request) = signals.next().await {
            if request == Request::Reload {
                handle.with(|machine, now| attendant.borrow_mut().reload(machine, now));
            } else if ending.begins_with(request) {
                ends.set(if request == Request::Restore { Ended::ToRestore } else { Ended::Stopped });
                let _ = commands.send(Command::Shutdown).await;
            }
        }
    };
    executor.spawn(watch_signals).detach();
    smol::block_on(executor.run(driver.run()));
    log::info!(target: "daemon", "stopped");
    Ok(ended.get())
}

/// Looks at the machine now and then, until its driver is gone.
async fn look<M: Machine>(handle: Handle<M>, clock: Clock, attendant: Rc<RefCell<impl Attend<M>>>) {
    let interval = attendant.borrow().interval();
    let mut due = clock.now().mono;
    while handle.with(|machine, now| attendant.borrow_mut().look(machine, now, due)).is_some() {
        Timer::after(interval).await;
        due = due + interval;
    }
}
