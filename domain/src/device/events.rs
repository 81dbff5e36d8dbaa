//! What is kept of a device: a browser or app, known by a signed cookie and by nothing else.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// What kind of device it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceKind {
    /// A computer.
    Computer,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A program.
    Program,
    /// Not told.
    Unknown,
}

/// What the user agent claims. A label for people; no decision rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The kind.
    pub kind: DeviceKind,
    /// The operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// The browser.
    pub browser: Option<String>,
}

/// Why a device lost its trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrustDropCause {
    /// The password was changed or reset.
    PasswordChanged,
    /// An authenticator was removed.
    FactorRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A support code was used.
    SupportCodeUsed,
    /// A policy was tightened.
    PolicyTightened,
    /// The device was reported lost.
    DeviceLost,
    /// Activity was reported as not the subject's.
    NotMe,
    /// Two-step verification was switched off.
    TwoStepDisabled,
    /// Its owner took the trust back.
    RevokedByUser,
    /// The device was forgotten.
    Forgotten,
}

events! {
    /// The life of a device on one account.
    pub enum DeviceEvent for "device" {
        /// The device was seen for the first time on this account.
        DeviceFirstSeen v 1, Security, Security, LegitimateInterest {
            /// On whose account.
            plain account: AccountId,
            /// What it says it is.
            personal platform: Platform,
        }
        /// The second step is not asked for on this device until the given moment.
        DeviceTrusted v 1, Security, Account, Contract {
            /// When the trust ends by itself.
            plain until: DateTime<Utc>,
        }
        /// The device is no longer trusted.
        DeviceTrustDropped v 1, Security, Security, LegitimateInterest {
            /// Why.
            plain cause: TrustDropCause,
        }
        /// Its owner gave it a name.
        DeviceRenamed v 1, Security, Account, Contract {
            /// The name.
            personal label: String,
        }
        /// Its owner lost it.
        DeviceReportedLost v 1, Security, Security, LegitimateInterest {}
        /// Its owner wants it off the list.
        DeviceForgotten v 1, Security, Account, Contract {}
    }
}
