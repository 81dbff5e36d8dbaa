//! What can be asked of a session, and how it refuses.

use chrono::{DateTime, Duration, Utc};

use super::SessionEndCause;
use crate::id::{AccountId, CeremonyId, DeviceId};
use crate::policy::{Method, Purpose};
use crate::token::SecretHash;

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// From its start, whatever happens.
    pub absolute: Duration,
    /// Without use.
    pub idle: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { absolute: Duration::hours(24), idle: Duration::hours(1) }
    }
}

/// What a completed ceremony proved, as its session keeps it. Made by
/// [`crate::ceremony::Ceremony::achievement`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Achievement {
    /// Which ceremony.
    pub ceremony: CeremonyId,
    /// What it was for.
    pub purpose: Purpose,
    /// The authentication context class.
    pub acr: Option<String>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// By which methods.
    pub methods: Vec<Method>,
    /// When the last proof was given (`auth_time`).
    pub auth_time: DateTime<Utc>,
    /// When the oldest of the proofs was given: freshness counts from here.
    pub proved_at: DateTime<Utc>,
    /// When what it opened lapses; `None` for the session's life.
    pub until: Option<DateTime<Utc>>,
}

/// What can be asked of a session.
#[derive(Clone, Debug)]
pub enum SessionCommand {
    /// Begin, after a sign-in ceremony.
    Start {
        /// Whose.
        account: AccountId,
        /// On which device.
        device: Option<DeviceId>,
        /// What was proved.
        achievement: Achievement,
        /// The hash of the token's secret.
        token: SecretHash,
        /// How long it lives.
        limits: SessionLimits,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Raise it, after a step-up ceremony.
    Elevate {
        /// What was proved.
        achievement: Achievement,
        /// Now.
        at: DateTime<Utc>,
    },
    /// It was used. Writes an event at most once per twelfth of the idle limit.
    Use {
        /// Now.
        at: DateTime<Utc>,
    },
    /// End it. Changes nothing if it has ended.
    End {
        /// Why.
        cause: SessionEndCause,
    },
}

/// Why a session refuses a command. All are expected outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The identifier is taken.
    #[error("this session has already begun")]
    AlreadyStarted,
    /// It was never started, or has ended, lapsed or expired.
    #[error("this session cannot be used: {0}")]
    Refused(#[from] SessionRefusal),
    /// The ceremony's purpose opens or raises no session.
    #[error("this ceremony was for something else")]
    WrongPurpose,
    /// The limits are not positive.
    #[error("a session's limits must be at least one second")]
    BadLimits,
}

/// Why a token does not open a session. Callers are told one and the same thing for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SessionRefusal {
    /// There is no such session.
    #[error("it does not exist")]
    Unknown,
    /// It was ended.
    #[error("it has ended")]
    Ended,
    /// It was not used for too long.
    #[error("it was not used for too long")]
    Idle,
    /// It reached its absolute limit.
    #[error("it has expired")]
    Expired,
    /// The secret is not its own.
    #[error("the token does not belong to it")]
    WrongToken,
}
