//! Writes JSON whose texts are bounded. What the network sends may be long, and an escape makes a character up to six
//! times longer. So the bound counts the bytes as they are written.

use serde::Serialize;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// The longest text in an event or an answer, in bytes of JSON. A longer one is cut, and [`CUT_MARK`] follows.
pub const TEXT_BYTES_MAX: usize = 65_536;

/// All texts of an event, or of one row of an answer, in bytes of JSON. When they are used up, texts are cut to nothing.
pub const TEXTS_BYTES_MAX: usize = 262_144;

/// Follows a text that was cut.
pub const CUT_MARK: &str = "… (cut)";

/// Appends a value as JSON, with the bounds of each text and of all texts.
pub(crate) fn write(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized), all_bytes_max: usize) -> bool {
    let cutter = Cutter { left: TEXT_BYTES_MAX, all: all_bytes_max, is_cut: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(into, cutter)).is_ok()
}

/// Returns the length of a value as JSON, with its texts cut.
pub(crate) fn length(value: &(impl Serialize + ?Sized)) -> usize {
    let cutter = Cutter { left: TEXT_BYTES_MAX, all: TEXTS_BYTES_MAX, is_cut: false };
    let mut counter = Counter(0);
    let counted = value.serialize(&mut serde_json::Serializer::with_formatter(&mut counter, cutter));
    debug_assert!(counted.is_ok());
    counter.0
}

/// Returns a text that is at most this long as JSON. A longer one is cut between characters, and marked.
pub(crate) fn text(text: &str, bytes_max: usize) -> String {
    // No character takes more than six times its bytes.
    if text.len() * 6 <= bytes_max {
        return text.to_owned();
    }
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            c => c.len_utf8(),
        };
        if used > bytes_max {
            return format!("{}{CUT_MARK}", &text[..at]);
        }
    }
    text.to_owned()
}

/// Counts bytes and drops them.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts texts while they are written.
struct Cutter {
    /// Bytes left for the current text.
    left: usize,
    /// Bytes left for all texts.
    all: usize,
    /// The current text was cut.
    is_cut: bool,
}

impl Formatter for Cutter {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        (self.left, self.is_cut) = (TEXT_BYTES_MAX.min(self.all), false);
        writer.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.is_cut {
            return Ok(());
        }
        let end = fragment.floor_char_boundary(self.left);
        self.is_cut = end < fragment.len();
        (self.left, self.all) = (self.left - end, self.all - end);
        writer.write_all(&fragment.as_bytes()[..end])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: serde_json::ser::CharEscape,
    ) -> io::Result<()> {
        let bytes = if matches!(escape, serde_json::ser::CharEscape::AsciiControl(_)) { 6 } else { 2 };
        self.is_cut |= bytes > self.left;
        if self.is_cut {
            return Ok(());
        }
        (self.left, self.all) = (self.left - bytes, self.all - bytes);
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_cut {
            writer.write_all(CUT_MARK.as_bytes())?;
        }
        writer.write_all(b"\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut bytes = Vec::new();
        assert!(write(&mut bytes, value, TEXTS_BYTES_MAX));
        assert_eq!(bytes.len(), length(value));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_text_within_the_bound_stays_as_it_is() {
        let texts = ["plain", "a\u{1b}\"\\\n é 🙂", &"x".repeat(TEXT_BYTES_MAX)];
        assert_eq!(written(&texts), serde_json::to_string(&texts).unwrap());
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        for (unit, bytes) in [("x", 1), ("é", 2), ("🙂", 4), ("\u{1b}", 6), ("\"", 2)] {
            let text = unit.repeat(TEXT_BYTES_MAX + 1);
            let json = written(&text);
            let read: String = serde_json::from_str(&json).unwrap();
            let kept = read.strip_suffix(CUT_MARK).unwrap();
            assert_eq!(kept, unit.repeat(TEXT_BYTES_MAX / bytes));
            assert_eq!(super::text(&text, TEXT_BYTES_MAX), read);
        }
    }

    #[test]
    fn all_texts_together_are_bounded_too() {
        let json = written(&vec!["x".repeat(60_000); 9]);
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read[3].len(), 60_000);
        assert!(read[4].len() < 60_000 && read[4].ends_with(CUT_MARK));
        assert_eq!(read[8], CUT_MARK);
        assert!(json.len() < TEXTS_BYTES_MAX + 200);
    }

    #[test]
    fn a_short_text_is_not_cut() {
        assert_eq!(super::text("abc", 3), "abc");
        assert_eq!(super::text("abcd", 3), format!("abc{CUT_MARK}"));
        assert_eq!(super::text("\u{1b}\u{1b}", 6), format!("\u{1b}{CUT_MARK}"));
    }
}
