//! The scenarios by their names, and what each measures if nothing else is said.

use super::options::{Options, Plan};
use super::report::Row;
use super::target::Door;
use super::{fanout, growth, identities, idle, latency, never_readers, outbound, storm};
use crate::daemon::Outcome;

/// Where rows go as they are measured.
pub type Sink<'a> = dyn FnMut(Vec<Row>) -> Outcome<()> + 'a;

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, as a heading.
    pub heading: &'static str,
    /// The options that it uses.
    options: &'static [&'static str],
    usual: fn() -> Plan,
    /// Passes on the rows as they are measured.
    run: fn(&Plan, &mut Sink<'_>) -> Outcome<()>,
}

fn usual() -> Plan {
    Plan {
        programs: Vec::new(),
        clients: vec![1, 10, 100],
        doors: vec![Door::Lines],
        lines: 40_000,
        text_bytes: 60,
        rate: 500,
        seconds: 3,
        stuck: 400,
        rounds: 5,
    }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fanout",
        heading: "A router's flood to many clients",
        options: &["clients", "doors", "lines", "text-bytes", "rounds"],
        usual: || Plan { doors: vec![Door::Lines, Door::WebSocket, Door::Tls], ..usual() },
        run: |plan, rows| each(&plan.clients, |clients| rows(fanout::measure(plan, clients)?)),
    },
    Scenario {
        name: "outbound",
        heading: "Tells of clients to the router, with pacing off",
        options: &["clients", "lines", "text-bytes", "rounds"],
        usual: || Plan { clients: vec![1, 10], lines: 200_000, ..usual() },
        run: |plan, rows| each(&plan.clients, |clients| rows(outbound::measure(plan, clients)?)),
    },
    Scenario {
        name: "latency",
        heading: "Lines at a steady rate",
        options: &["clients", "doors", "rate", "seconds", "text-bytes", "rounds"],
        usual,
        run: |plan, rows| {
            each(&plan.doors, |door| {
                each(&plan.clients, |clients| rows(latency::measure(plan, door, clients)?))
            })
        },
    },
    Scenario {
        name: "storm",
        heading: "All clients connect at once",
        options: &["clients", "doors", "rounds"],
        usual: || Plan {
            clients: vec![500],
            doors: vec![Door::Lines, Door::WebSocket, Door::Tls],
            ..usual()
        },
        run: |plan, rows| {
            each(&plan.doors, |door| {
                each(&plan.clients, |clients| rows(storm::measure(plan, door, clients)?))
            })
        },
    },
    Scenario {
        name: "never-readers",
        heading: "Clients that never read, during a flood",
        options: &["clients", "stuck", "rate", "seconds", "text-bytes"],
        usual: || Plan { clients: vec![10], rate: 2000, seconds: 5, ..usual() },
        run: |plan, rows| each(&plan.clients, |clients| rows(never_readers::measure(plan, clients)?)),
    },
    Scenario {
        name: "idle",
        heading: "Logged in, and nobody there",
        options: &[],
        usual,
        run: |plan, rows| rows(idle::measure(plan)?),
    },
    Scenario {
        name: "growth-clients",
        heading: "The cost of a line against clients",
        options: &["clients", "lines", "text-bytes", "rounds"],
        usual: || Plan { clients: vec![1, 10, 100, 1000], rounds: 3, ..usual() },
        run: |plan, rows| rows(growth::clients(plan)?),
    },
    Scenario {
        name: "growth-channels",
        heading: "The cost of a line against channels",
        options: &["lines", "text-bytes", "rounds"],
        usual: || Plan { rounds: 3, ..usual() },
        run: |plan, rows| rows(growth::channels(plan)?),
    },
    Scenario {
        name: "growth-muds",
        heading: "The cost of a line against muds in the list",
        options: &["lines", "text-bytes", "rounds"],
        usual: || Plan { rounds: 3, ..usual() },
        run: |plan, rows| rows(growth::muds(plan)?),
    },
    Scenario {
        name: "growth-identities",
        heading: "The cost of a line and of a login against identities",
        options: &["lines", "text-bytes", "rounds"],
        usual: || Plan { rounds: 3, ..usual() },
        run: |plan, rows| rows(identities::measure(plan)?),
    },
    Scenario {
        name: "growth-kept",
        heading: "The cost of a kept tell against kept tells",
        options: &["lines", "text-bytes", "rounds"],
        usual: || Plan { rounds: 3, ..usual() },
        run: |plan, rows| rows(growth::kept(plan)?),
    },
];

fn each<T: Copy>(all: &[T], mut run: impl FnMut(T) -> Outcome<()>) -> Outcome<()> {
    all.iter().try_for_each(|one| run(*one))
}

impl Scenario {
    /// The scenarios that a name on the command line means.
    pub fn named(name: &str) -> Outcome<Vec<&'static Scenario>> {
        let is_meant = |scenario: &&Scenario| match name {
            "all" => true,
            "growth" => scenario.name.starts_with("growth-"),
            _ => scenario.name == name,
        };
        let all: Vec<_> = SCENARIOS.iter().filter(is_meant).collect();
        if all.is_empty() {
            let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            return Err(format!(
                "there is no scenario {name:?}: there are {}, growth and all",
                names.join(", ")
            )
            .into());
        }
        Ok(all)
    }

    /// Measures it, and passes on the rows as they are measured.
    pub fn measure(&self, options: &Options, rows: &mut Sink<'_>) -> Outcome<()> {
        let plan = options.plan((self.usual)(), self.options)?;
        (self.run)(&plan, rows)
    }
}
