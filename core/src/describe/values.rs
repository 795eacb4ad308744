//! The types of single parameters and members. A parameter type parses itself from a [`Datum`], and reports what is
//! wrong with an unsuitable value.

use super::cut;
use super::datum::{Datum, Source};
use super::shape::{ANY_LENGTH, Described, Shape};
use crate::time::UnixTime;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

/// The longest name of a mud, a user or a channel.
pub const NAME_BYTES_MAX: usize = 128;

/// An error in a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The parameter, or the part of it: `users[3].name`.
    pub path: String,
    /// What the value must be.
    pub what: Cow<'static, str>,
}

impl Wrong {
    /// An error in the value itself.
    pub fn must(what: impl Into<Cow<'static, str>>) -> Self {
        Wrong { path: String::new(), what: what.into() }
    }

    /// An error in a value that must be one of these texts.
    pub fn must_be_one_of(words: &[&str]) -> Self {
        let (last, others) = words.split_last().map_or(("", &[][..]), |(last, others)| (*last, others));
        let or = if others.is_empty() { "" } else { " or " };
        Wrong::must(format!("must be {}{or}{last}", others.join(", ")))
    }

    /// Adds the name of the member that holds the wrong value.
    #[must_use]
    pub fn of(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// Adds the index of the list element that holds the wrong value.
    #[must_use]
    pub fn at(mut self, place: usize) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{place}]{dot}{}", self.path);
        self
    }
}

/// Writes a sentence that names the parameter.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.what)
    }
}

/// The type of a parameter.
pub trait Parameter<'a>: Described + Sized {
    /// Parses the value.
    fn read(value: Datum<'a>) -> Result<Self, Wrong>;

    /// Returns the value of a missing parameter, or `None` if the parameter is required.
    fn missing() -> Option<Self> {
        None
    }
}

/// The parameters of a method, or the members of an object inside them.
pub trait Parameters<'a>: Sized {
    /// Parses all of them.
    fn read_from(source: &mut dyn Source<'a>) -> Result<Self, Wrong>;
}

/// Takes one parameter out, by its own name or by a second name that old clients use.
pub fn take<'a, T: Parameter<'a>>(
    source: &mut dyn Source<'a>,
    name: &'static str,
    alias: Option<&'static str>,
) -> Result<T, Wrong> {
    if let Some(value) = present(source, name) {
        return T::read(value).map_err(|wrong| wrong.of(name));
    }
    if let Some(alias) = alias
        && let Some(value) = present(source, alias)
    {
        return T::read(value).map_err(|wrong| wrong.of(alias));
    }
    T::missing().ok_or_else(|| Wrong::must("is missing").of(name))
}

/// Takes one parameter out, or returns the default if it is missing.
pub fn take_or<'a, T: Parameter<'a>>(
    source: &mut dyn Source<'a>,
    name: &'static str,
    default: impl FnOnce() -> T,
) -> Result<T, Wrong> {
    match present(source, name) {
        Some(value) => T::read(value).map_err(|wrong| wrong.of(name)),
        None => Ok(default()),
    }
}

fn present<'a>(source: &mut dyn Source<'a>, name: &str) -> Option<Datum<'a>> {
    source.take(name).filter(|value| *value != Datum::Null)
}

/// A type whose default is written as a literal, which the documents show.
pub trait FromLiteral<L> {
    /// Returns the value of the literal.
    fn from_literal(literal: L) -> Self;
}

fn text(value: Datum<'_>) -> Result<Cow<'_, str>, Wrong> {
    match value {
        Datum::Text(text) if text.is_empty() => Err(Wrong::must("must not be empty")),
        Datum::Text(text) => Ok(text),
        _ => Err(Wrong::must("must be a text")),
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident $(<const $most:ident>)?: $shape:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a $(, const $most: usize)?>(pub Cow<'a, str>);

        impl<'a $(, const $most: usize)?> Deref for $name<'a $(, $most)?> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<'a $(, const $most: usize)?> Described for $name<'a $(, $most)?> {
            const SHAPE: Shape = $shape;
        }

        impl<'a $(, const $most: usize)?> Serialize for $name<'a $(, $most)?> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_type! {
    /// A text that is not empty.
    Filled: Shape::Filled
}

text_type! {
    /// A text that is not empty, with at most this many bytes and no control characters.
    Short<const MOST>: Shape::Short(MOST)
}

text_type! {
    /// A name of a mud, a user or a channel.
    Name: Shape::Name
}

impl<'a> Parameter<'a> for Filled<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        text(value).map(Filled)
    }
}

impl<'a, const MOST: usize> Parameter<'a> for Short<'a, MOST> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if text.len() > MOST || text.chars().any(char::is_control) {
            return Err(Wrong::must(format!("must be at most {MOST} bytes without control characters")));
        }
        Ok(Short(text))
    }
}

impl<'a> Parameter<'a> for Name<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let text = text(value)?;
        if text.len() > NAME_BYTES_MAX {
            return Err(Wrong::must(format!("has {} bytes, the most is {NAME_BYTES_MAX}", text.len())));
        }
        if text.chars().any(char::is_control) {
            return Err(Wrong::must("must not hold control characters"));
        }
        if text.trim().is_empty() {
            return Err(Wrong::must("must not be blank"));
        }
        Ok(Name(text))
    }
}

impl FromLiteral<&'static str> for Name<'_> {
    fn from_literal(literal: &'static str) -> Self {
        Name(Cow::Borrowed(literal))
    }
}

impl Described for bool {
    const SHAPE: Shape = Shape::Flag;
}

impl<'a> Parameter<'a> for bool {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        match value {
            Datum::Flag(flag) => Ok(flag),
            _ => Err(Wrong::must("must be true or false")),
        }
    }
}

impl FromLiteral<bool> for bool {
    fn from_literal(literal: bool) -> Self {
        literal
    }
}

impl Described for i64 {
    const SHAPE: Shape = Shape::Int;
}

impl<'a> Parameter<'a> for i64 {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        match value {
            Datum::Int(int) => Ok(int),
            _ => Err(Wrong::must("must be an integer")),
        }
    }
}

impl FromLiteral<i64> for i64 {
    fn from_literal(literal: i64) -> Self {
        literal
    }
}

/// A whole number within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const LEAST: i64, const MOST: i64>(pub i64);

impl<const LEAST: i64, const MOST: i64> Described for Within<LEAST, MOST> {
    const SHAPE: Shape = Shape::Within(LEAST, MOST);
}

impl<'a, const LEAST: i64, const MOST: i64> Parameter<'a> for Within<LEAST, MOST> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        match i64::read(value)? {
            int if (LEAST..=MOST).contains(&int) => Ok(Within(int)),
            _ if MOST == i64::MAX => Err(Wrong::must(format!("must be at least {LEAST}"))),
            _ => Err(Wrong::must(format!("must be between {LEAST} and {MOST}"))),
        }
    }
}

impl<const LEAST: i64, const MOST: i64> FromLiteral<i64> for Within<LEAST, MOST> {
    fn from_literal(literal: i64) -> Self {
        Within(literal)
    }
}

/// The id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EventId(pub u64);

impl Described for EventId {
    const SHAPE: Shape = Shape::Within(0, i64::MAX);
}

impl<'a> Parameter<'a> for EventId {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let id = u64::try_from(i64::read(value)?);
        id.map(EventId).map_err(|_| Wrong::must("must be the event_id of an event"))
    }
}

/// A number of seconds above 0 and up to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds<const MOST: u64>(pub Duration);

impl<const MOST: u64> Described for Seconds<MOST> {
    const SHAPE: Shape = Shape::Seconds(MOST);
}

impl<'a, const MOST: u64> Parameter<'a> for Seconds<MOST> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let seconds = match value {
            Datum::Int(seconds) => seconds as f64,
            Datum::Number(seconds) => seconds,
            _ => 0.0,
        };
        if seconds > 0.0 && seconds <= MOST as f64 {
            return Ok(Seconds(Duration::from_secs_f64(seconds)));
        }
        Err(Wrong::must(format!("must be a number of seconds above 0, at most {MOST}")))
    }
}

impl<const MOST: u64> FromLiteral<i64> for Seconds<MOST> {
    fn from_literal(literal: i64) -> Self {
        Seconds(Duration::from_secs(literal.unsigned_abs()))
    }
}

/// A point in the sequence of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// An event.
    Event(u64),
    /// A time.
    Time(UnixTime),
    /// A text that is not a time. No event is before or after it, as in the Python gateway.
    Nowhere,
}

impl Described for Point {
    const SHAPE: Shape = Shape::Point;
}

impl<'a> Parameter<'a> for Point {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let wrong = || Wrong::must("must be an event_id or a time");
        match value {
            Datum::Int(id) => u64::try_from(id).map(Point::Event).map_err(|_| wrong()),
            Datum::Text(text) if text.is_empty() => Err(Wrong::must("must not be empty")),
            Datum::Text(text) => Ok(UnixTime::parse(&text).map_or(Point::Nowhere, Point::Time)),
            _ => Err(wrong()),
        }
    }
}

/// A list with at most `MOST` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MOST: usize>(pub Vec<T>);

impl<T: Described, const MOST: usize> Described for List<T, MOST> {
    const SHAPE: Shape = Shape::List(&T::SHAPE, MOST);
}

impl<'a, T: Parameter<'a>, const MOST: usize> Parameter<'a> for List<T, MOST> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let Datum::List(values) = value else { return Err(Wrong::must("must be a list")) };
        if values.len() > MOST {
            return Err(Wrong::must(format!("may hold at most {MOST}, not {}", values.len())));
        }
        let each = values.into_iter().enumerate();
        each.map(|(at, value)| T::read(value).map_err(|wrong| wrong.at(at)))
            .collect::<Result<_, _>>()
            .map(List)
    }
}

/// A parameter that may be missing.
impl<'a, T: Parameter<'a>> Parameter<'a> for Option<T> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        T::read(value).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

/// A member that may be omitted.
impl<T: Described> Described for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const REQUIRED: bool = false;

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A member that is always present, and may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrNull<T>(pub Option<T>);

impl<T: Described> Described for OrNull<T> {
    const SHAPE: Shape = Shape::OrNull(&T::SHAPE);
}

/// A setting of a session. If it is omitted, the earlier value stays, at first the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T>(pub Option<T>);

impl<T: Described> Described for Setting<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<'a, T: Parameter<'a>> Parameter<'a> for Setting<T> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        T::read(value).map(|value| Setting(Some(value)))
    }
}

impl<T, L> FromLiteral<L> for Setting<T> {
    fn from_literal(_: L) -> Self {
        Setting(None)
    }
}

macro_rules! described {
    ($($type:ty: $shape:expr;)*) => {
        $(impl Described for $type {
            const SHAPE: Shape = $shape;
        })*
    };
}

described! {
    String: Shape::Text;
    u64: Shape::Int;
    u32: Shape::Int;
    usize: Shape::Int;
    f64: Shape::Number;
    UnixTime: Shape::Time;
    std::net::IpAddr: Shape::Text;
}

impl Described for Cow<'_, str> {
    const SHAPE: Shape = Shape::Text;

    fn write_value(&self, object: &mut cut::Object<'_>) {
        object.text(self);
    }
}

impl Described for &str {
    const SHAPE: Shape = Shape::Text;
}

impl<T: Described> Described for &T {
    const SHAPE: Shape = T::SHAPE;
}

impl<T: Described> Described for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE, ANY_LENGTH);
}

impl<T: Described> Described for BTreeMap<String, T> {
    const SHAPE: Shape = Shape::Map(&T::SHAPE);
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong<'a, T: Parameter<'a> + fmt::Debug>(value: Datum<'a>) -> String {
        T::read(value).unwrap_err().of("x").to_string()
    }

    #[test]
    fn each_type_reports_what_a_wrong_value_must_be() {
        let texts = |text: &'static str| Datum::Text(Cow::Borrowed(text));
        assert_eq!(wrong::<Name<'_>>(texts("")), "x must not be empty");
        assert_eq!(wrong::<Name<'_>>(texts(" ")), "x must not be blank");
        assert_eq!(wrong::<Name<'_>>(texts("a\n")), "x must not hold control characters");
        assert_eq!(wrong::<Name<'_>>(Datum::Int(5)), "x must be a text");
        assert_eq!(
            wrong::<Short<'_, 2>>(texts("abc")),
            "x must be at most 2 bytes without control characters"
        );
        assert_eq!(wrong::<i64>(Datum::Number(1.5)), "x must be an integer");
        assert_eq!(wrong::<Within<0, 2>>(Datum::Int(3)), "x must be between 0 and 2");
        assert_eq!(wrong::<Within<1, { i64::MAX }>>(Datum::Int(0)), "x must be at least 1");
        assert_eq!(wrong::<bool>(texts("true")), "x must be true or false");
        assert_eq!(wrong::<Seconds<60>>(Datum::Int(61)), "x must be a number of seconds above 0, at most 60");
        assert_eq!(wrong::<Point>(Datum::Int(-1)), "x must be an event_id or a time");
        assert_eq!(
            wrong::<List<Name<'_>, 1>>(Datum::List(vec![texts("a"), texts("b")])),
            "x may hold at most 1, not 2"
        );
        assert_eq!(
            wrong::<List<Name<'_>, 2>>(Datum::List(vec![texts("a"), Datum::Int(1)])),
            "x[1] must be a text"
        );
        assert_eq!(Point::read(texts("yesterday")), Ok(Point::Nowhere));
    }
}
