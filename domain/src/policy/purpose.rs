//! What a ceremony is for.

use serde::{Deserialize, Serialize};

/// What a ceremony is for. Assurance has a purpose: what opens a sign-in may not open a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// Opening a session.
    SignIn,
    /// Two factors in this session, without device trust.
    SignInStrong,
    /// Releasing a payment.
    Payment,
    /// Changing security settings.
    Settings,
    /// Downloading one's data.
    Export,
    /// Setting a new password without the old one.
    PasswordReset,
    /// Enrolling a new authenticator in place of a lost one.
    ReplaceFactor,
    /// Proving an e-mail address before it is used.
    VerifyEmail,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::SignInStrong,
        Self::Payment,
        Self::Settings,
        Self::Export,
        Self::PasswordReset,
        Self::ReplaceFactor,
        Self::VerifyEmail,
    ];

    /// The authentication context class (OpenID Connect Core §2) that completing it achieves.
    pub const fn acr(self) -> Option<&'static str> {
        match self {
            Self::SignIn => Some("urn:vitne:acr:signin"),
            Self::SignInStrong => Some("urn:vitne:acr:strong"),
            Self::Payment => Some("urn:vitne:acr:payment"),
            Self::Settings => Some("urn:vitne:acr:settings"),
            Self::Export => Some("urn:vitne:acr:export"),
            Self::PasswordReset | Self::ReplaceFactor | Self::VerifyEmail => None,
        }
    }

    /// Whether it raises a session that already exists.
    pub const fn is_step_up(self) -> bool {
        matches!(self, Self::SignInStrong | Self::Payment | Self::Settings | Self::Export)
    }

    /// How long a ceremony for it may last: the time that mail may take where only mail answers it, a
    /// quarter of an hour otherwise.
    pub const fn longest_ceremony(self) -> chrono::TimeDelta {
        match self {
            Self::PasswordReset | Self::VerifyEmail => chrono::TimeDelta::hours(24),
            _ => chrono::TimeDelta::minutes(15),
        }
    }

    /// Whether completing it allows one deed (see `CeremonyCommand::Spend`) rather than a session.
    pub const fn is_spent(self) -> bool {
        matches!(self, Self::PasswordReset | Self::ReplaceFactor | Self::VerifyEmail)
    }
}
