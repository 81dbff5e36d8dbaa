//! The tables and views of a projection. Run by the owner of the database, never by the server's role.

use sqlx::{Executor, PgConnection};

use super::generation::{Generation, quoted};
use crate::{ColumnType, Projection};

const fn sql_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::BigInt => "bigint",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Text => "text",
        ColumnType::TextArray => "text[]",
        ColumnType::Uuid => "uuid",
        ColumnType::Boolean => "boolean",
    }
}

/// The types of a projection's columns, in order.
pub(super) fn column_types(projection: &dyn Projection) -> impl Iterator<Item = &'static str> {
    projection.table().columns.iter().map(|column| sql_type(column.kind))
}

/// The names of all columns, in the order in which rows are written.
pub(super) fn column_names(projection: &dyn Projection) -> Vec<String> {
    let columns = projection.table().columns.iter().map(|column| quoted(column.name));
    ["subject".to_owned(), "id".to_owned()].into_iter().chain(columns).chain(["doc".to_owned()]).collect()
}

/// Makes the schema and its bare table: no key and no index yet, so that a bulk load is not slowed.
pub async fn create_table(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
) -> sqlx::Result<()> {
    let schema = generation.schema();
    let table = generation.table(projection);
    let columns: String = projection
        .table()
        .columns
        .iter()
        .map(|column| format!("{} {}, ", quoted(column.name), sql_type(column.kind)))
        .collect();
    let statements = format!(
        "create schema {schema};
         create table {table} (subject uuid not null, id uuid not null, {columns}doc jsonb not null);
         grant usage on schema {schema} to vitne_server;
         grant select, insert, update, delete on {table} to vitne_server;"
    );
    connection.execute(statements.as_str()).await?;
    Ok(())
}

/// Adds the key and the indexes, and counts the rows for the planner.
pub async fn create_indexes(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
) -> sqlx::Result<()> {
    let table = generation.table(projection);
    let mut statements = format!("alter table {table} add primary key (subject, id);");
    for index in projection.table().indexes {
        statements.push_str(&format!("create index on {table} {index};"));
    }
    statements.push_str(&format!("analyze {table};"));
    connection.execute(statements.as_str()).await?;
    Ok(())
}

/// Points the view in `read` at this generation. Within the caller's transaction, so that readers see
/// the old rows or the new ones and never neither.
pub async fn point_view(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
) -> sqlx::Result<()> {
    let view = format!("read.{}", quoted(projection.table().name));
    let table = generation.table(projection);
    let columns = column_names(projection).join(", ");
    // Not "create or replace": another version may have other columns.
    let statements = format!(
        "drop view if exists {view};
         create view {view} as select {columns} from {table};
         grant select on {view} to vitne_server;"
    );
    connection.execute(statements.as_str()).await?;
    Ok(())
}

/// Drops a generation's rows and its books.
pub async fn drop_generation(connection: &mut PgConnection, generation: &Generation) -> sqlx::Result<()> {
    let statement = format!("drop schema if exists {} cascade", generation.schema());
    connection.execute(statement.as_str()).await?;
    sqlx::query("delete from projection.checkpoints where name = $1 and version = $2 and generation = $3")
        .bind(&generation.name)
        .bind(generation.version_i32())
        .bind(generation.generation_i32())
        .execute(connection)
        .await?;
    Ok(())
}
