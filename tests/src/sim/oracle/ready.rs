//! What is called ready.

use super::{Asked, Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::BTreeMap;

/// A link is called ready only when the router has accepted the login since the connect.
#[derive(Default)]
pub(super) struct Ready {
    /// For each mud: from when to when a link had been accepted, the last one perhaps still.
    accepted: BTreeMap<String, Vec<(u64, Instant, Option<Instant>)>>,
    asked: BTreeMap<(u64, String), Instant>,
    /// Of each gateway.
    muds: BTreeMap<usize, Vec<String>>,
}

impl Ready {
    fn was_ready(&self, mud: &str, since: Instant) -> bool {
        let accepted = self.accepted.get(mud).into_iter().flatten();
        accepted.rev().any(|(_, _, until)| until.is_none_or(|until| until >= since))
    }
}

impl Oracle for Ready {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link) {
                    self.accepted.entry(known.mud.clone()).or_default().push((*link, now, None));
                }
            }
            Fact::LinkOver { link, .. } => {
                let accepted = self.accepted.get_mut(view.mud_of(*link)).into_iter().flatten();
                accepted.filter(|(of, ..)| of == link).for_each(|(_, _, until)| {
                    until.get_or_insert(now);
                });
            }
            Fact::Asked { session, id, what: Asked::Status } => {
                self.asked.insert((*session, id.clone()), now);
            }
            Fact::Said { session, message } if message["result"]["connected"] == true => {
                let (Some(id), Some(one)) = (message.get("id"), view.sessions.get(session)) else {
                    return Ok(());
                };
                let since = self.asked.get(&(*session, id.to_string())).copied().unwrap_or(now);
                if !self.was_ready(&one.mud, since) {
                    return Err(format!(
                        "{} is called connected, and no router has accepted it: {message}",
                        one.mud
                    ));
                }
            }
            Fact::GatewayStarted { gateway, muds, .. } => drop(self.muds.insert(*gateway, muds.clone())),
            Fact::AllReady { gateway } => {
                let mut muds = self.muds.get(gateway).into_iter().flatten();
                if let Some(mud) = muds.find(|mud| !self.was_ready(mud, now)) {
                    return Err(format!("{mud} is ready, and no router has accepted it"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
