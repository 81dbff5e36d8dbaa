//! A private PostgreSQL: found, set up, started, watched over and stopped by Vitne.
//!
//! It listens on a Unix socket only, in a directory that its user and root alone can enter, so the
//! operating system decides who connects and no password lies anywhere. Layout of its directory:
//! `lock` (held while a Vitne uses it), `data`, `socket`, `postgres.log`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Executor};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::account::{Account, unwritable};
use super::error::ClusterError;
use super::pools::SERVER_ROLE;
use super::postmaster::{Runner, send, telling_line};
use super::programs::Programs;

/// The superuser of a private cluster, and the owner of the schema.
pub const OWNER: &str = "vitne";

/// A Unix socket's path has to fit into 107 bytes; PostgreSQL adds `/.s.PGSQL.5432.lock` to ours.
const LONGEST_SOCKET_DIRECTORY: usize = 80;

/// What an operator may tune in `postgresql.conf` afterwards. `initdb` has chosen the rest.
const FIRST_SETTINGS: &str = "
# Set by Vitne when it made this cluster; change them freely.
max_connections = 100
shared_buffers = 128MB
wal_compression = on
max_wal_size = 2GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
log_min_messages = warning
log_line_prefix = '%m [%p] %a '
timezone = 'UTC'
log_timezone = 'UTC'
";

/// How to run a private cluster.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// Its directory. Made if it does not exist.
    pub directory: PathBuf,
    /// Where PostgreSQL's programs are; `None` looks in `VITNE_PG_BIN`, on `PATH` and in the usual places.
    pub programs: Option<PathBuf>,
    /// How long a start may take, recovery after a crash included.
    pub start_timeout: Duration,
    /// How long a polite stop may take before a hard one.
    pub stop_timeout: Duration,
}

impl ClusterSettings {
    /// A cluster in `directory`, the rest as usual.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            programs: None,
            start_timeout: Duration::from_secs(300),
            stop_timeout: Duration::from_secs(30),
        }
    }

    /// Where a cluster goes that is wanted in `directory`: there, unless we are root and the unprivileged
    /// user that PostgreSQL then runs as cannot walk there (into /root, say); then below `/var/lib/vitne`,
    /// under a name that follows from the directory's. Makes nothing.
    pub fn reachable_directory(directory: &Path) -> Result<PathBuf, ClusterError> {
        let wanted = std::path::absolute(directory).map_err(|source| unwritable(directory, source))?;
        let existing = wanted.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&wanted);
        let existing = existing.canonicalize().map_err(|source| unwritable(existing, source))?;
        match Account::choose()?.check_way(&existing) {
            Ok(()) => Ok(wanted),
            Err(ClusterError::Unreachable { .. }) => Ok(Path::new("/var/lib/vitne").join(name_after(&wanted))),
            Err(error) => Err(error),
        }
    }
}

/// A running private cluster. Stop it with [`Cluster::stop`]; dropping it asks it to stop and does not wait.
#[derive(Debug)]
pub struct Cluster {
    runner: Runner,
    directory: PathBuf,
    stop: CancellationToken,
    watcher: Option<JoinHandle<()>>,
    pid: Arc<AtomicI32>,
    _lock: File,
}

impl Cluster {
    /// Starts the cluster, making it first if there is none, taking over what a killed Vitne left
    /// running. From then on a `postgres` that dies is started again.
    pub async fn start(settings: ClusterSettings) -> Result<Self, ClusterError> {
        let account = Account::choose()?;
        let directory = make_directory(&settings.directory, &account)?;
        let lock = lock(&directory)?;
        account.check_way(&directory)?;
        let runner = runner(&settings, &directory, account)?;
        runner.stop_orphan().await?;
        if !runner.data.join("PG_VERSION").exists() {
            make_cluster(&runner, &directory).await?;
        }
        turn_log_over(&runner.log);
        let child = runner.start().await?;
        let (stop, pid) = (CancellationToken::new(), Arc::new(AtomicI32::new(process_id(&child))));
        let watcher = tokio::spawn(watch_over(runner.clone(), child, stop.clone(), Arc::clone(&pid)));
        Ok(Self { runner, directory, stop, watcher: Some(watcher), pid, _lock: lock })
    }

    /// How to connect to one of its databases as `role`.
    #[must_use]
    pub fn options(&self, database: &str, role: &str) -> PgConnectOptions {
        socket_options(&self.runner.socket, database, role)
    }

    /// Makes a database if there is none of that name, and the server's login: on a private cluster the
    /// server connects as `vitne_server` itself, so no statement can climb back to the owner's rights.
    pub async fn ensure_database(&self, name: &str) -> Result<(), ClusterError> {
        let mut connection = self.options("postgres", OWNER).connect().await?;
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            let statement: String = sqlx::query_scalar("SELECT format('CREATE DATABASE %I', $1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
            connection.execute(statement.as_str()).await?;
        }
        let login: Option<bool> = sqlx::query_scalar("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1")
            .bind(SERVER_ROLE)
            .fetch_optional(&mut connection)
            .await?;
        let statement = match login {
            Some(true) => return Ok(()),
            Some(false) => "ALTER ROLE vitne_server LOGIN",
            None => "CREATE ROLE vitne_server LOGIN",
        };
        connection.execute(statement).await?;
        Ok(())
    }

    /// The directory it lives in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The programs it runs.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.runner.programs
    }

    /// The process id of `postgres` at present; 0 while it is being started again.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Stops it and waits for its end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.await;
        }
    }
}

/// How to connect, as `role`, to a cluster that another process runs in `directory`.
pub(super) fn options_beside(directory: &Path, database: &str, role: &str) -> Result<PgConnectOptions, ClusterError> {
    let account = Account::choose()?;
    let directory = directory.canonicalize().map_err(|source| unwritable(directory, source))?;
    Ok(socket_options(&socket_directory(&directory, account.uid), database, role))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
        // The runtime that would run the watcher may be going away too.
        if self.watcher.is_some() && self.pid() > 0 {
            send(self.pid(), Signal::INT);
        }
    }
}

/// Options for a socket directory, with nothing taken from the environment's `PG*` variables but `PGOPTIONS`.
pub(super) fn socket_options(socket: &Path, database: &str, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .port(5432)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// Starts a `postgres` that died again, with growing pauses, until asked to stop.
async fn watch_over(runner: Runner, mut child: Child, stop: CancellationToken, pid: Arc<AtomicI32>) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            ended = child.wait() => {
                pid.store(0, Ordering::Relaxed);
                tracing::error!(?ended, log = %runner.log.display(), "PostgreSQL died and is started again");
            }
        }
        let mut pause = Duration::from_millis(100);
        child = loop {
            tokio::select! {
                () = stop.cancelled() => return,
                started = runner.start() => match started {
                    Ok(child) => break child,
                    Err(error) => tracing::error!(%error, "PostgreSQL could not be started again"),
                },
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        };
        pid.store(process_id(&child), Ordering::Relaxed);
    }
    runner.stop(&mut child).await;
    pid.store(0, Ordering::Relaxed);
    // Empty now; in /tmp nobody else would clear it away.
    let _ = fs::remove_dir(&runner.socket);
}

fn process_id(child: &Child) -> i32 {
    child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0)
}

fn make_directory(path: &Path, account: &Account) -> Result<PathBuf, ClusterError> {
    // Under root the directories stay root's, so that the unprivileged user can only pass through.
    let mode = if account.other.is_some() { 0o711 } else { 0o700 };
    let missing: Vec<&Path> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    fs::create_dir_all(path).map_err(|source| unwritable(path, source))?;
    for made in missing.into_iter().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        fs::set_permissions(made, fs::Permissions::from_mode(mode)).map_err(|source| unwritable(made, source))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|source| unwritable(path, source))?;
    fs::canonicalize(path).map_err(|source| unwritable(path, source))
}

fn lock(directory: &Path) -> Result<File, ClusterError> {
    let path = directory.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| unwritable(&path, source))?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| ClusterError::InUse { directory: directory.to_owned() })?;
    Ok(file)
}

fn runner(settings: &ClusterSettings, directory: &Path, account: Account) -> Result<Runner, ClusterError> {
    let data = directory.join("data");
    let written_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
    let programs = Programs::find(settings.programs.as_deref(), written_by.map(|major| (major, data.as_path())))?;
    let socket = socket_directory(directory, account.uid);
    account.own_directory(&socket)?;
    let probe = socket_options(&socket, "postgres", OWNER);
    Ok(Runner {
        programs,
        account,
        data,
        socket,
        log: directory.join("postgres.log"),
        probe,
        start_timeout: settings.start_timeout,
        stop_timeout: settings.stop_timeout,
    })
}

/// In the cluster's directory, unless that makes the socket's path too long for the kernel; then in
/// /tmp under a name that follows from the directory's.
fn socket_directory(directory: &Path, uid: u32) -> PathBuf {
    let near = directory.join("socket");
    if near.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY {
        return near;
    }
    PathBuf::from(format!("/tmp/vitne-{uid}-{}", name_after(directory)))
}

/// A short name for a directory, the same every time.
fn name_after(directory: &Path) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(directory.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the data directory beside its final place and moves it there when it is whole, so that a kill
/// in the middle leaves nothing that looks like a cluster.
async fn make_cluster(runner: &Runner, directory: &Path) -> Result<(), ClusterError> {
    let unfinished = directory.join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|source| unwritable(&unfinished, source))?;
    }
    runner.account.own_directory(&unfinished)?;
    let program = runner.programs.program("initdb");
    let mut command = runner.account.command(&program);
    command.arg("-D").arg(&unfinished);
    // Bytewise order and UTF-8 are the same on every machine; the texts people read are sorted elsewhere.
    command.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--data-checksums"]);
    command.arg(format!("--username={OWNER}")).stdin(Stdio::null());
    let output = command.output().await.map_err(|source| runner.account.cannot_run(&program, source))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
            return Err(ClusterError::DiskFull { directory: directory.to_owned() });
        }
        return Err(ClusterError::Initdb { directory: directory.to_owned(), said: telling_line(&said) });
    }
    let settings = unfinished.join("postgresql.conf");
    let append = || -> std::io::Result<()> {
        let written = fs::read_to_string(&settings)? + FIRST_SETTINGS;
        fs::write(&settings, written)?;
        fs::rename(&unfinished, &runner.data)
    };
    append().map_err(|source| unwritable(&unfinished, source))
}

/// Keeps the log of PostgreSQL from growing for ever: one old one is kept.
fn turn_log_over(log: &Path) {
    const LARGE: u64 = 16 * 1024 * 1024;
    if fs::metadata(log).is_ok_and(|found| found.len() > LARGE) {
        let _ = fs::rename(log, log.with_extension("log.old"));
    }
}
