//! What comes from routers, on its way to the log.

use super::troubles::Troubles;
use super::{Fact, Oracle, Verdict, View};
use crate::sim::tap::Tag;
use i3_core::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a holder had read within this time before it was killed may be lost, and while the engine was slow: it waits for the
/// transaction before, and its own has to arrive.
const LOST_WITH_HOLDER: Duration = Duration::from_secs(1);

/// Before trouble is seen at a node it may have lasted for so long.
const TROUBLE_BEFORE: Duration = Duration::from_secs(20);

struct Came {
    link: u64,
    gateway: usize,
    at: Instant,
}

/// A message that a holder has read is in the log in the end, unless it is killed a moment later or loses the mud in trouble.
#[derive(Default)]
pub(in crate::sim::oracle) struct Kept {
    open: BTreeMap<(String, Tag), Came>,
    troubles: Troubles,
    /// How long a transaction takes at most, with the one before it.
    transactions: Duration,
}

impl Kept {
    pub(in crate::sim::oracle) fn new(transactions: Duration) -> Kept {
        Kept { transactions, ..Kept::default() }
    }
}

impl Oracle for Kept {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        self.troubles.see(now, fact);
        match fact {
            Fact::FrameCame { link, frame } => {
                let (Some(tag), Some(from)) = (frame.tag, view.links.get(link)) else { return Ok(()) };
                let came = Came { link: *link, gateway: from.gateway, at: now };
                self.open.insert((from.mud.clone(), tag), came);
            }
            Fact::Committed { told, .. } => {
                for (mud, frame) in super::packets(told) {
                    if let Some(tag) = frame.tag {
                        self.open.remove(&(mud.to_owned(), tag));
                    }
                }
            }
            // A link that the gateway has given up is not read any more.
            Fact::LinkOver { link, unflushed } => {
                self.open.retain(|_, came| came.link != *link || !(*unflushed || came.at == now));
            }
            Fact::GatewayCrashed { gateway } => {
                let troubles = &self.troubles;
                let excused = |came: &Came| {
                    now.since(came.at) <= LOST_WITH_HOLDER + self.transactions
                        || troubles.any(came.gateway, came.at, Instant::from_micros(now.micros() - 1))
                };
                let of_it = |came: &Came| came.gateway == *gateway;
                let lost = self.open.iter().find(|(_, came)| of_it(came) && !excused(came));
                if let Some(((mud, tag), came)) = lost {
                    let age = now.since(came.at);
                    return Err(format!(
                        "node {gateway} has read {tag:?} for {mud}, and has not saved it in {age:?}"
                    ));
                }
                self.open.retain(|_, came| !of_it(came));
            }
            Fact::Quiet => {
                for ((mud, tag), came) in &self.open {
                    let until = came.at + TROUBLE_BEFORE;
                    if !self.troubles.any(came.gateway, came.at, until) {
                        return Err(format!(
                            "node {} has read {tag:?} for {mud}, and nobody knows of it",
                            came.gateway
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
