//! Bans that administrators set.

use super::{Asked, Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct OfMud {
    /// The bans that were answered: by id, and the place of the answer among all facts.
    set: BTreeMap<u64, u64>,
    /// The bans whose removal somebody has asked for.
    doubtful: BTreeSet<u64>,
    /// The bans whose removal was answered, and the place of the answer.
    removed: BTreeMap<u64, u64>,
}

/// A ban that was answered stands until its removal, and a removal that was answered holds: over crashes, failed saves and
/// clocks that jump.
#[derive(Default)]
pub(super) struct Bans {
    muds: BTreeMap<String, OfMud>,
    /// When each list was asked for.
    listed: BTreeMap<(u64, String), u64>,
    facts: u64,
}

impl Bans {
    fn said(&mut self, view: &View, session: u64, message: &Json) -> Verdict {
        let (Some(asked), Some(one)) = (view.asked(session, message), view.sessions.get(&session)) else {
            return Ok(());
        };
        let Some(result) = message.get("result") else { return Ok(()) };
        let of_mud = self.muds.entry(one.mud.clone()).or_default();
        match asked {
            Asked::Ban => {
                let Some(id) = result["ban_id"].as_u64() else { return Err(format!("no id: {message}")) };
                of_mud.removed.remove(&id);
                of_mud.set.insert(id, self.facts);
            }
            Asked::Unban(id) => {
                of_mud.set.remove(id);
                of_mud.removed.insert(*id, self.facts);
            }
            Asked::Bans => {
                let id = message["id"].to_string();
                let Some(since) = self.listed.remove(&(session, id)) else { return Ok(()) };
                let shown: BTreeSet<u64> = result["bans"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|ban| ban["ban_id"].as_u64())
                    .collect();
                let lost = of_mud
                    .set
                    .iter()
                    .find(|(id, at)| **at < since && !shown.contains(id) && !of_mud.doubtful.contains(id));
                if let Some((id, _)) = lost {
                    return Err(format!("ban {id} was answered and is not there: {message}"));
                }
                let back = of_mud.removed.iter().find(|(id, at)| **at < since && shown.contains(id));
                if let Some((id, _)) = back {
                    return Err(format!("ban {id} was removed and is there: {message}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Oracle for Bans {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        self.facts += 1;
        match fact {
            Fact::Asked { session, what: Asked::Unban(id), .. } => {
                if let Some(one) = view.sessions.get(session) {
                    self.muds.entry(one.mud.clone()).or_default().doubtful.insert(*id);
                }
            }
            Fact::Asked { session, id, what: Asked::Bans } => {
                self.listed.insert((*session, id.clone()), self.facts);
            }
            Fact::Said { session, message } => return self.said(view, *session, message),
            _ => {}
        }
        Ok(())
    }
}
