//! One run of `postgres`, from its start to its end.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::account::{Account, unwritable};
use super::error::ClusterError;
use super::programs::Programs;

/// How often something that is about to happen is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Everything needed to run `postgres` once more.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    pub(super) programs: Programs,
    pub(super) account: Account,
    pub(super) data: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    pub(super) probe: PgConnectOptions,
    pub(super) start_timeout: Duration,
    pub(super) stop_timeout: Duration,
}

impl Runner {
    /// Starts `postgres` and waits until it answers. What a killed predecessor left in shared memory
    /// goes away when its last process has noticed, so that refusal is waited out.
    pub(super) async fn start(&self) -> Result<Child, ClusterError> {
        let deadline = Instant::now() + self.start_timeout;
        loop {
            let from = fs::metadata(&self.log).map_or(0, |found| found.len());
            let mut child = self.spawn()?;
            match self.wait_until_ready(&mut child, deadline).await {
                Ok(true) => return Ok(child),
                Ok(false) => {
                    let said = self.said_since(from);
                    if said.contains("is still in use") && Instant::now() < deadline {
                        sleep(POLL).await;
                        continue;
                    }
                    return Err(self.sort_out(&said));
                }
                Err(error) => {
                    self.stop(&mut child).await;
                    return Err(error);
                }
            }
        }
    }

    fn spawn(&self) -> Result<Child, ClusterError> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(|source| unwritable(&self.log, source))?;
        let also = log.try_clone().map_err(|source| unwritable(&self.log, source))?;
        let program = self.programs.program("postgres");
        let mut command = self.account.command(&program);
        command.arg("-D").arg(&self.data);
        // Who may connect is not left to a file somebody may have edited.
        command.arg("-c").arg("listen_addresses=");
        command.arg("-c").arg(format!("unix_socket_directories={}", self.socket.display()));
        command.args(["-c", "unix_socket_permissions=0700", "-c", "port=5432", "-c", "logging_collector=off"]);
        command.stdin(Stdio::null()).stdout(log).stderr(also);
        command.spawn().map_err(|source| self.account.cannot_run(&program, source))
    }

    /// True once it answers, false if it went away.
    async fn wait_until_ready(&self, child: &mut Child, deadline: Instant) -> Result<bool, ClusterError> {
        loop {
            if !matches!(child.try_wait(), Ok(None)) {
                return Ok(false);
            }
            if let Ok(Ok(connection)) = timeout(Duration::from_secs(5), self.probe.connect()).await {
                drop(connection);
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Err(ClusterError::NotReady { after: self.start_timeout, log: self.log.clone() });
            }
            sleep(POLL).await;
        }
    }

    /// Stops it: first politely (it breaks off what runs and writes a checkpoint), then at once (the
    /// next start recovers from the write-ahead log).
    pub(super) async fn stop(&self, child: &mut Child) {
        for (signal, patience) in [
            (Signal::INT, self.stop_timeout),
            (Signal::QUIT, Duration::from_secs(10)),
            (Signal::KILL, Duration::from_secs(10)),
        ] {
            let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) else { return };
            send(pid, signal);
            if timeout(patience, child.wait()).await.is_ok() {
                return;
            }
        }
    }

    /// Ends a `postgres` that a killed Vitne left behind on this data directory, if there is one.
    pub(super) async fn stop_orphan(&self) -> Result<(), ClusterError> {
        let Some(pid) = running_postmaster(&self.data) else { return Ok(()) };
        tracing::warn!(pid, "a PostgreSQL left behind by a killed Vitne is being taken over");
        for (signal, patience) in [(Signal::INT, self.stop_timeout), (Signal::QUIT, Duration::from_secs(10))] {
            send(pid, signal);
            let deadline = Instant::now() + patience;
            while Instant::now() < deadline {
                if running_postmaster(&self.data) != Some(pid) {
                    return Ok(());
                }
                sleep(POLL).await;
            }
        }
        Err(ClusterError::OrphanStays { pid, directory: self.data.clone() })
    }

    /// What PostgreSQL wrote to its log since it was `from` bytes long; at most the last 4 kB.
    fn said_since(&self, from: u64) -> String {
        let Ok(mut file) = File::open(&self.log) else { return String::new() };
        let length = file.metadata().map_or(0, |found| found.len());
        let mut said = Vec::new();
        let start = from.max(length.saturating_sub(4096));
        if file.seek(SeekFrom::Start(start)).is_ok() {
            let _ = file.read_to_end(&mut said);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    fn sort_out(&self, said: &str) -> ClusterError {
        if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
            return ClusterError::DiskFull { directory: self.data.clone() };
        }
        ClusterError::Start { said: telling_line(said), log: self.log.clone() }
    }
}

/// The line of PostgreSQL's complaint that says most: its first FATAL, PANIC or error, or the last one.
pub(super) fn telling_line(said: &str) -> String {
    let telling = ["FATAL: ", "PANIC: ", "error: "];
    let found = said.lines().find(|line| telling.iter().any(|word| line.contains(word)));
    let line = found.or_else(|| said.lines().rfind(|line| !line.trim().is_empty()));
    line.map_or_else(|| "it said nothing".to_owned(), |line| line.trim().to_owned())
}

/// Sends a signal; a process that is gone needs none.
pub(super) fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The process id of the `postgres` that runs on this data directory. Process ids are reused, so the
/// number in `postmaster.pid` counts only if that process has the data directory as its working
/// directory; where there is no /proc to ask, PostgreSQL's own check of the file has to do.
fn running_postmaster(data: &Path) -> Option<i32> {
    let pid: i32 = fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()?;
    let process = Pid::from_raw(pid)?;
    rustix::process::test_kill_process(process).ok()?;
    if Path::new("/proc/self").exists() {
        let at = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        return (at == fs::canonicalize(data).ok()?).then_some(pid);
    }
    Some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most_is_picked() {
        let said = "LOG:  starting\n2026 FATAL:  lock file is empty\nHINT:  look\n";
        assert_eq!(telling_line(said), "2026 FATAL:  lock file is empty");
        assert_eq!(telling_line("one\ntwo\n\n"), "two");
        assert_eq!(telling_line(""), "it said nothing");
    }

    #[test]
    fn a_reused_process_id_is_not_taken_for_an_orphan() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
        assert_eq!(running_postmaster(data.path()), None);
    }
}
