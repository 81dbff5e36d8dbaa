//! What is kept of a ceremony: one attempt, one story.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::RejectReason;
use crate::id::{AccountId, CredentialId, SessionId};
use crate::policy::{Method, Purpose, Requirement};
use crate::protected::Protected;

/// Why a ceremony ended without being completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureReason {
    /// Too many refused proofs.
    TooManyAttempts,
    /// The account changed so that it can no longer be satisfied.
    NoLongerPossible,
}

events! {
    /// The life of a ceremony.
    pub enum CeremonyEvent for "ceremony" {
        /// A ceremony began.
        CeremonyStarted v 1, Security, Security, LegitimateInterest {
            /// What for.
            plain purpose: Purpose,
            /// Whose, where the identifier is known here. Callers are never told which.
            plain account: Option<AccountId>,
            /// The account stream on which refused proofs are counted: the account's own or, where the
            /// identifier is not known, a stand-in's, so that both are delayed alike.
            plain guard: AccountId,
            /// What must be proved, and why.
            plain requirement: Requirement,
            /// SHA-256 of the secret that its holder must show, base64url.
            secret secret_hash: Protected,
            /// The session it raises.
            plain session: Option<SessionId>,
            /// The address to be proved, where the purpose is to prove one.
            personal contact: Option<String>,
            /// When it ends by itself.
            plain expires_at: DateTime<Utc>,
        }
        /// A challenge was sent out.
        CeremonyProofRequested v 1, Security, Security, LegitimateInterest {
            /// By which method.
            plain method: Method,
            /// SHA-256 of what must come back, base64url.
            secret challenge_hash: Option<Protected>,
            /// Where to, masked.
            personal sent_to: Option<String>,
            /// When it is no longer accepted.
            plain expires_at: DateTime<Utc>,
            /// When, because the wait before another one counts from here.
            plain at: DateTime<Utc>,
        }
        /// A proof was accepted.
        CeremonyProofAccepted v 1, Security, Security, LegitimateInterest {
            /// By which method.
            plain method: Method,
            /// By which authenticator.
            plain credential: Option<CredentialId>,
            /// Its owner's name for it at the time.
            personal label: Option<String>,
            /// The number of the recovery code, if one was used.
            plain number: Option<u8>,
            /// When.
            plain at: DateTime<Utc>,
        }
        /// A proof was refused.
        CeremonyProofRejected v 1, Security, Security, LegitimateInterest {
            /// By which method.
            plain method: Method,
            /// By which authenticator, if one is meant.
            plain credential: Option<CredentialId>,
            /// Why.
            plain reason: RejectReason,
        }
        /// The requirement was satisfied.
        CeremonyCompleted v 1, Security, Security, LegitimateInterest {
            /// The authentication context class achieved.
            plain acr: Option<String>,
            /// How (RFC 8176).
            plain amr: Vec<String>,
            /// When the last proof was given.
            plain auth_time: DateTime<Utc>,
            /// Device trust took the place of the second step.
            plain by_device_trust: bool,
            /// The session it opened or raised.
            plain session: Option<SessionId>,
        }
        /// What a completed ceremony allowed was done (a password set, a factor replaced); it allows no more.
        CeremonySpent v 1, Security, Security, LegitimateInterest {}
        /// It ended without success.
        CeremonyFailed v 1, Security, Security, LegitimateInterest {
            /// Why.
            plain reason: FailureReason,
        }
        /// Its time ran out.
        CeremonyExpired v 1, Security, Security, LegitimateInterest {}
        /// Its holder gave it up.
        CeremonyAbandoned v 1, Security, Security, LegitimateInterest {}
        /// The subject said that it was not them.
        CeremonyReported v 1, Security, Security, LegitimateInterest {}
    }
}
