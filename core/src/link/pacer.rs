//! The queue before a router: when a packet may go, and which one.
//!
//! Dead Souls' router counts the packets of a mud in each second of its clock and mutes the mud above 10; a login
//! counts as 6. So no second, wherever it begins, may hold more packets than the settings allow. The queue has a
//! limit. Tells go before channel lines, and channel lines before queries; within a priority the order is kept.
//!
//! Answers to other muds go after all of these, and have limits of their own ([`super::answers`]). They take at most half of the
//! packets of a second, so that a packet of the local game need not wait for the next second because of them.
//!
//! A router that takes the mud for one that floods all the same drops what comes next. Then nothing goes for a while, what it has
//! dropped goes once more, and first one packet alone (`recent.rs`).
//!
//! The limits are those of the settings and are passed with each call, so they change with the settings.

use super::answers::Answers;
use super::own_packets;
pub use super::queued::{Origin, Priority, QueueFull, QueuedPacket};
use super::recent::Recent;
use crate::i3::Value;
use crate::settings::LinkSettings;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// As how many packets a login counts at a Dead Souls router.
pub const STARTUP_WEIGHT: u32 = 6;

/// The second of the router's flood rule, with a margin: packets that leave exactly a second apart may be counted in
/// one second.
const WINDOW_MICROS: u64 = 1_010_000;

/// Answers take at most the packets of a second divided by this number.
const ANSWER_SHARE: u32 = 2;

/// How long nothing goes after a router has taken the mud for one that floods. A Dead Souls router hears it again within 10 s if
/// no other mud was taken for one.
const MUTED_FOR: Duration = Duration::from_secs(5);

/// How long after that a packet goes alone first, if none has waited. Then the router hears the mud again.
const DOUBTED_FOR: Duration = Duration::from_secs(30);

/// How long the first packet after that goes alone: in this time the router would say that it has dropped it, too.
const ALONE_FOR: Duration = Duration::from_secs(2);

/// The label `class` of the answers to other muds in the metrics.
const ANSWER_CLASS: &str = "answer";

/// No time span of this length may hold more packets than this.
#[derive(Clone, Copy, Debug)]
struct Limit {
    packets: usize,
    window: Duration,
}

impl Limit {
    /// The limit of the second, and the one of a burst, which spreads the packets of a second. `None`: no limit.
    fn of(settings: &LinkSettings) -> Option<[Limit; 2]> {
        let most = settings.packets_per_second?.max(1);
        let burst = settings.packets_burst.clamp(1, most);
        let burst_micros = WINDOW_MICROS * u64::from(burst) / u64::from(most);
        Some(
            [(most, WINDOW_MICROS), (burst, burst_micros)].map(|(most, micros)| Limit {
                packets: most as usize,
                window: Duration::from_micros(micros),
            }),
        )
    }

    /// The limit of the answers in a second.
    fn of_answers(settings: &LinkSettings) -> Option<Limit> {
        let most = settings.packets_per_second?.max(1);
        let packets = (most / ANSWER_SHARE).max(1) as usize;
        Some(Limit { packets, window: Duration::from_micros(WINDOW_MICROS) })
    }

    /// When one more packet may go, after packets went at `sent`; `None` when it may at any time.
    fn next_at(self, sent: &VecDeque<Instant>) -> Option<Instant> {
        let before = sent.len().checked_sub(self.packets)?;
        sent.get(before).map(|at| *at + self.window)
    }
}

/// The queue before a router.
#[derive(Debug, Default)]
pub struct Pacer {
    queues: [VecDeque<QueuedPacket>; 4],
    answers: Answers,
    /// When the packets of the last second went.
    sent: VecDeque<Instant>,
    /// When the answers among them went.
    answers_sent: VecDeque<Instant>,
    /// How many went since the driver last reported that all is written, and when the first of them did.
    unwritten: usize,
    unwritten_since: Instant,
    /// How many of these are answers.
    unwritten_answers: usize,
    recent: Recent,
    /// The router drops what the mud sends, or did so a moment ago.
    muted: Option<Muted>,
}

/// The router has taken the mud for one that floods.
#[derive(Clone, Copy, Debug)]
struct Muted {
    until: Instant,
    /// A packet has gone, to see whether the router hears the mud again.
    is_tried: bool,
}

impl Pacer {
    /// How many packets of the local game wait.
    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// How many packets wait in each class, and their bytes. The classes are the priorities, and the answers.
    pub fn depths(&self) -> impl Iterator<Item = (&'static str, usize, usize)> {
        let bytes = |queue: &VecDeque<QueuedPacket>| queue.iter().map(|waiting| waiting.frame.len()).sum();
        Priority::ALL
            .into_iter()
            .zip(&self.queues)
            .map(move |(priority, queue)| (priority.name(), queue.len(), bytes(queue)))
            .chain([(ANSWER_CLASS, self.answers.len(), self.answers.bytes())])
    }

    /// Whether no packet waits.
    pub fn is_empty(&self) -> bool {
        self.has_none_of_the_game() && self.answers.is_empty()
    }

    fn has_none_of_the_game(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Whether a short answer to this mud may wait.
    pub fn has_room_for_answer(&self, asker: &str) -> bool {
        self.answers.has_room(asker, 0)
    }

    /// Queues an answer to a packet of another mud, unless too many wait.
    pub fn push_answer(&mut self, asker: &str, packet: QueuedPacket) -> Result<(), QueueFull> {
        self.answers.push(asker, packet)
    }

    /// Queues a packet of the local game, unless as many wait as the settings allow.
    pub fn push(
        &mut self,
        settings: &LinkSettings,
        priority: Priority,
        packet: QueuedPacket,
    ) -> Result<(), QueueFull> {
        if self.len() >= settings.queue_packets_max {
            return Err(QueueFull);
        }
        self.queues[priority as usize].push_back(packet);
        Ok(())
    }

    /// A login or a probe went, which does not wait in the queue. It counts as `weight` packets.
    pub fn count(&mut self, now: Instant, weight: u32) {
        self.forget(now);
        self.recent.note_own();
        for _ in 0..weight {
            self.went(now);
        }
    }

    fn went(&mut self, now: Instant) {
        if self.unwritten == 0 {
            self.unwritten_since = now;
        }
        self.sent.push_back(now);
        self.unwritten += 1;
    }

    /// A new connection is open: nothing has gone over it yet.
    pub fn connected(&mut self) {
        (self.unwritten, self.unwritten_answers) = (0, 0);
        self.recent.clear();
    }

    /// Whether it is known which packet this is a copy of, or what went after it.
    pub fn has_sent(&self, copy: &Value<'_>) -> bool {
        self.dropped_from(copy).is_some() || self.waits(copy)
    }

    /// Where that begins among the recent packets which the router has dropped with the packet of this copy. A packet that the
    /// link sends for itself is not among them: then it is what has gone after the last one.
    fn dropped_from(&self, copy: &Value<'_>) -> Option<usize> {
        let of_link = || self.recent.place_after_own().filter(|_| own_packets::is_own(copy));
        self.recent.place(copy).or_else(of_link)
    }

    /// Whether the packet waits of which this is a copy.
    fn waits(&self, copy: &Value<'_>) -> bool {
        self.queues.iter().flatten().any(|packet| packet.is(copy))
    }

    /// Whether the router drops what the mud sends, or did so a moment ago.
    pub fn is_muted(&self) -> bool {
        self.muted.is_some()
    }

    /// The router has dropped the packet of which this is a copy, since it takes the mud for one that floods, and drops what comes
    /// next. What it has dropped so far is put back, and goes once more. Returns how many packets that are, not counting those that
    /// were put back before; `None`: it is not known which, and nothing changes, since others can write such errors, too.
    ///
    /// Answers to other muds are put back as queries of the game: they had their turn.
    pub fn flooded(&mut self, now: Instant, copy: &Value<'_>) -> Option<usize> {
        let place = self.dropped_from(copy);
        if place.is_none() && !self.waits(copy) {
            return None;
        }
        self.muted = Some(Muted { until: now + MUTED_FOR, is_tried: false });
        let Some(place) = place else { return Some(0) };
        let dropped = self.recent.take_from(place);
        let count = dropped.len();
        for (priority, packet) in dropped.into_iter().rev() {
            self.queues[priority as usize].push_front(packet);
        }
        Some(count)
    }

    /// The driver has written all that went. The router's second begins when it is written, not when it was released.
    pub fn written(&mut self, now: Instant) {
        let unwritten = std::mem::take(&mut self.unwritten);
        let answers = std::mem::take(&mut self.unwritten_answers);
        for (sent, unwritten) in [(&mut self.sent, unwritten), (&mut self.answers_sent, answers)] {
            sent.truncate(sent.len().saturating_sub(unwritten));
            sent.extend(std::iter::repeat_n(now, unwritten));
        }
    }

    fn forget(&mut self, now: Instant) {
        for sent in [&mut self.sent, &mut self.answers_sent] {
            while sent.front().is_some_and(|at| *at + Duration::from_micros(WINDOW_MICROS) <= now) {
                sent.pop_front();
            }
        }
    }

    /// The next packet, if one may go now.
    pub fn pop(&mut self, now: Instant, settings: &LinkSettings) -> Option<QueuedPacket> {
        self.forget(now);
        if self.next_at(now, settings)? > now {
            return None;
        }
        let of_the_game = |priority| Some((priority, self.queues[priority as usize].pop_front()?));
        let of_the_game = Priority::ALL.into_iter().find_map(of_the_game);
        let is_answer = of_the_game.is_none();
        let (priority, packet) = match of_the_game {
            Some(taken) => taken,
            None => (Priority::Query, self.answers.pop()?),
        };
        self.muted = match self.muted {
            Some(Muted { is_tried: false, until }) if now < until + DOUBTED_FOR => {
                Some(Muted { until: now + ALONE_FOR, is_tried: true })
            }
            _ => None,
        };
        if settings.packets_per_second.is_some() {
            self.went(now);
            self.recent.note(now, priority, &packet);
            if is_answer {
                self.answers_sent.push_back(now);
                self.unwritten_answers += 1;
            }
        }
        Some(packet)
    }

    /// When the next packet may go; `None` when none waits, and while the driver has not written what went before:
    /// what is released meanwhile would leave together with that, in one second.
    pub fn next_at(&self, now: Instant, settings: &LinkSettings) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        let not_before = self.muted.map_or(now, |muted| muted.until.max(now));
        let Some(limits) = Limit::of(settings) else { return Some(not_before) };
        if self.unwritten > 0 && self.unwritten_since < now {
            return None;
        }
        let only_answers = Limit::of_answers(settings).filter(|_| self.has_none_of_the_game());
        let answers = only_answers.and_then(|limit| limit.next_at(&self.answers_sent));
        let room = limits.into_iter().filter_map(|limit| limit.next_at(&self.sent)).chain(answers).max();
        Some(room.map_or(not_before, |at| at.max(not_before)))
    }

    /// Drops all that waits: this node sends nothing more for the mud. Returns how many packets of games are lost by that, since
    /// no store has them any more.
    pub fn clear(&mut self) -> usize {
        let is_lost = |packet: &&QueuedPacket| packet.handed.is_none() && packet.grows_old();
        let lost = self.queues.iter().flatten().filter(is_lost).count();
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.answers = Answers::default();
        lost
    }

    /// Drops the packets of games that a store has: they are put into the queue from there once more.
    pub fn drop_handed(&mut self) {
        self.queues.iter_mut().for_each(|queue| queue.retain(|packet| packet.handed.is_none()));
    }

    /// Takes out the packets that are for the router itself, when its session has ended.
    pub fn take_for_router(&mut self) -> Vec<QueuedPacket> {
        let mut taken = Vec::new();
        for queue in &mut self.queues {
            let (gone, kept): (Vec<_>, Vec<_>) =
                std::mem::take(queue).into_iter().partition(|packet| packet.for_router);
            *queue = kept.into();
            taken.extend(gone);
        }
        taken.extend(self.answers.take(|packet| packet.for_router));
        taken
    }

    /// Takes out the packets that were accepted before `then`, so that their senders can be told.
    pub fn expire(&mut self, then: Instant) -> Vec<QueuedPacket> {
        let mut expired = Vec::new();
        for queue in &mut self.queues {
            let is_old = |packet: &QueuedPacket| packet.grows_old() && packet.accepted < then;
            let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(queue).into_iter().partition(is_old);
            *queue = kept.into();
            expired.extend(old);
        }
        expired.extend(self.answers.take(|packet| packet.accepted < then));
        expired
    }

    /// When the oldest packet that can be given up was accepted, or a time before that.
    pub fn oldest(&self) -> Option<Instant> {
        let first =
            |queue: &VecDeque<QueuedPacket>| queue.iter().find(|one| one.grows_old()).map(|one| one.accepted);
        self.queues.iter().filter_map(first).chain(self.answers.oldest()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(name: &'static str) -> QueuedPacket {
        QueuedPacket {
            kind: "tell",
            frame: Bytes::from_static(name.as_bytes()),
            accepted: Instant::ORIGIN,
            origin: None,
            handed: None,
            for_router: false,
        }
    }

    fn paced(packets_per_second: Option<u32>, packets_burst: u32) -> LinkSettings {
        LinkSettings { packets_per_second, packets_burst, ..LinkSettings::default() }
    }

    fn millis(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn no_second_holds_more_than_the_limit_wherever_it_begins() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 8));
        pacer.count(millis(0), STARTUP_WEIGHT);
        pacer.written(millis(0));
        for _ in 0..60 {
            pacer.push(&settings, Priority::Chatter, packet("x")).unwrap();
        }
        let mut sent = vec![0; 6];
        let mut now = millis(300);
        while !pacer.is_empty() {
            while pacer.pop(now, &settings).is_some() {
                sent.push(now.micros() / 1000);
            }
            pacer.written(now);
            if let Some(next) = pacer.next_at(now, &settings) {
                assert!(next > now, "a wake-up without progress");
                now = next;
            }
        }
        assert_eq!(sent.len(), 66);
        for start in &sent {
            let within = sent.iter().filter(|at| (*start..=*start + 1000).contains(*at)).count();
            assert!(within <= 8, "{within} in the second from {start}");
        }
        assert!(now.micros() < 9_000_000, "60 packets took until {now:?}");
    }

    #[test]
    fn classes_go_in_their_order_and_the_queue_has_an_end() {
        let mut pacer = Pacer::default();
        let settings = LinkSettings { queue_packets_max: 4, ..paced(None, 8) };
        for (priority, name) in [
            (Priority::Query, "q"),
            (Priority::Chatter, "c"),
            (Priority::Prompt, "p1"),
            (Priority::Prompt, "p2"),
        ] {
            pacer.push(&settings, priority, packet(name)).unwrap();
        }
        assert_eq!(pacer.push(&settings, Priority::Prompt, packet("p3")), Err(QueueFull));
        let order: Vec<_> = std::iter::from_fn(|| pacer.pop(millis(0), &settings)).map(|p| p.frame).collect();
        assert_eq!(order, ["p1", "p2", "c", "q"]);
    }

    fn fill(pacer: &mut Pacer, settings: &LinkSettings, packets: usize) {
        for _ in 0..packets {
            pacer.push(settings, Priority::Chatter, packet("x")).unwrap();
        }
    }

    /// When packets go, in milliseconds.
    fn times(pacer: &mut Pacer, settings: &LinkSettings, mut now: Instant) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(next) = pacer.next_at(now, settings) {
            now = next;
            while pacer.pop(now, settings).is_some() {
                times.push(now.micros() / 1000);
            }
            pacer.written(now);
        }
        times
    }

    #[test]
    fn a_small_burst_spreads_packets_evenly_within_the_limit_of_the_second() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 2));
        fill(&mut pacer, &settings, 12);
        assert_eq!(
            times(&mut pacer, &settings, millis(0)),
            [0, 0, 252, 252, 505, 505, 757, 757, 1010, 1010, 1262, 1262]
        );
        // One above the limit means the limit; 0 would stop all for ever.
        for (most, burst, expected) in [(3, 99, [0, 0, 0, 1010]), (0, 0, [0, 1010, 2020, 3030])] {
            let (mut pacer, settings) = (Pacer::default(), paced(Some(most), burst));
            fill(&mut pacer, &settings, 4);
            assert_eq!(times(&mut pacer, &settings, millis(0)), expected);
        }
    }

    #[test]
    fn what_goes_past_the_queue_counts() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 8));
        pacer.count(millis(0), STARTUP_WEIGHT);
        pacer.written(millis(0));
        pacer.count(millis(500), 1);
        pacer.written(millis(500));
        fill(&mut pacer, &settings, 4);
        assert_eq!(times(&mut pacer, &settings, millis(600)), [600, 1010, 1010, 1010]);
        assert_eq!(pacer.next_at(millis(5_000), &settings), None, "nothing waits");
        pacer.count(millis(5_000), 1);
        pacer.written(millis(5_000));
        assert_eq!(pacer.sent.len(), 1, "what is past is forgotten");
    }

    #[test]
    fn a_second_begins_when_the_system_takes_the_bytes() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 8));
        pacer.connected();
        fill(&mut pacer, &settings, 10);
        for _ in 0..8 {
            assert!(pacer.pop(millis(0), &settings).is_some());
        }
        // The system has not taken them: what is released now would leave in the same second. A probe goes all the
        // same.
        pacer.count(millis(5_000), 1);
        assert_eq!(pacer.next_at(millis(5_000), &settings), None);
        assert!(pacer.pop(millis(5_000), &settings).is_none());
        pacer.written(millis(7_000));
        assert_eq!(times(&mut pacer, &settings, millis(7_500)), [8010, 8010], "nine went at 7 s");
        // Another connection owes nothing of what the last one did not take.
        pacer.count(millis(10_000), 1);
        fill(&mut pacer, &settings, 1);
        assert_eq!(pacer.next_at(millis(20_000), &settings), None);
        pacer.connected();
        assert_eq!(pacer.next_at(millis(20_000), &settings), Some(millis(20_000)));
    }

    #[test]
    fn which_channels_are_heard_does_not_grow_old() {
        let (mut pacer, settings) = (Pacer::default(), paced(None, 8));
        for name in ["join", "said", "leave"] {
            let kind = if name == "said" { "channel-m" } else { "channel-listen" };
            pacer.push(&settings, Priority::Chatter, QueuedPacket { kind, ..packet(name) }).unwrap();
        }
        assert_eq!(pacer.oldest(), Some(Instant::ORIGIN));
        let expired = pacer.expire(millis(1));
        assert!(expired.len() == 1 && expired[0].kind == "channel-m");
        assert_eq!((pacer.len(), pacer.oldest()), (2, None));
        assert_eq!(pacer.pop(millis(99_000), &settings).unwrap().frame, "join");
        assert_eq!(pacer.pop(millis(99_000), &settings).unwrap().frame, "leave");
    }

    #[test]
    fn without_a_limit_nothing_waits_and_nothing_is_remembered() {
        let (mut pacer, settings) = (Pacer::default(), paced(None, 8));
        fill(&mut pacer, &settings, 50);
        assert_eq!(times(&mut pacer, &settings, millis(7)), [7; 50]);
        assert!(pacer.sent.is_empty());
    }

    #[test]
    fn what_is_for_the_router_and_what_is_old_can_be_taken_out_in_order() {
        let (mut pacer, settings) = (Pacer::default(), paced(None, 8));
        let one = |name, at, for_router| QueuedPacket { accepted: millis(at), for_router, ..packet(name) };
        for (priority, waiting) in [
            (Priority::Chatter, one("old", 0, false)),
            (Priority::Chatter, one("listen", 1, true)),
            (Priority::Chatter, one("young", 5, false)),
            (Priority::Prompt, one("hosting", 3, true)),
            (Priority::Listening, one("again", 4, true)),
            (Priority::Query, one("who", 4, false)),
        ] {
            pacer.push(&settings, priority, waiting).unwrap();
        }
        let names = |taken: Vec<QueuedPacket>| taken.into_iter().map(|p| p.frame).collect::<Vec<_>>();
        assert_eq!((pacer.len(), pacer.oldest()), (6, Some(millis(0))));
        assert_eq!(names(pacer.take_for_router()), ["hosting", "again", "listen"]);
        assert_eq!(names(pacer.expire(millis(5))), ["old", "who"]);
        assert_eq!((pacer.len(), pacer.oldest()), (1, Some(millis(5))));
        assert_eq!(names(pacer.expire(millis(6))), ["young"]);
        assert_eq!((pacer.is_empty(), pacer.oldest()), (true, None));
    }

    #[test]
    fn answers_leave_half_of_each_second_to_the_game_and_go_after_it() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 8));
        for _ in 0..20 {
            pacer.push_answer("Sage", packet("answer")).unwrap();
        }
        let gone = |pacer: &mut Pacer, at: u64| {
            let frames: Vec<_> =
                std::iter::from_fn(|| pacer.pop(millis(at), &settings)).map(|packet| packet.frame).collect();
            pacer.written(millis(at));
            frames
        };
        assert_eq!(gone(&mut pacer, 0), ["answer"; 4]);
        assert_eq!(gone(&mut pacer, 500), [""; 0]);
        for name in ["query", "tell"] {
            let priority = if name == "tell" { Priority::Prompt } else { Priority::Query };
            pacer.push(&paced(Some(8), 8), priority, packet(name)).unwrap();
        }
        assert_eq!(gone(&mut pacer, 600), ["tell", "query"]);
        assert_eq!(pacer.next_at(millis(600), &paced(Some(8), 8)), Some(millis(1010)));
        assert_eq!(gone(&mut pacer, 1010), ["answer"; 4]);
        // Answers do not count for the limit of the game.
        let full = LinkSettings { queue_packets_max: 1, ..paced(Some(8), 8) };
        assert!(pacer.push(&full, Priority::Query, packet("query")).is_ok());
        assert_eq!(pacer.push(&full, Priority::Query, packet("query")), Err(QueueFull));
        assert_eq!(pacer.depths().last(), Some(("answer", 12, 72)));
        assert_eq!(pacer.expire(millis(9000)).len(), 13);
        assert!(pacer.is_empty() && pacer.oldest().is_none());
    }

    #[test]
    fn what_a_router_drops_for_a_flood_waits_and_goes_once_more_first_one_alone() {
        let (mut pacer, settings) = (Pacer::default(), paced(Some(8), 8));
        let frames = ["....({0,})", "....({1,})", "....({2,})", "....({3,})"];
        for frame in frames {
            pacer.push(&settings, Priority::Chatter, packet(frame)).unwrap();
        }
        let gone = |pacer: &mut Pacer, at: u64| {
            let frames: Vec<_> =
                std::iter::from_fn(|| pacer.pop(millis(at), &settings)).map(|packet| packet.frame).collect();
            pacer.written(millis(at));
            frames
        };
        assert_eq!(gone(&mut pacer, 0), frames);
        pacer.push(&settings, Priority::Chatter, packet("....({4,})")).unwrap();
        let copy = |number| Value::Array(vec![Value::Int(number)]);
        assert_eq!(pacer.flooded(millis(100), &copy(2)), Some(2));
        // The router says so once more: of what it has dropped nothing is known that does not wait already.
        assert_eq!(pacer.flooded(millis(150), &copy(2)), Some(0));
        assert_eq!(pacer.next_at(millis(200), &settings), Some(millis(5_150)));
        assert_eq!(gone(&mut pacer, 5_149), [""; 0]);
        assert_eq!(gone(&mut pacer, 5_150), ["....({2,})"]);
        // It has dropped this one, too.
        assert_eq!(pacer.flooded(millis(5_200), &copy(2)), Some(1));
        assert_eq!(gone(&mut pacer, 10_200), ["....({2,})"]);
        assert_eq!(pacer.next_at(millis(10_200), &settings), Some(millis(12_200)));
        assert_eq!(gone(&mut pacer, 12_200), ["....({3,})", "....({4,})"]);
        // Somebody has made up an error.
        assert_eq!(pacer.flooded(millis(12_250), &copy(9)), None);
        assert!(!pacer.is_muted());
        // The next packets come long after a mute, so none goes alone.
        assert_eq!(pacer.flooded(millis(12_250), &copy(4)), Some(1));
        pacer.queues.iter_mut().for_each(VecDeque::clear);
        for frame in ["....({5,})", "....({6,})"] {
            pacer.push(&settings, Priority::Chatter, packet(frame)).unwrap();
        }
        assert_eq!(gone(&mut pacer, 47_250), ["....({5,})", "....({6,})"]);
        // Of what went over an earlier connection nothing is known.
        pacer.connected();
        assert_eq!(pacer.flooded(millis(47_300), &copy(6)), None);
    }

    #[test]
    fn answers_are_not_held_back_without_a_limit() {
        let (mut pacer, settings) = (Pacer::default(), paced(None, 8));
        for _ in 0..20 {
            pacer.push_answer("Sage", packet("answer")).unwrap();
        }
        assert_eq!(std::iter::from_fn(|| pacer.pop(millis(0), &settings)).count(), 20);
    }
}
