//! One batch: rows and checkpoint in one transaction, under the checkpoint's lock.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use vitne_domain::AnyEvent;
use vitne_domain::operation::OperationEvent;
use vitne_eventlog::{Body, Position, Recorded};

use super::error::RunError;
use super::fold::{Before, Holder, Parking, erases, fold_batch, touched_keys};
use crate::Projection;
use crate::store::{self, Generation, Lock, State};

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rows and checkpoint have moved.
    Done {
        /// When, by the database's clock.
        at: DateTime<Utc>,
    },
    /// Somebody else holds the checkpoint, or the generation is no longer in the state it was.
    NotOurs,
    /// Somebody else has moved the checkpoint meanwhile.
    Moved,
}

/// What a batch is folded into.
pub struct Target<'a> {
    /// The connections.
    pub pool: &'a PgPool,
    /// The projection.
    pub projection: &'a dyn Projection,
    /// Its generation.
    pub generation: &'a Generation,
    /// The state the generation must be in.
    pub state: State,
    /// Whether to wait for the checkpoint.
    pub lock: Lock,
    /// The events that operators let pass.
    pub skips: &'a BTreeSet<Position>,
}

/// Folds the events that follow `from`, writes the rows and moves the checkpoint, or does nothing at all.
pub async fn commit_batch(target: &Target<'_>, from: Position, events: &[Recorded]) -> Result<Step, RunError> {
    let Some(last) = events.last() else { return Ok(Step::Moved) };
    let Target { projection, generation, .. } = *target;
    let mut transaction = target.pool.begin().await?;
    let Some(checkpoint) = store::lease(&mut transaction, generation, target.state, target.lock).await? else {
        return Ok(Step::NotOurs);
    };
    if checkpoint.position != from {
        return Ok(Step::Moved);
    }
    // Only what touches rows, cannot be read or erases somebody can change anything.
    let relevant: Vec<&Recorded> = events.iter().filter(|event| concerns(projection, event)).collect();
    if !relevant.is_empty() {
        let before = before(&mut transaction, target, &relevant).await?;
        let outcome = fold_batch(projection, &before, relevant);
        store::write(&mut transaction, projection, generation, &outcome).await?;
        store::erase(&mut transaction, generation, &outcome.erased).await?;
        store::park(&mut transaction, generation, outcome.parked.values()).await?;
    }
    let skipped = skipped_in(projection, events);
    if !skipped.is_empty() {
        store::hasten(&mut transaction, generation, &skipped).await?;
    }
    let at = store::move_checkpoint(&mut transaction, generation, last.header.position).await?;
    transaction.commit().await?;
    Ok(Step::Done { at })
}

fn concerns(projection: &dyn Projection, event: &Recorded) -> bool {
    matches!(event.body, Body::Unreadable(_)) || erases(&event.header).is_some() || !projection.keys(event).is_empty()
}

async fn before(
    connection: &mut sqlx::PgConnection,
    target: &Target<'_>,
    events: &[&Recorded],
) -> Result<Before, RunError> {
    let holders: HashSet<Holder> = events.iter().map(|event| Holder::of(&event.header)).collect();
    let subjects = holders.iter().filter_map(Holder::subject);
    let keys = touched_keys(target.projection, events.iter().copied());
    Ok(Before {
        parked: store::parked_among(connection, target.generation, &holders).await?,
        erased: store::erased_among(connection, target.generation, subjects).await?,
        rows: store::load(connection, target.projection, target.generation, &keys).await?,
        skips: target.skips.clone(),
    })
}

/// The positions that operators, within these events, let this projection pass.
pub(super) fn skipped_in(projection: &dyn Projection, events: &[Recorded]) -> Vec<Position> {
    events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Event(AnyEvent::Operation(OperationEvent::ProjectionEventSkipped {
                projection: name,
                version,
                position,
                ..
            })) if name == projection.name() && *version == projection.version() => Some(Position(*position)),
            _ => None,
        })
        .collect()
}

/// Parks the holder of an event whose rows the database refuses, and passes it.
pub(super) async fn park_refused(
    target: &Target<'_>,
    from: Position,
    event: &Recorded,
    code: &str,
) -> Result<Step, RunError> {
    let mut transaction = target.pool.begin().await?;
    let Some(checkpoint) = store::lease(&mut transaction, target.generation, target.state, target.lock).await? else {
        return Ok(Step::NotOurs);
    };
    if checkpoint.position != from {
        return Ok(Step::Moved);
    }
    let parking = refused(event, code);
    store::park(&mut transaction, target.generation, [&parking]).await?;
    let at = store::move_checkpoint(&mut transaction, target.generation, event.header.position).await?;
    transaction.commit().await?;
    Ok(Step::Done { at })
}

fn refused(event: &Recorded, code: &str) -> Parking {
    Parking {
        holder: Holder::of(&event.header),
        position: event.header.position,
        event_type: event.header.event_type.clone(),
        // The database's message may quote the value; its code does not.
        error: refusal(code),
    }
}

pub(super) fn refusal(code: &str) -> String {
    format!("the database refuses the row (SQLSTATE {code})")
}
