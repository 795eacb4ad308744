//! The IRC front door: RFC 2812 with capabilities of IRCv3, so that clients, bots and bridges that speak IRC reach
//! Intermud-3. A line becomes a [`message`]; the files of commands turn it into requests of the same methods that JSON-RPC
//! has; events become lines in `encoder`. [`names`] writes muds, users and channels as IRC can carry them.
//!
//! A client is a session of its key's mud that speaks for one user: its nick. docs/IRC.md describes it for users.

mod caps;
mod channels;
mod commands;
pub mod conn;
mod encoder;
mod entrance;
mod help;
mod history;
pub mod message;
pub mod names;
mod open;
mod out;
mod people;
mod points;
mod register;
mod requests;
mod sasl;
mod split;
mod talk;
mod welcome;

pub(crate) use encoder::PLAIN;
pub(crate) use entrance::IrcDoor;
