//! Letting a projection pass an event that it cannot fold. The decision is itself an event.

use serde::Serialize;
use vitne_domain::EventContext;
use vitne_domain::operation::{Operation, OperationCommand};
use vitne_eventlog::{ExecuteError, Log, Position};
use vitne_projections::runner::skip_stream;
use vitne_projections::store;

use crate::difference::NamedGap;
use crate::{Context, ReplayError};

/// What was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkipReport {
    /// By which projection.
    pub projection: String,
    /// The position of the event.
    pub position: Position,
    /// Who waited behind it. They are released when the live projection comes to the skip.
    pub released: NamedGap,
    /// Where the log holds the skip.
    pub recorded_at: Position,
}

impl std::fmt::Display for SkipReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { projection, position, released, recorded_at } = self;
        writeln!(
            f,
            "{projection} passes position {position} ({}); recorded at position {recorded_at}; {} goes on",
            released.event_type, released.holder
        )
    }
}

/// Records, in the log, that an operator lets a projection pass an event, and why. Only an event that
/// somebody waits behind can be skipped. `operator` says when and as whom.
pub async fn skip(
    context: &Context,
    log: &Log,
    projection: &str,
    position: Position,
    reason: &str,
    operator: EventContext,
) -> Result<SkipReport, ReplayError> {
    let projection = context.projection(projection)?;
    let name = projection.name();
    let released = waiting_behind(context, name, position).await?;
    let mut unit = log.unit(operator);
    let command = OperationCommand::SkipProjectionEvent {
        projection: name.to_owned(),
        version: projection.version(),
        position: position.0,
        reason: reason.to_owned(),
    };
    unit.execute::<Operation>(skip_stream(name), command).await.map_err(|error| match error {
        ExecuteError::Refused(refused) => ReplayError::Refused(refused),
        ExecuteError::Load(error) => ReplayError::Load(error),
    })?;
    let committed = unit.commit().await?;
    Ok(SkipReport { projection: name.to_owned(), position, released, recorded_at: committed.last })
}

async fn waiting_behind(context: &Context, name: &str, position: Position) -> Result<NamedGap, ReplayError> {
    let mut connection = context.server.acquire().await?;
    let live = store::live(&mut connection, name).await?.ok_or_else(|| ReplayError::NoLiveRows(name.to_owned()))?;
    let parked = store::all_parked(&mut connection, &live.generation).await?;
    let found = parked.iter().find(|parked| parked.parking.position == position).map(NamedGap::from);
    found.ok_or_else(|| ReplayError::NotParked { projection: name.to_owned(), position })
}
