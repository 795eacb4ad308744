//! The command line.

use super::target::Door;
use crate::daemon::Outcome;
use argh::FromArgs;
use std::path::PathBuf;

/// The most clients of a load.
const CLIENTS_MAX: usize = 10_000;
/// The most lines of one flood.
const LINES_MAX: u64 = 10_000_000;
/// The most lines a second of a paced load.
const RATE_MAX: u64 = 100_000;
/// The most seconds of a paced load.
const SECONDS_MAX: u64 = 600;
/// The most rounds.
const ROUNDS_MAX: usize = 1_000;
/// The longest text of a line, in bytes: what fits into a frame of a router.
const TEXT_BYTES_MAX: usize = 9_000;

#[derive(FromArgs, Debug)]
#[argh(
    description = "Measures gateways under load, each beside a bare program that reads and writes the same bytes on as many \
sockets in the same run. All traffic is on 127.0.0.1, with a router that this program plays, and every load ends by itself. \
Use a release build on a machine that does nothing else.",
    note = "Scenarios:

  fanout        a router's flood of channel lines to clients: lines a
                second that arrive (--clients --doors --lines --text-bytes)
  outbound      tells of clients to the router, with pacing off
                (--clients --lines --text-bytes)
  latency       lines at a steady rate: how long each takes to each client
                (--clients --doors --rate --seconds --text-bytes)
  storm         all clients connect and show their keys at once
                (--clients --doors)
  never-readers lines at a steady rate to clients that read and to clients
                that never do: the others' latency, and memory
                (--clients --stuck --rate --seconds --text-bytes)
  idle          memory of a gateway that is logged in
  growth        processor time of a line, against the number of clients,
                channels, muds in the list, identities of the gateway, and
                kept events; one of them alone is growth-clients,
                growth-channels, growth-muds, growth-identities,
                growth-kept
  all           all of these

Each line is numbered, and it is a failure if one is missing, comes twice
or in another order. Figures are medians over rounds, in which all
programs take turns. One that says \"of the bare …\" is a ratio to the bare
program in the same round.",
    example = "{command_name} fanout target/release/i3-gateway target/release/i3-gateway-threads",
    example = "{command_name} all --check --json figures.json --plots plots target/release/i3-gateway",
    error_code(
        1,
        "A gateway does not work, what arrived is wrong, or --check found a figure beyond its budget."
    )
)]
/// The options of the load tool.
pub struct Options {
    /// what to measure; see below
    #[argh(positional)]
    pub scenario: String,

    /// programs of gateways; their settings and state are made in a temporary directory
    #[argh(positional)]
    pub programs: Vec<PathBuf>,

    /// numbers of clients, separated by commas
    #[argh(option)]
    pub clients: Option<String>,

    /// how clients connect, separated by commas: lines, websocket, tls
    #[argh(option)]
    pub doors: Option<String>,

    /// lines of a flood to 100 clients, or requests of all clients together; floods to fewer clients have more lines
    #[argh(option)]
    pub lines: Option<u64>,

    /// bytes of the text of a line
    #[argh(option)]
    pub text_bytes: Option<usize>,

    /// lines a second
    #[argh(option)]
    pub rate: Option<u64>,

    /// seconds of each round
    #[argh(option)]
    pub seconds: Option<u64>,

    /// clients that never read
    #[argh(option)]
    pub stuck: Option<usize>,

    /// rounds
    #[argh(option)]
    pub rounds: Option<usize>,

    /// fail if a figure is beyond its budget
    #[argh(switch)]
    pub check: bool,

    /// also write all figures to this file
    #[argh(option)]
    pub json: Option<PathBuf>,

    /// also draw the figures into this directory, as SVG
    #[argh(option)]
    pub plots: Option<PathBuf>,

    /// also replace the figures of this document, such as docs/PERFORMANCE.md
    #[argh(option)]
    pub document: Option<PathBuf>,
}

/// What one scenario measures.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemons.
    pub programs: Vec<PathBuf>,
    /// Numbers of clients.
    pub clients: Vec<usize>,
    /// How clients connect.
    pub doors: Vec<Door>,
    /// Lines of a flood to 100 clients, or requests of all clients together.
    pub lines: u64,
    /// Bytes of the text of a line.
    pub text_bytes: usize,
    /// Lines a second of a paced load.
    pub rate: u64,
    /// Seconds of a round of a paced load.
    pub seconds: u64,
    /// Clients that never read.
    pub stuck: usize,
    /// Rounds, in which all programs take turns.
    pub rounds: usize,
}

impl Options {
    /// The plan of a scenario whose usual plan is given. An option that the scenario does not use is an error, unless all
    /// scenarios are measured.
    pub fn plan(&self, usual: Plan, used: &[&str]) -> Outcome<Plan> {
        let given = [
            ("clients", self.clients.is_some()),
            ("doors", self.doors.is_some()),
            ("lines", self.lines.is_some()),
            ("text-bytes", self.text_bytes.is_some()),
            ("rate", self.rate.is_some()),
            ("seconds", self.seconds.is_some()),
            ("stuck", self.stuck.is_some()),
            ("rounds", self.rounds.is_some()),
        ];
        let uses = |name: &str| used.contains(&name);
        if self.scenario != "all"
            && let Some((name, _)) = given.iter().find(|(name, given)| *given && !uses(name))
        {
            return Err(format!("{} has no --{name}", self.scenario).into());
        }
        let doors = match &self.doors {
            Some(names) if uses("doors") => list(names, door)?,
            _ => usual.doors,
        };
        let clients = match &self.clients {
            Some(numbers) if uses("clients") => list(numbers, number)?,
            _ => usual.clients,
        };
        let plan = Plan {
            programs: self.programs.clone(),
            clients: clients
                .into_iter()
                .map(|count| within("clients", count, CLIENTS_MAX))
                .collect::<Outcome<_>>()?,
            doors,
            lines: within("lines", self.lines.filter(|_| uses("lines")).unwrap_or(usual.lines), LINES_MAX)?,
            text_bytes: within("text-bytes", self.text_bytes.unwrap_or(usual.text_bytes), TEXT_BYTES_MAX)?,
            rate: within("rate", self.rate.filter(|_| uses("rate")).unwrap_or(usual.rate), RATE_MAX)?,
            seconds: within(
                "seconds",
                self.seconds.filter(|_| uses("seconds")).unwrap_or(usual.seconds),
                SECONDS_MAX,
            )?,
            stuck: within("stuck", self.stuck.unwrap_or(usual.stuck), CLIENTS_MAX)?,
            rounds: within("rounds", self.rounds.unwrap_or(usual.rounds), ROUNDS_MAX)?,
        };
        Ok(plan)
    }
}

impl Plan {
    /// Fails with a reason if this process may not have as many sockets open.
    pub fn needs_descriptors(&self, sockets: usize) -> Outcome<()> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let needed = sockets as u64 + 100;
        match limit {
            Some(limit) if limit < needed => Err(format!(
                "{needed} descriptors are needed and {limit} are allowed: raise the limit with `ulimit -n`, or measure fewer \
                 clients or doors at once"
            )
            .into()),
            _ => Ok(()),
        }
    }
}

fn list<T>(text: &str, read: fn(&str) -> Outcome<T>) -> Outcome<Vec<T>> {
    text.split(',').map(|one| read(one.trim())).collect()
}

fn number(text: &str) -> Outcome<usize> {
    text.parse().map_err(|_| format!("--clients: {text:?} is no number").into())
}

fn door(text: &str) -> Outcome<Door> {
    let known = Door::ALL.iter().find(|(name, _)| *name == text);
    Ok(known.ok_or_else(|| format!("--doors: {text:?} is not one of lines, websocket and tls"))?.1)
}

fn within<T: Copy + PartialOrd + std::fmt::Display + From<u8>>(name: &str, value: T, most: T) -> Outcome<T> {
    if value < T::from(1) || value > most {
        return Err(format!("--{name} must be from 1 to {most}").into());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Plan {
        Plan {
            programs: Vec::new(),
            clients: vec![1, 10],
            doors: vec![Door::Lines],
            lines: 1000,
            text_bytes: 60,
            rate: 500,
            seconds: 2,
            stuck: 10,
            rounds: 3,
        }
    }

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let options = Options::from_args(&["i3-load"], arguments).map_err(|exit| exit.output)?;
        options.plan(usual(), &["clients", "doors", "rounds"]).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read_and_bounded() {
        let read = plan(&["fanout", "a", "b", "--clients", "1, 200", "--doors", "tls"]).unwrap();
        assert_eq!((read.clients, read.doors, read.programs.len()), (vec![1, 200], vec![Door::Tls], 2));
        assert_eq!(plan(&["fanout", "a"]).unwrap().clients, [1, 10]);
        assert_eq!(plan(&["fanout", "a", "--rate", "5"]).unwrap_err(), "fanout has no --rate");
        assert_eq!(plan(&["all", "a", "--rate", "5"]).unwrap().rate, 500);
        assert_eq!(plan(&["fanout", "a", "--clients", "x"]).unwrap_err(), "--clients: \"x\" is no number");
        assert_eq!(
            plan(&["fanout", "a", "--clients", "0"]).unwrap_err(),
            "--clients must be from 1 to 10000"
        );
        assert!(plan(&["fanout", "a", "--doors", "http"]).unwrap_err().contains("not one of lines"));
        assert!(plan(&["fanout", "a", "--help"]).unwrap_err().contains("never-readers"));
    }
}
