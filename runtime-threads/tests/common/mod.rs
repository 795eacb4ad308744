//! A driver to test, a small machine for it to drive, and waiting with deadlines.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../../driver/tests/shared/echo.rs"]
mod echo;
#[path = "../../../driver/tests/shared/setup.rs"]
mod setup;
#[path = "../../../driver/tests/shared/system.rs"]
mod system;

pub(crate) use echo::*;
use i3_core::time::Now;
use i3_gateway_threads::clock::Clock;
use i3_gateway_threads::driver::{Command, Commands, Driver, Handle};
use i3_gateway_threads::listen::bind;
pub(crate) use setup::*;
use std::sync::mpsc;
use std::thread::JoinHandle;
pub(crate) use system::wait_until as until;
pub(crate) use system::*;

/// A running driver.
pub(crate) struct Running {
    thread: JoinHandle<()>,
    machine: Handle<Echo>,
    commands: Commands,
    pub(crate) ports: Ports,
}

impl Running {
    pub(crate) fn start_with(setup: Setup) -> Running {
        Running::start_with_max(setup, 1024)
    }

    pub(crate) fn start_with_max(setup: Setup, connections_max: usize) -> Running {
        let bound = [(); 3].map(|()| bind("127.0.0.1", 0).unwrap());
        let [echo, flood, closing] = [0, 1, 2].map(|at: usize| bound[at].port);
        let mut driver = Driver::new(Echo::default(), Clock::start()).connections_max(connections_max);
        for (on, bound) in LISTENERS.into_iter().zip(bound) {
            let tls = setup.tls.as_ref().filter(|_| bound.port == echo);
            driver = driver.listen(on, tls, bound.listeners);
        }
        if let Some(notice) = setup.notice {
            driver = driver.on_notice(notice);
        }
        let (machine, commands) = (driver.handle(), driver.commands());
        if let Some(saves) = setup.saves {
            let answers = commands.clone();
            driver = driver.on_save(move |i3_driver::hooks::Save { ticket, changes, .. }| {
                saves.send(changes).unwrap();
                answers.try_send(Command::Saved { ticket, outcome: Ok(()) }).unwrap();
            });
        }
        let thread = std::thread::spawn(|| driver.run().unwrap());
        Running { thread, machine, commands, ports: Ports { echo, flood, closing } }
    }

    pub(crate) fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Echo, Now) -> R + Send + 'static,
    ) -> Option<R> {
        self.machine.with(act)
    }

    pub(crate) fn stop(self) {
        self.commands.send(Command::Shutdown).unwrap();
        joined("stopping", self.thread);
        assert!(self.machine.with(|_, _| ()).is_none());
        assert!(self.commands.send(Command::Shutdown).is_err());
    }
}

/// What `work` gives; panics when it takes too long.
pub(crate) fn patiently<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(work()));
    result.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"))
}
