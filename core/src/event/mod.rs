//! What the gateway reports to local programs: a type for each event, with who may have it and how long it is kept.
//!
//! [`kind`] describes events, [`told`] has what they tell, [`list`](mod@list) is the one list of them.

pub mod kind;
pub mod list;
pub mod told;

pub use kind::{Class, Kind, Weight};
pub use list::{Event, KINDS, find};
