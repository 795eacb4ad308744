//! The gateway as a machine: says which part an input is for, and keeps time.

use crate::api::conn::ApiConn;
use crate::api::event;
use crate::api::json::Object;
use crate::effects::{ConnMap, Effects};
use crate::events::{Events, ids};
use crate::health::{Health, Process};
use crate::hub::{Hub, QUEUED_PACKET_MAX_AGE, To, Wake};
use crate::link::RouterLink;
use crate::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, Refused, SaveTicket, Saved};
use crate::metrics::Metrics;
use crate::moderation::UserRates;
use crate::mud::Mud;
use crate::notice::{Level, Notice};
use crate::pending::Pending;
use crate::service::host::Filters;
use crate::service::{host, inbound};
use crate::session::addresses::Addresses;
use crate::session::rates::Rates;
use crate::settings::{Settings, SettingsError};
use crate::time::{Instant, Now};
use crate::timers::Timers;
use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// How long a shutdown waits for the last bytes.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Saves under way whose time is taken.
const SAVING_MAX: usize = 10_000;

/// What a connection is for.
#[derive(Debug)]
enum Peer {
    Api(ApiConn),
    Router(usize),
}

/// An Intermud-3 gateway: see the crate's documentation.
pub struct Gateway {
    hub: Hub,
    peers: ConnMap<Peer>,
    /// Saves that are not answered yet, and when they began.
    saving: VecDeque<(SaveTicket, Instant)>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("connections", &self.peers.len()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway that dials its routers at once. `seed` is for jitter and for names that only have to differ.
    pub fn new(settings: Settings, saved: &Saved, seed: u64, now: Now) -> Result<Gateway, SettingsError> {
        settings.check()?;
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut fx = Effects::default();
        fx.retry_saves();
        let presence_ttl = settings.api.presence_ttl;
        let mut muds = Vec::new();
        for one in &settings.muds {
            let mut mud = Mud::new(one.clone(), &settings.link, presence_ttl, rng.u64(..), now);
            let unreadable = mud.restore(saved);
            if unreadable > 0 {
                let notice =
                    Notice::new(Level::Warn, "store", "saved entries that cannot be read were left out");
                fx.notice(notice.with("mud", &one.name).with("entries", unreadable));
            }
            muds.push(mud);
        }
        let events = Events::restore(settings.muds.iter().map(|mud| mud.name.as_str()), saved);
        let mut event_ids = ids::Ids::restore(saved);
        event_ids.skip_to(events.last_restored());
        event_ids.reserve(&mut fx);
        let mut hub = Hub {
            settings,
            fx,
            metrics: Metrics::default(),
            timers: Timers::default(),
            rng,
            now,
            muds,
            sessions: ConnMap::default(),
            addresses: Addresses::default(),
            rates: Rates::default(),
            user_rates: UserRates::default(),
            tracers: BTreeSet::new(),
            websockets: 0,
            handshake_fault_told: None,
            pending: Pending::default(),
            filters: Filters::default(),
            event_ids,
            events,
            last_message_micros: 0,
            dials: Vec::new(),
            process: None,
            lag: Duration::ZERO,
            started: now.mono,
            stopping: false,
        };
        hub.tell_unreadable_events();
        hub.set_sweep();
        let mut gateway = Gateway { hub, peers: ConnMap::default(), saving: VecDeque::new() };
        for mud in 0..gateway.hub.muds.len() {
            gateway.link_due(mud);
        }
        Ok(gateway)
    }

    /// Takes new settings over, or none of them when they do not make sense. Nobody is dropped but those whose key or address may not connect any more.
    /// Notices say what was applied, and what waits for a reconnect or a restart.
    ///
    /// Settle the machine afterwards, as after an input.
    pub fn reload(&mut self, now: Now, settings: Settings) -> Result<(), SettingsError> {
        self.set_now(now);
        crate::reload::reload(&mut self.hub, settings)
    }

    /// What is to be durable before a gateway is constructed with `saved`, so that whatever becomes of it, the next one
    /// gives out no event id that it has given out.
    pub fn before_start(saved: &Saved) -> Vec<Change> {
        ids::set_aside(saved)
    }

    /// What a state that is restored from an older copy takes over from the one before it: no event id is given twice.
    pub fn carry_over(before: &Saved, restored: &Saved) -> Vec<Change> {
        ids::carry_over(before, restored)
    }

    /// Takes the figures of the process over, for `/metrics`, and says how it is. A driver asks every few seconds; that it
    /// gets an answer shows that its loop turns.
    pub fn report(&mut self, now: Now, process: Process) -> Health {
        self.set_now(now);
        let hub = &mut self.hub;
        hub.lag = hub.now.mono.since(process.due);
        hub.process = Some(process);
        hub.health(self.peers.len())
    }

    /// The names of the routers whose passwords a store holds for a mud.
    pub fn saved_passwords(saved: &Saved, mud: &str) -> Vec<String> {
        crate::mud::saved_passwords(saved, mud)
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.hub.stopping
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.hub.metrics
    }

    /// Whether every router link is ready.
    pub fn is_ready(&self) -> bool {
        self.hub.is_ready()
    }

    /// Bytes that wait for all connections together, or are on their way.
    pub fn pending_bytes(&self) -> usize {
        self.hub.fx.total_pending_bytes()
    }

    /// Time does not go back.
    fn set_now(&mut self, now: Now) {
        self.hub.now = Now { mono: now.mono.max(self.hub.now.mono), unix: now.unix };
    }

    /// Runs a step of a link and keeps the connection table in line with it.
    fn link_step(
        &mut self,
        mud: usize,
        step: impl FnOnce(&mut RouterLink, Now, &mut Effects) -> Option<crate::link::LinkEvent>,
    ) {
        let event = self.hub.with_link(mud, step);
        for conn in self.hub.muds[mud].link.conns() {
            if self.peers.get(conn).is_none() {
                self.peers.insert(conn, Peer::Router(mud));
            }
        }
        inbound::link_event(&mut self.hub, mud, event);
    }

    /// A deadline of a link has passed.
    fn link_due(&mut self, mud: usize) {
        self.hub.space_dials(mud);
        self.link_step(mud, RouterLink::handle_timeout);
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        match self.peers.get_mut(conn) {
            Some(Peer::Api(api)) => api.received(&mut self.hub, conn, bytes),
            Some(Peer::Router(mud)) => inbound::bytes(&mut self.hub, *mud, conn, bytes),
            None => self.hub.metrics.late_inputs += 1,
        }
    }

    fn dialed(&mut self, conn: ConnId) {
        let Some(Peer::Router(mud)) = self.peers.get(conn) else {
            self.hub.metrics.late_inputs += 1;
            return;
        };
        let mud = *mud;
        let one = &mut self.hub.muds[mud];
        if one.link.conn() == Some(conn) {
            one.choose_password();
            one.pacer.connected();
            one.pacer.count(self.hub.now.mono, crate::link::pacer::STARTUP_WEIGHT);
        }
        self.link_step(mud, |link, now, fx| link.dialed(now, conn, fx));
    }

    fn flushed(&mut self, conn: ConnId) {
        let before = self.hub.fx.total_pending_bytes();
        self.hub.fx.flushed(conn);
        let bytes = (before - self.hub.fx.total_pending_bytes()) as u64;
        match self.peers.get(conn) {
            Some(Peer::Router(mud)) => {
                self.hub.metrics.router_bytes_sent += bytes;
                let mud = *mud;
                let one = &mut self.hub.muds[mud];
                if one.link.conn() == Some(conn) && self.hub.fx.pending_bytes(conn) == 0 {
                    one.pacer.written(self.hub.now.mono);
                }
                self.link_step(mud, RouterLink::flushed);
                self.hub.pump(mud);
            }
            Some(Peer::Api(_)) => {
                self.hub.metrics.api_bytes_sent += bytes;
                self.hub.client_flushed(conn);
            }
            None => self.hub.metrics.late_inputs += 1,
        }
    }

    fn lost(&mut self, conn: ConnId, by: LostBy) {
        self.hub.fx.release(conn);
        match self.peers.remove(conn) {
            Some(Peer::Router(mud)) => {
                let reason = match by {
                    LostBy::EndOfStream => "closed by the router".to_owned(),
                    LostBy::Error(text) | LostBy::Handshake(_, text) => text,
                };
                self.link_step(mud, |link, now, fx| link.lost(now, conn, fx, reason));
            }
            Some(Peer::Api(api)) => {
                api.lost(&mut self.hub, conn, by);
                self.hub.forget_client(conn);
            }
            None => self.hub.metrics.late_inputs += 1,
        }
    }

    fn secured(&mut self, conn: ConnId) {
        match self.peers.get_mut(conn) {
            Some(Peer::Api(api)) => api.secured(&mut self.hub, conn),
            _ => self.hub.metrics.late_inputs += 1,
        }
    }

    fn saved(&mut self, ticket: SaveTicket, outcome: &Result<(), String>) {
        // They are answered in order; what is older than the one that is answered is lost.
        while let Some((saving, since)) = self.saving.pop_front_if(|(saving, _)| *saving <= ticket) {
            if saving == ticket {
                self.hub.metrics.save_time.observe(self.hub.now.mono.since(since));
            }
        }
        self.hub.save_answered(ticket, outcome);
        for mud in 0..self.hub.muds.len() {
            self.link_step(mud, |link, now, fx| link.saved(now, fx, ticket, outcome));
        }
    }

    /// Tells everybody, says goodbye to the routers, and closes.
    fn shutdown(&mut self) {
        if std::mem::replace(&mut self.hub.stopping, true) {
            return;
        }
        let params = Object::default().with("message", "The gateway shuts down");
        self.hub.emit(To::All, &event::SHUTDOWN_WARNING, params);
        for mud in 0..self.hub.muds.len() {
            self.hub.expire(mud, Duration::ZERO, "the gateway shuts down");
            self.link_step(mud, RouterLink::stop);
        }
        let clients: Vec<ConnId> = self
            .peers
            .iter()
            .filter(|(_, peer)| matches!(peer, Peer::Api(_)))
            .map(|(conn, _)| conn)
            .collect();
        for conn in clients {
            self.hub.close_client(conn, CloseCode::Away, "the gateway shuts down");
        }
        self.hub.timers.set(Wake::Stop, self.hub.now.mono + STOP_TIMEOUT);
        self.stop_if_done();
    }

    fn stop_if_done(&mut self) {
        let waiting = self.hub.timers.get(Wake::Stop).is_some();
        if waiting && self.hub.fx.open_count() == 0 && self.hub.muds.iter().all(|mud| mud.link.is_stopped()) {
            self.stopped();
        }
    }

    /// What is to be saved is saved before the store is closed.
    fn stopped(&mut self) {
        self.hub.save_marks();
        self.hub.fx.save_again();
        self.hub.timers = Timers::default();
        self.hub.fx.stopped();
    }

    fn stop_now(&mut self) {
        let all: Vec<ConnId> = self.peers.iter().map(|(conn, _)| conn).collect();
        for conn in all {
            self.hub.fx.close_now(conn);
        }
        self.stopped();
    }

    /// Says whether a client may connect, and gives it its place.
    fn admit(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        self.set_now(now);
        if self.hub.stopping {
            return Err(Refused::ShuttingDown);
        }
        if on == Listener::Mud {
            return Err(Refused::WrongListener);
        }
        let address = peer.ip().to_canonical();
        let rules = &self.hub.settings.api.addresses;
        // For whom a proxy asks is known when its request has come.
        let is_proxy = on == Listener::Http && rules.trusts(address);
        if rules.bar(address) || !is_proxy && !rules.allow(address) {
            self.hub.metrics.connections_forbidden += 1;
            return Err(Refused::Address);
        }
        // The routers' connections do not count.
        let routers: usize = self.hub.muds.iter().map(|mud| mud.link.conns().count()).sum();
        let clients = self.hub.fx.open_count().saturating_sub(routers);
        if clients >= self.hub.settings.api.connections_max || self.hub.is_full(address) {
            self.hub.metrics.connections_refused += 1;
            return Err(Refused::TooMany);
        }
        self.hub.metrics.connections_accepted += 1;
        let conn = self.hub.fx.open();
        self.hub.addresses.set(conn, address);
        Ok(conn)
    }

    fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Link(mud, _) => self.link_due(mud),
            Wake::Pace(mud) => self.hub.pump(mud),
            Wake::Expire(mud) => {
                self.hub.expire(mud, QUEUED_PACKET_MAX_AGE, "the router was away for too long");
            }
            Wake::Client(conn) => {
                if let Some(Peer::Api(api)) = self.peers.get_mut(conn) {
                    api.handle_timeout(&mut self.hub, conn);
                }
            }
            Wake::Answer(key) => self.hub.wait_is_over(key),
            Wake::Filter(key) => host::filter_is_late(&mut self.hub, key),
            Wake::Sweep => self.hub.sweep(),
            Wake::Marks => self.hub.save_marks(),
            Wake::Save => self.hub.fx.save_again(),
            Wake::Stop => self.stop_now(),
        }
    }
}

impl Machine for Gateway {
    type Wake = Wake;

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        let conn = self.admit(now, on, peer)?;
        let api = ApiConn::open(&mut self.hub, conn, on);
        self.peers.insert(conn, Peer::Api(api));
        Ok(conn)
    }

    fn accept_secured(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        let conn = self.admit(now, on, peer)?;
        let api = ApiConn::securing(&mut self.hub, conn, on);
        self.peers.insert(conn, Peer::Api(api));
        Ok(conn)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.set_now(now);
        match input {
            Input::Received { conn, bytes } => self.received(conn, bytes),
            Input::Flushed { conn } => self.flushed(conn),
            Input::Dialed { conn } => self.dialed(conn),
            Input::Secured { conn } => self.secured(conn),
            Input::Lost { conn, by } => self.lost(conn, by),
            Input::Saved { ticket, outcome } => self.saved(ticket, &outcome),
            Input::Shutdown => self.shutdown(),
        }
        self.stop_if_done();
    }

    fn handle_timeout(&mut self, now: Now) {
        self.set_now(now);
        if let Some(wake) = self.hub.timers.pop_due(self.hub.now.mono) {
            self.wake(wake);
            self.stop_if_done();
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.hub.timers.next()
    }

    fn poll_output(&mut self) -> Option<Output> {
        let output = self.hub.fx.poll()?;
        // Whoever decided to close it, the table of peers learns it here.
        if let Output::Close { conn } = output {
            self.peers.remove(conn);
            self.hub.forget_client(conn);
        }
        if let Output::Save { ticket, .. } = output
            && self.saving.len() < SAVING_MAX
        {
            self.saving.push_back((ticket, self.hub.now.mono));
        }
        Some(output)
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.hub.fx.take_bytes(conn, budget, into)
    }
}
