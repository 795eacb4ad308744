//! Sends one event to the connected clients.

use crate::clients::{
    ALL_PENDING_BYTES_MAX, Addressed, CHANNEL_PENDING_BYTES_MAX, CLIENT_CROWDED_BYTES_MAX,
    CLIENT_PENDING_BYTES_MAX, Clients, PRESENCE_PENDING_BYTES_MAX, Personal, Posted, Sees, Session,
    TextCharset, Views,
};
use crate::cx::Cx;
use crate::event::Event;
use crate::event::kind::{Class, Kind, Weight};
use crate::event::told::Lagged;
use crate::ids::MudId;
use crate::journal::{Journal, LaneKey, LaneName, Record};
use crate::machine::{ConnId, SmolStr};
use crate::runs::{Laid, RUN_MESSAGE_BYTES_MAX};
use crate::wake::Wake;
use bytes::Bytes;
use smol_str::StrExt;

/// Bytes queued for a slow client above which it gets no more packet traces. A trace is worth less than all other
/// events.
const TRACE_PENDING_BYTES_MAX: usize = 32_768;

/// Bytes of the buffer for encoded events that are kept between two events.
const ENCODED_KEPT_BYTES: usize = 16_384;

/// The recipients of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To<'a> {
    /// The sessions of a mud.
    Mud(MudId),
    /// The sessions that joined a channel of a mud's network.
    Channel(MudId, &'a str),
    /// Like `Channel`, but only sessions with `echo` on.
    Echo(MudId, &'a str),
    /// Every identified session that reads the lists of this mud's network.
    Readers(MudId),
    /// The sessions of a mud, except these.
    MudExcept(MudId, &'a [ConnId]),
    /// The sessions of a mud that trace its packets.
    Tracers(MudId),
    /// One session.
    Session(ConnId),
    /// Every identified session.
    All,
}

/// Returns the bytes queued for a slow client above which an event of this weight is dropped.
fn pending_bytes_max(weight: Weight) -> usize {
    match weight {
        Weight::Presence => PRESENCE_PENDING_BYTES_MAX,
        Weight::Channel => CHANNEL_PENDING_BYTES_MAX,
        Weight::Personal => CLIENT_PENDING_BYTES_MAX,
    }
}

/// The clients and the kept events, which a delivery needs together.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) clients: &'a mut Clients,
    pub(crate) journal: &'a mut Journal,
}

/// An event that is being delivered.
struct Parcel<'a> {
    posted: Posted<'a>,
    /// Its messages, each with its run and written once for all clients that read alike.
    laid: Vec<(usize, Laid)>,
    /// The buffer for the last encoding, its framings, and the index of the encoding.
    buffer: Vec<u8>,
    encoded: Option<(usize, Views)>,
    /// The lane that keeps it for sessions that cannot receive it now.
    lane: Option<LaneName<'a>>,
    lane_key: Option<LaneKey>,
    /// The event before it in its lane.
    before: Option<u64>,
    /// Bytes queued for a slow client above which it does not get this event.
    most: usize,
    /// The metric's label for this kind of event when it is dropped.
    label: &'static str,
    /// The game has it without any session having to take it.
    is_given: bool,
    /// From whom and for whom it is, once a session asks that speaks for one user.
    addressed: Option<Addressed<'a>>,
}

impl<'a> Parcel<'a> {
    fn new(cx: &Cx<'_>, posted: Posted<'a>, to: To<'_>, lane: Option<LaneName<'a>>) -> Self {
        let (most, label) = match to {
            To::Tracers(_) => (TRACE_PENDING_BYTES_MAX, "trace"),
            _ => (pending_bytes_max(posted.kind.weight), posted.kind.weight.name()),
        };
        let is_crowded = cx.fx.total_pending_bytes() > ALL_PENDING_BYTES_MAX;
        Parcel {
            posted,
            laid: Vec::new(),
            buffer: Vec::new(),
            encoded: None,
            lane,
            lane_key: None,
            before: None,
            most: if is_crowded { most.min(CLIENT_CROWDED_BYTES_MAX) } else { most },
            label,
            is_given: false,
            addressed: None,
        }
    }

    /// Queues the event for one session, if the session may receive it and has room.
    fn give(&mut self, cx: &mut Cx<'_>, conn: ConnId, session: &mut Session) {
        if !session.may(self.posted.kind.permission) {
            return;
        }
        if let Some(person) = &session.person
            && !person.is_concerned(self.addressed.get_or_insert_with(|| Addressed::of(&self.posted)))
        {
            return;
        }
        let joined = session.channels.keys().map(String::as_str);
        if self.lane.is_some_and(|lane| session.reader.defers(lane, &joined)) {
            // The session receives it in its turn, after older events.
            return;
        }
        let pending = cx.fx.pending_bytes(conn);
        if pending > self.most && (pending > CLIENT_PENDING_BYTES_MAX || cx.fx.is_behind(conn)) {
            return self.put_off(cx, conn, session);
        }
        if session.mud_client.is_some() {
            return self.give_mud(cx, conn, session);
        }
        let posted = &self.posted;
        let sees = match &mut session.person {
            Some(person) => {
                let addressed = self.addressed.get_or_insert_with(|| Addressed::of(posted));
                person.sees(posted, addressed, cx.now.mono)
            }
            None => Sees::Shared,
        };
        let alone = match &sees {
            Sees::Nothing => return,
            Sees::Alone(alone) => {
                Some(session.event(&Posted { personal: alone.personal(), ..*posted }, cx.now.unix))
            }
            Sees::Shared if session.charset != TextCharset::Utf8 => Some(session.event(posted, cx.now.unix)),
            Sees::Shared => None,
        };
        match alone {
            Some(None) => return,
            Some(Some(bytes)) => cx.fx.send_shared(conn, bytes),
            None => match self.laid(cx, session) {
                Laid::Span(span) => cx.fx.send_span(conn, span),
                Laid::Bytes(bytes) => cx.fx.send_shared(conn, bytes),
            },
        }
        cx.metrics.events_delivered += 1;
        if let Some(lane) = &self.lane_key {
            session.note_queued(lane, self.posted.id, self.before);
        }
    }

    /// Returns the event as a session receives it.
    fn laid(&mut self, cx: &mut Cx<'_>, session: &Session) -> Laid {
        let (way, style) = (session.way, session.reads);
        let run = way.run(style);
        if let Some((_, laid)) = self.laid.iter().find(|(known, _)| *known == run) {
            return laid.clone();
        }
        let slot = way.slot(style);
        let views = match self.encoded.take() {
            Some((encoded, views)) if encoded == slot => views,
            _ => {
                self.buffer.clear();
                way.encoder.event(&self.posted, style, &mut self.buffer)
            }
        };
        let message = &self.buffer[views[way.view].clone()];
        let laid = if message.len() > RUN_MESSAGE_BYTES_MAX {
            Laid::Bytes(Bytes::copy_from_slice(message))
        } else {
            Laid::Span(cx.fx.put(run, message))
        };
        self.encoded = Some((slot, views));
        self.laid.push((run, laid.clone()));
        laid
    }
}

impl Parcel<'_> {
    /// Queues the event for a mud that speaks Intermud-3, as a packet. What is no packet for it counts as given.
    fn give_mud(&self, cx: &mut Cx<'_>, conn: ConnId, session: &mut Session) {
        if let Some(frame) = session.event(&self.posted, cx.now.unix) {
            cx.metrics.events_delivered += 1;
            cx.fx.send_shared(conn, frame);
        }
        if let Some(lane) = &self.lane_key {
            session.note_queued(lane, self.posted.id, self.before);
        }
    }

    /// Handles a session that has no room for the event. A kept event that it may not miss waits until the client has
    /// read; others are dropped, and the client is told how many.
    fn put_off(&self, cx: &mut Cx<'_>, conn: ConnId, session: &mut Session) {
        session.falls_behind(cx, conn);
        let may_miss = self.label != Weight::Personal.name() && cx.fx.is_behind(conn);
        if self.lane.is_some() && !may_miss && session.reader.catch_up(self.posted.id, self.posted.id) {
            return;
        }
        session.lagged += 1;
        cx.metrics.events_dropped += 1;
        *cx.metrics.events_dropped_by_weight.entry(self.label).or_default() += 1;
        if let Some(lane) = &self.lane_key {
            session.reader.dropped(lane.clone(), self.posted.id);
        }
    }
}

impl Delivery<'_> {
    /// Delivers an event to every session concerned, and keeps it if events of its kind are kept.
    pub(crate) fn emit(&mut self, cx: &mut Cx<'_>, to: To<'_>, event: &Event<'_>) {
        let kind = event.kind();
        let kept = self.lane_of(cx, to, kind);
        let is_past = self.journal.ids_mut().is_past();
        if kept.is_none() && is_past {
            return;
        }
        let mut members = std::mem::take(&mut self.clients.scratch.members);
        event.write_to(&mut members);
        let id = match kept {
            Some(_) => self.journal.next_kept_id(cx),
            None => self.journal.next_id(cx),
        };
        let (lane_key, before) = match kept {
            Some((mud, lane)) => {
                let (key, newest) = self.journal.log(mud).place(lane);
                (Some(key), newest)
            }
            None => (None, None),
        };
        // A node that has just started is told of some packets whose events it has read from the store.
        if before.is_some_and(|newest| newest >= id) {
            members.clear();
            self.clients.scratch.members = members;
            return;
        }
        let mut stamp = std::mem::take(&mut self.clients.scratch.stamp);
        stamp.set(cx.now.unix);
        let posted = Posted {
            kind,
            members: &members,
            id,
            at: cx.now.unix,
            stamp: Some(stamp.text()),
            is_replay: is_past,
            personal: Personal::default(),
        };
        let mut parcel = Parcel::new(cx, posted, to, kept.map(|(_, lane)| lane));
        (parcel.lane_key, parcel.before) = (lane_key, before);
        parcel.buffer = std::mem::take(&mut self.clients.scratch.encoded);
        parcel.laid = std::mem::take(&mut self.clients.scratch.laid);
        // A game that waited for this answer has it as the result of its request.
        if let To::MudExcept(_, except) = to {
            parcel.is_given = except.iter().any(|conn| self.is_game(*conn));
        }
        self.give(cx, to, &mut parcel);
        let Parcel { is_given, buffer, mut laid, .. } = parcel;
        laid.clear();
        (self.clients.scratch.laid, self.clients.scratch.stamp) = (laid, stamp);
        // One long event does not keep its memory.
        if buffer.capacity() <= ENCODED_KEPT_BYTES {
            self.clients.scratch.encoded = buffer;
        }
        if let Some((mud, lane)) = kept {
            let mut record = self.record(cx, (mud, lane), event, id, &members);
            (record.is_echo, record.delivered) = (matches!(to, To::Echo(..)), is_given);
            if let Some(at) = self.journal.keep(cx, mud, lane, record)
                && cx.timers.get(Wake::Sweep).is_none_or(|set| set > at)
            {
                cx.timers.set(Wake::Sweep, at);
            }
        }
        if members.capacity() <= ENCODED_KEPT_BYTES {
            members.clear();
            self.clients.scratch.members = members;
        }
    }

    /// Returns the record of an event.
    fn record(
        &self,
        cx: &Cx<'_>,
        (mud, lane): (MudId, LaneName<'_>),
        event: &Event<'_>,
        id: u64,
        members: &[u8],
    ) -> Record {
        let (moment, kind, members) = ((cx.now.unix, cx.steady), event.kind(), members.into());
        let Some((sender, to)) = event.ends() else { return Record::new(id, moment, kind, members) };
        let to = if to.is_empty() { SmolStr::default() } else { to.to_lowercase_smolstr() };
        let sender = self.journal.log(mud).sender(sender, lane);
        Record::between((sender, to), id, moment, kind, members)
    }

    /// Counts events of a kind that are not written because there are too many of them. Each session that reads the
    /// lists of this mud's network is told later how many it has missed.
    pub(crate) fn omit(&mut self, cx: &mut Cx<'_>, mud: MudId, kind: &Kind, count: usize) {
        let count = count as u64;
        for (_, session) in self.clients.iter_mut() {
            let is_concerned = session.identity.as_ref().is_some_and(|identity| identity.mud == mud);
            if is_concerned && session.may(kind.permission) {
                session.lagged += count;
                cx.metrics.events_dropped += count;
                *cx.metrics.events_dropped_by_weight.entry(kind.weight.name()).or_default() += count;
            }
        }
    }

    fn give(&mut self, cx: &mut Cx<'_>, to: To<'_>, parcel: &mut Parcel<'_>) {
        if let To::Channel(mud, channel) | To::Echo(mud, channel) = to {
            let is_echo = matches!(to, To::Echo(..));
            let (audience, sessions) = self.clients.audience_and_sessions();
            for conn in audience.of(mud, channel) {
                let Some(session) = sessions.get_mut(conn) else { continue };
                if session.hears_echo || !is_echo {
                    parcel.give(cx, conn, session);
                } else {
                    // The mud knows its own line, so a game has not missed it.
                    parcel.is_given |= session.is_game();
                }
            }
            return;
        }
        if let To::Tracers(mud) = to {
            for conn in self.clients.tracers.clone() {
                if let Some(session) = self.clients.get_mut(conn).filter(|session| session.is_of(mud)) {
                    parcel.give(cx, conn, session);
                }
            }
            return;
        }
        if let To::Session(conn) = to {
            if let Some(session) = self.clients.get_mut(conn) {
                parcel.give(cx, conn, session);
            }
            return;
        }
        for (conn, session) in self.clients.iter_mut() {
            let is_concerned = match to {
                To::Mud(mud) => session.is_of(mud),
                To::MudExcept(mud, except) => session.is_of(mud) && !except.contains(&conn),
                To::Readers(mud) => session.identity.as_ref().is_some_and(|identity| identity.mud == mud),
                _ => session.identity.is_some(),
            };
            if is_concerned {
                parcel.give(cx, conn, session);
            }
        }
    }

    /// Returns the mud and the lane that keep an event, or `None` if it is not kept.
    fn lane_of<'a>(&self, cx: &Cx<'_>, to: To<'a>, kind: &Kind) -> Option<(MudId, LaneName<'a>)> {
        let class = kind.kept?;
        let (mud, lane) = match (to, class) {
            (To::Channel(mud, channel) | To::Echo(mud, channel), Class::Channels) => {
                (mud, LaneName::Channel(channel))
            }
            (To::Mud(mud) | To::MudExcept(mud, _), Class::Tells) => (mud, LaneName::Tells),
            (To::Mud(mud) | To::MudExcept(mud, _), Class::Answers) => (mud, LaneName::Answers),
            _ => return None,
        };
        // A router may send lines that nobody has asked for. No session waits for them.
        let is_heard = match lane {
            LaneName::Channel(channel) => self.hears(cx, mud, channel),
            _ => true,
        };
        (is_heard && cx.settings.api.events.keeps(class)).then_some((mud, lane))
    }

    fn is_game(&self, conn: ConnId) -> bool {
        self.clients.get(conn).is_some_and(Session::is_game)
    }

    fn hears(&self, cx: &Cx<'_>, mud: MudId, channel: &str) -> bool {
        let audience = &self.clients.audience;
        audience.has(mud, channel)
            || cx.settings.mud(mud).channels.iter().any(|set| set == channel)
            || audience.lingers(mud, channel)
    }

    /// Handles that a client has taken all bytes queued for it: reports the events that it missed, and continues its
    /// replay.
    pub(crate) fn flushed(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let pending = cx.fx.pending_bytes(conn);
        let Some(session) = self.clients.get_mut(conn) else { return };
        // A game that only listens is connected as long as it takes its events.
        session.heard = cx.now.mono;
        session.behind_since = session.behind_since.filter(|_| pending > 0).map(|_| cx.now.mono);
        if pending > 0 {
            return;
        }
        let (mud, delivers) =
            (session.mud(), [LaneName::Tells, LaneName::Answers].map(|lane| session.delivers(lane)));
        let dropped = std::mem::take(&mut session.lagged);
        let has_taken = session.reader.take_queued(|lane, ids| {
            let delivers = delivers[usize::from(lane != LaneName::Tells)];
            if let Some(mud) = mud.filter(|_| delivers) {
                self.journal.log_mut(mud).delivered(lane, ids);
            }
        });
        let is_named = session.reader.client().is_some();
        if let Some(mud) = mud.filter(|_| has_taken) {
            self.journal.marks_changed(cx, mud);
            if is_named {
                self.clients.has_taken(conn);
            }
        }
        if dropped > 0 {
            self.emit(cx, To::Session(conn), &Event::Lagged(Lagged { dropped }));
        }
        self.replay(cx, conn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::told::Told;
    use crate::service::testing::Stage;

    const LAGGED: Event<'_> = Event::Lagged(Lagged { dropped: 3 });
    const WRITTEN: &str = "lagged {\"dropped\":3}\n";

    fn emit(stage: &mut Stage, to: To<'_>) {
        let (cx, mut delivery) =
            (&mut stage.bench.cx(), Delivery { clients: &mut stage.clients, journal: &mut stage.journal });
        delivery.emit(cx, to, &LAGGED);
    }

    #[test]
    fn recipients_are_the_sessions_concerned_and_no_others() {
        let mut stage = Stage::default();
        let (own, second, other) = (stage.join(MudId::OWN), stage.join(MudId::OWN), stage.join(MudId::at(1)));
        let cases: [(To<'_>, [&str; 3]); 5] = [
            (To::Mud(MudId::OWN), [WRITTEN, WRITTEN, ""]),
            (To::MudExcept(MudId::OWN, &[own]), ["", WRITTEN, ""]),
            (To::Session(other), ["", "", WRITTEN]),
            (To::Readers(MudId::at(1)), ["", "", WRITTEN]),
            (To::All, [WRITTEN, WRITTEN, WRITTEN]),
        ];
        for (to, expected) in cases {
            emit(&mut stage, to);
            assert_eq!([own, second, other].map(|conn| stage.taken(conn)), expected, "{to:?}");
        }
    }

    #[test]
    fn a_session_about_to_end_receives_nothing() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        stage.clients.get_mut(conn).unwrap().leaving = true;
        emit(&mut stage, To::All);
        emit(&mut stage, To::Session(conn));
        assert_eq!(stage.taken(conn), "");
    }

    #[test]
    fn without_room_an_event_is_dropped_and_counted_and_the_session_stays() {
        let mut stage = Stage::default();
        let (slow, other) = (stage.join(MudId::OWN), stage.join(MudId::OWN));
        stage.bench.fx.send(slow, &vec![b'x'; CLIENT_PENDING_BYTES_MAX + 1]);
        emit(&mut stage, To::Mud(MudId::OWN));
        let session = stage.clients.get(slow).unwrap();
        assert!(!session.leaving && session.given_up_at().is_some());
        assert_eq!(session.lagged, 1);
        assert_eq!(stage.bench.metrics.events_dropped, 1);
        assert_eq!(stage.bench.metrics.events_delivered, 1);
        assert_eq!(stage.taken(other), WRITTEN);
        assert!(stage.clients.poll_dismissal().is_none());
    }

    #[test]
    fn without_room_a_kept_event_waits_until_the_client_has_read() {
        let mut stage = Stage::default();
        stage.bench.settings.api.events.keep_tells = std::time::Duration::from_secs(3600);
        let slow = stage.join(MudId::OWN);
        stage.bench.fx.send(slow, &vec![b'x'; CLIENT_PENDING_BYTES_MAX + 1]);
        for message in ["one", "two"] {
            let [from_mud, from_user, to_mud, to_user, visname] =
                ["Sage", "bob", "Alpha", "ann", "Bob"].map(Into::into);
            let told = Told { from_mud, from_user, to_mud, to_user, message: message.into(), visname };
            let mut parts = stage.parts();
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            out.emit(&mut parts.cx, To::Mud(MudId::OWN), &Event::TellReceived(told));
        }
        stage.taken(slow);
        let mut parts = stage.parts();
        Delivery { clients: parts.clients, journal: parts.journal }.flushed(&mut parts.cx, slow);
        let text = stage.taken(slow);
        let shown: Vec<&str> = text.lines().map(|line| line.split_once(" {").unwrap().0).collect();
        assert_eq!(shown, ["tell_received (late)", "tell_received (late)", "replay_complete"], "{text}");
        assert!(text.find("one") < text.find("two") && text.contains("\"replayed\":2,\"gap\":false"));
        assert_eq!(stage.bench.metrics.events_dropped, 0);
    }
}
