//! Plays a text file against machines in virtual time.
//!
//! ```text
//! # A comment.
//! router *net [coffeemud]        an I3 router, and whose rules it follows: dead-souls, coffeemud or spec
//! gateway Alpha [*other]         a gateway for the mud Alpha, at the first router named or the given ones
//! mud Sage [CoffeeMud]           a scripted mud, connected to the router and logged in, and its driver
//! bouncer Alpha [*other]         like `gateway`, and the mud may log in there itself
//! game g Alpha                   a scripted mud, connected to that gateway and not logged in
//! client c1 Alpha lines          an API client with the gateway's key; or: websocket, lines-raw, websocket-raw (no key)
//! client ann Alpha irc           a client of IRC with this nick and the gateway's key; or: irc-raw (says nothing at first);
//!                                ^A stands for the character of CTCP, ^C and ^O for codes of colours
//!
//! c1 > {"jsonrpc":"2.0",…}       it sends this
//! c1 < {"id":1,"result":"*"}     it receives this, now or within ten seconds; "*" is any value, members of the message
//!                                that the pattern leaves out do not matter; "$name" is any value too, which a later
//!                                $name in what is sent, or "$name" in a pattern, stands for
//! Sage > ({"tell",5,…})          the mud sends this frame
//! Sage < ({"tell",5,*})          it receives a frame like this; * is any text
//! c1 < nothing  /  c1 < closed  /  c1 < anything    (what it has received and was not asked for is passed over)
//! wait 2s
//! disk Alpha full                what it saves fails from here on; or: works
//! store Alpha gone               what it has saved is gone, and it is told so
//! set *net eats-probes=yes       what a router does wrong, from now on: see `Stage::set_fault`
//! forget *net Alpha              it no longer knows a mud that is online
//! set Alpha NAME=VALUE            a setting, for the next start or reload
//! reload Alpha                   the settings as they are set now, while it runs
//! crash Alpha / start Alpha / stop Alpha / stopped Alpha / close c1
//! ```
//!
//! A message that was not asked for stays in the queue and may be asked for later; `< nothing` demands that none is left.

use crate::world::World;
use crate::{home_settings, published, wire};
use i3_core::Gateway;
use i3_core::clients::keys;
use i3_core::i3::Charset;
use i3_core::machine::Listener;
use i3_core::settings::{
    ApiSettings, I3Login, KeySettings, LinkSettings, MethodLimit, MudSettings, Permissions, RateLimits,
    RouterSettings, Settings, TextStyle,
};
use i3_router::{Dialect, Logins, Router};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long an expected message may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a scripted peer speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    Lines,
    WebSocket,
    Irc,
    Mud,
    /// A mud at a CoffeeMud router, which ends no frame with NUL and escapes nothing.
    CoffeeMud,
}

impl Speech {
    fn is_json(self) -> bool {
        matches!(self, Speech::Lines | Speech::WebSocket)
    }
}

struct Peer {
    script: usize,
    speech: Speech,
    /// Received and not yet asked for.
    queue: Vec<String>,
}

/// A scenario being played.
pub struct Stage {
    /// The network.
    pub world: World,
    /// In the order in which they were named.
    routers: Vec<(String, i3_router::RouterSettings)>,
    gateways: BTreeMap<String, Settings>,
    peers: BTreeMap<String, Peer>,
    /// Values that patterns have given a name.
    named: BTreeMap<String, Json>,
    /// What clients have sent and received, in this order.
    pub said: Vec<Said>,
}

/// A message between a client and its gateway.
#[derive(Clone, Debug)]
pub struct Said {
    /// The client.
    pub client: String,
    /// It has sent it; else it has received it.
    pub sent: bool,
    /// The message.
    pub text: String,
}

/// The settings of a gateway for tests: one mud, all services, the key `<name>-key`, no rate limits.
pub fn settings(mud: &str, routers: &[String]) -> Settings {
    let services = ["tell", "emoteto", "beep", "channel", "who", "finger", "locate", "auth", "ucache"];
    let router = |name: &String| RouterSettings {
        name: name.clone(),
        host: name.clone(),
        port: 4000,
        charset: Charset::Utf8,
    };
    Settings {
        muds: vec![MudSettings {
            name: mud.to_owned(),
            player_port: 4000,
            admin_email: "admin@example.org".to_owned(),
            mudlib: "TestLib".to_owned(),
            base_mudlib: "TestBase".to_owned(),
            driver: "TestDriver".to_owned(),
            mud_type: "LP".to_owned(),
            open_status: "open".to_owned(),
            services: Arc::new(services.into_iter().map(|name| (name.to_owned(), 1)).collect()),
            routers: routers.iter().map(router).collect(),
            router_password: 0,
            channels: Vec::new(),
            i3: None,
        }],
        link: LinkSettings::default(),
        node: None,
        api: ApiSettings {
            keys: Some(vec![KeySettings::new(
                keys::digest(&format!("{}-key", mud.to_lowercase())),
                mud,
                Permissions::ALL,
            )]),
            ..ApiSettings::default()
        },
    }
}

/// Names with commas between them.
fn list(names: &str) -> Vec<String> {
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Plays a whole scenario, delivering bytes in pieces of at most `chunk`.
pub fn play(text: &str, seed: u64, chunk: usize) -> Stage {
    let mut stage = Stage::new(seed, chunk);
    for (at, line) in text.lines().enumerate() {
        if let Err(problem) = stage.line(line) {
            panic!(
                "line {}: {line}\n{problem}\n(seed {seed}, pieces of {chunk})\n{}",
                at + 1,
                stage.report()
            );
        }
    }
    // What nobody asked for was said too.
    let names: Vec<String> = stage.peers.keys().cloned().collect();
    names.iter().for_each(|name| stage.read(name));
    stage
}

impl Stage {
    /// An empty one.
    pub fn new(seed: u64, chunk: usize) -> Stage {
        Stage {
            world: World::new(seed, chunk),
            routers: Vec::new(),
            gateways: BTreeMap::new(),
            peers: BTreeMap::new(),
            named: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    /// The connection of a peer.
    pub fn script(&self, name: &str) -> usize {
        self.peers[name].script
    }

    fn report(&self) -> String {
        let mut report = String::new();
        for (name, peer) in &self.peers {
            for message in &peer.queue {
                report += &format!("  {name} has {message}\n");
            }
        }
        for notice in self.world.notices.iter().rev().take(20).rev() {
            report += &format!("  notice: {notice}\n");
        }
        report
    }

    /// Plays one line.
    pub fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some((name, rest)) = line.split_once(' ')
            && self.peers.contains_key(name)
        {
            return match rest.split_at_checked(2) {
                Some(("> ", text)) => self.send(name, text),
                Some(("< ", pattern)) => self.expect(name, pattern.trim()),
                _ => Err("> or < must follow".to_owned()),
            };
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["router", name] => self.router(name, "dead-souls"),
            ["router", name, dialect] => self.router(name, dialect),
            ["gateway", name, ref routers @ ..] => {
                let given: Vec<String> = routers.iter().map(|router| (*router).to_owned()).collect();
                let first = || self.routers[..1].iter().map(|(name, _)| name.clone()).collect();
                let routers = if given.is_empty() { first() } else { given };
                self.gateways.insert(name.to_owned(), settings(name, &routers));
                self.gateway(name)
            }
            ["bouncer", name, ref routers @ ..] => {
                let given: Vec<String> = routers.iter().map(|router| (*router).to_owned()).collect();
                let first = || self.routers[..1].iter().map(|(name, _)| name.clone()).collect();
                let mut settings = settings(name, &if given.is_empty() { first() } else { given });
                let everywhere = ["0.0.0.0/0", "::/0"].map(|network| network.parse().expect("a network"));
                settings.muds[0].i3 = Some(I3Login { allow: everywhere.to_vec(), ..I3Login::default() });
                self.gateways.insert(name.to_owned(), settings);
                self.gateway(name)
            }
            ["game", name, gateway] => {
                let script = self.world.connect(gateway, Listener::Mud).ok_or("refused")?;
                let peer = Peer { script, speech: Speech::Mud, queue: Vec::new() };
                self.peers.insert(name.to_owned(), peer);
                Ok(())
            }
            ["set", name, setting] if self.gateways.contains_key(name) => self.set(name, setting),
            ["set", name, setting] => self.set_fault(name, setting),
            ["forget", router, mud] => {
                let forgotten = self.world.with(router, |router: &mut Router, now| router.forget(now, mud));
                if forgotten { Ok(()) } else { Err("it is not online".to_owned()) }
            }
            ["reload", name] => {
                let settings = self.gateways.get(name).ok_or("no such gateway")?.clone();
                let applied =
                    self.world.with(name, |gateway: &mut Gateway, now| gateway.reload(now, settings));
                applied.map_err(|error| error.to_string())
            }
            ["mud", name] => self.mud(name, "TestDriver"),
            ["mud", name, driver] => self.mud(name, driver),
            ["client", name, gateway, how] => self.client(name, gateway, how),
            ["wait", time] => {
                let seconds = time.trim_end_matches('s').parse().map_err(|_| "no time".to_owned())?;
                self.world.wait(Duration::from_secs_f64(seconds));
                Ok(())
            }
            ["disk", name, how @ ("full" | "works")] => {
                self.world.set_disk(name, how == "works");
                Ok(())
            }
            ["store", name, "gone"] => {
                self.world.lose_store(name);
                Ok(())
            }
            ["crash", name] => {
                self.world.crash(name);
                Ok(())
            }
            ["start", name] if self.gateways.contains_key(name) => self.gateway(name),
            ["start", name] => self.start_router(name),
            ["stop", name] => {
                self.world.shut_down(name);
                Ok(())
            }
            ["stopped", name] => {
                let stopped = self.world.has_stopped(name);
                if stopped { Ok(()) } else { Err("it has not stopped".to_owned()) }
            }
            ["close", name] => {
                let peer = self.peers.get(name).ok_or("no such peer")?;
                self.world.close(peer.script);
                Ok(())
            }
            _ => Err("not understood".to_owned()),
        }
    }

    fn router(&mut self, name: &str, dialect: &str) -> Result<(), String> {
        let settings = i3_router::RouterSettings {
            dialect: Dialect::named(dialect).ok_or("no such dialect")?,
            name: name.to_owned(),
            channels: vec![("chat".to_owned(), 0), ("code".to_owned(), 0)],
            // As a driver reads: what we emit must not lean on a lenient reader.
            strict_text: true,
            ..i3_router::RouterSettings::default()
        };
        self.routers.retain(|(known, _)| known != name);
        self.routers.push((name.to_owned(), settings));
        self.start_router(name)
    }

    fn start_router(&mut self, name: &str) -> Result<(), String> {
        let (_, settings) = self.routers.iter().find(|(known, _)| known == name).ok_or("no such router")?;
        let settings = settings.clone();
        self.world.start(name, |saved, now| Router::new(settings, saved.clone(), 7, now));
        Ok(())
    }

    /// Changes what a router does wrong, for now and for its next start.
    fn set_fault(&mut self, name: &str, setting: &str) -> Result<(), String> {
        let (_, settings) =
            self.routers.iter_mut().find(|(known, _)| known == name).ok_or("no such router")?;
        let faults = &mut settings.faults;
        let (fault, value) = setting.split_once('=').ok_or("no value")?;
        let wrong = value == "yes";
        match fault {
            "logins" => {
                faults.logins = match value {
                    "judged" => Logins::Judged,
                    "ignored" => Logins::Ignored,
                    "closed" => Logins::Closed,
                    _ => return Err("judged, ignored or closed".to_owned()),
                }
            }
            // Each at a host of its own name.
            "router-list" => {
                let named = value.split(',').filter(|name| !name.is_empty());
                faults.router_list =
                    Some(named.map(|name| (name.to_owned(), format!("{name} 4000"))).collect());
            }
            "random-ids" => faults.random_list_ids = wrong,
            "eats-probes" => faults.eats_probes = wrong,
            "one-accept-a-second" => faults.one_accept_a_second = wrong,
            "forgets-first-logins" => faults.forgets_first_logins = wrong,
            "keeps-old-connections" => faults.keeps_old_connections = wrong,
            "loses-channel-types" => faults.loses_channel_types = wrong,
            _ => return Err("no such fault".to_owned()),
        }
        let faults = faults.clone();
        if self.world.is_running(name) {
            self.world.with(name, |router: &mut Router, _| router.set_faults(faults));
        }
        Ok(())
    }

    fn gateway(&mut self, name: &str) -> Result<(), String> {
        let settings = self.gateways[name].clone();
        let made = Gateway::new(settings.clone(), &i3_core::machine::Saved::default(), 3, self.world.now());
        made.map_err(|error| error.to_string())?;
        self.world.start_after(name, Gateway::before_start, |saved, now| {
            Gateway::new(settings, saved, 3, now)
                .unwrap_or_else(|error| unreachable!("checked before: {error}"))
        });
        Ok(())
    }

    /// Changes a setting of a gateway for its next start.
    fn set(&mut self, name: &str, setting: &str) -> Result<(), String> {
        let settings = self.gateways.get_mut(name).ok_or("no such gateway")?;
        match setting.split_once('=') {
            Some(("permissions", list)) => {
                let mut permissions = Permissions::default();
                let good = list.split(',').all(|permission| permissions.add(permission));
                for key in settings.api.keys.iter_mut().flatten() {
                    key.permissions = permissions;
                }
                if good { Ok(()) } else { Err("no such permission".to_owned()) }
            }
            Some(("service", name)) => {
                Arc::make_mut(&mut settings.muds[0].services).insert(name.to_owned(), 0);
                Ok(())
            }
            Some(("channel", name)) => {
                settings.muds[0].channels.push(name.to_owned());
                Ok(())
            }
            Some(("key", key)) => {
                for one in settings.api.keys.iter_mut().flatten() {
                    one.digest = keys::digest(key);
                }
                Ok(())
            }
            Some(("routers", names)) => {
                let names: Vec<String> = names.split(',').map(str::to_owned).collect();
                settings.muds[0].routers = self::settings(name, &names).muds.remove(0).routers;
                Ok(())
            }
            Some(("redirects", "follow")) => {
                settings.link.follow_redirects = true;
                Ok(())
            }
            Some(("frame", most)) => {
                settings.link.frame_bytes_max = most.parse().map_err(|_| "no number")?;
                Ok(())
            }
            Some(("charset", "latin-1")) => {
                settings.muds[0].routers.iter_mut().for_each(|router| router.charset = Charset::Latin1);
                Ok(())
            }
            Some(("split", _)) => {
                settings.link.split_long_texts = true;
                Ok(())
            }
            Some(("burst", most)) => {
                let burst = most.parse().map_err(|_| "no number")?;
                let by_method = [("tell".to_owned(), MethodLimit::of_one("tell", 2))].into();
                settings.api.rate_limits = Some(RateLimits { per_minute: 60, burst, by_method });
                Ok(())
            }
            Some((what @ ("keep_tells" | "keep_channels" | "keep_answers" | "history_days"), time)) => {
                let events = &mut settings.api.events;
                let seconds = time.parse().map_err(|_| "no number")?;
                match what {
                    "keep_tells" => events.keep_tells = Duration::from_secs(seconds),
                    "keep_channels" => events.keep_channels = Duration::from_secs(seconds),
                    "keep_answers" => events.keep_answers = Duration::from_secs(seconds),
                    _ => events.history_age = Duration::from_secs(seconds * 86_400),
                }
                Ok(())
            }
            Some((what @ ("kept_max" | "history_max" | "log_bytes"), most)) => {
                let events = &mut settings.api.events;
                let most = most.parse().map_err(|_| "no number")?;
                match what {
                    "kept_max" => events.kept_max = most,
                    "history_max" => events.history_max = most,
                    _ => events.log_bytes_max = most,
                }
                Ok(())
            }
            Some(("history_store", _)) => {
                settings.api.events.history_in_store = true;
                Ok(())
            }
            Some(("history_tells", _)) => {
                settings.api.events.history_holds_tells = true;
                Ok(())
            }
            Some(("packets-per-second", packets)) => {
                let packets = packets.parse().map_err(|_| "no number")?;
                (settings.link.packets_per_second, settings.link.packets_burst) = (Some(packets), packets);
                Ok(())
            }
            Some(("user_messages", most)) => {
                settings.api.user_messages_per_minute = Some(most.parse().map_err(|_| "no number")?);
                Ok(())
            }
            Some((what @ ("session_timeout" | "ping_interval" | "ping_timeout"), time)) => {
                let time = Duration::from_secs(time.parse().map_err(|_| "no number")?);
                match what {
                    "session_timeout" => settings.api.session_timeout = time,
                    "ping_interval" => settings.api.ping_interval = time,
                    _ => settings.api.ping_timeout = time,
                }
                Ok(())
            }
            Some(("ip_blacklist", networks)) => {
                let networks = networks.split(',').filter(|network| !network.is_empty()).map(str::parse);
                settings.api.addresses.blacklist =
                    networks.collect::<Result<_, _>>().map_err(|_| "no network")?;
                Ok(())
            }
            Some(("rate_limit_override", rate)) => {
                let rate = rate.parse().map_err(|_| "no number")?;
                settings.api.keys.iter_mut().flatten().for_each(|key| key.requests_per_minute = Some(rate));
                Ok(())
            }
            Some(("default_channels", names)) => {
                settings.muds[0].channels = list(names);
                Ok(())
            }
            Some(("key_channels", names)) => {
                settings.api.keys.iter_mut().flatten().for_each(|key| key.channels = Some(list(names)));
                Ok(())
            }
            Some(("key_text_format", name)) => {
                let format = TextStyle::ALL.iter().find(|one| one.name() == name).ok_or("no format")?;
                settings.api.keys.iter_mut().flatten().for_each(|key| key.text_format = *format);
                Ok(())
            }
            Some(("message_bytes", most)) => {
                settings.api.message_bytes_max = most.parse().map_err(|_| "no number")?;
                Ok(())
            }
            Some((what, value)) if what.starts_with("i3") => {
                home_settings::set(&mut settings.muds[0].i3, what, value)
            }
            Some(("queue", most)) => {
                settings.link.queue_packets_max = most.parse().map_err(|_| "no number")?;
                Ok(())
            }
            _ => Err("no such setting".to_owned()),
        }
    }

    fn mud(&mut self, name: &str, driver: &str) -> Result<(), String> {
        let (router, settings) = self.routers.first().ok_or("no router")?.clone();
        let coffeemud = settings.dialect == Dialect::CoffeeMud;
        let speech = if coffeemud { Speech::CoffeeMud } else { Speech::Mud };
        let script = self.world.connect(&router, Listener::Mud).ok_or("refused")?;
        self.peers.insert(name.to_owned(), Peer { script, speech, queue: Vec::new() });
        let login = format!(
            r#"({{"startup-req-3",5,"{name}",0,"{router}",0,0,0,0,4000,0,0,"l","b","{driver}","LP","open","e",(["beep":1,"channel":1,]),0,}})"#
        );
        self.send(name, &login)?;
        self.expect(name, r#"({"startup-reply",*})"#)
    }

    fn client(&mut self, name: &str, gateway: &str, how: &str) -> Result<(), String> {
        let (transport, raw) = match how.strip_suffix("-raw") {
            Some(transport) => (transport, true),
            None => (how, false),
        };
        let key = format!("{}-key", gateway.to_lowercase());
        let (on, speech) = match transport {
            "lines" => (Listener::Lines, Speech::Lines),
            "websocket" => (Listener::Http, Speech::WebSocket),
            "irc" => (Listener::Irc, Speech::Irc),
            _ => return Err("lines, websocket or irc".to_owned()),
        };
        let script = self.world.connect(gateway, on).ok_or("refused")?;
        self.peers.insert(name.to_owned(), Peer { script, speech, queue: Vec::new() });
        if speech == Speech::WebSocket {
            let request = wire::websocket_request("/ws", (!raw).then_some(key.as_str()));
            self.world.write(script, request.as_bytes());
            let received = self.world.received(script);
            let end = received
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .ok_or("no answer to the upgrade")?;
            let head = String::from_utf8_lossy(&received[..end]).into_owned();
            received.drain(..end + 4);
            if !head.starts_with("HTTP/1.1 101 ") {
                return Err(head);
            }
            return Ok(());
        }
        if speech == Speech::Irc {
            return if raw { Ok(()) } else { self.register(name, &key) };
        }
        self.expect(
            name,
            r#"{"method":"welcome","params":{"service":"i3-gateway","protocol":"JSON-RPC 2.0"}}"#,
        )?;
        if raw {
            return Ok(());
        }
        self.send(
            name,
            &format!(r#"{{"jsonrpc":"2.0","id":0,"method":"authenticate","params":{{"api_key":"{key}"}}}}"#),
        )?;
        self.expect(name, r#"{"id":0,"result":{"status":"authenticated"}}"#)
    }

    /// A client of IRC registers, and passes over the welcome.
    fn register(&mut self, name: &str, key: &str) -> Result<(), String> {
        for line in [format!("PASS {key}"), format!("NICK {name}"), format!("USER {name} 0 * :{name}")] {
            self.send(name, &line)?;
        }
        self.expect(name, &format!(":i3-gateway 422 {name} :*"))?;
        let welcome = |line: &String| {
            line.strip_prefix(":i3-gateway ").is_some_and(|rest| rest.starts_with(['0', '2', '3']))
        };
        self.peers.get_mut(name).ok_or("no such peer")?.queue.retain(|line| !welcome(line));
        Ok(())
    }

    /// A peer sends a text.
    pub fn send(&mut self, name: &str, text: &str) -> Result<(), String> {
        let text = self.named.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${name}"), &value.to_string())
        });
        let peer = &self.peers[name];
        if peer.speech.is_json() {
            self.said.push(Said { client: name.to_owned(), sent: true, text: text.clone() });
        }
        let bytes = match peer.speech {
            Speech::Lines => format!("{text}\n").into_bytes(),
            Speech::Irc => format!("{}\r\n", with_controls(&text)).into_bytes(),
            Speech::WebSocket => wire::websocket_frame(1, text.as_bytes()),
            // A backslash and an r stand for CR, which no line of a text file can hold.
            Speech::Mud | Speech::CoffeeMud => wire::mudmode_frame(text.replace("\\r", "\r").as_bytes()),
        };
        self.world.write(peer.script, &bytes);
        Ok(())
    }

    fn read(&mut self, name: &str) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let received = self.world.received(peer.script);
        let before = peer.queue.len();
        match peer.speech {
            Speech::Irc => {
                while let Some(end) = received.windows(2).position(|two| two == b"\r\n") {
                    let line: Vec<u8> = received.drain(..end + 2).collect();
                    peer.queue.push(irc_line(name, &line[..end]));
                }
            }
            Speech::Lines => {
                while let Some(end) = received.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = received.drain(..=end).collect();
                    peer.queue.push(String::from_utf8_lossy(&line[..end]).into_owned());
                }
            }
            Speech::WebSocket => {
                for (opcode, payload) in wire::websocket_frames(received) {
                    peer.queue.push(match opcode {
                        1 => String::from_utf8_lossy(&payload).into_owned(),
                        8 => format!("close {}", u16::from(payload[0]) * 256 + u16::from(payload[1])),
                        9 => "ping".to_owned(),
                        _ => format!("opcode {opcode}"),
                    });
                }
            }
            Speech::CoffeeMud => peer.queue.extend(wire::coffeemud_frames(received)),
            Speech::Mud => {
                for frame in wire::mudmode_frames(received) {
                    let text = frame.strip_prefix(wire::LATIN_1).unwrap_or(&frame);
                    let packet = match wire::strict_lpc(text) {
                        Ok(packet) => packet,
                        Err(fault) => panic!("{name} received what a driver cannot read: {fault}"),
                    };
                    let is_ours = packet[2].as_str().is_some_and(|from| self.gateways.contains_key(from));
                    if let Some(fault) = published::fault(&packet).filter(|_| is_ours) {
                        panic!("{name} received a packet of a gateway with a wrong field: {fault}: {text}");
                    }
                    peer.queue.push(frame.replace('\r', "\\r"));
                }
            }
        }
        if peer.speech.is_json() {
            let new = peer.queue[before..].iter().filter(|text| text.starts_with(['{', '[']));
            let said = new.map(|text| Said { client: name.to_owned(), sent: false, text: text.clone() });
            self.said.extend(said);
        }
    }

    /// The answer to a client's request, which must be there at once; null if there is none.
    pub fn answer(&mut self, name: &str, id: u64) -> Json {
        self.read(name);
        let Some(peer) = self.peers.get_mut(name) else { return Json::Null };
        let received = peer.queue.drain(..).filter_map(|text| serde_json::from_str::<Json>(&text).ok());
        received.rev().find(|message| message["id"] == id).unwrap_or_default()
    }

    /// Waits until a peer has received what the pattern describes.
    pub fn expect(&mut self, name: &str, pattern: &str) -> Result<(), String> {
        let until = self.world.now().mono + PATIENCE;
        self.read(name);
        if pattern == "anything" {
            self.peers.get_mut(name).ok_or("no such peer")?.queue.clear();
            return Ok(());
        }
        if pattern == "nothing" {
            let left = &self.peers[name].queue;
            return if left.is_empty() { Ok(()) } else { Err(format!("it received {}", left.join("\n"))) };
        }
        loop {
            self.read(name);
            let peer = self.peers.get_mut(name).ok_or("no such peer")?;
            if pattern == "closed" {
                if !self.world.is_open(peer.script) {
                    return Ok(());
                }
            } else if let Some(at) =
                peer.queue.iter().position(|message| matches_named(message, pattern, &self.named))
            {
                let message = peer.queue.remove(at);
                name_values(&message, pattern, &mut self.named);
                return Ok(());
            }
            if self.world.now().mono >= until {
                return Err("it did not come".to_owned());
            }
            self.world.step(until);
        }
    }
}

/// Control characters that a line of IRC may hold, and how a text file writes them.
const CONTROLS: [(&str, &str); 6] =
    [("^A", "\u{1}"), ("^B", "\u{2}"), ("^C", "\u{3}"), ("^O", "\u{f}"), ("^]", "\u{1d}"), ("^_", "\u{1f}")];

fn with_controls(text: &str) -> String {
    CONTROLS.iter().fold(text.to_owned(), |text, (written, control)| text.replace(written, control))
}

/// Reads a line of IRC as a strict client does: bounded, in UTF-8, without what would end it.
fn irc_line(name: &str, line: &[u8]) -> String {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(fault) => panic!("{name} received what is no UTF-8: {fault}"),
    };
    let untagged =
        if text.starts_with('@') { text.split_once(' ').map_or("", |(_, rest)| rest) } else { text };
    assert!(untagged.len() <= 510, "{name} received a line of {} bytes: {text}", untagged.len());
    let written =
        CONTROLS.iter().fold(text.to_owned(), |text, (written, control)| text.replace(control, written));
    assert!(!written.chars().any(char::is_control), "{name} received a control character: {written:?}");
    written
}

/// Whether a message is what a pattern describes: JSON by members, anything else by text with `*`.
pub fn matches(message: &str, pattern: &str) -> bool {
    matches_named(message, pattern, &BTreeMap::new())
}

fn matches_named(message: &str, pattern: &str, named: &BTreeMap<String, Json>) -> bool {
    match (serde_json::from_str::<Json>(message), serde_json::from_str::<Json>(pattern)) {
        (Ok(message), Ok(pattern)) => holds_named(&message, &pattern, named),
        (_, Err(_)) => like(message, pattern),
        _ => false,
    }
}

/// Whether a message has every member of a pattern, with its value; `"*"` is any value.
pub fn holds(message: &Json, pattern: &Json) -> bool {
    holds_named(message, pattern, &BTreeMap::new())
}

fn holds_named(message: &Json, pattern: &Json, named: &BTreeMap<String, Json>) -> bool {
    match (message, pattern) {
        (_, Json::String(any)) if any == "*" => true,
        (_, Json::String(name)) if name.starts_with('$') => {
            named.get(&name[1..]).is_none_or(|value| value == message)
        }
        (Json::Object(message), Json::Object(pattern)) => pattern
            .iter()
            .all(|(name, wanted)| message.get(name).is_some_and(|value| holds_named(value, wanted, named))),
        (Json::Array(message), Json::Array(pattern)) => {
            message.len() == pattern.len()
                && message.iter().zip(pattern).all(|(m, p)| holds_named(m, p, named))
        }
        _ => message == pattern,
    }
}

/// Gives the values of a message the names that its pattern has for them.
fn name_values(message: &str, pattern: &str, named: &mut BTreeMap<String, Json>) {
    fn walk(message: &Json, pattern: &Json, named: &mut BTreeMap<String, Json>) {
        match (message, pattern) {
            (value, Json::String(name)) if name.starts_with('$') => {
                named.insert(name[1..].to_owned(), value.clone());
            }
            (Json::Object(message), Json::Object(pattern)) => {
                pattern.iter().for_each(|(name, wanted)| walk(&message[name], wanted, named));
            }
            (Json::Array(message), Json::Array(pattern)) => {
                message.iter().zip(pattern).for_each(|(message, pattern)| walk(message, pattern, named));
            }
            _ => {}
        }
    }
    if let (Ok(message), Ok(pattern)) = (serde_json::from_str(message), serde_json::from_str(pattern)) {
        walk(&message, &pattern, named);
    }
}

fn like(message: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = message.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
