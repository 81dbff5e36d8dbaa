//! Reading the read models. Every question names the person first: nothing can be asked without.
//!
//! These functions only select from the views in `read`, so the server's role needs nothing more.
//! What they answer is for people to look at; no decision about security rests on it.

mod activity;
mod cursor;
mod lists;

use sqlx::PgPool;
use vitne_domain::id::AccountId;

pub use activity::{
    ActivityEdge, ActivityFilter, ActivityPage, PageRequest, activity_count, activity_entries, activity_entry,
    activity_page,
};
pub use cursor::{CursorError, CursorKey};
pub use lists::{
    authenticators, authenticators_by_ids, authenticators_of, devices, devices_by_ids, devices_of, profile, profiles,
    securities, security, sessions, sessions_by_ids, sessions_of,
};

/// The key of a row, for the many-at-once questions of a loader.
pub type Wanted<I> = (AccountId, I);

/// Why a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The cursor is not one of ours, or not of this person and filter. Ask for the first page again.
    #[error("the cursor cannot be used here: {0}")]
    Cursor(#[from] CursorError),
    /// The page was asked for with a size outside 1 to 200.
    #[error("a page has 1 to {MAX_PAGE} entries, not {0}")]
    PageSize(u32),
    /// The database did not answer, or answered with rows of another version of this read model.
    #[error("the read model could not be read: {0}")]
    Database(#[from] sqlx::Error),
}

/// The most entries of one page.
pub const MAX_PAGE: u32 = 200;

/// Documents of one view for one person, by identifiers.
async fn documents<T>(pool: &PgPool, sql: &str, subject: AccountId) -> Result<Vec<T>, QueryError>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    let rows: Vec<sqlx::types::Json<T>> = sqlx::query_scalar(sql).bind(subject.0).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
