//! Trying again what could not be folded: the holder's events from the first parked one on.

use std::collections::HashSet;

use vitne_eventlog::{Position, ReadError, Recorded};

use super::batch::{Target, refusal};
use super::error::RunError;
use super::fold::{Before, Holder, fold_batch};
use super::source::Source;
use crate::store::{self, Parked};

/// How many events a page holds when a stream about nobody is looked for in the log.
const PAGE: u32 = 1000;

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Everything that waited is folded.
    Released,
    /// It stopped at the same event or at a later one.
    StillParked,
    /// Somebody else was at it.
    NotOurs,
}

/// Folds everything that waits behind a parked event, up to the checkpoint.
pub async fn retry(target: &Target<'_>, source: &dyn Source, parked: &Parked) -> Result<Trial, RunError> {
    match attempt(target, source, parked).await {
        Err(error) => match error.refused_value() {
            Some(code) => still_refused(target, parked, &code).await,
            None => Err(error),
        },
        ended => ended,
    }
}

async fn attempt(target: &Target<'_>, source: &dyn Source, parked: &Parked) -> Result<Trial, RunError> {
    let Target { projection, generation, .. } = *target;
    let holder = &parked.parking.holder;
    let first = Position(parked.parking.position.0.saturating_sub(1));
    // Most is read before the lock is taken, so that the projection does not stand still meanwhile.
    let reached = peek(target).await?;
    let mut events = read_held(source, holder, first, reached).await?;

    let mut transaction = target.pool.begin().await?;
    let Some(checkpoint) = store::lease(&mut transaction, generation, target.state, target.lock).await? else {
        return Ok(Trial::NotOurs);
    };
    let now = store::parked(&mut transaction, generation, holder).await?;
    if now.is_none_or(|now| now.parking.position != parked.parking.position) {
        return Ok(Trial::NotOurs);
    }
    if checkpoint.position > reached {
        events.extend(read_held(source, holder, reached, checkpoint.position).await?);
    }
    let mut before = Before { skips: target.skips.clone(), ..Before::default() };
    if let Some(subject) = holder.subject() {
        before.rows = store::load_subject(&mut transaction, projection, generation, subject).await?;
        before.erased = store::erased_among(&mut transaction, generation, HashSet::from([subject])).await?;
    }
    let outcome = fold_batch(projection, &before, &events);
    store::write(&mut transaction, projection, generation, &outcome).await?;
    let trial = if outcome.parked.contains_key(holder) {
        store::park(&mut transaction, generation, outcome.parked.values()).await?;
        Trial::StillParked
    } else {
        store::unpark(&mut transaction, generation, holder).await?;
        Trial::Released
    };
    store::erase(&mut transaction, generation, &outcome.erased).await?;
    transaction.commit().await?;
    Ok(trial)
}

async fn peek(target: &Target<'_>) -> Result<Position, RunError> {
    let mut connection = target.pool.acquire().await?;
    let position = store::position(&mut connection, target.generation).await?;
    Ok(position.unwrap_or_default())
}

/// The events that wait with a holder, after `after` and up to `up_to`.
async fn read_held(
    source: &dyn Source,
    holder: &Holder,
    after: Position,
    up_to: Position,
) -> Result<Vec<Recorded>, ReadError> {
    if let Some(subject) = holder.subject() {
        return source.read_subject(subject, after, up_to).await;
    }
    let mut found = Vec::new();
    let mut after = after;
    while after < up_to {
        let page = source.read(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.header.position;
        found.extend(
            page.into_iter().filter(|event| event.header.position <= up_to && Holder::of(&event.header) == *holder),
        );
    }
    Ok(found)
}

async fn still_refused(target: &Target<'_>, parked: &Parked, code: &str) -> Result<Trial, RunError> {
    let mut parking = parked.parking.clone();
    parking.error = refusal(code);
    let mut transaction = target.pool.begin().await?;
    let now = store::parked(&mut transaction, target.generation, &parking.holder).await?;
    if now.is_none_or(|now| now.parking.position != parking.position) {
        return Ok(Trial::NotOurs);
    }
    store::park(&mut transaction, target.generation, [&parking]).await?;
    transaction.commit().await?;
    Ok(Trial::StillParked)
}
