//! Writes LPC text in the form that every peer can read: no white space, a comma after every element, only `\"` and
//! `\\` escaped.

use super::value::Value;
use crate::i3::blocks::{self, Block, Marks};
use crate::i3::text;
use std::borrow::Cow;

/// Appends an integer.
#[inline]
pub fn write_int(int: i64, into: &mut Vec<u8>) {
    match u8::try_from(int) {
        // Most integers are 0, 1 or a ttl (bench: "encoding").
        Ok(digit @ 0..=9) => into.push(b'0' + digit),
        _ => into.extend_from_slice(itoa::Buffer::new().format(int).as_bytes()),
    }
}

/// Appends a float, always with a point and six decimals as `%f` writes it: without a point it would be read as an
/// integer. No peer can read infinite values and NaN, which are written as 0.
pub fn write_float(float: f64, into: &mut Vec<u8>) {
    use std::io::Write;
    let finite = if float.is_finite() { float } else { 0.0 };
    // Writing to a Vec cannot fail.
    let _ = write!(into, "{finite:.6}");
}

/// Appends a string: `"` and `\` are escaped, LF becomes CR, and NUL, which no reader accepts, is left out. Other bytes
/// are copied.
#[inline]
pub fn write_str(text: &[u8], into: &mut Vec<u8>) {
    if blocks::none(text, escape_marks) { write_plain(text, into) } else { write_escaped(text, into) }
}

/// Appends a text as it may leave in a packet, as [`text::outgoing`] defines.
#[inline]
pub fn write_text(text: &str, into: &mut Vec<u8>) {
    // One pass over nearly every text, instead of one for control characters and one for escapes (bench: "encoding").
    if blocks::none(text.as_bytes(), |block| escape_marks(block) | text::control_marks(block)) {
        write_plain(text.as_bytes(), into);
    } else {
        write_escaped(text::outgoing(text).as_bytes(), into);
    }
}

/// Like [`write_text`], for bytes in any character set. They are written as UTF-8.
pub(crate) fn write_as_text(bytes: &[u8], into: &mut Vec<u8>) {
    write_text(&text::decode(Cow::Borrowed(bytes)).0, into);
}

/// Marks the bytes that cannot be copied unchanged.
#[inline(always)]
fn escape_marks(block: Block) -> Marks {
    blocks::is(block, b'"') | blocks::is(block, b'\\') | blocks::is(block, b'\n') | blocks::is(block, 0)
}

/// Replaces the escapes in LPC text, from the byte `from` on: a quote becomes `'`, and a backslash `/`. So the text holds
/// none, for routers that write strings without escapes.
pub fn replace_escapes(text: &mut Vec<u8>, from: usize) {
    let mut to = from;
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        let escaped = (byte == b'\\').then(|| text.get(at + 1).copied()).flatten();
        let written = match escaped {
            Some(b'"') => b'\'',
            Some(_) => b'/',
            None => byte,
        };
        if let Some(place) = text.get_mut(to) {
            *place = written;
        }
        to += 1;
        at += if escaped.is_some() { 2 } else { 1 };
    }
    text.truncate(to);
}

#[inline]
fn write_plain(text: &[u8], into: &mut Vec<u8>) {
    into.reserve(text.len() + 2);
    into.push(b'"');
    into.extend_from_slice(text);
    into.push(b'"');
}

fn write_escaped(text: &[u8], into: &mut Vec<u8>) {
    into.reserve(text.len() + 2);
    into.push(b'"');
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        let replacement: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\r",
            0 => b"",
            _ => continue,
        };
        into.extend_from_slice(&text[from..at]);
        into.extend_from_slice(replacement);
        from = at + 1;
    }
    into.extend_from_slice(&text[from..]);
    into.push(b'"');
}

impl Value<'_> {
    /// Appends the value as text, with its strings byte for byte.
    pub fn write(&self, into: &mut Vec<u8>) {
        self.write_with(write_str, into);
    }

    /// Appends the value as text, with its strings written by `write_text`.
    pub(crate) fn write_with(&self, write_text: fn(&[u8], &mut Vec<u8>), into: &mut Vec<u8>) {
        match self {
            Value::Int(int) => write_int(*int, into),
            Value::Float(float) => write_float(*float, into),
            Value::Str(text) => write_text(text, into),
            Value::Array(elements) => write_elements(b"({", elements, b"})", write_text, into),
            Value::Class(elements) => write_elements(b"(/", elements, b"/)", write_text, into),
            Value::Map(entries) => {
                into.extend_from_slice(b"([");
                for (key, value) in entries {
                    key.write_with(write_text, into);
                    into.push(b':');
                    value.write_with(write_text, into);
                    into.push(b',');
                }
                into.extend_from_slice(b"])");
            }
        }
    }
}

fn write_elements(
    open: &[u8; 2],
    elements: &[Value<'_>],
    close: &[u8; 2],
    write_text: fn(&[u8], &mut Vec<u8>),
    into: &mut Vec<u8>,
) {
    into.extend_from_slice(open);
    for element in elements {
        element.write_with(write_text, into);
        into.push(b',');
    }
    into.extend_from_slice(close);
}
