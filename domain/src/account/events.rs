//! What is kept of an account.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::AccountState;
use crate::id::{CeremonyId, CorrelationId, CredentialId, DeviceId};
use crate::policy::Method;
use crate::protected::Protected;

/// A language Vitne speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Swedish.
    Sv,
    /// Norwegian Bokmål.
    Nb,
    /// English.
    #[default]
    En,
}

/// Why a password was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PasswordCause {
    /// With the account.
    Registration,
    /// By someone who proved who they are.
    Change,
    /// After a password reset.
    Reset,
}

/// What kind of authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticatorKind {
    /// An authenticator app with a shared secret (RFC 6238).
    Totp,
}

/// Why an authenticator went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticatorCause {
    /// Its owner removed it.
    RemovedByUser,
    /// A new one took its place, and is complete.
    Replaced,
    /// The device it lives on was reported lost.
    DeviceLost,
    /// Its owner reported activity as not theirs.
    NotMe,
}

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejectReason {
    /// It does not match.
    Wrong,
    /// It was right and has been used before.
    Reused,
    /// It was right and is too late.
    Expired,
    /// Nothing of the kind is enrolled, or it is disabled or suspended.
    NotAvailable,
}

/// A stored recovery code: its number as printed, and an Argon2id hash (PHC string).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodeHash {
    /// 1 to 10, as printed beside the code.
    pub number: u8,
    /// PHC string.
    pub hash: Protected,
}

/// What a report of "this wasn't me" points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportedEntry {
    /// A ceremony, with all its steps.
    Ceremony(CeremonyId),
    /// All that one request did outside a ceremony.
    Request(CorrelationId),
}

events! {
    /// The life of an account.
    pub enum AccountEvent for "account" {
        /// Somebody registered an account. The address is not proved yet.
        AccountRegistered v 1, Identity, Account, Contract {
            /// The address as typed, in NFC.
            personal email: String,
            /// The name to be called by.
            personal display_name: String,
            /// The language of texts and mail.
            personal language: Language,
        }
        /// The account's address was proved by a link sent to it.
        EmailVerified v 1, Identity, Account, Contract {
            /// The proved address.
            personal email: String,
        }
        /// A new address, already proved, took the place of the old one.
        EmailChanged v 1, Identity, Account, Contract {
            /// The new address.
            personal email: String,
            /// The address until now, which is told of the change.
            personal previous: String,
        }
        /// Somebody tried to register with the address of this account. They were told nothing.
        RegistrationAttempted v 1, Security, Security, LegitimateInterest {}
        /// Parts of the profile were changed; absent parts stayed.
        ProfileChanged v 1, Identity, Account, Contract {
            /// The new name.
            personal display_name: Option<String>,
            /// The new phone number in E.164, empty to remove it.
            personal phone: Option<String>,
            /// The new language.
            personal language: Option<Language>,
        }
        /// A password was set.
        PasswordSet v 1, Identity, Account, Contract {
            /// Argon2id PHC string, parameters included.
            secret hash: Protected,
            /// Why.
            plain cause: PasswordCause,
        }
        /// The same password, hashed with today's parameters.
        PasswordHashUpgraded v 1, Identity, Security, LegitimateInterest {
            /// Argon2id PHC string.
            secret hash: Protected,
        }
        /// Enrolment of an authenticator began. It proves nothing until it is confirmed.
        AuthenticatorEnrolmentStarted v 1, Identity, Account, Contract {
            /// The authenticator to be.
            plain credential: CredentialId,
            /// Its kind.
            plain kind: AuthenticatorKind,
            /// Its owner's name for it.
            personal label: String,
            /// The shared secret, base32.
            secret secret: Protected,
            /// The device it lives on, if told.
            plain carried_by: Option<DeviceId>,
            /// The authenticator it will take the place of.
            plain replaces: Option<CredentialId>,
            /// After this moment it can no longer be confirmed.
            plain expires_at: DateTime<Utc>,
        }
        /// An authenticator was confirmed and can be used.
        AuthenticatorEnrolled v 1, Identity, Account, Contract {
            /// The authenticator.
            plain credential: CredentialId,
            /// Its kind.
            plain kind: AuthenticatorKind,
            /// Its owner's name for it.
            personal label: String,
            /// The device it lives on, if told.
            plain carried_by: Option<DeviceId>,
            /// The time step of the confirming code, which is thereby used.
            plain step: u64,
        }
        /// An authenticator got another name.
        AuthenticatorRenamed v 1, Identity, Account, Contract {
            /// The authenticator.
            plain credential: CredentialId,
            /// The new name.
            personal label: String,
        }
        /// An authenticator is gone for good.
        AuthenticatorRemoved v 1, Identity, Security, LegitimateInterest {
            /// The authenticator.
            plain credential: CredentialId,
            /// Why.
            plain cause: AuthenticatorCause,
        }
        /// An authenticator cannot be used until its owner decides.
        AuthenticatorSuspended v 1, Identity, Security, LegitimateInterest {
            /// The authenticator.
            plain credential: CredentialId,
            /// Why.
            plain cause: AuthenticatorCause,
        }
        /// An authenticator reached the limit of consecutive failures (NIST SP 800-63B-4 §3.2.2).
        AuthenticatorDisabled v 1, Identity, Security, LegitimateInterest {
            /// The authenticator; `None` for the password.
            plain credential: Option<CredentialId>,
            /// Failures in a row.
            plain failures: u32,
        }
        /// Two-step verification was switched on.
        TwoStepEnabled v 1, Identity, Account, Contract {}
        /// Two-step verification was switched off.
        TwoStepDisabled v 1, Identity, Account, Contract {}
        /// A new set of recovery codes took the place of all earlier ones. The codes were shown once.
        RecoveryCodesIssued v 1, Identity, Account, Contract {
            /// Counts the sets of this account.
            plain set: u32,
            /// The hashes.
            secret codes: Vec<RecoveryCodeHash>,
        }
        /// A recovery code was used, and is used up.
        RecoveryCodeUsed v 1, Identity, Security, LegitimateInterest {
            /// The set.
            plain set: u32,
            /// The code's number.
            plain number: u8,
        }
        /// A proof was accepted: the failures of its method are forgotten.
        AccountProofAccepted v 1, Security, Security, LegitimateInterest {
            /// By which method.
            plain method: Method,
            /// By which authenticator.
            plain credential: Option<CredentialId>,
            /// The time step used, for a time-based code.
            plain step: Option<u64>,
        }
        /// A proof was refused.
        AccountProofRejected v 1, Security, Security, LegitimateInterest {
            /// By which method.
            plain method: Method,
            /// By which authenticator, if one is meant.
            plain credential: Option<CredentialId>,
            /// Why.
            plain reason: RejectReason,
            /// When, because the delay before the next attempt counts from here.
            plain at: DateTime<Utc>,
        }
        /// Failures in a row reached the number at which the person is told.
        FailureNoticeDue v 1, Security, Security, LegitimateInterest {
            /// Failures in a row.
            plain failures: u32,
        }
        /// Attempts were refused unread while a delay ran. One event a window.
        AttemptsThrottled v 1, Security, Security, LegitimateInterest {
            /// When the window began.
            plain from: DateTime<Utc>,
            /// When it ended.
            plain until: DateTime<Utc>,
            /// Attempts refused in it.
            plain count: u32,
        }
        /// The person says that something on their account was not them.
        NotMeReported v 1, Security, Security, LegitimateInterest {
            /// What they point at.
            plain entry: ReportedEntry,
        }
        /// The state so far, so that loading need not begin at the beginning. Changes nothing.
        AccountSummarised v 1, Identity, Account, Contract {
            /// The folded state.
            secret state: Box<AccountState>,
        }
        /// The person's key is about to be destroyed: what is sealed with it can never be read again.
        SubjectErased v 1, Identity, Accountability, LegalObligation {}
    }
}
