//! The model of the table of leases, and nodes whose links end as soon as they are told to.

use crate::cx::testing::Bench;
use crate::ids::MudId;
use crate::machine::{Beat, Beaten, Fence, Lease, Node, SaveTicket};
use crate::nodes::leases::{Leases, Step};
use crate::settings::{NodeSettings, Settings};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// One step of time.
const TICK: Duration = Duration::from_millis(20);

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Returns settings with this many muds, each with a router of its own or all with the same.
pub(crate) fn settings(muds: usize, one_router: bool) -> Settings {
    let mut settings = Bench::default().settings;
    let first = settings.muds[0].clone();
    settings.muds = (0..muds)
        .map(|at| {
            let mut mud = first.clone();
            mud.name = format!("Mud{at}");
            mud.routers[0].port = if one_router { 1 } else { 1 + at as u16 };
            mud
        })
        .collect();
    settings
}

/// The tables of leases and nodes.
#[derive(Default)]
pub(crate) struct Table {
    leases: BTreeMap<String, (u64, String, Instant)>,
    nodes: BTreeMap<String, (String, Instant, bool)>,
}

impl Table {
    /// Carries out a beat. Returns whether it has changed whose a lease is.
    pub(crate) fn beat(&mut self, now: Instant, (name, boot): (&str, &str), ask: &Beat) -> bool {
        self.nodes.insert(name.to_owned(), (boot.to_owned(), now, ask.is_draining));
        if ask.is_gone {
            self.nodes.remove(name);
        }
        let mut has_changed = false;
        for (fences, until) in [(&ask.keep, now + LEASE), (&ask.leave, now)] {
            for Fence { mud, epoch } in fences {
                let Some(lease) = self.leases.get_mut(mud) else { continue };
                if lease.0 == *epoch && lease.1 == boot {
                    lease.2 = until;
                    if until == now {
                        has_changed = true;
                        lease.1.clear();
                    }
                }
            }
        }
        for mud in &ask.take {
            let lease = self.leases.entry(mud.clone()).or_insert((0, String::new(), now));
            if lease.2 <= now {
                *lease = (lease.0 + 1, boot.to_owned(), now + LEASE);
                has_changed = true;
            }
        }
        has_changed
    }

    pub(crate) fn view(&self, now: Instant) -> Beaten {
        let running = self.leases.iter().filter(|(_, lease)| lease.2 > now);
        let nodes = self.nodes.iter().filter(|(_, (_, seen, _))| *seen + LEASE * 3 > now);
        Beaten {
            leases: running
                .map(|(mud, (epoch, boot, until))| Lease {
                    fence: Fence { mud: mud.clone(), epoch: *epoch },
                    boot: boot.clone(),
                    left: until.since(now),
                })
                .collect(),
            nodes: nodes
                .map(|(name, (boot, _, is_draining))| Node {
                    name: name.clone(),
                    boot: boot.clone(),
                    is_draining: *is_draining,
                })
                .collect(),
        }
    }

    /// Removes a lease by hand.
    pub(super) fn remove(&mut self, mud: &str) {
        self.leases.remove(mud);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }
}

/// A node, and the links that it runs.
pub(super) struct Running {
    pub(super) name: String,
    boot: String,
    pub(super) leases: Leases,
    pub(super) links: BTreeMap<MudId, u64>,
    pub(super) steps: Vec<Step>,
    /// The node does nothing, like one that is stopped.
    pub(super) is_paused: bool,
    /// The node cannot reach the database.
    pub(super) is_cut_off: bool,
    told: bool,
    /// The timer of the node.
    due: Option<Instant>,
}

pub(super) struct Rig {
    pub(super) now: Instant,
    pub(super) settings: Settings,
    pub(super) table: Table,
    pub(super) nodes: Vec<Running>,
    pub(super) keeps: bool,
    /// Number of times that a node has begun to run a link.
    pub(super) moves: usize,
    boots: usize,
    /// The node that has run a mud under each lease.
    used: BTreeMap<(MudId, u64), String>,
}

impl Rig {
    pub(super) fn new(muds: usize) -> Rig {
        Rig::with(settings(muds, false))
    }

    pub(super) fn with(settings: Settings) -> Rig {
        Rig {
            now: Instant::from_micros(1),
            settings,
            table: Table::default(),
            nodes: Vec::new(),
            keeps: false,
            moves: 0,
            boots: 0,
            used: BTreeMap::new(),
        }
    }

    pub(super) fn join(&mut self, name: &str) {
        self.boots += 1;
        let boot = format!("{name}.{}", self.boots);
        let node = NodeSettings {
            name: name.to_owned(),
            boot: boot.clone(),
            lease: LEASE,
            keeps_without_database: self.keeps,
        };
        self.nodes.push(Running {
            name: name.to_owned(),
            boot,
            leases: Leases::new(&self.settings, &node, self.now),
            links: BTreeMap::new(),
            steps: Vec::new(),
            is_paused: false,
            is_cut_off: false,
            told: false,
            due: Some(self.now),
        });
    }

    /// A node is killed: its leases stay until they run out.
    pub(super) fn kill(&mut self, name: &str) {
        self.nodes.retain(|node| node.name != name);
    }

    pub(super) fn node(&mut self, name: &str) -> &mut Running {
        self.nodes.iter_mut().find(|node| node.name == name).expect("a node that has joined")
    }

    /// Asks a node for something.
    pub(super) fn ask(&mut self, name: &str, what: impl FnOnce(&mut Leases)) {
        let at = self.nodes.iter().position(|node| node.name == name).expect("a node that has joined");
        what(&mut self.nodes[at].leases);
        self.advance(at);
    }

    pub(super) fn counts(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| node.links.len()).collect()
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + TICK;
            for at in 0..self.nodes.len() {
                self.turn(at);
            }
            self.check();
        }
    }

    /// Waits until something is so. Returns how long that took.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Rig) -> bool) -> Duration {
        let from = self.now;
        while !is_so(self) {
            self.wait(TICK);
            assert!(self.now.since(from) < seconds(120.0), "{what} does not happen: {:?}", self.counts());
        }
        self.now.since(from)
    }

    /// No mud is run by two nodes.
    fn check(&self) {
        let mut run = BTreeSet::new();
        for node in &self.nodes {
            for mud in node.links.keys() {
                // A node that does nothing sends nothing either.
                assert!(node.is_paused || run.insert(*mud), "two nodes run {mud} at {:?}", self.now);
            }
        }
    }

    /// Lets a node do what is due.
    pub(super) fn turn(&mut self, at: usize) {
        let (now, node) = (self.now, &mut self.nodes[at]);
        if node.is_paused {
            return;
        }
        let ended = node.leases.ended(now);
        self.carry_out(at, ended);
        let node = &mut self.nodes[at];
        if std::mem::take(&mut node.told) && !node.is_cut_off {
            node.leases.told(now, self.table.view(now));
            self.advance(at);
        }
        // What an answer brings may have to be given at once.
        for round in 0.. {
            if self.nodes[at].due.is_none_or(|due| due > now) {
                break;
            }
            assert!(round < 3, "{} has something to do again and again", self.nodes[at].name);
            self.advance(at);
        }
    }

    fn advance(&mut self, at: usize) {
        self.beat(at);
        let node = &mut self.nodes[at];
        node.due = node.leases.due_at(self.now);
    }

    fn beat(&mut self, at: usize) {
        let (now, node) = (self.now, &mut self.nodes[at]);
        node.leases.look(now);
        node.leases.give(now);
        for mud in node.leases.leaving() {
            node.links.remove(&mud);
            node.leases.left(mud, SaveTicket(1));
        }
        node.leases.give_back(SaveTicket(2));
        let Some((beat, ask)) = node.leases.poll_beat(now) else { return };
        if node.is_cut_off {
            return node.leases.failed(now, beat);
        }
        let who = (node.name.clone(), node.boot.clone());
        if self.table.beat(now, (&who.0, &who.1), &ask) {
            self.nodes.iter_mut().for_each(|node| node.told = true);
        }
        let steps = self.nodes[at].leases.answered(now, beat, self.table.view(now));
        self.carry_out(at, steps);
    }

    pub(super) fn carry_out(&mut self, at: usize, steps: Vec<Step>) {
        let node = &mut self.nodes[at];
        for step in &steps {
            match step {
                Step::Taken(mud, epoch) | Step::TakenAgain(mud, epoch) => {
                    let user = self.used.entry((*mud, *epoch)).or_insert_with(|| node.boot.clone());
                    assert!(*user == node.boot, "two nodes use the lease {epoch} on {mud}");
                    self.moves += usize::from(node.links.insert(*mud, *epoch).is_none());
                }
                Step::Lost(mud, _) | Step::Lapsed(mud) | Step::Returned(mud) => {
                    node.links.remove(mud);
                }
                Step::Alone => {}
            }
        }
        node.steps.extend(steps);
    }
}
