//! What can go wrong with the stored tree.

use super::ProofError;

/// Why the tree could not be read or grown.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The database is away or refused.
    #[error("the tree's database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The tree has no such leaf or size.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The log's secrets could not be unwrapped.
    #[error("{0}")]
    Keys(String),
    /// What is stored contradicts itself. Nothing is signed over it; `vitne verify database` says where.
    #[error("the log or its tree is damaged: {0}; run `vitne verify database`")]
    Damaged(String),
}
