//! `CHATHISTORY`: the history of channels, and of the tells of a user.

use super::caps::Caps;
use super::encoder::{Tags, lines};
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, host_of, nick_of, shown_channel};
use super::open::{Open, Then};
use super::out::{Out, server_time};
use super::points::{Point, Wish};
use super::requests::text_of;
use crate::clients::{Personal, Posted, Session};
use crate::event::Class;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::journal::{LaneName, Record};
use crate::machine::ConnId;
use crate::query::{Lanes, Query, Row};
use crate::saved;
use crate::service::past::{self, Wants};
use crate::service::{Parts, admission};
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::{Asker, Reply};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Messages in one answer.
pub(super) const LINES_MAX: usize = 100;

/// Targets in one answer.
const TARGETS_MAX: usize = 100;

/// The work of looking at one record, in bytes.
const RECORD_WORK: usize = 32;

/// Between whom a tell is.
#[derive(Deserialize)]
struct Ends<'a> {
    #[serde(borrow)]
    from_mud: Cow<'a, str>,
    #[serde(borrow)]
    from_user: Cow<'a, str>,
    #[serde(borrow)]
    to_user: Option<Cow<'a, str>>,
}

/// The history with a channel or a user.
struct Found<'p> {
    /// The records in memory, oldest first.
    all: Vec<&'p Record>,
    /// After this event none is missing there.
    whole_after: u64,
    /// The target as it is shown.
    shown: String,
    /// What to ask the store for, if it has more.
    beyond: Option<Query>,
}

/// Returns the question for all lines of a mud, if the store has them.
fn base(parts: &Parts<'_>, mud: MudId) -> Option<Query> {
    let settings = parts.cx.settings;
    settings.keeps_lines().then(|| Query {
        mud: settings.mud(mud).name.clone(),
        born_after: parts.cx.steady.before(settings.api.events.history_age).micros(),
        ..Query::default()
    })
}

/// Why a request is refused: the code and the text of a standard reply.
type Refused = (&'static str, String);

impl IrcDoor {
    /// `CHATHISTORY`.
    pub(super) fn chathistory(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let sub = message.param(0).unwrap_or_default().to_ascii_uppercase();
        let points = match sub.as_str() {
            "LATEST" | "BEFORE" | "AFTER" | "AROUND" => 1,
            "BETWEEN" | "TARGETS" => 2,
            _ => {
                let shown = if sub.is_empty() { "*" } else { &sub };
                return out.fail("CHATHISTORY", "INVALID_PARAMS", &[shown], "Unknown subcommand");
            }
        };
        let with_target = usize::from(sub != "TARGETS");
        if message.params.len() < 2 + with_target + points {
            return out.fail("CHATHISTORY", "NEED_MORE_PARAMS", &[&sub], "Missing parameters");
        }
        let read = |at: usize| {
            let text = &message.params[1 + with_target + at];
            if sub == "LATEST" && text == "*" { Ok(None) } else { Point::read(text).map(Some).ok_or(text) }
        };
        let read: Result<Vec<Option<Point>>, &String> = (0..points).map(read).collect();
        let limit = message.params[1 + with_target + points].parse::<usize>().ok().filter(|limit| *limit > 0);
        let (points, limit) = match (read, limit) {
            (Ok(points), Some(limit)) => (points, limit),
            (Err(point), _) => {
                return out.fail(
                    "CHATHISTORY",
                    "INVALID_PARAMS",
                    &[&sub, point],
                    "Invalid msgid or timestamp",
                );
            }
            (_, None) => return out.fail("CHATHISTORY", "INVALID_PARAMS", &[&sub], "Invalid limit"),
        };
        let method = self.methods.get("channel_history").copied();
        if let Err(fault) = admission::admit(parts, conn, method) {
            return out.fail("CHATHISTORY", "MESSAGE_ERROR", &[&sub], &text_of(&fault));
        }
        if sub == "TARGETS" {
            return self.history_targets(parts, conn, &points, limit.min(TARGETS_MAX), out);
        }
        let target = message.params[1].clone();
        let wish = Wish { sub, points, limit: limit.min(LINES_MAX) };
        let found = match IrcDoor::records(parts, conn, &target) {
            Ok(found) => found,
            Err((code, text)) => return out.fail("CHATHISTORY", code, &[&wish.sub, &target], &text),
        };
        self.spent += found.all.len() * RECORD_WORK;
        let Some(base) = found.beyond.filter(|_| !wish.is_met_by(&found.all, found.whole_after)) else {
            return self.history_lines(parts, conn, &wish.select(&found.all), &found.shown, out);
        };
        let (mine, then) =
            (past::rows(found.all.iter().rev().copied()), Then::History { wish, target: found.shown });
        self.ask_store(parts, conn, (base, mine), (then, label), out);
    }

    /// Asks the store for what memory does not have.
    fn ask_store(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        (base, mine): (Query, Vec<Row>),
        (then, label): (Then, Option<&str>),
        out: &mut Out,
    ) {
        let Then::History { wish, target } = &then else { return };
        let asker = Asker { conn, ticket: parts.waiting.next_ticket(), method: "channel_history" };
        let questions = (wish.questions(&base), Wants::Rows);
        match past::ask((&mut parts.cx, parts.waiting, parts.past), asker, questions, mine) {
            Ok(()) => {
                out.is_deferred = true;
                self.open.insert(asker.ticket, Open { conn, label: label.map(str::to_owned), then });
            }
            Err(fault) => out.fail("CHATHISTORY", "MESSAGE_ERROR", &[&wish.sub, target], &text_of(&fault)),
        }
    }

    /// Writes what memory and the store have.
    pub(super) fn history_found(
        &self,
        parts: &Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        (wish, target): (&Wish, &str),
        outcome: Result<Reply, Fault>,
    ) {
        match outcome {
            Ok(Reply::Rows(rows)) => {
                let records: Vec<Record> = rows.iter().filter_map(Record::of_row).collect();
                let all: Vec<&Record> = records.iter().collect();
                self.history_lines(parts, conn, &wish.select(&all), target, out);
            }
            Ok(_) => self.history_lines(parts, conn, &[], target, out),
            Err(fault) => out.fail("CHATHISTORY", "MESSAGE_ERROR", &[&wish.sub, target], &text_of(&fault)),
        }
    }

    /// Returns the history with a channel or a user.
    fn records<'p>(parts: &'p Parts<'_>, conn: ConnId, target: &str) -> Result<Found<'p>, Refused> {
        let gone = || ("INVALID_TARGET", "No such target".to_owned());
        let session = parts.clients.get(conn).ok_or_else(gone)?;
        let mud = session.mud_of_key().ok_or_else(gone)?;
        let (log, events) = (parts.journal.log(mud), &parts.cx.settings.api.events);
        if let Some(channel) = IrcDoor::channel(parts, conn, target) {
            let is_known = session.channels.contains_key(&channel)
                || parts.muds[mud].lists.channels().get(&channel).is_some()
                || log.channels().any(|known| known == channel);
            if !is_known {
                return Err(("INVALID_TARGET", "No such channel".to_owned()));
            }
            let (lane, shown) = (LaneName::Channel(&channel), shown_channel(&channel));
            let whole_after = log.is_whole_after(lane);
            return Ok(match base(parts, mud) {
                Some(base) => {
                    let all = log.young(lane, events, parts.cx.steady).collect();
                    let beyond = Some(Query { lanes: Lanes::Channel(channel.clone()), ..base });
                    Found { all, whole_after, shown, beyond }
                }
                None => {
                    let all = log.history(lane, events, parts.cx.steady).collect();
                    Found { all, whole_after, shown, beyond: None }
                }
            });
        }
        let (user, of) = IrcDoor::whom(parts, conn, target)
            .ok_or_else(|| ("INVALID_TARGET", "No such channel or user".to_owned()))?;
        let all = tells(parts, session).into_iter().filter(|(_, ends)| {
            ends.from_user.eq_ignore_ascii_case(&user) && ends.from_mud.eq_ignore_ascii_case(&of)
        });
        let all = all.map(|(record, _)| record).collect();
        let may_read = session.may(Some(Permission::Tell)) && events.history_holds_tells;
        let beyond = session.person.as_ref().filter(|_| may_read).and_then(|person| {
            Some(Query {
                lanes: Lanes::Tells,
                from_mud: Some(of),
                from_user: Some(user),
                to_user: Some(person.user.clone()),
                ..base(parts, mud)?
            })
        });
        let (whole_after, shown) = (log.is_whole_after(LaneName::Tells), target.to_owned());
        Ok(Found { all, whole_after, shown, beyond })
    }

    /// Writes messages as a batch.
    fn history_lines(
        &self,
        parts: &Parts<'_>,
        conn: ConnId,
        records: &[&Record],
        target: &str,
        out: &mut Out,
    ) {
        let caps = self.conns.get(conn).map(|one| one.caps).unwrap_or_default();
        let reads =
            parts.clients.get(conn).map(|session| session.reads).unwrap_or(crate::colour::TextStyle::Raw);
        let (tags, id) = (Tags::of(caps), format!("h{}", self.batches));
        let batched = |tags: String| match (caps.has(Caps::BATCH), tags.is_empty()) {
            (false, _) => tags,
            (true, true) => format!("batch={id}"),
            (true, false) => format!("batch={id};{tags}"),
        };
        if caps.has(Caps::BATCH) {
            out.line(format!(":{SERVER} BATCH +{id} chathistory {target}"));
        }
        for record in records {
            let Record { kind, members, id, at, .. } = record;
            let personal = Personal::default();
            let posted = Posted { kind, members, id: *id, at: *at, stamp: None, is_replay: true, personal };
            let stamp = (!tags.time).then_some(*at);
            for (line_at, line) in lines(&posted, reads, stamp).into_iter().enumerate() {
                out.tagged(batched(tags.write(*at, (line_at == 0).then_some(*id), None)), &line);
            }
        }
        if caps.has(Caps::BATCH) {
            out.line(format!(":{SERVER} BATCH -{id}"));
            out.is_one_batch();
        }
    }

    /// Writes with whom there were messages between two times, and when the last was.
    fn history_targets(
        &mut self,
        parts: &Parts<'_>,
        conn: ConnId,
        points: &[Option<Point>],
        limit: usize,
        out: &mut Out,
    ) {
        let Some(session) = parts.clients.get(conn) else { return };
        let Some(mud) = session.mud_of_key() else { return };
        let (log, events) = (parts.journal.log(mud), &parts.cx.settings.api.events);
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for channel in session.channels.keys() {
            let newest = log.history(LaneName::Channel(channel), events, parts.cx.steady).next_back();
            last.extend(newest.map(|record| (shown_channel(channel), record.at.micros() / 1000)));
        }
        for (record, ends) in tells(parts, session) {
            let target = format!("{}@{}", nick_of(&ends.from_user), host_of(&ends.from_mud));
            last.insert(target, record.at.micros() / 1000);
        }
        let millis = |at: usize| match points.get(at).copied().flatten() {
            Some(Point::Millis(millis)) => Some(millis),
            _ => None,
        };
        let (Some(one), Some(other)) = (millis(0), millis(1)) else {
            return out.fail("CHATHISTORY", "INVALID_PARAMS", &["TARGETS"], "TARGETS takes two timestamps");
        };
        let (from, to) = (one.min(other), one.max(other));
        let mut found: Vec<(String, u64)> =
            last.into_iter().filter(|(_, at)| *at > from && *at < to).collect();
        found.sort_by_key(|(_, at)| *at);
        let caps = self.conns.get(conn).map(|one| one.caps).unwrap_or_default();
        let id = format!("h{}", self.batches);
        if caps.has(Caps::BATCH) {
            out.line(format!(":{SERVER} BATCH +{id} draft/chathistory-targets"));
        }
        for (target, at) in found.into_iter().take(limit) {
            let at = server_time(UnixTime::from_micros(at * 1000));
            let tags = if caps.has(Caps::BATCH) { format!("batch={id}") } else { String::new() };
            out.tagged(tags, &format!(":{SERVER} CHATHISTORY TARGETS {target} {at}"));
        }
        if caps.has(Caps::BATCH) {
            out.line(format!(":{SERVER} BATCH -{id}"));
            out.is_one_batch();
        }
    }
}

/// Returns the tells to the session's user that are still there, oldest first.
fn tells<'p>(parts: &'p Parts<'_>, session: &Session) -> Vec<(&'p Record, Ends<'p>)> {
    let (Some(mud), Some(person)) = (session.mud(), &session.person) else { return Vec::new() };
    if !session.may(Some(Permission::Tell)) {
        return Vec::new();
    }
    let (log, events) = (parts.journal.log(mud), &parts.cx.settings.api.events);
    let mut all: Vec<&Record> = if events.history_holds_tells && parts.cx.settings.keeps_lines() {
        log.young(LaneName::Tells, events, parts.cx.steady).collect()
    } else if events.history_holds_tells {
        log.history(LaneName::Tells, events, parts.cx.steady).collect()
    } else {
        let kept = log.replayable([LaneName::Tells].into_iter(), 0, events, parts.cx.steady);
        kept.into_iter().map(|(_, record)| record).collect()
    };
    all.retain(|record| record.kind.kept == Some(Class::Tells));
    let mine = all.into_iter().filter_map(|record| Some((record, saved::read::<Ends<'_>>(&record.members)?)));
    mine.filter(|(_, ends)| ends.to_user.as_deref().is_some_and(|to| person.is(to))).collect()
}
