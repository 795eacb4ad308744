//! The muds whose users subscribe to a channel, as far as this can be known: those that have spoken on it, and their
//! answers to questions.

use crate::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Number of channels that are remembered.
const CHANNELS_MAX: usize = 500;
/// Number of muds that are remembered for each channel.
const MUDS_MAX: usize = 64;
/// Number of names in one answer that are remembered.
const USERS_MAX: usize = 512;
/// How long an answer is valid.
const ANSWER_HOLDS: Duration = Duration::from_secs(60);

/// The state of one mud on one channel.
#[derive(Clone, Debug, Default)]
struct HeardMud {
    heard: Instant,
    users: Option<(Instant, Vec<String>)>,
}

/// By channel and mud.
#[derive(Clone, Debug, Default)]
pub struct RemoteSubscribers(BTreeMap<String, BTreeMap<String, HeardMud>>);

impl RemoteSubscribers {
    /// Notes that a mud has spoken on a channel.
    pub fn spoke(&mut self, now: Instant, channel: &str, mud: &str) {
        if let Some(known) = self.0.get_mut(channel).and_then(|muds| muds.get_mut(mud)) {
            known.heard = now;
        } else {
            self.entry(channel, mud).heard = now;
        }
    }

    /// Notes a mud's answer about its subscribers.
    pub fn answered(&mut self, now: Instant, channel: &str, mud: &str, mut users: Vec<String>) {
        users.truncate(USERS_MAX);
        let entry = self.entry(channel, mud);
        entry.heard = now;
        entry.users = Some((now, users));
    }

    fn entry(&mut self, channel: &str, mud: &str) -> &mut HeardMud {
        if self.0.len() >= CHANNELS_MAX && !self.0.contains_key(channel) {
            let last = |muds: &BTreeMap<String, HeardMud>| muds.values().map(|mud| mud.heard).max();
            let oldest = self.0.iter().min_by_key(|(_, muds)| last(muds)).map(|(name, _)| name.clone());
            oldest.map(|name| self.0.remove(&name));
        }
        let muds = self.0.entry(channel.to_owned()).or_default();
        if muds.len() >= MUDS_MAX && !muds.contains_key(mud) {
            let oldest = muds.iter().min_by_key(|(_, mud)| mud.heard).map(|(name, _)| name.clone());
            oldest.map(|name| muds.remove(&name));
        }
        muds.entry(mud.to_owned()).or_default()
    }

    /// Returns the muds that have spoken on a channel last, at most this many.
    pub fn muds(&self, channel: &str, most: usize) -> Vec<String> {
        let mut muds: Vec<_> = self.0.get(channel).into_iter().flatten().collect();
        muds.sort_by_key(|(_, mud)| std::cmp::Reverse(mud.heard));
        muds.into_iter().take(most).map(|(name, _)| name.clone()).collect()
    }

    /// Returns the known subscribers of a channel on each mud.
    pub fn members(&self, now: Instant, channel: &str) -> Vec<(String, Vec<String>)> {
        let fresh = |mud: &HeardMud| mud.users.clone().filter(|(at, _)| now < *at + ANSWER_HOLDS);
        let muds = self.0.get(channel).into_iter().flatten();
        muds.filter_map(|(name, mud)| Some((name.clone(), fresh(mud)?.1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_last_speakers_come_first_and_answers_expire() {
        let mut listeners = RemoteSubscribers::default();
        for (at, mud) in [(1, "A"), (2, "B"), (3, "C"), (4, "A")] {
            listeners.spoke(seconds(at), "chat", mud);
        }
        assert_eq!(listeners.muds("chat", 2), ["A", "C"]);
        assert_eq!(listeners.muds("code", 2), [""; 0]);
        listeners.answered(seconds(5), "chat", "B", vec!["Bob".to_owned()]);
        assert_eq!(listeners.members(seconds(6), "chat"), [("B".to_owned(), vec!["Bob".to_owned()])]);
        assert_eq!(listeners.members(seconds(65), "chat"), []);
    }

    #[test]
    fn a_flood_of_names_is_limited() {
        let mut listeners = RemoteSubscribers::default();
        for n in 0..3000u64 {
            listeners.spoke(seconds(n), &format!("c{n}"), "A");
            listeners.spoke(seconds(n), "one", &format!("m{n}"));
        }
        assert_eq!(listeners.0.len(), CHANNELS_MAX);
        assert_eq!(listeners.0["one"].len(), MUDS_MAX);
        assert_eq!(listeners.muds("one", 1), ["m2999"]);
    }
}
