//! Several nodes with one database and one router, each behind relays of its own.

use crate::gateway::{Gateway, merge};
use crate::network::Host;
use crate::postgres::{Postgres, Setup};
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::relay::{Frame, Mode, Relay, Tap};
use crate::router::Router;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The muds of most tests. The first is the gateway's own.
pub(crate) const MUDS: [&str; 2] = ["Alpha", "Beta"];

/// The shortest lease that the settings allow.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// A node and what is between it and the others.
pub(crate) struct Node {
    pub(crate) gateway: Gateway,
    pub(crate) database: Relay,
    pub(crate) link: Relay,
    /// Where it runs, if not on the host of the test, and the relays to its doors.
    pub(crate) host: Option<(Host, [Relay; 2])>,
    is_up: bool,
}

impl Node {
    pub(crate) fn start(&mut self) {
        let command = self.gateway.command();
        let command = match &self.host {
            None => command,
            Some((host, _)) => host.command(&command),
        };
        self.gateway.start_as(command);
        self.is_up = true;
    }

    pub(crate) fn kill(&mut self) {
        self.gateway.kill();
        self.is_up = false;
    }

    /// Sends SIGTERM and waits for the end, which must be in order.
    pub(crate) fn stop(&mut self) {
        self.gateway.signal("TERM");
        self.ends();
    }

    /// Waits for the end, which must be in order.
    pub(crate) fn ends(&mut self) {
        let status = self.gateway.end();
        self.is_up = false;
        assert_eq!(status.code(), Some(0), "{}", self.gateway.log());
    }

    pub(crate) fn is_up(&self) -> bool {
        self.is_up
    }

    /// Whether this node says that it holds a mud.
    pub(crate) fn holds(&self, mud: &str) -> bool {
        self.metric(&format!("i3_lease_held{{mud=\"{mud}\"}}")) == Some(1.0)
    }

    /// A sample of the page of metrics, with its labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let page = self.gateway.get("/metrics");
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
    }
}

/// How a cluster is built.
pub(crate) struct Plan {
    pub(crate) daemon: Daemon,
    pub(crate) nodes: usize,
    pub(crate) lease: Duration,
    pub(crate) muds: Vec<String>,
    /// Whether each mud but the first reaches the router at an address of its own: a gateway dials one address once a second.
    pub(crate) own_addresses: bool,
    /// Whether each node has a host of its own. Then nothing is started where the rights for that lack.
    pub(crate) own_hosts: bool,
    /// Merged into the settings of each node.
    pub(crate) settings: Json,
    pub(crate) postgres: Setup,
}

impl Plan {
    pub(crate) fn new(daemon: Daemon, nodes: usize) -> Plan {
        let muds = MUDS.map(str::to_owned).into();
        let postgres = Setup::default();
        Plan {
            daemon,
            nodes,
            lease: LEASE,
            muds,
            own_addresses: false,
            own_hosts: false,
            settings: json!({}),
            postgres,
        }
    }

    /// Starts the database, the router and all nodes. `None`: PostgreSQL is not installed, which is printed.
    pub(crate) fn start(self) -> Option<Cluster> {
        let mut cluster = self.prepared()?;
        cluster.nodes.iter_mut().for_each(Node::start);
        cluster.settles();
        Some(cluster)
    }

    /// The same, before any node is started.
    pub(crate) fn prepared(self) -> Option<Cluster> {
        let postgres = Postgres::start_with(&self.postgres)?;
        let url = postgres.database("i3");
        let router = Router::start_for("*net", self.muds.len().max(32));
        let tap = Tap::default();
        let mut nodes = Vec::new();
        for number in 0..self.nodes {
            let host = match self.own_hosts {
                false => None,
                true => Some(Host::make()?),
            };
            let outside = host.as_ref().map_or(Ipv4Addr::LOCALHOST, Host::outside);
            let database = Relay::between(outside, 1, ([127, 0, 0, 1], postgres.port()).into());
            let link = match self.own_addresses {
                false => Relay::tapped(outside, router.port, &tap, number),
                true => Relay::between(outside, self.muds.len(), ([127, 0, 0, 1], router.port).into()),
            };
            let there = format!("@127.0.0.1:{}/", postgres.port());
            let relayed = url.replace(&there, &format!("@{outside}:{}/", database.port()));
            assert_ne!(url, relayed);
            let mut gateway = Gateway::new(self.daemon, &self.muds[0], &[("*net", link.port())]);
            gateway.set(&self.settings_of(number, &relayed, &link.ports));
            let host = host.map(|host| {
                let inside = host.inside();
                let doors = [gateway.http, gateway.lines].map(|port| Relay::at(port, (inside, port).into()));
                gateway.set(&json!({
                    "router": {"primary": {"host": outside}},
                    "api": {"websocket": {"host": inside}, "tcp": {"host": inside}},
                }));
                (host, doors)
            });
            nodes.push(Node { gateway, database, link, host, is_up: false });
        }
        Some(Cluster { postgres, router, tap, nodes, muds: self.muds, lease: self.lease })
    }

    fn settings_of(&self, node: usize, database: &str, ports: &[u16]) -> Json {
        let mut ports = ports.iter().skip(1);
        let mud = |name: &String| match ports.next() {
            Some(port) => {
                let primary = json!({"name": "*net", "host": "127.0.0.1", "port": port});
                json!({"name": name, "router": {"primary": primary}})
            }
            None => json!({"name": name}),
        };
        let muds: Vec<Json> = self.muds[1..].iter().map(mud).collect();
        let key = |name: &String| json!({"key": key(name), "mud_name": name, "permissions": ["*"]});
        let keys: Vec<Json> = self.muds[1..].iter().map(key).collect();
        let mut settings = json!({
            "muds": muds,
            "api": {"auth": {"api_keys": keys}},
            "state": {"url": database},
            "node": {"name": format!("node-{node}")},
            "lease": {"seconds": self.lease.as_secs()},
            "events": {"keep": {"tells": 300, "channels": 300}},
            "logging": {"level": "INFO"},
        });
        merge(&mut settings, &self.settings);
        settings
    }
}

/// The key of a mud.
pub(crate) fn key(mud: &str) -> String {
    format!("{mud}-secret-key")
}

/// A database, a router, and nodes.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) postgres: Postgres,
    pub(crate) router: Router,
    /// What passes between the nodes and the router. The numbers of the relays are those of the nodes.
    pub(crate) tap: Tap,
    pub(crate) muds: Vec<String>,
    pub(crate) lease: Duration,
}

impl Cluster {
    /// Waits until every node that is up serves, each mud is held by exactly one of them and logged in, and all know that.
    pub(crate) fn settles(&self) {
        wait_for("all nodes to serve", || self.up().all(|node| node.gateway.is_ready()).then_some(()));
        for mud in &self.muds {
            wait_for(&format!("one holder of {mud} that is logged in"), || self.holder(mud));
        }
        let muds = self.muds.len() as f64;
        let knows = |node: &Node| node.metric("i3_router_links_ready") == Some(muds);
        wait_for("all nodes to know of the logins", || self.up().all(knows).then_some(()));
    }

    /// Whether the nodes that are up hold all muds, and as many each as is possible.
    pub(crate) fn is_even(&self) -> bool {
        let held = |node: &Node| self.muds.iter().filter(|mud| node.holds(mud)).count();
        let counts: Vec<usize> = self.up().map(held).collect();
        let [most, least] = [counts.iter().max(), counts.iter().min()].map(|count| count.map_or(0, |n| *n));
        counts.iter().sum::<usize>() == self.muds.len() && most - least <= 1
    }

    fn up(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_up())
    }

    /// The one node that holds a mud and is logged in under its name.
    pub(crate) fn holder(&self, mud: &str) -> Option<usize> {
        let held = |node: &Node| node.is_up() && node.holds(mud);
        let mut holders = (0..self.nodes.len()).filter(|at| held(&self.nodes[*at]));
        let holder = holders.next()?;
        (holders.next().is_none() && self.speaker(mud) == Some(holder)).then_some(holder)
    }

    /// The node from which the last login of a mud came that the router has accepted, unless the mud has said goodbye
    /// since.
    pub(crate) fn speaker(&self, mud: &str) -> Option<usize> {
        let is_goodbye = |frame: &Frame| frame.up && frame.kind() == "shutdown" && sender(frame) == Some(mud);
        let last = self.tap.last(|frame| is_welcome(frame, mud) || is_goodbye(frame))?;
        (!last.up).then_some(last.relay)
    }

    /// Whether a mud has told the router since its login that it listens to a channel.
    pub(crate) fn listens(&self, mud: &str) -> bool {
        let is_listening =
            |frame: &Frame| frame.up && frame.kind() == "channel-listen" && sender(frame) == Some(mud);
        let login = self.tap.last(|frame| is_welcome(frame, mud));
        let listens = self.tap.last(is_listening);
        login
            .zip(listens)
            .is_some_and(|(login, listens)| listens.conn == login.conn && listens.at >= login.at)
    }

    /// How long after `since` the router has answered the login of a mud through another node than `not`.
    pub(crate) fn logged_in_after(&self, mud: &str, since: Instant, not: usize) -> Duration {
        let frame = wait_for(&format!("a login of {mud} through another node than {not}"), || {
            self.tap.first_since(since, |frame| frame.relay != not && is_welcome(frame, mud))
        });
        frame.at - since
    }

    /// The logins and goodbyes since a time, for people.
    pub(crate) fn logins(&self, since: Instant) -> String {
        let frames = self.tap.frames().into_iter().filter(|frame| frame.at >= since);
        let told = frames
            .filter(|frame| matches!(frame.kind(), "" | "startup-req-3" | "startup-reply" | "shutdown"));
        let line = |frame: Frame| {
            let (at, way) = (frame.at - since, if frame.up { "sends" } else { "gets" });
            format!("{at:?}: node {} on {} {way} {:?}\n", frame.relay, frame.conn, frame.text)
        };
        told.map(line).collect()
    }

    /// Ends all faults: relays pass, and each node that has ended is started.
    pub(crate) fn heal(&mut self) {
        self.postgres.signal_all("CONT");
        for node in &mut self.nodes {
            node.database.set(Mode::Passing);
            node.link.set(Mode::Passing);
            if node.is_up() {
                node.gateway.signal("CONT");
            }
        }
        for node in &mut self.nodes {
            if !node.is_up() {
                node.start();
            }
        }
    }
}

/// Whether this is the router's answer to a login of a mud.
pub(crate) fn is_welcome(frame: &Frame, mud: &str) -> bool {
    !frame.up && frame.kind() == "startup-reply" && receiver(frame) == Some(mud)
}

/// The mud that a frame is from. The header of a packet: type, number, mud, user, mud, user.
pub(crate) fn sender(frame: &Frame) -> Option<&str> {
    let (_, rest) = frame.text.split_once(',')?;
    let (_, rest) = rest.split_once(',')?;
    rest.strip_prefix('"')?.split('"').next()
}

/// The mud that a frame is for.
pub(crate) fn receiver(frame: &Frame) -> Option<&str> {
    let (_, rest) = frame.text.split_once(',')?;
    let (_, rest) = rest.split_once(',')?;
    // No name of a test has a comma.
    let mut fields = rest.split(',');
    fields.nth(2)?.strip_prefix('"')?.strip_suffix('"')
}

/// How much later than it was the end of a connection may be recorded, by a relay that waits for its turn on a busy machine.
const LATE: Duration = Duration::from_millis(300);

/// When a node could not close its connections, whatever it knew: it was stopped, or its link was stalled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Helpless {
    pub(crate) node: usize,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// Looks for two sessions of one mud at a time. Returns the first fault.
///
/// When a node logs a mud in, the connections of all other nodes for it must have ended, unless their node was helpless.
/// In no case may another node still send a frame for the mud.
pub(crate) fn two_at_once(frames: &[Frame], muds: &[String], helpless: &[Helpless]) -> Option<String> {
    let mut open: BTreeMap<(usize, u64), (&str, bool)> = BTreeMap::new();
    for (at, frame) in frames.iter().enumerate() {
        let from = (frame.relay, frame.conn);
        if frame.text.is_empty() {
            open.remove(&from);
            continue;
        }
        let Some(mud) = sender(frame).filter(|mud| frame.up && muds.iter().any(|known| known == mud)) else {
            continue;
        };
        let (node, conn) = from;
        if frame.kind() != "startup-req-3" {
            if open.get(&from).is_some_and(|(_, is_old)| *is_old) {
                return Some(format!(
                    "node {node} spoke for {mud} on {conn}, which had lost it: {}",
                    frame.text
                ));
            }
            continue;
        }
        for (other, (_, is_old)) in open.iter_mut().filter(|(_, (name, _))| *name == mud) {
            let is_helpless = helpless
                .iter()
                .any(|one| one.node == other.0 && one.from <= frame.at && frame.at <= one.to + LATE);
            let ends = frames[at..].iter().take_while(|later| later.at < frame.at + LATE);
            let ends =
                ends.into_iter().any(|later| later.text.is_empty() && (later.relay, later.conn) == *other);
            if !is_helpless && !ends {
                return Some(format!("node {node} logged {mud} in while {other:?} was open"));
            }
            *is_old = true;
        }
        open.insert(from, (mud, false));
    }
    None
}
