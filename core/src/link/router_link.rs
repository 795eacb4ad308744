//! The link of one mud: every step of a session's life. The states and what leads from one to the next are described
//! in the documentation of [`crate::link`].

use super::backoff::Backoff;
use super::counts::{Cause, Counts};
use super::liveness::Liveness;
use super::own_packets;
use super::report::Report;
use super::route::Route;
use super::state::{LATE_AFTER, Rests, State, StateName, Then, Wire};
use super::step::{Applied, LinkCx, LinkEvent, Wait};
use super::unanswered::Unanswered;
use super::watch::{Due, Watch};
use crate::i3::packet::{Packet, RouterEntry};
use crate::i3::serving::MudInfo;
use crate::i3::{Deframer, Frame, FrameError, frame, lpc};
use crate::machine::{Change, ConnId, SaveTicket};
use crate::notice::{Level, Notice};
use crate::settings::{LinkSettings, MudSettings, RouterSettings};
use crate::time::{Instant, Now, UnixTime};
use std::time::Duration;

/// A connection that is lost within this time, and without a byte, was closed at once.
const CLOSED_AT_ONCE_WITHIN: Duration = Duration::from_secs(1);

/// How long the goodbye may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the store may take to save a new password before the link becomes ready without that.
const SAVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before the next login after the link has left on request.
const RECONNECT_WAIT: Duration = Duration::from_secs(2);

/// The link of one mud.
///
/// Each step takes a [`LinkCx`] and puts what is to be done into its effects. After each step the caller reads
/// [`RouterLink::deadline`], to set its timer, and [`RouterLink::conns`], to know which connections are the link's.
#[derive(Debug)]
pub struct RouterLink {
    pub(super) state: State,
    /// When the state was entered.
    since: UnixTime,
    pub(super) route: Route,
    unanswered: Unanswered,
    backoff: Backoff,
    password: i64,
    pub(super) last_error: Option<String>,
    /// Why the last attempt or session has failed, if the link waits because of that.
    pub(super) ended_by: Option<Cause>,
    /// When the last attempt began.
    pub(super) tried_at: Option<Instant>,
    /// When the link last decided to try sooner, because another link had seen its router.
    pub(super) sooner_at: Option<Instant>,
    pub(super) counts: Counts,
    /// What the mud has announced of itself, which goes before what the settings say.
    pub(super) announced: Option<MudInfo>,
    /// Why the link does not dial before it is woken.
    pub(super) rests: Rests,
    /// What another node reports of the link, which this one does not run.
    pub(super) shown: Option<Box<Report>>,
}

// What is known of a link.
impl RouterLink {
    /// A link that dials at once. `seed` decides how its waits are varied.
    pub fn new(mud: &MudSettings, seed: u64, now: Now) -> Self {
        RouterLink {
            state: State::Waiting { until: now.mono },
            since: now.unix,
            route: Route::new(&mud.routers),
            unanswered: Unanswered::default(),
            backoff: Backoff::new(seed),
            password: mud.router_password,
            last_error: None,
            ended_by: None,
            tried_at: None,
            sooner_at: None,
            counts: Counts::default(),
            announced: None,
            rests: Rests::default(),
            shown: None,
        }
    }

    /// The router in use, or tried last.
    pub fn router(&self) -> &RouterSettings {
        self.shown.as_ref().map_or(self.route.current(), |shown| &shown.router)
    }

    /// The state.
    pub fn state(&self) -> StateName {
        self.shown.as_ref().map_or(self.state.name(), |shown| shown.state)
    }

    /// When the state was entered.
    pub fn since(&self) -> UnixTime {
        self.shown.as_ref().map_or(self.since, |shown| shown.since)
    }

    /// Why the link was last lost or refused, since it was last ready.
    pub fn last_error(&self) -> Option<&str> {
        let shown = self.shown.as_ref().map(|shown| &shown.last_error);
        shown.unwrap_or(&self.last_error).as_deref()
    }

    /// What the link has counted since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// When the next attempt is due, while the link waits for it.
    pub fn next_attempt(&self) -> Option<Instant> {
        match (&self.shown, &self.state) {
            (Some(shown), _) => shown.next_attempt,
            (None, State::Waiting { until }) if !self.is_asleep() => Some(*until),
            _ => None,
        }
    }

    /// The router that the next attempt is for, if one is due now.
    pub fn about_to_dial<'a>(&'a self, now: Instant, mud: &'a MudSettings) -> Option<&'a RouterSettings> {
        self.next_attempt()
            .filter(|_| self.shown.is_none())
            .filter(|at| *at <= now)
            .map(|_| self.route.next(&mud.routers))
    }

    /// Whether packets may go. The node that runs the link sends them.
    pub fn is_ready(&self) -> bool {
        self.state() == StateName::Ready
    }

    /// Whether this node has a session with the router, and it is ready.
    pub fn has_session(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// Whether the login is sent and not yet answered.
    pub fn is_logging_in(&self) -> bool {
        matches!(self.state, State::LoggingIn { .. })
    }

    /// Whether the link has ended for good.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// How the link knows that its session lives.
    pub fn liveness(&self) -> Liveness {
        match &self.state {
            _ if let Some(shown) = &self.shown => shown.liveness,
            State::Ready { watch, .. } if watch.is_proven() => Liveness::AnswersProbes,
            State::Ready { .. } if self.unanswered.drops_probes(&self.router().name) => Liveness::NoAnswers,
            State::Ready { .. } => Liveness::NotProbed,
            _ => Liveness::NotConnected,
        }
    }

    /// The connection to the router in use.
    pub fn conn(&self) -> Option<ConnId> {
        self.state.conn()
    }

    /// All connections of the link: that of [`RouterLink::conn`], and one that only tests whether the preferred router
    /// can be reached.
    pub fn conns(&self) -> impl Iterator<Item = ConnId> {
        self.conn().into_iter().chain(self.state.trial())
    }

    /// When the link must be woken, and for what. Any step may change this.
    pub fn deadline(&self, settings: &LinkSettings) -> Option<(Instant, Wait)> {
        let is_asleep = self.is_asleep() && matches!(self.state, State::Waiting { .. });
        self.state.deadline(settings).filter(|_| !is_asleep)
    }

    /// A packet as a frame for the router in use, in the character set of that router.
    pub fn frame(&self, packet: &Packet<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        frame::append(&mut bytes, |text| packet.encode_with(self.router().charset, text));
        bytes
    }

    /// Returns a packet as a frame for the router in use, with `'` for every quote and `/` for every backslash.
    pub fn frame_without_escapes(&self, packet: &Packet<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        frame::append(&mut bytes, |text| {
            let from = text.len();
            packet.encode_with(self.router().charset, text);
            lpc::replace_escapes(text, from);
        });
        bytes
    }
}

// What the gateway decides for a link.
impl RouterLink {
    /// Sets the password that the next login sends.
    pub fn set_password(&mut self, password: i64) {
        self.password = password;
    }

    /// Puts the next attempt off. Does nothing while the link does not wait for one.
    pub fn postpone(&mut self, to: Instant) {
        if let State::Waiting { until } = &mut self.state {
            *until = to;
        }
    }

    /// New settings hold: those of `cx`. `before` is the mud as it was set until now. The state stays as it is.
    pub fn reload(&mut self, cx: &mut LinkCx<'_>, before: &MudSettings) -> Applied {
        let is_new_to_router = self.login(before) != self.login(cx.mud);
        let is_unlisted = self.route.reload(&before.routers, &cx.mud.routers);
        match &mut self.state {
            State::Ready { watch, .. } => {
                let return_after = self.route.return_after(cx.settings);
                if let Some(trial) = watch.set_return_after(cx.now.mono, return_after) {
                    cx.fx.close_now(trial);
                }
            }
            State::Waiting { until } => {
                *until = (*until).min(cx.now.mono + cx.settings.reconnect_delay_max);
            }
            _ => {}
        }
        let is_at_router = self.conn().is_some();
        if is_at_router && (is_unlisted || is_new_to_router) { Applied::AtTheNextLogin } else { Applied::Now }
    }

    /// Says goodbye and comes back. A link that is told to stop does not come back.
    pub fn reconnect(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        if matches!(
            self.state,
            State::Leaving { then: Then::Stop | Then::Retire | Then::HandOver, .. } | State::Stopped
        ) {
            return None;
        }
        self.route.prefer();
        self.counts.end(Cause::Requested);
        self.leave(cx, Then::Reconnect)
    }

    /// Says goodbye for good.
    pub fn stop(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        // The last word to the router is on its way where the mud has retired.
        if matches!(self.state, State::Leaving { then: Then::Retire, .. } | State::Stopped) {
            return None;
        }
        self.leave(cx, Then::Stop)
    }

    /// Says goodbye for good, so that the router forgets the mud. Does nothing without a session: nobody would hear it.
    pub fn retire(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        if self.has_session() { self.leave(cx, Then::Retire) } else { None }
    }
}

// What happens to the connections.
impl RouterLink {
    /// The deadline of [`RouterLink::deadline`] has passed.
    pub fn handle_timeout(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        match self.state {
            State::Waiting { until } if cx.now.mono < until || self.is_asleep() => None,
            State::Waiting { .. } => self.dial(cx),
            State::Connecting { .. } => {
                self.give_up(cx, Cause::NoConnection, "no connection in time".to_owned())
            }
            State::LoggingIn { deadline, .. } if cx.now.mono < deadline => self.answer_is_late(cx),
            State::LoggingIn { .. } => {
                let reason = "refused in silence: wrong router name, wrong password or blocked name?";
                self.give_up(cx, Cause::LoginUnanswered, reason.to_owned())
            }
            State::SavingPassword { .. } => {
                self.warn_not_durable(cx, "the store does not answer");
                self.become_ready(cx)
            }
            State::Ready { .. } => self.watch_timeout(cx),
            State::Leaving { ref wire, then, .. } => {
                cx.fx.close_now(wire.conn);
                self.left(cx, then)
            }
            State::Stopped => None,
        }
    }

    /// Says that the login waits for its answer: a person who watches the first login learns why nothing happens.
    fn answer_is_late(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        let State::LoggingIn { since, deadline, late: late @ false, .. } = &mut self.state else {
            return None;
        };
        if cx.now.mono < *since + LATE_AFTER {
            return None;
        }
        let left = deadline.since(cx.now.mono).as_secs_f64().ceil();
        let text = format!(
            "waiting for the router's answer to the login for {} s; if it refuses in silence, this ends in {left} s",
            cx.now.mono.since(*since).as_secs()
        );
        *late = true;
        cx.fx.notice(self.notice(cx.mud, Level::Info, "no answer to the login yet").with("reason", &text));
        self.last_error.get_or_insert(text);
        None
    }

    fn dial(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        self.route.advance(&cx.mud.routers);
        (self.tried_at, self.ended_by) = (Some(cx.now.mono), None);
        let router = self.router();
        let conn = cx.fx.dial(&router.host, router.port);
        let deadline = cx.now.mono + cx.settings.connect_timeout;
        let address = format!("{} {}", router.host, router.port);
        let notice = self.notice(cx.mud, Level::Info, "connecting to the router");
        cx.fx.notice(notice.with("address", address));
        self.become_state(cx, State::Connecting { conn, deadline })
    }

    fn watch_timeout(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        let drops_probes = self.unanswered.drops_probes(&self.router().name);
        let State::Ready { wire, watch } = &mut self.state else { return None };
        match watch.handle_timeout(cx.now.mono, cx.settings, drops_probes) {
            Due::Nothing => None,
            Due::Probe(probe) => {
                let conn = wire.conn;
                cx.fx.send(conn, &self.frame(&own_packets::probe(cx.mud, probe)));
                self.counts.sent(probe.kind());
                Some(LinkEvent::Probed)
            }
            Due::Trial => {
                let preferred = &cx.mud.routers[0];
                watch.trial_begun(cx.fx.dial(&preferred.host, preferred.port));
                None
            }
            Due::TrialLate(conn) => {
                cx.fx.close_now(conn);
                None
            }
            Due::Dead if watch.is_proven() => self.give_up(cx, Cause::Silence, "no sign of life".to_owned()),
            Due::Dead => {
                self.unanswered.count(&self.route.current().name);
                let reason =
                    "nothing that we sent to ourselves came back: the router does not know us, or eats it";
                self.give_up(cx, Cause::Silence, reason.to_owned())
            }
        }
    }

    /// A connection is open: the link logs in, or knows that the preferred router can be reached.
    pub fn dialed(&mut self, cx: &mut LinkCx<'_>, conn: ConnId) -> Option<LinkEvent> {
        if self.state.trial() == Some(conn) {
            cx.fx.close_now(conn);
            return self.trial_ended(cx, true);
        }
        // A report of a connection that is already in use must not send a second login over it.
        if !matches!(self.state, State::Connecting { conn: dialing, .. } if dialing == conn) {
            return None;
        }
        cx.fx.send(conn, &self.login(cx.mud));
        self.counts.sent("startup-req-3");
        let (since, deadline) = (cx.now.mono, cx.now.mono + cx.settings.startup_timeout);
        let wire = Wire { conn, deframer: Deframer::default() };
        self.become_state(cx, State::LoggingIn { wire, since, deadline, heard: false, late: false })
    }

    pub(super) fn login(&self, mud: &MudSettings) -> Vec<u8> {
        let (router, password) = (self.router(), self.password);
        self.frame(&match &self.announced {
            Some(info) => own_packets::login_with(mud, router, password, info),
            None => own_packets::login(mud, router, password),
        })
    }

    fn trial_ended(&mut self, cx: &mut LinkCx<'_>, reached: bool) -> Option<LinkEvent> {
        let State::Ready { watch, .. } = &mut self.state else { return None };
        if !watch.trial_ended(cx.now.mono, reached) {
            return None;
        }
        let notice = Notice::new(Level::Info, "link", "the preferred router is back; returning to it");
        cx.fx.notice(notice.with("mud", &cx.mud.name).with("router", &cx.mud.routers[0].name));
        self.route.return_to_preferred();
        self.counts.end(Cause::PreferredBack);
        self.leave(cx, Then::Reconnect)
    }

    /// The connection is gone, or could not be opened. One that is not the link's changes nothing.
    pub fn lost(&mut self, cx: &mut LinkCx<'_>, conn: ConnId, reason: String) -> Option<LinkEvent> {
        if self.state.trial() == Some(conn) {
            return self.trial_ended(cx, false);
        }
        if self.conn() != Some(conn) {
            return None;
        }
        match self.state {
            State::Leaving { then, .. } => self.left(cx, then),
            State::Connecting { .. } => self.failed(cx, Cause::NoConnection, reason),
            State::LoggingIn { since, heard: false, .. }
                if cx.now.mono.since(since) < CLOSED_AT_ONCE_WITHIN =>
            {
                match self.backoff.closed_at_once() {
                    Some(wait) => self.closed_at_once(cx, wait),
                    None => self.failed(cx, Cause::ConnectionLost, reason),
                }
            }
            _ => self.failed(cx, Cause::ConnectionLost, reason),
        }
    }

    fn closed_at_once(&mut self, cx: &mut LinkCx<'_>, wait: Duration) -> Option<LinkEvent> {
        self.counts.end(Cause::ClosedAtOnce);
        let reason = "closed at once: the router takes one connection a second";
        self.last_error = Some(reason.to_owned());
        let notice = self.notice(cx.mud, Level::Info, "router link failed").with("reason", reason);
        cx.fx.notice(notice.with("next_attempt", cx.now.unix + wait));
        self.become_state(cx, State::Waiting { until: cx.now.mono + wait })
    }

    /// The driver has written bytes: the goodbye may have left.
    pub fn flushed(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        match self.state {
            State::Leaving { ref wire, then, .. } if !cx.fx.is_open(wire.conn) => self.left(cx, then),
            _ => None,
        }
    }
}

// What the router sends.
impl RouterLink {
    /// Bytes came in on `conn`: a sign of life. Their frames are read with [`RouterLink::next_frame`].
    pub fn received(&mut self, cx: &mut LinkCx<'_>, conn: ConnId) {
        if self.conn() != Some(conn) {
            return;
        }
        self.counts.heard_at = Some(cx.now.unix);
        match &mut self.state {
            State::LoggingIn { heard, .. } => *heard = true,
            State::Ready { watch, .. } => watch.heard(cx.now.mono),
            _ => {}
        }
    }

    /// The next frame that holds a packet, taking bytes from the front of `input`. `None` when more bytes are needed,
    /// and when `conn` is not the link's connection or is no longer: a packet may have ended the session that the rest
    /// of the input belongs to. An empty frame holds no packet and is skipped.
    ///
    /// The frame borrows the input or owns its bytes, never the link. So the link can take part in what follows from
    /// one frame before the next is read, and the part of a frame that has arrived stays here from one input to the
    /// next.
    ///
    /// After an error the stream cannot be read any further: call [`RouterLink::broken`].
    pub fn next_frame<'i>(
        &mut self,
        conn: ConnId,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'i>>, FrameError> {
        let Some(wire) = self.state.wire().filter(|wire| wire.conn == conn) else { return Ok(None) };
        loop {
            match wire.deframer.next_frame(input)? {
                Some(frame) if frame.is_empty() => {}
                frame => return Ok(frame),
            }
        }
    }

    /// The router cannot be used any further: it sends what is no frame, or does not know the mud any more.
    pub fn broken(&mut self, cx: &mut LinkCx<'_>, reason: String) -> Option<LinkEvent> {
        match self.state {
            State::Waiting { .. } | State::Stopped => None,
            State::Leaving { ref wire, then, .. } => {
                cx.fx.close_now(wire.conn);
                self.left(cx, then)
            }
            _ => self.give_up(cx, Cause::BadFrame, reason),
        }
    }

    /// The router refuses the login in words. Later such words mean something else, and nothing follows here.
    pub fn refused(&mut self, cx: &mut LinkCx<'_>, reason: String) -> Option<LinkEvent> {
        if !self.is_logging_in() {
            return None;
        }
        self.backoff.refused();
        self.give_up(cx, Cause::LoginRefused, reason)
    }

    /// What the mud sent to itself has come back.
    pub fn probe_answered(&mut self) {
        if let State::Ready { watch, .. } = &mut self.state {
            watch.probe_answered();
            self.unanswered.answered(&self.route.current().name);
        }
    }

    /// The router accepts the login. It may send the same packet later, when it has a new password for the mud or
    /// points to another router. `password` is the change that saves a new password; it is saved whatever the state
    /// is.
    pub fn startup_reply(
        &mut self,
        cx: &mut LinkCx<'_>,
        password: Option<Change>,
        routers: &[RouterEntry<'_>],
    ) -> Option<LinkEvent> {
        let ticket = password.map(|change| cx.fx.save(cx.now.mono, vec![change]));
        if !matches!(self.state, State::LoggingIn { .. } | State::Ready { .. }) {
            return None;
        }
        if cx.settings.follow_redirects && self.route.follow(cx.now.mono, routers) {
            let to = self.route.next(&cx.mud.routers);
            let notice = Notice::new(Level::Info, "link", "the router points to another one; following")
                .with("mud", &cx.mud.name)
                .with("router", &to.name)
                .with("address", format_args!("{} {}", to.host, to.port));
            cx.fx.notice(notice);
            self.counts.end(Cause::Redirected);
            return self.leave(cx, Then::Reconnect);
        }
        if self.has_session() {
            return None;
        }
        match ticket {
            Some(ticket) => {
                let wire = self.state.take_wire()?;
                let deadline = cx.now.mono + SAVE_TIMEOUT;
                self.become_state(cx, State::SavingPassword { wire, ticket, deadline })
            }
            None => self.become_ready(cx),
        }
    }

    /// The store has answered a save. If the password is saved with it, the link becomes ready, with a warning where that has
    /// failed.
    pub fn saved(
        &mut self,
        cx: &mut LinkCx<'_>,
        ticket: SaveTicket,
        outcome: &Result<(), String>,
    ) -> Option<LinkEvent> {
        let State::SavingPassword { ticket: expected, .. } = self.state else { return None };
        match outcome {
            Err(error) if expected == ticket => self.warn_not_durable(cx, error),
            _ if expected == ticket => {}
            // It may have been saved together with later changes.
            _ if cx.fx.saves().is_some() && expected < cx.fx.durable_before() => {}
            _ => return None,
        }
        self.become_ready(cx)
    }

    fn warn_not_durable(&self, cx: &mut LinkCx<'_>, error: &str) {
        let text = "the router password is not saved; the name may be lost at a restart";
        cx.fx.notice(self.notice(cx.mud, Level::Error, text).with("error", error));
    }
}

// What ends a state.
impl RouterLink {
    fn become_ready(&mut self, cx: &mut LinkCx<'_>) -> Option<LinkEvent> {
        let wire = self.state.take_wire()?;
        cx.fx.notice(self.notice(cx.mud, Level::Info, "logged in"));
        self.last_error = None;
        self.backoff.logged_in();
        let mut watch = Watch::new(cx.now.mono);
        watch.set_return_after(cx.now.mono, self.route.return_after(cx.settings));
        self.become_state(cx, State::Ready { wire, watch })
    }

    fn give_up(&mut self, cx: &mut LinkCx<'_>, cause: Cause, reason: String) -> Option<LinkEvent> {
        if let Some(conn) = self.conn() {
            cx.fx.close_now(conn);
        }
        self.failed(cx, cause, reason)
    }

    /// Waits, longer each time, and chooses the next router: after a session that was ready the preferred one, else
    /// the next of the list.
    fn failed(&mut self, cx: &mut LinkCx<'_>, cause: Cause, reason: String) -> Option<LinkEvent> {
        self.counts.end(cause);
        let was_steady = matches!(&self.state, State::Ready { watch, .. } if watch.is_steady(cx.now.mono));
        if was_steady {
            self.route.lasted();
        }
        if self.has_session() {
            self.route.prefer();
        } else {
            self.route.skip(&cx.mud.routers);
        }
        let wait = self.backoff.failed(was_steady, cx.settings);
        let notice = self.notice(cx.mud, Level::Warn, "router link failed");
        let notice = notice.with("cause", cause.name()).with("reason", &reason);
        cx.fx.notice(notice.with("next_attempt", cx.now.unix + wait));
        (self.last_error, self.ended_by) = (Some(reason), Some(cause));
        self.become_state(cx, State::Waiting { until: cx.now.mono + wait })
    }

    pub(super) fn leave(&mut self, cx: &mut LinkCx<'_>, then: Then) -> Option<LinkEvent> {
        let Some(conn) = self.conn() else { return self.left(cx, then) };
        if matches!(self.state, State::Connecting { .. } | State::Leaving { .. }) {
            cx.fx.close_now(conn);
            return self.left(cx, then);
        }
        let goodbye = own_packets::goodbye(cx.mud, self.router(), then);
        cx.fx.send(conn, &self.frame(&goodbye));
        self.counts.sent("shutdown");
        // For the node that takes over the router's own end of the session counts.
        if then != Then::HandOver && cx.fx.close_when_flushed(conn) {
            return self.left(cx, then);
        }
        let wire = self.state.take_wire()?;
        let deadline = cx.now.mono + LEAVE_TIMEOUT;
        self.become_state(cx, State::Leaving { wire, deadline, then })
    }

    fn left(&mut self, cx: &mut LinkCx<'_>, then: Then) -> Option<LinkEvent> {
        if !matches!(self.state.name(), StateName::Waiting | StateName::Connecting | StateName::Stopped) {
            let notice = self.notice(cx.mud, Level::Info, "left the router").with("reason", then.reason());
            cx.fx.notice(match then {
                Then::Reconnect => notice.with("next_attempt", cx.now.unix + RECONNECT_WAIT),
                Then::Stop | Then::Retire | Then::Rest | Then::HandOver => notice,
            });
        }
        let next = match then {
            Then::Stop | Then::Retire => State::Stopped,
            Then::Reconnect | Then::Rest | Then::HandOver => {
                State::Waiting { until: cx.now.mono + RECONNECT_WAIT }
            }
        };
        self.become_state(cx, next)
    }

    /// Every change of state goes through here.
    pub(super) fn become_state(&mut self, cx: &mut LinkCx<'_>, state: State) -> Option<LinkEvent> {
        let (from, to) = (self.state.name(), state.name());
        debug_assert!(from.next().contains(&to), "{from:?} is not followed by {to:?}");
        let notice = self.notice(cx.mud, Level::Debug, "router link changed");
        cx.fx.notice(notice.with("from", from.as_str()).with("to", to.as_str()));
        // The trial of the preferred router ends with the state that it belongs to.
        if let Some(trial) = self.state.trial() {
            cx.fx.close_now(trial);
        }
        self.state = state;
        self.since = cx.now.unix;
        match (from == StateName::Ready, to == StateName::Ready) {
            (false, true) => Some(LinkEvent::Ready),
            (true, false) => Some(LinkEvent::Down),
            _ => None,
        }
    }

    fn notice(&self, mud: &MudSettings, level: Level, what: &'static str) -> Notice {
        Notice::new(level, "link", what).with("mud", &mud.name).with("router", &self.router().name)
    }
}
