//! Looking up what belongs to one person, for decisions that reach over several of their streams.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;
use vitne_domain::id::AccountId;

use super::COLUMNS;
use super::decode::{Reader, stored, unavailable};
use crate::{ReadError, Recorded};

/// The most events of one entry that are read: a ceremony is a short stream, and a request writes few.
const LONGEST_ENTRY: i64 = 500;

impl Reader {
    /// The ids of a person's streams of one kind, the oldest first.
    pub(crate) async fn streams_of(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<String>, ReadError> {
        let rows = sqlx::query(
            "SELECT aggregate_id FROM log.events
             WHERE subject = $1 AND aggregate_type = $2 AND sequence = 1 AND occurred_at >= $3
             ORDER BY occurred_at, position",
        )
        .bind(subject.0)
        .bind(aggregate_type)
        .bind(since.unwrap_or(DateTime::UNIX_EPOCH))
        .fetch_all(self.pool())
        .await
        .map_err(unavailable)?;
        rows.iter().map(|row| row.try_get(0).map_err(unavailable)).collect()
    }

    /// Forgets old answers to repeated requests.
    pub(crate) async fn forget_answers(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, ReadError> {
        let gone = sqlx::query(
            "DELETE FROM log.idempotency WHERE (scope, key) IN (
                 SELECT scope, key FROM log.idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .bind(before)
        .bind(i64::from(limit))
        .execute(self.pool())
        .await
        .map_err(unavailable)?;
        Ok(gone.rows_affected())
    }

    /// A person's events of one ceremony, of one request, or with one identifier, in order.
    pub(crate) async fn entry(&self, subject: AccountId, id: Uuid) -> Result<Vec<Recorded>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM log.events
             WHERE subject = $1 AND (ceremony_id = $2 OR (ceremony_id IS NULL AND correlation_id = $2) OR event_id = $2)
             ORDER BY position LIMIT $3"
        );
        let rows = sqlx::query(&sql)
            .bind(subject.0)
            .bind(id)
            .bind(LONGEST_ENTRY)
            .fetch_all(self.pool())
            .await
            .map_err(unavailable)?;
        self.open(stored(&rows)?).await
    }
}
