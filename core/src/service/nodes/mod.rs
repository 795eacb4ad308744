//! What nodes tell each other, and what follows from it.

mod beaten;
pub(crate) mod database;
pub(crate) mod drain;
mod drained;
pub(crate) mod followed;
pub(crate) mod hold;
pub(super) mod sessions;
pub(super) mod shared;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use beaten::beaten;
pub(crate) use shared::{restore, turn_ends};
pub(crate) use told::{frame_received, pause_router, read_routers, refused, told};
