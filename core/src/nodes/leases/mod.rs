//! The leases on muds: which this node has, until when, and which it asks for.
//!
//! The database's clock decides about leases. A node knows of it only what the answers to its beats say: how long each lease
//! still ran when the answer was written. It counts that from the moment at which it has asked, which was before, and
//! subtracts a margin. So a lease ends for its node before it ends in the database.

mod beats;
mod giving;
mod sharing;

use super::spread::Spread;
use crate::ids::MudId;
use crate::machine::{Fence, Node, SaveTicket};
use crate::settings::{NodeSettings, Settings};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A lease ends for its node earlier than in the database, by this part of it and at least by [`MARGIN_MIN`]. In that time
/// what is on its way to a router arrives, and clocks may run differently.
const MARGIN_PART: u32 = 5;

/// The least time by which a lease ends earlier for its node than in the database.
const MARGIN_MIN: Duration = Duration::from_secs(1);

/// How long after an outage of the database a node leaves muds to those that held them before.
const BACK_PAUSE: Duration = Duration::from_secs(3);

/// What this node does with a mud that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It runs the link.
    Runs,
    /// The link says goodbye.
    Leaves,
    /// The link has ended. The lease is given back when this save is durable.
    Left(SaveTicket),
    /// The lease is being given back.
    Given,
}

/// A lease of this node.
#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: u64,
    /// When it ends for this node, unless an answer prolongs it.
    until: Instant,
    phase: Phase,
    /// It has run out in the database, where nobody has taken it. A node that keeps its links takes it again.
    is_over: bool,
}

/// A lease of any node, as the last answer has shown it.
#[derive(Clone, Debug)]
struct Seen {
    epoch: u64,
    boot: String,
    /// When it has run out for certain, unless it was prolonged.
    until: Instant,
}

/// What is known of the lease on a mud.
#[derive(Debug)]
struct Tenure {
    name: String,
    held: Option<Held>,
    lapsed: Option<Lapsed>,
    /// The greatest number of a lease that this node has used. It is not used again.
    used: u64,
    seen: Option<Seen>,
    /// Since when no lease was seen.
    free_since: Instant,
    /// When this node has given the mud back: another one shall take it.
    given_at: Option<Instant>,
    /// Until when and for how long the mud is not offered to other nodes, since none has taken it.
    unwanted: Option<(Instant, Duration)>,
}

/// A beat that is not answered.
#[derive(Clone, Copy, Debug)]
struct Asked {
    beat: u64,
    at: Instant,
    /// It asks for muds that this node does not hold.
    takes: bool,
}

/// Whether the database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// It was not asked yet, or has not answered.
    Unknown,
    /// The last beat was answered.
    Answers,
    /// The last beat has failed, or was not answered in time.
    Away,
}

/// Why a node gives up what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// It was asked to, with this number of muds at that time.
    Asked(usize),
    /// It ends.
    Ending,
}

/// A lease that has run out for this node before an answer prolonged it. Another node may have taken the mud since, or not.
#[derive(Clone, Copy, Debug)]
struct Lapsed {
    epoch: u64,
    at: Instant,
}

/// What has come of an answer, or of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This node holds a mud from now on, under this number.
    Taken(MudId, u64),
    /// This node goes on to hold a mud, under another number.
    TakenAgain(MudId, u64),
    /// This node no longer holds a mud: the link must end at once. Why, for people.
    Lost(MudId, &'static str),
    /// A lease has run out, and nobody may have taken the mud: the link must end at once. What waits for the database is kept.
    Lapsed(MudId),
    /// This node has given a mud back.
    Returned(MudId),
    /// There is no other node any more, to which a node that drains could give its muds.
    Alone,
}

/// The leases that this node knows of.
#[derive(Debug)]
pub(crate) struct Leases {
    name: String,
    boot: String,
    lease: Duration,
    keeps: bool,
    muds: Vec<Tenure>,
    nodes: Vec<Node>,
    beats: u64,
    asked: VecDeque<Asked>,
    asked_at: Option<Instant>,
    failed_at: Option<Instant>,
    /// A beat that takes muds has failed, and may have its effect all the same. The next answer shows it.
    may_have_taken: bool,
    /// When the database last answered again.
    back_at: Option<Instant>,
    database: Database,
    /// Something has changed that a beat must tell or find out.
    is_urgent: bool,
    /// Leases of this node that it does not use.
    unused: Vec<Fence>,
    drain: Option<Drain>,
    spread: Spread,
    /// Nodes that have left a mud free although they had none, by their start, and when that was seen.
    idle: BTreeMap<String, Instant>,
}

impl Leases {
    /// Creates the leases of a node that holds nothing.
    pub(crate) fn new(settings: &Settings, node: &NodeSettings, now: Instant) -> Self {
        let tenure = |name: &String| Tenure {
            name: name.clone(),
            held: None,
            lapsed: None,
            used: 0,
            seen: None,
            free_since: now,
            given_at: None,
            unwanted: None,
        };
        Leases {
            name: node.name.clone(),
            boot: node.boot.clone(),
            lease: node.lease,
            keeps: node.keeps_without_database,
            muds: settings.muds.iter().map(|mud| tenure(&mud.name)).collect(),
            nodes: Vec::new(),
            beats: 0,
            asked: VecDeque::new(),
            asked_at: None,
            failed_at: None,
            may_have_taken: false,
            back_at: None,
            database: Database::Unknown,
            is_urgent: false,
            unused: Vec::new(),
            drain: None,
            spread: Spread::new(settings),
            idle: BTreeMap::new(),
        }
    }

    fn margin(&self) -> Duration {
        (self.lease / MARGIN_PART).max(MARGIN_MIN)
    }

    fn ids(&self) -> impl Iterator<Item = MudId> + use<> {
        MudId::all(self.muds.len())
    }
}

// What others want to know.
impl Leases {
    /// Returns the number of the lease with which this node holds a mud.
    pub(crate) fn epoch(&self, mud: MudId) -> Option<u64> {
        self.muds[mud.place()].held.map(|held| held.epoch)
    }

    /// Returns the number of muds that this node holds.
    pub(crate) fn held(&self) -> usize {
        self.muds.iter().filter(|tenure| tenure.held.is_some()).count()
    }

    /// Whether this node holds a mud, or may have got one: it has asked for it, and the database has not answered since.
    pub(crate) fn may_hold_any(&self) -> bool {
        self.held() > 0 || self.may_have_taken || self.asked.iter().any(|asked| asked.takes)
    }

    /// Returns the number of nodes that are there, this one too.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Whether another node is there that takes muds.
    pub(crate) fn has_others(&self) -> bool {
        self.nodes.iter().any(|node| node.name != self.name && self.takes(node))
    }

    /// Whether a node takes muds, as far as this one knows.
    fn takes(&self, node: &Node) -> bool {
        !node.is_draining && !self.idle.contains_key(&node.boot)
    }

    /// Whether the database answers.
    pub(crate) fn database(&self) -> Database {
        self.database
    }

    /// Whether this node keeps its links without the database.
    pub(crate) fn keeps_links(&self) -> bool {
        self.keeps
    }

    /// Asks for a beat as soon as one is allowed. Returns its number, and whether nobody has asked for it before.
    pub(crate) fn ask_for_beat(&mut self) -> (u64, bool) {
        (self.beats + 1, !std::mem::replace(&mut self.is_urgent, true))
    }

    /// Whether this node gives up its muds.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Returns how many muds this node had when it was asked to give them up.
    pub(crate) fn drained(&self) -> usize {
        if let Some(Drain::Asked(muds)) = self.drain { muds } else { 0 }
    }

    /// Returns the lease on a mud that runs, as far as this node knows: the name of the holder, if it is known, and the number.
    pub(crate) fn holder(&self, mud: MudId, now: Instant) -> Option<(Option<&str>, u64)> {
        let tenure = &self.muds[mud.place()];
        if let Some(held) = tenure.held {
            return Some((Some(&self.name), held.epoch));
        }
        let seen = tenure.seen.as_ref().filter(|seen| seen.until > now)?;
        let node = self.nodes.iter().find(|node| node.boot == seen.boot);
        Some((node.map(|node| node.name.as_str()), seen.epoch))
    }
}
