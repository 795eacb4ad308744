//! Writes JSON whose texts are bounded. What the network sends may be long, and an escape makes a character up to six
//! times longer. So the bound counts the bytes as they are written.

use crate::i3::blocks::{self, Block, Marks};
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
pub(crate) fn write(into: &mut Vec<u8>, value: &(impl Serialize + ?Sized), mut all_bytes_max: usize) -> bool {
    write_within(into, value, &mut all_bytes_max)
}

/// Returns the length of a value as JSON, with its texts cut.
pub(crate) fn length(value: &(impl Serialize + ?Sized)) -> usize {
    let mut counter = Counter(0);
    let is_counted = write_within(&mut counter, value, &mut { TEXTS_BYTES_MAX });
    debug_assert!(is_counted);
    counter.0
}

/// Writes a value as JSON. `all` are the bytes left for all texts.
fn write_within(into: impl Write, value: &(impl Serialize + ?Sized), all: &mut usize) -> bool {
    let cutter = Cutter { left: TEXT_BYTES_MAX, all, is_cut: false, is_name: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(into, cutter)).is_ok()
}

/// An object that can be written one member after the other.
pub trait Written {
    /// Appends the members that are not absent.
    fn write_members(&self, object: &mut Object<'_>);
}

/// Appends an object as JSON, with the same bounds.
pub(crate) fn write_object(into: &mut Vec<u8>, value: &impl Written, all_bytes_max: usize) -> bool {
    let begin = into.len();
    let mut object = Object { into, all: all_bytes_max, is_written: true };
    value.write_members(&mut object);
    let is_written = object.is_written;
    match into.get_mut(begin) {
        // In place of the comma before the first member.
        Some(first) => *first = b'{',
        None => into.push(b'{'),
    }
    into.push(b'}');
    is_written
}

/// An object that is being written. A comma precedes each member.
#[derive(Debug)]
pub struct Object<'w> {
    into: &'w mut Vec<u8>,
    /// Bytes left for all texts.
    all: usize,
    /// Each value so far could be written.
    is_written: bool,
}

/// Marks the bytes of a text that JSON writes as escapes.
fn escape_marks(block: Block) -> Marks {
    blocks::is(block, b'"') | blocks::is(block, b'\\') | blocks::is_at_most(block, 0x1f)
}

impl Object<'_> {
    /// Appends the name of a member, which is given as `,"name":`. Inline its length is known (instructions:
    /// "50-lines-to-1-client").
    #[inline(always)]
    pub(crate) fn name(&mut self, name: &'static str) {
        self.into.extend_from_slice(name.as_bytes());
    }

    /// Appends a text. Most have no escapes and are not too long.
    pub(crate) fn text(&mut self, text: &str) {
        if text.len() > self.all.min(TEXT_BYTES_MAX) || !blocks::none(text.as_bytes(), escape_marks) {
            return self.value(text);
        }
        self.all -= text.len();
        self.into.reserve(text.len() + 2);
        self.into.push(b'"');
        self.into.extend_from_slice(text.as_bytes());
        self.into.push(b'"');
    }

    /// Appends a value of any form.
    pub(crate) fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        self.is_written &= write_within(&mut *self.into, value, &mut self.all);
    }
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
struct Cutter<'a> {
    /// Bytes left for the current text.
    left: usize,
    /// Bytes left for all texts.
    all: &'a mut usize,
    /// The current text was cut.
    is_cut: bool,
    /// The current text is the name of a member: it is never cut.
    is_name: bool,
}

impl Formatter for Cutter<'_> {
    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_name = true;
        serde_json::ser::CompactFormatter.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is_name = false;
        serde_json::ser::CompactFormatter.begin_object_value(writer)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        (self.left, self.is_cut) = (TEXT_BYTES_MAX.min(*self.all), false);
        writer.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.is_name {
            return writer.write_all(fragment.as_bytes());
        }
        if self.is_cut {
            return Ok(());
        }
        let end = fragment.floor_char_boundary(self.left);
        self.is_cut = end < fragment.len();
        (self.left, *self.all) = (self.left - end, *self.all - end);
        writer.write_all(&fragment.as_bytes()[..end])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: serde_json::ser::CharEscape,
    ) -> io::Result<()> {
        if self.is_name {
            return serde_json::ser::CompactFormatter.write_char_escape(writer, escape);
        }
        let bytes = if matches!(escape, serde_json::ser::CharEscape::AsciiControl(_)) { 6 } else { 2 };
        self.is_cut |= bytes > self.left;
        if self.is_cut {
            return Ok(());
        }
        (self.left, *self.all) = (self.left - bytes, *self.all - bytes);
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
    use crate::describe::macros::output;
    use std::borrow::Cow;
    use std::collections::BTreeMap;

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
    fn names_of_members_stay_whole_when_no_bytes_are_left_for_texts() {
        let texts = || ["x".repeat(60_000), "y\n".repeat(30_000), "é".repeat(30_000)];
        let rows: Vec<BTreeMap<&str, String>> =
            (0..9).map(|_| ["a", "b\n", "c"].into_iter().zip(texts()).collect()).collect();
        let json = written(&rows);
        let read: Vec<BTreeMap<String, String>> = serde_json::from_str(&json).unwrap();
        assert!(read.iter().all(|row| row.keys().eq(["a", "b\n", "c"])));
        assert_eq!(read[8].values().collect::<Vec<_>>(), [CUT_MARK; 3]);
        assert!(json.len() < TEXTS_BYTES_MAX + 700);
    }

    #[test]
    fn an_object_is_written_as_its_parts_are() {
        output! {
            /// An object.
            struct Row {
                /// a text
                text: Cow<'static, str>,
                /// a number
                number: Option<i64>,
                /// a text under another name
                other as "self": Cow<'static, str>,
                /// a list
                list: Vec<Cow<'static, str>>,
            }
        }
        let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
        for text in
            ["", "plain", "é 🙂", "a\"b", "a\\b", "\u{0}", "line\n", "\u{7f}", "0123456789abcdef\u{1f}", long]
        {
            for number in [None, Some(-1)] {
                let row = Row { text: text.into(), number, other: text.into(), list: vec![text.into(); 3] };
                let mut object = Vec::new();
                assert!(write_object(&mut object, &row, TEXTS_BYTES_MAX));
                assert_eq!(String::from_utf8(object).unwrap(), written(&row));
            }
        }
    }

    #[test]
    fn a_short_text_is_not_cut() {
        assert_eq!(super::text("abc", 3), "abc");
        assert_eq!(super::text("abcd", 3), format!("abc{CUT_MARK}"));
        assert_eq!(super::text("\u{1b}\u{1b}", 6), format!("\u{1b}{CUT_MARK}"));
    }
}
