//! A small network in virtual time: machines, the byte pipes between them, and scripted peers. No socket, no thread, no
//! clock; the same seed gives the same run.

use bytes::Bytes;
use i3_core::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, Refused, Saved, settle};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now, UnixTime};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that a driver takes for one write.
const WRITE_BYTES: usize = 262_144;

/// Deliveries without virtual time passing, above which the world is going in circles.
const DELIVERIES_AT_ONCE_MAX: usize = 2_000_000;

/// A machine of any kind.
trait AnyMachine: Take {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn accept(&mut self, now: Now, on: Listener) -> Result<ConnId, Refused>;
    fn handle(&mut self, now: Now, input: Input<'_>);
    fn settle(&mut self, now: Now, perform: &mut dyn FnMut(&mut dyn Take, Output)) -> Option<Instant>;
}

/// The part of a machine that outputs are carried out with.
trait Take {
    fn take(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize;
}

impl<M: Machine> Take for M {
    fn take(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.take_bytes(conn, budget, into)
    }
}

impl<M: Machine + 'static> AnyMachine for M {
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn accept(&mut self, now: Now, on: Listener) -> Result<ConnId, Refused> {
        Machine::accept(self, now, on, SocketAddr::from(([127, 0, 0, 1], 50_000)))
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        Machine::handle(self, now, input);
    }

    fn settle(&mut self, now: Now, perform: &mut dyn FnMut(&mut dyn Take, Output)) -> Option<Instant> {
        settle(self, now, |machine, output| perform(machine, output)).map(|(at, _)| at)
    }
}

/// One end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Node(usize, ConnId),
    Script(usize),
}

struct Node {
    name: String,
    machine: Option<Box<dyn AnyMachine>>,
    deadline: Option<Instant>,
    /// What its store holds: all that it saved has been acknowledged.
    saved: BTreeMap<(String, String), Vec<u8>>,
    stopped: bool,
    /// What it saves fails.
    disk_full: bool,
}

/// A peer whose bytes the test writes and reads itself.
#[derive(Default)]
struct Script {
    peer: Option<End>,
    received: Vec<u8>,
}

/// What is under way to an end.
enum Delivery {
    Bytes(End, Vec<u8>),
    Closed(End),
}

/// The network.
pub struct World {
    nodes: Vec<Node>,
    scripts: Vec<Script>,
    pipes: BTreeMap<End, End>,
    now: Now,
    under_way: VecDeque<Delivery>,
    /// Ends of machines that do not want to read now, with what came for them since.
    held: BTreeMap<End, VecDeque<Delivery>>,
    /// Ends of machines whose peer does not read: what they write stays on the way, and is not flushed.
    stalled: BTreeSet<End>,
    /// What was taken from those of `stalled`.
    owed: BTreeMap<End, Vec<u8>>,
    /// Host names at which scripts answer, and the scripts that were dialed there.
    hosts: BTreeMap<String, Vec<usize>>,
    /// The largest piece in which bytes are delivered.
    chunk: usize,
    rng: fastrand::Rng,
    /// All that the machines told their operators.
    pub notices: Vec<Notice>,
    /// Connections that were refused.
    pub refused: Vec<Refused>,
}

/// The port that stands for a listener.
pub fn port(on: Listener) -> u16 {
    match on {
        Listener::Http => 8080,
        Listener::Lines => 8081,
        Listener::Mud => 4000,
    }
}

impl World {
    /// An empty one. Bytes are delivered in pieces of 1 to `chunk`, drawn from `seed`.
    pub fn new(seed: u64, chunk: usize) -> World {
        World {
            nodes: Vec::new(),
            scripts: Vec::new(),
            pipes: BTreeMap::new(),
            now: Now {
                mono: Instant::from_micros(1_000_000),
                unix: UnixTime::from_micros(1_795_400_000_000_000),
            },
            under_way: VecDeque::new(),
            held: BTreeMap::new(),
            stalled: BTreeSet::new(),
            owed: BTreeMap::new(),
            hosts: BTreeMap::new(),
            chunk,
            rng: fastrand::Rng::with_seed(seed),
            notices: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Adds a machine under a name, or starts one of that name again. `make` gets what was saved.
    pub fn start<M: Machine + 'static>(&mut self, name: &str, make: impl FnOnce(&Saved, Now) -> M) {
        let at = self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            let saved = BTreeMap::new();
            self.nodes.push(Node {
                name: name.to_owned(),
                machine: None,
                deadline: None,
                saved,
                stopped: false,
                disk_full: false,
            });
            self.nodes.len() - 1
        });
        let entries = self.nodes[at].saved.iter().map(|((space, key), value)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        });
        let saved = Saved { entries: entries.collect() };
        self.nodes[at].machine = Some(Box::new(make(&saved, self.now)));
        self.nodes[at].stopped = false;
        self.run();
    }

    /// A machine is gone without a word; its connections are closed by the system, its store stays.
    pub fn crash(&mut self, name: &str) {
        let at = self.node(name);
        self.nodes[at].machine = None;
        self.nodes[at].deadline = None;
        let ends: Vec<End> = self
            .pipes
            .keys()
            .filter(|end| matches!(end, End::Node(node, _) if *node == at))
            .copied()
            .collect();
        for end in ends {
            self.unlink(end);
        }
        self.run();
    }

    /// A machine is told to end.
    pub fn shut_down(&mut self, name: &str) {
        let at = self.node(name);
        self.input(at, Input::Shutdown);
        self.run();
    }

    /// Whether a machine said that it has ended.
    pub fn has_stopped(&self, name: &str) -> bool {
        self.nodes[self.node(name)].stopped
    }

    /// Whether there is a machine of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }

    /// The machine of that name, to look at.
    pub fn machine<M: Machine + 'static>(&self, name: &str) -> &M {
        self.nodes[self.node(name)]
            .machine
            .as_ref()
            .and_then(|machine| (**machine).as_any().downcast_ref())
            .unwrap_or_else(|| panic!("{name} is not running, or is another kind of machine"))
    }

    /// Does something to the machine of that name that is no input, as a driver's handle does.
    pub fn with<M: Machine + 'static, R>(&mut self, name: &str, act: impl FnOnce(&mut M, Now) -> R) -> R {
        let (at, now) = (self.node(name), self.now);
        let machine =
            self.nodes[at].machine.as_mut().and_then(|machine| (**machine).as_any_mut().downcast_mut());
        let result = act(machine.unwrap_or_else(|| panic!("{name} is another kind of machine")), now);
        self.run();
        result
    }

    /// From here on, what a machine saves is written, or fails.
    pub fn set_disk(&mut self, name: &str, works: bool) {
        let at = self.node(name);
        self.nodes[at].disk_full = !works;
    }

    /// From here on, a scripted peer answers whoever dials that host.
    pub fn listen(&mut self, host: &str) {
        self.hosts.entry(host.to_owned()).or_default();
    }

    /// The script that was last dialed at a host of [`World::listen`].
    pub fn dialed(&self, host: &str) -> Option<usize> {
        self.hosts.get(host)?.last().copied()
    }

    fn node(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// A scripted peer connects to a machine. Gives its number, or `None` when it was refused.
    pub fn connect(&mut self, to: &str, on: Listener) -> Option<usize> {
        let script = self.scripts.len();
        self.scripts.push(Script::default());
        let at = self.node(to);
        let conn = self.accept(at, on)?;
        self.link(End::Script(script), End::Node(at, conn));
        self.run();
        Some(script)
    }

    fn accept(&mut self, at: usize, on: Listener) -> Option<ConnId> {
        let now = self.now;
        match self.nodes[at].machine.as_mut()?.accept(now, on) {
            Ok(conn) => Some(conn),
            Err(refused) => {
                self.refused.push(refused);
                None
            }
        }
    }

    fn link(&mut self, a: End, b: End) {
        self.pipes.insert(a, b);
        self.pipes.insert(b, a);
        for (end, peer) in [(a, b), (b, a)] {
            if let End::Script(script) = end {
                self.scripts[script].peer = Some(peer);
            }
        }
    }

    /// Takes a pipe away; the other end learns of it after all that is under way.
    fn unlink(&mut self, end: End) {
        if let End::Script(script) = end {
            self.scripts[script].peer = None;
        }
        self.forget(end);
        if let Some(peer) = self.pipes.remove(&end) {
            self.pipes.remove(&peer);
            self.deliver(Delivery::Closed(peer));
        }
    }

    fn forget(&mut self, end: End) {
        self.held.remove(&end);
        self.stalled.remove(&end);
        self.owed.remove(&end);
    }

    fn deliver(&mut self, delivery: Delivery) {
        let (Delivery::Bytes(to, _) | Delivery::Closed(to)) = &delivery;
        match self.held.get_mut(to) {
            Some(held) => held.push_back(delivery),
            None => self.under_way.push_back(delivery),
        }
    }

    /// A scripted peer reads no more: one write of its machine stays on the way, the rest with the machine.
    pub fn stall(&mut self, script: usize) {
        self.stalled.extend(self.scripts[script].peer);
    }

    /// A scripted peer reads again.
    pub fn resume(&mut self, script: usize) {
        let Some(end @ End::Node(at, conn)) = self.scripts[script].peer else { return };
        self.stalled.remove(&end);
        if let Some(bytes) = self.owed.remove(&end) {
            self.perform(at, Output::Write { conn }, bytes);
        }
        self.run();
    }

    /// A scripted peer writes.
    pub fn write(&mut self, script: usize, bytes: &[u8]) {
        if let Some(peer) = self.scripts[script].peer {
            self.deliver(Delivery::Bytes(peer, bytes.to_vec()));
        }
        self.run();
    }

    /// What a scripted peer has received and not yet taken.
    pub fn received(&mut self, script: usize) -> &mut Vec<u8> {
        &mut self.scripts[script].received
    }

    /// Whether a scripted peer's connection is open.
    pub fn is_open(&self, script: usize) -> bool {
        self.scripts[script].peer.is_some()
    }

    /// A scripted peer closes.
    pub fn close(&mut self, script: usize) {
        self.unlink(End::Script(script));
        self.run();
    }

    fn input(&mut self, at: usize, input: Input<'_>) {
        let now = self.now;
        if let Some(machine) = &mut self.nodes[at].machine {
            machine.handle(now, input);
            self.settle(at);
        }
    }

    /// Carries out what a machine wants done.
    fn settle(&mut self, at: usize) {
        loop {
            let now = self.now;
            let Some(mut machine) = self.nodes[at].machine.take() else { return };
            let mut outputs = Vec::new();
            let deadline = machine.settle(now, &mut |machine, output| {
                let mut bytes = Vec::new();
                if let Output::Write { conn } = &output {
                    machine.take(*conn, WRITE_BYTES, &mut bytes);
                }
                outputs.push((output, bytes.concat()));
            });
            self.nodes[at].machine = Some(machine);
            self.nodes[at].deadline = deadline;
            if outputs.is_empty() {
                return;
            }
            for (output, bytes) in outputs {
                self.perform(at, output, bytes);
            }
        }
    }

    fn perform(&mut self, at: usize, output: Output, bytes: Vec<u8>) {
        let now = self.now;
        let answer = |world: &mut World, input: Input<'_>| {
            if let Some(machine) = &mut world.nodes[at].machine {
                machine.handle(now, input);
            }
        };
        match output {
            Output::Write { conn } if self.stalled.contains(&End::Node(at, conn)) => {
                self.owed.insert(End::Node(at, conn), bytes);
            }
            Output::Write { conn } => {
                if let Some(peer) = self.pipes.get(&End::Node(at, conn)).copied() {
                    self.deliver(Delivery::Bytes(peer, bytes));
                }
                answer(self, Input::Flushed { conn });
            }
            Output::Close { conn } => self.unlink(End::Node(at, conn)),
            Output::Dial { conn, host, port } => self.dial(at, conn, &host, port),
            Output::Save { ticket, .. } if self.nodes[at].disk_full => {
                answer(self, Input::Saved { ticket, outcome: Err("no space left on device".to_owned()) });
            }
            Output::Save { ticket, changes } => {
                self.save(at, changes);
                answer(self, Input::Saved { ticket, outcome: Ok(()) });
            }
            Output::Notice(notice) => {
                let faulty = self.nodes[at].disk_full;
                assert!(
                    faulty || notice.level != Level::Error,
                    "an error in a world without faults: {notice}"
                );
                self.notices.push(notice);
            }
            Output::Stopped => self.nodes[at].stopped = true,
            Output::Read { conn, enabled: false } => {
                self.held.entry(End::Node(at, conn)).or_default();
            }
            Output::Read { conn, enabled: true } => {
                // What came meanwhile was there before anything that is under way.
                for delivery in self.held.remove(&End::Node(at, conn)).into_iter().flatten().rev() {
                    self.under_way.push_front(delivery);
                }
            }
        }
    }

    fn save(&mut self, at: usize, changes: Vec<Change>) {
        for Change { space, key, value } in changes {
            match value {
                Some(value) => drop(self.nodes[at].saved.insert((space, key), value)),
                None => drop(self.nodes[at].saved.remove(&(space, key))),
            }
        }
    }

    fn dial(&mut self, at: usize, conn: ConnId, host: &str, to_port: u16) {
        if let Some(dialed) = self.hosts.get_mut(host) {
            dialed.push(self.scripts.len());
            let script = End::Script(self.scripts.len());
            self.scripts.push(Script::default());
            self.link(End::Node(at, conn), script);
            if let Some(machine) = &mut self.nodes[at].machine {
                machine.handle(self.now, Input::Dialed { conn });
            }
            return;
        }
        let on = [Listener::Http, Listener::Lines, Listener::Mud].into_iter().find(|on| port(*on) == to_port);
        let to = self.nodes.iter().position(|node| node.name == host && node.machine.is_some());
        let accepted = match (on, to) {
            (Some(on), Some(to)) if to != at => self.accept(to, on).map(|peer| (to, peer)),
            _ => None,
        };
        let now = self.now;
        let Some(machine) = &mut self.nodes[at].machine else { return };
        match accepted {
            Some((to, peer)) => {
                machine.handle(now, Input::Dialed { conn });
                self.link(End::Node(at, conn), End::Node(to, peer));
                self.settle(to);
            }
            None => {
                machine.handle(now, Input::Lost { conn, by: LostBy::Error("connection refused".to_owned()) });
            }
        }
    }

    /// Delivers until nothing is under way and nobody has anything to do at this time.
    fn run(&mut self) {
        for at in 0..self.nodes.len() {
            self.settle(at);
        }
        for _ in 0..DELIVERIES_AT_ONCE_MAX {
            match self.under_way.pop_front() {
                None => return,
                Some(Delivery::Bytes(End::Script(script), bytes)) => {
                    self.scripts[script].received.extend_from_slice(&bytes);
                }
                Some(Delivery::Bytes(end @ End::Node(at, conn), bytes)) => {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        if let Some(held) = self.held.get_mut(&end) {
                            held.push_back(Delivery::Bytes(end, rest.to_vec()));
                            break;
                        }
                        let most = self.chunk.min(rest.len());
                        let (piece, later) = rest.split_at(self.rng.usize(1..=most));
                        rest = later;
                        self.input(at, Input::Received { conn, bytes: piece });
                    }
                }
                Some(Delivery::Closed(End::Script(script))) => self.scripts[script].peer = None,
                Some(Delivery::Closed(end @ End::Node(at, conn))) => {
                    self.forget(end);
                    self.input(at, Input::Lost { conn, by: LostBy::EndOfStream });
                }
            }
        }
        panic!("the machines answer each other without end");
    }

    /// Lets time pass, from deadline to deadline.
    pub fn wait(&mut self, duration: Duration) {
        let until = self.now.mono + duration;
        while self.step(until) {}
    }

    /// Goes to the next deadline, or to `until` if that comes first. Says whether time is left.
    pub fn step(&mut self, until: Instant) -> bool {
        let next = self.nodes.iter().filter_map(|node| node.deadline).min();
        let to = next.map_or(until, |next| next.clamp(self.now.mono, until));
        let passed = to.since(self.now.mono);
        let unix = UnixTime::from_micros(self.now.unix.micros() + passed.as_micros() as u64);
        self.now = Now { mono: to, unix };
        self.run();
        to < until
    }
}
