//! The books: checkpoints, who is parked, who is erased.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_eventlog::Position;

use super::generation::Generation;
use crate::runner::{Holder, Parking};

/// What a generation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being built beside the live one.
    Building,
    /// The one that readers see.
    Live,
    /// The one that readers saw before; dropped after a while.
    Retired,
}

impl State {
    /// The name in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    fn parse(name: &str) -> sqlx::Result<Self> {
        [Self::Building, Self::Live, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| sqlx::Error::Decode(format!("unknown state {name} of a checkpoint").into()))
    }
}

/// A row of `projection.checkpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose.
    pub generation: Generation,
    /// What it is for.
    pub state: State,
    /// How many events of the log it holds.
    pub position: Position,
    /// When it last moved, by the database's clock.
    pub updated_at: DateTime<Utc>,
}

const CHECKPOINT: &str = "select name, version, generation, state, position, updated_at from projection.checkpoints";

fn read_checkpoint(row: &sqlx::postgres::PgRow) -> sqlx::Result<Checkpoint> {
    Ok(Checkpoint {
        generation: Generation {
            name: row.try_get(0)?,
            version: unsigned(row.try_get::<i32, _>(1)?.into()).try_into().unwrap_or(u32::MAX),
            generation: unsigned(row.try_get::<i32, _>(2)?.into()).try_into().unwrap_or(u32::MAX),
        },
        state: State::parse(row.try_get(3)?)?,
        position: Position(unsigned(row.try_get(4)?)),
        updated_at: row.try_get(5)?,
    })
}

/// The tables check that their numbers are not negative.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(crate) fn signed(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// Every generation of every projection.
pub async fn checkpoints(connection: &mut PgConnection) -> sqlx::Result<Vec<Checkpoint>> {
    let rows = sqlx::query(&format!("{CHECKPOINT} order by name, version, generation")).fetch_all(connection).await?;
    rows.iter().map(read_checkpoint).collect()
}

/// The live generation of a projection, of whatever version.
pub async fn live(connection: &mut PgConnection, name: &str) -> sqlx::Result<Option<Checkpoint>> {
    let row = sqlx::query(&format!("{CHECKPOINT} where name = $1 and state = 'live'"))
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_checkpoint).transpose()
}

/// How far a generation has come.
pub async fn position(connection: &mut PgConnection, generation: &Generation) -> sqlx::Result<Option<Position>> {
    let position: Option<i64> = sqlx::query_scalar(
        "select position from projection.checkpoints where name = $1 and version = $2 and generation = $3",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .fetch_optional(connection)
    .await?;
    Ok(position.map(|position| Position(unsigned(position))))
}

/// How to take a checkpoint's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Not at all if somebody has it.
    SkipLocked,
    /// After whoever has it.
    Wait,
}

/// Takes the lease of a generation for the rest of the transaction, unless its state has changed.
pub async fn lease(
    connection: &mut PgConnection,
    generation: &Generation,
    state: State,
    lock: Lock,
) -> sqlx::Result<Option<Checkpoint>> {
    let lock = match lock {
        Lock::SkipLocked => "skip locked",
        Lock::Wait => "",
    };
    let sql =
        format!("{CHECKPOINT} where name = $1 and version = $2 and generation = $3 and state = $4 for update {lock}");
    let row = sqlx::query(&sql)
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(state.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_checkpoint).transpose()
}

/// Enters a new generation.
pub async fn insert_checkpoint(
    connection: &mut PgConnection,
    generation: &Generation,
    state: State,
) -> sqlx::Result<()> {
    sqlx::query("insert into projection.checkpoints (name, version, generation, state) values ($1, $2, $3, $4)")
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(state.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves a checkpoint; gives the database's time, for measuring the lag against the log's.
pub async fn move_checkpoint(
    connection: &mut PgConnection,
    generation: &Generation,
    position: Position,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar(
        "update projection.checkpoints set position = $4, updated_at = clock_timestamp()
         where name = $1 and version = $2 and generation = $3 returning updated_at",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(signed(position))
    .fetch_one(connection)
    .await
}

/// Changes what a generation is for.
pub async fn set_state(connection: &mut PgConnection, generation: &Generation, state: State) -> sqlx::Result<()> {
    sqlx::query(
        "update projection.checkpoints set state = $4, updated_at = clock_timestamp()
         where name = $1 and version = $2 and generation = $3",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(state.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// A row of `projection.parked`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Which event cannot be folded, who waits behind it, and why.
    pub parking: Parking,
    /// Since when, by the database's clock.
    pub since: DateTime<Utc>,
    /// How often it was tried again.
    pub retries: u32,
}

const PARKED: &str = "select holder, first_position, event_type, error, since, retries from projection.parked
    where name = $1 and version = $2 and generation = $3";

fn read_parked(row: &sqlx::postgres::PgRow) -> sqlx::Result<Parked> {
    let holder: String = row.try_get(0)?;
    Ok(Parked {
        parking: Parking {
            holder: holder.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))?,
            position: Position(unsigned(row.try_get(1)?)),
            event_type: row.try_get(2)?,
            error: row.try_get(3)?,
        },
        since: row.try_get(4)?,
        retries: unsigned(row.try_get::<i32, _>(5)?.into()).try_into().unwrap_or(u32::MAX),
    })
}

/// Everybody who waits, the oldest first.
pub async fn all_parked(connection: &mut PgConnection, generation: &Generation) -> sqlx::Result<Vec<Parked>> {
    let rows = sqlx::query(&format!("{PARKED} order by first_position"))
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .fetch_all(connection)
        .await?;
    rows.iter().map(read_parked).collect()
}

/// Those whose next trial is due, the oldest first.
pub async fn due_parked(
    connection: &mut PgConnection,
    generation: &Generation,
    limit: i64,
) -> sqlx::Result<Vec<Parked>> {
    let rows = sqlx::query(&format!("{PARKED} and next_retry <= clock_timestamp() order by first_position limit $4"))
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(read_parked).collect()
}

/// One who waits.
pub async fn parked(
    connection: &mut PgConnection,
    generation: &Generation,
    holder: &Holder,
) -> sqlx::Result<Option<Parked>> {
    let row = sqlx::query(&format!("{PARKED} and holder = $4"))
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(holder.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_parked).transpose()
}

/// Which of the given holders are parked.
pub async fn parked_among(
    connection: &mut PgConnection,
    generation: &Generation,
    holders: impl IntoIterator<Item = &Holder>,
) -> sqlx::Result<HashSet<Holder>> {
    let names: Vec<String> = holders.into_iter().map(Holder::to_string).collect();
    let rows: Vec<String> = sqlx::query_scalar(
        "select holder from projection.parked
         where name = $1 and version = $2 and generation = $3 and holder = any($4)",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(names)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|holder| holder.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))).collect()
}

/// Which of the given people are erased.
pub async fn erased_among(
    connection: &mut PgConnection,
    generation: &Generation,
    subjects: impl IntoIterator<Item = AccountId>,
) -> sqlx::Result<HashSet<AccountId>> {
    let subjects: Vec<Uuid> = subjects.into_iter().map(|subject| subject.0).collect();
    let rows: Vec<Uuid> = sqlx::query_scalar(
        "select subject from projection.erased
         where name = $1 and version = $2 and generation = $3 and subject = any($4)",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(subjects)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(AccountId).collect())
}

/// Enters who is parked. Whoever is parked already keeps the time since when; the trial counts, and
/// the next one comes later: after a second, then twice as long each time, an hour at most.
pub async fn park<'a>(
    connection: &mut PgConnection,
    generation: &Generation,
    parked: impl IntoIterator<Item = &'a Parking>,
) -> sqlx::Result<()> {
    for parking in parked {
        sqlx::query(
            "insert into projection.parked as p
                 (name, version, generation, holder, subject, first_position, event_type, error, next_retry)
             values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + interval '1 second')
             on conflict (name, version, generation, holder) do update set
                 first_position = excluded.first_position, event_type = excluded.event_type, error = excluded.error,
                 retries = case when p.first_position = excluded.first_position then p.retries + 1 else 0 end,
                 next_retry = clock_timestamp() + least(interval '1 hour', interval '1 second'
                     * case when p.first_position = excluded.first_position then 2 ^ least(p.retries + 1, 12) else 1 end)",
        )
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(parking.holder.to_string())
        .bind(parking.holder.subject().map(|subject| subject.0))
        .bind(signed(parking.position))
        .bind(&parking.event_type)
        .bind(parking.error.replace('\0', "\u{fffd}"))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Lets somebody go on.
pub async fn unpark(connection: &mut PgConnection, generation: &Generation, holder: &Holder) -> sqlx::Result<()> {
    sqlx::query("delete from projection.parked where name = $1 and version = $2 and generation = $3 and holder = $4")
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .bind(holder.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the next trial of whoever waits behind one of these events due now.
pub async fn hasten(connection: &mut PgConnection, generation: &Generation, at: &[Position]) -> sqlx::Result<()> {
    sqlx::query(
        "update projection.parked set next_retry = clock_timestamp()
         where name = $1 and version = $2 and generation = $3 and first_position = any($4)",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(at.iter().copied().map(signed).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Enters who is erased; they wait for nothing any more.
pub async fn erase(
    connection: &mut PgConnection,
    generation: &Generation,
    erased: impl IntoIterator<Item = (&AccountId, &Position)>,
) -> sqlx::Result<()> {
    let (subjects, positions): (Vec<Uuid>, Vec<i64>) =
        erased.into_iter().map(|(subject, position)| (subject.0, signed(*position))).unzip();
    if subjects.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into projection.erased (name, version, generation, subject, position)
         select $1, $2, $3, subject, position from unnest($4::uuid[], $5::bigint[]) as e (subject, position)
         on conflict do nothing",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(&subjects)
    .bind(positions)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "delete from projection.parked where name = $1 and version = $2 and generation = $3 and subject = any($4)",
    )
    .bind(&generation.name)
    .bind(generation.version_i32())
    .bind(generation.generation_i32())
    .bind(&subjects)
    .execute(connection)
    .await?;
    Ok(())
}
