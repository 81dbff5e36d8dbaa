//! What a unit has loaded and decided so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cqrs_es::persist::SerializedEvent;
use vitne_domain::{EventContext, RetentionClass};

use crate::lane::StreamKey;

/// An event that waits for the commit.
pub(crate) struct Pending {
    pub(crate) event: SerializedEvent,
    pub(crate) class: RetentionClass,
    pub(crate) context: Arc<EventContext>,
}

/// The streams a unit has loaded, as they stood, and the events it has added.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) loaded: HashMap<StreamKey, Vec<SerializedEvent>>,
    pub(crate) pending: Vec<Pending>,
}

/// Shared between a unit and the repositories it lends to cqrs-es.
#[derive(Clone, Default)]
pub(crate) struct Buffer(Arc<Mutex<Contents>>);

impl Buffer {
    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream with this unit's own events, if it has been loaded.
    pub(crate) fn stream(&self, key: &StreamKey) -> Option<Vec<SerializedEvent>> {
        let contents = self.contents();
        let mut events = contents.loaded.get(key)?.clone();
        let own = contents.pending.iter().map(|pending| &pending.event);
        events.extend(own.filter(|event| event.aggregate_type == key.0 && event.aggregate_id == key.1).cloned());
        Some(events)
    }

    /// How many events a stream has since its last summary, this unit's own among them.
    pub(crate) fn stream_len(&self, key: &StreamKey, summary: &str) -> usize {
        let contents = self.contents();
        let own = contents.pending.iter().map(|pending| &pending.event);
        let own = own.filter(|event| event.aggregate_type == key.0 && event.aggregate_id == key.1);
        let events = contents.loaded.get(key).into_iter().flatten().chain(own);
        events.fold(0, |count, event| if event.event_type == summary { 0 } else { count + 1 })
    }

    /// The versions that were loaded: the conditions of the commit.
    pub(crate) fn versions(&self) -> Vec<(StreamKey, u64)> {
        let version = |events: &Vec<SerializedEvent>| events.last().map_or(0, |event| event.sequence as u64);
        self.contents().loaded.iter().map(|(key, events)| (key.clone(), version(events))).collect()
    }
}
