//! What can go wrong with a replay. It is never called complete when it is not.

use vitne_eventlog::{AppendError, LoadError, Position, ReadError};
use vitne_projections::runner::RunError;

/// Why a replay gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] vitne_eventlog::tree::TreeError),
    /// No projection of that name.
    #[error("there is no projection named {0}; `vitne replay status` lists them")]
    UnknownProjection(String),
    /// The projection has no live rows yet.
    #[error("{0} has no live rows of this version yet; start the server or rebuild it")]
    NoLiveRows(String),
    /// Another rebuild of the same projection is running.
    #[error("{0} is being rebuilt already; wait for that to end")]
    AlreadyRebuilding(String),
    /// The log gave fewer or more events than it has positions.
    #[error("the log gave {delivered} events for {expected} positions; run `vitne verify database`")]
    Incomplete {
        /// Events given.
        delivered: u64,
        /// Events there are.
        expected: u64,
    },
    /// Nobody waits behind that event.
    #[error("{projection} is not stopped at position {position}; only an event that parks somebody can be skipped")]
    NotParked {
        /// Which projection.
        projection: String,
        /// Which position.
        position: Position,
    },
    /// The skip was refused.
    #[error(transparent)]
    Refused(#[from] vitne_domain::operation::OperationError),
    /// The skip could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stream could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The read models' database failed.
    #[error("the read models' database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A worker of a rebuild ended without an answer.
    #[error("a worker of the rebuild ended without an answer: {0}")]
    Worker(String),
}

impl From<RunError> for ReplayError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Database(error) => Self::Database(error),
            RunError::Read(error) => Self::Read(error),
            RunError::Skips(error) => Self::Load(error),
        }
    }
}
