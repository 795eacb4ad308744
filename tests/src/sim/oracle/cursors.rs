//! What a named client was given, and what it has acknowledged.

use super::{Asked, Fact, KEPT_FOR, Oracle, Verdict, View, nodes};
use crate::sim::tap::{Frame, Tag};
use i3_core::machine::Told;
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A tell for a mud whose named client is known.
struct Owed {
    link: u64,
    came: Instant,
    is_saved: bool,
    /// The sessions that were given it, and the id that it had there. A connection may be dead when its client is back.
    given: Vec<(u64, u64)>,
}

/// The game of a mud that has a name.
#[derive(Default)]
struct Reader {
    gateway: usize,
    /// The gateway has identified a session under the name.
    is_named: bool,
    /// The gateway knows the name, and so does the store that nodes share: since then every tell is for it, too.
    is_known: bool,
    /// It has acknowledged something, and been answered: from then on nothing else moves its cursors.
    acknowledges: bool,
    /// Its last session, and when the gateway identified it.
    session: Option<(u64, Instant)>,
    owed: BTreeMap<Tag, Owed>,
}

/// Each session of a named client that acknowledges is given every tell that the client has not acknowledged: whoever else
/// was given it, acknowledged it or used the name with another key, and wherever the client was killed.
#[derive(Default)]
pub(super) struct Cursors {
    /// By mud.
    readers: BTreeMap<String, Reader>,
    /// Gateways are nodes: a tell has come when it is in their log.
    of_nodes: bool,
    known: nodes::Known,
}

impl Cursors {
    pub(super) fn of_nodes() -> Cursors {
        Cursors { of_nodes: true, ..Cursors::default() }
    }

    fn written(&mut self, now: Instant, told: &Told) {
        // A node that is cut off cannot tell the others of a new name, and may be gone before it can.
        let clients = told.changes.iter().filter_map(|change| change.space.strip_prefix("clients/"));
        for mud in clients {
            if let Some(reader) = self.readers.get_mut(mud) {
                reader.is_known |= reader.is_named;
            }
        }
        for (mud, frame) in self.known.new_packets(told) {
            let reader = self.readers.get_mut(mud).filter(|reader| reader.is_known);
            if let (Some(reader), Some(tag)) = (reader, nodes::tell_for_game(mud, &frame)) {
                let owed = Owed { link: 0, came: now, is_saved: true, given: Vec::new() };
                reader.owed.entry(tag).or_insert(owed);
            }
        }
    }

    fn reader_of(&mut self, view: &View, session: u64) -> Option<&mut Reader> {
        let one = view.sessions.get(&session).filter(|one| one.is_game && one.is_named)?;
        let reader = self.readers.entry(one.mud.clone()).or_default();
        reader.gateway = one.gateway;
        Some(reader)
    }

    fn came(&mut self, now: Instant, view: &View, link: u64, frame: &Frame) {
        let (Some(tag), Some(from)) = (frame.tag, view.links.get(&link)) else { return };
        if from.left || frame.to_mud != from.mud || !frame.is_for_game() {
            return;
        }
        if let Some(reader) = self.readers.get_mut(&from.mud).filter(|reader| reader.is_known) {
            reader.owed.insert(tag, Owed { link, came: now, is_saved: false, given: Vec::new() });
        }
    }

    fn said(&mut self, now: Instant, view: &View, session: u64, message: &Json) {
        let asked = view.asked(session, message).cloned();
        let of_nodes = self.of_nodes;
        let Some(reader) = self.reader_of(view, session) else { return };
        match asked {
            Some(Asked::Key) if message["result"]["session_id"].is_string() => {
                reader.is_named = true;
                reader.is_known |= !of_nodes;
                reader.session = Some((session, now));
                if !reader.acknowledges {
                    // What its connections have taken moved its cursors.
                    reader.owed.retain(|_, owed| owed.given.is_empty());
                }
            }
            Some(Asked::Ack(_)) if message.get("result").is_some() => reader.acknowledges = true,
            _ => {}
        }
        let params = &message["params"];
        match message["method"].as_str() {
            Some("tell_received" | "emoteto_received") => {
                let (Some(tag), Some(id)) =
                    (params["message"].as_str().and_then(Tag::find), params["event_id"].as_u64())
                else {
                    return;
                };
                if let Some(owed) = reader.owed.get_mut(&tag) {
                    owed.given.push((session, id));
                }
            }
            // The client is told that some are lost.
            Some("replay_complete") if params["gap"] == true => reader.owed.clear(),
            _ => {}
        }
    }

    /// At the end: what the sessions that are still there were not given.
    fn left(&self, view: &View) -> Verdict {
        for reader in self.readers.values().filter(|reader| reader.acknowledges) {
            let Some((session, since)) = reader.session else { continue };
            if !view.sessions.get(&session).is_some_and(|one| one.able && !one.over) {
                continue;
            }
            let missed = reader.owed.iter().find(|(_, owed)| {
                owed.given.iter().all(|(to, _)| *to != session) && since.since(owed.came) < KEPT_FOR
            });
            if let Some((tag, owed)) = missed {
                return Err(format!(
                    "session {session} was not given {tag:?}, which its client has not acknowledged; given before: {:?}",
                    owed.given
                ));
            }
        }
        Ok(())
    }

    fn retain(&mut self, keeps: impl Fn(&Reader, &Tag, &Owed) -> bool) {
        for reader in self.readers.values_mut() {
            let mut owed = std::mem::take(&mut reader.owed);
            owed.retain(|tag, owed| keeps(reader, tag, owed));
            reader.owed = owed;
        }
    }
}

impl Oracle for Cursors {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Committed { told, .. } => self.written(now, told),
            Fact::FrameCame { link, frame }
                if !self.of_nodes && matches!(frame.kind.as_str(), "tell" | "emoteto") =>
            {
                self.came(now, view, *link, frame);
            }
            Fact::TellSaved { tag } => {
                let owed = self.readers.values_mut().filter_map(|reader| reader.owed.get_mut(tag));
                owed.for_each(|owed| owed.is_saved = true);
            }
            Fact::Asked { session, what: Asked::Ack(through), .. } => {
                if let Some(reader) = self.reader_of(view, *session) {
                    let is_acknowledged =
                        |owed: &Owed| owed.given.iter().any(|(to, id)| to == session && id <= through);
                    reader.owed.retain(|_, owed| !is_acknowledged(owed));
                }
            }
            Fact::Said { session, message } => self.said(now, view, *session, message),
            // What was kept in memory alone is gone with it. That includes a new name, which is saved after it is answered.
            Fact::GatewayCrashed { gateway } => {
                self.retain(|reader, _, owed| reader.gateway != *gateway || owed.is_saved);
                self.readers.retain(|_, reader| reader.gateway != *gateway || reader.acknowledges);
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                self.retain(|_, _, owed| owed.link != *link || !(*unflushed || owed.came == now));
            }
            Fact::FrameSent { link, frame } if frame.kind == "shutdown" => {
                self.retain(|_, _, owed| owed.link != *link || owed.is_saved);
            }
            // The sender is told that nobody was.
            Fact::FrameSent { frame, .. } if frame.kind == "error" && frame.text.contains("unk-user") => {
                let Some(reader) = self.readers.get_mut(&frame.from_mud) else { return Ok(()) };
                let first = reader.owed.iter().filter(|(_, owed)| owed.given.is_empty());
                let tag =
                    Tag::find(&frame.text).or(first.min_by_key(|(_, owed)| owed.came).map(|(tag, _)| *tag));
                tag.map(|tag| reader.owed.remove(&tag));
            }
            Fact::Quiet => return self.left(view),
            _ => {}
        }
        Ok(())
    }
}
