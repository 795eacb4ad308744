//! Drives one machine in tasks of one thread.
//!
//! The [`Pump`] decides what is done for each connection, and in which order. `runtime.rs` waits for sockets. All tasks of
//! a driver run on one thread, in an executor of the driver, so they share state without locks. A task that has called the
//! pump wakes the task that settles the machine, which then settles once for all calls since its last turn. Each
//! connection has a reading task, which owns no buffer. It has a writing task only while its socket is full. So an idle
//! connection takes a few hundred bytes.

use crate::clock::Clock;
use crate::runtime::{SOON, Shared, Woken, after};
use async_channel::{Receiver, Sender};
use async_io::{Async, Timer};
use futures_lite::future::{or, yield_now};
use i3_core::machine::{Beat, Listener, Machine};
use i3_core::notice::{Level, Notice};
use i3_core::query::Query;
use i3_core::time::Now;
use i3_driver::accept::{ACCEPT_PAUSE, Complaint};
use i3_driver::command::COMMANDS_MAX;
pub use i3_driver::command::Command;
use i3_driver::hooks::{Hooks, Save};
use i3_driver::linger::LINGER_TIME;
use i3_driver::pump::Pump;
use i3_driver::tls::Acceptor;
use smol::LocalExecutor;
use std::net::TcpListener;
use std::rc::{Rc, Weak};

/// A driver with its machine, listeners and callbacks.
#[derive(Debug)]
pub struct Driver<M: Machine + 'static> {
    shared: Rc<Shared<M>>,
    listeners: Vec<(Listener, Option<Acceptor>, Async<TcpListener>)>,
    commands: (Sender<Command>, Receiver<Command>),
}

impl<M: Machine + 'static> Driver<M> {
    /// Makes a driver for a machine that was constructed with the time of `clock`.
    ///
    /// By default it has no listeners, answers every save with a failure, and drops notices.
    pub fn new(machine: M, clock: Clock) -> Self {
        let commands = async_channel::bounded(COMMANDS_MAX);
        let unsaved = commands.0.clone();
        // If the queue is full, the machine has stopped waiting for answers long ago.
        let hooks = Hooks::new(move |answer| drop(unsaved.try_send(answer)));
        Driver { shared: Shared::new(machine, clock, hooks), listeners: Vec::new(), commands }
    }

    /// Accepts connections from `listeners` while running. With an acceptor, they have TLS.
    #[must_use]
    pub fn listen(
        mut self,
        on: Listener,
        tls: Option<&Acceptor>,
        listeners: impl IntoIterator<Item = Async<TcpListener>>,
    ) -> Self {
        self.listeners.extend(listeners.into_iter().map(|listener| (on, tls.cloned(), listener)));
        self
    }

    /// Sets the callback that carries out a save. Each save is answered with [`Command::Saved`].
    ///
    /// The callback must not block, so it answers with `try_send`. It must not use a [`Handle`].
    #[must_use]
    pub fn on_save(self, save: impl FnMut(Save) + Send + 'static) -> Self {
        self.shared.with_pump(|pump| pump.hooks().save = Box::new(save));
        self
    }

    /// Sets the callback that asks the store. Each question is answered with [`Command::Found`].
    ///
    /// The callback must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_query(self, query: impl FnMut(u64, Query) + Send + 'static) -> Self {
        self.shared.with_pump(|pump| pump.hooks().query = Box::new(query));
        self
    }

    /// Sets the callback that carries out beats. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_beat(self, beat: impl FnMut(u64, Beat) + Send + 'static) -> Self {
        self.shared.with_pump(|pump| pump.hooks().beat = Box::new(beat));
        self
    }

    /// Sets the callback that writes notices to the log. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_notice(self, notice: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.shared.with_pump(|pump| pump.hooks().notice = Box::new(notice));
        self
    }

    /// Sets the callback that changes the log's level. It must not block and must not use a [`Handle`].
    #[must_use]
    pub fn on_log_level(self, log_level: impl FnMut(Level) + Send + 'static) -> Self {
        self.shared.with_pump(|pump| pump.hooks().log_level = Box::new(log_level));
        self
    }

    /// Returns a sender of commands for any thread. The queue is bounded.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.0.clone()
    }

    /// Returns access to the machine for this thread, before and while it runs.
    pub fn handle(&self) -> Handle<M> {
        Handle { shared: Rc::downgrade(&self.shared) }
    }

    /// Runs until the machine has stopped and its last connections are closed. Dropping the future closes everything.
    pub async fn run(self) {
        let Driver { shared, listeners, commands: (_, commands) } = self;
        let executor = Rc::new(LocalExecutor::new());
        shared.run_on(&executor);
        let mut services = vec![executor.spawn(obey(shared.clone(), commands))];
        for (on, tls, listener) in listeners {
            services.push(executor.spawn(accept_from(shared.clone(), on, tls, listener)));
        }
        // Settling is a task of its own. It runs after the tasks that woke it, and settles once for all of them.
        let served = executor.spawn(serve(shared.clone()));
        executor
            .run(async {
                served.await;
                drop(services);
                shared.with_pump(Pump::end);
                or(shared.lingered(), after(LINGER_TIME)).await;
            })
            .await;
    }
}

/// Access to the machine inside a driver, for the driver's own thread. It does not keep the machine alive.
#[derive(Debug)]
pub struct Handle<M: Machine + 'static> {
    shared: Weak<Shared<M>>,
}

impl<M: Machine + 'static> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Handle { shared: self.shared.clone() }
    }
}

impl<M: Machine + 'static> Handle<M> {
    /// Calls a function with the machine, which is settled afterwards. `None`: the driver is gone.
    ///
    /// Panics when called from within a callback of the same driver.
    pub fn with<R>(&self, act: impl FnOnce(&mut M, Now) -> R) -> Option<R> {
        let shared = self.shared.upgrade()?;
        Some(shared.settle_after(|pump| pump.with(act)))
    }
}

/// Settles the machine after each input and at each deadline, until it has stopped.
async fn serve<M: Machine + 'static>(shared: Rc<Shared<M>>) {
    let mut timer = Timer::never();
    let mut armed = None;
    loop {
        let (deadline, stopped) = shared.with_pump(|pump| (pump.settle(), pump.is_stopped()));
        if stopped {
            return;
        }
        if deadline.is_some_and(|at| at <= shared.clock.now().mono + SOON) {
            // The machine has more to do at once. The sockets come first.
            after(SOON).await;
            continue;
        }
        // If the deadline moves to a later time, the timer is not changed. Waking early costs less than setting the timer for
        // each message.
        if let Some(at) = deadline.filter(|at| armed.is_none_or(|armed| *at < armed)) {
            armed = Some(at);
            timer = shared.clock.system_time_of(at).map_or_else(Timer::never, Timer::at);
        }
        if shared.wake.wait(&mut timer).await == Woken::ByTimer {
            armed = None;
            timer = Timer::never();
        }
    }
}

/// Passes commands on to the machine.
async fn obey<M: Machine + 'static>(shared: Rc<Shared<M>>, commands: Receiver<Command>) {
    while let Ok(command) = commands.recv().await {
        shared.settle_after(|pump| pump.input(command.into()));
    }
}

/// Accepts connections without an end: a failure ends neither the listener nor the daemon.
async fn accept_from<M: Machine + 'static>(
    shared: Rc<Shared<M>>,
    on: Listener,
    tls: Option<Acceptor>,
    listener: Async<TcpListener>,
) {
    let mut failed = Complaint::cannot_accept(on);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                shared.settle_after(|pump| pump.accepted(on, tls.as_ref(), stream, peer));
                yield_now().await;
            }
            Err(error) => {
                if let Some(notice) = failed.again(Some(&error)) {
                    shared.with_pump(|pump| (pump.hooks().notice)(&notice));
                }
                after(ACCEPT_PAUSE).await;
            }
        }
    }
}
