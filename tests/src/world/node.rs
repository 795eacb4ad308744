//! A machine in the world: its store, its open connections, and what it owes to the contract of
//! [`i3_core::machine`].

use super::attached::Attached;
use bytes::Bytes;
use i3_core::line;
use i3_core::machine::{
    Change, Clear, ConnId, Fence, Input, Listener, Machine, Output, Refused, SaveTicket, Saved, SmolStr,
    settle,
};
use i3_core::query::{Order, Page, Query};
use i3_core::time::{Instant, Now};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Timers that one machine may fire at one moment: more is a machine that wakes itself without end. A machine that was
/// paused fires all it has missed, which is far less.
const WAKES_AT_ONCE_MAX: u32 = 2_000;

/// Dead ids that are kept, to be reported about once more.
const DEAD_IDS_MAX: usize = 8;

/// A machine of any kind.
pub(super) trait AnyMachine {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused>;
    fn ended(&mut self, now: Now, conn: ConnId) -> bool;
    fn handle(&mut self, now: Now, input: Input<'_>);
    fn settle(&mut self, now: Now, write_bytes: usize) -> Settled;
}

/// What came of one [`settle`].
pub(super) struct Settled {
    pub(super) outputs: Vec<(Output, Vec<u8>)>,
    pub(super) deadline: Option<Instant>,
    /// How the machine broke the rules of waking.
    pub(super) fault: Option<String>,
}

impl<M: Machine + 'static> AnyMachine for M {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        Machine::accept(self, now, on, peer)
    }

    fn ended(&mut self, now: Now, conn: ConnId) -> bool {
        Machine::ended(self, now, conn)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        Machine::handle(self, now, input);
    }

    fn settle(&mut self, now: Now, write_bytes: usize) -> Settled {
        let mut outputs = Vec::new();
        let mut watched = Watched { machine: self, wakes: 0, stuck: None };
        let deadline = settle(&mut watched, now, |watched, output| {
            let mut bytes = Vec::new();
            if let Output::Write { conn } = &output {
                watched.take_bytes(*conn, write_bytes, &mut bytes);
            }
            outputs.push((output, bytes.concat()));
        });
        let (wakes, stuck) = (watched.wakes, watched.stuck);
        let fault = match deadline {
            _ if stuck.is_some() => stuck,
            _ if wakes > WAKES_AT_ONCE_MAX => Some(format!("{wakes} timers fired at one moment")),
            Some((at, wake)) if at <= now.mono => Some(format!("{wake:?} is due in the past")),
            _ => None,
        };
        Settled { outputs, deadline: deadline.map(|(at, _)| at), fault }
    }
}

/// Looks at how a machine keeps time.
struct Watched<'m, M> {
    machine: &'m mut M,
    wakes: u32,
    stuck: Option<String>,
}

impl<M: Machine> Machine for Watched<'_, M> {
    type Wake = M::Wake;

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        self.machine.accept(now, on, peer)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.machine.handle(now, input);
    }

    fn handle_timeout(&mut self, now: Now) {
        let before = self.machine.poll_timeout();
        self.machine.handle_timeout(now);
        self.wakes += 1;
        if before.is_some() && before == self.machine.poll_timeout() {
            self.stuck = before.map(|(_, wake)| format!("{wake:?} fired without progress"));
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, M::Wake)> {
        self.machine.poll_timeout()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.machine.poll_output()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.machine.take_bytes(conn, budget, into)
    }
}

/// What an id of a machine stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It was dialed and nothing has come of it yet.
    Dialing,
    /// One side of a connection.
    Open { tcp: u64, side: usize },
}

/// A save that its store has not acknowledged.
pub(super) struct Pending {
    pub(super) ticket: SaveTicket,
    pub(super) clear: Clear,
    pub(super) changes: Vec<Change>,
    pub(super) fences: Vec<Fence>,
}

pub(super) struct Node {
    pub(super) name: String,
    pub(super) machine: Option<Box<dyn AnyMachine>>,
    /// Grows with each start, so that what an earlier one waited for is not given to a later.
    pub(super) life: u64,
    pub(super) deadline: Option<Instant>,
    /// It gets no time before then.
    pub(super) paused_until: Instant,
    pub(super) conns: BTreeMap<ConnId, Use>,
    /// Those with a write that has not been flushed.
    pub(super) writing: BTreeSet<ConnId>,
    /// Ids that ended since the last settle: outputs for them may have been under way.
    pub(super) just_lost: BTreeSet<ConnId>,
    pub(super) dead: VecDeque<ConnId>,
    /// What its store holds.
    pub(super) store: BTreeMap<(SmolStr, SmolStr), Arc<[u8]>>,
    pub(super) saving: VecDeque<Pending>,
    pub(super) last_ticket: Option<SaveTicket>,
    pub(super) stopped: bool,
    /// What it saves fails.
    pub(super) disk_full: bool,
    /// What it has saved is gone, and was not written anew yet.
    pub(super) store_gone: bool,
    /// It has been given something since its last settle.
    pub(super) dirty: bool,
    /// Its ways to the engine that nodes share, in place of a store of its own.
    pub(super) shared: Option<Attached>,
    /// For how long its clock did not run.
    pub(super) slept: Duration,
    /// How much its wall clock differs from the world's, in microseconds.
    pub(super) wall_offset: i64,
}

impl Node {
    pub(super) fn new(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            machine: None,
            life: 0,
            deadline: None,
            paused_until: Instant::ORIGIN,
            conns: BTreeMap::new(),
            writing: BTreeSet::new(),
            just_lost: BTreeSet::new(),
            dead: VecDeque::new(),
            store: BTreeMap::new(),
            saving: VecDeque::new(),
            last_ticket: None,
            stopped: false,
            disk_full: false,
            store_gone: false,
            dirty: false,
            shared: None,
            slept: Duration::ZERO,
            wall_offset: 0,
        }
    }

    /// When it must be woken.
    pub(super) fn due(&self) -> Option<Instant> {
        self.machine.as_ref()?;
        self.deadline.map(|at| at.max(self.paused_until))
    }

    /// What a start would find. It does not read the lines of the history.
    pub(super) fn saved(&self) -> Saved {
        let entries = self.store.iter().filter(|((space, _), _)| !line::is_of_lines(space));
        let entries = entries.map(|((space, key), value)| Change {
            space: space.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        });
        Saved { entries: entries.collect(), ..Saved::default() }
    }

    /// Whether its store takes a save.
    pub(super) fn takes(&self, clear: &Clear) -> bool {
        !self.disk_full && (!self.store_gone || *clear == Clear::Everything)
    }

    /// The changes of a save, with the removals that it begins with.
    pub(super) fn all_changes(&self, clear: &Clear, changes: Vec<Change>) -> Vec<Change> {
        let cleared = self.store.keys().filter(|(space, _)| clear.covers(space));
        let removed =
            cleared.map(|(space, key)| Change { space: space.clone(), key: key.clone(), value: None });
        removed.chain(changes).collect()
    }

    /// The oldest pending save is on disk.
    pub(super) fn store(&mut self, changes: Vec<Change>) {
        for Change { space, key, value } in changes {
            match value {
                Some(value) => drop(self.store.insert((space, key), value)),
                None => drop(self.store.remove(&(space, key))),
            }
        }
    }

    /// The lines of the history in its store that a question asks for.
    pub(super) fn lines(&self, ask: &Query) -> Page {
        let of_mud = self.store.iter().filter(|((space, _), _)| line::mud_of(space) == Some(&ask.mud));
        let lines = of_mud.filter_map(|((_, key), value)| Some((key.parse().ok()?, &value[..])));
        match ask.order {
            Order::Oldest => ask.page(lines),
            Order::Newest => ask.page(lines.collect::<Vec<(u64, &[u8])>>().into_iter().rev()),
        }
    }

    /// An id has ended.
    pub(super) fn bury(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.writing.remove(&conn);
        self.just_lost.insert(conn);
        if self.dead.len() >= DEAD_IDS_MAX {
            self.dead.pop_front();
        }
        self.dead.push_back(conn);
    }
}
