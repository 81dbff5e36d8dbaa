//! Proof methods: how strong each is and what it is called elsewhere.

use serde::{Deserialize, Serialize};

/// A way to prove something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// A memorised password (NIST SP 800-63B-4 §3.1.1).
    Password,
    /// A time-based one-time code (RFC 6238).
    Totp,
    /// A security key or passkey.
    Webauthn,
    /// An approval on an enrolled device.
    Push,
    /// A code by SMS; a restricted method (NIST SP 800-63B-4 §3.1.3.3).
    Sms,
    /// Swedish BankID.
    Bankid,
    /// One of the saved recovery codes (NIST SP 800-63B-4 §4.2.1.1).
    RecoveryCode,
    /// A code issued by support within a case.
    SupportCode,
    /// A link sent by e-mail: recovery evidence, never a second factor.
    EmailLink,
    /// A second person of the same company says so.
    Manager,
}

/// What a method proves. Two methods of one kind fall together, so they count as one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Something known.
    Knowledge,
    /// Something held: an enrolled authenticator.
    Possession,
    /// Something saved beforehand.
    Saved,
    /// A channel that can be read.
    Channel,
    /// Another party's identification.
    Identity,
    /// Another person's word.
    Vouching,
}

impl Method {
    /// The name in JSON and in steps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::Totp => "TOTP",
            Self::Webauthn => "WEBAUTHN",
            Self::Push => "PUSH",
            Self::Sms => "SMS",
            Self::Bankid => "BANKID",
            Self::RecoveryCode => "RECOVERY_CODE",
            Self::SupportCode => "SUPPORT_CODE",
            Self::EmailLink => "EMAIL_LINK",
            Self::Manager => "MANAGER",
        }
    }

    /// Whether something is sent out, or shown, that must come back.
    pub const fn is_requested(self) -> bool {
        matches!(self, Self::Webauthn | Self::Push | Self::Sms | Self::Bankid | Self::EmailLink | Self::Manager)
    }

    /// The weight as recovery evidence.
    pub const fn stars(self) -> u8 {
        match self {
            Self::Webauthn | Self::Bankid => 3,
            Self::Totp | Self::Push | Self::RecoveryCode => 2,
            Self::Password | Self::Sms | Self::EmailLink | Self::Manager => 1,
            Self::SupportCode => 0,
        }
    }

    /// What it proves.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Password => Kind::Knowledge,
            Self::Totp | Self::Webauthn | Self::Push => Kind::Possession,
            Self::RecoveryCode | Self::SupportCode => Kind::Saved,
            Self::Sms | Self::EmailLink => Kind::Channel,
            Self::Bankid => Kind::Identity,
            Self::Manager => Kind::Vouching,
        }
    }

    /// Authentication method references (RFC 8176 §2; `x-` values are private).
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::Totp | Self::Push => &["otp"],
            Self::Webauthn => &["hwk", "user"],
            Self::Sms => &["sms", "mca"],
            Self::Bankid => &["mfa", "swk"],
            Self::RecoveryCode => &["otp", "x-recovery"],
            Self::SupportCode => &["x-support"],
            Self::EmailLink | Self::Manager => &[],
        }
    }
}
