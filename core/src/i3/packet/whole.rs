//! A packet as a whole.

use super::body::{self, Body, KINDS};
use super::error::PacketError;
use super::field::{Elements, Field};
use super::header::Header;
use crate::i3::blocks;
use crate::i3::lpc::{self, Kind, Reader, Value};
use crate::i3::text::{self, Charset};

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
    pub(super) fn of(reader: &Reader<'_>) -> Self {
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
