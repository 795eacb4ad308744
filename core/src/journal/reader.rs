//! Which events of its mud a session has received, and which are still to be replayed to it.

use super::record::{LaneName, Since};
use std::collections::{BTreeMap, VecDeque};

/// Number of channels that a session may join with a replay. Beyond it, a session receives only new lines of a channel.
const CAUGHT_UP_MAX: usize = 500;

/// Number of replays that may wait for one session. Each is asked for by a request of its own.
const JOBS_MAX: usize = 1_000;

/// The progress of a session through its mud's events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The replay of earlier events has begun or is complete.
    begun: bool,
    client: Option<Box<str>>,
    /// The event after which the replay began, from the request or from the client's name.
    start: Option<u64>,
    /// The channels whose earlier events were replayed, each with the last event there was when the session left the
    /// channel. When the session returns, events up to it are not replayed again, even if another session that also
    /// received them disconnected without reading them.
    caught_up: BTreeMap<Box<str>, u64>,
    jobs: VecDeque<Job>,
    /// The first event that its connection has not taken yet.
    unwritten_from: Option<u64>,
}

/// One replay.
#[derive(Debug)]
pub(crate) struct Job {
    /// `None`: the events for the mud, and the channels that the session has joined and that have no later replay of
    /// their own.
    pub(crate) channel: Option<Box<str>>,
    pub(crate) since: Since,
    /// All events up to this one have been examined.
    pub(crate) position: u64,
    /// Events after this one are new. They wait until the older ones have been replayed.
    pub(crate) began_at: u64,
    pub(crate) replayed: u64,
    /// Some events are known to be missing.
    pub(crate) gap: bool,
    /// The client has asked for the replay, so its end is reported even if there were no events.
    pub(crate) asked_for: bool,
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

    /// Returns the client's name.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Begins the replay, with the client's name and the last event id if there are any.
    pub(crate) fn begin(&mut self, client: Option<&str>, start: Option<u64>, last: u64) {
        if client.is_some() {
            self.client = client.map(Into::into);
        }
        if start.is_some() {
            self.start = start;
        }
        self.begun = true;
        let since = start.map_or(Since::Unread, Since::Id);
        self.add(None, since, 0, last, start.is_some() || client.is_some());
    }

    /// Begins another replay at the client's request. Returns where it starts.
    pub(crate) fn again(&mut self, last_event_id: Option<u64>, last: u64) -> Option<u64> {
        let start = last_event_id.or(self.start);
        self.add(None, start.map_or(Since::Unread, Since::Id), 0, last, true);
        start
    }

    /// Notes that the session has joined a channel. `knows_it`: a client of this name has subscribed to it before.
    pub(crate) fn joined(&mut self, channel: &str, knows_it: bool, last: u64) {
        let had = self.caught_up.get(channel).copied();
        let is_first = had.is_none() && self.caught_up.len() < CAUGHT_UP_MAX;
        if is_first {
            self.caught_up.insert(channel.into(), 0);
        }
        let since = self.start.filter(|_| is_first && knows_it).map_or(Since::Unread, Since::Id);
        self.add(Some(channel), since, had.unwrap_or(0), last, false);
    }

    /// Notes that the session has left a channel. Events not yet replayed wait for the next session that joins.
    pub(crate) fn left(&mut self, channel: &str, last: u64) {
        if let Some(had) = self.caught_up.get_mut(channel)
            && self.jobs.is_empty()
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

    /// Notes that an event was queued for the connection.
    pub(crate) fn queued(&mut self, id: u64) {
        self.unwritten_from = Some(self.unwritten_from.map_or(id, |from| from.min(id)));
    }

    /// Notes that the connection has taken all queued bytes. Returns whether they held an event.
    pub(crate) fn written(&mut self) -> bool {
        self.unwritten_from.take().is_some()
    }

    /// Returns the first event that the connection has not taken.
    pub(crate) fn unwritten_from(&self) -> Option<u64> {
        self.unwritten_from
    }

    /// Returns the event up to which the connection has taken all; `last` is the newest event.
    pub(crate) fn written_through(&self, last: u64) -> u64 {
        self.unwritten_from.map_or(last, |from| from.saturating_sub(1))
    }

    /// Returns the event up to which the connection has taken all, with no earlier event still to be replayed.
    pub(crate) fn read_through(&self, last: u64) -> u64 {
        let positions = self.jobs.iter().map(|job| job.position);
        positions.chain([self.written_through(last)]).min().unwrap_or(last)
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
        self.jobs.push_back(Job {
            channel: channel.map(Into::into),
            since,
            position,
            began_at: last,
            replayed: 0,
            gap,
            asked_for,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_events_come_before_newer_ones() {
        let mut reader = Reader::default();
        reader.begin(None, Some(3), 9);
        let joined = || ["chat"].into_iter();
        assert!(
            reader.defers(LaneName::Tells, &joined()) && reader.defers(LaneName::Channel("chat"), &joined())
        );
        assert!(!reader.defers(LaneName::Channel("other"), &joined()));
        assert_eq!((reader.read_through(20), reader.written_through(20)), (3, 20));
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.began_at, job.is_reported()), (Since::Id(3), 3, 9, true));
        assert!(!reader.defers(LaneName::Tells, &joined()));
        reader.queued(12);
        reader.queued(11);
        assert_eq!((reader.read_through(20), reader.written(), reader.written()), (10, true, false));
    }

    #[test]
    fn an_unknown_event_id_is_a_gap() {
        let mut reader = Reader::default();
        assert_eq!(reader.again(Some(50), 9), Some(50));
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.gap), (Since::Unread, true));
    }

    #[test]
    fn a_channel_is_replayed_once() {
        let mut reader = Reader::default();
        reader.begin(Some("game"), Some(5), 9);
        reader.joined("chat", true, 9);
        assert!(reader.has_job_of("chat") && !reader.has_job_of("other"));
        let _ = (reader.take_job(), reader.take_job());
        reader.left("chat", 12);
        reader.joined("chat", true, 14);
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.is_reported()), (Since::Unread, 12, false));
    }
}
