//! The folded state of a ceremony.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CeremonyEvent, FailureReason};
use crate::account::RejectReason;
use crate::id::{AccountId, SessionId};
use crate::policy::{GivenProof, Method, Purpose, Requirement};
use crate::protected::Protected;

/// Where a ceremony stands, as its events say. Whether its time has run out depends on the clock too:
/// see [`super::CeremonyView`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Never started.
    #[default]
    Absent,
    /// Collecting proofs.
    Pending,
    /// Its requirement was satisfied.
    Completed,
    /// What it allowed has been done.
    Spent,
    /// It ended without success.
    Failed(FailureReason),
    /// Its time ran out.
    Expired,
    /// Its holder gave up.
    Abandoned,
    /// Its events can no longer be read.
    Forgotten,
}

/// One step of the story, for its holder and for the activity log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Step {
    /// An identifier was given. Says nothing about whether it is known.
    Identified,
    /// A challenge was sent.
    Sent(Method),
    /// A proof was accepted.
    Accepted(Method),
    /// A proof was refused.
    Rejected(Method, RejectReason),
}

impl Step {
    /// The step's name, such as `PASSWORD_OK` or `TOTP_REJECTED`.
    pub fn name(self) -> String {
        match self {
            Self::Identified => "IDENTIFIED".to_owned(),
            Self::Sent(method) => format!("{}_SENT", method.as_str()),
            Self::Accepted(method) => format!("{}_OK", method.as_str()),
            Self::Rejected(method, _) => format!("{}_REJECTED", method.as_str()),
        }
    }
}

/// How it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) purpose: Purpose,
    pub(super) account: Option<AccountId>,
    pub(super) guard: AccountId,
    pub(super) requirement: Requirement,
    pub(super) secret_hash: Protected,
    pub(super) session: Option<SessionId>,
    pub(super) contact: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
}

/// A challenge that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Challenge {
    pub(super) method: Method,
    pub(super) hash: Option<Protected>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) at: DateTime<Utc>,
}

/// What completing it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The authentication context class achieved.
    pub acr: Option<String>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When the last proof was given.
    pub auth_time: DateTime<Utc>,
    /// Device trust took the place of the second step.
    pub by_device_trust: bool,
    /// The session it opened or raised.
    pub session: Option<SessionId>,
}

/// A ceremony.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceremony {
    pub(super) start: Option<Start>,
    pub(super) phase: Phase,
    pub(super) proofs: Vec<GivenProof>,
    pub(super) challenges: Vec<Challenge>,
    pub(super) rejected: u32,
    pub(super) steps: Vec<Step>,
    pub(super) completion: Option<Completion>,
    pub(super) reported: bool,
}

impl cqrs_es::Aggregate for Ceremony {
    const TYPE: &'static str = "ceremony";
    type Command = super::CeremonyCommand;
    type Event = CeremonyEvent;
    type Error = super::CeremonyError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &(),
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CeremonyEvent) {
        match event {
            CeremonyEvent::CeremonyStarted {
                purpose,
                account,
                guard,
                requirement,
                secret_hash,
                session,
                contact,
                expires_at,
            } => {
                self.start =
                    Some(Start { purpose, account, guard, requirement, secret_hash, session, contact, expires_at });
                self.turn(Phase::Pending);
                self.steps.push(Step::Identified);
            }
            CeremonyEvent::CeremonyProofRequested { method, challenge_hash, sent_to: _, expires_at, at } => {
                self.challenges.push(Challenge { method, hash: challenge_hash, expires_at, at });
                self.steps.push(Step::Sent(method));
            }
            CeremonyEvent::CeremonyProofAccepted { method, credential, label: _, number: _, at } => {
                self.proofs.push(GivenProof { method, credential, at });
                self.steps.push(Step::Accepted(method));
            }
            CeremonyEvent::CeremonyProofRejected { method, credential: _, reason } => {
                self.rejected = self.rejected.saturating_add(1);
                self.steps.push(Step::Rejected(method, reason));
            }
            CeremonyEvent::CeremonyCompleted { acr, amr, auth_time, by_device_trust, session } => {
                self.completion = Some(Completion { acr, amr, auth_time, by_device_trust, session });
                self.turn(Phase::Completed);
            }
            CeremonyEvent::CeremonySpent {} => self.turn(Phase::Spent),
            CeremonyEvent::CeremonyFailed { reason } => self.turn(Phase::Failed(reason)),
            CeremonyEvent::CeremonyExpired {} => self.turn(Phase::Expired),
            CeremonyEvent::CeremonyAbandoned {} => self.turn(Phase::Abandoned),
            CeremonyEvent::CeremonyReported {} => self.reported = true,
            // A story with a page missing decides nothing any more.
            CeremonyEvent::Shredded { .. } => self.turn(Phase::Forgotten),
        }
    }
}

impl Ceremony {
    /// A forgotten ceremony stays forgotten, whatever else can still be read of it.
    fn turn(&mut self, phase: Phase) {
        if self.phase != Phase::Forgotten {
            self.phase = phase;
        }
    }
}
