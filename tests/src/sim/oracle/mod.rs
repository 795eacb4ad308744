//! What must be true of any history. Each oracle reads the [`Fact`]s in their order and says when one cannot be.
//!
//! They look at what machines give to their drivers and at what arrives at them, so that none of them needs to know which
//! fault may excuse what: a tell that the gateway has accepted must be written to its router, whatever became of it then.

mod ages;
mod answers;
mod backlog;
mod bans;
mod contract;
mod cursors;
mod event_ids;
mod identity;
mod limits;
mod nodes;
mod pace;
mod passwords;
mod people;
mod ready;
mod relay;
mod speech_out;
mod tells_in;

use super::tap::{Frame, Tag};
use i3_core::machine::{Beat, Beaten, Fence, Told};
use i3_core::time::Instant;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How long a tell is surely kept for a game that is away; the setting is 300 seconds.
const KEPT_FOR: Duration = Duration::from_secs(250);

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
    /// Somebody has connected with a client of IRC. It is a session, too.
    PersonOpen { session: u64, gateway: usize, mud: String, nick: String },
    /// The gateway wrote a line to a client of IRC.
    PersonSaid { session: u64, line: Rc<str> },
    /// A client of IRC says something to one, or on a channel. Nothing is answered if all is well.
    PersonSpeaks { session: u64, tag: Tag },
    /// A client of IRC is about to quit or to be gone.
    PersonLeaves { session: u64 },
    /// The system has taken all that the gateway has written to a client of IRC.
    PersonTook { session: u64 },
    /// The gateway knows of the connection no more.
    PersonOver { session: u64 },
    /// A gateway could not save something.
    SaveFailed { gateway: usize },
    /// A gateway knows that the cursors of a nick are on disk.
    PersonSaved { gateway: usize, nick: String },
    /// A gateway that was started is a node, under this text for its start. What it has read has the saves up to a position.
    NodeStarted { gateway: usize, boot: String, position: u64 },
    /// The engine has written a save.
    Committed { fences: Rc<Vec<Fence>>, told: Rc<Told> },
    /// A node is about to be told the save at a position.
    RowTold { gateway: usize, position: u64 },
    /// The engine has done what a node asked of the leases.
    Beaten { gateway: usize, boot: String, ask: Rc<Beat>, beaten: Rc<Beaten> },
    /// A node gets no time until then.
    Asleep { gateway: usize, until: Instant },
    /// A node, or all, cannot do all that is theirs until then.
    Trouble { gateway: Option<usize>, until: Instant },
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
    /// It leaves a channel.
    Leave(String),
    /// It drains the node.
    Drain,
    /// It says something to one, or on a channel.
    Speech(Tag),
    /// It has handled all events up to this one.
    Ack(u64),
    /// It sets a ban with this pattern.
    Ban(String),
    /// It removes the ban with this id.
    Unban(u64),
    /// It asks for the bans.
    Bans,
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
                ("contract", Box::new(contract::Contract)),
                ("answers", Box::<answers::Answers>::default()),
                ("wire", Box::new(contract::Wire)),
                ("speech out", Box::<speech_out::SpeechOut>::default()),
                ("relay", Box::<relay::Relay>::default()),
                ("tells in", Box::<tells_in::TellsIn>::default()),
                ("backlog", Box::<backlog::Backlog>::default()),
                ("cursors", Box::<cursors::Cursors>::default()),
                ("ages", Box::<ages::Ages>::default()),
                ("bans", Box::<bans::Bans>::default()),
                ("identity", Box::<identity::Identity>::default()),
                ("passwords", Box::<passwords::Passwords>::default()),
                ("pace", Box::<pace::Pace>::default()),
                ("limits", Box::new(limits::Limits)),
                ("event ids", Box::<event_ids::EventIds>::default()),
                ("people", Box::<people::People>::default()),
                ("ready", Box::<ready::Ready>::default()),
            ],
        }
    }
}

impl Oracles {
    /// Those of nodes that share an engine, where two transactions take this time at most.
    pub fn of_nodes(transactions: Duration) -> Oracles {
        let rules: Vec<(&'static str, Box<dyn Oracle>)> = vec![
            ("contract", Box::new(contract::Contract)),
            ("answers", Box::<answers::Answers>::default()),
            ("wire", Box::new(contract::Wire)),
            ("holders", Box::<nodes::holders::Holders>::default()),
            ("log", Box::<nodes::log::Log>::default()),
            ("handed over", Box::<nodes::handed::HandedOver>::default()),
            ("heard", Box::<nodes::heard::Heard>::default()),
            ("ids", Box::<nodes::ids::Ids>::default()),
            ("frames kept", Box::new(nodes::kept::Kept::new(transactions))),
            ("backlog", Box::new(backlog::Backlog::of_nodes())),
            ("cursors", Box::new(cursors::Cursors::of_nodes())),
            ("acknowledged", Box::<nodes::acknowledged::Acknowledged>::default()),
            ("event ids", Box::<event_ids::EventIds>::default()),
            ("identity", Box::<identity::Identity>::default()),
            ("pace", Box::<pace::Pace>::default()),
            ("limits", Box::new(limits::Limits)),
        ];
        Oracles { view: View::default(), rules }
    }

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
    /// A router has taken a mud for one that floods. What it drops goes once more, after what it has not dropped. A packet goes
    /// twice if the router hears the mud again while the packet is on its way.
    is_flooded: bool,
}

struct Link {
    gateway: usize,
    router: String,
    /// Known from its login.
    mud: String,
    /// The gateway has said goodbye.
    left: bool,
    /// The router has closed its side: what is written from now on goes nowhere.
    is_closed: bool,
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
            Fact::Flooded => self.is_flooded = true,
            Fact::LinkOpen { link, gateway, router } => {
                let one = Link {
                    gateway: *gateway,
                    router: router.clone(),
                    mud: String::new(),
                    left: false,
                    is_closed: false,
                };
                self.links.insert(*link, one);
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
            Fact::RouterOver { link } => {
                if let Some(link) = self.links.get_mut(link) {
                    link.is_closed = true;
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

    /// Whether the router has closed its side of a link.
    fn is_closed(&self, link: u64) -> bool {
        self.links.get(&link).is_some_and(|link| link.is_closed)
    }

    fn mud_of(&self, link: u64) -> &str {
        self.links.get(&link).map_or("", |link| &link.mud)
    }
}
