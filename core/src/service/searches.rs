//! The searches that go on in turns: what is searched for, and how far each has come.

use super::lines::{History, Line, Wanted};
use crate::cx::Cx;
use crate::ids::{MudId, Ticket};
use crate::journal::{LaneKey, Log, Record};
use crate::machine::ConnId;
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
    lanes: Vec<LaneKey>,
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
        lanes: Vec<LaneKey>,
        [from_mud, from_user]: [Option<String>; 2],
        wanted: Wanted,
    ) -> Sought {
        let query = query.to_lowercase();
        let (position, found, is_done) = (u64::MAX, Vec::new(), false);
        Sought { mud, query, lanes, from_mud, from_user, wanted, position, found, is_done }
    }

    fn fits(&self, line: &Line<'_>) -> bool {
        self.from_mud.as_ref().is_none_or(|mud| line.from_mud.eq_ignore_ascii_case(mud))
            && self.from_user.as_ref().is_none_or(|user| line.from_user.eq_ignore_ascii_case(user))
            && [&line.message, &line.visname].iter().any(|text| holds(text, &self.query))
    }

    /// Looks at the next records, from the newest to the oldest, up to the bound of a slice. Returns the work.
    pub(super) fn slice(&mut self, cx: &Cx<'_>, log: &Log) -> usize {
        let (events, position) = (&cx.settings.api.events, self.position);
        let lanes = std::mem::take(&mut self.lanes);
        let mut records = Vec::with_capacity(lanes.len());
        for lane in &lanes {
            let newest_first = log.history(lane.name(), events, cx.steady).rev();
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

/// Whether a text holds another one, in any case. `wanted` is in lower case.
fn holds(text: &str, wanted: &str) -> bool {
    if text.is_ascii() && wanted.is_ascii() {
        let wanted = wanted.as_bytes();
        return wanted.is_empty()
            || text.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted));
    }
    text.to_lowercase().contains(wanted)
}

/// A search that is not over.
#[derive(Debug)]
struct Running {
    asker: ConnId,
    sought: Sought,
}

/// The searches that are not over.
#[derive(Debug, Default)]
pub(crate) struct Searches(BTreeMap<Ticket, Running>);

impl Searches {
    /// Adds the search of a request.
    pub(super) fn insert(&mut self, ticket: Ticket, asker: ConnId, sought: Sought) {
        self.0.insert(ticket, Running { asker, sought });
    }

    /// Returns the search of a request, to continue it.
    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Sought> {
        self.0.get_mut(&ticket).map(|running| &mut running.sought)
    }

    /// Removes the search of a request that is not waited for any more.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.0.remove(&ticket);
    }

    /// Removes the searches of a client that has disconnected.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.0.retain(|_, running| running.asker != conn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_any_case() {
        for (text, wanted, is_there) in [
            ("Hello There", "lo th", true),
            ("Hello", "world", false),
            ("short", "longer than it", false),
            ("CAF\u{c9}", "caf\u{e9}", true),
            ("\u{212a}elvin", "kelvin", true),
        ] {
            assert_eq!(holds(text, wanted), is_there, "{text}");
        }
    }
}
