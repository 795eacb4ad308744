//! Strangers: connections that have shown no key. When the gateway is full, they make room for others. What they may ask
//! for is bounded for each address.

use crate::effects::ConnMap;
use crate::machine::ConnId;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

/// Bytes of requests without a key, and of their answers, that one address may cause at once.
pub const ADDRESS_BYTES_MAX: u64 = 4_194_304;

/// Bytes by which this grows again each second.
pub const ADDRESS_BYTES_PER_SECOND: u64 = 262_144;

/// Bytes that a request counts for at least, since each takes time.
pub const REQUEST_BYTES_MIN: u64 = 1024;

/// Strangers that were told to go, and still have their goodbye to take. They need no place, but memory and a socket.
pub const LEAVING_MAX: usize = 16;

/// Number of addresses whose use is remembered. The one that asked least recently is forgotten first.
const REMEMBERED_MAX: usize = 10_000;

/// Microseconds in a second.
const MICROS: u64 = 1_000_000;

/// Returns what counts as one address: for IPv6 the /64 network, which every single host has at least.
pub(super) fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What an address has used of its bytes.
#[derive(Clone, Copy, Debug)]
struct Used {
    bytes: u64,
    at: Instant,
}

impl Used {
    fn now(self, now: Instant) -> u64 {
        let micros = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        self.bytes.saturating_sub(micros.saturating_mul(ADDRESS_BYTES_PER_SECOND) / MICROS)
    }
}

/// The place of a stranger, and its number in the order of arrival.
#[derive(Clone, Copy, Debug)]
struct Stranger {
    place: IpAddr,
    number: u64,
}

/// The connections that have shown no key.
#[derive(Debug, Default)]
pub struct Strangers {
    of: ConnMap<Stranger>,
    by_place: BTreeMap<IpAddr, BTreeMap<u64, ConnId>>,
    /// The places by number of strangers; of those with the same number the one with the oldest stranger is the last.
    by_count: BTreeSet<(usize, Reverse<u64>, IpAddr)>,
    arrived: u64,
    /// Those that were told to go, and still have their goodbye to take; the oldest first.
    leaving: VecDeque<ConnId>,
    used: BTreeMap<IpAddr, Used>,
}

impl Strangers {
    /// Adds a new connection.
    pub fn add(&mut self, conn: ConnId, address: IpAddr) {
        self.remove(conn);
        self.arrived += 1;
        self.put(conn, Stranger { place: place(address), number: self.arrived });
    }

    /// Counts a stranger for another address from now on: that of its client behind a proxy.
    pub fn moves(&mut self, conn: ConnId, address: IpAddr) {
        if !self.leaving.contains(&conn)
            && let Some(stranger) = self.remove(conn)
        {
            self.put(conn, Stranger { place: place(address), ..stranger });
        }
    }

    /// Removes a connection that has shown a key, or is closed.
    pub fn known(&mut self, conn: ConnId) {
        self.remove(conn);
    }

    /// Returns the stranger that makes room first: the oldest one of the address that has the most.
    pub fn first_to_go(&self) -> Option<ConnId> {
        let (_, _, place) = self.by_count.last()?;
        self.by_place.get(place)?.first_key_value().map(|(_, conn)| *conn)
    }

    /// Notes that a stranger was told to go. It needs no place any more, and is not the first to go again. Returns one
    /// that must be closed at once, when more than [`LEAVING_MAX`] still have their goodbye to take.
    pub fn told_to_go(&mut self, conn: ConnId) -> Option<ConnId> {
        let Stranger { place, number } = *self.of.get(conn)?;
        self.change(place, |there| {
            there.remove(&number);
        });
        self.leaving.push_back(conn);
        self.leaving.front().copied().filter(|_| self.leaving.len() > LEAVING_MAX)
    }

    /// Returns the number of strangers that were told to go.
    pub fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Returns the number of strangers, also those that were told to go.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is no stranger.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    fn put(&mut self, conn: ConnId, stranger: Stranger) {
        // A value for an earlier connection with this index may still be there.
        let before = self.of.insert(conn, stranger);
        if let Some(before) = before {
            self.change(before.place, |there| {
                there.remove(&before.number);
            });
        }
        self.change(stranger.place, |there| {
            there.insert(stranger.number, conn);
        });
    }

    fn remove(&mut self, conn: ConnId) -> Option<Stranger> {
        let stranger = self.of.remove(conn)?;
        self.leaving.retain(|leaving| *leaving != conn);
        self.change(stranger.place, |there| {
            there.remove(&stranger.number);
        });
        Some(stranger)
    }

    fn change(&mut self, place: IpAddr, change: impl FnOnce(&mut BTreeMap<u64, ConnId>)) {
        let there = self.by_place.entry(place).or_default();
        let rank = |there: &BTreeMap<u64, ConnId>| {
            there.first_key_value().map(|(oldest, _)| (there.len(), Reverse(*oldest), place))
        };
        let before = rank(there);
        change(there);
        let after = rank(there);
        if after.is_none() {
            self.by_place.remove(&place);
        }
        before.map(|before| self.by_count.remove(&before));
        after.map(|after| self.by_count.insert(after));
    }

    /// Counts bytes that an address without a key has caused.
    pub fn charge(&mut self, address: IpAddr, bytes: usize, now: Instant) {
        let place = place(address);
        if self.used.len() >= REMEMBERED_MAX && !self.used.contains_key(&place) {
            self.used.retain(|_, used| used.now(now) > 0);
            if self.used.len() >= REMEMBERED_MAX {
                let oldest = self.used.iter().min_by_key(|(_, used)| used.at).map(|(place, _)| *place);
                oldest.map(|place| self.used.remove(&place));
            }
        }
        let used = self.used.entry(place).or_insert(Used { bytes: 0, at: now });
        let bytes = used.now(now).saturating_add((bytes as u64).max(REQUEST_BYTES_MIN));
        *used = Used { bytes: bytes.min(ADDRESS_BYTES_MAX + ADDRESS_BYTES_PER_SECOND), at: now };
    }

    /// Returns for how many milliseconds requests without a key from an address are refused.
    pub fn wait_ms(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let over = self.used.get(&place(address))?.now(now).checked_sub(ADDRESS_BYTES_MAX)?;
        Some((over * 1000).div_ceil(ADDRESS_BYTES_PER_SECOND).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::Effects;
    use std::time::Duration;

    fn ip(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    #[test]
    fn the_oldest_of_the_address_with_the_most_goes_first() {
        let mut effects = Effects::default();
        let mut strangers = Strangers::default();
        let conns: Vec<ConnId> = (0..6).map(|_| effects.open()).collect();
        for (conn, address) in conns.iter().zip([1, 2, 2, 3, 3, 3]) {
            strangers.add(*conn, ip(address));
        }
        let mut order = Vec::new();
        while let Some(conn) = strangers.first_to_go() {
            order.push(conns.iter().position(|one| *one == conn).unwrap());
            strangers.known(conn);
        }
        assert_eq!(order, [3, 1, 4, 0, 2, 5]);
        assert!(strangers.is_empty() && strangers.by_place.is_empty() && strangers.by_count.is_empty());
    }

    #[test]
    fn of_those_that_were_told_to_go_only_so_many_wait() {
        let mut effects = Effects::default();
        let mut strangers = Strangers::default();
        let conns: Vec<ConnId> = (0..LEAVING_MAX + 2).map(|_| effects.open()).collect();
        conns.iter().for_each(|conn| strangers.add(*conn, ip(1)));
        for conn in &conns[..LEAVING_MAX] {
            assert_eq!(strangers.first_to_go(), Some(*conn));
            assert_eq!(strangers.told_to_go(*conn), None);
        }
        assert_eq!(strangers.told_to_go(conns[LEAVING_MAX]), Some(conns[0]));
        strangers.known(conns[0]);
        assert_eq!((strangers.leaving(), strangers.len()), (LEAVING_MAX, LEAVING_MAX + 1));
        assert_eq!(strangers.first_to_go(), Some(conns[LEAVING_MAX + 1]));
    }

    #[test]
    fn who_has_shown_a_key_or_has_another_client_counts_no_more() {
        let mut effects = Effects::default();
        let mut strangers = Strangers::default();
        let (a, b, c) = (effects.open(), effects.open(), effects.open());
        strangers.add(a, ip(1));
        strangers.add(b, ip(1));
        strangers.add(c, ip(2));
        strangers.known(a);
        assert_eq!((strangers.first_to_go(), strangers.len()), (Some(b), 2));
        strangers.moves(b, ip(2));
        strangers.known(a);
        assert_eq!(strangers.first_to_go(), Some(b));
        strangers.moves(a, ip(2));
        assert_eq!(strangers.len(), 2);
    }

    #[test]
    fn an_address_has_its_bytes_and_gets_them_back() {
        let mut strangers = Strangers::default();
        let now = Instant::from_micros(1);
        for _ in 0..ADDRESS_BYTES_MAX / REQUEST_BYTES_MIN {
            assert_eq!(strangers.wait_ms(ip(1), now), None);
            strangers.charge(ip(1), 1, now);
        }
        assert!(strangers.wait_ms(ip(1), now).is_some());
        assert_eq!(strangers.wait_ms(ip(2), now), None);
        strangers.charge(ip(1), usize::MAX, now);
        // However much it was: no more than a second.
        assert_eq!(strangers.wait_ms(ip(1), now), Some(1000));
        assert_eq!(strangers.wait_ms(ip(1), now + Duration::from_millis(1001)), None);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let mut strangers = Strangers::default();
        for host in 0..REMEMBERED_MAX as u32 + 100 {
            let now = Instant::from_micros(u64::from(host));
            strangers.charge(IpAddr::from(host.to_be_bytes()), 1_000_000, now);
        }
        assert_eq!(strangers.used.len(), REMEMBERED_MAX);
        strangers.charge(ip(1), 1, Instant::from_micros(1_000_000_000));
        assert_eq!(strangers.used.len(), 1);
    }
}
