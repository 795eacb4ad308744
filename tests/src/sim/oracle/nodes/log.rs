//! What is in the log.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::BTreeMap;

/// Positions only grow, and so do the numbers of the leases under which a mud's packets are written; each number has one owner.
/// A node is told every save once and in order.
#[derive(Default)]
pub(in crate::sim::oracle) struct Log {
    end: u64,
    rows: Vec<u64>,
    /// By mud: the start that has taken it, and the number of the lease.
    taken: BTreeMap<(String, u64), String>,
    written: BTreeMap<String, u64>,
    /// The last that each node was told in its life.
    told: BTreeMap<usize, u64>,
}

impl Oracle for Log {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::NodeStarted { gateway, .. } => drop(self.told.remove(gateway)),
            Fact::Beaten { beaten, .. } => {
                for lease in &beaten.leases {
                    let key = (lease.fence.mud.clone(), lease.fence.epoch);
                    self.taken.entry(key).or_insert_with(|| lease.boot.clone());
                }
            }
            Fact::Committed { fences, told } => {
                if told.position < self.end || told.end <= told.position {
                    return Err(format!("a save from {} to {} after {}", told.position, told.end, self.end));
                }
                self.end = told.end;
                self.rows.push(told.position);
                for fence in &**fences {
                    let owner = self.taken.get(&(fence.mud.clone(), fence.epoch));
                    if owner.is_none_or(|owner| *owner != told.boot) {
                        return Err(format!("{} writes for {} under {}", told.boot, fence.mud, fence.epoch));
                    }
                    let last = self.written.entry(fence.mud.clone()).or_default();
                    if fence.epoch < *last {
                        return Err(format!(
                            "{} writes for {} under {} after {last}",
                            told.boot, fence.mud, fence.epoch
                        ));
                    }
                    *last = fence.epoch;
                }
            }
            Fact::RowTold { gateway, position } => {
                let last = self.told.insert(*gateway, *position);
                let Ok(at) = self.rows.binary_search(position) else {
                    return Err(format!("node {gateway} is told {position}, which nobody has saved"));
                };
                let before = at.checked_sub(1).map(|at| self.rows[at]);
                if let Some(last) = last.filter(|last| before != Some(*last)) {
                    return Err(format!("node {gateway} is told {position} after {last}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
