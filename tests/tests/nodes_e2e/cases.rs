//! What nodes do for games and operators, one thing at a time.

use crate::client::{Client, Transport};
use crate::cluster::{Cluster, Helpless, LEASE, MUDS, Plan, key, two_at_once};
use crate::postgres::{Setup, Stop};
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::relay::Mode;
use crate::sage::Sage;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

for_both!(
    games_at_all_nodes_are_told_the_same,
    a_drained_node_gives_its_muds_away_and_keeps_its_games,
    what_one_node_decides_holds_on_all,
    without_a_database_nothing_is_promised,
    a_single_node_may_keep_its_links,
    a_full_disk_loses_nothing,
    a_host_without_its_network_loses_its_muds,
);

/// A planned move may take so long.
const MOVED_WITHIN: Duration = Duration::from_secs(2);

fn cluster(daemon: Daemon, nodes: usize) -> Option<(Cluster, Sage)> {
    let cluster = Plan::new(daemon, nodes).start()?;
    let sage = Sage::log_in(&cluster.router, &cluster.muds);
    Some((cluster, sage))
}

/// A game of the first mud at each node, under a name of its own.
fn games(cluster: &Cluster) -> Vec<Client> {
    (0..cluster.nodes.len()).map(|node| game(cluster, node, &format!("game-{node}"))).collect()
}

fn game(cluster: &Cluster, node: usize, name: &str) -> Client {
    let mut game = identified(cluster, node, &json!({"client": name}));
    game.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    game
}

/// A session of the first mud, which is on no channel.
fn identified(cluster: &Cluster, node: usize, more: &Json) -> Client {
    let gateway = &cluster.nodes[node].gateway;
    let mut session = Client::connect(Transport::Lines, gateway.lines);
    let mut identity = more.clone();
    identity["api_key"] = gateway.key().into();
    session.result("authenticate", &identity, &json!({"status": "authenticated"}));
    session
}

/// Waits for an event with a text, and returns its id.
fn told(game: &mut Client, text: &str) -> u64 {
    let event = game.expect(&json!({"params": {"message": text}}));
    event["params"]["event_id"].as_u64().unwrap()
}

fn games_at_all_nodes_are_told_the_same(daemon: Daemon) {
    let Some((cluster, sage)) = cluster(daemon, 3) else { return };
    let holder = cluster.holder("Alpha").unwrap();
    let mut games = games(&cluster);
    for (node, game) in games.iter_mut().enumerate() {
        let named =
            json!({"node": format!("node-{node}"), "holder": format!("node-{holder}"), "connected": true});
        game.result("status", &json!({}), &named);
        assert_eq!(cluster.nodes[node].metric("i3_nodes"), Some(3.0));
    }
    is_spread(&cluster);

    let mut last = 0;
    for number in 0..10 {
        let (to, text) = if number % 2 == 0 { (Some("Alpha"), "tell") } else { (None, "line") };
        let text = format!("{text} {number}");
        sage.say(to, &text);
        let ids: Vec<u64> = games.iter_mut().map(|game| told(game, &text)).collect();
        assert!(ids[0] > last && ids.iter().all(|id| *id == ids[0]), "{ids:?} after {last}");
        last = ids[0];
    }
    // What a game says goes out once, from whichever node, and comes back to all.
    for node in 0..3 {
        let text = format!("from node {node}");
        games[node].result("channel_send", &json!(["chat", text]), &json!({"status": "sent"}));
        let ids: Vec<u64> = games.iter_mut().map(|game| told(game, &text)).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        wait_for("Sage to hear it", || (sage.heard(&text) > 0).then_some(()));
        assert_eq!(sage.heard(&text), 1, "{text}");
    }
    // A game goes on at another node where it was, by its name or by the last id.
    let answer = games[0].call("ack", &json!({"event_id": last}));
    assert_eq!(answer["result"]["status"], "acknowledged", "{answer}");
    drop(games.remove(0));
    sage.say(Some("Alpha"), "while away");
    let newest = told(&mut games[0], "while away");
    let mut back = identified(&cluster, 1, &json!({"client": "game-0"}));
    let mut had = Vec::new();
    while had.last() != Some(&newest) {
        let event = back.message_that(|message| !message["params"]["message"].is_null());
        had.push(event["params"]["event_id"].as_u64().unwrap());
    }
    assert!(had.iter().all(|id| *id > last), "{had:?} after {last} was acknowledged");
    let mut other = identified(&cluster, 2, &json!({"last_event_id": newest - 1}));
    assert_eq!(told(&mut other, "while away"), newest);
}

/// Waits until the muds are spread: no node has two while another has none.
fn is_spread(cluster: &Cluster) {
    let muds = |node: &crate::cluster::Node| MUDS.iter().filter(|mud| node.holds(mud)).count();
    wait_for("the muds to be spread", || cluster.nodes.iter().all(|node| muds(node) <= 1).then_some(()));
    cluster.settles();
}

/// `i3-gateway drain`, or the method where the program has no client.
fn drain(cluster: &Cluster, node: usize) {
    let gateway = &cluster.nodes[node].gateway;
    match gateway.daemon {
        Daemon::Smol => {
            let output = gateway.command().args(["drain", "--key", &gateway.key()]).output().unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(0), "{text}");
        }
        Daemon::Threads => {
            gateway.client(Transport::Lines).result("drain", &json!({}), &json!({"status": "drained"}));
        }
    }
}

fn a_drained_node_gives_its_muds_away_and_keeps_its_games(daemon: Daemon) {
    let Some((mut cluster, sage)) = cluster(daemon, 2) else { return };
    let mut games = games(&cluster);
    is_spread(&cluster);
    // A node makes one connection a second to a router, and some were just made.
    std::thread::sleep(MOVED_WITHIN);
    let from = cluster.holder("Alpha").unwrap();
    let since = Instant::now();
    drain(&cluster, from);
    let answered = since.elapsed();
    let moved = cluster.logged_in_after("Alpha", since, from);
    assert!(
        moved < MOVED_WITHIN && answered < MOVED_WITHIN * 2,
        "{moved:?}, {answered:?}\n{}",
        cluster.logins(since)
    );
    cluster.settles();
    assert!(MUDS.iter().all(|mud| cluster.holder(mud) == Some(1 - from)));
    // Its games have noticed nothing, and go on through the other node.
    games[from].result("channel_send", &json!(["chat", "drained"]), &json!({"status": "sent"}));
    sage.say(None, "to all");
    games.iter_mut().for_each(|game| {
        told(game, "to all");
    });
    assert!(cluster.nodes[from].gateway.is_ready());
    // There is nobody left who could take what the other one has.
    let answer = cluster.nodes[1 - from].gateway.client(Transport::Lines).call("drain", &json!({}));
    assert_eq!(answer["error"]["code"], -32004, "{answer}");
    assert!(cluster.holder("Alpha").is_some());
    // It takes muds again after a start. SIGTERM is a drain, too.
    cluster.nodes[from].stop();
    cluster.nodes[from].start();
    is_spread(&cluster);
    let from = cluster.holder("Beta").unwrap();
    let since = Instant::now();
    cluster.nodes[from].stop();
    let moved = cluster.logged_in_after("Beta", since, from);
    assert!(moved < MOVED_WITHIN, "{moved:?}\n{}", cluster.logins(since));
}

fn what_one_node_decides_holds_on_all(daemon: Daemon) {
    let Some((cluster, sage)) = cluster(daemon, 2) else { return };
    let mut games = games(&cluster);
    // Presence.
    let users = json!({"users": [{"name": "Zoe", "title": "at node 1"}]});
    games[1].result("presence_sync", &users, &json!({"status": "synchronized"}));
    games[0].result("ban_add", &json!({"pattern": "bob@Sage", "reason": "a test"}), &json!({"ban_id": "*"}));
    wait_for("the ban at the other node", || {
        let bans = games[1].call("ban_list", &json!({}));
        (bans["result"]["bans"][0]["pattern"] == "bob@Sage").then_some(())
    });
    sage.say(None, "banned");
    wait_for("the line at the holder", || {
        cluster.tap.last(|frame| !frame.up && frame.text.contains("banned"))
    });
    // What comes after it shows that it was handled.
    sage.say(Some("Beta"), "handled");
    let mut beta = Client::connect(Transport::Lines, cluster.nodes[0].gateway.lines);
    beta.result("authenticate", &json!({"api_key": key("Beta")}), &json!({"status": "authenticated"}));
    told(&mut beta, "handled");
    let bans = games[1].call("ban_list", &json!({}));
    games[1].result("ban_remove", &json!({"ban_id": bans["result"]["bans"][0]["ban_id"]}), &json!({}));
    wait_for("no ban at the first node", || {
        (games[0].call("ban_list", &json!({}))["result"]["bans"] == json!([])).then_some(())
    });
    sage.say(None, "not banned");
    for game in &mut games {
        let first = game.event("channel_message");
        assert_eq!(first["message"], "not banned", "{first}");
    }
    // The sessions of all nodes, and the end of one at another node.
    let mut admin = cluster.nodes[0].gateway.client(Transport::Lines);
    let elsewhere = wait_for("the session at the other node", || {
        let sessions = admin.call("sessions", &json!({}));
        let sessions = sessions["result"]["sessions"].as_array().unwrap().clone();
        sessions.into_iter().find(|one| one["node"] == "node-1" && one["client"] == "game-1")
    });
    let kicked = json!({"session_id": elsewhere["session_id"]});
    admin.result("kick", &kicked, &json!({"status": "kicked"}));
    assert!(!games[1].rest().is_empty());
}

/// Whether requests that need the network are refused so that a game may try again.
fn is_refused_for_now(game: &mut Client) -> bool {
    let answer = game.call("channel_send", &json!(["chat", "is it there?"]));
    let error = &answer["error"];
    if error.is_null() {
        return false;
    }
    assert!(error["code"] == -32004 && error["data"]["retryable"] == true, "{answer}");
    true
}

fn without_a_database_nothing_is_promised(daemon: Daemon) {
    let Some((mut cluster, sage)) = cluster(daemon, 2) else { return };
    let mut games = games(&cluster);
    let from = cluster.holder("Alpha").unwrap();
    // One node alone has lost the database: it says so, and another node logs in after the lease.
    let since = Instant::now();
    cluster.nodes[from].database.set(Mode::Stalled);
    cluster.nodes[from].gateway.becomes_ready(false);
    assert!(cluster.nodes[1 - from].gateway.is_ready());
    let moved = cluster.logged_in_after("Alpha", since, from);
    assert!(moved < LEASE + Duration::from_secs(5), "{moved:?}");
    assert!(!cluster.nodes[from].holds("Alpha"));
    assert!(is_refused_for_now(&mut games[from]));
    sage.say(None, "meanwhile");
    told(&mut games[1 - from], "meanwhile");
    cluster.nodes[from].database.set(Mode::Passing);
    told(&mut games[from], "meanwhile");
    cluster.settles();
    // No node has it: all let go before their leases run out, and games stay connected.
    let since = Instant::now();
    cluster.postgres.stop(Stop::Fast);
    for node in &cluster.nodes {
        node.gateway.becomes_ready(false);
    }
    let is_let_go = || cluster.nodes.iter().all(|node| MUDS.iter().all(|mud| !node.holds(mud)));
    wait_for("all links to be let go", || is_let_go().then_some(()));
    assert!(since.elapsed() < LEASE + Duration::from_secs(1), "{:?}", since.elapsed());
    assert!(games.iter_mut().all(is_refused_for_now));
    cluster.postgres.start_again();
    cluster.settles();
    sage.say(None, "back");
    games.iter_mut().for_each(|game| {
        told(game, "back");
    });
    // A node that finds no database does not start, and does not log in.
    let logins =
        |cluster: &Cluster| cluster.tap.count(|frame| frame.kind() == "startup-req-3" && frame.relay == 1);
    cluster.nodes[1].stop();
    cluster.nodes[1].database.set(Mode::Cut);
    let before = logins(&cluster);
    let output = cluster.nodes[1].gateway.command().stdout(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(!text.contains("password") || !text.contains("tests"), "{text}");
    assert_eq!(logins(&cluster), before);
}

fn a_single_node_may_keep_its_links(daemon: Daemon) {
    let mut plan = Plan::new(daemon, 1);
    plan.settings = json!({"lease": {"without_database": "keep"}});
    let Some(cluster) = plan.start() else { return };
    let sage = Sage::log_in(&cluster.router, &cluster.muds);
    let mut game = game(&cluster, 0, "game");
    sage.say(Some("Alpha"), "before");
    told(&mut game, "before");
    let logins = || cluster.tap.count(|frame| frame.kind() == "startup-req-3");
    let before = logins();
    cluster.postgres.stop(Stop::Immediate);
    cluster.nodes[0].gateway.becomes_ready(false);
    std::thread::sleep(LEASE + Duration::from_secs(1));
    // What comes meanwhile is kept and told when the database is back.
    sage.say(Some("Alpha"), "without");
    wait_for("the packet to come", || {
        cluster.tap.last(|frame| !frame.up && frame.text.contains("without")).map(|_| ())
    });
    assert!(cluster.speaker("Alpha").is_some());
    cluster.postgres.start_again();
    told(&mut game, "without");
    assert_eq!(logins(), before);
}

/// A small file system in memory.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    /// `None`: this process may not mount it.
    fn mount() -> Option<Small> {
        let folder = tempfile::Builder::new().prefix("i3-small-").tempdir_in("/tmp").unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=96m,mode=0755", "tmpfs"]).arg(folder.path());
        let output = mount.output().ok()?;
        output.status.success().then_some(Small { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Where no file system may be mounted, the statements fail in another way: the tables cannot be written.
fn a_full_disk_loses_nothing(daemon: Daemon) {
    let small = Small::mount();
    let mut plan = Plan::new(daemon, 2);
    plan.postgres = Setup {
        within: small.as_ref().map(|small| small.path().to_owned()),
        settings: vec![("min_wal_size", "32MB".to_owned()), ("max_wal_size", "32MB".to_owned())],
        ..Setup::default()
    };
    let Some(mut cluster) = plan.start() else { return };
    let sage = Sage::log_in(&cluster.router, &cluster.muds);
    let mut games = games(&cluster);
    sage.say(Some("Alpha"), "before");
    let before: Vec<u64> = games.iter_mut().map(|game| told(game, "before")).collect();
    let filler = small.as_ref().map(|small| small.path().join("filler"));
    if let Some(filler) = &filler {
        fill(filler);
    } else {
        let revoke = "ALTER DATABASE i3 SET default_transaction_read_only = on";
        cluster.postgres.sql("postgres", revoke);
        cluster
            .postgres
            .sql("i3", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'");
    }
    // Enough is saved for the last free page to go.
    let mut sent = Vec::new();
    wait_for("a node that cannot save", || {
        for (node, game) in games.iter_mut().enumerate() {
            let text = format!("{node} {} {}", sent.len(), "x".repeat(4000));
            let answer = game.call("channel_send", &json!(["chat", text]));
            if answer["result"]["status"] == "sent" {
                sent.push(text);
            } else {
                assert_eq!(answer["error"]["data"]["retryable"], true, "{answer}");
            }
        }
        let failing = |node: &crate::cluster::Node| node.metric("i3_store_failing") == Some(1.0);
        cluster.nodes.iter().any(failing).then_some(())
    });
    if let Some(filler) = &filler {
        fs::remove_file(filler).unwrap();
        // PostgreSQL ends when it cannot write its log.
        if cluster.postgres.try_sql("postgres", "SELECT 1").is_err() {
            cluster.postgres.stop(Stop::Immediate);
            cluster.postgres.start_again();
        }
    } else {
        cluster.postgres.sql("postgres", "ALTER DATABASE i3 RESET default_transaction_read_only");
        cluster
            .postgres
            .sql("i3", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'");
    }
    cluster.settles();
    sage.say(Some("Alpha"), "after");
    let after: Vec<u64> = games.iter_mut().map(|game| told(game, "after")).collect();
    assert!(after[0] > before[0] && after.iter().all(|id| *id == after[0]), "{before:?} {after:?}");
    wait_for("Sage to hear all that was sent", || sent.iter().all(|text| sage.heard(text) > 0).then_some(()));
    assert!(sent.iter().all(|text| sage.heard(text) == 1));
    cluster.nodes.iter_mut().for_each(crate::cluster::Node::stop);
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    for size in [65_536, 4_096, 512] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

fn a_host_without_its_network_loses_its_muds(daemon: Daemon) {
    let mut plan = Plan::new(daemon, 2);
    plan.own_hosts = true;
    let Some(cluster) = plan.start() else { return say("skipped: no network namespace may be made") };
    let sage = Sage::log_in(&cluster.router, &cluster.muds);
    let mut games = games(&cluster);
    let from = cluster.holder("Alpha").unwrap();
    let cable = |is_in: bool| cluster.nodes[from].host.as_ref().unwrap().0.plug(is_in);
    let since = Instant::now();
    cable(false);
    let moved = cluster.logged_in_after("Alpha", since, from);
    assert!(moved < LEASE + Duration::from_secs(5), "{moved:?}");
    sage.say(Some("Alpha"), "meanwhile");
    let id = told(&mut games[1 - from], "meanwhile");
    std::thread::sleep(LEASE);
    cable(true);
    // The game of the other host is still there, and is told what it has missed.
    assert_eq!(told(&mut games[from], "meanwhile"), id);
    cluster.settles();
    let helpless = Helpless { node: from, from: since, to: Instant::now() };
    assert_eq!(two_at_once(&cluster.tap.frames(), &cluster.muds, &[helpless]), None);
}

#[expect(clippy::print_stderr, reason = "says why a case is skipped")]
fn say(text: &str) {
    eprintln!("{text}");
}
