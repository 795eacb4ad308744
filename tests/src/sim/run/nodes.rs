//! Gateways that are nodes of one engine: how they are started, what strikes them, and what must be so at the end.

use super::{Asked, Fact, Fault, Item, Record, Sim, Step, fail, password_of, plan};
use i3_core::Gateway;
use i3_core::settings::{NodeSettings, Settings};
use serde_json::json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How long a node that ends may take to hand its muds over.
const DRAIN_WITHIN: Duration = Duration::from_secs(6);

/// How long the games, the log and the leases may take to be where they belong, beyond what a single gateway takes.
const SETTLE_WITHIN: Duration = Duration::from_secs(90);

impl Sim {
    pub(super) fn start_node(&mut self, at: usize, name: &str, settings: Settings, seed: u64) -> Step {
        let muds = settings.muds.iter().map(|mud| mud.name.clone()).collect();
        let lease = self.plan.lease.unwrap_or_default();
        let mut passwords = BTreeMap::new();
        let (mut own_boot, mut position) = (String::new(), 0);
        let is_started = self.world.start_node(name, |saved, boot, now| {
            passwords = saved.entries.iter().filter_map(password_of).collect();
            (own_boot, position) = (boot.to_owned(), saved.position);
            let node = NodeSettings {
                name: name.to_owned(),
                boot: boot.to_owned(),
                lease,
                keeps_without_database: false,
            };
            let settings = Settings { node: Some(node), ..settings };
            Gateway::new(settings, saved, seed, now).unwrap_or_else(|error| panic!("{error}"))
        });
        if !is_started {
            let wait = self.millis(500, 3_000);
            self.after(wait, Item::Start(name.to_owned()));
            return Ok(());
        }
        self.drained.remove(name);
        self.see(&Fact::GatewayStarted { gateway: at, muds, passwords })?;
        self.see(&Fact::NodeStarted { gateway: at, boot: own_boot, position })?;
        self.digest()
    }

    /// A game that connects may choose another node.
    pub(super) fn choose_node(&mut self, client: usize) {
        if self.plan.lease.is_some() && self.rng.bool() {
            let node = self.rng.usize(..self.plan.gateways.len());
            self.clients[client].plan.gateway = node;
        }
    }

    fn node_place(&self, node: usize) -> Option<usize> {
        self.gateways.iter().position(|at| *at == node)
    }

    /// From the records of the engine to facts.
    pub(super) fn digest_shared(&mut self, record: Record) -> Step {
        match record {
            Record::Committed { fences, told, .. } => {
                self.see(&Fact::Committed { fences: Rc::new(fences), told: Rc::new(told) })
            }
            Record::Beaten { node, boot, ask, beaten } => {
                let Some(gateway) = self.node_place(node) else { return Ok(()) };
                self.see(&Fact::Beaten { gateway, boot, ask: Rc::new(ask), beaten: Rc::new(beaten) })
            }
            Record::BeatFailed { node } => {
                let Some(gateway) = self.node_place(node) else { return Ok(()) };
                self.see(&Fact::SaveFailed { gateway })
            }
            Record::Told { node, position } => {
                let Some(gateway) = self.node_place(node) else { return Ok(()) };
                self.see(&Fact::RowTold { gateway, position })
            }
            Record::Hole { node } => {
                fail("contract", format!("{} finds a hole in the log", self.world.name(node)))
            }
            _ => Ok(()),
        }
    }

    /// One node, or all, will be in trouble for a while.
    pub(super) fn trouble(&mut self, gateway: Option<usize>, time: Duration) -> Step {
        let until = self.now() + time;
        self.see(&Fact::Trouble { gateway, until })
    }

    /// A machine gets no time for a while. A node may be away for longer than its leases run.
    pub(super) fn pause(&mut self, name: &str, time: Duration) -> Step {
        let place = (0..self.plan.gateways.len()).find(|at| self.gateway_name(*at) == name);
        let Some((gateway, _)) = place.zip(self.plan.lease) else {
            self.world.pause(name, time);
            return Ok(());
        };
        let time = if self.rng.bool() { time } else { time * 4 };
        self.trouble(Some(gateway), time)?;
        if self.plan.clocks_stop {
            self.world.pause_with_its_clock(name, time);
        } else {
            self.world.pause(name, time);
        }
        let until = self.now() + time;
        self.see(&Fact::Asleep { gateway, until })
    }

    pub(super) fn strike_node(&mut self, fault: Fault, client: usize) -> Step {
        let at = self.rng.usize(..self.plan.gateways.len());
        let name = self.gateway_name(at);
        match fault {
            Fault::EngineCuts => {
                let time = self.millis(100, 40_000);
                self.trouble(Some(at), time)?;
                self.world.cut_engine(&name, true);
                self.after(time, Item::Reach(name));
            }
            Fault::EngineRestarts => {
                let time = self.millis(100, 30_000);
                self.trouble(None, time)?;
                self.world.engine_mut().is_up = false;
                self.after(time, Item::EngineUp);
            }
            Fault::Drains => {
                let asks = self.clients.iter().position(|one| one.ready && one.plan.gateway == at);
                let Some(asks) = asks.filter(|_| self.world.is_awake(&name)) else { return Ok(()) };
                let request = self.clients[asks].call("drain", &json!({}), Asked::Drain);
                self.todo.push((asks, request));
                self.drained.insert(name.clone());
                // It takes none until it is started again.
                let wait = self.millis(3_000, 20_000);
                self.after(wait, Item::Stop(name));
            }
            Fault::Moves => self.leave(client)?,
            Fault::NodeClocks => {
                let seconds = self.rng.i64(-10_000..10_000);
                self.world.set_clock_of(&name, seconds);
            }
            _ => {}
        }
        Ok(())
    }

    /// All nodes are given other settings, one after the other.
    pub(super) fn reload_nodes(&mut self) {
        let settings = plan::changed(&mut self.rng, &self.plan.gateways[0]);
        for at in 0..self.plan.gateways.len() {
            self.plan.gateways[at] = settings.clone();
            let name = self.gateway_name(at);
            if self.world.is_awake(&name) {
                let boot = self.world.boot_of(&name).to_owned();
                let lease = self.plan.lease.unwrap_or_default();
                let node = NodeSettings { name: name.clone(), boot, lease, keeps_without_database: false };
                let settings = Settings { node: Some(node), ..settings.clone() };
                let reload = |gateway: &mut Gateway, now| gateway.reload(now, settings);
                self.world.with(&name, reload).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }

    /// The engine is there for everybody, and all nodes take muds.
    pub(super) fn heal_nodes(&mut self) -> Step {
        if self.plan.lease.is_none() {
            return Ok(());
        }
        self.world.engine_weather = crate::world::EngineWeather::default();
        self.world.engine_mut().is_up = true;
        for at in 0..self.plan.gateways.len() {
            let name = self.gateway_name(at);
            self.world.cut_engine(&name, false);
            if self.drained.contains(&name) && self.world.is_running(&name) {
                self.world.crash(&name);
                self.digest()?;
            }
        }
        Ok(())
    }

    /// How much longer than a single gateway nodes may take until every link is ready.
    pub(super) fn nodes_recover_within(&self) -> Duration {
        self.plan.lease.map_or(Duration::ZERO, |lease| lease * 3 + SETTLE_WITHIN)
    }

    /// How much longer than a single gateway nodes may take to end.
    pub(super) fn nodes_stop_within(&self) -> Duration {
        self.plan.lease.map_or(Duration::ZERO, |_| DRAIN_WITHIN)
    }

    /// Every mud has a holder, the nodes share the muds evenly, and no packet of a game is left.
    pub(super) fn nodes_are_quiet(&mut self) -> Step {
        if self.plan.lease.is_none() {
            return Ok(());
        }
        let mut shares: BTreeMap<String, usize> =
            (0..self.plan.gateways.len()).map(|at| (self.gateway_name(at), 0)).collect();
        for mud in &self.muds {
            let Some(holder) = self.world.holder_of(mud) else {
                return fail("recovery", format!("nobody holds {mud}"));
            };
            shares.entry(holder.to_owned()).and_modify(|share| *share += 1);
        }
        let [least, most] = [shares.values().copied().min(), shares.values().copied().max()];
        if most.unwrap_or(0) > least.unwrap_or(0) + 1 {
            return fail("recovery", format!("the nodes hold {shares:?}"));
        }
        let left = self.world.engine().entries().keys().find(|(space, _)| space.starts_with("out/"));
        match left {
            Some((space, key)) => fail("recovery", format!("{space} {key} is left when all is quiet")),
            None => Ok(()),
        }
    }
}
