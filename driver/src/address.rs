//! Host names and addresses.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Removes the brackets of an IPv6 address, which has them in a URL.
pub fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns an IPv4 address for an IPv4-mapped IPv6 address, which a listener for both families reports.
pub fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// Returns the addresses of `host`, each once. `host` is a name, or an address with or without brackets. The error is for
/// people.
///
/// This blocks until the system's resolver ends, which can take half a minute and cannot be interrupted.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let resolved = (without_brackets(host), port).to_socket_addrs();
    let resolved = resolved.map_err(|error| unresolved(host, &error))?;
    let mut addresses = Vec::new();
    for address in resolved {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Adds the name to an error of the resolver.
pub fn unresolved(host: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot resolve {host:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_for_urls() {
        assert_eq!(without_brackets("[::1]"), "::1");
        assert_eq!(without_brackets("::1"), "::1");
        assert_eq!(without_brackets("[odd"), "[odd");
        assert_eq!(resolve("[::1]", 7).unwrap(), ["[::1]:7".parse().unwrap()]);
    }

    #[test]
    fn an_ipv4_peer_has_one_spelling() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:7".parse().unwrap();
        assert_eq!(canonical(mapped), "192.0.2.1:7".parse().unwrap());
        assert_eq!(canonical("[::1]:7".parse().unwrap()), "[::1]:7".parse().unwrap());
    }
}
