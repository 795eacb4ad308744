//! Checks a database for `doctor`. Nothing is changed.

use super::lines::has_index;
use super::schema;
use super::session::{Failure, Limits, Session};
use crate::engine::Warning;
use crate::shared::Finding;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use std::time::{Duration, Instant, SystemTime};

/// The difference between the clocks of the server and of this host above which one of them is wrong.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(60);

/// The time for a statement above which leases are renewed slowly.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

pub(super) fn examine(options: &PgConnectOptions, shown: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut session = Session::new(options.clone(), Limits::of_check());
    let examined = session.run(async |connection| {
        findings.push(Finding::Good(format!("{shown}: connected and logged in")));
        look(options, shown, connection, &mut findings).await
    });
    if let Err(failure) = examined {
        let fix = match failure {
            Failure::Away(_) => {
                "start the server, or correct state.url: host, port, sslmode (and pg_hba.conf at the server)"
            }
            Failure::Refused(_) => {
                "correct the user, the password or the database in state.url, or their rights"
            }
        };
        findings.push(fault(format!("{shown}: {failure}"), fix));
    }
    findings
}

fn fault(what: String, fix: &str) -> Finding {
    Finding::Fault(Warning { what, fix: fix.to_owned() })
}

fn doubt(what: String, fix: &str) -> Finding {
    Finding::Doubt(Warning { what, fix: fix.to_owned() })
}

async fn look(
    options: &PgConnectOptions,
    shown: &str,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    schema::usable(connection).await?;
    encryption(options, connection, findings).await?;
    server(shown, connection, findings).await?;
    tables(shown, connection, findings).await?;
    clock(connection, findings).await
}

async fn encryption(
    options: &PgConnectOptions,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let tls: Option<String> =
        sqlx::query_scalar("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
            .fetch_optional(&mut *connection)
            .await?;
    let is_remote: bool =
        sqlx::query_scalar("SELECT coalesce(host(inet_client_addr()) NOT IN ('127.0.0.1', '::1'), false)")
            .fetch_one(&mut *connection)
            .await?;
    let verifies = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa);
    findings.push(match tls {
        Some(version) if verifies || !is_remote => {
            Finding::Good(format!("the connection to the database is encrypted ({version})"))
        }
        Some(version) => doubt(
            format!("the connection to the database is encrypted ({version}), but the server's certificate is not checked"),
            "write sslmode=verify-full in state.url, and sslrootcert=FILE for an authority of your own",
        ),
        None if is_remote => doubt(
            "the connection to the database is not encrypted: passwords of muds and private messages pass in clear text"
                .to_owned(),
            "switch TLS on at the server, and write sslmode=verify-full in state.url",
        ),
        None => Finding::Good("the connection to the database stays on this host".to_owned()),
    });
    Ok(())
}

async fn server(
    shown: &str,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let (version, commit, fsync, room): (String, String, String, i64) = sqlx::query_as(
        "SELECT current_setting('server_version'),
                coalesce((SELECT s.reset_val FROM pg_settings s WHERE s.name = 'synchronous_commit'), ''),
                current_setting('fsync'),
                current_setting('max_connections')::bigint - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')",
    )
    .fetch_one(&mut *connection)
    .await?;
    findings.push(Finding::Good(format!("the server is PostgreSQL {version}")));
    if commit == "off" {
        findings.push(doubt(
            format!("{shown}: synchronous_commit is off; the gateway sets it to on for its own sessions"),
            "set synchronous_commit to on, or with replicas to remote_apply or on with synchronous_standby_names",
        ));
    }
    if fsync == "off" {
        findings.push(doubt(
            format!("{shown}: fsync is off, so a power failure can destroy the whole database"),
            "set fsync to on",
        ));
    }
    if room < 12 {
        findings.push(doubt(
            format!("{shown}: the server has room for {room} more sessions; each node needs 4"),
            "raise max_connections",
        ));
    }
    Ok(())
}

async fn tables(
    shown: &str,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let found = schema::version(connection).await?;
    if found > schema::VERSION {
        let own = schema::VERSION;
        findings.push(fault(
            format!("{shown}: the tables have version {found}, and this program uses versions up to {own}"),
            "use the program that made them, or a newer one",
        ));
        return Ok(());
    }
    let may_create: bool =
        sqlx::query_scalar("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
            .fetch_one(&mut *connection)
            .await?;
    if found < schema::VERSION && !may_create {
        findings.push(fault(
            format!("{shown}: the user may not create tables"),
            "make the user the owner of the database, or GRANT CREATE ON SCHEMA public",
        ));
        return Ok(());
    }
    if found == 0 {
        findings.push(Finding::Good(format!("{shown}: the database has no state yet")));
        return Ok(());
    }
    let may_write: bool = sqlx::query_scalar(
        "SELECT bool_and(has_table_privilege(t, 'SELECT, INSERT, UPDATE, DELETE'))
         FROM unnest(ARRAY['i3_position', 'i3_entry', 'i3_log', 'i3_lease', 'i3_node', 'i3_call']
                     || CASE WHEN $1 < 2 THEN '{}'::text[] ELSE ARRAY['i3_line', 'i3_lane', 'i3_kept'] END) AS t",
    )
    .bind(found)
    .fetch_one(&mut *connection)
    .await?;
    if !may_write {
        findings.push(fault(
            format!("{shown}: the user may not write the tables of the gateway"),
            "use the user that has made them, or GRANT SELECT, INSERT, UPDATE, DELETE on them",
        ));
        return Ok(());
    }
    let entries: i64 =
        sqlx::query_scalar("SELECT count(*) FROM i3_entry").fetch_one(&mut *connection).await?;
    findings.push(Finding::Good(format!("{shown}: the tables have version {found}, and {entries} entries")));
    if found == schema::VERSION {
        lines(shown, connection, findings).await?;
    }
    Ok(())
}

async fn lines(
    shown: &str,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let (count, bytes): (i64, i64) = sqlx::query_as(
        "SELECT greatest(c.reltuples, 0)::bigint, (SELECT coalesce(sum(l.bytes), 0)::bigint FROM i3_lane l)
         FROM pg_catalog.pg_class c WHERE c.oid = 'i3_line'::regclass",
    )
    .fetch_one(&mut *connection)
    .await?;
    findings.push(Finding::Good(format!("{shown}: the history has about {count} lines of {bytes} bytes")));
    if !has_index(connection).await? {
        findings.push(doubt(
            format!("{shown}: the history has no index for texts, so searches in it are slow"),
            "as the owner of the database: CREATE EXTENSION IF NOT EXISTS pg_trgm; as the user of the gateway: \
             CREATE INDEX CONCURRENTLY i3_line_text ON i3_line USING gin (text gin_trgm_ops)",
        ));
    }
    Ok(())
}

async fn clock(connection: &mut PgConnection, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let asked = Instant::now();
    let theirs: f64 = sqlx::query_scalar("SELECT extract(epoch FROM clock_timestamp())::float8")
        .fetch_one(&mut *connection)
        .await?;
    let took = asked.elapsed();
    let ours = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let difference = (ours - theirs).abs();
    if difference > CLOCK_DIFFERENCE_MAX.as_secs_f64() {
        findings.push(doubt(
            format!("the clocks of the database and of this host differ by {difference:.0} s"),
            "synchronise both (timedatectl set-ntp true); leases follow the clock of the database",
        ));
    }
    if took > ROUND_TRIP_MAX {
        findings.push(doubt(
            format!("the database took {:.1} s to answer", took.as_secs_f64()),
            "use a database that is nearer, or set lease.seconds higher",
        ));
    }
    Ok(())
}
