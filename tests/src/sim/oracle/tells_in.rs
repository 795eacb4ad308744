//! Tells that come for a mud whose games are there.

use super::{Fact, Oracle, Verdict, View};
use crate::sim::tap::Tag;
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, VecDeque};

/// A tell that has come for somebody.
struct Owed {
    link: u64,
    at: Instant,
    tag: Tag,
}

/// Every tell that comes for a mud is told to each of its games, once and in the order of its sender.
#[derive(Default)]
pub(super) struct TellsIn {
    owed: BTreeMap<u64, VecDeque<Owed>>,
    /// The last of each sender that a session was told.
    last: BTreeMap<(u64, u64), u64>,
}

impl TellsIn {
    fn told(&mut self, view: &View, session: u64, tag: Tag, message: &Json) -> Verdict {
        if let Some(last) = self.last.insert((session, tag.session), tag.seq)
            && last >= tag.seq
            && !view.is_flooded
        {
            return Err(format!("session {session} is told after number {last}: {message}"));
        }
        let Some(owed) = self.owed.get_mut(&session) else { return Ok(()) };
        if let Some(at) = owed.iter().position(|owed| owed.tag == tag) {
            owed.remove(at);
        }
        Ok(())
    }
}

impl Oracle for TellsIn {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if matches!(frame.kind.as_str(), "tell" | "emoteto") => {
                let (Some(tag), Some(from)) = (frame.tag, view.links.get(link)) else { return Ok(()) };
                // Who has said goodbye reads no more.
                if from.left || frame.to_mud != from.mud || !frame.is_for_game() {
                    return Ok(());
                }
                let games = view
                    .sessions
                    .iter()
                    .filter(|(_, game)| game.able && game.gateway == from.gateway && game.mud == from.mud);
                for (session, _) in games {
                    let owed = self.owed.entry(*session).or_default();
                    owed.push_back(Owed { link: *link, at: now, tag });
                }
            }
            Fact::Said { session, message } => {
                let is_tell = message["method"] == "tell_received" || message["method"] == "emoteto_received";
                if is_tell && let Some(tag) = message["params"]["message"].as_str().and_then(Tag::find) {
                    return self.told(view, *session, tag, message);
                }
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                for owed in self.owed.values_mut() {
                    owed.retain(|owed| owed.link != *link || !(*unflushed || owed.at == now));
                }
            }
            Fact::FrameSent { link, frame, .. } if frame.kind == "shutdown" => {
                self.owed.values_mut().for_each(|owed| owed.retain(|owed| owed.link != *link));
            }
            Fact::Leaves { session } | Fact::SessionOver { session } => drop(self.owed.remove(session)),
            Fact::Quiet => {
                for (session, owed) in &self.owed {
                    if let Some(owed) = owed.front() {
                        return Err(format!("session {session} was not told {:?}, which came", owed.tag));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
