//! Where the machines inside a machine put what is to be done: one ordered list of outputs, and the bytes waiting for
//! each connection.

use crate::machine::{Change, ConnId, Output, SaveTicket};
use crate::notice::{Level, Notice};
use crate::saves::Saves;
use crate::time::Instant;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// A piece of at least this many bytes is queued as its own reference-counted slice; a smaller one is copied into the
/// tail, which costs less than the bookkeeping.
const SHARE_FROM_BYTES: usize = 512;

/// Bytes waiting for one connection.
#[derive(Debug, Default)]
struct Outbox {
    /// The first piece. Alone it is what most connections ever have waiting: an event, in the one allocation that all its
    /// recipients share (`fan-out` of the benches).
    first: Option<Bytes>,
    /// What comes after it.
    more: Option<Box<More>>,
    /// Waiting here, not yet taken.
    queued_bytes: usize,
    /// Taken by the driver, not yet flushed.
    in_flight_bytes: usize,
    /// A `Write` has been emitted and its bytes not been taken yet.
    announced: bool,
    /// Close when everything is flushed.
    closing: bool,
}

/// The pieces after the first.
#[derive(Debug, Default)]
struct More {
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
}

impl More {
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}

impl Outbox {
    fn push(&mut self, piece: Bytes) {
        self.queued_bytes += piece.len();
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(piece);
            return;
        }
        let more = self.more.get_or_insert_default();
        if piece.len() < SHARE_FROM_BYTES {
            more.tail.extend_from_slice(&piece);
        } else {
            more.seal();
            more.pieces.push_back(piece);
        }
    }

    fn push_copy(&mut self, bytes: &[u8]) {
        self.queued_bytes += bytes.len();
        self.more.get_or_insert_default().tail.extend_from_slice(bytes);
    }

    /// The next piece in the queue, to be looked at, cut or taken.
    fn front(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let more = self.more.as_mut()?;
        if more.pieces.is_empty() {
            more.seal();
        }
        let piece = more.pieces.pop_front();
        if piece.is_none() {
            self.more = None;
        }
        piece
    }

    fn take(&mut self, budget: usize, into: &mut Vec<Bytes>) -> usize {
        let mut taken = 0;
        while taken < budget
            && let Some(mut piece) = self.front()
        {
            let room = budget - taken;
            if piece.len() > room {
                into.push(piece.split_to(room));
                taken = budget;
                self.first = Some(piece);
                break;
            }
            taken += piece.len();
            into.push(piece);
        }
        self.queued_bytes -= taken;
        self.in_flight_bytes += taken;
        taken
    }

    fn is_idle(&self) -> bool {
        self.queued_bytes == 0 && self.in_flight_bytes == 0
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// Open: a released slot waits in the free list.
    open: bool,
    /// Not read from until everything has been flushed.
    held: bool,
    outbox: Outbox,
}

/// Outputs in order, and the outbox of each connection.
#[derive(Debug, Default)]
pub struct Effects {
    outputs: VecDeque<Output>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    open: usize,
    saves: u64,
    /// Present where a save that fails is to be tried again.
    retries: Option<Saves>,
    total_pending_bytes: usize,
}

impl Effects {
    /// A new connection.
    pub fn open(&mut self) -> ConnId {
        self.open += 1;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.open = true;
            slot.held = false;
            return ConnId { index, generation: slot.generation };
        }
        // The machines bound the number of connections far below u32::MAX.
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, open: true, held: false, outbox: Outbox::default() });
        ConnId { index, generation: 0 }
    }

    /// A new connection, to be dialed.
    pub fn dial(&mut self, host: &str, port: u16) -> ConnId {
        let conn = self.open();
        self.outputs.push_back(Output::Dial { conn, host: host.to_owned(), port });
        conn
    }

    fn slot(&self, conn: ConnId) -> Option<&Slot> {
        self.slots.get(conn.index()).filter(|slot| slot.open && slot.generation == conn.generation)
    }

    fn outbox(&mut self, conn: ConnId) -> Option<&mut Outbox> {
        let slot = self.slots.get_mut(conn.index())?;
        if !slot.open || slot.generation != conn.generation {
            return None;
        }
        Some(&mut slot.outbox)
    }

    /// Whether the connection is open (a closing one still is).
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some()
    }

    /// Queues a copy of `bytes`.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.with_outbox(conn, |outbox| outbox.push_copy(bytes));
    }

    /// Queues a slice that several connections may share.
    pub fn send_shared(&mut self, conn: ConnId, bytes: Bytes) {
        self.with_outbox(conn, |outbox| outbox.push(bytes));
    }

    fn with_outbox(&mut self, conn: ConnId, push: impl FnOnce(&mut Outbox)) {
        let Some(outbox) = self.outbox(conn) else { return };
        if outbox.closing {
            return;
        }
        let before = outbox.queued_bytes;
        push(outbox);
        let pushed = outbox.queued_bytes - before;
        if outbox.queued_bytes > 0 && outbox.in_flight_bytes == 0 && !outbox.announced {
            outbox.announced = true;
            self.outputs.push_back(Output::Write { conn });
        }
        self.total_pending_bytes += pushed;
    }

    /// Bytes queued or in flight.
    pub fn pending_bytes(&self, conn: ConnId) -> usize {
        self.slot(conn).map_or(0, |slot| slot.outbox.queued_bytes + slot.outbox.in_flight_bytes)
    }

    /// See [`crate::machine::Machine::take_bytes`].
    pub fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        let Some(outbox) = self.outbox(conn) else { return 0 };
        outbox.announced = false;
        outbox.take(budget.max(1), into)
    }

    /// The driver has written what it took.
    pub fn flushed(&mut self, conn: ConnId) {
        let Some(outbox) = self.outbox(conn) else { return };
        let flushed = std::mem::take(&mut outbox.in_flight_bytes);
        let (queued, closing) = (outbox.queued_bytes, outbox.closing);
        let announce = queued > 0 && !std::mem::replace(&mut outbox.announced, queued > 0);
        self.total_pending_bytes -= flushed;
        if announce {
            self.outputs.push_back(Output::Write { conn });
        } else if queued == 0 && closing {
            self.close_now(conn);
        } else if queued == 0 {
            // An idle connection keeps no buffer.
            let slot = &mut self.slots[conn.index()];
            slot.outbox.more = None;
            if std::mem::take(&mut slot.held) {
                self.outputs.push_back(Output::Read { conn, enabled: true });
            }
        }
    }

    /// Closes when all that is queued has been flushed. Says whether that is already done.
    pub fn close_when_flushed(&mut self, conn: ConnId) -> bool {
        let Some(outbox) = self.outbox(conn) else { return true };
        outbox.closing = true;
        if outbox.is_idle() {
            self.close_now(conn);
            return true;
        }
        false
    }

    /// Closes and gives up what is still queued.
    pub fn close_now(&mut self, conn: ConnId) {
        if self.release(conn) {
            self.outputs.push_back(Output::Close { conn });
        }
    }

    /// The connection is gone: its id is dead from here on. Says whether it was open.
    pub fn release(&mut self, conn: ConnId) -> bool {
        if self.slot(conn).is_none() {
            return false;
        }
        let slot = &mut self.slots[conn.index()];
        slot.open = false;
        let outbox = std::mem::take(&mut slot.outbox);
        let pending = outbox.queued_bytes + outbox.in_flight_bytes;
        self.total_pending_bytes -= pending;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(conn.index);
        self.open -= 1;
        true
    }

    /// Stops reading until everything that is queued has been flushed.
    pub fn hold(&mut self, conn: ConnId) {
        if self.pending_bytes(conn) > 0 && !std::mem::replace(&mut self.slots[conn.index()].held, true) {
            self.outputs.push_back(Output::Read { conn, enabled: false });
        }
    }

    /// Whether the driver has had its turn since bytes were first queued, and the peer has not taken them all: it is
    /// behind. What one input alone has queued says nothing of the peer.
    pub fn is_behind(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some_and(|slot| slot.outbox.in_flight_bytes > 0)
    }

    /// Makes changes durable.
    pub fn save(&mut self, now: Instant, changes: Vec<Change>) -> SaveTicket {
        self.saves += 1;
        let ticket = SaveTicket(self.saves);
        if self.retries.as_mut().is_none_or(|saves| saves.add(now, ticket, &changes)) {
            self.outputs.push_back(Output::Save { ticket, changes });
        }
        ticket
    }

    /// From here on, saves that fail are tried again; the machine reports each answer to [`Effects::saves_mut`].
    pub fn retry_saves(&mut self) {
        self.retries = Some(Saves::default());
    }

    /// The saves that are not durable yet; `None` without [`Effects::retry_saves`].
    pub fn saves(&self) -> Option<&Saves> {
        self.retries.as_ref()
    }

    /// The same, to tell them of answers.
    pub fn saves_mut(&mut self) -> Option<&mut Saves> {
        self.retries.as_mut()
    }

    /// Tries again what failed, if nothing else is on its way.
    pub fn save_again(&mut self, now: Instant) {
        let ticket = SaveTicket(self.saves + 1);
        if let Some(changes) = self.retries.as_mut().and_then(|saves| saves.retry(now, ticket)) {
            self.saves += 1;
            self.outputs.push_back(Output::Save { ticket, changes });
        }
    }

    /// Tells the operator.
    pub fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }

    /// The log is to show more, or less.
    pub fn log_level(&mut self, level: Level) {
        self.outputs.push_back(Output::LogLevel(level));
    }

    /// The machine has ended.
    pub fn stopped(&mut self) {
        self.outputs.push_back(Output::Stopped);
    }

    /// See [`crate::machine::Machine::poll_output`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Bytes queued or in flight for all connections together.
    pub fn total_pending_bytes(&self) -> usize {
        self.total_pending_bytes
    }

    /// How many connections are open.
    pub fn open_count(&self) -> usize {
        self.open
    }
}

/// A value for each connection of one kind, found by id; a late id finds nothing.
#[derive(Debug)]
pub struct ConnMap<T> {
    slots: Vec<Option<(u32, T)>>,
    len: usize,
}

impl<T> Default for ConnMap<T> {
    fn default() -> Self {
        ConnMap { slots: Vec::new(), len: 0 }
    }
}

impl<T> ConnMap<T> {
    /// Puts a value for `conn`, in place of any for an earlier connection with its index, which it gives.
    pub fn insert(&mut self, conn: ConnId, value: T) -> Option<T> {
        if self.slots.len() <= conn.index() {
            self.slots.resize_with(conn.index() + 1, || None);
        }
        let before = self.slots[conn.index()].replace((conn.generation, value));
        self.len += usize::from(before.is_none());
        before.map(|(_, value)| value)
    }

    /// The value for `conn`.
    pub fn get(&self, conn: ConnId) -> Option<&T> {
        match self.slots.get(conn.index())? {
            Some((generation, value)) if *generation == conn.generation => Some(value),
            _ => None,
        }
    }

    /// The value for `conn`, to change.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        match self.slots.get_mut(conn.index())? {
            Some((generation, value)) if *generation == conn.generation => Some(value),
            _ => None,
        }
    }

    /// Takes the value for `conn` out.
    pub fn remove(&mut self, conn: ConnId) -> Option<T> {
        self.get(conn)?;
        self.len -= 1;
        self.slots[conn.index()].take().map(|(_, value)| value)
    }

    /// All, in the order of their index.
    pub fn iter(&self) -> impl Iterator<Item = (ConnId, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let (generation, value) = slot.as_ref()?;
            Some((ConnId { index: index as u32, generation: *generation }, value))
        })
    }

    /// All, to change, in the order of their index.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let (generation, value) = slot.as_mut()?;
            Some((ConnId { index: index as u32, generation: *generation }, value))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(effects: &mut Effects, conn: ConnId, budget: usize) -> Vec<u8> {
        let mut pieces = Vec::new();
        effects.take_bytes(conn, budget, &mut pieces);
        pieces.concat()
    }

    #[test]
    fn bytes_leave_in_order_within_the_budget_and_one_write_is_announced_at_a_time() {
        let mut effects = Effects::default();
        let conn = effects.open();
        effects.send(conn, b"abc");
        effects.send_shared(conn, Bytes::from(vec![b'x'; 600]));
        effects.send(conn, b"end");
        assert!(matches!(effects.poll(), Some(Output::Write { .. })));
        assert!(effects.poll().is_none());
        assert_eq!(take_all(&mut effects, conn, 4), b"abcx");
        assert_eq!(effects.pending_bytes(conn), 606);
        effects.flushed(conn);
        assert!(matches!(effects.poll(), Some(Output::Write { .. })));
        assert_eq!(take_all(&mut effects, conn, 10_000).len(), 602);
        effects.flushed(conn);
        assert!(effects.poll().is_none());
        assert_eq!(effects.pending_bytes(conn), 0);
    }

    #[test]
    fn closing_waits_for_the_flush_and_kills_the_id() {
        let mut effects = Effects::default();
        let conn = effects.open();
        effects.send(conn, b"bye");
        assert!(!effects.close_when_flushed(conn));
        effects.send(conn, b"too late");
        assert_eq!(take_all(&mut effects, conn, 100), b"bye");
        effects.flushed(conn);
        assert!(matches!(effects.poll(), Some(Output::Write { .. })));
        assert!(matches!(effects.poll(), Some(Output::Close { .. })));
        let next = effects.open();
        assert_eq!(next.index(), conn.index());
        assert_ne!(next, conn);
        effects.send(conn, b"to the dead");
        assert!(effects.poll().is_none());
    }
}
