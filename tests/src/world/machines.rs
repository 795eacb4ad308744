//! The machines: how they start, end, and get their inputs.

use super::node::{Node, Pending, Use};
use super::shared::Save;
use super::{DEAF_BYTES, Event, Record, WRITE_BYTES, World};
use i3_core::machine::{
    Change, Clear, ConnId, Input, LostBy, Machine, Output, SaveError, SaveTicket, Saved, SmolStr,
};
use i3_core::notice::Level;
use i3_core::query::Query;
use i3_core::time::{Instant, Now, UnixTime};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl World {
    /// Adds a machine under a name, or starts one of that name again. `make` gets what was saved.
    pub fn start<M: Machine + 'static>(&mut self, name: &str, make: impl FnOnce(&Saved, Now) -> M) {
        self.start_after(name, |_| Vec::new(), make);
    }

    /// The same for a machine whose host first saves what `before` says, for sure.
    pub fn start_after<M: Machine + 'static>(
        &mut self,
        name: &str,
        before: impl FnOnce(&Saved) -> Vec<Change>,
        make: impl FnOnce(&Saved, Now) -> M,
    ) {
        let at = self.place_of(name);
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        // One that ended in order has waited for its store.
        for pending in std::mem::take(&mut node.saving) {
            let changes = node.all_changes(&pending.clear, pending.changes);
            node.store(changes);
        }
        let saved = node.saved();
        node.store(before(&saved));
        node.machine = Some(Box::new(make(&saved, now)));
        node.life += 1;
        (node.stopped, node.dirty, node.last_ticket) = (false, true, None);
        self.record(|| Record::Started { node: at });
        self.run();
    }

    /// The place of a machine of this name, which is new if there is none.
    pub(super) fn place_of(&mut self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            self.nodes.push(Node::new(name));
            self.nodes.len() - 1
        })
    }

    /// A machine is gone without a word; its connections are closed by the system, its store stays.
    pub fn crash(&mut self, name: &str) {
        self.crash_with(name, true);
    }

    /// The same; unless `told`, its peers do not learn of it before the connections are broken. Of the saves that are
    /// under way the first few are on disk.
    pub fn crash_with(&mut self, name: &str, told: bool) {
        let at = self.node(name);
        let node = &mut self.nodes[at];
        (node.machine, node.deadline, node.dirty) = (None, None, false);
        node.paused_until = Instant::ORIGIN;
        if node.shared.is_some() {
            // What was not sent to the engine is lost.
            node.saving.clear();
        }
        let kept = self.rng.usize(0..=node.saving.len());
        for (place, pending) in std::mem::take(&mut node.saving).into_iter().enumerate() {
            if place < kept {
                let changes = node.all_changes(&pending.clear, pending.changes);
                node.store(changes);
            }
        }
        self.record(|| Record::Crashed { node: at });
        for (conn, used) in std::mem::take(&mut self.nodes[at].conns) {
            if let Use::Open { tcp, side } = used {
                if told {
                    self.leave(tcp, side);
                } else {
                    self.vanish(tcp, side);
                }
            }
            self.nodes[at].writing.remove(&conn);
        }
        self.run();
    }

    /// A machine gets no time for a while: what comes for it waits.
    pub fn pause(&mut self, name: &str, time: Duration) {
        let at = self.node(name);
        self.nodes[at].paused_until = self.now.mono + time;
    }

    /// All machines sleep at once: the time has passed when they wake.
    pub fn suspend(&mut self, time: Duration) {
        self.advance(self.now.mono + time);
    }

    /// The wall clock is set, that many seconds on or back.
    pub fn set_clock(&mut self, seconds: i64) {
        let micros = (self.now.unix.micros() as i64).saturating_add(seconds * 1_000_000);
        self.now.unix = UnixTime::from_micros(micros.max(0) as u64);
    }

    /// A machine is told to end.
    pub fn shut_down(&mut self, name: &str) {
        let at = self.node(name);
        self.input(at, Input::Shutdown);
        self.run();
    }

    /// Whether a machine said that it has ended.
    pub fn has_stopped(&self, name: &str) -> bool {
        self.nodes[self.node(name)].stopped
    }

    /// Whether a machine runs.
    pub fn is_running(&self, name: &str) -> bool {
        self.nodes[self.node(name)].machine.is_some()
    }

    /// Whether a machine runs and gets time: whatever is done to it that is no input, it must be able to answer.
    pub fn is_awake(&self, name: &str) -> bool {
        self.is_running(name) && self.nodes[self.node(name)].paused_until <= self.now.mono
    }

    /// Whether there is a machine of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }

    /// The machine of that name, to look at.
    pub fn machine<M: Machine + 'static>(&self, name: &str) -> &M {
        self.nodes[self.node(name)]
            .machine
            .as_ref()
            .and_then(|machine| (**machine).as_any().downcast_ref())
            .unwrap_or_else(|| panic!("{name} is not running, or is another kind of machine"))
    }

    /// Does something to the machine of that name that is no input, as a driver's handle does.
    pub fn with<M: Machine + 'static, R>(&mut self, name: &str, act: impl FnOnce(&mut M, Now) -> R) -> R {
        let at = self.node(name);
        let now = self.now_of(at);
        let machine =
            self.nodes[at].machine.as_mut().and_then(|machine| (**machine).as_any_mut().downcast_mut());
        let result = act(machine.unwrap_or_else(|| panic!("{name} is another kind of machine")), now);
        self.nodes[at].dirty = true;
        self.run();
        result
    }

    /// The machine at a place, if it runs.
    pub fn machine_at<M: Machine + 'static>(&self, node: usize) -> Option<&M> {
        (**self.nodes[node].machine.as_ref()?).as_any().downcast_ref()
    }

    /// The place of a machine, as in [`Record`].
    pub fn node(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The name of a machine.
    pub fn name(&self, node: usize) -> &str {
        &self.nodes[node].name
    }

    /// What the store of a machine holds.
    pub fn stored(&self, node: usize) -> &BTreeMap<(SmolStr, SmolStr), Arc<[u8]>> {
        &self.nodes[node].store
    }

    /// How many connections a machine has, dialed ones among them.
    pub fn open_conns(&self, node: usize) -> usize {
        self.nodes[node].conns.len()
    }

    pub(super) fn handle(&mut self, at: usize, input: Input<'_>) {
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        if let Some(machine) = &mut node.machine {
            machine.handle(now, input);
            node.dirty = true;
        }
    }

    /// Something for a machine, which is carried out at once or, in some weathers, with what comes next.
    pub(super) fn input(&mut self, at: usize, input: Input<'_>) {
        self.handle(at, input);
        if !self.chance(self.weather.batch) {
            self.settle(at);
        }
    }

    /// Carries out what a machine wants done.
    pub(super) fn settle(&mut self, at: usize) {
        loop {
            let (now, most) = (self.now_of(at), self.weather.write_bytes);
            let most = if most < WRITE_BYTES { self.rng.usize(1..=most) } else { most };
            let node = &mut self.nodes[at];
            node.dirty = false;
            let Some(machine) = &mut node.machine else { return };
            let settled = machine.settle(now, most);
            node.deadline = settled.deadline.map(|deadline| deadline + node.slept);
            if let Some(how) = settled.fault {
                self.broke(at, how);
            }
            if settled.outputs.is_empty() {
                break;
            }
            for (output, bytes) in settled.outputs {
                self.perform(at, output, bytes);
            }
        }
        self.nodes[at].just_lost.clear();
        if self.chance(self.weather.late_reports)
            && let Some(conn) = self.nodes[at].dead.pop_front()
            && !self.nodes[at].conns.contains_key(&conn)
        {
            match self.rng.u8(0..4) {
                0 => self.handle(at, Input::Flushed { conn }),
                1 => self.handle(at, Input::Dialed { conn }),
                2 => self.handle(at, Input::Lost { conn, by: LostBy::EndOfStream }),
                _ => self.handle(at, Input::Received { conn, bytes: b"late" }),
            }
        }
    }

    pub(super) fn perform(&mut self, at: usize, output: Output, bytes: Vec<u8>) {
        let now = self.now.mono;
        match output {
            Output::Dial { conn, host, port } => {
                if self.nodes[at].conns.insert(conn, Use::Dialing).is_some() {
                    self.broke(at, format!("dials on {conn:?}, which is open"));
                }
                self.record(|| Record::Dials { node: at, host: host.clone() });
                let (life, wait) = (self.nodes[at].life, self.up_to(self.weather.dial_delay));
                self.schedule(now + wait, Event::Dialed { node: at, life, conn, host, port });
            }
            Output::Write { conn } => self.perform_write(at, conn, bytes),
            Output::Close { conn } => match self.nodes[at].conns.get(&conn).copied() {
                Some(Use::Open { tcp, side }) => {
                    self.leave(tcp, side);
                    self.nodes[at].bury(conn);
                }
                Some(Use::Dialing) => self.nodes[at].bury(conn),
                None if self.nodes[at].just_lost.contains(&conn) => {}
                None => self.broke(at, format!("closes {conn:?}, which is not open")),
            },
            Output::Read { conn, enabled } => match self.nodes[at].conns.get(&conn).copied() {
                Some(Use::Open { tcp, side }) => {
                    if let Some(tcp) = self.tcps.get_mut(&tcp) {
                        tcp.sides[side].held = !enabled;
                    }
                    if enabled {
                        self.schedule(now, Event::Arrive { tcp, side });
                    }
                }
                _ if self.nodes[at].just_lost.contains(&conn) => {}
                _ => self.broke(at, format!("reads from {conn:?}, which is not open")),
            },
            Output::Save { ticket, clear, changes, fences } => {
                self.perform_save(at, ticket, Save { clear, changes, fences });
            }
            Output::Query { query, ask } => self.perform_query(at, query, &ask),
            Output::Beat { beat, ask } => self.perform_beat(at, beat, ask),
            Output::Notice(notice) => {
                if self.records.is_none() {
                    let is_expected = self.nodes[at].disk_full || self.nodes[at].store_gone;
                    assert!(
                        is_expected || notice.level != Level::Error,
                        "an error in a world without faults: {notice}"
                    );
                    self.notices.push(notice);
                } else {
                    self.record(|| Record::Noticed { node: at, notice });
                }
            }
            // Notices are kept whatever the log shows.
            Output::LogLevel(_) => {}
            Output::Stopped => {
                self.nodes[at].stopped = true;
                self.record(|| Record::Stopped { node: at });
            }
        }
    }

    pub(super) fn perform_write(&mut self, at: usize, conn: ConnId, bytes: Vec<u8>) {
        let node = &mut self.nodes[at];
        let Some(Use::Open { tcp, side }) = node.conns.get(&conn).copied() else {
            // What it queued before it learned of the end is given up with it.
            if !node.just_lost.contains(&conn) {
                self.broke(at, format!("writes to {conn:?}, which is not open"));
            }
            return;
        };
        if bytes.is_empty() {
            // It has closed the connection since: that comes next.
            return;
        }
        if !node.writing.insert(conn) {
            self.broke(at, format!("writes to {conn:?} before the last write was flushed"));
        }
        let count = bytes.len();
        self.push_bytes(tcp, side, bytes);
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let other = &mut stream.sides[1 - side];
        if other.deaf {
            if count <= DEAF_BYTES {
                self.flush_later(at, conn);
            }
        } else if other.stalled {
            stream.sides[side].owed = true;
        } else {
            self.flush_later(at, conn);
        }
    }

    pub(super) fn flush_later(&mut self, at: usize, conn: ConnId) {
        let wait = self.up_to(self.weather.flush_delay);
        if wait.is_zero() {
            self.flushed(at, conn);
        } else {
            let life = self.nodes[at].life;
            self.schedule(self.now.mono + wait, Event::Flush { node: at, life, conn });
        }
    }

    pub(super) fn flushed(&mut self, at: usize, conn: ConnId) {
        if self.nodes[at].writing.remove(&conn) {
            self.handle(at, Input::Flushed { conn });
        }
    }

    pub(super) fn perform_save(&mut self, at: usize, ticket: SaveTicket, save: Save) {
        if self.nodes[at].last_ticket.is_some_and(|last| last >= ticket) {
            self.broke(at, format!("{ticket:?} comes after {:?}", self.nodes[at].last_ticket));
        }
        let node = &mut self.nodes[at];
        node.last_ticket = Some(ticket);
        if node.shared.is_some() {
            return self.perform_shared_save(at, ticket, save);
        }
        if !save.fences.is_empty() {
            self.broke(at, "names fences on one host".to_owned());
        }
        let Save { clear, changes, fences } = save;
        let clear_of_save = clear.clone();
        let node = &mut self.nodes[at];
        node.saving.push_back(Pending { ticket, clear, changes, fences });
        let life = node.life;
        let good = !self.chance(self.weather.save_fails) && self.nodes[at].takes(&clear_of_save);
        let wait = self.up_to(self.weather.save_delay);
        if wait.is_zero() && self.nodes[at].saving.len() == 1 {
            self.saved(at, good);
        } else {
            // One event for each save; which save it ends is decided by their order.
            self.schedule(self.now.mono + wait, Event::Saved { node: at, life, good });
        }
    }

    /// The answer has what was saved by now. It comes as late as that of a save.
    pub(super) fn perform_query(&mut self, at: usize, query: u64, ask: &Query) {
        let fails =
            self.chance(self.weather.save_fails) || self.nodes[at].disk_full || self.nodes[at].store_gone;
        let outcome = if fails { Err("disk error".to_owned()) } else { Ok(self.nodes[at].lines(ask)) };
        let (wait, life) = (self.up_to(self.weather.save_delay), self.nodes[at].life);
        self.schedule(self.now.mono + wait, Event::Found { node: at, life, query, outcome });
    }

    pub(super) fn saved(&mut self, at: usize, good: bool) {
        let Some(Pending { ticket, clear, changes, .. }) = self.nodes[at].saving.pop_front() else { return };
        let is_whole = clear == Clear::Everything;
        let changes = self.nodes[at].all_changes(&clear, changes);
        if good {
            self.nodes[at].store_gone &= !is_whole;
            self.nodes[at].store(changes.clone());
        }
        self.record(|| Record::Saved { node: at, changes, good });
        let outcome = if good { Ok(()) } else { Err(SaveError::Failed("disk full".to_owned())) };
        self.handle(at, Input::Saved { ticket, outcome });
    }
}
