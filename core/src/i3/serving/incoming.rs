//! Packets as a router reads them: arrays of which it reads the first six elements, and relays the others unchanged.
//!
//! The typed packets do not suffice for that. A router must distinguish 0 from `""`, count elements, and relay packets of
//! unknown types.

use crate::i3::packet::TTL;
use crate::i3::{Value, frame, text};
use bytes::Bytes;
use std::borrow::Cow;

/// The types that only routers send.
pub const ROUTER_KINDS: [&str; 5] =
    ["startup-reply", "mudlist", "chanlist-reply", "chan-filter-reply", "bad-mojo"];

/// Elements of the header.
pub const HEADER_ELEMENTS: usize = 6;

/// A received packet: an array that begins with a packet type.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The type.
    pub kind: Cow<'a, str>,
    /// All elements, including the header.
    pub elements: Vec<Value<'a>>,
}

/// The sender and the target of a packet.
#[derive(Clone, Debug)]
pub struct IncomingHeader<'a> {
    /// The mud that the packet names as its sender.
    pub from_mud: Cow<'a, str>,
    /// Its target; `None` for 0 and for an empty text.
    pub to_mud: Option<Cow<'a, str>>,
}

/// Returns the text of a string.
pub fn as_text<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::Str(bytes) => Some(text::decode(bytes.clone()).0),
        _ => None,
    }
}

/// Returns the text of a string, or `None` for 0 and for the `""` that CoffeeMud sends instead.
fn as_name<'a>(value: &Value<'a>) -> Option<Option<Cow<'a, str>>> {
    match value {
        Value::Int(0) => Some(None),
        Value::Str(_) => Some(as_text(value).filter(|name| !name.is_empty())),
        _ => None,
    }
}

impl<'a> Incoming<'a> {
    /// Reads the text of a frame. The error is a label of the metrics. Like Dead Souls, the router drops a text that is not
    /// an LPC value, or not an array that begins with a string.
    pub fn read(text: &'a [u8]) -> Result<Incoming<'a>, &'static str> {
        match Value::parse(text) {
            Ok(Value::Array(elements)) => {
                let kind = elements.first().and_then(as_text).ok_or("not a packet")?;
                Ok(Incoming { kind, elements })
            }
            Ok(_) => Err("not a packet"),
            Err(_) => Err("unparsable"),
        }
    }

    /// Returns the header if it is valid: at least six elements, among them an integer, a string, and three strings or zeros.
    pub fn header(&self) -> Option<IncomingHeader<'a>> {
        if self.elements.len() < HEADER_ELEMENTS || !matches!(self.elements[1], Value::Int(_)) {
            return None;
        }
        let from_mud = as_text(&self.elements[2])?;
        as_name(&self.elements[3])?;
        let to_mud = as_name(&self.elements[4])?;
        as_name(&self.elements[5])?;
        Some(IncomingHeader { from_mud, to_mud })
    }

    /// Returns the user who has sent the packet, for the target of an error.
    pub fn sender(&self) -> Value<'a> {
        match self.elements.get(3) {
            Some(user @ Value::Str(name)) if !name.is_empty() => user.clone(),
            _ => Value::Int(0),
        }
    }

    /// Returns the element at `index` as text, if it is a string.
    pub fn text(&self, index: usize) -> Option<Cow<'a, str>> {
        self.elements.get(index).and_then(as_text)
    }

    /// Returns the element at `index`, if it is an integer.
    pub fn int(&self, index: usize) -> Option<i64> {
        match self.elements.get(index) {
            Some(Value::Int(int)) => Some(*int),
            _ => None,
        }
    }

    /// Returns the packet as a frame.
    pub fn frame(&self) -> Bytes {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, |text| {
            text.extend_from_slice(b"({");
            for element in &self.elements {
                element.write(text);
                text.push(b',');
            }
            text.extend_from_slice(b"})");
        });
        bytes.into()
    }

    /// Returns the packet as a value, for an error or a filter request.
    pub fn to_value(&self) -> Value<'a> {
        Value::Array(self.elements.clone())
    }
}

/// Returns a packet from a router as a value. Without `to` it is addressed to all muds.
pub fn from_router<'a>(
    kind: &'a str,
    router: &'a str,
    to: Option<&'a str>,
    to_user: Value<'a>,
    fields: Vec<Value<'a>>,
) -> Value<'a> {
    let mut elements = vec![
        Value::str(kind),
        Value::Int(TTL),
        Value::str(router),
        Value::Int(0),
        to.map_or(Value::Int(0), Value::str),
        to_user,
    ];
    elements.extend(fields);
    Value::Array(elements)
}

/// Returns a value as a frame, as LPC drivers write it.
pub fn framed(value: &Value<'_>) -> Bytes {
    let mut bytes = Vec::new();
    frame::append(&mut bytes, |text| value.write(text));
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_checked_by_type() {
        let header =
            |text: &str| Incoming::read(text.as_bytes()).unwrap().header().map(|h| h.to_mud.is_some());
        assert_eq!(header(r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#), Some(true));
        assert_eq!(header(r#"({"x",-1,"A",0,0,0,})"#), Some(false));
        assert_eq!(header(r#"({"x",5,"A","",  "",0,})"#), Some(false));
        for bad in [
            r#"({"x",5,"A",0,0,})"#,
            r#"({"x","5","A",0,0,0,})"#,
            r#"({"x",5,0,0,0,0,})"#,
            r#"({"x",5,"A",1,0,0,})"#,
            r#"({"x",5,"A",0,({}),0,})"#,
            r#"({"x",5,"A",0,0,2.0,})"#,
        ] {
            assert_eq!(header(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_packet_has_a_reason() {
        for (text, reason) in [
            ("({1,2", "unparsable"),
            ("GET / HTTP/1.1", "unparsable"),
            ("", "unparsable"),
            ("({})", "not a packet"),
            ("({5,})", "not a packet"),
            ("5", "not a packet"),
        ] {
            assert_eq!(Incoming::read(text.as_bytes()).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn a_packet_is_relayed_as_the_drivers_write_it() {
        let text = br#"({"frobnicate",5,"A","joe","B","jane",1,2.5,({}),([]),"q\"\\",(/1,/),})"#;
        let frame = Incoming::read(text).unwrap().frame();
        assert_eq!(
            &frame[4..],
            b"({\"frobnicate\",5,\"A\",\"joe\",\"B\",\"jane\",1,2.500000,({}),([]),\"q\\\"\\\\\",(/1,/),})\0"
        );
        assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());
    }
}
