//! The profile: what the account's owner has told about themselves.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, Language};
use vitne_domain::id::AccountId;
use vitne_eventlog::Recorded;

use crate::reading::{clean, load, readable, store};
use crate::{FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profiles;

static TABLE: Table = Table { name: "profiles", columns: &[], indexes: &[] };

/// One account's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Whose.
    pub id: AccountId,
    /// When the account was made.
    pub registered_at: DateTime<Utc>,
    /// The address.
    pub email: String,
    /// When that address was proved.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// The name to be called by.
    pub display_name: String,
    /// The phone number in E.164.
    pub phone: Option<String>,
    /// The language of texts and mail.
    pub language: Language,
}

const EVENTS: [&str; 5] = ["AccountRegistered", "EmailVerified", "EmailChanged", "ProfileChanged", "SubjectErased"];

impl Projection for Profiles {
    fn name(&self) -> &'static str {
        "profiles"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        match event.header.subject {
            Some(subject)
                if event.header.aggregate_type == "account" && EVENTS.contains(&event.header.event_type.as_str()) =>
            {
                vec![RowKey { subject, id: subject.0 }]
            }
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let at = event.header.occurred_at;
        if event.header.event_type == "SubjectErased" {
            return Ok(None);
        }
        let Some(AnyEvent::Account(account)) = readable(event)? else { return Ok(row) };
        if let AccountEvent::AccountRegistered { email, display_name, language } = account {
            return store(&ProfileRow {
                id: key.subject,
                registered_at: at,
                email: clean(email),
                email_verified_at: None,
                display_name: clean(display_name),
                phone: None,
                language: *language,
            });
        }
        let Some(mut profile) = load::<ProfileRow>(row)? else { return Ok(None) };
        apply(&mut profile, account, at);
        store(&profile)
    }
}

fn apply(row: &mut ProfileRow, event: &AccountEvent, at: DateTime<Utc>) {
    match event {
        AccountEvent::EmailVerified { email } | AccountEvent::EmailChanged { email, .. } => {
            row.email = clean(email);
            row.email_verified_at = Some(at);
        }
        AccountEvent::ProfileChanged { display_name, phone, language } => {
            if let Some(name) = display_name {
                row.display_name = clean(name);
            }
            if let Some(number) = phone {
                row.phone = Some(clean(number)).filter(|number| !number.is_empty());
            }
            if let Some(language) = language {
                row.language = *language;
            }
        }
        _ => {}
    }
}
