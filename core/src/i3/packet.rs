//! Typed packets: the meaning of a frame's array.
//!
//! Field layouts are those of deployed peers (Dead Souls ds3.08 and CoffeeMud 5.11, observed), which are the published
//! Intermud-3 v3 layouts where those are clear. Decoding is tolerant: extra fields are passed over, a number stands for
//! a text and a text of digits for a number, `""` and 0 both mean "nobody". Encoding is strict.

mod body;
mod error;
mod field;
mod header;
mod lists;
mod oob;
mod table;
#[cfg(test)]
mod tests;
mod whole;

pub use body::{Body, KINDS, SECRETS};
pub use error::PacketError;
pub use field::{IdMapping, Mapping};
pub use header::{Header, TTL, Text};
pub use lists::{ChannelEntry, FileRow, MudEntry, MudState, RouterEntry, WhoRow};
pub use oob::{OOB_KINDS, OOB_SECRETS, OobBody, OobPacket};
pub use whole::{Packet, Repairs};
