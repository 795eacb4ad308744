//! The state of moderation: the bans of a mud, and the message rates of local users.

use crate::bucket::Bucket;
use crate::describe::macros::words;
use crate::ids::MudId;
use crate::time::{Instant, Steady, UnixTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

mod glob;

use glob::Glob;

/// Number of bans of one mud.
pub const BANS_MAX: usize = 1000;

/// The longest pattern, in bytes. Every packet is compared with it.
pub const PATTERN_BYTES_MAX: usize = 256;

/// The longest part of a packet that patterns see, in bytes: the name of a user, of a mud or of a channel, or the type of
/// the packet. Of a longer one they see both ends, each half as long.
pub const SEEN_BYTES_MAX: usize = 256;

/// Number of local users whose messages are counted. Beyond it, the one who was silent longest is forgotten.
const USERS_MAX: usize = 10_000;

/// Where several nodes give ids to bans, each id is up to this much above the one before, so that two do not meet.
const BAN_ID_STEP: u64 = 1 << 20;

/// Messages that a user may send at once, unless the rate is lower.
pub const USER_BURST: u32 = 10;

/// The direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the network.
    In,
    /// To the network.
    Out,
}

words! {
    /// The directions in which a ban stops packets.
    pub enum Direction {
        /// Both.
        Both = "both",
        /// From the network.
        In = "in",
        /// To the network.
        Out = "out",
    }
}

impl Direction {
    fn stops(self, way: Way) -> bool {
        matches!((self, way), (Direction::Both, _) | (Direction::In, Way::In) | (Direction::Out, Way::Out))
    }
}

/// A ban, as it is shown and saved. Patterns may hold `*` and `?`, and ignore case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The pattern for the users: `user@mud`.
    pub pattern: String,
    /// The ban stops only packets for such channels.
    pub channel: Option<String>,
    /// The ban stops only packets of such types: `tell`, `channel-*`.
    pub packet_type: Option<String>,
    /// The directions.
    pub direction: Direction,
    /// A text for people.
    pub reason: String,
    /// Who has set it: a text for people. Earlier versions did not save it.
    #[serde(default)]
    pub by: String,
    /// When it was added, in microseconds since 1970.
    pub created: u64,
    /// When it expires, in microseconds since 1970, as answered when it was made. If the clock was set since, it expires at
    /// another time.
    pub expires: Option<u64>,
    /// When it ends, by the clock for the age of what is kept. Earlier versions did not save it.
    #[serde(default)]
    pub ends: Option<u64>,
}

impl Ban {
    /// Whether it has expired.
    pub fn is_over(&self, now: Steady) -> bool {
        self.ends.is_some_and(|ends| ends <= now.micros())
    }

    /// Returns when it expires, by the wall clock as it is set now.
    pub fn ends_at(&self, unix: UnixTime, now: Steady) -> Option<UnixTime> {
        let left = Steady::from_micros(self.ends?).since(now).as_micros() as u64;
        Some(UnixTime::from_micros(unix.micros().saturating_add(left)))
    }
}

/// Returns a text without the middle if it is too long, since another mud chooses its length.
fn ends(text: &str) -> Cow<'_, str> {
    if text.len() <= SEEN_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let half = SEEN_BYTES_MAX / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    Cow::Owned([&text[..head], &text[tail..]].concat())
}

/// The parts of a packet that bans examine, in lower case.
#[derive(Debug)]
pub struct Seen {
    way: Way,
    kind: String,
    channel: Option<String>,
    people: Vec<String>,
}

impl Seen {
    /// A packet of this direction and type, on this channel if it has one.
    pub fn new(way: Way, kind: &str, channel: Option<&str>) -> Seen {
        let lower = |text: &str| ends(text).to_lowercase();
        Seen { way, kind: lower(kind), channel: channel.map(lower), people: Vec::new() }
    }

    /// Adds a user: the sender of an incoming packet, or the sender or the target of an outgoing one.
    pub fn with(mut self, user: &str, mud: &str) -> Seen {
        self.people.push(format!("{}@{}", ends(user), ends(mud)).to_lowercase());
        self
    }
}

#[derive(Debug)]
struct Compiled {
    ban: Ban,
    who: Glob,
    channel: Option<Glob>,
    packet_type: Option<Glob>,
    hits: u64,
}

impl Compiled {
    fn new(ban: Ban) -> Self {
        let glob = |pattern: &String| Glob::new(pattern);
        Compiled {
            who: glob(&ban.pattern),
            channel: ban.channel.as_ref().map(glob),
            packet_type: ban.packet_type.as_ref().map(glob),
            ban,
            hits: 0,
        }
    }

    fn stops(&self, seen: &Seen, now: Steady) -> bool {
        let type_fits = || self.packet_type.as_ref().is_none_or(|kind| kind.matches(&seen.kind));
        let channel_fits = || match (&self.channel, &seen.channel) {
            (None, _) => true,
            (Some(wanted), Some(channel)) => wanted.matches(channel),
            (Some(_), None) => false,
        };
        self.ban.direction.stops(seen.way)
            && !self.ban.is_over(now)
            && type_fits()
            && channel_fits()
            && seen.people.iter().any(|who| self.who.matches(who))
    }
}

/// The bans of one mud.
#[derive(Debug, Default)]
pub struct Bans {
    last_id: u64,
    all: BTreeMap<u64, Compiled>,
}

impl Bans {
    /// Whether there are no bans.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of bans.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Restores a saved ban. If it is known, its hits stay.
    pub fn restore(&mut self, id: u64, ban: Ban) {
        self.last_id = self.last_id.max(id);
        let hits = self.all.get(&id).filter(|known| known.ban == ban).map_or(0, |known| known.hits);
        self.all.insert(id, Compiled { hits, ..Compiled::new(ban) });
    }

    /// Sets the end of bans that an earlier version saved, on the clock by which ages are measured.
    pub fn restored(&mut self, unix: UnixTime, now: Steady) {
        for one in self.all.values_mut() {
            let left = one.ban.expires.map(|expires| UnixTime::from_micros(expires).since(unix));
            one.ban.ends = one.ban.ends.or(left.map(|left| (now + left).micros()));
        }
    }

    /// Adds a ban. Returns its id.
    pub fn add(&mut self, ban: Ban) -> u64 {
        let id = self.last_id + 1;
        self.restore(id, ban);
        id
    }

    /// Adds a ban at one of several nodes. `boot` names the start of this node. Returns its id, which no other node gives
    /// to a ban that it adds at the same moment: both would be under one key of the store.
    pub(crate) fn add_at(&mut self, boot: &str, ban: Ban) -> u64 {
        let digest = Sha256::new().chain_update(boot).chain_update(self.last_id.to_be_bytes()).finalize();
        let step = u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
        let id = self.last_id + 1 + step % BAN_ID_STEP;
        self.restore(id, ban);
        id
    }

    /// Removes all bans. Later ones get other ids.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// Removes a ban. Returns whether there was one.
    pub fn remove(&mut self, id: u64) -> bool {
        self.all.remove(&id).is_some()
    }

    /// Removes expired bans. Returns their ids.
    pub fn sweep(&mut self, now: Steady) -> Vec<u64> {
        let over: Vec<u64> =
            self.all.iter().filter(|(_, one)| one.ban.is_over(now)).map(|(id, _)| *id).collect();
        for id in &over {
            self.all.remove(id);
        }
        over
    }

    /// Returns all bans, each with its id and the number of packets that it has stopped since the start.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Ban, u64)> {
        self.all.iter().map(|(id, one)| (*id, &one.ban, one.hits))
    }

    /// Returns the ban that stops a packet, and counts the packet.
    pub fn stop(&mut self, seen: &Seen, now: Steady) -> Option<(u64, &Ban)> {
        let (id, one) = self.all.iter_mut().find(|(_, one)| one.stops(seen, now))?;
        one.hits += 1;
        Some((*id, &one.ban))
    }
}

/// The remaining messages of each local user, by mud and name.
#[derive(Debug, Default)]
pub struct UserRates(BTreeMap<(MudId, String), Bucket>);

impl UserRates {
    /// Charges a message to a user. If the user must wait, returns for how many milliseconds.
    pub fn admit(&mut self, mud: MudId, user: &str, per_minute: u32, now: Instant) -> Result<(), u64> {
        let key = (mud, user.to_lowercase());
        if self.0.len() >= USERS_MAX && !self.0.contains_key(&key) {
            let silent =
                self.0.iter().min_by_key(|(_, bucket)| bucket.used_at()).map(|(user, _)| user.clone());
            silent.map(|user| self.0.remove(&user));
        }
        let bucket =
            self.0.entry(key).or_insert_with(|| Bucket::new(per_minute, USER_BURST.min(per_minute), now));
        bucket.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Steady = Steady::from_micros(1_000_000);

    fn ban(pattern: &str) -> Ban {
        Ban {
            pattern: pattern.to_owned(),
            channel: None,
            packet_type: None,
            direction: Direction::Both,
            reason: String::new(),
            by: String::new(),
            created: 0,
            expires: None,
            ends: None,
        }
    }

    #[test]
    fn a_ban_stops_packets_that_match_all_its_parts() {
        let with = |channel: Option<&str>, packet_type: Option<&str>, direction| Ban {
            channel: channel.map(str::to_owned),
            packet_type: packet_type.map(str::to_owned),
            direction,
            ..ban("B?b@*Spam")
        };
        for (channel, packet_type, direction, stopped) in [
            (None, None, Direction::Both, [true, true, true]),
            (Some("CH*"), None, Direction::Both, [false, true, true]),
            (Some("code"), None, Direction::Both, [false, false, false]),
            (None, Some("channel-*"), Direction::Both, [false, true, true]),
            (None, Some("tell"), Direction::Both, [true, false, false]),
            (None, None, Direction::In, [true, true, false]),
            (None, None, Direction::Out, [false, false, true]),
        ] {
            let mut bans = Bans::default();
            bans.add(with(channel, packet_type, direction));
            let mut stops = |way, kind, channel| {
                let seen = Seen::new(way, kind, channel).with("ann", "Alpha").with("bob", "The Spam");
                bans.stop(&seen, NOW).is_some()
            };
            let seen = [
                stops(Way::In, "tell", None),
                stops(Way::In, "channel-m", Some("chat")),
                stops(Way::Out, "channel-m", Some("chat")),
            ];
            assert_eq!(seen, stopped, "{channel:?} {packet_type:?} {direction:?}");
        }
    }

    #[test]
    fn hits_are_counted_ids_grow_and_an_expired_ban_stops_nothing() {
        let mut bans = Bans::default();
        bans.restore(7, Ban { ends: Some(NOW.micros() + 1), ..ban("*@Spam") });
        assert_eq!(bans.add(ban("*@Other")), 8);
        let seen = Seen::new(Way::In, "tell", None).with("x", "spam");
        assert_eq!(bans.stop(&seen, NOW).map(|(id, _)| id), Some(7));
        let later = Steady::from_micros(NOW.micros() + 1);
        assert!(bans.stop(&seen, later).is_none());
        assert_eq!(bans.iter().map(|(id, _, hits)| (id, hits)).collect::<Vec<_>>(), [(7, 1), (8, 0)]);
        assert_eq!((bans.sweep(later), bans.len()), (vec![7], 1));
        assert!(bans.remove(8) && !bans.remove(8) && bans.is_empty());
    }

    #[test]
    fn two_nodes_give_different_ids_and_a_known_ban_keeps_its_hits() {
        let (mut here, mut there) = (Bans::default(), Bans::default());
        for _ in 0..50 {
            let ids = [here.add_at("boot a", ban("*@Spam")), there.add_at("boot b", ban("*@Other"))];
            assert_ne!(ids[0], ids[1]);
            here.restore(ids[1], ban("*@Other"));
            there.restore(ids[0], ban("*@Spam"));
        }
        assert_eq!((here.len(), there.len(), here.last_id), (100, 100, there.last_id));
        let seen = Seen::new(Way::In, "tell", None).with("x", "spam");
        let hit = here.stop(&seen, NOW).unwrap().0;
        here.restore(hit, ban("*@Spam"));
        assert_eq!(here.iter().map(|(_, _, hits)| hits).sum::<u64>(), 1);
        here.clear();
        assert!(here.is_empty() && here.add(ban("*@Spam")) > there.last_id);
    }

    #[test]
    fn bans_see_the_ends_of_a_name_that_is_too_long() {
        let long = format!("evil{}é{}", "x".repeat(100_000), "y".repeat(100_000));
        let seen = Seen::new(Way::In, &long, Some(&long)).with(&long, &long);
        let bytes = [&seen.kind, seen.channel.as_ref().unwrap(), &seen.people[0]].map(String::len);
        assert_eq!(bytes, [SEEN_BYTES_MAX, SEEN_BYTES_MAX, 2 * SEEN_BYTES_MAX + 1]);
        for (pattern, stopped) in [("evil*@*", true), ("*@*yyy", true), ("*@evil*", true), ("evilx@*", false)]
        {
            let mut bans = Bans::default();
            bans.add(ban(pattern));
            assert_eq!(bans.stop(&seen, NOW).is_some(), stopped, "{pattern}");
        }
    }

    #[test]
    fn users_have_a_burst_and_a_rate_of_their_own_and_the_table_is_bounded() {
        let mut users = UserRates::default();
        let now = Instant::ORIGIN;
        let said = (0..20).filter(|_| users.admit(MudId::OWN, "Ann", 60, now).is_ok()).count();
        assert_eq!((said, users.admit(MudId::OWN, "aNN", 60, now)), (10, Err(1000)));
        assert_eq!(
            (users.admit(MudId::at(1), "ann", 60, now), users.admit(MudId::OWN, "bob", 60, now)),
            (Ok(()), Ok(()))
        );
        assert_eq!(users.admit(MudId::OWN, "ann", 60, now + Duration::from_secs(1)), Ok(()));
        for number in 0..USERS_MAX {
            assert_eq!(
                users.admit(MudId::OWN, &format!("user{number}"), 60, now + Duration::from_secs(2)),
                Ok(())
            );
        }
        assert_eq!(users.0.len(), USERS_MAX);
    }
}
