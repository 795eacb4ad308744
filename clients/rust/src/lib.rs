//! A client of the Intermud-3 gateway.
//!
//! [`Machine`] is the client without any I/O: a driver passes it bytes and times, and carries out what it asks for. It
//! connects again after a loss, joins its channels again, receives what it has missed, and acknowledges what the program
//! has taken. [`blocking::Client`] drives it in a program with blocking sockets, [`smol::Client`] in one on smol.
//!
//! The types of [`requests`] and [`events`] are made from the documents of the gateway's API. [`methods`] is the same as a
//! table, for programs whose user names the method.

#[cfg(feature = "blocking")]
pub mod blocking;
mod error;
mod generated;
mod machine;
mod options;
mod queue;
mod request;
#[cfg(feature = "smol")]
pub mod smol;
mod wire;

pub use error::{Error, Refusal};
pub use generated::{events, methods, requests};
pub use machine::{Action, CallId, Event, Happening, Machine, Session};
pub use options::{Acks, Options, Retry, Role};
pub use queue::{
    CALL_BYTES_MAX, CALLS_MAX, CHANNELS_MAX, HAPPENINGS_MAX, MESSAGE_BYTES_MAX, OUTPUT_BYTES_MAX,
};
pub use request::{Member, Method, Request, Shape};
#[cfg(feature = "tls")]
pub use rustls;
