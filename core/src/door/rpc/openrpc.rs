//! The OpenRPC document, generated from the table of methods.

use super::rpc::code;
use super::schema::{member_schema, object_schema};
use crate::describe::shape::{Answer, Member};
use crate::fault::reason::Reason;
use crate::service::{Access, Method};
use serde_json::{Value, json};

/// The version of this software.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the API that the Python gateway names in its welcome and in `/api/info`. Its clients read it there.
pub const API_VERSION: &str = "1.0.0";

/// Returns the document of these methods as JSON.
pub fn document_of(methods: &[&Method]) -> Vec<u8> {
    let methods: Vec<Value> = methods.iter().map(|one| method(one)).collect();
    let document = json!({
        "openrpc": "1.3.2",
        "info": {"title": "Intermud-3 gateway", "version": VERSION},
        "methods": methods,
    });
    document.to_string().into_bytes()
}

fn method(method: &Method) -> Value {
    let errors: Vec<Value> =
        errors(method).into_iter().map(|code| json!({"code": code, "message": meaning(code)})).collect();
    let mut document = json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": method.params.iter().map(param).collect::<Vec<_>>(),
        "result": {"name": "result", "schema": result_schema(method)},
        "errors": errors,
    });
    if let Access::Permitted(permission) = method.access {
        document["x-permission"] = json!(permission.name());
    }
    if !method.reasons.is_empty() {
        document["x-reasons"] = method.reasons.iter().map(|reason| reason_of(reason)).collect();
    }
    document
}

fn reason_of(reason: &Reason) -> Value {
    json!({"reason": reason.name, "retryable": reason.retryable, "summary": reason.summary})
}

fn param(param: &Member) -> Value {
    json!({"name": param.name, "summary": param.summary, "required": param.required, "schema": member_schema(param)})
}

/// Returns the schema of a method's result.
pub fn result_schema(method: &Method) -> Value {
    let schema = |answer: &Answer| {
        let mut schema = object_schema(answer.members);
        if !answer.when.is_empty() {
            schema["description"] = json!(answer.when);
        }
        schema
    };
    match method.results {
        [only] => schema(only),
        several => json!({"anyOf": several.iter().map(schema).collect::<Vec<_>>()}),
    }
}

/// Returns the codes of the errors that a request for a known method may get.
pub fn errors(method: &Method) -> Vec<i64> {
    let speaks = !method.reasons.is_empty();
    let mut errors = Vec::new();
    errors.push(code::INVALID_PARAMS);
    if method.access != Access::Open || method.name == "authenticate" {
        errors.push(code::NOT_AUTHENTICATED);
    }
    errors.push(code::RATE_LIMIT);
    if method.access != Access::Open {
        errors.push(code::PERMISSION);
    }
    if speaks {
        errors.push(code::GATEWAY);
    }
    errors
}

/// Returns the meaning of a code.
pub fn meaning(of: i64) -> &'static str {
    code::ALL.iter().find(|(known, _)| *known == of).map_or("", |(_, meaning)| meaning)
}
