//! A connection to the server, with its time-outs. It is made anew when it was lost, with a growing pause between attempts.

use crate::engine::StoreError;
use async_io::{Timer, block_on};
use futures_lite::future::or;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::fmt;
use std::time::{Duration, Instant};

/// The pause after the first attempt to connect that has failed. Each further one doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The longest time for a statement, whatever the length of a lease.
const STATEMENT_MAX: Duration = Duration::from_secs(10);

/// How much longer than the server this process waits for the end of a statement: the way there and back.
const WAY: Duration = Duration::from_millis(250);

/// The longest time that a transaction may wait for its next statement. A node that was stopped or cut off in the middle
/// of a transaction holds up the others for so long.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server cannot be reached, or has not answered. What it has done is unknown.
    Away(String),
    /// The server has refused the statement.
    Refused(String),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Failure {
        match &error {
            sqlx::Error::Database(refused) => {
                // Class 57: the session was ended or the statement cancelled. Class 40 and 55: it may succeed when repeated.
                // Class 53: the server lacks room or connections. Class 25: it has become a standby.
                let code = refused.code().unwrap_or_default();
                let is_passing =
                    ["57", "40", "55", "53", "25", "08"].iter().any(|class| code.starts_with(class));
                let text = refused.message().to_owned();
                if is_passing { Failure::Away(text) } else { Failure::Refused(text) }
            }
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                Failure::Refused(error.to_string())
            }
            _ => Failure::Away(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Away(text) | Failure::Refused(text) => f.write_str(text),
        }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To connect and to log in.
    pub(super) connect: Duration,
    /// For a statement at the server. `None`: without a limit, for a copy of the whole state.
    pub(super) statement: Option<Duration>,
}

impl Limits {
    /// The limits of a node: a statement, and the notice that the server is away, take less than a third of a lease.
    pub(super) fn of_lease(lease: Duration) -> Limits {
        let statement = (lease / 4).min(STATEMENT_MAX);
        Limits { connect: (lease / 6).min(STATEMENT_MAX), statement: Some(statement) }
    }

    /// The limits of the start of a node, and of a copy of the whole state.
    pub(super) fn of_whole() -> Limits {
        Limits { connect: STATEMENT_MAX, statement: None }
    }

    /// The limits of a check.
    pub(super) fn of_check() -> Limits {
        Limits { connect: STATEMENT_MAX, statement: Some(STATEMENT_MAX) }
    }

    fn set_up(self) -> String {
        let statement = self.statement.unwrap_or_default();
        let idle = if self.statement.is_some() { IDLE_MAX.min(statement) } else { Duration::ZERO };
        format!(
            "SET statement_timeout = {0}; SET lock_timeout = {0}; SET idle_in_transaction_session_timeout = {1}; \
             SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning; SET jit = off; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
            statement.as_millis(),
            idle.as_millis(),
        )
    }
}

/// A connection that is made when it is needed.
pub(super) struct Session {
    options: PgConnectOptions,
    limits: Limits,
    /// Statements for each new connection.
    more: &'static str,
    connection: Option<PgConnection>,
    retry: Retry,
}

/// When to try again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    pause: Duration,
    not_before: Option<Instant>,
}

impl Retry {
    /// Returns how long to wait before the next attempt.
    pub(super) fn wait(&self) -> Duration {
        self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }

    /// Notes an attempt.
    pub(super) fn note(&mut self, has_succeeded: bool) {
        if has_succeeded {
            *self = Retry::default();
        } else {
            self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
            self.not_before = Some(Instant::now() + self.pause);
        }
    }
}

impl Session {
    pub(super) fn new(options: PgConnectOptions, limits: Limits) -> Session {
        Session { options, limits, more: "", connection: None, retry: Retry::default() }
    }

    /// The same, with statements that each new connection runs first.
    pub(super) fn with_set_up(mut self, more: &'static str) -> Session {
        self.more = more;
        self
    }

    /// Runs `act` with the connection, which is made first if there is none. After a failure the connection is given up.
    pub(super) fn run<R>(
        &mut self,
        act: impl AsyncFnOnce(&mut PgConnection) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                std::thread::sleep(self.retry.wait());
                let connected = block_on(connect(&self.options, self.limits, self.more));
                connected.inspect_err(|_| self.retry.note(false))?
            }
        };
        let acted = async { act(&mut connection).await };
        let outcome = match self.limits.statement {
            Some(limit) => block_on(within(limit + WAY, acted)),
            None => block_on(acted),
        };
        match &outcome {
            Ok(_) => {
                self.retry.note(true);
                self.connection = Some(connection);
            }
            Err(Failure::Away(_)) => self.retry.note(false),
            Err(Failure::Refused(_)) => {}
        }
        outcome
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // The server notices the end of the connection in any case.
            let _ = block_on(within(WAY, async { Ok(connection.close().await?) }));
        }
    }
}

/// Gives up after a time.
pub(super) async fn within<R>(
    limit: Duration,
    act: impl Future<Output = Result<R, Failure>>,
) -> Result<R, Failure> {
    or(act, async {
        Timer::after(limit).await;
        Err(Failure::Away(format!("no answer within {:.1} s", limit.as_secs_f64())))
    })
    .await
}

/// Connects, and sets what every session needs.
pub(super) async fn connect(
    options: &PgConnectOptions,
    limits: Limits,
    more: &'static str,
) -> Result<PgConnection, Failure> {
    within(limits.connect, async {
        let mut connection = PgConnection::connect_with(options).await?;
        set_up(&mut connection, limits).await?;
        connection.execute(sqlx::raw_sql(more)).await?;
        Ok(connection)
    })
    .await
}

/// Sets what every session needs. A commit that is acknowledged before it is durable would be no save.
pub(super) async fn set_up(connection: &mut PgConnection, limits: Limits) -> Result<(), Failure> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(limits.set_up()))).await?;
    Ok(())
}

/// Puts the place before an error.
pub(super) fn at(place: &str, what: &str, why: impl fmt::Display) -> StoreError {
    StoreError(format!("{place}: {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_and_its_limit_here_take_less_than_a_third_of_a_lease() {
        for seconds in [5, 15, 60, 600] {
            let lease = Duration::from_secs(seconds);
            let limit = Limits::of_lease(lease).statement.unwrap() + WAY;
            assert!(limit < lease / 3, "{seconds}");
        }
    }

    #[test]
    fn the_pause_between_attempts_grows_up_to_a_limit() {
        let mut retry = Retry::default();
        assert_eq!(retry.wait(), Duration::ZERO);
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            retry.note(false);
            assert!(retry.pause > last || retry.pause == PAUSE_MAX);
            last = retry.pause;
        }
        assert_eq!(last, PAUSE_MAX);
        assert!(retry.wait() > PAUSE_MAX / 2);
        retry.note(true);
        assert_eq!(retry.wait(), Duration::ZERO);
    }
}
