//! The budgets that `--check` holds figures against. A figure that was not measured is not checked.

use super::report::{Kind, Report, Row};
use super::{fanout, growth, identities, idle, latency, never_readers, outbound};

/// What a figure may be.
#[derive(Clone, Copy, Debug)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

use Limit::{AtLeast, AtMost};

#[derive(Clone, Copy, Debug)]
struct Budget {
    scenario: &'static str,
    /// The load for which it holds; all loads if it is empty.
    load: &'static [(&'static str, &'static str)],
    value: &'static str,
    smol: Limit,
    threads: Limit,
}

const fn budget(
    scenario: &'static str,
    load: &'static [(&'static str, &'static str)],
    value: &'static str,
    smol: Limit,
    threads: Limit,
) -> Budget {
    Budget { scenario, load, value, smol, threads }
}

const BUDGETS: &[Budget] = &[
    budget("fanout", &[("door", "lines"), ("clients", "100")], fanout::OF_LOOP, AtLeast(0.6), AtLeast(0.5)),
    budget("fanout", &[("door", "lines"), ("clients", "10")], fanout::OF_LOOP, AtLeast(0.35), AtLeast(0.35)),
    budget("fanout", &[("door", "lines"), ("clients", "1")], fanout::OF_LOOP, AtLeast(0.1), AtLeast(0.1)),
    budget(
        "fanout",
        &[("door", "websocket"), ("clients", "100")],
        fanout::OF_LINES,
        AtLeast(0.9),
        AtLeast(0.9),
    ),
    budget(
        "latency",
        &[("door", "lines"), ("lines/s", "500"), ("clients", "10")],
        latency::P99_OF_RELAY,
        AtMost(1.5),
        AtMost(1.5),
    ),
    budget("outbound", &[("clients", "1")], outbound::OF_SMOL, AtLeast(0.0), AtLeast(0.9)),
    budget(
        "never-readers",
        &[("never-readers", "400")],
        never_readers::MEMORY,
        AtMost(40_960.0),
        AtMost(40_960.0),
    ),
    budget("never-readers", &[("never-readers", "400")], "p99 us", AtMost(20_000.0), AtMost(20_000.0)),
    budget("idle", &[], idle::MEMORY, AtMost(6_144.0), AtMost(5_120.0)),
    budget(
        "growth-identities",
        &[("identities", "500")],
        identities::MEMORY,
        AtMost(12_288.0),
        AtMost(16_384.0),
    ),
    // Their logins are not paced against each other, and each is one packet: they are over as soon as they can be.
    budget(
        "growth-identities",
        &[("identities", "500")],
        identities::LOGGED_IN,
        AtMost(2_000.0),
        AtMost(2_000.0),
    ),
    // The cost of a line for each client: linear is 1, and the rest is for caches that do not hold everything any more.
    budget("growth-clients", &[], growth::GROWTH, AtMost(1.5), AtMost(1.5)),
    // A name is found among n in a tree by as many comparisons as the logarithm of n, and each line looks up some.
    budget("growth-channels", &[], growth::GROWTH, AtMost(4.0), AtMost(4.0)),
    budget("growth-muds", &[], growth::GROWTH, AtMost(2.0), AtMost(2.0)),
    budget("growth-identities", &[], growth::GROWTH, AtMost(1.5), AtMost(1.5)),
    budget("growth-kept", &[], growth::GROWTH, AtMost(1.5), AtMost(1.5)),
];

impl Budget {
    fn is_about(&self, row: &Row) -> bool {
        row.scenario == self.scenario
            && row.kind != Kind::Bare
            && self.load.iter().all(|(name, value)| row.load(name) == Some(value))
    }

    /// What is wrong with a row, if something is.
    fn fault(&self, row: &Row) -> Option<String> {
        let limit = if row.kind == Kind::Threads { self.threads } else { self.smol };
        let value = row.value(self.value).filter(|value| !value.is_nan())?;
        let (is_within, wanted) = match limit {
            AtLeast(least) => (value >= least, format!("at least {least}")),
            AtMost(most) => (value <= most, format!("at most {most}")),
        };
        let load: Vec<String> = row.load.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let fault = || {
            format!(
                "{} {} ({}): {} is {value:.3}, not {wanted}",
                row.scenario,
                row.program,
                load.join(", "),
                self.value
            )
        };
        (!is_within).then(fault)
    }
}

/// How many figures were held against a budget, and those that are beyond it.
pub fn check(report: &Report) -> (usize, Vec<String>) {
    let mut checked = 0;
    let mut faults = Vec::new();
    for budget in BUDGETS {
        for row in report.rows.iter().filter(|row| budget.is_about(row)) {
            checked += 1;
            faults.extend(budget.fault(row));
        }
    }
    (checked, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_budget_is_named() {
        let row = |program: &str, kind, clients: &str, value| Row {
            scenario: "fanout",
            program: program.to_owned(),
            kind,
            load: vec![("door", "lines".to_owned()), ("clients", clients.to_owned())],
            values: vec![(fanout::OF_LOOP, value)],
        };
        let rows = vec![
            row("smol", Kind::Smol, "100", 0.55),
            row("threads", Kind::Threads, "100", 0.55),
            row("bare loop", Kind::Bare, "100", 0.1),
            row("smol", Kind::Smol, "1000", 0.1),
        ];
        let (checked, faults) = check(&Report { rows });
        assert_eq!(checked, 2);
        assert_eq!(
            faults,
            ["fanout smol (door lines, clients 100): of the bare loop is 0.550, not at least 0.6"]
        );
    }
}
