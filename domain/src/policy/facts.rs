//! What policy needs to know, and no more. Filled from streams, never from read models.

use chrono::{DateTime, Utc};

use super::Method;
use crate::account::AccountState;

/// What policy needs to know of an account.
///
/// The default is what an unknown account looks like: exactly a plain known one, so that nobody can
/// tell the two apart by what they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// It has a password.
    pub password_set: bool,
    /// Its address has been proved.
    pub email_verified: bool,
    /// Two-step verification is on.
    pub two_step: bool,
    /// The second factors that can be used now: enrolled, neither suspended nor disabled;
    /// [`Method::RecoveryCode`] if an unused code is left.
    pub second_factors: Vec<Method>,
}

impl Default for AccountFacts {
    fn default() -> Self {
        Self { password_set: true, email_verified: true, two_step: false, second_factors: Vec::new() }
    }
}

impl AccountFacts {
    /// Whether an authenticator is enrolled. Saved codes are a way back in, not an authenticator of
    /// their own.
    pub fn has_enrolled_factor(&self) -> bool {
        self.second_factors.iter().any(|method| *method != Method::RecoveryCode)
    }
}

impl From<&AccountState> for AccountFacts {
    /// An account that was never registered, or has been erased, looks like an unknown one.
    fn from(state: &AccountState) -> Self {
        if !state.is_registered() || state.erased() {
            return Self::default();
        }
        Self {
            password_set: state.password_hash().is_some(),
            email_verified: state.email_verified(),
            two_step: state.two_step(),
            second_factors: state.second_factors(),
        }
    }
}

/// That this device, of this account, is trusted. Absent for one that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustFacts {
    /// When the trust ends.
    pub until: DateTime<Utc>,
}
