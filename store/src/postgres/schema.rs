//! The tables: they are made and brought up to date by the gateway that comes first.

use super::lines;
use super::session::Failure;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

/// The statements that turn tables of each version into those of the next. Version 0: there are none.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("lines.sql")];

/// The version that this program uses.
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

/// The first version with tables for lines of the history.
const VERSION_WITH_LINES: i32 = 2;

/// The number of the lock under which one gateway makes the tables while others wait: "i3-gatew" as a number.
const LOCK: i64 = 0x6933_2d67_6174_6577;

/// The oldest server that this program was written for: 13.
pub(super) const SERVER_VERSION_MIN: u32 = 130_000;

/// Makes the tables, or brings them up to date. Another gateway that does so at the same time waits. Returns the version
/// before. Tables of a newer version are refused, and not changed.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<i32, Failure> {
    usable(connection).await?;
    let found = version(connection).await?;
    if found == VERSION {
        return Ok(found);
    }
    refuse_newer(found)?;
    let begin = format!(
        "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
    // Another gateway may have done it meanwhile.
    let found = version(connection).await?;
    refuse_newer(found)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        connection.execute(sqlx::raw_sql(*step)).await?;
    }
    if (1..VERSION_WITH_LINES).contains(&found) {
        lines::import(connection).await?;
    }
    sqlx::query("UPDATE i3_version SET version = $1").bind(VERSION).execute(&mut *connection).await?;
    connection.execute("COMMIT").await?;
    Ok(found)
}

/// Checks that the tables are there, and have the present version.
pub(super) async fn is_current(connection: &mut PgConnection) -> Result<(), Failure> {
    let found = version(connection).await?;
    refuse_newer(found)?;
    match found {
        VERSION => Ok(()),
        0 => Err(Failure::Refused("it contains no state of a gateway".to_owned())),
        older => Err(Failure::Refused(format!(
            "the tables have version {older}: start a gateway of this version with it once"
        ))),
    }
}

fn refuse_newer(found: i32) -> Result<(), Failure> {
    if found <= VERSION {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "the tables have version {found}, and this program uses versions up to {VERSION}; use the program that made them, \
         or a newer one"
    )))
}

/// Returns the version of the tables; 0 if there are none. The catalogue is asked, because a name that a session has looked
/// for in vain stays unknown to it until its next transaction.
pub(super) async fn version(connection: &mut PgConnection) -> Result<i32, Failure> {
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = 'i3_version' AND pg_table_is_visible(c.oid))",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !is_there {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT version FROM i3_version").fetch_one(&mut *connection).await?)
}

/// Checks that the server can be used at all.
pub(super) async fn usable(connection: &mut PgConnection) -> Result<(), Failure> {
    if let Some(server) = connection.server_version_num().filter(|server| *server < SERVER_VERSION_MIN) {
        let (found, least) = (server / 10_000, SERVER_VERSION_MIN / 10_000);
        return Err(Failure::Refused(format!("the server is PostgreSQL {found}, and {least} is needed")));
    }
    let (standby, encoding): (bool, String) =
        sqlx::query_as("SELECT pg_is_in_recovery(), current_setting('server_encoding')")
            .fetch_one(&mut *connection)
            .await?;
    if standby {
        return Err(Failure::Away("the server is a standby, which cannot be written to".to_owned()));
    }
    if encoding != "UTF8" {
        return Err(Failure::Refused(format!(
            "the database has the encoding {encoding}: create one with ENCODING 'UTF8'"
        )));
    }
    Ok(())
}
