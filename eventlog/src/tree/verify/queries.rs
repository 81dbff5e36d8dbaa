//! What the database can be asked at once: the head, the streams, surplus rows, first answers.

use sqlx::{PgConnection, Row};

use super::report::{MAX_FINDINGS, Place, Report};
use crate::tree::TreeError;
use crate::tree::store::{signed, unsigned};
use crate::tree::tile::TILE_HEIGHT;

/// How many faulty rows a query gives at most: one more than are kept.
fn limit() -> i64 {
    i64::try_from(MAX_FINDINGS).unwrap_or(i64::MAX - 1) + 1
}

/// Reads the head row.
pub(super) async fn head(on: &mut PgConnection, report: &mut Report) -> Result<(), TreeError> {
    let last: Option<i64> = sqlx::query_scalar("SELECT last FROM log.head").fetch_optional(on).await?;
    match last.map(u64::try_from) {
        Some(Ok(last)) => report.head = last,
        Some(Err(_)) => report.find(Place::Head, "the last position is negative"),
        None => report.find(Place::Head, "it is missing"),
    }
    Ok(())
}

/// Sequences start at 1, are dense, and rise with the positions, in each stream.
pub(super) async fn streams(on: &mut PgConnection, report: &mut Report) -> Result<(), TreeError> {
    let rows = sqlx::query(
        "SELECT * FROM (
            SELECT aggregate_type || '/' || aggregate_id AS stream, sequence, position,
                   coalesce(lag(sequence) OVER stream, 0) AS before, coalesce(lag(position) OVER stream, 0) AS earlier
              FROM log.events
            WINDOW stream AS (PARTITION BY aggregate_type, aggregate_id ORDER BY sequence)) AS event
          WHERE sequence <> before + 1 OR position <= earlier
          ORDER BY position LIMIT $1",
    )
    .bind(limit())
    .fetch_all(on)
    .await?;
    for row in rows {
        let (before, earlier): (i64, i64) = (row.try_get("before")?, row.try_get("earlier")?);
        let sequence: i64 = row.try_get("sequence")?;
        let place = Place::Event {
            position: u64::try_from(row.try_get::<i64, _>("position")?).unwrap_or(0),
            stream: row.try_get("stream")?,
            sequence: u64::try_from(sequence).unwrap_or(0),
        };
        if sequence == before + 1 {
            report.find(place, format!("it stands before its predecessor, which has position {earlier}"));
        } else {
            report.find(place, format!("the event before it in its stream has sequence {before}"));
        }
    }
    Ok(())
}

/// Tiles, runs and checkpoints beyond the tree.
pub(super) async fn surplus(on: &mut PgConnection, report: &mut Report) -> Result<(), TreeError> {
    for level in 0_u8..8 {
        let tiles = report.covered.checked_shr((u32::from(level) + 1) * TILE_HEIGHT).unwrap_or(0);
        let query = "SELECT index FROM tree.tiles WHERE level = $1 AND index >= $2 ORDER BY index LIMIT $3";
        let found: Vec<i64> = sqlx::query_scalar(query)
            .bind(i16::from(level))
            .bind(signed(tiles)?)
            .bind(limit())
            .fetch_all(&mut *on)
            .await?;
        for index in found {
            report.find(Place::Tile { level, index: unsigned(index)? }, "no checkpoint covers it");
        }
    }
    let query = "SELECT first_position FROM tree.leaf_runs WHERE first_position > $1 \
                 OR (first_position + octet_length(hashes) / 32 > $1 + 1 AND first_position = \
                     (SELECT max(first_position) FROM tree.leaf_runs)) ORDER BY 1 LIMIT $2";
    let runs: Vec<i64> =
        sqlx::query_scalar(query).bind(signed(report.covered)?).bind(limit()).fetch_all(&mut *on).await?;
    for run in runs {
        let first_position = unsigned(run)?;
        let position = report.covered + 1;
        report.find(Place::LeafRun { first_position, position }, "no checkpoint covers it");
    }
    Ok(())
}

/// First answers point inside the log.
pub(super) async fn idempotency(on: &mut PgConnection, report: &mut Report) -> Result<(), TreeError> {
    let query = "SELECT scope, key, position FROM log.idempotency WHERE position < 0 OR position > $1 \
                 ORDER BY scope, key LIMIT $2";
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(query).bind(signed(report.head)?).bind(limit()).fetch_all(on).await?;
    for (scope, key, position) in rows {
        report.find(Place::Idempotency { scope, key }, format!("position {position} is not in the log"));
    }
    Ok(())
}
