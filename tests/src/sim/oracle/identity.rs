//! What is for one mud goes to nobody else.

use super::{Asked, Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// What is for one mud goes to nobody else: every user of the simulation bears the name of his mud, and every name that a
/// game is told of its own is one of these.
#[derive(Default)]
pub(super) struct Identity {
    joined: BTreeMap<u64, BTreeSet<String>>,
}

impl Oracle for Identity {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::Asked { session, what: Asked::Join(channel), .. } => {
                self.joined.entry(*session).or_default().insert(channel.clone());
            }
            Fact::Said { session, message } => {
                let Some(one) = view.sessions.get(session) else { return Ok(()) };
                let told = message.get("params").or(message.get("result"));
                let field = |name: &str| told.and_then(|told| told[name].as_str()).unwrap_or_default();
                let ours = format!("_{}", one.mud.to_lowercase());
                let wrong = match message["method"].as_str().unwrap_or_default() {
                    "tell_received" | "emoteto_received" => field("to_mud") != one.mud,
                    "channel_message" | "channel_emote" => {
                        !self.joined.get(session).is_some_and(|joined| joined.contains(field("channel")))
                    }
                    _ => false,
                };
                let to_user = field("to_user");
                let to_other = !to_user.is_empty() && !to_user.to_lowercase().ends_with(&ours);
                // An id of a message names the mud that sent it, or its channel.
                let message_id = field("message_id");
                let others =
                    message_id.starts_with("tell_") && !message_id.starts_with(&format!("tell_{}_", one.mud));
                let other_key = !matches!(field("session_id"), "")
                    && field("mud_name") != one.mud
                    && message.get("result").is_some();
                if wrong || to_other || others || other_key {
                    return Err(format!("a game of {} is told {message}", one.mud));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
