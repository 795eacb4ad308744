//! What the services share: the muds of the gateway, the sessions of its clients, and the way out for bytes, events and
//! packets. The services do not see each other; they see this.

use crate::api::event::{self, Event, Weight};
use crate::api::json::{Message, Object};
use crate::api::rpc::{self, Fault};
use crate::api::{reason, style};
use crate::colour::TextStyle;
use crate::effects::{ConnMap, Effects};
use crate::events::kept::LaneName;
use crate::events::{Events, ids};
use crate::health::{Health, Process};
use crate::i3::packet::Packet;
use crate::link::pacer::{Class, Origin, Waiting};
use crate::link::{LinkEvent, Wait};
use crate::machine::{Change, ConnId};
use crate::metrics::{Metrics, kind_label};
use crate::moderation::UserRates;
use crate::mud::Mud;
use crate::notice::{Level, Notice, Shown};
use crate::pending::{Pending, Question};
use crate::service::channel::Parting;
use crate::service::host::Filters;
use crate::service::trace;
use crate::session::addresses::Addresses;
use crate::session::rates::Rates;
use crate::session::{Session, Transport};
use crate::settings::Settings;
use crate::time::{Instant, Now};
use crate::timers::Timers;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// Between two connections to one router, whichever muds they are for: Dead Souls' router closes the second that it accepts in
/// a second of its clock.
const DIAL_SPACING: Duration = Duration::from_millis(1050);

/// Bytes that may wait for the socket of a router. A CoffeeMud router loses what comes in heaps of 100 kB and more, so this and
/// what the kernel holds (the drivers' socket options) must stay below.
const ROUTER_PENDING_BYTES_MAX: usize = 32_768;

/// How long an accepted packet may wait for a router that is away.
pub const QUEUED_PACKET_MAX_AGE: Duration = Duration::from_secs(60);

/// Bytes queued for a client above which it is not read from until it has read itself.
pub const CLIENT_PAUSE_BYTES: usize = 262_144;

/// Bytes queued for a client above which it is closed: it does not read, and what it may not miss has no more room.
pub const CLIENT_PENDING_BYTES_MAX: usize = 1_048_576;

/// Bytes queued for a client that is behind above which it is told no more of who came and went.
pub const PRESENCE_PENDING_BYTES_MAX: usize = 32_768;

/// Bytes queued for a client that is behind above which it gets no more channel lines.
pub const CHANNEL_PENDING_BYTES_MAX: usize = 65_536;

/// Bytes queued for all clients together above which each is only allowed [`CLIENT_CROWDED_BYTES_MAX`].
const ALL_PENDING_BYTES_MAX: usize = 33_554_432;

/// See [`ALL_PENDING_BYTES_MAX`].
const CLIENT_CROWDED_BYTES_MAX: usize = 65_536;

/// Why the gateway must be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// The link of a mud waits for something.
    Link(usize, Wait),
    /// A packet may go to the router of a mud.
    Pace(usize),
    /// A packet has waited too long for the router of a mud.
    Expire(usize),
    /// An API connection is idle, slow, or to be pinged.
    Client(ConnId),
    /// A request has waited long enough for its answer.
    Answer(u64),
    /// A filter request has waited long enough for its game.
    Filter(u64),
    /// Kept events have become too old.
    Sweep,
    /// It is time to save which events were delivered.
    Marks,
    /// It is time to try a failed save again.
    Save,
    /// The shutdown has taken long enough.
    Stop,
}

/// Bytes queued for a client above which an event of a weight is dropped.
fn pending_bytes_max(weight: Weight) -> usize {
    match weight {
        Weight::Presence => PRESENCE_PENDING_BYTES_MAX,
        Weight::Channel => CHANNEL_PENDING_BYTES_MAX,
        Weight::Personal => CLIENT_PENDING_BYTES_MAX,
    }
}

/// Who gets an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To<'a> {
    /// The sessions of a mud.
    Mud(usize),
    /// The sessions that joined a channel of a mud's network.
    Channel(usize, &'a str),
    /// Of these, those that want what their own mud said.
    Echo(usize, &'a str),
    /// Everybody who is identified and reads the lists of this mud's network.
    Readers(usize),
    /// The sessions of a mud but some.
    MudExcept(usize, &'a [ConnId]),
    /// Everybody.
    All,
}

/// One line about a link that is not ready. The router's words are escaped.
fn link_down(mud: &Mud) -> String {
    let (link, name) = (&mud.link, &mud.settings.name);
    let why = link.last_error().map(|error| format!(" ({})", Shown(error))).unwrap_or_default();
    format!("{name} at {}: {}{why}", link.router().name, link.state_name())
}

/// One event on its way to its recipients.
struct Delivery<'a> {
    text: Vec<u8>,
    /// Framed once for each way of reading that somebody has.
    framed: [Option<Message>; style::FORMATS.len()],
    event: &'static Event,
    id: u64,
    /// Where it is kept for who cannot have it now.
    lane: Option<LaneName<'a>>,
    /// A session of its mud has it.
    given: bool,
    /// All clients together have little room left.
    crowded: bool,
    /// Those that do not read and may not miss this.
    overrun: Vec<(ConnId, usize)>,
}

impl Delivery<'_> {
    /// Queues it for one session, if that may have it and has room.
    fn give(&mut self, conn: ConnId, session: &mut Session, fx: &mut Effects, metrics: &mut Metrics) {
        if !session.may(self.event.permission) {
            return;
        }
        if self.lane.is_some_and(|lane| session.reader.defers(lane, &session.channels)) {
            // It comes after the older ones.
            return;
        }
        let pending = fx.pending_bytes(conn);
        let most = match pending_bytes_max(self.event.weight) {
            _ if !fx.is_behind(conn) => CLIENT_PENDING_BYTES_MAX,
            most if self.crowded => most.min(CLIENT_CROWDED_BYTES_MAX),
            most => most,
        };
        if pending > most {
            session.lagged += 1;
            metrics.events_dropped += 1;
            *metrics.events_dropped_by_weight.entry(self.event.weight.name()).or_default() += 1;
            if self.event.weight == Weight::Personal {
                self.overrun.push((conn, pending));
            }
            return;
        }
        metrics.events_delivered += 1;
        let text = &self.text;
        let message = self.framed[session.reads as usize].get_or_insert_with(|| match session.reads {
            TextStyle::Raw => Message::new(text),
            reads => Message::new(&style::restyle(text, reads)),
        });
        let bytes = match session.transport {
            Transport::Lines => message.line(),
            Transport::WebSocket => message.websocket(),
        };
        fx.send_shared(conn, bytes);
        if self.lane.is_some() {
            session.reader.queued(self.id);
            self.given |= session.identity.as_ref().is_some_and(|identity| identity.may_speak);
        }
    }
}

/// See the module.
pub(crate) struct Hub {
    pub(crate) settings: Settings,
    pub(crate) fx: Effects,
    pub(crate) metrics: Metrics,
    pub(crate) timers: Timers<Wake>,
    pub(crate) rng: fastrand::Rng,
    /// Of the input that is being handled; its monotonic part never goes back.
    pub(crate) now: Now,
    pub(crate) muds: Vec<Mud>,
    pub(crate) sessions: ConnMap<Session>,
    pub(crate) addresses: Addresses,
    pub(crate) rates: Rates,
    pub(crate) user_rates: UserRates,
    /// Sessions that want to see the packets of their mud.
    pub(crate) tracers: BTreeSet<ConnId>,
    pub(crate) websockets: usize,
    /// When the operator was last told of a client without TLS.
    pub(crate) handshake_fault_told: Option<Instant>,
    pub(crate) pending: Pending,
    pub(crate) filters: Filters,
    pub(crate) event_ids: ids::Ids,
    pub(crate) events: Events,
    pub(crate) last_message_micros: u64,
    /// The connections of the last [`DIAL_SPACING`] to each router.
    pub(crate) dials: Vec<(String, u16, Instant)>,
    /// What the driver last said of the process.
    pub(crate) process: Option<Process>,
    /// How far its loop was behind then.
    pub(crate) lag: Duration,
    pub(crate) started: Instant,
    pub(crate) stopping: bool,
}

impl Hub {
    /// Queues a packet for the router of a mud, at once where it may go.
    ///
    /// Refused when there is no ready link, when the queue is full, and when the packet is larger than routers take.
    pub(crate) fn send_packet(
        &mut self,
        mud: usize,
        class: Class,
        packet: &Packet<'_>,
        origin: Option<Origin>,
    ) -> Result<(), Fault> {
        let one = &mut self.muds[mud];
        if !one.link.is_ready() {
            let why = one.link.last_error().unwrap_or("the login is not finished").to_owned();
            return Err(Fault::gateway(&reason::ROUTER_DOWN, format!("the router link is down: {why}")));
        }
        crate::service::moderation::may_go(self, mud, packet)?;
        let one = &mut self.muds[mud];
        let bytes = one.link.frame(packet);
        let most = self.settings.link.frame_bytes_max;
        if bytes.len() > most {
            let text = format!("the packet has {} bytes, routers take {most}: shorten the text", bytes.len());
            return Err(Fault::params(text));
        }
        let for_router = packet.header.to_mud.as_deref() == Some(&*one.link.router().name);
        let kind = kind_label(packet.body.kind());
        let waiting = Waiting { frame: bytes.into(), kind, accepted: self.now.mono, origin, for_router };
        if one.pacer.push(class, waiting).is_err() {
            self.metrics.packets_refused += 1;
            return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
        }
        self.pump(mud);
        Ok(())
    }

    /// Answers a packet. If the queue is full there is nobody to tell but the operator: it is counted.
    pub(crate) fn answer(&mut self, mud: usize, packet: &Packet<'_>) {
        if self.send_packet(mud, Class::Prompt, packet, None).is_err() {
            self.metrics.packets_ignored += 1;
        }
    }

    /// Lets packets go as far as the pacing and the router allow.
    pub(crate) fn pump(&mut self, mud: usize) {
        let one = &mut self.muds[mud];
        self.timers.clear(Wake::Pace(mud));
        let mut traced = Vec::new();
        if let Some(conn) = one.link.conn().filter(|_| one.link.is_ready()) {
            while self.fx.pending_bytes(conn) < ROUTER_PENDING_BYTES_MAX {
                let Some(waiting) = one.pacer.pop(self.now.mono) else { break };
                self.metrics.packets_sent += 1;
                *self.metrics.sent_by_kind.entry(waiting.kind).or_default() += 1;
                if !self.tracers.is_empty() {
                    traced.push(waiting.frame.clone());
                }
                self.fx.send_shared(conn, waiting.frame);
            }
            if self.fx.pending_bytes(conn) < ROUTER_PENDING_BYTES_MAX
                && let Some(at) = one.pacer.next_at(self.now.mono)
            {
                self.timers.set(Wake::Pace(mud), at);
            }
        }
        match one.pacer.oldest() {
            Some(accepted) => self.timers.set(Wake::Expire(mud), accepted + QUEUED_PACKET_MAX_AGE),
            None => self.timers.clear(Wake::Expire(mud)),
        }
        for frame in traced {
            trace::sent(self, mud, &frame);
        }
    }

    /// Gives up packets that have waited too long, and says so to their mud.
    pub(crate) fn expire(&mut self, mud: usize, older_than: Duration, reason: &str) {
        let before = Instant::from_micros(
            (self.now.mono.micros() + 1)
                .saturating_sub(u64::try_from(older_than.as_micros()).unwrap_or(u64::MAX)),
        );
        let expired = self.muds[mud].pacer.expire(before);
        self.give_up(mud, expired, reason);
        self.pump(mud);
    }

    /// Says of accepted packets that they do not go.
    pub(crate) fn give_up(&mut self, mud: usize, packets: Vec<Waiting>, why: &str) {
        // Channels are listened to again after the next login.
        self.metrics.packets_expired += packets.iter().filter(|waiting| waiting.grows_old()).count() as u64;
        for origin in packets.into_iter().filter_map(|waiting| waiting.origin) {
            // Who waits for a verdict on it is told so at once, instead of taking silence for consent.
            let waiters = self.answer_waiters(|question| match question {
                Question::Verdict { mud: at, message_id, .. } => {
                    let it = *at == mud && origin.message_id.as_deref() == Some(&**message_id);
                    it.then(|| Err(Fault::gateway(&reason::NOT_SENT, why)))
                }
                _ => None,
            });
            let mut params = Object::default()
                .with("error_code", "not-sent")
                .with("error_message", why)
                .with("from_mud", "")
                .with("to_mud", &self.muds[mud].settings.name)
                .with("to_user", &origin.from_user)
                .with("context", "gateway_queue");
            if let Some(message_id) = &origin.message_id {
                params.add("message_id", message_id);
            }
            self.emit(To::MudExcept(mud, &waiters), &event::ERROR_OCCURRED, params);
        }
    }

    /// Runs a step of a mud's link, and what follows from it.
    pub(crate) fn with_link(
        &mut self,
        mud: usize,
        step: impl FnOnce(&mut crate::link::RouterLink, Now, &mut Effects) -> Option<LinkEvent>,
    ) -> Option<LinkEvent> {
        let one = &mut self.muds[mud];
        let event = step(&mut one.link, self.now, &mut self.fx);
        let wake = one.link.deadline();
        if let Some(old) = one.link_wake.take() {
            self.timers.clear(old);
        }
        if let Some((at, wait)) = wake {
            self.timers.set(Wake::Link(mud, wait), at);
            one.link_wake = Some(Wake::Link(mud, wait));
        }
        event
    }

    /// A link is about to dial: not at once after another one to the same router.
    pub(crate) fn space_dials(&mut self, mud: usize) {
        let now = self.now.mono;
        let Some(router) = self.muds[mud].link.about_to_dial(now) else { return };
        self.dials.retain(|(_, _, at)| *at + DIAL_SPACING > now);
        let to = |(host, port, _): &&(String, u16, Instant)| *host == router.host && *port == router.port;
        match self.dials.iter().find(to) {
            Some((_, _, last)) => self.muds[mud].link.postpone(*last + DIAL_SPACING),
            None => self.dials.push((router.host.clone(), router.port, now)),
        }
    }

    /// Frames an event once and queues it for everybody concerned.
    pub(crate) fn emit(&mut self, to: To<'_>, event: &'static Event, mut params: Object) {
        let id = self.event_ids.next(&mut self.fx);
        params.add("timestamp", &self.now.unix.to_string());
        params.add("event_id", &id);
        let params = params.finish();
        let keeping = self.keeping(to, event);
        // Who waited for an answer has it as the result of a request.
        let answered = matches!(to, To::MudExcept(_, except) if !except.is_empty());
        let mut delivery = Delivery {
            text: rpc::notification(event.name, &params),
            framed: Default::default(),
            event,
            id,
            lane: keeping.map(|keeping| keeping.lane),
            given: answered,
            crowded: self.fx.total_pending_bytes() > ALL_PENDING_BYTES_MAX,
            overrun: Vec::new(),
        };
        let (fx, metrics) = (&mut self.fx, &mut self.metrics);
        if let To::Channel(mud, channel) | To::Echo(mud, channel) = to {
            let is_echo = matches!(to, To::Echo(..));
            for conn in self.muds[mud].listeners.get(channel).into_iter().flatten() {
                let Some(session) = self.sessions.get_mut(*conn) else { continue };
                if session.hears_echo || !is_echo {
                    delivery.give(*conn, session, fx, metrics);
                } else {
                    // It knows what it said: nobody has missed that.
                    delivery.given = true;
                }
            }
        } else {
            for (conn, session) in self.sessions.iter_mut() {
                let concerned = match to {
                    To::Mud(mud) => session.is_of(mud),
                    To::MudExcept(mud, except) => session.is_of(mud) && !except.contains(&conn),
                    To::Readers(mud) => session.identity.as_ref().is_some_and(|identity| identity.mud == mud),
                    To::All | To::Channel(..) | To::Echo(..) => session.identity.is_some(),
                };
                if concerned {
                    delivery.give(conn, session, fx, metrics);
                }
            }
        }
        let Delivery { overrun, given, .. } = delivery;
        if let Some(keeping) = keeping {
            self.keep(keeping, id, params, given);
        }
        for (conn, pending) in overrun {
            self.overrun(conn, pending);
        }
    }

    /// A client does not read, and there is no room left for what it may not miss.
    fn overrun(&mut self, conn: ConnId, pending: usize) {
        // A client that is too slow harms only itself, and is told.
        let notice =
            Notice::new(Level::Info, "api", "client does not read; closed").with("queued_bytes", pending);
        self.fx.notice(notice);
        self.metrics.connections_at_fault += 1;
        self.end_session(conn);
        self.fx.close_now(conn);
    }

    /// Queues a text for one client.
    pub(crate) fn send_text(&mut self, conn: ConnId, text: &[u8]) {
        let Some(session) = self.sessions.get(conn) else { return };
        self.fx.send_shared(conn, session.framed(text));
        self.bound_client(conn);
    }

    /// Reads no more from a client that does not read itself, and closes it when nothing more can be queued.
    pub(crate) fn bound_client(&mut self, conn: ConnId) {
        let pending = self.fx.pending_bytes(conn);
        if pending > CLIENT_PENDING_BYTES_MAX {
            self.overrun(conn, pending);
        } else if pending > CLIENT_PAUSE_BYTES {
            self.fx.hold(conn);
        }
    }

    /// A client has read what was queued: tell it what it missed.
    pub(crate) fn client_flushed(&mut self, conn: ConnId) {
        let pending = self.fx.pending_bytes(conn);
        let Some(session) = self.sessions.get_mut(conn) else { return };
        // A game that only listens is there as long as it takes what it gets.
        session.heard = self.now.mono;
        if pending > 0 {
            return;
        }
        if session.reader.written()
            && let Some(mud) = session.identity.as_ref().map(|identity| identity.mud)
        {
            self.marks_changed(mud);
        }
        let Some(session) = self.sessions.get_mut(conn) else { return };
        let dropped = std::mem::take(&mut session.lagged);
        if dropped > 0 {
            self.emit_to(conn, &event::LAGGED, Object::default().with("dropped", &dropped));
        }
        self.replay(conn);
    }

    /// Queues an event for one client alone.
    pub(crate) fn emit_to(&mut self, conn: ConnId, event: &Event, mut params: Object) {
        let id = self.event_ids.next(&mut self.fx);
        params.add("timestamp", &self.now.unix.to_string());
        params.add("event_id", &id);
        self.send_text(conn, &rpc::notification(event.name, &params.finish()));
    }

    /// Whether an address has all the connections that one may have. This host's own and proxies may have more: many
    /// clients are behind them.
    pub(crate) fn is_full(&self, address: IpAddr) -> bool {
        let api = &self.settings.api;
        !address.is_loopback()
            && !api.addresses.trusts(address)
            && self.addresses.open(address) >= api.connections_per_address_max
    }

    /// Ends a client's session and closes its connection once it has what is queued.
    pub(crate) fn close_client(&mut self, conn: ConnId, code: CloseCode, reason: &'static str) {
        if let Some(session) = self.sessions.get(conn)
            && session.transport == Transport::WebSocket
        {
            self.fx.send(conn, &crate::api::websocket::close_frame(code, reason));
        }
        self.end_session(conn);
        self.drain(conn);
    }

    /// Closes once all is written, or after a while.
    pub(crate) fn drain(&mut self, conn: ConnId) {
        if !self.fx.close_when_flushed(conn) {
            self.timers.set(Wake::Client(conn), self.now.mono + self.settings.api.handshake_timeout);
        }
    }

    /// A client's connection is gone.
    pub(crate) fn forget_client(&mut self, conn: ConnId) {
        self.timers.clear(Wake::Client(conn));
        self.addresses.forget(conn);
        self.end_session(conn);
    }

    /// A client is gone: it hears no channel any more.
    pub(crate) fn end_session(&mut self, conn: ConnId) {
        let Some(session) = self.sessions.remove(conn) else { return };
        self.filters.forget(conn);
        self.rates.forget(conn);
        self.tracers.remove(&conn);
        for key in self.pending.forget(conn) {
            self.timers.clear(Wake::Answer(key));
        }
        if session.transport == Transport::WebSocket {
            self.websockets -= 1;
        }
        self.reader_gone(conn, &session);
        if let Some(identity) = session.identity {
            for channel in session.channels.into_keys() {
                crate::service::channel::unlisten(self, identity.mud, conn, &channel, Parting::Away);
            }
        }
    }

    /// How many sessions are identified.
    pub(crate) fn active_sessions(&self) -> usize {
        self.sessions.iter().filter(|(_, session)| session.identity.is_some()).count()
    }

    /// Whether every link is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.muds.iter().all(|mud| mud.link.is_ready()) && !self.stopping
    }

    /// How the gateway is.
    pub(crate) fn health(&self, connections: usize) -> Health {
        let sum = |of: fn(&Mud) -> usize| self.muds.iter().map(of).sum();
        let queued = |mud: &Mud| mud.pacer.depths().map(|(_, _, bytes)| bytes).sum();
        Health {
            ready: self.is_ready(),
            links_ready: self.muds.iter().filter(|mud| mud.link.is_ready()).count(),
            links: self.muds.len(),
            links_down: self.muds.iter().filter(|mud| !mud.link.is_ready()).map(link_down).collect(),
            sessions: self.active_sessions(),
            lag: self.lag,
            holds: vec![
                ("connections", connections),
                ("sessions", self.sessions.len()),
                ("pending_bytes", self.fx.total_pending_bytes()),
                ("queued_packets", sum(|mud| mud.pacer.len())),
                ("queued_bytes", sum(queued)),
                ("waiting_requests", self.pending.len()),
                ("muds", sum(|mud| mud.mudlist.len())),
                ("channels", sum(|mud| mud.chanlist.len())),
                ("users_at_home", sum(|mud| mud.presence.len())),
                ("users_elsewhere", sum(|mud| mud.ucache.len())),
                ("timers", self.timers.len()),
            ],
        }
    }

    /// A name for an accepted message: unique, and in the order of acceptance.
    pub(crate) fn message_id(&mut self, kind: &str, about: &str) -> String {
        let micros = self.now.unix.micros().max(self.last_message_micros + 1);
        self.last_message_micros = micros;
        format!("{kind}_{about}_{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    /// Makes changes durable, if there are any.
    pub(crate) fn save(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.fx.save(changes);
        }
    }
}
