//! Runs a machine as a daemon, with its driver, its signals and its attendant.

use crate::clock::Clock;
use crate::driver::{Command, Driver, Handle};
use crate::listen::Bound;
use crate::signals::Signals;
use async_channel::TrySendError;
use async_io::Timer;
use i3_core::machine::Machine;
use i3_daemon::attend::Attend;
use i3_daemon::error::DaemonError;
use i3_daemon::service::Service;
use i3_daemon::signals::{Answer, Ended};
use i3_daemon::state::{NotTaken, save_to};
use smol::LocalExecutor;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Runs a machine until a signal ends it. Returns how it has ended.
pub fn run<M, A>(service: Service<M, A>) -> Result<Ended, DaemonError>
where
    M: Machine + 'static,
    A: Attend<M> + 'static,
{
    let Service { machine, clock, listeners, stored, mut attendant, mut ending, .. } = service;
    let mut driver =
        Driver::new(machine, clock).on_notice(i3_config::log::record).on_log_level(i3_config::log::set_level);
    for (on, bound) in listeners {
        let bound = Bound::try_from(bound).map_err(DaemonError::listen)?;
        driver = driver.listen(on, bound.tls.as_ref(), bound.listeners);
    }
    let commands = driver.commands();
    let done = commands.clone();
    let (save, beat, query) = save_to(stored, move |command| {
        done.try_send(command).map_err(|error| match error {
            TrySendError::Full(command) => NotTaken::Full(command),
            TrySendError::Closed(_) => NotTaken::Gone,
        })
    });
    let driver = driver.on_save(save).on_beat(beat).on_query(query);
    let executor = Rc::new(LocalExecutor::new());
    let mut signals = Signals::new().map_err(DaemonError::signals)?;
    attendant.started();
    let handle = driver.handle();
    let attendant = Rc::new(RefCell::new(attendant));
    executor.spawn(look(handle.clone(), clock, attendant.clone())).detach();
    let ended = Rc::new(Cell::new(ending.ended()));
    let ends = ended.clone();
    let watch_signals = async move {
        while let Ok(request) = signals.next().await {
            match ending.answer(request) {
                Answer::Reload => {
                    handle.with(|machine, now| attendant.borrow_mut().reload(machine, now));
                }
                Answer::Shutdown => {
                    ends.set(ending.ended());
                    let _ = commands.send(Command::Shutdown).await;
                }
                Answer::Nothing => {}
            }
        }
    };
    executor.spawn(watch_signals).detach();
    smol::block_on(executor.run(driver.run()));
    log::info!(target: "daemon", "stopped");
    Ok(ended.get())
}

/// Calls the attendant at its interval, until the driver is gone.
async fn look<M: Machine + 'static>(handle: Handle<M>, clock: Clock, attendant: Rc<RefCell<impl Attend<M>>>) {
    let interval = attendant.borrow().interval();
    let mut due = clock.now().mono;
    while handle.with(|machine, now| attendant.borrow_mut().look(machine, now, due)).is_some() {
        Timer::after(interval).await;
        due = due + interval;
    }
}
