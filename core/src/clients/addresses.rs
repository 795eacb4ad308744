//! The addresses of clients: which are allowed, how many connections each has, and how long each must wait after wrong
//! keys. A connection has the address of its TCP peer. Behind a proxy each HTTP request has the address of its own
//! client besides; a WebSocket keeps the one of its upgrade request.

use super::strangers::{Strangers, place};
use crate::effects::ConnMap;
use crate::machine::ConnId;
use crate::settings::AddressRules;
use crate::time::Instant;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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

    /// Whether a client with this address may ask for the health pages. A health check of this host comes from 127.0.0.1 or
    /// ::1, and may, even if the whitelist leaves it out: otherwise an orchestrator would kill a gateway that works.
    pub fn may_probe(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_this_host =
            address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST);
        self.allow(address) || (is_this_host && !self.bar(address))
    }

    /// Whether no connection from this address is accepted, not even that of a proxy.
    pub fn bar(&self, address: IpAddr) -> bool {
        holds(&self.blacklist, address)
    }

    /// Whether the address is a trusted proxy, whose headers are believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        holds(&self.trusted_proxies, address)
    }
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
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

/// The two addresses of a connection.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// The TCP peer: the client itself, or a proxy.
    peer: IpAddr,
    /// The client of the session, behind the peer.
    client: IpAddr,
}

/// The addresses of open connections, and the addresses that sent wrong keys.
#[derive(Debug, Default)]
pub struct Addresses {
    of: ConnMap<Ends>,
    /// Number of connections. Each counts for its client, which is the peer until a session begins.
    open: BTreeMap<IpAddr, usize>,
    wrong_keys: BTreeMap<IpAddr, WrongKeys>,
    strangers: Strangers,
}

impl Addresses {
    /// Adds a new connection. Until a session begins, its client is its peer.
    pub fn connected(&mut self, conn: ConnId, peer: IpAddr) {
        let peer = peer.to_canonical();
        *self.open.entry(place(peer)).or_default() += 1;
        if let Some(before) = self.of.insert(conn, Ends { peer, client: peer }) {
            self.leave(before.client);
        }
        self.strangers.add(conn, peer);
    }

    /// Sets the client of a session that begins behind a proxy. The connection counts for the client from now on.
    pub fn session_of(&mut self, conn: ConnId, client: IpAddr) {
        let client = client.to_canonical();
        let Some(ends) = self.of.get_mut(conn) else { return };
        let before = std::mem::replace(&mut ends.client, client);
        *self.open.entry(place(client)).or_default() += 1;
        self.leave(before);
        self.strangers.moves(conn, client);
    }

    /// Remembers that a connection has shown a key, or needs none.
    pub fn is_known(&mut self, conn: ConnId) {
        self.strangers.known(conn);
    }

    /// Returns the connections that have shown no key.
    pub fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Counts bytes of a request without a key and its answer.
    pub fn charge(&mut self, address: IpAddr, bytes: usize, now: Instant) {
        self.strangers.charge(address, bytes, now);
    }

    /// Notes that a stranger was told to go. Returns one that must be closed at once.
    pub fn told_to_go(&mut self, conn: ConnId) -> Option<ConnId> {
        self.strangers.told_to_go(conn)
    }

    /// Returns the number of connections that have shown a key, or need none.
    pub fn known(&self) -> usize {
        self.of.len() - self.strangers.len()
    }

    /// Forgets a closed connection.
    pub fn forget(&mut self, conn: ConnId) {
        self.strangers.known(conn);
        if let Some(ends) = self.of.remove(conn) {
            self.leave(ends.client);
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

    /// Returns the address of the TCP peer of a connection.
    pub fn peer(&self, conn: ConnId) -> IpAddr {
        self.of.get(conn).map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |ends| ends.peer)
    }

    /// Returns the address of the client of a connection's session. Without a session, this is the peer.
    pub fn of(&self, conn: ConnId) -> IpAddr {
        self.of.get(conn).map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |ends| ends.client)
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
            ..AddressRules::default()
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
    fn this_host_may_probe_unless_it_is_on_the_blacklist() {
        let whitelist = rules(&["203.0.113.0/24"], &[], &[]);
        for (address, may) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("203.0.113.9", true),
            ("127.0.0.2", false),
            ("198.51.100.1", false),
        ] {
            assert_eq!(whitelist.may_probe(ip(address)), may, "{address}");
        }
        assert!(!whitelist.allow(ip("127.0.0.1")));
        assert!(!rules(&[], &["127.0.0.0/8"], &[]).may_probe(ip("127.0.0.1")));
    }

    #[test]
    fn this_host_is_a_trusted_proxy() {
        assert!(AddressRules::default().trusts(ip("127.8.0.1")) && AddressRules::default().trusts(ip("::1")));
        assert!(!AddressRules::default().trusts(ip("128.0.0.1")));
    }

    #[test]
    fn connections_are_counted_by_ipv4_address_or_ipv6_network() {
        let mut effects = Effects::default();
        let mut addresses = Addresses::default();
        let (a, b, c) = (effects.open(), effects.open(), effects.open());
        addresses.connected(a, ip("2001:db8::1"));
        addresses.connected(b, ip("2001:db8::ffff:2"));
        addresses.connected(c, ip("::ffff:203.0.113.9"));
        assert_eq!(addresses.open(ip("2001:db8::3")), 2);
        assert_eq!((addresses.open(ip("203.0.113.9")), addresses.of(c)), (1, ip("203.0.113.9")));
        addresses.session_of(b, ip("203.0.113.9"));
        assert_eq!((addresses.peer(b), addresses.of(b)), (ip("2001:db8::ffff:2"), ip("203.0.113.9")));
        assert_eq!((addresses.open(ip("2001:db8::3")), addresses.open(ip("203.0.113.9"))), (1, 2));
        for conn in [a, b, c, c] {
            addresses.forget(conn);
        }
        assert!(addresses.open.is_empty());
        // The index of a closed connection may be assigned again before the close is reported.
        addresses.connected(a, ip("203.0.113.9"));
        effects.release(a);
        let reused = effects.open();
        addresses.connected(reused, ip("203.0.113.10"));
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
