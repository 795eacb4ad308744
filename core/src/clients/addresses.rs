//! The addresses of clients: which are allowed, how many connections each has, and how long each must wait after wrong
//! keys.

use crate::effects::ConnMap;
use crate::machine::ConnId;
use crate::settings::AddressRules;
use crate::time::Instant;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Number of wrong keys from one address before it must wait.
pub const FREE_WRONG_KEYS: u32 = 5;

/// The first wait. It doubles with each further wrong key.
pub const WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest wait. A client that shares its address with somebody who guesses keys waits no longer than this.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long after the last one the wrong keys of an address are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// Number of addresses whose wrong keys are remembered. The one whose last wrong key is the oldest is forgotten first.
const REMEMBERED_MAX: usize = 10_000;

impl AddressRules {
    /// Whether a client with this address may connect.
    pub fn allow(&self, address: IpAddr) -> bool {
        !self.bar(address) && (self.whitelist.is_empty() || holds(&self.whitelist, address))
    }

    /// Whether no connection from this address is accepted, not even that of a proxy.
    pub fn bar(&self, address: IpAddr) -> bool {
        holds(&self.blacklist, address)
    }

    /// Whether the address is a trusted proxy, whose headers are believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        holds(&self.trusted_proxies, address)
    }

    /// Returns the client's address behind a peer, from the request's headers. `X-Real-IP` has precedence: nginx
    /// replaces it, but passes `X-Forwarded-For` on as it came. In the latter, the last entry that is not a trusted
    /// proxy is used, since anybody can have written the entries before it.
    pub fn client(&self, peer: IpAddr, real_ip: Option<&str>, forwarded_for: Option<&str>) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        if let Some(real) = real_ip {
            return parse(real).unwrap_or(peer);
        }
        let mut client = peer;
        for entry in forwarded_for.into_iter().flat_map(|list| list.rsplit(',')) {
            let Some(address) = parse(entry) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Parses an address, with or without a port and brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Returns what counts as one address: for IPv6 the /64 network, which every single host has at least.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The wrong keys of one address.
#[derive(Debug)]
struct WrongKeys {
    count: u32,
    last: Instant,
    /// The last wrong key. To repeat it is not guessing: a game may hold an old key, and others may share its address.
    digest: [u8; 32],
}

impl WrongKeys {
    /// Returns how long the address must wait after its last wrong key.
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE_WRONG_KEYS) {
            None | Some(0) => Duration::ZERO,
            Some(over) => WAIT_MIN.saturating_mul(1 << (over - 1).min(16)).min(WAIT_MAX),
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.since(self.last) >= FORGET_AFTER
    }
}

/// The addresses of open connections, and the addresses that sent wrong keys.
#[derive(Debug, Default)]
pub struct Addresses {
    of: ConnMap<IpAddr>,
    open: BTreeMap<IpAddr, usize>,
    wrong_keys: BTreeMap<IpAddr, WrongKeys>,
}

impl Addresses {
    /// Sets the address of a connection: of a new one, or of one whose proxy has reported the client's address.
    pub fn set(&mut self, conn: ConnId, address: IpAddr) {
        *self.open.entry(place(address)).or_default() += 1;
        if let Some(before) = self.of.insert(conn, address.to_canonical()) {
            self.leave(before);
        }
    }

    /// Forgets a closed connection.
    pub fn forget(&mut self, conn: ConnId) {
        if let Some(address) = self.of.remove(conn) {
            self.leave(address);
        }
    }

    fn leave(&mut self, address: IpAddr) {
        let place = place(address);
        if let Some(count) = self.open.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&place);
            }
        }
    }

    /// Returns the address of a connection.
    pub fn of(&self, conn: ConnId) -> IpAddr {
        self.of.get(conn).copied().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }

    /// Returns how many connections an address has.
    pub fn open(&self, address: IpAddr) -> usize {
        self.open.get(&place(address)).copied().unwrap_or(0)
    }

    /// Returns for how many milliseconds keys from an address are not checked.
    pub fn wait_ms(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let wrong = self.wrong_keys.get(&place(address)).filter(|wrong| !wrong.is_forgotten(now))?;
        let left = wrong.wait().checked_sub(now.since(wrong.last)).filter(|left| !left.is_zero())?;
        Some(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
    }

    /// Counts a wrong key from an address. Returns whether it counts: repeating the last wrong key does not count
    /// again.
    pub fn wrong_key(&mut self, address: IpAddr, digest: [u8; 32], now: Instant) -> bool {
        let place = place(address);
        if self.wrong_keys.len() >= REMEMBERED_MAX && !self.wrong_keys.contains_key(&place) {
            self.wrong_keys.retain(|_, wrong| !wrong.is_forgotten(now));
            if self.wrong_keys.len() >= REMEMBERED_MAX {
                let oldest =
                    self.wrong_keys.iter().min_by_key(|(_, wrong)| wrong.last).map(|(place, _)| *place);
                oldest.map(|place| self.wrong_keys.remove(&place));
            }
        }
        let wrong = self.wrong_keys.entry(place).or_insert(WrongKeys { count: 0, last: now, digest });
        if wrong.is_forgotten(now) {
            wrong.count = 0;
        } else if wrong.digest == digest && wrong.count > 0 {
            return false;
        }
        *wrong = WrongKeys { count: wrong.count.saturating_add(1), last: now, digest };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::Effects;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn rules(whitelist: &[&str], blacklist: &[&str], proxies: &[&str]) -> AddressRules {
        let read = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
        AddressRules {
            whitelist: read(whitelist),
            blacklist: read(blacklist),
            trusted_proxies: read(proxies),
        }
    }

    #[test]
    fn lists_hold_networks_and_mapped_addresses_are_ipv4() {
        for (whitelist, blacklist, address, allowed) in [
            (&[][..], &[][..], "203.0.113.9", true),
            (&["203.0.113.0/24"], &[], "203.0.113.9", true),
            (&["203.0.113.0/24"], &[], "::ffff:203.0.113.9", true),
            (&["203.0.113.0/24"], &[], "203.0.114.9", false),
            (&["203.0.113.0/24"], &["203.0.113.9/32"], "203.0.113.9", false),
            (&[], &["203.0.113.9/32"], "::ffff:203.0.113.9", false),
            (&[], &["2001:db8::/32"], "2001:db8:1::9", false),
            (&[], &["2001:db8::/32"], "2001:db9::9", true),
            (&[], &["0.0.0.0/0"], "2001:db9::9", true),
        ] {
            assert_eq!(
                rules(whitelist, blacklist, &[]).allow(ip(address)),
                allowed,
                "{address} {blacklist:?}"
            );
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let rules = rules(&[], &[], &["127.0.0.0/8", "10.0.0.0/8"]);
        for (peer, real, forwarded, client) in [
            ("203.0.113.1", Some("198.51.100.7"), Some("198.51.100.8"), "203.0.113.1"),
            ("127.0.0.1", None, None, "127.0.0.1"),
            ("::ffff:127.0.0.1", Some("198.51.100.7"), None, "198.51.100.7"),
            ("127.0.0.1", Some("198.51.100.7"), Some("6.6.6.6"), "198.51.100.7"),
            ("127.0.0.1", Some("nonsense"), Some("6.6.6.6"), "127.0.0.1"),
            ("127.0.0.1", None, Some("6.6.6.6, 198.51.100.8"), "198.51.100.8"),
            ("127.0.0.1", None, Some("6.6.6.6, 198.51.100.8:1234,10.0.0.2"), "198.51.100.8"),
            ("127.0.0.1", None, Some("[2001:db8::1]:443"), "2001:db8::1"),
            ("127.0.0.1", None, Some("nonsense, 10.0.0.2"), "10.0.0.2"),
            ("127.0.0.1", None, Some("unknown"), "127.0.0.1"),
        ] {
            assert_eq!(
                rules.client(ip(peer), real, forwarded),
                ip(client).to_canonical(),
                "{real:?} {forwarded:?}"
            );
        }
        assert!(AddressRules::default().trusts(ip("127.8.0.1")) && AddressRules::default().trusts(ip("::1")));
        assert!(!AddressRules::default().trusts(ip("128.0.0.1")));
    }

    #[test]
    fn connections_are_counted_by_ipv4_address_or_ipv6_network() {
        let mut effects = Effects::default();
        let mut addresses = Addresses::default();
        let (a, b, c) = (effects.open(), effects.open(), effects.open());
        addresses.set(a, ip("2001:db8::1"));
        addresses.set(b, ip("2001:db8::ffff:2"));
        addresses.set(c, ip("::ffff:203.0.113.9"));
        assert_eq!(addresses.open(ip("2001:db8::3")), 2);
        assert_eq!((addresses.open(ip("203.0.113.9")), addresses.of(c)), (1, ip("203.0.113.9")));
        addresses.set(b, ip("203.0.113.9"));
        assert_eq!((addresses.open(ip("2001:db8::3")), addresses.open(ip("203.0.113.9"))), (1, 2));
        for conn in [a, b, c, c] {
            addresses.forget(conn);
        }
        assert!(addresses.open.is_empty());
        // The index of a closed connection may be assigned again before the close is reported.
        addresses.set(a, ip("203.0.113.9"));
        effects.release(a);
        let reused = effects.open();
        addresses.set(reused, ip("203.0.113.10"));
        addresses.forget(a);
        assert_eq!((addresses.open(ip("203.0.113.9")), addresses.open(ip("203.0.113.10"))), (0, 1));
    }

    #[test]
    fn wrong_keys_cost_time_that_doubles_to_a_minute_and_is_forgotten() {
        let mut addresses = Addresses::default();
        let guesser = ip("203.0.113.9");
        let mut waits = Vec::new();
        let mut now = at(0);
        for guess in 0..14 {
            addresses.wrong_key(guesser, [guess; 32], now);
            let wait = addresses.wait_ms(guesser, now).unwrap_or(0);
            waits.push(wait / 1000);
            now = now + Duration::from_millis(wait);
            assert_eq!(addresses.wait_ms(guesser, now), None);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(addresses.wait_ms(ip("203.0.113.10"), now), None);
        now = now + FORGET_AFTER;
        addresses.wrong_key(guesser, [0; 32], now);
        assert_eq!(addresses.wait_ms(guesser, now), None);
    }

    #[test]
    fn a_repeated_wrong_key_does_not_count_again() {
        let mut addresses = Addresses::default();
        let game = ip("203.0.113.9");
        for second in 0..1000 {
            assert_eq!(addresses.wrong_key(game, [7; 32], at(second)), second % 600 == 0);
            assert_eq!(addresses.wait_ms(game, at(second)), None);
        }
    }

    #[test]
    fn the_table_of_wrong_keys_is_bounded() {
        let mut addresses = Addresses::default();
        for host in 0..REMEMBERED_MAX as u32 + 100 {
            let address = IpAddr::from(host.to_be_bytes());
            addresses.wrong_key(address, [0; 32], Instant::from_micros(u64::from(host)));
        }
        assert_eq!(addresses.wrong_keys.len(), REMEMBERED_MAX);
        assert!(!addresses.wrong_keys.contains_key(&IpAddr::from(99_u32.to_be_bytes())));
        assert!(addresses.wrong_keys.contains_key(&IpAddr::from(100_u32.to_be_bytes())));
        // Addresses whose wrong keys are forgotten make room first.
        addresses.wrong_key(ip("203.0.113.9"), [0; 32], at(10_000));
        assert_eq!(addresses.wrong_keys.len(), 1);
    }
}
