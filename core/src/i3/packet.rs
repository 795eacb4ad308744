//! Typed packets: the meaning of a frame's array.
//!
//! Field layouts are those of deployed peers (Dead Souls ds3.08 and CoffeeMud 5.11, observed), which are the published
//! Intermud-3 v3 layouts where those are clear. Decoding is tolerant: extra fields are passed over, a number stands for
//! a text and a text of digits for a number, `""` and 0 both mean "nobody". Encoding is strict.

mod body;
mod field;
mod lists;
mod oob;
mod table;
#[cfg(test)]
mod tests;

pub use body::{Body, KINDS, SECRETS};
pub use field::{IdMapping, Mapping};
pub use lists::{ChannelEntry, FileRow, MudEntry, MudState, RouterEntry, WhoRow};
pub use oob::{OOB_KINDS, OOB_SECRETS, OobBody, OobPacket};

use super::blocks;
use super::lpc::{self, Kind, LpcError, LpcErrorKind, Reader, Value};
use super::text::{self, Charset};
use field::{Elements, Field};
use std::borrow::Cow;
use std::fmt;

/// Decoded text.
pub type Text<'a> = Cow<'a, str>;

/// Hops a packet of ours may take. Deployed routers neither check nor count it.
pub const TTL: i64 = 5;

/// Why a frame is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// It is no LPC value.
    Lpc(LpcError),
    /// It is a value, but no array whose first element is a text.
    NotAPacket,
    /// It ends before a field that it must have.
    Missing(&'static str),
    /// A field holds another kind of value.
    WrongType(&'static str),
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketError::Lpc(error) => write!(f, "{error}"),
            PacketError::NotAPacket => f.write_str("not an array that starts with a packet type"),
            PacketError::Missing(field) => write!(f, "the field {field} is missing"),
            PacketError::WrongType(field) => write!(f, "the field {field} has the wrong type"),
        }
    }
}

impl std::error::Error for PacketError {}

impl From<LpcError> for PacketError {
    fn from(error: LpcError) -> Self {
        PacketError::Lpc(error)
    }
}

impl PacketError {
    /// Names the field, where what is wrong is the kind of its value.
    #[cold]
    fn in_field(self, name: &'static str) -> Self {
        match self {
            PacketError::Lpc(error) if error.kind == LpcErrorKind::WrongType => PacketError::WrongType(name),
            error => error,
        }
    }
}

/// The five fields that follow the type in every packet. `None` is 0 on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// Time to live; see [`TTL`].
    pub ttl: i64,
    /// The mud (or router) that sends. Routers do not verify the user below it.
    pub from_mud: Text<'a>,
    /// The user who sends.
    pub from_user: Option<Text<'a>>,
    /// The mud (or router) it is for; nobody in particular for a broadcast or a channel.
    pub to_mud: Option<Text<'a>>,
    /// The user it is for.
    pub to_user: Option<Text<'a>>,
}

impl<'a> Header<'a> {
    /// From a mud to everybody.
    pub fn broadcast(from_mud: &'a str, from_user: Option<&'a str>) -> Self {
        Header {
            ttl: TTL,
            from_mud: from_mud.into(),
            from_user: from_user.map(Text::from),
            to_mud: None,
            to_user: None,
        }
    }

    /// From a mud to a mud, or to a router.
    pub fn to_mud(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str) -> Self {
        Header { to_mud: Some(to_mud.into()), ..Header::broadcast(from_mud, from_user) }
    }

    /// From a mud to a user on a mud.
    pub fn to_user(from_mud: &'a str, from_user: Option<&'a str>, to_mud: &'a str, to_user: &'a str) -> Self {
        Header { to_user: Some(to_user.into()), ..Header::to_mud(from_mud, from_user, to_mud) }
    }
}

/// A packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet<'a> {
    /// Who to whom.
    pub header: Header<'a>,
    /// What.
    pub body: Body<'a>,
}

/// What was mended while a packet was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Unescaped quotes inside strings.
    pub bare_quotes: u32,
    /// Strings that were not UTF-8 and were read as Latin-1.
    pub latin1_strings: u32,
}

impl Repairs {
    fn of(reader: &Reader<'_>) -> Self {
        Repairs { bare_quotes: reader.bare_quotes, latin1_strings: reader.latin1_strings }
    }
}

impl<'a> Packet<'a> {
    /// Reads a packet, and says what had to be mended.
    pub fn decode(text: &'a [u8]) -> Result<(Packet<'a>, Repairs), PacketError> {
        let mut reader = Reader::for_texts(text);
        if reader.peek()? != Kind::Array {
            // Valid values that are no packets are told from broken text.
            reader.skip()?;
            return Err(PacketError::NotAPacket);
        }
        let mut elements = Elements::open(&mut reader)?;
        let mut kind = elements.packet_type()?;
        // CoffeeMud takes a type in any case.
        if !blocks::none(kind.as_bytes(), blocks::is_not_lower) {
            let lower = kind.to_ascii_lowercase();
            kind = if KINDS.contains(&lower.as_str()) { lower.into() } else { kind };
        }
        if &*kind == "startup-req-2" && elements.left()? == body::STARTUP_REQ_3_ELEMENTS - 1 {
            kind = "startup-req-3".into();
        }
        // In one expression: a body that waits in a variable is copied once more (bench: "typed packet", channel-m).
        let mut packet = Packet {
            header: Header {
                ttl: elements.next("ttl")?,
                from_mud: elements.next("originator_mudname")?,
                from_user: elements.next("originator_username")?,
                to_mud: elements.next("target_mudname")?,
                to_user: elements.next("target_username")?,
            },
            body: Body::read(kind, &mut elements)?,
        };
        if elements.ended {
            packet.body.is_short();
        }
        elements.finish()?;
        Ok((packet, Repairs::of(&reader)))
    }

    /// Appends the packet as text in the character set that its router takes.
    pub fn encode_with(&self, charset: Charset, into: &mut Vec<u8>) {
        match charset {
            Charset::Utf8 => self.encode(into),
            Charset::Latin1 => {
                let mut text = Vec::with_capacity(256);
                self.encode(&mut text);
                text::append_latin1(&text, into);
            }
        }
    }

    /// Appends the packet as text, in UTF-8.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(b"({");
        lpc::write_text(self.body.kind(), into);
        into.push(b',');
        self.header.ttl.write_field(into);
        into.push(b',');
        self.header.from_mud.write_field(into);
        into.push(b',');
        for name in [&self.header.from_user, &self.header.to_mud, &self.header.to_user] {
            name.write_field(into);
            into.push(b',');
        }
        self.body.write(into);
        into.extend_from_slice(b"})");
    }

    /// The packet as the value that an `error` carries.
    pub fn to_value(&self) -> Value<'static> {
        let mut text = Vec::new();
        self.encode(&mut text);
        // What `encode` writes, `parse` reads: the round-trip property test holds it.
        Value::parse(&text).map_or(Value::Int(0), Value::into_owned)
    }
}
