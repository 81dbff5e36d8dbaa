//! What can be asked of a ceremony, and how it refuses.

use chrono::{DateTime, Utc};

use super::FailureReason;
use crate::account::RejectReason;
use crate::id::{AccountId, CredentialId, SessionId};
use crate::policy::{Method, Purpose, Requirement};
use crate::token::SecretHash;

/// How a ceremony begins.
#[derive(Clone, Debug)]
pub struct StartCeremony {
    /// What for.
    pub purpose: Purpose,
    /// Whose; `None` for an identifier that is not known here. Such a ceremony looks like any other
    /// and never completes.
    pub account: Option<AccountId>,
    /// The account stream on which refused proofs are counted: the account's own, or a stand-in's.
    pub guard: AccountId,
    /// What must be proved, as [`crate::policy::requirement`] says for the account or, where there is
    /// none, for `AccountFacts::default()`.
    pub requirement: Requirement,
    /// The hash of the secret that its holder must show.
    pub secret: SecretHash,
    /// The session it raises. Needed by the purposes that raise one, refused by the others.
    pub session: Option<SessionId>,
    /// The address to be proved. Needed by [`Purpose::VerifyEmail`].
    pub contact: Option<String>,
    /// When it ends by itself: at most [`Purpose::longest_ceremony`] from `at`.
    pub expires_at: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// A challenge that is about to be sent.
#[derive(Clone, Debug)]
pub struct RequestProof {
    /// By which method.
    pub method: Method,
    /// The hash of what must come back.
    pub challenge: Option<SecretHash>,
    /// Where to, masked.
    pub sent_to: Option<String>,
    /// When it is no longer accepted; cut to the ceremony's own end.
    pub expires_at: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// A proof that the account found good.
#[derive(Clone, Debug)]
pub struct AcceptProof {
    /// By which method.
    pub method: Method,
    /// By which authenticator.
    pub credential: Option<CredentialId>,
    /// Its owner's name for it.
    pub label: Option<String>,
    /// The number of the recovery code, if one was used.
    pub number: Option<u8>,
    /// Whether the device's stream says now that the device is trusted. Trust that was good when the
    /// ceremony began and has been dropped since skips nothing.
    pub device_trusted: bool,
    /// The identifier of the session that is opened if this completes a sign-in.
    pub opens: Option<SessionId>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What came back from a challenge. The ceremony itself decides whether it is right.
#[derive(Clone, Debug)]
pub struct AnswerChallenge {
    /// By which method.
    pub method: Method,
    /// The hash of what came back.
    pub answer: SecretHash,
    /// See [`AcceptProof::device_trusted`].
    pub device_trusted: bool,
    /// See [`AcceptProof::opens`].
    pub opens: Option<SessionId>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What can be asked of a ceremony.
#[derive(Clone, Debug)]
pub enum CeremonyCommand {
    /// Begin.
    Start(Box<StartCeremony>),
    /// A challenge is sent out.
    RequestProof(RequestProof),
    /// A proof was good. Completes the ceremony if it was the last one needed. Not for
    /// [`Method::EmailLink`], which only `AnswerChallenge` can accept.
    AcceptProof(AcceptProof),
    /// A challenge came back: accepted if it matches, rejected otherwise. Ask
    /// [`super::Ceremony::last_step`] which.
    AnswerChallenge(AnswerChallenge),
    /// A proof was not good. Fails the ceremony at [`super::MAX_REJECTED`].
    RejectProof {
        /// By which method.
        method: Method,
        /// By which authenticator, if one is meant.
        credential: Option<CredentialId>,
        /// Why.
        reason: RejectReason,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Do, once, what a completed ceremony allows (set a password, replace a factor, prove an address).
    Spend {
        /// Now.
        at: DateTime<Utc>,
    },
    /// Write down that its time ran out. Changes nothing for one that has ended.
    Expire {
        /// Now.
        at: DateTime<Utc>,
    },
    /// Its holder gives up. Changes nothing for one that has ended without success.
    Abandon {
        /// Now.
        at: DateTime<Utc>,
    },
    /// It can no longer be satisfied; or, where it is complete and allows one deed that is still undone,
    /// no longer be spent. Changes nothing for one that has ended otherwise.
    Fail {
        /// Why.
        reason: FailureReason,
    },
    /// The subject says that it was not them. Possible at any time after the start, and idempotent; a
    /// ceremony still under way fails, a completed one can no longer be spent.
    Report,
}

/// Why a ceremony refuses a command. All are expected outcomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// No such ceremony.
    #[error("there is no such ceremony; start one")]
    NotFound,
    /// The identifier is taken.
    #[error("this ceremony has already begun")]
    AlreadyStarted,
    /// Its time has run out.
    #[error("this ceremony has expired; start a new one")]
    Expired,
    /// It has been completed, failed or abandoned.
    #[error("this ceremony has ended; start a new one")]
    Ended,
    /// It has not been completed.
    #[error("this ceremony is not complete yet")]
    NotComplete,
    /// What it allowed has been done.
    #[error("what this ceremony allowed has been done; start a new one")]
    AlreadySpent,
    /// Its subject says that it was not them.
    #[error("this ceremony was reported by its subject; start a new one")]
    Reported,
    /// Its events can no longer be read.
    #[error("this ceremony has been forgotten; start a new one")]
    Forgotten,
    /// It has time left.
    #[error("this ceremony has not expired yet")]
    NotExpired,
    /// Another proof comes first.
    #[error("another proof comes first")]
    NotYet {
        /// Any of these.
        first: Vec<Method>,
    },
    /// This method proves nothing here.
    #[error("this method is not accepted here")]
    NotAccepted {
        /// Any of these is.
        accepted: Vec<Method>,
    },
    /// The proof has been given.
    #[error("this proof has been given already")]
    AlreadyGiven,
    /// Nothing of the kind was sent, or it is no longer good.
    #[error("no challenge of this kind is open; ask for a new one")]
    NoChallenge,
    /// Nothing is sent for this method.
    #[error("nothing is sent for this method; give the proof itself")]
    NothingToSend,
    /// A challenge was sent a moment ago.
    #[error("a challenge was sent a moment ago; wait before asking again")]
    TooSoon {
        /// When another can be sent.
        retry_at: DateTime<Utc>,
    },
    /// Too many challenges were sent.
    #[error("too many challenges were sent; start a new ceremony")]
    TooManyRequests,
    /// Nobody's ceremony: nothing can be accepted in it.
    #[error("this ceremony belongs to no account; reject the proof")]
    UnknownAccount,
    /// The requirement is another purpose's, the end is too far off, or the session or contact is
    /// missing or does not belong: the caller is at fault.
    #[error("a ceremony cannot start like this: {0}")]
    BadStart(&'static str),
}
