//! What is kept of a claim to a unique identifier.

use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// What kind of identifier is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimKind {
    /// An e-mail address.
    Email,
    /// A Swedish personal or coordination number.
    PersonalNumber,
    /// A WebAuthn credential identifier.
    Credential,
}

/// Why a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReleaseCause {
    /// The owner now uses another identifier.
    Changed,
    /// The owner never proved it, and somebody else registered with it.
    Superseded,
    /// The owner was erased.
    Erased,
}

events! {
    /// The life of a claim. Its stream's id is the HMAC of the normalised identifier.
    pub enum ClaimEvent for "claim" {
        /// An account took the identifier.
        ClaimTaken v 1, Identity, Account, Contract {
            /// What kind of identifier.
            plain kind: ClaimKind,
            /// Whose it is.
            plain owner: AccountId,
        }
        /// The owner proved that the identifier is theirs.
        ClaimProved v 1, Identity, Account, Contract {
            /// Whose it is.
            plain owner: AccountId,
        }
        /// The identifier is free again.
        ClaimReleased v 1, Identity, Account, Contract {
            /// Whose it was.
            plain owner: AccountId,
            /// Why.
            plain cause: ReleaseCause,
        }
    }
}
