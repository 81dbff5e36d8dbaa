//! The one statement that appends a batch.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};

use super::{SealedUnit, Verdict};
use crate::Position;

/// Appends a batch: a verdict for each unit, in order, and the new head.
pub(super) async fn append(
    connection: &mut PgConnection,
    units: &[SealedUnit],
) -> Result<(Vec<Verdict>, Position), sqlx::Error> {
    let mut lost: HashMap<usize, Verdict> = HashMap::new();
    let (mut before, mut after) = (None, 0);
    for row in call(connection, units).await? {
        let kind: String = row.try_get("verdict")?;
        let (first, last) = (position(&row, "first")?, position(&row, "last")?);
        let Ok(unit) = usize::try_from(row.try_get::<i32, _>("unit")?) else {
            before = first;
            after = last.map_or(0, |position| position.0);
            continue;
        };
        let verdict = match (kind.as_str(), last) {
            ("standing", Some(last)) => Verdict::Written { first, last },
            ("answered", Some(position)) => {
                let (request, answer): (Vec<u8>, String) = (row.try_get("request")?, row.try_get("answer")?);
                // Without events, only the ciphertext of the answer tells that it is this very unit's.
                let ours = units.get(unit).is_some_and(|unit| {
                    unit.events.is_empty() && unit.answer.as_ref().is_some_and(|own| own.answer == answer)
                });
                match ours {
                    true => Verdict::Written { first: None, last: position },
                    false => Verdict::Answered { position, request, answer },
                }
            }
            ("erased", _) => Verdict::Erased,
            ("keyless", _) => Verdict::Keyless,
            ("conflict", _) => Verdict::Conflict((row.try_get("stream_type")?, row.try_get("stream_id")?)),
            (other, _) => return Err(sqlx::Error::Protocol(format!("log.append answered {other}"))),
        };
        lost.entry(unit).or_insert(verdict);
    }
    let Some(before) = before else { return Err(sqlx::Error::Protocol("log.append gave no head".to_owned())) };
    Ok((verdicts(units, lost, before), Position(after)))
}

/// Units that were not lost were written in order, at consecutive positions from the head before.
fn verdicts(units: &[SealedUnit], mut lost: HashMap<usize, Verdict>, before: Position) -> Vec<Verdict> {
    let mut last = before.0;
    let mut verdicts = Vec::with_capacity(units.len());
    for (index, unit) in units.iter().enumerate() {
        verdicts.push(lost.remove(&index).unwrap_or_else(|| {
            let first = (!unit.events.is_empty()).then_some(Position(last + 1));
            last += unit.events.len() as u64;
            Verdict::Written { first, last: Position(last) }
        }));
    }
    verdicts
}

fn position(row: &sqlx::postgres::PgRow, column: &str) -> Result<Option<Position>, sqlx::Error> {
    let value: Option<i64> = row.try_get(column)?;
    value
        .map(|value| {
            u64::try_from(value).map(Position).map_err(|_| sqlx::Error::Protocol("a negative position".to_owned()))
        })
        .transpose()
}

async fn call(connection: &mut PgConnection, units: &[SealedUnit]) -> Result<Vec<sqlx::postgres::PgRow>, sqlx::Error> {
    let answers = || units.iter().map(|unit| unit.answer.as_ref());
    let conditions = || {
        units
            .iter()
            .zip(0_i32..)
            .flat_map(|(unit, number)| unit.conditions.iter().map(move |condition| (number, condition)))
    };
    let headers = || units.iter().flat_map(|unit| unit.events.iter().map(|event| &event.header));
    let events_of = units.iter().zip(0_i32..).flat_map(|(unit, number)| unit.events.iter().map(move |_| number));
    sqlx::query(
        "SELECT * FROM log.append($1::text[], $2::text[], $3::bytea[], $4::text[], $5::int[], $6::text[], $7::text[],
           $8::bigint[], $9::int[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[],
           $16::uuid[], $17::uuid[], $18::text[], $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[], $23::uuid[],
           $24::timestamptz[], $25::text[], $26::date[], $27::bytea[])",
    )
    .bind(answers().map(|answer| answer.map(|answer| answer.scope.as_str())).collect::<Vec<_>>())
    .bind(answers().map(|answer| answer.map(|answer| answer.key.as_str())).collect::<Vec<_>>())
    .bind(answers().map(|answer| answer.map(|answer| answer.request.to_vec())).collect::<Vec<_>>())
    .bind(answers().map(|answer| answer.map(|answer| answer.answer.as_str())).collect::<Vec<_>>())
    .bind(conditions().map(|(unit, _)| unit).collect::<Vec<_>>())
    .bind(conditions().map(|(_, ((kind, _), _))| kind.as_str()).collect::<Vec<_>>())
    .bind(conditions().map(|(_, ((_, id), _))| id.as_str()).collect::<Vec<_>>())
    .bind(conditions().map(|(_, (_, version))| signed(*version)).collect::<Vec<_>>())
    .bind(events_of.collect::<Vec<_>>())
    .bind(headers().map(|header| header.aggregate_type.as_str()).collect::<Vec<_>>())
    .bind(headers().map(|header| header.aggregate_id.as_str()).collect::<Vec<_>>())
    .bind(headers().map(|header| signed(header.sequence)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.event_type.as_str()).collect::<Vec<_>>())
    .bind(headers().map(|header| header.event_version.as_str()).collect::<Vec<_>>())
    .bind(units.iter().flat_map(|unit| unit.events.iter().map(|event| event.payload.as_str())).collect::<Vec<_>>())
    .bind(headers().map(|header| header.event_id.0).collect::<Vec<_>>())
    .bind(headers().map(|header| header.subject.map(|id| id.0)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.actor.as_str()).collect::<Vec<_>>())
    .bind(headers().map(|header| header.correlation.0).collect::<Vec<_>>())
    .bind(headers().map(|header| header.causation.map(|id| id.0)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.ceremony.map(|id| id.0)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.session.map(|id| id.0)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.device.map(|id| id.0)).collect::<Vec<_>>())
    .bind(headers().map(|header| header.occurred_at).collect::<Vec<_>>())
    .bind(headers().map(|header| header.class.as_str()).collect::<Vec<_>>())
    .bind(headers().map(|header| header.epoch).collect::<Vec<_>>())
    .bind(headers().map(|header| header.commitment.to_vec()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await
}

/// Sequences and versions come from bigint columns, so they fit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
