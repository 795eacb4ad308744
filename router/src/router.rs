//! The router: its connections, its timers, its end.
//!
//! `login` holds how a mud gets in and hears of the others, `relay` where its packets go, `speech` what channels do: as Dead
//! Souls and the specification have it. `coffeemud` is all of that once more, for there it is another router.

mod coffeemud;
mod login;
mod relay;
mod speech;

use crate::channels::Channels;
use crate::coffeemud::heap::Heap;
use crate::flood::FloodControl;
use crate::lists::ListId;
use crate::registry::{self, MudId, Presence, Registry, Suspects};
use crate::rules::{Form, Rules};
use crate::settings::{Faults, RouterSettings};
use crate::wire;
use bytes::Bytes;
use i3_core::effects::{ConnMap, Effects};
use i3_core::i3::{Deframer, Value};
use i3_core::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, Refused, Saved};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now};
use i3_core::timers::Timers;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How often muds that have been away for a week are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Subscriptions are saved together, this long after the first: `channel-listen` costs a mud nothing, a save does.
const SAVE_AFTER: Duration = Duration::from_secs(1);
/// For how long after its start a Dead Souls router forgets who logs in.
const FORGETFUL_FOR: Duration = Duration::from_secs(2);
/// How long a connection may take to read what it is still owed.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// Why the router wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouterWake {
    /// A connection has not logged in.
    Login(ConnId),
    /// A connection that is being closed has not read what it is owed.
    Linger(ConnId),
    /// The next packet of the second copy of the mudlist.
    MudlistAgain(ConnId),
    /// A mud's arrival is to be told.
    Joined(MudId),
    /// A mud's loss is to be told.
    Left(MudId),
    /// Nothing was said to or by a mud for long.
    Idle(MudId),
    /// Connections are to be looked at.
    Tick,
    /// The muds that logged in so far are to be forgotten.
    ForgetFirst,
    /// A flooding mud may be heard again.
    Release,
    /// Muds that stayed away are to be forgotten.
    Sweep,
    /// Subscriptions are to be saved.
    Save,
    /// The end may wait no longer.
    Stop,
}

/// What happened so far, for an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterMetrics {
    /// Connections that were taken.
    pub connections_accepted: u64,
    /// Connections that were not.
    pub connections_refused: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were answered with silence.
    pub logins_refused: u64,
    /// Frames that arrived, packets or not.
    pub packets_in: u64,
    /// Frames that were queued for muds: a broadcast counts once for each.
    pub packets_out: u64,
    /// Bytes that arrived.
    pub bytes_in: u64,
    /// Bytes of those frames.
    pub bytes_out: u64,
    /// Errors that were sent.
    pub errors_out: u64,
    /// Packets that went nowhere, by the reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Times a mud was put on the gray list.
    pub floods: u64,
    /// Muds that were cut off because they do not read.
    pub cut_off: u64,
    /// Saves that failed.
    pub saves_failed: u64,
    /// Reports about connections that were already gone.
    pub late_inputs: u64,
}

impl RouterMetrics {
    fn drop_packet(&mut self, reason: &'static str) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}

/// What a connection is doing.
#[derive(Debug)]
enum ConnState {
    /// It has not logged in; so many logins were refused.
    New { refusals: u32 },
    /// It is a mud, to which this is still to be said again.
    Mud { mud: MudId, again: VecDeque<MudId> },
    /// It stays open, and nothing it says counts.
    Deaf,
    /// It is being closed: nothing it says counts.
    Closing,
}

/// Where its bytes go.
#[derive(Debug)]
enum Intake {
    /// They are read as they come.
    Frames(Deframer),
    /// They wait to be looked at.
    Heap(Heap),
}

#[derive(Debug)]
struct Conn {
    ip: IpAddr,
    intake: Intake,
    state: ConnState,
}

/// How far the router is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Stopping,
    Stopped,
}

/// An Intermud-3 router.
///
/// It follows the rules of one [`crate::Dialect`]. What a peer does wrong is answered as that router answers it, which is
/// often silence; the reason then goes to the operator as a notice, or is counted in [`RouterMetrics::dropped`].
///
/// - Dead Souls: passwords that are kept; the mudlist in tens under random ids and then again one by one; the whole
///   channel list after each change; flood control; errors, but none to a stranger. What it does wrong, [`Faults`] has.
/// - CoffeeMud: no password; four packets a second; a mud's own channel lines are not sent back; no escapes, Latin-1, no
///   NUL; what it does not know, cannot read or finds too long is dropped without a word; what is gone is noticed when
///   something is written to it.
/// - The specification: an error for everything that fails, strangers too; lists with only what has changed; ids that
///   are times; hops that are counted.
#[derive(Debug)]
pub struct Router {
    settings: RouterSettings,
    rng: fastrand::Rng,
    effects: Effects,
    timers: Timers<RouterWake>,
    conns: ConnMap<Conn>,
    muds: Registry,
    suspects: Suspects,
    channels: Channels,
    flood: FloodControl,
    mudlist: ListId,
    chanlist: ListId,
    /// Connections that have ended, of muds that count as online until something is written to them (CoffeeMud).
    unnoticed: BTreeMap<ConnId, MudId>,
    /// Muds whose end was noticed by writing, to be told when the current input is done.
    fallen: Vec<MudId>,
    /// The second of wall-clock time in which the last connection was taken.
    accepted_in: u64,
    stage: Stage,
    started: Instant,
    /// The latest time that was said.
    now: Instant,
    saves_pending: u64,
    /// Muds whose outbox is over its limit, to be cut off when the current input is done.
    laggards: Vec<ConnId>,
    metrics: RouterMetrics,
}

impl Router {
    /// A router that remembers what an earlier one had saved. `seed` is all its randomness: a driver takes it from
    /// the operating system, since passwords are made of it.
    pub fn new(settings: RouterSettings, saved: Saved, seed: u64, now: Now) -> Router {
        let mut router = Router {
            settings,
            rng: fastrand::Rng::with_seed(seed),
            effects: Effects::default(),
            timers: Timers::default(),
            conns: ConnMap::default(),
            muds: Registry::default(),
            suspects: Suspects::default(),
            channels: Channels::default(),
            flood: FloodControl::default(),
            mudlist: ListId::default(),
            chanlist: ListId::default(),
            unnoticed: BTreeMap::new(),
            fallen: Vec::new(),
            accepted_in: 0,
            stage: Stage::Running,
            started: now.mono,
            now: now.mono,
            saves_pending: 0,
            laggards: Vec::new(),
            metrics: RouterMetrics::default(),
        };
        if router.rules().deltas {
            // Later than any id of an earlier run.
            let second = i64::try_from(now.unix.seconds()).unwrap_or(0);
            (router.mudlist, router.chanlist) = (ListId::new(second), ListId::new(second));
        }
        router.load(saved, now);
        if router.settings.faults.forgets_first_logins {
            router.timers.set(RouterWake::ForgetFirst, now.mono + FORGETFUL_FOR);
        }
        router.channels.set_stock(&router.settings.name, &router.settings.channels);
        router.save_channels();
        if router.rules().forgets_muds {
            router.timers.set(RouterWake::Sweep, now.mono + SWEEP_EVERY);
        }
        router
    }

    fn rules(&self) -> &'static Rules {
        self.settings.dialect.rules()
    }

    /// What the router does wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// What the router does wrong.
    pub fn faults(&self) -> &Faults {
        &self.settings.faults
    }

    /// Loses its memory of a mud that is online: it is shown as down, its connection stays open, and what it sends goes
    /// nowhere. Says whether there was such a mud.
    pub fn forget(&mut self, now: Now, name: &str) -> bool {
        let now = self.clamp(now);
        let found = self.muds.iter().find(|(_, mud)| mud.name == name).map(|(id, mud)| (id, mud.conn()));
        let Some((id, Some(conn))) = found else { return false };
        self.forget_online(now, id, conn);
        self.tell_fallen(now);
        true
    }

    /// What happened so far.
    pub fn metrics(&self) -> &RouterMetrics {
        &self.metrics
    }

    /// The names of the muds that are online, in the order in which they became known.
    pub fn online(&self) -> impl Iterator<Item = &str> {
        self.muds.online().map(|(mud, _)| mud.name.as_str())
    }

    /// How many connections are open, logged in or not.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// How many muds are remembered, online or not.
    pub fn muds_known(&self) -> usize {
        self.muds.len()
    }

    fn load(&mut self, saved: Saved, now: Now) {
        for Change { space, key, value } in saved.entries {
            let Some(value) = value else { continue };
            let loaded = match &*space {
                registry::SPACE => self.muds.load(&key, &value, now.unix.seconds()),
                crate::channels::SPACE => self.channels.load(&key, &value),
                coffeemud::IDS_SPACE => self.load_list_id(&key, &value),
                // The store may hold other machines' facts.
                _ => true,
            };
            if !loaded {
                self.notice(Level::Error, "saved entry cannot be read", |n| {
                    n.with("space", &space).with("key", &key)
                });
            }
        }
    }

    fn notice(&mut self, level: Level, what: &'static str, fields: impl FnOnce(Notice) -> Notice) {
        self.effects.notice(fields(Notice::new(level, "router", what)));
    }

    fn save(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.saves_pending += 1;
            self.effects.save(self.now, changes);
        }
    }

    fn save_channels(&mut self) {
        self.timers.clear(RouterWake::Save);
        let changes = self.channels.take_changes();
        self.save(changes);
    }

    /// Time does not go back, whatever a driver says.
    fn clamp(&mut self, now: Now) -> Now {
        self.now = self.now.max(now.mono);
        Now { mono: self.now, ..now }
    }
}

impl Machine for Router {
    type Wake = RouterWake;

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        let now = self.clamp(now);
        let ip = peer.ip().to_canonical();
        let refused = match on {
            Listener::Mud if self.stage != Stage::Running => Some(Refused::ShuttingDown),
            Listener::Mud if self.suspects.is_shut_out(ip, now.unix.seconds()) => Some(Refused::Address),
            Listener::Mud if self.conns.len() >= self.settings.connections_max => Some(Refused::TooMany),
            Listener::Mud => None,
            Listener::Http | Listener::Lines => Some(Refused::WrongListener),
        };
        if let Some(refused) = refused {
            self.metrics.connections_refused += 1;
            return Err(refused);
        }
        self.metrics.connections_accepted += 1;
        let conn = self.effects.open();
        let last = std::mem::replace(&mut self.accepted_in, now.unix.seconds());
        if self.settings.faults.one_accept_a_second && last == self.accepted_in {
            // Accepted, and closed with nothing said.
            self.effects.close_now(conn);
            return Ok(conn);
        }
        let intake = match self.rules().form {
            Form::Driver => Intake::Frames(Deframer::new(self.settings.frame_bytes_max)),
            Form::CoffeeMud => Intake::Heap(Heap::default()),
        };
        self.conns.insert(conn, Conn { ip, intake, state: ConnState::New { refusals: 0 } });
        let timeout = self.rules().startup_timeout.unwrap_or(self.settings.startup_timeout);
        self.timers.set(RouterWake::Login(conn), now.mono + timeout);
        Ok(conn)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        let now = self.clamp(now);
        match input {
            Input::Received { conn, bytes } => self.received(now, conn, bytes),
            Input::Flushed { conn } => self.flushed(conn),
            Input::Lost { conn, by } => self.lost(now, conn, &by),
            Input::Saved { outcome, .. } => self.saved(outcome),
            Input::Shutdown => self.shutdown(now),
            // A router dials nobody.
            Input::Dialed { .. } | Input::Secured { .. } => self.metrics.late_inputs += 1,
        }
        self.tell_fallen(now);
        self.cut_off_laggards(now);
        self.stop_if_done();
    }

    fn handle_timeout(&mut self, now: Now) {
        let now = self.clamp(now);
        while let Some(wake) = self.timers.pop_due(now.mono) {
            match wake {
                RouterWake::Login(conn) => self.close(now, conn, "no login in time"),
                RouterWake::Linger(conn) => self.close(now, conn, "did not read the end"),
                RouterWake::MudlistAgain(conn) => self.mudlist_again(now, conn),
                RouterWake::Joined(mud) => self.tell_news(now, mud),
                RouterWake::Left(mud) => self.tell_left(now, mud),
                RouterWake::Idle(mud) => self.coffee_ping(mud),
                RouterWake::Tick => self.coffee_tick(now),
                RouterWake::ForgetFirst => self.forget_first(now),
                RouterWake::Release => self.release(now),
                RouterWake::Sweep => self.sweep(now),
                RouterWake::Save => self.save_channels(),
                RouterWake::Stop => self.stop(),
            }
        }
        self.tell_fallen(now);
        self.cut_off_laggards(now);
        self.stop_if_done();
    }

    fn poll_timeout(&self) -> Option<(Instant, RouterWake)> {
        self.timers.next()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.effects.poll()
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.effects.take_bytes(conn, budget, into)
    }
}

/// Connections.
impl Router {
    fn received(&mut self, now: Now, conn: ConnId, bytes: &[u8]) {
        let Some(peer) = self.conns.get_mut(conn) else {
            self.metrics.late_inputs += 1;
            return;
        };
        self.metrics.bytes_in += bytes.len() as u64;
        if matches!(peer.state, ConnState::Deaf | ConnState::Closing) {
            return;
        }
        let mut deframer = match &mut peer.intake {
            Intake::Frames(deframer) => std::mem::take(deframer),
            Intake::Heap(heap) => {
                let lost = heap.push(bytes);
                return self.coffee_pushed(now, lost);
            }
        };
        let mut input = bytes;
        while matches!(
            self.conns.get(conn),
            Some(Conn { state: ConnState::New { .. } | ConnState::Mud { .. }, .. })
        ) {
            match deframer.next(&mut input) {
                Ok(Some(text)) => self.frame(now, conn, text),
                Ok(None) => break,
                Err(error) => {
                    self.metrics.drop_packet("frame too long");
                    self.notice(Level::Warn, "frame too long", |n| n.with("error", error));
                    return self.close(now, conn, "a frame was too long");
                }
            }
        }
        if let Some(peer) = self.conns.get_mut(conn) {
            peer.intake = Intake::Frames(deframer);
        }
    }

    fn flushed(&mut self, conn: ConnId) {
        self.effects.flushed(conn);
        if !self.effects.is_open(conn) && self.conns.remove(conn).is_some() {
            self.timers.clear(RouterWake::Linger(conn));
        }
    }

    fn lost(&mut self, now: Now, conn: ConnId, by: &LostBy) {
        if !self.effects.release(conn) {
            self.metrics.late_inputs += 1;
            return;
        }
        if self.rules().form == Form::CoffeeMud
            && let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(conn)
        {
            self.unnoticed.insert(conn, *mud);
            self.conns.remove(conn);
            return;
        }
        match by {
            LostBy::EndOfStream => self.forget_conn(now, conn, "it closed the connection"),
            LostBy::Error(error) | LostBy::Handshake(_, error) => self.forget_conn(now, conn, error),
        }
    }

    /// Closes at once.
    fn close(&mut self, now: Now, conn: ConnId, why: &str) {
        self.forget_conn(now, conn, why);
        self.effects.close_now(conn);
    }

    /// Closes when the peer has read what it is owed, or has had the time to.
    fn close_gently(&mut self, now: Now, conn: ConnId) {
        let Some(peer) = self.conns.get_mut(conn) else { return };
        peer.state = ConnState::Closing;
        self.timers.clear(RouterWake::Login(conn));
        self.timers.clear(RouterWake::MudlistAgain(conn));
        if self.effects.close_when_flushed(conn) {
            self.conns.remove(conn);
        } else {
            self.timers.set(RouterWake::Linger(conn), now.mono + LINGER_MAX);
        }
    }

    /// The connection is gone or about to be; a mud on it is now offline, which the others hear later.
    fn forget_conn(&mut self, now: Now, conn: ConnId, why: &str) {
        let Some(peer) = self.conns.remove(conn) else { return };
        for wake in [RouterWake::Login(conn), RouterWake::Linger(conn), RouterWake::MudlistAgain(conn)] {
            self.timers.clear(wake);
        }
        match peer.state {
            ConnState::Mud { mud, .. } => self.set_offline(now, mud, why),
            ConnState::New { .. } => {
                self.notice(Level::Info, "connection ended without login", |n| {
                    n.with("ip", peer.ip).with("reason", why)
                });
            }
            ConnState::Deaf | ConnState::Closing => {}
        }
    }

    fn set_offline(&mut self, now: Now, id: MudId, why: &str) {
        let Some(mud) = self.muds.get_mut(id) else { return };
        let news = &self.settings.dialect.rules().news;
        mud.presence = Presence::Offline(now.unix.seconds());
        if news.down_at_once {
            mud.state = 0;
        }
        let name = mud.name.clone();
        self.timers.clear(RouterWake::Idle(id));
        self.timers.set(RouterWake::Left(id), now.mono + news.left_after);
        self.notice(Level::Info, "mud left", |n| n.with("mud", name).with("reason", why));
    }

    /// The mud is no longer online, though its connection stays; on that it may log in again.
    fn forget_online(&mut self, now: Now, id: MudId, conn: ConnId) {
        if let Some(peer) = self.conns.get_mut(conn) {
            peer.state = ConnState::New { refusals: 0 };
        }
        self.timers.clear(RouterWake::MudlistAgain(conn));
        self.timers.clear(RouterWake::Joined(id));
        self.set_offline(now, id, "it was forgotten");
    }

    fn forget_first(&mut self, now: Now) {
        let online: Vec<(MudId, ConnId)> =
            self.muds.iter().filter_map(|(id, mud)| Some((id, mud.conn()?))).collect();
        for (id, conn) in online {
            self.forget_online(now, id, conn);
        }
    }

    /// Whether a login is one of those that are forgotten.
    fn is_forgetful(&self, now: Now) -> bool {
        self.settings.faults.forgets_first_logins && now.mono.since(self.started) < FORGETFUL_FOR
    }

    /// A packet of the router's own.
    fn packet(&self, kind: &str, to: Option<&str>, to_user: Value<'_>, fields: Vec<Value<'_>>) -> Bytes {
        wire::packet(self.rules().form, kind, &self.settings.name, to, to_user, fields)
    }

    /// Queues a frame.
    fn send(&mut self, conn: ConnId, frame: Bytes) {
        if let Some(mud) = self.unnoticed.remove(&conn) {
            self.metrics.drop_packet("mud gone unnoticed");
            self.fallen.push(mud);
            return;
        }
        self.coffee_traffic(conn);
        self.metrics.packets_out += 1;
        self.metrics.bytes_out += frame.len() as u64;
        self.effects.send_shared(conn, frame);
        if self.effects.pending_bytes(conn) > self.settings.outbox_bytes_max && !self.laggards.contains(&conn)
        {
            self.laggards.push(conn);
        }
    }

    /// What was written to could not be: those muds are down, which the others hear, and that may bring up more.
    fn tell_fallen(&mut self, now: Now) {
        while let Some(mud) = self.fallen.pop() {
            self.set_offline(now, mud, "its connection had ended");
        }
    }

    fn cut_off_laggards(&mut self, now: Now) {
        for conn in std::mem::take(&mut self.laggards) {
            self.metrics.cut_off += 1;
            self.close(now, conn, "it does not read");
        }
    }

    fn saved(&mut self, outcome: Result<(), String>) {
        self.saves_pending = self.saves_pending.saturating_sub(1);
        if let Err(error) = outcome {
            self.metrics.saves_failed += 1;
            self.notice(Level::Error, "save failed", |n| n.with("error", error));
        }
    }

    fn shutdown(&mut self, now: Now) {
        if self.stage != Stage::Running {
            return;
        }
        self.stage = Stage::Stopping;
        self.save_channels();
        let conns: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in conns {
            self.close_gently(now, conn);
        }
        self.timers.set(RouterWake::Stop, now.mono + LINGER_MAX);
    }

    fn stop_if_done(&mut self) {
        if self.stage == Stage::Stopping && self.conns.is_empty() && self.saves_pending == 0 {
            self.stop();
        }
    }

    fn stop(&mut self) {
        if self.stage == Stage::Stopped {
            return;
        }
        self.stage = Stage::Stopped;
        let conns: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in conns {
            self.conns.remove(conn);
            self.effects.close_now(conn);
        }
        self.timers = Timers::default();
        self.effects.stopped();
    }
}
