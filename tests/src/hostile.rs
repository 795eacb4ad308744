//! A gateway among peers that the test plays byte by byte: the router, games, and whoever wants to harm them.

use crate::scenario::settings;
use crate::wire;
use crate::world::World;
use i3_core::Gateway;
use i3_core::machine::Listener;
use i3_core::metrics::Metrics;
use i3_core::settings::Settings;
use serde_json::{Value as Json, json};
use std::net::IpAddr;
use std::time::Duration;

/// The largest JSON text of the settings used here.
pub const MESSAGE_BYTES_MAX: usize = 65_536;

/// See the module.
pub struct Siege {
    /// The network; the gateway is `Alpha`.
    pub world: World,
    /// The router's end of the link, which is logged in.
    pub router: usize,
    /// A game that minds its own business, on the channel `chat`.
    pub bystander: usize,
}

impl Default for Siege {
    fn default() -> Siege {
        Siege::new(usize::MAX >> 1, |_| {})
    }
}

impl Siege {
    /// A gateway with a router and a game; bytes come in pieces of at most `chunk`.
    pub fn new(chunk: usize, change: impl FnOnce(&mut Settings)) -> Siege {
        let mut world = World::new(1, chunk);
        world.listen("*net");
        let mut settings = settings("Alpha", &["*net".to_owned()]);
        // The router here answers no probe.
        settings.link.keepalive_interval = Duration::from_secs(3600);
        settings.link.dead_after = Duration::from_secs(7200);
        settings.api.message_bytes_max = MESSAGE_BYTES_MAX;
        change(&mut settings);
        world.start("Alpha", |saved, now| {
            Gateway::new(settings, saved, 3, now).unwrap_or_else(|error| panic!("{error}"))
        });
        let router = world.dialed("*net").expect("the gateway dials at once");
        let bystander = world.connect("Alpha", Listener::Lines).expect("the first client");
        let mut siege = Siege { world, router, bystander };
        siege.log_in();
        siege.ask(siege.bystander, r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#);
        siege.ask(siege.bystander, r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#);
        assert_eq!(siege.read(siege.bystander).last().map(|last| last["id"].clone()), Some(2.into()));
        siege
    }

    /// The router accepts the login and names a mud.
    pub fn log_in(&mut self) {
        self.frame(r#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),}),77,})"#);
        self.frame(
            r#"({"mudlist",5,"*net",0,"Alpha",0,1,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#,
        );
    }

    /// Sends a tell from the network to the user ann.
    pub fn tell(&mut self, text: &str) {
        self.frame(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{text}",}})"#));
    }

    /// Sends a message of the channel chat from the network.
    pub fn line(&mut self, text: &str) {
        self.frame(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{text}",}})"#));
    }

    /// Sends a request, and returns what its client has received a moment later.
    pub fn call(&mut self, script: usize, method: &str, params: &Json) -> Vec<Json> {
        let request = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
        self.ask(script, &request.to_string());
        self.world.wait(Duration::from_millis(10));
        self.read(script)
    }

    /// The router sends a packet.
    pub fn frame(&mut self, text: &str) {
        self.world.write(self.router, &wire::mudmode_frame(text.as_bytes()));
    }

    /// Somebody connects.
    pub fn connect(&mut self, on: Listener) -> usize {
        self.world.connect("Alpha", on).expect("there is room")
    }

    /// Somebody connects from an address, if there is room.
    pub fn connect_from(&mut self, from: impl Into<IpAddr>, on: Listener) -> Option<usize> {
        self.world.connect_from(from, "Alpha", on)
    }

    /// A client that has shown its key, over a WebSocket.
    pub fn websocket(&mut self) -> usize {
        let script = self.connect(Listener::Http);
        self.world.write(script, wire::websocket_request("/ws", Some("alpha-key")).as_bytes());
        let head = self.text(script);
        assert!(head.starts_with("HTTP/1.1 101 ") && head.ends_with("\r\n\r\n"), "{head}");
        script
    }

    /// A line from a client.
    pub fn ask(&mut self, script: usize, line: &str) {
        self.world.write(script, format!("{line}\n").as_bytes());
    }

    /// What a client received, line by line.
    pub fn read(&mut self, script: usize) -> Vec<Json> {
        let text = self.text(script);
        assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text}");
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(read).collect()
    }

    /// What anybody received.
    pub fn text(&mut self, script: usize) -> String {
        String::from_utf8(std::mem::take(self.world.received(script))).expect("what we send is UTF-8")
    }

    /// The status codes of the HTTP answers that somebody received.
    pub fn statuses(&mut self, script: usize) -> Vec<String> {
        let text = self.text(script);
        text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect()
    }

    /// The codes of the Close frames, or the opcodes of others, that a WebSocket client received.
    pub fn frames(&mut self, script: usize) -> Vec<String> {
        let frames = wire::websocket_frames(self.world.received(script)).into_iter();
        frames
            .map(|(opcode, payload)| match opcode {
                1 => String::from_utf8_lossy(&payload).into_owned(),
                8 => format!("close {}", u16::from(payload[0]) * 256 + u16::from(payload[1])),
                _ => format!("opcode {opcode}"),
            })
            .collect()
    }

    /// What the gateway has counted.
    pub fn metrics(&self) -> Metrics {
        self.world.machine::<Gateway>("Alpha").metrics().clone()
    }

    /// The game gets its answers, tells go and come, the link has not been lost.
    pub fn nobody_else_noticed(&mut self) {
        assert!(self.world.is_open(self.router) && self.world.is_open(self.bystander));
        assert_eq!(self.metrics().router_failures, 0, "the link was lost");
        self.works();
    }

    /// The game gets its answers, tells go and come.
    pub fn works(&mut self) {
        self.read(self.bystander);
        self.world.wait(Duration::from_secs(2));
        wire::mudmode_frames(self.world.received(self.router));
        self.ask(self.bystander, r#"{"jsonrpc":"2.0","id":"there?","method":"ping"}"#);
        assert_eq!(self.read(self.bystander).pop().map(|answer| answer["id"].clone()), Some("there?".into()));
        self.ask(
            self.bystander,
            r#"{"jsonrpc":"2.0","id":3,"method":"tell","params":{"target_mud":"Sage","target_user":"bob","message":"out"}}"#,
        );
        assert_eq!(
            self.read(self.bystander).pop().map(|answer| answer["result"]["status"].clone()),
            Some("sent".into())
        );
        self.world.wait(Duration::from_secs(2));
        let out = wire::mudmode_frames(self.world.received(self.router));
        assert!(out.iter().any(|frame| frame.contains(r#""Someone","out",})"#)), "{out:?}");
        self.frame(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","in",})"#);
        let told = self.read(self.bystander).pop().expect("the tell comes");
        assert_eq!((&told["method"], &told["params"]["message"]), (&"tell_received".into(), &"in".into()));
    }
}
