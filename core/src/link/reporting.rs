//! A link is reported to other nodes, or shows what another node reports.

use super::report::Report;
use super::router_link::RouterLink;

impl RouterLink {
    /// Returns what this node reports of the link that it runs.
    pub fn report(&self, node: &str, epoch: u64, behind_coffeemud: bool) -> Report {
        Report {
            node: node.to_owned(),
            epoch,
            state: self.state(),
            router: self.router().clone(),
            since: self.since(),
            last_error: self.last_error().map(str::to_owned),
            next_attempt: self.next_attempt(),
            liveness: self.liveness(),
            behind_coffeemud,
        }
    }

    /// Shows what another node reports, until the link is this node's.
    pub fn show(&mut self, report: Report) {
        self.shown = Some(Box::new(report));
    }

    /// Whether a report says of this link what is so.
    pub fn is_as(&self, report: &Report, epoch: u64, behind_coffeemud: bool) -> bool {
        report.epoch == epoch
            && report.behind_coffeemud == behind_coffeemud
            && report.state == self.state()
            && report.since == self.since()
            && report.next_attempt == self.next_attempt()
            && report.liveness == self.liveness()
            && report.last_error.as_deref() == self.last_error()
            && report.router == *self.router()
    }
}
