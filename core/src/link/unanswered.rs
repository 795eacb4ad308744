//! Which routers drop the probes that a link sends to itself.

use std::collections::BTreeMap;

/// After so many sessions in a row in which no probe came back, a router is taken for one that drops them.
const UNANSWERED_SESSIONS_MAX: u32 = 2;

/// For each router, the sessions in a row in which no probe came back. A router that has answered is not in it.
#[derive(Debug, Default)]
pub(super) struct Unanswered(BTreeMap<String, u32>);

impl Unanswered {
    /// A session at this router has ended for its silence, and no probe ever came back in it.
    pub(super) fn count(&mut self, router: &str) {
        *self.0.entry(router.to_owned()).or_default() += 1;
    }

    /// A probe came back.
    pub(super) fn answered(&mut self, router: &str) {
        self.0.remove(router);
    }

    /// Whether this router is taken for one that drops probes: its silence proves nothing.
    pub(super) fn drops_probes(&self, router: &str) -> bool {
        self.0.get(router).is_some_and(|sessions| *sessions >= UNANSWERED_SESSIONS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sessions_in_a_row_without_an_answer_are_needed_and_one_answer_ends_it() {
        let mut unanswered = Unanswered::default();
        unanswered.count("*a");
        unanswered.answered("*a");
        unanswered.count("*a");
        unanswered.count("*b");
        assert!(!unanswered.drops_probes("*a"));
        unanswered.count("*a");
        assert!(unanswered.drops_probes("*a") && !unanswered.drops_probes("*b"));
        unanswered.answered("*a");
        assert!(!unanswered.drops_probes("*a"));
    }
}
