//! Replays the events that a session has missed.

use super::emit::{Delivery, To};
use crate::clients::{Identified, Posted, Session};
use crate::cx::Cx;
use crate::event::Event;
use crate::event::told::ReplayComplete;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::journal::{Job, LaneName, Log, Since};
use crate::machine::ConnId;
use crate::settings::Permission;
use std::collections::BTreeSet;

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
        let Some(mud) = self.clients.get(conn).and_then(Session::mud) else { return Ok(()) };
        let last = self.journal.last_id();
        let mut start = last_event_id;
        if let Some(name) = client {
            let others = self.clients.of_mud(mud).filter(|(other, _)| *other != conn);
            let present: BTreeSet<String> =
                others.filter_map(|(_, one)| one.reader.client().map(str::to_owned)).collect();
            let cursors = self.journal.cursors_mut(mud);
            start = start.or(cursors.cursor(name));
            let Some(changes) = cursors.enter(name, &present, last, cx.now.unix) else {
                return Err(Fault::params("too many clients of this mud have a name; give one of theirs"));
            };
            cx.save(changes);
        }
        if let Some(session) = self.clients.get_mut(conn) {
            session.reader.begin(client, start, last);
        }
        Ok(())
    }

    /// Starts the replay for a session that did not need to authenticate.
    pub(crate) fn begin_reading(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        // Only a client name can be refused, and there is none here.
        let begun = self.start_reading(cx, conn, None, None);
        debug_assert!(begun.is_ok());
        self.replay(cx, conn);
    }

    /// Prepares another replay at the request of a session. Returns where it starts.
    pub(crate) fn read_again(&mut self, conn: ConnId, last_event_id: Option<u64>) -> Option<u64> {
        let last = self.journal.last_id();
        self.clients.get_mut(conn)?.reader.again(last_event_id, last)
    }

    /// Prepares the replay of a channel that a session has joined.
    pub(crate) fn channel_joined(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, channel: &str) {
        let last = self.journal.last_id();
        let Some(session) = self.clients.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        let cursors = self.journal.cursors_mut(mud);
        let knows_it = session.reader.client().is_none_or(|client| cursors.heard(client, channel));
        session.reader.joined(channel, knows_it, last);
        let change = session.reader.client().and_then(|client| cursors.hears(client, channel, true));
        cx.save(change);
    }

    /// Handles a session that has left a channel.
    pub(crate) fn channel_left(&mut self, cx: &mut Cx<'_>, conn: ConnId, mud: MudId, channel: &str) {
        let last = self.journal.last_id();
        let Some(session) = self.clients.get_mut(conn).filter(|session| session.is_of(mud)) else { return };
        session.reader.left(channel, last);
        let cursors = self.journal.cursors_mut(mud);
        let change = session.reader.client().and_then(|client| cursors.hears(client, channel, false));
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
    let settings = &cx.settings.api.events;
    let whole = job.channel.is_none();
    // A channel that the session has joined in the meantime has a replay of its own.
    let has_own = |channel: &str| whole && session.reader.has_job_of(channel);
    let joined: Vec<String> = session.channels.keys().filter(|channel| !has_own(channel)).cloned().collect();
    let channel = job.channel.clone();
    let lanes_of = Job { channel, ..*job };
    let lanes: Vec<LaneName<'_>> = lanes_of.lanes(joined.iter().map(String::as_str)).collect();
    let covered = || lanes.iter().copied();

    let mut given = Vec::new();
    let mut is_done = true;
    for record in log.replayable(covered(), job.position, settings, cx.now.unix) {
        let is_wanted = matches!(job.since, Since::Id(_)) || !record.delivered || record.id > job.began_at;
        let may_have = session.may(record.kind.permission) && (session.hears_echo || !record.is_echo);
        if is_wanted && may_have {
            if cx.fx.pending_bytes(conn) > REPLAY_PENDING_BYTES_MAX {
                is_done = false;
                break;
            }
            let (kind, members, id, at) = (record.kind, &record.members, record.id, record.at);
            let bytes = session.event(&Posted { kind, members, id, at, is_replay: true });
            cx.fx.send_shared(conn, bytes);
            session.reader.queued(id);
            given.push(id);
        }
        job.position = record.id;
    }
    cx.metrics.events_replayed += given.len() as u64;
    job.replayed += given.len() as u64;
    if is_done {
        let readable = covered().filter(|lane| is_readable(*lane, session));
        job.gap |= log.has_gap(readable, job.since, settings, cx.now.unix);
    }
    for lane in covered() {
        if !given.is_empty() {
            log.delivered(lane, &given);
        }
        if is_done && job.since == Since::Unread {
            log.gap_told(lane, settings, cx.now.unix);
        }
    }
    is_done
}

/// Whether any session but one may receive events that need this permission, and so has received them.
pub(super) fn is_had_by_others<'a>(
    sessions: impl Iterator<Item = (ConnId, &'a Session)>,
    but: ConnId,
    permission: Permission,
) -> bool {
    let mut others = sessions.filter(|(conn, _)| *conn != but);
    others.any(|(_, session)| session.may(Some(permission)))
}

/// Returns the identity of a reader's session, if its mud has a router link here.
pub(super) fn speaker(session: &Session) -> Option<&Identified> {
    session.identity.as_ref().filter(|identity| identity.may_speak)
}
