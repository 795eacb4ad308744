//! Character sets. This is the only module that converts between bytes and text on the wire.
//!
//! One frame may mix UTF-8 and Latin-1 (a mudlist does), so each string is decoded by itself: as UTF-8 if it is valid,
//! otherwise as Windows-1252, in which every byte is a character. This is Latin-1 with printable characters in place of the
//! C1 controls, which no text means: what has such bytes was typed on Windows.

use crate::i3::blocks::{self, Block, Marks};
use std::borrow::Cow;

/// Decodes one string. The flag is true if it was not valid UTF-8 and was decoded as Windows-1252.
pub fn decode(bytes: Cow<'_, [u8]>) -> (Cow<'_, str>, bool) {
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (Cow::Owned(windows_1252(bytes)), true),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => (Cow::Owned(text), false),
            Err(error) => (Cow::Owned(windows_1252(error.as_bytes())), true),
        },
    }
}

/// Returns the longest front part of `bytes` that is UTF-8: nearly always all of it.
pub fn utf8_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Decodes a JSON text of a local client. A text that is not UTF-8 as a whole is decoded string by string, since it may
/// repeat a name in UTF-8 beside a line that a player has typed in Windows-1252.
pub fn decode_json(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let strings = bytes.split_inclusive(|byte| *byte == b'"');
            Cow::Owned(strings.map(|string| decode(Cow::Borrowed(string)).0).collect())
        }
    }
}

/// The characters of Windows-1252 in place of the C1 controls, from 0x80 on. Five bytes have none, and stay controls.
const IN_PLACE_OF_C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Returns the character that a C1 control stands for in Windows-1252. Any other character, and a control that stands for
/// none, is returned unchanged.
pub fn meant(c: char) -> char {
    match u32::from(c) {
        code @ 0x80..0xa0 => IN_PLACE_OF_C1.get(code as usize - 0x80).copied().unwrap_or(c),
        _ => c,
    }
}

fn windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| meant(char::from(byte))).collect()
}

/// Whether a character may leave in a packet. A newline may (it travels as CR); other control characters never do.
fn may_leave(c: char) -> bool {
    c == '\n' || !c.is_control()
}

/// The first byte of the characters U+0080 to U+00BF. The first half of these are the C1 controls.
const C1_LEAD: u8 = 0xc2;

/// Whether all of `text` may leave. Every outgoing text is checked, and nearly all pass (bench: "encoding"). So single
/// characters are checked only if a block of bytes may hold a control character.
#[inline]
fn all_may_leave(text: &str) -> bool {
    blocks::none(text.as_bytes(), control_marks) || text.chars().all(may_leave)
}

/// Marks the bytes that may belong to a control character, including newlines.
#[inline(always)]
pub(super) fn control_marks(block: Block) -> Marks {
    blocks::is_at_most(block, 0x1f) | blocks::is(block, 0x7f) | blocks::is(block, C1_LEAD)
}

/// Returns the part of `text` that may leave in a packet. CR LF and a lone CR become a newline, a tab becomes a blank, and
/// a C1 control the character that it stands for in Windows-1252. Any other control character is dropped.
#[inline]
pub fn outgoing(text: &str) -> Cow<'_, str> {
    if all_may_leave(text) { Cow::Borrowed(text) } else { Cow::Owned(without_controls(text)) }
}

#[cold]
fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\t' => clean.push(' '),
            c => clean.extend(Some(meant(c)).filter(|c| may_leave(*c))),
        }
    }
    clean
}

/// The character set of texts that a router accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, which FluffOS has required since 2019: it drops the whole packet because of one invalid byte.
    #[default]
    Utf8,
    /// ISO-8859-1, for routers whose muds support nothing else. Characters that it lacks are spelled in ASCII.
    Latin1,
}

/// Replaces a character that cannot be spelled.
const UNSPELLABLE: &str = "?";

/// Returns the bytes of `text` as they may leave, after [`outgoing`] and in the [`Charset`].
pub fn to_wire(text: &str, charset: Charset) -> Cow<'_, [u8]> {
    let text = outgoing(text);
    if charset == Charset::Utf8 || text.is_ascii() {
        return match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match latin1_byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(spelled(c).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Appends LPC text, which is UTF-8, in Latin-1. Only strings hold characters beyond ASCII, so their spelling is
/// escaped as in a string: `“` becomes `\"`.
pub(in crate::i3) fn append_latin1(lpc: &[u8], into: &mut Vec<u8>) {
    for c in String::from_utf8_lossy(lpc).chars() {
        if let Some(byte) = latin1_byte(c) {
            into.push(byte);
            continue;
        }
        for byte in spelled(c).bytes() {
            if matches!(byte, b'"' | b'\\') {
                into.push(b'\\');
            }
            into.push(byte);
        }
    }
}

/// Spells characters above `last` in ASCII, in the strings of a JSON text: `“` becomes `\"`.
pub fn spell_json(json: &str, last: char) -> String {
    let mut spelling = String::with_capacity(json.len());
    for c in json.chars() {
        if c <= last {
            spelling.push(c);
            continue;
        }
        for c in spelled(c).chars() {
            if matches!(c, '"' | '\\') {
                spelling.push('\\');
            }
            spelling.push(c);
        }
    }
    spelling
}

/// Returns a text in Latin-1. What it lacks was spelled with [`spell_json`] before.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().filter_map(latin1_byte).collect()
}

/// Decodes a JSON text of a local client that writes Latin-1, even if its bytes could be UTF-8.
pub fn decode_latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(windows_1252(bytes)),
    }
}

fn latin1_byte(c: char) -> Option<u8> {
    u8::try_from(u32::from(c)).ok()
}

/// Spells a character that Latin-1 lacks in printable ASCII.
fn spelled(c: char) -> &'static str {
    let ascii = any_ascii::any_ascii_char(c);
    let printable = !ascii.is_empty() && ascii.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if printable { ascii } else { UNSPELLABLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_string_is_utf_8_or_windows_1252() {
        assert_eq!(decode(Cow::Borrowed("é".as_bytes())), (Cow::Borrowed("é"), false));
        assert_eq!(decode(Cow::Borrowed(b"\x93so\x94 \x96 5 \x80\x85")).0, "“so” – 5 €…");
        // The five bytes without a character, and the first behind the C1 controls.
        assert_eq!(
            decode(Cow::Borrowed(b"\x81\x8d\x8f\x90\x9d\xa0")).0,
            "\u{81}\u{8d}\u{8f}\u{90}\u{9d}\u{a0}"
        );
        assert_eq!(decode(Cow::Borrowed(b"caf\xe9")), (Cow::Borrowed("café"), true));
        assert_eq!(decode(Cow::Owned(b"caf\xe9".to_vec())), (Cow::Borrowed("café"), true));
    }

    #[test]
    fn a_json_text_may_mix_both() {
        let text =
            [&b"{\"to\":\""[..], "Zoë".as_bytes(), b"\",\"text\":\"caf\xe9 \x97 \\\"\xe0\\\"\"}"].concat();
        assert_eq!(decode_json(&text), "{\"to\":\"Zoë\",\"text\":\"café — \\\"à\\\"\"}");
        assert!(matches!(decode_json("{\"é\":1}".as_bytes()), Cow::Borrowed(_)));
        assert_eq!(decode_json(b"\xff"), "ÿ");
    }

    #[test]
    fn control_characters_do_not_leave() {
        assert_eq!(outgoing("plain é"), "plain é");
        assert_eq!(outgoing("a\0b\u{1b}[31mc\td\r\ne\rf\ng\u{7f}\u{9d}h"), "ab[31mc d\ne\nf\ngh");
        assert_eq!(outgoing("\u{93}so\u{94} \u{96} 5 \u{80}\u{85}"), "“so” – 5 €…");
    }

    #[test]
    fn every_control_character_is_held_back_wherever_it_stands() {
        // C0, DEL, C1, and one character on each side of these ranges.
        for control in (0..0x20).chain(0x7f..=0xa0).chain([0x21]) {
            let c = char::from_u32(control).unwrap();
            for before in 0..20 {
                let text = format!("{}{c}y", "é".repeat(before));
                let expected = match c {
                    '\n' | '\r' => "\n".to_owned(),
                    '\t' => " ".to_owned(),
                    c if meant(c).is_control() => String::new(),
                    c => meant(c).to_string(),
                };
                let expected = format!("{}{expected}y", "é".repeat(before));
                assert_eq!(outgoing(&text), expected, "U+{control:04x} after {before}");
                for charset in [Charset::Utf8, Charset::Latin1] {
                    let wire = to_wire(&text, charset);
                    assert!(!wire.iter().any(|byte| *byte < b' ' && *byte != b'\n' || *byte == 0x7f));
                    let is_spelled =
                        charset == Charset::Latin1 && !expected.is_ascii() && latin1_byte(meant(c)).is_none();
                    assert!(is_spelled || decode(wire).0 == expected, "U+{control:04x} after {before}");
                }
            }
        }
    }

    #[test]
    fn characters_beyond_latin_1_are_spelled_in_ascii() {
        for (text, latin1) in [
            ("café ñ ÿ ×", "café ñ ÿ ×"),
            ("“quoted” ‘so’ – it’s — fine…", "\"quoted\" 'so' - it's - fine..."),
            ("5 € • ™ ‹›", "5 EUR * TM <>"),
            ("Łódź Żółć Ğ ő ā", "Lódz Zólc G o a"),
            ("Ж α", "Zh a"),
            ("\u{fffd}\u{e000}", "??"),
        ] {
            let wire = to_wire(text, Charset::Latin1);
            let expected: Vec<u8> = latin1.chars().map(|c| latin1_byte(c).unwrap()).collect();
            assert_eq!(wire, expected, "{text}: {}", windows_1252(&wire));
            assert_eq!(to_wire(text, Charset::Utf8), text.as_bytes());
        }
    }

    #[test]
    fn every_character_is_spelled_in_printable_ascii() {
        for c in '\0'..=char::MAX {
            if latin1_byte(c).is_none() {
                let spelled = spelled(c);
                assert!(
                    !spelled.is_empty() && spelled.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "{c}"
                );
            }
        }
    }
}
