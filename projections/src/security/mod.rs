//! The security overview: what is on, what is missing, what to do next.

mod advice;
mod row;

use chrono::{DateTime, Utc};
use serde_json::Value;
use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, AuthenticatorCause};
use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::session::SessionEvent;
use vitne_eventlog::Recorded;

pub use advice::{Advice, Assessment, Strength};
pub use row::{AuthenticatorSummary, LastSignIn, RecoveryCodes, SecurityRow, Switch};

use crate::authenticators::AuthenticatorStatus;
use crate::reading::{clean, load, peek, readable, store};
use crate::{FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Security;

static TABLE: Table = Table { name: "security", columns: &[], indexes: &[] };

/// Whether an event changes the overview.
fn matters(event: &Recorded) -> bool {
    let name = event.header.event_type.as_str();
    match event.header.aggregate_type.as_str() {
        "account" => !matches!(
            name,
            "AccountSummarised"
                | "ProfileChanged"
                | "RegistrationAttempted"
                | "PasswordHashUpgraded"
                | "AuthenticatorEnrolmentStarted"
        ),
        "session" => name == "SessionStarted",
        "ceremony" => matches!(peek(event), Some(AnyEvent::Ceremony(CeremonyEvent::CeremonyFailed { .. }))),
        _ => false,
    }
}

impl Projection for Security {
    fn name(&self) -> &'static str {
        "security"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        match event.header.subject {
            Some(subject) if matters(event) => vec![RowKey { subject, id: subject.0 }],
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let at = event.header.occurred_at;
        if event.header.event_type == "SubjectErased" {
            return Ok(None);
        }
        let Some(body) = readable(event)? else { return Ok(row) };
        if let AnyEvent::Account(AccountEvent::AccountRegistered { .. }) = body {
            return store(&SecurityRow::registered(key.subject, at));
        }
        let Some(mut security) = load::<SecurityRow>(row)? else { return Ok(None) };
        match body {
            AnyEvent::Account(account) => {
                credentials(&mut security, account, at);
                proofs(&mut security, account, at);
            }
            AnyEvent::Session(SessionEvent::SessionStarted { device, methods, .. }) => {
                let country = event.network.as_ref().and_then(|network| network.country.as_deref()).map(clean);
                security.last_sign_in = Some(LastSignIn { at, device: *device, methods: methods.clone(), country });
            }
            AnyEvent::Ceremony(_) => security.last_failed_ceremony_at = Some(at),
            _ => {}
        }
        store(&security)
    }
}

fn credentials(row: &mut SecurityRow, event: &AccountEvent, at: DateTime<Utc>) {
    match event {
        AccountEvent::EmailVerified { .. } | AccountEvent::EmailChanged { .. } => row.email_verified_at = Some(at),
        AccountEvent::PasswordSet { cause, .. } => {
            row.password_set_at = Some(at);
            row.password_cause = Some(*cause);
            row.password_disabled = false;
        }
        AccountEvent::AuthenticatorEnrolled { credential, kind, carried_by, .. } => {
            row.authenticators.retain(|known| known.id != *credential);
            row.authenticators.push(AuthenticatorSummary {
                id: *credential,
                kind: *kind,
                status: AuthenticatorStatus::Active,
                carried_by: *carried_by,
            });
        }
        AccountEvent::AuthenticatorRemoved { credential, .. } => {
            row.authenticators.retain(|known| known.id != *credential);
        }
        AccountEvent::AuthenticatorSuspended { credential, cause } => {
            row.set_status(*credential, AuthenticatorStatus::Suspended);
            if *cause == AuthenticatorCause::NotMe {
                row.not_me_reported_at = Some(at);
            }
        }
        AccountEvent::AuthenticatorDisabled { credential: Some(credential), .. } => {
            row.set_status(*credential, AuthenticatorStatus::Disabled);
        }
        AccountEvent::AuthenticatorDisabled { credential: None, .. } => row.password_disabled = true,
        AccountEvent::TwoStepEnabled {} => row.two_step = Switch { on: true, since: Some(at) },
        AccountEvent::TwoStepDisabled {} => row.two_step = Switch { on: false, since: Some(at) },
        AccountEvent::RecoveryCodesIssued { set, codes } => {
            let left = codes.iter().map(|code| code.number).collect();
            row.recovery = Some(RecoveryCodes { set: *set, issued_at: at, left, last_used_at: None });
        }
        AccountEvent::RecoveryCodeUsed { set, number } => {
            if let Some(recovery) = row.recovery.as_mut().filter(|recovery| recovery.set == *set) {
                recovery.left.retain(|left| left != number);
                recovery.last_used_at = Some(at);
            }
        }
        _ => {}
    }
}

fn proofs(row: &mut SecurityRow, event: &AccountEvent, at: DateTime<Utc>) {
    match event {
        AccountEvent::AccountProofAccepted { method, .. } => {
            row.failures.remove(method);
        }
        AccountEvent::AccountProofRejected { method, .. } => {
            let failures = row.failures.entry(*method).or_default();
            *failures = failures.saturating_add(1);
            row.last_failure_at = Some(at);
        }
        AccountEvent::FailureNoticeDue { .. } => row.failure_notice_at = Some(at),
        AccountEvent::NotMeReported { .. } => row.not_me_reported_at = Some(at),
        _ => {}
    }
}
