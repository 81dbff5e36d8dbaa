//! The security overview's row: facts. What they mean is computed, see `advice`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::{AuthenticatorKind, PasswordCause};
use vitne_domain::id::{AccountId, CredentialId, DeviceId};
use vitne_domain::policy::Method;

use crate::authenticators::AuthenticatorStatus;

/// Something that is on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// On or off.
    pub on: bool,
    /// Since when; `None` if it never changed.
    pub since: Option<DateTime<Utc>>,
}

/// An authenticator, as far as the overview needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorSummary {
    /// Which one.
    pub id: CredentialId,
    /// What kind.
    pub kind: AuthenticatorKind,
    /// Whether it can be used.
    pub status: AuthenticatorStatus,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
}

/// The current set of recovery codes: their numbers, never the codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Which set.
    pub set: u32,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
    /// The numbers of the codes that are left.
    pub left: Vec<u8>,
    /// When one was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The last time a session was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSignIn {
    /// When.
    pub at: DateTime<Utc>,
    /// On which device.
    pub device: Option<DeviceId>,
    /// By which methods.
    pub methods: Vec<Method>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// One account's security, as facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRow {
    /// Whose.
    pub id: AccountId,
    /// When the account was made.
    pub registered_at: DateTime<Utc>,
    /// When the address was proved.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// When the password was set.
    pub password_set_at: Option<DateTime<Utc>>,
    /// Why it was set.
    pub password_cause: Option<PasswordCause>,
    /// Whether it reached the limit of failures.
    pub password_disabled: bool,
    /// Two-step verification.
    pub two_step: Switch,
    /// Enrolled authenticators that are not removed, in the order of enrolment.
    pub authenticators: Vec<AuthenticatorSummary>,
    /// Recovery codes, if any were made.
    pub recovery: Option<RecoveryCodes>,
    /// Failures in a row, by method.
    pub failures: BTreeMap<Method, u32>,
    /// When a proof was last refused.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// When an attempt last ended in failure.
    pub last_failed_ceremony_at: Option<DateTime<Utc>>,
    /// When failures last reached the number at which the person is told.
    pub failure_notice_at: Option<DateTime<Utc>>,
    /// When activity was last reported as not theirs.
    pub not_me_reported_at: Option<DateTime<Utc>>,
    /// The last sign-in.
    pub last_sign_in: Option<LastSignIn>,
}

impl SecurityRow {
    pub(super) fn registered(id: AccountId, at: DateTime<Utc>) -> Self {
        Self {
            id,
            registered_at: at,
            email_verified_at: None,
            password_set_at: None,
            password_cause: None,
            password_disabled: false,
            two_step: Switch::default(),
            authenticators: Vec::new(),
            recovery: None,
            failures: BTreeMap::new(),
            last_failure_at: None,
            last_failed_ceremony_at: None,
            failure_notice_at: None,
            not_me_reported_at: None,
            last_sign_in: None,
        }
    }

    pub(super) fn set_status(&mut self, credential: CredentialId, status: AuthenticatorStatus) {
        for known in self.authenticators.iter_mut().filter(|known| known.id == credential) {
            known.status = status;
        }
    }

    /// Recovery codes that can still be used.
    pub fn recovery_codes_left(&self) -> usize {
        self.recovery.as_ref().map_or(0, |recovery| recovery.left.len())
    }

    /// Authenticators that can be used.
    pub fn active_authenticators(&self) -> usize {
        self.authenticators.iter().filter(|known| known.status == AuthenticatorStatus::Active).count()
    }

    /// Failures in a row, of all methods.
    pub fn failures_in_a_row(&self) -> u32 {
        self.failures.values().fold(0, |sum, failures| sum.saturating_add(*failures))
    }
}
