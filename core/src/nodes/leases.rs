//! The leases on muds: which this node has, until when, and which it asks for.
//!
//! The database's clock decides about leases. A node knows of it only what the answers to its beats say: how long each lease
//! still ran when the answer was written. It counts that from the moment at which it has asked, which was before, and
//! subtracts a margin. So a lease ends for its node before it ends in the database.

use super::spread::{Free, Pressure, Share, Spread};
use crate::ids::MudId;
use crate::machine::{Beat, Beaten, Fence, Lease, Node, SaveTicket};
use crate::settings::{NodeSettings, Settings};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A lease ends for its node earlier than in the database, by this part of it and at least by [`MARGIN_MIN`]. In that time
/// what is on its way to a router arrives, and clocks may run differently.
const MARGIN_PART: u32 = 5;

/// The least time by which a lease ends earlier for its node than in the database.
const MARGIN_MIN: Duration = Duration::from_secs(1);

/// Number of beats in the time of a lease.
const BEATS_OF_LEASE: u32 = 3;

/// The least time between two beats, however much there is to do.
const BEATS_APART: Duration = Duration::from_millis(100);

/// The wait after a beat that has failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Number of beats that may be unanswered.
const UNANSWERED_MAX: usize = 3;

/// Number of leases for which a node stays in the list after its last beat.
const NODES_STAY_LEASES: u32 = 3;

/// How long a mud that no other node has taken is not offered to them again. It doubles each time, up to
/// [`UNWANTED_FOR_MAX`]: the settings of the other nodes may not have it.
const UNWANTED_FOR: Duration = Duration::from_secs(30);

/// The longest time that a mud is not offered to other nodes.
const UNWANTED_FOR_MAX: Duration = Duration::from_secs(3600);

/// How long after an outage of the database a node leaves muds to those that held them before.
const BACK_PAUSE: Duration = Duration::from_secs(3);

/// How long after an outage a node that takes nothing does not count as unable to: nodes notice the end of an outage at different
/// times, and each waits for [`BACK_PAUSE`] from then.
const BACK_SETTLED: Duration = Duration::from_secs(8);

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

// Beats.
impl Leases {
    /// Returns the next beat if it is due.
    pub(crate) fn poll_beat(&mut self, now: Instant) -> Option<(u64, Beat)> {
        if now < self.beat_at(now)? {
            return None;
        }
        let take = self.spread.take(&self.share(now), now);
        let mut ask = Beat {
            take: take.muds.into_iter().map(|mud| self.muds[mud.place()].name.clone()).collect(),
            leave: std::mem::take(&mut self.unused),
            is_draining: self.is_draining(),
            ..Beat::default()
        };
        let mut takes = !ask.take.is_empty();
        for tenure in &mut self.muds {
            // If nobody has taken the mud, its lease is prolonged under the same number.
            let lapsed = tenure.lapsed.map(|lapsed| Fence { mud: tenure.name.clone(), epoch: lapsed.epoch });
            takes |= lapsed.is_some();
            ask.keep.extend(lapsed);
            let Some(held) = &mut tenure.held else { continue };
            let fence = Fence { mud: tenure.name.clone(), epoch: held.epoch };
            match held.phase {
                Phase::Given => ask.leave.push(fence),
                _ if held.is_over => ask.take.push(fence.mud),
                _ => ask.keep.push(fence),
            }
        }
        self.beats += 1;
        self.asked.push_back(Asked { beat: self.beats, at: now, takes });
        self.asked_at = Some(now);
        self.is_urgent = false;
        Some((self.beats, ask))
    }

    /// Returns the last beat, with which this node ends.
    pub(crate) fn last_beat(&mut self) -> (u64, Beat) {
        let mut leave = std::mem::take(&mut self.unused);
        for tenure in &mut self.muds {
            let held = tenure.held.take();
            leave.extend(held.map(|held| Fence { mud: tenure.name.clone(), epoch: held.epoch }));
        }
        self.beats += 1;
        let ask = Beat { leave, is_draining: true, is_gone: true, ..Beat::default() };
        (self.beats, ask)
    }

    /// Returns when the next beat is due, as far as is known now. `None`: too many beats are unanswered.
    fn beat_at(&self, now: Instant) -> Option<Instant> {
        let interval = self.lease / BEATS_OF_LEASE;
        let Some(asked) = self.asked_at else { return Some(now) };
        if self.asked.len() >= UNANSWERED_MAX {
            return None;
        }
        if !self.asked.is_empty() {
            return Some(asked + interval);
        }
        let earliest = self.failed_at.map_or(asked + BEATS_APART, |failed| failed + RETRY_AFTER);
        let regular = self.failed_at.map_or(asked + interval, |failed| failed + RETRY_AFTER);
        let gives =
            |tenure: &Tenure| tenure.held.is_some_and(|held| held.phase == Phase::Given || held.is_over);
        if self.is_urgent || !self.unused.is_empty() || self.muds.iter().any(gives) {
            return Some(earliest);
        }
        let take = self.spread.take(&self.share(now), now);
        let wanted = if take.muds.is_empty() { take.next } else { Some(now) };
        Some(wanted.map_or(regular, |at| at.max(earliest).min(regular)))
    }

    /// Returns when time alone changes something: a beat is due, or a mud may be given.
    pub(crate) fn due_at(&self, now: Instant) -> Option<Instant> {
        let give = self.spread.give(&self.share(now), self.pressure(), now);
        let give = if give.muds.is_empty() { give.next } else { Some(now) };
        let late = self.asked.back().filter(|_| self.database != Database::Away);
        let late = late.map(|asked| asked.at + self.lease / BEATS_OF_LEASE);
        self.beat_at(now).into_iter().chain(give).chain(late).min()
    }

    /// Handles the answer to a beat. That of an earlier beat than one that was answered says nothing new.
    pub(crate) fn answered(&mut self, now: Instant, beat: u64, beaten: Beaten) -> Vec<Step> {
        let Some(place) = self.asked.iter().position(|asked| asked.beat == beat) else { return Vec::new() };
        let asked = self.asked[place];
        self.asked.drain(..=place);
        if self.database == Database::Away {
            self.back_at = Some(now);
            self.idle.clear();
        }
        (self.database, self.failed_at, self.may_have_taken) = (Database::Answers, None, false);
        self.meet(beaten.nodes);
        let mut steps = Vec::new();
        for mud in self.ids() {
            let lease = beaten.leases.iter().find(|lease| lease.fence.mud == self.muds[mud.place()].name);
            self.seen(mud, lease, now);
            steps.extend(match lease.filter(|lease| lease.boot == self.boot) {
                Some(lease) => self.have(mud, lease, asked.at, now),
                None => self.have_not(mud, lease.is_some(), (asked.at, now)),
            });
        }
        if matches!(self.drain, Some(Drain::Asked(_))) && !self.has_others() && self.held() > 0 {
            (self.drain, self.is_urgent) = (None, true);
            steps.push(Step::Alone);
        }
        steps
    }

    /// Handles a view of the leases that was not asked for: another node has changed one.
    pub(crate) fn told(&mut self, now: Instant, beaten: Beaten) {
        self.meet(beaten.nodes);
        for mud in self.ids() {
            let tenure = &self.muds[mud.place()];
            let lease = beaten.leases.iter().find(|lease| lease.fence.mud == tenure.name);
            if let Some(held) = tenure.held {
                // It does not say when it was read. What has become of the own leases says the next answer.
                self.is_urgent |= lease.is_none_or(|lease| lease.fence.epoch != held.epoch);
            } else {
                self.seen(mud, lease, now);
            }
        }
    }

    /// Handles a beat that has failed.
    pub(crate) fn failed(&mut self, now: Instant, beat: u64) {
        if let Some(place) = self.asked.iter().position(|asked| asked.beat == beat) {
            self.may_have_taken |= self.asked.drain(..=place).any(|asked| asked.takes);
            (self.database, self.failed_at) = (Database::Away, Some(now));
        }
    }

    /// Notes what the passing of time shows: that a beat was not answered, or that a node takes nothing. Call it before
    /// anything is decided.
    pub(crate) fn look(&mut self, now: Instant) {
        let late = self.lease / BEATS_OF_LEASE;
        if self.asked.back().is_some_and(|asked| asked.at + late <= now) {
            self.database = Database::Away;
        }
        // One that is still in the list after that time has beaten since.
        let nodes_stay = self.lease * NODES_STAY_LEASES;
        self.idle.retain(|_, at| *at + nodes_stay > now);
        // A node that has let a lease run out takes no mud either. What was seen long ago says nothing of it.
        let is_fresh = self.asked_at.is_some_and(|at| at + self.lease / 2 > now);
        // After an outage the leases of all have run out, and each takes none for a while.
        let is_settled = self.back_at.is_none_or(|at| at + BACK_SETTLED <= now);
        if self.database == Database::Answers && is_fresh && is_settled {
            let seen = self
                .muds
                .iter()
                .filter(|tenure| tenure.held.is_none())
                .filter_map(|tenure| tenure.seen.as_ref());
            let over = seen.filter(|seen| seen.until <= now && seen.boot != self.boot);
            self.idle.extend(over.map(|seen| (seen.boot.clone(), now)));
        }
        let share = self.share(now);
        if self.database == Database::Answers && is_settled && share.is_left_over(now) {
            let idle = self.sharing().zip(share.counts).filter(|(_, count)| *count == 0);
            let idle: Vec<String> = idle.map(|(node, _)| node.boot.clone()).collect();
            self.idle.extend(idle.into_iter().filter(|boot| *boot != self.boot).map(|boot| (boot, now)));
        }
    }

    fn meet(&mut self, mut nodes: Vec<Node>) {
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        self.nodes = nodes;
    }

    fn seen(&mut self, mud: MudId, lease: Option<&Lease>, now: Instant) {
        let tenure = &mut self.muds[mud.place()];
        let was_until = tenure.seen.as_ref().map(|seen| seen.until);
        match lease {
            Some(lease) => {
                tenure.seen = Some(Seen {
                    epoch: lease.fence.epoch,
                    boot: lease.boot.clone(),
                    until: now + lease.left,
                });
                // Another node has taken it.
                if lease.boot != self.boot {
                    (tenure.given_at, tenure.unwanted) = (None, None);
                    self.idle.remove(&lease.boot);
                }
            }
            None => {
                if let Some(until) = was_until {
                    tenure.free_since = until.min(now);
                }
                tenure.seen = None;
            }
        }
    }

    /// Handles a lease of this node in an answer.
    fn have(&mut self, mud: MudId, lease: &Lease, asked: Instant, now: Instant) -> Option<Step> {
        let left = lease.left.min(self.lease).checked_sub(self.margin());
        let until = left.map(|left| asked + left).filter(|until| *until > now);
        let (margin_is_over, epoch) = (until.is_none(), lease.fence.epoch);
        let is_draining = self.is_draining();
        let tenure = &mut self.muds[mud.place()];
        match &mut tenure.held {
            Some(held) if held.epoch == epoch => {
                held.until = held.until.max(until.unwrap_or(held.until));
                held.is_over = false;
                None
            }
            Some(held) if held.is_over && epoch > tenure.used => {
                let until = until?;
                (held.epoch, held.until, held.is_over, tenure.used) = (epoch, until, false, epoch);
                Some(Step::TakenAgain(mud, epoch))
            }
            // It was taken for this start of the node, but not by an answer that has arrived.
            Some(_) => {
                self.unused.push(lease.fence.clone());
                self.let_go(mud, now);
                Some(Step::Lost(mud, "the lease has another number"))
            }
            None if tenure.lapsed.is_some_and(|lapsed| lapsed.epoch == epoch) && !is_draining => {
                let Some(until) = until else {
                    self.is_urgent = true;
                    return None;
                };
                tenure.lapsed = None;
                tenure.held = Some(Held { epoch, until, phase: Phase::Runs, is_over: false });
                Some(Step::Taken(mud, epoch))
            }
            None if epoch <= tenure.used || is_draining => {
                self.unused.push(lease.fence.clone());
                None
            }
            // The answer was on its way for too long. The next one may find it in time.
            None if margin_is_over => {
                self.is_urgent = true;
                None
            }
            None => {
                let until = until?;
                tenure.held = Some(Held { epoch, until, phase: Phase::Runs, is_over: false });
                tenure.used = epoch;
                if tenure.given_at.take().is_some() {
                    let wait =
                        tenure.unwanted.map_or(UNWANTED_FOR, |(_, last)| last * 2).min(UNWANTED_FOR_MAX);
                    tenure.unwanted = Some((now + wait, wait));
                }
                Some(Step::Taken(mud, epoch))
            }
        }
    }

    /// Handles that an answer shows no lease of this node on a mud.
    fn have_not(&mut self, mud: MudId, is_taken: bool, (asked, now): (Instant, Instant)) -> Option<Step> {
        let keeps = self.keeps && !is_taken;
        let lapsed = &mut self.muds[mud.place()].lapsed;
        if lapsed.take_if(|lapsed| is_taken || asked >= lapsed.at).is_some() {
            return Some(Step::Lost(mud, "another node has taken the mud"));
        }
        let held = self.muds[mud.place()].held.as_mut()?;
        match held.phase {
            Phase::Given => {
                self.let_go(mud, now);
                Some(Step::Returned(mud))
            }
            Phase::Runs if keeps => {
                held.is_over = true;
                None
            }
            _ => {
                self.let_go(mud, now);
                Some(Step::Lost(mud, "the lease has run out"))
            }
        }
    }

    fn let_go(&mut self, mud: MudId, now: Instant) {
        let tenure = &mut self.muds[mud.place()];
        if tenure.held.take().is_some_and(|held| held.phase != Phase::Runs) {
            tenure.given_at = Some(now);
        }
    }
}

// Giving up.
impl Leases {
    /// Returns when the first lease ends for this node.
    pub(crate) fn end_at(&self) -> Option<Instant> {
        let held = self.muds.iter().filter_map(|tenure| tenure.held);
        held.map(|held| held.until).min().filter(|_| !self.keeps)
    }

    /// Lets go of the muds whose leases have ended for this node.
    pub(crate) fn ended(&mut self, now: Instant) -> Vec<Step> {
        if self.end_at().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let is_over = |mud: &MudId| self.muds[mud.place()].held.is_some_and(|held| held.until <= now);
        let over: Vec<MudId> = self.ids().filter(is_over).collect();
        for mud in &over {
            let tenure = &mut self.muds[mud.place()];
            tenure.lapsed = tenure.held.map(|held| Lapsed { epoch: held.epoch, at: now });
            self.let_go(*mud, now);
        }
        over.into_iter().map(Step::Lapsed).collect()
    }

    /// Handles that the database has refused a save, because this node no longer has these leases. Returns the muds that it
    /// lets go of. A node that keeps its links asks first whether another node has them.
    pub(crate) fn refused(&mut self, muds: &[String], now: Instant) -> Vec<Step> {
        self.is_urgent = true;
        let is_meant = |mud: &MudId| {
            let tenure = &self.muds[mud.place()];
            (tenure.held.is_some() || tenure.lapsed.is_some()) && muds.contains(&tenure.name)
        };
        let meant: Vec<MudId> = self.ids().filter(is_meant).collect();
        if self.keeps {
            return Vec::new();
        }
        for mud in &meant {
            self.muds[mud.place()].lapsed = None;
            self.let_go(*mud, now);
        }
        meant.into_iter().map(|mud| Step::Lost(mud, "another node may hold it")).collect()
    }

    /// Returns the muds that this node gives to others now. Their links say goodbye.
    pub(crate) fn give(&mut self, now: Instant) -> Vec<MudId> {
        let given = self.spread.give(&self.share(now), self.pressure(), now).muds;
        self.spread.gave(&given, now);
        for mud in &given {
            if let Some(held) = &mut self.muds[mud.place()].held {
                held.phase = Phase::Leaves;
            }
        }
        given
    }

    fn pressure(&self) -> Pressure {
        match self.drain {
            None => Pressure::Balance,
            Some(Drain::Asked(_)) => Pressure::All,
            Some(Drain::Ending) => Pressure::AllAtOnce,
        }
    }

    /// Returns the muds whose links say goodbye.
    pub(crate) fn leaving(&self) -> Vec<MudId> {
        self.in_phase(|phase| phase == Phase::Leaves)
    }

    /// Notes that a link has said goodbye. The lease is given back when everything up to `ticket` is durable.
    pub(crate) fn left(&mut self, mud: MudId, ticket: SaveTicket) {
        if let Some(held) = &mut self.muds[mud.place()].held {
            held.phase = Phase::Left(ticket);
        }
    }

    /// Gives back the leases of muds that were left, if what was to be saved for them is durable: all saves before the ticket
    /// `durable_before` are. Returns these muds.
    pub(crate) fn give_back(&mut self, durable_before: SaveTicket) -> Vec<MudId> {
        let is_done = |phase| matches!(phase, Phase::Left(ticket) if ticket < durable_before);
        let done = self.in_phase(is_done);
        for mud in &done {
            if let Some(held) = &mut self.muds[mud.place()].held {
                held.phase = Phase::Given;
            }
        }
        done
    }

    /// Whether a link that says goodbye has ended, or what was to be saved for a mud that was left is durable.
    pub(crate) fn has_progress(
        &self,
        has_ended: impl Fn(MudId) -> bool,
        durable_before: impl Fn() -> SaveTicket,
    ) -> bool {
        // It runs after each input, so what takes long is asked once.
        let mut first_left = None;
        self.ids().any(|mud| match self.muds[mud.place()].held.map(|held| held.phase) {
            Some(Phase::Leaves) => has_ended(mud),
            Some(Phase::Left(ticket)) => {
                first_left = Some(first_left.map_or(ticket, |first: SaveTicket| first.min(ticket)));
                false
            }
            _ => false,
        }) || first_left.is_some_and(|ticket| ticket < durable_before())
    }

    fn in_phase(&self, is_it: impl Fn(Phase) -> bool) -> Vec<MudId> {
        let is_in = |mud: &MudId| self.muds[mud.place()].held.is_some_and(|held| is_it(held.phase));
        self.ids().filter(is_in).collect()
    }

    /// From now on this node takes no muds, and gives up those that it has.
    pub(crate) fn drain(&mut self) {
        if self.drain.is_none() {
            self.drain = Some(Drain::Asked(self.held()));
            self.is_urgent = true;
        }
    }

    /// This node ends: it gives up all muds at once.
    pub(crate) fn end(&mut self) {
        (self.drain, self.is_urgent) = (Some(Drain::Ending), true);
    }

    /// Returns the nodes among which the muds are shared, by name. This one is among them also while it drains.
    fn sharing(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.boot == self.boot || self.takes(node))
    }

    /// Returns how the muds are spread over the nodes that take them.
    fn share(&self, now: Instant) -> Share {
        let nodes: Vec<&Node> = self.sharing().collect();
        let answers = self.database == Database::Answers;
        // The holders before an outage come first: they write what they have read, and prolong their leases.
        let backs_off = self.back_at.map(|at| at + BACK_PAUSE).filter(|at| *at > now);
        let mut share = Share {
            me: nodes.iter().position(|node| node.boot == self.boot),
            counts: vec![0; nodes.len()],
            runs: Vec::new(),
            free: Vec::new(),
            in_transit: 0,
            takes: answers && !self.is_draining(),
            gives: answers,
            settles: backs_off.is_some(),
            next_end: self.next_end(now).into_iter().chain(backs_off).min(),
        };
        for mud in self.ids() {
            let tenure = &self.muds[mud.place()];
            let running = tenure.seen.as_ref().filter(|seen| seen.until > now);
            match (tenure.held, running) {
                (Some(Held { phase: Phase::Runs, .. }), _) => {
                    let is_wanted = tenure.unwanted.is_none_or(|(until, _)| until <= now);
                    share.runs.push((mud, is_wanted));
                }
                (Some(_), _) => share.in_transit += 1,
                (None, Some(seen)) => {
                    if let Some(at) = nodes.iter().position(|node| node.boot == seen.boot) {
                        share.counts[at] += 1;
                    }
                }
                // It is prolonged if nobody has taken it.
                (None, None) if tenure.lapsed.is_some() => {}
                (None, None) if backs_off.is_some() => {}
                (None, None) => {
                    let since = tenure.seen.as_ref().map_or(tenure.free_since, |seen| seen.until);
                    let since = self.back_at.map_or(since, |at| since.max(at + BACK_PAUSE));
                    share.free.push(Free { mud, since, given_at: tenure.given_at });
                }
            }
        }
        if let Some(me) = share.me {
            share.counts[me] = share.runs.len();
        }
        share
    }

    /// Returns when the first lease of another node ends, unless it is prolonged.
    fn next_end(&self, now: Instant) -> Option<Instant> {
        let others = self.muds.iter().filter(|tenure| tenure.held.is_none());
        others.filter_map(|tenure| tenure.seen.as_ref()).map(|seen| seen.until).filter(|at| *at > now).min()
    }
}
