//! `CHATHISTORY`: the history of channels, and of the tells of a user.

use super::caps::Caps;
use super::encoder::{Tags, lines};
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, host_of, nick_of, shown_channel};
use super::out::{Out, server_time};
use super::requests::text_of;
use crate::clients::{Personal, Posted, Session};
use crate::event::Class;
use crate::journal::{LaneName, Record};
use crate::machine::ConnId;
use crate::saved;
use crate::service::{Parts, admission};
use crate::settings::Permission;
use crate::time::UnixTime;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Messages in one answer.
pub(super) const LINES_MAX: usize = 100;

/// Targets in one answer.
const TARGETS_MAX: usize = 100;

/// The work of looking at one record, in bytes.
const RECORD_WORK: usize = 32;

/// A point in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// A message.
    Id(u64),
    /// A time in milliseconds: clients know no finer ones.
    Millis(u64),
}

impl Point {
    fn read(text: &str) -> Option<Point> {
        match text.split_once('=')? {
            ("msgid", id) => id.parse().ok().map(Point::Id),
            ("timestamp", time) => UnixTime::parse(time).map(|at| Point::Millis(at.micros() / 1000)),
            _ => None,
        }
    }

    /// Returns where a record is from here.
    fn order(self, record: &Record) -> std::cmp::Ordering {
        match self {
            Point::Id(id) => record.id.cmp(&id),
            Point::Millis(millis) => (record.at.micros() / 1000).cmp(&millis),
        }
    }
}

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

/// Why a request is refused: the code and the text of a standard reply.
type Refused = (&'static str, String);

/// Selects records, as the subcommand says.
fn select<'r>(sub: &str, all: &[&'r Record], points: &[Option<Point>], limit: usize) -> Vec<&'r Record> {
    let first = points.first().copied().flatten();
    let last_of = |records: Vec<&'r Record>| records[records.len().saturating_sub(limit)..].to_vec();
    let with = |wanted: &dyn Fn(&Record) -> bool| -> Vec<&'r Record> {
        all.iter().copied().filter(|record| wanted(record)).collect()
    };
    match (sub, first, points.get(1).copied().flatten()) {
        ("BEFORE", Some(point), _) => last_of(with(&|record| point.order(record).is_lt())),
        ("AFTER", Some(point), _) => {
            with(&|record| point.order(record).is_gt()).into_iter().take(limit).collect()
        }
        ("AROUND", Some(point), _) => {
            let at = all.partition_point(|record| point.order(record).is_lt());
            let from = at.saturating_sub(limit / 2).min(all.len().saturating_sub(limit));
            all[from..].iter().copied().take(limit).collect()
        }
        ("BETWEEN", Some(one), Some(other)) => {
            let is_between = |record: &Record, from: Point, to: Point| {
                from.order(record).is_gt() && to.order(record).is_lt()
            };
            let forward = with(&|record| is_between(record, one, other));
            if forward.is_empty() {
                last_of(with(&|record| is_between(record, other, one)))
            } else {
                forward.into_iter().take(limit).collect()
            }
        }
        (_, Some(point), _) => last_of(with(&|record| point.order(record).is_gt())),
        _ => last_of(all.to_vec()),
    }
}

impl IrcDoor {
    /// `CHATHISTORY`.
    pub(super) fn chathistory(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
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
        let found = IrcDoor::records(parts, conn, &target).map(|(all, shown)| {
            self.spent += all.len() * RECORD_WORK;
            let chosen = select(&sub, &all, &points, limit.min(LINES_MAX));
            self.history_lines(parts, conn, &chosen, &shown, out);
        });
        if let Err((code, text)) = found {
            out.fail("CHATHISTORY", code, &[&sub, &target], &text);
        }
    }

    /// Returns the history with a channel or a user, oldest first, and the target as it is shown.
    fn records<'p>(
        parts: &'p Parts<'_>,
        conn: ConnId,
        target: &str,
    ) -> Result<(Vec<&'p Record>, String), Refused> {
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
            let all = log.history(LaneName::Channel(&channel), events, parts.cx.steady).collect();
            return Ok((all, shown_channel(&channel)));
        }
        let (user, of) = IrcDoor::whom(parts, conn, target)
            .ok_or_else(|| ("INVALID_TARGET", "No such channel or user".to_owned()))?;
        let all = tells(parts, session).into_iter().filter(|(_, ends)| {
            ends.from_user.eq_ignore_ascii_case(&user) && ends.from_mud.eq_ignore_ascii_case(&of)
        });
        Ok((all.map(|(record, _)| record).collect(), target.to_owned()))
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
            let posted = Posted { kind, members, id: *id, at: *at, is_replay: true, personal };
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
    let mut all: Vec<&Record> = if events.history_holds_tells {
        log.history(LaneName::Tells, events, parts.cx.steady).collect()
    } else {
        let kept = log.replayable([LaneName::Tells].into_iter(), 0, events, parts.cx.steady);
        kept.into_iter().map(|(_, record)| record).collect()
    };
    all.retain(|record| record.kind.kept == Some(Class::Tells));
    let mine = all.into_iter().filter_map(|record| Some((record, saved::read::<Ends<'_>>(&record.members)?)));
    mine.filter(|(_, ends)| ends.to_user.as_deref().is_some_and(|to| person.is(to))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::time::Steady;

    #[test]
    fn a_part_of_the_history_is_selected() {
        let kind = event::find("channel_message").unwrap();
        let record = |id: u64| {
            let at = UnixTime::from_micros(id * 1_000_000 + 500);
            Record::new(id, (at, Steady::default()), kind, b"{}"[..].into())
        };
        let records: Vec<Record> = (1..=9).map(record).collect();
        let all: Vec<&Record> = records.iter().collect();
        let ids = |sub: &str, points: &[Option<Point>], limit: usize| -> Vec<u64> {
            select(sub, &all, points, limit).iter().map(|record| record.id).collect()
        };
        let id = |id: u64| Some(Point::Id(id));
        assert_eq!(ids("LATEST", &[None], 2), [8, 9]);
        assert_eq!(ids("LATEST", &[id(7)], 5), [8, 9]);
        assert_eq!(ids("BEFORE", &[id(5)], 2), [3, 4]);
        assert_eq!(ids("AFTER", &[id(5)], 2), [6, 7]);
        assert_eq!(ids("AROUND", &[id(5)], 3), [4, 5, 6]);
        assert_eq!(ids("AROUND", &[id(9)], 4), [6, 7, 8, 9]);
        assert_eq!(ids("BETWEEN", &[id(2), id(6)], 2), [3, 4]);
        assert_eq!(ids("BETWEEN", &[id(6), id(2)], 2), [4, 5]);
        // A client knows a time in milliseconds only.
        let time = Point::read("timestamp=1970-01-01T00:00:05.000Z");
        assert_eq!(ids("AFTER", &[time], 1), [6]);
        assert_eq!(ids("BEFORE", &[time], 1), [4]);
        assert_eq!((Point::read("msgid=7"), Point::read("msgid=x"), Point::read("7")), (id(7), None, None));
    }
}
