//! Who speaks for a mud.

use super::{Asked, Fact, Oracle, Verdict, View};
use i3_core::machine::{Beat, Beaten};
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

struct Lease {
    boot: String,
    epoch: u64,
    until: Instant,
}

struct Open {
    gateway: usize,
    mud: String,
}

/// No two nodes have a mud at a time: nothing is written to a router but by the node that has the lease, by the clock of the
/// engine, and nobody logs in while another node that gets time has a connection under this name. A node that was drained
/// takes no mud.
#[derive(Default)]
pub(in crate::sim::oracle) struct Holders {
    leases: BTreeMap<String, Lease>,
    boots: BTreeMap<usize, String>,
    asleep: BTreeMap<usize, Instant>,
    links: BTreeMap<u64, Open>,
    /// Starts of nodes that were drained.
    drained: BTreeSet<String>,
}

impl Holders {
    fn beaten(&mut self, now: Instant, boot: &str, ask: &Beat, beaten: &Beaten) -> Verdict {
        let mut leases = BTreeMap::new();
        for lease in &beaten.leases {
            let (mud, epoch) = (&lease.fence.mud, lease.fence.epoch);
            let before = self.leases.get(mud).filter(|before| before.until > now);
            if let Some(before) = before.filter(|before| before.boot != lease.boot) {
                return Err(format!("{} gets {mud}, which {} has", lease.boot, before.boot));
            }
            let is_new = before.is_none_or(|before| before.epoch != epoch);
            if is_new && lease.boot == boot && ask.take.contains(mud) && self.drained.contains(boot) {
                return Err(format!("{boot} takes {mud} though it was drained"));
            }
            let until = now + lease.left;
            leases.insert(mud.clone(), Lease { boot: lease.boot.clone(), epoch, until });
        }
        self.leases = leases;
        Ok(())
    }

    fn sent(&mut self, now: Instant, link: u64, mud: &str, kind: &str) -> Verdict {
        let Some(open) = self.links.get_mut(&link) else { return Ok(()) };
        open.mud = mud.to_owned();
        let gateway = open.gateway;
        let boot = self.boots.get(&gateway).map_or("", String::as_str);
        match self.leases.get(mud).filter(|lease| lease.until > now) {
            None => return Err(format!("{boot} sends a {kind} of {mud}, whose lease has run out")),
            Some(lease) if lease.boot != boot => {
                return Err(format!("{boot} sends a {kind} of {mud}, which {} has", lease.boot));
            }
            _ => {}
        }
        let awake = |one: &Open| self.asleep.get(&one.gateway).is_none_or(|until| *until <= now);
        let other = self.links.values().find(|one| one.gateway != gateway && one.mud == mud && awake(one));
        match other.filter(|_| kind == "startup-req-3") {
            Some(other) => Err(format!(
                "{boot} logs in as {mud} while {} has a connection of that name",
                self.boots.get(&other.gateway).map_or("", String::as_str)
            )),
            None => Ok(()),
        }
    }
}

impl Oracle for Holders {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::NodeStarted { gateway, boot, .. } => {
                self.boots.insert(*gateway, boot.clone());
                self.asleep.remove(gateway);
            }
            Fact::Asleep { gateway, until } => drop(self.asleep.insert(*gateway, *until)),
            Fact::Beaten { boot, ask, beaten, .. } => return self.beaten(now, boot, ask, beaten),
            Fact::LinkOpen { link, gateway, .. } => {
                self.links.insert(*link, Open { gateway: *gateway, mud: String::new() });
            }
            Fact::LinkOver { link, .. } => drop(self.links.remove(link)),
            Fact::FrameSent { link, frame } if !view.is_closed(*link) => {
                return self.sent(now, *link, &frame.from_mud, &frame.kind);
            }
            Fact::Said { session, message } => {
                let is_drained = message["result"]["status"] == "drained";
                let one = view.sessions.get(session);
                if let Some(one) =
                    one.filter(|_| is_drained && view.asked(*session, message) == Some(&Asked::Drain))
                    && let Some(boot) = self.boots.get(&one.gateway)
                {
                    let has = |open: &&Open| open.gateway == one.gateway && !open.mud.is_empty();
                    if let Some(Open { mud, .. }) = self.links.values().find(has) {
                        return Err(format!("{boot} says that it is drained, and is logged in as {mud}"));
                    }
                    self.drained.insert(boot.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
