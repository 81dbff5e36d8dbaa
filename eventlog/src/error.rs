//! What can go wrong with the log. One small enum per way of using it.

use std::time::Duration;

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database failed.
    #[error("the log's database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A key is missing or is not the one this log was written with.
    #[error("{0}")]
    Keys(String),
}

/// Why a unit of work was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream it decided on has moved: load and decide again.
    #[error("the {aggregate_type} stream was changed by somebody else; load it and decide again")]
    Conflict {
        /// Which kind of stream.
        aggregate_type: String,
    },
    /// The queue is full.
    #[error("the log is busy; try again in {retry_after:?}")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The subject's key is destroyed; nothing can be written about them any more.
    #[error("the subject has been erased")]
    SubjectErased,
    /// This idempotency key has been used: the first answer stands.
    #[error("this idempotency key has been answered before")]
    AlreadyAnswered(Box<crate::FirstAnswer>),
    /// This idempotency key has been used for another request.
    #[error("this idempotency key belongs to another request; use a new key")]
    KeyReused,
    /// The database is away. Whether the unit was written is settled before this is said: it was not.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// The log was closed while the database was away, so it is not known whether the unit was written.
    #[error(
        "the log was closed before the database told whether this was written; retry with the same idempotency key"
    )]
    Unsettled,
}

/// Why a stream could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database is away or refused.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// An event of the stream cannot be read; no half-folded state is given out.
    #[error("the stream cannot be folded: {0}")]
    Unreadable(String),
}

/// Why the log could not be read in order.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database is away or refused.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// Positions are not dense, or a header cannot be parsed: the log is damaged.
    #[error("the log is damaged at position {position}: {reason}")]
    Damaged {
        /// Where.
        position: u64,
        /// How.
        reason: String,
    },
}

/// Why a command did not succeed. `E` is the aggregate's own refusal.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E: std::error::Error> {
    /// The aggregate refuses. An expected outcome.
    #[error(transparent)]
    Refused(E),
    /// The stream could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
}
