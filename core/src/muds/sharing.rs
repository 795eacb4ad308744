//! Muds that several nodes share: one node runs the link of each, and reports it to the others.

use super::all::Muds;
use super::holding::Holder;
use crate::cx::Cx;
use crate::ids::MudId;
use crate::link::{Liveness, Report, RouterLink, StateName};
use crate::settings::Settings;

/// Whether packets of games wait until the database is back.
pub(super) fn holds_back(cx: &Cx<'_>) -> bool {
    cx.settings.node.as_ref().is_some_and(|node| !node.keeps_without_database) && cx.fx.is_store_away()
}

impl Muds {
    /// Whether this node runs the link of a mud. On one host it does.
    pub(crate) fn is_holder(&self, settings: &Settings, mud: MudId) -> bool {
        settings.node.is_none() || self[mud].holding.epoch.is_some()
    }

    /// Another node may run the link of a mud. For the start.
    pub(crate) fn stand_by(&mut self, mud: MudId) {
        self[mud].link.stand_by();
    }

    /// This node runs the link of a mud from now on. It dials at once, unless another node was at the router a moment ago.
    pub(crate) fn take_up(&mut self, cx: &mut Cx<'_>, mud: MudId, epoch: u64) {
        let holding = &mut self[mud].holding;
        holding.epoch = Some(epoch);
        let earliest = holding.login_at().filter(|at| *at > cx.now.mono);
        self.step(cx, mud, |link, lent| {
            let event = link.take_up(lent);
            if let Some(earliest) = earliest {
                link.postpone(earliest);
            }
            event
        });
    }

    /// This node goes on to run a link, with another lease.
    pub(crate) fn renumber(&mut self, cx: &mut Cx<'_>, mud: MudId, epoch: u64) {
        self[mud].holding.epoch = Some(epoch);
        self.step(cx, mud, |_, _| None);
    }

    /// Logs off, for another node that logs in next.
    pub(crate) fn hand_over(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        let one = &mut self[mud];
        cx.metrics.packets_expired += one.pacer.clear() as u64;
        one.handed.unqueue();
        self.step(cx, mud, RouterLink::hand_over);
    }

    /// The database is away: what is sent now could not be removed from it, and the next holder would send it again. So packets of
    /// games wait, unless this node keeps its links without the database.
    pub(crate) fn hold_back(&mut self, cx: &Cx<'_>) {
        if !holds_back(cx) {
            return;
        }
        for mud in self.ids() {
            let one = &mut self[mud];
            one.pacer.drop_handed();
            one.handed.unqueue();
        }
    }

    /// This node no longer writes what only the holder of a mud writes. Its link has ended.
    pub(crate) fn release(&mut self, mud: MudId) {
        let holding = &mut self[mud].holding;
        (holding.epoch, holding.reported) = (None, None);
    }

    /// This node no longer holds a mud: its link ends at once.
    pub(crate) fn cut(&mut self, cx: &mut Cx<'_>, mud: MudId, why: &str) {
        self.release(mud);
        let one = &mut self[mud];
        cx.metrics.packets_expired += one.pacer.clear() as u64;
        one.handed.unqueue();
        self.step(cx, mud, |link, lent| link.cut(lent, why));
    }

    /// Handles what the holder of a mud reports of its link. Returns whether it can be read.
    pub(crate) fn report_told(&mut self, cx: &Cx<'_>, mud: MudId, value: &[u8]) -> bool {
        let Some(report) = Report::from_saved(value, cx.now) else { return false };
        let known = &mut self[mud].holding.told;
        // What an earlier holder has saved may be told after what the next one has.
        if known.as_ref().is_none_or(|known| known.epoch <= report.epoch) {
            let was_ready = known.as_ref().is_some_and(|known| known.state == StateName::Ready);
            let has_left = was_ready && report.state != StateName::Ready;
            *known = Some(report);
            if has_left {
                self[mud].holding.left = Some(cx.now.mono);
            }
        }
        true
    }

    /// Shows the link of a mud as its holder reports it, unless this node runs it.
    pub(crate) fn show(&mut self, cx: &Cx<'_>, mud: MudId, holder: Holder<'_>) {
        if self.is_holder(cx.settings, mud) {
            return;
        }
        let one = &mut self[mud];
        let told = one.holding.told.as_ref();
        let nothing = |epoch, node: Option<&str>, why: String| Report {
            node: node.unwrap_or_default().to_owned(),
            epoch,
            state: StateName::Waiting,
            router: told.map_or_else(|| one.link.router().clone(), |told| told.router.clone()),
            since: one.link.since(),
            last_error: Some(why),
            next_attempt: None,
            liveness: Liveness::NotConnected,
            behind_coffeemud: told.map_or(one.behind_coffeemud, |told| told.behind_coffeemud),
        };
        let report = match (holder, told) {
            (Holder::Unknown, Some(told)) => told.clone(),
            (Holder::Unknown, None) => nothing(0, None, "the database was not asked yet".to_owned()),
            (Holder::Nobody(why), _) => nothing(0, None, why.to_owned()),
            (Holder::Node(epoch, _), Some(told)) if told.epoch >= epoch => told.clone(),
            (Holder::Node(epoch, node), _) => {
                let name = node.unwrap_or("another node");
                nothing(epoch, node, format!("{name} has taken the link, and logs in"))
            }
        };
        one.behind_coffeemud = report.behind_coffeemud;
        one.link.show(report);
    }

    /// Returns whether the link of a mud is ready, if that is news for its sessions.
    pub(crate) fn news_of_readiness(&mut self, mud: MudId) -> Option<bool> {
        let one = &mut self[mud];
        let is_ready = one.link.is_ready();
        (std::mem::replace(&mut one.holding.is_told_ready, is_ready) != is_ready).then_some(is_ready)
    }
}
