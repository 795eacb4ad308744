//! What must be true of any history. Each oracle reads the [`Fact`]s in their order and says when one cannot be.
//!
//! They look at what machines give to their drivers and at what arrives at them, so that none of them needs to know which
//! fault may excuse what: a tell that the gateway has accepted must be written to its router, whatever became of it then.

use super::tap::{Frame, Tag};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// What a mud's packets may count in any second at a Dead Souls router.
const POINTS_PER_SECOND_MAX: u32 = 10;

/// Bytes that may wait for one connection: what the gateway allows a client, and one message more.
const PENDING_BYTES_MAX: usize = 1_048_576 + 262_144;

/// Something that happened. A link is a router connection of a gateway, a session a connection of a client; both have
/// numbers that no other connection has.
#[allow(missing_docs, reason = "the variants say it")]
#[derive(Clone, Debug)]
pub enum Fact {
    /// A machine broke the contract of machines.
    Broke(String),
    /// A gateway was started; its store holds these passwords of its muds, by mud and router.
    GatewayStarted { gateway: usize, muds: Vec<String>, passwords: BTreeMap<(String, String), i64> },
    /// It is gone without a word.
    GatewayCrashed { gateway: usize },
    /// It holds so many bytes for so many connections.
    Holds { gateway: usize, bytes: usize, connections: usize },
    /// Its method says that every link is ready.
    AllReady { gateway: usize },
    /// A save is on disk, and it knows.
    PasswordSaved { mud: String, router: String, password: i64 },
    /// A gateway knows that ids of events up to this one are set aside on disk.
    IdsSaved { gateway: usize, reserved: u64 },
    /// A router connection is open.
    LinkOpen { link: u64, gateway: usize, router: String },
    /// A gateway gave a frame to its driver.
    FrameSent { link: u64, frame: Rc<Frame> },
    /// A frame is about to be complete at the gateway.
    FrameCame { link: u64, frame: Rc<Frame> },
    /// The gateway knows of the connection no more. `unflushed`: it had more to write.
    LinkOver { link: u64, unflushed: bool },
    /// A frame is about to be complete at a router that passes all on.
    RouterGot { link: u64, frame: Rc<Frame> },
    /// A router gave a frame to its driver.
    RouterGave { link: u64, frame: Rc<Frame> },
    /// The router knows of the connection no more.
    RouterOver { link: u64 },
    /// A router takes a mud for one that floods.
    Flooded,
    /// A client of a mud has connected. `is_game`: it speaks for the game; `is_named`: it has cursors of its own.
    SessionOpen { session: u64, gateway: usize, mud: String, is_game: bool, is_named: bool },
    /// A gateway knows that a tell that it keeps is on disk.
    TellSaved { tag: Tag },
    /// A client sends a request; its id as JSON.
    Asked { session: u64, id: String, what: Asked },
    /// A client is about to say that it leaves.
    Leaves { session: u64 },
    /// The gateway wrote that the key of a WebSocket is good.
    Upgraded { session: u64 },
    /// The gateway wrote a text to a client.
    Said { session: u64, message: Rc<Json> },
    /// The gateway knows of the connection no more.
    SessionOver { session: u64 },
    /// All is quiet, nothing fails any more.
    Quiet,
}

/// What the oracles must know of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Nothing.
    Other,
    /// It is `authenticate`.
    Key,
    /// It is `status`.
    Status,
    /// It joins a channel.
    Join(String),
    /// It says something to one, or on a channel.
    Speech(Tag),
}

/// A fact that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who says so.
    pub oracle: &'static str,
    /// Why.
    pub why: String,
}

type Verdict = Result<(), String>;

/// A rule.
trait Oracle {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict;
}

/// All rules.
pub struct Oracles {
    view: View,
    rules: Vec<(&'static str, Box<dyn Oracle>)>,
}

impl Default for Oracles {
    fn default() -> Self {
        Oracles {
            view: View::default(),
            rules: vec![
                ("contract", Box::new(Contract)),
                ("answers", Box::<Answers>::default()),
                ("wire", Box::new(Wire)),
                ("speech out", Box::<SpeechOut>::default()),
                ("relay", Box::<Relay>::default()),
                ("tells in", Box::<TellsIn>::default()),
                ("backlog", Box::<Backlog>::default()),
                ("identity", Box::<Identity>::default()),
                ("passwords", Box::<Passwords>::default()),
                ("pace", Box::<Pace>::default()),
                ("limits", Box::new(Limits)),
                ("event ids", Box::<EventIds>::default()),
                ("ready", Box::<Ready>::default()),
            ],
        }
    }
}

impl Oracles {
    /// The names of all rules.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().map(|(name, _)| *name)
    }

    /// Something happened.
    pub fn see(&mut self, now: Instant, fact: &Fact) -> Result<(), Violation> {
        for (oracle, rule) in &mut self.rules {
            rule.see(now, &self.view, fact).map_err(|why| Violation { oracle, why })?;
        }
        self.view.see(fact);
        Ok(())
    }
}

/// Who is who, for all rules: as it was before the fact at hand.
#[derive(Default)]
struct View {
    links: BTreeMap<u64, Link>,
    sessions: BTreeMap<u64, Session>,
    /// How often each gateway was started.
    lives: BTreeMap<usize, u64>,
}

struct Link {
    gateway: usize,
    router: String,
    /// Known from its login.
    mud: String,
    /// The gateway has said goodbye.
    left: bool,
}

struct Session {
    gateway: usize,
    life: u64,
    mud: String,
    is_game: bool,
    is_named: bool,
    /// The gateway has said that it is identified: events are for it.
    able: bool,
    over: bool,
    /// By id, what was asked.
    asked: BTreeMap<String, Asked>,
}

impl View {
    fn see(&mut self, fact: &Fact) {
        match fact {
            Fact::GatewayStarted { gateway, .. } => *self.lives.entry(*gateway).or_default() += 1,
            Fact::LinkOpen { link, gateway, router } => {
                let mud = String::new();
                self.links
                    .insert(*link, Link { gateway: *gateway, router: router.clone(), mud, left: false });
            }
            Fact::FrameSent { link, frame, .. } if frame.kind == "startup-req-3" => {
                if let Some(link) = self.links.get_mut(link) {
                    link.mud.clone_from(&frame.from_mud);
                }
            }
            Fact::FrameSent { link, frame, .. } if frame.kind == "shutdown" => {
                if let Some(link) = self.links.get_mut(link) {
                    link.left = true;
                }
            }
            Fact::SessionOpen { session, gateway, mud, is_game, is_named } => {
                let life = self.lives.get(gateway).copied().unwrap_or(0);
                let one = Session {
                    gateway: *gateway,
                    life,
                    mud: mud.clone(),
                    is_game: *is_game,
                    is_named: *is_named,
                    able: false,
                    over: false,
                    asked: BTreeMap::new(),
                };
                self.sessions.insert(*session, one);
            }
            Fact::Asked { session, id, what } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.asked.insert(id.clone(), what.clone());
                }
            }
            Fact::Upgraded { session } => self.able(*session, true),
            Fact::Leaves { session } => self.able(*session, false),
            Fact::Said { session, message } => {
                let identified = message["result"]["session_id"].is_string()
                    && self.asked(*session, message).is_some_and(|asked| *asked == Asked::Key);
                if identified {
                    self.able(*session, true);
                }
            }
            Fact::SessionOver { session } => {
                self.able(*session, false);
                if let Some(session) = self.sessions.get_mut(session) {
                    session.over = true;
                }
            }
            _ => {}
        }
    }

    fn able(&mut self, session: u64, able: bool) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.able = able;
        }
    }

    /// What a text answers.
    fn asked(&self, session: u64, message: &Json) -> Option<&Asked> {
        self.sessions.get(&session)?.asked.get(&message.get("id")?.to_string())
    }

    fn mud_of(&self, link: u64) -> &str {
        self.links.get(&link).map_or("", |link| &link.mud)
    }
}

/// The machines keep the contract of machines, and what leaves a gateway can be read by a driver.
struct Contract;

impl Oracle for Contract {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Broke(how) => Err(how.clone()),
            _ => Ok(()),
        }
    }
}

/// What leaves a gateway can be read by a driver.
struct Wire;

impl Oracle for Wire {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameSent { frame, .. } => match &frame.fault {
                Some(fault) => Err(format!("{fault}: {}", frame.text)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Each request is answered exactly once, or its connection ends.
#[derive(Default)]
struct Answers {
    open: BTreeMap<u64, BTreeMap<String, u32>>,
}

impl Oracle for Answers {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, id, .. } => {
                *self.open.entry(*session).or_default().entry(id.clone()).or_default() += 1;
            }
            Fact::Said { session, message } if message.get("method").is_none() => {
                let able = view.sessions.get(session).is_some_and(|session| session.able);
                if !able && message["id"].is_null() && message["error"]["code"] == -32000 {
                    // Why a client that has shown no key is closed.
                    return Ok(());
                }
                let id = message.get("id").map(ToString::to_string).unwrap_or_default();
                let open = self.open.entry(*session).or_default();
                match open.get_mut(&id) {
                    Some(left @ 1..) => *left -= 1,
                    _ => {
                        return Err(format!(
                            "session {session} gets an answer that it does not wait for: {message}"
                        ));
                    }
                }
                open.retain(|_, left| *left > 0);
            }
            Fact::SessionOver { session } => drop(self.open.remove(session)),
            Fact::Quiet => {
                for (session, open) in &self.open {
                    if view.sessions.get(session).is_some_and(|session| !session.over) && !open.is_empty() {
                        return Err(format!("session {session} waits for the answers to {:?}", open.keys()));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What the gateway knows of something that was to be said.
#[derive(Default)]
struct Spoken {
    gateway: usize,
    mud: String,
    accepted: Option<(Instant, String)>,
    refused: bool,
    sent: u32,
    given_up: bool,
    excused: bool,
}

/// What the gateway accepts goes to its router exactly once and in order, or its mud is told that it did not; what it
/// refuses does not go.
#[derive(Default)]
struct SpeechOut {
    spoken: BTreeMap<Tag, Spoken>,
    by_message_id: BTreeMap<(usize, String), Tag>,
    /// Ids that were told of before the answer that gives them: the answer to a batch waits for the last of its requests.
    told_early: BTreeSet<(usize, String)>,
    /// The last that each session said, to one and on channels.
    last: BTreeMap<(u64, bool), u64>,
    /// Who could have been told, from when on.
    able_since: BTreeMap<u64, Instant>,
}

impl SpeechOut {
    fn excuse(&mut self, concerned: impl Fn(&Spoken) -> bool) {
        for spoken in self.spoken.values_mut().filter(|spoken| concerned(spoken)) {
            spoken.excused = true;
        }
    }

    fn sent(&mut self, frame: &Frame, tag: Tag) -> Verdict {
        let Some(spoken) = self.spoken.get_mut(&tag) else {
            return Err(format!("nobody has asked for {}", frame.text));
        };
        spoken.sent += 1;
        if spoken.sent > 1 {
            return Err(format!("it goes twice: {}", frame.text));
        }
        if spoken.refused {
            return Err(format!("it was refused and goes all the same: {}", frame.text));
        }
        if spoken.given_up {
            return Err(format!("it was given up and goes all the same: {}", frame.text));
        }
        if frame.from_mud != spoken.mud {
            return Err(format!("said for {}: {}", spoken.mud, frame.text));
        }
        let is_channel = frame.kind.starts_with("channel");
        let last = self.last.insert((tag.session, is_channel), tag.seq);
        match last {
            Some(last) if last >= tag.seq => {
                Err(format!("it goes after number {last} of its sender: {}", frame.text))
            }
            _ => Ok(()),
        }
    }

    fn answered(&mut self, now: Instant, view: &View, tag: Tag, message: &Json) -> Verdict {
        let Some(spoken) = self.spoken.get_mut(&tag) else { return Ok(()) };
        match message["result"]["message_id"].as_str() {
            Some(message_id) => {
                spoken.accepted = Some((now, message_id.to_owned()));
                let life = view.sessions.get(&tag.session).map_or(0, |session| session.life);
                let key = (spoken.gateway, format!("{life} {message_id}"));
                spoken.given_up |= self.told_early.remove(&key);
                if let Some(other) = self.by_message_id.insert(key, tag) {
                    return Err(format!("{message_id} names both {other:?} and {tag:?}"));
                }
            }
            None => {
                spoken.refused = true;
                if spoken.sent > 0 {
                    return Err(format!("{tag:?} has gone and is refused: {message}"));
                }
            }
        }
        Ok(())
    }

    fn told_of(&mut self, view: &View, session: u64, message: &Json) {
        let Some(one) = view.sessions.get(&session) else { return };
        let Some(message_id) = message["params"]["message_id"].as_str() else { return };
        let key = (one.gateway, format!("{} {message_id}", one.life));
        if message["params"]["context"] != "gateway_queue" {
            return;
        }
        match self.by_message_id.get(&key).and_then(|tag| self.spoken.get_mut(tag)) {
            Some(spoken) => spoken.given_up = true,
            None => drop(self.told_early.insert(key)),
        }
    }

    /// At the end: what was accepted, did not go, and nobody was told of though somebody could have been.
    fn lost(&self, view: &View) -> Verdict {
        for (tag, spoken) in &self.spoken {
            let Some((at, message_id)) = &spoken.accepted else { continue };
            if spoken.sent > 0 || spoken.given_up || spoken.excused {
                continue;
            }
            let told = view.sessions.iter().any(|(number, session)| {
                session.able
                    && session.gateway == spoken.gateway
                    && session.mud == spoken.mud
                    && self.able_since.get(number).is_some_and(|since| since <= at)
            });
            if told {
                return Err(format!("{message_id} ({tag:?}) was accepted, did not go, and nobody was told"));
            }
        }
        Ok(())
    }
}

impl Oracle for SpeechOut {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, what: Asked::Speech(tag), .. } => {
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let spoken = Spoken { gateway: one.gateway, mud: one.mud.clone(), ..Spoken::default() };
                self.spoken.insert(*tag, spoken);
            }
            Fact::FrameSent { frame, .. } => {
                if let Some(tag) = frame.tag {
                    return self.sent(frame, tag);
                }
            }
            Fact::Upgraded { session } => drop(self.able_since.entry(*session).or_insert(now)),
            Fact::Said { session, message } => {
                match view.asked(*session, message) {
                    Some(Asked::Speech(tag)) => return self.answered(now, view, *tag, message),
                    Some(Asked::Key) => drop(self.able_since.entry(*session).or_insert(now)),
                    _ => {}
                }
                if message["method"] == "error_occurred" {
                    self.told_of(view, *session, message);
                }
            }
            Fact::GatewayCrashed { gateway } => self.excuse(|spoken| spoken.gateway == *gateway),
            Fact::LinkOver { link, unflushed: true } => {
                // What was on its way into the socket is lost with it.
                let mud = view.mud_of(*link).to_owned();
                self.excuse(|spoken| spoken.mud == mud && spoken.sent == 0);
            }
            Fact::Quiet => return self.lost(view),
            _ => {}
        }
        Ok(())
    }
}

/// A router passes each tell on once, to a mud that is online there. With the rules for what goes out of a gateway and comes
/// into one that makes: a tell arrives exactly once, unless a connection or a process ends on its way.
#[derive(Default)]
struct Relay {
    /// Links over which a login has come: what comes before it is garbage, even if it looks like an answer to one.
    asked: BTreeSet<u64>,
    /// Links that the router has accepted, and their muds.
    online: BTreeMap<u64, (String, String)>,
    /// What is to be passed on, to which mud of which router.
    owed: BTreeMap<Tag, (String, String)>,
    passed: BTreeSet<Tag>,
    /// A router has been flooded: what it passes on is not known any more.
    muted: bool,
}

impl Relay {
    fn got(&mut self, link: u64, frame: &Frame) {
        if frame.kind == "startup-req-3" {
            self.asked.insert(link);
        }
        let Some((router, _)) = self.online.get(&link) else { return };
        match (frame.kind.as_str(), frame.tag) {
            ("tell" | "emoteto", Some(tag)) => {
                let to = (router.clone(), frame.to_mud.clone());
                if self.online.values().any(|online| *online == to) {
                    self.owed.insert(tag, to);
                }
            }
            ("shutdown", _) => self.over(link),
            _ => {}
        }
    }

    fn over(&mut self, link: u64) {
        if let Some(gone) = self.online.remove(&link)
            && !self.online.values().any(|online| *online == gone)
        {
            self.owed.retain(|_, to| *to != gone);
        }
    }
}

impl Oracle for Relay {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::RouterGot { link, frame } => self.got(*link, frame),
            Fact::RouterGave { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link)
                    && self.asked.contains(link)
                {
                    self.online.insert(*link, (known.router.clone(), known.mud.clone()));
                }
            }
            Fact::RouterGave { link, frame } => {
                if let (Some(tag), "tell" | "emoteto") = (frame.tag, frame.kind.as_str()) {
                    self.owed.remove(&tag);
                    if !self.passed.insert(tag) {
                        return Err(format!("it is passed on twice: {}", frame.text));
                    }
                    if view.mud_of(*link) != frame.to_mud {
                        return Err(format!("it is passed on to {}: {}", view.mud_of(*link), frame.text));
                    }
                }
            }
            Fact::RouterOver { link } => self.over(*link),
            Fact::Flooded => self.muted = true,
            Fact::Quiet if !self.muted => {
                if let Some((tag, (router, mud))) = self.owed.iter().next() {
                    return Err(format!("{router} has not passed {tag:?} on to {mud}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A tell that has come for somebody.
struct Owed {
    link: u64,
    at: Instant,
    tag: Tag,
}

/// Every tell that comes for a mud is told to each of its games, once and in the order of its sender.
#[derive(Default)]
struct TellsIn {
    owed: BTreeMap<u64, VecDeque<Owed>>,
    /// The last of each sender that a session was told.
    last: BTreeMap<(u64, u64), u64>,
}

impl TellsIn {
    fn told(&mut self, session: u64, tag: Tag, message: &Json) -> Verdict {
        if let Some(last) = self.last.insert((session, tag.session), tag.seq)
            && last >= tag.seq
        {
            return Err(format!("session {session} is told after number {last}: {message}"));
        }
        let Some(owed) = self.owed.get_mut(&session) else { return Ok(()) };
        if let Some(at) = owed.iter().position(|owed| owed.tag == tag) {
            owed.remove(at);
        }
        Ok(())
    }
}

impl Oracle for TellsIn {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if matches!(frame.kind.as_str(), "tell" | "emoteto") => {
                let (Some(tag), Some(from)) = (frame.tag, view.links.get(link)) else { return Ok(()) };
                // Who has said goodbye reads no more.
                if from.left || frame.to_mud != from.mud || frame.to_user.starts_with("nobody") {
                    return Ok(());
                }
                let games = view
                    .sessions
                    .iter()
                    .filter(|(_, game)| game.able && game.gateway == from.gateway && game.mud == from.mud);
                for (session, _) in games {
                    let owed = self.owed.entry(*session).or_default();
                    owed.push_back(Owed { link: *link, at: now, tag });
                }
            }
            Fact::Said { session, message } => {
                let is_tell = message["method"] == "tell_received" || message["method"] == "emoteto_received";
                if is_tell && let Some(tag) = message["params"]["message"].as_str().and_then(Tag::find) {
                    return self.told(*session, tag, message);
                }
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                for owed in self.owed.values_mut() {
                    owed.retain(|owed| owed.link != *link || !(*unflushed || owed.at == now));
                }
            }
            Fact::FrameSent { link, frame, .. } if frame.kind == "shutdown" => {
                self.owed.values_mut().for_each(|owed| owed.retain(|owed| owed.link != *link));
            }
            Fact::Leaves { session } | Fact::SessionOver { session } => drop(self.owed.remove(session)),
            Fact::Quiet => {
                for (session, owed) in &self.owed {
                    if let Some(owed) = owed.front() {
                        return Err(format!("session {session} was not told {:?}, which came", owed.tag));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// How long a tell is surely kept for a game that is away; the setting is 300 seconds.
const KEPT_FOR: Duration = Duration::from_secs(250);

/// A tell that a gateway has read.
struct Came {
    link: u64,
    gateway: usize,
    mud: String,
    at: Instant,
    saved: bool,
}

/// A tell that no game was told is kept for the game that comes next, whoever else was told it, however often connections
/// break, clocks are set and gateways crash: the next game is told it, or its sender is told that nobody was.
#[derive(Default)]
struct Backlog {
    open: BTreeMap<Tag, Came>,
    /// When the gateway first knew each game.
    able_since: BTreeMap<u64, Instant>,
}

impl Backlog {
    fn came(&mut self, now: Instant, view: &View, link: u64, frame: &Frame) {
        let (Some(tag), Some(from)) = (frame.tag, view.links.get(&link)) else { return };
        if from.left || frame.to_mud != from.mud || frame.to_user.starts_with("nobody") {
            return;
        }
        let came = Came { link, gateway: from.gateway, mud: from.mud.clone(), at: now, saved: false };
        self.open.insert(tag, came);
    }

    /// At the end: the games that have come since, and are still there.
    fn left(&self, view: &View) -> Verdict {
        for (tag, came) in &self.open {
            let next = self.able_since.iter().find(|(number, since)| {
                view.sessions
                    .get(number)
                    .is_some_and(|one| one.able && !one.over && !one.is_named && one.mud == came.mud)
                    && **since >= came.at
                    && since.since(came.at) < KEPT_FOR
            });
            if let Some((session, _)) = next {
                return Err(format!("the game of session {session} was never told {tag:?}, which was kept"));
            }
        }
        Ok(())
    }

    fn said(&mut self, now: Instant, view: &View, session: u64, message: &Json) {
        let Some(one) = view.sessions.get(&session).filter(|one| one.is_game) else { return };
        let is_identified = message["result"]["session_id"].is_string();
        if is_identified && view.asked(session, message) == Some(&Asked::Key) {
            self.able_since.entry(session).or_insert(now);
        }
        match message["method"].as_str() {
            Some("tell_received" | "emoteto_received") => {
                let tag = message["params"]["message"].as_str().and_then(Tag::find);
                tag.map(|tag| self.open.remove(&tag));
            }
            // It is told that some are lost.
            Some("replay_complete") if message["params"]["gap"] == true => {
                self.open.retain(|_, came| came.mud != one.mud);
            }
            _ => {}
        }
    }
}

impl Oracle for Backlog {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if matches!(frame.kind.as_str(), "tell" | "emoteto") => {
                self.came(now, view, *link, frame);
            }
            Fact::TellSaved { tag } => {
                self.open.get_mut(tag).into_iter().for_each(|came| came.saved = true);
            }
            Fact::Upgraded { session } if view.sessions.get(session).is_some_and(|one| one.is_game) => {
                self.able_since.entry(*session).or_insert(now);
            }
            Fact::Said { session, message } => self.said(now, view, *session, message),
            // What was kept in memory alone is gone with it.
            Fact::GatewayCrashed { gateway } => {
                self.open.retain(|_, came| came.gateway != *gateway || came.saved);
            }
            // A link that the gateway has given up, or is leaving, is not read any more.
            Fact::LinkOver { link, unflushed } => {
                self.open.retain(|_, came| came.link != *link || !(*unflushed || came.at == now));
            }
            Fact::FrameSent { link, frame } if frame.kind == "shutdown" => {
                self.open.retain(|_, came| came.link != *link || came.saved);
            }
            // The sender is told: its user is not there, or the game did not come.
            Fact::FrameSent { frame, .. } if frame.kind == "error" && frame.text.contains("unk-user") => {
                let first = self.open.iter().filter(|(_, came)| came.mud == frame.from_mud);
                let tag = frame.tag.or(first.min_by_key(|(_, came)| came.at).map(|(tag, _)| *tag));
                tag.map(|tag| self.open.remove(&tag));
            }
            Fact::Quiet => return self.left(view),
            _ => {}
        }
        Ok(())
    }
}

/// What is for one mud goes to nobody else: every user of the simulation bears the name of his mud, and every name that a
/// game is told of its own is one of these.
#[derive(Default)]
struct Identity {
    joined: BTreeMap<u64, BTreeSet<String>>,
}

impl Oracle for Identity {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, what: Asked::Join(channel), .. } => {
                self.joined.entry(*session).or_default().insert(channel.clone());
            }
            Fact::Said { session, message } => {
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let told = message.get("params").or(message.get("result"));
                let field = |name: &str| told.and_then(|told| told[name].as_str()).unwrap_or_default();
                let ours = format!("_{}", one.mud.to_lowercase());
                let wrong = match message["method"].as_str().unwrap_or_default() {
                    "tell_received" | "emoteto_received" => field("to_mud") != one.mud,
                    "channel_message" | "channel_emote" => {
                        !self.joined.get(session).is_some_and(|joined| joined.contains(field("channel")))
                    }
                    _ => false,
                };
                let to_user = field("to_user");
                let to_other = !to_user.is_empty() && !to_user.to_lowercase().ends_with(&ours);
                // An id of a message names the mud that sent it, or its channel.
                let message_id = field("message_id");
                let others =
                    message_id.starts_with("tell_") && !message_id.starts_with(&format!("tell_{}_", one.mud));
                let other_key = !matches!(field("session_id"), "")
                    && field("mud_name") != one.mud
                    && message.get("result").is_some();
                if wrong || to_other || others || other_key {
                    return Err(format!("a game of {} is told {message}", one.mud));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A login sends the password that the router gave last; after a crash the last that was durable, or a newer one.
#[derive(Default)]
struct Passwords {
    /// By mud and router, all that the router gave, in their order.
    given: BTreeMap<(String, String), Vec<i64>>,
    /// What the next login may send.
    expected: BTreeMap<(String, String), Expected>,
    /// The last that the gateway knew to be on disk.
    durable: BTreeMap<(String, String), i64>,
}

#[derive(Default)]
struct Expected {
    password: i64,
    /// Where and when it came, and what it took the place of.
    came: Option<(u64, Instant, i64)>,
    /// The gateway may not have read it: what was known before is as good.
    or: Option<i64>,
}

impl Passwords {
    fn came(&mut self, now: Instant, link: u64, key: (String, String), password: i64) {
        self.given.entry(key.clone()).or_default().push(password);
        let expected = self.expected.entry(key).or_default();
        let before = std::mem::replace(&mut expected.password, password);
        *expected = Expected { password, came: Some((link, now, before)), or: None };
    }

    fn started(&mut self, muds: &[String], passwords: &BTreeMap<(String, String), i64>) -> Verdict {
        self.expected.retain(|(mud, _), _| !muds.contains(mud));
        for (key, password) in passwords {
            self.expected.insert(key.clone(), Expected { password: *password, ..Expected::default() });
        }
        for (key, durable) in self.durable.iter().filter(|((mud, _), _)| muds.contains(mud)) {
            let given = self.given.get(key).map_or(&[][..], Vec::as_slice);
            let place = |password: i64| given.iter().rposition(|given| *given == password);
            let found = passwords.get(key).copied().unwrap_or(0);
            if place(found) < place(*durable) {
                return Err(format!("{key:?}: the store holds {found}, {durable} had been made durable"));
            }
        }
        Ok(())
    }
}

impl Oracle for Passwords {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link)
                    && frame.password != 0
                    && frame.from_mud.eq_ignore_ascii_case(&known.router)
                {
                    self.came(now, *link, (known.mud.clone(), known.router.clone()), frame.password);
                }
            }
            Fact::LinkOver { link, unflushed } => {
                for expected in self.expected.values_mut() {
                    if let Some((of, at, before)) = expected.came
                        && of == *link
                        && (at == now || *unflushed || view.links.get(link).is_some_and(|link| link.left))
                    {
                        expected.or = Some(before);
                    }
                }
            }
            Fact::PasswordSaved { mud, router, password } => {
                self.durable.insert((mud.clone(), router.clone()), *password);
            }
            Fact::GatewayStarted { muds, passwords, .. } => return self.started(muds, passwords),
            Fact::FrameSent { link, frame, .. } if frame.kind == "startup-req-3" => {
                let Some(link) = view.links.get(link) else { return Ok(()) };
                let key = (frame.from_mud.clone(), link.router.clone());
                let (expected, or) = self.expected.get(&key).map_or((0, None), |e| (e.password, e.or));
                if frame.password != expected && Some(frame.password) != or {
                    return Err(format!("{key:?} logs in with {}, not with {expected}", frame.password));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// No second holds more packets of one mud than a Dead Souls router bears, counted when a driver writes them: what it could
/// not write at once must not go together with what comes after it.
#[derive(Default)]
struct Pace {
    sent: BTreeMap<(String, String), VecDeque<(Instant, u32)>>,
}

impl Oracle for Pace {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        if let Fact::GatewayStarted { muds, .. } = fact {
            // A new process cannot know what the last one sent.
            self.sent.retain(|(mud, _), _| !muds.contains(mud));
        }
        let Fact::FrameSent { link, frame } = fact else { return Ok(()) };
        let Some(link) = view.links.get(link) else { return Ok(()) };
        let sent = self.sent.entry((frame.from_mud.clone(), link.router.clone())).or_default();
        let points = match frame.kind.as_str() {
            "startup-req-3" => 6,
            "channel-listen" => 0,
            _ => 1,
        };
        while sent.front().is_some_and(|(at, _)| now.since(*at) >= Duration::from_secs(1)) {
            sent.pop_front();
        }
        sent.push_back((now, points));
        let points: u32 = sent.iter().map(|(_, points)| points).sum();
        if points > POINTS_PER_SECOND_MAX {
            return Err(format!("{points} points within a second, the last for {}", frame.text));
        }
        Ok(())
    }
}

/// What waits is bounded.
struct Limits;

impl Oracle for Limits {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Holds { gateway, bytes, connections } if *bytes > connections * PENDING_BYTES_MAX => {
                Err(format!("gateway {gateway} holds {bytes} bytes for {connections} connections"))
            }
            _ => Ok(()),
        }
    }
}

/// The ids of events grow, for each client, and from one life of the gateway to the next. What was given before the store
/// had set any such id aside may be given again after a crash.
#[derive(Default)]
struct EventIds {
    of_session: BTreeMap<u64, u64>,
    /// What each session has been given.
    given: BTreeSet<(u64, u64)>,
    /// What the gateway knows to be set aside on disk.
    durable: BTreeMap<usize, u64>,
    /// The largest of each life that was set aside when it was given.
    of_life: BTreeMap<(usize, u64), u64>,
}

impl Oracle for EventIds {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        let (session, message) = match fact {
            Fact::IdsSaved { gateway, reserved } => {
                self.durable.insert(*gateway, *reserved);
                return Ok(());
            }
            Fact::Said { session, message } => (session, message),
            _ => return Ok(()),
        };
        let Some(id) = message["params"]["event_id"].as_u64() else { return Ok(()) };
        let Some(one) = view.sessions.get(session) else { return Ok(()) };
        if !self.given.insert((*session, id)) {
            return Err(format!("session {session} gets event {id} twice"));
        }
        // What is given late has the id that it had from the beginning, perhaps from an earlier life.
        if message["params"]["replay"] == true {
            return Ok(());
        }
        if let Some(last) = self.of_session.insert(*session, id)
            && last >= id
        {
            return Err(format!("session {session} gets event {id} after {last}"));
        }
        let earlier =
            self.of_life.range((one.gateway, 0)..(one.gateway, one.life)).map(|(_, last)| *last).max();
        if let Some(earlier) = earlier
            && earlier >= id
        {
            return Err(format!("event {id} after a restart, when {earlier} had been given"));
        }
        if self.durable.get(&one.gateway).is_some_and(|durable| *durable >= id) {
            let largest = self.of_life.entry((one.gateway, one.life)).or_default();
            *largest = id.max(*largest);
        }
        Ok(())
    }
}

/// A link is called ready only when the router has accepted the login since the connect.
#[derive(Default)]
struct Ready {
    /// For each mud: from when to when a link had been accepted, the last one perhaps still.
    accepted: BTreeMap<String, Vec<(u64, Instant, Option<Instant>)>>,
    asked: BTreeMap<(u64, String), Instant>,
    /// Of each gateway.
    muds: BTreeMap<usize, Vec<String>>,
}

impl Ready {
    fn was_ready(&self, mud: &str, since: Instant) -> bool {
        let accepted = self.accepted.get(mud).into_iter().flatten();
        accepted.rev().any(|(_, _, until)| until.is_none_or(|until| until >= since))
    }
}

impl Oracle for Ready {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link) {
                    self.accepted.entry(known.mud.clone()).or_default().push((*link, now, None));
                }
            }
            Fact::LinkOver { link, .. } => {
                let accepted = self.accepted.get_mut(view.mud_of(*link)).into_iter().flatten();
                accepted.filter(|(of, ..)| of == link).for_each(|(_, _, until)| {
                    until.get_or_insert(now);
                });
            }
            Fact::Asked { session, id, what: Asked::Status } => {
                self.asked.insert((*session, id.clone()), now);
            }
            Fact::Said { session, message } if message["result"]["connected"] == true => {
                let (Some(id), Some(one)) = (message.get("id"), view.sessions.get(session)) else {
                    return Ok(());
                };
                let since = self.asked.get(&(*session, id.to_string())).copied().unwrap_or(now);
                if !self.was_ready(&one.mud, since) {
                    return Err(format!(
                        "{} is called connected, and no router has accepted it: {message}",
                        one.mud
                    ));
                }
            }
            Fact::GatewayStarted { gateway, muds, .. } => drop(self.muds.insert(*gateway, muds.clone())),
            Fact::AllReady { gateway } => {
                let mut muds = self.muds.get(gateway).into_iter().flatten();
                if let Some(mud) = muds.find(|mud| !self.was_ready(mud, now)) {
                    return Err(format!("{mud} is ready, and no router has accepted it"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
