//! A node gives its links to others, because it was asked to or because it ends.

use super::drained::{alone, drained};
use super::hold;
use crate::fault::{Fault, reason};
use crate::nodes::{Database, Leases, Nodes};
use crate::service::call::Call;
use crate::service::method::{Access, NoParams, methods};
use crate::service::parts::Parts;
use crate::settings::Permission;
use crate::waiting::{Drained, Question};
use std::time::Duration;

/// How long a drain may take. With several hundred muds on one router it takes minutes: a node connects to a router once a
/// second.
const DRAIN_MAX: Duration = Duration::from_secs(900);

methods! {
    /// Gives the router links of this node to other nodes. The answer comes when none is left here. Until it is restarted the
    /// node takes none; clients stay connected to it, and go on to use the links.
    "drain" (Access::Permitted(Permission::Admin)) NoParams => later [Drained] &[&reason::NO_OTHER_NODE, &reason::NO_ANSWER, &reason::TOO_MANY_WAITING],
        |parts, call, _args| drain(parts, call);
}

fn drain(parts: &mut Parts<'_>, call: &Call) -> Result<Option<Drained>, Fault> {
    call.speaker()?;
    let Some(leases) = parts.nodes.leases.as_mut() else {
        return Err(alone("this gateway runs on one host: the settings name no database that nodes share"));
    };
    let is_done = leases.is_draining() && !leases.may_hold_any();
    if !is_done && leases.database() != Database::Answers {
        return Err(alone("the database is away, and without it no other node can take a link"));
    }
    if !is_done && !leases.has_others() {
        return Err(alone("no other node is there to take the links: start one, or see why it is not ready"));
    }
    if call.wants_answer {
        parts.waiting.may_wait(call.conn())?;
    }
    leases.drain();
    if !leases.may_hold_any() {
        return Ok(Some(drained(leases)));
    }
    if call.wants_answer {
        parts.waiting.wait(&mut parts.cx, call.asker, Question::Drained, DRAIN_MAX);
    }
    hold::advance(parts);
    Ok(None)
}

/// Begins to give all links to other nodes, because this one ends. Returns whether there is anything to wait for.
pub(crate) fn begin_to_end(parts: &mut Parts<'_>) -> bool {
    let Some(leases) = parts.nodes.leases.as_mut() else { return false };
    let can_give = leases.database() == Database::Answers && leases.has_others();
    let has_links = leases.may_hold_any();
    leases.end();
    if can_give && has_links {
        hold::advance(parts);
    }
    can_give && has_links
}

/// Whether links of this node are left that others shall have.
pub(crate) fn has_links(nodes: &Nodes) -> bool {
    nodes.leases.as_ref().is_some_and(Leases::may_hold_any)
}

/// Gives back what this node still has, and takes it off the list of nodes. After this last beat there is none, whatever the
/// answer to it: a further one would put the node on the list again.
pub(crate) fn end(parts: &mut Parts<'_>) {
    let Some(mut leases) = parts.nodes.leases.take() else { return };
    let (beat, ask) = leases.last_beat();
    parts.cx.fx.beat(beat, ask);
}
