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

    /// The ids of a person's streams of one kind that began at or after `since` and hold an event of one
    /// of these types, the oldest first.
    pub(crate) async fn streams_with(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: DateTime<Utc>,
        event_types: &[&str],
    ) -> Result<Vec<String>, ReadError> {
        let rows = sqlx::query(
            "SELECT s.aggregate_id FROM log.events s
             WHERE s.subject = $1 AND s.aggregate_type = $2 AND s.sequence = 1 AND s.occurred_at >= $3
               AND EXISTS (SELECT 1 FROM log.events e WHERE e.aggregate_type = s.aggregate_type
                              AND e.aggregate_id = s.aggregate_id AND e.event_type = ANY ($4))
             ORDER BY s.occurred_at, s.position",
        )
        .bind(subject.0)
        .bind(aggregate_type)
        .bind(since)
        .bind(event_types)
        .fetch_all(self.pool())
        .await
        .map_err(unavailable)?;
        rows.iter().map(|row| row.try_get(0).map_err(unavailable)).collect()
    }

    /// The ids of a person's streams of one kind that began at or after `since` within a session.
    pub(crate) async fn streams_in_sessions(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, ReadError> {
        let rows = sqlx::query(
            "SELECT aggregate_id FROM log.events
             WHERE subject = $1 AND aggregate_type = $2 AND sequence = 1 AND occurred_at >= $3
               AND session_id IS NOT NULL
             ORDER BY occurred_at, position",
        )
        .bind(subject.0)
        .bind(aggregate_type)
        .bind(since)
        .fetch_all(self.pool())
        .await
        .map_err(unavailable)?;
        rows.iter().map(|row| row.try_get(0).map_err(unavailable)).collect()
    }

    /// Whether a stream has an event of this type that happened at or after `since`.
    pub(crate) async fn has_event(
        &self,
        aggregate_type: &str,
        id: &str,
        event_type: &str,
        since: DateTime<Utc>,
    ) -> Result<bool, ReadError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM log.events WHERE aggregate_type = $1 AND aggregate_id = $2
                AND event_type = $3 AND occurred_at >= $4)",
        )
        .bind(aggregate_type)
        .bind(id)
        .bind(event_type)
        .bind(since)
        .fetch_one(self.pool())
        .await
        .map_err(unavailable)
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
