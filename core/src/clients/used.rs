//! The requests that each node lets through, as the nodes tell each other: so a key has one budget on all of them.
//!
//! A node tells how many requests it has let through since its start. So it does no harm if the same is told twice, or if
//! what was told in between is lost.

use super::keys;
use crate::machine::SmolStr;
use crate::saved;
use crate::settings::MethodLimit;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use smol_str::format_smolstr;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long requests may be let through before other nodes are told.
const TOLD_WITHIN: Duration = Duration::from_millis(250);

/// The part of a minute's requests after which other nodes are told at once.
const TOLD_AT: u64 = 10;

/// A count, as other nodes are told it.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// All requests since the start of the node.
    all: u64,
    /// Those since it was last told: for a node that was not told of the others.
    new: u64,
}

/// Requests of a key that one limit counts.
#[derive(Debug, Default)]
struct Count {
    all: u64,
    told: u64,
}

/// What this node has let through, and what others have told.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// By the digest of the key, and by the setting.
    here: BTreeMap<([u8; 32], String), Count>,
    /// The first request of which other nodes have not been told.
    since: Option<Instant>,
    /// A count has grown so much that other nodes must be told at once.
    is_much: bool,
    /// The last count of each start of a node, by the key of its change.
    elsewhere: BTreeMap<String, BTreeMap<String, u64>>,
    /// The tags of keys, which are costly to compute.
    tags: BTreeMap<[u8; 32], String>,
}

impl Used {
    /// Counts a request that was let through, in the budget of all requests and in that of its method.
    pub(super) fn count(
        &mut self,
        key: [u8; 32],
        (setting, per_minute): (&str, u32),
        limit: Option<&MethodLimit>,
        now: Instant,
    ) {
        self.since.get_or_insert(now);
        let limit = limit.map(|limit| (limit.setting.as_str(), limit.per_minute));
        for (setting, per_minute) in [Some((setting, per_minute)), limit].into_iter().flatten() {
            let count = self.here.entry((key, setting.to_owned())).or_default();
            count.all += 1;
            self.is_much |= (count.all - count.told) * TOLD_AT >= u64::from(per_minute);
        }
    }

    /// Returns when other nodes must be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| if self.is_much { since } else { since + TOLD_WITHIN })
    }

    /// Returns what other nodes have not been told yet.
    pub(super) fn take(&mut self) -> Vec<(SmolStr, Arc<[u8]>)> {
        (self.since, self.is_much) = (None, false);
        let untold = self.here.iter_mut().filter(|(_, count)| count.all > count.told);
        let told = untold.filter_map(|((digest, setting), count)| {
            let told = Told { all: count.all, new: count.all - count.told };
            count.told = count.all;
            let tag = self.tags.entry(*digest).or_insert_with(|| keys::tag(digest));
            Some((format_smolstr!("{tag} {setting}"), saved::write(&told)?))
        });
        told.collect()
    }

    /// Takes a count of another node. Returns by how much it has grown.
    pub(super) fn told(&mut self, boot: &str, key: &str, value: &[u8]) -> Option<u64> {
        let Told { all, new } = saved::read(value)?;
        let known = self.elsewhere.entry(boot.to_owned()).or_default();
        let before = known.insert(key.to_owned(), all).unwrap_or_else(|| all.saturating_sub(new));
        if before > all {
            known.insert(key.to_owned(), before);
        }
        all.checked_sub(before)
    }

    /// Whether a tag is that of the key with this digest.
    pub(super) fn is_tag_of(&mut self, tag: &str, digest: &[u8; 32]) -> bool {
        self.tags.entry(*digest).or_insert_with(|| keys::tag(digest)) == tag
    }

    /// Forgets a start of a node.
    pub(super) fn forget(&mut self, boot: &str) {
        self.elsewhere.remove(boot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_after_a_while_or_at_once_of_much_and_never_of_nothing() {
        let mut used = Used::default();
        let at = |millis: u64| Instant::from_micros(millis * 1000);
        assert_eq!((used.due(), used.take().len()), (None, 0));
        used.count([1; 32], ("all", 60), None, at(5));
        used.count([1; 32], ("all", 60), None, at(100));
        assert_eq!(used.due(), Some(at(255)));
        let told = used.take();
        assert_eq!(told.len(), 1);
        assert_eq!((&*told[0].1, used.due()), (&br#"{"all":2,"new":2}"#[..], None));
        for _ in 0..6 {
            used.count([1; 32], ("all", 60), None, at(300));
        }
        assert_eq!(used.due(), Some(at(300)), "a tenth of a minute's requests");
        assert_eq!(*used.take()[0].1, *br#"{"all":8,"new":6}"#);
        let few = MethodLimit { per_minute: 2, setting: "tells".to_owned() };
        used.count([1; 32], ("all", 60), Some(&few), at(400));
        assert_eq!((used.due(), used.take().len()), (Some(at(400)), 2));
    }

    #[test]
    fn a_count_that_comes_twice_or_late_is_not_counted_twice() {
        let mut used = Used::default();
        let mut told = |boot, text: &str| used.told(boot, "tag all", text.as_bytes());
        assert_eq!(told("a", r#"{"all":50,"new":5}"#), Some(5), "what was before is not known here");
        assert_eq!(told("a", r#"{"all":50,"new":5}"#), Some(0));
        assert_eq!(told("a", r#"{"all":60,"new":3}"#), Some(10), "one in between was lost");
        assert_eq!(told("a", r#"{"all":55,"new":5}"#), None);
        assert_eq!(told("a", r#"{"all":61,"new":1}"#), Some(1));
        assert_eq!(told("b", r#"{"all":1,"new":1}"#), Some(1));
        assert_eq!(told("b", "odd"), None);
        used.forget("a");
        assert_eq!(used.told("a", "tag all", br#"{"all":70,"new":2}"#), Some(2));
    }
}
