//! The searches that go on in turns: what is searched for, and how far each has come.

use super::lines::{History, Line, Wanted};
use super::past;
use crate::cx::Cx;
use crate::ids::{MudId, Ticket};
use crate::journal::{LaneKey, LaneName, Log, Record};
use crate::machine::ConnId;
use crate::query::{Lanes, Query, Row, contains};
use crate::waiting::Asker;
use std::collections::{BTreeMap, BinaryHeap};

/// Bytes of kept events that one slice of a search looks at.
const SLICE_BYTES: usize = 131_072;

/// The work of looking at one byte of a kept event, compared with writing one.
const WORK_PER_BYTE: usize = 4;

/// What is searched for, and how far the search has come.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    pub(super) mud: MudId,
    /// In lower case.
    query: String,
    /// The lanes in memory.
    lanes: Vec<LaneKey>,
    /// Those in the store.
    lanes_asked: Lanes,
    from_mud: Option<String>,
    from_user: Option<String>,
    wanted: Wanted,
    /// All records from this one on have been looked at.
    position: u64,
    /// The matches so far, newest first, with their lanes.
    found: Vec<(usize, u64)>,
    is_done: bool,
}

impl Sought {
    /// A search that begins, from the newest record of these lanes on. `sender`: a mud and a user, if it is for theirs
    /// alone.
    pub(super) fn new(
        mud: MudId,
        query: &str,
        (lanes, lanes_asked): (Vec<LaneKey>, Lanes),
        [from_mud, from_user]: [Option<String>; 2],
        wanted: Wanted,
    ) -> Sought {
        let query = query.to_lowercase();
        let (position, found, is_done) = (u64::MAX, Vec::new(), false);
        Sought { mud, query, lanes, lanes_asked, from_mud, from_user, wanted, position, found, is_done }
    }

    fn fits(&self, line: &Line<'_>) -> bool {
        self.from_mud.as_ref().is_none_or(|mud| line.from_mud.eq_ignore_ascii_case(mud))
            && self.from_user.as_ref().is_none_or(|user| line.from_user.eq_ignore_ascii_case(user))
            && [&line.message, &line.visname].iter().any(|text| contains(text, &self.query))
    }

    /// Looks at the next records, from the newest to the oldest, up to the bound of a slice. Returns the work.
    pub(super) fn slice(&mut self, cx: &Cx<'_>, log: &Log) -> usize {
        let (events, position) = (&cx.settings.api.events, self.position);
        let keeps_lines = cx.settings.keeps_lines();
        let lanes = std::mem::take(&mut self.lanes);
        let mut records = Vec::with_capacity(lanes.len());
        for lane in &lanes {
            let newest_first: Box<dyn Iterator<Item = &Record>> = match keeps_lines {
                true => Box::new(log.young(lane.name(), events, cx.steady).rev()),
                false => Box::new(log.history(lane.name(), events, cx.steady).rev()),
            };
            records.push(newest_first.skip_while(move |record| record.id >= position));
        }
        let heads = records.iter_mut().enumerate().filter_map(|(at, lane)| Some(Head::new(at, lane.next()?)));
        let mut heads: BinaryHeap<Head<'_>> = heads.collect();
        let mut bytes = 0;
        self.is_done = loop {
            if self.found.len() >= self.wanted.limit || bytes >= SLICE_BYTES {
                break heads.is_empty();
            }
            let Some(Head { record, lane }) = heads.pop() else { break true };
            heads.extend(records[lane].next().map(|next| Head::new(lane, next)));
            bytes += record.members.len();
            self.position = record.id;
            let is_found =
                self.wanted.holds(record) && Line::read(record).is_some_and(|line| self.fits(&line));
            if is_found {
                self.found.push((lane, record.id));
            }
        };
        drop((heads, records));
        self.lanes = lanes;
        bytes * WORK_PER_BYTE
    }

    /// Whether the search has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.is_done || self.found.len() >= self.wanted.limit
    }

    /// Whether memory has all that the search can find, or enough of it. If not, the store is asked too.
    pub(super) fn is_complete(&self, cx: &Cx<'_>, log: &Log) -> bool {
        let whole_after = match &self.lanes_asked {
            Lanes::Channel(channel) => log.is_whole_after(LaneName::Channel(channel)),
            _ => log.is_all_whole_after(),
        };
        let is_full = || {
            let last = self.wanted.limit.checked_sub(1).and_then(|at| self.found.get(at));
            last.is_some_and(|(_, id)| *id > whole_after)
        };
        !cx.settings.keeps_lines() || self.wanted.is_after(whole_after) || is_full()
    }

    /// Returns the question to the store.
    pub(super) fn question(&self, cx: &Cx<'_>) -> Query {
        Query {
            text: Some(self.query.clone()),
            from_mud: self.from_mud.clone(),
            from_user: self.from_user.clone(),
            ..self.wanted.query(cx, self.mud, self.lanes_asked.clone())
        }
    }

    /// Returns the most messages that are wanted.
    pub(super) fn limit(&self) -> usize {
        self.wanted.limit
    }

    /// Returns what was found, newest first.
    pub(super) fn rows(&self, log: &Log) -> Vec<Row> {
        let record = |(lane, id): &(usize, u64)| log.record(self.lanes[*lane].name(), *id);
        past::rows(self.found.iter().filter_map(record))
    }

    /// Returns the result of a search that is over, and its bytes.
    pub(super) fn answer<'m>(&self, log: &'m Log) -> (History<'m>, usize) {
        let record = |(lane, id): &(usize, u64)| log.record(self.lanes[*lane].name(), *id);
        let lines = self.found.iter().filter_map(record).filter_map(Line::read);
        History::of(lines, !self.is_done)
    }
}

/// The newest record of a lane that was not looked at yet.
struct Head<'m> {
    lane: usize,
    record: &'m Record,
}

impl<'m> Head<'m> {
    fn new(lane: usize, record: &'m Record) -> Head<'m> {
        Head { lane, record }
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.record.id == other.record.id
    }
}

impl Eq for Head<'_> {}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.record.id.cmp(&other.record.id)
    }
}

/// A search that is not over.
#[derive(Debug)]
struct Running {
    asker: Asker,
    sought: Sought,
}

/// The searches that are not over.
#[derive(Debug, Default)]
pub(crate) struct Searches(BTreeMap<Ticket, Running>);

impl Searches {
    /// Adds the search of a request.
    pub(super) fn insert(&mut self, asker: Asker, sought: Sought) {
        self.0.insert(asker.ticket, Running { asker, sought });
    }

    /// Returns the search of a request, to continue it.
    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<(Asker, &mut Sought)> {
        self.0.get_mut(&ticket).map(|running| (running.asker, &mut running.sought))
    }

    /// Whether the search of a request has turns to come.
    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        self.0.contains_key(&ticket)
    }

    /// Removes the search of a request that is not waited for any more.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.0.remove(&ticket);
    }

    /// Removes the searches of a client that has disconnected.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.0.retain(|_, running| running.asker.conn != conn);
    }
}
