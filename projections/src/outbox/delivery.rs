//! What has been sent. Kept apart from the projection: a replay must not send anything again.

use chrono::{DateTime, Duration, Utc};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::Message;

/// How long one node may hold the right to send before another may take over.
const LEASE: Duration = Duration::seconds(60);

/// Attempts before a message is given up.
const MAX_ATTEMPTS: i32 = 12;

/// A message that has not been settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMessage {
    /// Its identifier.
    pub id: Uuid,
    /// What it is.
    pub message: Message,
    /// Attempts made so far.
    pub attempts: i32,
}

/// How an attempt to send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It went out.
    Sent,
    /// It did not; it is tried again later.
    Failed {
        /// Why, without the address.
        reason: String,
    },
    /// It is too old to be of use.
    Expired,
    /// There is nobody to send it to.
    Undeliverable,
}

/// The sending side's state in the database.
#[derive(Clone, Debug)]
pub struct Delivery {
    pool: PgPool,
    node: Uuid,
}

impl Delivery {
    /// For one node, named by `node`.
    pub fn new(pool: PgPool, node: Uuid) -> Self {
        Self { pool, node }
    }

    /// Takes or prolongs the right to send. False while another node has it.
    pub async fn lease(&self, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let taken = sqlx::query(
            "UPDATE outbox.state SET lease_owner = $1, lease_until = $2
             WHERE lease_owner IS NULL OR lease_owner = $1 OR lease_until < $3",
        )
        .bind(self.node)
        .bind(now + LEASE)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Messages to try now, oldest first.
    pub async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueMessage>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT m.id, m.doc, coalesce(d.attempts, 0) AS attempts
             FROM read.outbox m LEFT JOIN outbox.delivery d ON d.message = m.id
             WHERE m.sequence > (SELECT done_through FROM outbox.state)
               AND (d.message IS NULL OR (d.state = 'FAILED' AND d.next_try <= $1))
             ORDER BY m.sequence LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let doc: serde_json::Value = row.try_get("doc")?;
                let message = serde_json::from_value(doc).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
                Ok(DueMessage { id: row.try_get("id")?, message, attempts: row.try_get("attempts")? })
            })
            .collect()
    }

    /// Keeps how an attempt ended.
    pub async fn settle(&self, due: &DueMessage, how: &Settlement, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let attempts = due.attempts.saturating_add(1);
        let (state, next_try, reason) = match how {
            Settlement::Sent => ("SENT", None, None),
            Settlement::Expired => ("EXPIRED", None, None),
            Settlement::Undeliverable => ("UNDELIVERABLE", None, None),
            Settlement::Failed { reason } if attempts >= MAX_ATTEMPTS => ("UNDELIVERABLE", None, Some(reason.as_str())),
            Settlement::Failed { reason } => ("FAILED", Some(now + back_off(attempts)), Some(reason.as_str())),
        };
        sqlx::query(
            "INSERT INTO outbox.delivery (message, state, attempts, next_try, settled_at, reason)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (message) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
                 next_try = excluded.next_try, settled_at = excluded.settled_at, reason = excluded.reason
             WHERE outbox.delivery.state = 'FAILED'",
        )
        .bind(due.id)
        .bind(state)
        .bind(attempts)
        .bind(next_try)
        .bind(now)
        .bind(reason)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Moves the mark below which everything is settled, so that looking for due messages stays cheap.
    /// `through` is the position the projection has reached.
    pub async fn advance(&self, through: u64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE outbox.state SET done_through = greatest(done_through, coalesce(
                 (SELECT min(m.sequence) - 1 FROM read.outbox m
                  LEFT JOIN outbox.delivery d ON d.message = m.id
                  WHERE m.sequence > outbox.state.done_through AND (d.message IS NULL OR d.state = 'FAILED')),
                 $1))",
        )
        .bind(i64::try_from(through).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// The wait before the next attempt: 5 s, doubling, at most an hour.
fn back_off(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(10);
    Duration::seconds((5_i64 << doublings).min(3_600))
}
