//! Which web pages may use the gateway. A browser reports the origin of the page in the `Origin` header (RFC 6454) of
//! every WebSocket handshake and of every request to another site. Other programs send no such header.

use std::net::IpAddr;

/// Whether a page of this origin may send requests to this host.
///
/// It may if the settings name its origin, or if it comes from the host that the request goes to. Without authentication
/// the latter holds only for an address or `localhost`: the owner of any other name can point it to this host, and then a
/// browser takes the gateway for a part of its site (DNS rebinding).
pub fn is_allowed(origin: &str, host: Option<&str>, allowed: &[String], is_authenticated: bool) -> bool {
    if allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        _ => return false,
    };
    let Some(page) = host_and_port(authority, default_port) else { return false };
    let Some(asked) = host.and_then(|host| host_and_port(host, default_port)) else { return false };
    page == asked && (is_authenticated || is_fixed(&page.0))
}

/// Splits `host`, `host:port` and `[address]:port`. The host is in lower case.
fn host_and_port<'a>(text: &'a str, default_port: &'a str) -> Option<(String, &'a str)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, default_port),
    };
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
    (is_host && is_port).then(|| (host.to_ascii_lowercase(), port))
}

/// Whether the owner of a domain cannot decide what the host is.
fn is_fixed(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_must_be_listed_or_come_from_the_host_itself() {
        let allowed = ["https://game.example".to_owned()];
        for (origin, host, with_keys, without_keys) in [
            ("https://game.example", "gateway.example", true, true),
            ("HTTPS://GAME.example", "gateway.example", true, true),
            ("https://game.example.evil.example", "gateway.example", false, false),
            ("http://game.example", "gateway.example", false, false),
            ("https://game.example:8443", "gateway.example", false, false),
            ("null", "gateway.example", false, false),
            ("", "gateway.example", false, false),
            ("https://gateway.example", "gateway.example", true, false),
            ("https://Gateway.example", "gateway.EXAMPLE:443", true, false),
            ("https://gateway.example:8443", "gateway.example:8443", true, false),
            ("https://gateway.example:8443", "gateway.example", false, false),
            ("http://gateway.example", "gateway.example:8080", false, false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true, true),
            ("http://localhost:8080", "localhost:8080", true, true),
            ("http://localhost", "localhost:8080", false, false),
            ("http://[::1]:8080", "[::1]:8080", true, true),
            ("http://[::1]", "[::1]:80", true, true),
            ("file://", "", false, false),
            ("file://localhost", "localhost", false, false),
            ("http://", "", false, false),
            ("http://a@b", "a@b", false, false),
        ] {
            let may = |keys| is_allowed(origin, Some(host), &allowed, keys);
            assert_eq!((may(true), may(false)), (with_keys, without_keys), "{origin} at {host}");
        }
        assert!(!is_allowed("http://localhost", None, &[], true));
    }
}
