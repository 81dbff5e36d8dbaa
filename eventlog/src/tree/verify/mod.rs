//! Verification of a whole database: the log against its tree, the tree against its checkpoints.
//!
//! It trusts nothing but the log's public key. Everything is read once, in order, in one snapshot, in
//! memory that does not grow with the log; every finding names the row that is wrong.

mod cursor;
mod queries;
mod report;
mod sealed;
mod votes;
mod walk;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use sqlx::PgPool;

pub use report::{Finding, MAX_FINDINGS, Place, Report};
pub use sealed::SealedBodies;

use super::{NoteVerifier, TreeError};
use crate::{Header, Position};

/// What became of an event's sealed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyVerdict {
    /// They opened, and the commitment recomputes.
    Opened,
    /// The body's key has been destroyed.
    Shredded,
    /// They do not open, or the commitment does not recompute: why.
    Broken(String),
}

/// Opens sealed parts as far as their keys live. The log's readers can; the tree cannot.
#[async_trait]
pub trait BodyCheck: Send + Sync {
    /// A verdict for each event, in order.
    async fn check(&self, events: &[(Header, serde_json::Value)]) -> Result<Vec<BodyVerdict>, TreeError>;
}

/// Verifies the whole database. `bodies` opens what is sealed; without it, ciphertexts are not looked
/// into. `progress` is told each position reached and the head.
///
/// # Errors
/// [`TreeError::Database`] if the database fails, [`TreeError::Keys`] if the keys given are not those of the log. What is wrong with its content is no error but a
/// finding of the report.
pub async fn verify_database(
    pool: &PgPool,
    verifier: &NoteVerifier,
    bodies: Option<&dyn BodyCheck>,
    progress: &mut (dyn FnMut(Position, Position) + Send),
) -> Result<Report, TreeError> {
    let mut snapshot = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *snapshot).await?;
    // Sorting all streams of a large log takes longer than a request may.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *snapshot).await?;
    let mut report = Report::default();
    queries::head(&mut snapshot, &mut report).await?;
    walk::Walk::begin(&mut snapshot, verifier, bodies, &mut report).await?.run(progress).await?;
    queries::surplus(&mut snapshot, &mut report).await?;
    queries::streams(&mut snapshot, &mut report).await?;
    queries::idempotency(&mut snapshot, &mut report).await?;
    snapshot.rollback().await?;
    Ok(report)
}
