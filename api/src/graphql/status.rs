//! What became of a mutation: one status for all of them, and the only place where it is made.

use async_graphql::{Context, Enum, Error, SimpleObject};

use super::authority::Asked;
use super::enums::{Method, Purpose};
use super::errors;
use super::scalars::Position;
use crate::service::{Done, Refusal, ServiceError};

/// What became of a mutation. Everything but `OK` has changed nothing, except that a refused proof counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum Status {
    /// It was done.
    Ok,
    /// There is no session, or it has ended. Sign in.
    NotSignedIn,
    /// The session does not carry enough proof for this. Begin a step-up for `required.purpose`, give one of
    /// `required.methods`, and ask again.
    MoreProofNeeded,
    /// The proof is not right. `code` says how, where that may be told.
    Rejected,
    /// Too many attempts; this one was not looked at. Try again after `retryAfter` seconds.
    Throttled,
    /// The attempt is over, by time or otherwise. Begin again.
    Over,
    /// The ceremony's token, the enrolment or the link is not valid. Begin again.
    BadHandle,
    /// The address was never proved. Follow the link that was just sent to it, then begin again.
    EmailNotVerified,
    /// `field` cannot be used as it is; `message` says what to do.
    Invalid,
    /// There is no such thing on this account.
    NotFound,
    /// The account does not allow it in its present state; `code` and `message` say why.
    NotPossible,
    /// The idempotency key belongs to another request. Use a new one.
    KeyReused,
}

/// What proof is needed.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub(crate) struct RequiredProof {
    /// What for: begin a step-up for it.
    purpose: Purpose,
    /// What can be proved next.
    methods: Vec<Method>,
}

/// What every payload begins with.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub(crate) struct Answer {
    /// What became of it.
    pub(crate) status: Status,
    /// A stable code that says more, for programs.
    pub(crate) code: Option<String>,
    /// What to do, for developers. Words for people are made from status and code.
    pub(crate) message: String,
    /// The input field that cannot be used.
    pub(crate) field: Option<String>,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u32>,
    /// Where the log stands after it: give it as `atLeast` to see what was done.
    pub(crate) position: Option<Position>,
    /// What proof is needed.
    pub(crate) required: Option<RequiredProof>,
}

impl Answer {
    pub(crate) fn ok(position: vitne_eventlog::Position) -> Self {
        Self { position: Some(position.into()), ..Self::plain(Status::Ok, "done") }
    }

    /// A proof that was looked at and found wrong: it is in the log, so there is a position.
    pub(crate) fn rejected(code: &str, position: vitne_eventlog::Position) -> Self {
        let refused = Self::refused(&Refusal::Rejected { code: "" });
        Self { code: Some(code.to_owned()), position: Some(position.into()), ..refused }
    }

    fn plain(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            message: message.into(),
            field: None,
            retry_after: None,
            position: None,
            required: None,
        }
    }

    /// The answer to a refusal.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let plain = |status| Self::plain(status, refusal.to_string());
        let coded = |status, code: &str| Self {
            code: Some(code.to_owned()).filter(|code| !code.is_empty()),
            ..Self::plain(status, refusal.to_string())
        };
        match refusal {
            Refusal::NotSignedIn => plain(Status::NotSignedIn),
            Refusal::InsufficientAssurance { purpose, next } => Self {
                required: Some(RequiredProof {
                    purpose: (*purpose).into(),
                    methods: next.iter().map(|method| (*method).into()).collect(),
                }),
                ..Self::plain(Status::MoreProofNeeded, "prove who you are again for this purpose")
            },
            Refusal::NotFound(_) => plain(Status::NotFound),
            Refusal::Invalid { field, code, message } => Self {
                field: Some((*field).to_owned()),
                code: Some((*code).to_owned()),
                ..Self::plain(Status::Invalid, message.clone())
            },
            Refusal::Rejected { code } => coded(Status::Rejected, code),
            Refusal::Throttled { retry_after } => Self {
                retry_after: Some(errors::seconds(*retry_after)),
                ..Self::plain(Status::Throttled, "too many attempts; try again later")
            },
            Refusal::Over { code } => coded(Status::Over, code),
            Refusal::BadHandle => plain(Status::BadHandle),
            Refusal::EmailNotVerified => plain(Status::EmailNotVerified),
            Refusal::WrongState { code, .. } => coded(Status::NotPossible, code),
            Refusal::KeyReused => plain(Status::KeyReused),
        }
    }
}

/// The answer to what a service did, and what came of it. Faults become errors.
pub(crate) fn settle<T>(
    ctx: &Context<'_>,
    result: Result<Done<T>, ServiceError>,
) -> Result<(Answer, Option<T>), Error> {
    match result {
        Ok(done) => Ok((Answer::ok(done.position), Some(done.value))),
        Err(ServiceError::Refused(refusal)) => Ok((Answer::refused(&refusal), None)),
        Err(fault) => Err(errors::from_service(&Asked::of(ctx)?.request, fault)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vitne_domain::policy;

    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let state = |code| Refusal::WrongState { code, message: "why".to_owned() };
        let invalid = Refusal::Invalid { field: "email", code: "EMAIL_INVALID", message: "write one @".to_owned() };
        let assurance =
            Refusal::InsufficientAssurance { purpose: policy::Purpose::Settings, next: vec![policy::Method::Totp] };
        let cases = [
            (Refusal::NotSignedIn, Status::NotSignedIn, None),
            (assurance, Status::MoreProofNeeded, None),
            (Refusal::NotFound("device"), Status::NotFound, None),
            (invalid, Status::Invalid, Some("EMAIL_INVALID")),
            (Refusal::Rejected { code: "REUSED" }, Status::Rejected, Some("REUSED")),
            (Refusal::Throttled { retry_after: Duration::from_millis(1_200) }, Status::Throttled, None),
            (Refusal::Over { code: "EXPIRED" }, Status::Over, Some("EXPIRED")),
            (Refusal::BadHandle, Status::BadHandle, None),
            (Refusal::EmailNotVerified, Status::EmailNotVerified, None),
            (state("TWO_STEP_ON"), Status::NotPossible, Some("TWO_STEP_ON")),
            (Refusal::KeyReused, Status::KeyReused, None),
        ];
        for (refusal, status, code) in &cases {
            let answer = Answer::refused(refusal);
            assert_eq!((answer.status, answer.code.as_deref()), (*status, *code), "{refusal:?}");
            assert!(!answer.message.is_empty() && answer.position.is_none(), "{refusal:?}");
        }
        assert_eq!(Answer::refused(&cases[5].0).retry_after, Some(2), "never too early");
        let required = Answer::refused(&cases[1].0).required;
        assert_eq!(required, Some(RequiredProof { purpose: Purpose::Settings, methods: vec![Method::Totp] }));
        assert_eq!(Answer::refused(&cases[3].0).field.as_deref(), Some("email"));
    }
}
