//! From an aggregate's refusal to the caller's answer.

use vitne_domain::account::{AccountError, RejectReason};
use vitne_domain::ceremony::CeremonyError;
use vitne_domain::claim::ClaimError;
use vitne_domain::device::DeviceError;
use vitne_domain::session::SessionError;
use vitne_eventlog::ExecuteError;

use super::{Refusal, ServiceError};

macro_rules! from_execute {
    ($($error:ty),*) => {$(
        impl From<ExecuteError<$error>> for ServiceError {
            fn from(error: ExecuteError<$error>) -> Self {
                match error {
                    ExecuteError::Refused(refused) => refused.into(),
                    ExecuteError::Load(load) => load.into(),
                }
            }
        }
    )*};
}

from_execute!(AccountError, CeremonyError, ClaimError, DeviceError, SessionError);

/// The stable code of a refused proof.
pub(super) const fn reject_code(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Wrong => "WRONG",
        RejectReason::Reused => "REUSED",
        RejectReason::Expired => "EXPIRED",
        RejectReason::NotAvailable => "NOT_AVAILABLE",
    }
}

fn wrong_state(code: &'static str, error: &impl ToString) -> ServiceError {
    Refusal::WrongState { code, message: error.to_string() }.into()
}

fn invalid(field: &'static str, code: &'static str, error: &impl ToString) -> ServiceError {
    Refusal::Invalid { field, code, message: error.to_string() }.into()
}

impl From<AccountError> for ServiceError {
    fn from(error: AccountError) -> Self {
        match &error {
            AccountError::NotRegistered | AccountError::Erased => Refusal::NotSignedIn.into(),
            AccountError::AlreadyRegistered => wrong_state("ALREADY_REGISTERED", &error),
            AccountError::Email(_) => invalid("email", "EMAIL_INVALID", &error),
            AccountError::EmailNotCurrent => wrong_state("EMAIL_NOT_CURRENT", &error),
            AccountError::Text(_) => invalid("label", "TEXT_INVALID", &error),
            AccountError::Phone => invalid("phone", "PHONE_INVALID", &error),
            AccountError::NoPassword => wrong_state("NO_PASSWORD", &error),
            AccountError::PasswordChanged => wrong_state("PASSWORD_CHANGED", &error),
            // The services ask for the delay before they ask the account; this is the race between.
            AccountError::Throttled { .. } => {
                Refusal::Throttled { retry_after: std::time::Duration::from_secs(1) }.into()
            }
            AccountError::ProofRefused { reason, .. } => Refusal::Rejected { code: reject_code(*reason) }.into(),
            AccountError::UnknownAuthenticator => Refusal::NotFound("authenticator").into(),
            AccountError::PasswordSignInRequired => wrong_state("PASSWORD_SIGN_IN_REQUIRED", &error),
            AccountError::EnrolmentExpired => wrong_state("ENROLMENT_EXPIRED", &error),
            AccountError::EnrolmentCodeWrong => Refusal::Rejected { code: "WRONG" }.into(),
            AccountError::ExistingProofRequired => wrong_state("EXISTING_PROOF_REQUIRED", &error),
            AccountError::AlreadyConfirmed => wrong_state("ALREADY_CONFIRMED", &error),
            AccountError::TooManyAuthenticators(_) => wrong_state("TOO_MANY_AUTHENTICATORS", &error),
            AccountError::NoAuthenticator => wrong_state("NO_AUTHENTICATOR", &error),
            AccountError::LastAuthenticator => wrong_state("LAST_AUTHENTICATOR", &error),
            AccountError::TwoStepOn => wrong_state("TWO_STEP_ON", &error),
            AccountError::TwoStepOff => wrong_state("TWO_STEP_OFF", &error),
            AccountError::AlreadyReported => wrong_state("ALREADY_REPORTED", &error),
            AccountError::DuplicateAuthenticator
            | AccountError::BadSecret
            | AccountError::BadExpiry
            | AccountError::BadCodes
            | AccountError::BadWindow => Self::Internal(error.to_string()),
        }
    }
}

impl From<CeremonyError> for ServiceError {
    fn from(error: CeremonyError) -> Self {
        match &error {
            CeremonyError::NotFound | CeremonyError::Forgotten => Refusal::BadHandle.into(),
            CeremonyError::Expired => Refusal::Over { code: "EXPIRED" }.into(),
            CeremonyError::Ended => Refusal::Over { code: "ENDED" }.into(),
            CeremonyError::Reported => Refusal::Over { code: "REPORTED" }.into(),
            CeremonyError::AlreadySpent => Refusal::Over { code: "SPENT" }.into(),
            CeremonyError::NotComplete => wrong_state("NOT_COMPLETE", &error),
            CeremonyError::NotYet { .. } => wrong_state("ANOTHER_PROOF_FIRST", &error),
            CeremonyError::NotAccepted { .. } => wrong_state("METHOD_NOT_ACCEPTED", &error),
            CeremonyError::AlreadyGiven => wrong_state("ALREADY_GIVEN", &error),
            CeremonyError::NoChallenge => wrong_state("NO_CHALLENGE", &error),
            CeremonyError::TooSoon { .. } => {
                Refusal::Throttled { retry_after: std::time::Duration::from_secs(30) }.into()
            }
            CeremonyError::TooManyRequests => wrong_state("TOO_MANY_REQUESTS", &error),
            CeremonyError::NothingToSend => wrong_state("NOTHING_TO_SEND", &error),
            CeremonyError::NotExpired
            | CeremonyError::AlreadyStarted
            | CeremonyError::UnknownAccount
            | CeremonyError::BadStart(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<ClaimError> for ServiceError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Taken => wrong_state("IDENTIFIER_TAKEN", &error),
            ClaimError::NotHolder => wrong_state("IDENTIFIER_NOT_HELD", &error),
        }
    }
}

impl From<DeviceError> for ServiceError {
    fn from(error: DeviceError) -> Self {
        match &error {
            DeviceError::NotFound | DeviceError::ForeignAccount => Refusal::NotFound("device").into(),
            DeviceError::ReportedLost => wrong_state("DEVICE_REPORTED_LOST", &error),
            DeviceError::TrustForbidden => wrong_state("TRUST_FORBIDDEN", &error),
            DeviceError::BadLabel(_) => invalid("label", "TEXT_INVALID", &error),
        }
    }
}

impl From<SessionError> for ServiceError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused(_) => Refusal::NotSignedIn.into(),
            SessionError::AlreadyStarted | SessionError::WrongPurpose | SessionError::BadLimits => {
                Self::Internal(error.to_string())
            }
        }
    }
}
