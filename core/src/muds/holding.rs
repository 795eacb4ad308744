//! Who runs the link of a mud that several nodes share, and what the others know of it.

use super::logins::{LOGINS_APART, PACKETS_APART};
use crate::ids::MudId;
use crate::link::{Report, RouterLink};
use crate::machine::{Change, SmolStr};
use crate::settings::Settings;
use crate::spaces::Space;
use crate::time::{Instant, Now};

/// The key of the only entry in its space.
const KEY: &str = "state";

/// What is known of who runs the link of a mud.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    /// The number of the lease with which this node holds the mud.
    pub(super) epoch: Option<u64>,
    /// What this node has last reported, and as it was saved.
    pub(super) reported: Option<(Report, Change)>,
    /// What another node has last reported.
    pub(super) told: Option<Report>,
    /// Sessions were told that the link is ready.
    pub(super) is_told_ready: bool,
    /// When this node learned of the last login of the mud, through any node.
    pub(super) logged_in: Option<Instant>,
    /// When this node learned that another one had left the router, or left it itself.
    pub(super) left: Option<Instant>,
}

impl Holding {
    /// Returns when this node may log the mud in, after what others have sent. A router that counts the packets of a second would
    /// drop the login, or what follows.
    pub(super) fn login_at(&self) -> Option<Instant> {
        let after_login = self.logged_in.map(|at| at + LOGINS_APART);
        after_login.into_iter().chain(self.left.map(|at| at + PACKETS_APART)).max()
    }

    /// Restores a saved report. Returns whether it can be read.
    pub(super) fn restore(&mut self, value: &[u8], now: Now) -> bool {
        self.told = Report::from_saved(value, now);
        self.told.is_some()
    }

    /// Returns the entry that the store must have, if this node writes it.
    pub(super) fn entry(&self) -> Option<Change> {
        self.reported.as_ref().filter(|_| self.epoch.is_some()).map(|(_, change)| change.clone())
    }

    /// Returns the change that reports the link, if this node runs it and has not reported that already.
    pub(super) fn report(
        &mut self,
        (settings, mud, now): (&Settings, MudId, Now),
        link: &RouterLink,
        behind_coffeemud: bool,
    ) -> Option<Change> {
        let (epoch, node) = (self.epoch?, settings.node.as_ref()?);
        if self.reported.as_ref().is_some_and(|(report, _)| link.is_as(report, epoch, behind_coffeemud)) {
            return None;
        }
        let report = link.report(&node.name, epoch, behind_coffeemud);
        let space = Space::Link.of(&settings.mud(mud).name);
        let change = Change { space, key: SmolStr::new_static(KEY), value: report.to_saved(now) };
        self.reported = Some((report, change.clone()));
        Some(change)
    }
}

/// Whose a link is, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder<'a> {
    /// It is not known yet. What was reported last may still be so.
    Unknown,
    /// Nobody's. Why, for people.
    Nobody(&'static str),
    /// The node with this lease and, if it is known, this name.
    Node(u64, Option<&'a str>),
}
