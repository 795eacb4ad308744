//! The gateway as a machine: it owns the parts, passes each input to the part concerned, and runs the timers.

use crate::clients::{Clients, Goodbye};
use crate::cx::Cx;
use crate::door::Doors;
use crate::effects::Effects;
use crate::health::{Health, Process};
use crate::ids::MudId;
use crate::journal::{self, Journal, Selection};
use crate::machine::{Change, ConnId, Input, Listener, LostBy, Machine, Output, Refused, SaveError, Saved};
use crate::metrics::Metrics;
use crate::muds::{self, Mud, Muds, QUEUED_PACKET_MAX_AGE};
use crate::nodes::Nodes;
use crate::notice::{Level, Notice, Shown};
use crate::run::Run;
use crate::saves::Saves;
use crate::service::held::Filters;
use crate::service::past::Past;
use crate::service::searches::Searches;
use crate::service::{Parts, bouncer, consequences, nodes, past, reload, storing};
use crate::settings::{Settings, SettingsError};
use crate::spaces::Space;
use crate::steady::{self, SteadyClock};
use crate::time::{Instant, Now};
use crate::timers::Timers;
use crate::waiting::Waiting;
use crate::wake::Wake;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long a shutdown waits for the last bytes to be written.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a shutdown waits for other nodes to take the links.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that a [`Cx`] lends.
struct Common {
    settings: Settings,
    now: Now,
    clock: SteadyClock,
    fx: Effects,
    timers: Timers<Wake>,
    metrics: Metrics,
    rng: fastrand::Rng,
}

impl Common {
    fn cx(&mut self) -> Cx<'_> {
        Cx {
            now: self.now,
            steady: self.clock.at(self.now),
            settings: &self.settings,
            fx: &mut self.fx,
            timers: &mut self.timers,
            metrics: &mut self.metrics,
            rng: &mut self.rng,
        }
    }
}

/// An Intermud-3 gateway; the crate's documentation describes it.
pub struct Gateway {
    common: Common,
    muds: Muds,
    clients: Clients,
    journal: Journal,
    waiting: Waiting,
    filters: Filters,
    searches: Searches,
    past: Past,
    nodes: Nodes,
    run: Run,
    doors: Doors,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Creates a gateway that dials its routers at once. `seed` is for jitter, and for names that need not be secret
    /// but must differ.
    pub fn new(settings: Settings, saved: &Saved, seed: u64, now: Now) -> Result<Gateway, SettingsError> {
        settings.check()?;
        let mut common = Common {
            settings,
            now,
            clock: SteadyClock::restore(saved, now),
            fx: Effects::default(),
            timers: Timers::default(),
            metrics: Metrics::default(),
            rng: fastrand::Rng::with_seed(seed),
        };
        common.fx.retry_saves();
        let (mut muds, unreadable) = Muds::new(&common.settings, saved, &mut common.rng, now);
        for (mud, entries) in unreadable {
            let notice = Notice::new(Level::Warn, "store", "unreadable saved entries were skipped");
            common.fx.notice(notice.with("mud", mud).with("entries", entries));
        }
        muds.restored(&mut common.cx());
        let journal = Journal::restore(&mut common.cx(), saved);
        if journal.unreadable() > 0 {
            let text = "unreadable saved events were skipped";
            common.fx.notice(Notice::new(Level::Warn, "store", text).with("entries", journal.unreadable()));
        }
        let mut gateway = Gateway {
            clients: Clients::new(muds.len()),
            run: Run::new(now.mono, common.settings.api.log_level),
            common,
            muds,
            journal,
            waiting: Waiting::default(),
            filters: Filters::default(),
            searches: Searches::default(),
            past: Past::default(),
            nodes: Nodes { read_up_to: saved.position, ..Nodes::default() },
            doors: Doors::default(),
        };
        let (mut parts, doors) = gateway.parts();
        if parts.cx.settings.node.is_some() {
            nodes::restore(&mut parts, saved);
        }
        let (cx, out) = parts.delivery();
        out.set_sweep(cx);
        consequences::keep_lines_soon(cx);
        nodes::hold::begin(&mut parts.cx, parts.muds, parts.nodes);
        for mud in parts.muds.ids() {
            bouncer::begin(&mut parts.cx, parts.muds, mud);
            parts.muds.link_due(&mut parts.cx, mud);
        }
        doors.follow(&mut parts);
        Ok(gateway)
    }

    /// Returns all parts, and the front doors.
    fn parts(&mut self) -> (Parts<'_>, &mut Doors) {
        let parts = Parts {
            cx: self.common.cx(),
            muds: &mut self.muds,
            clients: &mut self.clients,
            journal: &mut self.journal,
            waiting: &mut self.waiting,
            filters: &mut self.filters,
            searches: &mut self.searches,
            past: &mut self.past,
            nodes: &mut self.nodes,
            run: &mut self.run,
        };
        (parts, &mut self.doors)
    }

    /// Applies new settings, or none of them if they are invalid. Only clients whose key or address is no longer
    /// allowed are disconnected. Notices report what was applied, and what needs a reconnect or a restart.
    ///
    /// The caller settles the machine afterwards, as after an input.
    pub fn reload(&mut self, now: Now, settings: Settings) -> Result<(), SettingsError> {
        settings.check()?;
        self.set_now(now);
        let keys_before = self.common.settings.api.keys.clone();
        let reload::Merged { settings, before, other_muds } =
            reload::merge(self.common.settings.clone(), settings);
        self.common.settings = settings;
        let (mut parts, doors) = self.parts();
        reload::tell_changed_keys(&mut parts.cx, keys_before.as_deref().unwrap_or_default());
        reload::applied(&mut parts.cx, parts.muds, parts.clients, &before, other_muds);
        doors.follow(&mut parts);
        doors.reloaded(&mut parts);
        // Events may be kept for a shorter time now.
        consequences::sweep(&mut parts);
        consequences::keep_lines_soon(&mut parts.cx);
        doors.follow(&mut parts);
        Ok(())
    }

    /// Returns what selects the entries of a store that a gateway with these settings reads at its start.
    pub fn select(settings: &Settings) -> Selection {
        Selection::new(settings)
    }

    /// Returns the changes that must be durable before a gateway is created from `saved`. They ensure that no later
    /// gateway assigns an event id that this one has assigned, even after a crash.
    pub fn before_start(saved: &Saved) -> Vec<Change> {
        journal::set_aside(saved)
    }

    /// Returns the changes that a state restored from an older copy needs, so that no event id of the state before it
    /// is assigned again.
    pub fn carry_over(before: &Saved, restored: &Saved) -> Vec<Change> {
        journal::carry_over(before, restored)
    }

    /// Returns the highest event id that a gateway with this state, which it does not share, may have assigned.
    pub fn ids_reserved(saved: &Saved) -> u64 {
        journal::reserved(saved)
    }

    /// Returns the entry with which a gateway that does not share its state assigns event ids above this one.
    pub fn reserve_ids(highest: u64) -> Change {
        journal::reserve(highest)
    }

    /// Whether a space has the ids of a gateway that does not share its state.
    pub fn holds_ids(space: &str) -> bool {
        Space::parse(space).is_some_and(|(family, _)| family == Space::EventIds)
    }

    /// Turns the state of gateways that share it into that of one that does not.
    pub fn leave_nodes(entries: &mut Vec<Change>) {
        let is_of_nodes = |space: &str| Space::parse(space).is_some_and(|(family, _)| family.is_of_nodes());
        entries.retain(|entry| !is_of_nodes(&entry.space));
        journal::marks_of_one(entries);
    }

    /// Whether the entries of a space are packets of games that are still to be sent.
    pub fn is_unsent_packet(space: &str) -> bool {
        Space::parse(space).is_some_and(|(family, _)| family == Space::Out)
    }

    /// Takes the figures of the process, for `/metrics`, and returns the state of the gateway. A driver calls this
    /// every few seconds; the answer shows that the loop is running.
    pub fn report(&mut self, now: Now, process: Process) -> Health {
        self.set_now(now);
        self.run.lag = self.common.now.mono.since(process.due);
        self.run.hour.lagged(self.run.lag);
        self.run.process = Some(process);
        self.health()
    }

    /// Returns the names of the routers whose passwords a store holds for a mud.
    pub fn saved_passwords(saved: &Saved, mud: &str) -> Vec<String> {
        muds::saved_passwords(saved, mud)
    }

    /// Logs a mud off for good as soon as its link is ready. Returns whether that is done.
    pub fn retire(&mut self, now: Now, mud_name: &str) -> bool {
        self.set_now(now);
        let (mut parts, doors) = self.parts();
        let Some((mud, one)) =
            parts.muds.iter().find(|(mud, _)| parts.cx.settings.mud(*mud).name == mud_name)
        else {
            return true;
        };
        if one.link.is_stopped() {
            return true;
        }
        if one.link.has_session() {
            parts.muds.retire(&mut parts.cx, mud);
            doors.follow(&mut parts);
        }
        parts.muds[mud].link.is_stopped()
    }

    /// Whether the gateway is shutting down.
    pub fn is_stopping(&self) -> bool {
        self.run.stopping || self.run.leaving
    }

    /// Returns the counters.
    pub fn metrics(&self) -> &Metrics {
        &self.common.metrics
    }

    /// Whether every router link is ready. Where several nodes share the muds: whether this node serves.
    pub fn is_ready(&self) -> bool {
        let is_ready = nodes::database::serves(&self.nodes).unwrap_or_else(|| self.muds.are_ready());
        is_ready && !self.is_stopping()
    }

    /// Returns the number of bytes queued or in transit for all connections together.
    pub fn pending_bytes(&self) -> usize {
        self.common.fx.total_pending_bytes()
    }

    fn connections(&self) -> usize {
        self.doors.len() + self.muds.conn_count()
    }

    /// Sets the time. The monotonic time never goes back.
    fn set_now(&mut self, now: Now) {
        let common = &mut self.common;
        common.now = Now { mono: now.mono.max(common.now.mono), unix: now.unix };
        self.run.hour.tick(common.now, &common.metrics);
        if self.nodes.leases.is_none() {
            return;
        }
        // A host may have slept. A lease that has ended meanwhile is let go of before anything else happens.
        let (mut parts, doors) = self.parts();
        if nodes::hold::check_leases(&mut parts) {
            doors.follow(&mut parts);
        }
    }

    fn save_clock(&mut self) {
        let common = &mut self.common;
        // Over a restart ages follow the wall clock. So each restart must know how it differs from the steady one.
        if common.clock.was_set(common.now) {
            common
                .fx
                .save(common.now.mono, vec![steady::change(common.clock.at(common.now), common.now.unix)]);
        }
    }

    fn health(&self) -> Health {
        let muds = || self.muds.iter().map(|(_, mud)| mud);
        let sum = |of: fn(&Mud) -> usize| muds().map(of).sum();
        let queued = |mud: &Mud| mud.pacer.depths().map(|(_, packets, _)| packets).sum();
        let queued_bytes = |mud: &Mud| mud.pacer.depths().map(|(_, _, bytes)| bytes).sum();
        let down = self.muds.iter().filter(|(_, mud)| !mud.link.is_ready() && !mud.link.rests());
        Health {
            ready: self.is_ready(),
            links_ready: muds().filter(|mud| mud.link.is_ready()).count(),
            links: self.muds.len(),
            links_down: down
                .map(|(mud, one)| link_down(&self.common.settings.mud(mud).name, one, self.common.now))
                .collect(),
            storage_failing: self.common.fx.saves().is_some_and(Saves::is_failing)
                || nodes::database::is_away(&self.nodes),
            sessions: self.clients.active(),
            lag: self.run.lag,
            holds: vec![
                ("connections", self.connections()),
                ("sessions", self.clients.len()),
                ("pending_bytes", self.pending_bytes()),
                ("queued_packets", sum(queued)),
                ("queued_bytes", sum(queued_bytes)),
                ("waiting_requests", self.waiting.len()),
                ("muds", sum(|mud| mud.lists.muds().len())),
                ("channels", sum(|mud| mud.lists.channels().len())),
                ("users_at_home", sum(|mud| mud.presence.len())),
                ("users_elsewhere", sum(|mud| mud.ucache.len())),
                ("timers", self.common.timers.len()),
            ],
        }
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        if let Some(mud) = self.muds.of_conn(conn) {
            return self.router_received(mud, conn, bytes);
        }
        let (mut parts, doors) = self.parts();
        if doors.has(conn) {
            doors.received(&mut parts, conn, bytes);
            doors.follow(&mut parts);
        } else {
            parts.cx.metrics.late_inputs += 1;
        }
    }

    fn router_received(&mut self, mud: MudId, conn: ConnId, bytes: &[u8]) {
        let (mut parts, doors) = self.parts();
        parts.cx.metrics.router_bytes_received += bytes.len() as u64;
        parts.muds.link_received(&mut parts.cx, mud, conn);
        let mut input = bytes;
        loop {
            match parts.muds[mud].link.next_frame(conn, &mut input) {
                Ok(Some(text)) => nodes::frame_received(&mut parts, mud, &text),
                Ok(None) => break,
                Err(error) => {
                    parts.muds.link_broken(&mut parts.cx, mud, error.to_string());
                    break;
                }
            }
            doors.follow(&mut parts);
        }
        nodes::pause_router(&mut parts, conn);
        doors.follow(&mut parts);
    }

    fn dialed(&mut self, conn: ConnId) {
        let (mut parts, doors) = self.parts();
        match parts.muds.of_conn(conn) {
            Some(mud) => parts.muds.link_dialed(&mut parts.cx, mud, conn),
            None => parts.cx.metrics.late_inputs += 1,
        }
        doors.follow(&mut parts);
    }

    fn flushed(&mut self, conn: ConnId) {
        let (mut parts, doors) = self.parts();
        let mud = parts.muds.of_conn(conn);
        if mud.is_none() && !doors.has(conn) {
            parts.cx.metrics.late_inputs += 1;
            return;
        }
        let before = parts.cx.fx.total_pending_bytes();
        parts.cx.fx.flushed(conn);
        let bytes = (before - parts.cx.fx.total_pending_bytes()) as u64;
        match mud {
            Some(mud) => {
                parts.cx.metrics.router_bytes_sent += bytes;
                parts.muds.link_flushed(&mut parts.cx, mud, conn);
            }
            None => {
                parts.cx.metrics.api_bytes_sent += bytes;
                doors.flushed(&mut parts, conn);
            }
        }
        doors.follow(&mut parts);
    }

    fn lost(&mut self, conn: ConnId, by: LostBy) {
        let (mut parts, doors) = self.parts();
        if let Some(mud) = parts.muds.of_conn(conn) {
            let reason = match by {
                LostBy::EndOfStream => "closed by the router".to_owned(),
                LostBy::Error(text) | LostBy::Handshake(_, text) => text,
            };
            parts.muds.link_lost(&mut parts.cx, mud, conn, reason);
            return doors.follow(&mut parts);
        }
        parts.cx.fx.release(conn);
        if doors.has(conn) {
            doors.lost(&mut parts, conn, by);
        } else {
            parts.cx.metrics.late_inputs += 1;
        }
        doors.follow(&mut parts);
    }

    fn secured(&mut self, conn: ConnId) {
        let (mut parts, doors) = self.parts();
        if doors.has(conn) {
            doors.secured(&mut parts, conn);
            doors.follow(&mut parts);
        } else {
            parts.cx.metrics.late_inputs += 1;
        }
    }

    /// Gives the links to other nodes, where there are any, and ends then.
    fn shutdown(&mut self) {
        if self.run.stopping {
            return;
        }
        let (mut parts, doors) = self.parts();
        if !parts.run.leaving && nodes::drain::begin_to_end(&mut parts) {
            parts.run.leaving = true;
            let at = parts.cx.now.mono + LEAVE_TIMEOUT;
            parts.cx.timers.set(Wake::Leave, at);
            return doors.follow(&mut parts);
        }
        self.end();
    }

    /// Reports the shutdown to every session, logs off from the routers, and closes all connections.
    fn end(&mut self) {
        if std::mem::replace(&mut self.run.stopping, true) {
            return;
        }
        let (mut parts, doors) = self.parts();
        parts.cx.timers.clear(Wake::Leave);
        let Parts { cx, muds, clients, journal, .. } = &mut parts;
        consequences::shut_down(cx, muds, &mut crate::delivery::Delivery { clients, journal });
        doors.follow(&mut parts);
        doors.shut_down(&mut parts, Goodbye::ShuttingDown, "the gateway shuts down");
        let (cx, mut out) = parts.delivery();
        out.save_marks(cx);
        let at = parts.cx.now.mono + STOP_TIMEOUT;
        parts.cx.timers.set(Wake::Stop, at);
    }

    /// Goes on with what waits for a link to end, for a save or for an answer of the database.
    fn go_on(&mut self) {
        if self.nodes.leases.is_none() {
            return self.stop_if_done();
        }
        let (mut parts, doors) = self.parts();
        if nodes::hold::has_progress(&parts) {
            nodes::hold::advance(&mut parts);
            doors.follow(&mut parts);
        }
        if self.run.leaving && !nodes::drain::has_links(&self.nodes) {
            self.end();
        }
        self.stop_if_done();
    }

    fn stop_if_done(&mut self) {
        let is_waited_for = self.common.timers.get(Wake::Stop).is_some();
        // The store may answer that everything has to be written anew.
        let is_saved = !self.common.fx.is_saving();
        if is_waited_for && is_saved && self.common.fx.open_count() == 0 && self.muds.are_stopped() {
            self.stopped();
        }
    }

    /// All changes are saved before the store is closed.
    fn stopped(&mut self) {
        let (mut parts, _) = self.parts();
        let (cx, mut out) = parts.delivery();
        out.save_marks(cx);
        nodes::turn_ends(&mut parts);
        storing::save_last(&mut parts);
        nodes::drain::end(&mut parts);
        self.common.timers = Timers::default();
        self.run.stopped = true;
        self.common.fx.stopped();
    }

    fn stop_now(&mut self) {
        let routers: Vec<ConnId> = self.muds.iter().flat_map(|(_, mud)| mud.link.conns()).collect();
        for conn in routers {
            self.common.fx.close_now(conn);
        }
        let (mut parts, doors) = self.parts();
        doors.close_all(&mut parts);
        self.stopped();
    }

    /// Decides whether a client may connect, and registers its connection.
    fn admit(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        self.set_now(now);
        if self.run.stopping {
            return Err(Refused::ShuttingDown);
        }
        if !self.doors.serves(on) {
            return Err(Refused::WrongListener);
        }
        let (mut parts, doors) = self.parts();
        let address = peer.ip().to_canonical();
        let rules = &parts.cx.settings.api.addresses;
        // The client's address behind a proxy is in its request, which has not arrived yet.
        let is_proxy = on == Listener::Http && rules.trusts(address);
        // Nor has the page that it asks for: a health check of this host is allowed.
        let may_connect =
            is_proxy || if on == Listener::Http { rules.may_probe(address) } else { rules.allow(address) };
        if rules.bar(address) || !may_connect {
            parts.cx.metrics.connections_forbidden += 1;
            parts.clients.tell_who_was_refused(&mut parts.cx, address, "this address is not allowed");
            return Err(Refused::Address);
        }
        let is_probe = on == Listener::Http && address.is_loopback();
        if parts.clients.is_full(&parts.cx, address) || !doors.make_room(&mut parts, is_probe) {
            parts.cx.metrics.connections_refused += 1;
            parts.clients.tell_who_was_refused(&mut parts.cx, address, "too many connections");
            return Err(Refused::TooMany);
        }
        parts.cx.metrics.connections_accepted += 1;
        let conn = parts.cx.fx.open();
        parts.clients.addresses.connected(conn, address);
        Ok(conn)
    }

    fn open(
        &mut self,
        now: Now,
        on: Listener,
        peer: SocketAddr,
        is_secured: bool,
    ) -> Result<ConnId, Refused> {
        let conn = self.admit(now, on, peer)?;
        let (mut parts, doors) = self.parts();
        doors.accept(&mut parts, conn, on, is_secured);
        doors.follow(&mut parts);
        Ok(conn)
    }

    fn wake(&mut self, wake: Wake) {
        let (mut parts, doors) = self.parts();
        match wake {
            Wake::Link(mud, _) => parts.muds.link_due(&mut parts.cx, mud),
            Wake::Pace(mud) => parts.muds.pump(&mut parts.cx, mud),
            Wake::Expire(mud) => {
                let why = "the router was away for too long";
                parts.muds.expire(&mut parts.cx, mud, QUEUED_PACKET_MAX_AGE, why);
            }
            Wake::Turn => doors.turn(&mut parts),
            Wake::Client(conn) => doors.due(&mut parts, conn),
            Wake::Answer(ticket) => consequences::wait_is_over(&mut parts, ticket),
            Wake::Filter(key) => parts.filters.is_late(&mut parts.cx, parts.muds, key),
            Wake::Sweep => consequences::sweep(&mut parts),
            Wake::Lines => consequences::keep_lines(&mut parts),
            Wake::Marks => {
                let (cx, mut out) = parts.delivery();
                out.save_marks(cx);
            }
            Wake::Save => storing::save_again(&mut parts),
            // What is due is saved at the end of the turn.
            Wake::Used => {}
            Wake::Stop => return self.stop_now(),
            Wake::Away(mud) => bouncer::is_over(&mut parts, mud),
            Wake::Beat => nodes::hold::advance(&mut parts),
            // The lease was let go of when the time was set.
            Wake::LeaseEnd => {}
            Wake::Leave => return self.end(),
        }
        doors.follow(&mut parts);
    }
}

/// Returns a line about a link that is not ready. Text from the router is escaped.
fn link_down(name: &str, mud: &Mud, now: Now) -> String {
    let link = &mud.link;
    let why = link.last_error().map(|error| format!(" ({})", Shown(error))).unwrap_or_default();
    let next = link.next_attempt().map(|at| format!(", next attempt at {}", now.unix + at.since(now.mono)));
    format!("{name} at {}: {}{why}{}", link.router().name, link.state().as_str(), next.unwrap_or_default())
}

impl Machine for Gateway {
    type Wake = Wake;

    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        self.open(now, on, peer, false)
    }

    fn accept_secured(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        self.open(now, on, peer, true)
    }

    fn ended(&mut self, now: Now, conn: ConnId) -> bool {
        self.set_now(now);
        let (mut parts, doors) = self.parts();
        let is_kept = doors.ended(&mut parts, conn);
        doors.follow(&mut parts);
        is_kept
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        if self.run.stopped {
            return;
        }
        self.set_now(now);
        self.save_clock();
        match input {
            Input::Received { conn, bytes } => self.received(conn, bytes),
            Input::Flushed { conn } => self.flushed(conn),
            Input::Dialed { conn } => self.dialed(conn),
            Input::Secured { conn } => self.secured(conn),
            Input::Lost { conn, by } => self.lost(conn, by),
            Input::Saved { ticket, outcome } => {
                let (mut parts, doors) = self.parts();
                match outcome {
                    Err(SaveError::Stale(muds)) => nodes::refused(&mut parts, ticket, &muds),
                    outcome => {
                        let outcome = outcome.map_err(|error| error.to_string());
                        consequences::save_answered(&mut parts, ticket, &outcome);
                    }
                }
                nodes::read_routers(&mut parts);
                doors.follow(&mut parts);
            }
            Input::Found { query, outcome } => {
                let (mut parts, doors) = self.parts();
                past::found((&mut parts.cx, parts.waiting, parts.past), query, outcome);
                doors.follow(&mut parts);
            }
            Input::StoreLost { reason } => {
                let (mut parts, doors) = self.parts();
                storing::store_lost(&mut parts, &reason);
                doors.follow(&mut parts);
            }
            Input::Told(told) => {
                let (mut parts, doors) = self.parts();
                nodes::told(&mut parts, &told, &mut |parts| doors.follow(parts));
            }
            Input::Beaten { beat, outcome } => {
                let (mut parts, doors) = self.parts();
                nodes::beaten(&mut parts, beat, outcome);
                doors.follow(&mut parts);
            }
            Input::Followed { beat } => {
                let (mut parts, doors) = self.parts();
                nodes::followed::followed(&mut parts, beat);
                doors.follow(&mut parts);
            }
            Input::Shutdown => self.shutdown(),
        }
        self.go_on();
    }

    fn handle_timeout(&mut self, now: Now) {
        self.set_now(now);
        if let Some(wake) = self.common.timers.pop_due(self.common.now.mono) {
            self.wake(wake);
            self.go_on();
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.common.timers.next()
    }

    fn poll_output(&mut self) -> Option<Output> {
        if self.common.fx.is_drained() {
            if self.journal.has_due_marks() {
                self.journal.save_due_marks(&mut self.common.cx());
            }
            if self.clients.are_shared() {
                nodes::turn_ends(&mut self.parts().0);
            }
            storing::save_anew(&mut self.parts().0);
        }
        let output = self.common.fx.poll();
        if output.is_none() {
            // The driver has carried out everything, and other connections had their say.
            self.doors.turn_is_over();
        }
        output
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.common.fx.take_bytes(conn, budget, into)
    }
}
