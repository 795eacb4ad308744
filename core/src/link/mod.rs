//! One router link for each mud: dial, greet, log in, notice death, come back. [`pacer`] decides when a packet may go,
//! `route` which router is dialed, `online` whether a session still lives.

pub mod counts;
mod online;
pub mod pacer;
mod route;
#[cfg(test)]
mod tests;

use crate::effects::Effects;
use crate::i3::packet::{Body, Header, Mapping, Packet, RouterEntry};
use crate::i3::{Deframer, Value, frame};
use crate::machine::{Change, ConnId, SaveTicket};
use crate::notice::{Level, Notice};
use crate::settings::{LinkSettings, MudSettings, RouterSettings};
use crate::time::{Instant, Now, UnixTime};
use counts::{Cause, Counts};
use online::{Due, Online, Probe};
use route::Route;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many connections in a row may be closed at once, without a byte, before that counts as a failure: Dead Souls'
/// router accepts one connection a second and drops the others.
const INSTANT_ENDS_MAX: u32 = 3;

/// The least wait after a connection that was closed at once; the most is [`INSTANT_END_WAIT_MAX`].
const INSTANT_END_WAIT_MIN: Duration = Duration::from_secs(2);
const INSTANT_END_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long the shutdown packet may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the store may take to make a new password durable before the link goes on without.
const SECURE_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before logging in again after leaving on request.
const RECONNECT_WAIT: Duration = Duration::from_secs(2);

/// Sessions in a row at one router in which no probe came back, after which that router is taken for one that eats them.
const UNANSWERED_SESSIONS_MAX: u32 = 2;

/// A refusal in words counts as so many failures: asking again soon changes nothing, and routers ban for it.
const REFUSAL_WEIGHT: u32 = 4;

/// After each return to the preferred router that did not last, it must be reachable for twice as long, up to so many
/// doublings.
const RETURN_DOUBLINGS_MAX: u32 = 4;

/// The next deadline of a link's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Before the next attempt.
    Retry,
    /// For the connection.
    Connect,
    /// For the answer to the login.
    Startup,
    /// For the store.
    Secure,
    /// For any packet.
    Silence,
    /// Before the registration is checked.
    Check,
    /// Before the preferred router is tried, or for its answer.
    Preferred,
    /// For the last bytes to leave.
    Leave,
}

/// An open connection to a router.
#[derive(Debug)]
struct Wire {
    conn: ConnId,
    deframer: Deframer,
}

/// What happens once the link has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Dials again.
    Reconnect,
    Stop,
}

/// In the order of a session's life. A deadline exists only in the state that waits for it.
#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
    },
    Dialing {
        conn: ConnId,
        deadline: Instant,
    },
    Greeting {
        wire: Wire,
        since: Instant,
        deadline: Instant,
        heard: bool,
    },
    Securing {
        wire: Wire,
        ticket: SaveTicket,
        deadline: Instant,
    },
    Online(Online),
    /// What still comes is read: a startup-reply among it has the password of the next login.
    Leaving {
        wire: Wire,
        deadline: Instant,
        then: Then,
    },
    Stopped,
}

/// The names of the states, in the order of a session's life.
pub const STATE_NAMES: [&str; 7] =
    ["waiting", "connecting", "logging in", "saving password", "ready", "leaving", "stopped"];

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Waiting { .. } => STATE_NAMES[0],
            State::Dialing { .. } => STATE_NAMES[1],
            State::Greeting { .. } => STATE_NAMES[2],
            State::Securing { .. } => STATE_NAMES[3],
            State::Online(_) => STATE_NAMES[4],
            State::Leaving { .. } => STATE_NAMES[5],
            State::Stopped => STATE_NAMES[6],
        }
    }
}

/// What the rest of the gateway must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Logged in: packets may go.
    Ready,
    /// It was ready and is no longer.
    Down,
    /// A packet went to the router past the queue.
    Probed,
}

/// When new settings of a link hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of them at once.
    Now,
    /// The session goes on under what the router was told, and at the router that it is at.
    AtTheNextLogin,
}

/// The link of one mud.
#[derive(Debug)]
pub struct RouterLink {
    settings: LinkSettings,
    mud: MudSettings,
    state: State,
    /// When the state was entered.
    since: UnixTime,
    route: Route,
    /// For each router, sessions in a row in which no probe came back. Routers that answer are not in it.
    unanswered: BTreeMap<String, u32>,
    /// Returns to the preferred router since it last held.
    returns: u32,
    /// Failures in a row.
    failures: u32,
    instant_ends: u32,
    password: i64,
    last_error: Option<String>,
    counts: Counts,
    rng: fastrand::Rng,
}

impl RouterLink {
    /// A link that dials at once.
    pub fn new(settings: LinkSettings, mud: MudSettings, seed: u64, now: Now) -> Self {
        RouterLink {
            password: mud.router_password,
            route: Route::new(mud.routers.clone()),
            settings,
            mud,
            state: State::Waiting { until: now.mono },
            since: now.unix,
            unanswered: BTreeMap::new(),
            returns: 0,
            failures: 0,
            instant_ends: 0,
            last_error: None,
            counts: Counts::default(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The router in use, or tried last.
    pub fn router(&self) -> &RouterSettings {
        self.route.current()
    }

    /// The name of the state, for people.
    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    /// When the state was entered.
    pub fn since(&self) -> UnixTime {
        self.since
    }

    /// Why the link was last lost or refused.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// What it has counted since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// When the next attempt is due, while the link waits for it.
    pub fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// The router that the next attempt is for, if one is due now.
    pub fn about_to_dial(&self, now: Instant) -> Option<&RouterSettings> {
        self.next_attempt().filter(|at| *at <= now).map(|_| self.route.next())
    }

    /// Puts the next attempt off.
    pub fn postpone(&mut self, to: Instant) {
        if let State::Waiting { until } = &mut self.state {
            *until = to;
        }
    }

    /// Whether packets may go.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Online(_))
    }

    /// Whether a router's answer to the login is awaited.
    pub fn is_greeting(&self) -> bool {
        matches!(self.state, State::Greeting { .. })
    }

    /// How it is known that the session lives, for people.
    pub fn liveness(&self) -> &'static str {
        match &self.state {
            State::Online(online) if online.is_proven() => "answers probes",
            State::Online(_) if self.eats_probes() => "answers no probe; judged by the socket alone",
            State::Online(_) => "not yet probed",
            _ => "not connected",
        }
    }

    /// Whether the router in use has been seen to eat every probe.
    fn eats_probes(&self) -> bool {
        self.unanswered.get(&self.router().name).is_some_and(|times| *times >= UNANSWERED_SESSIONS_MAX)
    }

    /// Whether it has ended for good.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// Other settings from now on. The state stays as it is.
    pub fn reload(
        &mut self,
        now: Now,
        fx: &mut Effects,
        settings: LinkSettings,
        mud: MudSettings,
    ) -> Applied {
        self.settings = settings;
        let told = self.frame(&self.login());
        self.mud = mud;
        let moved = self.route.set_list(self.mud.routers.clone());
        let return_after = self.return_after();
        if let State::Online(online) = &mut self.state
            && let Some(scout) = online.set_return_after(now.mono, return_after)
        {
            fx.close_now(scout);
        }
        if let State::Waiting { until } = &mut self.state {
            *until = (*until).min(now.mono + self.settings.reconnect_delay_max);
        }
        let connected = self.conn().is_some();
        let changed = moved || self.frame(&self.login()) != told;
        if connected && changed { Applied::AtTheNextLogin } else { Applied::Now }
    }

    /// How long the preferred router must have been reachable before the link goes back to it; none when it is there.
    fn return_after(&self) -> Option<Duration> {
        let after = self.settings.return_after.filter(|_| self.route.is_fallback())?;
        Some(after.saturating_mul(1 << self.returns.min(RETURN_DOUBLINGS_MAX)))
    }

    /// The password that the next login sends.
    pub fn set_password(&mut self, password: i64) {
        self.password = password;
    }

    /// The connection that packets go to.
    pub fn conn(&self) -> Option<ConnId> {
        match &self.state {
            State::Dialing { conn, .. } => Some(*conn),
            State::Greeting { wire, .. }
            | State::Securing { wire, .. }
            | State::Leaving { wire, .. }
            | State::Online(Online { wire, .. }) => Some(wire.conn),
            State::Waiting { .. } | State::Stopped => None,
        }
    }

    /// All connections of the link: that of [`RouterLink::conn`], and one that only sees whether the preferred router is there.
    pub fn conns(&self) -> impl Iterator<Item = ConnId> {
        let scout = match &self.state {
            State::Online(online) => online.scout(),
            _ => None,
        };
        self.conn().into_iter().chain(scout)
    }

    /// When the link must be woken, and why.
    pub fn deadline(&self) -> Option<(Instant, Wait)> {
        Some(match &self.state {
            State::Waiting { until } => (*until, Wait::Retry),
            State::Dialing { deadline, .. } => (*deadline, Wait::Connect),
            State::Greeting { deadline, .. } => (*deadline, Wait::Startup),
            State::Securing { deadline, .. } => (*deadline, Wait::Secure),
            State::Online(online) => online.deadline(&self.settings),
            State::Leaving { deadline, .. } => (*deadline, Wait::Leave),
            State::Stopped => return None,
        })
    }

    /// Every change of state goes through here.
    fn become_state(&mut self, now: Now, fx: &mut Effects, state: State) -> Option<LinkEvent> {
        let was_ready = self.is_ready();
        let notice = Notice::new(Level::Debug, "link", "router link changed")
            .with("mud", &self.mud.name)
            .with("router", &self.router().name)
            .with("from", self.state.name())
            .with("to", state.name());
        fx.notice(notice);
        // Each of the states but one has one connection at most; the second ends with its state.
        if let State::Online(online) = &self.state
            && let Some(scout) = online.scout()
        {
            fx.close_now(scout);
        }
        self.state = state;
        self.since = now.unix;
        match (was_ready, self.is_ready()) {
            (false, true) => Some(LinkEvent::Ready),
            (true, false) => Some(LinkEvent::Down),
            _ => None,
        }
    }

    /// The deadline of [`RouterLink::deadline`] has passed.
    pub fn handle_timeout(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        match self.state {
            State::Waiting { until } if now.mono < until => None,
            State::Waiting { .. } => self.dial(now, fx),
            State::Dialing { conn, .. } => {
                fx.close_now(conn);
                self.failed(now, fx, Cause::NoConnection, "no connection in time".to_owned())
            }
            State::Greeting { ref wire, .. } => {
                fx.close_now(wire.conn);
                let reason = "refused in silence: wrong router name, wrong password or blocked name?";
                self.failed(now, fx, Cause::LoginUnanswered, reason.to_owned())
            }
            State::Securing { .. } => {
                self.warn_not_durable(fx, "the store does not answer");
                self.go_online(now, fx)
            }
            State::Online(_) => self.online_timeout(now, fx),
            State::Leaving { ref wire, then, .. } => {
                fx.close_now(wire.conn);
                self.left(now, fx, then)
            }
            State::Stopped => None,
        }
    }

    fn online_timeout(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        let mute = self.eats_probes();
        let State::Online(online) = &mut self.state else { return None };
        match online.handle_timeout(now.mono, &self.settings, mute) {
            Due::Nothing => None,
            Due::Probe(probe) => {
                let conn = online.wire.conn;
                fx.send(conn, &self.frame(&self.probe(probe)));
                self.counts.sent(probe.kind());
                Some(LinkEvent::Probed)
            }
            Due::Scout => {
                let preferred = self.route.preferred();
                online.scout_sent(fx.dial(&preferred.host, preferred.port));
                None
            }
            Due::ScoutLate(conn) => {
                fx.close_now(conn);
                None
            }
            Due::Dead => {
                fx.close_now(online.wire.conn);
                let proven = online.is_proven();
                let reason = self.reason_of_death(proven).to_owned();
                self.failed(now, fx, Cause::Silence, reason)
            }
        }
    }

    /// Counts a session that was never proven.
    fn reason_of_death(&mut self, proven: bool) -> &'static str {
        if proven {
            return "no sign of life";
        }
        let router = self.router().name.clone();
        *self.unanswered.entry(router).or_default() += 1;
        "nothing that we sent to ourselves came back: the router does not know us, or eats it"
    }

    fn dial(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        self.route.advance();
        let router = self.router();
        let conn = fx.dial(&router.host, router.port);
        let deadline = now.mono + self.settings.connect_timeout;
        self.become_state(now, fx, State::Dialing { conn, deadline })
    }

    /// A connection is open: log in, or note that the preferred router is there.
    pub fn dialed(&mut self, now: Now, conn: ConnId, fx: &mut Effects) -> Option<LinkEvent> {
        if self.is_scout(conn) {
            fx.close_now(conn);
            return self.scout_back(now, fx, true);
        }
        // Said twice, it would log in again over a session that lives.
        if !matches!(self.state, State::Dialing { conn: dialing, .. } if dialing == conn) {
            return None;
        }
        fx.send(conn, &self.frame(&self.login()));
        self.counts.sent("startup-req-3");
        let deadline = now.mono + self.settings.startup_timeout;
        let wire = Wire { conn, deframer: Deframer::default() };
        self.become_state(now, fx, State::Greeting { wire, since: now.mono, deadline, heard: false })
    }

    fn is_scout(&self, conn: ConnId) -> bool {
        matches!(&self.state, State::Online(online) if online.scout() == Some(conn))
    }

    fn scout_back(&mut self, now: Now, fx: &mut Effects, reached: bool) -> Option<LinkEvent> {
        let State::Online(online) = &mut self.state else { return None };
        if !online.scout_back(now.mono, reached) {
            return None;
        }
        self.returns = self.returns.saturating_add(1);
        let notice = Notice::new(Level::Info, "link", "the preferred router is back; returning to it");
        fx.notice(notice.with("mud", &self.mud.name).with("router", &self.route.preferred().name));
        self.route.prefer();
        self.counts.end(Cause::PreferredBack);
        self.leave(now, fx, Then::Reconnect)
    }

    /// A packet as the router takes it.
    pub fn frame(&self, packet: &Packet<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        frame::append(&mut bytes, |text| packet.encode_with(self.router().charset, text));
        bytes
    }

    /// Exactly 20 elements: routers take no other number. The list ids are 0, since deployed routers send everything
    /// whatever they say.
    fn login(&self) -> Packet<'_> {
        let mud = &self.mud;
        let services = mud.services.iter().filter(|(_, value)| **value != 0);
        Packet {
            header: Header::to_mud(&mud.name, None, &self.router().name),
            body: Body::StartupReq3 {
                password: self.password,
                old_mudlist_id: 0,
                old_chanlist_id: 0,
                player_port: mud.player_port.into(),
                imud_tcp_port: 0,
                imud_udp_port: 0,
                mudlib: mud.mudlib.as_str().into(),
                base_mudlib: mud.base_mudlib.as_str().into(),
                driver: mud.driver.as_str().into(),
                mud_type: mud.mud_type.as_str().into(),
                open_status: mud.open_status.as_str().into(),
                admin_email: mud.admin_email.as_str().into(),
                services: Mapping(services.map(|(k, v)| (k.as_str().into(), Value::Int(*v))).collect()),
                other_data: Value::Map(Vec::new()),
            },
        }
    }

    /// Something came in on `conn`. Takes the deframer out for as long as its frames are read; give it back with
    /// [`RouterLink::put_deframer`].
    pub fn take_deframer(&mut self, now: Now, conn: ConnId) -> Option<Deframer> {
        if self.conn() != Some(conn) {
            return None;
        }
        self.counts.heard_at = Some(now.unix);
        match &mut self.state {
            State::Greeting { heard, .. } => *heard = true,
            State::Online(online) => online.heard(now.mono),
            _ => {}
        }
        self.wire().map(|wire| std::mem::take(&mut wire.deframer))
    }

    /// The frames of this input have been read.
    pub fn put_deframer(&mut self, conn: ConnId, deframer: Deframer) {
        if let Some(wire) = self.wire().filter(|wire| wire.conn == conn) {
            wire.deframer = deframer;
        }
    }

    /// What is read from.
    fn wire(&mut self) -> Option<&mut Wire> {
        match &mut self.state {
            State::Greeting { wire, .. }
            | State::Securing { wire, .. }
            | State::Leaving { wire, .. }
            | State::Online(Online { wire, .. }) => Some(wire),
            State::Waiting { .. } | State::Dialing { .. } | State::Stopped => None,
        }
    }

    /// The router cannot be followed any further.
    pub fn broken(&mut self, now: Now, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        if let State::Leaving { ref wire, then, .. } = self.state {
            fx.close_now(wire.conn);
            return self.left(now, fx, then);
        }
        self.give_up(now, fx, Cause::BadFrame, reason)
    }

    fn give_up(&mut self, now: Now, fx: &mut Effects, cause: Cause, reason: String) -> Option<LinkEvent> {
        if let Some(conn) = self.conn() {
            fx.close_now(conn);
        }
        self.failed(now, fx, cause, reason)
    }

    /// The router refuses the login in words.
    pub fn refused(&mut self, now: Now, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        if !self.is_greeting() {
            return None;
        }
        self.failures = self.failures.saturating_add(REFUSAL_WEIGHT - 1);
        self.give_up(now, fx, Cause::LoginRefused, reason)
    }

    /// What was sent to ourselves has come back.
    pub fn probe_answered(&mut self) {
        if let State::Online(online) = &mut self.state {
            online.probe_answered();
            let router = &self.route.current().name;
            self.unanswered.remove(router);
        }
    }

    /// The router accepts the login, or only has news: its password for us and where it would have us go.
    /// `password` is the change that makes a new one durable.
    ///
    /// It must be durable before the link is relied on: without it, a mud whose address has changed is locked out.
    pub fn startup_reply(
        &mut self,
        now: Now,
        fx: &mut Effects,
        password: Option<Change>,
        routers: &[RouterEntry<'_>],
    ) -> Option<LinkEvent> {
        let ticket = password.map(|change| fx.save(vec![change]));
        if !matches!(self.state, State::Greeting { .. } | State::Online(_)) {
            return None;
        }
        if self.settings.follow_redirects && self.route.follow(now.mono, routers) {
            let notice = Notice::new(Level::Info, "link", "the router points to another one; following");
            let to = &routers[0];
            fx.notice(
                notice.with("mud", &self.mud.name).with("router", &to.name).with("address", &to.address),
            );
            self.counts.end(Cause::Redirected);
            return self.leave(now, fx, Then::Reconnect);
        }
        // In a session that is online already, that is all.
        match ticket {
            Some(ticket) => {
                let wire = self.take_wire()?;
                let deadline = now.mono + SECURE_TIMEOUT;
                self.become_state(now, fx, State::Securing { wire, ticket, deadline })
            }
            None => self.go_online(now, fx),
        }
    }

    /// A save has ended.
    pub fn saved(
        &mut self,
        now: Now,
        fx: &mut Effects,
        ticket: SaveTicket,
        outcome: &Result<(), String>,
    ) -> Option<LinkEvent> {
        match self.state {
            State::Securing { ticket: expected, .. } if expected == ticket => {
                if let Err(error) = outcome {
                    self.warn_not_durable(fx, error);
                }
                self.go_online(now, fx)
            }
            _ => None,
        }
    }

    fn warn_not_durable(&self, fx: &mut Effects, error: &str) {
        fx.notice(
            Notice::new(
                Level::Error,
                "link",
                "the router password is not saved; the name may be lost at a restart",
            )
            .with("mud", &self.mud.name)
            .with("router", &self.router().name)
            .with("error", error),
        );
    }

    fn take_wire(&mut self) -> Option<Wire> {
        match &mut self.state {
            State::Greeting { wire, .. } | State::Securing { wire, .. } => {
                Some(Wire { conn: wire.conn, deframer: std::mem::take(&mut wire.deframer) })
            }
            _ => None,
        }
    }

    fn go_online(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        let wire = self.take_wire()?;
        fx.notice(
            Notice::new(Level::Info, "link", "logged in")
                .with("mud", &self.mud.name)
                .with("router", &self.router().name),
        );
        self.last_error = None;
        self.instant_ends = 0;
        let mut online = Online::new(wire, now.mono);
        online.set_return_after(now.mono, self.return_after());
        self.become_state(now, fx, State::Online(online))
    }

    /// Asks for a sign of life, through the router to ourselves: that proves the whole loop.
    fn probe(&self, probe: Probe) -> Packet<'_> {
        let name = self.mud.name.as_str();
        let body = match probe {
            Probe::AuthMud => Body::AuthMudReq {},
            Probe::Ping => Body::PingReq {},
        };
        Packet { header: Header::to_mud(name, None, name), body }
    }

    /// A connection is gone, or could not be made.
    pub fn lost(&mut self, now: Now, conn: ConnId, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        if self.is_scout(conn) {
            return self.scout_back(now, fx, false);
        }
        match self.state {
            State::Leaving { then, .. } => self.left(now, fx, then),
            State::Greeting { since, heard: false, .. }
                if now.mono.since(since) < Duration::from_secs(1) && self.instant_ends < INSTANT_ENDS_MAX =>
            {
                self.instant_ends += 1;
                self.counts.end(Cause::ClosedAtOnce);
                let spread = (INSTANT_END_WAIT_MAX - INSTANT_END_WAIT_MIN).as_micros() as u64;
                let wait = INSTANT_END_WAIT_MIN + Duration::from_micros(self.rng.u64(0..=spread));
                self.last_error = Some("closed at once: the router takes one connection a second".to_owned());
                self.become_state(now, fx, State::Waiting { until: now.mono + wait })
            }
            State::Dialing { .. } => self.failed(now, fx, Cause::NoConnection, reason),
            _ => self.failed(now, fx, Cause::ConnectionLost, reason),
        }
    }

    /// Waits, longer each time, and takes the next router of the list; after a session that was ready, the first.
    fn failed(&mut self, now: Now, fx: &mut Effects, cause: Cause, reason: String) -> Option<LinkEvent> {
        self.counts.end(cause);
        fx.notice(
            Notice::new(Level::Warn, "link", "router link failed")
                .with("mud", &self.mud.name)
                .with("router", &self.router().name)
                .with("cause", cause.name())
                .with("reason", &reason),
        );
        self.last_error = Some(reason);
        self.instant_ends = 0;
        let steady = matches!(&self.state, State::Online(online) if online.is_steady(now.mono));
        self.failures = if steady { 1 } else { self.failures.saturating_add(1) };
        if steady && self.route.is_preferred() {
            self.returns = 0;
        }
        if self.is_ready() {
            self.route.prefer();
        } else {
            self.route.skip();
        }
        let until = now.mono + self.back_off();
        self.become_state(now, fx, State::Waiting { until })
    }

    /// The first delay, doubled for each failure after the first, up to the longest, and up to a quarter less or more
    /// so that muds do not come back all at once.
    fn back_off(&mut self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        let full = self
            .settings
            .reconnect_delay
            .saturating_mul(1 << doublings)
            .min(self.settings.reconnect_delay_max);
        let jittered = full.mul_f64(0.75 + 0.5 * self.rng.f64());
        // Never two attempts within a second: a router would close the second at once.
        jittered.max(Duration::from_secs(1))
    }

    /// Says goodbye and comes back.
    pub fn reconnect(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        self.route.prefer();
        self.counts.end(Cause::Requested);
        self.leave(now, fx, Then::Reconnect)
    }

    /// Says goodbye for good.
    pub fn stop(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        self.leave(now, fx, Then::Stop)
    }

    fn leave(&mut self, now: Now, fx: &mut Effects, then: Then) -> Option<LinkEvent> {
        let Some(conn) = self.conn() else { return self.left(now, fx, then) };
        if matches!(self.state, State::Dialing { .. } | State::Leaving { .. }) {
            fx.close_now(conn);
            return self.left(now, fx, then);
        }
        let restart_delay = i64::from(then == Then::Reconnect);
        let goodbye = Packet {
            header: Header::to_mud(&self.mud.name, None, &self.router().name),
            body: Body::Shutdown { restart_delay },
        };
        fx.send(conn, &self.frame(&goodbye));
        self.counts.sent("shutdown");
        if fx.close_when_flushed(conn) {
            return self.left(now, fx, then);
        }
        let deadline = now.mono + LEAVE_TIMEOUT;
        let deframer = self.wire().map(|wire| std::mem::take(&mut wire.deframer)).unwrap_or_default();
        self.become_state(now, fx, State::Leaving { wire: Wire { conn, deframer }, deadline, then })
    }

    /// The last bytes have left, if that is what was waited for.
    pub fn flushed(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        match self.state {
            State::Leaving { ref wire, then, .. } if !fx.is_open(wire.conn) => self.left(now, fx, then),
            _ => None,
        }
    }

    fn left(&mut self, now: Now, fx: &mut Effects, then: Then) -> Option<LinkEvent> {
        match then {
            Then::Stop => self.become_state(now, fx, State::Stopped),
            Then::Reconnect => {
                self.become_state(now, fx, State::Waiting { until: now.mono + RECONNECT_WAIT })
            }
        }
    }
}
