//! What can be asked of a device, and how it refuses.

use chrono::{DateTime, Utc};

use super::{Platform, TrustDropCause};
use crate::id::AccountId;

/// What can be asked of a device.
#[derive(Clone, Debug)]
pub enum DeviceCommand {
    /// It was used by somebody who has proved to be `account`. Writes an event the first time only,
    /// and when it comes back after it was forgotten.
    See {
        /// On whose account.
        account: AccountId,
        /// What it says it is.
        platform: Platform,
    },
    /// Do not ask for the second step on it for a while. Changes nothing on a device that is trusted
    /// already, unless it shortens the trust: a sign-in that skipped the second step renews nothing.
    Trust {
        /// How many days at most, as the strictest policy says; never more than
        /// [`super::MAX_TRUST_DAYS`], and 0 forbids trust.
        max_days: u32,
        /// For how many days it is wanted; cut to `max_days`.
        days: u32,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Trust it no longer. Changes nothing if it is not trusted.
    DropTrust {
        /// Why.
        cause: TrustDropCause,
        /// Now: trust that has ended by itself needs no event.
        at: DateTime<Utc>,
    },
    /// Give it a name.
    Rename {
        /// As typed; see [`crate::text::label`].
        label: String,
    },
    /// Its owner lost it. Drops its trust too; idempotent.
    ReportLost {
        /// Now.
        at: DateTime<Utc>,
    },
    /// Take it off the list. Drops its trust too; idempotent.
    Forget {
        /// Now.
        at: DateTime<Utc>,
    },
}

/// Why a device refuses a command. All are expected outcomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It was never seen on this account, or has been forgotten.
    #[error("there is no such device on this account")]
    NotFound,
    /// It belongs to another account.
    #[error("there is no such device on this account")]
    ForeignAccount,
    /// It was reported lost, and can never be trusted again.
    #[error("this device was reported lost and cannot be trusted; use another browser profile or device")]
    ReportedLost,
    /// Policy forbids trust.
    #[error("devices cannot be trusted here")]
    TrustForbidden,
    /// The name is empty, too long, or holds characters that disguise.
    #[error(transparent)]
    BadLabel(#[from] crate::text::TextError),
}
