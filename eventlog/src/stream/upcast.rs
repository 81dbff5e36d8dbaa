//! From the versions that were written to the version that is read.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::Value;

use crate::Header;

/// The steps from each older version of an event to the next. Every event is at its first version, so
/// there is none yet; a released version never changes, it gets a step here.
pub(crate) fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    Vec::new()
}

/// A body at today's version, and that version.
pub(crate) fn body(header: &Header, body: Value) -> (String, Value) {
    let steps = upcasters();
    if steps.is_empty() {
        return (header.event_version.clone(), body);
    }
    let event = SerializedEvent::new(
        header.aggregate_id.clone(),
        usize::try_from(header.sequence).unwrap_or(usize::MAX),
        header.aggregate_type.clone(),
        header.event_type.clone(),
        header.event_version.clone(),
        body,
        Value::Null,
    );
    let event = steps.iter().fold(event, |event, step| match step.can_upcast(&event.event_type, &event.event_version) {
        true => step.upcast(event),
        false => event,
    });
    (event.event_version, event.payload)
}
