//! A gateway from its settings to the point where a driver takes over.

use crate::attend::{Attend, Attendant};
use crate::directory::StateDirectory;
use crate::error::DaemonError;
use crate::listeners::bind_each;
use crate::seed::seed;
use crate::service::Service;
use crate::signals::{Ended, Ending};
use crate::state::{open_store, python_password, url};
use crate::tls::Acceptors;
use i3_config::{Config, FileOptions, Problem};
use i3_core::Gateway;
use i3_core::machine::Saved;
use i3_core::settings::Settings;
use i3_driver::clock::Clock;
use i3_store::{Store, Unavailable};
use std::path::Path;

/// A gateway that has read its store, and what its driver needs.
pub type GatewayService = Service<Gateway, Box<dyn Attend<Gateway> + Send>>;

/// How a runtime drives a gateway until it ends.
pub type Run = fn(GatewayService) -> Result<Ended, DaemonError>;

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
        match directory.restore(|| i3_store::open(url(directory.path())?)) {
            Ok(true) => log::warn!(target: "store", "the state was replaced with a restored one"),
            Ok(false) => {}
            Err(error) => log::error!(target: "store", "the state to restore cannot be used: {error}"),
        }
        let attendant = Attendant::new(files.clone(), config.clone(), tls.clone(), profile_memory);
        if run(prepare(config.clone(), &tls, Box::new(attendant))?)? == Ended::Stopped {
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
    run(prepare(config, &tls, attendant)?).map(|_| ())
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
fn prepare(
    config: Config,
    tls: &Acceptors,
    attendant: Box<dyn Attend<Gateway> + Send>,
) -> Result<GatewayService, DaemonError> {
    let connections_max = Some(config.core.api.connections_max);
    // Before the store: a second gateway that was started by mistake ends before it touches anything.
    let listeners = bind_each(&config.listeners, tls, config.tls_required)?;
    let (mut store, saved) = open_store(&config.state_directory)?;
    let (machine, clock) = construct(config.core, &config.state_directory, &mut *store, &saved)?;
    let ending = Ending::or_restore();
    Ok(Service { machine, clock, listeners, store, connections_max, attendant, ending })
}

/// Constructs the gateway with what `store` holds, and saves what must be there before it starts.
fn construct(
    mut settings: Settings,
    state_directory: &Path,
    store: &mut dyn Store,
    saved: &Saved,
) -> Result<(Gateway, Clock), DaemonError> {
    // At the first start only: afterwards the router's last word is in the store.
    if let Some(first) =
        settings.muds.first_mut().filter(|mud| mud.router_password == 0 && saved.entries.is_empty())
    {
        match python_password(state_directory) {
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
    if let Err(error) = store.commit(&Gateway::before_start(saved)) {
        // A full disk is no reason not to serve.
        log::error!(target: "store", "ids of events may be given again after a restart: {error}");
    }
    let clock = Clock::start();
    let gateway = Gateway::new(settings, saved, seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    Ok((gateway, clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::state::save_to;
    use i3_config::Sources;
    use i3_core::machine::{Machine, Output};
    use std::collections::BTreeMap;

    fn settings() -> Settings {
        let yaml = "mud: {name: Test}\napi: {auth: {secret: a-long-key}}";
        let yaml_text = Some(("c.yaml".to_owned(), yaml.to_owned()));
        let process_env = BTreeMap::new();
        i3_config::load(Sources { yaml_text, env_file_text: None, process_env }).unwrap().core
    }

    /// Starts a gateway with a store, carries out the saves of its start, and says what is kept then.
    fn start_and_save(mut store: Box<dyn Store>) -> Saved {
        let directory = tempfile::tempdir().unwrap();
        let saved = store.load().unwrap();
        let (mut gateway, clock) = construct(settings(), directory.path(), &mut *store, &saved).unwrap();
        let mut again = MemoryStore::default();
        again.commit(&store.load().unwrap().entries).unwrap();
        let mut save = save_to(Box::new(again.clone()), |_| {});
        gateway.handle_timeout(clock.now());
        while let Some(output) = gateway.poll_output() {
            if let Output::Save { ticket, changes } = output {
                save(ticket, changes);
            }
        }
        drop(save);
        again.load().unwrap()
    }

    #[test]
    fn a_gateway_starts_with_any_store_and_gives_no_id_twice() {
        let memory = MemoryStore::default();
        let first = start_and_save(Box::new(memory.clone()));
        assert!(!first.entries.is_empty(), "the ids that this start may give are reserved");
        let second = start_and_save(Box::new(memory));
        assert_ne!(first, second, "the second start reserves others");
        let directory = tempfile::tempdir().unwrap();
        let file = i3_store::open(directory.path().to_str().unwrap()).unwrap();
        assert_eq!(start_and_save(file), first, "what is kept does not depend on the engine");
    }
}
