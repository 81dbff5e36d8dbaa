//! Bounded streams: an aggregate whose catalogue has a `…Summarised` event is loaded from the last
//! one, and gets a new one in the unit that makes its tail too long.
//!
//! The convention: the event has one field, `state`, which holds the folded aggregate as it
//! serialises, and applying it sets the aggregate to that state.

use cqrs_es::{Aggregate, DomainEvent};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use vitne_domain::LoggedEvent;
use vitne_domain::event::EventSpec;

use crate::LoadError;
use crate::read::{COLUMNS, Stored};

/// Events since the last summary after which a new one is written.
pub(crate) const TAIL: usize = 100;

/// How an aggregate's streams are summarised.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) event_type: &'static str,
}

/// The summary event of a catalogue, if it has one.
pub(crate) fn of<E: LoggedEvent>() -> Option<Summary> {
    spec(E::SPECS).map(|spec| Summary { event_type: spec.name })
}

fn spec(specs: &'static [EventSpec]) -> Option<&'static EventSpec> {
    specs.iter().find(|spec| spec.name.ends_with("Summarised"))
}

/// The event that sums an aggregate up; `None` for an aggregate that is not summarised.
pub(crate) fn summarise<A>(aggregate: &A) -> Result<Option<A::Event>, serde_json::Error>
where
    A: Aggregate,
    A::Event: LoggedEvent + DomainEvent,
{
    let Some(summary) = of::<A::Event>() else { return Ok(None) };
    let body = json!({ "state": serde_json::to_value(aggregate)? });
    let event = Value::Object(Map::from_iter([(summary.event_type.to_owned(), body)]));
    serde_json::from_value(event).map(Some)
}

impl Summary {
    /// A stream from its last summary on, or from its beginning.
    pub(crate) async fn load(&self, pool: &PgPool, kind: &str, id: &str) -> Result<Vec<Stored>, LoadError> {
        // The type is written out, because the partial index serves only a predicate known to the planner.
        let sql = format!(
            "SELECT {COLUMNS} FROM log.events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence >= coalesce(
               (SELECT s.sequence FROM log.events s WHERE s.aggregate_type = $1 AND s.aggregate_id = $2
                   AND s.event_type = '{}' ORDER BY s.sequence DESC LIMIT 1), 1)
             ORDER BY sequence",
            self.event_type
        );
        let unavailable = |error: sqlx::Error| LoadError::Unavailable(error.to_string());
        let rows = sqlx::query(&sql).bind(kind).bind(id).fetch_all(pool).await.map_err(unavailable)?;
        rows.iter().map(|row| Stored::from_row(row).map_err(|error| LoadError::Unreadable(error.to_string()))).collect()
    }
}
