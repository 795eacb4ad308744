//! How nodes reach the engine that they share ([`super::shared`]): saves and beats travel there, answers and rows of the
//! log travel back, and much of that fails. A store in use is like this: one transaction at a time, with all saves that
//! have come together; beats beside it; a reader of the log that is notified, and looks each second. The answer to a beat
//! that takes a mud waits until the log was told as it was then, and later answers wait behind it.

use super::node::Pending;
use super::shared::{Engine, Planted, Save};
use super::{Event, Record, World};
use i3_core::machine::{Beat, Beaten, Input, Machine, SaveError, SaveTicket, Saved};
use i3_core::time::{Instant, Now};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How often the log is read without a notification.
const READ_EVERY: Duration = Duration::from_secs(1);

/// How often bytes that do not get through are sent again.
const SENT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How long a transaction may be open after its client was told that it has failed.
const OPEN_FOR: Duration = Duration::from_secs(2);

/// A request is given up after this part of a lease.
const REQUESTS_OF_A_LEASE: u32 = 4;

/// How it is to reach the engine. The default: at once, and nothing fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineWeather {
    /// How long a request or an answer travels, at most.
    pub delay: Duration,
    /// How long a notification travels, at most.
    pub notify_delay: Duration,
    /// The chance that a notification is lost.
    pub notify_lost: f64,
    /// The chance that a request has no effect and is answered with an error.
    pub fails: f64,
    /// The chance that a request has its effect and is answered with an error.
    pub unknown: f64,
    /// The chance that a transaction of saves is answered with an error and has its effect after that, but before those
    /// that begin later: it holds the lock that all saves take.
    pub late: f64,
}

impl EngineWeather {
    /// How long a transaction takes at most from the time when one that is under way has begun.
    pub fn two_transactions(&self) -> Duration {
        3 * self.delay + if self.late > 0.0 { OPEN_FOR } else { Duration::ZERO }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Good,
    Fails,
    Unknown,
    Late,
}

/// A node's ways to the engine.
pub(super) struct Attached {
    pub(super) boot: String,
    /// The position of the next row that it is told.
    next: u64,
    /// Nothing gets through.
    pub(super) is_cut: bool,
    /// The number of its last transaction.
    trip: u64,
    /// The tickets of the transaction that is under way.
    in_flight: Vec<Pending>,
    /// Beats that were not answered.
    beats: BTreeSet<u64>,
    /// Answers to beats that wait for the log, each with the position up to which it has to be told before.
    answers: VecDeque<(u64, u64, Result<Beaten, String>)>,
    /// Beats, each with the position of the log that it has seen.
    followed: VecDeque<(u64, u64)>,
    /// Rows that it was told.
    rows: u32,
}

/// A transaction whose client was told that it has failed.
pub(super) struct Open {
    node: usize,
    boot: String,
    saves: Vec<(Save, Vec<String>)>,
}

impl Open {
    /// Whether it has the fence of one of these muds.
    fn names_any(&self, muds: &[&String]) -> bool {
        let mut fences = self.saves.iter().flat_map(|(save, _)| &save.fences);
        fences.any(|fence| muds.contains(&&fence.mud))
    }
}

/// What is under way between a node and the engine.
#[derive(Debug)]
pub(super) enum Trip {
    /// A transaction reaches the engine.
    Commit { trip: u64, boot: String, saves: Vec<Save>, fate: Fate },
    /// Its answer reaches the node.
    Committed { trip: u64, outcomes: Result<Vec<Result<(), SaveError>>, String> },
    /// The node waits for it no longer.
    CommitTooLate { trip: u64 },
    /// A beat reaches the engine.
    Beat { beat: u64, boot: String, ask: Beat, fate: Fate },
    /// Its answer reaches the node. With the number 0: the tables have changed. If it `takes` muds, it waits for the rows of the
    /// log below `position`.
    Beaten { beat: u64, takes: bool, position: u64, outcome: Result<Beaten, String> },
    /// The node waits for it no longer.
    BeatTooLate { beat: u64 },
    /// The node reads the log. `again`: and after a second once more.
    Read { again: bool },
}

impl Trip {
    /// Whether it ends at the node, which must have time for it.
    pub(super) fn is_for_node(&self) -> bool {
        !matches!(self, Trip::Commit { .. } | Trip::Beat { .. })
    }
}

/// The engine that nodes share.
impl World {
    /// Adds it. Leases have this length.
    pub fn share(&mut self, lease: Duration) {
        self.engine = Some(Engine::new(lease));
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap_or_else(|| panic!("no engine is shared"))
    }

    /// The engine, to change it.
    pub fn engine_mut(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap_or_else(|| panic!("no engine is shared"))
    }

    /// Adds a machine that shares the engine, or starts one again. `make` gets what was saved and a text for this start
    /// alone. Returns false, and starts nothing, if the engine cannot be reached.
    pub fn start_node<M: Machine + 'static>(
        &mut self,
        name: &str,
        make: impl FnOnce(&Saved, &str, Now) -> M,
    ) -> bool {
        let at = self.place_of(name);
        let is_cut = self.nodes[at].shared.as_ref().is_some_and(|shared| shared.is_cut);
        if !self.engine().is_up || is_cut {
            return false;
        }
        self.close_open_transactions();
        let (saved, next) = self.engine().load(self.now.mono);
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        node.life += 1;
        let boot = format!("{name}-{}", node.life);
        node.saving.clear();
        node.machine = Some(Box::new(make(&saved, &boot, now)));
        (node.stopped, node.dirty, node.last_ticket) = (false, true, None);
        node.shared = Some(Attached {
            boot,
            next,
            is_cut: false,
            trip: 0,
            in_flight: Vec::new(),
            beats: BTreeSet::new(),
            answers: VecDeque::new(),
            followed: VecDeque::new(),
            rows: 0,
        });
        self.record(|| Record::Started { node: at });
        self.travel(at, Duration::ZERO, Trip::Read { again: true });
        self.run();
        true
    }

    /// The text of the last start of a node.
    pub fn boot_of(&self, name: &str) -> &str {
        self.nodes[self.node(name)].shared.as_ref().map_or("", |shared| &shared.boot)
    }

    /// From here on nothing gets through between a node and the engine, or everything does.
    pub fn cut_engine(&mut self, name: &str, is_cut: bool) {
        let at = self.node(name);
        if let Some(shared) = &mut self.nodes[at].shared {
            shared.is_cut = is_cut;
        }
    }

    /// The node that holds a mud, by the clock of the engine.
    pub fn holder_of(&self, mud: &str) -> Option<&str> {
        let (boot, _) = self.engine().holder(self.now.mono, mud)?;
        let node = self.nodes.iter().find(|node| node.shared.as_ref().is_some_and(|one| one.boot == boot))?;
        Some(&node.name)
    }

    fn request_timeout(&self) -> Duration {
        self.engine().lease() / REQUESTS_OF_A_LEASE
    }

    fn travel(&mut self, node: usize, wait: Duration, trip: Trip) {
        let life = self.nodes[node].life;
        self.schedule(self.now.mono + wait, Event::Trip { node, life, trip });
    }

    fn travel_some_time(&mut self, node: usize, trip: Trip) {
        let wait = self.up_to(self.engine_weather.delay);
        self.travel(node, wait, trip);
    }

    fn fate(&mut self, may_be_late: bool) -> Fate {
        let EngineWeather { fails, unknown, late, .. } = self.engine_weather;
        if self.chance(fails) {
            Fate::Fails
        } else if self.chance(unknown) {
            Fate::Unknown
        } else if may_be_late && self.chance(late) {
            Fate::Late
        } else {
            Fate::Good
        }
    }

    /// Whether a request or an answer gets through now.
    fn gets_through(&self, node: usize) -> bool {
        self.nodes[node].shared.as_ref().is_none_or(|shared| !shared.is_cut)
    }

    /// A node saves something.
    pub(super) fn perform_shared_save(&mut self, at: usize, ticket: SaveTicket, save: Save) {
        if let Some(how) = Engine::fault_of(&save) {
            self.broke(at, how);
        }
        let Save { clear, changes, fences } = save;
        self.nodes[at].saving.push_back(Pending { ticket, clear, changes, fences });
        // What the same turn saves goes with it.
        let life = self.nodes[at].life;
        self.schedule(self.now.mono, Event::Depart { node: at, life });
    }

    /// A transaction begins with all saves that wait, if none is under way.
    pub(super) fn depart(&mut self, at: usize) {
        let Some(shared) = &mut self.nodes[at].shared else { return };
        if !shared.in_flight.is_empty() || self.nodes[at].saving.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.nodes[at].saving);
        let Some(shared) = &mut self.nodes[at].shared else { return };
        shared.trip += 1;
        shared.in_flight = waiting.into();
        let save = |pending: &Pending| Save {
            clear: pending.clear.clone(),
            changes: pending.changes.clone(),
            fences: pending.fences.clone(),
        };
        let (trip, boot) = (shared.trip, shared.boot.clone());
        let saves = shared.in_flight.iter().map(save).collect();
        let fate = self.fate(true);
        self.travel_some_time(at, Trip::Commit { trip, boot, saves, fate });
        let timeout = self.request_timeout();
        self.travel(at, timeout, Trip::CommitTooLate { trip });
    }

    /// A node beats.
    pub(super) fn perform_beat(&mut self, at: usize, beat: u64, ask: Beat) {
        let Some(shared) = &mut self.nodes[at].shared else {
            return self.broke(at, "beats on one host".to_owned());
        };
        let boot = shared.boot.clone();
        if beat == 0 || !shared.beats.insert(beat) {
            self.broke(at, format!("beats with the number {beat} again"));
        }
        let fate = self.fate(false);
        self.travel_some_time(at, Trip::Beat { beat, boot, ask, fate });
        let timeout = self.request_timeout();
        self.travel(at, timeout, Trip::BeatTooLate { beat });
    }

    /// Something that was under way arrives.
    pub(super) fn arrives(&mut self, node: usize, life: u64, trip: Trip) {
        let lives = self.nodes[node].life == life && self.nodes[node].machine.is_some();
        // A transaction of a process that is gone has been sent whole, or not.
        if !lives && (trip.is_for_node() || self.rng.bool()) {
            return;
        }
        match trip {
            Trip::Read { again } => self.read_log(node, again),
            Trip::CommitTooLate { trip } => self.commit_ends(node, trip, Err("no answer in time".to_owned())),
            Trip::BeatTooLate { beat } => {
                self.beat_ends(node, beat, (false, 0), Err("no answer in time".to_owned()));
            }
            Trip::Beaten { beat: 0, .. } if !self.gets_through(node) => {}
            trip if !self.gets_through(node) => {
                if self.waits_for(node, &trip) {
                    self.schedule(self.now.mono + SENT_AGAIN_AFTER, Event::Trip { node, life, trip });
                }
            }
            Trip::Commit { trip, boot, saves, fate } => self.commit_at_engine(node, trip, boot, saves, fate),
            Trip::Committed { trip, outcomes } => self.commit_ends(node, trip, outcomes),
            Trip::Beat { beat, boot, ask, fate } => self.beat_at_engine(node, beat, &boot, &ask, fate),
            Trip::Beaten { beat, takes, position, outcome } => {
                self.beat_ends(node, beat, (takes, position), outcome);
            }
        }
    }

    /// Whether a node still waits for what is under way.
    fn waits_for(&self, node: usize, one: &Trip) -> bool {
        let Some(shared) = &self.nodes[node].shared else { return false };
        match one {
            Trip::Commit { trip, .. } | Trip::Committed { trip, .. } => {
                *trip == shared.trip && !shared.in_flight.is_empty()
            }
            Trip::Beat { beat, .. } | Trip::Beaten { beat, .. } => shared.beats.contains(beat),
            _ => false,
        }
    }

    fn commit_at_engine(&mut self, node: usize, trip: u64, boot: String, saves: Vec<Save>, fate: Fate) {
        let now = self.now.mono;
        let failed = |why: &str| Trip::Committed { trip, outcomes: Err(why.to_owned()) };
        if !self.engine().is_up {
            return self.travel_some_time(node, failed("connection refused"));
        }
        if fate == Fate::Fails {
            return self.travel_some_time(node, failed("the transaction was rolled back"));
        }
        self.close_open_transactions();
        let checked: Vec<(Save, Vec<String>)> = saves
            .into_iter()
            .map(|save| {
                let stale = self.engine().stale(&boot, &save.fences);
                (save, stale)
            })
            .collect();
        if fate == Fate::Late {
            self.open.push(Open { node, boot, saves: checked });
            let wait = self.up_to(OPEN_FOR);
            self.schedule(now + wait, Event::CloseOpen);
            return self.travel_some_time(node, failed("the connection was lost"));
        }
        let outcomes = self.write_all(node, &boot, checked);
        let answer = match fate {
            Fate::Good => Trip::Committed { trip, outcomes: Ok(outcomes) },
            _ => failed("the connection was lost"),
        };
        self.travel_some_time(node, answer);
    }

    /// The transactions that hold the lock end: all others wait for them.
    pub(super) fn close_open_transactions(&mut self) {
        for Open { node, boot, saves } in std::mem::take(&mut self.open) {
            self.write_all(node, &boot, saves);
        }
    }

    fn write_all(
        &mut self,
        node: usize,
        boot: &str,
        saves: Vec<(Save, Vec<String>)>,
    ) -> Vec<Result<(), SaveError>> {
        let now = self.now.mono;
        let mut outcomes = Vec::new();
        for (save, stale) in saves {
            let fences = save.fences.clone();
            let outcome = self.engine_mut().commit(now, boot, &save, stale);
            if let Ok(Some(told)) = &outcome {
                self.record(|| Record::Committed { node, fences, told: told.clone() });
            }
            outcomes.push(outcome.map(drop));
        }
        self.notify(|_| Trip::Read { again: false });
        outcomes
    }

    /// All nodes are sent something, if they can be reached.
    fn notify(&mut self, what: impl Fn(usize) -> Trip) {
        for node in 0..self.nodes.len() {
            let is_there = self.nodes[node].shared.is_some() && self.nodes[node].machine.is_some();
            if is_there && self.gets_through(node) && !self.chance(self.engine_weather.notify_lost) {
                let wait = self.up_to(self.engine_weather.notify_delay);
                self.travel(node, wait, what(node));
            }
        }
    }

    /// The saves of a transaction are answered.
    fn commit_ends(&mut self, at: usize, trip: u64, outcomes: Result<Vec<Result<(), SaveError>>, String>) {
        let Some(shared) = &mut self.nodes[at].shared else { return };
        if shared.trip != trip {
            return;
        }
        let failed = outcomes.as_ref().err().cloned().unwrap_or_default();
        let mut outcomes = outcomes.unwrap_or_default().into_iter();
        for pending in std::mem::take(&mut shared.in_flight) {
            let outcome = outcomes.next().unwrap_or_else(|| Err(SaveError::Failed(failed.clone())));
            let Pending { ticket, changes, .. } = pending;
            self.record(|| Record::Saved { node: at, changes, good: outcome.is_ok() });
            self.handle(at, Input::Saved { ticket, outcome });
        }
        self.depart(at);
    }

    fn beat_at_engine(&mut self, node: usize, beat: u64, boot: &str, ask: &Beat, fate: Fate) {
        let now = self.now.mono;
        let failed =
            |why: &str| Trip::Beaten { beat, takes: false, position: 0, outcome: Err(why.to_owned()) };
        if !self.engine().is_up {
            return self.travel_some_time(node, failed("connection refused"));
        }
        if fate == Fate::Fails {
            return self.travel_some_time(node, failed("the transaction was rolled back"));
        }
        // An open transaction of a holder locks the leases that it names.
        let kept = ask.keep.iter().chain(&ask.leave).map(|fence| &fence.mud);
        let muds: Vec<&String> = kept.chain(&ask.take).collect();
        if self.open.iter().any(|open| open.names_any(&muds)) {
            self.close_open_transactions();
        }
        let name = self.nodes[node].name.clone();
        let (beaten, has_changed) = self.engine_mut().beat(now, &name, boot, ask);
        self.record(|| Record::Beaten {
            node,
            boot: boot.to_owned(),
            ask: ask.clone(),
            beaten: beaten.clone(),
        });
        if has_changed {
            let view = beaten.clone();
            let outcome = Ok(view);
            self.notify(|_| Trip::Beaten { beat: 0, takes: false, position: 0, outcome: outcome.clone() });
        }
        let (takes, position) = (!ask.take.is_empty(), self.engine().next_position());
        let answer = match fate {
            Fate::Good => Trip::Beaten { beat, takes, position, outcome: Ok(beaten) },
            _ => failed("the connection was lost"),
        };
        self.travel_some_time(node, answer);
    }

    /// The answer to a beat is there, and waits for the log and for the answers before it.
    fn beat_ends(
        &mut self,
        at: usize,
        beat: u64,
        (takes, position): (bool, u64),
        outcome: Result<Beaten, String>,
    ) {
        let planted = self.engine().planted;
        let Some(shared) = &mut self.nodes[at].shared else { return };
        if beat == 0 || shared.beats.remove(&beat) {
            if beat > 0 && outcome.is_ok() {
                let at_once = planted == Some(Planted::FollowedAtOnce);
                shared.followed.push_back((if at_once { 0 } else { position }, beat));
            }
            shared.answers.push_back((if takes { position } else { 0 }, beat, outcome));
            self.answer_beats(at);
        }
    }

    /// A node gets the answers to beats that wait for no further rows of the log.
    fn answer_beats(&mut self, at: usize) {
        while let Some(shared) = &mut self.nodes[at].shared
            && let Some((_, beat, outcome)) = shared.answers.pop_front_if(|(after, ..)| *after <= shared.next)
        {
            if outcome.is_err() {
                self.record(|| Record::BeatFailed { node: at });
            }
            self.handle(at, Input::Beaten { beat, outcome });
        }
        while let Some(shared) = &mut self.nodes[at].shared
            && let Some((_, beat)) = shared.followed.pop_front_if(|(position, _)| *position <= shared.next)
        {
            self.handle(at, Input::Followed { beat });
        }
    }

    /// The log cannot be read: the answers that wait for it become errors.
    fn give_up_answers(&mut self, at: usize) {
        let Some(shared) = &mut self.nodes[at].shared else { return };
        for (after, _, outcome) in &mut shared.answers {
            (*after, *outcome) = (0, Err("the log cannot be read".to_owned()));
        }
        self.answer_beats(at);
    }

    /// A node is told what is new in the log.
    fn read_log(&mut self, at: usize, again: bool) {
        if again {
            self.travel(at, READ_EVERY, Trip::Read { again });
        }
        if !self.engine().is_up || !self.gets_through(at) {
            return self.give_up_answers(at);
        }
        let Some(shared) = &self.nodes[at].shared else { return };
        let Ok(rows) = self.engine().log_from(shared.next) else {
            self.record(|| Record::Hole { node: at });
            return self.give_up_answers(at);
        };
        let planted = self.engine().planted;
        for mut told in rows {
            let Some(shared) = &mut self.nodes[at].shared else { return };
            shared.next = told.end;
            shared.rows += 1;
            let rows = shared.rows;
            if planted == Some(Planted::OwnPositions) {
                let shift = at as u64;
                (told.position, told.end) = (told.position + shift, told.end + shift);
            }
            if matches!(planted, Some(Planted::RowsMissing(every)) if rows.is_multiple_of(every)) {
                continue;
            }
            let twice = matches!(planted, Some(Planted::RowsTwice(every)) if rows.is_multiple_of(every));
            self.record(|| Record::Told { node: at, position: told.position });
            if twice {
                self.input(at, Input::Told(told.clone()));
            }
            self.input(at, Input::Told(told));
        }
        self.answer_beats(at);
    }
}

/// The clocks of machines.
impl World {
    /// The time as a machine knows it.
    pub(super) fn now_of(&self, at: usize) -> Now {
        let node = &self.nodes[at];
        let mono = Instant::from_micros(self.now.mono.micros().saturating_sub(node.slept.as_micros() as u64));
        let unix = (self.now.unix.micros() as i64).saturating_add(node.wall_offset);
        Now { mono, unix: i3_core::time::UnixTime::from_micros(unix.max(0) as u64) }
    }

    /// The wall clock of one machine is set, that many seconds on or back.
    pub fn set_clock_of(&mut self, name: &str, seconds: i64) {
        let at = self.node(name);
        self.nodes[at].wall_offset += seconds * 1_000_000;
    }

    /// A machine gets no time for a while, and its clock does not run either: a clock that a node must not use.
    pub fn pause_with_its_clock(&mut self, name: &str, time: Duration) {
        self.pause(name, time);
        let at = self.node(name);
        let node = &mut self.nodes[at];
        node.slept += time;
        node.deadline = node.deadline.map(|deadline| deadline + time);
    }
}
