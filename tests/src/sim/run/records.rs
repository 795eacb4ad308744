//! From what the world records to facts, and to lines for people.

use super::{Item, Sim, Step, password_of};
use crate::sim::oracle::Fact;
use crate::sim::plan::Part;
use crate::sim::tap::{Message, Speech, Tag, Tap};
use crate::world::{End, Record};
use i3_core::Gateway;
use i3_core::machine::{Change, Lease, Listener};
use serde_json::Value as Json;
use std::hash::Hasher as _;
use std::rc::Rc;

impl Sim {
    /// Looks at all that has happened, and does what the games answer, until nothing more happens.
    pub(super) fn digest(&mut self) -> Step {
        loop {
            let records = self.world.records.as_mut().map(std::mem::take).unwrap_or_default();
            if records.is_empty() {
                let Some((client, request)) = (!self.todo.is_empty()).then(|| self.todo.remove(0)) else {
                    break;
                };
                self.ask(client, request)?;
                continue;
            }
            for record in records {
                self.records += 1;
                self.describe(&record);
                self.digest_one(record)?;
            }
        }
        self.people_take()?;
        for gateway in 0..self.gateways.len() {
            let node = self.gateways[gateway];
            let Some(machine) = self.world.machine_at::<Gateway>(node) else { continue };
            let (bytes, ready) = (machine.pending_bytes(), machine.is_ready());
            let connections = self.world.open_conns(node);
            self.see(&Fact::Holds { gateway, bytes, connections })?;
            if ready && self.plan.lease.is_none() {
                self.see(&Fact::AllReady { gateway })?;
            }
        }
        Ok(())
    }

    /// Into the hash, and for people.
    pub(super) fn describe(&mut self, record: &Record) {
        self.hash.write_u64(self.now().micros());
        let (what, bytes): (String, &[u8]) = match record {
            Record::Wrote { tcp, side, bytes } => {
                self.hash.write_u64(*tcp * 4 + *side as u64 * 2);
                (String::new(), bytes)
            }
            Record::Arrived { tcp, side, count } => {
                self.hash.write_u64(*tcp * 2 + *side as u64);
                self.hash.write_usize(*count);
                (String::new(), &[])
            }
            Record::Committed { told, .. } => {
                self.hash.write_u64(told.position);
                (String::new(), &[])
            }
            Record::Told { node, position } => {
                self.hash.write_u64(*position * 8 + *node as u64);
                (String::new(), &[])
            }
            Record::Beaten { node, beaten, .. } => {
                self.hash.write_usize(*node * 64 + beaten.leases.len());
                (String::new(), &[])
            }
            other => (format!("{other:?}"), &[]),
        };
        self.hash.write(bytes);
        self.hash.write(what.as_bytes());
        if self.transcript.is_none() {
            return;
        }
        let line = match record {
            Record::Wrote { tcp, side, bytes, .. } => {
                let text = String::from_utf8_lossy(bytes);
                let shown: String = text.chars().take(300).collect();
                format!("{} writes {} bytes: {shown:?}", self.who(*tcp, *side), bytes.len())
            }
            Record::Arrived { tcp, side, count } => format!("{} gets {count} bytes", self.who(*tcp, *side)),
            Record::Over { tcp, side, unflushed } => {
                let more = if *unflushed { ", which had more to write" } else { "" };
                format!("#{tcp} is over for its side {side}{more}")
            }
            Record::Noticed { node, notice } => format!("{}: {notice}", self.world.name(*node)),
            Record::Started { node } => format!("{} is started", self.world.name(*node)),
            Record::Crashed { node } => format!("{} crashes", self.world.name(*node)),
            Record::Stopped { node } => format!("{} has stopped", self.world.name(*node)),
            Record::Dials { node, host } => format!("{} dials {host}", self.world.name(*node)),
            Record::Opened { tcp, from, to, .. } => {
                format!("#{tcp} is open from {} to {}", self.name(*from), self.name(*to))
            }
            Record::Saved { node, changes, good } => {
                let keys: Vec<String> = changes.iter().map(|c| format!("{}/{}", c.space, c.key)).collect();
                let how = if *good { "saved" } else { "could not save" };
                format!("{} has {how} {}", self.world.name(*node), keys.join(" "))
            }
            Record::Committed { told, .. } => {
                let key =
                    |c: &Change| format!("{}{}/{}", if c.value.is_none() { "-" } else { "" }, c.space, c.key);
                let keys: Vec<String> = told.changes.iter().map(key).collect();
                format!("the engine writes {} of {}: {}", told.position, told.boot, keys.join(" "))
            }
            Record::Told { node, position } => format!("{} is told {position}", self.world.name(*node)),
            Record::BeatFailed { node } => format!("{} has beaten in vain", self.world.name(*node)),
            Record::Beaten { boot, ask, beaten, .. } => {
                let lease =
                    |lease: &Lease| format!("{} {} {}", lease.fence.mud, lease.fence.epoch, lease.boot);
                let leases: Vec<String> = beaten.leases.iter().map(lease).collect();
                format!("{boot} beats: take {:?} leave {:?}: {}", ask.take, ask.leave, leases.join(", "))
            }
            other => format!("{other:?}"),
        };
        self.note(|| line);
    }

    pub(super) fn name(&self, end: End) -> String {
        match end {
            End::Node(node, _) => self.world.name(node).to_owned(),
            End::Script(script) => match self.clients.iter().position(|client| client.script == Some(script))
            {
                Some(client) => format!("client {client} of {}", self.clients[client].plan.mud),
                None => format!("script {script}"),
            },
        }
    }

    pub(super) fn who(&self, tcp: u64, side: usize) -> String {
        match self.world.ends(tcp)[side] {
            Some(end) => format!("#{tcp} {}", self.name(end)),
            None => format!("#{tcp} side {side}"),
        }
    }

    pub(super) fn digest_one(&mut self, record: Record) -> Step {
        match record {
            Record::Broke { node, how } => self.see(&Fact::Broke(format!("{} {how}", self.world.name(node)))),
            Record::Crashed { node } => match self.gateways.iter().position(|at| *at == node) {
                Some(gateway) => self.see(&Fact::GatewayCrashed { gateway }),
                None => Ok(()),
            },
            Record::Opened { tcp, from: End::Node(node, _), to, host, .. } => {
                self.link_open(tcp, node, to, host)
            }
            Record::Opened { tcp, from: End::Script(script), to, on, .. } => {
                self.session_open(tcp, script, to, on)
            }
            Record::Wrote { tcp, side, bytes } => self.wrote(tcp, side, &bytes),
            Record::Arrived { tcp, side, count } => self.arrived(tcp, side, count),
            Record::Over { tcp, side, unflushed } => self.over(tcp, side, unflushed),
            Record::Committed { .. }
            | Record::Beaten { .. }
            | Record::BeatFailed { .. }
            | Record::Told { .. }
            | Record::Hole { .. } => self.digest_shared(record),
            Record::Saved { node, changes, good: true } => self.saved(node, &changes),
            Record::Saved { node, good: false, .. } => {
                let gateway = self.gateways.iter().position(|at| *at == node);
                gateway.map_or(Ok(()), |gateway| self.see(&Fact::SaveFailed { gateway }))
            }
            // A new process cannot know when the last one logged in: two logins within a second are a flood.
            Record::Noticed { notice, .. }
                if notice.what == "mud floods"
                    || notice.fields.iter().any(|(_, value)| value == "it floods") =>
            {
                self.see(&Fact::Flooded)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn link_open(&mut self, tcp: u64, node: usize, to: End, host: Option<String>) -> Step {
        let Some(gateway) = self.gateways.iter().position(|at| *at == node) else { return Ok(()) };
        self.links.insert(tcp, gateway);
        self.taps.insert((tcp, 0), Tap::new(Speech::Mud));
        if matches!(to, End::Node(..)) {
            self.taps.insert((tcp, 1), Tap::new(Speech::Mud));
        }
        self.see(&Fact::LinkOpen { link: tcp, gateway, router: host.unwrap_or_default() })
    }

    pub(super) fn session_open(&mut self, tcp: u64, script: usize, to: End, on: Option<Listener>) -> Step {
        let Some(client) = self.clients.iter().position(|client| client.script == Some(script)) else {
            return self.person_open(tcp, script);
        };
        let End::Node(..) = to else { return Ok(()) };
        self.clients[client].connected(script, tcp);
        self.sessions.insert(tcp, client);
        let speech = if on == Some(Listener::Http) { Speech::WebSocket } else { Speech::Lines };
        self.taps.insert((tcp, 1), Tap::new(speech));
        let plan = &self.clients[client].plan;
        let (gateway, mud) = (plan.gateway, plan.mud.clone());
        // A client gives its name with `authenticate`, which a WebSocket with a key in its handshake does not need.
        let is_named = plan.part != Part::Game && !plan.websocket;
        let is_game = !self.clients[client].observes();
        let fact = Fact::SessionOpen { session: tcp, gateway, mud, is_game, is_named };
        self.see(&fact)
    }

    pub(super) fn wrote(&mut self, tcp: u64, side: usize, bytes: &[u8]) -> Step {
        let Some(tap) = self.taps.get_mut(&(tcp, side)) else { return Ok(()) };
        for message in tap.wrote(bytes) {
            match message {
                Message::Frame(frame) if side == 0 => {
                    self.see(&Fact::FrameSent { link: tcp, frame })?;
                }
                Message::Frame(frame) => self.see(&Fact::RouterGave { link: tcp, frame })?,
                Message::Head(head) if head.starts_with("HTTP/1.1 101 ") => {
                    self.see(&Fact::Upgraded { session: tcp })?;
                }
                Message::Json(json) => self.said(tcp, &json)?,
                Message::Line(line) => self.person_was_told(tcp, line)?,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn said(&mut self, session: u64, message: &Rc<Json>) -> Step {
        if let Json::Array(batch) = &**message {
            for one in batch {
                self.see(&Fact::Said { session, message: Rc::new(one.clone()) })?;
            }
            return Ok(());
        }
        self.see(&Fact::Said { session, message: message.clone() })
    }

    pub(super) fn arrived(&mut self, tcp: u64, side: usize, count: usize) -> Step {
        let Some(tap) = self.taps.get_mut(&(tcp, 1 - side)) else { return Ok(()) };
        for message in tap.arrives(count) {
            match message {
                Message::Frame(frame) if side == 0 => self.see(&Fact::FrameCame { link: tcp, frame })?,
                Message::Frame(frame) if self.routers_pass_everything() => {
                    self.see(&Fact::RouterGot { link: tcp, frame })?;
                }
                Message::Frame(_) => {}
                Message::Line(line) => self.person_reads(tcp, &line),
                message => self.react(tcp, &message),
            }
        }
        Ok(())
    }

    pub(super) fn over(&mut self, tcp: u64, side: usize, unflushed: bool) -> Step {
        if self.links.contains_key(&tcp) {
            return match side {
                0 => self.see(&Fact::LinkOver { link: tcp, unflushed }),
                _ => self.see(&Fact::RouterOver { link: tcp }),
            };
        }
        let Some(client) = self.sessions.get(&tcp).copied() else {
            return self.person_over(tcp, side);
        };
        if side == 1 {
            return self.see(&Fact::SessionOver { session: tcp });
        }
        if self.clients[client].session == tcp {
            self.clients[client].script = None;
            self.clients[client].ready = false;
            let wait = self.millis(100, 3_000);
            self.after(wait, Item::Connect(client));
        }
        Ok(())
    }

    pub(super) fn saved(&mut self, node: usize, changes: &[Change]) -> Step {
        let Some(gateway) = self.gateways.iter().position(|at| *at == node) else { return Ok(()) };
        if self.plan.lease.is_some() {
            return Ok(());
        }
        for ((mud, router), password) in changes.iter().filter_map(password_of) {
            self.see(&Fact::PasswordSaved { mud, router, password })?;
        }
        for change in changes.iter().filter(|change| change.space.starts_with("events/")) {
            let text = change.value.as_deref().map(String::from_utf8_lossy);
            if let Some(tag) = text.as_deref().and_then(Tag::find) {
                self.see(&Fact::TellSaved { tag })?;
            }
        }
        for change in changes {
            self.people_saved(gateway, &change.key, change.value.as_deref().unwrap_or_default())?;
        }
        for change in changes.iter().filter(|change| change.space == "event_ids") {
            let reserved = change.value.as_deref().map(String::from_utf8_lossy);
            if let Some(reserved) = reserved.and_then(|reserved| reserved.parse().ok()) {
                self.see(&Fact::IdsSaved { gateway, reserved })?;
            }
        }
        Ok(())
    }
}
