//! What games say, on its way to a router.

use super::{Asked, Fact, Oracle, Verdict, View};
use crate::sim::tap::{Frame, Tag};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What the gateway knows of something that was to be said.
#[derive(Default)]
struct Spoken {
    gateway: usize,
    mud: String,
    asked: Instant,
    accepted: Option<String>,
    refused: bool,
    sent: u32,
    given_up: bool,
    excused: bool,
}

/// What the gateway accepts goes to its router exactly once and in order, or its mud is told that it did not; what it
/// refuses does not go.
#[derive(Default)]
pub(super) struct SpeechOut {
    spoken: BTreeMap<Tag, Spoken>,
    by_message_id: BTreeMap<(usize, String), Tag>,
    /// Ids that were told of before the answer that gives them: the answer to a batch waits for the last of its requests.
    told_early: BTreeSet<(usize, String)>,
    /// The last that each session said, to one and on channels.
    last: BTreeMap<(u64, bool), u64>,
    /// Who could have been told, from when on.
    able_since: BTreeMap<u64, Instant>,
}

impl SpeechOut {
    fn excuse(&mut self, concerned: impl Fn(&Spoken) -> bool) {
        for spoken in self.spoken.values_mut().filter(|spoken| concerned(spoken)) {
            spoken.excused = true;
        }
    }

    fn sent(&mut self, view: &View, frame: &Frame, tag: Tag) -> Verdict {
        let Some(spoken) = self.spoken.get_mut(&tag) else {
            return Err(format!("nobody has asked for {}", frame.text));
        };
        spoken.sent += 1;
        if spoken.sent > 1 && view.is_flooded {
            return Ok(());
        }
        if spoken.sent > 1 {
            return Err(format!("it goes twice: {}", frame.text));
        }
        if spoken.refused {
            return Err(format!("it was refused and goes all the same: {}", frame.text));
        }
        if spoken.given_up {
            return Err(format!("it was given up and goes all the same: {}", frame.text));
        }
        if frame.from_mud != spoken.mud {
            return Err(format!("said for {}: {}", spoken.mud, frame.text));
        }
        let is_channel = frame.kind.starts_with("channel");
        let last = self.last.insert((tag.session, is_channel), tag.seq);
        match last {
            Some(last) if last >= tag.seq && !view.is_flooded => {
                Err(format!("it goes after number {last} of its sender: {}", frame.text))
            }
            _ => Ok(()),
        }
    }

    fn answered(&mut self, view: &View, tag: Tag, message: &Json) -> Verdict {
        let Some(spoken) = self.spoken.get_mut(&tag) else { return Ok(()) };
        match message["result"]["message_id"].as_str() {
            Some(message_id) => {
                spoken.accepted = Some(message_id.to_owned());
                let life = view.sessions.get(&tag.session).map_or(0, |session| session.life);
                let key = (spoken.gateway, format!("{life} {message_id}"));
                spoken.given_up |= self.told_early.remove(&key);
                if let Some(other) = self.by_message_id.insert(key, tag) {
                    return Err(format!("{message_id} names both {other:?} and {tag:?}"));
                }
            }
            None => {
                spoken.refused = true;
                if spoken.sent > 0 {
                    return Err(format!("{tag:?} has gone and is refused: {message}"));
                }
            }
        }
        Ok(())
    }

    fn told_of(&mut self, view: &View, session: u64, message: &Json) {
        let Some(one) = view.sessions.get(&session) else { return };
        let Some(message_id) = message["params"]["message_id"].as_str() else { return };
        let key = (one.gateway, format!("{} {message_id}", one.life));
        if message["params"]["context"] != "gateway_queue" {
            return;
        }
        match self.by_message_id.get(&key).and_then(|tag| self.spoken.get_mut(tag)) {
            Some(spoken) => spoken.given_up = true,
            None => drop(self.told_early.insert(key)),
        }
    }

    /// At the end: what was accepted, did not go, and nobody was told of though somebody could have been.
    fn lost(&self, view: &View) -> Verdict {
        for (tag, spoken) in &self.spoken {
            let Some(message_id) = &spoken.accepted else { continue };
            if spoken.sent > 0 || spoken.given_up || spoken.excused {
                continue;
            }
            let told = view.sessions.iter().any(|(number, session)| {
                session.able
                    && session.gateway == spoken.gateway
                    && session.mud == spoken.mud
                    && self.able_since.get(number).is_some_and(|since| *since <= spoken.asked)
            });
            if told {
                return Err(format!("{message_id} ({tag:?}) was accepted, did not go, and nobody was told"));
            }
        }
        Ok(())
    }
}

impl Oracle for SpeechOut {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, what: Asked::Speech(tag), .. } | Fact::PersonSpeaks { session, tag } => {
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let spoken =
                    Spoken { gateway: one.gateway, mud: one.mud.clone(), asked: now, ..Spoken::default() };
                self.spoken.insert(*tag, spoken);
            }
            Fact::FrameSent { frame, .. } => {
                if let Some(tag) = frame.tag {
                    return self.sent(view, frame, tag);
                }
            }
            Fact::Upgraded { session } => drop(self.able_since.entry(*session).or_insert(now)),
            Fact::Said { session, message } => {
                match view.asked(*session, message) {
                    Some(Asked::Speech(tag)) => return self.answered(view, *tag, message),
                    Some(Asked::Key) => drop(self.able_since.entry(*session).or_insert(now)),
                    _ => {}
                }
                if message["method"] == "error_occurred" {
                    self.told_of(view, *session, message);
                }
            }
            Fact::GatewayCrashed { gateway } => self.excuse(|spoken| spoken.gateway == *gateway),
            Fact::LinkOver { link, unflushed: true } => {
                // What was on its way into the socket is lost with it.
                let mud = view.mud_of(*link).to_owned();
                self.excuse(|spoken| spoken.mud == mud && spoken.sent == 0);
            }
            Fact::Quiet => return self.lost(view),
            _ => {}
        }
        Ok(())
    }
}
