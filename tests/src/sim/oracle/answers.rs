//! Requests and their answers.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::BTreeMap;

/// Each request is answered exactly once, or its connection ends.
#[derive(Default)]
pub(super) struct Answers {
    open: BTreeMap<u64, BTreeMap<String, u32>>,
}

impl Oracle for Answers {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, id, .. } => {
                *self.open.entry(*session).or_default().entry(id.clone()).or_default() += 1;
            }
            Fact::Said { session, message } if message.get("method").is_none() => {
                let able = view.sessions.get(session).is_some_and(|session| session.able);
                if !able && message["id"].is_null() && message["error"]["code"] == -32000 {
                    // Why a client that has shown no key is closed.
                    return Ok(());
                }
                let id = message.get("id").map(ToString::to_string).unwrap_or_default();
                let open = self.open.entry(*session).or_default();
                match open.get_mut(&id) {
                    Some(left @ 1..) => *left -= 1,
                    _ => {
                        return Err(format!(
                            "session {session} gets an answer that it does not wait for: {message}"
                        ));
                    }
                }
                open.retain(|_, left| *left > 0);
            }
            Fact::SessionOver { session } => drop(self.open.remove(session)),
            Fact::Quiet => {
                for (session, open) in &self.open {
                    if view.sessions.get(session).is_some_and(|session| !session.over) && !open.is_empty() {
                        return Err(format!("session {session} waits for the answers to {:?}", open.keys()));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
