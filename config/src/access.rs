//! Who may connect to the API: addresses, proxies, and origins of web pages.

use crate::path::Path;
use crate::read::SettingsReader;
use crate::yaml::Node;
use i3_core::settings::{AddressRules, ClientIpHeader, IpNet};
use std::net::IpAddr;

/// Reads the lists of addresses.
pub(crate) fn addresses(reader: &mut SettingsReader<'_>) -> AddressRules {
    let security = Path::of("security");
    let default = AddressRules::default();
    let mut networks = |key: &str| list(reader, &security.key(key), ADDRESS, network);
    AddressRules {
        whitelist: networks("ip_whitelist").unwrap_or_default(),
        blacklist: networks("ip_blacklist").unwrap_or_default(),
        trusted_proxies: networks("trusted_proxies").unwrap_or(default.trusted_proxies),
        client_ip_header: client_ip_header(reader).unwrap_or(default.client_ip_header),
    }
}

/// Reads the name of the header in which a proxy reports the address of its client.
fn client_ip_header(reader: &mut SettingsReader<'_>) -> Option<ClientIpHeader> {
    let path = Path::of("security.client_ip_header");
    let text = reader.text(&path)?;
    let known = ClientIpHeader::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
    if known.is_none() {
        let names = ClientIpHeader::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        reader.error(&path, format!("{text:?} is none of {names}"), format!("write one of {names}"));
    }
    known.map(|(_, header)| *header)
}

/// Reads the origins whose pages may open a WebSocket.
pub(crate) fn origins(reader: &mut SettingsReader<'_>) -> Vec<String> {
    list(reader, &Path::of("api.websocket.allowed_origins"), ORIGIN, origin).unwrap_or_default()
}

const ADDRESS: &str = "an address or a network, such as 203.0.113.9 or 203.0.113.0/24";
const ORIGIN: &str = "an origin, such as https://example.org";

/// Reads a list of networks.
pub(crate) fn networks(reader: &mut SettingsReader<'_>, path: &Path) -> Option<Vec<IpNet>> {
    list(reader, path, ADDRESS, network)
}

/// Reads a list, or a text with entries separated by blanks or commas, as a variable contains it. `None`: not set.
fn list<T>(
    reader: &mut SettingsReader<'_>,
    path: &Path,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let entries: Vec<(Path, String)> = match reader.node(path)? {
        Node::List(items) => {
            let elements: Vec<Path> = (0..items.len()).map(|at| path.index(at)).collect();
            elements
                .into_iter()
                .filter_map(|element| Some((element.clone(), reader.text(&element)?)))
                .collect()
        }
        _ => {
            let text = reader.text(path)?;
            let entries = text.split([',', ' ']).filter(|entry| !entry.is_empty());
            entries.map(|entry| (path.clone(), entry.to_owned())).collect()
        }
    };
    let mut found = Vec::new();
    for (path, entry) in entries {
        match read(entry.trim()) {
            Some(value) => found.push(value),
            None => reader.error(&path, format!("{entry:?} is not {expected}"), format!("write {expected}")),
        }
    }
    Some(found)
}

/// Parses a network. An IPv4-mapped IPv6 network becomes an IPv4 network, as the addresses of clients do.
fn network(text: &str) -> Option<IpNet> {
    let network =
        text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| IpNet::from(address)))?;
    let IpNet::V6(v6) = network else { return Some(network) };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(prefix)) => IpNet::new(v4.into(), prefix).ok(),
        _ => Some(network),
    }
}

/// Checks an origin. Browsers send it without a path, and without a final slash.
fn origin(text: &str) -> Option<String> {
    let (scheme, host) = text.split_once("://")?;
    let good = !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_origins() {
        for (text, shown) in [
            ("203.0.113.9", Some("203.0.113.9/32")),
            ("203.0.113.0/24", Some("203.0.113.0/24")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::ffff:203.0.113.9", Some("203.0.113.9/32")),
            ("::ffff:203.0.113.0/120", Some("203.0.113.0/24")),
            ("203.0.113.0/33", None),
            ("example.org", None),
            ("", None),
        ] {
            assert_eq!(network(text).map(|network| network.to_string()).as_deref(), shown, "{text}");
        }
        assert_eq!(origin("https://a.example:8443").as_deref(), Some("https://a.example:8443"));
        for bad in ["a.example", "https://", "https://a.example/", "://x", "*", "https://*.example"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
