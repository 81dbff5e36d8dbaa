//! The schema, step by step. Migrations are plain SQL in `/migrations`, compiled into the program, so
//! that a binary and its schema cannot be separated.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::error::DatabaseError;

macro_rules! migrations {
    ($($version:literal $name:literal $file:literal),* $(,)?) => {
        /// Number, name and text of every migration, in order. The number is the file's.
        pub const MIGRATIONS: &[(i64, &str, &str)] =
            &[$(($version, $name, include_str!(concat!("../../../migrations/", $file)))),*];
    };
}

migrations! {
    1 "rooms" "0001_rooms.sql",
    10 "log" "0010_log.sql",
    11 "append" "0011_append.sql",
    12 "streams_of" "0012_streams_of.sql",
    20 "tree" "0020_tree.sql",
    30 "projection" "0030_projection.sql",
    40 "limits" "0040_limits.sql",
    50 "outbox" "0050_outbox.sql",
}

/// Brings the schema of a database up to date as its owner. Several programs may do so at once: they
/// take turns under an advisory lock.
pub async fn migrate(owner: &PgConnectOptions) -> Result<(), DatabaseError> {
    migrate_with(owner, MIGRATIONS).await
}

pub(super) async fn migrate_with(
    owner: &PgConnectOptions,
    migrations: &[(i64, &'static str, &'static str)],
) -> Result<(), DatabaseError> {
    let resolved = migrations.iter().map(|&(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, Cow::Borrowed(sql), false)
    });
    let migrator = Migrator { migrations: Cow::Owned(resolved.collect()), ..Migrator::DEFAULT };
    // A step may take long on a large log, and waiting for a neighbour's steps is no fault.
    let unhurried = owner.clone().options([("statement_timeout", "0"), ("lock_timeout", "0")]);
    let mut connection = unhurried.connect().await.map_err(DatabaseError::Unreachable)?;
    let outcome = migrator.run_direct(&mut connection).await;
    let _ = connection.close().await;
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(version) => DatabaseError::NewerSchema { version },
        MigrateError::VersionMismatch(version) => DatabaseError::ChangedMigration { version },
        other => DatabaseError::Migration(other.to_string()),
    })
}
