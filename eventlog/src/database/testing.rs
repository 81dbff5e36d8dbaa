//! A fresh database for every test.
//!
//! The databases live in one cluster: the one whose socket directory `VITNE_TEST_CLUSTER` names, or
//! else one that this process starts when it first needs it. A database is a copy of a template that
//! has been migrated once, so making one takes tens of milliseconds.
#![allow(clippy::expect_used, clippy::panic, reason = "a test whose database cannot be made has failed")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::account::Account;
use super::cluster::{OWNER, socket_options};
use super::migrations::{MIGRATIONS, migrate};
use super::pools::{Database, DatabaseSettings, SERVER_ROLE};
use super::programs::Programs;

/// Starts a cluster and holds it until its standard input ends, which the kernel sees to however the
/// test process ends.
const SUPERVISOR: &str = include_str!("../../../scripts/test-cluster.sh");

/// A database of one test's own, migrated, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    socket: PathBuf,
    database: Database,
    superuser: PgPool,
}

impl TestDatabase {
    /// Makes one.
    ///
    /// # Panics
    /// When there is no PostgreSQL to make it in.
    pub async fn create() -> Self {
        let (socket, name) = copy(template().await).await;
        let database =
            Database::connect_migrated(&settings(&socket, &name)).await.expect("connecting to a test's database");
        let superuser =
            PgPoolOptions::new().max_connections(4).connect_lazy_with(socket_options(&socket, &name, OWNER));
        Self { name, socket, database, superuser }
    }

    /// Both pools.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The server's pool: what the log, the projections and the API work with.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.database.server().clone()
    }

    /// Connections that may do anything: tampering, counting behind the server's back.
    #[must_use]
    pub fn superuser(&self) -> &PgPool {
        &self.superuser
    }

    /// How to connect to it, for a second node or a program of its own.
    #[must_use]
    pub fn settings(&self) -> DatabaseSettings {
        settings(&self.socket, &self.name)
    }

    /// A URL for `database.url` (the server's login) of a program under test.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(SERVER_ROLE)
    }

    /// A URL for `database.owner_url` of a program under test.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.url_as(OWNER)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The socket directory of the cluster it is in.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn url_as(&self, role: &str) -> String {
        let host: String = self.socket.display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{host}:5432/{}?sslmode=disable", self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let options = socket_options(&self.socket, "postgres", OWNER);
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test's own runtime may be shutting down, so this one has its own; a database that stays
        // goes with its cluster.
        let dropping = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async move {
                if let Ok(mut connection) = options.connect().await {
                    let _ = connection.execute(statement.as_str()).await;
                }
            });
        });
        let _ = dropping.join();
    }
}

/// An empty database of the test cluster, without a schema, and how its superuser connects to it. It
/// stays until the cluster goes.
pub async fn empty_database() -> PgConnectOptions {
    let socket = cluster();
    let name = fresh_name();
    let mut connection = administrator(&socket).await;
    connection.execute(format!("CREATE DATABASE {name}").as_str()).await.expect("making an empty database");
    socket_options(&socket, &name, OWNER)
}

fn settings(socket: &Path, name: &str) -> DatabaseSettings {
    let mut settings =
        DatabaseSettings::new(socket_options(socket, name, SERVER_ROLE), socket_options(socket, name, OWNER));
    settings.server_connections = 12;
    settings.owner_connections = 4;
    settings.application_name = "vitne-test".to_owned();
    settings
}

fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn administrator(socket: &Path) -> PgConnection {
    socket_options(socket, "postgres", OWNER).connect().await.expect("connecting to the test cluster")
}

async fn copy((socket, template): (PathBuf, String)) -> (PathBuf, String) {
    let name = fresh_name();
    let mut connection = administrator(&socket).await;
    // On a shared cluster an earlier process with the same id may have left one.
    connection
        .execute(format!("DROP DATABASE IF EXISTS {name}").as_str())
        .await
        .expect("dropping a left-over database");
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    connection.execute(statement.as_str()).await.expect("copying the template");
    let _ = connection.close().await;
    (socket, name)
}

/// The migrated template, made once per cluster and schema.
async fn template() -> (PathBuf, String) {
    static TEMPLATE: OnceCell<(PathBuf, String)> = OnceCell::const_new();
    TEMPLATE.get_or_init(|| async { make_template(cluster()).await }).await.clone()
}

async fn make_template(socket: PathBuf) -> (PathBuf, String) {
    let mut digest = Sha256::new();
    MIGRATIONS.iter().for_each(|(_, name, sql)| {
        digest.update(name);
        digest.update(sql);
    });
    let name: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let template = format!("template_{name}");
    let mut connection = administrator(&socket).await;
    // Other test processes want the same template; the lock ends with this connection.
    connection.execute("SELECT pg_advisory_lock(1986620517)").await.expect("locking the template");
    let made: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND NOT datallowconn)")
            .bind(&template)
            .fetch_one(&mut connection)
            .await
            .expect("looking for the template");
    if !made {
        let statements = [
            format!("DROP DATABASE IF EXISTS {template}"),
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vitne_server') THEN CREATE ROLE vitne_server LOGIN; \
             ELSE ALTER ROLE vitne_server LOGIN; END IF; END $$"
                .to_owned(),
            format!("CREATE DATABASE {template}"),
        ];
        for statement in &statements {
            connection.execute(statement.as_str()).await.expect("preparing the template");
        }
        migrate(&socket_options(&socket, &template, OWNER)).await.expect("migrating the template");
        let closed = format!("ALTER DATABASE {template} WITH ALLOW_CONNECTIONS false");
        connection.execute(closed.as_str()).await.expect("closing the template");
    }
    let _ = connection.close().await;
    (socket, template)
}

/// The socket directory of the cluster that tests use.
///
/// # Panics
/// When none can be started.
pub fn cluster() -> PathBuf {
    static CLUSTER: OnceLock<PathBuf> = OnceLock::new();
    let socket = CLUSTER.get_or_init(|| {
        let socket = std::env::var_os("VITNE_TEST_CLUSTER").map_or_else(start_cluster, PathBuf::from);
        wait_until_ready(&socket);
        socket
    });
    socket.clone()
}

/// The supervisor of this process's cluster. Never dropped: the pipe to it closes when the process ends.
static SUPERVISED: Mutex<Option<Child>> = Mutex::new(None);

fn start_cluster() -> PathBuf {
    let programs = Programs::find(None, None).expect("finding PostgreSQL");
    let account = Account::choose().expect("choosing a user for PostgreSQL");
    let mut command: Command = account.command(Path::new("/bin/sh")).into_std();
    command.args(["-c", SUPERVISOR, "sh"]).arg(&programs.directory).arg(OWNER);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starting a test cluster");
    let mut said = BufReader::new(child.stdout.take().expect("the supervisor's output"));
    let mut first = String::new();
    said.read_line(&mut first).expect("reading the supervisor's answer");
    let socket = PathBuf::from(first.trim());
    if !socket.is_dir() {
        let mut rest = String::new();
        let _ = said.read_to_string(&mut rest);
        panic!("the test cluster did not start: {first}{rest}");
    }
    *SUPERVISED.lock().expect("nobody panics while holding it") = Some(child);
    socket
}

fn wait_until_ready(socket: &Path) {
    let options = socket_options(socket, "postgres", OWNER);
    let waiting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            for _ in 0..600 {
                if options.connect().await.is_ok() {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            false
        })
    });
    assert!(waiting.join().unwrap_or(false), "the test cluster did not answer within a minute");
}
