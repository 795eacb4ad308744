//! JSON going out: an object written field by field into one buffer, and one message framed once for every transport.

use bytes::Bytes;
use serde::Serialize;

/// Writes a JSON object.
#[derive(Debug)]
pub struct Object {
    text: Vec<u8>,
}

impl Default for Object {
    fn default() -> Self {
        Object { text: vec![b'{'] }
    }
}

impl Object {
    /// Adds a member. Its value must not fail to serialise: texts, numbers, flags, maps with text keys.
    #[must_use]
    pub fn with(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.add(name, value);
        self
    }

    /// Adds a member.
    pub fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        write(&mut self.text, name);
        self.text.push(b':');
        write(&mut self.text, value);
    }

    /// The text.
    pub fn finish(mut self) -> Vec<u8> {
        self.text.push(b'}');
        self.text
    }
}

/// Appends a value.
pub fn write(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let start = into.len();
    if serde_json::to_writer(&mut *into, value).is_err() {
        debug_assert!(false, "a value that JSON cannot hold");
        into.truncate(start);
        into.extend_from_slice(b"null");
    }
}

/// A JSON text as a value.
#[derive(Debug)]
pub struct Raw<'a>(pub &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(self.0).map_err(serde::ser::Error::custom)?;
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A JSON text, framed once: `[WebSocket header][text]["\n"]` in one allocation. Frames from a server are not masked, so
/// the same bytes serve every WebSocket client, and the text with the newline every line client.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    header_bytes: usize,
}

impl Message {
    /// Frames `text`.
    pub fn new(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 11);
        // FIN and the opcode for text; then the length in 7, 16 or 64 bits (RFC 6455, 5.2).
        bytes.push(0x81);
        match text.len() {
            short @ 0..=125 => bytes.push(short as u8),
            medium @ 126..=0xffff => {
                bytes.push(126);
                bytes.extend_from_slice(&(medium as u16).to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        let header_bytes = bytes.len();
        bytes.extend_from_slice(text);
        bytes.push(b'\n');
        Message { bytes: bytes.into(), header_bytes }
    }

    /// For a WebSocket client.
    pub fn websocket(&self) -> Bytes {
        self.bytes.slice(..self.bytes.len() - 1)
    }

    /// For a line client.
    pub fn line(&self) -> Bytes {
        self.bytes.slice(self.header_bytes..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_written_member_by_member() {
        let text = Object::default()
            .with("a", "x\n\u{1b}")
            .with("b", &[1, 2])
            .with("c", &Raw(b"{\"d\":1.50}"))
            .finish();
        assert_eq!(text, br#"{"a":"x\n\u001b","b":[1,2],"c":{"d":1.50}}"#);
        assert_eq!(Object::default().finish(), b"{}");
    }

    #[test]
    fn one_allocation_serves_both_transports() {
        for (length, header) in [
            (5, &[0x81, 5][..]),
            (126, &[0x81, 126, 0, 126]),
            (70_000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
        ] {
            let text = vec![b'x'; length];
            let message = Message::new(&text);
            assert_eq!(message.websocket(), [header, &text].concat());
            assert_eq!(message.line(), [&text[..], b"\n"].concat());
        }
    }
}
