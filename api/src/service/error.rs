//! What a service answers when it does not do what was asked.

use std::time::Duration;

use vitne_domain::policy::{Method, Purpose};
use vitne_eventlog::{AppendError, FirstAnswer, LoadError};

/// An expected outcome other than success. Each becomes a typed status of a payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no session, or it has ended.
    #[error("sign in first")]
    NotSignedIn,
    /// The session does not carry what this purpose asks for.
    #[error("prove who you are again for {purpose:?}")]
    InsufficientAssurance {
        /// What for.
        purpose: Purpose,
        /// What can be proved next.
        next: Vec<Method>,
    },
    /// There is no such thing on this account.
    #[error("there is no such {0} on this account")]
    NotFound(&'static str),
    /// The input cannot be used. Says which field, and what to do.
    #[error("{field}: {message}")]
    Invalid {
        /// The input field.
        field: &'static str,
        /// A stable code.
        code: &'static str,
        /// What to do.
        message: String,
    },
    /// A proof was refused.
    #[error("that is not right")]
    Rejected {
        /// The proof was right but has been used before, or came too late. Told only to a holder of
        /// the ceremony who has already proved the first factor.
        code: &'static str,
    },
    /// Too many attempts; this one was not looked at.
    #[error("too many attempts; try again in {retry_after:?}")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// The ceremony is over, by time or otherwise.
    #[error("this attempt is over ({code}); begin again")]
    Over {
        /// EXPIRED, ENDED, REPORTED, SPENT or NO_LONGER_ENOUGH.
        code: &'static str,
    },
    /// The handle of a ceremony, an enrolment or a link is not right.
    #[error("this handle is not valid; begin again")]
    BadHandle,
    /// The address was never proved; a new link is on its way.
    #[error("prove your e-mail address with the link that was sent to it")]
    EmailNotVerified,
    /// The state of the account does not allow it.
    #[error("{message}")]
    WrongState {
        /// A stable code.
        code: &'static str,
        /// What to do.
        message: String,
    },
    /// The idempotency key belongs to another request.
    #[error("this idempotency key belongs to another request; use a new one")]
    KeyReused,
}

/// Why a service did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An expected outcome.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The same request was answered before: this is that answer, opened.
    #[error("answered before")]
    AlreadyAnswered(Box<FirstAnswer>),
    /// Too much at once.
    #[error("busy; try again in {retry_after:?}")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The log cannot be reached; nothing was done.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A fault of Vitne's own.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<AppendError> for ServiceError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Busy { retry_after } => Self::Busy { retry_after },
            AppendError::Conflict { .. } => Self::Busy { retry_after: Duration::from_secs(1) },
            AppendError::KeyReused => Self::Refused(Refusal::KeyReused),
            AppendError::AlreadyAnswered(first) => Self::AlreadyAnswered(first),
            AppendError::SubjectErased => Self::Refused(Refusal::NotSignedIn),
            unsettled @ AppendError::Unsettled => Self::Unavailable(unsettled.to_string()),
            AppendError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<LoadError> for ServiceError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unavailable(reason) => Self::Unavailable(reason),
            LoadError::Unreadable(reason) => Self::Internal(reason),
        }
    }
}

impl From<vitne_eventlog::ReadError> for ServiceError {
    fn from(error: vitne_eventlog::ReadError) -> Self {
        match error {
            vitne_eventlog::ReadError::Unavailable(reason) => Self::Unavailable(reason),
            damaged @ vitne_eventlog::ReadError::Damaged { .. } => Self::Internal(damaged.to_string()),
        }
    }
}

impl From<super::HasherError> for ServiceError {
    fn from(error: super::HasherError) -> Self {
        match error {
            super::HasherError::Busy { retry_after } => Self::Busy { retry_after },
            super::HasherError::Failed => Self::Unavailable("the password check could not be run".to_owned()),
        }
    }
}
