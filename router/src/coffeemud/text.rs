//! LPC text as CoffeeMud reads and writes it.
//!
//! It reads UTF-8 and writes Latin-1. It reads escapes and writes none, so its output is not always valid LPC.

use i3_core::i3::Value;
use std::borrow::Cow;

/// The deepest nesting of values. The limit of the real router, a recursive parser in Java, is unknown.
const DEPTH_MAX: u32 = 100;
/// Replaces a character that cannot be read or written.
const UNKNOWN: u8 = b'?';

/// Parses a text, and ignores text after the value. `None`: CoffeeMud refuses it, because of a missing comma after an
/// element, an escape that JSON does not have, a size, or a number that is invalid in JSON.
pub(crate) fn parse(text: &[u8]) -> Option<Value<'static>> {
    // Blanks are accepted between tokens, but not before the first.
    if text.first().is_some_and(u8::is_ascii_whitespace) {
        return None;
    }
    CoffeeReader { rest: text, depth: 0 }.value()
}

struct CoffeeReader<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl CoffeeReader<'_> {
    /// Returns the next byte that is not a blank.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.rest = &self.rest[1..])
    }

    fn value(&mut self) -> Option<Value<'static>> {
        match self.peek()? {
            b'(' => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return None;
                }
                self.take(b'(')?;
                let value = if self.peek()? == b'{' { self.array()? } else { self.map()? };
                self.take(b')')?;
                self.depth -= 1;
                Some(value)
            }
            b'"' => self.string(),
            b'n' => self.word(b"null", 0),
            b't' => self.word(b"true", 1),
            b'f' => self.word(b"false", 0),
            _ => self.number(),
        }
    }

    fn array(&mut self) -> Option<Value<'static>> {
        self.take(b'{')?;
        let mut elements = Vec::new();
        while self.peek()? != b'}' {
            elements.push(self.value()?);
            self.take(b',')?;
        }
        self.take(b'}')?;
        Some(Value::Array(elements))
    }

    fn map(&mut self) -> Option<Value<'static>> {
        self.take(b'[')?;
        let mut entries = Vec::new();
        while self.peek()? != b']' {
            if self.peek()? != b'"' {
                return None;
            }
            let key = self.string()?;
            self.take(b':')?;
            entries.push((key, self.value()?));
            self.take(b',')?;
        }
        self.take(b']')?;
        Some(Value::Map(entries))
    }

    fn word(&mut self, word: &[u8], int: i64) -> Option<Value<'static>> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(Value::Int(int))
    }

    fn string(&mut self) -> Option<Value<'static>> {
        self.take(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(Value::Str(Cow::Owned(utf8(&bytes)))),
                b'\\' => self.escape(&mut bytes)?,
                byte => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, into: &mut Vec<u8>) -> Option<()> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                // The four digits become four replacement characters.
                let (digits, rest) = self.rest.split_at_checked(4)?;
                self.rest = rest;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                into.extend_from_slice(&[UNKNOWN; 3]);
                UNKNOWN
            }
            _ => return None,
        };
        into.push(plain);
        Some(())
    }

    /// Parses a number. A float becomes an integer. A number below the range of 32 bits wraps, and one above it does not.
    fn number(&mut self) -> Option<Value<'static>> {
        let end =
            self.rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        if !digits.first()?.is_ascii_digit() || matches!(digits, [b'0', b'0'..=b'9', ..]) {
            return None;
        }
        // The bytes of a number are ASCII, as checked above.
        let number = str::from_utf8(number).ok()?;
        let int = match number.parse::<i64>() {
            Ok(int) => int,
            Err(_) => number.parse::<f64>().ok()?.trunc() as i32 as i64,
        };
        Some(Value::Int(if int < i64::from(i32::MIN) { i64::from(int as i32) } else { int }))
    }
}

/// Decodes UTF-8, with a replacement for invalid bytes.
fn utf8(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            text.push(UNKNOWN);
        }
    }
    text
}

/// Appends a value. Strings are written without escapes.
pub(crate) fn write(value: &Value<'_>, into: &mut Vec<u8>) {
    match value {
        Value::Str(bytes) => {
            into.push(b'"');
            write_bare(&i3_core::i3::text::decode(Cow::Borrowed(bytes)).0, into);
            into.push(b'"');
        }
        Value::Array(elements) | Value::Class(elements) => {
            into.extend_from_slice(b"({");
            for element in elements {
                write(element, into);
                into.push(b',');
            }
            into.extend_from_slice(b"})");
        }
        Value::Map(entries) => {
            into.extend_from_slice(b"([");
            for (key, value) in entries {
                write(key, into);
                into.push(b':');
                write(value, into);
                into.push(b',');
            }
            into.extend_from_slice(b"])");
        }
        number @ (Value::Int(_) | Value::Float(_)) => number.write(into),
    }
}

/// Appends text in Latin-1. Control characters, C1, and characters outside Latin-1 become a question mark.
pub(crate) fn write_bare(text: &str, into: &mut Vec<u8>) {
    into.extend(text.chars().map(|c| match u8::try_from(c) {
        Ok(byte @ (0x20..0x7f | 0xa0..)) => byte,
        _ => UNKNOWN,
    }));
}

/// Appends a value as Java prints a list. The packet inside a relayed error has this form.
pub(crate) fn write_java(value: &Value<'_>, into: &mut Vec<u8>) {
    let list = |items: &[Value<'_>], into: &mut Vec<u8>| {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                into.extend_from_slice(b", ");
            }
            write_java(item, into);
        }
    };
    match value {
        Value::Str(bytes) => write_bare(&i3_core::i3::text::decode(Cow::Borrowed(bytes)).0, into),
        Value::Array(elements) | Value::Class(elements) => {
            into.push(b'[');
            list(elements, into);
            into.push(b']');
        }
        Value::Map(entries) => {
            into.push(b'{');
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    into.extend_from_slice(b", ");
                }
                write_java(key, into);
                into.push(b'=');
                write_java(value, into);
            }
            into.push(b'}');
        }
        number @ (Value::Int(_) | Value::Float(_)) => number.write(into),
    }
}

/// Returns a text as a frame, without the NUL.
pub(crate) fn frame(text: &[u8]) -> bytes::Bytes {
    // No text has four gigabytes.
    let length = (text.len() as u32).to_be_bytes();
    [&length, text].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(text: &[u8]) -> Option<Vec<u8>> {
        parse(text).map(|value| {
            let mut bytes = Vec::new();
            write(&value, &mut bytes);
            bytes
        })
    }

    /// What came in and what left, of a real router.
    #[test]
    fn strings_and_numbers_come_out_as_captured() {
        for (sent, left) in [
            (&b"({\"say \\\"hi\\\" now\",})"[..], &b"({\"say \"hi\" now\",})"[..]),
            (b"({\"c:\\\\new\\\\dir\",})", b"({\"c:\\new\\dir\",})"),
            (b"({\"a\\/b\",})", b"({\"a/b\",})"),
            (b"({\"line1\\nline2\",\"a\\tb\",})", b"({\"line1?line2\",\"a?b\",})"),
            (b"({\"u\\u0041u\",})", b"({\"u????u\",})"),
            (b"({\"a\rb\tc\x1b[31mred\x07\",})", b"({\"a?b?c?[31mred?\",})"),
            (b"({\"a\x00b\x7fc\",})", b"({\"a?b?c\",})"),
            (b"({\"caf\xe9 \xfc\xf1 nb\xa0sp\",})", b"({\"caf? ?? nb?sp\",})"),
            (b"({\"x\x80y\x9fz\",})", b"({\"x?y?z\",})"),
            (
                "({\"caf\u{e9} \u{fc}\",\"a\u{a0}b\u{85}c\",})".as_bytes(),
                b"({\"caf\xe9 \xfc\",\"a\xa0b?c\",})",
            ),
            ("({\"\u{65e5}\u{672c} \u{1f600} \u{20ac}\",})".as_bytes(), b"({\"?? ? ?\",})"),
            (b"({\"%^RED%^red%^RESET%^\",})", b"({\"%^RED%^red%^RESET%^\",})"),
            (b"({12.75,1.5e+3,-0.5,-1,123456789012,-4294967297,})", b"({12,1500,0,-1,123456789012,-1,})"),
            (b"( { \"tell\" , 5, \n([ \"a\" : null , ]) , } ) trailing", b"({\"tell\",5,([\"a\":0,]),})"),
            (b"({({}),([]),})", b"({({}),([]),})"),
        ] {
            assert_eq!(relayed(sent).as_deref(), Some(left), "{}", sent.escape_ascii());
        }
    }

    #[test]
    fn what_it_refuses() {
        for bad in [
            &b" ({1,})"[..],
            b"({1})",
            b"({1,2})",
            b"([\"a\":1])",
            b"([1:2,])",
            b"({,})",
            b"({8|1,})",
            b"({\"a\\x\",})",
            b"({\"it\\'s\",})",
            b"({\"say \"hi\" now\",})",
            b"({+5,})",
            b"({007,})",
            b"({0x10,})",
            b"({1,",
            b"({\"a",
            b"",
            b"GET / HTTP/1.1",
        ] {
            assert_eq!(relayed(bad), None, "{}", bad.escape_ascii());
        }
        let deep = |depth: usize| [b"({".repeat(depth), b"1,".to_vec(), b"}),".repeat(depth)].concat();
        assert!(relayed(&deep(100)).is_some());
        assert!(relayed(&deep(100_000)).is_none());
    }
}
