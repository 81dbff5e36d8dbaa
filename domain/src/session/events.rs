//! What is kept of a session.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CeremonyId, DeviceId};
use crate::policy::{Method, Purpose};
use crate::protected::Protected;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionEndCause {
    /// Its holder signed out.
    SignedOut,
    /// Its owner ended it from another session.
    EndedByUser,
    /// The password was changed or reset.
    PasswordChanged,
    /// The device was reported lost.
    DeviceLost,
    /// The device was forgotten.
    DeviceForgotten,
    /// Activity was reported as not the subject's.
    NotMe,
    /// It was not used for too long.
    Idle,
    /// It reached its absolute limit.
    Expired,
    /// The subject was erased.
    Erased,
}

events! {
    /// The life of a session.
    pub enum SessionEvent for "session" {
        /// A session was opened.
        SessionStarted v 1, Security, Security, LegitimateInterest {
            /// Whose.
            plain account: AccountId,
            /// On which device.
            plain device: Option<DeviceId>,
            /// By which ceremony.
            plain ceremony: CeremonyId,
            /// SHA-256 of the token's secret part, base64url.
            secret token_hash: Protected,
            /// The authentication context class.
            plain acr: String,
            /// How (RFC 8176).
            plain amr: Vec<String>,
            /// By which methods.
            plain methods: Vec<Method>,
            /// When the last proof was given.
            plain auth_time: DateTime<Utc>,
            /// When the oldest of the proofs was given, because freshness counts from here.
            plain proved_at: DateTime<Utc>,
            /// Seconds without use after which it ends.
            plain idle_seconds: u32,
            /// When it ends in any case.
            plain expires_at: DateTime<Utc>,
        }
        /// The session was raised for a purpose, for a while.
        SessionElevated v 1, Security, Security, LegitimateInterest {
            /// For which purpose.
            plain purpose: Purpose,
            /// By which ceremony.
            plain ceremony: CeremonyId,
            /// By which methods.
            plain methods: Vec<Method>,
            /// How (RFC 8176).
            plain amr: Vec<String>,
            /// When the last proof was given.
            plain auth_time: DateTime<Utc>,
            /// When the oldest of the proofs was given, because freshness counts from here.
            plain proved_at: DateTime<Utc>,
            /// When it falls back.
            plain until: DateTime<Utc>,
        }
        /// The session is in use. Written at most once per twelfth of the idle limit.
        SessionUsed v 1, Security, Security, LegitimateInterest {
            /// When.
            plain at: DateTime<Utc>,
        }
        /// The session ended.
        SessionEnded v 1, Security, Security, LegitimateInterest {
            /// Why.
            plain cause: SessionEndCause,
        }
    }
}
