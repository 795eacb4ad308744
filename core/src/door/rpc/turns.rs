//! Turns: how the work of clients is divided, so that a client that asks for much does not delay the others.
//!
//! A turn lasts until the driver has carried out all outputs. In a turn requests are run as they come, until the work of
//! the turn, or of the client, is done. What comes after that is put off: its client is not read from, and stands in a
//! queue. The timer [`Wake::Turn`](crate::wake::Wake::Turn) begins a turn for that queue, in which each client has one
//! request after the other. Small requests of clients that ask for little do not wait in it.
//!
//! Work is counted, not measured, so that the core is deterministic: about one for each byte that is looked at or written.
//! What a request will cost is not known before. It is expected to cost what those of its method did cost.

use crate::ids::Ticket;
use crate::machine::ConnId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The work of one turn, in bytes: about 2 milliseconds.
pub const TURN_WORK_MAX: usize = 524_288;

/// The work of one client in a turn, in bytes.
pub const CLIENT_WORK_MAX: usize = 262_144;

/// The work of one client in a turn whose work is done already, in bytes.
pub const LIGHT_WORK_MAX: usize = 16_384;

/// The work of any request besides what it reads and writes, in bytes.
pub(super) const REQUEST_WORK: usize = 1024;

/// After this the next turn begins. Before that the driver looks after all connections.
pub(super) const TURN_PAUSE: Duration = Duration::from_micros(1);

/// A request that was put off.
#[derive(Debug)]
pub(super) struct PutOff {
    pub(super) text: Box<str>,
    /// Its batch, and the index in it.
    pub(super) batch: Option<(u64, usize)>,
}

/// What waits at one connection, and the work that it had.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Requests that were put off.
    pub(super) put_off: VecDeque<PutOff>,
    /// Bytes that have come and are not read yet, because other requests are before them.
    pub(super) unread: Vec<u8>,
    /// There may be messages in the state of the WebSocket.
    pub(super) is_half_read: bool,
    /// The request that the next ones wait for: it is run in several turns, or its packet is not durable yet.
    pub(super) working: Option<Ticket>,
    /// Bytes of answers that wait for the other answers of their batches.
    pub(super) held_bytes: usize,
    /// The connection stands in the queue.
    is_queued: bool,
    /// The turn of its last work, and the work in it.
    worked: (u64, usize),
}

impl Desk {
    /// Whether a request waits, or may wait, for its turn.
    pub(super) fn is_busy(&self) -> bool {
        self.working.is_some() || !self.put_off.is_empty() || !self.unread.is_empty() || self.is_half_read
    }

    /// Returns the bytes that are held here.
    pub(super) fn bytes(&self) -> usize {
        let put_off: usize = self.put_off.iter().map(|one| one.text.len() + size_of::<PutOff>()).sum();
        put_off + self.unread.len() + self.held_bytes
    }

    /// Drops all that waits. The connection is about to end.
    pub(super) fn clear(&mut self) {
        self.put_off.clear();
        self.unread = Vec::new();
        (self.is_half_read, self.working) = (false, None);
    }
}

/// The turns of all clients.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turn: u64,
    /// The work of this turn so far.
    spent: usize,
    queue: VecDeque<ConnId>,
    /// What a request of each method is expected to cost.
    expected: BTreeMap<&'static str, usize>,
}

impl Turns {
    /// Notes that the turn is over.
    pub(super) fn is_over(&mut self) {
        self.turn += 1;
        self.spent = 0;
    }

    /// Whether a request may run at once.
    pub(super) fn admits(&self, desk: &Desk, method: &str) -> bool {
        let mine = if desk.worked.0 == self.turn { desk.worked.1 } else { 0 };
        if self.spent < TURN_WORK_MAX && mine < CLIENT_WORK_MAX {
            return true;
        }
        let expected = self.expected.get(method).copied().unwrap_or(REQUEST_WORK);
        mine + expected <= LIGHT_WORK_MAX
    }

    /// Whether there is work left for this turn.
    pub(super) fn has_time(&self) -> bool {
        self.spent < TURN_WORK_MAX
    }

    /// Notes the work of a client.
    pub(super) fn worked(&mut self, desk: &mut Desk, work: usize) {
        let before = if desk.worked.0 == self.turn { desk.worked.1 } else { 0 };
        desk.worked = (self.turn, before + work);
        self.spent += work;
    }

    /// Notes what a request of a method did cost. Some that cost less do not make up for one that cost much.
    pub(super) fn cost(&mut self, method: &'static str, work: usize) {
        let expected = self.expected.entry(method).or_default();
        *expected = work.max(*expected - *expected / 8);
    }

    /// Puts a connection into the queue.
    pub(super) fn queue(&mut self, conn: ConnId, desk: &mut Desk) {
        if !std::mem::replace(&mut desk.is_queued, true) {
            self.queue.push_back(conn);
        }
    }

    /// Takes the next connection from the queue; `desk` finds what waits there.
    pub(super) fn next(&mut self) -> Option<ConnId> {
        self.queue.pop_front()
    }

    /// Notes that a connection was taken from the queue.
    pub(super) fn taken(desk: &mut Desk) {
        desk.is_queued = false;
    }

    /// Whether no connection stands in the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::Effects;

    #[test]
    fn a_client_gets_its_share_of_a_turn_and_small_requests_of_others_run_on() {
        let mut turns = Turns::default();
        let (mut greedy, mut quiet) = (Desk::default(), Desk::default());
        turns.cost("mudlist", 300_000);
        turns.cost("ping", REQUEST_WORK);
        for _ in 0..2 {
            // Each is another client of the same key.
            greedy = Desk::default();
            assert!(turns.admits(&greedy, "mudlist"));
            turns.worked(&mut greedy, 300_000);
        }
        assert!(!turns.has_time() && !turns.admits(&greedy, "ping"));
        assert!(!turns.admits(&quiet, "mudlist"), "the turn is over for what costs much");
        let mut pings = 0;
        while turns.admits(&quiet, "ping") {
            turns.worked(&mut quiet, REQUEST_WORK);
            pings += 1;
        }
        assert_eq!(pings, LIGHT_WORK_MAX / REQUEST_WORK);
        turns.is_over();
        assert!(turns.has_time() && turns.admits(&greedy, "mudlist") && turns.admits(&quiet, "ping"));
    }

    #[test]
    fn a_method_stays_expensive_for_a_while() {
        let mut turns = Turns::default();
        turns.cost("tell", 800_000);
        for _ in 0..10 {
            turns.cost("tell", 1000);
        }
        assert!(turns.expected["tell"] > 200_000);
        for _ in 0..50 {
            turns.cost("tell", 1000);
        }
        assert!(turns.expected["tell"] < 2000);
    }

    #[test]
    fn a_connection_stands_in_the_queue_once() {
        let (mut turns, mut desk, mut effects) = (Turns::default(), Desk::default(), Effects::default());
        let conn = effects.open();
        turns.queue(conn, &mut desk);
        turns.queue(conn, &mut desk);
        assert_eq!(turns.next(), Some(conn));
        Turns::taken(&mut desk);
        assert!(turns.is_empty());
        turns.queue(conn, &mut desk);
        assert!(!turns.is_empty());
    }
}
