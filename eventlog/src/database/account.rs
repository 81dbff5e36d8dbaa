//! The operating system's user that the private PostgreSQL runs as.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use super::error::ClusterError;

/// Who PostgreSQL runs as: ourselves, or an unprivileged user when we are root, because PostgreSQL
/// refuses to run as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The user's id.
    pub(super) uid: u32,
    /// The user's group.
    pub(super) gid: u32,
    /// The user's name when it is not ourselves.
    pub(super) other: Option<String>,
}

impl Account {
    /// Chooses the user.
    pub(super) fn choose() -> Result<Self, ClusterError> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            return Ok(Self { uid: uid.as_raw(), gid: rustix::process::getegid().as_raw(), other: None });
        }
        ["postgres", "nobody"].iter().find_map(|name| Self::named(name)).ok_or(ClusterError::NoUnprivilegedUser)
    }

    /// Looks a user up with `id`, which asks every directory service the machine knows.
    fn named(name: &str) -> Option<Self> {
        let ask = |flag: &str| {
            let output =
                Command::new("id").args([flag, name]).output().ok().filter(|output| output.status.success())?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { uid: ask("-u")?, gid: ask("-g")?, other: Some(name.to_owned()) })
    }

    /// A command that runs as this user, outside our process group (so that a Ctrl-C at the terminal
    /// reaches Vitne alone, which then stops PostgreSQL after its own last write), with nothing of our
    /// environment that could change what PostgreSQL does or the language it complains in.
    pub(super) fn command(&self, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
        command.process_group(0);
        if self.other.is_some() {
            // The standard library drops the supplementary groups when it switches away from root.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Sorts out a failure to run a program.
    pub(super) fn cannot_run(&self, program: &Path, source: io::Error) -> ClusterError {
        match &self.other {
            Some(user) => ClusterError::CannotSwitchUser { user: user.clone(), source },
            None => ClusterError::Unwritable { path: program.to_owned(), source },
        }
    }

    /// Makes a directory that only this user (and root) can enter.
    pub(super) fn own_directory(&self, path: &Path) -> Result<(), ClusterError> {
        let unwritable = |source| unwritable(path, source);
        match fs::create_dir(path) {
            Ok(()) => std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).map_err(unwritable)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(error)),
        }
        // The place may be one where others can write too (/tmp), so what was there before is not trusted.
        let found = fs::symlink_metadata(path).map_err(unwritable)?;
        if !found.is_dir() || found.uid() != self.uid {
            return Err(unwritable(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else")));
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(unwritable)
    }

    /// Checks that this user can walk to `path`.
    pub(super) fn check_way(&self, path: &Path) -> Result<(), ClusterError> {
        let Some(user) = &self.other else { return Ok(()) };
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            let found = fs::metadata(ancestor).map_err(|source| unwritable(ancestor, source))?;
            let shift = match (found.uid() == self.uid, found.gid() == self.gid) {
                (true, _) => 6,
                (false, true) => 3,
                (false, false) => 0,
            };
            if (found.mode() >> shift) & 0o1 == 0 {
                return Err(ClusterError::Unreachable { closed: ancestor.to_owned(), user: user.clone() });
            }
        }
        Ok(())
    }
}

/// A failure to write, told apart from a full disk.
pub(super) fn unwritable(path: &Path, source: io::Error) -> ClusterError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ClusterError::DiskFull { directory: path.to_owned() }
        }
        _ => ClusterError::Unwritable { path: path.to_owned(), source },
    }
}
