//! Fills an empty state with the entries of another one.

use super::numbers::signed;
use super::session::Failure;
use i3_core::machine::{Change, POSITIONS_OF_SAVE};
use sqlx::Executor;
use sqlx::postgres::PgConnection;

/// Entries that are written with one statement.
const ENTRIES_AT_A_TIME: usize = 1_000;

/// Writes entries to a database that has none, in one transaction. Positions go on above `ids_below`, as if the entries
/// were one save. A database that has entries, or whose nodes have saved, is refused.
pub(super) async fn fill(
    connection: &mut PgConnection,
    entries: &[Change],
    ids_below: u64,
) -> Result<(), Failure> {
    connection.execute("BEGIN").await?;
    let last: i64 =
        sqlx::query_scalar("SELECT last FROM i3_position FOR UPDATE").fetch_one(&mut *connection).await?;
    let has_entries: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM i3_entry)").fetch_one(&mut *connection).await?;
    if has_entries || last > 0 {
        connection.execute("ROLLBACK").await?;
        return Err(Failure::Refused("it holds a state already: name an empty database".to_owned()));
    }
    for some in entries.chunks(ENTRIES_AT_A_TIME) {
        let spaces: Vec<&str> = some.iter().map(|entry| entry.space.as_str()).collect();
        let keys: Vec<&[u8]> = some.iter().map(|entry| entry.key.as_bytes()).collect();
        let values: Vec<&[u8]> =
            some.iter().map(|entry| entry.value.as_deref().unwrap_or_default()).collect();
        sqlx::query("INSERT INTO i3_entry (space, key, value) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[])")
            .bind(spaces)
            .bind(keys)
            .bind(values)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("UPDATE i3_position SET last = greatest(next, $1), next = greatest(next, $1) + $2")
        .bind(signed(ids_below))
        .bind(signed(POSITIONS_OF_SAVE))
        .execute(&mut *connection)
        .await?;
    connection.execute("COMMIT").await?;
    Ok(())
}
