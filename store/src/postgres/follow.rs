//! Reads the log of the saves of all nodes.

use super::body;
use super::numbers::{signed, unsigned};
use super::session::{Failure, Limits, Retry, at, set_up, within};
use crate::engine::StoreError;
use crate::shared::{FollowError, Follower, News};
use async_channel::{Receiver, Sender};
use async_io::{Timer, block_on};
use futures_lite::future::or;
use i3_core::machine::Told;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::time::Duration;

/// The channel on which the functions of the database announce saves and changes of leases.
const CHANNEL: &str = "i3_gateway";

/// What is announced after a change of leases or nodes.
const LEASES: &str = "leases";

/// How long to wait for an announcement before the log is read all the same.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Saves that are read at a time, and their bytes. A longer save comes alone.
const PAGE_SAVES_MAX: i64 = 500;
const PAGE_BYTES_MAX: i64 = 4_194_304;

/// The time for a page, whatever the length of a lease: a save can be long.
const PAGE_TIME_MIN: Duration = Duration::from_secs(5);

pub(super) struct PostgresFollower {
    options: PgConnectOptions,
    limits: Limits,
    place: String,
    /// The position of the save to read next.
    next: u64,
    listener: Option<PgListener>,
    retry: Retry,
    /// Leases may have changed since this was last reported.
    leases_changed: bool,
    /// The log may have entries that were not read.
    is_due: bool,
    interrupts: (Sender<()>, Receiver<()>),
}

/// A page of the log.
enum Page {
    /// Saves, and the position after them.
    Saves(Vec<Told>),
    /// The next save is not there.
    Gone(String),
}

/// A row: the position of the next save of all, and the columns of the log.
type Row = (i64, Option<i64>, Option<i64>, Option<String>, Option<Vec<u8>>);

impl PostgresFollower {
    pub(super) fn new(options: PgConnectOptions, limits: Limits, place: String, next: u64) -> Self {
        let limits = Limits { statement: limits.statement.map(|limit| limit.max(PAGE_TIME_MIN)), ..limits };
        PostgresFollower {
            options,
            limits,
            place,
            next,
            listener: None,
            retry: Retry::default(),
            leases_changed: false,
            is_due: true,
            interrupts: async_channel::bounded(1),
        }
    }

    /// Connects, and listens for announcements.
    fn listen(&mut self) -> Result<&mut PgListener, Failure> {
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => {
                // Announcements may have been missed.
                (self.is_due, self.leases_changed) = (true, true);
                let connected = block_on(connect(&self.options, self.limits));
                connected.inspect_err(|_| self.retry.note(false))?
            }
        };
        Ok(self.listener.insert(listener))
    }

    /// Reads the next page. After a failure the connection is given up.
    fn read(&mut self) -> Result<Page, Failure> {
        let (next, limit) = (self.next, self.limits.statement.unwrap_or(PAGE_TIME_MIN));
        let listener = self.listen()?;
        let outcome = block_on(within(limit, page(listener, next)));
        self.retry.note(outcome.is_ok());
        if outcome.is_err() {
            self.listener = None;
        }
        outcome
    }

    /// Waits for an announcement, at most [`LOOK_INTERVAL`].
    fn wait(&mut self) -> Result<(), Failure> {
        let interrupts = self.interrupts.1.clone();
        let listener = self.listen()?;
        let heard = block_on(or(
            async {
                let heard = listener.try_recv().await.map_err(Failure::from)?;
                heard.map(Some).ok_or_else(|| Failure::Away("the connection was lost".to_owned()))
            },
            or(
                async {
                    Timer::after(LOOK_INTERVAL).await;
                    Ok(None)
                },
                async {
                    let _ = interrupts.recv().await;
                    Ok(None)
                },
            ),
        ));
        self.is_due = true;
        match heard {
            Ok(None) => Ok(()),
            Ok(Some(first)) => {
                let mut heard = Some(first);
                while let Some(one) = heard {
                    self.leases_changed |= one.payload() == LEASES;
                    heard = self.listener.as_mut().and_then(PgListener::next_buffered);
                }
                Ok(())
            }
            Err(failure) => {
                self.listener = None;
                self.retry.note(false);
                Err(failure)
            }
        }
    }

    /// Waits until another attempt to connect may be made.
    fn pause(&self) {
        let (wait, interrupts) = (self.retry.wait(), self.interrupts.1.clone());
        if self.listener.is_none() && !wait.is_zero() {
            let waited = async {
                Timer::after(wait).await;
            };
            let interrupted = async {
                let _ = interrupts.recv().await;
            };
            block_on(or(waited, interrupted));
        }
    }

    fn away(&self, failure: Failure) -> FollowError {
        FollowError::Away(at(&self.place, "the log of saves cannot be read", failure))
    }
}

async fn connect(options: &PgConnectOptions, limits: Limits) -> Result<PgListener, Failure> {
    within(limits.connect, async {
        // A listener has its connection from a pool.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(limits.connect).connect_lazy_with(options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let connection = sqlx::Acquire::acquire(&mut listener).await?;
        set_up(connection, limits).await?;
        Ok(listener)
    })
    .await
}

async fn page(listener: &mut PgListener, next: u64) -> Result<Page, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT p.next, l.position, l.next, l.boot, l.body FROM i3_position p LEFT JOIN (
             SELECT position, next, boot, body, sum(octet_length(body)) OVER (ORDER BY position) AS through
             FROM i3_log WHERE position >= $1 ORDER BY position LIMIT $2
         ) AS l ON l.through - octet_length(l.body) < $3 ORDER BY l.position",
    )
    .bind(signed(next))
    .bind(PAGE_SAVES_MAX)
    .bind(PAGE_BYTES_MAX)
    .fetch_all(listener)
    .await?;
    let Some((counted, ..)) = rows.first() else {
        return Ok(Page::Gone("the tables were emptied".to_owned()));
    };
    let counted = unsigned(*counted);
    let mut told = Vec::with_capacity(rows.len());
    let mut expected = next;
    for row in rows {
        let (_, Some(position), Some(end), Some(boot), Some(body)) = row else { continue };
        let (position, end) = (unsigned(position), unsigned(end));
        if position != expected {
            return Ok(Page::Gone(format!("the save at position {expected} was deleted from the log")));
        }
        let (clear, changes) = body::decode(&body).map_err(|error| Failure::Refused(error.0))?;
        told.push(Told { position, end, boot, clear, changes });
        expected = end;
    }
    if counted < expected {
        return Ok(Page::Gone(format!(
            "the database counts {counted} positions, and this node was told {expected}: an older state has taken its place"
        )));
    }
    if told.is_empty() && counted > expected {
        return Ok(Page::Gone(format!("the save at position {expected} was deleted from the log")));
    }
    Ok(Page::Saves(told))
}

impl Follower for PostgresFollower {
    fn news(&mut self) -> Result<News, FollowError> {
        self.pause();
        if !self.is_due {
            self.wait().map_err(|failure| self.away(failure))?;
        }
        let told = match self.read() {
            Ok(Page::Saves(told)) => told,
            Ok(Page::Gone(why)) => {
                return Err(FollowError::Behind(StoreError(format!("{}: {why}", self.place))));
            }
            Err(failure) => return Err(self.away(failure)),
        };
        // A full page may not be all.
        self.is_due = !told.is_empty();
        self.next = told.last().map_or(self.next, |last| last.end);
        let leases_changed = std::mem::take(&mut self.leases_changed);
        Ok(News { told, through: self.next, leases_changed })
    }

    fn interrupter(&self) -> Box<dyn Fn() + Send + Sync> {
        let interrupts = self.interrupts.0.clone();
        Box::new(move || {
            // One that was not taken yet is enough.
            let _ = interrupts.try_send(());
        })
    }
}
