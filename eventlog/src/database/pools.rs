//! Connections to the database, as its owner and as the server.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor};

use super::cluster::{Cluster, OWNER};
use super::error::{ClusterError, DatabaseError};
use super::migrations::migrate;
use super::programs::OLDEST_MAJOR;

/// The role under which the server works.
pub const SERVER_ROLE: &str = "vitne_server";

/// How to connect.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// How the server connects. A login other than `vitne_server` takes that role on every connection.
    pub server: PgConnectOptions,
    /// How the owner of the schema connects.
    pub owner: PgConnectOptions,
    /// The most connections of the server.
    pub server_connections: u32,
    /// The most connections of the owner: migrations and rebuilds.
    pub owner_connections: u32,
    /// How long the server waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement of the server may run.
    pub statement_timeout: Duration,
    /// How long a statement of the server may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction of either may sit idle: a forgotten one would hold the log's head.
    pub idle_in_transaction_timeout: Duration,
    /// The name under which the connections show in `pg_stat_activity`.
    pub application_name: String,
}

impl DatabaseSettings {
    /// Connects to a given server: `owner_url` for the schema's owner, or `url` for both.
    pub fn from_urls(url: &str, owner_url: Option<&str>) -> Result<Self, DatabaseError> {
        let parse = |url| PgConnectOptions::from_str(url).map_err(DatabaseError::Url);
        let server = parse(url)?;
        let owner = owner_url.map_or_else(|| Ok(server.clone()), parse)?;
        Ok(Self::new(server, owner))
    }

    /// Connects to a database of a private cluster, which is made if there is none of that name.
    pub async fn in_cluster(cluster: &Cluster, database: &str) -> Result<Self, ClusterError> {
        cluster.ensure_database(database).await?;
        Ok(Self::new(cluster.options(database, SERVER_ROLE), cluster.options(database, OWNER)))
    }

    /// A database of a private cluster that another process runs, as [`ClusterError::InUse`] told.
    pub fn beside(directory: &std::path::Path, database: &str) -> Result<Self, ClusterError> {
        let options = |role| super::cluster::options_beside(directory, database, role);
        Ok(Self::new(options(SERVER_ROLE)?, options(OWNER)?))
    }

    /// The usual sizes and times.
    #[must_use]
    pub fn new(server: PgConnectOptions, owner: PgConnectOptions) -> Self {
        Self {
            server,
            owner,
            server_connections: 24,
            owner_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(60),
            application_name: "vitne".to_owned(),
        }
    }
}

/// A database whose schema is up to date. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    owner: PgPool,
    server: PgPool,
}

impl Database {
    /// Connects, checks the server's version, brings the schema up to date, and opens both pools.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        check_version(&settings.owner).await?;
        migrate(&settings.owner).await?;
        Self::connect_migrated(settings).await
    }

    /// Opens both pools on a schema that somebody else keeps up to date.
    pub async fn connect_migrated(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        check_role(&settings.server).await?;
        Ok(Self { owner: owner_pool(settings), server: server_pool(settings) })
    }

    /// Connections of the schema's owner: for DDL (rebuilds, partitions) and nothing else.
    #[must_use]
    pub fn owner(&self) -> &PgPool {
        &self.owner
    }

    /// Connections of the server, under the role `vitne_server`.
    #[must_use]
    pub fn server(&self) -> &PgPool {
        &self.server
    }

    /// Closes every connection once it is given back.
    pub async fn close(&self) {
        self.server.close().await;
        self.owner.close().await;
    }
}

async fn check_version(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let mut connection = options.connect().await.map_err(DatabaseError::Unreachable)?;
    let number: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut connection).await?;
    let _ = connection.close().await;
    let found = u32::try_from(number / 10_000).unwrap_or(0);
    if found < OLDEST_MAJOR { Err(DatabaseError::TooOld { found }) } else { Ok(()) }
}

/// A pool goes on trying when a new connection cannot take the role; here the reason is told at once.
async fn check_role(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let mut connection = options.connect().await.map_err(DatabaseError::Unreachable)?;
    let login = options.get_username().to_owned();
    if login != SERVER_ROLE {
        let taken = connection.execute("SET ROLE vitne_server").await;
        taken.map_err(|source| DatabaseError::Role { login, source })?;
    }
    let _ = connection.close().await;
    Ok(())
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

fn owner_pool(settings: &DatabaseSettings) -> PgPool {
    let options = settings.owner.clone().application_name(&format!("{} owner", settings.application_name)).options([
        ("lock_timeout", milliseconds(settings.lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout)),
        ("timezone", "UTC".to_owned()),
    ]);
    PgPoolOptions::new()
        .max_connections(settings.owner_connections)
        .min_connections(0)
        .acquire_timeout(settings.acquire_timeout)
        // Rarely used and for long work, which should not begin on a connection that has died meanwhile.
        .test_before_acquire(true)
        .connect_lazy_with(options)
}

fn server_pool(settings: &DatabaseSettings) -> PgPool {
    let options = settings.server.clone().application_name(&settings.application_name).options([
        ("statement_timeout", milliseconds(settings.statement_timeout)),
        ("lock_timeout", milliseconds(settings.lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout)),
        ("timezone", "UTC".to_owned()),
    ]);
    let mut pool = PgPoolOptions::new()
        .max_connections(settings.server_connections)
        .acquire_timeout(settings.acquire_timeout)
        // A round trip before every use costs more than one retried command after a lost connection.
        .test_before_acquire(false);
    if settings.server.get_username() != SERVER_ROLE {
        pool = pool.after_connect(|connection, _| {
            Box::pin(async move { connection.execute("SET ROLE vitne_server").await.map(|_| ()) })
        });
    }
    pool.connect_lazy_with(options)
}
