//! When nothing fails any more: all has to recover within a time, and is examined.

use super::{QUIET_WITHIN, STOP_WITHIN, Sim, Step, TELL_WITHIN, TELLS_LOST_WITHIN, fail};
use crate::sim::oracle::{Asked, Fact, Violation};
use crate::sim::plan::{self, Fault};
use crate::world::Weather;
use i3_core::machine::Listener;
use i3_core::settings::Settings;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

impl Sim {
    /// Nothing fails from here on.
    pub(super) fn heal(&mut self) -> Step {
        self.note(|| "-- all is well from here on".to_owned());
        self.healed = true;
        self.world.weather = Weather { delay: Duration::from_millis(20), ..Weather::default() };
        let routers: Vec<String> = self.plan.routers.iter().map(|router| router.name.clone()).collect();
        for host in routers.clone() {
            if let Some(dialed) = self.world.scripts_at(&host) {
                dialed.into_iter().for_each(|script| self.world.close(script));
            }
            self.world.listen_no_more(&host);
        }
        self.world.heal();
        self.digest()?;
        self.heal_nodes()?;
        for router in &routers {
            if self.plan.router(router, true) != self.plan.router(router, false)
                && self.world.is_running(router)
            {
                self.world.crash(router);
                self.digest()?;
            }
            self.start(router)?;
        }
        for at in 0..self.plan.gateways.len() {
            let name = self.gateway_name(at);
            self.start(&name)?;
        }
        Ok(())
    }

    pub(super) fn settings_of(&self, mud: &str) -> &Settings {
        let of = |settings: &&Settings| settings.muds.iter().any(|one| one.name == mud);
        self.plan.gateways.iter().find(of).unwrap_or_else(|| unreachable!("all muds have a gateway"))
    }

    /// The router that a mud says it is logged in at.
    pub(super) fn router_of(&self, mud: &str) -> Option<&str> {
        let client = self.clients.iter().find(|client| client.ready && client.plan.mud == mud)?;
        client.status.as_ref().filter(|(connected, _)| *connected).map(|(_, router)| router.as_str())
    }

    pub(super) fn ask_status(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].ready {
                let request = self.clients[at].call("status", &json!({}), Asked::Status);
                self.todo.push((at, request));
            }
        }
    }

    pub(super) fn ask_bans(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].ready {
                let request = self.clients[at].call("ban_list", &json!({}), Asked::Bans);
                self.todo.push((at, request));
            }
        }
    }

    /// Every link is ready within its time.
    pub(super) fn recover(&mut self) -> Step {
        let started = self.now();
        loop {
            self.ask_status();
            // The answers show the state at this time.
            let asked_after = self.now().since(started);
            let next = self.now() + Duration::from_secs(2).max(self.now().since(started) / 8);
            self.digest()?;
            self.until(next)?;
            let waited = self.now().since(started);
            let late: Vec<String> =
                self.muds.iter().filter(|mud| self.router_of(mud).is_none()).cloned().collect();
            if late.is_empty() && self.clients.iter().all(|client| client.ready) {
                return Ok(());
            }
            for mud in late {
                let most = plan::recovery_max(self.settings_of(&mud)) + self.nodes_recover_within();
                if asked_after > most {
                    return fail(
                        "recovery",
                        format!("{mud} has no router after {asked_after:?}, {most:?} is enough"),
                    );
                }
            }
            if waited > Duration::from_secs(3600) {
                return fail("recovery", "a client is not served after an hour".to_owned());
            }
        }
    }

    /// A tell between any two muds of one network arrives.
    pub(super) fn prove(&mut self) -> Step {
        for from in self.muds.clone() {
            for to in self.muds.clone() {
                self.prove_between(&from, &to)?;
            }
        }
        Ok(())
    }

    /// Whether the routers let a mud speak to itself.
    pub(super) fn routers_pass_everything(&self) -> bool {
        self.plan.weight(Fault::Dialects) == 0.0 && self.plan.weight(Fault::RouterFaults) == 0.0
    }

    pub(super) fn prove_between(&mut self, from: &str, to: &str) -> Step {
        let mut tried = String::new();
        if from == to && !self.routers_pass_everything() {
            return Ok(());
        }
        let end = self.now() + TELLS_LOST_WITHIN;
        let mut pause = Duration::from_secs(2);
        while self.now() < end {
            // A link may go back to its preferred router at any time.
            if self.router_of(from).is_none() || self.router_of(to).is_none() {
                self.recover()?;
            }
            if self.router_of(from) != self.router_of(to) {
                return Ok(());
            }
            let sender = self.clients.iter().position(|client| client.ready && client.plan.mud == from);
            let Some(at) = sender else { continue };
            let (request, tag) = loop {
                let (request, tag) = self.clients[at].tell(&mut self.rng, to);
                if !request.text.contains("nobody_") {
                    break (request, tag);
                }
            };
            let _ = write!(tried, "{tag:?} ");
            self.todo.push((at, request));
            let deadline = self.now() + TELL_WITHIN;
            self.digest()?;
            while self.now() < deadline && !self.told.contains(&tag) {
                let next = self.now() + Duration::from_millis(250);
                self.until(next)?;
            }
            if self.told.contains(&tag) {
                return Ok(());
            }
            self.ask_status();
            let next = self.now() + pause;
            pause = pause.saturating_mul(2);
            self.digest()?;
            self.until(next)?;
        }
        fail("recovery", format!("no tell from {from} to {to} arrives: {tried}"))
    }

    /// Nothing waits any more.
    pub(super) fn calm_down(&mut self) -> Step {
        self.ask_bans();
        let end = self.now() + QUIET_WITHIN;
        self.until(end)?;
        self.see(&Fact::Quiet)?;
        self.nodes_are_quiet()?;
        for at in 0..self.plan.gateways.len() {
            let end = self.now() + QUIET_WITHIN;
            let mut left = self.what_waits(at)?;
            // A link may have logged in again just now, and has channels to listen to.
            while !left.is_empty() && self.now() < end {
                left = self.what_waits(at)?;
            }
            if !left.is_empty() {
                return fail("recovery", format!("{} has {left} when all is quiet", self.gateway_name(at)));
            }
        }
        Ok(())
    }

    /// What a gateway's own page of numbers says that waits, a second from now.
    pub(super) fn what_waits(&mut self, gateway: usize) -> Result<String, Violation> {
        let name = self.gateway_name(gateway);
        let Some(script) = self.world.connect(&name, Listener::Http) else {
            return Err(Violation { oracle: "recovery", why: format!("{name} accepts nobody") });
        };
        self.world.write(script, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let end = self.now() + Duration::from_secs(1);
        self.until(end)?;
        let text = String::from_utf8_lossy(self.world.received(script)).into_owned();
        let mut left = String::new();
        for gauge in ["i3_router_queued_packets", "api_requests_waiting"] {
            let series =
                |line: &&str| line.strip_prefix(gauge).is_some_and(|rest| rest.starts_with([' ', '{']));
            let lines: Vec<&str> = text.lines().filter(series).collect();
            if lines.is_empty() {
                left += "no such page";
            }
            left.extend(lines.into_iter().filter(|line| !line.ends_with(" 0") && !line.ends_with(" 0.0")));
        }
        Ok(left)
    }

    /// Told to end, they do.
    pub(super) fn end(&mut self) -> Step {
        let names: Vec<String> = (0..self.plan.gateways.len()).map(|at| self.gateway_name(at)).collect();
        for name in &names {
            self.world.shut_down(name);
        }
        self.digest()?;
        let end = self.now() + STOP_WITHIN + self.nodes_stop_within();
        self.until(end)?;
        for name in &names {
            if !self.world.has_stopped(name) {
                return fail("shutdown", format!("{name} has not stopped"));
            }
        }
        Ok(())
    }
}
