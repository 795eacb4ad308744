//! What a router passes on.

use super::{Fact, Oracle, Verdict, View};
use crate::sim::tap::{Frame, Tag};
use i3_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A router passes each tell on once, to a mud that is online there. With the rules for what goes out of a gateway and comes
/// into one that makes: a tell arrives exactly once, unless a connection or a process ends on its way.
#[derive(Default)]
pub(super) struct Relay {
    /// Links over which a login has come: what comes before it is garbage, even if it looks like an answer to one.
    asked: BTreeSet<u64>,
    /// Links that the router has accepted, and their muds.
    online: BTreeMap<u64, (String, String)>,
    /// What is to be passed on, to which mud of which router.
    owed: BTreeMap<Tag, (String, String)>,
    passed: BTreeSet<Tag>,
}

impl Relay {
    fn got(&mut self, link: u64, frame: &Frame) {
        if frame.kind == "startup-req-3" {
            self.asked.insert(link);
        }
        let Some((router, _)) = self.online.get(&link) else { return };
        match (frame.kind.as_str(), frame.tag) {
            ("tell" | "emoteto", Some(tag)) => {
                let to = (router.clone(), frame.to_mud.clone());
                if self.online.values().any(|online| *online == to) {
                    self.owed.insert(tag, to);
                }
            }
            ("shutdown", _) => self.over(link),
            _ => {}
        }
    }

    fn over(&mut self, link: u64) {
        if let Some(gone) = self.online.remove(&link)
            && !self.online.values().any(|online| *online == gone)
        {
            self.owed.retain(|_, to| *to != gone);
        }
    }
}

impl Oracle for Relay {
    fn see(&mut self, _: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::RouterGot { link, frame } => self.got(*link, frame),
            Fact::RouterGave { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link)
                    && self.asked.contains(link)
                {
                    self.online.insert(*link, (known.router.clone(), known.mud.clone()));
                }
            }
            Fact::RouterGave { link, frame } => {
                if let (Some(tag), "tell" | "emoteto") = (frame.tag, frame.kind.as_str()) {
                    self.owed.remove(&tag);
                    if !self.passed.insert(tag) && !view.is_flooded {
                        return Err(format!("it is passed on twice: {}", frame.text));
                    }
                    if view.mud_of(*link) != frame.to_mud {
                        return Err(format!("it is passed on to {}: {}", view.mud_of(*link), frame.text));
                    }
                }
            }
            Fact::RouterOver { link } => self.over(*link),
            Fact::Quiet if !view.is_flooded => {
                if let Some((tag, (router, mud))) = self.owed.iter().next() {
                    return Err(format!("{router} has not passed {tag:?} on to {mud}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
