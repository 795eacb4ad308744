//! What a seed chooses: who there is, what they are told at their start, and what goes wrong.

mod nodes;

use super::tap::PERSON;
use crate::scenario;
use crate::world::shared::Planted;
use crate::world::{EngineWeather, Weather};
use fastrand::Rng;
use i3_core::clients::keys;
use i3_core::settings::{KeySettings, LinkSettings, MethodLimit, RateLimits, Settings};
use i3_router::{Dialect, Faults, Logins, RouterSettings};
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that goes wrong. Each seed enables some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Bytes come in small pieces.
    Chunks,
    /// A write takes only a part of what there is.
    PartialWrites,
    /// Bytes travel for a while.
    Delays,
    /// Writes take a while.
    SlowWrites,
    /// Machines are given several things before they are asked what to do.
    Batches,
    /// The store takes its time.
    SlowSaves,
    /// Saves fail.
    FailedSaves,
    /// Dialing takes a while.
    SlowDials,
    /// Dials are refused.
    RefusedDials,
    /// Dials are never answered.
    LostDials,
    /// Machines hear of connections that they have closed.
    LateReports,
    /// Clients send what is no request.
    BadRequests,
    /// Routers speak other dialects than Dead Souls'.
    Dialects,
    /// Routers do wrong what routers in use were seen to do wrong.
    RouterFaults,
    /// Routers do not answer logins, or point elsewhere.
    Refusals,
    /// Connections break in the middle of anything.
    Resets,
    /// Nothing arrives at one end for a while.
    Stalls,
    /// Both ends believe in a connection that is dead.
    Cuts,
    /// A client has no more to send, and still reads.
    HalfCloses,
    /// Clients leave and come back.
    Leaves,
    /// Routers are gone, with or without their connections being closed, and come back.
    RouterCrashes,
    /// A router is accepted for, and nobody speaks.
    SilentRouters,
    /// A router sends what is no packet.
    Garbage,
    /// A router sends very much.
    Floods,
    /// A gateway is gone and comes back with what its store holds.
    GatewayCrashes,
    /// A gateway is told to end, and started again.
    GatewayStops,
    /// A machine gets no time for a while.
    Pauses,
    /// All sleep.
    Suspends,
    /// The wall clock is set.
    WallClocks,
    /// Strangers connect and send anything.
    Vandals,
    /// Games ask for a new login.
    Reconnects,
    /// Gateways are given other settings.
    Reloads,
    /// Nothing gets through between a node and the engine for a while.
    EngineCuts,
    /// The engine is away for a while.
    EngineRestarts,
    /// A node is drained, and started again later.
    Drains,
    /// A game leaves and comes back, perhaps to another node.
    Moves,
    /// The wall clock of one node is set.
    NodeClocks,
    /// Requests to the engine and their answers travel for a while.
    SlowEngine,
    /// Nodes are not told that the log has grown.
    LostNotices,
    /// Requests to the engine fail and have no effect.
    RolledBack,
    /// Requests to the engine fail and have their effect.
    UnknownOutcomes,
    /// Saves fail and have their effect after that.
    LateCommits,
}

impl Fault {
    /// All of those of gateways with stores of their own.
    pub const ALL: [Fault; 32] = [
        Fault::Chunks,
        Fault::PartialWrites,
        Fault::Delays,
        Fault::SlowWrites,
        Fault::Batches,
        Fault::SlowSaves,
        Fault::FailedSaves,
        Fault::SlowDials,
        Fault::RefusedDials,
        Fault::LostDials,
        Fault::LateReports,
        Fault::BadRequests,
        Fault::Dialects,
        Fault::RouterFaults,
        Fault::Refusals,
        Fault::Resets,
        Fault::Stalls,
        Fault::Cuts,
        Fault::HalfCloses,
        Fault::Leaves,
        Fault::RouterCrashes,
        Fault::SilentRouters,
        Fault::Garbage,
        Fault::Floods,
        Fault::GatewayCrashes,
        Fault::GatewayStops,
        Fault::Pauses,
        Fault::Suspends,
        Fault::WallClocks,
        Fault::Vandals,
        Fault::Reconnects,
        Fault::Reloads,
    ];

    /// Those of nodes that share an engine.
    pub const OF_NODES: [Fault; 10] = [
        Fault::EngineCuts,
        Fault::EngineRestarts,
        Fault::Drains,
        Fault::Moves,
        Fault::NodeClocks,
        Fault::SlowEngine,
        Fault::LostNotices,
        Fault::RolledBack,
        Fault::UnknownOutcomes,
        Fault::LateCommits,
    ];

    /// Whether it happens at moments, rather than being the weather of the whole run.
    pub fn strikes(self) -> bool {
        (Fault::Resets..Fault::SlowEngine).contains(&self)
    }
}

/// A game's connection to its gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// Which gateway.
    pub gateway: usize,
    /// Which of its muds.
    pub mud: String,
    /// Over a WebSocket, or a line port.
    pub websocket: bool,
    /// What it is for the gateway.
    pub part: Part,
}

/// What a client is for its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The game, without a name.
    Game,
    /// The game, with a name; it acknowledges what it is told now and then.
    Named,
    /// A tool with a key of its own, which only looks.
    Observer,
    /// The same with a name: the game's.
    NamedObserver,
}

/// The first seed whose runs have people with clients of IRC. Those before it stay the runs that they were.
pub const PEOPLE_FROM: u64 = 4_000_000_000;

/// The first seed whose gateways are nodes that share an engine. They have no people.
pub const NODES_FROM: u64 = 5_000_000_000;

/// Somebody with a client of IRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPlan {
    /// Which gateway.
    pub gateway: usize,
    /// Which of its muds.
    pub mud: String,
    /// The name on the network.
    pub nick: String,
}

/// A router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterPlan {
    /// Its name, with the `*`; its host has the same.
    pub name: String,
    /// See [`Fault::Dialects`].
    pub dialect: Dialect,
    /// See [`Fault::RouterFaults`].
    pub faults: Faults,
    /// See [`Fault::Refusals`].
    pub logins: Logins,
    /// See [`Fault::Refusals`].
    pub router_list: Option<Vec<(String, String)>>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything else follows from it.
    pub seed: u64,
    /// Which faults there are, each with how often it strikes in a second, or how heavy it is.
    pub faults: BTreeMap<Fault, f64>,
    /// How long they last.
    pub turbulence: Duration,
    /// The time between two things that one client does, on average.
    pub act_every: Duration,
    /// The routers.
    pub routers: Vec<RouterPlan>,
    /// The gateways, each named after its first mud; or the nodes, all with the same settings.
    pub gateways: Vec<Settings>,
    /// The gateways are nodes that share an engine, with leases of this length. See [`NODES_FROM`].
    pub lease: Option<Duration>,
    /// What the engine does wrong, to show that the rules find it.
    pub planted: Option<Planted>,
    /// The clocks of nodes do not run while these get no time: the same, for the clocks.
    pub clocks_stop: bool,
    /// The clients.
    pub clients: Vec<ClientPlan>,
    /// Those with a client of IRC: see [`PEOPLE_FROM`].
    pub people: Vec<PersonPlan>,
}

/// One of some durations, in milliseconds.
fn pick(rng: &mut Rng, millis: &[u64]) -> Duration {
    Duration::from_millis(millis[rng.usize(..millis.len())])
}

impl Plan {
    /// What a seed chooses.
    pub fn new(seed: u64) -> Plan {
        if seed >= NODES_FROM {
            return nodes::plan(seed);
        }
        let mut rng = Rng::with_seed(seed);
        let mut parts = Rng::with_seed(seed ^ 0x9a47);
        let routers: Vec<String> =
            ["*east", "*west"][..rng.usize(1..=2)].iter().map(ToString::to_string).collect();
        let names = ["Alpha", "Beta", "Gamma", "Delta"];
        let mut names = names[..rng.usize(2..=4)].iter().map(ToString::to_string).peekable();
        let (mut gateways, mut clients) = (Vec::new(), Vec::new());
        while names.peek().is_some() {
            let muds: Vec<String> = names.by_ref().take(if rng.u8(0..4) == 0 { 2 } else { 1 }).collect();
            for mud in &muds {
                let first = clients.len();
                for _ in 0..rng.usize(1..=2) {
                    clients.push(ClientPlan {
                        gateway: gateways.len(),
                        mud: mud.clone(),
                        websocket: rng.bool(),
                        part: Part::Game,
                    });
                }
                let others = [Part::Named, Part::Observer, Part::NamedObserver];
                for one in clients[first..].iter_mut().skip(1) {
                    one.part = others[parts.usize(..others.len())];
                }
            }
            gateways.push(gateway(&mut rng, &muds, &routers));
        }
        let mut faults = BTreeMap::new();
        // Some seeds are nearly calm, some are not.
        let storminess = rng.f64();
        for fault in Fault::ALL {
            let weight = if fault.strikes() { 0.02 * 30f64.powf(rng.f64()) } else { rng.f64() };
            if rng.f64() < storminess * 0.6 {
                faults.insert(fault, weight);
            }
        }
        Plan {
            seed,
            faults,
            turbulence: pick(&mut rng, &[3_000, 10_000, 10_000, 30_000]),
            act_every: pick(&mut rng, &[100, 300, 300, 1000]),
            routers: routers.iter().map(|name| router(&mut rng, name)).collect(),
            people: people(seed, &gateways),
            gateways,
            lease: None,
            planted: None,
            clocks_stop: false,
            clients,
        }
    }

    /// The same without one of its faults.
    pub fn without(&self, fault: Fault) -> Plan {
        let mut plan = self.clone();
        plan.faults.remove(&fault);
        plan
    }

    /// How heavy a fault is; 0 if there is none.
    pub fn weight(&self, fault: Fault) -> f64 {
        self.faults.get(&fault).copied().unwrap_or(0.0)
    }

    /// The weather while the faults last.
    pub fn weather(&self) -> Weather {
        let weight = |fault| self.weight(fault);
        // Of any order of magnitude up to `most`.
        let scaled = |fault, most: Duration| match weight(fault) {
            0.0 => Duration::ZERO,
            weight => most.mul_f64(1000f64.powf(weight - 1.0)),
        };
        let bytes = |fault, most: usize| match weight(fault) {
            0.0 => usize::MAX,
            weight => (most as f64).powf(weight) as usize + 1,
        };
        Weather {
            chunk: bytes(Fault::Chunks, 3000),
            cuts: 0.5 * weight(Fault::Chunks),
            write_bytes: bytes(Fault::PartialWrites, 3000).min(Weather::default().write_bytes),
            delay: scaled(Fault::Delays, Duration::from_secs(3)),
            flush_delay: scaled(Fault::SlowWrites, Duration::from_secs(3)),
            batch: weight(Fault::Batches) * 0.8,
            save_delay: scaled(Fault::SlowSaves, Duration::from_secs(15)),
            save_fails: weight(Fault::FailedSaves) * 0.5,
            dial_delay: scaled(Fault::SlowDials, Duration::from_secs(10)),
            dial_refused: weight(Fault::RefusedDials) * 0.7,
            dial_lost: weight(Fault::LostDials) * 0.5,
            late_reports: weight(Fault::LateReports) * 0.3,
        }
    }

    /// How it is to reach the engine while the faults last.
    pub fn engine_weather(&self) -> EngineWeather {
        let slow = match self.weight(Fault::SlowEngine) {
            0.0 => Duration::ZERO,
            weight => Duration::from_secs(3).mul_f64(1000f64.powf(weight - 1.0)),
        };
        EngineWeather {
            delay: slow,
            notify_delay: slow,
            notify_lost: self.weight(Fault::LostNotices) * 0.8,
            fails: self.weight(Fault::RolledBack) * 0.3,
            unknown: self.weight(Fault::UnknownOutcomes) * 0.3,
            late: self.weight(Fault::LateCommits) * 0.3,
        }
    }

    /// The name of a gateway.
    pub fn gateway_name(&self, at: usize) -> String {
        match self.lease {
            Some(_) => nodes::NAMES[at].to_owned(),
            None => self.gateways[at].muds[0].name.clone(),
        }
    }

    /// The muds.
    pub fn muds(&self) -> Vec<String> {
        let gateways = if self.lease.is_some() { &self.gateways[..1] } else { &self.gateways[..] };
        gateways.iter().flat_map(|one| one.muds.iter().map(|mud| mud.name.clone())).collect()
    }
}

/// One person on each of some muds, and at least on the first.
fn people(seed: u64, gateways: &[Settings]) -> Vec<PersonPlan> {
    if seed < PEOPLE_FROM {
        return Vec::new();
    }
    let mut rng = Rng::with_seed(seed ^ 0x14c);
    let muds =
        gateways.iter().enumerate().flat_map(|(at, one)| one.muds.iter().map(move |mud| (at, &mud.name)));
    let people = muds.filter(|(at, _)| *at == 0 || rng.bool());
    let person = |(gateway, mud): (usize, &String)| PersonPlan {
        gateway,
        mud: mud.clone(),
        nick: format!("{PERSON}{}", mud.to_lowercase()),
    };
    people.map(person).collect()
}

fn gateway(rng: &mut Rng, muds: &[String], routers: &[String]) -> Settings {
    let mut settings = scenario::settings(&muds[0], routers);
    with_tool_keys(&mut settings);
    for mud in &muds[1..] {
        let mut other = scenario::settings(mud, routers);
        with_tool_keys(&mut other);
        settings.muds.extend(other.muds);
        if let (Some(keys), Some(more)) = (&mut settings.api.keys, other.api.keys) {
            keys.extend(more);
        }
    }
    changed(rng, &settings)
}

/// A second key for each mud, with the permissions of the first. The sessions of all keys join channels by themselves: the
/// oracles know of a session's channels what it has asked for.
fn with_tool_keys(settings: &mut Settings) {
    settings.api.keys.iter_mut().flatten().for_each(|key| key.channels = Some(Vec::new()));
    let tool = |key: &KeySettings| {
        let text = format!("{}-tool-key", key.mud_name.to_lowercase());
        KeySettings { digest: keys::digest(&text), ..key.clone() }
    };
    if let Some(keys) = &mut settings.api.keys {
        keys.extend(keys.iter().map(tool).collect::<Vec<_>>());
    }
}

/// Other settings for the same muds.
pub fn changed(rng: &mut Rng, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    for mud in &mut settings.muds {
        rng.shuffle(&mut mud.routers);
        if rng.bool() {
            mud.routers.truncate(1);
        }
        mud.channels.clear();
        if rng.u8(0..4) == 0 {
            mud.channels.push("chat".to_owned());
        }
    }
    let keepalive_interval = pick(rng, &[5_000, 20_000, 60_000]);
    settings.link = LinkSettings {
        connect_timeout: pick(rng, &[2_000, 10_000, 30_000]),
        startup_timeout: pick(rng, &[3_000, 10_000, 30_000]),
        keepalive_interval,
        dead_after: keepalive_interval + pick(rng, &[3_000, 15_000, 30_000]),
        reconnect_delay: pick(rng, &[1_000, 2_000, 5_000]),
        reconnect_delay_max: pick(rng, &[4_000, 10_000, 30_000, 300_000]),
        return_after: rng.bool().then(|| pick(rng, &[5_000, 20_000, 60_000, 600_000])),
        follow_redirects: rng.bool(),
        packets_per_second: Some(if rng.u8(0..5) == 0 { rng.u32(1..=8) } else { 8 }),
        packets_burst: rng.u32(1..=8),
        queue_packets_max: if rng.u8(0..3) == 0 { rng.usize(1..=20) } else { 1000 },
        frame_bytes_max: settings.link.frame_bytes_max,
        split_long_texts: rng.bool(),
        replace_quotes: None,
    };
    settings.api.rate_limits = (rng.u8(0..5) == 0).then(|| {
        let by_method = [("tell".to_owned(), MethodLimit::of_one("tell", 30))].into();
        RateLimits { per_minute: 120, burst: rng.u32(5..=40), by_method }
    });
    settings
}

/// The longest that a link may take to be ready, once nothing fails any more.
pub fn recovery_max(settings: &Settings) -> Duration {
    let link = &settings.link;
    let longest_wait = link.reconnect_delay_max.mul_f64(1.25);
    // It waits for its next attempt, which may have begun while things failed and then waits for its time to be up; then
    // it waits once more. Routers need a while to hear a mud again that they took for a flood.
    let routers = settings.muds.iter().map(|mud| mud.routers.len()).max().unwrap_or(1) as u32;
    // A router that eats every probe is left twice before it is taken for that.
    let routers = routers + 2;
    link.dead_after
        + (link.connect_timeout + link.startup_timeout + longest_wait) * (routers + 1)
        + Duration::from_secs(90)
}

impl Plan {
    /// How a router is set, while faults last or when they are over.
    pub fn router(&self, name: &str, healed: bool) -> RouterSettings {
        let mut settings = RouterSettings {
            name: name.to_owned(),
            channels: vec![("chat".to_owned(), 0), ("code".to_owned(), 0)],
            strict_text: true,
            ..RouterSettings::default()
        };
        let Some(plan) = self.routers.iter().find(|router| router.name == name) else { return settings };
        if self.weight(Fault::Dialects) > 0.0 {
            settings.dialect = plan.dialect;
        }
        if self.weight(Fault::RouterFaults) > 0.0 {
            settings.faults = plan.faults.clone();
        }
        if self.weight(Fault::Refusals) > 0.0 && !healed {
            settings.faults.logins = plan.logins;
            settings.faults.router_list = plan.router_list.clone();
        }
        settings
    }
}

fn router(rng: &mut Rng, name: &str) -> RouterPlan {
    let dialect = Dialect::NAMES[rng.usize(..Dialect::NAMES.len())].1;
    let eats_probes = rng.bool();
    let faults = Faults {
        random_list_ids: rng.bool(),
        eats_probes,
        one_accept_a_second: rng.bool(),
        // Both at once, and nothing that a gateway sees tells it that it is forgotten.
        forgets_first_logins: rng.bool() && !eats_probes,
        keeps_old_connections: rng.bool(),
        loses_channel_types: rng.bool(),
        ..Faults::default()
    };
    let other = ["*east", "*west", "*gone"][rng.usize(..3)];
    RouterPlan {
        name: name.to_owned(),
        dialect,
        faults,
        logins: [Logins::Judged, Logins::Ignored, Logins::Closed][rng.usize(..3)],
        router_list: match rng.u8(0..3) {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(vec![(other.to_owned(), format!("{other} 4000"))]),
        },
    }
}
