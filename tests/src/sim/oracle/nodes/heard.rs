//! What games hear.

use super::{Asked, Fact, Known, Oracle, Verdict, View, tell_for_game};
use crate::sim::tap::{Frame, Tag};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Bytes that a client may be behind before lines of channels are dropped for it: half of what the gateway allows.
const BEHIND_BYTES_MAX: usize = 32_768;

/// A packet in the log.
struct Row {
    mud: String,
    frame: Rc<Frame>,
    tag: Tag,
}

struct Owed {
    tag: Tag,
    channel: Option<String>,
    bytes: usize,
}

/// Whatever reaches the games of a mud at one node reaches those at all others: a game that is connected when its node learns of
/// a packet is told it, once for each packet, and in the order of its sender.
#[derive(Default)]
pub(in crate::sim::oracle) struct Heard {
    rows: BTreeMap<u64, Vec<Row>>,
    known: Known,
    /// The position up to which each node has read the state at its start.
    read: BTreeMap<usize, u64>,
    /// How often each message came for each mud.
    times: BTreeMap<(String, Tag), u32>,
    joined: BTreeMap<u64, BTreeSet<String>>,
    /// The channels that each session has asked to join, and not to leave after that, with the first such request.
    wanted: BTreeMap<u64, BTreeMap<String, String>>,
    owed: BTreeMap<u64, VecDeque<Owed>>,
    given: BTreeMap<(u64, Tag), u32>,
}

impl Heard {
    fn told(&mut self, view: &View, gateway: usize, position: u64) {
        // What a node has read at its start is kept for games, and no news.
        if self.read.get(&gateway).is_some_and(|read| position <= *read) {
            return;
        }
        for Row { mud, frame, tag } in self.rows.get(&position).into_iter().flatten() {
            let sessions = view
                .sessions
                .iter()
                .filter(|(_, one)| one.able && one.gateway == gateway && one.mud == *mud && !one.over);
            let channel = frame.kind.starts_with("channel-").then(|| channel_of(frame)).flatten();
            for (session, _) in sessions {
                let is_for_it = match &channel {
                    Some(channel) => self.joined.get(session).is_some_and(|joined| joined.contains(channel)),
                    None => tell_for_game(mud, frame).is_some(),
                };
                if is_for_it {
                    let (channel, bytes) = (channel.clone(), frame.text.len());
                    self.owed.entry(*session).or_default().push_back(Owed { tag: *tag, channel, bytes });
                }
            }
        }
        for owed in self.owed.values_mut() {
            if owed.iter().map(|one| one.bytes).sum::<usize>() > BEHIND_BYTES_MAX {
                owed.retain(|one| one.channel.is_none());
            }
        }
    }

    fn said(&mut self, view: &View, session: u64, message: &Json) -> Verdict {
        let asked = message["id"].to_string();
        match view.asked(session, message) {
            Some(Asked::Join(channel))
                if message.get("result").is_some()
                    && self
                        .wanted
                        .get(&session)
                        .and_then(|wanted| wanted.get(channel))
                        .is_some_and(|id| *id == asked) =>
            {
                self.joined.entry(session).or_default().insert(channel.clone());
            }
            _ => {}
        }
        let method = message["method"].as_str().unwrap_or_default();
        // It is told that it was too far behind.
        if method == "lagged"
            && let Some(owed) = self.owed.get_mut(&session)
        {
            owed.retain(|one| one.channel.is_none());
        }
        if !matches!(method, "tell_received" | "emoteto_received" | "channel_message" | "channel_emote") {
            return Ok(());
        }
        let Some(tag) = message["params"]["message"].as_str().and_then(Tag::find) else { return Ok(()) };
        let Some(one) = view.sessions.get(&session) else { return Ok(()) };
        let times = self.times.get(&(one.mud.clone(), tag)).copied().unwrap_or(0);
        let given = self.given.entry((session, tag)).or_default();
        *given += 1;
        if *given > times {
            return Err(format!(
                "session {session} is told {tag:?} {given} times, and it came {times} times"
            ));
        }
        if let Some(owed) = self.owed.get_mut(&session)
            && let Some(at) = owed.iter().position(|owed| owed.tag == tag)
        {
            owed.remove(at);
        }
        Ok(())
    }
}

/// The channel of a message.
fn channel_of(frame: &Frame) -> Option<String> {
    let packet = crate::wire::strict_lpc(&frame.text).ok()?;
    packet[6].as_str().map(str::to_owned)
}

impl Oracle for Heard {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Committed { told, .. } => {
                for (mud, frame) in self.known.new_packets(told) {
                    let Some(tag) = frame.tag else { continue };
                    *self.times.entry((mud.to_owned(), tag)).or_default() += 1;
                    let row = Row { mud: mud.to_owned(), frame: Rc::new(frame), tag };
                    self.rows.entry(told.position).or_default().push(row);
                }
            }
            Fact::NodeStarted { gateway, position, .. } => drop(self.read.insert(*gateway, *position)),
            Fact::RowTold { gateway, position } => self.told(view, *gateway, *position),
            Fact::Asked { session, id, what: Asked::Join(channel) } => {
                let wanted = self.wanted.entry(*session).or_default();
                wanted.entry(channel.clone()).or_insert_with(|| id.clone());
            }
            Fact::Asked { session, what: Asked::Leave(channel), .. } => {
                if let Some(wanted) = self.wanted.get_mut(session) {
                    wanted.remove(channel);
                }
                if let Some(joined) = self.joined.get_mut(session) {
                    joined.remove(channel);
                }
                if let Some(owed) = self.owed.get_mut(session) {
                    owed.retain(|owed| owed.channel.as_deref() != Some(channel));
                }
            }
            Fact::Said { session, message } => return self.said(view, *session, message),
            Fact::Leaves { session } | Fact::SessionOver { session } => {
                self.owed.remove(session);
                self.joined.remove(session);
            }
            Fact::Quiet => {
                for (session, owed) in &self.owed {
                    if let Some(owed) = owed.front() {
                        return Err(format!(
                            "session {session} was not told {:?}, which others heard",
                            owed.tag
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
