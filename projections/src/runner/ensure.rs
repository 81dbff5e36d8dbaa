//! What must stand before read models can be kept up to date: a live generation of every projection.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::Projection;
use crate::store::{self, Generation, State};

/// Makes changes of generations one at a time, across all nodes.
const GENERATIONS_LOCK: i64 = 0x7669_746e_6570_726f;

/// How long a retired generation is kept for those who still read it.
const RETIRED_FOR: Duration = Duration::from_secs(3600);

/// What [`ensure`] found.
#[derive(Default)]
pub struct Ensured {
    /// Projections seen for the first time: live, from an empty table.
    pub created: Vec<Generation>,
    /// Projections whose live rows are of an earlier version. Those stay live, and stand still, until a
    /// rebuild in the background has taken their place.
    pub outdated: Vec<Arc<dyn Projection>>,
    /// Retired generations that were dropped.
    pub dropped: Vec<Generation>,
}

/// Gives every projection a live generation, and drops generations that were retired long enough ago.
/// `owner` must be allowed to make schemas.
pub async fn ensure(owner: &PgPool, projections: &[Arc<dyn Projection>]) -> sqlx::Result<Ensured> {
    let mut ensured = Ensured::default();
    for projection in projections {
        let mut transaction = owner.begin().await?;
        lock_generations(&mut transaction).await?;
        match store::live(&mut transaction, projection.name()).await? {
            None => ensured.created.push(create_live(&mut transaction, projection.as_ref()).await?),
            Some(live) if live.generation.version < projection.version() => ensured.outdated.push(projection.clone()),
            Some(_) => {}
        }
        transaction.commit().await?;
    }
    ensured.dropped = drop_retired(owner).await?;
    Ok(ensured)
}

/// Waits for, and holds until the end of the transaction, the right to add or remove generations.
pub async fn lock_generations(transaction: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(GENERATIONS_LOCK).execute(transaction).await?;
    Ok(())
}

async fn create_live(connection: &mut PgConnection, projection: &dyn Projection) -> sqlx::Result<Generation> {
    let generation = next_generation(connection, projection).await?;
    store::create_table(connection, projection, &generation).await?;
    store::create_indexes(connection, projection, &generation).await?;
    store::point_view(connection, projection, &generation).await?;
    store::insert_checkpoint(connection, &generation, State::Live).await?;
    Ok(generation)
}

/// The generation after the last one of this version.
pub async fn next_generation(connection: &mut PgConnection, projection: &dyn Projection) -> sqlx::Result<Generation> {
    let last = store::checkpoints(connection)
        .await?
        .into_iter()
        .filter(|checkpoint| {
            checkpoint.generation.name == projection.name() && checkpoint.generation.version == projection.version()
        })
        .map(|checkpoint| checkpoint.generation.generation)
        .max();
    Ok(Generation::of(projection, last.unwrap_or(0) + 1))
}

/// Drops generations that nobody can still be reading.
pub async fn drop_retired(owner: &PgPool) -> sqlx::Result<Vec<Generation>> {
    let mut transaction = owner.begin().await?;
    lock_generations(&mut transaction).await?;
    let now: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *transaction).await?;
    let mut dropped = Vec::new();
    for checkpoint in store::checkpoints(&mut transaction).await? {
        let age = now.signed_duration_since(checkpoint.updated_at).to_std().unwrap_or_default();
        if checkpoint.state == State::Retired && age >= RETIRED_FOR {
            store::drop_generation(&mut transaction, &checkpoint.generation).await?;
            dropped.push(checkpoint.generation);
        }
    }
    transaction.commit().await?;
    Ok(dropped)
}
