//! Answers that come when what they report is durable.

use super::call::Call;
use crate::cx::Cx;
use crate::fault::Fault;
use crate::machine::{Change, SaveTicket};
use crate::waiting::{Question, Reply, Waiting};
use std::time::Duration;

/// How long a request waits for the store.
const SAVED_WITHIN: Duration = Duration::from_secs(10);

/// Checks whether the request may wait for the store. A method calls this before it changes anything.
pub(super) fn may_wait(waiting: &Waiting, call: &Call) -> Result<(), Fault> {
    if call.wants_answer { waiting.may_wait(call.conn()) } else { Ok(()) }
}

/// Saves the changes of a request. The result comes when they are durable; a notification has none to wait for.
pub(super) fn answer_when_saved<T: Clone>(
    cx: &mut Cx<'_>,
    waiting: &mut Waiting,
    call: &Call,
    changes: Vec<Change>,
    done: T,
    reply: fn(T) -> Reply,
) -> Option<T> {
    let ticket = cx.fx.save(cx.now.mono, changes);
    if !call.wants_answer {
        return Some(done);
    }
    waiting.wait(cx, call.asker, Question::Saved { ticket, reply: reply(done) }, SAVED_WITHIN);
    None
}

/// Lets a request wait that has handed a packet over to the holder of its mud, until that is durable: then its result is the
/// answer.
pub(crate) fn answer_when_handed_over(
    cx: &mut Cx<'_>,
    waiting: &mut Waiting,
    call: &Call,
    ticket: SaveTicket,
    reply: Reply,
) {
    waiting.wait(cx, call.asker, Question::HandedOver { ticket, reply }, SAVED_WITHIN);
}

/// Answers the requests whose saves have ended.
pub(super) fn saved(cx: &mut Cx<'_>, waiting: &mut Waiting, is_durable: impl Fn(SaveTicket) -> bool) {
    waiting.answer(cx, |question| match question {
        Question::Saved { ticket, reply } | Question::HandedOver { ticket, reply } if is_durable(*ticket) => {
            Some(Ok(reply.clone()))
        }
        _ => None,
    });
}
