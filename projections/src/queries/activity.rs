//! Questions to the activity log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;
use vitne_domain::Actor;
use vitne_domain::id::{AccountId, DeviceId, SessionId};
use vitne_domain::policy::Method;

use super::{CursorKey, MAX_PAGE, QueryError, Wanted};
use crate::activity::{ActivityRow, Category, EntryType, Outcome, ReviewState, Severity};

/// Which entries. An empty list means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFilter {
    /// At or after this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Of one of these types.
    pub types: Vec<EntryType>,
    /// Of one of these categories.
    pub categories: Vec<Category>,
    /// Ended in one of these ways.
    pub outcomes: Vec<Outcome>,
    /// Asking for one of these degrees of attention.
    pub severities: Vec<Severity>,
    /// On, or about, one of these devices.
    pub devices: Vec<DeviceId>,
    /// In, or about, one of these sessions.
    pub sessions: Vec<SessionId>,
    /// With one of these methods tried.
    pub methods: Vec<Method>,
    /// Done by one of these kinds of actor.
    pub actors: Vec<Actor>,
    /// In this state of review.
    pub review_state: Option<ReviewState>,
}

/// Which page. The list runs from the newest to the oldest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageRequest {
    /// The first `first` entries after (older than) the cursor, or of the whole list.
    Forward {
        /// How many, 1 to 200.
        first: u32,
        /// A cursor of this list.
        after: Option<String>,
    },
    /// The last `last` entries before (newer than) the cursor, or of the whole list.
    Backward {
        /// How many, 1 to 200.
        last: u32,
        /// A cursor of this list.
        before: Option<String>,
    },
}

/// An entry and its place in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityEdge {
    /// Its place: opaque, good for this person and filter only.
    pub cursor: String,
    /// The entry's facts; [`ActivityRow::entry`] makes the published shape.
    pub row: ActivityRow,
}

/// A page, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityPage {
    /// The entries.
    pub edges: Vec<ActivityEdge>,
    /// Whether older entries follow the last one.
    pub has_next: bool,
    /// Whether newer entries precede the first one. Known when paging backward; when paging forward it
    /// is true if a cursor was given, as Relay's connection specification allows.
    pub has_previous: bool,
}

/// A page of a person's activity.
pub async fn activity_page(
    pool: &PgPool,
    subject: AccountId,
    filter: &ActivityFilter,
    page: &PageRequest,
    key: &CursorKey,
) -> Result<ActivityPage, QueryError> {
    let (limit, cursor, forward) = match page {
        PageRequest::Forward { first, after } => (*first, after.as_deref(), true),
        PageRequest::Backward { last, before } => (*last, before.as_deref(), false),
    };
    if limit == 0 || limit > MAX_PAGE {
        return Err(QueryError::PageSize(limit));
    }
    let place = cursor.map(|cursor| key.open(subject, filter, cursor)).transpose()?;

    let mut query = QueryBuilder::new("SELECT doc FROM read.activity");
    conditions(&mut query, subject, filter);
    if let Some(place) = place {
        query.push(if forward { " AND sequence < " } else { " AND sequence > " }).push_bind(as_bigint(place));
    }
    query.push(if forward { " ORDER BY sequence DESC LIMIT " } else { " ORDER BY sequence LIMIT " });
    query.push_bind(i64::from(limit) + 1);
    let mut rows: Vec<Json<ActivityRow>> = query.build_query_scalar().fetch_all(pool).await?;

    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if !forward {
        rows.reverse();
    }
    let edges = rows
        .into_iter()
        .map(|Json(row)| ActivityEdge { cursor: key.seal(subject, filter, row.sequence), row })
        .collect();
    let elsewhere = place.is_some();
    Ok(match forward {
        true => ActivityPage { edges, has_next: more, has_previous: elsewhere },
        false => ActivityPage { edges, has_next: elsewhere, has_previous: more },
    })
}

/// How many entries match, counted up to `at_most` so that the answer costs no more than that.
pub async fn activity_count(
    pool: &PgPool,
    subject: AccountId,
    filter: &ActivityFilter,
    at_most: u32,
) -> Result<u64, QueryError> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM read.activity");
    conditions(&mut query, subject, filter);
    query.push(" LIMIT ").push_bind(i64::from(at_most)).push(") AS matching");
    let count: i64 = query.build_query_scalar().fetch_one(pool).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// One entry, by its identifier.
pub async fn activity_entry(pool: &PgPool, subject: AccountId, id: Uuid) -> Result<Option<ActivityRow>, QueryError> {
    let row: Option<Json<ActivityRow>> =
        sqlx::query_scalar("SELECT doc FROM read.activity WHERE subject = $1 AND id = $2")
            .bind(subject.0)
            .bind(id)
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|row| row.0))
}

/// Entries by person and identifier, in no particular order; those that are not there are left out.
pub async fn activity_entries(
    pool: &PgPool,
    wanted: &[Wanted<Uuid>],
) -> Result<Vec<(AccountId, ActivityRow)>, QueryError> {
    let (subjects, ids): (Vec<Uuid>, Vec<Uuid>) = wanted.iter().map(|(subject, id)| (subject.0, *id)).unzip();
    let rows: Vec<(Uuid, Json<ActivityRow>)> = sqlx::query_as(
        "SELECT subject, doc FROM read.activity
         WHERE (subject, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))",
    )
    .bind(subjects)
    .bind(ids)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(subject, row)| (AccountId(subject), row.0)).collect())
}

/// Only what was asked for becomes part of the statement, so that the planner sees each question as it is.
fn conditions(query: &mut QueryBuilder<'_, Postgres>, subject: AccountId, filter: &ActivityFilter) {
    query.push(" WHERE subject = ").push_bind(subject.0);
    if let Some(from) = filter.from {
        query.push(" AND occurred_at >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        query.push(" AND occurred_at < ").push_bind(until);
    }
    one_of(query, "type", &filter.types);
    one_of(query, "category", &filter.categories);
    one_of(query, "outcome", &filter.outcomes);
    one_of(query, "severity", &filter.severities);
    one_of(query, "actor", &filter.actors);
    one_of(query, "review_state", filter.review_state.as_slice());
    overlapping(query, "devices", &filter.devices);
    overlapping(query, "sessions", &filter.sessions);
    overlapping(query, "methods", &filter.methods);
}

fn one_of<T: Serialize>(query: &mut QueryBuilder<'_, Postgres>, column: &str, values: &[T]) {
    if !values.is_empty() {
        query.push(format_args!(" AND {column} = ANY(")).push_bind(names(values)).push(")");
    }
}

fn overlapping<T: Serialize>(query: &mut QueryBuilder<'_, Postgres>, column: &str, values: &[T]) {
    if !values.is_empty() {
        query.push(format_args!(" AND {column} && ")).push_bind(names(values));
    }
}

/// The names as they stand in the document, and so in the column.
fn names<T: Serialize>(values: &[T]) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| match serde_json::to_value(value) {
            Ok(serde_json::Value::String(name)) => Some(name),
            _ => None,
        })
        .collect()
}

fn as_bigint(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
