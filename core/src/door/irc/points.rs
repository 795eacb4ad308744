//! Which part of the history `CHATHISTORY` asks for.

use crate::journal::Record;
use crate::query::{Order, Query};
use crate::time::UnixTime;
use std::cmp::Ordering;

/// Microseconds of a millisecond. Clients know no finer times.
const MILLI: u64 = 1000;

/// A point in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// A message.
    Id(u64),
    /// A time in milliseconds.
    Millis(u64),
}

impl Point {
    pub(super) fn read(text: &str) -> Option<Point> {
        match text.split_once('=')? {
            ("msgid", id) => id.parse().ok().map(Point::Id),
            ("timestamp", time) => UnixTime::parse(time).map(|at| Point::Millis(at.micros() / MILLI)),
            _ => None,
        }
    }

    /// Returns where a record is from here.
    fn order(self, record: &Record) -> Ordering {
        match self {
            Point::Id(id) => record.id.cmp(&id),
            Point::Millis(millis) => (record.at.micros() / MILLI).cmp(&millis),
        }
    }

    /// Limits a question to what is before this point.
    fn ends(self, query: &mut Query) {
        match self {
            Point::Id(id) => query.before = Some(id),
            Point::Millis(millis) => query.until = Some(millis.saturating_mul(MILLI)),
        }
    }

    /// Limits a question to what is after this point, or to this point and what is after it.
    fn begins(self, query: &mut Query, with_it: bool) {
        let more = u64::from(!with_it);
        match self {
            Point::Id(id) => query.after = (id + more).checked_sub(1),
            Point::Millis(millis) => query.since = Some(millis.saturating_add(more).saturating_mul(MILLI)),
        }
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// The subcommand.
    pub(super) sub: String,
    pub(super) points: Vec<Option<Point>>,
    /// The most messages.
    pub(super) limit: usize,
}

impl Wish {
    fn first_and_second(&self) -> (Option<Point>, Option<Point>) {
        let at = |at: usize| self.points.get(at).copied().flatten();
        (at(0), at(1))
    }

    /// Selects records, which come oldest first.
    pub(super) fn select<'r>(&self, all: &[&'r Record]) -> Vec<&'r Record> {
        let limit = self.limit;
        let last_of = |records: Vec<&'r Record>| records[records.len().saturating_sub(limit)..].to_vec();
        let with = |wanted: &dyn Fn(&Record) -> bool| -> Vec<&'r Record> {
            all.iter().copied().filter(|record| wanted(record)).collect()
        };
        let (first, second) = self.first_and_second();
        match (self.sub.as_str(), first, second) {
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

    /// Whether the records of memory, oldest first, have all that is asked for. After `whole_after` none is missing there.
    pub(super) fn is_met_by(&self, all: &[&Record], whole_after: u64) -> bool {
        let (first, second) = self.first_and_second();
        // Whether memory has all that comes after a point.
        let covers = |point: Option<Point>| match point {
            None => false,
            Some(Point::Id(id)) => id >= whole_after,
            Some(point) => all.iter().any(|record| record.id > whole_after && point.order(record).is_le()),
        };
        let chosen = self.select(all);
        let oldest = chosen.first().filter(|oldest| chosen.len() == self.limit && oldest.id > whole_after);
        match self.sub.as_str() {
            "BEFORE" => oldest.is_some(),
            "AFTER" => covers(first),
            // If there were older records, the middle could be elsewhere.
            "AROUND" => oldest.is_some_and(|oldest| all.first().is_some_and(|first| first.id < oldest.id)),
            "BETWEEN" => covers(first) && covers(second),
            _ => oldest.is_some() || covers(first),
        }
    }

    /// Returns the questions whose answers, together with the records of memory, have all that is asked for. `base` says
    /// whose lines they are.
    pub(super) fn questions(&self, base: &Query) -> Vec<Query> {
        let question = |order: Order, after: Option<Point>, before: Option<Point>| {
            let mut query = Query { order, limit: self.limit, ..base.clone() };
            if let Some(point) = after {
                point.begins(&mut query, false);
            }
            if let Some(point) = before {
                point.ends(&mut query);
            }
            query
        };
        let (first, second) = self.first_and_second();
        match (self.sub.as_str(), first) {
            ("BEFORE", before) => vec![question(Order::Newest, None, before)],
            ("AFTER", after) => vec![question(Order::Oldest, after, None)],
            ("AROUND", Some(point)) => {
                let mut from_there = question(Order::Oldest, None, None);
                point.begins(&mut from_there, true);
                vec![question(Order::Newest, None, first), from_there]
            }
            ("BETWEEN", _) => {
                vec![question(Order::Oldest, first, second), question(Order::Newest, second, first)]
            }
            (_, after) => vec![question(Order::Newest, after, None)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::query::Lanes;
    use crate::time::Steady;

    fn records(ids: impl IntoIterator<Item = u64>) -> Vec<Record> {
        let kind = event::find("channel_message").unwrap();
        let record = |id: u64| {
            let at = UnixTime::from_micros(id * 1_000_000 + 500);
            let members = br#"{"channel":"chat","from_mud":"M","from_user":"u","message":"x","visname":"U"}"#;
            Record::new(id, (at, Steady::from_micros(id)), kind, members[..].into())
        };
        ids.into_iter().map(record).collect()
    }

    fn wish(sub: &str, points: &[Option<Point>], limit: usize) -> Wish {
        Wish { sub: sub.to_owned(), points: points.to_vec(), limit }
    }

    fn id(id: u64) -> Option<Point> {
        Some(Point::Id(id))
    }

    #[test]
    fn a_part_of_the_history_is_selected() {
        let records = records(1..=9);
        let all: Vec<&Record> = records.iter().collect();
        let ids = |sub: &str, points: &[Option<Point>], limit: usize| -> Vec<u64> {
            wish(sub, points, limit).select(&all).iter().map(|record| record.id).collect()
        };
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

    /// What is selected from memory, with what the store adds where it is asked, is what would be selected from all.
    #[test]
    fn memory_and_store_together_give_what_all_lines_would_give() {
        let every = records(1..=60);
        let all: Vec<&Record> = every.iter().collect();
        let rows: Vec<_> = every.iter().map(Record::row).collect();
        let mut asked = 0;
        #[expect(clippy::reversed_empty_ranges, reason = "nothing is in memory")]
        for (whole_after, in_memory) in [(50, 51..=60), (40, 33..=60), (60, 61..=60)] {
            let memory = records(in_memory);
            let memory: Vec<&Record> = memory.iter().collect();
            for sub in ["LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"] {
                for (one, other) in [(0, 20), (3, 55), (30, 10), (45, 52), (58, 61), (70, 2)] {
                    let times = [Some(Point::Millis(one * 1000)), Some(Point::Millis(other * 1000))];
                    for points in [[id(one), id(other)], times, [None, None]] {
                        let needs_points = sub != "LATEST";
                        if needs_points && points[0].is_none() {
                            continue;
                        }
                        for limit in [1, 4, 11] {
                            let wish = wish(sub, &points, limit);
                            let mut ids: Vec<u64> = memory.iter().map(|record| record.id).collect();
                            if !wish.is_met_by(&memory, whole_after) {
                                asked += 1;
                                let base =
                                    Query { lanes: Lanes::Channel("chat".to_owned()), ..Query::default() };
                                for query in wish.questions(&base) {
                                    let mut lines: Vec<_> =
                                        rows.iter().map(|row| (row.id, &row.value[..])).collect();
                                    if query.order == Order::Newest {
                                        lines.reverse();
                                    }
                                    ids.extend(query.page(lines.into_iter()).rows.iter().map(|row| row.id));
                                }
                            }
                            ids.sort_unstable();
                            ids.dedup();
                            let both = records(ids);
                            let both: Vec<&Record> = both.iter().collect();
                            let ids = |records: Vec<&Record>| -> Vec<u64> {
                                records.iter().map(|record| record.id).collect()
                            };
                            let case = format!("{whole_after} {wish:?}");
                            assert_eq!(ids(wish.select(&both)), ids(wish.select(&all)), "{case}");
                        }
                    }
                }
            }
        }
        assert!(asked > 50, "{asked}");
    }
}
