//! Account details.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use vitne_projections::profile::ProfileRow;

use super::super::enums::Language;

/// Account details.
#[derive(SimpleObject)]
#[graphql(name = "Profile")]
pub(crate) struct ProfileNode {
    /// When the account was made.
    registered_at: DateTime<Utc>,
    /// The address.
    email: String,
    /// When that address was proved.
    email_verified_at: Option<DateTime<Utc>>,
    /// The name to be called by.
    display_name: String,
    /// The phone number in E.164.
    phone: Option<String>,
    /// The language of texts and mail.
    language: Language,
}

impl From<ProfileRow> for ProfileNode {
    fn from(row: ProfileRow) -> Self {
        Self {
            registered_at: row.registered_at,
            email: row.email,
            email_verified_at: row.email_verified_at,
            display_name: row.display_name,
            phone: row.phone,
            language: row.language.into(),
        }
    }
}
