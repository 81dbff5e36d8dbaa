//! What can be asked of an account. Moments and random values come with the command.

use chrono::{DateTime, Utc};

use super::events::{
    AuthenticatorCause, AuthenticatorKind, Language, PasswordCause, RecoveryCodeHash, RejectReason, ReportedEntry,
};
use crate::id::{CredentialId, DeviceId};
use crate::policy::Method;
use crate::protected::Protected;

/// A new authenticator, before it has shown a code.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolment {
    /// The authenticator to be.
    pub credential: CredentialId,
    /// Its kind.
    pub kind: AuthenticatorKind,
    /// Its owner's name for it, 1 to 60 characters.
    pub label: String,
    /// The shared secret, base32, from `totp::generate_secret`.
    pub secret: Protected,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
    /// The authenticator it will take the place of, which works until this one is confirmed.
    pub replaces: Option<CredentialId>,
    /// After this moment it can no longer be confirmed.
    pub expires_at: DateTime<Utc>,
    /// The method of the first factor that opened the session. An account's first authenticator needs
    /// [`Method::Password`].
    pub first_factor: Method,
}

/// Why a further authenticator may be added to an account that already has one.
#[derive(Clone, Debug, PartialEq)]
pub enum EnrolmentProof {
    /// A code from an authenticator that is already enrolled and in use.
    Code {
        /// Which one.
        credential: CredentialId,
        /// What it shows.
        code: Protected,
    },
    /// A completed ceremony for replacing a lost factor. Good only where the enrolment names the
    /// authenticator it replaces.
    ReplaceCeremony,
}

/// What can be asked of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    /// Registers the account. The address's claim is taken in the same unit of work.
    Register {
        /// The address as typed.
        email: String,
        /// The name to be called by.
        display_name: String,
        /// The language of texts and mail.
        language: Language,
        /// Argon2id PHC string.
        password_hash: Protected,
        /// Now.
        at: DateTime<Utc>,
    },
    /// The current address was proved.
    VerifyEmail {
        /// The address that was proved; refused when it is no longer the account's.
        email: String,
    },
    /// Somebody tried to register with this account's address, and was told nothing; its owner is told.
    NoteRegistrationAttempt,
    /// A new address, already proved, takes the place of the old one.
    ChangeEmail {
        /// The new address as typed.
        email: String,
    },
    /// Changes the given parts of the profile.
    ChangeProfile {
        /// The new name.
        display_name: Option<String>,
        /// The new phone number in E.164, empty to remove it.
        phone: Option<String>,
        /// The new language.
        language: Option<Language>,
    },
    /// Sets a password, and makes a disabled password usable again.
    SetPassword {
        /// Argon2id PHC string.
        hash: Protected,
        /// Why.
        cause: PasswordCause,
    },
    /// Stores the same password hashed with today's parameters.
    UpgradePasswordHash {
        /// [`super::AccountState::password_generation`] of the password that was verified, so that an
        /// upgrade cannot bring a password back that has been changed meanwhile.
        generation: u32,
        /// Argon2id PHC string.
        hash: Protected,
    },
    /// Begins an enrolment. It takes the place of an earlier one that was never confirmed.
    StartEnrolment {
        /// What is enrolled.
        enrolment: Enrolment,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Confirms an enrolment with a code from the new authenticator, and retires the one it replaces.
    ConfirmEnrolment {
        /// Which enrolment.
        credential: CredentialId,
        /// What the new authenticator shows.
        code: Protected,
        /// Needed unless it is the account's first authenticator.
        proof: Option<EnrolmentProof>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Gives an authenticator another name.
    RenameAuthenticator {
        /// Which.
        credential: CredentialId,
        /// The new name, 1 to 60 characters.
        label: String,
    },
    /// Removes an authenticator for good.
    RemoveAuthenticator {
        /// Which.
        credential: CredentialId,
    },
    /// Makes an authenticator unusable until its owner decides.
    SuspendAuthenticator {
        /// Which.
        credential: CredentialId,
        /// Why.
        cause: AuthenticatorCause,
    },
    /// Switches two-step verification on, with its first set of recovery codes.
    EnableTwoStep {
        /// The method of the first factor that opened the session; must be [`Method::Password`].
        first_factor: Method,
        /// The hashes of the codes about to be shown.
        codes: Vec<RecoveryCodeHash>,
    },
    /// Switches two-step verification off. The recovery codes are void.
    DisableTwoStep,
    /// Puts a new set of recovery codes in the place of all earlier ones.
    IssueRecoveryCodes {
        /// The hashes of the codes about to be shown.
        codes: Vec<RecoveryCodeHash>,
    },
    /// Uses a recovery code up. The caller found by Argon2 which one it is.
    UseRecoveryCode {
        /// The set that was searched, so that a number cannot mean a code of a newer set.
        set: u32,
        /// The number found.
        number: u8,
        /// Now.
        at: DateTime<Utc>,
    },
    /// The password was verified against the account's hash.
    AcceptPassword {
        /// [`super::AccountState::password_generation`] of the password that was verified.
        generation: u32,
        /// Now.
        at: DateTime<Utc>,
    },
    /// A time-based code is offered; the account itself checks it and uses its step up.
    AcceptTotp {
        /// The code as typed.
        code: Protected,
        /// Now.
        at: DateTime<Utc>,
    },
    /// A proof was refused: it is counted.
    RejectProof {
        /// By which method.
        method: Method,
        /// By which authenticator; `None` counts against every usable one of the method.
        credential: Option<CredentialId>,
        /// Why.
        reason: RejectReason,
        /// Now; the delay before the next attempt counts from here.
        at: DateTime<Utc>,
    },
    /// Attempts were refused unread while a delay ran.
    RecordThrottled {
        /// When the window began.
        from: DateTime<Utc>,
        /// When it ended.
        until: DateTime<Utc>,
        /// Attempts refused in it.
        count: u32,
    },
    /// The person says that something was not them.
    ReportNotMe {
        /// What.
        entry: ReportedEntry,
    },
    /// Ends the account; the person's key is destroyed after this is in the log.
    Erase,
    /// Writes the state so far into the stream, so that loading can begin there.
    Summarise,
}
