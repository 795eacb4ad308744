//! How the muds are spread over the nodes that take them.

use super::{BACK_PAUSE, Database, Held, Leases, Phase};
use crate::machine::Node;
use crate::nodes::spread::{Free, Share};
use crate::time::Instant;

impl Leases {
    /// Returns the nodes among which the muds are shared, by name. This one is among them also while it drains.
    pub(super) fn sharing(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.boot == self.boot || self.takes(node))
    }

    /// Returns how the muds are spread over the nodes that take them.
    pub(super) fn share(&self, now: Instant) -> Share {
        let nodes: Vec<&Node> = self.sharing().collect();
        let answers = self.database == Database::Answers;
        // The holders before an outage come first: they write what they have read, and prolong their leases.
        let backs_off = self.back_at.map(|at| at + BACK_PAUSE).filter(|at| *at > now);
        let mut share = Share {
            me: nodes.iter().position(|node| node.boot == self.boot),
            counts: vec![0; nodes.len()],
            runs: Vec::new(),
            free: Vec::new(),
            in_transit: 0,
            takes: answers && !self.is_draining(),
            gives: answers,
            settles: backs_off.is_some(),
            next_end: self.next_end(now).into_iter().chain(backs_off).min(),
        };
        for mud in self.ids() {
            let tenure = &self.muds[mud.place()];
            let running = tenure.seen.as_ref().filter(|seen| seen.until > now);
            match (tenure.held, running) {
                (Some(Held { phase: Phase::Runs, .. }), _) => {
                    let is_wanted = tenure.unwanted.is_none_or(|(until, _)| until <= now);
                    share.runs.push((mud, is_wanted));
                }
                (Some(_), _) => share.in_transit += 1,
                (None, Some(seen)) => {
                    if let Some(at) = nodes.iter().position(|node| node.boot == seen.boot) {
                        share.counts[at] += 1;
                    }
                }
                // It is prolonged if nobody has taken it.
                (None, None) if tenure.lapsed.is_some() => {}
                (None, None) if backs_off.is_some() => {}
                (None, None) => {
                    let since = tenure.seen.as_ref().map_or(tenure.free_since, |seen| seen.until);
                    let since = self.back_at.map_or(since, |at| since.max(at + BACK_PAUSE));
                    share.free.push(Free { mud, since, given_at: tenure.given_at });
                }
            }
        }
        if let Some(me) = share.me {
            share.counts[me] = share.runs.len();
        }
        share
    }

    /// Returns when the first lease of another node ends, unless it is prolonged.
    fn next_end(&self, now: Instant) -> Option<Instant> {
        let others = self.muds.iter().filter(|tenure| tenure.held.is_none());
        others.filter_map(|tenure| tenure.seen.as_ref()).map(|seen| seen.until).filter(|at| *at > now).min()
    }
}
