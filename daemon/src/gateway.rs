//! A gateway from its settings to the point where a driver takes over.

use crate::attend::{Attend, Attendant};
use crate::directory::{StateDirectory, Unavailable};
use crate::error::DaemonError;
use crate::listeners::bind_each;
use crate::seed::seed;
use crate::state::{open_store, python_password};
use crate::tls::Acceptors;
use i3_config::{Config, FileOptions, Problem};
use i3_core::Gateway;
use i3_core::machine::Listener;
use i3_driver::clock::Clock;
use i3_driver::listen::Bound;
use i3_store::{SqliteStore, Store};

/// A gateway that has read its store, and what its driver needs.
#[derive(Debug)]
pub struct Prepared {
    /// The machine.
    pub gateway: Gateway,
    /// The clock that it was constructed with.
    pub clock: Clock,
    /// Where it listens: its clients wait in the kernel's queue until a driver accepts them.
    pub listeners: Vec<(Listener, Bound)>,
    /// Where its saves go.
    pub store: SqliteStore,
    /// How many clients it serves at one time. It refuses the others by itself.
    pub connections_max: usize,
}

/// How a daemon has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It is to go on with another state.
    ToRestore,
}

/// How a runtime drives a gateway until it ends.
pub type Run = fn(Prepared, Box<dyn Attend<Gateway> + Send>) -> Result<Ended, DaemonError>;

/// Runs a gateway with `run` until it is told to end: again and again, if a state is restored in between, with the
/// settings of `files` as they are then.
pub fn run_each(
    files: &FileOptions,
    mut config: Config,
    profile_memory: bool,
    run: Run,
) -> Result<(), DaemonError> {
    let directory = take(&config)?;
    let mut tls = acceptors(&config)?;
    loop {
        match directory.restore() {
            Ok(true) => log::warn!(target: "store", "the state was replaced with a restored one"),
            Ok(false) => {}
            Err(error) => log::error!(target: "store", "the state to restore cannot be used: {error}"),
        }
        let attendant = Attendant::new(files.clone(), config.clone(), tls.clone(), profile_memory);
        if run(prepare(config.clone(), &tls)?, Box::new(attendant))? == Ended::Stopped {
            return Ok(());
        }
        let new = i3_config::load_files(files).and_then(|new| Ok((Acceptors::load(&new.listeners)?, new)));
        match new {
            Ok((acceptors, new)) => {
                tls = acceptors;
                // Where the state is has not changed: it is this directory that is held.
                config = Config { state_directory: config.state_directory, ..new };
            }
            Err(problems) => log::error!(target: "settings", "the settings stay as they were: {problems}"),
        }
    }
}

/// Runs a gateway with `run` until it ends.
pub fn run_once(
    config: Config,
    attendant: Box<dyn Attend<Gateway> + Send>,
    run: Run,
) -> Result<(), DaemonError> {
    let _directory = take(&config)?;
    let tls = acceptors(&config)?;
    run(prepare(config, &tls)?, attendant).map(|_| ())
}

fn acceptors(config: &Config) -> Result<Acceptors, DaemonError> {
    Acceptors::load(&config.listeners).map_err(|problems| {
        let texts: Vec<String> = problems.0.iter().map(Problem::text).collect();
        DaemonError::Settings(texts.join("; "))
    })
}

fn take(config: &Config) -> Result<StateDirectory, DaemonError> {
    let path = &config.state_directory;
    StateDirectory::take(path).map_err(|why| match why {
        Unavailable::InUse(_) => {
            DaemonError::Store(format!("{}: another gateway runs with this state", path.display()))
        }
        Unavailable::Error(error) => DaemonError::Store(format!("{}: {error}", path.display())),
    })
}

/// Opens the store and constructs the gateway.
fn prepare(config: Config, tls: &Acceptors) -> Result<Prepared, DaemonError> {
    let Config { mut core, listeners, tls_required, state_directory, .. } = config;
    let connections_max = core.api.connections_max;
    // Before the store: a second gateway that was started by mistake ends before it touches anything.
    let listeners = bind_each(&listeners, tls, tls_required)?;
    let (mut store, saved) = open_store(&state_directory)?;
    // At the first start only: afterwards the router's last word is in the store.
    if let Some(first) =
        core.muds.first_mut().filter(|mud| mud.router_password == 0 && saved.entries.is_empty())
    {
        match python_password(&state_directory) {
            Ok(Some(password)) => {
                log::info!(target: "store", "taking over the router password of the Python gateway");
                first.router_password = password;
            }
            Ok(None) => {}
            Err(error) => {
                log::warn!(target: "store", "the Python gateway's router password is not read: {error}");
            }
        }
    }
    if let Err(error) = store.commit(&Gateway::before_start(&saved)) {
        // A full disk is no reason not to serve.
        log::error!(target: "store", "ids of events may be given again after a restart: {error}");
    }
    let clock = Clock::start();
    let gateway = Gateway::new(core, &saved, seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    Ok(Prepared { gateway, clock, listeners, store, connections_max })
}
