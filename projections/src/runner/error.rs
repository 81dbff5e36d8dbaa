//! What can go wrong while read models are kept up to date.

use vitne_eventlog::{LoadError, ReadError};

/// Why a projection could not go on. Nothing is lost by it: rows and checkpoint move together.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database failed.
    #[error("the read models' database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The list of skipped events could not be read.
    #[error(transparent)]
    Skips(#[from] LoadError),
}

impl RunError {
    /// The SQLSTATE, where the database refused a value (classes 22, 23 and 54) and would refuse it again.
    pub(super) fn refused_value(&self) -> Option<String> {
        let Self::Database(sqlx::Error::Database(error)) = self else { return None };
        let code = error.code()?;
        ["22", "23", "54"].iter().any(|class| code.starts_with(class)).then(|| code.into_owned())
    }
}
