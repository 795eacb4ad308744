//! Why a request is not carried out, in no particular encoding: each front door has its own way to say so.

mod error;
pub mod reason;

pub use error::{Data, Fault, FaultKind};
