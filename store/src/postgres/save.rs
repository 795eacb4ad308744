//! Writes the saves of a node.

use super::body;
use super::lines::{Columns, Lines};
use super::numbers::signed;
use super::session::{Failure, Session, at};
use crate::engine::StoreError;
use crate::shared::{CommitError, FencedSave, Saver};
use i3_core::line;
use i3_core::machine::{Change, Clear, POSITIONS_OF_SAVE, SmolStr, is_passing, positions_of};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long saves stay in the log, as an interval of PostgreSQL. A node that was away for longer starts anew.
const LOG_AGE: &str = "1 hour";

/// Entries of the log that are deleted with one statement, and how many such statements there are in a row.
const TIDY_ROWS_MAX: i64 = 5_000;
const TIDY_ROUNDS_MAX: u32 = 20;

/// How long a node that was not seen stays in the tables.
const NODE_AGE: &str = "1 day";

/// The number of the lock under which one node at a time deletes lines: "i3-lines" as a number.
const TIDY_LINES_LOCK: i64 = 0x6933_2d6c_696e_6573;

/// Lines that are too old and are deleted in one transaction.
const TIDY_OLD_LINES_MAX: i64 = 500;

/// Lines of the lane with the most bytes that are deleted in one transaction.
const TIDY_LONG_LINES_MAX: i64 = 50;

/// How long one call of [`Saver::tidy`] goes on to delete lines. The saves of this node wait for it.
const TIDY_LINES_TIME: Duration = Duration::from_millis(200);

/// Writes entries, the log and lines.
const SAVE: &str = "SELECT i3_save_lines($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
                    $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)";

pub(super) struct PostgresSaver {
    pub(super) session: Session,
    pub(super) place: String,
    pub(super) boot: String,
    /// How many calls there were. The database refuses one that comes after a later one.
    pub(super) calls: i64,
}

/// What several saves in one transaction come to. Of two changes of one key only the later one counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Net<'a> {
    clears_all: bool,
    cleared: BTreeSet<&'a str>,
    entries: BTreeMap<(&'a str, &'a str), Option<&'a [u8]>>,
    lines: Lines<'a>,
}

impl<'a> Net<'a> {
    fn of(saves: impl Iterator<Item = &'a FencedSave>) -> Net<'a> {
        let mut net = Net::default();
        for save in saves {
            net.lines.clear(&save.clear);
            match &save.clear {
                Clear::Nothing => {}
                Clear::Spaces(spaces) => {
                    net.entries.retain(|(space, _), _| !save.clear.covers(space));
                    net.cleared.extend(spaces.iter().map(SmolStr::as_str));
                }
                Clear::Everything => {
                    net.entries.clear();
                    net.clears_all = true;
                }
            }
            for change in save.changes.iter().filter(|change| !is_passing(&change.space)) {
                match line::mud_of(&change.space) {
                    Some(mud) => net.lines.note(mud, change),
                    None => {
                        net.entries.insert((&change.space, &change.key), change.value.as_deref());
                    }
                }
            }
        }
        net
    }
}

/// Returns how many positions a save takes.
fn span(save: &FencedSave) -> i64 {
    let span = save.changes.iter().map(positions_of).fold(POSITIONS_OF_SAVE, u64::saturating_add);
    i64::try_from(span).unwrap_or(i64::MAX)
}

/// Returns a save as the log has it: without lines of the history, which no node needs to be told.
fn body_of(save: &FencedSave) -> Vec<u8> {
    let told: Vec<&Change> = save.changes.iter().filter(|change| !line::is_of_lines(&change.space)).collect();
    body::encode(&save.clear, &told)
}

impl PostgresSaver {
    /// Writes saves in one transaction. Some muds: the node does not hold them, and nothing was written.
    fn write(&mut self, saves: &[&FencedSave]) -> Result<Option<Vec<String>>, Failure> {
        let fences: BTreeSet<(&str, u64)> = saves
            .iter()
            .flat_map(|save| &save.fences)
            .map(|fence| (fence.mud.as_str(), fence.epoch))
            .collect();
        let (fence_muds, fence_epochs): (Vec<&str>, Vec<i64>) =
            fences.into_iter().map(|(mud, epoch)| (mud, signed(epoch))).unzip();
        let net = Net::of(saves.iter().copied());
        let cleared: Vec<&str> = net.cleared.into_iter().collect();
        let (mut deleted_spaces, mut deleted_keys) = (Vec::new(), Vec::new());
        let (mut put_spaces, mut put_keys, mut put_values) = (Vec::new(), Vec::new(), Vec::new());
        for ((space, key), value) in net.entries {
            match value {
                Some(value) => {
                    put_spaces.push(space);
                    put_keys.push(key.as_bytes());
                    put_values.push(value);
                }
                None => {
                    deleted_spaces.push(space);
                    deleted_keys.push(key.as_bytes());
                }
            }
        }
        let spans: Vec<i64> = saves.iter().map(|save| span(save)).collect();
        let bodies: Vec<Vec<u8>> = saves.iter().map(|save| body_of(save)).collect();
        let boot = self.boot.as_str();
        let clears_all = net.clears_all;
        let lines: Columns<'_> = net.lines.into_columns();
        self.calls += 1;
        let call = self.calls;
        self.session.run(async |connection| {
            let stale: Option<Vec<String>> = sqlx::query_scalar(SAVE)
                .bind(boot)
                .bind(call)
                .bind(fence_muds)
                .bind(fence_epochs)
                .bind(clears_all)
                .bind(cleared)
                .bind(deleted_spaces)
                .bind(deleted_keys)
                .bind(put_spaces)
                .bind(put_keys)
                .bind(put_values)
                .bind(spans)
                .bind(bodies)
                .bind(lines.cleared)
                .bind(lines.muds)
                .bind(lines.ids)
                .bind(lines.lanes)
                .bind(lines.ats)
                .bind(lines.borns)
                .bind(lines.texts)
                .bind(lines.values)
                .bind(lines.kept_muds)
                .bind(lines.kept_borns)
                .bind(lines.kept_bytes)
                .fetch_one(connection)
                .await?;
            Ok(stale)
        })
    }
}

impl Saver for PostgresSaver {
    fn commit(&mut self, saves: &[FencedSave]) -> Result<Vec<Result<(), Vec<String>>>, CommitError> {
        let mut outcomes = vec![Ok(()); saves.len()];
        let mut lost: BTreeSet<String> = BTreeSet::new();
        loop {
            // A save that names one of these muds under an epoch that is over is stale as a whole.
            for (save, outcome) in saves.iter().zip(&mut outcomes) {
                let mut muds: Vec<String> = save.fences.iter().map(|fence| fence.mud.clone()).collect();
                muds.retain(|mud| lost.contains(mud));
                if !muds.is_empty() {
                    muds.sort();
                    muds.dedup();
                    *outcome = Err(muds);
                }
            }
            let rest: Vec<&FencedSave> = saves
                .iter()
                .zip(&outcomes)
                .filter(|(_, outcome)| outcome.is_ok())
                .map(|(save, _)| save)
                .collect();
            if rest.is_empty() {
                return Ok(outcomes);
            }
            match self.write(&rest) {
                Ok(None) => return Ok(outcomes),
                Ok(Some(muds)) => lost.extend(muds),
                Err(failure) => {
                    let error = at(&self.place, "the changes may not be saved", &failure);
                    return Err(match failure {
                        Failure::Away(_) => CommitError::Away(error),
                        Failure::Refused(_) => CommitError::Refused(error),
                    });
                }
            }
        }
    }

    fn tidy(&mut self) -> Result<(), StoreError> {
        let outcome = self.session.run(async |connection| {
            for _ in 0..TIDY_ROUNDS_MAX {
                let deleted = sqlx::query(
                    "DELETE FROM i3_log WHERE position <= (
                         SELECT max(oldest.position)
                         FROM (SELECT position, at FROM i3_log ORDER BY position LIMIT $1) AS oldest
                         WHERE oldest.at < clock_timestamp() - $2::text::interval
                     )",
                )
                .bind(TIDY_ROWS_MAX)
                .bind(LOG_AGE)
                .execute(&mut *connection)
                .await?;
                if signed(deleted.rows_affected()) < TIDY_ROWS_MAX {
                    break;
                }
            }
            for table in ["DELETE FROM i3_node WHERE seen <", "DELETE FROM i3_call WHERE at <"] {
                let statement = format!("{table} clock_timestamp() - $1::text::interval");
                sqlx::query(AssertSqlSafe(statement)).bind(NODE_AGE).execute(&mut *connection).await?;
            }
            let until = Instant::now() + TIDY_LINES_TIME;
            while Instant::now() < until {
                let gone: i64 = sqlx::query_scalar("SELECT i3_tidy_lines($1, $2, $3)")
                    .bind(TIDY_LINES_LOCK)
                    .bind(TIDY_OLD_LINES_MAX)
                    .bind(TIDY_LONG_LINES_MAX)
                    .fetch_one(&mut *connection)
                    .await?;
                if gone == 0 {
                    break;
                }
            }
            Ok(())
        });
        outcome.map_err(|failure| at(&self.place, "what is old was not deleted", failure))
    }
}
