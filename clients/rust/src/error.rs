//! Why something failed.

use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// The longest text from outside in an error, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// An error that the gateway has answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The code of JSON-RPC.
    pub code: i64,
    /// The text for people. It contains no control characters.
    pub message: String,
    /// The particulars for programs, or null.
    pub data: Value,
}

impl Refusal {
    /// The client has shown no key, or a wrong one.
    pub const NOT_AUTHENTICATED: i64 = -32000;
    /// Too many requests, wrong keys or messages.
    pub const TOO_OFTEN: i64 = -32001;
    /// The key does not allow it.
    pub const NOT_ALLOWED: i64 = -32002;
    /// The gateway cannot do it now.
    pub const NOT_NOW: i64 = -32004;
    /// The method does not exist.
    pub const UNKNOWN_METHOD: i64 = -32601;

    /// Reads the `error` of an answer.
    pub(crate) fn read(error: &Value) -> Refusal {
        Refusal {
            code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
            message: bounded(error.get("message").and_then(Value::as_str).unwrap_or_default()),
            data: error.get("data").cloned().unwrap_or_default(),
        }
    }

    /// The time after which a retry may succeed.
    pub fn retry_after(&self) -> Option<Duration> {
        self.data.get("retry_after_ms").and_then(Value::as_u64).map(Duration::from_millis)
    }
}

/// Why a request or the whole client failed. Texts are for people, and contain no control characters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The options, or the request, cannot be used.
    Usage(String),
    /// Connecting to the gateway failed.
    Connect(String),
    /// The gateway does not accept the key.
    Key(String),
    /// The gateway refused the connection with this HTTP status.
    Http {
        /// The status.
        status: u16,
        /// The text of the gateway.
        text: String,
    },
    /// The gateway has answered a request with an error.
    Refused(Refusal),
    /// No answer came in time. The text says to what.
    Timeout(String),
    /// The connection ended before the answer came. The request may have been carried out.
    Lost(String),
    /// Too many requests wait already.
    Busy,
    /// The answer is not of the type that the method promises.
    Unexpected(String),
    /// The client has been stopped.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) => f.write_str(text),
            Error::Connect(text) => write!(f, "cannot connect to the gateway: {text}"),
            Error::Key(text) => write!(f, "the gateway does not accept the API key: {text}"),
            Error::Http { status, text } => {
                write!(f, "the gateway refused the connection with HTTP status {status}: {text}")
            }
            Error::Refused(refusal) => f.write_str(&refusal.message),
            Error::Timeout(what) => write!(f, "{what} took too long"),
            Error::Lost(text) => write!(f, "the connection ended: {text}"),
            Error::Busy => f.write_str("too many requests wait for their answers"),
            Error::Unexpected(text) => write!(f, "the answer cannot be read: {text}"),
            Error::Stopped => f.write_str("the client has been stopped"),
        }
    }
}

impl std::error::Error for Error {}

/// Makes one short line of a text, without control characters.
pub(crate) fn bounded(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.trim().chars().enumerate() {
        if at == TEXT_CHARS_MAX {
            shown.push('…');
            break;
        }
        let is_hidden = c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if is_hidden { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_from_outside_are_short_and_harmless() {
        let refusal = Refusal::read(&json!({"code": -32602, "message": "x".repeat(10_000) + "\u{1b}[2J"}));
        assert!(refusal.message.chars().count() <= TEXT_CHARS_MAX + 1 && refusal.data.is_null());
        assert_eq!(bounded("\u{1b}[2J\u{9b}\u{202e}\n"), "\\u{1b}[2J\\u{9b}\\u{202e}");
        let limited = Refusal::read(&json!({"data": {"retry_after_ms": 1500}}));
        assert_eq!(limited.retry_after(), Some(Duration::from_millis(1500)));
    }
}
