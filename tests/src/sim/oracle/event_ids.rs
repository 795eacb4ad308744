//! The ids of events.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The ids of events grow, for each client, and from one life of the gateway to the next. What was given before the store
/// had set any such id aside may be given again after a crash. A node that hears nothing from its engine runs out of ids, and gives
/// the last one again.
#[derive(Default)]
pub(super) struct EventIds {
    of_session: BTreeMap<u64, u64>,
    /// What each session has been given.
    given: BTreeSet<(u64, u64)>,
    /// What the gateway knows to be set aside on disk.
    durable: BTreeMap<usize, u64>,
    /// The largest of each life that was set aside when it was given.
    of_life: BTreeMap<(usize, u64), u64>,
    /// Since when each node has not been told anything.
    not_told: BTreeMap<usize, Instant>,
}

/// A node that was told something so recently has ids.
const HAS_IDS: Duration = Duration::from_secs(2);

impl Oracle for EventIds {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        let (session, message) = match fact {
            Fact::IdsSaved { gateway, reserved } => {
                self.durable.insert(*gateway, *reserved);
                return Ok(());
            }
            Fact::NodeStarted { gateway, .. } | Fact::RowTold { gateway, .. } => {
                self.not_told.insert(*gateway, now);
                return Ok(());
            }
            Fact::Said { session, message } => (session, message),
            _ => return Ok(()),
        };
        let Some(id) = message["params"]["event_id"].as_u64() else { return Ok(()) };
        let Some(one) = view.sessions.get(session) else { return Ok(()) };
        let has_ids = self.not_told.get(&one.gateway).is_none_or(|at| *at + HAS_IDS > now);
        if !has_ids && self.of_session.get(session) == Some(&id) {
            return Ok(());
        }
        if !self.given.insert((*session, id)) {
            return Err(format!("session {session} gets event {id} twice"));
        }
        // What is given late has the id that it had from the beginning, perhaps from an earlier life.
        if message["params"]["replay"] == true {
            return Ok(());
        }
        if let Some(last) = self.of_session.insert(*session, id)
            && last >= id
        {
            return Err(format!("session {session} gets event {id} after {last}"));
        }
        let earlier =
            self.of_life.range((one.gateway, 0)..(one.gateway, one.life)).map(|(_, last)| *last).max();
        if let Some(earlier) = earlier
            && earlier >= id
        {
            return Err(format!("event {id} after a restart, when {earlier} had been given"));
        }
        if self.durable.get(&one.gateway).is_some_and(|durable| *durable >= id) {
            let largest = self.of_life.entry((one.gateway, one.life)).or_default();
            *largest = id.max(*largest);
        }
        Ok(())
    }
}
