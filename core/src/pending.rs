//! Requests that are answered later: by a packet that comes back, or when their time is up. A batch is answered when
//! the last of its requests is.

use crate::api::methods::Call;
use crate::api::reason;
use crate::api::rpc::{self, Fault};
use crate::hub::{Hub, Wake};
use crate::machine::{ConnId, SaveTicket};
use crate::time::Instant;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// Requests that may wait at one time, of all clients.
pub const WAITERS_MAX: usize = 2000;

/// Requests of one client that may wait at one time.
pub const WAITERS_PER_CLIENT_MAX: usize = 64;

/// Which users of a who are wanted. Who-replies tell of race and guild in their free text, if at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WhoFilters {
    pub(crate) min_level: Option<i64>,
    pub(crate) max_level: Option<i64>,
    /// In lower case: each is to stand in what the mud tells of a user.
    pub(crate) texts: Vec<String>,
}

/// What a request waits for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// The who-reply of a mud for a user.
    Who { mud: usize, of: String, asker: String, filters: WhoFilters },
    /// The finger-reply.
    Finger { mud: usize, of: String, asker: String },
    /// The first locate-reply.
    Locate { mud: usize, asker: String },
    /// The chan-user-reply of a mud for a user.
    ChanUser { mud: usize, of: String, user: String },
    /// chan-who-replies for a channel, from these muds.
    ChanWho { mud: usize, channel: String, open: Vec<String> },
    /// What a router says of a message, if anything; `channel` is to be there (or not) if all is well.
    Verdict { mud: usize, message_id: String, channel: String, there: Option<bool> },
    /// That an acknowledgement of events is durable.
    Saved { ticket: SaveTicket, event_id: u64 },
}

/// A request that waits.
#[derive(Debug)]
struct Waiter {
    conn: ConnId,
    id: Option<Box<RawValue>>,
    /// Its place in a batch.
    batch: Option<(u64, usize)>,
    question: Question,
    method: &'static str,
    since: Instant,
}

/// A batch that is not answered yet.
#[derive(Debug)]
struct Batch {
    conn: ConnId,
    /// `None` for a notification, and for what is still to come.
    answers: Vec<Option<Vec<u8>>>,
    open: usize,
}

/// All that wait.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    next: u64,
    waiters: BTreeMap<u64, Waiter>,
    batches: BTreeMap<u64, Batch>,
}

impl Pending {
    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A new batch, and the number it is known by.
    pub(crate) fn open_batch(&mut self, conn: ConnId, requests: usize) -> u64 {
        let key = self.key();
        self.batches.insert(key, Batch { conn, answers: vec![None; requests], open: requests });
        key
    }

    /// A client is gone: nobody waits any more.
    pub(crate) fn forget(&mut self, conn: ConnId) -> Vec<u64> {
        let gone: Vec<u64> =
            self.waiters.iter().filter(|(_, waiter)| waiter.conn == conn).map(|(key, _)| *key).collect();
        for key in &gone {
            self.waiters.remove(key);
        }
        self.batches.retain(|_, batch| batch.conn != conn);
        gone
    }
}

impl Hub {
    /// Whether a request may wait: to be asked before anything is done for it that cannot be undone.
    pub(crate) fn may_wait(&self, call: &Call<'_>) -> Result<(), Fault> {
        let mine = self.pending.waiters.values().filter(|waiter| waiter.conn == call.conn).count();
        if self.pending.waiters.len() >= WAITERS_MAX || mine >= WAITERS_PER_CLIENT_MAX {
            return Err(Fault::gateway(&reason::TOO_MANY_WAITING, "too many requests wait for an answer"));
        }
        Ok(())
    }

    /// The request, which may wait, is answered when `question` is, or after `timeout`.
    pub(crate) fn wait(&mut self, call: &Call<'_>, question: Question, timeout: Duration) {
        debug_assert!(self.may_wait(call).is_ok());
        let key = self.pending.key();
        let waiter = Waiter {
            conn: call.conn,
            id: call.id.map(ToOwned::to_owned),
            batch: call.batch,
            question,
            method: call.method,
            since: self.now.mono,
        };
        self.pending.waiters.insert(key, waiter);
        self.timers.set(Wake::Answer(key), self.now.mono + timeout);
    }

    /// Answers every request whose question `answer` has something to say to. Gives the clients.
    pub(crate) fn answer_waiters(
        &mut self,
        mut answer: impl FnMut(&mut Question) -> Option<Result<Vec<u8>, Fault>>,
    ) -> Vec<ConnId> {
        let answered: Vec<_> = self
            .pending
            .waiters
            .iter_mut()
            .filter_map(|(key, waiter)| Some((*key, waiter.conn, answer(&mut waiter.question)?)))
            .collect();
        let mut conns = Vec::with_capacity(answered.len());
        for (key, conn, outcome) in answered {
            self.finish(key, outcome);
            conns.push(conn);
        }
        conns
    }

    /// The time of a request is up.
    pub(crate) fn wait_is_over(&mut self, key: u64) {
        let Some(waiter) = self.pending.waiters.get(&key) else { return };
        let outcome = crate::service::unanswered(self, &waiter.question.clone());
        self.finish(key, outcome);
    }

    fn finish(&mut self, key: u64, outcome: Result<Vec<u8>, Fault>) {
        let Some(waiter) = self.pending.waiters.remove(&key) else { return };
        self.timers.clear(Wake::Answer(key));
        let code = outcome.as_ref().err().map(|fault| fault.code);
        self.metrics.count_call(waiter.method, code, self.now.mono.since(waiter.since));
        let answer = waiter.id.as_deref().map(|id| match outcome {
            Ok(result) => rpc::result(Some(id), &result),
            Err(fault) => rpc::error(Some(id), &fault),
        });
        match waiter.batch {
            Some((batch, at)) => self.answer_in_batch(batch, at, answer),
            None => {
                if let Some(answer) = answer {
                    self.send_text(waiter.conn, &answer);
                }
            }
        }
    }

    /// One request of a batch is answered (`None`: it was a notification).
    pub(crate) fn answer_in_batch(&mut self, key: u64, at: usize, answer: Option<Vec<u8>>) {
        let Some(batch) = self.pending.batches.get_mut(&key) else { return };
        batch.answers[at] = answer;
        batch.open -= 1;
        if batch.open > 0 {
            return;
        }
        let Some(batch) = self.pending.batches.remove(&key) else { return };
        let answers: Vec<Vec<u8>> = batch.answers.into_iter().flatten().collect();
        // Only notifications: nothing is answered, not even an empty list.
        if !answers.is_empty() {
            let text = [&b"["[..], &answers.join(&b","[..]), b"]"].concat();
            self.send_text(batch.conn, &text);
        }
    }
}
