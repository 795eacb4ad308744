//! When nodes could not do all that was theirs.

use super::Fact;
use i3_core::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// A node that was cut off finds out what it has missed after this time, at most.
const LATE_BY: Duration = Duration::from_secs(20);

struct Span {
    gateway: Option<usize>,
    from: Instant,
    until: Instant,
}

/// Pauses, crashes, and requests to the engine that have failed. A node whose save has failed is in trouble until it writes again.
#[derive(Default)]
pub(super) struct Troubles {
    spans: Vec<Span>,
    boots: BTreeMap<String, usize>,
    /// Since when nodes have failed to save.
    failing: BTreeMap<usize, Instant>,
}

impl Troubles {
    pub(super) fn see(&mut self, now: Instant, fact: &Fact) {
        let (gateway, from, until) = match fact {
            Fact::Trouble { gateway, until } => (*gateway, now, *until + LATE_BY),
            Fact::GatewayCrashed { gateway } => {
                (Some(*gateway), self.failing.remove(gateway).unwrap_or(now), now)
            }
            Fact::SaveFailed { gateway } => {
                self.failing.entry(*gateway).or_insert(now);
                return;
            }
            Fact::NodeStarted { gateway, boot, .. } => {
                self.boots.insert(boot.clone(), *gateway);
                return;
            }
            Fact::Committed { told, .. } => {
                let Some(gateway) = self.boots.get(&*told.boot).copied() else { return };
                let Some(since) = self.failing.remove(&gateway) else { return };
                (Some(gateway), since, now)
            }
            _ => return,
        };
        self.spans.push(Span { gateway, from, until });
    }

    /// Whether a node was in trouble at any time from `from` to `until`.
    pub(super) fn any(&self, gateway: usize, from: Instant, until: Instant) -> bool {
        let concerns = |span: &&Span| span.gateway.is_none_or(|one| one == gateway);
        self.spans.iter().filter(concerns).any(|span| span.from <= until && span.until >= from)
            || self.failing.get(&gateway).is_some_and(|since| *since <= until)
    }
}
