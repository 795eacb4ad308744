//! The front door itself: bytes become lines, and connections begin and end.

use super::caps::Caps;
use super::conn::{Conn, EARLY_LINES_MAX, Stage};
use super::encoder::PLAIN;
use super::message::{LINE_BYTES_MAX, Message, TAGS_BYTES_MAX, Unreadable, parse};
use super::names::{SERVER, shown_channel, source};
use super::open::Open;
use super::out::{Out, bounded, server_time};
use crate::clients::{Clients, Goodbye, Moved, Session, Turned};
use crate::door::contract::Door;
use crate::door::rpc::line::{Line, is_http};
use crate::effects::ConnMap;
use crate::i3::text::decode;
use crate::ids::{MudId, Ticket};
use crate::machine::{ConnId, Listener};
use crate::service::{Method, Parts, persons, table};
use crate::time::Instant;
use crate::waiting::Finished;
use crate::wake::Wake;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Lines of one client in a turn.
const LINES_PER_TURN: usize = 64;

/// The work of all clients of IRC in a turn, in bytes.
const TURN_WORK_MAX: usize = 524_288;

/// The work of a line besides that of its request, in bytes.
const LINE_WORK: usize = 1024;

/// After this the next turn begins.
const TURN_PAUSE: Duration = Duration::from_micros(1);

/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// IRC.
#[derive(Debug)]
pub(crate) struct IrcDoor {
    pub(super) conns: ConnMap<Conn>,
    pub(super) methods: BTreeMap<&'static str, &'static Method>,
    pub(super) open: BTreeMap<Ticket, Open>,
    queue: VecDeque<ConnId>,
    /// The work of this turn so far.
    pub(super) spent: usize,
    /// The number of the last batch.
    pub(super) batches: u64,
}

impl Default for IrcDoor {
    fn default() -> Self {
        IrcDoor {
            conns: ConnMap::default(),
            methods: table::methods().into_iter().map(|method| (method.name, method)).collect(),
            open: BTreeMap::new(),
            queue: VecDeque::new(),
            spent: 0,
            batches: 0,
        }
    }
}

impl Door for IrcDoor {
    fn open(&mut self, parts: &mut Parts<'_>, conn: ConnId, _: Listener) {
        self.conns.insert(conn, Conn::new(parts.cx.now));
        parts.clients.insert(conn, Session::new(&PLAIN, parts.cx.now));
    }

    fn refuse_plain_text(&mut self, parts: &mut Parts<'_>, conn: ConnId, _: Listener) {
        let mut one = Conn::new(parts.cx.now);
        one.leaves(parts.cx.now.mono);
        self.conns.insert(conn, one);
        parts.cx.fx.send(conn, b"ERROR :This port speaks TLS: connect with TLS\r\n");
        parts.cx.fx.close_when_flushed(conn);
    }

    fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        if matches!(one.stage, Stage::Leaving { .. }) {
            return;
        }
        one.unread.extend_from_slice(bytes);
        if !one.is_queued {
            self.read_on(parts, conn);
        }
        self.tidy(parts, conn);
    }

    fn flushed(&mut self, parts: &mut Parts<'_>, conn: ConnId) -> bool {
        let is_busy = self.conns.get(conn).is_some_and(|one| !one.unread.is_empty());
        if is_busy {
            self.tidy(parts, conn);
        }
        is_busy
    }

    fn turn(&mut self, parts: &mut Parts<'_>) -> Vec<ConnId> {
        let mut conns = Vec::new();
        // Each has one piece of work in a turn; what is not done stays in the queue.
        for _ in 0..self.queue.len() {
            if self.spent >= TURN_WORK_MAX {
                break;
            }
            let Some(conn) = self.queue.pop_front() else { break };
            if let Some(one) = self.conns.get_mut(conn) {
                one.is_queued = false;
                self.read_on(parts, conn);
                self.tidy(parts, conn);
                conns.push(conn);
            }
        }
        if !self.queue.is_empty() {
            parts.cx.timers.set(Wake::Turn, parts.cx.now.mono + TURN_PAUSE);
        }
        conns
    }

    fn turn_is_over(&mut self) {
        self.spent = 0;
    }

    fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let now = parts.cx.now.mono;
        self.lost_echoes(parts, conn);
        let Some(one) = self.conns.get_mut(conn) else { return };
        if one.deadline(parts.clients.get(conn)) > now {
            return;
        }
        match one.stage {
            Stage::New => {
                parts.cx.metrics.connections_at_fault += 1;
                parts.clients.dismiss(conn, Goodbye::Policy, "Registration timed out");
            }
            // Its answer cannot be read before it has read. A client that does not read at all has a deadline of its own.
            Stage::Registered if !parts.cx.fx.is_read(conn) || parts.cx.fx.pending_bytes(conn) > 0 => {
                (one.heard, one.pinged) = (now, None);
                if let Some(session) = parts.clients.get_mut(conn)
                    && parts.cx.fx.pending_bytes(conn) > 0
                {
                    session.falls_behind(&mut parts.cx, conn);
                }
            }
            Stage::Registered if one.pinged.is_none() => {
                one.pinged = Some(now);
                parts.cx.fx.send(conn, format!("PING :{SERVER}\r\n").as_bytes());
            }
            Stage::Registered => {
                parts.cx.metrics.connections_at_fault += 1;
                parts.clients.dismiss(conn, Goodbye::Policy, "Ping timeout");
            }
            Stage::Leaving { .. } => parts.cx.fx.close_now(conn),
        }
    }

    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant> {
        Some(self.conns.get(conn)?.deadline(parts.clients.get(conn)))
    }

    fn owes(&self, conn: ConnId) -> bool {
        self.open.values().any(|open| open.conn == conn)
            || self.conns.get(conn).is_some_and(|one| !one.unread.is_empty())
    }

    fn moved(&mut self, parts: &mut Parts<'_>, moved: &Moved) {
        let Moved { mud, mud_name, user, what } = moved;
        let source = source(user, mud_name, false);
        let to = (*mud, None);
        let for_each = |door: &IrcDoor, parts: &mut Parts<'_>, command: &str, channels: &[String]| {
            for channel in channels {
                let line = format!(":{source} {command} {}", shown_channel(channel));
                door.tell_channels(parts, to, std::slice::from_ref(channel), Caps::default(), &line);
            }
        };
        match what {
            Turned::Joined(channels) => for_each(self, parts, "JOIN", channels),
            Turned::Parted(channels) => for_each(self, parts, "PART", channels),
            Turned::Gone(channels) => {
                let line = format!(":{source} QUIT :Quit");
                self.tell_channels(parts, to, channels, Caps::default(), &line);
            }
            Turned::Away(why) => {
                let channels = persons::channels_of(parts.clients, *mud, user);
                let channels: Vec<String> = channels.into_iter().map(str::to_owned).collect();
                let why = why.as_ref().map_or_else(String::new, |why| format!(" :{why}"));
                let line = format!(":{source} AWAY{why}");
                self.tell_channels(parts, to, &channels, Caps::AWAY, &line);
            }
        }
    }

    fn finished(&mut self, parts: &mut Parts<'_>, finished: Finished) {
        self.answered(parts, finished);
    }

    fn dismiss(&mut self, parts: &mut Parts<'_>, conn: ConnId, goodbye: Goodbye, reason: &'static str) {
        self.says_goodbye(parts, conn, reason);
        let Some(one) = self.conns.get_mut(conn) else { return };
        let why = match goodbye {
            Goodbye::ShuttingDown if reason.is_empty() => "The gateway shuts down",
            Goodbye::MakingRoom => "The gateway is full",
            _ if reason.is_empty() => "Goodbye",
            _ => reason,
        };
        let nick = one.nick.as_deref().unwrap_or("*");
        let address = parts.clients.addresses.of(conn);
        let line = bounded(&format!("ERROR :Closing Link: {nick} [{address}] ({why})"));
        parts.cx.fx.send(conn, format!("{line}\r\n").as_bytes());
        one.leaves(parts.cx.now.mono);
        parts.cx.fx.set_aside(conn, 0);
        parts.cx.fx.close_when_flushed(conn);
    }

    fn leaving(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        self.says_goodbye(parts, conn, "Connection closed");
    }

    fn closed(&mut self, conn: ConnId) {
        self.conns.remove(conn);
        self.open.retain(|_, open| open.conn != conn);
    }
}

impl IrcDoor {
    /// Reads lines as long as there is time for this client.
    fn read_on(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        let bytes = std::mem::take(&mut one.unread);
        let mut input = &bytes[..];
        let mut lines = 0;
        while parts.clients.stays(conn)
            && parts.cx.fx.is_open(conn)
            && Clients::takes_more(&parts.cx, conn)
            && lines < LINES_PER_TURN
            && self.spent < TURN_WORK_MAX
        {
            let Some(one) = self.conns.get_mut(conn) else { return };
            let Some(line) = one.reader.next(&mut input, TAGS_BYTES_MAX + LINE_BYTES_MAX + 2) else { break };
            lines += 1;
            self.spent += LINE_WORK;
            match line {
                Line::Text(line) => self.text(parts, conn, &line),
                Line::TooLong(_) => self.too_long(parts, conn),
            }
        }
        if let Some(one) = self.conns.get_mut(conn)
            && !matches!(one.stage, Stage::Leaving { .. })
            && parts.clients.stays(conn)
        {
            one.unread = input.to_vec();
        }
    }

    /// Counts what is held for a connection, and lets what is unread wait for its turn.
    fn tidy(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        parts.clients.bound(&mut parts.cx, conn);
        let takes_more = Clients::takes_more(&parts.cx, conn);
        let Some(one) = self.conns.get_mut(conn) else { return };
        let waits = !one.unread.is_empty();
        parts.cx.fx.set_aside(conn, one.unread.len());
        parts.cx.fx.pause(conn, waits);
        if waits && takes_more && !std::mem::replace(&mut one.is_queued, true) {
            self.queue.push_back(conn);
            if parts.cx.timers.get(Wake::Turn).is_none() {
                parts.cx.timers.set(Wake::Turn, parts.cx.now.mono + TURN_PAUSE);
            }
        }
    }

    fn too_long(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let mut out = self.answer_to(conn);
        out.numeric(417, &[], "Input line was too long");
        self.send(parts, conn, out, None);
    }

    /// Begins an answer.
    pub(super) fn answer_to(&self, conn: ConnId) -> Out {
        Out::new(self.conns.get(conn).and_then(|one| one.nick.as_deref()))
    }

    /// Queues an answer for a client.
    pub(super) fn send(&mut self, parts: &mut Parts<'_>, conn: ConnId, out: Out, label: Option<&str>) {
        self.batches += 1;
        let caps = self.conns.get(conn).map_or_else(Caps::default, |one| one.caps);
        let bytes = out.bytes(caps, label, parts.cx.now.unix, self.batches);
        self.spent += bytes.len();
        if !bytes.is_empty() {
            parts.cx.fx.send(conn, &bytes);
            parts.clients.bound(&mut parts.cx, conn);
        }
    }

    /// Handles a line.
    fn text(&mut self, parts: &mut Parts<'_>, conn: ConnId, line: &[u8]) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        (one.heard, one.pinged) = (parts.cx.now.mono, None);
        if let Some(session) = parts.clients.get_mut(conn) {
            session.heard = parts.cx.now.mono;
        }
        if !one.is_registered() {
            one.early_lines += 1;
            let is_strange = is_http(line) || line.first() == Some(&TLS_HANDSHAKE);
            if is_strange || one.early_lines > EARLY_LINES_MAX {
                parts.cx.metrics.connections_at_fault += 1;
                return parts.clients.dismiss(conn, Goodbye::Policy, "This port speaks IRC");
            }
            let address = parts.clients.addresses.of(conn);
            parts.clients.addresses.charge(address, line.len(), parts.cx.now.mono);
        }
        let (text, _) = decode(Cow::Borrowed(line.strip_suffix(b"\r").unwrap_or(line)));
        match parse(&text) {
            Ok(message) => self.message(parts, conn, &message),
            Err(Unreadable::TooLong) => self.too_long(parts, conn),
            Err(Unreadable::Blank) => {}
        }
    }

    fn message(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message) {
        let labels = self.conns.get(conn).is_some_and(|one| one.caps.has(Caps::LABELS));
        let label = message.tag("label").filter(|_| labels);
        let mut out = self.answer_to(conn);
        self.command(parts, conn, message, &mut out, label);
        self.send(parts, conn, out, label);
        let (cx, mut delivery) = parts.delivery();
        delivery.replay(cx, conn);
    }

    /// Acknowledges labelled lines that have not come back from the network in time.
    fn lost_echoes(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let now = parts.cx.now.mono;
        let person = parts.clients.get_mut(conn).and_then(|session| session.person.as_mut());
        let labels = person.map(|person| person.forget_unechoed(now)).unwrap_or_default();
        for label in labels {
            let out = self.answer_to(conn);
            self.send(parts, conn, out, Some(&label));
        }
    }

    /// Returns the prefix of the client itself.
    pub(super) fn own_source(parts: &Parts<'_>, conn: ConnId) -> String {
        let session = parts.clients.get(conn);
        let user = session.and_then(|session| session.person.as_ref()).map_or("*", |person| &person.user);
        let mud = session.and_then(|session| session.identity.as_ref());
        source(user, mud.map_or("", |identity| &identity.mud_name), false)
    }

    /// Sends a line to other clients of the same mud that have joined one of these channels.
    pub(super) fn tell_peers(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        channels: &[String],
        needed: Caps,
        line: &str,
    ) {
        if let Some(mud) = parts.clients.get(conn).and_then(Session::mud_of_key) {
            self.tell_channels(parts, (mud, Some(conn)), channels, needed, line);
        }
    }

    /// Sends a line to the clients of a mud that have joined one of these channels, but for one.
    fn tell_channels(
        &self,
        parts: &mut Parts<'_>,
        (mud, except): (MudId, Option<ConnId>),
        channels: &[String],
        needed: Caps,
        line: &str,
    ) {
        let mut peers: Vec<ConnId> =
            channels.iter().flat_map(|channel| parts.clients.audience.of(mud, channel)).collect();
        peers.sort_unstable();
        peers.dedup();
        for peer in peers.into_iter().filter(|peer| Some(*peer) != except) {
            let Some(one) = self.conns.get(peer).filter(|one| one.is_registered() && one.caps.has(needed))
            else {
                continue;
            };
            let time = one.caps.has(Caps::TIME).then(|| format!("@time={} ", server_time(parts.cx.now.unix)));
            let line = format!("{}{}\r\n", time.unwrap_or_default(), bounded(line));
            parts.cx.fx.send(peer, line.as_bytes());
            parts.clients.bound(&mut parts.cx, peer);
        }
    }

    /// Whether the same user has another connection.
    pub(super) fn has_twin(parts: &Parts<'_>, conn: ConnId, channel: Option<&str>) -> bool {
        let Some(session) = parts.clients.get(conn) else { return false };
        let (Some(mud), Some(person)) = (session.mud_of_key(), &session.person) else { return false };
        parts.clients.iter().any(|(other, one)| {
            other != conn
                && !one.leaving
                && one.mud_of_key() == Some(mud)
                && one.person.as_ref().is_some_and(|other| other.is(&person.user))
                && channel.is_none_or(|channel| one.channels.contains_key(channel))
        }) || parts.clients.elsewhere.has(mud, &person.user, "", channel)
    }

    /// Tells others that a client has gone, once.
    fn says_goodbye(&mut self, parts: &mut Parts<'_>, conn: ConnId, reason: &str) {
        let Some(one) = self.conns.get_mut(conn).filter(|one| one.is_registered()) else { return };
        one.stage = Stage::Leaving { since: parts.cx.now.mono };
        let farewell = one.farewell.take();
        let Some(session) = parts.clients.get(conn) else { return };
        let channels: Vec<String> = session.channels.keys().cloned().collect();
        if !IrcDoor::has_twin(parts, conn, None) {
            let line = format!(
                ":{} QUIT :{}",
                IrcDoor::own_source(parts, conn),
                farewell.as_deref().unwrap_or(reason)
            );
            self.tell_peers(parts, conn, &channels, Caps::default(), &line);
        }
    }
}
