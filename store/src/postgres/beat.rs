//! Renews, takes and gives back the leases of a node.

use super::numbers::{signed, unsigned};
use super::session::{Failure, Session, at};
use crate::engine::StoreError;
use crate::shared::{BeatOutcome, Beater, NodeIdentity};
use i3_core::machine::{Beat, Fence, Lease, Node};
use sqlx::postgres::PgConnection;
use std::time::Duration;

pub(super) struct PostgresBeater {
    pub(super) session: Session,
    pub(super) place: String,
    pub(super) identity: NodeIdentity,
    /// How many calls there were. The database refuses one that comes after a later one.
    pub(super) calls: i64,
}

/// A row of the function `i3_view`.
type Row = (String, String, String, i64, i64, bool);

/// Reads leases and nodes.
pub(super) async fn view(connection: &mut PgConnection, lease: Duration) -> Result<BeatOutcome, Failure> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT * FROM i3_view($1)").bind(lease.as_secs_f64()).fetch_all(connection).await?;
    Ok(outcome(rows))
}

fn outcome(rows: Vec<Row>) -> BeatOutcome {
    let mut outcome = BeatOutcome::default();
    for (kind, label, boot, number, left_micros, is_draining) in rows {
        match kind.as_str() {
            "position" => outcome.position = unsigned(number),
            "lease" => outcome.beaten.leases.push(Lease {
                fence: Fence { mud: label, epoch: unsigned(number) },
                boot,
                left: Duration::from_micros(unsigned(left_micros)),
            }),
            _ => outcome.beaten.nodes.push(Node { name: label, boot, is_draining }),
        }
    }
    outcome.beaten.leases.sort_by(|one, other| one.fence.mud.cmp(&other.fence.mud));
    outcome.beaten.nodes.sort_by(|one, other| (&one.name, &one.boot).cmp(&(&other.name, &other.boot)));
    outcome
}

fn columns(fences: &[Fence]) -> (Vec<&str>, Vec<i64>) {
    fences.iter().map(|fence| (fence.mud.as_str(), signed(fence.epoch))).unzip()
}

impl PostgresBeater {
    fn failed(&self, failure: Failure) -> StoreError {
        at(&self.place, "leases cannot be renewed", failure)
    }
}

impl Beater for PostgresBeater {
    fn beat(&mut self, ask: &Beat) -> Result<BeatOutcome, StoreError> {
        let NodeIdentity { name, boot, lease } = &self.identity;
        let ((keep_muds, keep_epochs), (leave_muds, leave_epochs)) =
            (columns(&ask.keep), columns(&ask.leave));
        self.calls += 1;
        let call = self.calls;
        let take: Vec<&str> = ask.take.iter().map(String::as_str).collect();
        let beaten = self.session.run(async |connection| {
            let rows: Vec<Row> =
                sqlx::query_as("SELECT * FROM i3_beat($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
                    .bind(boot.as_str())
                    .bind(call)
                    .bind(name.as_str())
                    .bind(ask.is_draining)
                    .bind(ask.is_gone)
                    .bind(lease.as_secs_f64())
                    .bind(keep_muds)
                    .bind(keep_epochs)
                    .bind(leave_muds)
                    .bind(leave_epochs)
                    .bind(take)
                    .fetch_all(connection)
                    .await?;
            Ok(outcome(rows))
        });
        beaten.map_err(|failure| self.failed(failure))
    }

    fn view(&mut self) -> Result<BeatOutcome, StoreError> {
        let lease = self.identity.lease;
        let viewed = self.session.run(async |connection| view(connection, lease).await);
        viewed.map_err(|failure| self.failed(failure))
    }
}
