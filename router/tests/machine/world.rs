//! A router with hand-made muds around it.

use i3_core::machine::{Change, SmolStr};
use i3_core::machine::{ConnId, Input, Listener, LostBy, Machine, Output, Refused, Saved, settle};
use i3_core::time::{Instant, Now, UnixTime};
use i3_router::{Dialect, Router, RouterSettings};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const SERVICES: &str =
    r#"(["finger":1,"auth":1,"who":1,"channel":1,"locate":1,"ucache":1,"emoteto":1,"tell":1,])"#;
/// The wall clock at the start, at the beginning of a second.
const UNIX_START_SECONDS: u64 = 1_795_401_856;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the test mud of that name sends to log in.
pub(crate) fn startup(name: &str, password: i64) -> String {
    format!(
        r#"({{"startup-req-3",5,"{name}",0,"*dstest",0,{password},-1,-1,4000,4006,4008,"TestLib 1.0","TestBase","TestDriver v1","TestType","mudlib development","admin@example.org",{SERVICES},0,}})"#
    )
}

/// Its entry in a mudlist.
pub(crate) fn entry(name: &str, state: i64, ip: &str) -> String {
    format!(
        r#""{name}":({{{state},"{ip}",4000,4006,4008,"TestLib 1.0","TestBase","TestDriver v1","TestType","mudlib development","admin@example.org",{SERVICES},0,}}),"#
    )
}

pub(crate) fn settings() -> RouterSettings {
    let channels = ["dead_test4", "dchat"].map(|name| (name.to_owned(), 0)).to_vec();
    RouterSettings {
        name: "*dstest".to_owned(),
        address: "127.0.0.1 28080".to_owned(),
        channels,
        ..RouterSettings::default()
    }
}

/// The same router in another dialect, without limits on muds from one address.
pub(crate) fn dialect(dialect: Dialect) -> RouterSettings {
    RouterSettings { dialect, muds_per_ip_max: 1000, ..settings() }
}

pub(crate) struct Peer {
    conn: ConnId,
    pub(crate) open: bool,
    /// Whether it takes what is written to it.
    pub(crate) reads: bool,
    inbox: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) now: Now,
    pub(crate) peers: Vec<Peer>,
    pub(crate) saved: BTreeMap<(SmolStr, SmolStr), Arc<[u8]>>,
    pub(crate) saves: u32,
    pub(crate) notices: Vec<String>,
    pub(crate) stopped: bool,
    settings: RouterSettings,
    ends_with_nul: bool,
}

fn start() -> Now {
    Now { mono: Instant::ORIGIN, unix: UnixTime::from_micros(UNIX_START_SECONDS * 1_000_000) }
}

impl World {
    pub(crate) fn new() -> World {
        World::with(settings(), Saved::default())
    }

    pub(crate) fn with(settings: RouterSettings, saved: Saved) -> World {
        let now = start();
        let router = Router::new(settings.clone(), saved, 7, now);
        let (peers, saved, notices) = Default::default();
        let ends_with_nul = settings.dialect != Dialect::CoffeeMud;
        let mut world =
            World { router, now, peers, saved, saves: 0, notices, stopped: false, settings, ends_with_nul };
        world.settle();
        world
    }

    /// Another router that knows what this one saved.
    pub(crate) fn restarted(&self) -> World {
        let entry = |((space, key), value): (&(SmolStr, SmolStr), &Arc<[u8]>)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        };
        let mut world = World::with(
            self.settings.clone(),
            Saved { entries: self.saved.iter().map(entry).collect(), ..Saved::default() },
        );
        world.saved = self.saved.clone();
        world
    }

    fn settle(&mut self) -> Option<Instant> {
        let World { router, now, peers, saved, saves, notices, stopped, .. } = self;
        let now = *now;
        let next = settle(router, now, |router, output| match output {
            Output::Write { conn } => {
                let peer = peers.iter_mut().find(|peer| peer.conn == conn).expect("a known connection");
                assert!(peer.open, "a write to a closed connection");
                if peer.reads {
                    let mut pieces = Vec::new();
                    router.take_bytes(conn, usize::MAX, &mut pieces);
                    pieces.iter().for_each(|piece| peer.inbox.extend_from_slice(piece));
                    router.handle(now, Input::Flushed { conn });
                }
            }
            Output::Close { conn } => {
                let peer = peers.iter_mut().find(|peer| peer.conn == conn).expect("a known connection");
                assert!(std::mem::replace(&mut peer.open, false), "closed twice");
            }
            Output::Beat { .. } | Output::Query { .. } => unreachable!("a router asks for neither"),
            Output::Save { ticket, clear, changes, .. } => {
                *saves += 1;
                saved.retain(|(space, _), _| !clear.covers(space));
                for Change { space, key, value } in changes {
                    match value {
                        Some(value) => saved.insert((space, key), value),
                        None => saved.remove(&(space, key)),
                    };
                }
                router.handle(now, Input::Saved { ticket, outcome: Ok(()) });
            }
            Output::Notice(notice) => notices.push(notice.to_string()),
            Output::LogLevel(level) => panic!("a router has no method for {level:?}"),
            Output::Stopped => *stopped = true,
            Output::Read { .. } | Output::Dial { .. } => panic!("a router does neither"),
        });
        next.map(|(at, _)| at)
    }

    pub(crate) fn connect(&mut self, ip: &str) -> usize {
        self.try_connect(ip).expect("accepted")
    }

    pub(crate) fn try_connect(&mut self, ip: &str) -> Result<usize, Refused> {
        let ip: IpAddr = ip.parse().unwrap();
        let conn = self.router.accept(self.now, Listener::Mud, SocketAddr::new(ip, 40_000))?;
        self.peers.push(Peer { conn, open: true, reads: true, inbox: Vec::new() });
        self.settle();
        Ok(self.peers.len() - 1)
    }

    pub(crate) fn send_bytes(&mut self, peer: usize, bytes: &[u8]) {
        let conn = self.peers[peer].conn;
        self.router.handle(self.now, Input::Received { conn, bytes });
        self.settle();
    }

    pub(crate) fn send(&mut self, peer: usize, text: &str) {
        let mut frame = (text.len() as u32 + 1).to_be_bytes().to_vec();
        frame.extend_from_slice(text.as_bytes());
        frame.push(0);
        self.send_bytes(peer, &frame);
    }

    /// The peer's socket is gone.
    pub(crate) fn lose(&mut self, peer: usize) {
        self.peers[peer].open = false;
        let conn = self.peers[peer].conn;
        self.router.handle(self.now, Input::Lost { conn, by: LostBy::EndOfStream });
        self.settle();
    }

    /// What was saved is gone, and the router learns of it.
    pub(crate) fn lose_store(&mut self) {
        self.saved.clear();
        self.router.handle(self.now, Input::StoreLost { reason: "the file was removed".to_owned() });
        self.settle();
    }

    pub(crate) fn shutdown(&mut self) {
        self.router.handle(self.now, Input::Shutdown);
        self.settle();
    }

    /// Lets time pass, stopping at each deadline on the way.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(next) = self.settle().filter(|next| *next <= end) {
            self.set_time(next.max(self.now.mono));
        }
        self.set_time(end);
        self.settle();
    }

    fn set_time(&mut self, mono: Instant) {
        let unix = UnixTime::from_micros(UNIX_START_SECONDS * 1_000_000 + mono.micros());
        self.now = Now { mono, unix };
    }

    /// The bytes that arrived since the last call.
    pub(crate) fn bytes(&mut self, peer: usize) -> Vec<u8> {
        std::mem::take(&mut self.peers[peer].inbox)
    }

    /// The texts of the frames that arrived since the last call.
    pub(crate) fn read(&mut self, peer: usize) -> Vec<String> {
        let inbox = self.bytes(peer);
        let mut rest = &inbox[..];
        let mut texts = Vec::new();
        while let Some((header, after)) = rest.split_first_chunk::<4>() {
            let (frame, after) = after.split_at(u32::from_be_bytes(*header) as usize);
            let (last, text) = frame.split_last().unwrap();
            assert_eq!(*last == 0, self.ends_with_nul, "a frame ends with NUL, but CoffeeMud's do not");
            let text = if self.ends_with_nul { text } else { frame };
            texts.push(String::from_utf8_lossy(text).into_owned());
            rest = after;
        }
        texts
    }

    /// Changes something of the router from outside.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Router, Now) -> T) -> T {
        let result = change(&mut self.router, self.now);
        self.settle();
        result
    }

    /// Sends, waits a tick of CoffeeMud, and returns what came back to the same mud.
    pub(crate) fn ask_slowly(&mut self, peer: usize, text: &str) -> Vec<String> {
        self.send(peer, text);
        self.wait(millis(250));
        self.read(peer)
    }

    /// A mud that is logged in, with all that follows behind it.
    pub(crate) fn mud(&mut self, name: &str, ip: &str) -> usize {
        let peer = self.connect(ip);
        self.send(peer, &startup(name, 0));
        self.wait(secs(3));
        assert!(self.read(peer)[0].starts_with(r#"({"startup-reply""#));
        peer
    }

    /// Muds with these names, each from an address of its own.
    pub(crate) fn muds<const N: usize>(&mut self, names: [&str; N]) -> [usize; N] {
        let mut number = 0;
        let muds = names.map(|name| {
            number += 1;
            self.mud(name, &format!("127.0.0.{number}"))
        });
        self.wait(secs(5));
        for mud in muds {
            self.read(mud);
        }
        muds
    }

    /// Sends and returns what comes back to the same mud.
    pub(crate) fn ask(&mut self, peer: usize, text: &str) -> Vec<String> {
        self.send(peer, text);
        self.read(peer)
    }

    pub(crate) fn has_notice(&self, words: &str) -> bool {
        self.notices.iter().any(|notice| notice.contains(words))
    }
}

/// The password in a startup-reply.
pub(crate) fn password(reply: &str) -> i64 {
    let reply = reply.strip_suffix(",})").expect("a packet");
    reply.rsplit(',').next().unwrap().parse().expect("a password")
}
