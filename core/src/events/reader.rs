//! What one session has of its mud's events, and what it is still to be given.

use super::kept::{LaneName, Since};
use crate::api::json::Object;
use crate::api::rpc::{self, Fault};
use crate::hub::Hub;
use crate::machine::ConnId;
use crate::session::{Joined, Session};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes queued for a client above which a replay waits until it has read them.
const REPLAY_PENDING_BYTES_MAX: usize = 65_536;

/// Channels that a session may join with a replay; what it joins beyond is only heard from then on.
const CAUGHT_UP_MAX: usize = 500;

/// Replays that may wait for one session. Each is asked for by a request of its own.
const JOBS_MAX: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// It has been given, or is to be given, what was there before it.
    begun: bool,
    client: Option<Box<str>>,
    /// Where it began, if it said so or its name did.
    start: Option<u64>,
    /// The channels whose past it has been given, and the last event there was when it left one: what it has had is no
    /// news to it when it comes back, even if another who had it too has gone without reading it.
    caught_up: BTreeMap<Box<str>, u64>,
    jobs: VecDeque<Job>,
    /// The first event that its connection has not taken yet.
    unwritten_from: Option<u64>,
}

/// One replay.
#[derive(Debug)]
struct Job {
    /// `None`: what is meant for the mud, and the channels that the session has joined and that have no replay of their own
    /// behind this one.
    channel: Option<Box<str>>,
    since: Since,
    /// Everything up to this event has been looked at.
    position: u64,
    /// What came after this one is new: it waits for its turn behind what is old.
    began_at: u64,
    replayed: u64,
    /// Events are known to be missing.
    gap: bool,
    /// The client asked for it, so it is told of the end even if there was nothing.
    asked_for: bool,
}

/// The lanes of a replay.
fn lanes<'a>(
    channel: Option<&'a str>,
    joined: &'a BTreeMap<String, Joined>,
) -> impl Iterator<Item = LaneName<'a>> {
    let whole = channel.is_none();
    let meant = [LaneName::Tells, LaneName::Answers].into_iter().filter(move |_| whole);
    let joined = joined.keys().filter(move |_| whole).map(|channel| LaneName::Channel(channel));
    meant.chain(joined).chain(channel.map(LaneName::Channel))
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

    /// Whether an event has to wait for its turn, because older ones are still to be given.
    pub(crate) fn defers(&self, lane: LaneName<'_>, joined: &BTreeMap<String, Joined>) -> bool {
        self.jobs.iter().any(|job| lanes(job.channel.as_deref(), joined).any(|covered| covered == lane))
    }

    /// An event has been queued for its connection.
    pub(crate) fn queued(&mut self, id: u64) {
        self.unwritten_from = Some(self.unwritten_from.map_or(id, |from| from.min(id)));
    }

    /// Its connection has taken everything. Says whether there was an event among it.
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

    /// The same, and nothing before it is still to be replayed.
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

impl Hub {
    /// A session has shown who it is: it is to be given what it has missed. The replay follows the answer, with
    /// [`Hub::replay`].
    pub(crate) fn start_reading(
        &mut self,
        conn: ConnId,
        client: Option<&str>,
        last_event_id: Option<u64>,
    ) -> Result<(), Fault> {
        let Some(session) = self.sessions.get(conn) else { return Ok(()) };
        let Some(mud) = session.identity.as_ref().filter(|one| one.may_speak).map(|one| one.mud) else {
            return Ok(());
        };
        let last = self.event_ids.last();
        let mut start = last_event_id;
        if let Some(name) = client {
            let present = self.sessions.iter().filter(|(other, one)| *other != conn && one.is_of(mud));
            let present: BTreeSet<String> =
                present.filter_map(|(_, one)| one.reader.client().map(str::to_owned)).collect();
            let clients = &mut self.events.muds[mud].clients;
            start = start.or(clients.cursor(name));
            let Some(changes) = clients.enter(name, &present, last, self.now.unix) else {
                return Err(Fault::params("too many clients of this mud have a name; give one of theirs"));
            };
            self.save(changes);
        }
        let Some(session) = self.sessions.get_mut(conn) else { return Ok(()) };
        if client.is_some() {
            session.reader.client = client.map(Into::into);
        }
        if start.is_some() {
            session.reader.start = start;
        }
        session.reader.begun = true;
        let since = start.map_or(Since::Unread, Since::Id);
        session.reader.add(None, since, 0, last, start.is_some() || client.is_some());
        Ok(())
    }

    /// A session needs no word to be identified: it is given what nobody has had.
    pub(crate) fn begin_reading(&mut self, conn: ConnId) {
        // Only a name can be refused.
        let begun = self.start_reading(conn, None, None);
        debug_assert!(begun.is_ok());
        self.replay(conn);
    }

    /// A session asks for what it has missed, once more. Says from where.
    pub(crate) fn read_again(&mut self, conn: ConnId, last_event_id: Option<u64>) -> Option<u64> {
        let last = self.event_ids.last();
        let session = self.sessions.get_mut(conn)?;
        let start = last_event_id.or(session.reader.start);
        session.reader.add(None, start.map_or(Since::Unread, Since::Id), 0, last, true);
        start
    }

    /// A session has joined a channel: it is to be given the lines that it has missed.
    pub(crate) fn channel_joined(&mut self, conn: ConnId, mud: usize, channel: &str) {
        let last = self.event_ids.last();
        let Some(session) = self.sessions.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        let clients = &mut self.events.muds[mud].clients;
        let reader = &mut session.reader;
        let knows_it = match &reader.client {
            Some(client) => clients.heard(client, channel),
            None => true,
        };
        let had = reader.caught_up.get(channel).copied();
        let is_first = had.is_none() && reader.caught_up.len() < CAUGHT_UP_MAX;
        if is_first {
            reader.caught_up.insert(channel.into(), 0);
        }
        let since = reader.start.filter(|_| is_first && knows_it).map_or(Since::Unread, Since::Id);
        reader.add(Some(channel), since, had.unwrap_or(0), last, false);
        let change = reader.client.as_deref().and_then(|client| clients.hears(client, channel, true));
        self.save(change.into_iter().collect());
    }

    /// A session has left a channel.
    pub(crate) fn channel_left(&mut self, conn: ConnId, mud: usize, channel: &str) {
        let Some(session) = self.sessions.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        if let Some(had) = session.reader.caught_up.get_mut(channel)
            && session.reader.jobs.is_empty()
        {
            *had = self.event_ids.last();
        }
        // What it has not been given yet waits for the next who joins.
        session.reader.jobs.retain(|job| job.channel.as_deref() != Some(channel));
        let clients = &mut self.events.muds[mud].clients;
        let change =
            session.reader.client.as_deref().and_then(|client| clients.hears(client, channel, false));
        self.save(change.into_iter().collect());
    }

    /// Gives a session what is still to be replayed to it, as far as its connection has room.
    pub(crate) fn replay(&mut self, conn: ConnId) {
        while let Some(job) = self.next_job(conn) {
            self.tell_replayed(conn, &job);
        }
    }

    /// Works at the first job. Gives it back when it is done.
    fn next_job(&mut self, conn: ConnId) -> Option<Job> {
        let Hub { sessions, events, fx, settings, metrics, now, .. } = self;
        let settings = &settings.api.events;
        let session = sessions.get_mut(conn)?;
        let mut job = session.reader.jobs.pop_front()?;
        let mud = session.identity.as_ref()?.mud;
        let log = &mut events.muds[mud].log;
        let joined = std::mem::take(&mut session.channels);
        let channel = job.channel.take();
        let waiting = &session.reader.jobs;
        // A channel that was joined meanwhile gets its own.
        let has_own = |lane: LaneName<'_>| matches!(lane, LaneName::Channel(name) if waiting.iter().any(|job| job.channel.as_deref() == Some(name)));
        let lanes = lanes(channel.as_deref(), &joined);
        let lanes: Vec<LaneName<'_>> = lanes.filter(|lane| channel.is_some() || !has_own(*lane)).collect();
        let covered = || lanes.iter().copied();

        let mut given = Vec::new();
        let mut is_done = true;
        for record in log.replayable(covered(), job.position, settings, now.unix) {
            let is_wanted =
                matches!(job.since, Since::Id(_)) || !record.delivered || record.id > job.began_at;
            let may_have = session.may(record.event.permission) && (session.hears_echo || !record.is_echo);
            if is_wanted && may_have {
                if fx.pending_bytes(conn) > REPLAY_PENDING_BYTES_MAX {
                    is_done = false;
                    break;
                }
                fx.send_shared(conn, session.framed(&record.replayed()));
                session.reader.queued(record.id);
                given.push(record.id);
            }
            job.position = record.id;
        }
        metrics.events_replayed += given.len() as u64;
        job.replayed += given.len() as u64;
        if is_done {
            job.gap |= log.has_gap(readable(covered(), session), job.since, settings, now.unix);
        }
        for lane in covered() {
            if !given.is_empty() {
                log.delivered(lane, &given);
            }
            if is_done && job.since == Since::Unread {
                log.gap_told(lane, settings, now.unix);
            }
        }
        job.channel = channel;
        session.channels = joined;
        let job = if is_done {
            Some(job)
        } else {
            session.reader.jobs.push_front(job);
            None
        };
        self.marks_changed(mud);
        job
    }

    /// A replay has ended.
    fn tell_replayed(&mut self, conn: ConnId, job: &Job) {
        // On a channel that nobody heard, lines that are gone are no news for who joins it.
        let is_news = job.replayed > 0 || (job.gap && (job.channel.is_none() || job.since != Since::Unread));
        if !job.asked_for && !is_news {
            return;
        }
        let mut params = Object::default().with("replayed", &job.replayed).with("gap", &job.gap);
        if let Some(channel) = &job.channel {
            params.add("channel", channel);
        }
        params.add("timestamp", &self.now.unix.to_string());
        params.add("event_id", &self.event_ids.next(&mut self.fx));
        self.send_text(conn, &rpc::notification("replay_complete", &params.finish()));
    }
}

/// The lanes of which a session may have anything.
fn readable<'a>(
    lanes: impl Iterator<Item = LaneName<'a>>,
    session: &Session,
) -> impl Iterator<Item = LaneName<'a>> {
    use crate::settings::Permission;
    lanes.filter(|lane| match lane {
        LaneName::Tells => session.may(Some(Permission::Tell)),
        LaneName::Channel(_) => session.may(Some(Permission::Channel)),
        LaneName::Answers => true,
    })
}
