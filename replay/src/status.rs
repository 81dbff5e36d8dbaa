//! How far every projection is, and who waits.

use serde::Serialize;
use vitne_eventlog::Position;
use vitne_projections::store::{self, State};

use crate::{Context, ReplayError};

/// One generation of a projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub projection: String,
    /// Its version.
    pub version: u32,
    /// Which building of that version.
    pub generation: u32,
    /// What it is for.
    pub state: State,
    /// How many events it holds.
    pub position: Position,
    /// How many it does not hold yet.
    pub lag: u64,
    /// How many people and streams wait behind an event that cannot be folded.
    pub parked: usize,
    /// How many events operators let it pass.
    pub skipped: usize,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// The position of the log's last event.
    pub head: Position,
    /// The projections.
    pub projections: Vec<ProjectionStatus>,
}

/// Looks at the books.
pub async fn status(context: &Context) -> Result<StatusReport, ReplayError> {
    let mut connection = context.server.acquire().await?;
    let checkpoints = store::checkpoints(&mut connection).await?;
    let mut projections = Vec::new();
    let head = context.source.head().await?;
    for checkpoint in checkpoints {
        let generation = checkpoint.generation;
        projections.push(ProjectionStatus {
            parked: store::all_parked(&mut connection, &generation).await?.len(),
            skipped: context.source.skips(&generation.name, generation.version).await?.len(),
            lag: head.0.saturating_sub(checkpoint.position.0),
            position: checkpoint.position,
            state: checkpoint.state,
            version: generation.version,
            generation: generation.generation,
            projection: generation.name,
        });
    }
    Ok(StatusReport { head, projections })
}

impl std::fmt::Display for StatusReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "The log holds {} events.", self.head)?;
        writeln!(
            f,
            "{:<16} {:>7} {:>10} {:<8} {:>10} {:>8} {:>7} {:>7}",
            "projection", "version", "generation", "state", "position", "lag", "parked", "skipped"
        )?;
        for row in &self.projections {
            writeln!(
                f,
                "{:<16} {:>7} {:>10} {:<8} {:>10} {:>8} {:>7} {:>7}",
                row.projection,
                row.version,
                row.generation,
                row.state.as_str(),
                row.position.0,
                row.lag,
                row.parked,
                row.skipped
            )?;
        }
        Ok(())
    }
}
