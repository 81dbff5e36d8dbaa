//! Checks of the database that an operator can run at any time. They read, and change nothing.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::migrations::MIGRATIONS;
use super::pools::{DatabaseSettings, SERVER_ROLE};
use super::programs::OLDEST_MAJOR;

/// A clock further off than this makes one-time codes fail and timestamps mislead.
const TOLERATED_SKEW: TimeDelta = TimeDelta::seconds(2);

/// Below this much free space the private cluster is about to stop writing.
const LOW_SPACE: u64 = 1024 * 1024 * 1024;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Works, and somebody should look at it.
    Warning,
    /// Vitne does not work, or does not keep its promises, until this is mended.
    Failure,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The server's login connects.
    Reachable,
    /// The server is new enough.
    Version,
    /// The schema is the one this program knows.
    Schema,
    /// The server's role exists, may be taken, and has no rights it should not have.
    Role,
    /// The database's clock agrees with ours.
    Clock,
    /// What is acknowledged survives a power cut.
    Durability,
    /// The private cluster's disk has space.
    Disk,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence: what was found and, unless it is fine, what to do.
    pub message: String,
}

impl Finding {
    fn new(check: Check, severity: Severity, message: impl Into<String>) -> Self {
        Self { check, severity, message: message.into() }
    }
}

/// Runs every check. `now` is the caller's clock; `directory` is the private cluster's, if there is one.
pub async fn examine(settings: &DatabaseSettings, directory: Option<&Path>, now: DateTime<Utc>) -> Vec<Finding> {
    let started = tokio::time::Instant::now();
    let mut findings: Vec<Finding> = directory.map(disk).into_iter().collect();
    let mut server = match settings.server.connect().await {
        Ok(connection) => connection,
        Err(error) => {
            let message = format!("the database cannot be reached ({error}): check `database.url` and the server");
            findings.push(Finding::new(Check::Reachable, Severity::Failure, message));
            return findings;
        }
    };
    findings.push(Finding::new(Check::Reachable, Severity::Fine, "the database answers"));
    let checks = [
        (Check::Version, version(&mut server).await),
        (Check::Clock, clock(&mut server, now, started).await),
        (Check::Durability, durability(&mut server).await),
        (Check::Role, role(&mut server).await),
        (Check::Schema, schema(&settings.owner).await),
    ];
    let _ = server.close().await;
    findings.extend(checks.into_iter().map(|(check, found)| match found {
        Ok((severity, message)) => Finding::new(check, severity, message),
        Err(error) => Finding::new(check, Severity::Failure, format!("this could not be looked at: {error}")),
    }));
    findings
}

type Found = Result<(Severity, String), sqlx::Error>;

fn disk(directory: &Path) -> Finding {
    let space = match rustix::fs::statvfs(directory) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            let message = format!("{} cannot be looked at: {error}", directory.display());
            return Finding::new(Check::Disk, Severity::Failure, message);
        }
    };
    let megabytes = space / (1024 * 1024);
    let told = format!("{megabytes} MB are free on the disk of {}", directory.display());
    if space < LOW_SPACE {
        Finding::new(Check::Disk, Severity::Warning, format!("{told}: make room before it is full"))
    } else {
        Finding::new(Check::Disk, Severity::Fine, told)
    }
}

async fn version(connection: &mut PgConnection) -> Found {
    let (number, name): (i32, String) =
        sqlx::query_as("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
            .fetch_one(connection)
            .await?;
    if u32::try_from(number / 10_000).unwrap_or(0) < OLDEST_MAJOR {
        return Ok((Severity::Failure, format!("PostgreSQL {name} is too old: upgrade it to 14 or newer")));
    }
    Ok((Severity::Fine, format!("PostgreSQL {name}")))
}

/// The time between our `now` and the database's answer is measured and taken off.
async fn clock(connection: &mut PgConnection, now: DateTime<Utc>, started: tokio::time::Instant) -> Found {
    let theirs: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(connection).await?;
    let passed = TimeDelta::from_std(started.elapsed()).unwrap_or_default();
    let skew = theirs - (now + passed);
    let told = format!("the database's clock is {} ms from this machine's", skew.num_milliseconds());
    if skew.abs() > TOLERATED_SKEW {
        return Ok((Severity::Warning, format!("{told}: let both follow the same time server (NTP)")));
    }
    Ok((Severity::Fine, told))
}

async fn durability(connection: &mut PgConnection) -> Found {
    let settings: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
    )
    .fetch_all(connection)
    .await?;
    let off: Vec<_> = settings.iter().filter(|(_, value)| value == "off").map(|(name, _)| name.as_str()).collect();
    if off.is_empty() {
        return Ok((Severity::Fine, "what is acknowledged is on the disk".to_owned()));
    }
    let message = format!("{} off: an acknowledged event can be lost in a power cut; turn it on", off.join(", "));
    Ok((Severity::Failure, message))
}

async fn role(connection: &mut PgConnection) -> Found {
    let found: Option<(bool, bool, bool)> = sqlx::query_as(
        "SELECT rolsuper, rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls, \
         pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1",
    )
    .bind(SERVER_ROLE)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((superuser, powers, member)) = found else {
        return Ok((
            Severity::Failure,
            "the role vitne_server does not exist: start Vitne once, which makes it".into(),
        ));
    };
    if !member {
        return Ok((Severity::Failure, "the server's login is no member: run `GRANT vitne_server TO` it".to_owned()));
    }
    if superuser || powers {
        let message = "vitne_server has powers of an administrator, so grants do not protect the log: run \
                       `ALTER ROLE vitne_server NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS`";
        return Ok((Severity::Failure, message.to_owned()));
    }
    // What is written once. Partitions of the events count, because a right on one is enough to change it.
    let unwanted: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
         WHERE (schemaname = 'log' AND tablename LIKE 'events%' \
                OR schemaname = 'tree' AND tablename IN ('tiles', 'checkpoints', 'leaf_runs')) \
         AND has_table_privilege($1, format('%I.%I', schemaname, tablename), 'UPDATE, DELETE, TRUNCATE') ORDER BY 1",
    )
    .bind(SERVER_ROLE)
    .fetch_all(connection)
    .await?;
    if let Some(table) = unwanted.first() {
        let message = format!(
            "vitne_server may change {table}: run `REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM vitne_server`"
        );
        return Ok((Severity::Failure, message));
    }
    Ok((Severity::Fine, "the server's role has the rights it needs and no more".to_owned()))
}

async fn schema(owner: &PgConnectOptions) -> Found {
    let mut connection = owner.connect().await?;
    let made: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut connection).await?;
    let applied: Option<i64> = if made {
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&mut connection).await?
    } else {
        None
    };
    let _ = connection.close().await;
    let known = MIGRATIONS.last().map_or(0, |(version, _, _)| *version);
    let applied = applied.unwrap_or(0);
    Ok(match applied.cmp(&known) {
        std::cmp::Ordering::Equal => (Severity::Fine, format!("the schema is at migration {applied:04}")),
        std::cmp::Ordering::Less => (
            Severity::Warning,
            format!(
                "the schema is at migration {applied:04} and this Vitne brings {known:04}: its next start migrates it"
            ),
        ),
        std::cmp::Ordering::Greater => (
            Severity::Failure,
            format!("the schema is at migration {applied:04}, newer than this Vitne's {known:04}: run the newer Vitne"),
        ),
    })
}
