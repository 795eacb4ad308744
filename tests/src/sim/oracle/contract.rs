//! What machines owe their drivers: the contract of machines, and frames that can be read.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;

/// The machines keep the contract of machines.
pub(super) struct Contract;

impl Oracle for Contract {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Broke(how) => Err(how.clone()),
            _ => Ok(()),
        }
    }
}

/// What leaves a gateway can be read by a driver.
pub(super) struct Wire;

impl Oracle for Wire {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameSent { frame, .. } => match &frame.fault {
                Some(fault) => Err(format!("{fault}: {}", frame.text)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
