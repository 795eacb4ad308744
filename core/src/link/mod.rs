//! One router link for each mud: dial, greet, log in, notice death, come back. [`pacer`] decides when a packet may go.

pub mod pacer;

use crate::effects::Effects;
use crate::i3::packet::{Body, Header, Mapping, Packet};
use crate::i3::{Deframer, Value, frame};
use crate::machine::{ConnId, SaveTicket};
use crate::notice::{Level, Notice};
use crate::settings::{LinkSettings, MudSettings, RouterSettings};
use crate::time::{Instant, Now, UnixTime};
use std::time::Duration;

/// How many connections in a row may be closed at once, without a byte, before that counts as a failure: Dead Souls'
/// router accepts one connection a second and drops the others.
const INSTANT_ENDS_MAX: u32 = 3;

/// The least wait after a connection that was closed at once; the most is [`INSTANT_END_WAIT_MAX`].
const INSTANT_END_WAIT_MIN: Duration = Duration::from_secs(2);
const INSTANT_END_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a login must have held before the next failure starts from the shortest wait again.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// How long the shutdown packet may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the store may take to make a new password durable before the link goes on without.
const SECURE_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before logging in again after leaving on request.
const RECONNECT_WAIT: Duration = Duration::from_secs(2);

/// After a probe that was not answered, a second one of another kind is sent at this part of the time that is left:
/// CoffeeMud's router eats an auth-mud-req to oneself, but relays a ping-req.
const SECOND_PROBE_PART: u32 = 3;

/// The one deadline of a link's state.
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
    Reconnect,
    Stop,
}

/// In the order of a session's life. A deadline exists only in the state that waits for it.
#[derive(Debug)]
enum State {
    Waiting { until: Instant },
    Dialing { conn: ConnId, deadline: Instant },
    Greeting { wire: Wire, since: Instant, deadline: Instant, heard: bool },
    Securing { wire: Wire, ticket: SaveTicket, deadline: Instant },
    Online { wire: Wire, since: Instant, last_heard: Instant, probes: u32 },
    Leaving { conn: ConnId, deadline: Instant, then: Then },
    Stopped,
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Waiting { .. } => "waiting",
            State::Dialing { .. } => "connecting",
            State::Greeting { .. } => "logging in",
            State::Securing { .. } => "saving password",
            State::Online { .. } => "ready",
            State::Leaving { .. } => "leaving",
            State::Stopped => "stopped",
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
}

/// The link of one mud.
#[derive(Debug)]
pub struct RouterLink {
    settings: LinkSettings,
    mud: MudSettings,
    state: State,
    /// When the state was entered.
    since: UnixTime,
    /// Which router of the list is in use, or was tried last.
    router: usize,
    /// Which is tried next.
    next_router: usize,
    /// Failures in a row.
    failures: u32,
    instant_ends: u32,
    password: i64,
    last_error: Option<String>,
    rng: fastrand::Rng,
}

impl RouterLink {
    /// A link that dials at once.
    pub fn new(settings: LinkSettings, mud: MudSettings, seed: u64, now: Now) -> Self {
        RouterLink {
            password: mud.router_password,
            settings,
            mud,
            state: State::Waiting { until: now.mono },
            since: now.unix,
            router: 0,
            next_router: 0,
            failures: 0,
            instant_ends: 0,
            last_error: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// The router in use, or tried last.
    pub fn router(&self) -> &RouterSettings {
        &self.mud.routers[self.router]
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

    /// When the next attempt is due, while the link waits for it.
    pub fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// Whether packets may go.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    /// Whether it has ended for good.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// The password that the next login sends.
    pub fn set_password(&mut self, password: i64) {
        self.password = password;
    }

    /// The connection that packets go to.
    pub fn conn(&self) -> Option<ConnId> {
        match &self.state {
            State::Dialing { conn, .. } | State::Leaving { conn, .. } => Some(*conn),
            State::Greeting { wire, .. } | State::Securing { wire, .. } | State::Online { wire, .. } => {
                Some(wire.conn)
            }
            State::Waiting { .. } | State::Stopped => None,
        }
    }

    /// When the link must be woken, and why.
    pub fn deadline(&self) -> Option<(Instant, Wait)> {
        Some(match &self.state {
            State::Waiting { until } => (*until, Wait::Retry),
            State::Dialing { deadline, .. } => (*deadline, Wait::Connect),
            State::Greeting { deadline, .. } => (*deadline, Wait::Startup),
            State::Securing { deadline, .. } => (*deadline, Wait::Secure),
            State::Online { last_heard, probes, .. } => (*last_heard + self.patience(*probes), Wait::Silence),
            State::Leaving { deadline, .. } => (*deadline, Wait::Leave),
            State::Stopped => return None,
        })
    }

    /// How much silence is borne after so many probes.
    fn patience(&self, probes: u32) -> Duration {
        let spare = self.settings.dead_after.saturating_sub(self.settings.keepalive_interval);
        match probes {
            0 => self.settings.keepalive_interval,
            1 => self.settings.keepalive_interval + spare / SECOND_PROBE_PART,
            _ => self.settings.dead_after,
        }
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
            State::Waiting { .. } => self.dial(now, fx),
            State::Dialing { conn, .. } => {
                fx.close_now(conn);
                self.failed(now, fx, "no connection in time".to_owned())
            }
            State::Greeting { ref wire, .. } => {
                fx.close_now(wire.conn);
                let reason = "refused in silence: wrong router name, wrong password or blocked name?";
                self.failed(now, fx, reason.to_owned())
            }
            State::Securing { .. } => {
                self.warn_not_durable(fx, "the store does not answer");
                self.go_online(now, fx)
            }
            State::Online { ref wire, last_heard, probes, .. } => {
                if now.mono < last_heard + self.settings.dead_after {
                    let conn = wire.conn;
                    self.probe(probes, conn, fx);
                    return None;
                }
                fx.close_now(wire.conn);
                self.failed(now, fx, "no sign of life".to_owned())
            }
            State::Leaving { conn, then, .. } => {
                fx.close_now(conn);
                self.left(now, fx, then)
            }
            State::Stopped => None,
        }
    }

    fn dial(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        self.router = self.next_router;
        let router = self.router();
        let conn = fx.dial(&router.host, router.port);
        let deadline = now.mono + self.settings.connect_timeout;
        self.become_state(now, fx, State::Dialing { conn, deadline })
    }

    /// The connection is open: log in.
    pub fn dialed(&mut self, now: Now, conn: ConnId, fx: &mut Effects) -> Option<LinkEvent> {
        // Said twice, it would log in again over a session that lives.
        if !matches!(self.state, State::Dialing { conn: dialing, .. } if dialing == conn) {
            return None;
        }
        fx.send(conn, &self.frame(&self.login()));
        let deadline = now.mono + self.settings.startup_timeout;
        let wire = Wire { conn, deframer: Deframer::default() };
        self.become_state(now, fx, State::Greeting { wire, since: now.mono, deadline, heard: false })
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
        let wire = match &mut self.state {
            State::Greeting { wire, heard, .. } => {
                *heard = true;
                wire
            }
            State::Securing { wire, .. } => wire,
            State::Online { wire, last_heard, probes, .. } => {
                *last_heard = now.mono;
                *probes = 0;
                wire
            }
            _ => return None,
        };
        (wire.conn == conn).then(|| std::mem::take(&mut wire.deframer))
    }

    /// The frames of this input have been read.
    pub fn put_deframer(&mut self, conn: ConnId, deframer: Deframer) {
        if let State::Greeting { wire, .. } | State::Securing { wire, .. } | State::Online { wire, .. } =
            &mut self.state
            && wire.conn == conn
        {
            wire.deframer = deframer;
        }
    }

    /// The router cannot be followed any further.
    pub fn broken(&mut self, now: Now, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        if let Some(conn) = self.conn() {
            fx.close_now(conn);
        }
        self.failed(now, fx, reason)
    }

    /// The router accepts the login. `secure` saves a password and names the ticket.
    ///
    /// The password must be durable before the link is relied on: without it, a mud whose address has changed is locked
    /// out. 0 is never stored in place of a real one; -1 (CoffeeMud) is one.
    pub fn startup_reply(
        &mut self,
        now: Now,
        fx: &mut Effects,
        password: i64,
        secure: impl FnOnce(&mut Effects, i64) -> SaveTicket,
    ) -> Option<LinkEvent> {
        let greeting = matches!(self.state, State::Greeting { .. });
        let is_new = password != 0 && password != self.password;
        if is_new {
            self.password = password;
            let ticket = secure(fx, password);
            if greeting {
                let deadline = now.mono + SECURE_TIMEOUT;
                let wire = self.take_wire()?;
                return self.become_state(now, fx, State::Securing { wire, ticket, deadline });
            }
        }
        if greeting { self.go_online(now, fx) } else { None }
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
            State::Greeting { wire, .. } | State::Securing { wire, .. } | State::Online { wire, .. } => {
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
        self.become_state(now, fx, State::Online { wire, since: now.mono, last_heard: now.mono, probes: 0 })
    }

    /// Asks for a sign of life, through the router to ourselves: that proves the whole loop.
    fn probe(&mut self, probes: u32, conn: ConnId, fx: &mut Effects) {
        let name = self.mud.name.as_str();
        let body = if probes == 0 { Body::AuthMudReq {} } else { Body::PingReq {} };
        let packet = Packet { header: Header::to_mud(name, None, name), body };
        fx.send(conn, &self.frame(&packet));
        if let State::Online { probes, .. } = &mut self.state {
            *probes += 1;
        }
    }

    /// The connection is gone, or could not be made.
    pub fn lost(&mut self, now: Now, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        match self.state {
            State::Leaving { then, .. } => self.left(now, fx, then),
            State::Greeting { since, heard: false, .. }
                if now.mono.since(since) < Duration::from_secs(1) && self.instant_ends < INSTANT_ENDS_MAX =>
            {
                self.instant_ends += 1;
                let spread = (INSTANT_END_WAIT_MAX - INSTANT_END_WAIT_MIN).as_micros() as u64;
                let wait = INSTANT_END_WAIT_MIN + Duration::from_micros(self.rng.u64(0..=spread));
                self.last_error = Some("closed at once: the router takes one connection a second".to_owned());
                self.become_state(now, fx, State::Waiting { until: now.mono + wait })
            }
            _ => self.failed(now, fx, reason),
        }
    }

    /// Waits, longer each time, and takes the next router of the list; after a session that was ready, the first.
    fn failed(&mut self, now: Now, fx: &mut Effects, reason: String) -> Option<LinkEvent> {
        fx.notice(
            Notice::new(Level::Warn, "link", "router link failed")
                .with("mud", &self.mud.name)
                .with("router", &self.router().name)
                .with("reason", &reason),
        );
        self.last_error = Some(reason);
        self.instant_ends = 0;
        let steady =
            matches!(self.state, State::Online { since, .. } if now.mono.since(since) >= STEADY_AFTER);
        self.failures = if steady { 1 } else { self.failures.saturating_add(1) };
        let was_online = self.is_ready();
        let until = now.mono + self.back_off();
        self.next_router = if was_online { 0 } else { (self.router + 1) % self.mud.routers.len() };
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
        if fx.close_when_flushed(conn) {
            return self.left(now, fx, then);
        }
        let deadline = now.mono + LEAVE_TIMEOUT;
        self.become_state(now, fx, State::Leaving { conn, deadline, then })
    }

    /// The last bytes have left, if that is what was waited for.
    pub fn flushed(&mut self, now: Now, fx: &mut Effects) -> Option<LinkEvent> {
        match self.state {
            State::Leaving { conn, then, .. } if !fx.is_open(conn) => self.left(now, fx, then),
            _ => None,
        }
    }

    fn left(&mut self, now: Now, fx: &mut Effects, then: Then) -> Option<LinkEvent> {
        match then {
            Then::Stop => self.become_state(now, fx, State::Stopped),
            Then::Reconnect => {
                self.next_router = 0;
                self.become_state(now, fx, State::Waiting { until: now.mono + RECONNECT_WAIT })
            }
        }
    }
}
