//! The address of the client behind proxies, from the one header of a request that is believed.

use crate::settings::{AddressRules, ClientIpHeader};
use std::net::{IpAddr, SocketAddr};

/// What the headers of one request report of the client's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// `X-Real-IP`.
    pub real_ip: Option<String>,
    /// All entries of `X-Forwarded-For`, separated by commas, in their order.
    pub forwarded_for: Option<String>,
    /// All elements of `Forwarded` (RFC 7239), separated by commas, in their order.
    pub forwarded: Option<String>,
}

impl AddressRules {
    /// Returns the address of the client of one request. Only the header that the settings name is believed, and only
    /// from a trusted proxy. Each proxy appends the address of its own peer to a list, and anybody can have written the
    /// entries before. So the entries are read from the end, and the first one that is not a trusted proxy is the client.
    /// Reading stops at an entry that holds no address.
    pub fn client(&self, peer: IpAddr, reported: &Reported) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        match self.client_ip_header {
            ClientIpHeader::RealIp => reported.real_ip.as_deref().and_then(parse).unwrap_or(peer),
            ClientIpHeader::ForwardedFor => {
                let entries = reported.forwarded_for.iter().flat_map(|list| list.rsplit(','));
                self.nearest(peer, entries.filter(|entry| !entry.trim().is_empty()).map(parse))
            }
            ClientIpHeader::Forwarded => {
                let elements = reported.forwarded.iter().flat_map(|list| elements_from_the_end(list));
                self.nearest(peer, elements.filter(|element| !element.trim().is_empty()).map(forwarded_for))
            }
        }
    }

    /// Returns the first address that is not a trusted proxy, or the last trusted proxy before an entry without one.
    fn nearest(&self, peer: IpAddr, entries: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for address in entries {
            let Some(address) = address else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// Parses an address, with or without a port and brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Splits `Forwarded` at the commas outside of quotes, from the end. A quotation mark that a client has left open then
/// spoils only what the client wrote itself, and not what proxies have appended.
fn elements_from_the_end(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut is_quoted = false;
        for (at, byte) in text.bytes().enumerate().rev() {
            match byte {
                b'"' => is_quoted = !is_quoted,
                b',' if !is_quoted => {
                    rest = Some(&text[..at]);
                    return Some(&text[at + 1..]);
                }
                _ => {}
            }
        }
        rest = None;
        Some(text)
    })
}

/// Returns the address of the `for` parameter of one element. An element with several of them, a name such as `unknown`
/// or `_hidden`, and an escape in a quoted value give none.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    let value = found?;
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    parse(unquoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn rules(header: ClientIpHeader) -> AddressRules {
        let read = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
        AddressRules {
            trusted_proxies: read(&["127.0.0.0/8", "10.0.0.0/8"]),
            client_ip_header: header,
            ..AddressRules::default()
        }
    }

    fn all(value: &str) -> Reported {
        let value = Some(value.to_owned());
        Reported { real_ip: value.clone(), forwarded_for: value.clone(), forwarded: value }
    }

    #[test]
    fn of_a_list_the_last_entry_that_is_no_proxy_counts() {
        let rules = rules(ClientIpHeader::ForwardedFor);
        for (peer, forwarded, client) in [
            ("203.0.113.1", "198.51.100.8", "203.0.113.1"),
            ("127.0.0.1", "", "127.0.0.1"),
            ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.8", "198.51.100.8"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.8, ,", "198.51.100.8"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.8:1234,10.0.0.2", "198.51.100.8"),
            ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
            ("127.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2"),
            ("127.0.0.1", "unknown", "127.0.0.1"),
        ] {
            assert_eq!(rules.client(ip(peer), &all(forwarded)), ip(client), "{forwarded:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes_brackets_and_ports() {
        let rules = rules(ClientIpHeader::Forwarded);
        for (forwarded, client) in [
            ("for=198.51.100.8", "198.51.100.8"),
            ("For=\"198.51.100.8:4711\";proto=https;by=203.0.113.43", "198.51.100.8"),
            ("proto=https ; for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
            ("for=6.6.6.6, for=198.51.100.8;proto=http, for=10.0.0.2", "198.51.100.8"),
            // A client cannot swallow what the proxy appends.
            ("for=\"6.6.6.6, for=198.51.100.8", "198.51.100.8"),
            ("for=6.6.6.6;x=\"a\\\", for=198.51.100.8;proto=\"https\"", "198.51.100.8"),
            ("for=6.6.6.6;x=\",\", for=10.0.0.3;host=\"a,b\"", "6.6.6.6"),
            ("for=unknown", "127.0.0.1"),
            ("for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("for=6.6.6.6;for=7.7.7.7", "127.0.0.1"),
            ("proto=https", "127.0.0.1"),
            ("198.51.100.8", "127.0.0.1"),
        ] {
            assert_eq!(rules.client(ip("127.0.0.1"), &all(forwarded)), ip(client), "{forwarded:?}");
        }
    }

    #[test]
    fn only_the_header_that_the_settings_name_is_believed() {
        let reported = Reported {
            real_ip: Some("198.51.100.1".to_owned()),
            forwarded_for: Some("6.6.6.6, 198.51.100.2".to_owned()),
            forwarded: Some("for=198.51.100.3".to_owned()),
        };
        for (header, client) in [
            (ClientIpHeader::RealIp, "198.51.100.1"),
            (ClientIpHeader::ForwardedFor, "198.51.100.2"),
            (ClientIpHeader::Forwarded, "198.51.100.3"),
        ] {
            assert_eq!(rules(header).client(ip("127.0.0.1"), &reported), ip(client));
            assert_eq!(rules(header).client(ip("127.0.0.1"), &Reported::default()), ip("127.0.0.1"));
            assert_eq!(rules(header).client(ip("203.0.113.1"), &reported), ip("203.0.113.1"));
        }
        let nonsense = all("198.51.100.1, 198.51.100.2");
        assert_eq!(rules(ClientIpHeader::RealIp).client(ip("127.0.0.1"), &nonsense), ip("127.0.0.1"));
    }
}
