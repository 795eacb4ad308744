//! Which events of its mud a session has received, and which are still to be replayed to it.

use super::record::{LaneKey, LaneName, Since};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

/// Number of channels that a session may join with a replay. Beyond it, a session receives only new lines of a channel.
const CAUGHT_UP_MAX: usize = 500;

/// Number of replays that may wait for one session. Each is asked for by a request of its own.
const JOBS_MAX: usize = 1_000;

/// Number of events that a session may have received before it gives its name, and that are not given to it again.
const EARLY_MAX: usize = 1_000;

/// Number of queued events for which a session keeps memory between writes.
const QUEUED_KEPT: usize = 16;

/// Number of lanes in which events of a session are queued by turns without taking more memory for each event.
const QUEUED_SEARCHED: usize = 8;

/// The progress of a session through its mud's events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The replay of earlier events has begun or is complete.
    begun: bool,
    /// The full name of the client.
    client: Option<Box<str>>,
    /// The event after which the replay began, if the client asked for one.
    start: Option<u64>,
    /// The channels whose earlier events were replayed, each with the last event there was when the session left the
    /// channel. When the session returns, events up to it are not replayed again, even if another session that also
    /// received them disconnected without reading them.
    caught_up: BTreeMap<Box<str>, u64>,
    jobs: VecDeque<Job>,
    /// Events that were queued for the connection, and that it has not taken yet.
    queued: Vec<Queued>,
    /// The first event of each lane that was dropped because the client did not read. No cursor passes it.
    dropped: BTreeMap<LaneKey, u64>,
    /// Events that were queued before the client gave its name, in ascending order.
    early: VecDeque<u64>,
}

/// Events of a lane that were queued one after the other, without one that was left out.
#[derive(Debug)]
struct Queued {
    lane: LaneKey,
    ids: RangeInclusive<u64>,
}

/// One replay.
#[derive(Debug)]
pub(crate) struct Job {
    /// `None`: the events for the mud, and the channels that the session has joined and that have no later replay of
    /// their own.
    pub(crate) channel: Option<Box<str>>,
    pub(crate) since: Since,
    /// The cursors of a named client. A lane without one begins at `since`.
    pub(crate) cursors: BTreeMap<LaneKey, u64>,
    /// All events up to this one have been examined.
    pub(crate) position: u64,
    /// Events after this one are new. They wait until the older ones have been replayed.
    pub(crate) began_at: u64,
    pub(crate) replayed: u64,
    /// Some events are known to be missing.
    pub(crate) gap: bool,
    /// The client has asked for the replay, so its end is reported even if there were no events.
    pub(crate) asked_for: bool,
    /// It holds new events, for which there was no room.
    catches_up: bool,
}

impl Job {
    /// Returns the lanes of the job for a session that has joined these channels.
    pub(crate) fn lanes<'a>(
        &'a self,
        joined: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = LaneName<'a>> {
        let is_whole = self.channel.is_none();
        let meant = [LaneName::Tells, LaneName::Answers].into_iter().filter(move |_| is_whole);
        let joined = joined.filter(move |_| is_whole).map(LaneName::Channel);
        meant.chain(joined).chain(self.channel.as_deref().map(LaneName::Channel))
    }

    /// Returns where the replay of a lane starts.
    pub(crate) fn since_in(&self, lane: LaneName<'_>) -> Since {
        self.cursors.get(&lane.key()).map_or(self.since, |cursor| Since::Id(*cursor))
    }

    /// Whether the job may hold events of a lane.
    fn covers(&self, lane: LaneName<'_>) -> bool {
        self.channel.as_deref().is_none_or(|channel| lane == LaneName::Channel(channel))
    }

    /// Whether the end of the replay is reported. Missing lines of a channel that no session subscribed to are not
    /// worth a report.
    pub(crate) fn is_reported(&self) -> bool {
        let is_news =
            self.replayed > 0 || (self.gap && (self.channel.is_none() || self.since != Since::Unread));
        self.asked_for || is_news
    }
}

impl Reader {
    /// Whether the replay of earlier events has begun or is complete.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns the full name of the client.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Returns the event after which the client asked for a replay.
    pub(crate) fn start(&self) -> Option<u64> {
        self.start
    }

    /// Notes that there is nothing to be replayed: the session only looks.
    pub(crate) fn begin_without_replay(&mut self) {
        self.begun = true;
    }

    /// Begins the replay, with the client's name and cursors, or the last event id, if there are any.
    pub(crate) fn begin(
        &mut self,
        client: Option<&str>,
        start: Option<u64>,
        cursors: BTreeMap<LaneKey, u64>,
        last: u64,
    ) {
        if client.is_some() {
            self.client = client.map(Into::into);
        }
        if start.is_some() {
            self.start = start;
        }
        self.begun = true;
        let since = start.map_or(Since::Unread, Since::Id);
        self.add(None, since, 0, last, start.is_some() || client.is_some());
        if let Some(job) = self.jobs.back_mut() {
            job.cursors = cursors;
        }
    }

    /// Begins another replay at the client's request.
    pub(crate) fn again(&mut self, start: Option<u64>, cursors: BTreeMap<LaneKey, u64>, last: u64) {
        self.early.clear();
        self.add(None, start.map_or(Since::Unread, Since::Id), 0, last, true);
        if let Some(job) = self.jobs.back_mut() {
            job.cursors = cursors;
        }
    }

    /// Notes that the session has joined a channel. `cursor` is where a named client begins there, `gap` whether lines
    /// before it are known to be missing.
    pub(crate) fn joined(&mut self, channel: &str, cursor: Option<u64>, last: u64, gap: bool) {
        let had = self.caught_up.get(channel).copied();
        let is_first = had.is_none() && self.caught_up.len() < CAUGHT_UP_MAX;
        if is_first {
            self.caught_up.insert(channel.into(), 0);
        }
        let since = self.start.or(cursor).filter(|_| is_first).map_or(Since::Unread, Since::Id);
        self.add(Some(channel), since, had.unwrap_or(0), last, false);
        if let Some(job) = self.jobs.back_mut() {
            job.gap |= gap;
        }
    }

    /// Notes that the session has joined a channel of which it gets no replay by a job. Returns whether it has not joined it
    /// before.
    pub(crate) fn joins(&mut self, channel: &str, last: u64) -> bool {
        self.caught_up.len() < CAUGHT_UP_MAX && self.caught_up.insert(channel.into(), last).is_none()
    }

    /// Notes that the session has left a channel. Events not yet replayed wait for the next session that joins.
    pub(crate) fn left(&mut self, channel: &str, last: u64) {
        if let Some(had) = self.caught_up.get_mut(channel)
            && !self.jobs.iter().any(|job| job.covers(LaneName::Channel(channel)))
        {
            *had = last;
        }
        self.jobs.retain(|job| job.channel.as_deref() != Some(channel));
    }

    /// Whether a new event has to wait until older ones have been replayed.
    pub(crate) fn defers<'a>(
        &'a self,
        lane: LaneName<'_>,
        joined: &(impl Iterator<Item = &'a str> + Clone),
    ) -> bool {
        self.jobs.iter().any(|job| job.lanes(joined.clone()).any(|covered| covered == lane))
    }

    /// Takes the next replay.
    pub(crate) fn take_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Puts an unfinished replay back.
    pub(crate) fn put_job(&mut self, job: Job) {
        self.jobs.push_front(job);
    }

    /// Whether a replay of this channel alone is waiting.
    pub(crate) fn has_job_of(&self, channel: &str) -> bool {
        self.jobs.iter().any(|job| job.channel.as_deref() == Some(channel))
    }

    /// Notes that an event was queued for the connection; `before` is the one before it in its lane.
    pub(crate) fn queued(&mut self, lane: &LaneKey, id: u64, before: Option<u64>) {
        let latest = self.queued.iter_mut().rev().take(QUEUED_SEARCHED).find(|queued| queued.lane == *lane);
        match latest.filter(|latest| before == Some(*latest.ids.end())) {
            Some(latest) => latest.ids = *latest.ids.start()..=id,
            None => self.queued.push(Queued { lane: lane.clone(), ids: id..=id }),
        }
    }

    /// Notes that an event was queued for a session that may still give its name.
    pub(crate) fn queued_early(&mut self, id: u64) {
        if self.early.back().is_none_or(|last| *last < id) {
            self.early.push_back(id);
        } else if let Err(at) = self.early.binary_search(&id) {
            self.early.insert(at, id);
        }
        if self.early.len() > EARLY_MAX {
            self.early.pop_front();
        }
    }

    /// Returns the first event that the session received before it gave its name.
    pub(crate) fn first_early(&self) -> Option<u64> {
        self.early.front().copied()
    }

    /// Whether the session has the event already, or it is on its way: a replay need not hold it again.
    pub(crate) fn has(&self, lane: LaneName<'_>, id: u64) -> bool {
        let is_queued = |queued: &Queued| queued.ids.contains(&id) && queued.lane.name() == lane;
        self.early.binary_search(&id).is_ok() || self.queued.iter().any(is_queued)
    }

    /// Notes that an event was dropped, because the client did not read.
    pub(crate) fn dropped(&mut self, lane: LaneKey, id: u64) {
        self.dropped.entry(lane).or_insert(id);
    }

    /// Begins a replay of the kept events from this one on: the client is behind, and there is no room for it. From now on
    /// kept events wait for that replay. Returns false if too many replays wait already.
    pub(crate) fn catch_up(&mut self, id: u64, last: u64) -> bool {
        let has_room = self.jobs.len() < JOBS_MAX;
        self.add(None, Since::Id(id - 1), 0, last.max(id), false);
        if let Some(job) = self.jobs.back_mut().filter(|_| has_room) {
            job.catches_up = true;
        }
        has_room
    }

    /// Notes that a replay is complete. What it held of a channel is not held again by one that catches up.
    pub(crate) fn completed(&mut self, job: &Job) {
        let Some(channel) = &job.channel else { return };
        for later in self.jobs.iter_mut().filter(|later| later.catches_up) {
            let lane = LaneName::Channel(channel).key();
            let begins = later.position.max(job.position);
            later.cursors.insert(lane, begins);
        }
    }

    /// Takes the events that the connection has taken with all queued bytes. Returns whether there were any.
    pub(crate) fn take_queued(&mut self, mut each: impl FnMut(LaneName<'_>, RangeInclusive<u64>)) -> bool {
        let is_any = !self.queued.is_empty();
        self.queued.drain(..).for_each(|Queued { lane, ids }| each(lane.name(), ids));
        self.queued.shrink_to(QUEUED_KEPT);
        is_any
    }

    /// Returns the event up to which everything in a lane was queued for the session; `last` is the newest event.
    pub(crate) fn given_through(&self, lane: LaneName<'_>, last: u64) -> u64 {
        let jobs = self.jobs.iter().filter(|job| job.covers(lane)).map(|job| job.position);
        let dropped = self.dropped.get(&lane.key()).map(|first| first - 1);
        jobs.chain(dropped).min().map_or(last, |through| through.min(last))
    }

    /// Returns the event up to which the connection has taken everything in a lane.
    pub(crate) fn taken_through(&self, lane: LaneName<'_>, last: u64) -> u64 {
        let queued = self.queued.iter().filter(|queued| queued.lane.name() == lane);
        let queued = queued.map(|queued| queued.ids.start() - 1);
        queued.chain([self.given_through(lane, last)]).min().unwrap_or(last)
    }

    /// Adds a replay of the events after `since`, without those that the session `had`.
    fn add(&mut self, channel: Option<&str>, since: Since, had: u64, last: u64, asked_for: bool) {
        if self.jobs.len() >= JOBS_MAX {
            return;
        }
        // An id that was never assigned: the client's last event is from another gateway or another store.
        let (since, gap) = match since {
            Since::Id(id) if id > last => (Since::Unread, true),
            since => (since, false),
        };
        let position = if let Since::Id(id) = since { id } else { had };
        let job = Job {
            channel: channel.map(Into::into),
            since,
            cursors: BTreeMap::new(),
            position,
            began_at: last,
            replayed: 0,
            gap,
            asked_for,
            catches_up: false,
        };
        self.dropped.retain(|lane, first| !(job.covers(lane.name()) && position < *first));
        self.jobs.push_back(job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_events_come_before_newer_ones() {
        let mut reader = Reader::default();
        reader.begin(None, Some(3), BTreeMap::new(), 9);
        let joined = || ["chat"].into_iter();
        assert!(
            reader.defers(LaneName::Tells, &joined()) && reader.defers(LaneName::Channel("chat"), &joined())
        );
        assert!(!reader.defers(LaneName::Channel("other"), &joined()));
        assert_eq!(
            (reader.given_through(LaneName::Tells, 20), reader.taken_through(LaneName::Tells, 20)),
            (3, 3)
        );
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.began_at, job.is_reported()), (Since::Id(3), 3, 9, true));
        assert!(!reader.defers(LaneName::Tells, &joined()));
        reader.queued(&LaneKey::Tells, 11, None);
        reader.queued(&LaneKey::Tells, 14, Some(11));
        assert!(reader.has(LaneName::Tells, 11) && !reader.has(LaneName::Answers, 11));
        assert_eq!(reader.queued.len(), 1);
        let through =
            |reader: &Reader, lane| (reader.given_through(lane, 20), reader.taken_through(lane, 20));
        assert_eq!(through(&reader, LaneName::Tells), (20, 10));
        assert_eq!(through(&reader, LaneName::Answers), (20, 20));
        assert!(reader.take_queued(|_, _| {}) && !reader.take_queued(|_, _| {}));
        assert_eq!(through(&reader, LaneName::Tells), (20, 20));
        reader.dropped(LaneKey::Tells, 15);
        reader.dropped(LaneKey::Tells, 17);
        assert_eq!(through(&reader, LaneName::Tells), (14, 14), "what was dropped is not passed");
    }

    #[test]
    fn a_reader_that_is_behind_gets_kept_events_later_and_in_order() {
        let mut reader = Reader::default();
        reader.begin_without_replay();
        assert!(reader.catch_up(7, 6));
        let joined = || ["chat"].into_iter();
        assert!(
            reader.defers(LaneName::Tells, &joined()) && reader.defers(LaneName::Channel("chat"), &joined())
        );
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.gap, job.asked_for), (Since::Id(6), 6, false, false));
        // The replay of a channel comes first, and holds its newest lines too.
        reader.joined("chat", None, 8, false);
        assert!(reader.catch_up(9, 9));
        let mut first = reader.take_job().unwrap();
        first.position = 12;
        reader.completed(&first);
        let later = reader.take_job().unwrap();
        assert_eq!(later.since_in(LaneName::Channel("chat")), Since::Id(12));
        assert_eq!(later.since_in(LaneName::Tells), Since::Id(8));
    }

    #[test]
    fn an_unknown_event_id_is_a_gap() {
        let mut reader = Reader::default();
        reader.again(Some(50), BTreeMap::new(), 9);
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.gap), (Since::Unread, true));
    }

    #[test]
    fn a_channel_is_replayed_once() {
        let mut reader = Reader::default();
        reader.begin(Some("k/game"), None, BTreeMap::new(), 9);
        reader.joined("chat", Some(5), 9, false);
        assert!(reader.has_job_of("chat") && !reader.has_job_of("other"));
        let _ = (reader.take_job(), reader.take_job());
        reader.left("chat", 12);
        reader.joined("chat", Some(5), 14, false);
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.is_reported()), (Since::Unread, 12, false));
    }

    #[test]
    fn a_channel_that_was_left_while_another_waits_is_not_replayed_again() {
        let mut reader = Reader::default();
        reader.joined("chat", None, 3, false);
        assert!(reader.take_job().is_some());
        reader.joined("code", None, 5, false);
        reader.left("chat", 9);
        reader.joined("chat", None, 12, false);
        let positions: Vec<u64> = std::iter::from_fn(|| reader.take_job()).map(|job| job.position).collect();
        assert_eq!(positions, [0, 9]);
    }
}
