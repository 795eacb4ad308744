//! Leases that were taken, prolonged or lost.

use super::shared::node_gone;
use super::{database, hold};
use crate::machine::{Beaten, Node};
use crate::saves::Saves;
use crate::service::parts::Parts;
use crate::service::storing;
use std::collections::BTreeMap;

/// Ends the sessions of nodes that are gone: they were in neither of the last two lists. A node that has just begun may not be in
/// the first of them.
fn forget_gone(parts: &mut Parts<'_>, nodes: &[Node]) {
    let is_there = |boot: &str| nodes.iter().any(|node| node.boot == boot);
    let own = parts.cx.settings.node.as_ref().map(|node| (node.name.clone(), node.boot.clone()));
    let Some((own_name, own_boot)) = own.filter(|(_, boot)| is_there(boot)) else { return };
    let absent: BTreeMap<String, String> = parts
        .clients
        .elsewhere
        .boots()
        .filter(|(boot, _)| !is_there(boot) && *boot != own_boot)
        .map(|(boot, name)| (boot.to_owned(), name.to_owned()))
        .collect();
    let missing = absent.keys().cloned().collect();
    let before = std::mem::replace(&mut parts.nodes.missing, missing);
    let is_first = nodes.iter().map(|node| &node.name).min() == Some(&own_name);
    for (boot, name) in absent.iter().filter(|(boot, _)| before.contains(*boot)) {
        let name = Some(name.as_str()).filter(|name| nodes.iter().all(|node| node.name != **name));
        node_gone(parts, boot, name, is_first);
    }
}

/// Handles the answer to a beat. Beat 0 was not asked for: another node has changed a lease.
pub(crate) fn beaten(parts: &mut Parts<'_>, beat: u64, outcome: Result<Beaten, String>) {
    let now = parts.cx.now.mono;
    let Some(leases) = &mut parts.nodes.leases else { return };
    let answers = outcome.is_ok() && beat > 0;
    let why = match outcome {
        Ok(beaten) if beat == 0 => {
            leases.told(now, beaten);
            String::new()
        }
        Ok(beaten) => {
            let nodes = beaten.nodes.clone();
            let steps = leases.answered(now, beat, beaten);
            hold::carry_out(parts, steps);
            forget_gone(parts, &nodes);
            String::new()
        }
        Err(error) => {
            leases.failed(now, beat);
            error
        }
    };
    database::tell(parts, &why);
    // The database answers, so what waits for it need not wait longer: it is written before another node takes a mud
    // whose lease has run out.
    if answers && parts.cx.fx.saves().is_some_and(Saves::is_failing) {
        storing::save_again(parts);
    }
    hold::advance(parts);
}
