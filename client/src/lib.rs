//! The command-line client of a running gateway: the commands for people, `call` and `watch`.
//!
//! [`command`] runs them for a command line. [`Watcher`] puts events into words.

mod call;
pub mod command;
mod events;
mod gateway;
mod look;
mod page;
mod params;
mod people;
mod style;
mod table;
mod text;
mod watch;

pub use look::Look;
pub use watch::Watcher;
