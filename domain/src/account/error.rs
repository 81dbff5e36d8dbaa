//! Why an account refuses a command.

use chrono::{DateTime, Utc};

use super::events::RejectReason;
use crate::claim::EmailError;
use crate::id::CredentialId;
use crate::policy::Method;
use crate::text::TextError;

/// Why an account refuses a command. Expected outcomes all: nothing here is a fault of Vitne's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No such account.
    #[error("there is no such account")]
    NotRegistered,
    /// The stream already has an account.
    #[error("this account is already registered")]
    AlreadyRegistered,
    /// The subject was erased.
    #[error("this account was erased")]
    Erased,
    /// The address is not one.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The proved address is not the account's any more.
    #[error("the proved address is no longer the account's: ask for a new link")]
    EmailNotCurrent,
    /// A name or label is not acceptable.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The phone number is not in E.164.
    #[error("write the phone number with + and country code, 8 to 15 digits, for example +46701234567")]
    Phone,
    /// There is no password to upgrade or accept.
    #[error("this account has no password")]
    NoPassword,
    /// Another password was set while this one was verified.
    #[error("the password was changed meanwhile: verify again")]
    PasswordChanged,
    /// Attempts are refused unread for a while.
    #[error("too many attempts: try again at {until}")]
    Throttled {
        /// When the next attempt will be read.
        until: DateTime<Utc>,
    },
    /// A proof was refused. The caller appends `RejectProof` with the same values, so that it counts.
    #[error("the proof was refused")]
    ProofRefused {
        /// By which method.
        method: Method,
        /// By which authenticator, if one is meant.
        credential: Option<CredentialId>,
        /// Why.
        reason: RejectReason,
    },
    /// An authenticator of that identifier exists.
    #[error("an authenticator with this identifier exists already")]
    DuplicateAuthenticator,
    /// No authenticator of that identifier.
    #[error("there is no such authenticator on this account")]
    UnknownAuthenticator,
    /// The account has as many authenticators as it may.
    #[error("an account can have at most {0} authenticators: remove one first")]
    TooManyAuthenticators(usize),
    /// Two-step verification needs a password sign-in.
    #[error("sign in with the password first: two-step verification is set up only by someone who did")]
    PasswordSignInRequired,
    /// The enrolment's secret cannot be read.
    #[error("the authenticator's secret is not 160 bits of base32")]
    BadSecret,
    /// The enrolment's end is not after its beginning.
    #[error("the enrolment would end before it begins")]
    BadExpiry,
    /// The enrolment was confirmed before.
    #[error("this authenticator is already confirmed")]
    AlreadyConfirmed,
    /// The enrolment's time ran out.
    #[error("the time for confirming this authenticator has run out: begin again")]
    EnrolmentExpired,
    /// The new authenticator's code does not match.
    #[error("the code does not match the new authenticator: check the app and the phone's clock")]
    EnrolmentCodeWrong,
    /// A further authenticator needs a proof.
    #[error("give a code from an authenticator that is already enrolled")]
    ExistingProofRequired,
    /// Two-step verification needs an authenticator.
    #[error("enrol an authenticator first")]
    NoAuthenticator,
    /// The last usable authenticator cannot be removed while two-step verification is on.
    #[error("this is the last authenticator in use: replace it, or switch two-step verification off first")]
    LastAuthenticator,
    /// Two-step verification is on already.
    #[error("two-step verification is already on")]
    TwoStepOn,
    /// Two-step verification is off.
    #[error("two-step verification is off")]
    TwoStepOff,
    /// The set of codes is empty or names a number twice.
    #[error("a set of recovery codes needs at least one code, each with a number of its own")]
    BadCodes,
    /// The window of refused attempts is empty or reversed.
    #[error("a window of refused attempts must end after it begins and hold at least one attempt")]
    BadWindow,
    /// It was reported before.
    #[error("this was already reported")]
    AlreadyReported,
}
