//! Typed packets: the meaning of the array in a frame.
//!
//! Field layouts are those observed with deployed peers (Dead Souls ds3.08 and CoffeeMud 5.11). They are the published
//! Intermud-3 v3 layouts where those are clear. The decoder is tolerant: it skips extra fields, accepts a number for a
//! text and a text of digits for a number, and reads both `""` and 0 as "nobody". The encoder is strict.

mod body;
mod error;
mod field;
mod header;
mod lists;
mod oob;
mod printed;
mod secrets;
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
pub use printed::as_written;
pub use secrets::{hide_copies, without_digits, without_passwords, without_these};
pub use whole::{Packet, Repairs};
