//! The ids of events at all nodes.

use super::{Fact, Oracle, Verdict, View, packets};
use crate::sim::tap::Tag;
use i3_core::time::Instant;
use std::collections::BTreeMap;

/// The games of a mud know a message by the same id, at whichever node they are, and no other message has this id: it is
/// among the positions of the save that the message came with.
#[derive(Default)]
pub(in crate::sim::oracle) struct Ids {
    /// The saves with a message for a mud: positions from and to.
    saves: BTreeMap<(String, Tag), Vec<(u64, u64)>>,
    /// The message of each id of a mud.
    known: BTreeMap<(String, u64), Tag>,
}

impl Oracle for Ids {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Committed { told, .. } => {
                for (mud, frame) in packets(told) {
                    if let Some(tag) = frame.tag {
                        let saves = self.saves.entry((mud.to_owned(), tag)).or_default();
                        saves.push((told.position, told.end));
                    }
                }
            }
            Fact::Said { session, message } => {
                let (Some(one), Some(id)) =
                    (view.sessions.get(session), message["params"]["event_id"].as_u64())
                else {
                    return Ok(());
                };
                let method = message["method"].as_str().unwrap_or_default();
                let is_message = matches!(
                    method,
                    "tell_received" | "emoteto_received" | "channel_message" | "channel_emote"
                );
                let Some(tag) = message["params"]["message"].as_str().and_then(Tag::find) else {
                    return Ok(());
                };
                if !is_message {
                    return Ok(());
                }
                let saves = self.saves.get(&(one.mud.clone(), tag));
                if !saves.is_some_and(|saves| saves.iter().any(|(from, to)| (*from..*to).contains(&id))) {
                    return Err(format!(
                        "session {session} gets {tag:?} as {id}, which was saved at {saves:?}"
                    ));
                }
                if let Some(other) = self.known.insert((one.mud.clone(), id), tag)
                    && other != tag
                {
                    return Err(format!("{id} names both {other:?} and {tag:?} for games of {}", one.mud));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
