//! Figures: how long a mud is away when its node is killed or stopped, and how long hundreds of muds take. They are printed
//! as rows of the table in docs/CLUSTER.md: `tests/nodes.sh figures`.

use crate::cluster::{Cluster, LEASE, MUDS, Node, Plan};
use crate::process::wait_for;
use crate::programs::Daemon;
use serde_json::json;
use std::time::{Duration, Instant};

/// The lease of the default settings.
const USUAL_LEASE: Duration = Duration::from_secs(15);

/// The router that lets a mud in at once: all nodes have one address.
const IDENTITIES: usize = 500;

/// How long hundreds of logins may take.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

#[test]
#[ignore = "measures: tests/nodes.sh figures"]
fn failover() {
    let rounds = number("I3_FAILOVERS").unwrap_or(30);
    row(&["what", "program", "lease", "rounds", "p50", "p99", "most"].map(str::to_owned));
    for daemon in [Daemon::Smol, Daemon::Threads] {
        for lease in [LEASE, USUAL_LEASE] {
            let Some(mut cluster) = with_lease(daemon, lease) else { return };
            let killed = (0..rounds).map(|_| move_mud(&mut cluster, Node::kill));
            report("SIGKILL", daemon, lease, killed.collect());
            let stopped = (0..rounds).map(|_| move_mud(&mut cluster, Node::stop));
            report("SIGTERM", daemon, lease, stopped.collect());
        }
    }
}

fn with_lease(daemon: Daemon, lease: Duration) -> Option<Cluster> {
    let mut plan = Plan::new(daemon, 2);
    plan.lease = lease;
    plan.start()
}

/// Ends the node that holds the first mud, starts it again, and returns the time until the other one was logged in.
fn move_mud(cluster: &mut Cluster, end: fn(&mut Node)) -> Duration {
    let mud = MUDS[0];
    let holder = wait_for("a holder", || cluster.holder(mud));
    // The moment has nothing to do with the beats of the node.
    std::thread::sleep(Duration::from_millis(fastrand::u64(..3000)));
    let since = Instant::now();
    end(&mut cluster.nodes[holder]);
    let moved = cluster.logged_in_after(mud, since, holder);
    cluster.nodes[holder].start();
    cluster.settles();
    moved
}

fn report(what: &str, daemon: Daemon, lease: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| seconds(times[(times.len() * part).div_ceil(100).max(1) - 1]);
    let lease = format!("{} s", lease.as_secs());
    let program = name(daemon);
    row(&[what.to_owned(), program, lease, times.len().to_string(), at(50), at(99), at(100)]);
}

#[test]
#[ignore = "measures: tests/nodes.sh figures"]
fn five_hundred_identities() {
    let count = number("I3_IDENTITIES").unwrap_or(IDENTITIES);
    row(&["program", "muds", "all logged in", "after the kill of a node"].map(str::to_owned));
    for daemon in [Daemon::Smol, Daemon::Threads] {
        let mut plan = Plan::new(daemon, 2);
        plan.lease = USUAL_LEASE;
        plan.muds = (0..count).map(|at| format!("Identity {at:03}")).collect();
        plan.settings = json!({"performance": {"max_connections": 2000}});
        plan.own_addresses = true;
        let Some(mut cluster) = plan.prepared() else { return };
        let since = Instant::now();
        cluster.nodes.iter_mut().for_each(Node::start);
        let started = all_held(&cluster, &[0, 1], count, since);
        let spread = cluster.nodes.iter().map(held).collect::<Vec<_>>();
        assert!(spread.iter().all(|held| *held >= count / 3), "{spread:?}");
        let since = Instant::now();
        cluster.nodes[0].kill();
        let moved = all_held(&cluster, &[1], count, since);
        row(&[name(daemon), count.to_string(), seconds(started), seconds(moved)]);
    }
}

/// How many muds a node holds.
fn held(node: &Node) -> usize {
    let page = node.gateway.get("/metrics");
    page.lines().filter(|line| line.starts_with("i3_lease_held{") && line.ends_with(" 1.0")).count()
}

/// Waits until these nodes hold all muds and all are logged in. Returns the time since `since`.
fn all_held(cluster: &Cluster, nodes: &[usize], count: usize, since: Instant) -> Duration {
    loop {
        let nodes = || nodes.iter().map(|node| &cluster.nodes[*node]);
        let all_ready = |node: &Node| node.metric("i3_router_links_ready") == Some(count as f64);
        if nodes().map(held).sum::<usize>() == count && nodes().all(all_ready) {
            return since.elapsed();
        }
        assert!(since.elapsed() < LONG_PATIENCE, "not all muds are logged in");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn name(daemon: Daemon) -> String {
    daemon.program().file_name().unwrap().to_string_lossy().into_owned()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[expect(clippy::print_stderr, reason = "prints the figures")]
fn row(fields: &[String]) {
    eprintln!("| {} |", fields.join(" | "));
}
