//! Bans that administrators set.

use super::{Asked, Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The bans of a mud, by their patterns, of which no two are the same. A ban that a gateway did not save before it crashed
/// leaves its id to another one.
#[derive(Default)]
struct OfMud {
    /// The ids of the bans that were answered.
    ids: BTreeMap<u64, String>,
    /// The bans that were answered, and the place of the answer among all facts.
    set: BTreeMap<String, u64>,
    /// The bans whose removal somebody has asked for.
    doubtful: BTreeSet<String>,
    /// The bans whose removal was answered, and the place of the answer.
    removed: BTreeMap<String, u64>,
    /// The requests for removal: the ids in them, and the places of their answers, if there are some.
    removals: Vec<(u64, Option<u64>)>,
}

/// A ban that was answered stands until its removal, and a removal that was answered holds: over crashes, failed saves and
/// clocks that jump.
#[derive(Default)]
pub(super) struct Bans {
    muds: BTreeMap<String, OfMud>,
    /// When each list, and each ban, was asked for.
    asked: BTreeMap<(u64, String), u64>,
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
            Asked::Ban(pattern) => {
                let Some(id) = result["ban_id"].as_u64() else { return Err(format!("no id: {message}")) };
                of_mud.ids.insert(id, pattern.clone());
                // A removal may have been executed before this answer was written.
                let request = (session, message["id"].to_string());
                let since = self.asked.remove(&request).unwrap_or(0);
                let mut removals = of_mud.removals.iter().filter(|(of, _)| *of == id);
                if removals.any(|(_, answered)| answered.is_none_or(|at| at > since)) {
                    of_mud.doubtful.insert(pattern.clone());
                }
                of_mud.set.insert(pattern.clone(), self.facts);
            }
            Asked::Unban(id) => {
                let mut removals = of_mud.removals.iter_mut();
                if let Some((_, answered)) = removals.find(|(of, answered)| of == id && answered.is_none()) {
                    *answered = Some(self.facts);
                }
                if let Some(pattern) = of_mud.ids.remove(id) {
                    of_mud.set.remove(&pattern);
                    of_mud.removed.insert(pattern, self.facts);
                }
            }
            Asked::Bans => {
                let id = message["id"].to_string();
                let Some(since) = self.asked.remove(&(session, id)) else { return Ok(()) };
                let shown: BTreeSet<&str> = result["bans"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|ban| ban["pattern"].as_str())
                    .collect();
                let lost = of_mud.set.iter().find(|(pattern, at)| {
                    **at < since && !shown.contains(pattern.as_str()) && !of_mud.doubtful.contains(*pattern)
                });
                if let Some((pattern, _)) = lost {
                    return Err(format!("the ban {pattern} was answered and is not there: {message}"));
                }
                let back = of_mud
                    .removed
                    .iter()
                    .find(|(pattern, at)| **at < since && shown.contains(pattern.as_str()));
                if let Some((pattern, _)) = back {
                    return Err(format!("the ban {pattern} was removed and is there: {message}"));
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
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let of_mud = self.muds.entry(one.mud.clone()).or_default();
                of_mud.removals.push((*id, None));
                of_mud.doubtful.extend(of_mud.ids.get(id).cloned());
            }
            Fact::Asked { session, id, what: Asked::Bans | Asked::Ban(_) } => {
                self.asked.insert((*session, id.clone()), self.facts);
            }
            Fact::Said { session, message } => return self.said(view, *session, message),
            _ => {}
        }
        Ok(())
    }
}
