//! Intermud-3 on the wire, in three layers that each depend only on the one before: [`frame`] (the boundaries and
//! limits of messages), [`lpc`] (values), [`packet`] (their meaning). [`text`] alone converts character sets.

pub(crate) mod blocks;
pub mod frame;
pub mod lpc;
pub mod packet;
pub mod serving;
pub mod text;

pub use frame::{Deframer, Frame, FrameError};
pub use lpc::{LpcError, Reader, Value};
pub use packet::{Body, Header, OobBody, OobPacket, Packet, PacketError};
pub use text::Charset;
