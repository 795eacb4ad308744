//! Questions to the store about lines of the history that are no longer in memory: which requests wait for them, how many
//! are asked at a time, and how an answer is put together.
//!
//! A question is asked when everything that was saved before it is durable. So a line is in memory, or the store finds it.
//! Rows of both have ids, so none is in an answer twice.

use super::lines::{History, Line};
use super::page::ANSWER_BYTES_MAX;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::describe::values::EventId;
use crate::fault::Fault;
use crate::fault::reason::{NO_ANSWER, STORE_FAILED, TOO_MANY_WAITING};
use crate::ids::Ticket;
use crate::journal::Record;
use crate::machine::{ConnId, SaveTicket};
use crate::notice::{Level, Notice};
use crate::query::{Order, Page, Query, Row};
use crate::waiting::{Asker, Question, Reply, Waiting};
use crate::wake::Wake;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Questions that the store may have at a time, of all clients. Of one client it has one.
const SENT_MAX: usize = 4;

/// Bytes of rows that the waiting requests of all clients may hold. Further requests are refused.
const HELD_BYTES_MAX: usize = 16_777_216;

/// How long a request waits for the store.
const STORE_WITHIN: Duration = Duration::from_secs(10);

/// What a request makes of its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    /// The result of `channel_history` or `history_search`, with at most this many messages.
    History { limit: usize },
    /// The rows themselves, oldest first.
    Rows,
}

/// A request that waits for the store.
#[derive(Debug)]
struct Ask {
    asker: Asker,
    /// Everything that was saved up to here must be durable first.
    saved: SaveTicket,
    /// The questions that are left. The first one is asked next, or was asked.
    queries: VecDeque<Query>,
    wants: Wants,
    /// The rows so far, from memory and from the store, by id.
    rows: BTreeMap<u64, Arc<[u8]>>,
    bytes: usize,
    /// Only the rows from here on are complete, …
    first: u64,
    /// … and only those up to here.
    last: u64,
    /// A page has come. It was not the last one.
    has_begun: bool,
}

impl Ask {
    fn add(&mut self, rows: Vec<Row>) {
        for Row { id, value } in rows {
            self.bytes += value.len();
            if let Some(known) = self.rows.insert(id, value) {
                self.bytes -= known.len();
            }
        }
    }

    /// Takes a page of the first question. Returns whether all questions are answered.
    fn take(&mut self, page: Page) -> bool {
        let Some(mut query) = self.queries.pop_front() else { return true };
        query.limit = query.limit.saturating_sub(page.rows.len());
        self.add(page.rows);
        let rest = page.rest.filter(|_| query.limit > 0);
        match query.order {
            Order::Newest => self.first = rest.unwrap_or(0),
            Order::Oldest => self.last = rest.unwrap_or(u64::MAX),
        }
        if let Some(rest) = rest.filter(|_| self.bytes < ANSWER_BYTES_MAX) {
            self.has_begun = true;
            self.queries.push_front(query.from(rest));
        }
        self.queries.is_empty()
    }

    /// Returns the outcome of the request.
    fn outcome(self) -> Result<Reply, Fault> {
        let Ask { wants, rows, first, last, .. } = self;
        let rows = rows.into_iter().filter(|(id, _)| (first..=last).contains(id));
        let rows: Vec<Row> = rows.map(|(id, value)| Row { id, value }).collect();
        match wants {
            Wants::Rows => Ok(Reply::Rows(rows.into())),
            Wants::History { limit } => {
                let records: Vec<Record> = rows.iter().filter_map(Record::of_row).collect();
                let newest_first = records.iter().rev().take(limit);
                let is_cut = records.len() > limit;
                let (mut history, _) = History::of(newest_first.filter_map(Line::read), is_cut || first > 0);
                if first > 0 && !is_cut && history.count == records.len() {
                    // The store has more to look at than there was time for.
                    (history.more, history.next) = (Some(true), Some(EventId(first)));
                }
                let result = Reply::shared(&history);
                result.ok_or_else(|| Fault::gateway(&NO_ANSWER, "the result cannot be written"))
            }
        }
    }
}

/// A question that the store has not answered.
#[derive(Debug)]
struct Sent {
    conn: ConnId,
    /// `None`: nobody waits for it any more.
    ask: Option<Ask>,
}

/// The requests that wait for the store.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Those whose next question is still to be asked.
    queue: VecDeque<Ask>,
    /// The questions that were asked, by number.
    sent: BTreeMap<u64, Sent>,
}

impl Past {
    fn held_bytes(&self) -> usize {
        let sent = self.sent.values().filter_map(|sent| sent.ask.as_ref());
        self.queue.iter().chain(sent).map(|ask| ask.bytes).sum()
    }

    /// Checks whether there is room for the rows of a further request.
    pub(super) fn has_room(&self) -> Result<(), Fault> {
        if self.held_bytes() >= HELD_BYTES_MAX {
            return Err(Fault::gateway(&TOO_MANY_WAITING, "too many requests wait for the store"));
        }
        Ok(())
    }

    /// Lets a request wait for the answers to its questions. `mine` are the rows that memory has, or the newest of them. The
    /// request is in [`Waiting`] already.
    pub(super) fn add(
        &mut self,
        cx: &mut Cx<'_>,
        asker: Asker,
        (queries, wants): (Vec<Query>, Wants),
        mine: Vec<Row>,
    ) {
        let (saved, queries) = (cx.fx.newest_save(), queries.into());
        let (rows, bytes, first, last) = (BTreeMap::new(), 0, 0, u64::MAX);
        let mut ask = Ask { asker, saved, queries, wants, rows, bytes, first, last, has_begun: false };
        ask.add(mine);
        self.queue.push_back(ask);
        cx.timers.set(Wake::Answer(asker.ticket), cx.now.mono + STORE_WITHIN);
    }

    /// Takes a request out, if it waits here.
    fn remove(&mut self, ticket: Ticket) -> Option<Ask> {
        if let Some(at) = self.queue.iter().position(|ask| ask.asker.ticket == ticket) {
            return self.queue.remove(at);
        }
        let is_it = |sent: &&mut Sent| sent.ask.as_ref().is_some_and(|ask| ask.asker.ticket == ticket);
        self.sent.values_mut().find(is_it)?.ask.take()
    }

    /// Takes out a request whose time is over, if it waits here. Returns its outcome: what was found by now, if all of it is
    /// new, or that the store does not answer.
    pub(super) fn is_late(&mut self, ticket: Ticket) -> Option<Result<Reply, Fault>> {
        let ask = self.remove(ticket)?;
        let goes_on = ask.has_begun && matches!(ask.wants, Wants::History { .. });
        Some(if goes_on { ask.outcome() } else { Err(failed("it has not answered in time")) })
    }

    /// Removes the requests of a client that has disconnected.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.queue.retain(|ask| ask.asker.conn != conn);
        self.sent.values_mut().filter(|sent| sent.conn == conn).for_each(|sent| sent.ask = None);
    }

    /// Returns the place of the next request in the queue whose question may be asked: what was saved before it is durable,
    /// and its client has no other question and has read its answers.
    fn next(&self, cx: &Cx<'_>) -> Option<usize> {
        let durable = cx.fx.durable_before();
        self.queue.iter().position(|ask| {
            let conn = ask.asker.conn;
            ask.saved < durable
                && !self.sent.values().any(|sent| sent.conn == conn)
                && Clients::takes_more(cx, conn)
        })
    }
}

fn failed(why: &str) -> Fault {
    Fault::gateway(&STORE_FAILED, format!("the store could not be asked: {why}"))
}

/// Returns the first of these records as rows: as many as an answer has room for.
pub(crate) fn rows<'r>(records: impl Iterator<Item = &'r Record>) -> Vec<Row> {
    let mut bytes = 0;
    let fits = |row: &Row| {
        bytes += row.value.len();
        bytes <= ANSWER_BYTES_MAX
    };
    records.map(Record::row).take_while(fits).collect()
}

/// Lets a request wait for the answers to its questions.
pub(crate) fn ask(
    (cx, waiting, past): (&mut Cx<'_>, &mut Waiting, &mut Past),
    asker: Asker,
    queries: (Vec<Query>, Wants),
    mine: Vec<Row>,
) -> Result<(), Fault> {
    waiting.may_wait(asker.conn)?;
    past.has_room()?;
    waiting.wait(cx, asker, Question::Store, STORE_WITHIN);
    past.add(cx, asker, queries, mine);
    Ok(())
}

/// Asks the store, as long as there is room for questions.
pub(crate) fn pump(cx: &mut Cx<'_>, past: &mut Past) {
    while past.sent.len() < SENT_MAX && !past.queue.is_empty() {
        let Some(ask) = past.next(cx).and_then(|at| past.queue.remove(at)) else { return };
        let Some(query) = ask.queries.front().cloned() else { continue };
        cx.metrics.store_queries += 1;
        past.sent.insert(cx.fx.query(query), Sent { conn: ask.asker.conn, ask: Some(ask) });
    }
}

/// Handles an answer of the store.
pub(crate) fn found(
    (cx, waiting, past): (&mut Cx<'_>, &mut Waiting, &mut Past),
    query: u64,
    outcome: Result<Page, String>,
) {
    let Some(sent) = past.sent.remove(&query) else { return };
    if let Err(error) = &outcome {
        cx.metrics.store_queries_failed += 1;
        let notice = Notice::new(Level::Warn, "store", "the history in the store cannot be read");
        cx.notice(notice.with("error", error));
    }
    let Some(mut ask) = sent.ask else { return };
    let ticket = ask.asker.ticket;
    let page = match outcome {
        Ok(page) => page,
        Err(error) => return waiting.finish(cx, ticket, Err(failed(&error))),
    };
    if ask.take(page) {
        waiting.finish(cx, ticket, ask.outcome());
    } else if past.held_bytes() < HELD_BYTES_MAX {
        // Others have their turn first, unless too much is held for all of them.
        past.queue.push_back(ask);
    } else {
        past.queue.push_front(ask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MudId;
    use crate::machine::Output;
    use crate::query::Lanes;
    use crate::service::parts::{Parts, testing::Stage};

    fn row(id: u64) -> Row {
        let value = format!(
            r#"{{"at":{id},"born":{id},"event":"channel_message","params":{{"channel":"chat","from_mud":"M","from_user":"u","message":"line {id}","visname":"U"}}}}"#
        );
        Row { id, value: value.into_bytes().into() }
    }

    fn page(ids: impl IntoIterator<Item = u64>, rest: Option<u64>) -> Page {
        Page { rows: ids.into_iter().map(row).collect(), rest }
    }

    /// A request of a client for the newest lines.
    fn asks(stage: &mut Stage, conn: ConnId, limit: usize, mine: &[u64]) -> Ticket {
        let ticket = stage.waiting.next_ticket();
        let asker = Asker { conn, ticket, method: "channel_history" };
        let lanes = Lanes::Channel("chat".to_owned());
        let query = Query { mud: "Alpha".to_owned(), lanes, limit: limit + 1, ..Query::default() };
        let mine = mine.iter().copied().map(row).collect();
        let Parts { mut cx, waiting, past, .. } = stage.parts();
        ask((&mut cx, waiting, past), asker, (vec![query], Wants::History { limit }), mine).unwrap();
        ticket
    }

    /// The questions that the driver gets.
    fn asked(stage: &mut Stage) -> Vec<(u64, Query)> {
        // What was to be saved is sent first.
        while stage.bench.fx.poll().is_some() {}
        let Parts { mut cx, past, .. } = stage.parts();
        pump(&mut cx, past);
        let outputs = std::iter::from_fn(|| stage.bench.fx.poll());
        let queries = outputs.filter_map(|output| match output {
            Output::Query { query, ask } => Some((query, ask)),
            _ => None,
        });
        queries.collect()
    }

    /// Gives an answer of the store.
    fn tell(stage: &mut Stage, query: u64, outcome: Result<Page, String>) {
        let Parts { mut cx, waiting, past, .. } = stage.parts();
        found((&mut cx, waiting, past), query, outcome);
    }

    /// The messages of an answer, whether there are more, and where they begin.
    fn answer(stage: &mut Stage) -> Option<(Vec<u64>, bool, Option<u64>)> {
        let reply = stage.waiting.poll_finished()?.outcome.ok()?;
        let value = serde_json::to_value(&reply).unwrap();
        let messages = value["messages"].as_array().unwrap();
        let ids = messages.iter().map(|line| line["event_id"].as_u64().unwrap()).collect();
        Some((ids, value["more"] == true, value["next"].as_u64()))
    }

    #[test]
    fn rows_of_memory_and_of_several_pages_are_one_answer_without_repetition() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        asks(&mut stage, conn, 5, &[9, 8, 7]);
        let (number, query) = asked(&mut stage).remove(0);
        assert_eq!((query.limit, query.before), (6, None));
        tell(&mut stage, number, Ok(page([8, 7, 6], Some(4))));
        assert!(answer(&mut stage).is_none());
        let (number, query) = asked(&mut stage).remove(0);
        assert_eq!((query.limit, query.before), (3, Some(4)));
        tell(&mut stage, number, Ok(page([3, 2, 1], None)));
        assert_eq!(answer(&mut stage), Some((vec![3, 6, 7, 8, 9], true, Some(3))));
        // All that there is.
        asks(&mut stage, conn, 5, &[9]);
        let (number, _) = asked(&mut stage).remove(0);
        tell(&mut stage, number, Ok(page([9, 8], None)));
        assert_eq!(answer(&mut stage), Some((vec![8, 9], false, None)));
    }

    #[test]
    fn one_question_of_a_client_and_four_in_all_are_asked_at_a_time() {
        let mut stage = Stage::default();
        let conns: Vec<ConnId> = (0..6).map(|_| stage.join(MudId::OWN)).collect();
        for _ in 0..3 {
            asks(&mut stage, conns[0], 1, &[]);
        }
        let first: Vec<u64> = asked(&mut stage).into_iter().map(|(number, _)| number).collect();
        assert_eq!(first.len(), 1, "one of a client");
        for conn in &conns[1..] {
            asks(&mut stage, *conn, 1, &[]);
        }
        let next: Vec<u64> = asked(&mut stage).into_iter().map(|(number, _)| number).collect();
        assert_eq!(next.len(), SENT_MAX - 1);
        // Who has gone is not answered, and its place is free when the store has answered.
        stage.parts().past.forget(conns[1]);
        assert!(asked(&mut stage).is_empty());
        tell(&mut stage, next[0], Ok(page([1], None)));
        assert!(answer(&mut stage).is_none());
        assert_eq!(asked(&mut stage).len(), 1);
        tell(&mut stage, first[0], Err("disk error".to_owned()));
        let fault = stage.waiting.poll_finished().unwrap().outcome.unwrap_err();
        assert!(fault.message.contains("disk error"), "{fault:?}");
        assert_eq!(stage.bench.metrics.store_queries_failed, 1);
        // An answer that nobody has asked for changes nothing.
        tell(&mut stage, 999, Ok(page([1], None)));
        assert!(stage.waiting.poll_finished().is_none());
    }

    #[test]
    fn a_question_waits_until_what_was_saved_before_is_durable() {
        let mut stage = Stage::default();
        stage.bench.fx.retry_saves();
        let conn = stage.join(MudId::OWN);
        let change = crate::line::put(&crate::line::space_of("Alpha"), 1, row(1).value);
        let ticket = stage.bench.cx().save([change]).unwrap();
        asks(&mut stage, conn, 1, &[]);
        assert!(asked(&mut stage).is_empty());
        stage.bench.fx.saves_mut().unwrap().answered(ticket, true);
        assert_eq!(asked(&mut stage).len(), 1);
    }

    #[test]
    fn a_search_that_takes_too_long_says_how_far_it_has_come() {
        let mut stage = Stage::default();
        let conn = stage.join(MudId::OWN);
        let ticket = asks(&mut stage, conn, 5, &[90]);
        let (number, _) = asked(&mut stage).remove(0);
        tell(&mut stage, number, Ok(page([80], Some(40))));
        let outcome = stage.parts().past.is_late(ticket).unwrap();
        let Parts { mut cx, waiting, .. } = stage.parts();
        waiting.finish(&mut cx, ticket, outcome);
        assert_eq!(answer(&mut stage), Some((vec![80, 90], true, Some(40))));
        // One of which nothing was found yet, and one that the store has not taken.
        let ticket = asks(&mut stage, conn, 5, &[]);
        assert_eq!(asked(&mut stage).len(), 1);
        let fault = stage.parts().past.is_late(ticket).unwrap().unwrap_err();
        assert!(fault.message.contains("in time"), "{fault:?}");
        assert!(stage.parts().past.is_late(ticket).is_none());
    }

    #[test]
    fn the_rows_that_wait_have_a_bound() {
        let mut stage = Stage::default();
        let large = |id| Row { id, value: vec![b'x'; HELD_BYTES_MAX / 10].into() };
        let mut refused = 0;
        for _ in 0..15 {
            let conn = stage.join(MudId::OWN);
            let ticket = stage.waiting.next_ticket();
            let asker = Asker { conn, ticket, method: "history_search" };
            let Parts { mut cx, waiting, past, .. } = stage.parts();
            let queries = (vec![Query::default()], Wants::Rows);
            let asked = ask((&mut cx, waiting, past), asker, queries, vec![large(1)]);
            refused += usize::from(asked.is_err());
        }
        assert_eq!((refused, stage.waiting.len()), (4, 11));
    }
}
