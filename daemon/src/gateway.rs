//! Prepares a gateway from its settings, up to the point where a driver runs it.

use crate::attend::{Attend, Attendant};
use crate::behind::Behind;
use crate::doubts;
use crate::error::DaemonError;
use crate::keep::Keep;
use crate::listeners::bind_each;
use crate::seed::seed;
use crate::service::Service;
use crate::signals::{Ended, Ending};
use crate::state::Opened;
use crate::tls::Acceptors;
use i3_config::{Config, FileOptions, Problem};
use i3_core::Gateway;
use i3_core::machine::Saved;
use i3_core::settings::Settings;
use i3_driver::clock::Clock;
use std::sync::Arc;

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
    let keep = Keep::take(&config)?;
    let mut tls = acceptors(&config)?;
    loop {
        keep.restore();
        config.core.node = keep.node().cloned();
        config.core.api.warnings = doubts::texts(files.env_file.as_deref(), &config);
        // With hundreds of muds the settings are large, so the attendant shares them until it reads others.
        let shared = Arc::new(config);
        let attendant = Attendant::new(files.clone(), shared.clone(), tls.clone(), profile_memory);
        let (service, behind) = prepare(&keep, &shared, &tls, Box::new(attendant))?;
        let ended = run(service)?;
        behind.check()?;
        if ended == Ended::Stopped {
            return Ok(());
        }
        config = Arc::unwrap_or_clone(shared);
        let new = i3_config::reload_files(files, &config)
            .and_then(|new| Ok((Acceptors::load(&new.listeners)?, new)));
        match new {
            Ok((acceptors, new)) => {
                tls = acceptors;
                // The place of the state cannot change: this process has locked it.
                config = Config { state_directory: config.state_directory, shared: config.shared, ..new };
            }
            Err(problems) => log::error!(target: "settings", "the settings did not change: {problems}"),
        }
    }
}

/// Runs one gateway with `run` until it ends.
pub fn run_once(
    mut config: Config,
    attendant: Box<dyn Attend<Gateway> + Send>,
    run: Run,
) -> Result<(), DaemonError> {
    let keep = Keep::take(&config)?;
    config.core.node = keep.node().cloned();
    let tls = acceptors(&config)?;
    let (service, behind) = prepare(&keep, &config, &tls, attendant)?;
    run(service)?;
    behind.check()
}

fn acceptors(config: &Config) -> Result<Acceptors, DaemonError> {
    Acceptors::load(&config.listeners).map_err(|problems| {
        let texts: Vec<String> = problems.0.iter().map(Problem::text).collect();
        DaemonError::Settings(texts.join("; "))
    })
}

/// Opens the store and constructs the gateway.
fn prepare(
    keep: &Keep,
    config: &Config,
    tls: &Acceptors,
    attendant: Box<dyn Attend<Gateway> + Send>,
) -> Result<(GatewayService, Behind), DaemonError> {
    let connections_max = Some(config.core.api.connections_max);
    // Before the store: a second gateway that was started by mistake ends before it changes anything.
    let listeners = bind_each(&config.listeners, tls, config.tls_required)?;
    let mut settings = config.core.clone();
    let Opened { stored, saved, behind } =
        keep.open(config.shared.as_ref(), &mut settings, Clock::start().now())?;
    let (machine, clock) = construct(settings, &saved)?;
    let ending = Ending::or_restore();
    Ok((Service { machine, clock, listeners, stored, connections_max, attendant, ending }, behind))
}

/// Constructs the gateway with what was saved.
fn construct(settings: Settings, saved: &Saved) -> Result<(Gateway, Clock), DaemonError> {
    let clock = Clock::start();
    let gateway = Gateway::new(settings, saved, seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    Ok((gateway, clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::set_ids_aside;
    use crate::memory::MemoryStore;
    use crate::state::{Stored, save_to};
    use i3_config::Sources;
    use i3_core::machine::{Machine, Output};
    use i3_driver::hooks::Save;
    use i3_store::Store;
    use std::collections::BTreeMap;

    fn settings() -> Settings {
        let yaml = "mud: {name: Test}\napi: {auth: {secret: a-long-key}}";
        let yaml_text = Some(("c.yaml".to_owned(), yaml.to_owned()));
        let process_env = BTreeMap::new();
        i3_config::load(Sources { yaml_text, env_file_text: None, process_env }).unwrap().core
    }

    /// Starts a gateway with a store, carries out the saves of its start, and returns the contents of the store.
    fn start_and_save(mut store: Box<dyn Store>) -> Saved {
        let saved = store.load().unwrap();
        set_ids_aside(&mut *store, &saved);
        let (mut gateway, clock) = construct(settings(), &saved).unwrap();
        let mut again = MemoryStore::default();
        again.commit(&store.load().unwrap().entries).unwrap();
        let (mut save, beat, query) = save_to(Stored::Alone(Box::new(again.clone())), |_| Ok(()));
        gateway.handle_timeout(clock.now());
        while let Some(output) = gateway.poll_output() {
            if let Output::Save { ticket, clear, changes, fences } = output {
                save(Save { ticket, clear, changes, fences });
            }
        }
        // All functions use the thread that writes.
        drop((save, beat, query));
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
