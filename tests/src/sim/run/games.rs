//! What games do.

use super::{Item, Sim, Step};
use crate::sim::actors::Request;
use crate::sim::oracle::{Asked, Fact, Violation};
use crate::sim::plan::{Fault, Part};
use crate::sim::tap::{Message, Tag};
use crate::wire;
use i3_core::machine::Listener;
use serde_json::{Value as Json, json};

impl Sim {
    pub(super) fn connect(&mut self, client: usize) -> Step {
        self.choose_node(client);
        let plan = &self.clients[client].plan;
        let name = self.gateway_name(plan.gateway);
        if self.clients[client].script.is_some() {
            return Ok(());
        }
        let on = if plan.websocket { Listener::Http } else { Listener::Lines };
        let script = if self.world.is_awake(&name) { self.connect_as(client, &name, on)? } else { None };
        match script {
            Some(script) if self.clients[client].plan.websocket => {
                let upgrade = self.clients[client].upgrade();
                self.world.write(script, &upgrade);
            }
            Some(_) => {
                let request = self.clients[client].authenticate();
                self.todo.push((client, request));
            }
            None => {
                let wait = self.millis(500, 3_000);
                self.after(wait, Item::Connect(client));
            }
        }
        Ok(())
    }

    /// The record of a new connection says nothing of who it is: its script is known before.
    pub(super) fn connect_as(
        &mut self,
        client: usize,
        name: &str,
        on: Listener,
    ) -> Result<Option<usize>, Violation> {
        self.clients[client].script = Some(self.world.scripts());
        let script = self.world.connect(name, on);
        self.clients[client].script = script;
        self.digest()?;
        Ok(script.filter(|script| self.world.is_open(*script)))
    }

    pub(super) fn ask(&mut self, client: usize, request: Request) -> Step {
        let Some(script) = self.clients[client].script else { return Ok(()) };
        let session = self.clients[client].session;
        for (id, what) in request.asked {
            self.see(&Fact::Asked { session, id, what })?;
        }
        let bytes = self.clients[client].frame(&request.text);
        self.world.write(script, &bytes);
        Ok(())
    }

    pub(super) fn react(&mut self, session: u64, message: &Message) {
        let Some(at) = self.sessions.get(&session).copied() else { return };
        if self.clients[at].session != session {
            return;
        }
        if let Some(script) = self.clients[at].script {
            self.world.received(script).clear();
        }
        match message {
            Message::Head(head) if head.starts_with("HTTP/1.1 101 ") => self.log_in(at),
            Message::Control(9) => {
                if let Some(script) = self.clients[at].script {
                    self.world.write(script, &wire::websocket_frame(10, b""));
                }
            }
            Message::Json(json) => {
                let batch = json.as_array().map_or(std::slice::from_ref(&**json), Vec::as_slice);
                batch.iter().for_each(|one| self.react_to(at, one));
            }
            _ => {}
        }
    }

    pub(super) fn log_in(&mut self, at: usize) {
        self.clients[at].ready = true;
        let presence = self.clients[at].presence(&mut self.rng);
        let join = Asked::Join("chat".to_owned());
        let join = self.clients[at].call("channel_join", &json!({"channel": "chat"}), join);
        self.todo.extend([(at, presence), (at, join)]);
    }

    pub(super) fn react_to(&mut self, at: usize, message: &Json) {
        let params = &message["params"];
        let is_kept = message["method"].as_str().is_some_and(|name| name.ends_with("_received"));
        if is_kept && self.clients[at].plan.part != Part::Game && self.rng.u8(0..4) == 0 {
            let request = self.clients[at].acknowledge(&params["event_id"]);
            self.todo.push((at, request));
        }
        match message["method"].as_str() {
            Some("tell_received") => self.told.extend(params["message"].as_str().and_then(Tag::find)),
            Some("channel_filter_request") if self.rng.u8(0..10) < 7 => {
                let answer = json!({"filter_id": params["filter_id"], "allow": self.rng.bool()});
                let request = self.clients[at].call("channel_filter", &answer, Asked::Other);
                self.todo.push((at, request));
            }
            _ => {}
        }
        let result = &message["result"];
        if result["status"] == "authenticated" && !self.clients[at].ready {
            self.log_in(at);
        }
        if let Some(connected) = result["connected"].as_bool() {
            let router = result["router"]["name"].as_str().unwrap_or_default().to_owned();
            self.clients[at].status = Some((connected, router));
        }
    }

    pub(super) fn act(&mut self, client: usize) {
        if self.healed {
            return;
        }
        let wait = self.about(self.plan.act_every);
        self.after(wait, Item::Act(client));
        if !self.clients[client].ready {
            return;
        }
        let bad = self.plan.weight(Fault::BadRequests) > self.rng.f64() * 4.0;
        let request = if bad {
            self.clients[client].bad(&mut self.rng)
        } else {
            self.clients[client].anything(&mut self.rng, &self.muds)
        };
        self.todo.push((client, request));
    }
}
