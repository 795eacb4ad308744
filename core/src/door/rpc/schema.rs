//! Converts descriptions to JSON Schema (draft 7).

use crate::describe::shape::{ANY_LENGTH, Member, Shape};
use crate::describe::values::NAME_BYTES_MAX;
use serde_json::{Value, json};

/// Returns the schema of a member or a parameter.
pub fn member_schema(member: &Member) -> Value {
    let mut schema = shape_schema(&member.shape);
    if let Some(default) = member.default.and_then(|default| serde_json::from_str::<Value>(default).ok()) {
        schema["default"] = default;
    }
    schema["description"] = json!(member.summary);
    schema
}

/// Returns the schema of an object with these members. A later version may add more.
pub fn object_schema(members: &[Member]) -> Value {
    let properties: serde_json::Map<_, _> =
        members.iter().map(|member| (member.name.to_owned(), member_schema(member))).collect();
    let required: Vec<_> =
        members.iter().filter(|member| member.required).map(|member| member.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Returns the schema of a value. JSON Schema counts characters, but the gateway counts bytes: a text that fits the
/// schema may still be too long.
pub fn shape_schema(shape: &Shape) -> Value {
    match shape {
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
        Shape::OrNull(shape) => json!({"anyOf": [shape_schema(shape), {"type": "null"}]}),
        Shape::List(shape, ANY_LENGTH) => json!({"type": "array", "items": shape_schema(shape)}),
        Shape::List(shape, most) => json!({"type": "array", "items": shape_schema(shape), "maxItems": most}),
        Shape::Map(shape) => json!({"type": "object", "additionalProperties": shape_schema(shape)}),
        Shape::Object(members) => object_schema(members),
    }
}
