//! Tells that come for a mud whose games are away.

use super::{Asked, Fact, KEPT_FOR, Oracle, Verdict, View, nodes};
use crate::sim::tap::{Frame, Tag};
use i3_core::machine::Told;
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A tell that a gateway has read.
struct Came {
    link: u64,
    gateway: usize,
    mud: String,
    at: Instant,
    saved: bool,
}

/// A tell that no game was told is kept for the game that comes next, whoever else was told it, however often connections
/// break, clocks are set and gateways crash: the next game is told it, or its sender is told that nobody was.
#[derive(Default)]
pub(super) struct Backlog {
    open: BTreeMap<Tag, Came>,
    /// When the gateway first knew each game.
    able_since: BTreeMap<u64, Instant>,
    /// Gateways are nodes: a tell has come when it is in their log.
    of_nodes: bool,
    known: nodes::Known,
}

impl Backlog {
    pub(super) fn of_nodes() -> Backlog {
        Backlog { of_nodes: true, ..Backlog::default() }
    }

    fn written(&mut self, now: Instant, told: &Told) {
        for (mud, frame) in self.known.new_packets(told) {
            if let Some(tag) = nodes::tell_for_game(mud, &frame) {
                let mud = mud.to_owned();
                self.open.insert(tag, Came { link: 0, gateway: usize::MAX, mud, at: now, saved: true });
            }
        }
    }

    fn came(&mut self, now: Instant, view: &View, link: u64, frame: &Frame) {
        let (Some(tag), Some(from)) = (frame.tag, view.links.get(&link)) else { return };
        if from.left || frame.to_mud != from.mud || !frame.is_for_game() {
            return;
        }
        let came = Came { link, gateway: from.gateway, mud: from.mud.clone(), at: now, saved: false };
        self.open.insert(tag, came);
    }

    /// At the end: the games that have come since, and are still there.
    fn left(&self, view: &View) -> Verdict {
        for (tag, came) in &self.open {
            let next = self.able_since.iter().find(|(number, since)| {
                view.sessions
                    .get(number)
                    .is_some_and(|one| one.able && !one.over && !one.is_named && one.mud == came.mud)
                    && **since >= came.at
                    && since.since(came.at) < KEPT_FOR
            });
            if let Some((session, _)) = next {
                return Err(format!("the game of session {session} was never told {tag:?}, which was kept"));
            }
        }
        Ok(())
    }

    fn said(&mut self, now: Instant, view: &View, session: u64, message: &Json) {
        let Some(one) = view.sessions.get(&session).filter(|one| one.is_game) else { return };
        let is_identified = message["result"]["session_id"].is_string();
        if is_identified && view.asked(session, message) == Some(&Asked::Key) {
            self.able_since.entry(session).or_insert(now);
        }
        match message["method"].as_str() {
            Some("tell_received" | "emoteto_received") => {
                let tag = message["params"]["message"].as_str().and_then(Tag::find);
                tag.map(|tag| self.open.remove(&tag));
            }
            // It is told that some are lost.
            Some("replay_complete") if message["params"]["gap"] == true => {
                self.open.retain(|_, came| came.mud != one.mud);
            }
            _ => {}
        }
    }
}

impl Oracle for Backlog {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Committed { told, .. } => self.written(now, told),
            Fact::FrameCame { link, frame }
                if !self.of_nodes && matches!(frame.kind.as_str(), "tell" | "emoteto") =>
            {
                self.came(now, view, *link, frame);
            }
            Fact::TellSaved { tag } => {
                self.open.get_mut(tag).into_iter().for_each(|came| came.saved = true);
            }
            Fact::Upgraded { session } if view.sessions.get(session).is_some_and(|one| one.is_game) => {
                self.able_since.entry(*session).or_insert(now);
            }
            Fact::Said { session, message } => self.said(now, view, *session, message),
            // What was kept in memory alone is gone with it.
            Fact::GatewayCrashed { gateway } => {
                self.open.retain(|_, came| came.gateway != *gateway || came.saved);
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                self.open.retain(|_, came| came.link != *link || !(*unflushed || came.at == now));
            }
            Fact::FrameSent { link, frame } if frame.kind == "shutdown" => {
                self.open.retain(|_, came| came.link != *link || came.saved);
            }
            // The sender is told: its user is not there, or the game did not come.
            Fact::FrameSent { frame, .. } if frame.kind == "error" && frame.text.contains("unk-user") => {
                let first = self.open.iter().filter(|(_, came)| came.mud == frame.from_mud);
                let tag =
                    Tag::find(&frame.text).or(first.min_by_key(|(_, came)| came.at).map(|(tag, _)| *tag));
                tag.map(|tag| self.open.remove(&tag));
            }
            Fact::Quiet => return self.left(view),
            _ => {}
        }
        Ok(())
    }
}
