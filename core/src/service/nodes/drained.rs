//! The answers to requests to drain a node.

use crate::fault::{Fault, reason};
use crate::nodes::Leases;
use crate::service::parts::Parts;
use crate::waiting::{Drained, DrainedStatus, Question, Reply};

/// The error where no other node can take the links.
pub(super) fn alone(text: &str) -> Fault {
    Fault::gateway(&reason::NO_OTHER_NODE, text)
}

/// Returns the result.
pub(super) fn drained(leases: &Leases) -> Drained {
    Drained { status: DrainedStatus::Drained, muds: leases.drained() }
}

/// Answers the requests to drain if no link is left here.
pub(super) fn check(parts: &mut Parts<'_>) {
    let Some(leases) = parts.nodes.leases.as_ref() else { return };
    if leases.is_draining() && !leases.may_hold_any() {
        let reply = drained(leases);
        parts.waiting.answer(&mut parts.cx, |question| {
            matches!(question, Question::Drained).then(|| Ok(Reply::Drained(reply.clone())))
        });
    }
}

/// Answers the requests to drain with an error: no other node is left.
pub(super) fn failed(parts: &mut Parts<'_>) {
    let fault = alone("the other nodes have gone: this one keeps the links that it still has");
    parts
        .waiting
        .answer(&mut parts.cx, |question| matches!(question, Question::Drained).then(|| Err(fault.clone())));
}
