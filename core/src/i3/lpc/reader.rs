//! Reads LPC text token by token. Trees and typed packets are both built on this reader.

use super::error::{DEPTH_MAX, LpcError, LpcErrorKind, VALUES_MAX};
use super::grammar::{self, Number, Parsed, Place};
use super::value::Value;
use crate::i3::text;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::char;
use std::borrow::Cow;

type Result<T> = std::result::Result<T, LpcError>;

/// The kind of the next value.
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
    /// An empty element between two commas, which is read as 0.
    Empty,
}

/// A collection that was opened and is not closed yet.
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
    /// Returns the first byte of its end. The second is `)`.
    fn close(self) -> u8 {
        match self {
            Open::Array => b'}',
            Open::Map => b']',
            Open::Class => b'/',
        }
    }

    /// Returns the place of a string that comes next in it.
    fn place(self) -> Place {
        if self == Open::Map { Place::Key } else { Place::Element }
    }
}

/// Reads LPC text token by token. Every collection that is opened must be read to its end with [`Reader::more`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    whole_bytes: usize,
    /// The front of the whole text that is known to be UTF-8. Strings in it need no check of their own.
    valid: &'a str,
    depth: u32,
    /// Number of values that were read into memory.
    values: u32,
    /// The last token ended a value, so a comma must come before the next one.
    after_value: bool,
    place: Place,
    /// Number of unescaped quotes inside strings that were told apart from closing ones.
    pub bare_quotes: u32,
    /// Number of strings that were not UTF-8.
    pub latin1_strings: u32,
    /// Number of rows of lists that were skipped.
    pub odd_rows: u32,
}

impl<'a> Reader<'a> {
    /// Creates a reader for `text`, the contents of a frame.
    pub fn new(text: &'a [u8]) -> Self {
        Reader {
            rest: text,
            whole_bytes: text.len(),
            valid: "",
            depth: 0,
            values: 0,
            after_value: false,
            place: Place::Top,
            bare_quotes: 0,
            latin1_strings: 0,
            odd_rows: 0,
        }
    }

    /// Creates a reader for `text` if most of its strings will be read as text. It checks the text as a whole, which is
    /// faster than a check of each string (bench: "typed packet").
    pub fn for_texts(text: &'a [u8]) -> Self {
        Reader { valid: text::utf8_prefix(text), ..Reader::new(text) }
    }

    /// Returns the rest of the text.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns an error at the present place.
    #[cold]
    pub fn error(&self, kind: LpcErrorKind) -> LpcError {
        LpcError::at(self.rest, kind)
    }

    #[cold]
    fn fail<T>(&self, kind: LpcErrorKind) -> Result<T> {
        Err(LpcError::at(self.rest, kind))
    }

    /// Fails because of the next byte.
    #[cold]
    fn unexpected<T>(&self, kind: LpcErrorKind) -> Result<T> {
        match self.rest.first() {
            None => self.fail(LpcErrorKind::Truncated),
            Some(b'|') => self.fail(LpcErrorKind::SizePrefix),
            Some(_) => self.fail(kind),
        }
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

    #[inline(always)]
    fn skip_blanks(&mut self) {
        if self.rest.first().copied().is_some_and(grammar::is_blank) {
            // `take_while` cannot fail.
            let _ = self.run(grammar::blanks);
        }
    }

    /// Returns the kind of the next value, from its first byte.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Kind> {
        match self.rest {
            [b'"', ..] => Ok(Kind::Str),
            [b'0'..=b'9', ..] => Ok(Kind::Number),
            [b'(', b'{', ..] => Ok(Kind::Array),
            [b'(', b'[', ..] => Ok(Kind::Map),
            _ => self.peek_anything(),
        }
    }

    #[inline(never)]
    fn peek_anything(&mut self) -> Result<Kind> {
        self.skip_blanks();
        match self.rest {
            [b'"', ..] => Ok(Kind::Str),
            [b'0'..=b'9' | b'-' | b'.', ..] => Ok(Kind::Number),
            [b'(', rest @ ..] => {
                let rest = grammar::blanks(rest).map_or(rest, |(rest, _)| rest);
                match rest.first() {
                    Some(b'{') => Ok(Kind::Array),
                    Some(b'[') => Ok(Kind::Map),
                    Some(b'/') => Ok(Kind::Class),
                    Some(_) => self.fail(LpcErrorKind::NotAValue),
                    None => self.fail(LpcErrorKind::Truncated),
                }
            }
            [b',' | b':' | b']' | b'}' | b'/', ..] if self.depth > 0 => Ok(Kind::Empty),
            _ => self.unexpected(LpcErrorKind::NotAValue),
        }
    }

    /// Reads a string. [`Reader::peek`] has returned its kind.
    #[inline(always)]
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        match self.plain_string() {
            Some(contents) => Ok(Cow::Borrowed(contents)),
            None => self.any_string(),
        }
    }

    /// The fast path for a string without escapes and unescaped quotes, followed by what strict writers put there. A
    /// plain reference stays in registers, where a `Result` would be passed in memory (bench: "tree", "typed packet").
    #[inline(always)]
    fn plain_string(&mut self) -> Option<&'a [u8]> {
        if let [b'"', body @ ..] = self.rest
            && let Some(stop) = grammar::find_special(body)
            && let (contents, [b'"', rest @ ..]) = body.split_at(stop)
            && grammar::ends_strictly(rest, self.place)
        {
            self.rest = rest;
            self.after_value = true;
            return Some(contents);
        }
        None
    }

    #[inline(never)]
    fn any_string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.run(|input| tag(&b"\""[..]).parse(input))?;
        let place = self.place;
        let (contents, bare_quotes) = self.run(|input| grammar::string_body(input, place))?;
        self.bare_quotes += bare_quotes;
        self.after_value = true;
        Ok(contents)
    }

    /// Reads a number. [`Reader::peek`] has returned its kind.
    #[inline]
    pub fn number(&mut self) -> Result<Number> {
        self.after_value = true;
        // Most numbers are short integers (bench: "typed packet", the mudlist).
        if let Some((rest, int)) = grammar::short_int(self.rest) {
            self.rest = rest;
            return Ok(Number::Int(int));
        }
        self.run(grammar::number)
    }

    /// Enters a collection. [`Reader::peek`] has returned its kind.
    #[inline]
    pub fn open(&mut self) -> Result<Open> {
        if self.depth >= DEPTH_MAX {
            return self.fail(LpcErrorKind::TooDeep);
        }
        let open = match self.rest {
            [b'(', b'{', rest @ ..] => {
                self.rest = rest;
                Open::Array
            }
            [b'(', b'[', rest @ ..] => {
                self.rest = rest;
                Open::Map
            }
            _ => self.open_anything()?,
        };
        self.depth += 1;
        self.after_value = false;
        Ok(open)
    }

    #[inline(never)]
    fn open_anything(&mut self) -> Result<Open> {
        self.run(|input| char('(').parse(input))?;
        self.skip_blanks();
        Ok(match self.run(|input| alt((char('{'), char('['), char('/'))).parse(input))? {
            '{' => Open::Array,
            '[' => Open::Map,
            _ => Open::Class,
        })
    }

    /// Whether the open collection has another element. If not, its end is read.
    #[inline(always)]
    pub fn more(&mut self, open: Open) -> Result<bool> {
        self.place = open.place();
        // The fast paths: a comma directly followed by another element, or the end.
        if self.after_value
            && let [b',', rest @ ..] = self.rest
        {
            match rest {
                [next, b')', rest @ ..] if *next == open.close() => {
                    self.rest = rest;
                    self.depth -= 1;
                    return Ok(false);
                }
                [next, ..] if *next != open.close() && !grammar::is_blank(*next) => {
                    self.rest = rest;
                    self.after_value = false;
                    return Ok(true);
                }
                _ => {}
            }
        }
        self.more_or_end(open)
    }

    #[inline(never)]
    fn more_or_end(&mut self, open: Open) -> Result<bool> {
        self.skip_blanks();
        if self.after_value && self.rest.first() == Some(&b',') {
            self.rest = &self.rest[1..];
            self.after_value = false;
            self.skip_blanks();
        }
        if let Some((_, rest)) = self.rest.split_first().filter(|(first, _)| **first == open.close()) {
            self.rest = rest;
            self.skip_blanks();
            match self.rest {
                [b')', rest @ ..] => self.rest = rest,
                _ => return self.unexpected(LpcErrorKind::NotAValue),
            }
            self.depth -= 1;
            self.after_value = true;
            return Ok(false);
        }
        if self.after_value || self.rest.is_empty() {
            return self.unexpected(LpcErrorKind::ExpectedComma);
        }
        Ok(true)
    }

    /// Reads the colon between a mapping's key and its value.
    #[inline(always)]
    pub fn colon(&mut self) -> Result<()> {
        self.skip_blanks();
        match self.rest {
            [b':', rest @ ..] => {
                self.rest = rest;
                self.after_value = false;
                self.place = Place::Element;
                Ok(())
            }
            _ => self.unexpected(LpcErrorKind::ExpectedColon),
        }
    }

    /// Notes an empty element, which counts as a value.
    fn empty(&mut self) {
        self.after_value = true;
    }

    /// Reads the next value as a tree.
    #[inline]
    pub fn value(&mut self) -> Result<Value<'a>> {
        // Most values in a typed packet are the 1 of a service (bench: "typed packet", the mudlist).
        if let Some((rest, int)) = grammar::short_int(self.rest) {
            self.count_value()?;
            self.rest = rest;
            self.after_value = true;
            return Ok(Value::Int(int));
        }
        self.value_in(&mut Scratch::default())
    }

    #[inline]
    fn count_value(&mut self) -> Result<()> {
        self.values += 1;
        if self.values > VALUES_MAX { self.fail(LpcErrorKind::TooMany) } else { Ok(()) }
    }

    fn value_in(&mut self, scratch: &mut Scratch<'a>) -> Result<Value<'a>> {
        self.count_value()?;
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
                let start = scratch.entries.len();
                while self.more(open)? {
                    let key = self.value_in(scratch)?;
                    self.colon()?;
                    let value = self.value_in(scratch)?;
                    scratch.entries.push((key, value));
                }
                Value::Map(Scratch::take(&mut scratch.entries, start))
            }
            Kind::Array | Kind::Class => {
                let open = self.open()?;
                let start = scratch.elements.len();
                while self.more(open)? {
                    let element = self.value_in(scratch)?;
                    if scratch.elements.capacity() == 0 {
                        scratch.elements.reserve(SCRATCH_ELEMENTS);
                    }
                    scratch.elements.push(element);
                }
                let elements = Scratch::take(&mut scratch.elements, start);
                if open == Open::Class { Value::Class(elements) } else { Value::Array(elements) }
            }
        })
    }

    /// Skips the next value.
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

    /// Reads the next value as text: a string in its character set, a number as its digits, 0 and an empty element as
    /// `""`.
    #[inline(always)]
    pub fn text(&mut self) -> Result<Cow<'a, str>> {
        match self.plain_text() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.any_text(),
        }
    }

    /// The fast path of [`Reader::text`]. It reads nothing if it does not apply.
    #[inline(always)]
    fn plain_text(&mut self) -> Option<&'a str> {
        let before = self.rest;
        let contents = self.plain_string()?;
        let start = self.whole_bytes - before.len() + 1;
        let text = self.valid.get(start..start + contents.len());
        if text.is_none() {
            self.rest = before;
        }
        text
    }

    /// The fast path of [`Reader::more`] and [`Reader::text`] in an array: a comma and a plain string. It reads nothing
    /// if it does not apply. It is a function of its own because its result then stays in registers (bench: "typed
    /// packet").
    #[inline(never)]
    pub(crate) fn comma_text(&mut self) -> Option<&'a str> {
        self.after_comma(Reader::plain_text)
    }

    /// Like [`Reader::comma_text`], for the first element of an array that has just been opened.
    #[inline(always)]
    pub(crate) fn first_text(&mut self) -> Option<&'a str> {
        self.place = Place::Element;
        self.plain_text()
    }

    /// Like [`Reader::comma_text`], for a short integer.
    #[inline(never)]
    pub(crate) fn comma_int(&mut self) -> Option<i64> {
        self.after_comma(|reader| {
            let (rest, int) = grammar::short_int(reader.rest)?;
            reader.rest = rest;
            Some(int)
        })
    }

    /// Like [`Reader::comma_text`], for a 0, which means "nobody" in most headers.
    #[inline(always)]
    pub(crate) fn comma_zero(&mut self) -> bool {
        let zero = |reader: &mut Self| match reader.rest {
            [b'0', rest @ ..] if rest.first() == Some(&b',') => {
                reader.rest = rest;
                Some(())
            }
            _ => None,
        };
        self.after_comma(zero).is_some()
    }

    #[inline(always)]
    fn after_comma<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.rest;
        if let [b',', rest @ ..] = before
            && self.after_value
        {
            self.rest = rest;
            self.place = Place::Element;
            let taken = take(self);
            if taken.is_none() {
                self.rest = before;
            }
            return taken;
        }
        None
    }

    #[inline(never)]
    fn decoded(&mut self, contents: Cow<'a, [u8]>) -> Cow<'a, str> {
        let (text, latin1) = text::decode(contents);
        self.latin1_strings += u32::from(latin1);
        text
    }

    #[inline(never)]
    fn any_text(&mut self) -> Result<Cow<'a, str>> {
        match self.peek()? {
            Kind::Str => {
                let contents = self.string()?;
                Ok(self.decoded(contents))
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

    /// Reads the next value as an integer. A float loses its fraction, a string of digits counts, and other text or an
    /// empty element is 0.
    #[inline(always)]
    pub fn int(&mut self) -> Result<i64> {
        if let Some((rest, int)) = grammar::short_int(self.rest) {
            self.rest = rest;
            self.after_value = true;
            return Ok(int);
        }
        self.any_int()
    }

    #[inline(never)]
    fn any_int(&mut self) -> Result<i64> {
        match self.peek()? {
            Kind::Number => Ok(match self.number()? {
                Number::Int(int) => int,
                Number::Float(float) => float as i64,
            }),
            Kind::Str => {
                let contents = self.string()?;
                Ok(text::utf8_prefix(&contents).trim().parse().unwrap_or(0))
            }
            Kind::Empty => {
                self.empty();
                Ok(0)
            }
            Kind::Array | Kind::Map | Kind::Class => self.fail(LpcErrorKind::WrongType),
        }
    }
}

/// Enough elements for most packets.
const SCRATCH_ELEMENTS: usize = 16;

/// Holds the elements of unfinished collections, those of the innermost last. Each collection gets its memory once,
/// when its size is known (bench: "tree").
#[derive(Default)]
struct Scratch<'a> {
    elements: Vec<Value<'a>>,
    entries: Vec<(Value<'a>, Value<'a>)>,
}

impl Scratch<'_> {
    fn take<T>(waiting: &mut Vec<T>, start: usize) -> Vec<T> {
        // The outermost collection is the last to be read, so it can take the buffer itself.
        if start == 0 { std::mem::take(waiting) } else { waiting.split_off(start) }
    }
}

impl<'a> Value<'a> {
    /// Parses the value at the start of `text`. What follows it is ignored.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>> {
        Reader::new(text).value()
    }
}
