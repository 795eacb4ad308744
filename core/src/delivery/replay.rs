//! Replays the events that a session has missed.

use super::emit::{Delivery, To};
use crate::clients::{Addressed, Personal, Posted, Role, Sees, Session};
use crate::cx::Cx;
use crate::event::Event;
use crate::event::told::ReplayComplete;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::journal::{Job, LaneKey, LaneName, Log, Record, Since, full_name};
use crate::machine::ConnId;
use crate::settings::{EventSettings, Permission};
use crate::time::Now;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The greatest age of channel lines that a mud gets when it is back.
const LATE_LINES_AGE_MAX: Duration = Duration::from_secs(86_400);

/// Bytes queued for a client above which its replay pauses until it has read them.
const REPLAY_PENDING_BYTES_MAX: usize = 65_536;

/// Whether a session may receive events of a lane.
fn is_readable(lane: LaneName<'_>, session: &Session) -> bool {
    match lane {
        LaneName::Tells => session.may(Some(Permission::Tell)),
        LaneName::Channel(_) => session.may(Some(Permission::Channel)),
        LaneName::Answers => true,
    }
}

impl Delivery<'_> {
    /// Prepares the replay for a session that has just been identified. The replay follows the answer, with
    /// [`Delivery::replay`].
    pub(crate) fn start_reading(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        client: Option<&str>,
        last_event_id: Option<u64>,
    ) -> Result<(), Fault> {
        let Some(session) = self.clients.get(conn) else { return Ok(()) };
        let (Some(mud), Some(identity)) = (session.mud(), &session.identity) else { return Ok(()) };
        let name = client.map(|name| full_name(&identity.holder.tag(), name));
        if let Some(name) = &name {
            self.enter(cx, conn, mud, name)?;
        }
        let cursors = match (&name, last_event_id) {
            (Some(name), None) => self.cursors_of(conn, mud, name),
            _ => BTreeMap::new(),
        };
        let last = self.journal.last_id();
        let Some(session) = self.clients.get_mut(conn) else { return Ok(()) };
        // What still waits for the game is not pushed on those who only look.
        if session.role == Role::Observer && name.is_none() && last_event_id.is_none() {
            session.reader.begin_without_replay();
        } else {
            session.reader.begin(name.as_deref(), last_event_id, cursors, last);
        }
        self.clients.changed(conn);
        Ok(())
    }

    /// Adds a named client, and the channels that its session has joined, to those that have cursors.
    fn enter(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, name: &str) -> Result<(), Fault> {
        let others = self.clients.of_mud(mud).filter(|(other, _)| *other != conn);
        let here = others.filter_map(|(_, one)| one.reader.client());
        let elsewhere =
            self.clients.elsewhere.of_mud(mud).filter_map(|remote| remote.saved.reader.as_deref());
        let present: BTreeSet<String> = here.chain(elsewhere).map(str::to_owned).collect();
        let session = self.clients.get(conn);
        let joined: Vec<String> =
            session.map(|session| session.channels.keys().cloned().collect()).unwrap_or_default();
        // The session may have received events before it gave its name. If it breaks off, its client gets them again.
        let early =
            session.and_then(|session| session.reader.first_early()).map_or(u64::MAX, |first| first - 1);
        let journal = &*self.journal;
        let is_person = session.is_some_and(|session| session.person.is_some());
        let starts = |lane: LaneName<'_>| match lane {
            // Nobody has missed what was said before the first visit.
            LaneName::Channel(_) if is_person => journal.last_id(),
            _ => journal.start(mud, lane).min(early),
        };
        let start_of: Vec<u64> = joined.iter().map(|channel| starts(LaneName::Channel(channel))).collect();
        let (tells, answers) = (starts(LaneName::Tells), starts(LaneName::Answers));
        let cursors = self.journal.cursors_mut(mud);
        let start = |lane: LaneName<'_>| if lane == LaneName::Tells { tells } else { answers };
        let Some(mut changes) = cursors.enter(name, &present, start, cx.steady) else {
            return Err(Fault::params("too many clients of this key have a name; give one of theirs"));
        };
        for (channel, start) in joined.iter().zip(start_of) {
            changes.extend(cursors.joined(name, channel, start));
        }
        cx.save(changes);
        Ok(())
    }

    /// Returns the cursors of a named client in the lanes that its session hears.
    fn cursors_of(&self, conn: ConnId, mud: MudId, name: &str) -> BTreeMap<LaneKey, u64> {
        let lanes = self.clients.get(conn).map(heard).unwrap_or_default();
        let cursors = self.journal.cursors(mud);
        let known = |lane: LaneKey| cursors.cursor(name, lane.name()).map(|cursor| (lane, cursor));
        lanes.into_iter().filter_map(known).collect()
    }

    /// Sets the role of a session, from `authenticate`. A new session that names no role is the game.
    pub(crate) fn take_role(&mut self, conn: ConnId, wanted: Option<Role>) {
        let Some(session) = self.clients.get_mut(conn) else { return };
        let is_new = !session.greeted && !session.reader.has_begun();
        let role = wanted.unwrap_or(if is_new { Role::Game } else { session.role });
        if std::mem::replace(&mut session.role, role) != role {
            self.clients.changed(conn);
        }
    }

    /// Lets a session that needed no key speak for the game, once it has sent its first request.
    pub(crate) fn has_spoken(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let session = self.clients.get(conn).filter(|session| !session.reader.has_begun());
        if session.is_some_and(|session| session.identity.is_some() && !session.greeted) {
            self.begin_reading(cx, conn, Role::Game);
        }
    }

    /// Starts the replay for a session that did not need to authenticate.
    pub(crate) fn begin_reading(&mut self, cx: &mut Cx<'_>, conn: ConnId, role: Role) {
        if let Some(session) = self.clients.get_mut(conn) {
            session.role = role;
        }
        self.clients.changed(conn);
        // Only a client name can be refused, and there is none here.
        let begun = self.start_reading(cx, conn, None, None);
        debug_assert!(begun.is_ok());
        self.replay(cx, conn);
    }

    /// Prepares another replay at the request of a session. Returns where it starts.
    pub(crate) fn read_again(&mut self, conn: ConnId, last_event_id: Option<u64>) -> Option<u64> {
        let last = self.journal.last_id();
        let session = self.clients.get(conn)?;
        let start = last_event_id.or(session.reader.start());
        let cursors = match (session.reader.client(), start) {
            (Some(name), None) => self.cursors_of(conn, session.mud()?, name),
            _ => BTreeMap::new(),
        };
        let first = cursors.values().min().copied();
        self.clients.get_mut(conn)?.reader.again(start, cursors, last);
        start.or(first)
    }

    /// Delivers the lines of a channel that a mud has missed, at most as many as its settings say. The channel is one that it
    /// has joined now, and listened to before it went away.
    fn mud_joined(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, channel: &str) {
        let (last, lane) = (self.journal.last_id(), LaneName::Channel(channel));
        let most = cx.settings.mud(mud).i3.as_ref().map_or(0, |set| set.late_lines);
        let Some(session) = self.clients.get_mut(conn) else { return };
        let Some(name) = session.reader.client().map(str::to_owned) else { return };
        let is_first = session.reader.joins(channel, last);
        let had = self.journal.cursors(mud).cursor(&name, lane).filter(|_| is_first);
        let change = self.journal.cursors_mut(mud).joined(&name, channel, last);
        cx.save(change);
        let Some(after) = had.filter(|_| most > 0) else { return };
        let log = self.journal.log(mud);
        let is_missed =
            |record: &&Record| record.id > after && !record.is_older(cx.steady, LATE_LINES_AGE_MAX);
        let missed = log.history(lane, &cx.settings.api.events, cx.steady).rev().filter(is_missed);
        let missed: Vec<&Record> = missed.take(most).collect();
        for record in missed.into_iter().rev() {
            let (kind, members, id, at) = (record.kind, &record.members, record.id, record.at);
            let personal = Personal::default();
            let posted = Posted { kind, members, id, at, stamp: None, is_replay: true, personal };
            if let Some(bytes) = session.event(&posted, cx.now.unix) {
                cx.metrics.events_replayed += 1;
                cx.fx.send_shared(conn, bytes);
            }
            session.note_queued(&lane.key(), id, None);
        }
    }

    /// Prepares the replay of a channel that a session has joined.
    pub(crate) fn channel_joined(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, channel: &str) {
        if self.clients.get(conn).is_some_and(|session| session.mud_client.is_some()) {
            return self.mud_joined(cx, conn, mud, channel);
        }
        let last = self.journal.last_id();
        let lane = LaneName::Channel(channel);
        let is_person = self.clients.get(conn).is_some_and(|session| session.person.is_some());
        let start = if is_person { last } else { self.journal.start(mud, lane) };
        let gap = self.journal.log(mud).has_gap(
            [(lane, Since::Unread)].into_iter(),
            &cx.settings.api.events,
            cx.steady,
        );
        let Some(session) = self.clients.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        let cursors = self.journal.cursors_mut(mud);
        let name = session.reader.client();
        let change = name.and_then(|name| cursors.joined(name, channel, start));
        let (is_new, cursor) = (change.is_some(), name.and_then(|name| cursors.cursor(name, lane)));
        if session.person.as_ref().is_some_and(|person| person.fetches_history) {
            return cx.save(change).map_or((), drop);
        }
        let observes = session.role == Role::Observer && name.is_none() && session.reader.start().is_none();
        if !observes {
            session.reader.joined(channel, cursor, last, is_new && gap && !is_person);
        }
        cx.save(change);
    }

    /// Handles a session that has left a channel.
    pub(crate) fn channel_left(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, channel: &str) {
        let last = self.journal.last_id();
        let Some(session) = self.clients.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        session.reader.left(channel, last);
        let cursors = self.journal.cursors_mut(mud);
        let change = session.reader.client().and_then(|client| cursors.left(client, channel));
        cx.save(change);
    }

    /// Replays events to a session as far as its connection has room.
    pub(crate) fn replay(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        while let Some(job) = self.next_job(cx, conn) {
            if job.is_reported() {
                let (replayed, gap, channel) = (job.replayed, job.gap, job.channel.as_deref());
                self.emit(
                    cx,
                    To::Session(conn),
                    &Event::ReplayComplete(ReplayComplete { replayed, gap, channel }),
                );
            }
        }
    }

    /// Works on the first job. Returns it when it is done.
    fn next_job(&mut self, cx: &mut Cx<'_>, conn: ConnId) -> Option<Job> {
        let session = self.clients.get_mut(conn).filter(|session| !session.leaving)?;
        let mut job = session.reader.take_job()?;
        let mud = session.mud_of_key()?;
        let log = self.journal.log_mut(mud);
        let is_done = work_at(cx, conn, session, log, &mut job);
        self.journal.marks_changed(cx, mud);
        if is_done {
            if let Some(session) = self.clients.get_mut(conn) {
                session.reader.completed(&job);
            }
            return Some(job);
        }
        if let Some(session) = self.clients.get_mut(conn) {
            session.reader.put_job(job);
        }
        None
    }
}

/// Replays the records of a job as far as the connection has room. Returns whether all were sent.
fn work_at(cx: &mut Cx<'_>, conn: ConnId, session: &mut Session, log: &mut Log, job: &mut Job) -> bool {
    let settings = &settings_for(cx, session);
    let whole = job.channel.is_none();
    // A channel that the session has joined in the meantime has a replay of its own.
    let has_own = |channel: &str| whole && session.reader.has_job_of(channel);
    let joined: Vec<String> = session.channels.keys().filter(|channel| !has_own(channel)).cloned().collect();
    let lanes: Vec<LaneKey> = job.lanes(joined.iter().map(String::as_str)).map(LaneName::key).collect();
    let starts: Vec<(LaneKey, Since)> =
        lanes.into_iter().map(|lane| (lane.clone(), job.since_in(lane.name()))).collect();
    let start_of = |name: LaneName<'_>| starts.iter().find(|(lane, _)| lane.name() == name);

    let mut given = 0;
    let mut is_done = true;
    let names = starts.iter().map(|(lane, _)| lane.name());
    for (name, record) in log.replayable(names, job.position, settings, cx.steady) {
        let Some((lane, since)) = start_of(name) else { continue };
        let is_wanted = match since {
            Since::Id(start) => record.id > *start,
            Since::Unread => !record.delivered || record.id > job.began_at,
        };
        let may_have = session.may(record.kind.permission) && (session.hears_echo || !record.is_echo);
        let is_asked_for = job.since != Since::Unread;
        if is_wanted && may_have && (is_asked_for || !session.reader.has(name, record.id)) {
            if cx.fx.pending_bytes(conn) > REPLAY_PENDING_BYTES_MAX {
                is_done = false;
                break;
            }
            let (kind, members, id, at) = (record.kind, &record.members, record.id, record.at);
            let personal = Personal::default();
            let posted = Posted { kind, members, id, at, stamp: None, is_replay: true, personal };
            let bytes = seen(session, &posted, cx.now);
            // What is for another user of the same mud is left for that user.
            if bytes.is_some() || session.person.is_none() {
                session.note_queued(lane, id, None);
            }
            if let Some(bytes) = bytes {
                cx.fx.send_shared(conn, bytes);
                given += 1;
            }
        }
        job.position = record.id;
    }
    cx.metrics.events_replayed += given;
    job.replayed += given;
    if is_done {
        let readable = starts.iter().map(|(lane, since)| (lane.name(), *since));
        let readable = readable.filter(|(lane, _)| is_readable(*lane, session));
        job.gap |= log.has_gap(readable, settings, cx.steady);
        for (lane, since) in starts.iter().filter(|_| session.is_game()) {
            if *since == Since::Unread && is_readable(lane.name(), session) {
                log.gap_told(lane.name(), settings, cx.steady);
            }
        }
    }
    is_done
}

/// Returns which events are replayed. A session of one person is replayed all lines of the history after its cursor: its user
/// reads them, however old they are.
fn settings_for(cx: &Cx<'_>, session: &Session) -> EventSettings {
    let mut settings = cx.settings.api.events.clone();
    if session.person.is_some() && settings.history_max > 0 {
        settings.keep_channels = settings.keep_channels.max(settings.history_age);
    }
    settings
}

/// Encodes a replayed event. Returns `None` for one that is not for the session's user.
fn seen(session: &mut Session, posted: &Posted<'_>, now: Now) -> Option<Bytes> {
    let Some(person) = &mut session.person else { return session.event(posted, now.unix) };
    let addressed = Addressed::of(posted);
    if !person.is_concerned(&addressed) {
        return None;
    }
    match person.sees(posted, &addressed, now.mono) {
        Sees::Nothing => None,
        Sees::Shared => session.event(posted, now.unix),
        Sees::Alone(alone) => session.event(&Posted { personal: alone.personal(), ..*posted }, now.unix),
    }
}

/// Returns the lanes that a session subscribes to.
pub(super) fn heard(session: &Session) -> Vec<LaneKey> {
    let tells = session.may(Some(Permission::Tell)).then_some(LaneKey::Tells);
    let joined = session.channels.keys().filter(|_| session.may(Some(Permission::Channel)));
    let channels = joined.map(|channel| LaneName::Channel(channel).key());
    tells.into_iter().chain([LaneKey::Answers]).chain(channels).collect()
}
