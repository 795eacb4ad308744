//! One run: the world, the games, what strikes, and what follows.

mod nodes;
mod people;

use super::actors::{Client, Request};
use super::oracle::{Asked, Fact, Oracles, Violation};
use super::plan::{self, Fault, Part, Plan};
use super::tap::{Message, Speech, Tag, Tap};
use crate::wire;
use crate::world::{End, Record, Weather, World};
use fastrand::Rng;
use i3_core::Gateway;
use i3_core::machine::{Change, Lease, Listener};
use i3_core::settings::Settings;
use i3_core::time::Instant;
use i3_router::Router;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::rc::Rc;
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

/// From records to facts.
impl Sim {
    /// Looks at all that has happened, and does what the games answer, until nothing more happens.
    fn digest(&mut self) -> Step {
        loop {
            let records = self.world.records.as_mut().map(std::mem::take).unwrap_or_default();
            if records.is_empty() {
                let Some((client, request)) = (!self.todo.is_empty()).then(|| self.todo.remove(0)) else {
                    break;
                };
                self.ask(client, request)?;
                continue;
            }
            for record in records {
                self.records += 1;
                self.describe(&record);
                self.digest_one(record)?;
            }
        }
        self.people_take()?;
        for gateway in 0..self.gateways.len() {
            let node = self.gateways[gateway];
            let Some(machine) = self.world.machine_at::<Gateway>(node) else { continue };
            let (bytes, ready) = (machine.pending_bytes(), machine.is_ready());
            let connections = self.world.open_conns(node);
            self.see(&Fact::Holds { gateway, bytes, connections })?;
            if ready && self.plan.lease.is_none() {
                self.see(&Fact::AllReady { gateway })?;
            }
        }
        Ok(())
    }

    /// Into the hash, and for people.
    fn describe(&mut self, record: &Record) {
        self.hash.write_u64(self.now().micros());
        let (what, bytes): (String, &[u8]) = match record {
            Record::Wrote { tcp, side, bytes } => {
                self.hash.write_u64(*tcp * 4 + *side as u64 * 2);
                (String::new(), bytes)
            }
            Record::Arrived { tcp, side, count } => {
                self.hash.write_u64(*tcp * 2 + *side as u64);
                self.hash.write_usize(*count);
                (String::new(), &[])
            }
            Record::Committed { told, .. } => {
                self.hash.write_u64(told.position);
                (String::new(), &[])
            }
            Record::Told { node, position } => {
                self.hash.write_u64(*position * 8 + *node as u64);
                (String::new(), &[])
            }
            Record::Beaten { node, beaten, .. } => {
                self.hash.write_usize(*node * 64 + beaten.leases.len());
                (String::new(), &[])
            }
            other => (format!("{other:?}"), &[]),
        };
        self.hash.write(bytes);
        self.hash.write(what.as_bytes());
        if self.transcript.is_none() {
            return;
        }
        let line = match record {
            Record::Wrote { tcp, side, bytes, .. } => {
                let text = String::from_utf8_lossy(bytes);
                let shown: String = text.chars().take(300).collect();
                format!("{} writes {} bytes: {shown:?}", self.who(*tcp, *side), bytes.len())
            }
            Record::Arrived { tcp, side, count } => format!("{} gets {count} bytes", self.who(*tcp, *side)),
            Record::Over { tcp, side, unflushed } => {
                let more = if *unflushed { ", which had more to write" } else { "" };
                format!("#{tcp} is over for its side {side}{more}")
            }
            Record::Noticed { node, notice } => format!("{}: {notice}", self.world.name(*node)),
            Record::Started { node } => format!("{} is started", self.world.name(*node)),
            Record::Crashed { node } => format!("{} crashes", self.world.name(*node)),
            Record::Stopped { node } => format!("{} has stopped", self.world.name(*node)),
            Record::Dials { node, host } => format!("{} dials {host}", self.world.name(*node)),
            Record::Opened { tcp, from, to, .. } => {
                format!("#{tcp} is open from {} to {}", self.name(*from), self.name(*to))
            }
            Record::Saved { node, changes, good } => {
                let keys: Vec<String> = changes.iter().map(|c| format!("{}/{}", c.space, c.key)).collect();
                let how = if *good { "saved" } else { "could not save" };
                format!("{} has {how} {}", self.world.name(*node), keys.join(" "))
            }
            Record::Committed { told, .. } => {
                let key =
                    |c: &Change| format!("{}{}/{}", if c.value.is_none() { "-" } else { "" }, c.space, c.key);
                let keys: Vec<String> = told.changes.iter().map(key).collect();
                format!("the engine writes {} of {}: {}", told.position, told.boot, keys.join(" "))
            }
            Record::Told { node, position } => format!("{} is told {position}", self.world.name(*node)),
            Record::BeatFailed { node } => format!("{} has beaten in vain", self.world.name(*node)),
            Record::Beaten { boot, ask, beaten, .. } => {
                let lease =
                    |lease: &Lease| format!("{} {} {}", lease.fence.mud, lease.fence.epoch, lease.boot);
                let leases: Vec<String> = beaten.leases.iter().map(lease).collect();
                format!("{boot} beats: take {:?} leave {:?}: {}", ask.take, ask.leave, leases.join(", "))
            }
            other => format!("{other:?}"),
        };
        self.note(|| line);
    }

    fn name(&self, end: End) -> String {
        match end {
            End::Node(node, _) => self.world.name(node).to_owned(),
            End::Script(script) => match self.clients.iter().position(|client| client.script == Some(script))
            {
                Some(client) => format!("client {client} of {}", self.clients[client].plan.mud),
                None => format!("script {script}"),
            },
        }
    }

    fn who(&self, tcp: u64, side: usize) -> String {
        match self.world.ends(tcp)[side] {
            Some(end) => format!("#{tcp} {}", self.name(end)),
            None => format!("#{tcp} side {side}"),
        }
    }

    fn digest_one(&mut self, record: Record) -> Step {
        match record {
            Record::Broke { node, how } => self.see(&Fact::Broke(format!("{} {how}", self.world.name(node)))),
            Record::Crashed { node } => match self.gateways.iter().position(|at| *at == node) {
                Some(gateway) => self.see(&Fact::GatewayCrashed { gateway }),
                None => Ok(()),
            },
            Record::Opened { tcp, from: End::Node(node, _), to, host, .. } => {
                self.link_open(tcp, node, to, host)
            }
            Record::Opened { tcp, from: End::Script(script), to, on, .. } => {
                self.session_open(tcp, script, to, on)
            }
            Record::Wrote { tcp, side, bytes } => self.wrote(tcp, side, &bytes),
            Record::Arrived { tcp, side, count } => self.arrived(tcp, side, count),
            Record::Over { tcp, side, unflushed } => self.over(tcp, side, unflushed),
            Record::Committed { .. }
            | Record::Beaten { .. }
            | Record::BeatFailed { .. }
            | Record::Told { .. }
            | Record::Hole { .. } => self.digest_shared(record),
            Record::Saved { node, changes, good: true } => self.saved(node, &changes),
            Record::Saved { node, good: false, .. } => {
                let gateway = self.gateways.iter().position(|at| *at == node);
                gateway.map_or(Ok(()), |gateway| self.see(&Fact::SaveFailed { gateway }))
            }
            // A new process cannot know when the last one logged in: two logins within a second are a flood.
            Record::Noticed { notice, .. }
                if notice.what == "mud floods"
                    || notice.fields.iter().any(|(_, value)| value == "it floods") =>
            {
                self.see(&Fact::Flooded)
            }
            _ => Ok(()),
        }
    }

    fn link_open(&mut self, tcp: u64, node: usize, to: End, host: Option<String>) -> Step {
        let Some(gateway) = self.gateways.iter().position(|at| *at == node) else { return Ok(()) };
        self.links.insert(tcp, gateway);
        self.taps.insert((tcp, 0), Tap::new(Speech::Mud));
        if matches!(to, End::Node(..)) {
            self.taps.insert((tcp, 1), Tap::new(Speech::Mud));
        }
        self.see(&Fact::LinkOpen { link: tcp, gateway, router: host.unwrap_or_default() })
    }

    fn session_open(&mut self, tcp: u64, script: usize, to: End, on: Option<Listener>) -> Step {
        let Some(client) = self.clients.iter().position(|client| client.script == Some(script)) else {
            return self.person_open(tcp, script);
        };
        let End::Node(..) = to else { return Ok(()) };
        self.clients[client].connected(script, tcp);
        self.sessions.insert(tcp, client);
        let speech = if on == Some(Listener::Http) { Speech::WebSocket } else { Speech::Lines };
        self.taps.insert((tcp, 1), Tap::new(speech));
        let plan = &self.clients[client].plan;
        let (gateway, mud) = (plan.gateway, plan.mud.clone());
        // A client gives its name with `authenticate`, which a WebSocket with a key in its handshake does not need.
        let is_named = plan.part != Part::Game && !plan.websocket;
        let is_game = !self.clients[client].observes();
        let fact = Fact::SessionOpen { session: tcp, gateway, mud, is_game, is_named };
        self.see(&fact)
    }

    fn wrote(&mut self, tcp: u64, side: usize, bytes: &[u8]) -> Step {
        let Some(tap) = self.taps.get_mut(&(tcp, side)) else { return Ok(()) };
        for message in tap.wrote(bytes) {
            match message {
                Message::Frame(frame) if side == 0 => {
                    self.see(&Fact::FrameSent { link: tcp, frame })?;
                }
                Message::Frame(frame) => self.see(&Fact::RouterGave { link: tcp, frame })?,
                Message::Head(head) if head.starts_with("HTTP/1.1 101 ") => {
                    self.see(&Fact::Upgraded { session: tcp })?;
                }
                Message::Json(json) => self.said(tcp, &json)?,
                Message::Line(line) => self.person_was_told(tcp, line)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn said(&mut self, session: u64, message: &Rc<Json>) -> Step {
        if let Json::Array(batch) = &**message {
            for one in batch {
                self.see(&Fact::Said { session, message: Rc::new(one.clone()) })?;
            }
            return Ok(());
        }
        self.see(&Fact::Said { session, message: message.clone() })
    }

    fn arrived(&mut self, tcp: u64, side: usize, count: usize) -> Step {
        let Some(tap) = self.taps.get_mut(&(tcp, 1 - side)) else { return Ok(()) };
        for message in tap.arrives(count) {
            match message {
                Message::Frame(frame) if side == 0 => self.see(&Fact::FrameCame { link: tcp, frame })?,
                Message::Frame(frame) if self.routers_pass_everything() => {
                    self.see(&Fact::RouterGot { link: tcp, frame })?;
                }
                Message::Frame(_) => {}
                Message::Line(line) => self.person_reads(tcp, &line),
                message => self.react(tcp, &message),
            }
        }
        Ok(())
    }

    fn over(&mut self, tcp: u64, side: usize, unflushed: bool) -> Step {
        if self.links.contains_key(&tcp) {
            return match side {
                0 => self.see(&Fact::LinkOver { link: tcp, unflushed }),
                _ => self.see(&Fact::RouterOver { link: tcp }),
            };
        }
        let Some(client) = self.sessions.get(&tcp).copied() else {
            return self.person_over(tcp, side);
        };
        if side == 1 {
            return self.see(&Fact::SessionOver { session: tcp });
        }
        if self.clients[client].session == tcp {
            self.clients[client].script = None;
            self.clients[client].ready = false;
            let wait = self.millis(100, 3_000);
            self.after(wait, Item::Connect(client));
        }
        Ok(())
    }

    fn saved(&mut self, node: usize, changes: &[Change]) -> Step {
        let Some(gateway) = self.gateways.iter().position(|at| *at == node) else { return Ok(()) };
        if self.plan.lease.is_some() {
            return Ok(());
        }
        for ((mud, router), password) in changes.iter().filter_map(password_of) {
            self.see(&Fact::PasswordSaved { mud, router, password })?;
        }
        for change in changes.iter().filter(|change| change.space.starts_with("events/")) {
            let text = change.value.as_deref().map(String::from_utf8_lossy);
            if let Some(tag) = text.as_deref().and_then(Tag::find) {
                self.see(&Fact::TellSaved { tag })?;
            }
        }
        for change in changes {
            self.people_saved(gateway, &change.key, change.value.as_deref().unwrap_or_default())?;
        }
        for change in changes.iter().filter(|change| change.space == "event_ids") {
            let reserved = change.value.as_deref().map(String::from_utf8_lossy);
            if let Some(reserved) = reserved.and_then(|reserved| reserved.parse().ok()) {
                self.see(&Fact::IdsSaved { gateway, reserved })?;
            }
        }
        Ok(())
    }
}

/// Games.
impl Sim {
    fn connect(&mut self, client: usize) -> Step {
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
    fn connect_as(&mut self, client: usize, name: &str, on: Listener) -> Result<Option<usize>, Violation> {
        self.clients[client].script = Some(self.world.scripts());
        let script = self.world.connect(name, on);
        self.clients[client].script = script;
        self.digest()?;
        Ok(script.filter(|script| self.world.is_open(*script)))
    }

    fn ask(&mut self, client: usize, request: Request) -> Step {
        let Some(script) = self.clients[client].script else { return Ok(()) };
        let session = self.clients[client].session;
        for (id, what) in request.asked {
            self.see(&Fact::Asked { session, id, what })?;
        }
        let bytes = self.clients[client].frame(&request.text);
        self.world.write(script, &bytes);
        Ok(())
    }

    fn react(&mut self, session: u64, message: &Message) {
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

    fn log_in(&mut self, at: usize) {
        self.clients[at].ready = true;
        let presence = self.clients[at].presence(&mut self.rng);
        let join = Asked::Join("chat".to_owned());
        let join = self.clients[at].call("channel_join", &json!({"channel": "chat"}), join);
        self.todo.extend([(at, presence), (at, join)]);
    }

    fn react_to(&mut self, at: usize, message: &Json) {
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

    fn act(&mut self, client: usize) {
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

/// Faults.
impl Sim {
    fn happens(&mut self, item: Item) -> Step {
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

    fn any<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.usize(..of.len())].clone())
    }

    fn any_gateway(&mut self) -> String {
        let at = self.rng.usize(..self.plan.gateways.len());
        self.gateway_name(at)
    }

    fn strike(&mut self, fault: Fault) -> Step {
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

    fn crash(&mut self, name: &str, away_millis: u64) {
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
    fn stop(&mut self, name: &str) -> Step {
        self.stopping.insert(name.to_owned());
        self.world.shut_down(name);
        self.digest()?;
        // If it has not ended by then, it is killed.
        let wait = self.millis(0, 8_000);
        self.after(wait, Item::Start(name.to_owned()));
        Ok(())
    }

    fn leave(&mut self, client: usize) -> Step {
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
    fn pour(&mut self, fault: Fault) {
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

    fn vandal(&mut self, router: &str) -> Step {
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

/// Afterwards.
impl Sim {
    /// Nothing fails from here on.
    fn heal(&mut self) -> Step {
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

    fn settings_of(&self, mud: &str) -> &Settings {
        let of = |settings: &&Settings| settings.muds.iter().any(|one| one.name == mud);
        self.plan.gateways.iter().find(of).unwrap_or_else(|| unreachable!("all muds have a gateway"))
    }

    /// The router that a mud says it is logged in at.
    fn router_of(&self, mud: &str) -> Option<&str> {
        let client = self.clients.iter().find(|client| client.ready && client.plan.mud == mud)?;
        client.status.as_ref().filter(|(connected, _)| *connected).map(|(_, router)| router.as_str())
    }

    fn ask_status(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].ready {
                let request = self.clients[at].call("status", &json!({}), Asked::Status);
                self.todo.push((at, request));
            }
        }
    }

    fn ask_bans(&mut self) {
        for at in 0..self.clients.len() {
            if self.clients[at].ready {
                let request = self.clients[at].call("ban_list", &json!({}), Asked::Bans);
                self.todo.push((at, request));
            }
        }
    }

    /// Every link is ready within its time.
    fn recover(&mut self) -> Step {
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
    fn prove(&mut self) -> Step {
        for from in self.muds.clone() {
            for to in self.muds.clone() {
                self.prove_between(&from, &to)?;
            }
        }
        Ok(())
    }

    /// Whether the routers let a mud speak to itself.
    fn routers_pass_everything(&self) -> bool {
        self.plan.weight(Fault::Dialects) == 0.0 && self.plan.weight(Fault::RouterFaults) == 0.0
    }

    fn prove_between(&mut self, from: &str, to: &str) -> Step {
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
    fn calm_down(&mut self) -> Step {
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
    fn what_waits(&mut self, gateway: usize) -> Result<String, Violation> {
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
    fn end(&mut self) -> Step {
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
