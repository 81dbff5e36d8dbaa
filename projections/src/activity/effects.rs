//! What an entry's events did to the account, its devices and its sessions.

use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, AuthenticatorCause, PasswordCause};
use vitne_domain::device::DeviceEvent;
use vitne_domain::id::{DeviceId, SessionId};
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::SessionEvent;
use vitne_eventlog::Header;

use super::ceremony::{DONE, ENDED, step};
use super::kinds::EntryType;
use super::parts::{CredentialRef, Effect, Step};
use super::row::ActivityRow;
use crate::reading::{clean, code, stream_id};

/// How much an event weighs in naming an entry: what its owner did outweighs what followed from it.
fn weight(kind: EntryType) -> u8 {
    use EntryType as T;
    match kind {
        T::AccountErased => 90,
        T::NotMeReported => 85,
        T::DeviceReportedLost => 84,
        T::DeviceForgotten => 83,
        T::AccountRegistered => 80,
        T::PasswordChanged | T::PasswordReset => 78,
        T::EmailChanged => 77,
        T::TwoStepEnabled | T::TwoStepDisabled => 76,
        T::AuthenticatorReplaced => 75,
        T::AuthenticatorAdded => 74,
        T::AuthenticatorRemoved => 72,
        T::RecoveryCodesIssued => 68,
        T::EmailVerified => 66,
        T::ProfileChanged => 64,
        T::AuthenticatorRenamed | T::DeviceRenamed => 62,
        T::AuthenticatorEnrolmentStarted => 58,
        T::RecoveryCodeUsed => 56,
        T::DeviceTrusted => 54,
        T::AuthenticatorDisabled => 53,
        T::AuthenticatorSuspended | T::FailureNotice => 52,
        T::DeviceTrustDropped => 51,
        T::SessionEnded => 50,
        T::Throttled => 48,
        T::RegistrationAttempted => 47,
        T::DeviceAdded => 46,
        T::SessionElevated => 44,
        T::SessionStarted => 43,
        T::ProofRejected => 40,
        T::ProofAccepted => 38,
        T::Attempt => 5,
        _ => 1,
    }
}

/// How much it weighs in this entry. Within a ceremony the ceremony names the entry, with two
/// exceptions: what a recovery was for, and a change of the account that a step-up was made for.
fn weight_in(row: &ActivityRow, kind: EntryType) -> u8 {
    let weight = weight(kind);
    match row.requested.as_ref().map(|requested| requested.purpose) {
        Some(Purpose::PasswordReset) if kind == EntryType::PasswordReset => DONE,
        Some(Purpose::ReplaceFactor) if kind == EntryType::AuthenticatorReplaced => DONE,
        Some(Purpose::VerifyEmail) if matches!(kind, EntryType::EmailVerified | EntryType::EmailChanged) => DONE,
        Some(purpose) if purpose.is_step_up() && weight >= 60 => weight.saturating_add(ENDED - 60),
        _ => weight,
    }
}

pub(super) fn apply(row: &mut ActivityRow, event: &AnyEvent, header: &Header) {
    match event {
        AnyEvent::Account(event) => account(row, event, header),
        AnyEvent::Device(event) => device(row, event, header),
        AnyEvent::Session(event) => session(row, event, header),
        // Claims are how the account keeps its address; operations are about nobody.
        AnyEvent::Claim(_) | AnyEvent::Operation(_) | AnyEvent::Ceremony(_) => {
            row.name(EntryType::AccountUpdated, weight(EntryType::AccountUpdated), header);
        }
    }
}

/// Names an entry by what the clear header alone tells.
pub(super) fn name_in_clear(row: &mut ActivityRow, header: &Header) {
    use EntryType as T;
    let kind = match header.event_type.as_str() {
        "AccountRegistered" => T::AccountRegistered,
        "EmailVerified" => T::EmailVerified,
        "EmailChanged" => T::EmailChanged,
        "ProfileChanged" => T::ProfileChanged,
        "PasswordSet" => T::PasswordChanged,
        "AuthenticatorEnrolmentStarted" => T::AuthenticatorEnrolmentStarted,
        "AuthenticatorEnrolled" => T::AuthenticatorAdded,
        "AuthenticatorRenamed" => T::AuthenticatorRenamed,
        "AuthenticatorRemoved" => T::AuthenticatorRemoved,
        "AuthenticatorSuspended" => T::AuthenticatorSuspended,
        "AuthenticatorDisabled" => T::AuthenticatorDisabled,
        "TwoStepEnabled" => T::TwoStepEnabled,
        "TwoStepDisabled" => T::TwoStepDisabled,
        "RecoveryCodesIssued" => T::RecoveryCodesIssued,
        "RecoveryCodeUsed" => T::RecoveryCodeUsed,
        "FailureNoticeDue" => T::FailureNotice,
        "AttemptsThrottled" => T::Throttled,
        "RegistrationAttempted" => T::RegistrationAttempted,
        "NotMeReported" => T::NotMeReported,
        "SubjectErased" => T::AccountErased,
        "DeviceFirstSeen" => T::DeviceAdded,
        "DeviceTrusted" => T::DeviceTrusted,
        "DeviceTrustDropped" => T::DeviceTrustDropped,
        "DeviceRenamed" => T::DeviceRenamed,
        "DeviceReportedLost" => T::DeviceReportedLost,
        "DeviceForgotten" => T::DeviceForgotten,
        "SessionStarted" => T::SessionStarted,
        "SessionElevated" => T::SessionElevated,
        "SessionEnded" => T::SessionEnded,
        "AccountProofAccepted" if row.ceremony.is_none() => T::ProofAccepted,
        "AccountProofRejected" if row.ceremony.is_none() => T::ProofRejected,
        _ if row.ceremony.is_some() => T::Attempt,
        _ => T::AccountUpdated,
    };
    row.name(kind, weight(kind), header);
}

fn account(row: &mut ActivityRow, event: &AccountEvent, header: &Header) {
    use EntryType as T;
    match event {
        AccountEvent::AccountRegistered { .. } => effect(row, T::AccountRegistered, header),
        AccountEvent::EmailVerified { .. } => effect(row, T::EmailVerified, header),
        AccountEvent::EmailChanged { .. } => effect(row, T::EmailChanged, header),
        AccountEvent::ProfileChanged { .. } => effect(row, T::ProfileChanged, header),
        AccountEvent::TwoStepEnabled {} => effect(row, T::TwoStepEnabled, header),
        AccountEvent::TwoStepDisabled {} => effect(row, T::TwoStepDisabled, header),
        AccountEvent::NotMeReported { .. } => effect(row, T::NotMeReported, header),
        AccountEvent::RegistrationAttempted {} => effect(row, T::RegistrationAttempted, header),
        AccountEvent::SubjectErased {} => effect(row, T::AccountErased, header),
        AccountEvent::PasswordSet { cause, .. } => match cause {
            PasswordCause::Registration => row.name(T::AccountUpdated, 1, header),
            PasswordCause::Change => effect(row, T::PasswordChanged, header),
            PasswordCause::Reset => effect(row, T::PasswordReset, header),
        },
        AccountEvent::RecoveryCodesIssued { codes, .. } => {
            let count = u32::try_from(codes.len()).ok();
            counted(row, T::RecoveryCodesIssued, count, header);
        }
        AccountEvent::RecoveryCodeUsed { number, .. } => {
            row.touch_method(Method::RecoveryCode);
            counted(row, T::RecoveryCodeUsed, Some(u32::from(*number)), header);
        }
        AccountEvent::FailureNoticeDue { failures } => counted(row, T::FailureNotice, Some(*failures), header),
        AccountEvent::AttemptsThrottled { count, .. } => counted(row, T::Throttled, Some(*count), header),
        AccountEvent::AccountProofAccepted { method, credential, .. } => {
            row.touch_method(*method);
            if row.ceremony.is_none() {
                row.credential = Some(CredentialRef { id: *credential, kind: *method, label: None });
                row.name(T::ProofAccepted, weight(T::ProofAccepted), header);
                row.steps.push(Step {
                    method: Some(*method),
                    credential: *credential,
                    ..step(header, &format!("{}_OK", code(method)))
                });
            }
        }
        AccountEvent::AccountProofRejected { method, credential, reason, .. } => {
            row.touch_method(*method);
            if row.ceremony.is_none() {
                row.rejections = row.rejections.saturating_add(1);
                row.reason = Some(code(reason));
                row.name(T::ProofRejected, weight(T::ProofRejected), header);
                row.steps.push(Step {
                    method: Some(*method),
                    credential: *credential,
                    reason: Some(code(reason)),
                    ..step(header, &format!("{}_REFUSED", code(method)))
                });
            }
        }
        other => authenticator(row, other, header),
    }
}

fn authenticator(row: &mut ActivityRow, event: &AccountEvent, header: &Header) {
    use EntryType as T;
    let (kind, credential, label, cause) = match event {
        AccountEvent::AuthenticatorEnrolmentStarted { credential, label, .. } => {
            (T::AuthenticatorEnrolmentStarted, Some(*credential), Some(label), None)
        }
        AccountEvent::AuthenticatorEnrolled { credential, label, .. } => {
            (T::AuthenticatorAdded, Some(*credential), Some(label), None)
        }
        AccountEvent::AuthenticatorRenamed { credential, label } => {
            (T::AuthenticatorRenamed, Some(*credential), Some(label), None)
        }
        AccountEvent::AuthenticatorRemoved { credential, cause } => match cause {
            AuthenticatorCause::Replaced => (T::AuthenticatorReplaced, Some(*credential), None, Some(*cause)),
            _ => (T::AuthenticatorRemoved, Some(*credential), None, Some(*cause)),
        },
        AccountEvent::AuthenticatorSuspended { credential, cause } => {
            (T::AuthenticatorSuspended, Some(*credential), None, Some(*cause))
        }
        AccountEvent::AuthenticatorDisabled { credential, .. } => (T::AuthenticatorDisabled, *credential, None, None),
        _ => return row.name(T::AccountUpdated, weight(T::AccountUpdated), header),
    };
    let label = label.map(|label| clean(label));
    if let (Some(credential), Some(label)) = (credential, &label) {
        row.credential = Some(CredentialRef { id: Some(credential), kind: Method::Totp, label: Some(label.clone()) });
    }
    let count = match event {
        AccountEvent::AuthenticatorDisabled { failures, .. } => Some(*failures),
        _ => None,
    };
    let cause = cause.map(|cause| code(&cause));
    add(row, Effect { credential, label, count, cause, ..of(kind, header) }, header);
}

fn device(row: &mut ActivityRow, event: &DeviceEvent, header: &Header) {
    use EntryType as T;
    let id = DeviceId(stream_id(header));
    let here = header.device == Some(id);
    let (kind, label, cause) = match event {
        DeviceEvent::DeviceFirstSeen { platform, .. } => {
            if here {
                let device = row.device_mut();
                device.first_seen = true;
                device.browser = platform.browser.as_deref().map(clean).or(device.browser.take());
                device.os = platform.os.as_deref().map(clean).or(device.os.take());
            }
            (T::DeviceAdded, None, None)
        }
        DeviceEvent::DeviceTrusted { .. } => {
            row.device_mut().trusted |= here;
            (T::DeviceTrusted, None, None)
        }
        DeviceEvent::DeviceTrustDropped { cause } => (T::DeviceTrustDropped, None, Some(code(cause))),
        DeviceEvent::DeviceRenamed { label } => (T::DeviceRenamed, Some(clean(label)), None),
        DeviceEvent::DeviceReportedLost {} => (T::DeviceReportedLost, None, None),
        DeviceEvent::DeviceForgotten {} => (T::DeviceForgotten, None, None),
        DeviceEvent::Shredded { .. } => return,
    };
    row.touch_device(id);
    add(row, Effect { device: Some(id), label, cause, ..of(kind, header) }, header);
}

fn session(row: &mut ActivityRow, event: &SessionEvent, header: &Header) {
    use EntryType as T;
    let id = SessionId(stream_id(header));
    let (kind, cause) = match event {
        SessionEvent::SessionStarted { methods, device, .. } => {
            methods.iter().for_each(|method| row.touch_method(*method));
            if let Some(device) = device {
                row.touch_device(*device);
            }
            row.session = Some(id);
            (T::SessionStarted, None)
        }
        SessionEvent::SessionElevated { methods, .. } => {
            methods.iter().for_each(|method| row.touch_method(*method));
            (T::SessionElevated, None)
        }
        SessionEvent::SessionEnded { cause } => (T::SessionEnded, Some(code(cause))),
        SessionEvent::SessionUsed { .. } | SessionEvent::Shredded { .. } => return,
    };
    row.touch_session(id);
    add(row, Effect { session: Some(id), cause, ..of(kind, header) }, header);
}

/// Adds an effect, and lets it name the entry by its weight.
fn add(row: &mut ActivityRow, effect: Effect, header: &Header) {
    row.name(effect.kind, weight_in(row, effect.kind), header);
    row.effects.push(effect);
}

fn effect(row: &mut ActivityRow, kind: EntryType, header: &Header) {
    add(row, of(kind, header), header);
}

fn counted(row: &mut ActivityRow, kind: EntryType, count: Option<u32>, header: &Header) {
    add(row, Effect { count, ..of(kind, header) }, header);
}

/// An effect of which only the event is known.
fn of(kind: EntryType, header: &Header) -> Effect {
    Effect {
        kind,
        at: header.occurred_at,
        device: None,
        session: None,
        credential: None,
        label: None,
        cause: None,
        count: None,
        event_id: header.event_id,
        position: header.position.0,
    }
}
