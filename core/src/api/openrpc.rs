//! The OpenRPC document, made from the table of methods.

use super::methods::{METHODS, Method, Param, ParamType};
use serde_json::{Value, json};

/// The version of this software.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The document as JSON.
pub fn document() -> Vec<u8> {
    let methods: Vec<Value> = METHODS.iter().map(method).collect();
    let document = json!({
        "openrpc": "1.3.2",
        "info": {"title": "Intermud-3 gateway", "version": VERSION},
        "methods": methods,
    });
    document.to_string().into_bytes()
}

fn method(method: &Method) -> Value {
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": method.params.iter().map(param).collect::<Vec<_>>(),
        "result": {"name": "result", "schema": {"type": "object"}},
    })
}

fn param(param: &Param) -> Value {
    let kind = match param.kind {
        ParamType::Text => json!("string"),
        ParamType::Int => json!("integer"),
        ParamType::Point => json!(["integer", "string"]),
        ParamType::Seconds => json!("number"),
        ParamType::Flag => json!("boolean"),
        ParamType::List => json!("array"),
        ParamType::Object => json!("object"),
    };
    json!({"name": param.name, "summary": param.summary, "required": param.required, "schema": {"type": kind}})
}
