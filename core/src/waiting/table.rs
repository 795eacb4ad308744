//! The table of all waiting requests.

use super::question::Question;
use super::reply::Reply;
use crate::cx::Cx;
use crate::fault::{Fault, reason};
use crate::ids::Ticket;
use crate::machine::ConnId;
use crate::metrics::outcome_label;
use crate::time::Instant;
use crate::wake::Wake;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Number of requests of all clients that may wait at a time.
pub const WAITERS_MAX: usize = 2000;

/// Number of requests of one client that may wait at a time.
pub const WAITERS_PER_CLIENT_MAX: usize = 64;

/// The origin of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) conn: ConnId,
    /// The ticket by which its front door identifies it.
    pub(crate) ticket: Ticket,
    pub(crate) method: &'static str,
}

/// A waiting request.
#[derive(Debug)]
struct Waiter {
    asker: Asker,
    question: Question,
    since: Instant,
}

/// A request that has waited, with its outcome, for its front door.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) conn: ConnId,
    pub(crate) ticket: Ticket,
    pub(crate) outcome: Result<Reply, Fault>,
}

/// The waiting requests.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    last: u64,
    waiters: BTreeMap<Ticket, Waiter>,
    finished: VecDeque<Finished>,
    /// The clients whose requests have waited for [`Question::Followed`] and are run again.
    followed: BTreeSet<ConnId>,
}

impl Waiting {
    /// Returns the number of waiting requests.
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Returns a new ticket.
    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    /// Checks whether a request of a client may wait. A method calls this before it does anything that cannot be
    /// undone.
    pub(crate) fn may_wait(&self, conn: ConnId) -> Result<(), Fault> {
        let mine = self.waiters.values().filter(|waiter| waiter.asker.conn == conn).count();
        if self.waiters.len() >= WAITERS_MAX || mine >= WAITERS_PER_CLIENT_MAX {
            return Err(Fault::gateway(&reason::TOO_MANY_WAITING, "too many requests wait for an answer"));
        }
        Ok(())
    }

    /// Lets the request wait until `question` is answered, or until `timeout` is over.
    pub(crate) fn wait(&mut self, cx: &mut Cx<'_>, asker: Asker, question: Question, timeout: Duration) {
        debug_assert!(self.may_wait(asker.conn).is_ok());
        self.waiters.insert(asker.ticket, Waiter { asker, question, since: cx.now.mono });
        cx.timers.set(Wake::Answer(asker.ticket), cx.now.mono + timeout);
    }

    /// Returns what a request waits for.
    pub(crate) fn question(&self, ticket: Ticket) -> Option<&Question> {
        self.waiters.get(&ticket).map(|waiter| &waiter.question)
    }

    /// Answers every request for which `answer` returns an outcome. Returns the clients.
    pub(crate) fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        mut answer: impl FnMut(&mut Question) -> Option<Result<Reply, Fault>>,
    ) -> Vec<ConnId> {
        let waiters = self.waiters.iter_mut();
        let answered: Vec<_> = waiters
            .filter_map(|(ticket, waiter)| Some((*ticket, waiter.asker.conn, answer(&mut waiter.question)?)))
            .collect();
        let mut conns = Vec::with_capacity(answered.len());
        for (ticket, conn, outcome) in answered {
            self.finish(cx, ticket, outcome);
            conns.push(conn);
        }
        conns
    }

    /// Answers one request.
    pub(crate) fn finish(&mut self, cx: &mut Cx<'_>, ticket: Ticket, outcome: Result<Reply, Fault>) {
        let Some(waiter) = self.waiters.remove(&ticket) else { return };
        cx.timers.clear(Wake::Answer(ticket));
        if matches!(outcome, Ok(Reply::Again)) {
            self.followed.insert(waiter.asker.conn);
        } else {
            let label = outcome_label(outcome.as_ref().err().map(|fault| fault.kind));
            cx.metrics.count_call(waiter.asker.method, label, cx.now.mono.since(waiter.since));
        }
        self.finished.push_back(Finished { conn: waiter.asker.conn, ticket, outcome });
    }

    /// Whether a request of a client has waited for [`Question::Followed`], and is run again now.
    pub(crate) fn take_followed(&mut self, conn: ConnId) -> bool {
        self.followed.remove(&conn)
    }

    /// Returns the next request that has been answered.
    pub(crate) fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Removes the requests of a client that has disconnected. A verdict that changes the channel list is waited for
    /// nevertheless: the list is for all.
    pub(crate) fn forget(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.followed.remove(&conn);
        self.waiters.retain(|ticket, waiter| {
            let changes_list = matches!(waiter.question, Question::Verdict { becomes: Some(_), .. });
            let stays = waiter.asker.conn != conn || changes_list;
            if !stays {
                cx.timers.clear(Wake::Answer(*ticket));
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;
    use crate::ids::MudId;
    use crate::waiting::{Hosted, HostedStatus};

    fn hosted(channel: &str) -> Reply {
        let (channel, message_id) = (channel.to_owned(), "m".to_owned());
        Reply::Hosted(Hosted { status: HostedStatus::Success, channel, message_id })
    }

    #[test]
    fn a_question_is_answered_once_and_a_client_that_left_gets_nothing() {
        let mut bench = Bench::default();
        let mut waiting = Waiting::default();
        let conns = [bench.fx.open(), bench.fx.open()];
        for conn in conns {
            let asker = Asker { conn, ticket: waiting.next_ticket(), method: "channel_add" };
            let (message_id, channel) = ("m".to_owned(), "chat".to_owned());
            let question = Question::Verdict { mud: MudId::OWN, message_id, channel, becomes: None };
            waiting.wait(&mut bench.cx(), asker, question, Duration::from_secs(3));
        }
        assert_eq!((waiting.len(), bench.timers.len()), (2, 2));
        waiting.forget(&mut bench.cx(), conns[0]);
        let told = waiting.answer(&mut bench.cx(), |_| Some(Ok(hosted("chat"))));
        assert_eq!((told, waiting.len(), bench.timers.len()), (vec![conns[1]], 0, 0));
        let finished = waiting.poll_finished().unwrap();
        assert_eq!((finished.conn, finished.outcome.is_ok()), (conns[1], true));
        assert!(waiting.poll_finished().is_none());
    }

    #[test]
    fn waiting_requests_of_one_client_are_limited() {
        let mut bench = Bench::default();
        let mut waiting = Waiting::default();
        let conns = [bench.fx.open(), bench.fx.open()];
        for _ in 0..WAITERS_PER_CLIENT_MAX {
            let asker = Asker { conn: conns[0], ticket: waiting.next_ticket(), method: "locate" };
            let question = Question::Locate { mud: MudId::OWN, asker: "ann".to_owned() };
            waiting.wait(&mut bench.cx(), asker, question, Duration::from_secs(3));
        }
        assert!(waiting.may_wait(conns[0]).is_err() && waiting.may_wait(conns[1]).is_ok());
    }
}
