//! PostgreSQL: an engine that several gateways share.
//!
//! The tables and the functions that write them are in `schema.sql`. A save is one statement, so a node that is stopped
//! or cut off in the middle holds no lock.

mod beat;
mod body;
mod examine;
mod fill;
mod follow;
mod lines;
mod numbers;
mod place;
mod save;
mod schema;
mod session;

use crate::engine::StoreError;
use crate::shared::{Finding, NodeIdentity, Roles, SharedPlace, SharedStore, Start};
use futures_lite::StreamExt;
use i3_core::machine::{Change, Node};
use session::{Failure, Limits, Session, at};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Executor, Row};
use std::sync::Arc;
use std::time::Duration;

/// How far before the last save a node begins to follow the log, as an interval of PostgreSQL. Effects of packets that came
/// then may not be saved yet.
const TOLD_BEFORE: &str = "60 seconds";

/// A pause between two saves counts as no more than this: what came before a pause of all nodes may not be saved yet either,
/// although one of them has begun again.
const PAUSE_MAX: &str = "5 seconds";

/// Saves that are looked at for that.
const TOLD_BEFORE_SAVES_MAX: i64 = 100_000;

/// A database, opened by one node.
pub(crate) struct PostgresStore {
    options: PgConnectOptions,
    shown: String,
    identity: NodeIdentity,
    session: Session,
}

impl PostgresStore {
    /// Makes a store whose database is looked for when it is used.
    pub(crate) fn new(place: &SharedPlace, identity: NodeIdentity) -> Result<Self, StoreError> {
        let options = place::options(place)?;
        let shown = place::shown(&options);
        let session = Session::new(options.clone(), Limits::of_whole());
        Ok(PostgresStore { options, shown, identity, session })
    }

    /// Connects, and makes the tables or brings them up to date.
    pub(crate) fn open(place: &SharedPlace, identity: NodeIdentity) -> Result<(Self, bool), StoreError> {
        let mut store = PostgresStore::new(place, identity)?;
        let migrated = store.session.run(async |connection| schema::migrate(connection).await);
        match migrated {
            Ok(before) => Ok((store, before == 0)),
            Err(failure) => Err(store.failed(failure)),
        }
    }

    /// Connects to a database that has tables of the present version.
    pub(crate) fn open_existing(place: &SharedPlace, identity: NodeIdentity) -> Result<Self, StoreError> {
        let mut store = PostgresStore::new(place, identity)?;
        match store.session.run(async |connection| schema::is_current(connection).await) {
            Ok(()) => Ok(store),
            Err(failure) => Err(store.failed(failure)),
        }
    }

    /// Checks the connection, the server and the state, and changes nothing.
    pub(crate) fn examine(&self) -> Vec<Finding> {
        examine::examine(&self.options, &self.shown)
    }

    fn failed(&self, failure: Failure) -> StoreError {
        at(&self.shown, "the database cannot be used", failure)
    }
}

/// Reads everything in one snapshot.
async fn load(
    connection: &mut PgConnection,
    value_bytes_max: usize,
    take: &mut dyn FnMut(Change),
) -> Result<Start, Failure> {
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (last, next, away_micros, told_from): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT p.last, p.next, coalesce((
             SELECT greatest(0, extract(epoch FROM clock_timestamp() - max(at)) * 1000000) FROM i3_log
         ), 0)::bigint, coalesce((
             SELECT min(timed.position) FROM (
                 SELECT paused.position, sum(paused.pause) OVER (ORDER BY paused.position DESC) AS before
                 FROM (
                     SELECT newest.position, coalesce(least(
                         lag(newest.at) OVER (ORDER BY newest.position DESC) - newest.at, $2::text::interval
                     ), interval '0') AS pause
                     FROM (SELECT position, at FROM i3_log ORDER BY position DESC LIMIT $3) AS newest
                 ) AS paused
             ) AS timed WHERE timed.before <= $1::text::interval
         ), p.next)
         FROM i3_position p",
    )
    .bind(TOLD_BEFORE)
    .bind(PAUSE_MAX)
    .bind(TOLD_BEFORE_SAVES_MAX)
    .fetch_one(&mut *connection)
    .await?;
    let mut rows = sqlx::query(
        "SELECT space, key, CASE WHEN octet_length(value) <= $1 THEN value END FROM i3_entry ORDER BY space, key",
    )
    .bind(i64::try_from(value_bytes_max).unwrap_or(i64::MAX))
    .fetch(&mut *connection);
    while let Some(row) = rows.next().await {
        let row = row?;
        let (space, value): (&str, Option<&[u8]>) = (row.try_get(0)?, row.try_get(2)?);
        let key = std::str::from_utf8(row.try_get(1)?)
            .map_err(|_| Failure::Refused("the key of an entry is not UTF-8".to_owned()))?;
        take(Change { space: space.into(), key: key.into(), value: value.map(Arc::from) });
    }
    drop(rows);
    connection.execute("COMMIT").await?;
    let [position, end, told_from] = [last, next, told_from].map(numbers::unsigned);
    let away = Duration::from_micros(numbers::unsigned(away_micros));
    Ok(Start { position, end, told_from, away })
}

impl SharedStore for PostgresStore {
    fn place(&self) -> String {
        self.shown.clone()
    }

    fn nodes(&mut self) -> Result<Vec<Node>, StoreError> {
        let lease = self.identity.lease;
        let viewed = self.session.run(async |connection| beat::view(connection, lease).await);
        viewed.map(|view| view.beaten.nodes).map_err(|failure| self.failed(failure))
    }

    fn load(&mut self, value_bytes_max: usize, take: &mut dyn FnMut(Change)) -> Result<Start, StoreError> {
        let loaded = self.session.run(async |connection| load(connection, value_bytes_max, take).await);
        loaded.map_err(|failure| self.failed(failure))
    }

    fn fill(&mut self, entries: &[Change], ids_below: u64) -> Result<(), StoreError> {
        let filled = self.session.run(async |connection| fill::fill(connection, entries, ids_below).await);
        filled.map_err(|failure| self.failed(failure))
    }

    fn roles(self: Box<Self>, start: &Start) -> Roles {
        let PostgresStore { options, shown, identity, .. } = *self;
        let limits = Limits::of_lease(identity.lease);
        let session = || Session::new(options.clone(), limits);
        Roles {
            saver: Box::new(save::PostgresSaver {
                session: session(),
                place: shown.clone(),
                boot: identity.boot.clone(),
                calls: 0,
            }),
            beater: Box::new(beat::PostgresBeater {
                session: session(),
                place: shown.clone(),
                identity: identity.clone(),
                calls: 0,
            }),
            lines: Some(Box::new(lines::PostgresLines::new(&options, limits.connect, shown.clone()))),
            follower: Box::new(follow::PostgresFollower::new(
                options.clone(),
                limits,
                shown,
                start.told_from,
            )),
            patience: identity.lease / 5,
        }
    }
}
