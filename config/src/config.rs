//! The settings of a daemon, after they were read and checked.

use crate::logfile::Rotation;
use crate::problem::Problem;
use crate::reload::FilesRead;
use i3_core::machine::Listener;
use i3_core::settings::Settings;
use log::LevelFilter;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// All settings of a daemon.
#[derive(Clone)]
pub struct Config {
    /// The settings of the core.
    pub core: Settings,
    /// The addresses of the API.
    pub listeners: Vec<ListenAt>,
    /// Whether every listener without TLS has to be at a loopback address.
    pub tls_required: bool,
    /// The directory of the durable state, unless it is in a database.
    pub state_directory: PathBuf,
    /// The database of the durable state, if several gateways may share it.
    pub shared: Option<SharedState>,
    /// How many daily copies of the state are kept in that directory; 0: none.
    pub state_backups: u32,
    /// The settings of the log.
    pub logging: Logging,
    /// Settings that have no effect, or another one than expected. A daemon logs them at its start.
    pub warnings: Vec<Problem>,
    /// What the settings were read from. A reload compares the files with it.
    pub read: FilesRead,
}

/// Omits the router passwords, which the `Debug` of the core's types would show.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut core = self.core.clone();
        for mud in &mut core.muds {
            mud.router_password = 0;
            if let Some(login) = &mut mud.i3 {
                login.password = login.password.map(|_| 0);
            }
        }
        f.debug_struct("Config")
            .field("core", &core)
            .field("listeners", &self.listeners)
            .field("tls_required", &self.tls_required)
            .field("state_directory", &self.state_directory)
            .field("shared", &self.shared)
            .field("state_backups", &self.state_backups)
            .field("logging", &self.logging)
            .field("warnings", &self.warnings)
            .field("read", &self.read)
            .finish()
    }
}

/// A database that several gateways may share, and this gateway as one of its nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedState {
    /// The URL. It may contain a password.
    pub url: String,
    /// The password, if it is set apart from the URL.
    pub password: Option<String>,
    /// The name of this node. `None`: the name of the host.
    pub node_name: Option<String>,
    /// How long a lease runs.
    pub lease: Duration,
    /// Whether the node keeps its links although the database is away for longer than a lease.
    pub keeps_without_database: bool,
}

/// Omits the URL and the password.
impl fmt::Debug for SharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedState")
            .field("node_name", &self.node_name)
            .field("has_password", &self.password.is_some())
            .field("lease", &self.lease)
            .field("keeps_without_database", &self.keeps_without_database)
            .finish_non_exhaustive()
    }
}

/// One listener of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAt {
    /// Its protocol.
    pub listener: Listener,
    /// A host name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// `None`: the listener speaks plain text.
    pub tls: Option<TlsFiles>,
    /// Whether the daemon starts without it if its port is taken.
    pub is_spare: bool,
}

/// The files of a listener with TLS. They are read when the listener starts, and again when the settings are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate certificates, in PEM.
    pub certificate: NamedFile,
    /// The private key of the certificate, in PEM.
    pub key: NamedFile,
    /// The authorities that sign client certificates. `None`: clients are not asked for a certificate.
    pub client_authorities: Option<NamedFile>,
    /// Whether clients without a certificate are refused.
    pub client_certificate_required: bool,
}

/// A file that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The key of the settings, such as `api.tls.cert_file`.
    pub key: String,
    /// The path of the file.
    pub path: PathBuf,
}

/// The settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Messages below this level are not logged.
    pub level: LevelFilter,
    /// Levels of single parts, by their names in [`COMPONENTS`](crate::log::COMPONENTS).
    pub components: BTreeMap<String, LevelFilter>,
    /// How a record is written.
    pub format: LogFormat,
    /// A file that gets the messages in addition to standard error.
    pub file: Option<PathBuf>,
    /// When the gateway rotates the file. `None`: never.
    pub rotation: Option<Rotation>,
}

impl Logging {
    /// Logs lines of text to standard error only.
    pub fn to_stderr(level: LevelFilter) -> Self {
        Logging { level, components: BTreeMap::new(), format: LogFormat::Text, file: None, rotation: None }
    }
}

/// The format of a record. A record is always one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// A JSON object.
    Json,
}
