//! What one session has of its mud's events, and what it is still to be given.

use super::record::{LaneName, Since};
use std::collections::{BTreeMap, VecDeque};

/// Channels that a session may join with a replay; what it joins beyond is only heard from then on.
const CAUGHT_UP_MAX: usize = 500;

/// Replays that may wait for one session. Each is asked for by a request of its own.
const JOBS_MAX: usize = 1_000;

/// How far a session has read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// It has been given, or is to be given, what was there before it.
    begun: bool,
    client: Option<Box<str>>,
    /// Where it began, if it said so or its name did.
    start: Option<u64>,
    /// The channels whose past it has been given, and the last event there was when it left one: what it has had is not
    /// given again when it comes back, even if another session that had it too has gone without reading it.
    caught_up: BTreeMap<Box<str>, u64>,
    jobs: VecDeque<Job>,
    /// The first event that its connection has not taken yet.
    unwritten_from: Option<u64>,
}

/// One replay.
#[derive(Debug)]
pub(crate) struct Job {
    /// `None`: what is meant for the mud, and the channels that the session has joined and that have no replay of their
    /// own behind this one.
    pub(crate) channel: Option<Box<str>>,
    pub(crate) since: Since,
    /// Everything up to this event has been looked at.
    pub(crate) position: u64,
    /// What came after this one is new: it waits for its turn behind what is old.
    pub(crate) began_at: u64,
    pub(crate) replayed: u64,
    /// Events are known to be missing.
    pub(crate) gap: bool,
    /// The client asked for it, so it is told of the end even if there was nothing.
    pub(crate) asked_for: bool,
}

impl Job {
    /// Its lanes, of a session that has joined these channels.
    pub(crate) fn lanes<'a>(
        &'a self,
        joined: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = LaneName<'a>> {
        let is_whole = self.channel.is_none();
        let meant = [LaneName::Tells, LaneName::Answers].into_iter().filter(move |_| is_whole);
        let joined = joined.filter(move |_| is_whole).map(LaneName::Channel);
        meant.chain(joined).chain(self.channel.as_deref().map(LaneName::Channel))
    }

    /// Whether its end is reported: on a channel that no session heard, lines that are gone are no news.
    pub(crate) fn is_reported(&self) -> bool {
        let is_news =
            self.replayed > 0 || (self.gap && (self.channel.is_none() || self.since != Since::Unread));
        self.asked_for || is_news
    }
}

impl Reader {
    /// Whether it has been given, or is to be given, what was there before it.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The name of its client.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// It begins, as the client of that name and after that event, if it names one.
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

    /// It asks once more for what it has missed. Returns from where.
    pub(crate) fn again(&mut self, last_event_id: Option<u64>, last: u64) -> Option<u64> {
        let start = last_event_id.or(self.start);
        self.add(None, start.map_or(Since::Unread, Since::Id), 0, last, true);
        start
    }

    /// It has joined a channel. `knows_it`: its client's name heard it before.
    pub(crate) fn joined(&mut self, channel: &str, knows_it: bool, last: u64) {
        let had = self.caught_up.get(channel).copied();
        let is_first = had.is_none() && self.caught_up.len() < CAUGHT_UP_MAX;
        if is_first {
            self.caught_up.insert(channel.into(), 0);
        }
        let since = self.start.filter(|_| is_first && knows_it).map_or(Since::Unread, Since::Id);
        self.add(Some(channel), since, had.unwrap_or(0), last, false);
    }

    /// It has left a channel. What it has not been given yet waits for the next session that joins.
    pub(crate) fn left(&mut self, channel: &str, last: u64) {
        if let Some(had) = self.caught_up.get_mut(channel)
            && self.jobs.is_empty()
        {
            *had = last;
        }
        self.jobs.retain(|job| job.channel.as_deref() != Some(channel));
    }

    /// Whether an event has to wait for its turn, because older ones are still to be given.
    pub(crate) fn defers<'a>(
        &'a self,
        lane: LaneName<'_>,
        joined: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        self.jobs.iter().any(|job| job.lanes(joined.clone()).any(|covered| covered == lane))
    }

    /// The next replay, to be worked at.
    pub(crate) fn take_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Puts a replay back that is not done.
    pub(crate) fn put_job(&mut self, job: Job) {
        self.jobs.push_front(job);
    }

    /// Whether a channel has a replay of its own that waits.
    pub(crate) fn has_job_of(&self, channel: &str) -> bool {
        self.jobs.iter().any(|job| job.channel.as_deref() == Some(channel))
    }

    /// An event has been queued for its connection.
    pub(crate) fn queued(&mut self, id: u64) {
        self.unwritten_from = Some(self.unwritten_from.map_or(id, |from| from.min(id)));
    }

    /// Its connection has taken everything. Returns whether there was an event among it.
    pub(crate) fn written(&mut self) -> bool {
        self.unwritten_from.take().is_some()
    }

    /// The first event that its connection has not taken.
    pub(crate) fn unwritten_from(&self) -> Option<u64> {
        self.unwritten_from
    }

    /// Its connection has taken all events up to this one; `last` is the last there is.
    pub(crate) fn written_through(&self, last: u64) -> u64 {
        self.unwritten_from.map_or(last, |from| from.saturating_sub(1))
    }

    /// Its connection has taken all events up to this one, and nothing before it is still to be replayed.
    pub(crate) fn read_through(&self, last: u64) -> u64 {
        let positions = self.jobs.iter().map(|job| job.position);
        positions.chain([self.written_through(last)]).min().unwrap_or(last)
    }

    /// Another replay: of what came after `since`, but not of what it has `had`.
    fn add(&mut self, channel: Option<&str>, since: Since, had: u64, last: u64, asked_for: bool) {
        if self.jobs.len() >= JOBS_MAX {
            return;
        }
        // An id that was never given: the client knows another past than this gateway.
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
    fn what_is_old_comes_before_what_is_new() {
        let mut reader = Reader::default();
        reader.begin(None, Some(3), 9);
        let joined = || ["chat"].into_iter();
        assert!(
            reader.defers(LaneName::Tells, joined()) && reader.defers(LaneName::Channel("chat"), joined())
        );
        assert!(!reader.defers(LaneName::Channel("other"), joined()));
        assert_eq!((reader.read_through(20), reader.written_through(20)), (3, 20));
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.position, job.began_at, job.is_reported()), (Since::Id(3), 3, 9, true));
        assert!(!reader.defers(LaneName::Tells, joined()));
        reader.queued(12);
        reader.queued(11);
        assert_eq!((reader.read_through(20), reader.written(), reader.written()), (10, true, false));
    }

    #[test]
    fn an_id_that_was_never_given_is_a_gap() {
        let mut reader = Reader::default();
        assert_eq!(reader.again(Some(50), 9), Some(50));
        let job = reader.take_job().unwrap();
        assert_eq!((job.since, job.gap), (Since::Unread, true));
    }

    #[test]
    fn a_channel_is_caught_up_with_once() {
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
