//! Why a text is not a value.

use std::fmt;

/// How deep arrays, mappings and classes may nest. FluffOS writes no deeper values. Unbounded recursion would abort the
/// process on `({({({…`.
pub const DEPTH_MAX: u32 = 100;

/// Number of values of one text that are read into memory. Deployed networks need some thousands for their longest list.
pub const VALUES_MAX: u32 = 500_000;

/// Why a text is not a value.
// As wide as a machine word, so that every variant of a `Result` with it consists of whole words. With a kind of one
// byte, values were written in pieces and read back as a whole, which stalls the processor once for each token (bench:
// "typed packet").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum LpcErrorKind {
    /// The text ends inside a value.
    Truncated,
    /// No value starts here.
    NotAValue,
    /// Not a number, like `-`, or a number beyond the range of floats.
    BadNumber,
    /// An element is followed by neither a comma nor the end of its collection.
    ExpectedComma,
    /// A mapping's key is not followed by a colon.
    ExpectedColon,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// More than [`VALUES_MAX`] values.
    TooMany,
    /// A collection is where another kind of value belongs.
    WrongType,
    /// `({8|…`: a size before the elements. No peer is known to write it, and CoffeeMud refuses it too.
    SizePrefix,
    /// Quotes inside strings were not escaped, and the ends of the strings are ambiguous.
    AmbiguousQuotes,
}

/// Where and why the reader failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LpcError {
    /// Number of bytes of the text that were left at that point.
    pub left_bytes: usize,
    /// The reason.
    pub kind: LpcErrorKind,
}

impl LpcError {
    pub(super) fn at(rest: &[u8], kind: LpcErrorKind) -> Self {
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
            LpcErrorKind::TooMany => "too many values",
            LpcErrorKind::WrongType => "a collection where a plain value belongs",
            LpcErrorKind::SizePrefix => "sizes in front of elements are not read",
            LpcErrorKind::AmbiguousQuotes => "unescaped quotes make the end of a string ambiguous",
        };
        write!(f, "{what}, {} bytes before the end", self.left_bytes)
    }
}

impl std::error::Error for LpcError {}
