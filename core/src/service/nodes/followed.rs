//! Requests that wait until this node was told all that was saved before them.
//!
//! A client that changes the node is given nothing again that it has acknowledged at another one. So the replay to a client
//! begins when this node knows what the others have saved of its cursors. The position of the log that it must have read is
//! that of a beat, which is asked after the request.

use crate::fault::{Fault, reason};
use crate::nodes::Database;
use crate::service::parts::Parts;
use crate::waiting::{Asker, Question, Reply};
use crate::wake::Wake;
use std::time::Duration;

/// How long a request waits.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// Returns the error of a request that this node cannot serve, because it does not know what others have saved.
pub(crate) fn away() -> Fault {
    Fault::gateway(
        &reason::DATABASE_AWAY,
        "this node does not know yet what was received at other nodes: try again, or at another node",
    )
}

/// Whether a request has to wait until this node was told all that was saved before it. Then it is run again. There is nothing
/// to wait for on one host, nor at a node that keeps its links without the database, for there is no other one.
pub(crate) fn must_follow(parts: &mut Parts<'_>, asker: Asker) -> Result<bool, Fault> {
    let Parts { cx, waiting, nodes, .. } = parts;
    let Some(leases) = nodes.leases.as_mut().filter(|leases| !leases.keeps_links()) else { return Ok(false) };
    if waiting.take_followed(asker.conn) {
        return Ok(false);
    }
    if leases.database() == Database::Away {
        return Err(away());
    }
    waiting.may_wait(asker.conn)?;
    let (beat, is_first) = leases.ask_for_beat();
    if is_first {
        cx.timers.set(Wake::Beat, cx.now.mono);
    }
    waiting.wait(cx, asker, Question::Followed { beat }, FOLLOWED_WITHIN);
    Ok(true)
}

/// Handles that this node was told all that was saved before a beat.
pub(crate) fn followed(parts: &mut Parts<'_>, beat: u64) {
    let is_over = |question: &mut Question| match question {
        Question::Followed { beat: asked } if *asked <= beat => Some(Ok(Reply::Again)),
        _ => None,
    };
    parts.waiting.answer(&mut parts.cx, is_over);
}
