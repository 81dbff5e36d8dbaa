//! Finding PostgreSQL's programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ClusterError;

/// The oldest major version Vitne works with.
pub const OLDEST_MAJOR: u32 = 14;

/// A directory with PostgreSQL's programs, and their version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// The directory that holds `initdb` and `postgres`.
    pub directory: PathBuf,
    /// The major version, such as 15.
    pub major: u32,
}

impl Programs {
    /// Finds the programs: in `configured` (or, without it, in the directory that the environment's
    /// `VITNE_PG_BIN` names) and nowhere else; otherwise on `PATH`, then in the usual places, the
    /// newest first. With `wanted`, the major version an existing data directory was written by, only
    /// programs of that version do, because PostgreSQL reads no other version's data.
    pub fn find(configured: Option<&Path>, wanted: Option<(u32, &Path)>) -> Result<Self, ClusterError> {
        let named = configured.map(Path::to_owned).or_else(|| std::env::var_os("VITNE_PG_BIN").map(PathBuf::from));
        let places = named.map_or_else(usual_places, |one| vec![one]);
        let found: Vec<Self> = places.iter().filter_map(|place| Self::at(place)).collect();
        let newest = found.iter().max_by_key(|programs| programs.major).ok_or_else(|| {
            let looked: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            ClusterError::ProgramsMissing { looked: looked.join(", ") }
        })?;
        if let Some((data, directory)) = wanted {
            return found.iter().find(|programs| programs.major == data).cloned().ok_or_else(|| {
                ClusterError::WrongMajor { directory: directory.to_owned(), data, programs: newest.major }
            });
        }
        match found.iter().find(|programs| programs.major >= OLDEST_MAJOR) {
            Some(programs) => Ok(programs.clone()),
            None => Err(ClusterError::ProgramsTooOld { found: newest.major, directory: newest.directory.clone() }),
        }
    }

    /// One of the programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: &Path) -> Option<Self> {
        if !directory.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { directory: directory.to_owned(), major })
    }
}

/// The major version in what `postgres --version` prints: `postgres (PostgreSQL) 15.14 (Debian 15.14-0)`.
fn major_version(printed: &str) -> Option<u32> {
    let version = printed.split_once("(PostgreSQL) ")?.1;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    places.retain(|place| place.is_absolute() && place.join("initdb").is_file() && place.join("postgres").is_file());
    places.extend(versioned("/usr/lib/postgresql", "", "bin"));
    places.extend(versioned("/usr", "pgsql-", "bin"));
    places.push("/usr/local/pgsql/bin".into());
    for brew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        places.extend(versioned(brew, "postgresql@", "bin"));
    }
    places.extend(versioned("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    places
}

/// `parent/prefix<number>/below` for every number there is, the highest first.
fn versioned(parent: &str, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(below)))
        })
        .collect();
    found.sort_by(|(left, _), (right, _)| right.cmp(left));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_program_prints() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("psql: not found"), None);
    }

    #[test]
    fn programs_that_are_not_there_are_named_with_the_remedy() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = Programs::find(Some(nowhere.path()), None).unwrap_err().to_string();
        assert!(error.contains("apt-get install postgresql") && error.contains("database.programs"), "{error}");
    }

    #[test]
    fn data_of_another_major_version_is_refused() {
        let error = Programs::find(None, Some((9, Path::new("/somewhere/data")))).unwrap_err();
        assert!(matches!(error, ClusterError::WrongMajor { data: 9, .. }), "{error}");
    }
}
