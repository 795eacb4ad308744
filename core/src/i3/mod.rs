//! Intermud-3 on the wire, in three layers that know only the one below: [`frame`] (where a message ends, and how
//! large it may be), [`lpc`] (values), [`packet`] (what they mean). [`text`] alone converts character sets.

mod blocks;
pub mod frame;
pub mod lpc;
pub mod packet;
pub mod text;

pub use frame::{Deframer, Frame, FrameError};
pub use lpc::{LpcError, Reader, Value};
pub use packet::{Body, Header, OobBody, OobPacket, Packet, PacketError};
pub use text::Charset;
