//! Building a projection's rows again beside the live ones, and flipping.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};
use vitne_eventlog::{Position, Recorded};
use vitne_projections::Projection;
use vitne_projections::runner::{Step, Target, commit_batch, drop_retired, lock_generations, next_generation};
use vitne_projections::store::{self, Checkpoint, Generation, Lock, State};

use crate::compare::{Comparison, compare};
use crate::load::fill;
use crate::{Context, ReplayError};

/// How many events are caught up at once.
const BATCH: u32 = 1000;

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildReport {
    /// Which projection.
    pub projection: String,
    /// Its version.
    pub version: u32,
    /// The generation that is live now.
    pub generation: u32,
    /// The snapshot that was folded person by person; the rest was caught up.
    pub snapshot: Position,
    /// The position at which it went live.
    pub position: Position,
    /// Rows that were copied in.
    pub rows: u64,
    /// Seconds for the whole.
    pub seconds: f64,
    /// How the earlier live rows of the same version compared, if there were any. Where they differed,
    /// the rows now live are those that the log says; the earlier ones stay for an hour, retired.
    pub comparison: Option<Comparison>,
}

impl RebuildReport {
    /// The exit status of the command line: 0, or 1 if the earlier rows were not what the log says.
    pub fn exit_status(&self) -> u8 {
        u8::from(self.comparison.as_ref().is_some_and(|comparison| comparison.differing > 0))
    }
}

impl std::fmt::Display for RebuildReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { projection, version, generation, snapshot, position, rows, seconds, comparison } = self;
        writeln!(
            f,
            "{projection} v{version} g{generation} is live at position {position}: {rows} rows from the first {snapshot} events, {seconds:.1} s"
        )?;
        let Some(comparison) = comparison else { return writeln!(f, "  nothing to compare with") };
        writeln!(f, "  {} of the earlier rows were not what the log says", comparison.differing)?;
        for difference in &comparison.differences {
            writeln!(f, "  {difference}")?;
        }
        for gap in &comparison.gaps {
            writeln!(f, "  not compared: {gap}")?;
        }
        Ok(())
    }
}

/// Builds a new generation of a projection with so many workers, and puts it in the place of the live
/// one. Readers and the live projection go on meanwhile. On any error the live rows are as before.
pub async fn rebuild(context: &Context, projection: &str, workers: u32) -> Result<RebuildReport, ReplayError> {
    let started = Instant::now();
    let projection = context.projection(projection)?;
    // The lock lives as long as this connection: a rebuild that dies is known to be dead.
    let mut guard = guard(&context.owner, projection.name()).await?;
    drop_retired(&context.owner).await?;
    drop_building(&context.owner, projection.name()).await?;
    let generation = begin(&context.owner, projection.as_ref()).await?;
    let result = build(context, &projection, &generation, &mut guard, workers).await;
    if result.is_err() {
        // Best effort: what stays is dropped by the next rebuild or start.
        if let Err(error) = drop_building(&context.owner, projection.name()).await {
            tracing::warn!(%generation, %error, "an abandoned generation stays until the next rebuild");
        }
    }
    let mut report = result?;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Drops what rebuilds that died have left. For the start of the server.
pub async fn clean_abandoned(context: &Context) -> Result<(), ReplayError> {
    for projection in &context.projections {
        match guard(&context.owner, projection.name()).await {
            Ok(_guard) => drop_building(&context.owner, projection.name()).await?,
            Err(ReplayError::AlreadyRebuilding(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn guard(owner: &PgPool, name: &str) -> Result<PgConnection, ReplayError> {
    let mut connection = owner.acquire().await?.detach();
    let ours: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended('vitne.rebuild.' || $1, 0))")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if ours { Ok(connection) } else { Err(ReplayError::AlreadyRebuilding(name.to_owned())) }
}

async fn drop_building(owner: &PgPool, name: &str) -> Result<(), ReplayError> {
    let mut transaction = owner.begin().await?;
    lock_generations(&mut transaction).await?;
    for checkpoint in store::checkpoints(&mut transaction).await? {
        if checkpoint.state == State::Building && checkpoint.generation.name == name {
            store::drop_generation(&mut transaction, &checkpoint.generation).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

async fn begin(owner: &PgPool, projection: &dyn Projection) -> Result<Generation, ReplayError> {
    let mut transaction = owner.begin().await?;
    lock_generations(&mut transaction).await?;
    let generation = next_generation(&mut transaction, projection).await?;
    store::create_table(&mut transaction, projection, &generation).await?;
    store::insert_checkpoint(&mut transaction, &generation, State::Building).await?;
    transaction.commit().await?;
    Ok(generation)
}

/// A bare table for a measurement. The next rebuild drops it.
pub(crate) async fn scratch(context: &Context, projection: &dyn Projection) -> Result<Generation, ReplayError> {
    begin(&context.owner, projection).await
}

async fn build(
    context: &Context,
    projection: &Arc<dyn Projection>,
    generation: &Generation,
    guard: &mut PgConnection,
    workers: u32,
) -> Result<RebuildReport, ReplayError> {
    let snapshot = context.source.head().await?;
    let filled = fill(context, projection, generation, snapshot, workers).await?;
    let mut transaction = context.owner.begin().await?;
    store::create_indexes(&mut transaction, projection.as_ref(), generation).await?;
    store::erase(&mut transaction, generation, &filled.erased).await?;
    store::park(&mut transaction, generation, filled.parked.values()).await?;
    store::move_checkpoint(&mut transaction, generation, snapshot).await?;
    transaction.commit().await?;

    let building = Follower::new(context, projection.as_ref(), generation.clone(), State::Building).await?;
    building.catch_up(None).await?;
    let comparison = compare_with_live(context, projection.as_ref(), &building, guard).await?;
    let position = flip(projection.as_ref(), &building, guard).await?;
    Ok(RebuildReport {
        projection: generation.name.clone(),
        version: generation.version,
        generation: generation.generation,
        snapshot,
        position,
        rows: filled.rows,
        seconds: 0.0,
        comparison,
    })
}

/// Compares with the live rows of the same version, both at the same position, in one snapshot that is
/// taken under the live checkpoint's lock. The live projection stands still only until it is taken.
async fn compare_with_live(
    context: &Context,
    projection: &dyn Projection,
    building: &Follower<'_>,
    guard: &mut PgConnection,
) -> Result<Option<Comparison>, ReplayError> {
    let Some(live) = store::live(guard, projection.name()).await? else { return Ok(None) };
    if live.generation.version != projection.version() {
        return Ok(None);
    }
    let follower = Follower::new(context, projection, live.generation.clone(), State::Live).await?;
    let mut snapshot = loop {
        // Nobody may be running the live projection, so it is brought here by its own batches.
        follower.catch_up(Some(building.position().await?)).await?;
        let mut locked = guard.begin().await?;
        let Some(held) = lock_live(&mut locked, &live).await? else { return Ok(None) };
        building.catch_up(Some(held.position)).await?;
        if building.position().await? == held.position {
            let mut snapshot = context.owner.begin().await?;
            sqlx::query("set transaction isolation level repeatable read read only").execute(&mut *snapshot).await?;
            // The first query takes the snapshot, while the lock keeps both where they are.
            store::checkpoints(&mut snapshot).await?;
            locked.rollback().await?;
            break snapshot;
        }
        locked.rollback().await?;
    };
    compare(&mut snapshot, projection, &live.generation, &building.generation).await.map(Some)
}

async fn lock_live(connection: &mut PgConnection, live: &Checkpoint) -> Result<Option<Checkpoint>, ReplayError> {
    Ok(store::lease(connection, &live.generation, State::Live, Lock::Wait).await?)
}

/// Puts the built generation in the place of the live one, in one transaction under the live
/// checkpoint's lock, on the connection that holds the right to rebuild.
async fn flip(
    projection: &dyn Projection,
    building: &Follower<'_>,
    guard: &mut PgConnection,
) -> Result<Position, ReplayError> {
    let mut transaction = guard.begin().await?;
    if let Some(live) = store::live(&mut transaction, projection.name()).await? {
        let held = lock_live(&mut transaction, &live).await?;
        // Whoever waited for the old rows must not find the new ones behind.
        building.catch_up(Some(held.map_or(live.position, |held| held.position))).await?;
        store::set_state(&mut transaction, &live.generation, State::Retired).await?;
    }
    let Some(built) = store::lease(&mut transaction, &building.generation, State::Building, Lock::Wait).await? else {
        return Err(ReplayError::AlreadyRebuilding(projection.name().to_owned()));
    };
    store::set_state(&mut transaction, &building.generation, State::Live).await?;
    store::point_view(&mut transaction, projection, &building.generation).await?;
    transaction.commit().await?;
    Ok(built.position)
}

/// A generation that is brought forward by the ordinary batches.
struct Follower<'a> {
    context: &'a Context,
    projection: &'a dyn Projection,
    generation: Generation,
    state: State,
    skips: std::collections::BTreeSet<Position>,
}

impl<'a> Follower<'a> {
    async fn new(
        context: &'a Context,
        projection: &'a dyn Projection,
        generation: Generation,
        state: State,
    ) -> Result<Self, ReplayError> {
        let skips = context.source.skips(projection.name(), projection.version()).await?;
        Ok(Self { context, projection, generation, state, skips })
    }

    async fn position(&self) -> Result<Position, ReplayError> {
        let mut connection = self.context.server.acquire().await?;
        Ok(store::position(&mut connection, &self.generation).await?.unwrap_or_default())
    }

    /// Goes on to `up_to`, or to the head as it is when it gets there.
    async fn catch_up(&self, up_to: Option<Position>) -> Result<(), ReplayError> {
        loop {
            let position = self.position().await?;
            let wanted = up_to.map_or(u64::from(BATCH), |up_to| up_to.0.saturating_sub(position.0));
            let limit = u32::try_from(wanted).unwrap_or(BATCH).min(BATCH);
            if limit == 0 {
                return Ok(());
            }
            let events: Vec<Recorded> = self.context.source.read(position, limit).await?;
            if events.is_empty() {
                return Ok(());
            }
            let target = Target {
                pool: &self.context.server,
                projection: self.projection,
                generation: &self.generation,
                state: self.state,
                lock: Lock::Wait,
                skips: &self.skips,
            };
            if commit_batch(&target, position, &events).await? == Step::NotOurs {
                return Err(ReplayError::NoLiveRows(self.projection.name().to_owned()));
            }
        }
    }
}
