//! Where the state of a gateway is: a directory that it has for itself, or a database that several gateways share.

use crate::behind::Behind;
use crate::directory::StateDirectory;
use crate::error::DaemonError;
use crate::node;
use crate::state::{Opened, Stored, open_gateway_store, python_password, url};
use i3_config::{Config, SharedState};
use i3_core::Gateway;
use i3_core::machine::Saved;
use i3_core::settings::{NodeSettings, Settings};
use i3_core::time::Now;
use i3_store::Store;

/// The state of a gateway, which keeps its place over a restart with other settings.
pub(crate) enum Keep {
    /// A directory that is locked.
    Directory(StateDirectory),
    /// A database, and this start of the node.
    Shared(NodeSettings),
}

impl Keep {
    /// Locks the directory, or finds out which node this is.
    pub(crate) fn take(config: &Config) -> Result<Keep, DaemonError> {
        if let Some(shared) = &config.shared {
            return Ok(Keep::Shared(node::settings(shared)?));
        }
        let path = &config.state_directory;
        let taken = StateDirectory::take(path);
        taken.map(Keep::Directory).map_err(|why| DaemonError::Store(format!("{}: {why}", path.display())))
    }

    /// This node, if there can be several.
    pub(crate) fn node(&self) -> Option<&NodeSettings> {
        match self {
            Keep::Directory(_) => None,
            Keep::Shared(node) => Some(node),
        }
    }

    /// Replaces the state by the copy that lies in its directory, if there is one.
    pub(crate) fn restore(&self) {
        let Keep::Directory(directory) = self else { return };
        match directory.restore(|staged| i3_store::open_to_restore(url(directory.path())?, staged)) {
            Ok(Some(restored)) => {
                let former = restored.sentence().unwrap_or_default();
                log::warn!(target: "store", "the state was restored from a copy. {}", former.trim_end());
            }
            Ok(None) => {}
            Err(error) => log::error!(target: "store", "the copy was not restored: {error}"),
        }
    }

    /// Opens the state, and reads what the gateway keeps in memory.
    pub(crate) fn open(
        &self,
        shared: Option<&SharedState>,
        settings: &mut Settings,
        now: Now,
    ) -> Result<Opened, DaemonError> {
        match (self, shared) {
            (Keep::Shared(node), Some(shared)) => node::open(shared, node, settings, now),
            (Keep::Shared(_), None) => {
                Err(DaemonError::Store("the settings name no database any more".to_owned()))
            }
            (Keep::Directory(directory), _) => {
                let (store, saved) = open_gateway_store(directory.path(), settings, now)?;
                let mut store = directory.holding(store);
                import_password(directory, settings, &saved);
                set_ids_aside(&mut *store, &saved);
                Ok(Opened { stored: Stored::Alone(store), saved, behind: Behind::default() })
            }
        }
    }
}

/// Takes over the password of a Python gateway. Only at the first start: later the store contains the router's latest
/// password.
fn import_password(directory: &StateDirectory, settings: &mut Settings, saved: &Saved) {
    let first = settings.muds.first_mut().filter(|mud| mud.router_password == 0 && saved.entries.is_empty());
    let Some(first) = first else { return };
    match python_password(directory.path()) {
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

/// Saves what has to be saved before the gateway starts.
pub(crate) fn set_ids_aside(store: &mut dyn Store, saved: &Saved) {
    if let Err(error) = store.commit(&Gateway::before_start(saved)) {
        // The gateway can serve even with a full disk.
        log::error!(target: "store", "event ids may be reused after a restart: {error}");
    }
}
