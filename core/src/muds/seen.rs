//! Which of the numbered changes of a node were handled. A save of unknown outcome is repeated, so a change may come twice.

use std::collections::{BTreeMap, BTreeSet};

/// Number of senders that are remembered: starts of nodes, or leases. Beyond it, the one with the least name is forgotten; names
/// grow with time.
const SENDERS_MAX: usize = 64;

/// The numbers of one sender that were handled.
#[derive(Debug, Default)]
struct OfSender {
    /// All numbers below this one were handled.
    below: u64,
    /// The numbers from `below` on that were handled.
    beyond: BTreeSet<u64>,
}

/// Number of gaps that a sender may leave. Beyond it, the oldest is taken for a number that never comes.
const GAPS_MAX: usize = 10_000;

/// The numbers that were handled, by sender.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, OfSender>);

impl Seen {
    /// Notes a number. Returns whether it is new.
    pub(crate) fn note(&mut self, sender: &str, number: u64) -> bool {
        if !self.0.contains_key(sender) {
            // The first number that comes is the first that this node is told of.
            self.0.insert(sender.to_owned(), OfSender { below: number.min(1), beyond: BTreeSet::new() });
            if self.0.len() > SENDERS_MAX {
                self.0.pop_first();
            }
        }
        let Some(one) = self.0.get_mut(sender) else { return true };
        let is_new = number >= one.below && one.beyond.insert(number);
        while one.beyond.remove(&one.below) {
            one.below += 1;
        }
        if one.beyond.len() > GAPS_MAX
            && let Some(least) = one.beyond.pop_first()
        {
            one.below = least + 1;
            while one.beyond.remove(&one.below) {
                one.below += 1;
            }
        }
        is_new
    }
}

/// Returns the sender and the number of a key of the form `SENDER/NUMBER`.
pub(crate) fn numbered(key: &str) -> Option<(&str, u64)> {
    let (sender, number) = key.rsplit_once('/')?;
    Some((sender, number.parse().ok()?))
}

/// Returns the key of a number. Keys sort as their numbers do.
pub(crate) fn key(sender: &str, number: u64) -> String {
    format!("{sender}/{number:016}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_in_whatever_order_they_come() {
        let mut seen = Seen::default();
        let mut rng = fastrand::Rng::with_seed(7);
        let mut numbers: Vec<u64> = (1..=500).chain(1..=500).collect();
        rng.shuffle(&mut numbers);
        let new = numbers.iter().filter(|number| seen.note("a", **number)).count();
        assert_eq!(new, 500);
        assert!(seen.0["a"].beyond.is_empty(), "nothing is left to remember");
        assert!(seen.note("b", 3), "senders are apart");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = Seen::default();
        for number in 0..3 * GAPS_MAX as u64 {
            seen.note("a", number * 2);
        }
        assert!(seen.0["a"].beyond.len() <= GAPS_MAX);
        for sender in 0..2 * SENDERS_MAX {
            seen.note(&key("s", sender as u64), 1);
        }
        assert!(seen.0.len() <= SENDERS_MAX);
    }

    #[test]
    fn keys_sort_as_their_numbers_do() {
        assert!(key("a/b", 9) < key("a/b", 10));
        assert_eq!(numbered(&key("a/b", 10)), Some(("a/b", 10)));
        assert_eq!((numbered("a"), numbered("a/x")), (None, None));
    }
}
