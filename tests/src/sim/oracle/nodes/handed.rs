//! What games say, on its way through the engine to a router.

use super::troubles::Troubles;
use super::{Asked, Fact, Oracle, Verdict, View};
use crate::sim::tap::{Frame, Tag};
use i3_core::machine::Told;
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A deletion that does not reach the engine was under way for so long.
const TROUBLE_AFTER: Duration = Duration::from_secs(20);

/// What is known of something that was to be said.
struct Spoken {
    gateway: usize,
    life: u64,
    mud: String,
    message_id: Option<String>,
    refused: Option<String>,
    /// Its sender was told that nobody knows whether it is saved.
    is_unknown: bool,
    /// When, and by which life of which node.
    sent: Vec<(Instant, usize, u64)>,
    /// Its packet is in the engine, or was.
    is_written: bool,
    /// The engine was told why it is not sent.
    given_up: bool,
    /// Its sender was told so.
    is_told: bool,
    /// It may be in a connection that broke.
    excused: bool,
}

/// What is answered as sent is in the engine. It goes to a router exactly once and in order, or its sender is told that it did
/// not; what is refused does not go. It may go twice if the node that sent it was in trouble at that time.
#[derive(Default)]
pub(in crate::sim::oracle) struct HandedOver {
    spoken: BTreeMap<Tag, Spoken>,
    by_message_id: BTreeMap<(usize, u64, String), Tag>,
    /// The message of each packet in the engine.
    by_key: BTreeMap<(String, String), Tag>,
    told_early: BTreeSet<(usize, u64, String)>,
    /// The last that each session said, to one and on channels.
    last: BTreeMap<(u64, bool), u64>,
    troubles: Troubles,
}

impl HandedOver {
    fn written(&mut self, told: &Told) {
        for change in &told.changes {
            let Some((family, mud)) = change.space.split_once('/') else { continue };
            let key = (mud.to_owned(), change.key.to_string());
            match (family, &change.value) {
                ("out", Some(value)) => {
                    let Some(tag) = Tag::find(&String::from_utf8_lossy(value)) else { continue };
                    self.by_key.insert(key, tag);
                    if let Some(spoken) = self.spoken.get_mut(&tag) {
                        spoken.is_written = true;
                    }
                }
                (">gone", Some(_)) => {
                    let tag = self.by_key.get(&key);
                    if let Some(spoken) = tag.and_then(|tag| self.spoken.get_mut(tag)) {
                        spoken.given_up = true;
                    }
                }
                _ => {}
            }
        }
    }

    fn sent(&mut self, now: Instant, view: &View, link: u64, frame: &Frame, tag: Tag) -> Verdict {
        let gateway = view.links.get(&link).map_or(usize::MAX, |link| link.gateway);
        let Some(spoken) = self.spoken.get_mut(&tag) else {
            return Err(format!("nobody has asked for {}", frame.text));
        };
        if let Some(why) = &spoken.refused {
            return Err(format!("it was refused ({why}) and goes all the same: {}", frame.text));
        }
        if frame.from_mud != spoken.mud {
            return Err(format!("said for {}: {}", spoken.mud, frame.text));
        }
        if !spoken.is_written {
            return Err(format!("it goes before it is saved: {}", frame.text));
        }
        let life = view.lives.get(&gateway).copied().unwrap_or(0);
        let is_again = spoken.sent.last().copied();
        spoken.sent.push((now, gateway, life));
        if let Some((at, by, of_life)) = is_again {
            let is_excused = (by, of_life) != (gateway, life)
                && self.troubles.any(by, at, at + TROUBLE_AFTER)
                || view.is_closed(link)
                || view.is_flooded;
            return if is_excused {
                Ok(())
            } else {
                Err(format!("it goes again {:?} after node {by} has sent it: {}", now.since(at), frame.text))
            };
        }
        if spoken.given_up {
            return Err(format!("it was given up and goes all the same: {}", frame.text));
        }
        if spoken.is_unknown {
            return Ok(());
        }
        let is_channel = frame.kind.starts_with("channel");
        match self.last.insert((tag.session, is_channel), tag.seq) {
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
                if !spoken.is_written {
                    return Err(format!(
                        "{message_id} ({tag:?}) is answered as sent, and nobody has saved it"
                    ));
                }
                spoken.message_id = Some(message_id.to_owned());
                let life = view.sessions.get(&tag.session).map_or(0, |session| session.life);
                let key = (spoken.gateway, life, message_id.to_owned());
                spoken.is_told |= self.told_early.remove(&key);
                self.by_message_id.insert(key, tag);
            }
            // Nobody knows whether it is saved. What its sender says next may go before it.
            None if message["error"]["data"]["reason"] == "not_saved" => spoken.is_unknown = true,
            None => {
                spoken.refused = Some(message["error"]["message"].as_str().unwrap_or_default().to_owned());
                if !spoken.sent.is_empty() {
                    return Err(format!("{tag:?} has gone and is refused: {message}"));
                }
            }
        }
        Ok(())
    }

    fn told_of(&mut self, view: &View, session: u64, message: &Json) {
        let Some(one) = view.sessions.get(&session) else { return };
        let Some(message_id) = message["params"]["message_id"].as_str() else { return };
        if message["params"]["context"] != "gateway_queue" {
            return;
        }
        let key = (one.gateway, one.life, message_id.to_owned());
        match self.by_message_id.get(&key).and_then(|tag| self.spoken.get_mut(tag)) {
            Some(spoken) => spoken.is_told = true,
            None => drop(self.told_early.insert(key)),
        }
    }

    fn lost(&self, view: &View) -> Verdict {
        for (tag, spoken) in &self.spoken {
            let Some(message_id) = &spoken.message_id else { continue };
            if !spoken.sent.is_empty() || spoken.excused {
                continue;
            }
            if !spoken.given_up && !spoken.is_told {
                return Err(format!("{message_id} ({tag:?}) was accepted, did not go, and was not given up"));
            }
            let sender = view.sessions.get(&tag.session);
            let could_be_told = sender.is_some_and(|one| {
                one.able && !one.over && one.life == spoken.life && one.gateway == spoken.gateway
            });
            if could_be_told && !spoken.is_told {
                return Err(format!("{message_id} ({tag:?}) was given up, and its sender was not told"));
            }
        }
        Ok(())
    }
}

impl Oracle for HandedOver {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        self.troubles.see(now, fact);
        match fact {
            Fact::Asked { session, what: Asked::Speech(tag), .. } => {
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let spoken = Spoken {
                    gateway: one.gateway,
                    life: one.life,
                    mud: one.mud.clone(),
                    message_id: None,
                    refused: None,
                    is_unknown: false,
                    sent: Vec::new(),
                    is_written: false,
                    given_up: false,
                    is_told: false,
                    excused: false,
                };
                self.spoken.insert(*tag, spoken);
            }
            Fact::Committed { told, .. } => self.written(told),
            Fact::FrameSent { link, frame } => {
                if let Some(tag) = frame.tag {
                    return self.sent(now, view, *link, frame, tag);
                }
            }
            Fact::Said { session, message } => {
                if let Some(Asked::Speech(tag)) = view.asked(*session, message) {
                    return self.answered(view, *tag, message);
                }
                if message["method"] == "error_occurred" {
                    self.told_of(view, *session, message);
                }
            }
            Fact::LinkOver { link, unflushed: true } => {
                // What was on its way into the socket is lost with it.
                let mud = view.mud_of(*link);
                let lost =
                    self.spoken.values_mut().filter(|spoken| spoken.mud == mud && spoken.sent.is_empty());
                lost.for_each(|spoken| spoken.excused = true);
            }
            Fact::Quiet => return self.lost(view),
            _ => {}
        }
        Ok(())
    }
}
