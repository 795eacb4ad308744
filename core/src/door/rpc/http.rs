//! The part of HTTP/1.1 that health checks, scrapers and WebSocket clients need.

use std::fmt::Write;

/// The longest request head.
pub const HEAD_BYTES_MAX: usize = 8192;
/// Number of headers in one request.
pub const HEADERS_MAX: usize = 64;

/// A request head.
#[derive(Debug, Default)]
pub struct Head {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The connection stays open after the answer.
    pub keep_alive: bool,
    /// A body follows. The gateway does not read it.
    pub has_body: bool,
    /// The API key, from `X-API-Key` or `Authorization: Bearer`.
    pub api_key: Option<String>,
    /// Whom a client of the WebSocket speaks for, from `X-I3-Role`. The key in the header begins the session, so that
    /// `authenticate` would be too late to say it.
    pub role: Option<String>,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The WebSocket handshake, if the request is one.
    pub upgrade: Option<Upgrade>,
    /// The first of the sub-protocols that the client offers (RFC 6455, 1.9). The gateway accepts any: a browser closes
    /// the connection if the answer names none of those it has offered.
    pub protocol: Option<String>,
    /// The `Origin` header: the site of the page that sends the request, if a browser does.
    pub origin: Option<String>,
    /// The client's address, as a proxy reports it in `X-Real-IP`.
    pub real_ip: Option<String>,
    /// The addresses in `X-Forwarded-For`, separated by commas.
    pub forwarded_for: Option<String>,
}

/// A WebSocket handshake.
#[derive(Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// A valid handshake, with the value for `Sec-WebSocket-Accept`.
    Accept(String),
    /// A version other than 13.
    WrongVersion,
    /// A header is missing or malformed.
    Malformed,
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// Not an HTTP/1.x request.
    Malformed,
    /// Longer than [`HEAD_BYTES_MAX`], or too many headers.
    TooLong,
}

/// Reads the head at the start of `bytes`. Returns it with its length, or `None` when more bytes are needed.
pub fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let within = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
    let length = match request.parse(within) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if within.len() == HEAD_BYTES_MAX => return Err(HeadError::TooLong),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
        Err(_) => return Err(HeadError::Malformed),
    };
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    // A list may be split over several headers (RFC 9110, 5.3). They are joined in their order, which alone shows which
    // entry is whose.
    let list = |name: &str| {
        let values = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let values: Vec<&str> =
            values.filter_map(|header| std::str::from_utf8(header.value).ok()).map(str::trim).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let has_token = |name: &str, token: &str| {
        header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    let text = |value: &[u8]| std::str::from_utf8(value).ok().map(|text| text.trim().to_owned());
    let bearer = || {
        let value = text(header("authorization")?)?;
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    };
    let head = Head {
        method: method.to_owned(),
        path: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
        keep_alive: !has_token("connection", "close")
            && (request.version == Some(1) || has_token("connection", "keep-alive")),
        has_body: header("transfer-encoding").is_some()
            || header("content-length").is_some_and(|length| length.trim_ascii() != b"0"),
        api_key: header("x-api-key").and_then(text).or_else(bearer),
        role: header("x-i3-role").and_then(text),
        accept: header("accept").and_then(text),
        protocol: list("sec-websocket-protocol").and_then(|offered| {
            offered.split(',').map(str::trim).find(|name| is_token(name)).map(str::to_owned)
        }),
        origin: header("origin").and_then(text),
        real_ip: list("x-real-ip"),
        forwarded_for: list("x-forwarded-for"),
        upgrade: header("upgrade").map(|_| {
            let good = method == "GET"
                && request.version == Some(1)
                && has_token("upgrade", "websocket")
                && has_token("connection", "upgrade");
            let key = header("sec-websocket-key").filter(|key| is_websocket_key(key.trim_ascii()));
            match (good, key) {
                (true, _) if header("sec-websocket-version").map(<[u8]>::trim_ascii) != Some(b"13") => {
                    Upgrade::WrongVersion
                }
                (true, Some(key)) => {
                    Upgrade::Accept(tungstenite::handshake::derive_accept_key(key.trim_ascii()))
                }
                _ => Upgrade::Malformed,
            }
        }),
    };
    Ok(Some((head, length)))
}

/// Whether the text may be the name of a sub-protocol (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether the value is 16 bytes in base64 (RFC 6455, 4.1).
fn is_websocket_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.ends_with(b"==")
        && key[..22].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// An answer.
#[derive(Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'a str,
    /// Further headers, each with its line end.
    pub extra: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Whether the connection stays open.
    pub keep_alive: bool,
    /// The request was a HEAD: the answer has the length of the body, but not the body.
    pub head_only: bool,
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}

impl Response<'_> {
    /// Returns the bytes of the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(256 + self.body.len());
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{}{}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
            self.extra,
            if self.keep_alive { "" } else { "Connection: close\r\n" },
        );
        let mut bytes = text.into_bytes();
        if !self.head_only {
            bytes.extend_from_slice(self.body);
        }
        bytes
    }
}

/// Returns the answer that turns the connection into a WebSocket. The gateway agrees to no extension.
pub fn switching_protocols(accept: &str, protocol: Option<&str>) -> Vec<u8> {
    let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        parse_head(text.as_bytes()).unwrap().unwrap().0
    }

    const UPGRADE: &str = "GET /ws?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[test]
    fn heads_are_read_whole_or_not_at_all() {
        for end in 0..UPGRADE.len() {
            assert!(parse_head(&UPGRADE.as_bytes()[..end]).unwrap().is_none(), "{end}");
        }
        let (head, length) = parse_head((UPGRADE.to_owned() + "rest").as_bytes()).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str(), length), ("GET", "/ws", UPGRADE.len()));
        // The key and the answer are the example of RFC 6455, 1.3.
        assert_eq!(head.upgrade, Some(Upgrade::Accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned())));
    }

    #[test]
    fn keys_come_from_either_header() {
        assert_eq!(head("GET / HTTP/1.1\r\nX-API-Key: k1\r\n\r\n").api_key.as_deref(), Some("k1"));
        assert_eq!(
            head("GET / HTTP/1.1\r\nAuthorization: bearer  k2\r\n\r\n").api_key.as_deref(),
            Some("k2")
        );
        assert_eq!(head("GET / HTTP/1.1\r\nAuthorization: Basic k2\r\n\r\n").api_key, None);
    }

    #[test]
    fn address_origin_and_sub_protocol_are_read_from_the_headers() {
        let head = head(
            "GET / HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Real-IP:  3.3.3.3 \r\nx-forwarded-for:4.4.4.4\r\n\
             Origin: https://a.example\r\nSec-WebSocket-Protocol: \t, not one, i3.v1,other\r\n\r\n",
        );
        assert_eq!(head.forwarded_for.as_deref(), Some("1.1.1.1, 2.2.2.2,4.4.4.4"));
        assert_eq!(head.real_ip.as_deref(), Some("3.3.3.3"));
        assert_eq!(head.origin.as_deref(), Some("https://a.example"));
        assert_eq!(head.protocol.as_deref(), Some("i3.v1"));
        let answer = |protocol| String::from_utf8(switching_protocols("x", protocol)).unwrap();
        assert!(answer(Some("i3.v1")).contains("\r\nSec-WebSocket-Protocol: i3.v1\r\n"));
        assert!(!answer(None).contains("Protocol:"));
    }

    #[test]
    fn keep_alive_follows_the_version_and_the_header() {
        assert!(head("GET / HTTP/1.1\r\n\r\n").keep_alive);
        assert!(!head("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keep_alive);
        assert!(!head("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
        assert!(head("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n").has_body);
    }

    #[test]
    fn bad_heads_are_refused() {
        assert_eq!(parse_head(b"\x16\x03\x01\x02").unwrap_err(), HeadError::Malformed);
        assert_eq!(parse_head(b"{\"jsonrpc\":\"2.0\"}\n").unwrap_err(), HeadError::Malformed);
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
        assert_eq!(parse_head(endless.as_bytes()).unwrap_err(), HeadError::TooLong);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(parse_head(many.as_bytes()).unwrap_err(), HeadError::TooLong);
        assert_eq!(head(&UPGRADE.replace("13", "8")).upgrade, Some(Upgrade::WrongVersion));
        assert_eq!(
            head(&UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short")).upgrade,
            Some(Upgrade::Malformed)
        );
        assert_eq!(head(&UPGRADE.replace("keep-alive, Upgrade", "close")).upgrade, Some(Upgrade::Malformed));
    }
}
