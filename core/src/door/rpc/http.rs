//! The part of HTTP/1.1 that health checks, scrapers and WebSocket clients need.

use super::deflate;
use crate::clients::proxies::Reported;
use std::borrow::Cow;
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
    /// Whom a client of the WebSocket speaks for, from `X-I3-Role`, or from `role` in the query, since a page in a browser
    /// cannot set the header. The key in the header begins the session, so that `authenticate` would be too late to say it.
    pub role: Option<String>,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The `If-None-Match` header: what the client has of the page already.
    pub if_none_match: Option<String>,
    /// The WebSocket handshake, if the request is one.
    pub upgrade: Option<Upgrade>,
    /// The first of the sub-protocols that the client offers (RFC 6455, 1.9). The gateway accepts any: a browser closes
    /// the connection if the answer names none of those it has offered.
    pub protocol: Option<String>,
    /// The client offers compressed WebSocket messages in a form that the gateway accepts.
    pub offers_deflate: bool,
    /// The `Origin` header: the site of the page that sends the request, if a browser does.
    pub origin: Option<String>,
    /// The `Host` header, or the host of an absolute target, which has precedence.
    pub host: Option<String>,
    /// What proxies report of the client's address.
    pub reported: Reported,
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
    /// An HTTP request that programs on its way may read differently (RFC 9112, 2.2, 3.2 and 6.3). The text is the fault.
    Ambiguous(&'static str),
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
        Ok(httparse::Status::Partial) => {
            check_line_ends(within)?;
            return if within.len() == HEAD_BYTES_MAX { Err(HeadError::TooLong) } else { Ok(None) };
        }
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
        Err(_) => return Err(HeadError::Malformed),
    };
    check_line_ends(&within[..length])?;
    let fields = Fields(request.headers);
    let version = request.version.unwrap_or_default();
    let body_bytes = fields.body_bytes(version)?;
    if fields.count("host") > 1 {
        return Err(HeadError::Ambiguous("more than one Host"));
    }
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let (target_host, path) = split_target(target);
    let head = Head {
        method: method.to_owned(),
        path: path.split(['?', '#']).next().unwrap_or_default().to_owned(),
        keep_alive: !fields.has_token("connection", "close")
            && (version == 1 || fields.has_token("connection", "keep-alive")),
        has_body: body_bytes != Some(0),
        api_key: fields.text("x-api-key").or_else(|| fields.bearer()),
        role: fields.text("x-i3-role").or_else(|| query_value(path, "role")),
        accept: fields.list("accept"),
        if_none_match: fields.list("if-none-match"),
        protocol: fields.list("sec-websocket-protocol").and_then(|offered| {
            offered.split(',').map(str::trim).find(|name| is_token(name)).map(str::to_owned)
        }),
        offers_deflate: fields
            .list("sec-websocket-extensions")
            .is_some_and(|list| deflate::is_acceptable(&list)),
        // Joined, several origins are none that is allowed.
        origin: fields.list("origin"),
        host: target_host.map(str::to_owned).or_else(|| fields.list("host")),
        reported: Reported {
            real_ip: fields.list("x-real-ip"),
            forwarded_for: fields.list("x-forwarded-for"),
            forwarded: fields.list("forwarded"),
        },
        upgrade: fields.upgrade(method, version),
    };
    Ok(Some((head, length)))
}

/// Checks that every line ends with CR LF, and that neither stands alone.
fn check_line_ends(head: &[u8]) -> Result<(), HeadError> {
    let is_alone = |at: usize| match head[at] {
        b'\n' => at == 0 || head[at - 1] != b'\r',
        b'\r' => head.get(at + 1).is_some_and(|next| *next != b'\n'),
        _ => false,
    };
    if (0..head.len()).any(is_alone) {
        return Err(HeadError::Ambiguous("a line does not end with CR LF"));
    }
    Ok(())
}

/// Splits a target in absolute form, such as `http://host/path`, into host and path (RFC 9112, 3.2.2). Any other target is
/// the path.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = target.split_once("://") else { return (None, target) };
    if !["http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return (None, target);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    (Some(host), if path.starts_with('/') { path } else { "/" })
}

/// Returns a value of the query of a path.
fn query_value(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split('#').next()?.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
}

/// Returns a value as text. In one that is not UTF-8, each byte beyond ASCII becomes a question mark.
fn shown(value: &[u8]) -> Cow<'_, str> {
    let ascii = |byte: &u8| if byte.is_ascii() { *byte } else { b'?' };
    let replaced = || String::from_utf8(value.iter().map(ascii).collect()).unwrap_or_default();
    std::str::from_utf8(value).map_or_else(|_| Cow::Owned(replaced()), Cow::Borrowed)
}

/// The header lines of a request.
struct Fields<'h>(&'h [httparse::Header<'h>]);

impl Fields<'_> {
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| line.value.trim_ascii())
    }

    fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// Returns the first value that is text.
    fn text(&self, name: &str) -> Option<String> {
        let value = self.values(name).next()?;
        std::str::from_utf8(value).ok().map(|text| text.trim().to_owned())
    }

    /// Returns the values of all lines, joined in their order, which alone shows which entry is whose (RFC 9110, 5.3).
    /// Bytes that are not UTF-8 do not drop the value: a client that sends some must not make the entries
    /// vanish that a proxy appends behind them.
    fn list(&self, name: &str) -> Option<String> {
        let values: Vec<Cow<'_, str>> = self.values(name).map(shown).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        let list = self.list(name).unwrap_or_default();
        list.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// Returns the key of `Authorization: Bearer`.
    fn bearer(&self) -> Option<String> {
        let value = self.text("authorization")?;
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    }

    /// Returns the length of the body, or `None` if only its coding shows the end. A length that is given twice, or is no
    /// number, is an error: a program in between could see another end, and another request behind it.
    fn body_bytes(&self, version: u8) -> Result<Option<u64>, HeadError> {
        let is_coded = self.count("transfer-encoding") > 0;
        let mut lengths = self.values("content-length");
        let length = match (lengths.next(), lengths.next()) {
            (None, _) => None,
            (Some(_), Some(_)) => return Err(HeadError::Ambiguous("more than one Content-Length")),
            (Some(length), None) => {
                let text = std::str::from_utf8(length).ok();
                let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let number = digits.and_then(|text| text.parse().ok());
                Some(number.ok_or(HeadError::Ambiguous("Content-Length is not a number"))?)
            }
        };
        match (is_coded, length) {
            (true, Some(_)) => Err(HeadError::Ambiguous("Content-Length and Transfer-Encoding")),
            (true, None) if version == 0 => Err(HeadError::Ambiguous("Transfer-Encoding in HTTP/1.0")),
            (true, None) => Ok(None),
            (false, length) => Ok(Some(length.unwrap_or(0))),
        }
    }

    /// Reads a WebSocket handshake (RFC 6455, 4.2.1). Other upgrades than to WebSocket may be offered beside it.
    fn upgrade(&self, method: &str, version: u8) -> Option<Upgrade> {
        if self.count("upgrade") == 0 {
            return None;
        }
        let is_good = method == "GET"
            && version == 1
            && self.has_token("upgrade", "websocket")
            && self.has_token("connection", "upgrade");
        let only = |name| Some(self.values(name).next()?).filter(|_| self.count(name) == 1);
        if is_good && only("sec-websocket-version") != Some(b"13") {
            return Some(Upgrade::WrongVersion);
        }
        let key = only("sec-websocket-key").filter(|key| is_good && is_websocket_key(key));
        Some(key.map_or(Upgrade::Malformed, |key| {
            Upgrade::Accept(tungstenite::handshake::derive_accept_key(key))
        }))
    }
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
    /// Whether and how the answer may be kept: the header `Cache-Control`.
    pub cache: &'a str,
    /// Further headers, each with its line end.
    pub extra: &'a str,
    /// The length of the body, which follows.
    pub body_bytes: usize,
    /// Whether the connection stays open.
    pub keep_alive: bool,
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        304 => "Not Modified",
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
    /// Returns the head of the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(256);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: {}\r\n{}{}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body_bytes,
            self.cache,
            self.extra,
            if self.keep_alive { "" } else { "Connection: close\r\n" },
        );
        text.into_bytes()
    }
}

/// Returns the answer that turns the connection into a WebSocket. The only extension that the gateway agrees to is
/// compression.
pub fn switching_protocols(accept: &str, protocol: Option<&str>, is_deflated: bool) -> Vec<u8> {
    let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    let extensions = match is_deflated {
        true => format!("Sec-WebSocket-Extensions: {}\r\n", deflate::AGREED),
        false => String::new(),
    };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}{extensions}\r\n"
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
        assert_eq!(head.reported.forwarded_for.as_deref(), Some("1.1.1.1, 2.2.2.2,4.4.4.4"));
        assert_eq!(head.reported.real_ip.as_deref(), Some("3.3.3.3"));
        assert_eq!(head.origin.as_deref(), Some("https://a.example"));
        assert_eq!(head.protocol.as_deref(), Some("i3.v1"));
        let answer = |protocol| String::from_utf8(switching_protocols("x", protocol, false)).unwrap();
        assert!(answer(Some("i3.v1")).contains("\r\nSec-WebSocket-Protocol: i3.v1\r\n"));
        assert!(!answer(None).contains("Protocol:"));
    }

    #[test]
    fn a_role_comes_from_the_header_or_the_query() {
        for (request, role) in [
            ("GET /ws?role=observer HTTP/1.1\r\n\r\n", Some("observer")),
            ("GET /ws?x&key=role&role=observer#role=game HTTP/1.1\r\n\r\n", Some("observer")),
            ("GET /?role=game HTTP/1.1\r\nX-I3-Role: observer\r\n\r\n", Some("observer")),
            ("GET /ws?arole=observer HTTP/1.1\r\n\r\n", None),
            ("GET /ws#?role=observer HTTP/1.1\r\n\r\n", None),
        ] {
            assert_eq!(head(request).role.as_deref(), role, "{request:?}");
        }
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
    fn a_list_may_be_in_several_lines() {
        let split = UPGRADE
            .replace("Connection: keep-alive, Upgrade", "Connection: keep-alive\r\nconnection: Upgrade")
            .replace("Upgrade: WebSocket", "Upgrade: h2c\r\nUpgrade: WebSocket");
        assert!(matches!(head(&split).upgrade, Some(Upgrade::Accept(_))));
        assert!(!head("GET / HTTP/1.1\r\nConnection: x\r\nConnection: close\r\n\r\n").keep_alive);
        let twice = UPGRADE.replace("\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        assert_eq!(head(&twice).upgrade, Some(Upgrade::Malformed));
    }

    #[test]
    fn an_absolute_target_names_host_and_path() {
        for (target, host, path) in [
            ("/health?x", "h", "/health"),
            ("http://other:8080/health?x", "other:8080", "/health"),
            ("HTTPS://other", "other", "/"),
            ("ws://other?x=/ws", "other", "/"),
            ("ftp://other/health", "h", "ftp://other/health"),
            ("*", "h", "*"),
        ] {
            let head = head(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            assert_eq!((head.host.as_deref(), head.path.as_str()), (Some(host), path), "{target}");
        }
    }

    #[test]
    fn a_head_that_others_may_read_differently_is_refused() {
        for (text, is_ambiguous) in [
            ("GET / HTTP/1.1\nHost: h\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: h\n\n", true),
            ("GET / HTTP/1.1\r\nHost: h\nX: ", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nX : a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", false),
        ] {
            let error = parse_head(text.as_bytes()).unwrap_err();
            assert_eq!(matches!(error, HeadError::Ambiguous(_)), is_ambiguous, "{text:?}: {error:?}");
            assert!(is_ambiguous || error == HeadError::Malformed, "{text:?}");
        }
        assert!(!head("GET / HTTP/1.1\r\nContent-Length: 00\r\n\r\n").has_body);
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
