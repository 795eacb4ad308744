//! A packet: header and body.

use super::body::{self, Body, KINDS};
use super::error::PacketError;
use super::field::{Elements, Field};
use super::header::{Header, TTL};
use crate::i3::blocks;
use crate::i3::lpc::{self, Kind, Reader, Value};
use crate::i3::text::{self, Charset};

/// A packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet<'a> {
    /// The sender and the recipient.
    pub header: Header<'a>,
    /// The contents.
    pub body: Body<'a>,
}

/// A time to live as it is read. A text that is no number says nothing about hops: it counts as [`TTL`].
struct Ttl(i64);

impl<'a> Field<'a> for Ttl {
    fn read(reader: &mut Reader<'a>) -> Result<Self, PacketError> {
        if reader.peek()? != Kind::Str {
            return i64::read(reader).map(Ttl);
        }
        Ok(Ttl(reader.text()?.trim().parse().unwrap_or(TTL)))
    }

    #[inline(always)]
    fn read_plain(reader: &mut Reader<'a>) -> Option<Self> {
        i64::read_plain(reader).map(Ttl)
    }

    fn absent() -> Option<Self> {
        Some(Ttl(0))
    }

    fn write_field(&self, into: &mut Vec<u8>) {
        self.0.write_field(into);
    }
}

/// The repairs that reading a packet needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Number of unescaped quotes inside strings.
    pub bare_quotes: u32,
    /// Number of strings that were not UTF-8 and were decoded as Windows-1252.
    pub latin1_strings: u32,
    /// Number of rows of lists that could not be read and were left out.
    pub odd_rows: u32,
}

impl Repairs {
    pub(super) fn of(reader: &Reader<'_>) -> Self {
        Repairs {
            bare_quotes: reader.bare_quotes,
            latin1_strings: reader.latin1_strings,
            odd_rows: reader.odd_rows,
        }
    }
}

impl<'a> Packet<'a> {
    /// Decodes a packet. Returns it with the repairs that were needed.
    pub fn decode(text: &'a [u8]) -> Result<(Packet<'a>, Repairs), PacketError> {
        let mut reader = Reader::for_texts(text);
        if reader.peek()? != Kind::Array {
            // This distinguishes a valid value that is not a packet from an invalid text.
            reader.skip()?;
            return Err(PacketError::NotAPacket);
        }
        let mut elements = Elements::open(&mut reader)?;
        let mut kind = elements.packet_type()?;
        // CoffeeMud accepts a type in any case.
        if !blocks::none(kind.as_bytes(), blocks::is_not_lower) {
            let lower = kind.to_ascii_lowercase();
            kind = if KINDS.contains(&lower.as_str()) { lower.into() } else { kind };
        }
        if &*kind == "startup-req-2" && elements.left()? == body::STARTUP_REQ_3_ELEMENTS - 1 {
            kind = "startup-req-3".into();
        }
        // This is one expression because a body in a variable would be copied once more (bench: "typed packet",
        // channel-m).
        let mut packet = Packet {
            header: Header {
                ttl: elements.next::<Ttl>("ttl")?.0,
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

    /// Decodes the header of a packet whose contents cannot be read, and keeps these as they are.
    pub fn decode_header(text: &'a [u8]) -> Result<Packet<'a>, PacketError> {
        let mut reader = Reader::for_texts(text);
        let mut elements = Elements::open(&mut reader)?;
        let kind = elements.packet_type()?;
        Ok(Packet {
            header: Header {
                ttl: elements.next::<Ttl>("ttl")?.0,
                from_mud: elements.next("originator_mudname")?,
                from_user: elements.next("originator_username")?,
                to_mud: elements.next("target_mudname")?,
                to_user: elements.next("target_username")?,
            },
            body: Body::Unknown { fields: elements.rest_of_foreign(&kind)?, kind },
        })
    }

    /// Appends the packet as text in the character set of its router.
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

    /// Returns the packet as a value.
    pub fn to_value(&self) -> Value<'static> {
        self.to_value_within(usize::MAX)
    }

    /// Returns the packet as a value, for the copy in an `error`, or 0 if its text has more than `bytes_max` bytes.
    pub fn to_value_within(&self, bytes_max: usize) -> Value<'static> {
        let mut text = Vec::new();
        self.encode(&mut text);
        if text.len() > bytes_max {
            return Value::Int(0);
        }
        // `parse` reads everything that `encode` writes: the round-trip property test ensures it.
        Value::parse(&text).map_or(Value::Int(0), Value::into_owned)
    }
}
