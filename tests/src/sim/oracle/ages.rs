//! How old kept events may become.

use super::{Asked, Fact, Oracle, Verdict, View};
use crate::sim::tap::Tag;
use i3_core::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// The oldest that a replayed tell may be when its session asks for it: the setting is 300 seconds. Some time for the
/// request is added.
const KEPT_FOR_MAX: Duration = Duration::from_secs(300 + 20);

/// A kept tell is not given any more when its time is over, however the clock of the system was set meanwhile. A gateway
/// that was started again knows only from that clock how long it was away.
#[derive(Default)]
pub(super) struct Ages {
    /// When each tell came, and in which life of which gateway.
    came: BTreeMap<Tag, (Instant, usize, u64)>,
    /// When each session asked for what was kept. What it is given may take long on its way.
    asked: BTreeMap<u64, Instant>,
}

impl Oracle for Ages {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } => {
                if let (Some(tag), Some(from)) = (frame.tag, view.links.get(link)) {
                    let life = view.lives.get(&from.gateway).copied().unwrap_or(0);
                    self.came.insert(tag, (now, from.gateway, life));
                }
            }
            Fact::SessionOpen { session, .. } | Fact::Asked { session, what: Asked::Key, .. } => {
                self.asked.insert(*session, now);
            }
            Fact::Said { session, message } if message["params"]["replay"] == true => {
                let tag = message["params"]["message"].as_str().and_then(Tag::find);
                let Some((at, gateway, life)) = tag.and_then(|tag| self.came.get(&tag)) else {
                    return Ok(());
                };
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let age = self.asked.get(session).map_or(now, |asked| *asked).since(*at);
                if one.gateway == *gateway && one.life == *life && age > KEPT_FOR_MAX {
                    return Err(format!("session {session} is given what came {age:?} ago: {message}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
