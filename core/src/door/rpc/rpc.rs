//! JSON-RPC 2.0: parses texts into requests, and writes answers.

use super::json::{self, Object};
use crate::describe::datum::{Datum, Key, Source};
use crate::fault::reason::{ROUTER_DOWN, Reason};
use crate::fault::{Data, Fault, FaultKind};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Number of requests in one batch.
pub const BATCH_REQUESTS_MAX: usize = 100;
/// The longest id that is echoed.
pub const ID_BYTES_MAX: usize = 1024;
/// Number of members of one object that are read.
const MEMBERS_MAX: usize = 256;

/// The codes of errors.
pub mod code {
    /// The text is not JSON.
    pub const PARSE: i64 = -32700;
    /// The text is JSON, but not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// A parameter is missing or wrong.
    pub const INVALID_PARAMS: i64 = -32602;
    /// A fault of the gateway. Nothing returns it today: each known failure has a code of its own.
    pub const INTERNAL: i64 = -32603;
    /// The client must call `authenticate` first.
    pub const NOT_AUTHENTICATED: i64 = -32000;
    /// Too many requests; `data.retry_after_ms` is the time to wait.
    pub const RATE_LIMIT: i64 = -32001;
    /// The key lacks a permission; `data.needs` names it.
    pub const PERMISSION: i64 = -32002;
    /// The session has ended, after too long a silence or by an administrator.
    pub const SESSION_EXPIRED: i64 = -32003;
    /// The gateway cannot do it now; `data.reason` is the reason, and `data.retryable` whether a retry may succeed.
    pub const GATEWAY: i64 = -32004;

    /// All codes, with their meanings.
    pub const ALL: &[(i64, &str)] = &[
        (PARSE, "the text is not JSON"),
        (INVALID_REQUEST, "the text is JSON, but not a request"),
        (METHOD_NOT_FOUND, "the method does not exist"),
        (INVALID_PARAMS, "a parameter is missing or wrong; `message` names it"),
        (INTERNAL, "a fault of the gateway"),
        (NOT_AUTHENTICATED, "the client must call `authenticate` first, or the key is wrong"),
        (RATE_LIMIT, "too many requests, wrong keys or messages; `data.retry_after_ms` is the time to wait"),
        (PERMISSION, "the key does not allow it; `data.needs` names what it lacks"),
        (SESSION_EXPIRED, "the session has ended, after too long a silence or by an administrator"),
        (
            GATEWAY,
            "the gateway cannot do it now; `data.reason` is the reason, `data.retryable` whether a retry may succeed",
        ),
    ];
}

/// Returns the code of an error.
pub fn code_of(kind: FaultKind) -> i64 {
    match kind {
        FaultKind::Params => code::INVALID_PARAMS,
        FaultKind::NotAuthenticated => code::NOT_AUTHENTICATED,
        FaultKind::RateLimit => code::RATE_LIMIT,
        FaultKind::Permission => code::PERMISSION,
        FaultKind::SessionExpired => code::SESSION_EXPIRED,
        FaultKind::Gateway => code::GATEWAY,
    }
}

/// Returns the `data` of an error, if it has any.
fn data_of(data: &Data) -> Option<serde_json::Value> {
    Some(match data {
        Data::None => return None,
        Data::Candidates(candidates) => serde_json::json!({"candidates": candidates}),
        Data::RetryAfter { retry_after_ms } => serde_json::json!({"retry_after_ms": retry_after_ms}),
        Data::Needs { needs, ban_id: None } => serde_json::json!({"needs": needs}),
        Data::Needs { needs, ban_id: Some(id) } => serde_json::json!({"needs": needs, "ban_id": id}),
        Data::Reason { reason, retryable } => serde_json::json!({"reason": reason, "retryable": retryable}),
        Data::Away { next_attempt, error } => {
            let Reason { name, retryable, .. } = &ROUTER_DOWN;
            let next_attempt = next_attempt.map(|at| at.to_string());
            serde_json::json!({"reason": name, "retryable": retryable, "next_attempt": next_attempt, "error": error})
        }
    })
}

/// The members of an object, in their order. If several have one name, the last is used.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Returns the member with this name.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    /// Returns all members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// Names positional values after a method's parameters.
    pub fn from_positions(names: impl Iterator<Item = &'a str>, values: Vec<&'a RawValue>) -> Self {
        Members(names.map(Cow::Borrowed).zip(values).collect())
    }
}

impl<'a> Source<'a> for Members<'a> {
    fn take(&mut self, name: &str) -> Option<Datum<'a>> {
        let value = self.get(name)?;
        Some(serde_json::from_str(value.get()).unwrap_or(Datum::Unreadable))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    let value = map.next_value()?;
                    if members.len() < MEMBERS_MAX {
                        members.push((name, value));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// Returns the text of a JSON string, borrowed unless it has escapes. Returns `None` for any other value, and for
/// escapes that are not Unicode.
pub fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Key<'_>>(value.get()).ok().map(|key| key.0)
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// As the client wrote it; `None` for a notification, which is never answered.
    pub id: Option<&'a RawValue>,
    /// The method.
    pub method: Cow<'a, str>,
    /// An object or an array, if there was one.
    pub params: Option<&'a RawValue>,
}

/// The contents of a text.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// One request, or the error for a text that is not one.
    Single(Result<Request<'a>, Vec<u8>>),
    /// Several requests, to be read with [`request`].
    Batch(Vec<&'a RawValue>),
}

/// Whether a text is a batch, or is meant to be one.
pub fn is_batch(text: &str) -> bool {
    text.trim_ascii_start().starts_with('[')
}

/// Parses a text.
pub fn parse(text: &str) -> Incoming<'_> {
    let refuse = |of: i64, text: String| Incoming::Single(Err(refusal(None, of, &text)));
    if !is_batch(text) {
        if let Ok(members) = serde_json::from_str(text) {
            return Incoming::Single(request_of(&members));
        }
        // It is no JSON, or no object.
        return match serde_json::from_str::<&RawValue>(text) {
            Ok(value) => Incoming::Single(request(value)),
            Err(problem) => refuse(code::PARSE, format!("Invalid JSON: {problem}")),
        };
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Err(problem) => refuse(code::PARSE, format!("Invalid JSON: {problem}")),
        Ok(batch) if batch.is_empty() => {
            refuse(code::INVALID_REQUEST, "a batch must hold at least one request".to_owned())
        }
        Ok(batch) if batch.len() > BATCH_REQUESTS_MAX => refuse(
            code::INVALID_REQUEST,
            format!("a batch may hold at most {BATCH_REQUESTS_MAX} requests, this one has {}", batch.len()),
        ),
        Ok(batch) => Incoming::Batch(batch),
    }
}

/// Reads one request. The error is the answer to what is not one.
pub fn request(value: &RawValue) -> Result<Request<'_>, Vec<u8>> {
    match serde_json::from_str(value.get()) {
        Ok(members) => request_of(&members),
        Err(_) => Err(refusal(None, code::INVALID_REQUEST, "a request must be an object")),
    }
}

fn request_of<'a>(members: &Members<'a>) -> Result<Request<'a>, Vec<u8>> {
    let refuse = |id: Option<&RawValue>, message: &str| Err(refusal(id, code::INVALID_REQUEST, message));
    let id = members.get("id");
    if let Some(id) = id {
        let legal =
            matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9')) || id.get() == "null";
        if !legal || id.get().len() > ID_BYTES_MAX {
            return refuse(None, "id must be a text, a number or null");
        }
    }
    let Some(method) = members.get("method").and_then(text_of).filter(|method| !method.is_empty()) else {
        return refuse(id, "method must be a text");
    };
    // The Python gateway accepts `authenticate` without the version, and clients rely on that.
    let version = members.get("jsonrpc").and_then(text_of);
    if version.as_deref() != Some("2.0") && !(members.get("jsonrpc").is_none() && method == "authenticate") {
        return refuse(id, "jsonrpc must be \"2.0\"");
    }
    let params = members.get("params").filter(|params| params.get() != "null");
    if params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
        return refuse(id, "params must be an object or an array");
    }
    Ok(Request { id, method, params })
}

fn response(id: Option<&RawValue>, member: &str, value: &[u8]) -> Vec<u8> {
    let id = id.map_or("null", RawValue::get);
    let mut text = Vec::with_capacity(value.len() + id.len() + 40);
    text.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    text.extend_from_slice(id.as_bytes());
    text.extend_from_slice(b",\"");
    text.extend_from_slice(member.as_bytes());
    text.extend_from_slice(b"\":");
    text.extend_from_slice(value);
    text.push(b'}');
    text
}

/// Writes the answer to a successful request; `result` is JSON.
pub fn result(id: Option<&RawValue>, result: &[u8]) -> Vec<u8> {
    response(id, "result", result)
}

/// Writes the answer to a failed request. Without an id, the answer's id is null.
pub fn error(id: Option<&RawValue>, fault: &Fault) -> Vec<u8> {
    error_with(id, code_of(fault.kind), &fault.message, data_of(&fault.data))
}

/// Writes the answer to a text that is not a request.
pub fn refusal(id: Option<&RawValue>, code: i64, message: &str) -> Vec<u8> {
    error_with(id, code, message, None)
}

fn error_with(id: Option<&RawValue>, code: i64, message: &str, data: Option<serde_json::Value>) -> Vec<u8> {
    let mut object = Object::default().with("code", &code).with("message", message);
    if let Some(data) = data {
        object.add("data", &data);
    }
    response(id, "error", &object.finish())
}

/// Writes a notification; `params` is JSON.
pub fn notification(method: &str, params: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(params.len() + method.len() + 40);
    text.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    json::write(&mut text, method);
    text.extend_from_slice(b",\"params\":");
    text.extend_from_slice(params);
    text.push(b'}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match parse(text) {
            Incoming::Single(Err(answer)) => String::from_utf8(answer).unwrap(),
            other => panic!("{text} was taken: {other:?}"),
        }
    }

    #[test]
    fn ids_are_echoed_as_they_were_written() {
        for id in ["1", "-0", "1.50", "123456789012345678901234567890", r#""a\u0062\"""#, "null", "\"\""] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            let Incoming::Single(Ok(request)) = parse(&text) else { panic!("{id}") };
            let answer = String::from_utf8(result(request.id, b"{}")).unwrap();
            assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        }
    }

    #[test]
    fn a_text_that_is_not_a_request_gets_the_code_of_the_specification() {
        for (text, code, id) in [
            ("{nope", -32700, "null"),
            ("", -32700, "null"),
            ("[", -32700, "null"),
            ("[]", -32600, "null"),
            ("\"x\"", -32600, "null"),
            ("null", -32600, "null"),
            ("{}", -32600, "null"),
            (r#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, "7"),
            (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, "7"),
            (r#"{"id":7,"method":"ping"}"#, -32600, "7"),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}"#, -32600, "7"),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, "null"),
            (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32600, "null"),
        ] {
            let answer = refused(text);
            let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"#);
            assert!(answer.starts_with(&start), "{text}: {answer}");
        }
        let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(ID_BYTES_MAX));
        assert!(refused(&long).contains("\"id\":null"));
        let many = format!("[{}1]", "1,".repeat(BATCH_REQUESTS_MAX));
        assert!(refused(&many).contains("at most 100 requests"));
        // Deep nesting is an error, not a stack overflow.
        assert!(refused(&"[".repeat(100_000)).contains("-32700"));
        assert!(refused(&"{\"a\":".repeat(100_000)).contains("-32700"));
    }

    #[test]
    fn of_members_with_one_name_the_last_is_used() {
        let Incoming::Single(Ok(request)) =
            parse(r#"{"jsonrpc":"2.0","id":8,"id":9,"m\u0065thod":"ping","foo":1}"#)
        else {
            panic!("a request")
        };
        assert_eq!((request.id.unwrap().get(), &*request.method), ("9", "ping"));
    }

    #[test]
    fn a_batch_is_read_request_by_request() {
        let Incoming::Batch(batch) =
            parse(r#" [1, {"jsonrpc":"2.0","method":"ping"}, {"jsonrpc":"2.0","method":"a","params":null}]"#)
        else {
            panic!("a batch")
        };
        assert!(request(batch[0]).is_err());
        assert!(request(batch[1]).unwrap().id.is_none());
        assert!(request(batch[2]).unwrap().params.is_none());
    }
}
