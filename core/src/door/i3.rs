//! The front door for muds that speak Intermud-3. To such a mud the gateway is its router, and stays on the network while the
//! mud is away.
//!
//! A connection is a sequence of MudMode frames. The first packet is a login; what it may do, and what every later packet
//! means, is decided in `service/bouncer`. A packet that is for the network while the gateway is about to log in at the
//! router waits here for a moment.

mod conn;
mod encoder;
mod entrance;

pub use conn::{EARLY_BYTES_MAX, FRAME_BYTES_MAX, HELD_BYTES_MAX, HELD_MAX, HELD_PACKETS_MAX, LOGIN_MAX};
pub(crate) use encoder::MUDS;
pub(crate) use entrance::I3Door;
