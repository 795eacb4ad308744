//! What goes wrong.

use super::{Item, Sim, Step};
use crate::sim::oracle::{Asked, Fact};
use crate::sim::plan::{self, Fault};
use crate::sim::tap::Tap;
use crate::wire;
use i3_core::Gateway;
use i3_core::machine::Listener;
use serde_json::json;
use std::time::Duration;

impl Sim {
    pub(super) fn happens(&mut self, item: Item) -> Step {
        match item {
            Item::Act(client) => self.act(client),
            Item::Connect(client) => return self.connect(client),
            Item::Person(at) => return self.person_acts(at),
            Item::Start(name) => return self.start(&name),
            Item::Answers(host) => self.world.listen_no_more(&host),
            Item::Stop(name) if !self.healed && self.world.is_awake(&name) => return self.stop(&name),
            Item::Stop(_) => {}
            Item::Reach(name) => self.world.cut_engine(&name, false),
            Item::EngineUp => self.world.engine_mut().is_up = true,
            Item::Leave(client) => {
                if let Some(script) = self.clients[client].script {
                    self.world.close(script);
                }
            }
            Item::Strike(fault) if !self.healed => {
                let rate = self.plan.weight(fault);
                if rate > 0.0 {
                    let wait = self.about(Duration::from_secs_f64(1.0 / rate));
                    self.after(wait, Item::Strike(fault));
                }
                return self.strike(fault);
            }
            Item::Strike(_) => {}
        }
        Ok(())
    }

    pub(super) fn any<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.usize(..of.len())].clone())
    }

    pub(super) fn any_gateway(&mut self) -> String {
        let at = self.rng.usize(..self.plan.gateways.len());
        self.gateway_name(at)
    }

    pub(super) fn strike(&mut self, fault: Fault) -> Step {
        let open = self.world.connections();
        let tcp = self.any(&open);
        let router = self.rng.usize(..self.plan.routers.len());
        let router = self.plan.routers[router].name.clone();
        let client = self.rng.usize(..self.clients.len());
        let side = self.rng.usize(..2);
        self.note(|| format!("-- {fault:?}"));
        match (fault, tcp) {
            (Fault::Resets, Some(tcp)) => self.world.reset(tcp),
            (Fault::Stalls, Some(tcp)) => {
                let time = self.millis(50, 30_000);
                self.world.stall_for(tcp, side, time);
            }
            (Fault::Cuts, Some(tcp)) => {
                let time = self.millis(1_000, 120_000);
                self.world.cut(tcp, time);
            }
            (Fault::HalfCloses, _) => {
                if let Some(script) = self.clients[client].script {
                    self.see(&Fact::Leaves { session: self.clients[client].session })?;
                    self.clients[client].ready = false;
                    self.world.half_close(script);
                    let wait = self.millis(0, 5_000);
                    self.after(wait, Item::Leave(client));
                }
            }
            (Fault::Leaves, _) => self.leave(client)?,
            (Fault::RouterCrashes, _) if self.world.is_running(&router) => {
                self.crash(&router, 20_000);
            }
            (Fault::SilentRouters, _) => {
                self.world.listen(&router);
                let time = self.millis(500, 40_000);
                self.after(time, Item::Answers(router));
            }
            (Fault::Garbage | Fault::Floods, _) => self.pour(fault),
            (Fault::GatewayCrashes, _) => {
                let name = self.any_gateway();
                if self.world.is_running(&name) {
                    self.crash(&name, 5_000);
                }
            }
            (Fault::GatewayStops, _) => {
                let name = self.any_gateway();
                if self.world.is_awake(&name) {
                    self.stop(&name)?;
                }
            }
            (Fault::Pauses, _) => {
                let name = if self.rng.bool() { self.any_gateway() } else { router };
                let time = self.millis(10, 10_000);
                self.pause(&name, time)?;
            }
            (Fault::Suspends, _) => {
                let time = self.millis(100, 200_000);
                self.trouble(None, time)?;
                self.world.suspend(time);
            }
            (Fault::WallClocks, _) => {
                let seconds = self.rng.i64(-10_000..10_000);
                self.world.set_clock(seconds);
            }
            (Fault::Vandals, _) => self.vandal(&router)?,
            (fault, _) if Fault::OF_NODES.contains(&fault) => self.strike_node(fault, client)?,
            (Fault::Reloads, _) if self.plan.lease.is_some() => self.reload_nodes(),
            (Fault::Reloads, _) => {
                let at = self.rng.usize(..self.gateways.len());
                let settings = plan::changed(&mut self.rng, &self.plan.gateways[at]);
                self.plan.gateways[at] = settings.clone();
                let name = self.gateway_name(at);
                if self.world.is_awake(&name) {
                    let reload = |gateway: &mut Gateway, now| gateway.reload(now, settings);
                    self.world.with(&name, reload).unwrap_or_else(|error| panic!("{error}"));
                }
            }
            (Fault::Reconnects, _) if self.clients[client].ready => {
                let request = self.clients[client].call("reconnect", &json!({}), Asked::Other);
                self.todo.push((client, request));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, name: &str, away_millis: u64) {
        let told = self.rng.bool();
        self.world.crash_with(name, told);
        if !told {
            // The systems of their peers find out.
            for tcp in self.world.connections() {
                if self.world.ends(tcp).iter().any(Option::is_none) {
                    let time = self.millis(1_000, 120_000);
                    self.world.cut(tcp, time);
                }
            }
        }
        let wait = self.millis(200, away_millis);
        self.after(wait, Item::Start(name.to_owned()));
    }

    /// A gateway is told to end, and started again.
    pub(super) fn stop(&mut self, name: &str) -> Step {
        self.stopping.insert(name.to_owned());
        self.world.shut_down(name);
        self.digest()?;
        // If it has not ended by then, it is killed.
        let wait = self.millis(0, 8_000);
        self.after(wait, Item::Start(name.to_owned()));
        Ok(())
    }

    pub(super) fn leave(&mut self, client: usize) -> Step {
        let Some(script) = self.clients[client].script else { return Ok(()) };
        self.see(&Fact::Leaves { session: self.clients[client].session })?;
        if self.clients[client].plan.websocket && self.rng.bool() {
            self.clients[client].ready = false;
            self.world.write(script, &wire::websocket_frame(8, &[3, 232]));
        } else {
            self.world.close(script);
        }
        Ok(())
    }

    /// Frames that no router should send, or more than one should.
    pub(super) fn pour(&mut self, fault: Fault) {
        let links: Vec<u64> = self
            .links
            .keys()
            .copied()
            .filter(|tcp| self.world.ends(*tcp).iter().all(Option::is_some))
            .collect();
        let Some(tcp) = self.any(&links) else { return };
        if !self.taps.get(&(tcp, 1)).is_some_and(Tap::is_between_messages) {
            return;
        }
        let mut bytes = Vec::new();
        if fault == Fault::Garbage {
            for _ in 0..self.rng.usize(1..5) {
                let text = self.any(GARBAGE).unwrap_or_default();
                bytes.extend(wire::mudmode_frame(text.as_bytes()));
            }
            match self.rng.u8(0..10) {
                // Claims to be longer than any frame may be.
                0 => bytes.extend(b"\x7f\xff\xff\xff({\"tell\","),
                1 => bytes.extend([0; 12]),
                _ => {}
            }
        } else {
            for n in 0..self.rng.usize(10..100) {
                let text = format!(
                    r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","line {n} {}",}})"#,
                    "x".repeat(n)
                );
                bytes.extend(wire::mudmode_frame(text.as_bytes()));
            }
        }
        self.world.inject(tcp, 0, bytes);
    }

    pub(super) fn vandal(&mut self, router: &str) -> Step {
        let (name, on) = match self.rng.u8(0..3) {
            0 => (router.to_owned(), Listener::Mud),
            1 => (self.any_gateway(), Listener::Lines),
            _ => (self.any_gateway(), Listener::Http),
        };
        if !self.world.is_awake(&name) {
            return Ok(());
        }
        if let Some(script) = self.world.connect(&name, on) {
            let texts = [
                "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                "{\"jsonrpc\":",
                "\0\0\0\u{5}({})\0",
                "\n\n\n",
                "[[[[",
                "\u{16}\u{3}\u{1}",
            ];
            for _ in 0..self.rng.usize(1..6) {
                let text = self.any(&texts).unwrap_or_default();
                self.world.write(script, text.as_bytes());
            }
            self.world.received(script).clear();
            if self.rng.bool() {
                self.world.close(script);
            }
        }
        Ok(())
    }
}

/// What a router may send by mistake.
const GARBAGE: &[&str] = &[
    "",
    "({})",
    "({5,})",
    "hello",
    "({\"tell\",5,\"Sage\",",
    "({\"tell\",5,})",
    "({\"tell\",5,\"Sage\",\"bob\",\"Nowhere\",\"u0\",\"Bob\",\"not for you\",})",
    "({\"startup-reply\",5,\"*forged\",0,\"Alpha\",0,({}),12345,})",
    "({\"error\",5,\"*east\",0,\"Alpha\",0,\"unk-dst\",\"?\",0,})",
    "({\"error\",5,\"*east\",0,\"Alpha\",0,\"not-imp\",\"?\",({\"tell\",5,\"Alpha\",}),})",
    "({\"chan-filter-req\",5,\"*east\",0,\"Alpha\",0,\"chat\",({\"channel-m\",}),})",
    "({\"chan-filter-req\",5,\"*west\",0,\"Beta\",0,\"own_beta\",({\"channel-m\",5,\"Sage\",\"bob\",0,0,\"own_beta\",\"Bob\",\"x\",}),})",
    "({\"mudlist\",5,\"*east\",0,\"Alpha\",0,7,([\"Sage\":0,]),})",
    "({\"frobnicate\",5,\"Sage\",\"bob\",\"Alpha\",0,})",
    "({\"who-req\",5,\"Sage\",\"bob\",\"Alpha\",0,})",
    "({\"locate-req\",5,\"Sage\",\"bob\",0,0,\"u1_alpha\",})",
    "({\"channel-m\",5,\"Sage\",\"bob\",0,0,\"code\",\"Bob\",\"hi\",})",
];
