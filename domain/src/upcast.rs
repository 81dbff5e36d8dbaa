//! From earlier versions of an event's body to today's.
//!
//! An event is never rewritten. When its fields change, its version in the catalogue rises, the golden
//! file of the earlier version stays, and a step is added here that turns the earlier body into the
//! next. Steps are taken one after another, so each only knows its own change.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::Value;

/// Turns the body of one version of one event into the next version's.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The event's name.
    pub event_type: &'static str,
    /// The version it turns from; it turns to the next.
    pub from: u32,
    /// The change, on the body inside the event's name. A body that is not of that version stays as it
    /// is: the decoder then says what is wrong with it.
    pub change: fn(Value) -> Value,
}

impl EventUpcaster for Step {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == self.event_type && event_version == self.from.to_string()
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        event.payload = self.change_body(event.payload);
        event.event_version = self.from.saturating_add(1).to_string();
        event
    }
}

impl Step {
    /// Events are stored as `{"Name": {fields}}`.
    fn change_body(&self, mut body: Value) -> Value {
        if let Some(fields) = body.get_mut(self.event_type) {
            *fields = (self.change)(fields.take());
        }
        body
    }
}

/// Every step, the earliest version of an event first. Every event is still of its first version.
const STEPS: &[Step] = &[];

/// The steps as `cqrs_es` takes them.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    STEPS.iter().map(|step| Box::new(*step) as Box<dyn EventUpcaster>).collect()
}

/// A stored body as today's version.
pub fn upcast(event_type: &str, version: &str, body: Value) -> Value {
    upcast_by(STEPS, event_type, version, body)
}

/// As [`upcast`], by the given steps.
pub fn upcast_by(steps: &[Step], event_type: &str, version: &str, body: Value) -> Value {
    let Ok(mut version) = version.parse::<u32>() else { return body };
    let mut body = body;
    while let Some(step) = steps.iter().find(|step| step.event_type == event_type && step.from == version) {
        body = step.change_body(body);
        version = version.saturating_add(1);
    }
    body
}
