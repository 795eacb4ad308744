//! LPC values as text, as the drivers write and read them (FluffOS `save_variable`, MudMode).
//!
//! Written strictly: no white space, a comma after every element, only `\"` and `\\` escaped, LF as CR. Read
//! tolerantly: white space between tokens, a missing last comma, an empty element as 0, any `\x` as `x`, CR as LF,
//! anything after the value.
//!
//! [`Reader`] pulls tokens out of the text; [`Value::parse`] builds a tree with it, `packet` decodes without one.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, digit0, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::preceded;
use nom::{IResult, Parser};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LpcErrorKind {
    /// The text ends inside a value.
    Truncated,
    /// Something that starts no value.
    NotAValue,
    /// A number that is none, like `-` or `1.`.
    BadNumber,
    /// An element is followed by neither a comma nor the end of its collection.
    ExpectedComma,
    /// A mapping's key is not followed by a colon.
    ExpectedColon,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A collection where another kind of value belongs.
    WrongType,
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
        };
        write!(f, "{what}, {} bytes before the end", self.left_bytes)
    }
}

impl std::error::Error for LpcError {}

impl nom::error::ParseError<&[u8]> for LpcError {
    fn from_error_kind(rest: &[u8], _: nom::error::ErrorKind) -> Self {
        let kind = if rest.is_empty() { LpcErrorKind::Truncated } else { LpcErrorKind::NotAValue };
        LpcError::at(rest, kind)
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T, LpcError>;

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

/// `-`? digits (`.` digits)? (`e` sign? digits)?. An integer beyond 64 bits is held at the nearest end; `-0` is 0
/// (FluffOS prints it for ±2^63).
fn number(input: &[u8]) -> Parsed<'_, Number> {
    let (rest, negative) = opt(char('-')).parse(input)?;
    let (rest, digits) = digit0(rest)?;
    let (rest, fraction) = opt(preceded(char('.'), digit0)).parse(rest)?;
    let exponent_part = (one_of("eE"), opt(one_of("+-")), nom::character::complete::digit1);
    let (rest, exponent) = opt(recognize(exponent_part)).parse(rest)?;
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
    let text = &input[..input.len() - rest.len()];
    // Only ASCII digits, signs, a point and an exponent got here.
    match std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()) {
        Some(float) if float.is_finite() => Ok((rest, Number::Float(float))),
        _ => failure(input, LpcErrorKind::BadNumber),
    }
}

/// The length of the blanks in front.
fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(|byte: u8| byte == b' ' || byte == b'\n' || byte == b'\r' || byte == b'\t').parse(input)
}

/// Whether what follows a quote shows that the string ended there: a comma before another element or the end of a
/// collection, a colon, or the end itself. CoffeeMud's router relays strings without escaping their quotes.
fn ends_string(rest: &[u8]) -> bool {
    let (rest, _) = blanks(rest).unwrap_or((rest, &[]));
    match rest {
        [] | [b':', ..] => true,
        [b'}' | b']' | b'/', b')', ..] => true,
        [b',', rest @ ..] => {
            let (rest, _) = blanks(rest).unwrap_or((rest, &[]));
            matches!(rest.first(), None | Some(b'"' | b'(' | b'-' | b',' | b'0'..=b'9' | b'}' | b']' | b'/'))
        }
        _ => false,
    }
}

/// The contents of a string whose opening quote has been taken, and how many bare quotes were found inside.
fn string_body(input: &[u8]) -> Parsed<'_, (Cow<'_, [u8]>, u32)> {
    let mut bare_quotes = 0;
    let mut owned: Option<Vec<u8>> = None;
    // Everything before `from` is in `owned`, once there is one.
    let mut from = 0;
    let mut at = 0;
    loop {
        let Some(offset) = memchr::memchr3(b'"', b'\\', b'\r', &input[at..]) else {
            return failure(&[], LpcErrorKind::Truncated);
        };
        let stop = at + offset;
        match input[stop] {
            b'"' if ends_string(&input[stop + 1..]) => {
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

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Str,
    /// An integer or a float.
    Number,
    /// `({`
    Array,
    /// `([`
    Map,
    /// `(/`
    Class,
    /// Nothing between two commas: reads as 0.
    Empty,
}

/// A collection that has been opened and not yet closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// `({`
    Array,
    /// `([`
    Map,
    /// `(/`
    Class,
}

impl Open {
    /// The first byte of its end; the second is `)`.
    fn close(self) -> u8 {
        match self {
            Open::Array => b'}',
            Open::Map => b']',
            Open::Class => b'/',
        }
    }
}

/// Pulls the tokens of one value out of a text.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
    /// A value has just ended: a comma or the end of its collection must follow.
    after_value: bool,
    /// Quotes inside strings that were not escaped and could be told from closing ones.
    pub bare_quotes: u32,
    /// Strings that were not UTF-8.
    pub latin1_strings: u32,
}

type Result<T> = std::result::Result<T, LpcError>;

impl<'a> Reader<'a> {
    /// Reads `text`, the contents of a frame.
    pub fn new(text: &'a [u8]) -> Self {
        Reader { rest: text, depth: 0, after_value: false, bare_quotes: 0, latin1_strings: 0 }
    }

    /// What is left of the text.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn fail<T>(&self, kind: LpcErrorKind) -> Result<T> {
        Err(LpcError::at(self.rest, kind))
    }

    fn run<T>(&mut self, mut parser: impl FnMut(&'a [u8]) -> Parsed<'a, T>) -> Result<T> {
        match parser(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
            Err(nom::Err::Incomplete(_)) => self.fail(LpcErrorKind::Truncated),
        }
    }

    fn skip_blanks(&mut self) {
        if matches!(self.rest.first(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            // `take_while` cannot fail.
            let _ = self.run(blanks);
        }
    }

    /// The kind of the next value, by its first byte.
    pub fn peek(&mut self) -> Result<Kind> {
        self.skip_blanks();
        match self.rest {
            [b'"', ..] => Ok(Kind::Str),
            [b'0'..=b'9' | b'-' | b'.', ..] => Ok(Kind::Number),
            [b'(', rest @ ..] => {
                let (rest, _) = blanks(rest).unwrap_or((rest, &[]));
                match rest.first() {
                    Some(b'{') => Ok(Kind::Array),
                    Some(b'[') => Ok(Kind::Map),
                    Some(b'/') => Ok(Kind::Class),
                    Some(_) => self.fail(LpcErrorKind::NotAValue),
                    None => self.fail(LpcErrorKind::Truncated),
                }
            }
            [b',' | b':' | b']' | b'}' | b'/', ..] if self.depth > 0 => Ok(Kind::Empty),
            [] => self.fail(LpcErrorKind::Truncated),
            _ => self.fail(LpcErrorKind::NotAValue),
        }
    }

    /// The next string, which [`Reader::peek`] announced.
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.run(|input| tag(&b"\""[..]).parse(input))?;
        let (text, bare_quotes) = self.run(string_body)?;
        self.bare_quotes += bare_quotes;
        self.after_value = true;
        Ok(text)
    }

    /// The next number, which [`Reader::peek`] announced.
    pub fn number(&mut self) -> Result<Number> {
        self.after_value = true;
        self.run(number)
    }

    /// Enters the next collection, which [`Reader::peek`] announced.
    pub fn open(&mut self) -> Result<Open> {
        if self.depth >= DEPTH_MAX {
            return self.fail(LpcErrorKind::TooDeep);
        }
        self.run(|input| char('(').parse(input))?;
        self.skip_blanks();
        let open = match self.run(|input| alt((char('{'), char('['), char('/'))).parse(input))? {
            '{' => Open::Array,
            '[' => Open::Map,
            _ => Open::Class,
        };
        self.depth += 1;
        self.after_value = false;
        Ok(open)
    }

    /// Whether the open collection has another element; takes its end when it has none.
    pub fn more(&mut self, open: Open) -> Result<bool> {
        self.skip_blanks();
        if self.after_value && self.rest.first() == Some(&b',') {
            self.rest = &self.rest[1..];
            self.after_value = false;
            self.skip_blanks();
        }
        if let Some((_, rest)) = self.rest.split_first().filter(|(first, _)| **first == open.close()) {
            self.rest = rest;
            self.skip_blanks();
            self.run(|input| char(')').parse(input))?;
            self.depth -= 1;
            self.after_value = true;
            return Ok(false);
        }
        if self.after_value || self.rest.is_empty() {
            let kind =
                if self.rest.is_empty() { LpcErrorKind::Truncated } else { LpcErrorKind::ExpectedComma };
            return self.fail(kind);
        }
        Ok(true)
    }

    /// The colon between a mapping's key and its value.
    pub fn colon(&mut self) -> Result<()> {
        self.skip_blanks();
        match self.rest.split_first() {
            Some((b':', rest)) => {
                self.rest = rest;
                self.after_value = false;
                Ok(())
            }
            Some(_) => self.fail(LpcErrorKind::ExpectedColon),
            None => self.fail(LpcErrorKind::Truncated),
        }
    }

    /// Nothing stood here: it counts as a value.
    fn empty(&mut self) {
        self.after_value = true;
    }

    /// The next value as a tree.
    pub fn value(&mut self) -> Result<Value<'a>> {
        Ok(match self.peek()? {
            Kind::Str => Value::Str(self.string()?),
            Kind::Number => match self.number()? {
                Number::Int(int) => Value::Int(int),
                Number::Float(float) => Value::Float(float),
            },
            Kind::Empty => {
                self.empty();
                Value::Int(0)
            }
            Kind::Map => {
                let open = self.open()?;
                let mut entries = Vec::new();
                while self.more(open)? {
                    let key = self.value()?;
                    self.colon()?;
                    entries.push((key, self.value()?));
                }
                Value::Map(entries)
            }
            Kind::Array | Kind::Class => {
                let open = self.open()?;
                let mut elements = Vec::new();
                while self.more(open)? {
                    elements.push(self.value()?);
                }
                if open == Open::Class { Value::Class(elements) } else { Value::Array(elements) }
            }
        })
    }

    /// Passes over the next value.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            Kind::Str => drop(self.string()?),
            Kind::Number => drop(self.number()?),
            Kind::Empty => self.empty(),
            Kind::Array | Kind::Map | Kind::Class => {
                let open = self.open()?;
                while self.more(open)? {
                    self.skip()?;
                    if open == Open::Map {
                        self.colon()?;
                        self.skip()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The next value as text: a string in its character set, a number in its digits, 0 and nothing as `""`.
    pub fn text(&mut self) -> Result<Cow<'a, str>> {
        match self.peek()? {
            Kind::Str => {
                let (text, latin1) = super::text::decode(self.string()?);
                self.latin1_strings += u32::from(latin1);
                Ok(text)
            }
            Kind::Number => Ok(match self.number()? {
                Number::Int(0) => Cow::Borrowed(""),
                Number::Int(int) => Cow::Owned(int.to_string()),
                Number::Float(float) => Cow::Owned(float.to_string()),
            }),
            Kind::Empty => {
                self.empty();
                Ok(Cow::Borrowed(""))
            }
            Kind::Array | Kind::Map | Kind::Class => self.fail(LpcErrorKind::WrongType),
        }
    }

    /// The next value as an integer: a float loses its fraction, a string of digits counts, other text and nothing
    /// are 0.
    pub fn int(&mut self) -> Result<i64> {
        match self.peek()? {
            Kind::Number => Ok(match self.number()? {
                Number::Int(int) => int,
                Number::Float(float) => float as i64,
            }),
            Kind::Str => {
                let text = self.string()?;
                Ok(std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0))
            }
            Kind::Empty => {
                self.empty();
                Ok(0)
            }
            Kind::Array | Kind::Map | Kind::Class => self.fail(LpcErrorKind::WrongType),
        }
    }
}

impl<'a> Value<'a> {
    /// The value that `text` starts with; what follows it does not matter.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>> {
        Reader::new(text).value()
    }

    /// A string.
    pub fn str(text: &'a str) -> Value<'a> {
        Value::Str(Cow::Borrowed(text.as_bytes()))
    }

    /// Appends the value as text.
    pub fn write(&self, into: &mut Vec<u8>) {
        match self {
            Value::Int(int) => write_int(*int, into),
            Value::Float(float) => into.extend_from_slice(format!("{float:.6}").as_bytes()),
            Value::Str(text) => write_str(text, into),
            Value::Array(elements) => write_collection(b"({", elements, b"})", into),
            Value::Class(elements) => write_collection(b"(/", elements, b"/)", into),
            Value::Map(entries) => {
                into.extend_from_slice(b"([");
                for (key, value) in entries {
                    key.write(into);
                    into.push(b':');
                    value.write(into);
                    into.push(b',');
                }
                into.extend_from_slice(b"])");
            }
        }
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

fn write_collection(open: &[u8], elements: &[Value<'_>], close: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(open);
    for element in elements {
        element.write(into);
        into.push(b',');
    }
    into.extend_from_slice(close);
}

/// Appends an integer.
pub fn write_int(int: i64, into: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a Vec cannot fail.
    let _ = write!(into, "{int}");
}

/// Appends a string: `"` and `\` escaped, LF as CR, NUL (which no reader can take) left out.
pub fn write_str(text: &[u8], into: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &[u8]) -> LpcErrorKind {
        Value::parse(text).expect_err("should not parse").kind
    }

    fn written(value: &Value<'_>) -> String {
        let mut text = Vec::new();
        value.write(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_read_and_write_alike() {
        for text in [
            "0",
            "-7",
            "2.500000",
            "\"a\"",
            "\"\"",
            "({})",
            "([])",
            "({1,\"x\",({}),})",
            "([\"k\":({1,}),5:\"int key\",({1,}):2,])",
            "(/1,2,/)",
            r#""q \" b \\ e""#,
            "\"line\rline\"",
        ] {
            assert_eq!(written(&parse(text)), text);
        }
    }

    #[test]
    fn sloppy_peers_are_understood() {
        for (sloppy, strict) in [
            ("({1,2})", "({1,2,})"),                       // no last comma
            ("( { \"tell\" , 5 , } )", "({\"tell\",5,})"), // blanks (CoffeeMud reads them)
            ("({1,,})", "({1,0,})"),                       // an object that could not be saved
            ("({,\"x\",})", "({0,\"x\",})"),
            ("([\"a\":,:1,])", "([\"a\":0,0:1,])"),
            (r#""\n\x\r""#, "\"nxr\""), // any \x reads as x
            ("\"a\nb\"", "\"a\rb\""),   // a raw LF
            ("007", "7"),
            ("-0", "0"), // FluffOS for ±2^63
            ("9223372036854775808", "9223372036854775807"),
            ("-9223372036854775809", "-9223372036854775808"),
            ("1.5e+3", "1500.000000"),
            ("({1,}) xyz", "({1,})"), // garbage after the value
        ] {
            assert_eq!(written(&parse(sloppy)), strict, "{sloppy}");
        }
    }

    #[test]
    fn bare_quotes_are_recovered_where_the_next_byte_shows_that_the_string_goes_on() {
        let mut reader = Reader::new(br#"({"tell","say "hi" now","c:\new",})"#);
        let value = reader.value().unwrap();
        assert_eq!(reader.bare_quotes, 2);
        assert_eq!(written(&value), r#"({"tell","say \"hi\" now","c:new",})"#);
        let mut reader = Reader::new(br#"({"he said "no", then left",})"#);
        assert_eq!(written(&reader.value().unwrap()), r#"({"he said \"no\", then left",})"#);
        // Nobody can tell this from two strings and a word.
        assert_eq!(error(br#"({"a","b"c,})"#), LpcErrorKind::Truncated);
    }

    #[test]
    fn what_is_no_value_says_why() {
        for (text, kind) in [
            (&b""[..], LpcErrorKind::Truncated),
            (b"({1,", LpcErrorKind::Truncated),
            (b"\"abc", LpcErrorKind::Truncated),
            (b"\"abc\\", LpcErrorKind::Truncated),
            (b"[tell, 5]", LpcErrorKind::NotAValue),
            (b"(1)", LpcErrorKind::NotAValue),
            (b"({x,})", LpcErrorKind::NotAValue),
            (b"-", LpcErrorKind::BadNumber),
            (b"({1 2,})", LpcErrorKind::ExpectedComma),
            (b"([1,2,])", LpcErrorKind::ExpectedColon),
            (b"1e999", LpcErrorKind::BadNumber),
        ] {
            assert_eq!(error(text), kind, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn nesting_has_a_limit_and_no_stack_overflow() {
        let nested = |depth: usize| ["({".repeat(depth), "})".repeat(depth)].concat();
        assert!(Value::parse(nested(DEPTH_MAX as usize).as_bytes()).is_ok());
        assert_eq!(error(nested(DEPTH_MAX as usize + 1).as_bytes()), LpcErrorKind::TooDeep);
        assert_eq!(error("({".repeat(100_000).as_bytes()), LpcErrorKind::TooDeep);
        assert!(Reader::new("([".repeat(100_000).as_bytes()).skip().is_err());
    }

    #[test]
    fn every_prefix_of_a_value_is_an_error_and_never_a_panic() {
        let text = br#"({"a\"b",-1.5e+3,(["k":({1,}),]),(/0,/),})"#;
        for end in 0..text.len() {
            assert!(Value::parse(&text[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn strings_without_escapes_borrow() {
        let Value::Array(elements) = parse("({\"plain\",\"esc\\\"aped\",})") else { panic!("an array") };
        assert!(matches!(&elements[0], Value::Str(Cow::Borrowed(_))));
        assert!(matches!(&elements[1], Value::Str(Cow::Owned(_))));
    }
}
