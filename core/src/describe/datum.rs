//! Values that a front door has parsed, independent of their encoding.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A parsed value. It borrows from the request where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// Null. A parameter with this value counts as missing.
    Null,
    /// true or false.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Datum<'a>>),
    /// An object.
    Object(Fields<'a>),
    /// A value that cannot be represented, such as a text with half a surrogate pair. No parameter accepts it.
    Unreadable,
}

/// The parameters of a request, which are taken out by name.
pub trait Source<'a> {
    /// Removes and returns the value with this name. If several have it, returns the last.
    fn take(&mut self, name: &str) -> Option<Datum<'a>>;
}

/// The members of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Datum<'a>)>);

impl<'a> Source<'a> for Fields<'a> {
    fn take(&mut self, name: &str) -> Option<Datum<'a>> {
        let at = self.0.iter().rposition(|(member, _)| member == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Datum<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Datum<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Datum<'de>, E> {
        Ok(Datum::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Datum<'de>, E> {
        Ok(Datum::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Datum<'de>, E> {
        Ok(Datum::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Datum<'de>, E> {
        Ok(i64::try_from(value).map_or(Datum::Number(value as f64), Datum::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Datum<'de>, E> {
        Ok(Datum::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Datum<'de>, E> {
        Ok(Datum::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Datum<'de>, E> {
        Ok(Datum::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Datum<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Datum::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Datum<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Key(name)) = map.next_key()? {
            fields.push((name, map.next_value()?));
        }
        Ok(Datum::Object(Fields(fields)))
    }
}

/// The name of a member, borrowed unless it has escapes.
#[derive(Debug)]
pub struct Key<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
