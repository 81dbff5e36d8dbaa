//! Reading and writing rows, many at once.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitne_domain::id::AccountId;

use super::generation::Generation;
use super::tables::{column_names, column_types};
use crate::runner::{BatchOutcome, StoredRow};
use crate::{Projection, RowKey};

/// The rows of the given keys, as far as they exist.
pub async fn load(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    keys: impl IntoIterator<Item = &RowKey>,
) -> sqlx::Result<HashMap<RowKey, Value>> {
    let (subjects, ids): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().map(|key| (key.subject.0, key.id)).unzip();
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select r.subject, r.id, r.doc from unnest($1::uuid[], $2::uuid[]) as k (subject, id)
         join {} r on r.subject = k.subject and r.id = k.id",
        generation.table(projection)
    );
    let rows = sqlx::query(&sql).bind(subjects).bind(ids).fetch_all(connection).await?;
    rows.iter().map(read_row).collect()
}

/// All rows of one person.
pub async fn load_subject(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    subject: AccountId,
) -> sqlx::Result<HashMap<RowKey, Value>> {
    let sql = format!("select subject, id, doc from {} where subject = $1", generation.table(projection));
    let rows = sqlx::query(&sql).bind(subject.0).fetch_all(connection).await?;
    rows.iter().map(read_row).collect()
}

fn read_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<(RowKey, Value)> {
    let key = RowKey { subject: AccountId(row.try_get(0)?), id: row.try_get(1)? };
    let Json(doc) = row.try_get(2)?;
    Ok((key, doc))
}

/// Writes what a batch changed: at most one statement for erasures, one for deletes and one for upserts.
pub async fn write(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    outcome: &BatchOutcome,
) -> sqlx::Result<()> {
    let table = generation.table(projection);
    if !outcome.erased.is_empty() {
        let subjects: Vec<Uuid> = outcome.erased.keys().map(|subject| subject.0).collect();
        let sql = format!("delete from {table} where subject = any($1)");
        sqlx::query(&sql).bind(subjects).execute(&mut *connection).await?;
    }
    if !outcome.deletes.is_empty() {
        let (subjects, ids): (Vec<Uuid>, Vec<Uuid>) = outcome.deletes.iter().map(|key| (key.subject.0, key.id)).unzip();
        let sql = format!(
            "delete from {table} r using unnest($1::uuid[], $2::uuid[]) as k (subject, id)
             where r.subject = k.subject and r.id = k.id"
        );
        sqlx::query(&sql).bind(subjects).bind(ids).execute(&mut *connection).await?;
    }
    if !outcome.upserts.is_empty() {
        upsert(connection, projection, &table, &outcome.upserts).await?;
    }
    Ok(())
}

async fn upsert(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    table: &str,
    rows: &[StoredRow],
) -> sqlx::Result<()> {
    let sql = upsert_sql(projection, table);
    let (subjects, ids): (Vec<Uuid>, Vec<Uuid>) = rows.iter().map(|row| (row.key.subject.0, row.key.id)).unzip();
    let mut query = sqlx::query(&sql).bind(subjects).bind(ids);
    for index in 0..projection.table().columns.len() {
        let column: Vec<Option<&str>> =
            rows.iter().map(|row| row.columns.get(index).and_then(Option::as_deref)).collect();
        query = query.bind(column);
    }
    let docs: Vec<&str> = rows.iter().map(|row| row.doc.as_str()).collect();
    query.bind(docs).execute(connection).await?;
    Ok(())
}

/// Every value but the keys travels as a text array and is cast row by row: one statement for any
/// table, and the same texts as `COPY` writes.
fn upsert_sql(projection: &dyn Projection, table: &str) -> String {
    let types: Vec<&str> = column_types(projection).chain(["jsonb"]).collect();
    let names = column_names(projection);
    let arrays: String = (0..types.len()).map(|index| format!(", ${}::text[]", index + 3)).collect();
    let aliases: String = (0..types.len()).map(|index| format!(", c{index}")).collect();
    let casts: String = types.iter().enumerate().map(|(index, kind)| format!(", c{index}::{kind}")).collect();
    let updates: Vec<String> = names.iter().skip(2).map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "insert into {table} ({}) select subject, id{casts}
         from unnest($1::uuid[], $2::uuid[]{arrays}) as r (subject, id{aliases})
         on conflict (subject, id) do update set {}",
        names.join(", "),
        updates.join(", ")
    )
}

/// The statement that copies rows in, in the text format of [`crate::runner::write_copy_line`].
pub fn copy_in_sql(projection: &dyn Projection, generation: &Generation) -> String {
    format!("copy {} ({}) from stdin", generation.table(projection), column_names(projection).join(", "))
}
