//! Games that go on whatever happens to their node: they connect again, at another one if need be, and write down what they
//! were told and answered.

use crate::cluster::key;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a game waits before it connects again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a game looks whether it has something to do while nothing comes.
const LOOK: Duration = Duration::from_millis(20);

/// How long a node may take to begin a conversation. One that was stopped takes longer, and the game goes elsewhere.
const GREETING: Duration = Duration::from_secs(3);

/// The mean pause between two messages of a game.
const BETWEEN_MESSAGES_MS: u64 = 900;

/// How a request to send something has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Answered `sent`.
    Sent,
    /// Refused with an error.
    Refused(Json),
    /// The connection ended before the answer.
    Unknown,
}

/// A message that a game wanted to send.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    pub(crate) outcome: Outcome,
}

/// An event as a game received it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) text: String,
    pub(crate) session: usize,
    pub(crate) is_line: bool,
    pub(crate) at: Instant,
}

/// A connection of a game.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) node: usize,
    /// The last event whose acknowledgement was answered before this session began.
    pub(crate) acked: u64,
    /// When the game itself has ended it.
    pub(crate) left: Option<Instant>,
}

/// What a game has seen and done.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
    pub(crate) sessions: Vec<Session>,
    /// By their texts, which are unique.
    pub(crate) messages: BTreeMap<String, Message>,
    /// Texts of which the gateway has said later that they were not sent.
    pub(crate) given_up: BTreeSet<String>,
    pub(crate) acked: u64,
    /// Replays that were said to have a gap.
    pub(crate) gaps: Vec<Instant>,
    /// Whether the game is identified and on its channel now.
    pub(crate) is_in: bool,
    ids: BTreeMap<String, String>,
}

impl Log {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.events.iter().any(|event| event.text == text)
    }
}

/// What a game is, and what a test tells it.
pub(crate) struct Game {
    pub(crate) mud: String,
    pub(crate) name: String,
    /// Whether it acknowledges events. If not, what its connection has taken counts as received.
    pub(crate) acks: bool,
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

struct Inner {
    mud: String,
    name: String,
    acks: bool,
    /// The ports of the nodes for JSON lines.
    ports: Vec<u16>,
    at: AtomicUsize,
    talks: AtomicBool,
    is_over: AtomicBool,
    /// Texts to send, each to everybody or to Sage.
    orders: Mutex<Vec<(String, bool)>>,
    log: Mutex<Log>,
}

impl Game {
    /// A game of a mud, at first at this node.
    pub(crate) fn start(mud: &str, name: &str, acks: bool, ports: Vec<u16>, at: usize, seed: u64) -> Game {
        let inner = Arc::new(Inner {
            mud: mud.to_owned(),
            name: name.to_owned(),
            acks,
            ports,
            at: AtomicUsize::new(at),
            talks: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            orders: Mutex::default(),
            log: Mutex::default(),
        });
        let run = Arc::clone(&inner);
        let thread = thread::spawn(move || run.live(fastrand::Rng::with_seed(seed)));
        Game { mud: mud.to_owned(), name: name.to_owned(), acks, inner, thread: Some(thread) }
    }

    /// Whether it sends messages by itself.
    pub(crate) fn talk(&self, talks: bool) {
        self.inner.talks.store(talks, Ordering::SeqCst);
    }

    /// Goes to another node, unless it is there.
    pub(crate) fn go_to(&self, node: usize) {
        self.inner.at.store(node, Ordering::SeqCst);
    }

    /// Sends a line on the channel, or a tell to Sage.
    pub(crate) fn say(&self, text: &str, is_line: bool) {
        self.inner.orders.lock().unwrap().push((text.to_owned(), is_line));
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.inner.log.lock().unwrap())
    }

    /// The node that it is at, once it is identified there.
    pub(crate) fn is_in(&self) -> Option<usize> {
        self.with(|log| log.is_in.then(|| log.sessions.last().unwrap().node))
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the game {} has failed", self.name);
        }
    }
}

/// A connection to a node.
struct Wire {
    stream: TcpStream,
    bytes: Vec<u8>,
    calls: u64,
    /// What was asked for and not answered: the text, or what is acknowledged.
    asked: BTreeMap<u64, Asked>,
}

enum Asked {
    Message(String, Instant),
    Ack(u64),
    Step,
}

impl Inner {
    fn live(&self, mut rng: fastrand::Rng) {
        while !self.is_over.load(Ordering::SeqCst) {
            let node = self.at.load(Ordering::SeqCst);
            let ended = self.connection(node, &mut rng);
            let mut log = self.log.lock().unwrap();
            log.is_in = false;
            let left = ended.is_ok();
            if let Some(session) = log.sessions.last_mut() {
                session.left = left.then(Instant::now);
            }
            drop(log);
            if !left {
                thread::sleep(PAUSE);
                // Nobody told it to go elsewhere: it tries the next node.
                let next = (node + 1) % self.ports.len();
                let _ = self.at.compare_exchange(node, next, Ordering::SeqCst, Ordering::SeqCst);
            }
        }
    }

    /// Lives with one node. The error: the connection was lost.
    fn connection(&self, node: usize, rng: &mut fastrand::Rng) -> Result<(), std::io::Error> {
        let address = ([127, 0, 0, 1], self.ports[node]).into();
        let stream = TcpStream::connect_timeout(&address, GREETING)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(GREETING))?;
        let mut wire = Wire { stream, bytes: Vec::new(), calls: 0, asked: BTreeMap::new() };
        let outcome = self.talk_with(&mut wire, node, rng);
        let mut log = self.log.lock().unwrap();
        for asked in wire.asked.into_values() {
            if let Asked::Message(text, asked) = asked {
                let message = Message { asked, answered: Instant::now(), outcome: Outcome::Unknown };
                log.messages.insert(text, message);
            }
        }
        outcome
    }

    fn talk_with(&self, wire: &mut Wire, node: usize, rng: &mut fastrand::Rng) -> Result<(), std::io::Error> {
        let acked = {
            let mut log = self.log.lock().unwrap();
            let acked = log.acked;
            log.sessions.push(Session { node, acked, left: None });
            acked
        };
        let identity = json!({"api_key": key(&self.mud), "client": self.name});
        self.step(wire, "authenticate", &identity)?;
        self.step(wire, "channel_join", &json!({"channel": "chat"}))?;
        self.log.lock().unwrap().is_in = true;
        let mut last_ack = acked;
        let mut next = Instant::now() + pause(rng);
        loop {
            if self.is_over.load(Ordering::SeqCst) || self.at.load(Ordering::SeqCst) != node {
                // What is on its way is answered first.
                let until = Instant::now() + GREETING;
                while !wire.asked.is_empty() && Instant::now() < until {
                    self.read(wire)?;
                }
                return Ok(());
            }
            self.read(wire)?;
            let orders = std::mem::take(&mut *self.orders.lock().unwrap());
            for (text, is_line) in orders {
                self.send(wire, &text, is_line)?;
            }
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + pause(rng);
            if self.talks.load(Ordering::SeqCst) {
                let text = format!("{}-{}-{}", self.mud, self.name, rng.u64(..));
                self.send(wire, &text, rng.bool())?;
            }
            let newest = self.newest();
            if self.acks && newest > last_ack && rng.bool() {
                last_ack = newest;
                let id = wire.call("ack", &json!({"event_id": newest}))?;
                wire.asked.insert(id, Asked::Ack(newest));
            }
        }
    }

    /// The last event of the last session.
    fn newest(&self) -> u64 {
        let log = self.log.lock().unwrap();
        let session = log.sessions.len() - 1;
        let of_session = log.events.iter().rev().take_while(|event| event.session == session);
        of_session.map(|event| event.id).max().unwrap_or(0)
    }

    fn send(&self, wire: &mut Wire, text: &str, is_line: bool) -> Result<(), std::io::Error> {
        let asked = Instant::now();
        let id = if is_line {
            wire.call("channel_send", &json!({"channel": "chat", "from_user": "Ann", "message": text}))?
        } else {
            let tell =
                json!({"target_mud": "Sage", "target_user": "joe", "from_user": "Ann", "message": text});
            wire.call("tell", &tell)?
        };
        wire.asked.insert(id, Asked::Message(text.to_owned(), asked));
        Ok(())
    }

    /// A request that is answered before anything else is done.
    fn step(&self, wire: &mut Wire, method: &str, params: &Json) -> Result<(), std::io::Error> {
        let until = Instant::now() + GREETING;
        let id = wire.call(method, params)?;
        wire.asked.insert(id, Asked::Step);
        while wire.asked.contains_key(&id) {
            if Instant::now() > until {
                return Err(ErrorKind::TimedOut.into());
            }
            self.read(wire)?;
        }
        Ok(())
    }

    /// Reads once, and handles what has come.
    fn read(&self, wire: &mut Wire) -> Result<(), std::io::Error> {
        let mut buffer = [0; 16_384];
        match wire.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => wire.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        while let Some(end) = wire.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = wire.bytes.drain(..=end).collect();
            let message: Json = serde_json::from_slice(&line).expect("a line is JSON");
            self.handle(wire, &message)?;
        }
        Ok(())
    }

    fn handle(&self, wire: &mut Wire, message: &Json) -> Result<(), std::io::Error> {
        let mut log = self.log.lock().unwrap();
        let Some(id) = message["id"].as_u64() else {
            log.event(message);
            return Ok(());
        };
        let error = &message["error"];
        match wire.asked.remove(&id) {
            Some(Asked::Message(text, asked)) => {
                let outcome = if error.is_null() { Outcome::Sent } else { Outcome::Refused(error.clone()) };
                if let Some(id) = message["result"]["message_id"].as_str() {
                    log.ids.insert(id.to_owned(), text.clone());
                }
                log.messages.insert(text, Message { asked, answered: Instant::now(), outcome });
            }
            // What is not acknowledged comes again.
            Some(Asked::Ack(event)) if error.is_null() => log.acked = log.acked.max(event),
            Some(Asked::Step) if !error.is_null() => {
                // The node cannot do it now, such as without its database.
                return Err(std::io::Error::other(error.to_string()));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Log {
    fn event(&mut self, message: &Json) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some(method @ ("tell_received" | "channel_message")) => self.events.push(Event {
                id: params["event_id"].as_u64().expect("an id"),
                text: params["message"].as_str().expect("a text").to_owned(),
                session: self.sessions.len() - 1,
                is_line: method == "channel_message",
                at: Instant::now(),
            }),
            Some("replay_complete") if params["gap"] == true => self.gaps.push(Instant::now()),
            Some("error_occurred") if params["error_code"] == "not-sent" => {
                let text = params["message_id"].as_str().and_then(|id| self.ids.get(id));
                self.given_up.extend(text.cloned());
            }
            _ => {}
        }
    }
}

impl Wire {
    fn call(&mut self, method: &str, params: &Json) -> Result<u64, std::io::Error> {
        self.calls += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        self.stream.write_all(format!("{request}\n").as_bytes())?;
        Ok(self.calls)
    }
}

fn pause(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(rng.u64(BETWEEN_MESSAGES_MS / 2..BETWEEN_MESSAGES_MS * 3 / 2))
}
