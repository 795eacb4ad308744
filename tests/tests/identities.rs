//! One gateway for fifty muds, at one router: each has its own link, password, lists and sessions.

use i3_core::Gateway;
use i3_core::machine::Listener;
use i3_core::settings::{KeySettings, Permissions, Settings};
use i3_router::{Faults, Router, RouterSettings};
use i3_tests::scenario::settings;
use i3_tests::world::World;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::time::Duration;

const MUDS: usize = 50;

fn name(mud: usize) -> String {
    format!("Mud{mud:02}")
}

fn fifty() -> Settings {
    let routers = ["*net".to_owned()];
    let mut all = settings(&name(0), &routers);
    all.muds = (0..MUDS).map(|mud| settings(&name(mud), &routers).muds.remove(0)).collect();
    let key = |mud: usize| {
        KeySettings::new(i3_core::clients::keys::digest(&format!("key{mud}")), name(mud), Permissions::ALL)
    };
    all.api.keys = Some((0..MUDS).map(key).collect());
    all
}

struct Stage {
    world: World,
    clients: Vec<usize>,
}

impl Stage {
    fn start(&mut self) {
        self.world.start("gateway", |saved, now| Gateway::new(fifty(), saved, 5, now).unwrap());
    }

    fn log_in(&mut self) {
        self.clients = (0..MUDS)
            .map(|mud| {
                let client = self.world.connect("gateway", Listener::Lines).unwrap();
                self.say(client, &format!(r#"{{"id":1,"method":"authenticate","params":["key{mud}"]}}"#));
                client
            })
            .collect();
    }

    fn say(&mut self, client: usize, line: &str) {
        self.world.write(client, format!("{line}\n").as_bytes());
    }

    fn read(&mut self, client: usize) -> Vec<Json> {
        let text = String::from_utf8(std::mem::take(self.world.received(client))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn passwords(&self) -> BTreeSet<Vec<u8>> {
        let stored = self.world.stored(self.world.node("gateway"));
        let password = |mud| stored[&(format!("password/{}", name(mud)).into(), "*net".into())].to_vec();
        (0..MUDS).map(password).collect()
    }

    fn ready(&mut self) -> usize {
        let mut ready = 0;
        for client in self.clients.clone() {
            self.read(client);
            self.say(client, r#"{"jsonrpc":"2.0","id":"s","method":"status"}"#);
            let status = self.read(client).pop().unwrap();
            ready += usize::from(status["result"]["connected"] == true);
        }
        ready
    }
}

#[test]
fn fifty_muds_in_one_process_do_not_disturb_each_other() {
    let mut stage = Stage { world: World::new(11, usize::MAX >> 1), clients: Vec::new() };
    stage.world.start("*net", |saved, now| {
        let faults = Faults { one_accept_a_second: true, ..Faults::default() };
        // A Dead Souls router takes 32 muds from one address.
        let router = RouterSettings {
            name: "*net".to_owned(),
            faults,
            muds_per_ip_max: MUDS,
            ..RouterSettings::default()
        };
        Router::new(router, saved.clone(), 2, now)
    });
    stage.start();
    stage.log_in();
    // A connection a second: the router takes no more, and closes none of ours for coming too soon.
    stage.world.wait(Duration::from_secs(30));
    assert!((27..=30).contains(&stage.ready()), "{} are ready after 30 s", stage.ready());
    stage.world.wait(Duration::from_secs(30));
    assert_eq!(stage.ready(), MUDS);
    assert_eq!(stage.world.machine::<Gateway>("gateway").metrics().router_failures, 0);

    // Each tells the next one, through the router.
    for mud in 0..MUDS {
        let target = name((mud + 1) % MUDS);
        stage.say(
            stage.clients[mud],
            &format!(
                r#"{{"jsonrpc":"2.0","id":2,"method":"tell","params":{{"target_mud":"{target}","target_user":"u{mud}","message":"from {mud}"}}}}"#
            ),
        );
    }
    stage.world.wait(Duration::from_secs(5));
    for mud in 0..MUDS {
        let before = (mud + MUDS - 1) % MUDS;
        let told: Vec<Json> = stage
            .read(stage.clients[mud])
            .into_iter()
            .filter(|message| message["method"] == "tell_received")
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        let params = &told[0]["params"];
        assert_eq!(
            (&params["message"], &params["from_mud"], &params["to_user"]),
            (&format!("from {before}").into(), &name(before).into(), &format!("u{before}").into())
        );
    }

    // Each password is its own, and opens the door again after a crash.
    let passwords = stage.passwords();
    assert_eq!(passwords.len(), MUDS);
    stage.world.crash("gateway");
    stage.start();
    stage.log_in();
    stage.world.wait(Duration::from_secs(60));
    assert_eq!(stage.ready(), MUDS);
    assert_eq!(stage.passwords(), passwords);
}

/// When each mud is ready after the router is back, from the first on.
fn return_after(outage: Duration, seed: u64) -> Vec<Duration> {
    const LINKS: usize = 8;
    let mut world = World::new(seed, usize::MAX >> 1);
    let router = |saved: &i3_core::machine::Saved, now| {
        let settings = RouterSettings { name: "*net".to_owned(), ..RouterSettings::default() };
        Router::new(settings, saved.clone(), 2, now)
    };
    world.start("*net", router);
    world.start("gateway", |saved, now| {
        let mut settings = fifty();
        settings.muds.truncate(LINKS);
        settings.api.keys = None;
        Gateway::new(settings, saved, seed, now).unwrap()
    });
    world.wait(Duration::from_secs(60));
    assert!(world.machine::<Gateway>("gateway").is_ready());
    world.crash("*net");
    world.wait(outage);
    world.start("*net", router);
    let (mut ready, from) = (Vec::new(), world.now().mono);
    while ready.len() < LINKS && world.now().mono.since(from) < Duration::from_secs(600) {
        world.wait(Duration::from_millis(100));
        let now = world.now();
        let logins =
            world.with("gateway", |gateway: &mut Gateway, _| gateway.metrics().router_logins) as usize;
        ready.resize((logins - LINKS).max(ready.len()), now.mono);
    }
    assert_eq!(ready.len(), LINKS, "all are back");
    ready.iter().map(|at| at.since(ready[0])).collect()
}

#[test]
fn after_an_outage_all_links_are_back_soon_after_the_first() {
    for (seed, minutes) in [(1, 1), (2, 5), (3, 30), (4, 60), (5, 600)] {
        let after = return_after(Duration::from_secs(minutes * 60), seed);
        assert!(after.iter().all(|time| *time <= Duration::from_secs(15)), "{minutes} minutes: {after:?}");
    }
}
