//! LPC values as text, as the drivers write and read them (FluffOS `save_variable`, MudMode).
//!
//! Written strictly: no white space, a comma after every element, only `\"` and `\\` escaped, LF as CR. Read
//! tolerantly: white space between tokens, a missing last comma, an empty element as 0, any `\x` as `x`, CR as LF,
//! anything after the value.
//!
//! [`Reader`] pulls tokens out of the text; [`Value::parse`] builds a tree with it, `packet` decodes without one.

mod grammar;
mod reader;
#[cfg(test)]
mod tests;
mod write;

pub use grammar::Number;
pub use reader::{Kind, Open, Reader};
pub(crate) use write::write_as_text;
pub use write::{write_float, write_int, write_str, write_text};

use std::borrow::Cow;
use std::fmt;

/// How deep arrays, mappings and classes may nest: FluffOS writes no deeper. An unbounded recursion would abort the
/// process on `({({({…`.
pub const DEPTH_MAX: u32 = 100;

/// A value. Text and collections borrow from the input where they can; a string is bytes, since only
/// [`crate::i3::text`] knows character sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A 64-bit integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string, unescaped.
    Str(Cow<'a, [u8]>),
    /// `({…})`
    Array(Vec<Value<'a>>),
    /// `([…])`, in the order of the text. A later entry overrides an earlier one of the same key.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `(/…/)`, an LPC class: legal and relayed, used by no packet.
    Class(Vec<Value<'a>>),
}

/// Why a text is not a value.
// As wide as a word, so that every variant of a `Result` with it is made of whole words. With a kind of one byte, values
// were moved in pieces and read back whole, which stalls the processor once for each token (bench: "typed packet").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum LpcErrorKind {
    /// The text ends inside a value.
    Truncated,
    /// Something that starts no value.
    NotAValue,
    /// A number that is none, like `-`, or that is beyond all floats.
    BadNumber,
    /// An element is followed by neither a comma nor the end of its collection.
    ExpectedComma,
    /// A mapping's key is not followed by a colon.
    ExpectedColon,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A collection where another kind of value belongs.
    WrongType,
    /// `({8|…`: a size before the elements. No peer was seen to write it; CoffeeMud refuses it too.
    SizePrefix,
    /// Quotes inside strings were not escaped, and it cannot be told where the strings end.
    AmbiguousQuotes,
}

/// Where and why reading failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LpcError {
    /// Bytes of the text that were left at that point.
    pub left_bytes: usize,
    /// Why.
    pub kind: LpcErrorKind,
}

impl LpcError {
    fn at(rest: &[u8], kind: LpcErrorKind) -> Self {
        LpcError { left_bytes: rest.len(), kind }
    }
}

impl fmt::Display for LpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            LpcErrorKind::Truncated => "the text ends inside a value",
            LpcErrorKind::NotAValue => "no value starts here",
            LpcErrorKind::BadNumber => "not a number",
            LpcErrorKind::ExpectedComma => "expected a comma",
            LpcErrorKind::ExpectedColon => "expected a colon",
            LpcErrorKind::TooDeep => "nested too deep",
            LpcErrorKind::WrongType => "a collection where a plain value belongs",
            LpcErrorKind::SizePrefix => "sizes in front of elements are not read",
            LpcErrorKind::AmbiguousQuotes => "unescaped quotes leave it open where a string ends",
        };
        write!(f, "{what}, {} bytes before the end", self.left_bytes)
    }
}

impl std::error::Error for LpcError {}

impl<'a> Value<'a> {
    /// The value that `text` starts with; what follows it does not matter.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>, LpcError> {
        Reader::new(text).value()
    }

    /// A string.
    pub fn str(text: &'a str) -> Value<'a> {
        Value::Str(Cow::Borrowed(text.as_bytes()))
    }

    /// The value under a key of a mapping, the last one where the key comes twice, as drivers read it. `None` for
    /// anything but a mapping.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value<'a>> {
        let Value::Map(entries) = self else { return None };
        let wanted = key.as_ref();
        let is_wanted = |found: &Value<'_>| matches!(found, Value::Str(found) if **found == *wanted);
        entries.iter().rev().find(|(found, _)| is_wanted(found)).map(|(_, value)| value)
    }

    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Int(int) => Value::Int(int),
            Value::Float(float) => Value::Float(float),
            Value::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Value::Array(elements) => Value::Array(elements.into_iter().map(Value::into_owned).collect()),
            Value::Class(elements) => Value::Class(elements.into_iter().map(Value::into_owned).collect()),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
            }
        }
    }
}
