//! A small network in virtual time: machines, the connections between them, and scripted peers. No socket, no thread, no
//! clock; the same seed gives the same run.
//!
//! Without a [`Weather`] nothing takes time and nothing fails: what the scenario files play in. The simulator
//! ([`crate::sim`]) sends weather, breaks connections and machines, and reads the [`Record`]s of what happened.

mod attached;
mod connections;
mod machines;
mod node;
pub mod shared;
mod tcp;
mod time;

pub use attached::EngineWeather;
pub use tcp::End;

use attached::{Open, Trip};
use i3_core::machine::{Beat, Beaten, Change, ConnId, Fence, Listener, Refused, Told};
use i3_core::notice::Notice;
use i3_core::query::Page;
use i3_core::time::{Instant, Now, UnixTime};
use node::Node;
use shared::Engine;
use std::collections::BTreeMap;
use std::time::Duration;
use tcp::Tcp;

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
