//! Several gateways that share a database: which of them holds the router link of each mud.

mod leases;
mod spread;
#[cfg(test)]
pub(crate) mod tests;

use crate::machine::ConnId;
use std::collections::BTreeSet;

pub(crate) use leases::{Database, Leases, Step};

/// What a node knows of itself and of the others. On one host it is empty.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Which node holds each mud. `None` on one host, which holds all of them.
    pub(crate) leases: Option<Leases>,
    /// The position of the state that this node has read from the store at its start.
    pub(crate) read_up_to: u64,
    /// The connections to routers that are not read from, because too much waits to become durable.
    pub(crate) paused: Vec<ConnId>,
    /// Starts of nodes that have sessions, and were not in the last list of nodes.
    pub(crate) missing: BTreeSet<String>,
    /// The operator was told that the database is away.
    pub(crate) is_told_away: bool,
    /// Sessions were told that nothing is saved.
    pub(crate) is_told_failing: bool,
}
