//! One run: the world, the games, what strikes, and what follows.

mod afterwards;
mod faults;
mod games;
mod nodes;
mod people;
mod records;

use super::actors::{Client, Request};
use super::oracle::{Asked, Fact, Oracles, Violation};
use super::plan::{self, Fault, Plan};
use super::tap::{Tag, Tap};
use crate::world::{Record, World};
use fastrand::Rng;
use i3_core::Gateway;
use i3_core::machine::Change;
use i3_core::time::Instant;
use i3_router::Router;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::time::Duration;

/// How long a tell may take in a network without faults: packets wait for their turn, one a second at the slowest.
const TELL_WITHIN: Duration = Duration::from_secs(40);

/// How long tells may be lost while muds are still finding their routers: one that has forgotten a mud several times is taken
/// for one that eats probes, and then found out after an hour without a packet.
const TELLS_LOST_WITHIN: Duration = Duration::from_secs(2 * 3600);

/// How long the last questions may stay open: a packet waits at most a minute for its turn, a request no longer either.
const QUIET_WITHIN: Duration = Duration::from_secs(130);

/// How long a gateway may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(6);

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of all that happened, byte by byte.
    pub hash: u64,
    /// How many things happened.
    pub records: u64,
    /// Tells that were told on another mud.
    pub tells: usize,
    /// Tells and lines that have arrived at people with clients of IRC.
    pub people_told: usize,
    /// What was not to be.
    pub violation: Option<Violation>,
    /// For people, if it was asked for.
    pub transcript: Vec<String>,
}

/// What is to happen at a time.
#[derive(Clone, Debug)]
enum Item {
    Strike(Fault),
    Act(usize),
    Connect(usize),
    Start(String),
    Answers(String),
    Stop(String),
    Reach(String),
    EngineUp,
    Leave(usize),
    Person(usize),
}

struct Sim {
    plan: Plan,
    world: World,
    rng: Rng,
    agenda: BTreeMap<(Instant, u64), Item>,
    items: u64,
    clients: Vec<Client>,
    people: people::People,
    muds: Vec<String>,
    /// The gateways' places in the world.
    gateways: Vec<usize>,
    taps: BTreeMap<(u64, usize), Tap>,
    /// The gateway of each link.
    links: BTreeMap<u64, usize>,
    sessions: BTreeMap<u64, usize>,
    told: BTreeSet<Tag>,
    /// Gateways that were told to end.
    stopping: BTreeSet<String>,
    /// Nodes that were told to give up their muds.
    drained: BTreeSet<String>,
    /// The faults are over.
    healed: bool,
    todo: Vec<(usize, Request)>,
    oracles: Oracles,
    hash: std::hash::DefaultHasher,
    records: u64,
    transcript: Option<Vec<String>>,
}

type Step = Result<(), Violation>;

fn fail(oracle: &'static str, why: String) -> Step {
    Err(Violation { oracle, why })
}

/// The mud, the router and the password, if that is what a change is about.
fn password_of(change: &Change) -> Option<((String, String), i64)> {
    let mud = change.space.strip_prefix("password/")?;
    let password = String::from_utf8_lossy(change.value.as_deref()?).parse().unwrap_or(0);
    Some(((mud.to_owned(), change.key.to_string()), password))
}

/// Plays a plan to its end, or to the first violation.
pub fn run(plan: &Plan, with_transcript: bool) -> Outcome {
    let mut sim = Sim::new(plan.clone(), with_transcript);
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sim.play()));
    let violation = match played {
        Ok(played) => played.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?").to_owned();
            Some(Violation { oracle: "panic", why })
        }
    };
    if let Some(violation) = &violation {
        sim.note(|| format!("VIOLATION {}: {}", violation.oracle, violation.why));
    }
    Outcome {
        hash: sim.hash.finish(),
        records: sim.records,
        tells: sim.told.len(),
        people_told: sim.people.told,
        violation,
        transcript: sim.transcript.take().unwrap_or_default(),
    }
}

impl Sim {
    fn new(plan: Plan, with_transcript: bool) -> Sim {
        let mut world = World::new(plan.seed, usize::MAX);
        world.records = Some(Vec::new());
        world.weather = plan.weather();
        let muds = plan.muds();
        if let Some(lease) = plan.lease {
            world.share(lease);
            // A router lets nobody in from a new address without the password, which is lost if nobody has read it or if its
            // reader is killed before it is saved.
            world.has_one_address = true;
            world.engine_weather = plan.engine_weather();
            world.engine_mut().planted = plan.planted;
        }
        Sim {
            rng: Rng::with_seed(plan.seed ^ 0x5eed),
            world,
            agenda: BTreeMap::new(),
            items: 0,
            clients: plan.clients.iter().cloned().map(Client::new).collect(),
            people: people::People::new(&plan),
            muds,
            gateways: Vec::new(),
            taps: BTreeMap::new(),
            links: BTreeMap::new(),
            sessions: BTreeMap::new(),
            told: BTreeSet::new(),
            stopping: BTreeSet::new(),
            drained: BTreeSet::new(),
            healed: false,
            todo: Vec::new(),
            oracles: match plan.lease {
                Some(_) => Oracles::of_nodes(plan.engine_weather().two_transactions()),
                None => Oracles::default(),
            },
            hash: std::hash::DefaultHasher::new(),
            records: 0,
            transcript: with_transcript.then(Vec::new),
            plan,
        }
    }

    fn now(&self) -> Instant {
        self.world.now().mono
    }

    fn after(&mut self, wait: Duration, item: Item) {
        self.items += 1;
        self.agenda.insert((self.now() + wait, self.items), item);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.transcript.is_some() {
            let line = format!("{:>12.6}  {}", self.now().micros() as f64 / 1e6, line());
            self.transcript.iter_mut().for_each(|lines| lines.push(line.clone()));
        }
    }

    /// A time up to twice the mean.
    fn about(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(2.0 * self.rng.f64())
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.u64(from..=to))
    }

    fn play(&mut self) -> Step {
        for router in self.plan.routers.clone() {
            self.start(&router.name)?;
        }
        for at in 0..self.plan.gateways.len() {
            let name = self.gateway_name(at);
            self.start(&name)?;
        }
        for client in 0..self.clients.len() {
            let wait = self.millis(0, 3_000);
            self.after(wait, Item::Connect(client));
            self.after(wait, Item::Act(client));
        }
        self.people_begin();
        for (fault, rate) in self.plan.faults.clone() {
            if fault.strikes() {
                let wait = self.about(Duration::from_secs_f64(1.0 / rate));
                self.after(wait, Item::Strike(fault));
            }
        }
        let end = self.now() + self.plan.turbulence;
        self.until(end)?;
        self.heal()?;
        self.recover()?;
        self.prove()?;
        self.calm_down()?;
        self.end()
    }

    /// Lets time pass.
    fn until(&mut self, end: Instant) -> Step {
        loop {
            let next = self.agenda.keys().next().map_or(end, |(at, _)| *at).min(end);
            while self.world.step(next) {
                self.digest()?;
            }
            self.digest()?;
            if self.now() >= end && self.agenda.keys().next().is_none_or(|(at, _)| *at > end) {
                return Ok(());
            }
            let due = self.agenda.first_key_value().is_some_and(|((at, _), _)| *at <= self.now());
            if due && let Some((_, item)) = self.agenda.pop_first() {
                self.happens(item)?;
                self.digest()?;
            }
        }
    }

    fn gateway_name(&self, at: usize) -> String {
        self.plan.gateway_name(at)
    }

    fn start(&mut self, name: &str) -> Step {
        if self.world.knows(name) && self.world.is_running(name) && !self.world.has_stopped(name) {
            if !self.stopping.contains(name) {
                return Ok(());
            }
            self.world.crash(name);
            self.digest()?;
        }
        self.stopping.remove(name);
        let seed = self.rng.u64(..);
        if name.starts_with('*') {
            let settings = self.plan.router(name, self.healed);
            self.world.start(name, |saved, now| Router::new(settings, saved.clone(), seed, now));
        } else {
            let at = (0..self.plan.gateways.len()).find(|at| self.gateway_name(*at) == name).unwrap_or(0);
            let settings = self.plan.gateways[at].clone();
            if self.gateways.len() == at {
                // It is added to the world below.
                self.gateways.push(self.plan.routers.len() + at);
            }
            if self.plan.lease.is_some() {
                return self.start_node(at, name, settings, seed);
            }
            let muds = settings.muds.iter().map(|mud| mud.name.clone()).collect();
            let mut passwords = BTreeMap::new();
            self.world.start_after(name, Gateway::before_start, |saved, now| {
                passwords = saved.entries.iter().filter_map(password_of).collect();
                Gateway::new(settings, saved, seed, now).unwrap_or_else(|error| panic!("{error}"))
            });
            self.see(&Fact::GatewayStarted { gateway: at, muds, passwords })?;
        }
        self.digest()
    }

    fn see(&mut self, fact: &Fact) -> Step {
        self.oracles.see(self.now(), fact)
    }
}
