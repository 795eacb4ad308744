//! The grammar of single tokens, as nom parsers, with fast paths in front of them.
//!
//! A fast path handles what well-behaved peers nearly always send, and leaves the rest to the parser. The benchmark
//! `cargo run --release -p i3-benches --bin ratios`, rows "tree" and "typed packet", shows the gain of each.

use super::error::{LpcError, LpcErrorKind};
use crate::i3::blocks;
use crate::i3::text;
use nom::bytes::complete::take_while;
use nom::character::complete::{char, digit0, digit1, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::preceded;
use nom::{IResult, Parser};
use std::borrow::Cow;

pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, LpcError>;

impl nom::error::ParseError<&[u8]> for LpcError {
    fn from_error_kind(rest: &[u8], _: nom::error::ErrorKind) -> Self {
        let kind = if rest.is_empty() { LpcErrorKind::Truncated } else { LpcErrorKind::NotAValue };
        LpcError::at(rest, kind)
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

#[cold]
fn failure<T>(rest: &[u8], kind: LpcErrorKind) -> Parsed<'_, T> {
    Err(nom::Err::Error(LpcError::at(rest, kind)))
}

/// A number token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a point.
    Int(i64),
    /// With a point, or with an exponent.
    Float(f64),
}

/// Number of digits that always fit into 64 bits.
const SAFE_DIGITS: usize = 18;

/// Reads an integer of up to 18 digits, which nearly every number on the network is.
#[inline(always)]
pub(super) fn short_int(input: &[u8]) -> Option<(&[u8], i64)> {
    let (negative, digits) = match input {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, input),
    };
    let (mut magnitude, mut count) = (0i64, 0);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            // A point or an exponent makes the number a float.
            if count == 0 || matches!(byte, b'.' | b'e' | b'E') {
                return None;
            }
            return Some((&digits[count..], if negative { -magnitude } else { magnitude }));
        }
        if count == SAFE_DIGITS {
            return None;
        }
        magnitude = magnitude * 10 + i64::from(digit);
        count += 1;
    }
    None
}

/// Reads `-`? digits (`.` digits)? (`e` sign? digits)?. An integer beyond 64 bits becomes the nearest 64-bit integer;
/// `-0` is 0 (FluffOS prints it for ±2^63).
pub(super) fn number(input: &[u8]) -> Parsed<'_, Number> {
    let (rest, negative) = opt(char('-')).parse(input)?;
    let (rest, digits) = digit0(rest)?;
    let (rest, fraction) = opt(preceded(char('.'), digit0)).parse(rest)?;
    let (rest, exponent) = opt(recognize((one_of("eE"), opt(one_of("+-")), digit1))).parse(rest)?;
    if digits.is_empty() && fraction.is_none_or(<[u8]>::is_empty) {
        return failure(input, LpcErrorKind::BadNumber);
    }
    if fraction.is_none() && exponent.is_none() {
        let magnitude = digits
            .iter()
            .fold(0i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
        let signed = if negative.is_some() { -magnitude } else { magnitude };
        return Ok((rest, Number::Int(signed.clamp(i64::MIN.into(), i64::MAX.into()) as i64)));
    }
    let digits = &input[..input.len() - rest.len()];
    // The digits consist only of ASCII digits, signs, a point and an exponent.
    match text::utf8_prefix(digits).parse::<f64>() {
        Ok(float) if float.is_finite() => Ok((rest, Number::Float(float))),
        _ => failure(input, LpcErrorKind::BadNumber),
    }
}

#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Reads the blanks at the front.
pub(super) fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_blank).parse(input)
}

fn after_blanks(input: &[u8]) -> &[u8] {
    // Blanks are rare, and a frame may consist of quotes: the test with 2 MiB of them depends on this check.
    if !input.first().copied().is_some_and(is_blank) {
        return input;
    }
    blanks(input).map_or(input, |(rest, _)| rest)
}

/// What may follow a string at its place. This distinguishes a closing quote from an unescaped one: CoffeeMud's router
/// relays strings without escaping their quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside all collections. The first quote ends the string, and what follows is ignored.
    Top,
    /// An element: a comma or the end of the collection follows.
    Element,
    /// A key: a colon follows.
    Key,
}

/// Whether a byte can follow the comma after an element: it begins another element, or ends the collection.
#[inline]
fn starts_element(byte: u8) -> bool {
    matches!(byte, b'"' | b'(' | b'0'..=b'9' | b'-' | b'}' | b']' | b',' | b'.' | b'/' | b':')
}

/// Whether the text after a quote is what strict writers put after a string. This is the fast path of [`ends_string`].
#[inline(always)]
pub(super) fn ends_strictly(rest: &[u8], place: Place) -> bool {
    match (place, rest) {
        (Place::Element, [b',', next, ..]) => starts_element(*next),
        (Place::Key, [b':', ..]) => true,
        _ => false,
    }
}

/// Whether the text after a quote shows that the string ends there. If not, the string continues.
fn ends_string(rest: &[u8], place: Place) -> bool {
    if place == Place::Top {
        return true;
    }
    let rest = after_blanks(rest);
    match (place, rest) {
        (_, []) | (Place::Key, [b':', ..]) => true,
        (Place::Element, [b'}' | b']' | b'/', rest @ ..]) => after_blanks(rest).first() == Some(&b')'),
        (Place::Element, [b',', rest @ ..]) => {
            after_blanks(rest).first().is_none_or(|next| starts_element(*next))
        }
        _ => false,
    }
}

/// Number of blocks that are searched before memchr is called. Most strings on this network are too short to be worth
/// its call.
const BLOCKS_BEFORE_MEMCHR: usize = 8;

/// Returns the index of the first quote, backslash or CR.
#[inline(always)]
pub(super) fn find_special(text: &[u8]) -> Option<usize> {
    let special = |block| blocks::is(block, b'"') | blocks::is(block, b'\\') | blocks::is(block, b'\r');
    let mut rest = text;
    for skipped in 0..BLOCKS_BEFORE_MEMCHR {
        let Some((block, later)) = rest.split_first_chunk() else { break };
        if let Some(at) = blocks::first(block, special) {
            return Some(skipped * blocks::BYTES + at);
        }
        rest = later;
    }
    let skipped = text.len() - rest.len();
    memchr::memchr3(b'"', b'\\', b'\r', rest).map(|at| skipped + at)
}

/// Reads the contents of a string after its opening quote. Returns them with the number of unescaped quotes inside.
pub(super) fn string_body(input: &[u8], place: Place) -> Parsed<'_, (Cow<'_, [u8]>, u32)> {
    let mut bare_quotes = 0;
    let mut owned: Option<Vec<u8>> = None;
    // Once `owned` is in use, it holds everything before `from`.
    let mut from = 0;
    let mut at = 0;
    loop {
        let Some(offset) = find_special(&input[at..]) else {
            return failure(&[], LpcErrorKind::Truncated);
        };
        let stop = at + offset;
        match input[stop] {
            b'"' if ends_string(&input[stop + 1..], place) => {
                let text = match owned {
                    None => Cow::Borrowed(&input[..stop]),
                    Some(mut text) => {
                        text.extend_from_slice(&input[from..stop]);
                        Cow::Owned(text)
                    }
                };
                return Ok((&input[stop + 1..], (text, bare_quotes)));
            }
            b'"' => {
                bare_quotes += 1;
                at = stop + 1;
            }
            special => {
                let text = owned.get_or_insert_default();
                text.extend_from_slice(&input[from..stop]);
                if special == b'\r' {
                    text.push(b'\n');
                    from = stop + 1;
                } else {
                    let Some(&escaped) = input.get(stop + 1) else {
                        return failure(&[], LpcErrorKind::Truncated);
                    };
                    text.push(if escaped == b'\r' { b'\n' } else { escaped });
                    from = stop + 2;
                }
                at = from;
            }
        }
    }
}
