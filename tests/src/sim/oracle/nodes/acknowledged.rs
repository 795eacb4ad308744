//! What clients have acknowledged.

use crate::sim::oracle::{Asked, Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A tell that a named client has acknowledged is not given to a session of the client that shows its key after the answer, at
/// whichever node.
#[derive(Default)]
pub(in crate::sim::oracle) struct Acknowledged {
    /// The tells that each session was given.
    given: BTreeMap<u64, BTreeSet<u64>>,
    /// The tells of acknowledgements that are not answered, by session and request.
    asked: BTreeMap<(u64, String), BTreeSet<u64>>,
    /// What the client of each mud has acknowledged.
    done: BTreeMap<String, BTreeSet<u64>>,
    /// What the client of each session had acknowledged when it showed its key.
    done_before: BTreeMap<u64, BTreeSet<u64>>,
}

impl Oracle for Acknowledged {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        let (Fact::Asked { session, .. } | Fact::Said { session, .. }) = fact else { return Ok(()) };
        let Some(one) = view.sessions.get(session).filter(|one| one.is_game && one.is_named) else {
            return Ok(());
        };
        match fact {
            Fact::Asked { what: Asked::Key, .. } => {
                let done = self.done.get(&one.mud).cloned().unwrap_or_default();
                self.done_before.entry(*session).or_insert(done);
            }
            Fact::Asked { id, what: Asked::Ack(through), .. } => {
                let given = self.given.get(session).into_iter().flatten();
                let meant = given.copied().filter(|event| event <= through).collect();
                self.asked.insert((*session, id.clone()), meant);
            }
            Fact::Said { message, .. } => {
                let asked = self.asked.remove(&(*session, message["id"].to_string()));
                if let Some(meant) = asked.filter(|_| message.get("result").is_some()) {
                    self.done.entry(one.mud.clone()).or_default().extend(meant);
                }
                let method = message["method"].as_str().unwrap_or_default();
                if !matches!(method, "tell_received" | "emoteto_received") {
                    return Ok(());
                }
                let Some(event) = message["params"]["event_id"].as_u64() else { return Ok(()) };
                self.given.entry(*session).or_default().insert(event);
                if self.done_before.get(session).is_some_and(|done| done.contains(&event)) {
                    return Err(format!(
                        "session {session} is given event {event}, which its client has acknowledged"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
