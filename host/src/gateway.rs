//! A gateway from its settings to the point where a driver takes over.

use crate::clock::Clock;
use crate::error::DaemonError;
use crate::listen::{Bound, bind_each};
use crate::seed::seed;
use crate::state::{open_store, python_password};
use i3_config::Config;
use i3_core::Gateway;
use i3_core::machine::Listener;
use i3_store::SqliteStore;

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

/// Listens, opens the store, and constructs the gateway.
///
/// In this order: a second gateway that was started by mistake ends before it touches the state of the first.
pub fn prepare(config: Config) -> Result<Prepared, DaemonError> {
    let Config { mut core, listeners, state_directory, .. } = config;
    let connections_max = core.api.connections_max;
    let listeners = bind_each(&listeners)?;
    let (store, saved) = open_store(&state_directory)?;
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
    let clock = Clock::start();
    let gateway = Gateway::new(core, &saved, seed()?, clock.now());
    let gateway = gateway.map_err(|error| DaemonError::Settings(error.to_string()))?;
    Ok(Prepared { gateway, clock, listeners, store, connections_max })
}
