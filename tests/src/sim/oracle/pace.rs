//! How fast a mud sends.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a mud's packets may count in any second at a Dead Souls router.
const POINTS_PER_SECOND_MAX: u32 = 10;

/// No second holds more packets of one mud than a Dead Souls router bears, counted when a driver writes them: what it could
/// not write at once must not go together with what comes after it.
#[derive(Default)]
pub(super) struct Pace {
    /// By gateway, mud and router: a node does not know what another one has sent a moment before.
    sent: BTreeMap<(usize, String, String), VecDeque<(Instant, u32)>>,
}

impl Oracle for Pace {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        if let Fact::GatewayStarted { gateway, .. } = fact {
            // A new process cannot know what the last one sent.
            self.sent.retain(|(by, _, _), _| by != gateway);
        }
        let Fact::FrameSent { link, frame } = fact else { return Ok(()) };
        let Some(link) = view.links.get(link) else { return Ok(()) };
        let sent = self.sent.entry((link.gateway, frame.from_mud.clone(), link.router.clone())).or_default();
        let points = match frame.kind.as_str() {
            "startup-req-3" => 6,
            "channel-listen" => 0,
            _ => 1,
        };
        while sent.front().is_some_and(|(at, _)| now.since(*at) >= Duration::from_secs(1)) {
            sent.pop_front();
        }
        sent.push_back((now, points));
        let points: u32 = sent.iter().map(|(_, points)| points).sum();
        if points > POINTS_PER_SECOND_MAX {
            return Err(format!("{points} points within a second, the last for {}", frame.text));
        }
        Ok(())
    }
}
