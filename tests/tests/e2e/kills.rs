//! Daemons are killed at random moments, again and again, while clients with names acknowledge, an administrator bans and
//! a router sends. After each start everything that was answered must stand.
//!
//! A message that somebody has received is on disk as soon as a request is answered that was sent afterwards and waits for
//! the disk, because saves are in order.

use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::{Played, Session};
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

for_both!(what_was_answered_survives_ten_kills);

fn what_was_answered_survives_ten_kills(daemon: Daemon) {
    kill(10, std::process::id().into(), Some(daemon));
}

/// The long form, with both daemons in turn: `I3_KILLS` is the number of kills, `I3_SEED` the seed of an earlier run.
#[test]
#[ignore = "takes many minutes: cargo test -p i3-tests --test e2e five_hundred -- --ignored --nocapture"]
fn what_was_answered_survives_five_hundred_kills() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    kill(number("I3_KILLS").unwrap_or(500), number("I3_SEED").unwrap_or(std::process::id().into()), None);
}

/// The longest time between the moment when everything is checked and the kill, in milliseconds.
const LIFE_MS_MAX: u64 = 700;

/// How many rounds later a message that nobody has acknowledged must still be there. The gateway keeps it for longer.
const ROUNDS_KEPT: u64 = 20;

/// How long a client waits for an answer of a gateway that is not being killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Counts moments: what one thread has seen before another one did something.
static MOMENTS: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENTS.fetch_add(1, Ordering::SeqCst)
}

/// A client of the API that bears the end of its connection.
struct Line {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    calls: u64,
}

impl Line {
    fn connect(port: u16) -> Option<Line> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let reader = BufReader::new(stream.try_clone().ok()?);
        Some(Line { stream, reader, calls: 0 })
    }

    fn message(&mut self) -> Option<Json> {
        let mut text = String::new();
        // The last line may be cut by the kill.
        (self.reader.read_line(&mut text).ok()? > 0).then(|| serde_json::from_str(&text).ok())?
    }

    /// Calls a method. Events before the answer go to `log`.
    fn call(&mut self, method: &str, params: &Json, log: &mut Log) -> Option<Json> {
        self.calls += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        self.stream.write_all(format!("{request}\n").as_bytes()).ok()?;
        loop {
            let message = self.message()?;
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method} {params}: {message}");
                return Some(message["result"].clone());
            }
            log.event(&message);
        }
    }
}

/// What one client has seen and done in one life of the gateway.
#[derive(Default)]
struct Log {
    /// The messages that it received: their ids, with the text and the moment.
    received: BTreeMap<u64, (String, u64)>,
    /// The moments before the requests that were answered when they were on disk.
    durable: u64,
    /// The last event that was acknowledged, with and without an answer.
    acked: (u64, u64),
    bans: BTreeMap<u64, String>,
    unbanned: BTreeSet<u64>,
    /// Patterns and ids of requests without an answer.
    perhaps_banned: BTreeSet<String>,
    perhaps_unbanned: BTreeSet<u64>,
}

impl Log {
    fn event(&mut self, message: &Json) {
        let params = &message["params"];
        if let (Some(id), Some(text)) = (params["event_id"].as_u64(), params["message"].as_str())
            && (message["method"] == "tell_received" || message["method"] == "channel_message")
        {
            self.received.entry(id).or_insert_with(|| (text.to_owned(), moment()));
        }
    }

    fn answered_durably(&mut self, since: u64) {
        self.durable = self.durable.max(since);
    }
}

/// A named client, over all lives of the gateway.
#[derive(Clone, Debug, Default)]
struct Named {
    /// Its cursors stand here or further. It may be further if a request was not answered.
    acked: (u64, u64),
    /// The event after which it exists.
    began: Option<u64>,
}

/// What must be true of the state.
#[derive(Default)]
struct Model {
    round: u64,
    bans: BTreeMap<u64, String>,
    /// The messages that are on disk: text and round.
    messages: BTreeMap<u64, (String, u64)>,
    clients: BTreeMap<&'static str, Named>,
    has_password: bool,
    /// How many messages that nobody had acknowledged were found after a start.
    given_again: usize,
}

/// The clients: a name, its key, and whether the key comes and goes.
const CLIENTS: [(&str, &str, bool); 3] = [
    ("game", "Alpha-secret-key", false),
    ("bot", "the-key-of-the-bot", false),
    ("visitor", "the-key-of-a-visitor", true),
];

const PASSWORD: i64 = 7;

fn kill(rounds: u64, seed: u64, daemon: Option<Daemon>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon.unwrap_or(Daemon::Smol), "Alpha", &[router.address()]);
    gateway.set(&json!({"logging": {"level": "INFO"}}));
    let mut model = Model::default();
    let mut counts = [0; 3];
    for round in 0..rounds {
        let context = format!("seed {seed}, round {round}");
        model.round = round;
        let with_visitor = round == 0 || rng.bool();
        let keys: Vec<Json> = CLIENTS[1..if with_visitor { 3 } else { 2 }]
            .iter()
            .map(|(_, key, _)| json!({"key": key, "permissions": ["tell", "channel", "info"]}))
            .collect();
        gateway.set(&json!({"api": {"auth": {"api_keys": keys}}}));
        if daemon.is_none() {
            gateway.daemon = if rng.bool() { Daemon::Smol } else { Daemon::Threads };
        }
        gateway.start();
        let (mut link, sent) = router.log_in(PASSWORD);
        assert!(!model.has_password || sent == PASSWORD, "{context}: the password is {sent}");
        link.lists();
        let clients = verify(&mut model, &gateway, with_visitor, &mut rng, &context);
        let logs = live_and_die(&mut gateway, link, clients, &mut rng, round);
        counts[0] += logs.iter().map(|(_, log)| log.bans.len() + log.unbanned.len()).sum::<usize>();
        counts[1] += logs.iter().filter(|(_, log)| log.acked.0 > 0).count();
        learn(&mut model, logs);
        counts[2] = model.given_again;
        if round % 50 == 49 {
            let [bans, acks, given] = counts;
            say(&format!(
                "seed {seed}: {} kills, {bans} answered bans and removals, {acks} lives with acknowledgements, {given} \
                 messages that nobody had acknowledged were there",
                round + 1
            ));
        }
    }
    // A few rounds may be so short that nothing is left to be given again.
    let is_worth = |(at, count): (usize, &usize)| *count > 0 || (at == 2 && rounds < 100);
    assert!(counts.iter().enumerate().all(is_worth), "seed {seed}: {counts:?}");
}

#[expect(clippy::print_stderr, reason = "shows the progress of a test that takes long")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Adds what the clients of one life have seen.
fn learn(model: &mut Model, logs: Vec<(&'static str, Log)>) {
    let durable = logs.iter().map(|(_, log)| log.durable).max().unwrap_or(0);
    model.has_password |= durable > 0;
    for (name, log) in logs {
        for (id, (text, at)) in log.received {
            if at < durable {
                model.messages.entry(id).or_insert((text, model.round));
            }
        }
        if let Some(client) = model.clients.get_mut(name) {
            client.acked.0 = client.acked.0.max(log.acked.0);
            client.acked.1 = client.acked.1.max(log.acked.0).max(log.acked.1);
        }
        model.bans.extend(log.bans);
        model.bans.retain(|id, _| !log.unbanned.contains(id));
        // What was asked for and not answered may have happened or not: the next start says which.
        for id in log.perhaps_unbanned {
            if let Some(pattern) = model.bans.get_mut(&id) {
                *pattern = String::new();
            }
        }
        for pattern in log.perhaps_banned {
            model.bans.insert(u64::MAX, pattern);
        }
    }
}

/// Compares what a gateway knows after its start with the model. Returns the clients that are connected.
fn verify(
    model: &mut Model,
    gateway: &Gateway,
    with_visitor: bool,
    rng: &mut fastrand::Rng,
    context: &str,
) -> Vec<(&'static str, Line, u64)> {
    let mut connected = Vec::new();
    for (name, key, comes_and_goes) in CLIENTS {
        if comes_and_goes && !with_visitor {
            continue;
        }
        let mut log = Log::default();
        let mut line = Line::connect(gateway.lines).expect(context);
        let named = json!({"api_key": key, "client": name});
        let identified = line.call("authenticate", &named, &mut log).expect(context);
        assert_eq!(identified["status"], "authenticated", "{context}");
        line.call("channel_join", &json!({"channel": "chat"}), &mut log).expect(context);
        // The replay is over when a while brings nothing more.
        let mut quiet = 0;
        while quiet < 3 {
            thread::sleep(Duration::from_millis(10));
            let before = log.received.len();
            line.call("ping", &json!({}), &mut log).expect(context);
            quiet = if log.received.len() == before { quiet + 1 } else { 0 };
        }
        check_replay(model, name, &log, context);
        let last = log.received.keys().next_back().copied().unwrap_or(0);
        let client = model.clients.entry(name).or_default();
        client.began.get_or_insert(last);
        // Some acknowledge what was replayed at once, some later or never.
        if last > client.acked.1 && rng.u8(..4) > 0 {
            let answer = line.call("ack", &json!({"event_id": last}), &mut log).expect(context);
            assert_eq!(answer["status"], "acknowledged", "{context}");
            client.acked = (last, last);
        }
        if name == "game" {
            check_bans(model, &mut line, context);
        }
        connected.push((name, line, last));
    }
    connected
}

fn check_replay(model: &mut Model, name: &str, log: &Log, context: &str) {
    let Some(client) = model.clients.get(name) else { return };
    let again: Vec<_> = log.received.range(..=client.acked.0).collect();
    assert!(again.is_empty(), "{context}: {name} has acknowledged {} and is given {again:?}", client.acked.0);
    // A client that has never acknowledged is not given again what its connection has taken.
    if client.acked.0 == 0 {
        return;
    }
    let from = client.acked.1.max(client.began.unwrap_or(0));
    for (id, (text, round)) in model.messages.range(from + 1..) {
        let is_given = log.received.get(id).is_some_and(|(given, _)| given == text);
        let is_kept = round + ROUNDS_KEPT > model.round;
        model.given_again += usize::from(is_given);
        assert!(
            is_given || !is_kept,
            "{context}: {name} is not given {id} {text:?}: {client:?} {:?}",
            log.received
        );
    }
}

fn check_bans(model: &mut Model, line: &mut Line, context: &str) {
    let answer = line.call("ban_list", &json!({}), &mut Log::default()).expect(context);
    let found: BTreeMap<u64, String> = answer["bans"]
        .as_array()
        .expect(context)
        .iter()
        .map(|ban| (ban["ban_id"].as_u64().unwrap(), ban["pattern"].as_str().unwrap().to_owned()))
        .collect();
    let perhaps = model.bans.remove(&u64::MAX);
    for (id, pattern) in &model.bans {
        // An empty pattern: its removal was asked for.
        let stands = found.get(id).is_some_and(|known| known == pattern);
        assert!(stands || pattern.is_empty(), "{context}: the ban {id} {pattern} is gone: {found:?}");
    }
    for (id, pattern) in &found {
        let is_known = model.bans.contains_key(id) || perhaps.as_ref() == Some(pattern);
        assert!(is_known, "{context}: the ban {id} {pattern} is back: {:?}", model.bans);
    }
    model.bans = found;
}

/// Lets everybody work until the gateway is killed. Returns what each client has seen.
fn live_and_die(
    gateway: &mut Gateway,
    link: Session,
    clients: Vec<(&'static str, Line, u64)>,
    rng: &mut fastrand::Rng,
    round: u64,
) -> Vec<(&'static str, Log)> {
    let life = Duration::from_millis(rng.u64(..LIFE_MS_MAX));
    let is_over = AtomicBool::new(false);
    let (is_over, port) = (&is_over, gateway.lines);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (name, line, last) in clients {
            let rng = rng.fork();
            threads.push((name, scope.spawn(move || acknowledge(line, last, rng))));
        }
        let (admin, sender) = (rng.fork(), rng.fork());
        threads.push(("admin", scope.spawn(move || ban(port, round, admin))));
        let router = scope.spawn(move || send(&link, round, sender, is_over));
        thread::sleep(life);
        gateway.kill();
        is_over.store(true, Ordering::SeqCst);
        router.join().unwrap();
        threads.into_iter().map(|(name, thread)| (name, thread.join().unwrap())).collect()
    })
}

/// A router that sends tells and lines of a channel until the gateway is gone.
fn send(link: &Session, round: u64, mut rng: fastrand::Rng, is_over: &AtomicBool) {
    let mut stream = &link.stream;
    for number in 0.. {
        let text = format!("{round}/{number}");
        let packet = match rng.bool() {
            true => format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{text}",}})"#),
            false => format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{text}",}})"#),
        };
        if is_over.load(Ordering::SeqCst)
            || stream.write_all(&wire::mudmode_frame(packet.as_bytes())).is_err()
        {
            return;
        }
        thread::sleep(Duration::from_millis(rng.u64(20..90)));
    }
}

/// A named client that acknowledges now and then, not always the last event.
fn acknowledge(mut line: Line, mut last: u64, mut rng: fastrand::Rng) -> Log {
    let mut log = Log::default();
    loop {
        let Some(message) = line.message() else { return log };
        log.event(&message);
        let ids: Vec<u64> = log.received.range(last + 1..).map(|(id, _)| *id).collect();
        if ids.is_empty() || rng.u8(..3) > 0 {
            continue;
        }
        last = ids[rng.usize(..ids.len())];
        let before = moment();
        log.acked.1 = last;
        let Some(answer) = line.call("ack", &json!({"event_id": last}), &mut log) else { return log };
        assert_eq!(answer["status"], "acknowledged");
        log.acked.0 = last;
        log.answered_durably(before);
    }
}

/// An administrator who bans and takes back.
fn ban(port: u16, round: u64, mut rng: fastrand::Rng) -> Log {
    let mut log = Log::default();
    let _ = try_ban(port, round, &mut rng, &mut log);
    log
}

fn try_ban(port: u16, round: u64, rng: &mut fastrand::Rng, log: &mut Log) -> Option<()> {
    let (mut line, mut events) = (Line::connect(port)?, Log::default());
    line.call("authenticate", &json!({"api_key": CLIENTS[0].1, "role": "observer"}), &mut events)?;
    for number in 0.. {
        let before = moment();
        let old = log.bans.keys().next().copied().filter(|_| log.bans.len() > 1 || rng.bool());
        if let Some(id) = old {
            let pattern = log.bans.remove(&id)?;
            log.perhaps_unbanned.insert(id);
            // Until the answer it is a ban that may stand.
            log.bans.insert(id, pattern);
            line.call("ban_remove", &json!({"ban_id": id}), &mut events)?;
            log.perhaps_unbanned.remove(&id);
            log.bans.remove(&id);
            log.unbanned.insert(id);
        } else {
            let pattern = format!("nobody@{round}-{number}");
            log.perhaps_banned.insert(pattern.clone());
            let answer = line.call("ban_add", &json!({"pattern": pattern}), &mut events)?;
            log.perhaps_banned.remove(&pattern);
            log.bans.insert(answer["ban_id"].as_u64()?, pattern);
        }
        log.answered_durably(before);
    }
    None
}
