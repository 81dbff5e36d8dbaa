//! The story of a ceremony: its steps, and how it came out.

use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::id::CredentialId;
use vitne_domain::policy::{Method, Purpose};
use vitne_eventlog::Header;

use super::kinds::EntryType;
use super::parts::{Achieved, CredentialRef, Requested, Step};
use super::row::ActivityRow;
use crate::reading::{clean, code};

/// Weights of what names a ceremony's entry: all above what an effect within it weighs.
pub(super) const STARTED: u8 = 100;
const PROVING: u8 = 105;
pub(super) const ENDED: u8 = 110;
pub(super) const DONE: u8 = 120;

/// How far a ceremony came.
#[derive(Clone, Copy)]
enum Stage {
    Started,
    Completed,
    Failed,
    Expired,
    Abandoned,
}

/// What an entry is called, by what the ceremony is for and how far it came.
fn called(purpose: Purpose, stage: Stage) -> EntryType {
    use EntryType as T;
    let [started, completed, failed, expired, abandoned] = match purpose {
        Purpose::SignIn => {
            [T::SignInStarted, T::SignInSucceeded, T::SignInFailed, T::SignInExpired, T::SignInAbandoned]
        }
        Purpose::SignInStrong | Purpose::Payment | Purpose::Settings | Purpose::Export => {
            [T::StepUpStarted, T::StepUpSucceeded, T::StepUpFailed, T::StepUpExpired, T::StepUpAbandoned]
        }
        Purpose::PasswordReset => [
            T::PasswordResetStarted,
            T::PasswordResetProved,
            T::PasswordResetFailed,
            T::PasswordResetExpired,
            T::PasswordResetAbandoned,
        ],
        Purpose::ReplaceFactor => [
            T::ReplacementStarted,
            T::ReplacementProved,
            T::ReplacementFailed,
            T::ReplacementExpired,
            T::ReplacementAbandoned,
        ],
        Purpose::VerifyEmail => [
            T::EmailVerificationStarted,
            T::EmailVerified,
            T::EmailVerificationFailed,
            T::EmailVerificationExpired,
            T::EmailVerificationAbandoned,
        ],
    };
    match stage {
        Stage::Started => started,
        Stage::Completed => completed,
        Stage::Failed => failed,
        Stage::Expired => expired,
        Stage::Abandoned => abandoned,
    }
}

/// What a spent ceremony allowed, where it allows one thing only.
fn done(purpose: Purpose) -> Option<EntryType> {
    match purpose {
        Purpose::PasswordReset => Some(EntryType::PasswordReset),
        Purpose::ReplaceFactor => Some(EntryType::AuthenticatorReplaced),
        _ => None,
    }
}

pub(super) fn apply(row: &mut ActivityRow, event: &CeremonyEvent, header: &Header) {
    match event {
        CeremonyEvent::CeremonyStarted { purpose, requirement, session, expires_at, .. } => {
            row.requested =
                Some(Requested { purpose: *purpose, causes: requirement.causes.clone(), expires_at: *expires_at });
            if let Some(session) = session {
                row.touch_session(*session);
                row.session = Some(*session);
            }
            name(row, Stage::Started, STARTED, header);
            row.steps.push(step(header, if *purpose == Purpose::SignIn { "IDENTIFIED" } else { "STARTED" }));
        }
        CeremonyEvent::CeremonyProofRequested { method, .. } => {
            row.touch_method(*method);
            let sent = step(header, &format!("{}_SENT", code(method)));
            row.steps.push(Step { method: Some(*method), ..sent });
        }
        CeremonyEvent::CeremonyProofAccepted { method, credential, label, number, .. } => {
            let label = label.as_deref().map(clean);
            proof(row, *method, *credential, label.clone());
            row.reason = None;
            name(row, Stage::Started, PROVING, header);
            let accepted = step(header, &format!("{}_OK", code(method)));
            let (method, credential, number) = (Some(*method), *credential, *number);
            row.steps.push(Step { method, credential, label, number, ..accepted });
        }
        CeremonyEvent::CeremonyProofRejected { method, credential, reason } => {
            proof(row, *method, *credential, None);
            row.rejections = row.rejections.saturating_add(1);
            row.reason = Some(code(reason));
            // Most refused attempts are never taken up again: without this they would look unfinished.
            name(row, Stage::Failed, PROVING, header);
            let refused = step(header, &format!("{}_REFUSED", code(method)));
            let (method, credential, reason) = (Some(*method), *credential, Some(code(reason)));
            row.steps.push(Step { method, credential, reason, ..refused });
        }
        CeremonyEvent::CeremonyCompleted { acr, amr, auth_time, by_device_trust, session } => {
            row.achieved = Some(Achieved {
                acr: acr.as_deref().map(clean),
                amr: amr.clone(),
                auth_time: *auth_time,
                by_device_trust: *by_device_trust,
            });
            row.reason = None;
            if let Some(session) = session {
                row.touch_session(*session);
                row.session = Some(*session);
            }
            if *by_device_trust {
                row.device_mut().trusted = true;
                row.steps.push(step(header, "DEVICE_TRUSTED"));
            }
            name(row, Stage::Completed, ENDED, header);
            row.steps.push(step(header, "COMPLETED"));
        }
        CeremonyEvent::CeremonySpent {} => {
            if let Some(kind) = row.requested.as_ref().and_then(|requested| done(requested.purpose)) {
                row.name(kind, DONE, header);
            }
            row.steps.push(step(header, "SPENT"));
        }
        other => ended(row, other, header),
    }
}

fn ended(row: &mut ActivityRow, event: &CeremonyEvent, header: &Header) {
    match event {
        CeremonyEvent::CeremonyFailed { reason } => {
            row.reason = Some(code(reason));
            name(row, Stage::Failed, ENDED, header);
            row.steps.push(step(header, "FAILED"));
        }
        CeremonyEvent::CeremonyExpired {} => {
            unfinished(row, Stage::Expired, header);
            row.steps.push(step(header, "EXPIRED"));
        }
        CeremonyEvent::CeremonyAbandoned {} => {
            unfinished(row, Stage::Abandoned, header);
            row.steps.push(step(header, "ABANDONED"));
        }
        CeremonyEvent::CeremonyReported {} => {
            row.report(header.occurred_at);
            row.steps.push(step(header, "REPORTED"));
        }
        _ => {}
    }
}

/// A ceremony that ended by time or by giving up. After a refused proof it stays a failure; after it
/// was completed, its end says nothing new.
fn unfinished(row: &mut ActivityRow, stage: Stage, header: &Header) {
    if row.reason.is_none() && row.achieved.is_none() {
        name(row, stage, ENDED, header);
    }
}

fn name(row: &mut ActivityRow, stage: Stage, rank: u8, header: &Header) {
    match row.requested.as_ref().map(|requested| requested.purpose) {
        Some(purpose) => row.name(called(purpose, stage), rank, header),
        None => row.name(EntryType::Attempt, rank, header),
    }
}

fn proof(row: &mut ActivityRow, method: Method, credential: Option<CredentialId>, label: Option<String>) {
    row.touch_method(method);
    row.credential = Some(CredentialRef { id: credential, kind: method, label });
}

/// A step of which only the event is known.
pub(super) fn step(header: &Header, code: &str) -> Step {
    Step {
        code: code.to_owned(),
        at: header.occurred_at,
        method: None,
        credential: None,
        label: None,
        number: None,
        reason: None,
        event_id: header.event_id,
        position: header.position.0,
    }
}
