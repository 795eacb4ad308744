//! Collects what the driver must do: one ordered list of outputs, and the bytes queued for each connection.

use crate::machine::{Beat, Change, Clear, ConnId, Fence, Output, SaveTicket, SmolStr};
use crate::notice::{Level, Notice};
use crate::outbox::Outbox;
use crate::query::Query;
use crate::runs::{Runs, Span};
use crate::saves::{Saves, Turn};
use crate::spaces::Space;
use crate::time::Instant;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Returns the mud whose holder alone may write a space.
fn fence_of(space: &str) -> Option<&str> {
    Space::parse(space).filter(|(family, _)| family.is_of_holder()).map(|(_, mud)| mud)
}

/// Returns the mud whose holder alone may save a change. Any node hands packets over, and the holder deletes them.
fn fence_of_change(change: &Change) -> Option<&str> {
    let of_packet = || {
        Space::parse(&change.space)
            .filter(|(family, _)| *family == Space::Out && change.value.is_none())
            .map(|(_, mud)| mud)
    };
    fence_of(&change.space).or_else(of_packet)
}

/// Whether a node that holds these muds may save a change.
fn is_writer(held: &BTreeMap<String, u64>, change: &Change) -> bool {
    fence_of_change(change).is_none_or(|mud| held.contains_key(mud))
}

/// Number of outputs for which there is still room after a turn.
const OUTPUTS_KEPT_MAX: usize = 512;

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// Whether the slot is in use. A free slot waits in the free list.
    open: bool,
    /// Nothing is read from the connection until everything has been flushed.
    held: bool,
    /// Nothing is read from the connection until its front door wants to read again.
    paused: bool,
    /// Bytes that a front door holds for the connection, besides the queued ones.
    aside_bytes: usize,
    outbox: Outbox,
}

/// The save of this turn.
#[derive(Debug)]
struct OpenSave {
    ticket: SaveTicket,
    since: Instant,
    changes: Vec<Change>,
}

/// The outputs in their order, and the bytes queued for each connection.
#[derive(Debug, Default)]
pub struct Effects {
    outputs: VecDeque<Output>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    open: usize,
    runs: Runs,
    /// The connections whose outboxes may have ranges of runs.
    spanned: Vec<u32>,
    /// The last ticket.
    saves: u64,
    /// The last question to the store.
    queries: u64,
    /// The muds that this node holds, with the numbers of their leases, if several nodes share the store.
    held: Option<BTreeMap<String, u64>>,
    /// The muds whose leases have run out while the database was away, with their numbers: what was saved before waits.
    lapsed: BTreeMap<String, u64>,
    /// The database that nodes share cannot be reached.
    store_away: bool,
    /// The save with the packets that games have handed over since [`Effects::take_handed_over`].
    handed_over: Option<SaveTicket>,
    open_save: Option<OpenSave>,
    /// The saves that may have to be repeated; `None` if failed saves are not repeated.
    retries: Option<Saves>,
    total_pending_bytes: usize,
}

impl Effects {
    /// Opens a connection. Returns its id.
    pub fn open(&mut self) -> ConnId {
        self.open += 1;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.open = true;
            (slot.held, slot.paused, slot.aside_bytes) = (false, false, 0);
            return ConnId { index, generation: slot.generation };
        }
        // The machines limit the number of connections to far below u32::MAX.
        let index = self.slots.len() as u32;
        let outbox = Outbox::default();
        let slot = Slot { generation: 0, open: true, held: false, paused: false, aside_bytes: 0, outbox };
        self.slots.push(slot);
        ConnId { index, generation: 0 }
    }

    /// Opens a connection and asks the driver to dial it.
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

    /// Whether the connection is open. One that waits for its last bytes to be flushed still is.
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some()
    }

    /// Queues a copy of `bytes`.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.with_outbox(conn, |outbox, runs| outbox.push_copy(runs, bytes));
    }

    /// Queues a slice that several connections can share.
    pub fn send_shared(&mut self, conn: ConnId, bytes: Bytes) {
        self.with_outbox(conn, |outbox, runs| outbox.push(runs, bytes));
    }

    /// Adds a message to a run that many connections may receive.
    pub(crate) fn put(&mut self, run: usize, message: &[u8]) -> Span {
        self.runs.put(run, message)
    }

    /// Queues a message of a run, in the same turn.
    pub(crate) fn send_span(&mut self, conn: ConnId, span: Span) {
        self.with_outbox(conn, |outbox, runs| outbox.push_span(runs, span));
        let Some(outbox) = self.outbox(conn) else { return };
        if !std::mem::replace(&mut outbox.listed, true) {
            self.spanned.push(conn.index);
        }
    }

    fn with_outbox(&mut self, conn: ConnId, push: impl FnOnce(&mut Outbox, &mut Runs)) {
        let Some(slot) = self.slots.get_mut(conn.index()) else { return };
        if !slot.open || slot.generation != conn.generation || slot.outbox.closing {
            return;
        }
        let outbox = &mut slot.outbox;
        let before = outbox.queued_bytes;
        push(outbox, &mut self.runs);
        let pushed = outbox.queued_bytes - before;
        if outbox.queued_bytes > 0 && outbox.in_flight_bytes == 0 && !outbox.announced {
            outbox.announced = true;
            self.outputs.push_back(Output::Write { conn });
        }
        self.total_pending_bytes += pushed;
    }

    /// Returns the number of bytes queued or in flight.
    pub fn pending_bytes(&self, conn: ConnId) -> usize {
        self.slot(conn).map_or(0, |slot| slot.outbox.queued_bytes + slot.outbox.in_flight_bytes)
    }

    /// Returns how many bytes the driver has taken since the connection was opened.
    pub(crate) fn taken_bytes(&self, conn: ConnId) -> u64 {
        self.slot(conn).map_or(0, |slot| slot.outbox.taken_bytes)
    }

    /// Returns how many bytes were given to a connection since it was opened.
    pub(crate) fn given_bytes(&self, conn: ConnId) -> u64 {
        self.slot(conn).map_or(0, |slot| slot.outbox.taken_bytes + slot.outbox.queued_bytes as u64)
    }

    /// Implements [`crate::machine::Machine::take_bytes`].
    pub fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        let Some(slot) = self.slots.get_mut(conn.index()) else { return 0 };
        if !slot.open || slot.generation != conn.generation {
            return 0;
        }
        slot.outbox.announced = false;
        slot.outbox.take(&mut self.runs, budget.max(1), into)
    }

    /// Notes that the driver has written the bytes that it took.
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
            // An idle connection holds no buffer.
            let slot = &mut self.slots[conn.index()];
            slot.outbox.let_go();
            if std::mem::take(&mut slot.held) && !slot.paused {
                self.outputs.push_back(Output::Read { conn, enabled: true });
            }
        }
    }

    /// Closes the connection when all queued bytes have been flushed. Returns whether it is closed already.
    pub fn close_when_flushed(&mut self, conn: ConnId) -> bool {
        let Some(outbox) = self.outbox(conn) else { return true };
        outbox.closing = true;
        if outbox.is_idle() {
            self.close_now(conn);
            return true;
        }
        false
    }

    /// Closes the connection at once and drops the queued bytes.
    pub fn close_now(&mut self, conn: ConnId) {
        if self.release(conn) {
            self.outputs.push_back(Output::Close { conn });
        }
    }

    /// Frees the id of a connection that has ended. Returns whether the connection was open.
    pub fn release(&mut self, conn: ConnId) -> bool {
        if self.slot(conn).is_none() {
            return false;
        }
        let slot = &mut self.slots[conn.index()];
        slot.open = false;
        let outbox = std::mem::take(&mut slot.outbox);
        let aside = std::mem::take(&mut slot.aside_bytes);
        let pending = outbox.queued_bytes + outbox.in_flight_bytes + aside;
        self.total_pending_bytes -= pending;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(conn.index);
        self.open -= 1;
        true
    }

    /// Stops reading from the connection until everything queued has been flushed.
    pub fn hold(&mut self, conn: ConnId) {
        if self.pending_bytes(conn) == 0 {
            return;
        }
        let slot = &mut self.slots[conn.index()];
        if !std::mem::replace(&mut slot.held, true) && !slot.paused {
            self.outputs.push_back(Output::Read { conn, enabled: false });
        }
    }

    /// Stops reading from the connection, or continues. It is not read from either while [`Effects::hold`] lasts.
    pub fn pause(&mut self, conn: ConnId, paused: bool) {
        if self.slot(conn).is_none() {
            return;
        }
        let slot = &mut self.slots[conn.index()];
        if std::mem::replace(&mut slot.paused, paused) != paused && !slot.held {
            self.outputs.push_back(Output::Read { conn, enabled: !paused });
        }
    }

    /// Whether the connection is read from.
    pub fn is_read(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some_and(|slot| !slot.held && !slot.paused)
    }

    /// Sets how many bytes a front door holds for the connection besides the queued ones. They count like queued bytes
    /// in [`Effects::total_pending_bytes`].
    pub fn set_aside(&mut self, conn: ConnId, bytes: usize) {
        if self.slot(conn).is_some() {
            let before = std::mem::replace(&mut self.slots[conn.index()].aside_bytes, bytes);
            self.total_pending_bytes = self.total_pending_bytes - before + bytes;
        }
    }

    /// Returns how many bytes a front door holds for the connection besides the queued ones.
    pub fn aside_bytes(&self, conn: ConnId) -> usize {
        self.slot(conn).map_or(0, |slot| slot.aside_bytes)
    }

    /// Whether the peer is slow: bytes are still queued although the driver has run since they were queued. Bytes
    /// queued during the current input do not count.
    pub fn is_behind(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some_and(|slot| slot.outbox.in_flight_bytes > 0)
    }

    /// Saves changes. All changes of a turn are one save, which is sent when the driver has carried out the other outputs.
    pub fn save(&mut self, now: Instant, changes: impl IntoIterator<Item = Change>) -> SaveTicket {
        let held = self.held.as_ref();
        let may_write = |change: &Change| held.is_none_or(|held| is_writer(held, change));
        let changes = changes.into_iter().filter(may_write);
        if let Some(open) = &mut self.open_save {
            open.changes.extend(changes);
            return open.ticket;
        }
        let changes = changes.collect();
        let ticket = self.next_ticket();
        self.open_save = Some(OpenSave { ticket, since: now, changes });
        ticket
    }

    /// Whether the changes of kept events are saved one by one. If not, their space is written anew later.
    pub(crate) fn saves_each(&mut self, space: &str) -> bool {
        if !self.writes(space) {
            return true;
        }
        let ticket = self.open_save.as_ref().map_or(SaveTicket(self.saves + 1), |open| open.ticket);
        self.retries.as_mut().is_none_or(|saves| saves.saves_each(space, ticket))
    }

    /// Whether a space of lines is written anew later, from memory: then this line is not saved by itself.
    pub(crate) fn drops_line(&mut self, space: &SmolStr, id: u64) -> bool {
        self.retries.as_mut().is_some_and(|saves| saves.drops_line(space, id))
    }

    /// Lets a space be written anew, together with the others.
    pub(crate) fn write_anew(&mut self, space: &str) {
        if !self.writes(space) {
            return;
        }
        let ticket = self.open_save.as_ref().map_or(SaveTicket(self.saves + 1), |open| open.ticket);
        if let Some(saves) = self.retries.as_mut() {
            saves.write_anew(space, ticket);
        }
    }

    /// From now on several nodes share the store: what only the holder of a mud may write is dropped on all others.
    pub(crate) fn share(&mut self) {
        self.held.get_or_insert_default();
        if let Some(saves) = &mut self.retries {
            saves.share();
        }
    }

    /// This node holds a mud from now on, under a lease with this number.
    pub(crate) fn hold_mud(&mut self, mud: &str, epoch: u64) {
        if self.lapsed.get(mud).is_some_and(|lapsed| *lapsed != epoch) {
            self.let_go_mud(mud);
        }
        if let Some(held) = &mut self.held {
            held.insert(mud.to_owned(), epoch);
            self.lapsed.remove(mud);
        }
    }

    /// Returns the number of the lease under which this node holds a mud; `None` on one host.
    pub(crate) fn epoch(&self, mud: &str) -> Option<u64> {
        self.held.as_ref()?.get(mud).copied()
    }

    /// Whether this node holds a mud.
    pub(crate) fn holds(&self, mud: &str) -> bool {
        self.held.as_ref().is_none_or(|held| held.contains_key(mud))
    }

    /// Notes whether the database that nodes share can be reached.
    pub(crate) fn set_store_away(&mut self, is_away: bool) {
        self.store_away = is_away;
    }

    /// Whether the database that nodes share cannot be reached: what must be durable before it is acknowledged is refused.
    pub(crate) fn is_store_away(&self) -> bool {
        self.store_away || self.retries.as_ref().is_some_and(Saves::is_failing)
    }

    /// Saves a packet of a game for the holder of its mud.
    pub(crate) fn hand_over(&mut self, now: Instant, change: Change) {
        self.handed_over = Some(self.save(now, vec![change]));
    }

    /// Returns the save with the packets that games have handed over since the last call. What sent them is acknowledged when
    /// it is durable.
    pub(crate) fn take_handed_over(&mut self) -> Option<SaveTicket> {
        self.handed_over.take()
    }

    /// The lease on a mud has run out, and it is not known whether another node has taken the mud. What this node was to write as
    /// its holder waits; nothing is added.
    pub(crate) fn lapse_mud(&mut self, mud: &str) {
        if let Some(epoch) = self.held.as_mut().and_then(|held| held.remove(mud)) {
            self.lapsed.insert(mud.to_owned(), epoch);
        }
    }

    /// This node no longer holds a mud. What it was to write as its holder is dropped.
    pub(crate) fn let_go_mud(&mut self, mud: &str) {
        if let Some(held) = &mut self.held {
            held.remove(mud);
            self.lapsed.remove(mud);
            let held = &*held;
            let mut dropped = Vec::new();
            if let Some(open) = &mut self.open_save {
                dropped.extend(open.changes.extract_if(.., |change| !is_writer(held, change)));
            }
            if let Some(saves) = &mut self.retries {
                saves.count_dropped(&dropped);
                saves.let_go(&Space::of_holder(mud));
            }
        }
    }

    /// Whether this node may write a space.
    fn writes(&self, space: &str) -> bool {
        let of = |held: &BTreeMap<String, u64>| fence_of(space).is_none_or(|mud| held.contains_key(mud));
        self.held.as_ref().is_none_or(of)
    }

    /// Returns the fences of a save.
    fn fences(&self, clear: &Clear, changes: &[Change]) -> Vec<Fence> {
        let Some(held) = &self.held else { return Vec::new() };
        let cleared = match clear {
            Clear::Spaces(spaces) => spaces.as_slice(),
            Clear::Nothing | Clear::Everything => &[],
        };
        let cleared = cleared.iter().filter_map(|space| fence_of(space));
        let muds: BTreeSet<&str> = changes.iter().filter_map(fence_of_change).chain(cleared).collect();
        let epoch = |mud: &str| held.get(mud).or_else(|| self.lapsed.get(mud)).copied();
        let fence = |mud: &str| Some(Fence { mud: mud.to_owned(), epoch: epoch(mud)? });
        muds.into_iter().filter_map(fence).collect()
    }

    fn next_ticket(&mut self) -> SaveTicket {
        self.saves += 1;
        SaveTicket(self.saves)
    }

    /// Sends the save of this turn.
    fn close_save(&mut self) {
        let Some(OpenSave { ticket, since, changes }) = self.open_save.take() else { return };
        if self.retries.as_mut().is_none_or(|saves| saves.add(since, ticket, &changes)) {
            let fences = self.fences(&Clear::Nothing, &changes);
            self.outputs.push_back(Output::Save { ticket, clear: Clear::Nothing, changes, fences });
        }
    }

    /// Replaces the whole contents of the store.
    pub fn save_everything(&mut self, changes: Vec<Change>) -> SaveTicket {
        self.close_save();
        let ticket = self.next_ticket();
        self.outputs.push_back(Output::Save {
            ticket,
            clear: Clear::Everything,
            changes,
            fences: Vec::new(),
        });
        ticket
    }

    /// Repeats failed saves from now on. The machine reports each answer of the store to [`Effects::saves_mut`].
    pub fn retry_saves(&mut self) {
        self.retries = Some(Saves::default());
    }

    /// Returns the saves that are not durable yet; `None` without [`Effects::retry_saves`].
    pub fn saves(&self) -> Option<&Saves> {
        self.retries.as_ref()
    }

    /// Returns the first save that is not durable: all saves before it are.
    pub fn durable_before(&self) -> SaveTicket {
        let sent = self.retries.as_ref().map_or(SaveTicket(u64::MAX), Saves::durable_before);
        self.open_save.as_ref().map_or(sent, |open| open.ticket.min(sent))
    }

    /// Whether the store has not answered a save yet.
    pub fn is_saving(&self) -> bool {
        self.open_save.is_some() || self.retries.as_ref().is_some_and(Saves::is_under_way)
    }

    /// Returns the saves that are not durable yet, to report the store's answers to them.
    pub fn saves_mut(&mut self) -> Option<&mut Saves> {
        self.retries.as_mut()
    }

    /// Saves what waits, if no other save is in flight. `contents` returns all entries that a cleared part of the store
    /// must have.
    pub fn save_again(&mut self, now: Instant, contents: impl Fn(&Clear) -> Vec<Change>) {
        self.close_save();
        let ticket = SaveTicket(self.saves + 1);
        let again = self.retries.as_mut().and_then(|saves| saves.retry(now, ticket, contents));
        self.save_waiting(ticket, again);
    }

    /// Saves what waits for the last time.
    pub fn save_last(&mut self, now: Instant, contents: impl Fn(&Clear) -> Vec<Change>) {
        self.close_save();
        let ticket = SaveTicket(self.saves + 1);
        let last = self.retries.as_mut().and_then(|saves| saves.last(now, ticket, contents));
        self.save_waiting(ticket, last);
    }

    fn save_waiting(&mut self, ticket: SaveTicket, waiting: Option<(Clear, Vec<Change>)>) {
        if let Some((clear, mut changes)) = waiting {
            self.saves += 1;
            if let Some(held) = &self.held {
                let lapsed = &self.lapsed;
                changes.retain(|change| is_writer(held, change) || is_writer(lapsed, change));
            }
            let fences = self.fences(&clear, &changes);
            self.outputs.push_back(Output::Save { ticket, clear, changes, fences });
        }
    }

    /// Notes that the store has lost everything. Returns how that changes its state.
    pub fn store_lost(&mut self) -> Turn {
        self.close_save();
        let next = SaveTicket(self.saves + 1);
        self.retries.as_mut().map_or(Turn::None, |saves| saves.lost(next))
    }

    /// Prolongs, takes and gives back leases.
    pub(crate) fn beat(&mut self, beat: u64, ask: Beat) {
        self.outputs.push_back(Output::Beat { beat, ask });
    }

    /// Returns the last save, also one that is not sent yet.
    pub fn newest_save(&self) -> SaveTicket {
        SaveTicket(self.saves)
    }

    /// Asks the store. Returns the number that the answer has. The caller waits until what it asks about is durable.
    pub(crate) fn query(&mut self, ask: Query) -> u64 {
        self.queries += 1;
        self.outputs.push_back(Output::Query { query: self.queries, ask });
        self.queries
    }

    /// Sends a notice to the operator.
    pub fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }

    /// Changes the level of the log.
    pub fn log_level(&mut self, level: Level) {
        self.outputs.push_back(Output::LogLevel(level));
    }

    /// Reports that the machine has ended.
    pub fn stopped(&mut self) {
        self.outputs.push_back(Output::Stopped);
    }

    /// Implements [`crate::machine::Machine::poll_output`].
    pub fn poll(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.turn_is_over();
            self.close_save();
            // A burst, such as the dials of hundreds of muds, does not keep its memory.
            if self.outputs.capacity() > OUTPUTS_KEPT_MAX {
                self.outputs.shrink_to(OUTPUTS_KEPT_MAX);
            }
        }
        self.outputs.pop_front()
    }

    /// Whether the driver has carried out everything, besides the save of this turn.
    pub(crate) fn is_drained(&self) -> bool {
        self.outputs.is_empty()
    }

    /// The driver has carried out everything. What a slow peer has not taken of the runs stays in its outbox.
    fn turn_is_over(&mut self) {
        if self.spanned.is_empty() {
            return;
        }
        for index in self.spanned.drain(..) {
            let outbox = &mut self.slots[index as usize].outbox;
            outbox.listed = false;
            outbox.settle(&mut self.runs);
        }
        self.runs.turn_is_over();
    }

    /// Returns the number of bytes queued, in flight or set aside for all connections together.
    pub fn total_pending_bytes(&self) -> usize {
        self.total_pending_bytes
    }

    /// Returns the number of open connections.
    pub fn open_count(&self) -> usize {
        self.open
    }
}

/// A table with a value for each connection of one kind. A lookup with the id of a closed connection finds nothing.
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
    /// Sets the value of `conn`. Returns the value of an earlier connection with its index, if there is one.
    pub fn insert(&mut self, conn: ConnId, value: T) -> Option<T> {
        if self.slots.len() <= conn.index() {
            self.slots.resize_with(conn.index() + 1, || None);
        }
        let before = self.slots[conn.index()].replace((conn.generation, value));
        self.len += usize::from(before.is_none());
        before.map(|(_, value)| value)
    }

    /// Returns the value of `conn`.
    pub fn get(&self, conn: ConnId) -> Option<&T> {
        match self.slots.get(conn.index())? {
            Some((generation, value)) if *generation == conn.generation => Some(value),
            _ => None,
        }
    }

    /// Returns the value of `conn`, to change it.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        match self.slots.get_mut(conn.index())? {
            Some((generation, value)) if *generation == conn.generation => Some(value),
            _ => None,
        }
    }

    /// Removes and returns the value of `conn`.
    pub fn remove(&mut self, conn: ConnId) -> Option<T> {
        self.get(conn)?;
        self.len -= 1;
        self.slots[conn.index()].take().map(|(_, value)| value)
    }

    /// Returns all values, in the order of the connections' indexes.
    pub fn iter(&self) -> impl Iterator<Item = (ConnId, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let (generation, value) = slot.as_ref()?;
            Some((ConnId { index: index as u32, generation: *generation }, value))
        })
    }

    /// Returns all values, to change them, in the order of the connections' indexes.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let (generation, value) = slot.as_mut()?;
            Some((ConnId { index: index as u32, generation: *generation }, value))
        })
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line;

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
    fn a_connection_is_read_from_when_it_is_neither_held_nor_paused() {
        let mut effects = Effects::default();
        let conn = effects.open();
        effects.send(conn, b"x");
        effects.hold(conn);
        effects.pause(conn, true);
        take_all(&mut effects, conn, 10);
        effects.flushed(conn);
        assert!(!effects.is_read(conn));
        effects.pause(conn, false);
        assert!(effects.is_read(conn));
        let reads = std::iter::from_fn(|| effects.poll());
        let reads: Vec<bool> = reads
            .filter_map(|output| match output {
                Output::Read { enabled, .. } => Some(enabled),
                _ => None,
            })
            .collect();
        assert_eq!(reads, [false, true]);
    }

    #[test]
    fn what_is_set_aside_is_pending_until_the_connection_ends() {
        let mut effects = Effects::default();
        let conn = effects.open();
        effects.set_aside(conn, 500);
        effects.set_aside(conn, 300);
        assert_eq!((effects.total_pending_bytes(), effects.pending_bytes(conn)), (300, 0));
        effects.close_now(conn);
        assert_eq!(effects.total_pending_bytes(), 0);
    }

    #[test]
    fn closing_waits_for_the_flush_and_invalidates_the_id() {
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

    #[test]
    fn lines_that_were_to_be_saved_are_counted_when_another_node_takes_their_mud() {
        let mut effects = Effects::default();
        effects.retry_saves();
        effects.share();
        ["Alpha", "Beta"].into_iter().for_each(|mud| effects.hold_mud(mud, 1));
        let now = Instant::from_micros(1);
        for (id, mud) in [(1, "Alpha"), (2, "Beta"), (3, "Alpha")] {
            effects.save(now, vec![line::put(&line::space_of(mud), id, [].into())]);
        }
        effects.save(now, vec![line::keep("Alpha", &line::Kept { born_after: 0, bytes_max: 1 })]);
        effects.let_go_mud("Alpha");
        assert_eq!(effects.saves().map(Saves::lines_lost), Some(2));
        let saved = std::iter::from_fn(|| effects.poll()).find_map(|output| match output {
            Output::Save { changes, .. } => Some(changes.len()),
            _ => None,
        });
        assert_eq!(saved, Some(1));
    }
}
