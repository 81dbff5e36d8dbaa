//! A ceremony, for whoever holds its token.

use async_graphql::{Enum, Object, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_domain::ceremony::{CeremonyView, FailureReason, Phase, Step};
use vitne_domain::policy::{GroupName, Missing};

use super::super::enums::{Method, Purpose};
use super::devices::code;

/// One attempt at proving something. Nothing in it tells a known account from an unknown one.
pub(crate) struct CeremonyNode(pub(crate) CeremonyView);

/// Where a ceremony stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum CeremonyPhase {
    /// Collecting proofs: give one of `next`.
    Pending,
    /// Enough was proved.
    Completed,
    /// What it allowed has been done.
    Spent,
    /// It ended without success.
    Failed,
    /// Its time ran out.
    Expired,
    /// It was given up.
    Abandoned,
    /// It can no longer be read.
    Forgotten,
}

/// One step of a ceremony.
#[derive(SimpleObject)]
struct CeremonyStep {
    /// What happened, such as `PASSWORD_OK` or `TOTP_REJECTED`.
    code: String,
    /// By which method.
    method: Option<Method>,
    /// Why it was refused.
    reason: Option<String>,
}

/// Something that is missing.
#[derive(SimpleObject)]
struct CeremonyMissing {
    /// `FIRST`, `SECOND`, `STARS` (weight of evidence) or `KINDS` (of evidence).
    what: &'static str,
    /// Any one of these will do.
    accepts: Vec<Method>,
    /// It was given, too long ago.
    stale: bool,
    /// How much more evidence.
    more: Option<u8>,
}

#[Object(name = "Ceremony")]
impl CeremonyNode {
    /// What for.
    async fn purpose(&self) -> Purpose {
        self.0.purpose.into()
    }

    /// Where it stands.
    async fn phase(&self) -> CeremonyPhase {
        match self.0.phase {
            Phase::Pending => CeremonyPhase::Pending,
            Phase::Completed => CeremonyPhase::Completed,
            Phase::Spent => CeremonyPhase::Spent,
            Phase::Failed(_) => CeremonyPhase::Failed,
            Phase::Expired => CeremonyPhase::Expired,
            Phase::Abandoned => CeremonyPhase::Abandoned,
            Phase::Absent | Phase::Forgotten => CeremonyPhase::Forgotten,
        }
    }

    /// Why it failed, as a code.
    async fn failure(&self) -> Option<String> {
        match &self.0.phase {
            Phase::Failed(reason) => Some(failure(reason)),
            _ => None,
        }
    }

    /// The story so far.
    async fn steps(&self) -> Vec<CeremonyStep> {
        self.0.steps.iter().map(|step| told(*step)).collect()
    }

    /// What can be given next.
    async fn next(&self) -> Vec<Method> {
        self.0.next.iter().map(|method| (*method).into()).collect()
    }

    /// What is missing, as far as it may be shown yet.
    async fn missing(&self) -> Vec<CeremonyMissing> {
        self.0.missing.iter().map(lacking).collect()
    }

    /// Why it is demanded, as keys of texts.
    async fn causes(&self) -> Vec<&'static str> {
        self.0.causes.iter().map(vitne_domain::policy::Cause::message_key).collect()
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// Refused proofs left before it fails.
    async fn attempts_left(&self) -> u32 {
        self.0.attempts_left
    }

    /// When another link can be sent, if one was sent and another may be.
    async fn resend_at(&self) -> Option<DateTime<Utc>> {
        self.0.resend_at
    }
}

fn failure(reason: &FailureReason) -> String {
    code(reason)
}

fn told(step: Step) -> CeremonyStep {
    let (method, reason) = match step {
        Step::Identified => (None, None),
        Step::Sent(method) | Step::Accepted(method) => (Some(method.into()), None),
        Step::Rejected(method, reason) => (Some(method.into()), Some(code(&reason))),
    };
    CeremonyStep { code: step.name(), method, reason }
}

fn lacking(missing: &Missing) -> CeremonyMissing {
    match missing {
        Missing::Group { name, accepts, stale } => CeremonyMissing {
            what: match name {
                GroupName::First => "FIRST",
                GroupName::Second => "SECOND",
            },
            accepts: accepts.iter().map(|method| (*method).into()).collect(),
            stale: *stale,
            more: None,
        },
        Missing::Stars { more } => {
            CeremonyMissing { what: "STARS", accepts: Vec::new(), stale: false, more: Some(*more) }
        }
        Missing::Kinds { more } => {
            CeremonyMissing { what: "KINDS", accepts: Vec::new(), stale: false, more: Some(*more) }
        }
    }
}
