//! The repository that cqrs-es works on: reads through postgres-es, opens bodies, and keeps what is
//! written for the unit's commit.

use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::persist::{PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent, SerializedSnapshot};
use postgres_es::PostgresEventRepository;
use serde_json::{Map, Value};
use vitne_domain::event::EventSpec;
use vitne_domain::{EventContext, LoggedEvent};

use super::summary::{self, Summary};
use super::{Buffer, Pending};
use crate::LoadError;
use crate::read::{Plain, Reader, Stored};

/// The repository of one aggregate type within one unit.
pub(crate) struct StreamRepository {
    reader: Arc<Reader>,
    buffer: Buffer,
    context: Arc<EventContext>,
    specs: &'static [EventSpec],
    summary: Option<Summary>,
    shredded: fn(&str, &str) -> Result<Value, serde_json::Error>,
}

impl StreamRepository {
    pub(crate) fn new<E: LoggedEvent>(reader: Arc<Reader>, buffer: Buffer, context: Arc<EventContext>) -> Self {
        Self {
            reader,
            buffer,
            context,
            specs: E::SPECS,
            summary: summary::of::<E>(),
            shredded: |event_type, version| serde_json::to_value(E::shredded(event_type, version)),
        }
    }

    async fn load<A: Aggregate>(&self, id: &str) -> Result<Vec<SerializedEvent>, LoadError> {
        let stored = match &self.summary {
            Some(summary) => summary.load(self.reader.pool(), A::TYPE, id).await?,
            None => self.load_all::<A>(id).await?,
        };
        check_sequence(&stored, self.summary.as_ref())?;
        let opened =
            self.reader.open_bodies(stored).await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        opened
            .into_iter()
            .map(|(header, plain)| {
                let unreadable = |reason: &str| {
                    LoadError::Unreadable(format!(
                        "{} {} event {}: {reason}",
                        header.aggregate_type, header.event_type, header.sequence
                    ))
                };
                let payload = match plain {
                    Plain::Body(body) => body,
                    Plain::Shredded => (self.shredded)(&header.event_type, &header.event_version)
                        .map_err(|error| unreadable(&error.to_string()))?,
                    Plain::Broken(reason) => return Err(unreadable(&reason)),
                };
                Ok(SerializedEvent::new(
                    header.aggregate_id,
                    usize::try_from(header.sequence).unwrap_or(usize::MAX),
                    header.aggregate_type,
                    header.event_type,
                    header.event_version,
                    payload,
                    Value::Object(Map::new()),
                ))
            })
            .collect()
    }

    async fn load_all<A: Aggregate>(&self, id: &str) -> Result<Vec<Stored>, LoadError> {
        let repository =
            PostgresEventRepository::new(self.reader.pool().clone()).with_tables("log.streams", "log.no_snapshots");
        let events = repository.get_events::<A>(id).await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        events.into_iter().map(|event| Stored::from_stream(event).map_err(LoadError::Unreadable)).collect()
    }
}

/// A stream without a gap, from its beginning or from a summary.
fn check_sequence(stored: &[Stored], summary: Option<&Summary>) -> Result<(), LoadError> {
    let gap = |sequence: u64| Err(LoadError::Unreadable(format!("event {sequence} of the stream is missing")));
    let Some(first) = stored.first() else { return Ok(()) };
    if first.header.sequence != 1 && summary.is_none_or(|summary| summary.event_type != first.header.event_type) {
        return gap(1);
    }
    for (expected, stored) in (first.header.sequence..).zip(stored) {
        if stored.header.sequence != expected {
            return gap(expected);
        }
    }
    Ok(())
}

impl PersistedEventRepository for StreamRepository {
    async fn get_events<A: Aggregate>(&self, id: &str) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let key = (A::TYPE.to_owned(), id.to_owned());
        if let Some(events) = self.buffer.stream(&key) {
            return Ok(events);
        }
        let events = self.load::<A>(id).await.map_err(|error| match error {
            LoadError::Unavailable(_) => PersistenceError::ConnectionError(Box::new(error)),
            LoadError::Unreadable(_) => PersistenceError::DeserializationError(Box::new(error)),
        })?;
        self.buffer.contents().loaded.insert(key, events.clone());
        Ok(events)
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        snapshot_update: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        if snapshot_update.is_some() {
            return Err(unsupported("snapshots are not kept"));
        }
        let mut pending = Vec::with_capacity(events.len());
        for event in events {
            let spec = self.specs.iter().find(|spec| spec.name == event.event_type);
            let Some(spec) = spec else { return Err(unsupported("an event outside the catalogue cannot be written")) };
            pending.push(Pending { event: event.clone(), class: spec.class, context: self.context.clone() });
        }
        self.buffer.contents().pending.extend(pending);
        Ok(())
    }

    async fn get_last_events<A: Aggregate>(&self, _: &str, _: usize) -> Result<Vec<SerializedEvent>, PersistenceError> {
        Err(unsupported("streams are loaded whole"))
    }

    async fn get_snapshot<A: Aggregate>(&self, _: &str) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Err(unsupported("snapshots are not kept"))
    }

    async fn stream_events<A: Aggregate>(&self, _: &str) -> Result<ReplayStream, PersistenceError> {
        Err(unsupported("replays read the log, not cqrs-es streams"))
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(unsupported("replays read the log, not cqrs-es streams"))
    }
}

fn unsupported(reason: &'static str) -> PersistenceError {
    PersistenceError::UnknownError(reason.into())
}
