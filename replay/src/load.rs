//! Filling a new generation: several workers, each with a share of the people, copy rows in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use vitne_domain::id::AccountId;
use vitne_eventlog::{Position, Shard};
use vitne_projections::Projection;
use vitne_projections::runner::{Before, Holder, Parking, fold_batch, write_copy_line};
use vitne_projections::store::{self, Generation};

use crate::people::People;
use crate::{Context, ReplayError};

/// How many bytes are sent at once.
const CHUNK: usize = 1 << 20;

/// The most workers that help: beyond, PostgreSQL is the bound.
const MOST_WORKERS: u32 = 8;

/// What was filled in.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) events: u64,
    pub(crate) rows: u64,
    pub(crate) parked: BTreeMap<Holder, Parking>,
    pub(crate) erased: BTreeMap<AccountId, Position>,
}

/// Folds the first `up_to` events into the bare table of a generation. Fails unless the log gave exactly
/// that many.
pub(crate) async fn fill(
    context: &Context,
    projection: &Arc<dyn Projection>,
    generation: &Generation,
    up_to: Position,
    workers: u32,
) -> Result<Filled, ReplayError> {
    let skips = context.source.skips(projection.name(), projection.version()).await?;
    let of = workers.clamp(1, MOST_WORKERS);
    // Dropping the set, on the first error, ends the others.
    let mut set = JoinSet::new();
    for index in 0..of {
        let (context, projection) = (context.clone(), projection.clone());
        let (generation, skips) = (generation.clone(), skips.clone());
        set.spawn(
            async move { work(&context, projection.as_ref(), &generation, up_to, skips, Shard { index, of }).await },
        );
    }
    let mut filled = Filled::default();
    while let Some(ended) = set.join_next().await {
        let part = ended.map_err(|error| ReplayError::Worker(error.to_string()))??;
        filled.events += part.events;
        filled.rows += part.rows;
        filled.parked.extend(part.parked);
        filled.erased.extend(part.erased);
    }
    if filled.events != up_to.0 {
        return Err(ReplayError::Incomplete { delivered: filled.events, expected: up_to.0 });
    }
    Ok(filled)
}

async fn work(
    context: &Context,
    projection: &dyn Projection,
    generation: &Generation,
    up_to: Position,
    skips: BTreeSet<Position>,
    shard: Shard,
) -> Result<Filled, ReplayError> {
    let before = Before { skips, ..Before::default() };
    let mut filled = Filled::default();
    let mut people = People::of(context.source.as_ref(), up_to, shard);
    // A connection of its own: one whose copying is dropped or cut off is out of step with the server, and
    // the next to take it from the pool would read answers that are not its own.
    let mut connection = context.owner.acquire().await?.detach();
    let mut copy = connection.copy_in_raw(&store::copy_in_sql(projection, generation)).await?;
    let mut buffer = String::with_capacity(CHUNK + CHUNK / 8);
    loop {
        let (_, events) = match people.next().await {
            Ok(next) => next,
            Err(error) => {
                copy.abort("the log could not be read").await?;
                return Err(error.into());
            }
        };
        if events.is_empty() {
            break;
        }
        let outcome = fold_batch(projection, &before, &events);
        for row in &outcome.upserts {
            write_copy_line(&mut buffer, row);
        }
        if buffer.len() >= CHUNK {
            copy.send(buffer.as_bytes()).await?;
            buffer.clear();
        }
        filled.rows += u64::try_from(outcome.upserts.len()).unwrap_or(u64::MAX);
        for (holder, parking) in outcome.parked {
            // The events about nobody come in several parts; the first one that stops a stream counts.
            filled.parked.entry(holder).or_insert(parking);
        }
        filled.erased.extend(outcome.erased);
    }
    copy.send(buffer.as_bytes()).await?;
    copy.finish().await?;
    filled.events = people.delivered;
    Ok(filled)
}
