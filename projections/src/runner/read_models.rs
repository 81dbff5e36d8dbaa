//! What readers may ask of the read models beside their rows: how far they are, and where they have gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgPool, Row};
use tokio::sync::watch;
use vitne_domain::id::AccountId;
use vitne_eventlog::Position;

use crate::store;

/// How often other nodes' progress is looked at while somebody waits.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// A person's events that a projection does not show, from a position on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    /// Which projection.
    pub projection: String,
    /// From which position on.
    pub from_position: Position,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why: names fields, never values.
    pub reason: String,
}

/// How waiting for a projection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It holds the position.
    Reached,
    /// It did not in time; it is here.
    TimedOut(Position),
}

/// A handle on the read models. Cheap to clone.
#[derive(Clone)]
pub struct ReadModels {
    pool: PgPool,
    positions: Arc<BTreeMap<&'static str, watch::Sender<Position>>>,
}

impl ReadModels {
    pub(super) fn new(pool: PgPool, names: impl IntoIterator<Item = &'static str>) -> Self {
        let positions = names.into_iter().map(|name| (name, watch::Sender::new(Position(0)))).collect();
        Self { pool, positions: Arc::new(positions) }
    }

    /// Where the views are read.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits until a projection holds the first `position` events, so that a reader finds what they
    /// wrote. Bounded by `timeout`; never runs the projection itself.
    pub async fn wait_for(
        &self,
        projection: &str,
        position: Position,
        timeout: Duration,
    ) -> Result<Waited, sqlx::Error> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut progress = self.positions.get(projection).map(watch::Sender::subscribe);
        loop {
            if let Some(progress) = &mut progress
                && *progress.borrow_and_update() >= position
            {
                return Ok(Waited::Reached);
            }
            // This node may not be the one that holds the lease.
            let reached = self.position(projection).await?;
            if reached >= position {
                self.publish(projection, reached);
                return Ok(Waited::Reached);
            }
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Ok(Waited::TimedOut(reached));
            }
            let pause = tokio::time::sleep_until(deadline.min(now + LOOK_AGAIN));
            match &mut progress {
                Some(progress) => tokio::select! {
                    _ = progress.changed() => {}
                    () = pause => {}
                },
                None => pause.await,
            }
        }
    }

    /// How many events the live rows of a projection hold; 0 if it has none yet.
    pub async fn position(&self, projection: &str) -> Result<Position, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let live = store::live(&mut connection, projection).await?;
        Ok(live.map(|checkpoint| checkpoint.position).unwrap_or_default())
    }

    /// How many events each live read model is behind the log, the worst first.
    pub async fn lags(pool: &PgPool) -> Result<Vec<(String, u64)>, sqlx::Error> {
        let rows = sqlx::query(
            "select c.name, greatest(h.last - c.position, 0) from projection.checkpoints c, log.head h
             where c.state = 'live' order by 2 desc, 1",
        )
        .fetch_all(pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0)))).collect()
    }

    /// What is missing from the read models of one person, and why. Empty is the rule.
    pub async fn gaps(&self, subject: AccountId) -> Result<Vec<Gap>, sqlx::Error> {
        let rows = sqlx::query(
            "select p.name, p.first_position, p.since, p.error
             from projection.parked p join projection.checkpoints c using (name, version, generation)
             where p.subject = $1 and c.state = 'live' order by p.name",
        )
        .bind(subject.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Gap {
                    projection: row.try_get(0)?,
                    from_position: Position(u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0)),
                    since: row.try_get(2)?,
                    reason: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// Tells waiters of this node how far a projection is.
    pub(super) fn publish(&self, projection: &str, position: Position) {
        if let Some(sender) = self.positions.get(projection) {
            sender.send_if_modified(|known| {
                let moved = *known < position;
                *known = position.max(*known);
                moved
            });
        }
    }
}
