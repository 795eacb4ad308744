//! How much waits.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;

/// Bytes that may wait for one connection: what the gateway allows a client, and one message more.
const PENDING_BYTES_MAX: usize = 1_048_576 + 262_144;

/// What waits is bounded.
pub(super) struct Limits;

impl Oracle for Limits {
    fn see(&mut self, _: Instant, _: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Holds { gateway, bytes, connections } if *bytes > connections * PENDING_BYTES_MAX => {
                Err(format!("gateway {gateway} holds {bytes} bytes for {connections} connections"))
            }
            _ => Ok(()),
        }
    }
}
