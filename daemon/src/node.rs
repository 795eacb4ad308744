//! This gateway as a node: one of several that share a database.

use crate::behind::Behind;
use crate::error::DaemonError;
use crate::seed::seed;
use crate::state::{Opened, Stored};
use i3_config::SharedState;
use i3_core::Gateway;
use i3_core::machine::Saved;
use i3_core::settings::{NodeSettings, Settings};
use i3_core::time::Now;
use i3_driver::clock::Clock;
use i3_store::{Joined, NodeIdentity, SharedPlace, SharedStore, Start, StoreError, open_shared};

/// Returns the settings of this start of the node.
pub(crate) fn settings(shared: &SharedState) -> Result<NodeSettings, DaemonError> {
    let name = shared.node_name.clone().or_else(host_name).ok_or_else(|| {
        DaemonError::Settings("the host has no name: set node.name, different on each node".to_owned())
    })?;
    // No two starts have the same number, and the time says to people which is the later one.
    let boot = format!("{}-{:016x}", Clock::start().now().unix, seed()?);
    Ok(NodeSettings {
        name,
        boot,
        lease: shared.lease,
        keeps_without_database: shared.keeps_without_database,
    })
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
}

/// Where the database is.
pub(crate) fn place(shared: &SharedState) -> SharedPlace {
    SharedPlace { url: shared.url.clone(), password: shared.password.clone() }
}

/// What the store is told of a node.
pub(crate) fn identity(node: &NodeSettings) -> NodeIdentity {
    NodeIdentity { name: node.name.clone(), boot: node.boot.clone(), lease: node.lease }
}

/// Reads what a gateway with these settings keeps in memory.
pub(crate) fn read(
    store: &mut dyn SharedStore,
    settings: &Settings,
    now: Now,
) -> Result<(Saved, Start), StoreError> {
    let mut selection = Gateway::select(settings);
    let start = store.load(selection.value_bytes_max(), &mut |entry| selection.take(entry))?;
    let mut saved = selection.finish(now);
    (saved.position, saved.end, saved.away) = (start.position, start.end, Some(start.away));
    Ok((saved, start))
}

/// Opens the database, and reads what the gateway keeps in memory. Nothing is deleted: other nodes may need it.
pub(crate) fn open(
    shared: &SharedState,
    node: &NodeSettings,
    settings: &Settings,
    now: Now,
) -> Result<Opened, DaemonError> {
    let failed = |error: StoreError| DaemonError::Store(error.to_string());
    let Joined { mut store, is_new } = open_shared(&place(shared), identity(node)).map_err(failed)?;
    let shown = store.place();
    if is_new {
        log::info!(target: "store", "{shown}: there was no state, so a new one was created");
    }
    let others = store.nodes().map_err(failed)?;
    if others.iter().any(|other| other.name == node.name) {
        log::warn!(
            target: "store",
            "{shown}: a node with the name {} was there a moment ago; if it still runs, give each node a node.name of its own",
            node.name
        );
    }
    let (saved, start) = read(&mut *store, settings, now).map_err(failed)?;
    let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
    let beside = if names.is_empty() { "no other node".to_owned() } else { names.join(", ") };
    log::info!(target: "store", "{shown}: this is the node {}, beside {beside}", node.name);
    let behind = Behind::default();
    Ok(Opened { stored: Stored::Node(store.roles(&start), behind.clone()), saved, behind })
}
