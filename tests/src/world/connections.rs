//! Connections, and what the network does to them.

use super::node::Use;
use super::tcp::{Piece, Tcp};
use super::{DIAL_GIVEN_UP_AFTER, End, Event, Record, Script, World, port};
use i3_core::machine::{ConnId, Input, Listener, LostBy};
use i3_core::time::Instant;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

impl World {
    /// From here on, what a machine saves is written, or fails.
    pub fn set_disk(&mut self, name: &str, works: bool) {
        let at = self.node(name);
        self.nodes[at].disk_full = !works;
    }

    /// What a machine has saved is gone. Only a save of everything is written from here on.
    pub fn lose_store(&mut self, name: &str) {
        let at = self.node(name);
        self.nodes[at].store.clear();
        self.nodes[at].store_gone = true;
        self.handle(at, Input::StoreLost { reason: "the file was removed".to_owned() });
        self.run();
    }

    /// From here on, a scripted peer answers whoever dials that host.
    pub fn listen(&mut self, host: &str) {
        self.hosts.entry(host.to_owned()).or_default();
    }

    /// Nobody answers there in a script any more.
    pub fn listen_no_more(&mut self, host: &str) {
        self.hosts.remove(host);
    }

    /// The scripts that were dialed at such a host.
    pub fn scripts_at(&self, host: &str) -> Option<Vec<usize>> {
        self.hosts.get(host).cloned()
    }

    /// How many scripts there were: the number of the next.
    pub fn scripts(&self) -> usize {
        self.scripts.len()
    }

    /// The script that was last dialed at a host of [`World::listen`].
    pub fn dialed(&self, host: &str) -> Option<usize> {
        self.hosts.get(host)?.last().copied()
    }

    /// A scripted peer connects to a machine. Gives its number, or `None` when it was refused.
    pub fn connect(&mut self, to: &str, on: Listener) -> Option<usize> {
        self.connect_from(Ipv4Addr::LOCALHOST, to, on)
    }

    /// The same from an address of its own.
    pub fn connect_from(&mut self, from: impl Into<IpAddr>, to: &str, on: Listener) -> Option<usize> {
        let at = self.node(to);
        let conn = self.accept(at, on, SocketAddr::new(from.into(), 50_000))?;
        let script = self.scripts.len();
        self.scripts.push(Script::default());
        self.open(End::Script(script), End::Node(at, conn), Some(on), None);
        self.run();
        Some(script)
    }

    pub(super) fn accept(&mut self, at: usize, on: Listener, peer: SocketAddr) -> Option<ConnId> {
        let now = self.now_of(at);
        let node = &mut self.nodes[at];
        node.dirty = true;
        match node.machine.as_mut()?.accept(now, on, peer) {
            Ok(conn) => {
                if node.conns.contains_key(&conn) {
                    self.broke(at, format!("accepts under {conn:?}, which is open"));
                }
                Some(conn)
            }
            Err(why) => {
                self.refused.push(why);
                self.record(|| Record::Refused { node: at, why });
                None
            }
        }
    }

    pub(super) fn open(&mut self, from: End, to: End, on: Option<Listener>, host: Option<String>) -> u64 {
        self.tcps_so_far += 1;
        let tcp = self.tcps_so_far;
        self.tcps.insert(tcp, Tcp::new(from, to));
        for (side, end) in [from, to].into_iter().enumerate() {
            match end {
                End::Script(script) => self.scripts[script].conn = Some((tcp, side)),
                End::Node(at, conn) => {
                    self.nodes[at].conns.insert(conn, Use::Open { tcp, side });
                }
            }
        }
        self.record(|| Record::Opened { tcp, from, to, on, host });
        tcp
    }

    /// The connection of a script, and its side of it, while it is open.
    pub fn conn_of(&self, script: usize) -> Option<(u64, usize)> {
        self.scripts[script].conn
    }

    /// The ends of a connection that still know of it.
    pub fn ends(&self, tcp: u64) -> [Option<End>; 2] {
        self.tcps.get(&tcp).map_or([None; 2], |tcp| [tcp.sides[0].end, tcp.sides[1].end])
    }

    /// Whether the system has taken all that the machine at a side has written, and the machine knows.
    pub fn has_flushed(&self, tcp: u64, side: usize) -> bool {
        match self.ends(tcp)[side] {
            Some(End::Node(at, conn)) => !self.nodes[at].writing.contains(&conn) && !self.nodes[at].dirty,
            _ => false,
        }
    }

    /// The connections that are open at one end at least.
    pub fn connections(&self) -> Vec<u64> {
        self.tcps.keys().copied().collect()
    }

    pub(super) fn dial_ends(&mut self, at: usize, conn: ConnId, host: &str, to_port: u16) {
        if self.nodes[at].conns.get(&conn) != Some(&Use::Dialing) {
            return;
        }
        if let Some(to) = self.nodes.iter().find(|node| node.name == host)
            && to.paused_until > self.now.mono
        {
            let (host, life) = (host.to_owned(), self.nodes[at].life);
            let event = Event::Dialed { node: at, life, conn, host, port: to_port };
            return self.schedule(to.paused_until, event);
        }
        if self.chance(self.weather.dial_lost) {
            let life = self.nodes[at].life;
            let given_up = self.now.mono + DIAL_GIVEN_UP_AFTER;
            return self.schedule(given_up, Event::DialLost { node: at, life, conn });
        }
        if self.chance(self.weather.dial_refused) {
            return self.dial_failed(at, conn, "connection refused");
        }
        let on = [Listener::Http, Listener::Lines, Listener::Mud].into_iter().find(|on| port(*on) == to_port);
        let to = self.nodes.iter().position(|node| node.name == host && node.machine.is_some());
        // Each machine has an address of its own, unless all that share the engine go out by one.
        let is_one = self.has_one_address && self.nodes[at].shared.is_some();
        let peer = SocketAddr::from(([127, 0, 1, if is_one { 250 } else { at as u8 + 1 }], 50_000));
        let other = match (on, to) {
            _ if self.hosts.contains_key(host) => {
                let script = self.scripts.len();
                self.scripts.push(Script::default());
                self.hosts.get_mut(host).into_iter().for_each(|dialed| dialed.push(script));
                Some(End::Script(script))
            }
            (Some(on), Some(to)) if to != at => self.accept(to, on, peer).map(|conn| End::Node(to, conn)),
            _ => None,
        };
        match other {
            Some(other) => {
                self.open(End::Node(at, conn), other, on, Some(host.to_owned()));
                self.input(at, Input::Dialed { conn });
                if let End::Node(to, _) = other {
                    self.settle(to);
                }
            }
            None => self.dial_failed(at, conn, "connection refused"),
        }
    }

    pub(super) fn dial_failed(&mut self, at: usize, conn: ConnId, why: &str) {
        self.nodes[at].bury(conn);
        self.input(at, Input::Lost { conn, by: LostBy::Error(why.to_owned()) });
    }

    pub(super) fn push_bytes(&mut self, tcp: u64, side: usize, bytes: Vec<u8>) {
        self.record(|| Record::Wrote { tcp, side, bytes: bytes.clone() });
        self.push(tcp, 1 - side, Piece::Bytes(bytes));
    }

    /// Something is on its way to a side.
    pub(super) fn push(&mut self, tcp: u64, side: usize, piece: Piece) {
        let arrives = self.now.mono + self.up_to(self.weather.delay);
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let to = &mut stream.sides[side];
        if to.deaf || to.end.is_none() {
            return;
        }
        to.last = to.last.max(arrives);
        to.inbox.push_back((to.last, piece));
        let at = to.last;
        self.schedule(at, Event::Arrive { tcp, side });
    }

    /// The end of a side closes in order: what it has written still arrives.
    pub(super) fn leave(&mut self, tcp: u64, side: usize) {
        self.take_end(tcp, side);
        self.push(tcp, 1 - side, Piece::End(LostBy::EndOfStream));
        self.forget_if_over(tcp);
    }

    /// The end of a side is gone without a word.
    pub(super) fn vanish(&mut self, tcp: u64, side: usize) {
        self.take_end(tcp, side);
        if let Some(stream) = self.tcps.get_mut(&tcp) {
            stream.sides[1 - side].inbox.clear();
            stream.sides.iter_mut().for_each(|side| side.deaf = true);
        }
        self.forget_if_over(tcp);
    }

    /// A side knows of the connection no more.
    pub(super) fn take_end(&mut self, tcp: u64, side: usize) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        let one = &mut stream.sides[side];
        one.inbox.clear();
        let Some(end) = one.end.take() else { return };
        let unflushed = match end {
            End::Node(at, conn) => self.nodes[at].writing.contains(&conn) || self.nodes[at].dirty,
            End::Script(script) => {
                self.scripts[script].conn = None;
                false
            }
        };
        self.record(|| Record::Over { tcp, side, unflushed });
    }

    pub(super) fn forget_if_over(&mut self, tcp: u64) {
        if self.tcps.get(&tcp).is_some_and(|tcp| tcp.sides.iter().all(|side| side.end.is_none())) {
            self.tcps.remove(&tcp);
        }
    }

    /// Breaks a connection: of what is under way to each side some arrives, cut anywhere, then both are told.
    pub fn reset(&mut self, tcp: u64) {
        for side in 0..2 {
            let Some(stream) = self.tcps.get_mut(&tcp) else { return };
            let one = &mut stream.sides[side];
            (one.deaf, one.stalled) = (false, false);
            let kept = self.rng.usize(0..=one.inbox.len());
            one.inbox.truncate(kept);
            if let Some((_, Piece::Bytes(bytes))) = one.inbox.back_mut() {
                bytes.truncate(self.rng.usize(0..=bytes.len()));
            }
            self.push(tcp, side, Piece::End(LostBy::Error("connection reset by peer".to_owned())));
            self.schedule(self.now.mono, Event::Arrive { tcp, side });
        }
    }

    /// From here on nothing gets through a connection, and nobody is told. After `time` the systems of both ends give it
    /// up.
    pub fn cut(&mut self, tcp: u64, time: Duration) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        for side in &mut stream.sides {
            side.deaf = true;
            side.inbox.clear();
        }
        self.schedule(self.now.mono + time, Event::Break { tcp });
    }

    /// Bytes to one side of a connection are held up for a while.
    pub fn stall_for(&mut self, tcp: u64, side: usize, time: Duration) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        stream.sides[side].stalled = true;
        self.schedule(self.now.mono + time, Event::Lift { tcp, side });
    }

    /// Lets bytes through to a side again.
    pub(super) fn lift(&mut self, tcp: u64, side: usize) {
        let Some(stream) = self.tcps.get_mut(&tcp) else { return };
        stream.sides[side].stalled = false;
        let writer = &mut stream.sides[1 - side];
        let owed = std::mem::take(&mut writer.owed).then_some(writer.end).flatten();
        self.arrive(tcp, side);
        if let Some(End::Node(at, conn)) = owed {
            self.flushed(at, conn);
        }
    }

    /// All that is held up or cut gets through, or is broken, now.
    pub fn heal(&mut self) {
        for tcp in self.connections() {
            let Some(stream) = self.tcps.get(&tcp) else { continue };
            if stream.sides.iter().any(|side| side.deaf) {
                self.reset(tcp);
            } else {
                (0..2).for_each(|side| self.lift(tcp, side));
            }
        }
        for node in &mut self.nodes {
            node.paused_until = Instant::ORIGIN;
        }
        self.run();
    }

    /// Bytes that nobody wrote come out at a side.
    pub fn inject(&mut self, tcp: u64, side: usize, bytes: Vec<u8>) {
        self.push_bytes(tcp, 1 - side, bytes);
    }

    /// A scripted peer reads no more: one write of its machine stays on the way, the rest with the machine.
    pub fn stall(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn
            && let Some(stream) = self.tcps.get_mut(&tcp)
        {
            stream.sides[side].stalled = true;
        }
    }

    /// A scripted peer reads again.
    pub fn resume(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.lift(tcp, side);
        }
        self.run();
    }

    /// A scripted peer writes.
    pub fn write(&mut self, script: usize, bytes: &[u8]) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.push_bytes(tcp, side, bytes.to_vec());
        }
        self.run();
    }

    /// What a scripted peer has received and not yet taken.
    pub fn received(&mut self, script: usize) -> &mut Vec<u8> {
        &mut self.scripts[script].received
    }

    /// Whether a scripted peer's connection is open, at its end and at the other.
    pub fn is_open(&self, script: usize) -> bool {
        self.scripts[script].conn.is_some_and(|(tcp, _)| self.ends(tcp).iter().all(Option::is_some))
    }

    /// A scripted peer closes.
    pub fn close(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.leave(tcp, side);
        }
        self.run();
    }

    /// A scripted peer says that it has no more to send, and goes on reading.
    pub fn half_close(&mut self, script: usize) {
        if let Some((tcp, side)) = self.scripts[script].conn {
            self.push(tcp, 1 - side, Piece::End(LostBy::EndOfStream));
        }
        self.run();
    }
}
