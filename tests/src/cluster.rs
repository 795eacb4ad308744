//! Several gateways of the same settings on one engine, a router, a scripted mud elsewhere on the network, and clients at
//! each gateway. A test says what happens, and lets time pass.

use crate::scenario;
use crate::wire;
use crate::world::{Record, World};
use i3_core::Gateway;
use i3_core::machine::{Listener, Told};
use i3_core::settings::{NodeSettings, Settings};
use i3_router::{Router, RouterSettings};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The length of a lease.
pub const LEASE: Duration = Duration::from_secs(15);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The router.
const ROUTER: &str = "*net";

/// A frame that a gateway has written to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its node.
    pub node: String,
    /// The frame.
    pub text: String,
}

#[derive(Default)]
struct Client {
    script: usize,
    answers: BTreeMap<u64, Json>,
    events: Vec<Json>,
}

/// See the module.
pub struct Cluster {
    /// The network.
    pub world: World,
    /// What all nodes are told at their start, but for their names.
    pub settings: Settings,
    /// What the gateways have written to the router, in order.
    pub sent: Vec<Sent>,
    /// All rows of the log.
    pub log: Vec<Told>,
    /// The nodes of the connections to the router, and what is not yet a frame.
    links: BTreeMap<u64, (usize, Vec<u8>)>,
    clients: BTreeMap<String, Client>,
    /// The muds elsewhere, each with its script.
    muds: BTreeMap<String, usize>,
    ids: u64,
    /// How many nodes were started: each start has a seed of its own.
    starts: u64,
    notices: Vec<String>,
}

impl Cluster {
    /// A router and the mud Sage; the engine; and these nodes, which speak for these muds.
    pub fn new(nodes: &[&str], muds: &[&str]) -> Cluster {
        let mut world = World::new(1, usize::MAX);
        world.records = Some(Vec::new());
        world.share(LEASE);
        let router = RouterSettings {
            name: ROUTER.to_owned(),
            channels: vec![("chat".to_owned(), 0), ("code".to_owned(), 0)],
            strict_text: true,
            ..RouterSettings::default()
        };
        world.start(ROUTER, |saved, now| Router::new(router, saved.clone(), 7, now));
        let mut all = muds.iter().map(|mud| scenario::settings(mud, &[ROUTER.to_owned()]));
        let mut settings = all.next().unwrap_or_else(|| panic!("at least one mud"));
        for mut other in all {
            settings.muds.append(&mut other.muds);
            settings.api.keys.iter_mut().flatten().for_each(|key| key.channels = Some(Vec::new()));
            settings
                .api
                .keys
                .iter_mut()
                .for_each(|keys| keys.extend(other.api.keys.take().unwrap_or_default()));
        }
        let mut cluster = Cluster {
            world,
            settings,
            sent: Vec::new(),
            log: Vec::new(),
            links: BTreeMap::new(),
            clients: BTreeMap::new(),
            muds: BTreeMap::new(),
            ids: 0,
            starts: 0,
            notices: Vec::new(),
        };
        cluster.mud("Sage");
        for node in nodes {
            assert!(cluster.start(node), "{node} does not start");
        }
        cluster.wait(2);
        cluster
    }

    /// Starts a node. Returns whether it has reached the engine.
    pub fn start(&mut self, node: &str) -> bool {
        let settings = self.settings.clone();
        let name = node.to_owned();
        self.starts += 1;
        let seed = self.starts;
        let is_there = self.world.start_node(node, |saved, boot, now| {
            let boot = boot.to_owned();
            let own = NodeSettings { name, boot, lease: LEASE, keeps_without_database: false };
            let settings = Settings { node: Some(own), ..settings };
            Gateway::new(settings, saved, seed, now).unwrap_or_else(|error| panic!("{error}"))
        });
        self.digest();
        is_there
    }

    /// Lets seconds pass.
    pub fn wait(&mut self, seconds: u64) {
        self.wait_millis(seconds * 1000);
    }

    /// Lets milliseconds pass.
    pub fn wait_millis(&mut self, millis: u64) {
        let end = self.world.now().mono + Duration::from_millis(millis);
        while self.world.step(end) {
            self.digest();
        }
        self.digest();
    }

    /// Waits until something is so, for that many seconds at most. Returns after how many milliseconds it was.
    pub fn until(&mut self, seconds: u64, what: &str, is_so: impl Fn(&mut Cluster) -> bool) -> u64 {
        for millis in (0..seconds * 1000).step_by(100) {
            if is_so(self) {
                return millis;
            }
            self.wait_millis(100);
        }
        panic!("not after {seconds} s: {what}\n{}", self.report());
    }

    /// What the operators were told last, for people.
    pub fn report(&self) -> String {
        let from = self.notices.len().saturating_sub(40);
        self.notices[from..].join("\n")
    }

    /// The node that has the lease on a mud, by the engine.
    pub fn holder(&self, mud: &str) -> Option<String> {
        self.world.holder_of(mud).map(str::to_owned)
    }

    /// A node other than this one.
    pub fn other(&self, node: &str, nodes: &[&str]) -> String {
        let other = nodes.iter().find(|one| **one != node);
        (*other.unwrap_or_else(|| panic!("there is no other"))).to_owned()
    }

    /// The nodes that have a connection to the router, one for each connection.
    pub fn linked(&self) -> Vec<&str> {
        let open = self.links.iter().filter(|(tcp, _)| self.world.ends(**tcp).iter().all(Option::is_some));
        open.map(|(_, (node, _))| self.world.name(*node)).collect()
    }

    /// The frames to the router that contain a text.
    pub fn sent_with(&self, text: &str) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.text.contains(text)).collect()
    }

    fn digest(&mut self) {
        let records = self.world.records.as_mut().map(std::mem::take).unwrap_or_default();
        for record in records {
            match record {
                Record::Broke { node, how } => panic!("{} {how}", self.world.name(node)),
                Record::Hole { node } => panic!("{} finds a hole in the log", self.world.name(node)),
                Record::Noticed { node, notice } => {
                    let at = self.world.now().mono.micros() as f64 / 1e6;
                    self.notices.push(format!("{at:>9.3} {}: {notice}", self.world.name(node)));
                }
                Record::Committed { told, .. } => self.log.push(told),
                Record::Dials { .. } => {}
                Record::Opened { tcp, from: crate::world::End::Node(node, _), .. } => {
                    self.links.insert(tcp, (node, Vec::new()));
                }
                Record::Wrote { tcp, side: 0, bytes } => {
                    let Some((node, stream)) = self.links.get_mut(&tcp) else { continue };
                    stream.extend_from_slice(&bytes);
                    let node = self.world.name(*node).to_owned();
                    let frames = wire::mudmode_frames(stream).into_iter();
                    self.sent.extend(frames.map(|text| Sent { node: node.clone(), text }));
                }
                _ => {}
            }
        }
    }
}

/// The mud elsewhere.
impl Cluster {
    /// A scripted mud logs in at the router.
    pub fn mud(&mut self, name: &str) {
        let script = self.world.connect(ROUTER, Listener::Mud).unwrap_or_else(|| panic!("{name} is refused"));
        self.muds.insert(name.to_owned(), script);
        let login = format!(
            r#"({{"startup-req-3",5,"{name}",0,"{ROUTER}",0,0,0,0,4000,0,0,"l","b","d","LP","open","e",(["tell":1,"channel":1,"who":1,]),0,}})"#
        );
        self.frame(name, &login);
        self.frame(name, &format!(r#"({{"channel-listen",5,"{name}",0,"{ROUTER}",0,"chat",1,}})"#));
    }

    /// It sends a packet.
    pub fn frame(&mut self, mud: &str, text: &str) {
        self.world.write(self.muds[mud], &wire::mudmode_frame(text.as_bytes()));
        self.digest();
    }

    /// Sage tells a user of a mud something.
    pub fn tell_in(&mut self, mud: &str, user: &str, text: &str) {
        self.frame("Sage", &format!(r#"({{"tell",5,"Sage","bob","{mud}","{user}","Bob","{text}",}})"#));
    }

    /// Sage says something on a channel.
    pub fn line_in(&mut self, channel: &str, text: &str) {
        self.frame("Sage", &format!(r#"({{"channel-m",5,"Sage","bob",0,0,"{channel}","Bob","{text}",}})"#));
    }

    /// What a mud elsewhere has received since it was last asked.
    pub fn frames(&mut self, mud: &str) -> Vec<String> {
        wire::mudmode_frames(self.world.received(self.muds[mud]))
    }
}

/// Games.
impl Cluster {
    /// A client of a mud connects to a node and shows its key. `more` goes with `authenticate`. Returns the answer.
    pub fn client(&mut self, name: &str, node: &str, mud: &str, more: &Json) -> Json {
        let script = self
            .world
            .connect(node, Listener::Lines)
            .unwrap_or_else(|| panic!("{name} is refused at {node}"));
        self.clients.insert(name.to_owned(), Client { script, ..Client::default() });
        let mut params = json!({"api_key": format!("{}-key", mud.to_lowercase())});
        if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
            params.extend(more.clone());
        }
        self.result(name, "authenticate", &params)
    }

    /// The connection of a client ends.
    pub fn leave(&mut self, name: &str) {
        if let Some(client) = self.clients.remove(name) {
            self.world.close(client.script);
        }
        self.digest();
    }

    /// Whether a client is connected.
    pub fn is_connected(&self, name: &str) -> bool {
        self.clients.get(name).is_some_and(|client| self.world.is_open(client.script))
    }

    /// Sends a request without waiting. Returns its number.
    pub fn ask(&mut self, name: &str, method: &str, params: &Json) -> u64 {
        self.ids += 1;
        let text = json!({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params});
        self.world.write(self.clients[name].script, format!("{text}\n").as_bytes());
        self.digest();
        self.ids
    }

    /// The answer to a request, if it has come.
    pub fn answer(&mut self, name: &str, id: u64) -> Option<Json> {
        self.read(name);
        self.clients.get_mut(name)?.answers.remove(&id)
    }

    /// Sends a request and waits for its answer.
    pub fn call(&mut self, name: &str, method: &str, params: &Json) -> Json {
        let id = self.ask(name, method, params);
        let end = self.world.now().mono + PATIENCE;
        loop {
            if let Some(answer) = self.answer(name, id) {
                return answer;
            }
            assert!(self.world.now().mono < end, "{name}: {method} is not answered\n{}", self.report());
            self.wait_millis(20);
        }
    }

    /// The result of a request, which must be good.
    pub fn result(&mut self, name: &str, method: &str, params: &Json) -> Json {
        let mut answer = self.call(name, method, params);
        assert!(answer["error"].is_null(), "{name}: {method}: {answer}\n{}", self.report());
        answer["result"].take()
    }

    fn read(&mut self, name: &str) {
        let Some(client) = self.clients.get_mut(name) else { return };
        let received = self.world.received(client.script);
        let whole = received.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text: Vec<u8> = received.drain(..whole).collect();
        for line in String::from_utf8_lossy(&text).lines() {
            let message: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            match message["id"].as_u64() {
                Some(id) => drop(client.answers.insert(id, message)),
                None => client.events.push(message),
            }
        }
    }

    /// The events of a kind that a client has received since it was last asked for them. Others stay.
    pub fn events(&mut self, name: &str, kind: &str) -> Vec<Json> {
        self.read(name);
        let Some(client) = self.clients.get_mut(name) else { return Vec::new() };
        let (wanted, others) = client.events.drain(..).partition(|event| event["method"] == kind);
        client.events = others;
        wanted
    }
}
