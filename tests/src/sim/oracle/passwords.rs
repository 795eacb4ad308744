//! The passwords that logins send.

use super::{Fact, Oracle, Verdict, View};
use i3_core::time::Instant;
use std::collections::BTreeMap;

/// A login sends the password that the router gave last; after a crash the last that was durable, or a newer one.
#[derive(Default)]
pub(super) struct Passwords {
    /// By mud and router, all that the router gave, in their order.
    given: BTreeMap<(String, String), Vec<i64>>,
    /// What the next login may send.
    expected: BTreeMap<(String, String), Expected>,
    /// The last that the gateway knew to be on disk.
    durable: BTreeMap<(String, String), i64>,
}

#[derive(Default)]
struct Expected {
    password: i64,
    /// Where and when it came, and what it took the place of.
    came: Option<(u64, Instant, i64)>,
    /// The gateway may not have read it: what was known before is as good.
    or: Option<i64>,
}

impl Passwords {
    fn came(&mut self, now: Instant, link: u64, key: (String, String), password: i64) {
        self.given.entry(key.clone()).or_default().push(password);
        let expected = self.expected.entry(key).or_default();
        let before = std::mem::replace(&mut expected.password, password);
        *expected = Expected { password, came: Some((link, now, before)), or: None };
    }

    fn started(&mut self, muds: &[String], passwords: &BTreeMap<(String, String), i64>) -> Verdict {
        self.expected.retain(|(mud, _), _| !muds.contains(mud));
        for (key, password) in passwords {
            self.expected.insert(key.clone(), Expected { password: *password, ..Expected::default() });
        }
        for (key, durable) in self.durable.iter().filter(|((mud, _), _)| muds.contains(mud)) {
            let given = self.given.get(key).map_or(&[][..], Vec::as_slice);
            let place = |password: i64| given.iter().rposition(|given| *given == password);
            let found = passwords.get(key).copied().unwrap_or(0);
            if place(found) < place(*durable) {
                return Err(format!("{key:?}: the store holds {found}, {durable} had been made durable"));
            }
        }
        Ok(())
    }
}

impl Oracle for Passwords {
    fn see(&mut self, now: Instant, view: &View, fact: &Fact) -> Verdict {
        match fact {
            Fact::FrameCame { link, frame } if frame.kind == "startup-reply" => {
                if let Some(known) = view.links.get(link)
                    && frame.password != 0
                    && frame.from_mud.eq_ignore_ascii_case(&known.router)
                {
                    self.came(now, *link, (known.mud.clone(), known.router.clone()), frame.password);
                }
            }
            Fact::LinkOver { link, unflushed } => {
                for expected in self.expected.values_mut() {
                    if let Some((of, at, before)) = expected.came
                        && of == *link
                        && (at == now || *unflushed || view.links.get(link).is_some_and(|link| link.left))
                    {
                        expected.or = Some(before);
                    }
                }
            }
            Fact::PasswordSaved { mud, router, password } => {
                self.durable.insert((mud.clone(), router.clone()), *password);
            }
            Fact::GatewayStarted { muds, passwords, .. } => return self.started(muds, passwords),
            Fact::FrameSent { link, frame, .. } if frame.kind == "startup-req-3" => {
                let Some(link) = view.links.get(link) else { return Ok(()) };
                let key = (frame.from_mud.clone(), link.router.clone());
                let (expected, or) = self.expected.get(&key).map_or((0, None), |e| (e.password, e.or));
                if frame.password != expected && Some(frame.password) != or {
                    return Err(format!("{key:?} logs in with {}, not with {expected}", frame.password));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
