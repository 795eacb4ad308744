//! What a node asks of the leases, and what the answers change.

use super::{Asked, Database, Drain, Held, Leases, Phase, Seen, Step, Tenure};
use crate::ids::MudId;
use crate::machine::{Beat, Beaten, Fence, Lease, Node};
use crate::time::Instant;
use std::time::Duration;

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

/// How long after an outage a node that takes nothing does not count as unable to: nodes notice the end of an outage at different
/// times, and each waits for [`BACK_PAUSE`] from then.
const BACK_SETTLED: Duration = Duration::from_secs(8);

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

    pub(super) fn let_go(&mut self, mud: MudId, now: Instant) {
        let tenure = &mut self.muds[mud.place()];
        if tenure.held.take().is_some_and(|held| held.phase != Phase::Runs) {
            tenure.given_at = Some(now);
        }
    }
}
