//! All clients of the gateway.

use super::addresses::Addresses;
use super::audience::Audience;
use super::elsewhere::{Elsewhere, SessionNews};
use super::rates::Rates;
use super::session::Session;
use super::way::Stamp;
use crate::cx::Cx;
use crate::effects::ConnMap;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::machine::{ConnId, HandshakeFault};
use crate::moderation::UserRates;
use crate::notice::{Level, Notice, Repeated};
use crate::runs::Laid;
use crate::settings::Permission;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Bytes queued for a client above which nothing is read from it until it has read.
pub const CLIENT_PAUSE_BYTES: usize = 262_144;

/// Bytes queued for a client above which nothing more is queued for it: kept events wait until it has read, other events
/// are dropped, and answers become errors.
pub const CLIENT_PENDING_BYTES_MAX: usize = 1_048_576;

/// Bytes queued or held for all clients together above which each client may only have [`CLIENT_CROWDED_BYTES_MAX`]
/// queued.
pub const ALL_PENDING_BYTES_MAX: usize = 33_554_432;

/// While all clients together have little room left: the bytes queued for a client above which it gets no more events,
/// and the largest answer.
pub const CLIENT_CROWDED_BYTES_MAX: usize = 65_536;

/// Bytes queued for a slow client above which it gets no more presence events.
pub const PRESENCE_PENDING_BYTES_MAX: usize = 32_768;

/// Bytes queued for a slow client above which it gets no more channel lines.
pub const CHANNEL_PENDING_BYTES_MAX: usize = 65_536;

/// Places above the limit of connections for HTTP connections from this host, so that a health check gets its answer
/// when clients with keys have all other places.
pub const RESERVED_PLACES: usize = 16;

/// The least time between two detailed reports of failed TLS handshakes.
const HANDSHAKE_REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Why a client's session ends, as a front door may report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// The client broke a rule, or may not stay.
    Policy,
    /// The gateway is full, and the client has shown no key.
    MakingRoom,
    /// The client asks for nothing more, and has all its answers.
    Finished,
    /// The gateway shuts down.
    ShuttingDown,
}

/// A client that its front door must close in order: the client receives what is queued, and a goodbye.
#[derive(Debug)]
pub(crate) struct Dismissal {
    pub(crate) conn: ConnId,
    pub(crate) goodbye: Goodbye,
    pub(crate) reason: &'static str,
}

/// When failures that any stranger can cause were last reported in detail.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// A failed TLS handshake.
    handshake: Option<Instant>,
    /// A refused login of a mud.
    pub(crate) login: Option<Instant>,
}

/// Buffers for an event that is being sent. They have no meaning between two events.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) members: Vec<u8>,
    pub(crate) encoded: Vec<u8>,
    /// Its messages, each with its run.
    pub(crate) laid: Vec<(usize, Laid)>,
    pub(crate) stamp: Stamp,
}

/// The clients, and the state that concerns all of them.
#[derive(Debug)]
pub(crate) struct Clients {
    sessions: ConnMap<Session>,
    pub(crate) audience: Audience,
    pub(crate) addresses: Addresses,
    pub(crate) rates: Rates,
    pub(crate) user_rates: UserRates,
    /// The sessions at other nodes, and what those have to learn of the sessions here.
    pub(crate) elsewhere: Elsewhere,
    /// Sessions that receive the packets of their mud.
    pub(crate) tracers: BTreeSet<ConnId>,
    pub(crate) scratch: Scratch,
    dismissals: VecDeque<Dismissal>,
    /// Refusals that any stranger can cause, by their reason, for the log.
    pub(super) refusals: BTreeMap<&'static str, Repeated>,
    pub(crate) reported: Reported,
}

impl Clients {
    /// Creates an empty set of clients for a gateway with this number of muds.
    pub(crate) fn new(muds: usize) -> Clients {
        Clients {
            sessions: ConnMap::default(),
            audience: Audience::new(muds),
            addresses: Addresses::default(),
            rates: Rates::default(),
            user_rates: UserRates::default(),
            elsewhere: Elsewhere::default(),
            tracers: BTreeSet::new(),
            scratch: Scratch::default(),
            dismissals: VecDeque::new(),
            refusals: BTreeMap::new(),
            reported: Reported::default(),
        }
    }

    /// Adds a session.
    pub(crate) fn insert(&mut self, conn: ConnId, session: Session) {
        self.sessions.insert(conn, session);
    }

    /// Returns the session of a connection.
    pub(crate) fn get(&self, conn: ConnId) -> Option<&Session> {
        self.sessions.get(conn)
    }

    /// Returns the session of a connection, to change it.
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.sessions.get_mut(conn)
    }

    /// Whether a connection has a session that is not about to end.
    pub(crate) fn stays(&self, conn: ConnId) -> bool {
        self.get(conn).is_some_and(|session| !session.leaving)
    }

    /// Removes and returns a session that has ended.
    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<Session> {
        let session = self.sessions.remove(conn)?;
        if let (Some(news), Some(identity)) = (&mut self.elsewhere.news, &session.identity) {
            news.changed.remove(&conn);
            news.taken.remove(&conn);
            news.ended.push(identity.session_id.clone());
        }
        self.rates.forget(conn);
        self.tracers.remove(&conn);
        Some(session)
    }

    /// From now on other nodes learn of the sessions here.
    pub(crate) fn share(&mut self) {
        self.elsewhere.news.get_or_insert_default();
        self.rates.share();
    }

    /// Notes that a session has begun, or that it has changed in what other nodes know of it.
    pub(crate) fn changed(&mut self, conn: ConnId) {
        if let Some(news) = &mut self.elsewhere.news {
            news.changed.insert(conn);
        }
    }

    /// Notes that all sessions have to be saved again.
    pub(crate) fn all_changed(&mut self) {
        if let Some(news) = &mut self.elsewhere.news {
            news.changed.extend(self.sessions.iter().map(|(conn, _)| conn));
        }
    }

    /// Notes that the connection of a named client has taken events.
    pub(crate) fn has_taken(&mut self, conn: ConnId) {
        if let Some(news) = &mut self.elsewhere.news {
            news.taken.insert(conn);
        }
    }

    /// Notes that the user of a session has said something. Other nodes learn of it from time to time.
    pub(crate) fn has_said(&mut self, conn: ConnId, now: Instant) {
        let person = self.sessions.get_mut(conn).and_then(|session| session.person.as_mut());
        if person.is_some_and(|person| person.is_heard_of_again(now)) {
            self.changed(conn);
        }
    }

    /// Whether other nodes learn of the sessions here.
    pub(crate) fn are_shared(&self) -> bool {
        self.elsewhere.news.is_some()
    }

    /// Returns what other nodes have to learn, once.
    pub(crate) fn take_news(&mut self) -> SessionNews {
        self.elsewhere.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns all sessions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &Session)> {
        self.sessions.iter()
    }

    /// Returns all sessions, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut Session)> {
        self.sessions.iter_mut()
    }

    /// Returns the subscribers, and the sessions to change.
    pub(crate) fn audience_and_sessions(&mut self) -> (&Audience, &mut ConnMap<Session>) {
        (&self.audience, &mut self.sessions)
    }

    /// Returns the connections of all sessions.
    pub(crate) fn conns(&self) -> Vec<ConnId> {
        self.iter().map(|(conn, _)| conn).collect()
    }

    /// Returns the number of sessions.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns the number of identified sessions.
    pub(crate) fn active(&self) -> usize {
        self.iter().filter(|(_, session)| session.identity.is_some()).count()
    }

    /// Returns the number of sessions of a transport.
    pub(crate) fn count_of(&self, label: &str) -> usize {
        self.iter().filter(|(_, session)| session.way.label == label).count()
    }

    /// Whether an address has reached its limit of connections. The limit does not hold for this host and for proxies,
    /// because many clients may be behind them.
    pub(crate) fn is_full(&self, cx: &Cx<'_>, address: IpAddr) -> bool {
        let api = &cx.settings.api;
        !address.is_loopback()
            && !api.addresses.trusts(address)
            && self.addresses.open(address) >= api.connections_per_address_max
    }

    /// Queues an error that answers no request.
    pub(crate) fn report(&mut self, cx: &mut Cx<'_>, conn: ConnId, fault: &Fault) {
        let Some(session) = self.get(conn) else { return };
        let bytes = session.fault(fault);
        cx.fx.send_shared(conn, bytes);
        self.bound(cx, conn);
    }

    /// Stops reading from a client that does not read. If it goes on so for too long, it is closed.
    pub(crate) fn bound(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        if cx.fx.pending_bytes(conn) > CLIENT_PAUSE_BYTES {
            cx.fx.hold(conn);
            if let Some(session) = self.get_mut(conn) {
                session.falls_behind(cx, conn);
            }
        }
    }

    /// Returns the largest answer that may be queued for a client now, in bytes.
    pub(crate) fn room(cx: &Cx<'_>, conn: ConnId) -> usize {
        let is_crowded = cx.fx.total_pending_bytes() > ALL_PENDING_BYTES_MAX;
        let most = if is_crowded { CLIENT_CROWDED_BYTES_MAX } else { CLIENT_PENDING_BYTES_MAX };
        most.saturating_sub(cx.fx.pending_bytes(conn) + cx.fx.aside_bytes(conn))
    }

    /// Whether another request of a client may be run: it has read the answers to the earlier ones, or nearly so.
    pub(crate) fn takes_more(cx: &Cx<'_>, conn: ConnId) -> bool {
        let is_crowded = cx.fx.total_pending_bytes() > ALL_PENDING_BYTES_MAX;
        let most = if is_crowded { CLIENT_CROWDED_BYTES_MAX } else { CLIENT_PAUSE_BYTES };
        cx.fx.pending_bytes(conn) <= most
    }

    /// Closes a client that has not read for too long. A slow client harms only itself.
    pub(crate) fn give_up(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let notice = Notice::new(Level::Info, "api", "client does not read; closed");
        let notice = notice.with("address", self.addresses.of(conn));
        cx.notice(notice.with("queued_bytes", cx.fx.pending_bytes(conn)));
        cx.metrics.connections_at_fault += 1;
        if let Some(session) = self.get_mut(conn) {
            session.ends_because("the client does not read");
        }
        cx.fx.close_now(conn);
    }

    /// Closes a client after the answer to the current request and all queued bytes have been sent.
    pub(crate) fn dismiss(&mut self, conn: ConnId, goodbye: Goodbye, reason: &'static str) {
        if let Some(session) = self.get_mut(conn)
            && !std::mem::replace(&mut session.leaving, true)
        {
            session.ends_because(reason);
            self.dismissals.push_back(Dismissal { conn, goodbye, reason });
        }
    }

    /// Returns the next client that its front door must close.
    pub(crate) fn poll_dismissal(&mut self) -> Option<Dismissal> {
        self.dismissals.pop_front()
    }

    /// Counts and reports a failed TLS handshake, since the gateway's own certificate may be at fault. A detailed
    /// report comes only from time to time, because any stranger can cause failures at will.
    pub(crate) fn handshake_failed(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        fault: HandshakeFault,
        text: &str,
    ) {
        *cx.metrics.handshakes_failed.entry(fault.name()).or_default() += 1;
        let now = cx.now.mono;
        let was_reported =
            self.reported.handshake.is_some_and(|at| now.since(at) < HANDSHAKE_REPORT_INTERVAL);
        if !was_reported {
            self.reported.handshake = Some(now);
        }
        let level = if was_reported { Level::Debug } else { Level::Warn };
        let notice = Notice::new(level, "api", "TLS handshake with a client failed")
            .with("reason", fault.name())
            .with("address", self.addresses.of(conn))
            .with("error", text);
        cx.notice(notice);
    }

    /// Ends the tracing of sessions whose keys may no longer trace.
    pub(crate) fn forget_tracers(&mut self) {
        let sessions = &self.sessions;
        let may = |conn: &ConnId| sessions.get(*conn).is_some_and(|one| one.may(Some(Permission::Admin)));
        self.tracers.retain(may);
    }

    /// Returns the sessions of a mud.
    pub(crate) fn of_mud(&self, mud: MudId) -> impl Iterator<Item = (ConnId, &Session)> {
        self.iter().filter(move |(_, session)| session.is_of(mud))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::CLIENT_STALLED_MAX;
    use crate::service::testing::Stage;
    use crate::wake::Wake;

    #[test]
    fn a_removed_session_leaves_nothing_behind() {
        let mut stage = Stage::default();
        let (conn, other) = (stage.join(MudId::OWN), stage.join(MudId::at(1)));
        stage.clients.tracers.insert(conn);
        assert_eq!(stage.clients.count_of("plain"), 2);
        assert_eq!(stage.clients.of_mud(MudId::OWN).count(), 1);
        assert!(stage.clients.remove(conn).is_some());
        assert!(stage.clients.remove(conn).is_none());
        assert!(stage.clients.tracers.is_empty());
        assert_eq!(stage.clients.conns(), [other]);
        assert_eq!(stage.clients.of_mud(MudId::OWN).count(), 0);
    }

    #[test]
    fn a_session_is_dismissed_once() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        assert!(stage.clients.stays(conn));
        stage.clients.dismiss(conn, Goodbye::ShuttingDown, "first");
        stage.clients.dismiss(conn, Goodbye::ShuttingDown, "second");
        assert!(!stage.clients.stays(conn));
        let dismissal = stage.clients.poll_dismissal();
        assert!(matches!(dismissal, Some(Dismissal { reason: "first", .. })), "{dismissal:?}");
        assert!(stage.clients.poll_dismissal().is_none());
    }

    #[test]
    fn a_client_that_does_not_read_is_held_and_its_time_runs() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        stage.bench.fx.send(conn, &vec![b'x'; CLIENT_PAUSE_BYTES]);
        stage.clients.bound(&mut stage.bench.cx(), conn);
        assert!(stage.bench.fx.is_read(conn));
        stage.bench.fx.send(conn, b"x");
        stage.clients.bound(&mut stage.bench.cx(), conn);
        assert!(!stage.bench.fx.is_read(conn) && stage.clients.stays(conn));
        let at = stage.bench.now.mono + CLIENT_STALLED_MAX;
        assert_eq!(stage.bench.timers.get(Wake::Client(conn)), Some(at));
        stage.clients.give_up(&mut stage.bench.cx(), conn);
        assert!(!stage.bench.fx.is_open(conn));
        assert_eq!(stage.bench.metrics.connections_at_fault, 1);
    }

    #[test]
    fn the_room_for_an_answer_shrinks_with_what_waits() {
        let mut stage = Stage::default();
        let conns: Vec<ConnId> = (0..33).map(|_| stage.join(MudId::OWN)).collect();
        stage.bench.fx.send(conns[0], &[b'x'; 1000]);
        stage.bench.fx.set_aside(conns[0], 500);
        assert_eq!(Clients::room(&stage.bench.cx(), conns[0]), CLIENT_PENDING_BYTES_MAX - 1500);
        for conn in &conns[1..] {
            stage.bench.fx.set_aside(*conn, CLIENT_PENDING_BYTES_MAX);
        }
        assert_eq!(Clients::room(&stage.bench.cx(), conns[0]), CLIENT_CROWDED_BYTES_MAX - 1500);
        assert_eq!(Clients::room(&stage.bench.cx(), conns[1]), 0);
    }
}
