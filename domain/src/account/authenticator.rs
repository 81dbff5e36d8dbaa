//! Authenticators bound to an account (NIST SP 800-63B-4 §4), as the fold keeps them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::events::AuthenticatorKind;
use super::totp;
use crate::id::{CredentialId, DeviceId};
use crate::protected::Protected;

/// Whether an authenticator can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticatorStatus {
    /// Its enrolment is not confirmed yet.
    Pending,
    /// It can be used.
    Active,
    /// It cannot be used until its owner removes or replaces it.
    Suspended,
    /// It reached the limit of failures in a row; its owner removes or replaces it.
    Disabled,
}

/// An authenticator of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authenticator {
    /// Which.
    pub id: CredentialId,
    /// Its kind.
    pub kind: AuthenticatorKind,
    /// Its owner's name for it.
    pub label: String,
    /// Whether it can be used.
    pub status: AuthenticatorStatus,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
    /// The authenticator it takes or took the place of.
    pub replaces: Option<CredentialId>,
    /// While pending: after this moment it can no longer be confirmed.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time step of the code that confirmed it.
    pub enrolled_step: Option<u64>,
    /// The last time step accepted from it; no step up to this one is accepted again (RFC 6238 §5.2).
    pub last_step: Option<u64>,
    /// Refused codes since the last accepted one.
    pub failures: u32,
    /// The shared secret, base32.
    pub secret: Protected,
}

impl Authenticator {
    /// Whether it can be used now.
    pub fn is_active(&self) -> bool {
        self.status == AuthenticatorStatus::Active
    }

    /// Whether its enrolment was ever confirmed.
    pub fn is_enrolled(&self) -> bool {
        self.status != AuthenticatorStatus::Pending
    }

    /// When it was confirmed, to half a minute; `None` while pending.
    pub fn enrolled_at(&self) -> Option<DateTime<Utc>> {
        totp::step_begins(self.enrolled_step?)
    }

    /// The earliest unused time step that `code` stands for; `Err` with whether it stands for a used one.
    pub(super) fn fresh_step(&self, code: &str, at: DateTime<Utc>) -> Result<u64, bool> {
        let steps = totp::matching_steps(&self.secret, code, at);
        let fresh = steps.iter().copied().find(|step| self.last_step.is_none_or(|last| *step > last));
        fresh.ok_or(!steps.is_empty())
    }
}

/// What a time-based code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpOutcome {
    /// The code of an unused step.
    Accepted {
        /// Of which authenticator.
        credential: CredentialId,
        /// Which step.
        step: u64,
    },
    /// The code of a step that was used, or lies before one that was.
    Reused {
        /// Of which authenticator.
        credential: CredentialId,
    },
    /// Nobody's code.
    Wrong,
    /// No authenticator of the kind can be used.
    NotAvailable,
}
