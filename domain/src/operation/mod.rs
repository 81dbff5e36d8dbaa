//! The deployment itself: what operators and Vitne did to it.

mod events;

use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use events::OperationEvent;

use crate::event::RetentionClass;

/// What can be recorded of the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationCommand {
    /// Attempts from one source were refused unread.
    RecordSourceThrottled {
        /// Keyed hash of the source.
        source: String,
        /// When the window began.
        from: DateTime<Utc>,
        /// When it ended.
        until: DateTime<Utc>,
        /// Attempts refused in it.
        count: u32,
    },
    /// An operator lets a projection pass an event.
    SkipProjectionEvent {
        /// Which projection.
        projection: String,
        /// Its version.
        version: u32,
        /// Which position.
        position: u64,
        /// Why.
        reason: String,
    },
    /// An epoch's secret is destroyed, which expires its events.
    DestroyEpoch {
        /// Which class.
        class: RetentionClass,
        /// Which epoch, by its first day.
        epoch: NaiveDate,
        /// Today; an epoch is not destroyed before its class allows.
        today: NaiveDate,
    },
}

/// Why nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The window of refused attempts is empty or reversed.
    #[error("a window of refused attempts must end after it begins and hold at least one attempt")]
    BadWindow,
    /// Skipping an event needs a reason.
    #[error("say why the event is skipped: readers will see the reason")]
    NoReason,
    /// The class never expires, or the epoch is not old enough.
    #[error("epoch {epoch} of class {} may not be destroyed yet", class.as_str())]
    NotExpired {
        /// Which class.
        class: RetentionClass,
        /// Which epoch.
        epoch: NaiveDate,
    },
}

/// The operation aggregate. Its streams only record, so there is nothing to fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {}

impl Operation {
    /// What is recorded for `command`, or why nothing is.
    pub fn decide(&self, command: OperationCommand) -> Result<Vec<OperationEvent>, OperationError> {
        match command {
            OperationCommand::RecordSourceThrottled { source, from, until, count } => {
                if from >= until || count == 0 {
                    return Err(OperationError::BadWindow);
                }
                Ok(vec![OperationEvent::SourceThrottled { source, from, until, count }])
            }
            OperationCommand::SkipProjectionEvent { projection, version, position, reason } => {
                if reason.trim().is_empty() {
                    return Err(OperationError::NoReason);
                }
                Ok(vec![OperationEvent::ProjectionEventSkipped { projection, version, position, reason }])
            }
            OperationCommand::DestroyEpoch { class, epoch, today } => {
                if class.expires(epoch).is_none_or(|expires| today < expires) {
                    return Err(OperationError::NotExpired { class, epoch });
                }
                Ok(vec![OperationEvent::EpochDestroyed { class, epoch }])
            }
        }
    }
}

impl Aggregate for Operation {
    const TYPE: &'static str = "operation";
    type Command = OperationCommand;
    type Event = OperationEvent;
    type Error = OperationError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _event: Self::Event) {}
}
