//! Character sets. The only module that turns bytes into text or text into bytes for the wire.
//!
//! One frame may mix UTF-8 and Latin-1 (a mudlist does), so each string is decoded by itself: UTF-8 where it is valid,
//! else Latin-1, in which every byte is a character.

use std::borrow::Cow;

/// Decodes one string. The flag says that it was not valid UTF-8 and was read as Latin-1.
pub fn decode(bytes: Cow<'_, [u8]>) -> (Cow<'_, str>, bool) {
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (Cow::Owned(latin1(bytes)), true),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => (Cow::Owned(text), false),
            Err(error) => (Cow::Owned(latin1(error.as_bytes())), true),
        },
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Whether a character may leave in a packet: a newline may (it travels as CR), other control characters never do.
fn may_leave(c: char) -> bool {
    c == '\n' || !c.is_control()
}

/// What of `text` may leave in a packet. CR LF and a lone CR become a newline, a tab a blank; any other control
/// character (C0, DEL, C1) is dropped.
pub fn outgoing(text: &str) -> Cow<'_, str> {
    if text.chars().all(may_leave) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\t' => clean.push(' '),
            c if may_leave(c) => clean.push(c),
            _ => {}
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_string_is_utf_8_or_latin_1() {
        assert_eq!(decode(Cow::Borrowed("é".as_bytes())), (Cow::Borrowed("é"), false));
        assert_eq!(decode(Cow::Borrowed(b"caf\xe9")), (Cow::Borrowed("café"), true));
        assert_eq!(decode(Cow::Owned(b"caf\xe9".to_vec())), (Cow::Borrowed("café"), true));
    }

    #[test]
    fn control_characters_do_not_leave() {
        assert_eq!(outgoing("plain é"), "plain é");
        assert_eq!(outgoing("a\0b\u{1b}[31mc\td\r\ne\rf\ng\u{7f}\u{9b}h"), "ab[31mc d\ne\nf\ngh");
    }
}
