//! A model of the engine that several gateways share: entries, a log of all saves, leases and nodes. Only its own clock
//! decides about leases. It has the semantics of the PostgreSQL engine, without its connections: see `attached.rs`.

use i3_core::machine::{
    Beat, Beaten, Change, Clear, Fence, Lease, Node, POSITIONS_OF_SAVE, SaveError, Saved, SmolStr, Told,
    is_passing, positions_of,
};
use i3_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How far before a snapshot a node that starts is told the log.
const OVERLAP: Duration = Duration::from_secs(60);

/// A pause between two rows counts as no more than this.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The age at which rows of the log are deleted.
const LOG_KEPT_FOR: Duration = Duration::from_secs(3600);

/// Rows that one read of the log returns.
const LOG_ROWS_MAX: usize = 256;

/// The position of the first save.
const FIRST_POSITION: u64 = POSITIONS_OF_SAVE;

/// A node counts as there for so many lease lengths after its last beat.
const NODE_LEASES: u32 = 3;

/// The spaces that only the holder of a mud writes. A save with changes in them names its fence.
const SPACES_OF_HOLDER: &[&str] =
    &["login", "lists_from", "mudlist", "chanlist", "events", "link", ">packet", ">gone", ">login"];

/// What the engine does wrong, so that tests can show that the rules of the simulator find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// It gives a lease that has not run out to whoever asks for it.
    SharedLeases,
    /// It writes what a stale fence should stop.
    NoFences,
    /// It answers every so many saves as written that it has not written.
    LostSaves(u32),
    /// It tells a node every so many rows twice.
    RowsTwice(u32),
    /// It passes over every so many rows when it tells a node.
    RowsMissing(u32),
    /// It gives every node positions of its own.
    OwnPositions,
    /// It says that a node was told all that was saved before a beat, without regard to what it was told.
    FollowedAtOnce,
}

/// A save as a node sends it.
#[derive(Clone, Debug)]
pub struct Save {
    /// What is removed first.
    pub clear: Clear,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The muds whose holder the node must be.
    pub fences: Vec<Fence>,
}

struct LeaseRow {
    boot: String,
    epoch: u64,
    until: Instant,
}

struct NodeRow {
    name: String,
    seen: Instant,
    is_draining: bool,
}

/// The next row of the log that a node needs was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole;

/// The engine.
pub struct Engine {
    lease: Duration,
    entries: BTreeMap<(SmolStr, SmolStr), Arc<[u8]>>,
    /// Each row with the time of its commit.
    log: VecDeque<(Instant, Told)>,
    /// The position of the next save.
    next: u64,
    /// The position of the last save.
    last: u64,
    leases: BTreeMap<String, LeaseRow>,
    /// By their start.
    nodes: BTreeMap<String, NodeRow>,
    /// Whether it runs.
    pub is_up: bool,
    /// See [`Planted`].
    pub planted: Option<Planted>,
    saves: u32,
}

impl Engine {
    /// An empty one with leases of this length.
    pub fn new(lease: Duration) -> Engine {
        Engine {
            lease,
            entries: BTreeMap::new(),
            log: VecDeque::new(),
            next: FIRST_POSITION,
            last: 0,
            leases: BTreeMap::new(),
            nodes: BTreeMap::new(),
            is_up: true,
            planted: None,
            saves: 0,
        }
    }

    /// The length of a lease.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The position of the next save.
    pub(super) fn next_position(&self) -> u64 {
        self.next
    }

    /// What it holds.
    pub fn entries(&self) -> &BTreeMap<(SmolStr, SmolStr), Arc<[u8]>> {
        &self.entries
    }

    /// The start that has a mud, and the epoch.
    pub fn holder(&self, now: Instant, mud: &str) -> Option<(&str, u64)> {
        let row = self.leases.get(mud).filter(|row| row.until > now)?;
        Some((&row.boot, row.epoch))
    }

    /// The muds of these fences that another start holds, or has held since. A lease that has run out is still good here: what
    /// its holder had read before that is written as long as nobody has taken the mud.
    pub(super) fn stale(&self, boot: &str, fences: &[Fence]) -> Vec<String> {
        if self.planted == Some(Planted::NoFences) {
            return Vec::new();
        }
        let holds = |fence: &Fence| {
            let row = self.leases.get(&fence.mud);
            row.is_some_and(|row| row.boot == boot && row.epoch == fence.epoch)
        };
        fences.iter().filter(|fence| !holds(fence)).map(|fence| fence.mud.clone()).collect()
    }

    /// How a save breaks the rules for those who share an engine.
    pub(super) fn fault_of(save: &Save) -> Option<String> {
        if save.clear == Clear::Everything {
            return Some("clears what other nodes have saved".to_owned());
        }
        let cleared = match &save.clear {
            Clear::Spaces(spaces) => spaces.as_slice(),
            _ => &[],
        };
        for space in save.changes.iter().map(|change| &change.space).chain(cleared) {
            let (family, mud) = space.split_once('/').unwrap_or((space, ""));
            if SPACES_OF_HOLDER.contains(&family) && !save.fences.iter().any(|fence| fence.mud == mud) {
                return Some(format!("saves {space} without a fence"));
            }
        }
        None
    }

    /// Writes a save whose fences were found good, or not. Returns the row of the log.
    pub(super) fn commit(
        &mut self,
        now: Instant,
        boot: &str,
        save: &Save,
        stale: Vec<String>,
    ) -> Result<Option<Told>, SaveError> {
        if !stale.is_empty() {
            return Err(SaveError::Stale(stale));
        }
        self.saves += 1;
        if let Some(Planted::LostSaves(every)) = self.planted
            && self.saves.is_multiple_of(every)
        {
            return Ok(None);
        }
        if save.clear != Clear::Nothing {
            self.entries.retain(|(space, _), _| !save.clear.covers(space));
        }
        for change in save.changes.iter().filter(|change| !is_passing(&change.space)) {
            let key = (change.space.clone(), change.key.clone());
            match &change.value {
                Some(value) => drop(self.entries.insert(key, value.clone())),
                None => drop(self.entries.remove(&key)),
            }
        }
        let position = self.next;
        let end = position + POSITIONS_OF_SAVE + save.changes.iter().map(positions_of).sum::<u64>();
        let (clear, changes) = (save.clear.clone(), save.changes.clone());
        let told = Told { position, end, boot: boot.to_owned(), clear, changes };
        (self.next, self.last) = (end, position);
        self.log.push_back((now, told.clone()));
        while self.log.front().is_some_and(|(at, _)| now.since(*at) > LOG_KEPT_FOR) {
            self.log.pop_front();
        }
        Ok(Some(told))
    }

    /// Does what a node asks of the leases. Says whether others must be told.
    pub(super) fn beat(&mut self, now: Instant, name: &str, boot: &str, ask: &Beat) -> (Beaten, bool) {
        let until = now + self.lease;
        let mut has_changed = false;
        for fence in ask.keep.iter().chain(&ask.leave) {
            let Some(row) = self.leases.get_mut(&fence.mud) else { continue };
            if row.boot != boot || row.epoch != fence.epoch {
                continue;
            }
            if ask.leave.contains(fence) {
                row.until = now;
                row.boot.clear();
                has_changed = true;
            } else {
                row.until = until;
            }
        }
        for mud in &ask.take {
            let before = self.leases.get(mud);
            let is_shared = self.planted == Some(Planted::SharedLeases);
            if before.is_some_and(|row| row.until > now && !is_shared) {
                continue;
            }
            let epoch = before.map_or(0, |row| row.epoch) + 1;
            self.leases.insert(mud.clone(), LeaseRow { boot: boot.to_owned(), epoch, until });
            has_changed = true;
        }
        let known = self.nodes.remove(boot);
        if ask.is_gone {
            has_changed |= known.is_some();
        } else {
            has_changed |= known.is_none_or(|known| known.is_draining != ask.is_draining);
            let row = NodeRow { name: name.to_owned(), seen: now, is_draining: ask.is_draining };
            self.nodes.insert(boot.to_owned(), row);
        }
        (self.view(now), has_changed)
    }

    /// The leases and nodes.
    pub fn view(&self, now: Instant) -> Beaten {
        let leases = self.leases.iter().filter(|(_, row)| row.until > now).map(|(mud, row)| Lease {
            fence: Fence { mud: mud.clone(), epoch: row.epoch },
            boot: row.boot.clone(),
            left: row.until.since(now),
        });
        let there = self.nodes.iter().filter(|(_, row)| now.since(row.seen) <= self.lease * NODE_LEASES);
        let mut nodes: Vec<Node> = there
            .map(|(boot, row)| Node {
                name: row.name.clone(),
                boot: boot.clone(),
                is_draining: row.is_draining,
            })
            .collect();
        nodes.sort_by(|a, b| (&a.name, &a.boot).cmp(&(&b.name, &b.boot)));
        Beaten { leases: leases.collect(), nodes }
    }

    /// What a node that starts gets, and the position from which on it is told the log.
    pub fn load(&self, now: Instant) -> (Saved, u64) {
        let entries = self.entries.iter().map(|((space, key), value)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        });
        let (mut from, mut after, mut time) = (self.next, None, Duration::ZERO);
        for (at, told) in self.log.iter().rev() {
            let pause = after.map_or(Duration::ZERO, |after: Instant| after.since(*at));
            (time, after) = (time + pause.min(PAUSE_MAX), Some(*at));
            if time > OVERLAP {
                break;
            }
            from = told.position;
        }
        let away = self.log.back().map_or(Duration::ZERO, |(at, _)| now.since(*at));
        (Saved { entries: entries.collect(), position: self.last, end: self.next, away: Some(away) }, from)
    }

    /// The rows of the log from a position on.
    pub(super) fn log_from(&self, position: u64) -> Result<Vec<Told>, Hole> {
        let first = self.log.front().map_or(self.next, |(_, told)| told.position);
        if position < first {
            return Err(Hole);
        }
        let start = self.log.partition_point(|(_, told)| told.position < position);
        Ok(self.log.range(start..).take(LOG_ROWS_MAX).map(|(_, told)| told.clone()).collect())
    }
}
