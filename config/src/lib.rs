//! Where the settings come from: a YAML file, an env file, the process environment, the command line; and logging.
//!
//! [`load_files`] is what a daemon calls; [`load`] does the same with texts in memory. Both give a checked [`Config`] or
//! every problem at once, each with its key, its line and what to write.

mod access;
pub mod cli;
mod credentials;
pub mod env;
mod events;
mod interpolate;
mod keys;
mod listeners;
mod load;
pub mod log;
mod logfile;
mod logline;
mod muds;
mod path;
mod problem;
mod read;
mod yaml;

pub use credentials::hash_key;
pub use keys::{KnownKey, known_keys};
pub use load::{
    CONFIG_BYTES_MAX, DEFAULT_CONFIG_FILE, DEFAULT_CONFIG_TEXT, DEFAULT_ENV_FILE, DEFAULT_ENV_TEXT,
    FileOptions, Sources, VARIABLES, environment_of_files, load, load_files,
};
pub use logfile::Rotation;
pub use problem::{Place, Problem, Problems, Severity};

use ::log::LevelFilter;
use i3_core::machine::Listener;
use i3_core::settings::Settings;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Everything that a daemon needs to know.
#[derive(Clone)]
pub struct Config {
    /// What the core is told.
    pub core: Settings,
    /// Where to listen.
    pub listeners: Vec<ListenAt>,
    /// Plain text is spoken to this host only.
    pub tls_required: bool,
    /// Where the durable state is kept.
    pub state_directory: PathBuf,
    /// How many copies of it are kept beside it, one a day; 0: none.
    pub state_backups: u32,
    /// Where messages go.
    pub logging: Logging,
    /// What is not as the sources say, to be shown at the start.
    pub warnings: Vec<Problem>,
}

/// Without the router passwords, which the core's own types would show.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut core = self.core.clone();
        for mud in &mut core.muds {
            mud.router_password = 0;
        }
        f.debug_struct("Config")
            .field("core", &core)
            .field("listeners", &self.listeners)
            .field("tls_required", &self.tls_required)
            .field("state_directory", &self.state_directory)
            .field("state_backups", &self.state_backups)
            .field("logging", &self.logging)
            .field("warnings", &self.warnings)
            .finish()
    }
}

/// One address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAt {
    /// What is spoken there.
    pub listener: Listener,
    /// A host name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// `None`: plain text.
    pub tls: Option<TlsFiles>,
}

/// What a listener that speaks TLS needs. The files are read when it starts, and again with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority, in PEM.
    pub certificate: NamedFile,
    /// Its private key, in PEM.
    pub key: NamedFile,
    /// The authorities whose certificates clients may show. `None`: clients are not asked for one.
    pub client_authorities: Option<NamedFile>,
    /// Clients without a certificate are not let in.
    pub client_certificate_required: bool,
}

/// A file, and the key of the settings that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Such as `api.tls.cert_file`.
    pub key: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// What matters less is left out.
    pub level: LevelFilter,
    /// The same for single parts, by their names in [`log::COMPONENTS`].
    pub components: BTreeMap<String, LevelFilter>,
    /// How a record is written.
    pub format: LogFormat,
    /// Beside standard error.
    pub file: Option<PathBuf>,
    /// When the file is set aside. `None`: never, by the gateway.
    pub rotation: Option<Rotation>,
}

impl Logging {
    /// Lines of text on standard error.
    pub fn to_stderr(level: LevelFilter) -> Self {
        Logging { level, components: BTreeMap::new(), format: LogFormat::Text, file: None, rotation: None }
    }
}

/// How a record is written, always as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object in JSON.
    Json,
}
