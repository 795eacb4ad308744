//! What a value of the API looks like: of this the tables of methods and events are made, and from them the documents.

use super::params::NAME_BYTES_MAX;
use serde_json::{Value, json};

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that is not empty.
    Filled,
    /// A text that is not empty, of at most so many bytes.
    Short(usize),
    /// A name of a mud, a user or a channel: not blank, without control characters, at most [`NAME_BYTES_MAX`] bytes.
    Name,
    /// A time in RFC 3339, UTC.
    Time,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A whole number from the first to the second.
    Within(i64, i64),
    /// A number, with a fraction if need be.
    Number,
    /// A number of seconds above 0, at most so many.
    Seconds(u64),
    /// true or false.
    Flag,
    /// An event_id, or a time in RFC 3339.
    Point,
    /// Anything.
    Any,
    /// The shape, or null.
    OrNull(&'static Shape),
    /// A list of at most so many.
    List(&'static Shape, usize),
    /// An object with members of any name.
    Map(&'static Shape),
    /// An object with these members.
    Object(&'static [Member]),
}

/// The length of a list that has no limit of its own.
pub const ANY_LENGTH: usize = usize::MAX;

/// A member of an object, or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub shape: Shape,
    /// It must be there.
    pub required: bool,
    /// What holds when it is left out, where that can be said as a value: JSON.
    pub default: Option<&'static str>,
    /// What it means.
    pub summary: &'static str,
}

/// A member that is always there, or must be.
pub const fn must(name: &'static str, shape: Shape, summary: &'static str) -> Member {
    Member { name, shape, required: true, default: None, summary }
}

/// A member that may be left out.
pub const fn may(name: &'static str, shape: Shape, summary: &'static str) -> Member {
    Member { name, shape, required: false, default: None, summary }
}

impl Member {
    /// What holds when it is left out.
    pub const fn or(self, default: &'static str) -> Member {
        Member { default: Some(default), ..self }
    }

    /// As JSON Schema has it.
    pub fn schema(&self) -> Value {
        let mut schema = self.shape.schema();
        if let Some(default) = self.default.and_then(|default| serde_json::from_str::<Value>(default).ok()) {
            schema["default"] = default;
        }
        schema["description"] = json!(self.summary);
        schema
    }
}

/// An object with these members, and maybe more in a later version.
pub fn object_schema(members: &[Member]) -> Value {
    let properties: serde_json::Map<_, _> =
        members.iter().map(|member| (member.name.to_owned(), member.schema())).collect();
    let required: Vec<_> =
        members.iter().filter(|member| member.required).map(|member| member.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

impl Shape {
    /// As JSON Schema (draft 7) has it. It counts characters where the gateway counts bytes, so a text that fits the
    /// schema may still be too long.
    pub fn schema(&self) -> Value {
        match self {
            Shape::Text => json!({"type": "string"}),
            Shape::Filled => json!({"type": "string", "minLength": 1}),
            Shape::Short(most) => json!({"type": "string", "minLength": 1, "maxLength": most}),
            Shape::Name => json!({"type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX}),
            Shape::Time => json!({"type": "string", "format": "date-time"}),
            Shape::OneOf(texts) => json!({"type": "string", "enum": texts}),
            Shape::Int => json!({"type": "integer"}),
            Shape::Within(least, i64::MAX) => json!({"type": "integer", "minimum": least}),
            Shape::Within(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Shape::Number => json!({"type": "number"}),
            Shape::Seconds(most) => json!({"type": "number", "exclusiveMinimum": 0, "maximum": most}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Point => json!({"type": ["integer", "string"], "minimum": 0}),
            Shape::Any => json!({}),
            Shape::OrNull(shape) => json!({"anyOf": [shape.schema(), {"type": "null"}]}),
            Shape::List(shape, ANY_LENGTH) => json!({"type": "array", "items": shape.schema()}),
            Shape::List(shape, most) => json!({"type": "array", "items": shape.schema(), "maxItems": most}),
            Shape::Map(shape) => json!({"type": "object", "additionalProperties": shape.schema()}),
            Shape::Object(members) => object_schema(members),
        }
    }
}
