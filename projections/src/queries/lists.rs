//! Questions to the lists: devices, sessions, authenticators, profile and security overview.

use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;
use vitne_domain::id::{AccountId, CredentialId, DeviceId, SessionId};

use super::{QueryError, Wanted, documents};
use crate::authenticators::AuthenticatorRow;
use crate::devices::DeviceRow;
use crate::profile::ProfileRow;
use crate::security::SecurityRow;
use crate::sessions::SessionRow;

/// Rows by person and identifier, in no particular order; those that are not there are left out.
async fn by_ids<T>(pool: &PgPool, sql: &str, wanted: Vec<(Uuid, Uuid)>) -> Result<Vec<(AccountId, T)>, QueryError>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    let (subjects, ids): (Vec<Uuid>, Vec<Uuid>) = wanted.into_iter().unzip();
    let rows: Vec<(Uuid, Json<T>)> = sqlx::query_as(sql).bind(subjects).bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(subject, row)| (AccountId(subject), row.0)).collect())
}

/// All rows of several persons, in the list's order.
async fn of_all<T>(pool: &PgPool, sql: &str, subjects: &[AccountId]) -> Result<Vec<(AccountId, T)>, QueryError>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    let subjects: Vec<Uuid> = subjects.iter().map(|subject| subject.0).collect();
    let rows: Vec<(Uuid, Json<T>)> = sqlx::query_as(sql).bind(subjects).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(subject, row)| (AccountId(subject), row.0)).collect())
}

/// A person's devices that their owner has used and not forgotten, the last used first.
pub async fn devices(pool: &PgPool, subject: AccountId) -> Result<Vec<DeviceRow>, QueryError> {
    let sql = "SELECT doc FROM read.devices WHERE subject = $1 AND listed AND status <> 'FORGOTTEN' ORDER BY last_seen_at DESC, id";
    documents(pool, sql, subject).await
}

/// The same for several persons at once.
pub async fn devices_of(pool: &PgPool, subjects: &[AccountId]) -> Result<Vec<(AccountId, DeviceRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.devices WHERE subject = ANY($1) AND listed AND status <> 'FORGOTTEN' ORDER BY subject, last_seen_at DESC, id";
    of_all(pool, sql, subjects).await
}

/// Rows of [`devices`] by person and identifier, whatever their state; those that are not there are left out.
pub async fn devices_by_ids(
    pool: &PgPool,
    wanted: &[Wanted<DeviceId>],
) -> Result<Vec<(AccountId, DeviceRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.devices
               WHERE (subject, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))";
    by_ids(pool, sql, wanted.iter().map(|(subject, id)| (subject.0, id.0)).collect()).await
}

/// A person's sessions, ended ones too, the newest first. At most 500.
pub async fn sessions(pool: &PgPool, subject: AccountId) -> Result<Vec<SessionRow>, QueryError> {
    let sql = "SELECT doc FROM read.sessions WHERE subject = $1 ORDER BY started_at DESC, id LIMIT 500";
    documents(pool, sql, subject).await
}

/// The same for several persons at once.
pub async fn sessions_of(pool: &PgPool, subjects: &[AccountId]) -> Result<Vec<(AccountId, SessionRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.sessions WHERE subject = ANY($1) ORDER BY subject, started_at DESC, id";
    of_all(pool, sql, subjects).await
}

/// Rows of [`sessions`] by person and identifier, whatever their state; those that are not there are left out.
pub async fn sessions_by_ids(
    pool: &PgPool,
    wanted: &[Wanted<SessionId>],
) -> Result<Vec<(AccountId, SessionRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.sessions
               WHERE (subject, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))";
    by_ids(pool, sql, wanted.iter().map(|(subject, id)| (subject.0, id.0)).collect()).await
}

/// A person's authenticators, removed ones too, in the order of enrolment.
pub async fn authenticators(pool: &PgPool, subject: AccountId) -> Result<Vec<AuthenticatorRow>, QueryError> {
    let sql = "SELECT doc FROM read.authenticators WHERE subject = $1 ORDER BY enrolled_at NULLS LAST, id";
    documents(pool, sql, subject).await
}

/// The same for several persons at once.
pub async fn authenticators_of(
    pool: &PgPool,
    subjects: &[AccountId],
) -> Result<Vec<(AccountId, AuthenticatorRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.authenticators WHERE subject = ANY($1) ORDER BY subject, enrolled_at NULLS LAST, id";
    of_all(pool, sql, subjects).await
}

/// Rows of [`authenticators`] by person and identifier, whatever their state; those that are not there are left out.
pub async fn authenticators_by_ids(
    pool: &PgPool,
    wanted: &[Wanted<CredentialId>],
) -> Result<Vec<(AccountId, AuthenticatorRow)>, QueryError> {
    let sql = "SELECT subject, doc FROM read.authenticators
               WHERE (subject, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))";
    by_ids(pool, sql, wanted.iter().map(|(subject, id)| (subject.0, id.0)).collect()).await
}

/// A person's security overview; `None` if there is no such account, or it was erased.
pub async fn security(pool: &PgPool, subject: AccountId) -> Result<Option<SecurityRow>, QueryError> {
    let rows = documents(pool, "SELECT doc FROM read.security WHERE subject = $1 AND id = subject", subject).await?;
    Ok(rows.into_iter().next())
}

/// The same for several persons at once.
pub async fn securities(pool: &PgPool, subjects: &[AccountId]) -> Result<Vec<(AccountId, SecurityRow)>, QueryError> {
    of_all(pool, "SELECT subject, doc FROM read.security WHERE subject = ANY($1) AND id = subject", subjects).await
}

/// A person's profile; `None` if there is no such account, or it was erased.
pub async fn profile(pool: &PgPool, subject: AccountId) -> Result<Option<ProfileRow>, QueryError> {
    let rows = documents(pool, "SELECT doc FROM read.profiles WHERE subject = $1 AND id = subject", subject).await?;
    Ok(rows.into_iter().next())
}

/// The same for several persons at once.
pub async fn profiles(pool: &PgPool, subjects: &[AccountId]) -> Result<Vec<(AccountId, ProfileRow)>, QueryError> {
    of_all(pool, "SELECT subject, doc FROM read.profiles WHERE subject = ANY($1) AND id = subject", subjects).await
}
