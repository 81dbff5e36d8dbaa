//! Tests of the private cluster, on real PostgreSQL processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::*;

/// Names the directory in which [`a_vitne_that_will_be_killed`] keeps its cluster.
const VICTIM_DIRECTORY: &str = "VITNE_VICTIM_DIRECTORY";

/// A directory that the user PostgreSQL runs as can reach.
fn reachable() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

fn settings(directory: &Path) -> ClusterSettings {
    ClusterSettings::new(directory.join("cluster"))
}

/// A directory of pretended programs of version 15, whose `initdb` does as told.
fn pretended_programs(initdb: &str) -> TempDir {
    let directory = reachable();
    for (name, script) in [("postgres", "echo 'postgres (PostgreSQL) 15.0'"), ("initdb", initdb)] {
        let path = directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

async fn one(cluster: &Cluster) -> Result<i32, sqlx::Error> {
    let mut connection = cluster.options("postgres", OWNER).connect().await?;
    let answer = sqlx::query_scalar("SELECT 1").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(answer)
}

fn lives(pid: i32) -> bool {
    // A zombie has an empty command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_used_locked_revived_and_stopped() {
    let place = reachable();
    let cluster = Cluster::start(settings(place.path())).await.unwrap();
    assert_eq!(one(&cluster).await.unwrap(), 1);
    let durable: String = {
        let mut connection = cluster.options("postgres", OWNER).connect().await.unwrap();
        sqlx::query_scalar("SELECT current_setting('fsync') || current_setting('listen_addresses')")
            .fetch_one(&mut connection)
            .await
            .unwrap()
    };
    assert_eq!(durable, "on", "it writes through to the disk and listens on no network");
    for closed in ["data", "socket"] {
        let mode = fs::metadata(cluster.directory().join(closed)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "only its user may enter {closed}");
    }

    let settings_of_vitne = DatabaseSettings::in_cluster(&cluster, "vitne").await.unwrap();
    let database = Database::connect(&settings_of_vitne).await.unwrap();
    let who: String = sqlx::query_scalar("SELECT session_user::text").fetch_one(database.server()).await.unwrap();
    assert_eq!(who, SERVER_ROLE);
    database.close().await;

    let error = Cluster::start(settings(place.path())).await.unwrap_err();
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");

    let first = cluster.pid();
    postmaster::send(first, rustix::process::Signal::KILL);
    let mut revived = false;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        revived = cluster.pid() > 0 && cluster.pid() != first && one(&cluster).await.is_ok();
        if revived {
            break;
        }
    }
    assert!(revived, "a PostgreSQL that was killed is started again");

    let second = cluster.pid();
    cluster.stop().await;
    assert!(!lives(second), "stopping waits for the end");

    let cluster = Cluster::start(settings(place.path())).await.unwrap();
    assert_eq!(one(&cluster).await.unwrap(), 1, "it starts again on the same data");
    cluster.stop().await;

    fs::write(place.path().join("cluster/data/PG_VERSION"), "9\n").unwrap();
    let error = Cluster::start(settings(place.path())).await.unwrap_err();
    assert!(matches!(error, ClusterError::WrongMajor { data: 9, .. }), "{error}");
}

/// Not a test of its own: the program that the next test kills.
#[tokio::test]
async fn a_vitne_that_will_be_killed() {
    let Some(directory) = std::env::var_os(VICTIM_DIRECTORY) else { return };
    let cluster = Cluster::start(settings(Path::new(&directory))).await.unwrap();
    eprintln!("\npid {}", cluster.pid());
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_vitne_left_running_is_taken_over() {
    let place = reachable();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "database::cluster_tests::a_vitne_that_will_be_killed", "--nocapture"])
        .env(VICTIM_DIRECTORY, place.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stderr.take().unwrap());
    let orphan: i32 = said
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("pid ").map(|pid| pid.parse().unwrap()))
        .expect("the victim starts its cluster");
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(lives(orphan), "killing Vitne leaves PostgreSQL running");

    let cluster = Cluster::start(settings(place.path())).await.unwrap();
    assert_ne!(cluster.pid(), orphan);
    assert!(!lives(orphan), "the orphan was stopped");
    assert_eq!(one(&cluster).await.unwrap(), 1);
    cluster.stop().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let place = reachable();
    fs::write(place.path().join("file"), "").unwrap();
    let error = Cluster::start(settings(&place.path().join("file"))).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unwritable { .. }), "{error}");
    assert!(error.to_string().contains("database.data_dir"), "{error}");
}

#[tokio::test]
async fn a_directory_that_the_unprivileged_user_cannot_reach_is_named() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = Cluster::start(settings(closed.path())).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Unreachable { closed: named, .. } if named == closed.path()), "{error}");
}

#[test]
fn a_directory_that_the_unprivileged_user_cannot_reach_is_replaced_by_one_it_can() {
    let (open, closed) = (reachable(), tempfile::tempdir().unwrap());
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let place = |directory: &TempDir| ClusterSettings::reachable_directory(&directory.path().join("a/b")).unwrap();
    assert_eq!(place(&open), open.path().join("a/b"));
    if rustix::process::geteuid().is_root() {
        assert!(place(&closed).starts_with("/var/lib/vitne"));
        assert_eq!(place(&closed), place(&closed), "the next start finds it again");
    } else {
        assert_eq!(place(&closed), closed.path().join("a/b"));
    }
}

#[tokio::test]
async fn a_full_disk_is_named() {
    let place = reachable();
    let programs = pretended_programs("echo 'initdb: error: could not write: No space left on device' >&2; exit 1");
    let mut settings = settings(place.path());
    settings.programs = Some(programs.path().to_owned());
    let error = Cluster::start(settings.clone()).await.unwrap_err();
    assert!(matches!(error, ClusterError::DiskFull { .. }), "{error}");
    assert!(!settings.directory.join("data").exists(), "nothing is left that looks like a cluster");
}

#[tokio::test]
async fn a_postgres_that_does_not_start_is_quoted() {
    let place = reachable();
    let programs = pretended_programs("touch \"$2/postgresql.conf\"; echo 15 > \"$2/PG_VERSION\"");
    fs::write(
        programs.path().join("postgres"),
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 15.0' && exit\necho 'FATAL:  no luck today'\nexit 1\n",
    )
    .unwrap();
    let mut settings = settings(place.path());
    settings.programs = Some(programs.path().to_owned());
    let error = Cluster::start(settings).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Start { said, .. } if said == "FATAL:  no luck today"), "{error}");
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let place = reachable();
    let long = place.path().join("a-directory-with-a-rather-long-name".repeat(4));
    let cluster = Cluster::start(settings(&long)).await.unwrap();
    assert_eq!(one(&cluster).await.unwrap(), 1);
    let socket = cluster.options("postgres", OWNER).get_socket().cloned().unwrap();
    cluster.stop().await;
    assert!(!socket.starts_with(&long) && !socket.exists(), "{} is short and goes with the cluster", socket.display());
}
