//! Authenticators: what an account can prove itself with. No secret is in it, in no form.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, AuthenticatorCause, AuthenticatorKind};
use vitne_domain::id::{CredentialId, DeviceId};
use vitne_eventlog::Recorded;

use crate::reading::{clean, is_unknown, load, named, peek, readable, store};
use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authenticators;

static TABLE: Table = Table {
    name: "authenticators",
    columns: &[
        Column { name: "status", kind: ColumnType::Text },
        Column { name: "carried_by", kind: ColumnType::Uuid },
        Column { name: "enrolled_at", kind: ColumnType::Timestamp },
    ],
    indexes: &[],
};

/// Whether an authenticator can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticatorStatus {
    /// Being enrolled; proves nothing yet.
    Pending,
    /// In use.
    Active,
    /// Cannot be used until its owner decides.
    Suspended,
    /// Reached the limit of failures.
    Disabled,
    /// Gone for good.
    Removed,
}

impl AuthenticatorStatus {
    /// The public name, as in the `status` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Disabled => "DISABLED",
            Self::Removed => "REMOVED",
        }
    }
}

/// One authenticator of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorRow {
    /// Whether it can be used.
    pub status: AuthenticatorStatus,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
    /// When it was confirmed.
    pub enrolled_at: Option<DateTime<Utc>>,
    /// Which one.
    pub id: CredentialId,
    /// What kind.
    pub kind: AuthenticatorKind,
    /// Its owner's name for it.
    pub label: String,
    /// When its enrolment began.
    pub started_at: DateTime<Utc>,
    /// When its enrolment lapses if it is not confirmed.
    pub pending_until: Option<DateTime<Utc>>,
    /// When it last proved something.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Refused proofs since it last proved something.
    pub failures: u32,
    /// The authenticator it took, or will take, the place of.
    pub replaces: Option<CredentialId>,
    /// Why it was suspended or removed.
    pub cause: Option<AuthenticatorCause>,
    /// When it came into its status.
    pub status_since: DateTime<Utc>,
}

impl AuthenticatorRow {
    /// The public name of its kind.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            AuthenticatorKind::Totp => "TOTP",
        }
    }

    fn becomes(&mut self, status: AuthenticatorStatus, cause: Option<AuthenticatorCause>, at: DateTime<Utc>) {
        self.status = status;
        self.cause = cause;
        self.status_since = at;
    }
}

/// The authenticator an account event is about.
fn credential_of(event: &AccountEvent) -> Option<CredentialId> {
    match event {
        AccountEvent::AuthenticatorEnrolmentStarted { credential, .. }
        | AccountEvent::AuthenticatorEnrolled { credential, .. }
        | AccountEvent::AuthenticatorRenamed { credential, .. }
        | AccountEvent::AuthenticatorRemoved { credential, .. }
        | AccountEvent::AuthenticatorSuspended { credential, .. } => Some(*credential),
        AccountEvent::AuthenticatorDisabled { credential, .. }
        | AccountEvent::AccountProofAccepted { credential, .. }
        | AccountEvent::AccountProofRejected { credential, .. } => *credential,
        _ => None,
    }
}

impl Projection for Authenticators {
    fn name(&self) -> &'static str {
        "authenticators"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        let Some(subject) = event.header.subject else { return Vec::new() };
        if event.header.aggregate_type != "account" {
            return Vec::new();
        }
        if is_unknown(event) {
            // Which authenticator it is about cannot be known: fold refuses it, which parks the subject.
            return vec![RowKey { subject, id: Uuid::nil() }];
        }
        match peek(event) {
            Some(AnyEvent::Account(account)) => {
                credential_of(account).map(|credential| RowKey { subject, id: credential.0 }).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let Some(AnyEvent::Account(account)) = readable(event)? else { return Ok(row) };
        let id = CredentialId(named(key.id, &event.header)?);
        let at = event.header.occurred_at;
        let row = match load(row)? {
            Some(row) => Some(row),
            // A proof by an authenticator whose enrolment can no longer be read makes no row.
            None => started(account, id, at),
        };
        match row {
            Some(mut row) => {
                apply(&mut row, account, at);
                store(&row)
            }
            None => Ok(None),
        }
    }
}

/// The row that an enrolment begins. Its confirmation says all that is needed, should its beginning be
/// unreadable.
fn started(event: &AccountEvent, id: CredentialId, at: DateTime<Utc>) -> Option<AuthenticatorRow> {
    let (kind, label, carried_by, replaces, pending_until) = match event {
        AccountEvent::AuthenticatorEnrolmentStarted { kind, label, carried_by, replaces, expires_at, .. } => {
            (*kind, label, *carried_by, *replaces, Some(*expires_at))
        }
        AccountEvent::AuthenticatorEnrolled { kind, label, carried_by, .. } => (*kind, label, *carried_by, None, None),
        _ => return None,
    };
    Some(AuthenticatorRow {
        status: AuthenticatorStatus::Pending,
        carried_by,
        enrolled_at: None,
        id,
        kind,
        label: clean(label),
        started_at: at,
        pending_until,
        last_used_at: None,
        failures: 0,
        replaces,
        cause: None,
        status_since: at,
    })
}

fn apply(row: &mut AuthenticatorRow, event: &AccountEvent, at: DateTime<Utc>) {
    match event {
        AccountEvent::AuthenticatorEnrolled { kind, label, carried_by, .. } => {
            row.kind = *kind;
            row.label = clean(label);
            row.carried_by = *carried_by;
            row.enrolled_at = Some(at);
            row.pending_until = None;
            row.becomes(AuthenticatorStatus::Active, None, at);
        }
        AccountEvent::AuthenticatorRenamed { label, .. } => row.label = clean(label),
        AccountEvent::AuthenticatorRemoved { cause, .. } => row.becomes(AuthenticatorStatus::Removed, Some(*cause), at),
        AccountEvent::AuthenticatorSuspended { cause, .. } => {
            row.becomes(AuthenticatorStatus::Suspended, Some(*cause), at);
        }
        AccountEvent::AuthenticatorDisabled { failures, .. } => {
            row.failures = *failures;
            row.becomes(AuthenticatorStatus::Disabled, None, at);
        }
        AccountEvent::AccountProofAccepted { .. } => {
            row.failures = 0;
            row.last_used_at = Some(at);
        }
        AccountEvent::AccountProofRejected { .. } => row.failures = row.failures.saturating_add(1),
        _ => {}
    }
}
