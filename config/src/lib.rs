//! The settings, which come from a YAML file, an env file, the process environment and the command line; and the log.
//!
//! A daemon calls [`load_files`], and [`reload_files`] while it runs. [`load`] reads texts in memory instead of files. All return a checked [`Config`], or
//! every problem, each with its key, its line and its fix.

mod access;
mod charset;
pub mod cli;
mod config;
mod credentials;
mod door;
mod engines;
pub mod env;
mod events;
mod interpolate;
mod irc;
mod keys;
mod listeners;
mod load;
pub mod log;
mod logfile;
mod logline;
mod logqueue;
mod muds;
mod page;
mod path;
pub mod people;
mod precedence;
mod problem;
mod read;
mod reload;
mod secret;
mod sources;
mod state;
mod yaml;

pub use config::{Config, ListenAt, LogFormat, Logging, NamedFile, SharedState, TlsFiles};
pub use credentials::{KEY_BYTES_MIN, hash_key, is_short};
pub use engines::engine_key;
pub use keys::{KnownKey, known_keys};
pub use load::{
    CONFIG_BYTES_MAX, DEFAULT_CONFIG_FILE, DEFAULT_CONFIG_TEXT, DEFAULT_ENV_FILE, DEFAULT_ENV_TEXT,
    FileOptions, VARIABLES, environment_of_files, load, load_files, reload, reload_files,
};
pub use logfile::Rotation;
pub use page::console;
pub use problem::{Place, Problem, Problems, Severity};
pub use reload::FilesRead;
pub use secret::SECRET_FILE_BYTES_MAX;
pub use sources::Sources;
