//! Errors of requests, independent of their encoding. Each front door encodes them in its own way.

mod error;
pub mod reason;

pub use error::{Data, Fault, FaultKind};
