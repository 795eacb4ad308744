//! A few small muds with users who answer, so that a private network is not empty.

mod cast;
mod trio;

pub use cast::{DemoLine, DemoMud, DemoUser};

use bytes::Bytes;
use i3_core::effects::{ConnMap, Effects};
use i3_core::i3::packet::{Mapping, Text, WhoRow};
use i3_core::i3::{Body, Deframer, Header, Packet, Value, frame};
use i3_core::machine::{ConnId, Input, Listener, Machine, Output, Refused};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now};
use i3_core::timers::Timers;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

/// How long a login may take. A router does not answer a bad login.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);
/// Milliseconds between the loss of a connection and the next attempt.
const REDIAL_MILLIS: Range<u64> = 2000..5000;
/// Milliseconds before the first attempt of a mud.
const FIRST_DIAL_MILLIS: Range<u64> = 10..500;
/// Milliseconds from a login to the first line on a channel, because flood control counts the login.
const FIRST_CHAT_MILLIS: Range<u64> = 3000..8000;
/// Milliseconds between lines on channels.
const CHAT_MILLIS: Range<u64> = 10_000..25_000;
/// Milliseconds before a user answers a tell.
const THINK_MILLIS: Range<u64> = 700..1500;
/// The shortest time between two packets of a mud. That is eight a second, and routers allow ten.
const PACE: Duration = Duration::from_millis(125);
/// The most packets that may wait in a mud. Further ones are dropped.
const QUEUE_PACKETS_MAX: usize = 64;
/// The most tells that a mud answers in a minute, so that two programs cannot answer each other without an end.
const TELLS_PER_MINUTE_MAX: u32 = 40;
/// Keys for `auth-mud-reply` and `ping-reply` have nine digits.
const KEYS: Range<i64> = 100_000_000..1_000_000_000;
/// The idle seconds that users report.
const IDLE_SECONDS: Range<i64> = 0..600;

/// A timer of a demo mud. The number is the index of the mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DemoWake {
    /// It is time to dial.
    Dial(usize),
    /// The router has not answered the login.
    Startup(usize),
    /// A packet may leave.
    Send(usize),
    /// It is time for a line on a channel.
    Chat(usize),
}

/// The connection of a demo mud to its router.
#[derive(Debug)]
enum DemoLink {
    /// The mud waits before it dials.
    Away,
    Dialing(ConnId),
    /// The mud has sent its login.
    Starting(ConnId, Deframer),
    Up(ConnId, Deframer),
}

/// A demo mud and its state on the network.
#[derive(Debug)]
struct Site {
    mud: DemoMud,
    link: DemoLink,
    /// The password from the router. 0: none yet.
    password: i64,
    /// The waiting packets, by the time at which they may leave.
    queue: BTreeMap<(Instant, u64), Vec<u8>>,
    sent_at: Instant,
    last_line: usize,
    /// The current minute, and the tells that were answered in it.
    minute: u64,
    tells: u32,
}

impl Site {
    fn conn(&self) -> Option<ConnId> {
        match self.link {
            DemoLink::Away => None,
            DemoLink::Dialing(conn) | DemoLink::Starting(conn, _) | DemoLink::Up(conn, _) => Some(conn),
        }
    }
}

/// Small muds that dial a router, answer requests, and send lines to channels.
#[derive(Debug)]
pub struct DemoMuds {
    sites: Vec<Site>,
    router: String,
    host: String,
    port: u16,
    rng: fastrand::Rng,
    effects: Effects,
    timers: Timers<DemoWake>,
    /// The mud of each connection.
    conns: ConnMap<usize>,
    packets: u64,
    now: Instant,
    stopped: bool,
}

impl DemoMuds {
    /// Makes muds that dial `host` and `port` and log in at the router of that name.
    pub fn new(muds: Vec<DemoMud>, router: &str, host: &str, port: u16, seed: u64, now: Now) -> DemoMuds {
        let site = |mud| Site {
            mud,
            link: DemoLink::Away,
            password: 0,
            queue: BTreeMap::new(),
            sent_at: Instant::ORIGIN,
            last_line: usize::MAX,
            minute: 0,
            tells: 0,
        };
        let mut demo = DemoMuds {
            sites: muds.into_iter().map(site).collect(),
            router: router.to_owned(),
            host: host.to_owned(),
            port,
            rng: fastrand::Rng::with_seed(seed),
            effects: Effects::default(),
            timers: Timers::default(),
            conns: ConnMap::default(),
            packets: 0,
            now: now.mono,
            stopped: false,
        };
        for index in 0..demo.sites.len() {
            demo.wake_in(DemoWake::Dial(index), FIRST_DIAL_MILLIS);
        }
        demo
    }

    /// Returns three muds with two users each, on the channels `demo_chat` and `demo_code`.
    pub fn trio() -> Vec<DemoMud> {
        trio::muds()
    }

    /// The names of the muds that are logged in.
    pub fn online(&self) -> impl Iterator<Item = &str> {
        let up = self.sites.iter().filter(|site| matches!(site.link, DemoLink::Up(..)));
        up.map(|site| site.mud.name.as_str())
    }

    fn wake_in(&mut self, wake: DemoWake, millis: Range<u64>) {
        let wait = Duration::from_millis(self.rng.u64(millis));
        self.timers.set(wake, self.now + wait);
    }

    fn notice(&mut self, what: &'static str, site: usize) {
        let notice = Notice::new(Level::Debug, "demo", what).with("mud", &self.sites[site].mud.name);
        self.effects.notice(notice);
    }
}

impl Machine for DemoMuds {
    type Wake = DemoWake;

    fn accept(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        Err(Refused::WrongListener)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = self.now.max(now.mono);
        match input {
            Input::Received { conn, bytes } => self.received(now, conn, bytes),
            Input::Flushed { conn } => self.effects.flushed(conn),
            Input::Dialed { conn } => self.dialed(conn),
            Input::Lost { conn, .. } => {
                self.effects.release(conn);
                self.leave(conn);
            }
            // The muds save nothing and have no listeners.
            Input::Saved { .. }
            | Input::Found { .. }
            | Input::StoreLost { .. }
            | Input::Told(_)
            | Input::Beaten { .. }
            | Input::Followed { .. }
            | Input::Secured { .. } => {}
            Input::Shutdown => self.stop(),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.now = self.now.max(now.mono);
        while let Some(wake) = self.timers.pop_due(self.now) {
            match wake {
                DemoWake::Dial(site) => self.dial(site),
                DemoWake::Startup(site) => self.give_up(site),
                DemoWake::Send(site) => self.send_next(site),
                DemoWake::Chat(site) => self.chat(site),
            }
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, DemoWake)> {
        self.timers.next()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.effects.poll()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.effects.take_bytes(conn, budget, into)
    }
}

/// Connections.
impl DemoMuds {
    fn dial(&mut self, site: usize) {
        let conn = self.effects.dial(&self.host, self.port);
        self.conns.insert(conn, site);
        self.sites[site].link = DemoLink::Dialing(conn);
        self.timers.set(DemoWake::Startup(site), self.now + STARTUP_TIMEOUT);
    }

    fn dialed(&mut self, conn: ConnId) {
        let Some(&site) = self.conns.get(conn) else { return };
        self.sites[site].link = DemoLink::Starting(conn, Deframer::default());
        let login = self.login(site);
        self.effects.send(conn, &login);
    }

    fn login(&self, site: usize) -> Vec<u8> {
        let Site { mud, password, .. } = &self.sites[site];
        let service = |name: &'static str| (Text::from(name), Value::Int(1));
        let services = ["auth", "channel", "emoteto", "finger", "locate", "tell", "who"];
        encode(&Packet {
            header: Header::to_mud(&mud.name, None, &self.router),
            body: Body::StartupReq3 {
                password: *password,
                old_mudlist_id: 0,
                old_chanlist_id: 0,
                player_port: mud.player_port.into(),
                imud_tcp_port: 0,
                imud_udp_port: 0,
                mudlib: Text::from(&*mud.mudlib),
                base_mudlib: "demo".into(),
                driver: "demo".into(),
                mud_type: Text::from(&*mud.mud_type),
                open_status: "a demonstration".into(),
                admin_email: "nobody@example.org".into(),
                services: Mapping(services.map(service).to_vec()),
                other_data: Value::Int(0),
            },
        })
    }

    fn give_up(&mut self, site: usize) {
        if let Some(conn) = self.sites[site].conn() {
            self.effects.close_now(conn);
            self.leave(conn);
        }
    }

    /// Notes a lost connection, and plans the next attempt.
    fn leave(&mut self, conn: ConnId) {
        let Some(site) = self.conns.remove(conn) else { return };
        for wake in [DemoWake::Startup(site), DemoWake::Send(site), DemoWake::Chat(site)] {
            self.timers.clear(wake);
        }
        self.sites[site].link = DemoLink::Away;
        self.sites[site].queue.clear();
        self.notice("demo mud is off the network", site);
        if !self.stopped {
            self.wake_in(DemoWake::Dial(site), REDIAL_MILLIS);
        }
    }

    fn stop(&mut self) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        for site in 0..self.sites.len() {
            self.give_up(site);
        }
        self.timers = Timers::default();
        self.effects.stopped();
    }

    fn received(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        let Some(&site) = self.conns.get(conn) else { return };
        let (DemoLink::Starting(_, deframer) | DemoLink::Up(_, deframer)) = &mut self.sites[site].link else {
            return;
        };
        let mut deframer = std::mem::take(deframer);
        let mut input = bytes;
        loop {
            match deframer.next(&mut input) {
                // Invalid packets are ignored.
                Ok(Some(text)) => {
                    if let Ok((packet, _)) = Packet::decode(text) {
                        self.packet(now, site, &packet);
                    }
                }
                Ok(None) => break,
                Err(_) => return self.give_up(site),
            }
        }
        if let DemoLink::Starting(_, place) | DemoLink::Up(_, place) = &mut self.sites[site].link {
            *place = deframer;
        }
    }

    fn started(&mut self, site: usize, password: i64) {
        let at = &mut self.sites[site];
        at.password = password;
        let DemoLink::Starting(conn, _) = at.link else { return };
        let DemoLink::Starting(conn, deframer) = std::mem::replace(&mut at.link, DemoLink::Dialing(conn))
        else {
            return;
        };
        at.link = DemoLink::Up(conn, deframer);
        // Routers do not count these packets.
        for channel in &at.mud.channels {
            let body = Body::ChannelListen { channel: Text::from(&**channel), on: 1 };
            let header = Header::to_mud(&at.mud.name, None, &self.router);
            self.effects.send(conn, &encode(&Packet { header, body }));
        }
        self.timers.clear(DemoWake::Startup(site));
        self.wake_in(DemoWake::Chat(site), FIRST_CHAT_MILLIS);
        self.notice("demo mud is on the network", site);
    }

    fn queue(&mut self, site: usize, wait: Duration, frame: Vec<u8>) {
        let at = &mut self.sites[site];
        if at.queue.len() < QUEUE_PACKETS_MAX {
            self.packets += 1;
            at.queue.insert((self.now + wait, self.packets), frame);
            self.set_send(site);
        }
    }

    fn set_send(&mut self, site: usize) {
        let at = &self.sites[site];
        if let Some(((due, _), _)) = at.queue.first_key_value() {
            self.timers.set(DemoWake::Send(site), (*due).max(at.sent_at + PACE));
        }
    }

    fn send_next(&mut self, site: usize) {
        let at = &mut self.sites[site];
        if let Some((_, frame)) = at.queue.pop_first() {
            at.sent_at = self.now;
            if let Some(conn) = at.conn() {
                self.effects.send(conn, &frame);
            }
        }
        self.set_send(site);
    }
}

/// Conversation.
impl DemoMuds {
    fn packet(&mut self, now: Now, site: usize, packet: &Packet<'_>) {
        let Packet { header, body } = packet;
        match body {
            Body::StartupReply { password, .. } => self.started(site, *password),
            Body::Tell { .. } | Body::Emoteto { .. } => self.answer_tell(now, site, packet),
            _ if header.from_mud == self.sites[site].mud.name => {}
            _ => {
                let (idle, key) = (self.rng.i64(IDLE_SECONDS), self.rng.i64(KEYS));
                if let Some(answer) = answer(&self.sites[site].mud, packet, idle, key) {
                    let frame = self.to_sender(site, None, header, answer);
                    self.queue(site, Duration::ZERO, frame);
                }
            }
        }
    }

    /// Returns a frame to the sender of `header`.
    fn to_sender(&self, site: usize, user: Option<&str>, header: &Header<'_>, body: Body<'_>) -> Vec<u8> {
        let mut to = Header::to_mud(&self.sites[site].mud.name, user, &header.from_mud);
        to.to_user = header.from_user.as_deref().map(Text::from);
        encode(&Packet { header: to, body })
    }

    /// Answers a tell or an emoteto with one of the user's texts, after a second or so.
    fn answer_tell(&mut self, now: Now, site: usize, packet: &Packet<'_>) {
        let header = &packet.header;
        let at = &mut self.sites[site];
        if at.minute != now.unix.seconds() / 60 {
            (at.minute, at.tells) = (now.unix.seconds() / 60, 0);
        }
        at.tells += 1;
        if at.tells > TELLS_PER_MINUTE_MAX {
            return;
        }
        let wait = Duration::from_millis(self.rng.u64(THINK_MILLIS));
        let pick = self.rng.usize(..);
        let mud = &self.sites[site].mud;
        let name = header.to_user.as_deref().unwrap_or_default();
        let Some(user) = mud.user(name) else {
            let frame = self.to_sender(site, None, header, unknown_user(name, mud, packet));
            return self.queue(site, Duration::ZERO, frame);
        };
        if header.from_user.is_none() {
            // The packet names no sender.
            return;
        }
        let visname = Text::from(&*user.name);
        let body = match &packet.body {
            Body::Emoteto { .. } => Body::Emoteto { visname, message: Text::from(&*user.gesture) },
            _ => {
                let Some(reply) = pick.checked_rem(user.replies.len()).map(|at| &user.replies[at]) else {
                    return;
                };
                Body::Tell { visname, message: Text::from(&**reply) }
            }
        };
        let frame = self.to_sender(site, Some(&user.name.to_lowercase()), header, body);
        self.queue(site, wait, frame);
    }

    /// Sends one of the mud's lines to its channel. It differs from the previous one.
    fn chat(&mut self, site: usize) {
        self.wake_in(DemoWake::Chat(site), CHAT_MILLIS);
        let pick = self.rng.usize(..);
        let at = &mut self.sites[site];
        let Some(mut chosen) = pick.checked_rem(at.mud.lines.len()) else { return };
        if chosen == at.last_line {
            chosen = (chosen + 1) % at.mud.lines.len();
        }
        at.last_line = chosen;
        let line = &at.mud.lines[chosen];
        let (channel, visname) = (Text::from(&*line.channel), Text::from(&*line.user));
        let message = Text::from(&*line.text);
        let body = if line.emote {
            Body::ChannelEmote { channel, visname, message }
        } else {
            Body::ChannelMessage { channel, visname, message }
        };
        let speaker = line.user.to_lowercase();
        let header = Header::broadcast(&at.mud.name, Some(&speaker));
        let frame = encode(&Packet { header, body });
        self.queue(site, Duration::ZERO, frame);
    }
}

fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::append(&mut bytes, |text| packet.encode(text));
    bytes
}

/// Returns the answer to a request. Answers, errors and unknown packets get none.
fn answer<'a>(mud: &'a DemoMud, packet: &'a Packet<'a>, idle: i64, key: i64) -> Option<Body<'a>> {
    match &packet.body {
        Body::WhoReq {} => {
            let row = |user: &'a DemoUser| WhoRow {
                visname: Text::from(&*user.name),
                idle,
                extra: Text::from(&*user.title),
            };
            Some(Body::WhoReply { users: mud.users.iter().map(row).collect() })
        }
        Body::FingerReq { user } => match mud.user(user) {
            Some(found) => Some(finger(found, idle)),
            None => Some(unknown_user(user, mud, packet)),
        },
        Body::LocateReq { user } => mud.user(user).map(|found| Body::LocateReply {
            located_mud: Text::from(&*mud.name),
            located_user: Text::from(&*found.name),
            idle,
            status: None,
        }),
        Body::ChanWhoReq { channel } => {
            let listens = mud.channels.iter().any(|name| name == channel);
            let users = mud.users.iter().filter(|_| listens).map(|user| Text::from(&*user.name));
            Some(Body::ChanWhoReply { channel: channel.clone(), users: users.collect() })
        }
        Body::ChanUserReq { user } => Some(match mud.user(user) {
            Some(found) => Body::ChanUserReply {
                user: Text::from(found.name.to_lowercase()),
                visname: Text::from(&*found.name),
                gender: found.gender,
            },
            None => unknown_user(user, mud, packet),
        }),
        Body::AuthMudReq {} => Some(Body::AuthMudReply { key }),
        Body::PingReq {} => Some(Body::PingReply { key }),
        _ => None,
    }
}

fn finger(user: &DemoUser, idle: i64) -> Body<'_> {
    Body::FingerReply {
        visname: Text::from(&*user.name),
        title: Some(Text::from(&*user.title)),
        real_name: None,
        email: None,
        loginout_time: Some("on since the beginning".into()),
        idle,
        ip_name: None,
        level: Some(Text::from(&*user.level)),
        extra: None,
    }
}

/// Returns the error of Dead Souls for an unknown user.
fn unknown_user(name: &str, mud: &DemoMud, packet: &Packet<'_>) -> Body<'static> {
    let message = format!("{name} is nowhere to be found on {}.", mud.name);
    Body::Error { code: "unk-user".into(), message: message.into(), packet: packet.to_value() }
}
