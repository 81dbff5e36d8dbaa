//! What can go wrong with the database, each in one sentence that says what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the private PostgreSQL could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No `initdb` and `postgres` anywhere.
    #[error(
        "PostgreSQL's programs were not found in {looked}: install them with `apt-get install postgresql`, \
         or set `database.programs` to their directory, or set `database.url` to a server that is running"
    )]
    ProgramsMissing {
        /// Where they were sought.
        looked: String,
    },
    /// Programs were found, and none is new enough.
    #[error(
        "the newest PostgreSQL found is version {found} in {directory}, and Vitne needs 14 or newer: install a newer one"
    )]
    ProgramsTooOld {
        /// Its major version.
        found: u32,
        /// Where it is.
        directory: PathBuf,
    },
    /// The data directory was written by a major version whose programs are not here.
    #[error(
        "the data in {directory} was written by PostgreSQL {data} and only version {programs} is installed: \
         install PostgreSQL {data}, or move the data with pg_upgrade"
    )]
    WrongMajor {
        /// The data directory.
        directory: PathBuf,
        /// The version that wrote it.
        data: u32,
        /// The version of the programs.
        programs: u32,
    },
    /// A directory or file could not be made or written.
    #[error("{path} cannot be written ({source}): make it writable, or set `database.data_dir` to another place")]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user that PostgreSQL runs as cannot walk to the directory.
    #[error(
        "the user {user}, which PostgreSQL runs as, cannot reach the database because {closed} is closed to it: \
         set `database.data_dir` to a place such as /var/lib/vitne"
    )]
    Unreachable {
        /// The first directory on the way that is closed.
        closed: PathBuf,
        /// The user.
        user: String,
    },
    /// Running as root on a machine without an unprivileged user.
    #[error(
        "PostgreSQL refuses to run as root and this machine has neither a user `postgres` nor `nobody`: \
         start Vitne as an ordinary user, or create the user `postgres`"
    )]
    NoUnprivilegedUser,
    /// The operating system refuses to switch to the unprivileged user.
    #[error(
        "PostgreSQL's programs cannot be run as the user {user} ({source}): start Vitne as an ordinary user, \
         or allow it to switch users"
    )]
    CannotSwitchUser {
        /// The user.
        user: String,
        /// Why.
        source: io::Error,
    },
    /// Another Vitne has the directory.
    #[error(
        "another Vitne is using the database in {directory}: stop it first, or set `database.data_dir` to another place"
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// No space left.
    #[error("the disk that holds {directory} is full: free some space and start again")]
    DiskFull {
        /// The directory.
        directory: PathBuf,
    },
    /// `initdb` failed for another reason.
    #[error("PostgreSQL's initdb failed in {directory}: {said}")]
    Initdb {
        /// The directory.
        directory: PathBuf,
        /// Its last words.
        said: String,
    },
    /// `postgres` went away while starting.
    #[error("PostgreSQL did not start: {said} (its log is {log})")]
    Start {
        /// Its last words.
        said: String,
        /// Where it logs.
        log: PathBuf,
    },
    /// `postgres` runs and does not answer.
    #[error("PostgreSQL did not answer within {after:?} of its start: look in its log, {log}")]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// Where it logs.
        log: PathBuf,
    },
    /// A PostgreSQL left behind by a Vitne that was killed does not stop.
    #[error("process {pid}, a PostgreSQL left behind in {directory}, does not stop: end it by hand and start again")]
    OrphanStays {
        /// Its process id.
        pid: i32,
        /// The data directory.
        directory: PathBuf,
    },
    /// It runs, and refused what was asked of it.
    #[error("the private PostgreSQL refused: {0}")]
    Refused(#[from] sqlx::Error),
}

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is not one.
    #[error("`database.url` cannot be read ({0}): it looks like postgres://user:password@host:5432/vitne")]
    Url(sqlx::Error),
    /// No connection.
    #[error("the database cannot be reached ({0}): check `database.url`, the server and its pg_hba.conf")]
    Unreachable(sqlx::Error),
    /// The server is too old.
    #[error("the database is PostgreSQL {found} and Vitne needs 14 or newer: upgrade the server")]
    TooOld {
        /// Its major version.
        found: u32,
    },
    /// The schema has a migration that this program does not know.
    #[error(
        "the database's schema has migration {version:04}, which this Vitne does not know: \
         it was written by a newer Vitne; run that one, or restore a backup made before it"
    )]
    NewerSchema {
        /// The unknown migration.
        version: i64,
    },
    /// An applied migration is not what it was.
    #[error(
        "migration {version:04} is not the one this database was built with: \
         run the Vitne that built it, and never change a migration that has been released"
    )]
    ChangedMigration {
        /// Which.
        version: i64,
    },
    /// A migration failed; nothing of it remains.
    #[error("the schema could not be brought up to date, and is as it was: {0}")]
    Migration(String),
    /// The role of the server is missing or may not be taken.
    #[error(
        "the login {login} may not act as the role vitne_server ({source}): \
         as an administrator, run `CREATE ROLE vitne_server NOLOGIN` (unless it exists) and `GRANT vitne_server TO {login}`"
    )]
    Role {
        /// Who tried.
        login: String,
        /// What the server said.
        source: sqlx::Error,
    },
    /// The database failed meanwhile.
    #[error("the database failed: {0}")]
    Failed(#[from] sqlx::Error),
}
