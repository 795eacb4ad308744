//! Absolute deadlines, each under its reason.

use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A set of deadlines, at most one for each reason `K`. To set, clear or find the earliest takes logarithmic time in
/// the number of deadlines.
#[derive(Debug)]
pub struct Timers<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Timers { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// Sets the deadline of `key`, in place of any earlier one.
    pub fn set(&mut self, key: K, at: Instant) {
        self.clear(key);
        self.by_time.insert((at, key));
        self.by_key.insert(key, at);
    }

    /// Removes the deadline of `key`.
    pub fn clear(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// Returns the earliest deadline and its reason.
    pub fn next(&self) -> Option<(Instant, K)> {
        self.by_time.first().copied()
    }

    /// Removes and returns the earliest deadline if it is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.next()?;
        (at <= now).then(|| {
            self.clear(key);
            key
        })
    }

    /// Returns the deadline of `key`, if it is set.
    pub fn get(&self, key: K) -> Option<Instant> {
        self.by_key.get(&key).copied()
    }

    /// Returns the number of deadlines.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are no deadlines.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resetting_moves_the_deadline_and_only_due_ones_pop() {
        let mut timers = Timers::default();
        timers.set('a', Instant::from_micros(10));
        timers.set('b', Instant::from_micros(20));
        timers.set('a', Instant::from_micros(30));
        assert_eq!(timers.len(), 2);
        assert_eq!(timers.next(), Some((Instant::from_micros(20), 'b')));
        assert_eq!(timers.pop_due(Instant::from_micros(19)), None);
        assert_eq!(timers.pop_due(Instant::from_micros(40)), Some('b'));
        assert_eq!(timers.pop_due(Instant::from_micros(40)), Some('a'));
        assert_eq!(timers.pop_due(Instant::from_micros(40)), None);
        assert!(timers.is_empty());
    }
}
