//! What a simulation came to.

use std::collections::BTreeMap;

use sqlx::PgPool;
use vitne_eventlog::Position;

use super::Person;

/// What a simulation wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many people lived.
    pub people: u64,
    /// For how many days.
    pub days: u32,
    /// The head of the log before.
    pub before: Position,
    /// The head of the log after.
    pub last: Position,
    /// What the services refused, and how often: expected outcomes.
    pub refused: BTreeMap<String, u64>,
}

impl Report {
    /// How many events were written.
    pub fn events(&self) -> u64 {
        self.last.0.saturating_sub(self.before.0)
    }
}

/// How many events of each type follow `after`.
pub async fn events_by_type(pool: &PgPool, after: Position) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT event_type, count(*) FROM log.events WHERE position > $1 GROUP BY 1 ORDER BY 2 DESC, 1")
        .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await
}

/// The refusals of all people together.
pub(super) fn refusals(people: &[Person]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (reason, count) in people.iter().flat_map(Person::refused) {
        *all.entry(reason.clone()).or_default() += count;
    }
    all
}
