//! A value as a tree.

use std::borrow::Cow;

/// A value. Text and collections borrow from the input where they can. A string is a sequence of bytes, since only
/// [`crate::i3::text`] handles character sets.
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

impl<'a> Value<'a> {
    /// A string.
    pub fn str(text: &'a str) -> Value<'a> {
        Value::Str(Cow::Borrowed(text.as_bytes()))
    }

    /// Returns the value of a key in a mapping. If the key comes twice, the last value counts, as in drivers. Returns
    /// `None` for anything but a mapping.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value<'a>> {
        let Value::Map(entries) = self else { return None };
        let wanted = key.as_ref();
        let is_wanted = |found: &Value<'_>| matches!(found, Value::Str(found) if **found == *wanted);
        entries.iter().rev().find(|(found, _)| is_wanted(found)).map(|(_, value)| value)
    }

    /// Returns the value without borrows.
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
