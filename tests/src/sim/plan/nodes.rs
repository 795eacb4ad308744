//! What a seed chooses for gateways that are nodes of one engine.

use super::{ClientPlan, Fault, Part, Plan, gateway, pick, router};
use fastrand::Rng;
use std::time::Duration;

/// The names of the nodes.
pub(super) const NAMES: [&str; 4] = ["east", "north", "south", "west"];

/// The names of the muds.
const MUDS: [&str; 6] = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"];

/// The longest wait of a link: what happens in longer ones is the same in runs of one gateway.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(10);

/// Faults of gateways with stores of their own.
const NOT_OF_NODES: [Fault; 2] = [Fault::SlowSaves, Fault::FailedSaves];

/// What such a seed chooses.
pub(super) fn plan(seed: u64) -> Plan {
    let mut rng = Rng::with_seed(seed);
    let routers: Vec<String> =
        ["*east", "*west"][..rng.usize(1..=2)].iter().map(ToString::to_string).collect();
    // More nodes and muds take more time to simulate: most runs have few.
    let nodes = [2, 2, 3, 3, 4][rng.usize(..5)];
    let muds: Vec<String> =
        MUDS[..[1, 2, 2, 3, 4, 6][rng.usize(..6)]].iter().map(ToString::to_string).collect();
    let mut settings = gateway(&mut rng, &muds, &routers);
    settings.link.reconnect_delay_max = settings.link.reconnect_delay_max.min(RECONNECT_DELAY_MAX);
    let mut clients = Vec::new();
    for mud in &muds {
        for place in 0..rng.usize(1..=3) {
            let others = [Part::Game, Part::Named, Part::Observer, Part::NamedObserver];
            clients.push(ClientPlan {
                gateway: rng.usize(..nodes),
                mud: mud.clone(),
                websocket: rng.u8(0..3) == 0,
                part: if place == 0 { Part::Game } else { others[rng.usize(..others.len())] },
            });
        }
    }
    let mut faults = super::BTreeMap::new();
    // Some seeds are nearly calm, some are not.
    let storminess = rng.f64();
    for fault in Fault::ALL.into_iter().chain(Fault::OF_NODES) {
        let weight = if fault.strikes() { 0.02 * 30f64.powf(rng.f64()) } else { rng.f64() };
        let chance = if Fault::OF_NODES.contains(&fault) { 0.8 } else { 0.4 };
        if rng.f64() < storminess * chance && !NOT_OF_NODES.contains(&fault) {
            faults.insert(fault, weight);
        }
    }
    Plan {
        seed,
        faults,
        turbulence: pick(&mut rng, &[5_000, 10_000, 20_000, 40_000]),
        act_every: pick(&mut rng, &[200, 500, 500, 2_000]),
        routers: routers.iter().map(|name| router(&mut rng, name)).collect(),
        people: Vec::new(),
        gateways: vec![settings; nodes],
        lease: Some(Duration::from_secs([5, 5, 10, 15][rng.usize(..4)])),
        planted: None,
        clocks_stop: false,
        clients,
    }
}
