//! How long a rebuild takes, against copying the same events out and the same rows in.

use std::sync::Arc;
use std::time::Instant;

use futures::TryStreamExt;
use serde::Serialize;
use sqlx::postgres::PgPoolCopyExt;
use vitne_eventlog::Position;
use vitne_projections::store;

use crate::load::fill;
use crate::rebuild::{rebuild, scratch};
use crate::{Context, ReplayError};

/// Seconds, in one run on one machine. Compare the ratio, not the seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildBench {
    /// Which projection.
    pub projection: String,
    /// How many workers folded.
    pub workers: u32,
    /// Events in the log.
    pub events: u64,
    /// Rows of the projection.
    pub rows: u64,
    /// Reading, opening, folding and copying in.
    pub fold_seconds: f64,
    /// The whole rebuild, with indexes, comparison and flip.
    pub rebuild_seconds: f64,
    /// `COPY` of the sealed events out, to nowhere.
    pub copy_out_seconds: f64,
    /// `COPY` of the same rows into a bare table.
    pub copy_in_seconds: f64,
}

impl RebuildBench {
    /// How many times as long folding takes as copying out and in.
    pub fn ratio(&self) -> f64 {
        self.fold_seconds / (self.copy_out_seconds + self.copy_in_seconds)
    }
}

/// Measures one projection that has live rows. Leaves a rebuilt generation live.
pub async fn bench_rebuild(context: &Context, projection: &str, workers: u32) -> Result<RebuildBench, ReplayError> {
    let projection = context.projection(projection)?;
    let head = context.source.head().await?;
    let mut bench = RebuildBench {
        projection: projection.name().to_owned(),
        workers,
        events: head.0,
        rows: 0,
        fold_seconds: 0.0,
        rebuild_seconds: 0.0,
        copy_out_seconds: copy_events_out(context, head).await?,
        copy_in_seconds: 0.0,
    };
    let generation = scratch(context, projection.as_ref()).await?;
    let started = Instant::now();
    bench.rows = fill(context, &projection, &generation, head, workers).await?.rows;
    bench.fold_seconds = started.elapsed().as_secs_f64();
    bench.copy_in_seconds = copy_rows_in(context, &projection, &generation).await?;
    let started = Instant::now();
    rebuild(context, projection.name(), workers).await?;
    bench.rebuild_seconds = started.elapsed().as_secs_f64();
    Ok(bench)
}

/// The owner copies: the whole table, as it is stored.
async fn copy_events_out(context: &Context, head: Position) -> Result<f64, ReplayError> {
    let started = Instant::now();
    let sql = format!("copy (select * from log.events where position <= {}) to stdout", head.0);
    let mut chunks = context.owner.copy_out_raw(&sql).await?;
    let mut bytes = 0_usize;
    while let Some(chunk) = chunks.try_next().await? {
        bytes += chunk.len();
    }
    tracing::debug!(bytes, "copied the events out");
    Ok(started.elapsed().as_secs_f64())
}

/// The same rows, read into memory first, so that only the way in is measured.
async fn copy_rows_in(
    context: &Context,
    projection: &Arc<dyn vitne_projections::Projection>,
    filled: &store::Generation,
) -> Result<f64, ReplayError> {
    let out = store::copy_in_sql(projection.as_ref(), filled).replace("from stdin", "to stdout");
    let rows: Vec<_> = context.owner.copy_out_raw(&out).await?.try_collect().await?;
    let empty = scratch(context, projection.as_ref()).await?;
    let started = Instant::now();
    let mut copy = context.owner.copy_in_raw(&store::copy_in_sql(projection.as_ref(), &empty)).await?;
    for chunk in rows {
        copy.send(chunk).await?;
    }
    copy.finish().await?;
    Ok(started.elapsed().as_secs_f64())
}
