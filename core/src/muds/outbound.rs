//! Outgoing packets: they are accepted, paced, and dropped when they have waited too long.

use super::all::{Muds, News};
use super::handed::{self, Label};
use super::sharing::holds_back;
use crate::cx::Cx;
use crate::fault::{Fault, reason};
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::link::pacer::{Origin, Priority, QueueFull, QueuedPacket};
use crate::notice::{Level, Notice};
use crate::settings::Settings;
use crate::time::Instant;
use crate::wake::Wake;
use std::time::Duration;

/// Bytes that may wait for the socket of a router. A CoffeeMud router loses data that arrives in bursts of 100 kB and
/// more, so this value plus what the kernel holds (the drivers' socket options) must stay below.
const ROUTER_PENDING_BYTES_MAX: usize = 32_768;

/// Bytes of an error packet beside the copy of the packet that it is about.
const COPY_SPARE_BYTES: usize = 512;

/// How long an accepted packet may wait for a router that is down.
pub const QUEUED_PACKET_MAX_AGE: Duration = Duration::from_secs(60);

/// Why a packet that is for a router was given up.
const ROUTER_LOST: &str = "the router that it was for was lost";

/// Why a packet was given up that no holder could send for [`QUEUED_PACKET_MAX_AGE`].
const AWAY_TOO_LONG: &str = "the router was away for too long";

/// Why a packet of a node of another version was given up.
const UNREADABLE: &str = "the node that holds the mud cannot read the packet";

impl Muds {
    /// Queues a packet of the local game for the router of a mud, and sends it at once if the pacing allows.
    ///
    /// It is refused when the link is not ready, when a ban stops it, when the queue is full, and when it is larger
    /// than routers accept.
    pub(crate) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        priority: Priority,
        packet: &Packet<'_>,
        origin: Option<Origin>,
    ) -> Result<(), Fault> {
        self.send_framed(cx, mud, priority, (packet, None), origin)
    }

    /// The same, of a packet whose frame is there if it was needed before.
    pub(crate) fn send_framed(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        priority: Priority,
        (packet, frame): (&Packet<'_>, Option<Vec<u8>>),
        origin: Option<Origin>,
    ) -> Result<(), Fault> {
        if cx.settings.node.is_some() && priority != Priority::Listening {
            return self.hand_to_holder(cx, mud, priority, (packet, frame), origin);
        }
        let queued = self.queued(cx, mud, (packet, frame), origin)?;
        if self[mud].pacer.push(&cx.settings.link, priority, queued).is_err() {
            cx.metrics.packets_refused += 1;
            return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
        }
        self[mud].questions.sent(cx.now.mono, packet);
        self.pump(cx, mud);
        Ok(())
    }

    /// Saves a packet for the holder of the mud, which may be another node.
    fn hand_to_holder(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        priority: Priority,
        (packet, frame): (&Packet<'_>, Option<Vec<u8>>),
        origin: Option<Origin>,
    ) -> Result<(), Fault> {
        if cx.fx.is_store_away() {
            cx.metrics.packets_refused += 1;
            return Err(Fault::gateway(&reason::DATABASE_AWAY, "the database cannot be reached: try again"));
        }
        let QueuedPacket { frame, for_router, origin, .. } = self.queued(cx, mud, (packet, frame), origin)?;
        let handed = &mut self[mud].handed;
        if !handed.has_room(frame.len(), cx.settings.link.queue_packets_max) {
            cx.metrics.packets_refused += 1;
            return Err(Fault::gateway(&reason::QUEUE_FULL, "too many packets wait for the router"));
        }
        let label = Label { priority, accepted: cx.now.unix.micros() / 1_000_000, for_router };
        let boot = cx.settings.node.as_ref().map_or("", |node| &node.boot);
        let change = handed.hand_over((boot, &cx.settings.mud(mud).name), label, packet, origin);
        cx.fx.hand_over(cx.now.mono, change);
        Ok(())
    }

    /// Handles a packet of a game that is durable: the holder of the mud sends it.
    pub(crate) fn handed_over(&mut self, cx: &mut Cx<'_>, mud: MudId, key: &str, value: &[u8]) {
        match self[mud].handed.told(cx.now.mono, key, value) {
            Some(true) => {}
            // A save of unknown outcome was repeated.
            Some(false) => return self.send_handed(cx, mud),
            None => {
                cx.metrics.packets_ignored += 1;
                return;
            }
        }
        if let Some(at) = value.iter().position(|byte| *byte == b'\n')
            && let Ok((packet, _)) = Packet::decode(&value[at + 1..])
        {
            self[mud].questions.sent(cx.now.mono, &packet);
        }
        self.send_handed(cx, mud);
    }

    /// Sends packets of games, if this node holds the mud.
    pub(crate) fn send_handed(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.queue_handed(cx, mud);
        self.pump(cx, mud);
    }

    /// Puts packets of games into the queue before the router, as far as it has room. Returns whether any has left their own.
    fn queue_handed(&mut self, cx: &mut Cx<'_>, mud: MudId) -> bool {
        let name = &cx.settings.mud(mud).name;
        if !cx.fx.holds(name) || !self[mud].link.is_ready() || holds_back(cx) {
            return false;
        }
        let mut given_up = Vec::new();
        let mut handed = std::mem::take(&mut self[mud].handed);
        let again = handed.ended_before(name);
        if !again.is_empty() {
            cx.save(again);
        }
        let has_queued = handed.queue(|key, label, since, text| {
            let Ok((packet, _)) = Packet::decode(text) else {
                given_up.push((key.to_owned(), UNREADABLE));
                return true;
            };
            if cx.now.mono.since(since) > QUEUED_PACKET_MAX_AGE {
                given_up.push((key.to_owned(), AWAY_TOO_LONG));
                return true;
            }
            let one = &mut self[mud];
            // It was for the router of another session.
            if label.for_router && packet.header.to_mud.as_deref() != Some(&*one.link.router().name) {
                given_up.push((key.to_owned(), ROUTER_LOST));
                return true;
            }
            let frame = one.frame(&cx.settings.link, &packet).into();
            let (kind, for_router) = (packet.body.label(), label.for_router);
            let queued = QueuedPacket {
                frame,
                kind,
                accepted: since,
                origin: None,
                handed: Some(key.to_owned()),
                for_router,
            };
            one.pacer.push(&cx.settings.link, label.priority, queued).is_ok()
        });
        self[mud].handed = handed;
        for (key, why) in given_up {
            cx.save(handed::give_up(name, key, why));
        }
        has_queued
    }

    /// Handles the reason why a packet was not sent.
    pub(crate) fn told_gone(&mut self, mud: MudId, key: &str, value: &[u8]) {
        if let Some((origin, why)) = self[mud].handed.given_up(key, value) {
            self.news.push_back(News::GivenUp { mud, origin, why: why.into() });
        }
    }

    /// Returns a packet as it waits in the queue, if it may go.
    fn queued(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        (packet, frame): (&Packet<'_>, Option<Vec<u8>>),
        origin: Option<Origin>,
    ) -> Result<QueuedPacket, Fault> {
        let one = &self[mud];
        if !one.link.is_ready() {
            let why = one.link.last_error().unwrap_or("the login is not finished");
            return Err(Fault::away(one.link.next_attempt().map(|at| cx.now.unix_at(at)), why));
        }
        self.check_outgoing(cx, mud, packet)?;
        let one = &mut self[mud];
        let bytes = frame.unwrap_or_else(|| one.frame(&cx.settings.link, packet));
        let most = cx.settings.link.frame_bytes_max;
        if bytes.len() > most {
            let text = format!("the packet has {} bytes, routers take {most}: shorten the text", bytes.len());
            return Err(Fault::params(text));
        }
        let for_router = packet.header.to_mud.as_deref() == Some(&*one.link.router().name);
        let kind = packet.body.label();
        Ok(QueuedPacket {
            frame: bytes.into(),
            kind,
            accepted: cx.now.mono,
            origin,
            handed: None,
            for_router,
        })
    }

    /// Answers a packet of the mud `asker`. If too many answers wait, this one is dropped and counted; nobody but the
    /// operator needs to learn of it.
    pub(crate) fn answer(&mut self, cx: &mut Cx<'_>, mud: MudId, asker: &str, packet: &Packet<'_>) {
        if cx.settings.node.is_some() && !cx.fx.holds(&cx.settings.mud(mud).name) {
            // All nodes handle the packet, and its holder answers.
            return;
        }
        if !self.may_answer(cx, mud, asker) {
            return;
        }
        let Ok(queued) = self.queued(cx, mud, (packet, None), None) else {
            cx.metrics.packets_ignored += 1;
            return;
        };
        match self[mud].pacer.push_answer(asker, queued) {
            Ok(()) => self.pump(cx, mud),
            Err(QueueFull) => cx.metrics.answers_dropped += 1,
        }
    }

    /// Answers a packet of the mud `asker` with what the game itself has said. Where nodes share a store, the game may be
    /// connected to another node than the one that holds the link.
    pub(crate) fn answer_of_game(&mut self, cx: &mut Cx<'_>, mud: MudId, asker: &str, packet: &Packet<'_>) {
        if cx.settings.node.is_none() {
            return self.answer(cx, mud, asker, packet);
        }
        if self.hand_to_holder(cx, mud, Priority::Query, (packet, None), None).is_err() {
            cx.metrics.answers_dropped += 1;
        }
    }

    /// Whether one more answer to the mud `asker` may wait. If not, that is counted. A caller can ask before it composes
    /// an answer.
    pub(crate) fn may_answer(&self, cx: &mut Cx<'_>, mud: MudId, asker: &str) -> bool {
        let may = self[mud].pacer.has_room_for_answer(asker);
        cx.metrics.answers_dropped += u64::from(!may);
        may
    }

    /// Answers a packet with an error packet. A broadcast, an error and a ucache-update are never answered with one, and
    /// neither is a packet that does not name its sender.
    pub(crate) fn refuse(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        packet: &Packet<'_>,
        code: &'static str,
        message: String,
    ) {
        let asker = &packet.header.from_mud;
        let is_unanswered = matches!(packet.body, Body::Error { .. } | Body::UcacheUpdate { .. });
        if asker.is_empty() || packet.header.to_mud.is_none() || is_unanswered {
            cx.metrics.packets_ignored += 1;
            return;
        }
        if !self.may_answer(cx, mud, asker) {
            return;
        }
        let error = self.error_about(cx.settings, mud, packet, code, message);
        self.answer(cx, mud, asker, &error);
    }

    /// Answers a packet for a user with the error packet that the game has asked for.
    pub(crate) fn refuse_for_game(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        packet: &Packet<'_>,
        message: String,
    ) -> Result<(), Fault> {
        let error = self.error_about(cx.settings, mud, packet, "unk-user", message);
        self.send(cx, mud, Priority::Prompt, &error, None)
    }

    /// Returns an error packet to the sender of a packet.
    fn error_about<'p>(
        &self,
        settings: &'p Settings,
        mud: MudId,
        packet: &'p Packet<'_>,
        code: &'static str,
        message: String,
    ) -> Packet<'p> {
        let header = Header {
            to_user: packet.header.from_user.clone(),
            ..Header::to_mud(&settings.mud(mud).name, None, &packet.header.from_mud)
        };
        let copy = self.copy_for_error(settings, mud, packet);
        Packet { header, body: Body::Error { code: code.into(), message: message.into(), packet: copy } }
    }

    /// Returns the copy of a packet for an error packet, or 0 if there can be none. A copy of more bytes than routers
    /// take could not be sent. A CoffeeMud router would print the copy in a form that no driver can read.
    fn copy_for_error(&self, settings: &Settings, mud: MudId, packet: &Packet<'_>) -> Value<'static> {
        if self[mud].behind_coffeemud {
            return Value::Int(0);
        }
        packet.to_value_within(settings.link.frame_bytes_max.saturating_sub(COPY_SPARE_BYTES))
    }

    /// Sends packets as far as the pacing and the router allow.
    pub(crate) fn pump(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        while self.send_queued(cx, mud) && self.queue_handed(cx, mud) {}
    }

    /// Sends what is in the queue. Returns whether that has room again.
    fn send_queued(&mut self, cx: &mut Cx<'_>, mud: MudId) -> bool {
        let mut has_sent = false;
        let tracing = self.tracing;
        let mut traced = Vec::new();
        let one = &mut self[mud];
        cx.timers.clear(Wake::Pace(mud));
        if let Some(conn) = one.link.conn().filter(|_| one.link.is_ready()) {
            while cx.fx.pending_bytes(conn) < ROUTER_PENDING_BYTES_MAX {
                let Some(queued) = one.pacer.pop(cx.now.mono, &cx.settings.link) else { break };
                has_sent = true;
                cx.metrics.packets_sent += 1;
                *cx.metrics.sent_by_kind.entry(queued.kind).or_default() += 1;
                if tracing {
                    traced.push(News::Sent(mud, queued.frame.clone()));
                }
                cx.fx.send_shared(conn, queued.frame);
                if let Some(key) = queued.handed {
                    one.handed.leaves(key, conn, cx.fx.given_bytes(conn));
                }
            }
            if cx.fx.pending_bytes(conn) < ROUTER_PENDING_BYTES_MAX
                && let Some(at) = one.pacer.next_at(cx.now.mono, &cx.settings.link)
            {
                cx.timers.set(Wake::Pace(mud), at);
            }
        }
        self.set_expiry(cx, mud);
        self.news.extend(traced);
        has_sent
    }

    /// Sets the timer for the oldest packet that waits.
    pub(super) fn set_expiry(&self, cx: &mut Cx<'_>, mud: MudId) {
        let one = &self[mud];
        let handed = one.handed.oldest().filter(|_| cx.fx.holds(&cx.settings.mud(mud).name));
        match one.pacer.oldest().into_iter().chain(handed).min() {
            Some(accepted) => cx.timers.set(Wake::Expire(mud), accepted + QUEUED_PACKET_MAX_AGE),
            None => cx.timers.clear(Wake::Expire(mud)),
        }
    }

    /// Drops packets that have waited longer than `older_than`.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>, mud: MudId, older_than: Duration, why: &'static str) {
        let age = u64::try_from(older_than.as_micros()).unwrap_or(u64::MAX);
        let before = Instant::from_micros((cx.now.mono.micros() + 1).saturating_sub(age));
        let expired = self[mud].pacer.expire(before);
        self.give_up(cx, mud, expired, why);
        let name = &cx.settings.mud(mud).name;
        if cx.fx.holds(name) {
            for key in self[mud].handed.expire(before) {
                cx.metrics.packets_expired += 1;
                cx.save(handed::give_up(name, key, why));
            }
        }
        self.pump(cx, mud);
    }

    /// The router has dropped the packet of which this is a copy, since it takes the mud for one that floods. Returns whether the
    /// packet goes once more; if not, nobody knows which one it was.
    pub(crate) fn flooded(&mut self, cx: &mut Cx<'_>, mud: MudId, copy: &Value<'_>) -> bool {
        cx.metrics.floods_reported += 1;
        let level = if self[mud].pacer.is_muted() { Level::Debug } else { Level::Warn };
        let Some(packets) = self[mud].pacer.flooded(cx.now.mono, copy) else { return false };
        let what = "the router takes this mud for one that floods: packets wait, and what it has dropped goes once more";
        let notice = Notice::new(level, "link", what).with("mud", &cx.settings.mud(mud).name);
        cx.notice(notice.with("packets", packets));
        self.pump(cx, mud);
        true
    }

    /// Drops the packets for a router whose session has ended.
    pub(crate) fn give_up_for_router(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        let for_router = self[mud].pacer.take_for_router();
        self.give_up(cx, mud, for_router, ROUTER_LOST);
        self.pump(cx, mud);
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, mud: MudId, packets: Vec<QueuedPacket>, why: &'static str) {
        // A packet that listens to a channel is not counted: the next login sends it again.
        cx.metrics.packets_expired += packets.iter().filter(|queued| queued.grows_old()).count() as u64;
        for QueuedPacket { origin, handed, .. } in packets {
            if let Some(key) = handed {
                cx.save(handed::give_up(&cx.settings.mud(mud).name, key, why));
            } else if let Some(origin) = origin {
                self.news.push_back(News::GivenUp { mud, origin, why: why.into() });
            }
        }
    }

    /// Returns an id for an accepted message. Ids are unique, and sort in the order of acceptance.
    pub(crate) fn message_id(&mut self, cx: &Cx<'_>, kind: &str, about: &str) -> String {
        let micros = cx.now.unix.micros().max(self.last_message_micros + 1);
        self.last_message_micros = micros;
        let (mut seconds, mut rest) = (itoa::Buffer::new(), itoa::Buffer::new());
        let seconds = seconds.format(micros / 1_000_000);
        // A digit more, so that there are always six after it.
        let rest = &rest.format(1_000_000 + micros % 1_000_000)[1..];
        [kind, "_", about, "_", seconds, ".", rest].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;
    use crate::machine::Saved;

    #[test]
    fn no_packet_is_accepted_while_the_router_is_down() {
        let mut bench = Bench::default();
        let (mut muds, _) = Muds::new(&bench.settings, &Saved::default(), &mut bench.rng, bench.now);
        let header = Header::to_user("Alpha", Some("ann"), "Sage", "bob");
        let packet = Packet { header, body: Body::Tell { visname: "Ann".into(), message: "hi".into() } };
        let refused = muds.send(&mut bench.cx(), MudId::OWN, Priority::Prompt, &packet, None);
        assert_eq!(
            refused.map_err(|fault| fault.message),
            Err("Intermud-3 is away; next try at 00:00".to_owned())
        );
        muds.answer(&mut bench.cx(), MudId::OWN, "Sage", &packet);
        assert_eq!(bench.metrics.packets_ignored, 1);
    }

    #[test]
    fn message_ids_only_grow() {
        let mut bench = Bench::default();
        let (mut muds, _) = Muds::new(&bench.settings, &Saved::default(), &mut bench.rng, bench.now);
        let ids = [0; 3].map(|_| muds.message_id(&bench.cx(), "tell", "Alpha"));
        assert_eq!(ids, ["tell_Alpha_0.000001", "tell_Alpha_0.000002", "tell_Alpha_0.000003"]);
    }
}
