//! How time passes.

use super::node::{Node, Use};
use super::tcp::Piece;
use super::{EVENTS_AT_ONCE_MAX, End, Event, Record, World};
use i3_core::machine::{ConnId, Input, LostBy};
use i3_core::time::{Instant, Now, UnixTime};
use std::time::Duration;

impl World {
    /// What is due at a side is given to its end.
    pub(super) fn arrive(&mut self, tcp: u64, side: usize) {
        loop {
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let to = &mut stream.sides[side];
            let Some(end) = to.end else { return };
            let broken = matches!(to.inbox.back(), Some((_, Piece::End(LostBy::Error(_)))));
            if to.stalled || (to.held && !broken) {
                return;
            }
            if to.held {
                // Nobody reads, but writing fails.
                to.inbox.drain(..to.inbox.len() - 1);
            }
            if to.inbox.front().is_none_or(|(due, _)| *due > self.now.mono) {
                return;
            }
            let Some((_, piece)) = to.inbox.pop_front() else { return };
            match (end, piece) {
                (End::Script(script), Piece::Bytes(bytes)) => {
                    self.record(|| Record::Arrived { tcp, side, count: bytes.len() });
                    self.scripts[script].received.extend_from_slice(&bytes);
                }
                (End::Node(at, conn), Piece::Bytes(bytes)) => self.feed(tcp, side, at, conn, &bytes),
                (End::Script(_), Piece::End(_)) => {
                    self.leave(tcp, side);
                    return;
                }
                (End::Node(at, conn), Piece::End(LostBy::EndOfStream)) if self.keeps(tcp, side, at, conn) => {
                    self.settle(at);
                    return;
                }
                (End::Node(at, conn), Piece::End(by)) => {
                    self.leave(tcp, side);
                    self.nodes[at].bury(conn);
                    self.input(at, Input::Lost { conn, by });
                    return;
                }
            }
        }
    }

    /// Whether a machine still has something for a peer that sends no more, and still reads.
    pub(super) fn keeps(&mut self, tcp: u64, side: usize, at: usize, conn: ConnId) -> bool {
        let is_read = self.tcps.get(&tcp).is_some_and(|stream| stream.sides[1 - side].end.is_some());
        if !is_read {
            return false;
        }
        // As the pump does: what was sent is answered before its end is seen.
        self.settle(at);
        if self.tcps.get(&tcp).is_none_or(|stream| stream.sides[side].end.is_none()) {
            return false;
        }
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        let Some(machine) = &mut node.machine else { return false };
        let is_kept = machine.ended(now, conn);
        node.dirty |= is_kept;
        is_kept
    }

    /// Gives bytes to a machine, cut anywhere, for as long as it reads.
    pub(super) fn feed(&mut self, tcp: u64, side: usize, at: usize, conn: ConnId, bytes: &[u8]) {
        let chunk = if self.chance(self.weather.cuts) { self.weather.chunk } else { usize::MAX };
        let mut rest = bytes;
        while !rest.is_empty() {
            let now = self.now.mono;
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let to = &mut stream.sides[side];
            if to.end.is_none() {
                return;
            }
            if to.held || to.stalled {
                to.inbox.push_front((now, Piece::Bytes(rest.to_vec())));
                return;
            }
            let most = chunk.min(rest.len());
            let length = if chunk == usize::MAX { most } else { self.rng.usize(1..=most) };
            let (piece, later) = rest.split_at(length);
            rest = later;
            self.record(|| Record::Arrived { tcp, side, count: piece.len() });
            self.input(at, Input::Received { conn, bytes: piece });
        }
    }

    /// The machine that an event is for.
    pub(super) fn concerns(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Arrive { tcp, side } => match self.tcps.get(tcp)?.sides[*side].end? {
                End::Node(at, _) => Some(at),
                End::Script(_) => None,
            },
            Event::Flush { node, .. }
            | Event::Dialed { node, .. }
            | Event::DialLost { node, .. }
            | Event::Found { node, .. }
            | Event::Saved { node, .. }
            | Event::Depart { node, .. } => Some(*node),
            Event::Trip { node, trip, .. } => trip.is_for_node().then_some(*node),
            Event::CloseOpen | Event::Lift { .. } | Event::Break { .. } => None,
        }
    }

    pub(super) fn happens(&mut self, event: Event) {
        if let Some(at) = self.concerns(&event)
            && self.nodes[at].paused_until > self.now.mono
        {
            return self.schedule(self.nodes[at].paused_until, event);
        }
        let lives = |world: &World, node: usize, life: u64| world.nodes[node].life == life;
        match event {
            Event::Arrive { tcp, side } => self.arrive(tcp, side),
            Event::Flush { node, life, conn } if lives(self, node, life) => self.flushed(node, conn),
            Event::Dialed { node, life, conn, host, port } if lives(self, node, life) => {
                self.dial_ends(node, conn, &host, port);
            }
            Event::DialLost { node, life, conn } if lives(self, node, life) => {
                if self.nodes[node].conns.get(&conn) == Some(&Use::Dialing) {
                    self.dial_failed(node, conn, "connection timed out");
                }
            }
            Event::Saved { node, life, good } if lives(self, node, life) => self.saved(node, good),
            Event::Found { node, life, query, outcome } if lives(self, node, life) => {
                self.handle(node, Input::Found { query, outcome });
            }
            Event::Depart { node, life } if lives(self, node, life) => self.depart(node),
            Event::Trip { node, life, trip } => self.arrives(node, life, trip),
            Event::CloseOpen => self.close_open_transactions(),
            Event::Flush { .. }
            | Event::Dialed { .. }
            | Event::DialLost { .. }
            | Event::Found { .. }
            | Event::Saved { .. }
            | Event::Depart { .. } => {}
            Event::Lift { tcp, side } => self.lift(tcp, side),
            Event::Break { tcp } => self.reset(tcp),
        }
    }

    /// Goes on until nothing is under way and nobody has anything to do at this time.
    pub(super) fn run(&mut self) {
        for _ in 0..EVENTS_AT_ONCE_MAX {
            let now = self.now.mono;
            let busy = self.nodes.iter().position(|node| {
                node.paused_until <= now && (node.dirty || node.due().is_some_and(|at| at <= now))
            });
            let is_due = self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now);
            if let Some(at) = busy
                && !(is_due && self.chance(self.weather.batch))
            {
                self.settle(at);
            } else if is_due {
                if let Some((_, event)) = self.queue.pop_first() {
                    self.happens(event);
                }
            } else {
                return;
            }
        }
        let now = self.now.mono;
        let busy = self.nodes.iter().filter(|node| node.dirty || node.due().is_some_and(|at| at <= now));
        let busy: Vec<&str> = busy.map(|node| node.name.as_str()).collect();
        let next = self.queue.values().next();
        panic!("the machines answer each other without end: {} are busy, next is {next:?}", busy.join(", "));
    }

    /// Lets time pass, from deadline to deadline.
    pub fn wait(&mut self, duration: Duration) {
        let until = self.now.mono + duration;
        while self.step(until) {}
    }

    pub(super) fn advance(&mut self, to: Instant) {
        let passed = to.since(self.now.mono);
        let unix = UnixTime::from_micros(self.now.unix.micros() + passed.as_micros() as u64);
        self.now = Now { mono: to.max(self.now.mono), unix };
    }

    /// Goes to the next moment at which something happens, or to `until` if that comes first. Says whether time is left.
    pub fn step(&mut self, until: Instant) -> bool {
        let deadlines = self.nodes.iter().filter_map(Node::due);
        let next = deadlines.chain(self.queue.keys().next().map(|(at, _)| *at)).min();
        let to = next.map_or(until, |next| next.clamp(self.now.mono, until.max(self.now.mono)));
        self.advance(to);
        self.run();
        to < until
    }
}
