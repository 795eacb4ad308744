//! Prepares a gateway from its settings, up to the point where a driver runs it.

use crate::attend::{Attend, Attendant};
use crate::directory::StateDirectory;
use crate::doubts;
use crate::error::DaemonError;
use crate::listeners::bind_each;
use crate::seed::seed;
use crate::service::Service;
use crate::signals::{Ended, Ending};
use crate::state::{open_gateway_store, python_password, url};
use crate::tls::Acceptors;
use i3_config::{Config, FileOptions, Problem};
use i3_core::Gateway;
use i3_core::machine::Saved;
use i3_core::settings::Settings;
use i3_driver::clock::Clock;
use i3_store::Store;
use std::path::Path;

/// A gateway with its state loaded, and everything that its driver needs.
pub type GatewayService = Service<Gateway, Box<dyn Attend<Gateway> + Send>>;

/// The function with which a runtime drives a gateway until it ends.
pub type Run = fn(GatewayService) -> Result<Ended, DaemonError>;

/// Runs a gateway with `run` until a signal ends it. When a snapshot is to be restored, the gateway ends and a new one
/// starts, with the current settings of `files`.
pub fn run_each(
    files: &FileOptions,
    mut config: Config,
    profile_memory: bool,
    run: Run,
) -> Result<(), DaemonError> {
    let directory = take(&config)?;
    let mut tls = acceptors(&config)?;
    loop {
        match directory.restore(|staged| i3_store::open_to_restore(url(directory.path())?, staged)) {
            Ok(Some(restored)) => {
                let former = restored.sentence().unwrap_or_default();
                log::warn!(target: "store", "the state was restored from a copy. {}", former.trim_end());
            }
            Ok(None) => {}
            Err(error) => log::error!(target: "store", "the copy was not restored: {error}"),
        }
        config.core.api.warnings = doubts::texts(files.env_file.as_deref(), &config);
        let attendant = Attendant::new(files.clone(), config.clone(), tls.clone(), profile_memory);
        if run(prepare(&directory, config.clone(), &tls, Box::new(attendant))?)? == Ended::Stopped {
            return Ok(());
        }
        let new = i3_config::reload_files(files, &config)
            .and_then(|new| Ok((Acceptors::load(&new.listeners)?, new)));
        match new {
            Ok((acceptors, new)) => {
                tls = acceptors;
                // The state directory cannot change: this process has locked it.
                config = Config { state_directory: config.state_directory, ..new };
            }
            Err(problems) => log::error!(target: "settings", "the settings did not change: {problems}"),
        }
    }
}

/// Runs one gateway with `run` until it ends.
pub fn run_once(
    config: Config,
    attendant: Box<dyn Attend<Gateway> + Send>,
    run: Run,
) -> Result<(), DaemonError> {
    let directory = take(&config)?;
    let tls = acceptors(&config)?;
    run(prepare(&directory, config, &tls, attendant)?).map(|_| ())
}

fn acceptors(config: &Config) -> Result<Acceptors, DaemonError> {
    Acceptors::load(&config.listeners).map_err(|problems| {
        let texts: Vec<String> = problems.0.iter().map(Problem::text).collect();
        DaemonError::Settings(texts.join("; "))
    })
}

fn take(config: &Config) -> Result<StateDirectory, DaemonError> {
    let path = &config.state_directory;
    StateDirectory::take(path).map_err(|why| DaemonError::Store(format!("{}: {why}", path.display())))
}

/// Opens the store and constructs the gateway.
fn prepare(
    directory: &StateDirectory,
    config: Config,
    tls: &Acceptors,
    attendant: Box<dyn Attend<Gateway> + Send>,
) -> Result<GatewayService, DaemonError> {
    let connections_max = Some(config.core.api.connections_max);
    // Before the store: a second gateway that was started by mistake ends before it changes anything.
    let listeners = bind_each(&config.listeners, tls, config.tls_required)?;
    let now = Clock::start().now();
    let (store, saved) = open_gateway_store(directory.path(), &config.core, now)?;
    let mut store = directory.holding(store);
    let (machine, clock) = construct(config.core, directory.path(), &mut *store, &saved)?;
    let ending = Ending::or_restore();
    Ok(Service { machine, clock, listeners, store, connections_max, attendant, ending })
}

/// Constructs the gateway with the contents of `store`, and saves what has to be saved before it starts.
fn construct(
    mut settings: Settings,
    state_directory: &Path,
    store: &mut dyn Store,
    saved: &Saved,
) -> Result<(Gateway, Clock), DaemonError> {
    // Only at the first start: later the store contains the router's latest password.
    if let Some(first) =
        settings.muds.first_mut().filter(|mud| mud.router_password == 0 && saved.entries.is_empty())
    {
        match python_password(state_directory) {
            Ok(Some(password)) => {
                log::info!(target: "store", "importing the router password of the Python gateway");
                first.router_password = password;
            }
            Ok(None) => {}
            Err(error) => {
                log::warn!(target: "store", "the router password of the Python gateway was not imported: {error}");
            }
        }
    }
    if let Err(error) = store.commit(&Gateway::before_start(saved)) {
        // The gateway can serve even with a full disk.
        log::error!(target: "store", "event ids may be reused after a restart: {error}");
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

    /// Starts a gateway with a store, carries out the saves of its start, and returns the contents of the store.
    fn start_and_save(mut store: Box<dyn Store>) -> Saved {
        let directory = tempfile::tempdir().unwrap();
        let saved = store.load().unwrap();
        let (mut gateway, clock) = construct(settings(), directory.path(), &mut *store, &saved).unwrap();
        let mut again = MemoryStore::default();
        again.commit(&store.load().unwrap().entries).unwrap();
        let mut save = save_to(Box::new(again.clone()), |_| {});
        gateway.handle_timeout(clock.now());
        while let Some(output) = gateway.poll_output() {
            if let Output::Save { ticket, clear, changes } = output {
                save(ticket, clear, changes);
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
        let all_but_the_clock = |saved: Saved| -> Vec<_> {
            saved.entries.into_iter().filter(|entry| entry.space != "clock").collect()
        };
        let (on_file, in_memory) = (all_but_the_clock(start_and_save(file)), all_but_the_clock(first));
        assert_eq!(on_file, in_memory, "what is kept does not depend on the engine");
    }
}
