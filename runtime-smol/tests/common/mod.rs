//! A driver to test, a small machine for it to drive, and waiting with deadlines.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../../driver/tests/shared/echo.rs"]
mod echo;
mod patience;
#[path = "../../../driver/tests/shared/setup.rs"]
mod setup;
#[path = "../../../driver/tests/shared/system.rs"]
mod system;

use async_channel::{Receiver, Sender, unbounded};
pub(crate) use echo::*;
use i3_core::time::Now;
use i3_gateway::clock::Clock;
use i3_gateway::driver::{Command, Driver};
use i3_gateway::listen::bind;
pub(crate) use patience::*;
pub(crate) use setup::*;
use smol::LocalExecutor;
use std::sync::mpsc;
use std::thread::JoinHandle;
pub(crate) use system::*;

/// Something to do on the driver's thread.
type Act = Box<dyn FnOnce(&mut Echo, Now) + Send>;

/// A driver that runs on a thread of its own.
pub(crate) struct Running {
    pub(crate) thread: JoinHandle<()>,
    acts: Sender<Act>,
    commands: Sender<Command>,
    /// Dropping it drops the driver.
    pub(crate) alive: Sender<()>,
    pub(crate) ports: Ports,
}

impl Running {
    pub(crate) fn start_with(setup: Setup) -> Running {
        let (acts, to_do) = unbounded();
        let (alive, dropped) = unbounded();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || drive(setup, to_do, &dropped, &ready));
        let (commands, ports) = started.recv().unwrap();
        Running { thread, acts, commands, alive, ports }
    }

    pub(crate) fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Echo, Now) -> R + Send + 'static,
    ) -> Option<R> {
        let (sender, result) = mpsc::sync_channel(1);
        let act: Act = Box::new(move |machine, now| sender.send(act(machine, now)).unwrap());
        self.acts.send_blocking(act).ok()?;
        result.recv().ok()
    }

    pub(crate) fn stop(self) {
        self.commands.send_blocking(Command::Shutdown).unwrap();
        joined("stopping", self.thread);
        assert!(self.commands.send_blocking(Command::Shutdown).is_err());
    }
}

/// Runs a driver until it has stopped, or `dropped` is closed.
fn drive(
    setup: Setup,
    to_do: Receiver<Act>,
    dropped: &Receiver<()>,
    ready: &mpsc::Sender<(Sender<Command>, Ports)>,
) {
    let bound = [(); 3].map(|()| bind("127.0.0.1", 0).unwrap());
    let [echo, flood, closing] = [0, 1, 2].map(|at: usize| bound[at].port);
    let mut driver = Driver::new(Echo::default(), Clock::start());
    for (on, bound) in LISTENERS.into_iter().zip(bound) {
        let tls = setup.tls.as_ref().filter(|_| bound.port == echo);
        driver = driver.listen(on, tls, bound.listeners);
    }
    if let Some(notice) = setup.notice {
        driver = driver.on_notice(notice);
    }
    let commands = driver.commands();
    if let Some(saves) = setup.saves {
        let answers = commands.clone();
        driver = driver.on_save(move |i3_driver::hooks::Save { ticket, changes, .. }| {
            saves.send(changes).unwrap();
            answers.try_send(Command::Saved { ticket, outcome: Ok(()) }).unwrap();
        });
    }
    let (handle, gone) = (driver.handle(), driver.handle());
    ready.send((commands, Ports { echo, flood, closing })).unwrap();
    let executor = LocalExecutor::new();
    let acts = executor.spawn(async move {
        while let Ok(act) = to_do.recv().await {
            handle.with(act);
        }
    });
    smol::block_on(executor.run(futures_lite::future::or(driver.run(), async {
        // It only ever ends by being closed.
        let _ = dropped.recv().await;
    })));
    drop((acts, executor));
    assert!(gone.with(|_, _| ()).is_none(), "no task keeps the machine alive");
}
