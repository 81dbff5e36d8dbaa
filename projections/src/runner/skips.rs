//! The events that operators let a projection pass, from the log itself.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use vitne_domain::operation::OperationEvent;
use vitne_eventlog::Position;

/// The id of the operation stream that holds a projection's skips.
pub fn skip_stream(projection: &str) -> String {
    format!("projection.{projection}")
}

/// The fold of that stream. It decides nothing: skips are recorded through the operation aggregate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skips {
    skipped: BTreeSet<(u32, u64)>,
}

impl Skips {
    /// The positions that a version of the projection passes.
    pub fn of(&self, version: u32) -> BTreeSet<Position> {
        self.skipped.iter().filter(|(of, _)| *of == version).map(|(_, position)| Position(*position)).collect()
    }
}

impl Aggregate for Skips {
    const TYPE: &'static str = "operation";
    type Command = std::convert::Infallible;
    type Event = OperationEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &Self::Services,
        _sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        match command {}
    }

    fn apply(&mut self, event: Self::Event) {
        if let OperationEvent::ProjectionEventSkipped { version, position, .. } = event {
            self.skipped.insert((version, position));
        }
    }
}
