//! A small network in virtual time: machines, the connections between them, and scripted peers. No socket, no thread, no
//! clock; the same seed gives the same run.
//!
//! Without a [`Weather`] nothing takes time and nothing fails: what the scenario files play in. The simulator
//! ([`crate::sim`]) sends weather, breaks connections and machines, and reads the [`Record`]s of what happened.

mod attached;
mod node;
pub mod shared;
mod tcp;

pub use attached::EngineWeather;
pub use tcp::End;

use attached::{Open, Trip};

use i3_core::machine::{
    Beat, Beaten, Change, Clear, ConnId, Fence, Input, Listener, LostBy, Machine, Output, Refused, SaveError,
    SaveTicket, Saved, SmolStr, Told,
};
use i3_core::notice::{Level, Notice};
use i3_core::query::{Page, Query};
use i3_core::time::{Instant, Now, UnixTime};
use node::{Node, Pending, Use};
use shared::{Engine, Save};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tcp::{Piece, Tcp};

/// Bytes that a driver takes for one write.
const WRITE_BYTES: usize = 262_144;

/// Events without virtual time passing, above which the world is going in circles.
const EVENTS_AT_ONCE_MAX: usize = 2_000_000;

/// Bytes that the system takes for a peer that is gone without a word, before it takes no more.
const DEAF_BYTES: usize = 16_384;

/// How long the system tries to reach a host that does not answer.
const DIAL_GIVEN_UP_AFTER: Duration = Duration::from_secs(127);

/// How the network is. The default is a world without faults, in which nothing takes time.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// The largest piece in which bytes are delivered, where they are cut.
    pub chunk: usize,
    /// The chance that what an end has written at once is delivered in pieces.
    pub cuts: f64,
    /// The most that a machine's driver takes for one write.
    pub write_bytes: usize,
    /// How long bytes travel, at most.
    pub delay: Duration,
    /// How long a write may take to be flushed, at most.
    pub flush_delay: Duration,
    /// The chance that a machine is given the next thing before its outputs are carried out.
    pub batch: f64,
    /// How long a save takes, at most.
    pub save_delay: Duration,
    /// The chance that a save fails.
    pub save_fails: f64,
    /// How long a dial takes, at most.
    pub dial_delay: Duration,
    /// The chance that a dial is refused.
    pub dial_refused: f64,
    /// The chance that a dial is never answered.
    pub dial_lost: f64,
    /// The chance that a machine hears once more of a connection that it has closed.
    pub late_reports: f64,
}

impl Default for Weather {
    fn default() -> Self {
        Weather {
            chunk: usize::MAX,
            cuts: 1.0,
            write_bytes: WRITE_BYTES,
            delay: Duration::ZERO,
            flush_delay: Duration::ZERO,
            batch: 0.0,
            save_delay: Duration::ZERO,
            save_fails: 0.0,
            dial_delay: Duration::ZERO,
            dial_refused: 0.0,
            dial_lost: 0.0,
            late_reports: 0.0,
        }
    }
}

#[allow(missing_docs, reason = "the variants say it")]
/// What happened, for who watches. A connection has a number that no other has, and two sides: 0 dialed, 1 was dialed.
#[derive(Clone, Debug)]
pub enum Record {
    /// A machine was started (again).
    Started { node: usize },
    /// A machine is gone without a word.
    Crashed { node: usize },
    /// A machine said that it has ended.
    Stopped { node: usize },
    /// A machine dials.
    Dials { node: usize, host: String },
    /// A connection is open; a machine dialed that host.
    Opened { tcp: u64, from: End, to: End, on: Option<Listener>, host: Option<String> },
    /// A machine did not accept a connection.
    Refused { node: usize, why: Refused },
    /// An end gave bytes to its system.
    Wrote { tcp: u64, side: usize, bytes: Vec<u8> },
    /// Bytes are about to be given to the end of this side.
    Arrived { tcp: u64, side: usize, count: usize },
    /// The end of this side has closed, or learns that the connection is gone. `unflushed`: it had more to write.
    Over { tcp: u64, side: usize, unflushed: bool },
    /// A machine learns that a save is on disk, or failed.
    Saved { node: usize, changes: Vec<Change>, good: bool },
    /// The engine that nodes share has written a save of a node.
    Committed { node: usize, fences: Vec<Fence>, told: Told },
    /// The engine has done what a node asked of the leases.
    Beaten { node: usize, boot: String, ask: Beat, beaten: Beaten },
    /// A node learns that it has asked for the leases in vain, or without an answer.
    BeatFailed { node: usize },
    /// A node is about to be told a row of the log.
    Told { node: usize, position: u64 },
    /// A row of the log was deleted before a node has read it. The node must start anew.
    Hole { node: usize },
    /// A machine tells its operator.
    Noticed { node: usize, notice: Notice },
    /// A machine broke the contract.
    Broke { node: usize, how: String },
}

#[derive(Debug)]
enum Event {
    Arrive { tcp: u64, side: usize },
    Flush { node: usize, life: u64, conn: ConnId },
    Dialed { node: usize, life: u64, conn: ConnId, host: String, port: u16 },
    DialLost { node: usize, life: u64, conn: ConnId },
    Saved { node: usize, life: u64, good: bool },
    Depart { node: usize, life: u64 },
    Trip { node: usize, life: u64, trip: Trip },
    CloseOpen,
    Found { node: usize, life: u64, query: u64, outcome: Result<Page, String> },
    Lift { tcp: u64, side: usize },
    Break { tcp: u64 },
}

/// A peer whose bytes the test writes and reads itself.
#[derive(Default)]
struct Script {
    conn: Option<(u64, usize)>,
    received: Vec<u8>,
}

/// The network.
pub struct World {
    nodes: Vec<Node>,
    scripts: Vec<Script>,
    tcps: BTreeMap<u64, Tcp>,
    tcps_so_far: u64,
    now: Now,
    queue: BTreeMap<(Instant, u64), Event>,
    events_so_far: u64,
    /// Host names at which scripts answer, and the scripts that were dialed there.
    hosts: BTreeMap<String, Vec<usize>>,
    rng: fastrand::Rng,
    /// All machines that share the engine dial from one address.
    pub has_one_address: bool,
    /// What nodes share.
    engine: Option<Engine>,
    /// Transactions there that have not ended.
    open: Vec<Open>,
    /// See [`Weather`]; may be changed at any time.
    pub weather: Weather,
    /// See [`EngineWeather`]; may be changed at any time.
    pub engine_weather: EngineWeather,
    /// What happened since this was last taken, if somebody watches.
    pub records: Option<Vec<Record>>,
    /// All that the machines told their operators, if nobody watches.
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
        Listener::Irc => 6667,
    }
}

impl World {
    /// An empty one. Bytes are delivered in pieces of 1 to `chunk`, drawn from `seed`.
    pub fn new(seed: u64, chunk: usize) -> World {
        World {
            nodes: Vec::new(),
            scripts: Vec::new(),
            tcps: BTreeMap::new(),
            tcps_so_far: 0,
            now: Now {
                mono: Instant::from_micros(1_000_000),
                unix: UnixTime::from_micros(1_795_400_000_000_000),
            },
            queue: BTreeMap::new(),
            events_so_far: 0,
            hosts: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            has_one_address: false,
            engine: None,
            open: Vec::new(),
            engine_weather: EngineWeather::default(),
            weather: Weather { chunk, ..Weather::default() },
            records: None,
            notices: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.now
    }

    fn record(&mut self, record: impl FnOnce() -> Record) {
        if let Some(records) = &mut self.records {
            records.push(record());
        }
    }

    /// A rule of the contract is broken: a test fails at once, who watches is told.
    fn broke(&mut self, node: usize, how: String) {
        match &mut self.records {
            Some(records) => records.push(Record::Broke { node, how }),
            None => panic!("{} {how}", self.nodes[node].name),
        }
    }

    fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.rng.f64() < chance
    }

    /// A time up to `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(if most.is_zero() { 0 } else { self.rng.u64(0..=most.as_micros() as u64) })
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.events_so_far += 1;
        self.queue.insert((at, self.events_so_far), event);
    }
}

/// Machines.
impl World {
    /// Adds a machine under a name, or starts one of that name again. `make` gets what was saved.
    pub fn start<M: Machine + 'static>(&mut self, name: &str, make: impl FnOnce(&Saved, Now) -> M) {
        self.start_after(name, |_| Vec::new(), make);
    }

    /// The same for a machine whose host first saves what `before` says, for sure.
    pub fn start_after<M: Machine + 'static>(
        &mut self,
        name: &str,
        before: impl FnOnce(&Saved) -> Vec<Change>,
        make: impl FnOnce(&Saved, Now) -> M,
    ) {
        let at = self.place_of(name);
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        // One that ended in order has waited for its store.
        for pending in std::mem::take(&mut node.saving) {
            let changes = node.all_changes(&pending.clear, pending.changes);
            node.store(changes);
        }
        let saved = node.saved();
        node.store(before(&saved));
        node.machine = Some(Box::new(make(&saved, now)));
        node.life += 1;
        (node.stopped, node.dirty, node.last_ticket) = (false, true, None);
        self.record(|| Record::Started { node: at });
        self.run();
    }

    /// The place of a machine of this name, which is new if there is none.
    fn place_of(&mut self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            self.nodes.push(Node::new(name));
            self.nodes.len() - 1
        })
    }

    /// A machine is gone without a word; its connections are closed by the system, its store stays.
    pub fn crash(&mut self, name: &str) {
        self.crash_with(name, true);
    }

    /// The same; unless `told`, its peers do not learn of it before the connections are broken. Of the saves that are
    /// under way the first few are on disk.
    pub fn crash_with(&mut self, name: &str, told: bool) {
        let at = self.node(name);
        let node = &mut self.nodes[at];
        (node.machine, node.deadline, node.dirty) = (None, None, false);
        node.paused_until = Instant::ORIGIN;
        if node.shared.is_some() {
            // What was not sent to the engine is lost.
            node.saving.clear();
        }
        let kept = self.rng.usize(0..=node.saving.len());
        for (place, pending) in std::mem::take(&mut node.saving).into_iter().enumerate() {
            if place < kept {
                let changes = node.all_changes(&pending.clear, pending.changes);
                node.store(changes);
            }
        }
        self.record(|| Record::Crashed { node: at });
        for (conn, used) in std::mem::take(&mut self.nodes[at].conns) {
            if let Use::Open { tcp, side } = used {
                if told {
                    self.leave(tcp, side);
                } else {
                    self.vanish(tcp, side);
                }
            }
            self.nodes[at].writing.remove(&conn);
        }
        self.run();
    }

    /// A machine gets no time for a while: what comes for it waits.
    pub fn pause(&mut self, name: &str, time: Duration) {
        let at = self.node(name);
        self.nodes[at].paused_until = self.now.mono + time;
    }

    /// All machines sleep at once: the time has passed when they wake.
    pub fn suspend(&mut self, time: Duration) {
        self.advance(self.now.mono + time);
    }

    /// The wall clock is set, that many seconds on or back.
    pub fn set_clock(&mut self, seconds: i64) {
        let micros = (self.now.unix.micros() as i64).saturating_add(seconds * 1_000_000);
        self.now.unix = UnixTime::from_micros(micros.max(0) as u64);
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

    /// Whether a machine runs.
    pub fn is_running(&self, name: &str) -> bool {
        self.nodes[self.node(name)].machine.is_some()
    }

    /// Whether a machine runs and gets time: whatever is done to it that is no input, it must be able to answer.
    pub fn is_awake(&self, name: &str) -> bool {
        self.is_running(name) && self.nodes[self.node(name)].paused_until <= self.now.mono
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
        let at = self.node(name);
        let now = self.now_of(at);
        let machine =
            self.nodes[at].machine.as_mut().and_then(|machine| (**machine).as_any_mut().downcast_mut());
        let result = act(machine.unwrap_or_else(|| panic!("{name} is another kind of machine")), now);
        self.nodes[at].dirty = true;
        self.run();
        result
    }

    /// The machine at a place, if it runs.
    pub fn machine_at<M: Machine + 'static>(&self, node: usize) -> Option<&M> {
        (**self.nodes[node].machine.as_ref()?).as_any().downcast_ref()
    }

    /// The place of a machine, as in [`Record`].
    pub fn node(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The name of a machine.
    pub fn name(&self, node: usize) -> &str {
        &self.nodes[node].name
    }

    /// What the store of a machine holds.
    pub fn stored(&self, node: usize) -> &BTreeMap<(SmolStr, SmolStr), Arc<[u8]>> {
        &self.nodes[node].store
    }

    /// How many connections a machine has, dialed ones among them.
    pub fn open_conns(&self, node: usize) -> usize {
        self.nodes[node].conns.len()
    }

    fn handle(&mut self, at: usize, input: Input<'_>) {
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        if let Some(machine) = &mut node.machine {
            machine.handle(now, input);
            node.dirty = true;
        }
    }

    /// Something for a machine, which is carried out at once or, in some weathers, with what comes next.
    fn input(&mut self, at: usize, input: Input<'_>) {
        self.handle(at, input);
        if !self.chance(self.weather.batch) {
            self.settle(at);
        }
    }

    /// Carries out what a machine wants done.
    fn settle(&mut self, at: usize) {
        loop {
            let (now, most) = (self.now_of(at), self.weather.write_bytes);
            let most = if most < WRITE_BYTES { self.rng.usize(1..=most) } else { most };
            let node = &mut self.nodes[at];
            node.dirty = false;
            let Some(machine) = &mut node.machine else { return };
            let settled = machine.settle(now, most);
            node.deadline = settled.deadline.map(|deadline| deadline + node.slept);
            if let Some(how) = settled.fault {
                self.broke(at, how);
            }
            if settled.outputs.is_empty() {
                break;
            }
            for (output, bytes) in settled.outputs {
                self.perform(at, output, bytes);
            }
        }
        self.nodes[at].just_lost.clear();
        if self.chance(self.weather.late_reports)
            && let Some(conn) = self.nodes[at].dead.pop_front()
            && !self.nodes[at].conns.contains_key(&conn)
        {
            match self.rng.u8(0..4) {
                0 => self.handle(at, Input::Flushed { conn }),
                1 => self.handle(at, Input::Dialed { conn }),
                2 => self.handle(at, Input::Lost { conn, by: LostBy::EndOfStream }),
                _ => self.handle(at, Input::Received { conn, bytes: b"late" }),
            }
        }
    }

    fn perform(&mut self, at: usize, output: Output, bytes: Vec<u8>) {
        let now = self.now.mono;
        match output {
            Output::Dial { conn, host, port } => {
                if self.nodes[at].conns.insert(conn, Use::Dialing).is_some() {
                    self.broke(at, format!("dials on {conn:?}, which is open"));
                }
                self.record(|| Record::Dials { node: at, host: host.clone() });
                let (life, wait) = (self.nodes[at].life, self.up_to(self.weather.dial_delay));
                self.schedule(now + wait, Event::Dialed { node: at, life, conn, host, port });
            }
            Output::Write { conn } => self.perform_write(at, conn, bytes),
            Output::Close { conn } => match self.nodes[at].conns.get(&conn).copied() {
                Some(Use::Open { tcp, side }) => {
                    self.leave(tcp, side);
                    self.nodes[at].bury(conn);
                }
                Some(Use::Dialing) => self.nodes[at].bury(conn),
                None if self.nodes[at].just_lost.contains(&conn) => {}
                None => self.broke(at, format!("closes {conn:?}, which is not open")),
            },
            Output::Read { conn, enabled } => match self.nodes[at].conns.get(&conn).copied() {
                Some(Use::Open { tcp, side }) => {
                    if let Some(tcp) = self.tcps.get_mut(&tcp) {
                        tcp.sides[side].held = !enabled;
                    }
                    if enabled {
                        self.schedule(now, Event::Arrive { tcp, side });
                    }
                }
                _ if self.nodes[at].just_lost.contains(&conn) => {}
                _ => self.broke(at, format!("reads from {conn:?}, which is not open")),
            },
            Output::Save { ticket, clear, changes, fences } => {
                self.perform_save(at, ticket, Save { clear, changes, fences });
            }
            Output::Query { query, ask } => self.perform_query(at, query, &ask),
            Output::Beat { beat, ask } => self.perform_beat(at, beat, ask),
            Output::Notice(notice) => {
                if self.records.is_none() {
                    let is_expected = self.nodes[at].disk_full || self.nodes[at].store_gone;
                    assert!(
                        is_expected || notice.level != Level::Error,
                        "an error in a world without faults: {notice}"
                    );
                    self.notices.push(notice);
                } else {
                    self.record(|| Record::Noticed { node: at, notice });
                }
            }
            // Notices are kept whatever the log shows.
            Output::LogLevel(_) => {}
            Output::Stopped => {
                self.nodes[at].stopped = true;
                self.record(|| Record::Stopped { node: at });
            }
        }
    }

    fn perform_write(&mut self, at: usize, conn: ConnId, bytes: Vec<u8>) {
        let node = &mut self.nodes[at];
        let Some(Use::Open { tcp, side }) = node.conns.get(&conn).copied() else {
            // What it queued before it learned of the end is given up with it.
            if !node.just_lost.contains(&conn) {
                self.broke(at, format!("writes to {conn:?}, which is not open"));
            }
            return;
        };
        if bytes.is_empty() {
            // It has closed the connection since: that comes next.
            return;
        }
        if !node.writing.insert(conn) {
            self.broke(at, format!("writes to {conn:?} before the last write was flushed"));
        }
        let count = bytes.len();
        self.push_bytes(tcp, side, bytes);
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let other = &mut stream.sides[1 - side];
        if other.deaf {
            if count <= DEAF_BYTES {
                self.flush_later(at, conn);
            }
        } else if other.stalled {
            stream.sides[side].owed = true;
        } else {
            self.flush_later(at, conn);
        }
    }

    fn flush_later(&mut self, at: usize, conn: ConnId) {
        let wait = self.up_to(self.weather.flush_delay);
        if wait.is_zero() {
            self.flushed(at, conn);
        } else {
            let life = self.nodes[at].life;
            self.schedule(self.now.mono + wait, Event::Flush { node: at, life, conn });
        }
    }

    fn flushed(&mut self, at: usize, conn: ConnId) {
        if self.nodes[at].writing.remove(&conn) {
            self.handle(at, Input::Flushed { conn });
        }
    }

    fn perform_save(&mut self, at: usize, ticket: SaveTicket, save: Save) {
        if self.nodes[at].last_ticket.is_some_and(|last| last >= ticket) {
            self.broke(at, format!("{ticket:?} comes after {:?}", self.nodes[at].last_ticket));
        }
        let node = &mut self.nodes[at];
        node.last_ticket = Some(ticket);
        if node.shared.is_some() {
            return self.perform_shared_save(at, ticket, save);
        }
        if !save.fences.is_empty() {
            self.broke(at, "names fences on one host".to_owned());
        }
        let Save { clear, changes, fences } = save;
        let clear_of_save = clear.clone();
        let node = &mut self.nodes[at];
        node.saving.push_back(Pending { ticket, clear, changes, fences });
        let life = node.life;
        let good = !self.chance(self.weather.save_fails) && self.nodes[at].takes(&clear_of_save);
        let wait = self.up_to(self.weather.save_delay);
        if wait.is_zero() && self.nodes[at].saving.len() == 1 {
            self.saved(at, good);
        } else {
            // One event for each save; which save it ends is decided by their order.
            self.schedule(self.now.mono + wait, Event::Saved { node: at, life, good });
        }
    }

    /// The answer has what was saved by now. It comes as late as that of a save.
    fn perform_query(&mut self, at: usize, query: u64, ask: &Query) {
        let fails =
            self.chance(self.weather.save_fails) || self.nodes[at].disk_full || self.nodes[at].store_gone;
        let outcome = if fails { Err("disk error".to_owned()) } else { Ok(self.nodes[at].lines(ask)) };
        let (wait, life) = (self.up_to(self.weather.save_delay), self.nodes[at].life);
        self.schedule(self.now.mono + wait, Event::Found { node: at, life, query, outcome });
    }

    fn saved(&mut self, at: usize, good: bool) {
        let Some(Pending { ticket, clear, changes, .. }) = self.nodes[at].saving.pop_front() else { return };
        let is_whole = clear == Clear::Everything;
        let changes = self.nodes[at].all_changes(&clear, changes);
        if good {
            self.nodes[at].store_gone &= !is_whole;
            self.nodes[at].store(changes.clone());
        }
        self.record(|| Record::Saved { node: at, changes, good });
        let outcome = if good { Ok(()) } else { Err(SaveError::Failed("disk full".to_owned())) };
        self.handle(at, Input::Saved { ticket, outcome });
    }
}

/// Connections.
impl World {
    /// From here on, what a machine saves is written, or fails.
    pub fn set_disk(&mut self, name: &str, works: bool) {
        let at = self.node(name);
        self.nodes[at].disk_full = !works;
    }

    /// What a machine has saved is gone. Only a save of everything is written from here on.
    pub fn lose_store(&mut self, name: &str) {
        let at = self.node(name);
        self.nodes[at].store.clear();
        self.nodes[at].store_gone = true;
        self.handle(at, Input::StoreLost { reason: "the file was removed".to_owned() });
        self.run();
    }

    /// From here on, a scripted peer answers whoever dials that host.
    pub fn listen(&mut self, host: &str) {
        self.hosts.entry(host.to_owned()).or_default();
    }

    /// Nobody answers there in a script any more.
    pub fn listen_no_more(&mut self, host: &str) {
        self.hosts.remove(host);
    }

    /// The scripts that were dialed at such a host.
    pub fn scripts_at(&self, host: &str) -> Option<Vec<usize>> {
        self.hosts.get(host).cloned()
    }

    /// How many scripts there were: the number of the next.
    pub fn scripts(&self) -> usize {
        self.scripts.len()
    }

    /// The script that was last dialed at a host of [`World::listen`].
    pub fn dialed(&self, host: &str) -> Option<usize> {
        self.hosts.get(host)?.last().copied()
    }

    /// A scripted peer connects to a machine. Gives its number, or `None` when it was refused.
    pub fn connect(&mut self, to: &str, on: Listener) -> Option<usize> {
        self.connect_from(Ipv4Addr::LOCALHOST, to, on)
    }

    /// The same from an address of its own.
    pub fn connect_from(&mut self, from: impl Into<IpAddr>, to: &str, on: Listener) -> Option<usize> {
        let at = self.node(to);
        let conn = self.accept(at, on, SocketAddr::new(from.into(), 50_000))?;
        let script = self.scripts.len();
        self.scripts.push(Script::default());
        self.open(End::Script(script), End::Node(at, conn), Some(on), None);
        self.run();
        Some(script)
    }

    fn accept(&mut self, at: usize, on: Listener, peer: SocketAddr) -> Option<ConnId> {
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        node.dirty = true;
        match node.machine.as_mut()?.accept(now, on, peer) {
            Ok(conn) => {
                if node.conns.contains_key(&conn) {
                    self.broke(at, format!("accepts under {conn:?}, which is open"));
                }
                Some(conn)
            }
            Err(why) => {
                self.refused.push(why);
                self.record(|| Record::Refused { node: at, why });
                None
            }
        }
    }

    fn open(&mut self, from: End, to: End, on: Option<Listener>, host: Option<String>) -> u64 {
        self.tcps_so_far += 1;
        let tcp = self.tcps_so_far;
        self.tcps.insert(tcp, Tcp::new(from, to));
        for (side, end) in [from, to].into_iter().enumerate() {
            match end {
                End::Script(script) => self.scripts[script].conn = Some((tcp, side)),
                End::Node(at, conn) => {
                    self.nodes[at].conns.insert(conn, Use::Open { tcp, side });
                }
            }
        }
        self.record(|| Record::Opened { tcp, from, to, on, host });
        tcp
    }

    /// The connection of a script, and its side of it, while it is open.
    pub fn conn_of(&self, script: usize) -> Option<(u64, usize)> {
        self.scripts[script].conn
    }

    /// The ends of a connection that still know of it.
    pub fn ends(&self, tcp: u64) -> [Option<End>; 2] {
        self.tcps.get(&tcp).map_or([None; 2], |tcp| [tcp.sides[0].end, tcp.sides[1].end])
    }

    /// Whether the system has taken all that the machine at a side has written, and the machine knows.
    pub fn has_flushed(&self, tcp: u64, side: usize) -> bool {
        match self.ends(tcp)[side] {
            Some(End::Node(at, conn)) => !self.nodes[at].writing.contains(&conn) && !self.nodes[at].dirty,
            _ => false,
        }
    }

    /// The connections that are open at one end at least.
    pub fn connections(&self) -> Vec<u64> {
        self.tcps.keys().copied().collect()
    }

    fn dial_ends(&mut self, at: usize, conn: ConnId, host: &str, to_port: u16) {
        if self.nodes[at].conns.get(&conn) != Some(&Use::Dialing) {
            return;
        }
        if let Some(to) = self.nodes.iter().find(|node| node.name == host)
            && to.paused_until > self.now.mono
        {
            let (host, life) = (host.to_owned(), self.nodes[at].life);
            let event = Event::Dialed { node: at, life, conn, host, port: to_port };
            return self.schedule(to.paused_until, event);
        }
        if self.chance(self.weather.dial_lost) {
            let life = self.nodes[at].life;
            let given_up = self.now.mono + DIAL_GIVEN_UP_AFTER;
            return self.schedule(given_up, Event::DialLost { node: at, life, conn });
        }
        if self.chance(self.weather.dial_refused) {
            return self.dial_failed(at, conn, "connection refused");
        }
        let on = [Listener::Http, Listener::Lines, Listener::Mud].into_iter().find(|on| port(*on) == to_port);
        let to = self.nodes.iter().position(|node| node.name == host && node.machine.is_some());
        // Each machine has an address of its own, unless all that share the engine go out by one.
        let is_one = self.has_one_address && self.nodes[at].shared.is_some();
        let peer = SocketAddr::from(([127, 0, 1, if is_one { 250 } else { at as u8 + 1 }], 50_000));
        let other = match (on, to) {
            _ if self.hosts.contains_key(host) => {
                let script = self.scripts.len();
                self.scripts.push(Script::default());
                self.hosts.get_mut(host).into_iter().for_each(|dialed| dialed.push(script));
                Some(End::Script(script))
            }
            (Some(on), Some(to)) if to != at => self.accept(to, on, peer).map(|conn| End::Node(to, conn)),
            _ => None,
        };
        match other {
            Some(other) => {
                self.open(End::Node(at, conn), other, on, Some(host.to_owned()));
                self.input(at, Input::Dialed { conn });
                if let End::Node(to, _) = other {
                    self.settle(to);
                }
            }
            None => self.dial_failed(at, conn, "connection refused"),
        }
    }

    fn dial_failed(&mut self, at: usize, conn: ConnId, why: &str) {
        self.nodes[at].bury(conn);
        self.input(at, Input::Lost { conn, by: LostBy::Error(why.to_owned()) });
    }

    fn push_bytes(&mut self, tcp: u64, side: usize, bytes: Vec<u8>) {
        self.record(|| Record::Wrote { tcp, side, bytes: bytes.clone() });
        self.push(tcp, 1 - side, Piece::Bytes(bytes));
    }

    /// Something is on its way to a side.
    fn push(&mut self, tcp: u64, side: usize, piece: Piece) {
        let arrives = self.now.mono + self.up_to(self.weather.delay);
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let to = &mut stream.sides[side];
        if to.deaf || to.end.is_none() {
            return;
        }
        to.last = to.last.max(arrives);
        to.inbox.push_back((to.last, piece));
        let at = to.last;
        self.schedule(at, Event::Arrive { tcp, side });
    }

    /// The end of a side closes in order: what it has written still arrives.
    fn leave(&mut self, tcp: u64, side: usize) {
        self.take_end(tcp, side);
        self.push(tcp, 1 - side, Piece::End(LostBy::EndOfStream));
        self.forget_if_over(tcp);
    }

    /// The end of a side is gone without a word.
    fn vanish(&mut self, tcp: u64, side: usize) {
        self.take_end(tcp, side);
        if let Some(stream) = self.tcps.get_mut(&tcp) {
            stream.sides[1 - side].inbox.clear();
            stream.sides.iter_mut().for_each(|side| side.deaf = true);
        }
        self.forget_if_over(tcp);
    }

    /// A side knows of the connection no more.
    fn take_end(&mut self, tcp: u64, side: usize) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let one = &mut stream.sides[side];
        one.inbox.clear();
        let Some(end) = one.end.take() else { return };
        let unflushed = match end {
            End::Node(at, conn) => self.nodes[at].writing.contains(&conn) || self.nodes[at].dirty,
            End::Script(script) => {
                self.scripts[script].conn = None;
                false
            }
        };
        self.record(|| Record::Over { tcp, side, unflushed });
    }

    fn forget_if_over(&mut self, tcp: u64) {
        if self.tcps.get(&tcp).is_some_and(|tcp| tcp.sides.iter().all(|side| side.end.is_none())) {
            self.tcps.remove(&tcp);
        }
    }

    /// Breaks a connection: of what is under way to each side some arrives, cut anywhere, then both are told.
    pub fn reset(&mut self, tcp: u64) {
        for side in 0..2 {
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let one = &mut stream.sides[side];
            (one.deaf, one.stalled) = (false, false);
            let kept = self.rng.usize(0..=one.inbox.len());
            one.inbox.truncate(kept);
            if let Some((_, Piece::Bytes(bytes))) = one.inbox.back_mut() {
                bytes.truncate(self.rng.usize(0..=bytes.len()));
            }
            self.push(tcp, side, Piece::End(LostBy::Error("connection reset by peer".to_owned())));
            self.schedule(self.now.mono, Event::Arrive { tcp, side });
        }
    }

    /// From here on nothing gets through a connection, and nobody is told. After `time` the systems of both ends give it
    /// up.
    pub fn cut(&mut self, tcp: u64, time: Duration) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        for side in &mut stream.sides {
            side.deaf = true;
            side.inbox.clear();
        }
        self.schedule(self.now.mono + time, Event::Break { tcp });
    }

    /// Bytes to one side of a connection are held up for a while.
    pub fn stall_for(&mut self, tcp: u64, side: usize, time: Duration) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        stream.sides[side].stalled = true;
        self.schedule(self.now.mono + time, Event::Lift { tcp, side });
    }

    /// Lets bytes through to a side again.
    fn lift(&mut self, tcp: u64, side: usize) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        stream.sides[side].stalled = false;
        let writer = &mut stream.sides[1 - side];
        let owed = std::mem::take(&mut writer.owed).then_some(writer.end).flatten();
        self.arrive(tcp, side);
        if let Some(End::Node(at, conn)) = owed {
            self.flushed(at, conn);
        }
    }

    /// All that is held up or cut gets through, or is broken, now.
    pub fn heal(&mut self) {
        for tcp in self.connections() {
            let Some(stream) = self.tcps.get(&tcp) else { continue };
            if stream.sides.iter().any(|side| side.deaf) {
                self.reset(tcp);
            } else {
                (0..2).for_each(|side| self.lift(tcp, side));
            }
        }
        for node in &mut self.nodes {
            node.paused_until = Instant::ORIGIN;
        }
        self.run();
    }

    /// Bytes that nobody wrote come out at a side.
    pub fn inject(&mut self, tcp: u64, side: usize, bytes: Vec<u8>) {
        self.push_bytes(tcp, 1 - side, bytes);
    }

    /// A scripted peer reads no more: one write of its machine stays on the way, the rest with the machine.
    pub fn stall(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn
            && let Some(stream) = self.tcps.get_mut(&tcp)
        {
            stream.sides[side].stalled = true;
        }
    }

    /// A scripted peer reads again.
    pub fn resume(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.lift(tcp, side);
        }
        self.run();
    }

    /// A scripted peer writes.
    pub fn write(&mut self, script: usize, bytes: &[u8]) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.push_bytes(tcp, side, bytes.to_vec());
        }
        self.run();
    }

    /// What a scripted peer has received and not yet taken.
    pub fn received(&mut self, script: usize) -> &mut Vec<u8> {
        &mut self.scripts[script].received
    }

    /// Whether a scripted peer's connection is open, at its end and at the other.
    pub fn is_open(&self, script: usize) -> bool {
        self.scripts[script].conn.is_some_and(|(tcp, _)| self.ends(tcp).iter().all(Option::is_some))
    }

    /// A scripted peer closes.
    pub fn close(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.leave(tcp, side);
        }
        self.run();
    }

    /// A scripted peer says that it has no more to send, and goes on reading.
    pub fn half_close(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.push(tcp, 1 - side, Piece::End(LostBy::EndOfStream));
        }
        self.run();
    }
}

/// Time.
impl World {
    /// What is due at a side is given to its end.
    fn arrive(&mut self, tcp: u64, side: usize) {
        loop {
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let to = &mut stream.sides[side];
            let Some(end) = to.end else { return };
            let broken = matches!(to.inbox.back(), Some((_, Piece::End(LostBy::Error(_)))));
            if to.stalled || (to.held && !broken) {
                return;
            }
            if to.held {
                // Nobody reads, but writing fails.
                to.inbox.drain(..to.inbox.len() - 1);
            }
            if to.inbox.front().is_none_or(|(due, _)| *due > self.now.mono) {
                return;
            }
            let Some((_, piece)) = to.inbox.pop_front() else { return };
            match (end, piece) {
                (End::Script(script), Piece::Bytes(bytes)) => {
                    self.record(|| Record::Arrived { tcp, side, count: bytes.len() });
                    self.scripts[script].received.extend_from_slice(&bytes);
                }
                (End::Node(at, conn), Piece::Bytes(bytes)) => self.feed(tcp, side, at, conn, &bytes),
                (End::Script(_), Piece::End(_)) => {
                    self.leave(tcp, side);
                    return;
                }
                (End::Node(at, conn), Piece::End(LostBy::EndOfStream)) if self.keeps(tcp, side, at, conn) => {
                    self.settle(at);
                    return;
                }
                (End::Node(at, conn), Piece::End(by)) => {
                    self.leave(tcp, side);
                    self.nodes[at].bury(conn);
                    self.input(at, Input::Lost { conn, by });
                    return;
                }
            }
        }
    }

    /// Whether a machine still has something for a peer that sends no more, and still reads.
    fn keeps(&mut self, tcp: u64, side: usize, at: usize, conn: ConnId) -> bool {
        let is_read = self.tcps.get(&tcp).is_some_and(|stream| stream.sides[1 - side].end.is_some());
        if !is_read {
            return false;
        }
        // As the pump does: what was sent is answered before its end is seen.
        self.settle(at);
        if self.tcps.get(&tcp).is_none_or(|stream| stream.sides[side].end.is_none()) {
            return false;
        }
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        let Some(machine) = &mut node.machine else { return false };
        let is_kept = machine.ended(now, conn);
        node.dirty |= is_kept;
        is_kept
    }

    /// Gives bytes to a machine, cut anywhere, for as long as it reads.
    fn feed(&mut self, tcp: u64, side: usize, at: usize, conn: ConnId, bytes: &[u8]) {
        let chunk = if self.chance(self.weather.cuts) { self.weather.chunk } else { usize::MAX };
        let mut rest = bytes;
        while !rest.is_empty() {
            let now = self.now.mono;
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let to = &mut stream.sides[side];
            if to.end.is_none() {
                return;
            }
            if to.held || to.stalled {
                to.inbox.push_front((now, Piece::Bytes(rest.to_vec())));
                return;
            }
            let most = chunk.min(rest.len());
            let length = if chunk == usize::MAX { most } else { self.rng.usize(1..=most) };
            let (piece, later) = rest.split_at(length);
            rest = later;
            self.record(|| Record::Arrived { tcp, side, count: piece.len() });
            self.input(at, Input::Received { conn, bytes: piece });
        }
    }

    /// The machine that an event is for.
    fn concerns(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Arrive { tcp, side } => match self.tcps.get(tcp)?.sides[*side].end? {
                End::Node(at, _) => Some(at),
                End::Script(_) => None,
            },
            Event::Flush { node, .. }
            | Event::Dialed { node, .. }
            | Event::DialLost { node, .. }
            | Event::Found { node, .. }
            | Event::Saved { node, .. }
            | Event::Depart { node, .. } => Some(*node),
            Event::Trip { node, trip, .. } => trip.is_for_node().then_some(*node),
            Event::CloseOpen | Event::Lift { .. } | Event::Break { .. } => None,
        }
    }

    fn happens(&mut self, event: Event) {
        if let Some(at) = self.concerns(&event)
            && self.nodes[at].paused_until > self.now.mono
        {
            return self.schedule(self.nodes[at].paused_until, event);
        }
        let lives = |world: &World, node: usize, life: u64| world.nodes[node].life == life;
        match event {
            Event::Arrive { tcp, side } => self.arrive(tcp, side),
            Event::Flush { node, life, conn } if lives(self, node, life) => self.flushed(node, conn),
            Event::Dialed { node, life, conn, host, port } if lives(self, node, life) => {
                self.dial_ends(node, conn, &host, port);
            }
            Event::DialLost { node, life, conn } if lives(self, node, life) => {
                if self.nodes[node].conns.get(&conn) == Some(&Use::Dialing) {
                    self.dial_failed(node, conn, "connection timed out");
                }
            }
            Event::Saved { node, life, good } if lives(self, node, life) => self.saved(node, good),
            Event::Found { node, life, query, outcome } if lives(self, node, life) => {
                self.handle(node, Input::Found { query, outcome });
            }
            Event::Depart { node, life } if lives(self, node, life) => self.depart(node),
            Event::Trip { node, life, trip } => self.arrives(node, life, trip),
            Event::CloseOpen => self.close_open_transactions(),
            Event::Flush { .. }
            | Event::Dialed { .. }
            | Event::DialLost { .. }
            | Event::Found { .. }
            | Event::Saved { .. }
            | Event::Depart { .. } => {}
            Event::Lift { tcp, side } => self.lift(tcp, side),
            Event::Break { tcp } => self.reset(tcp),
        }
    }

    /// Goes on until nothing is under way and nobody has anything to do at this time.
    fn run(&mut self) {
        for _ in 0..EVENTS_AT_ONCE_MAX {
            let now = self.now.mono;
            let busy = self.nodes.iter().position(|node| {
                node.paused_until <= now && (node.dirty || node.due().is_some_and(|at| at <= now))
            });
            let is_due = self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now);
            if let Some(at) = busy
                && !(is_due && self.chance(self.weather.batch))
            {
                self.settle(at);
            } else if is_due {
                if let Some((_, event)) = self.queue.pop_first() {
                    self.happens(event);
                }
            } else {
                return;
            }
        }
        let now = self.now.mono;
        let busy = self.nodes.iter().filter(|node| node.dirty || node.due().is_some_and(|at| at <= now));
        let busy: Vec<&str> = busy.map(|node| node.name.as_str()).collect();
        let next = self.queue.values().next();
        panic!("the machines answer each other without end: {} are busy, next is {next:?}", busy.join(", "));
    }

    /// Lets time pass, from deadline to deadline.
    pub fn wait(&mut self, duration: Duration) {
        let until = self.now.mono + duration;
        while self.step(until) {}
    }

    fn advance(&mut self, to: Instant) {
        let passed = to.since(self.now.mono);
        let unix = UnixTime::from_micros(self.now.unix.micros() + passed.as_micros() as u64);
        self.now = Now { mono: to.max(self.now.mono), unix };
    }

    /// Goes to the next moment at which something happens, or to `until` if that comes first. Says whether time is left.
    pub fn step(&mut self, until: Instant) -> bool {
        let deadlines = self.nodes.iter().filter_map(Node::due);
        let next = deadlines.chain(self.queue.keys().next().map(|(at, _)| *at)).min();
        let to = next.map_or(until, |next| next.clamp(self.now.mono, until.max(self.now.mono)));
        self.advance(to);
        self.run();
        to < until
    }
}
