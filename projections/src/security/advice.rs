//! What the facts mean: what is on, what is missing, what to do next. Pure, so it is the same in the
//! overview, in a case and in a report.

use serde::{Deserialize, Serialize};

use super::row::SecurityRow;
use crate::authenticators::AuthenticatorStatus;

/// Something that protects the account. Its text has the key `strength-<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strength {
    /// The address is proved.
    EmailVerified,
    /// There is a password that can be used.
    PasswordSet,
    /// Two-step verification is on.
    TwoStep,
    /// At least one authenticator can be used.
    Authenticator,
    /// At least two can.
    SecondAuthenticator,
    /// There are recovery codes left.
    RecoveryCodes,
}

impl Strength {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EmailVerified,
        Self::PasswordSet,
        Self::TwoStep,
        Self::Authenticator,
        Self::SecondAuthenticator,
        Self::RecoveryCodes,
    ];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerified => "EMAIL_VERIFIED",
            Self::PasswordSet => "PASSWORD_SET",
            Self::TwoStep => "TWO_STEP",
            Self::Authenticator => "AUTHENTICATOR",
            Self::SecondAuthenticator => "SECOND_AUTHENTICATOR",
            Self::RecoveryCodes => "RECOVERY_CODES",
        }
    }

    /// The key of its text.
    pub fn text_key(self) -> String {
        format!("strength-{}", self.as_str().to_ascii_lowercase().replace('_', "-"))
    }
}

/// Something to do. Its text has the key `advice-<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Advice {
    /// Look at what happened: many failures since the last sign-in.
    ReviewActivity,
    /// Set a new password: the old one is disabled.
    ResetPassword,
    /// Set a new password: somebody else was in the account.
    ChangePassword,
    /// Prove the address.
    VerifyEmail,
    /// Switch on two-step verification.
    EnableTwoStep,
    /// Decide about an authenticator that is suspended or disabled.
    ReplaceAuthenticator,
    /// Make recovery codes.
    MakeRecoveryCodes,
    /// Make new recovery codes: few are left.
    FewRecoveryCodesLeft,
    /// Add a second authenticator.
    AddSecondAuthenticator,
}

impl Advice {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 9] = [
        Self::ReviewActivity,
        Self::ResetPassword,
        Self::ChangePassword,
        Self::VerifyEmail,
        Self::EnableTwoStep,
        Self::ReplaceAuthenticator,
        Self::MakeRecoveryCodes,
        Self::FewRecoveryCodesLeft,
        Self::AddSecondAuthenticator,
    ];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReviewActivity => "REVIEW_ACTIVITY",
            Self::ResetPassword => "RESET_PASSWORD",
            Self::ChangePassword => "CHANGE_PASSWORD",
            Self::VerifyEmail => "VERIFY_EMAIL",
            Self::EnableTwoStep => "ENABLE_TWO_STEP",
            Self::ReplaceAuthenticator => "REPLACE_AUTHENTICATOR",
            Self::MakeRecoveryCodes => "MAKE_RECOVERY_CODES",
            Self::FewRecoveryCodesLeft => "FEW_RECOVERY_CODES_LEFT",
            Self::AddSecondAuthenticator => "ADD_SECOND_AUTHENTICATOR",
        }
    }

    /// The key of its text.
    pub fn text_key(self) -> String {
        format!("advice-{}", self.as_str().to_ascii_lowercase().replace('_', "-"))
    }
}

/// Codes at or below this number are few.
const FEW_CODES: usize = 3;

/// What the facts mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What protects the account.
    pub on: Vec<Strength>,
    /// What could and does not.
    pub missing: Vec<Strength>,
    /// What to do, the most urgent first.
    pub next: Vec<Advice>,
}

impl SecurityRow {
    /// What the facts mean.
    pub fn assess(&self) -> Assessment {
        let (on, missing) = Strength::ALL.into_iter().partition(|strength| self.has(*strength));
        Assessment { on, missing, next: Advice::ALL.into_iter().filter(|advice| self.is_due(*advice)).collect() }
    }

    fn has(&self, strength: Strength) -> bool {
        match strength {
            Strength::EmailVerified => self.email_verified_at.is_some(),
            Strength::PasswordSet => self.password_set_at.is_some() && !self.password_disabled,
            Strength::TwoStep => self.two_step.on,
            Strength::Authenticator => self.active_authenticators() >= 1,
            Strength::SecondAuthenticator => self.active_authenticators() >= 2,
            Strength::RecoveryCodes => self.recovery_codes_left() > 0,
        }
    }

    fn is_due(&self, advice: Advice) -> bool {
        let codes = self.recovery_codes_left();
        match advice {
            Advice::ReviewActivity => self.failure_notice_at > self.password_set_at,
            Advice::ResetPassword => self.password_disabled,
            Advice::ChangePassword => self.not_me_reported_at > self.password_set_at,
            Advice::VerifyEmail => self.email_verified_at.is_none(),
            Advice::EnableTwoStep => !self.two_step.on,
            Advice::ReplaceAuthenticator => {
                self.authenticators.iter().any(|known| known.status != AuthenticatorStatus::Active)
            }
            Advice::MakeRecoveryCodes => self.two_step.on && codes == 0,
            Advice::FewRecoveryCodesLeft => self.two_step.on && (1..=FEW_CODES).contains(&codes),
            Advice::AddSecondAuthenticator => self.two_step.on && self.active_authenticators() == 1,
        }
    }
}
