//! What may happen to an account next.

use chrono::{DateTime, Utc};
use unicode_normalization::UnicodeNormalization;

use super::authenticator::{AuthenticatorStatus, TotpOutcome};
use super::command::{AccountCommand, Enrolment, EnrolmentProof};
use super::error::AccountError;
use super::events::{AccountEvent, AuthenticatorCause, Language, PasswordCause, RecoveryCodeHash, RejectReason};
use super::failures::{DISABLE_AT, NOTICE_AT};
use super::state::{AccountState, MAX_AUTHENTICATORS};
use super::totp;
use crate::claim::normalise_email;
use crate::id::CredentialId;
use crate::policy::Method;
use crate::text;

type Decision = Result<Vec<AccountEvent>, AccountError>;

/// What happens if `command` is carried out on `state`.
pub(super) fn decide(state: &AccountState, command: AccountCommand) -> Decision {
    if state.erased() {
        return Err(AccountError::Erased);
    }
    match (&command, state.is_registered()) {
        (AccountCommand::Register { .. }, true) => return Err(AccountError::AlreadyRegistered),
        (AccountCommand::Register { .. }, false) | (_, true) => {}
        // Attempts against an identifier that nobody has are counted on a stand-in's stream, by the
        // same rules, so that delays tell nothing.
        (AccountCommand::RejectProof { .. } | AccountCommand::RecordThrottled { .. }, false) => {}
        (_, false) => return Err(AccountError::NotRegistered),
    }
    match command {
        AccountCommand::Register { email, display_name, language, password_hash, at: _ } => {
            normalise_email(&email)?;
            Ok(vec![
                AccountEvent::AccountRegistered {
                    email: as_typed(&email),
                    display_name: text::display_name(&display_name)?,
                    language,
                },
                AccountEvent::PasswordSet { hash: password_hash, cause: PasswordCause::Registration },
            ])
        }
        AccountCommand::VerifyEmail { email } => verify_email(state, &email),
        AccountCommand::NoteRegistrationAttempt => Ok(vec![AccountEvent::RegistrationAttempted {}]),
        AccountCommand::ChangeEmail { email } => change_email(state, &email),
        AccountCommand::ChangeProfile { display_name, phone, language } => {
            change_profile(display_name, phone, language)
        }
        AccountCommand::SetPassword { hash, cause } => Ok(vec![AccountEvent::PasswordSet { hash, cause }]),
        AccountCommand::UpgradePasswordHash { generation, hash } => {
            same_password(state, generation)?;
            Ok(vec![AccountEvent::PasswordHashUpgraded { hash }])
        }
        AccountCommand::StartEnrolment { enrolment, at } => start_enrolment(state, enrolment, at),
        AccountCommand::ConfirmEnrolment { credential, code, proof, at } => {
            confirm_enrolment(state, credential, code.expose(), proof, at)
        }
        AccountCommand::RenameAuthenticator { credential, label } => {
            state.authenticator(credential).ok_or(AccountError::UnknownAuthenticator)?;
            Ok(vec![AccountEvent::AuthenticatorRenamed { credential, label: text::label(&label)? }])
        }
        AccountCommand::RemoveAuthenticator { credential } => remove_authenticator(state, credential),
        AccountCommand::SuspendAuthenticator { credential, cause } => suspend(state, credential, cause),
        AccountCommand::EnableTwoStep { first_factor, codes } => enable_two_step(state, first_factor, codes),
        AccountCommand::DisableTwoStep => match state.two_step() {
            true => Ok(vec![AccountEvent::TwoStepDisabled {}]),
            false => Err(AccountError::TwoStepOff),
        },
        AccountCommand::IssueRecoveryCodes { codes } => match state.two_step() {
            true => Ok(vec![issue_codes(state, codes)?]),
            false => Err(AccountError::TwoStepOff),
        },
        AccountCommand::UseRecoveryCode { set, number, at } => use_recovery_code(state, set, number, at),
        AccountCommand::AcceptPassword { generation, at } => accept_password(state, generation, at),
        AccountCommand::AcceptTotp { code, at } => accept_totp(state, code.expose(), at),
        AccountCommand::RejectProof { method, credential, reason, at } => {
            reject_proof(state, method, credential, reason, at)
        }
        AccountCommand::RecordThrottled { from, until, count } => match from < until && count > 0 {
            true => Ok(vec![AccountEvent::AttemptsThrottled { from, until, count }]),
            false => Err(AccountError::BadWindow),
        },
        AccountCommand::ReportNotMe { entry } => match state.reports().contains(&entry) {
            true => Err(AccountError::AlreadyReported),
            false => Ok(vec![AccountEvent::NotMeReported { entry }]),
        },
        AccountCommand::Erase => Ok(vec![AccountEvent::SubjectErased {}]),
        AccountCommand::Summarise => Ok(vec![AccountEvent::AccountSummarised { state: Box::new(state.clone()) }]),
    }
}

/// As the person typed it: composed, without the space around it.
fn as_typed(email: &str) -> String {
    email.trim().nfc().collect()
}

fn verify_email(state: &AccountState, email: &str) -> Decision {
    if normalise_email(email)? != normalise_email(state.email())? {
        return Err(AccountError::EmailNotCurrent);
    }
    if state.email_verified() {
        return Ok(vec![]);
    }
    Ok(vec![AccountEvent::EmailVerified { email: state.email().to_owned() }])
}

fn change_email(state: &AccountState, email: &str) -> Decision {
    normalise_email(email)?;
    let email = as_typed(email);
    if email == state.email() && state.email_verified() {
        return Ok(vec![]);
    }
    Ok(vec![AccountEvent::EmailChanged { email, previous: state.email().to_owned() }])
}

fn change_profile(display_name: Option<String>, phone: Option<String>, language: Option<Language>) -> Decision {
    if display_name.is_none() && phone.is_none() && language.is_none() {
        return Ok(vec![]);
    }
    let display_name = display_name.map(|name| text::display_name(&name)).transpose()?;
    let phone = phone.map(|phone| normalise_phone(&phone)).transpose()?;
    Ok(vec![AccountEvent::ProfileChanged { display_name, phone, language }])
}

/// E.164, or empty. Spaces, hyphens and brackets are how people write numbers, so they are dropped.
fn normalise_phone(phone: &str) -> Result<String, AccountError> {
    let phone: String = phone.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '\u{a0}')).collect();
    if phone.is_empty() {
        return Ok(phone);
    }
    let digits = phone.strip_prefix('+').ok_or(AccountError::Phone)?;
    let well_formed =
        (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    well_formed.then_some(phone).ok_or(AccountError::Phone)
}

fn start_enrolment(state: &AccountState, enrolment: Enrolment, at: DateTime<Utc>) -> Decision {
    let Enrolment { credential, kind, label, secret, carried_by, replaces, expires_at, first_factor } = enrolment;
    let enrolled = state.authenticators().iter().filter(|a| a.is_enrolled()).count();
    if state.authenticator(credential).is_some() {
        return Err(AccountError::DuplicateAuthenticator);
    }
    if let Some(replaced) = replaces {
        let old = state.authenticator(replaced).filter(|old| old.is_enrolled());
        old.ok_or(AccountError::UnknownAuthenticator)?;
    }
    if enrolled == 0 && first_factor != Method::Password {
        return Err(AccountError::PasswordSignInRequired);
    }
    if enrolled >= MAX_AUTHENTICATORS && replaces.is_none() {
        return Err(AccountError::TooManyAuthenticators(MAX_AUTHENTICATORS));
    }
    if !totp::is_secret(&secret) {
        return Err(AccountError::BadSecret);
    }
    if expires_at <= at {
        return Err(AccountError::BadExpiry);
    }
    let label = text::label(&label)?;
    Ok(vec![AccountEvent::AuthenticatorEnrolmentStarted {
        credential,
        kind,
        label,
        secret,
        carried_by,
        replaces,
        expires_at,
    }])
}

fn confirm_enrolment(
    state: &AccountState,
    credential: CredentialId,
    code: &str,
    proof: Option<EnrolmentProof>,
    at: DateTime<Utc>,
) -> Decision {
    let pending = state.authenticator(credential).ok_or(AccountError::UnknownAuthenticator)?;
    if pending.is_enrolled() {
        return Err(AccountError::AlreadyConfirmed);
    }
    if pending.expires_at.is_none_or(|expires_at| expires_at <= at) {
        return Err(AccountError::EnrolmentExpired);
    }
    let first = !state.authenticators().iter().any(|authenticator| authenticator.is_enrolled());
    let mut events = Vec::new();
    match proof {
        _ if first => {}
        Some(EnrolmentProof::Code { credential, code }) => {
            events.push(existing_code(state, credential, code.expose(), at)?);
        }
        Some(EnrolmentProof::ReplaceCeremony) if pending.replaces.is_some() => {}
        Some(EnrolmentProof::ReplaceCeremony) | None => return Err(AccountError::ExistingProofRequired),
    }
    let step = pending.fresh_step(code, at).map_err(|_| AccountError::EnrolmentCodeWrong)?;
    events.push(AccountEvent::AuthenticatorEnrolled {
        credential,
        kind: pending.kind,
        label: pending.label.clone(),
        carried_by: pending.carried_by,
        step,
    });
    // Only now, with the new one complete, does the old one go: nobody is left without a factor half-way.
    if let Some(old) = pending.replaces.and_then(|old| state.authenticator(old)) {
        events.push(AccountEvent::AuthenticatorRemoved { credential: old.id, cause: AuthenticatorCause::Replaced });
    }
    Ok(events)
}

/// A code from an authenticator in use, whose step is thereby used up.
fn existing_code(
    state: &AccountState,
    credential: CredentialId,
    code: &str,
    at: DateTime<Utc>,
) -> Result<AccountEvent, AccountError> {
    not_throttled(state, at)?;
    let refused = |reason| AccountError::ProofRefused { method: Method::Totp, credential: Some(credential), reason };
    let existing = state.active_authenticators().find(|authenticator| authenticator.id == credential);
    let existing = existing.ok_or(refused(RejectReason::NotAvailable))?;
    match existing.fresh_step(code, at) {
        Ok(step) => Ok(AccountEvent::AccountProofAccepted {
            method: Method::Totp,
            credential: Some(credential),
            step: Some(step),
        }),
        Err(true) => Err(refused(RejectReason::Reused)),
        Err(false) => Err(refused(RejectReason::Wrong)),
    }
}

fn remove_authenticator(state: &AccountState, credential: CredentialId) -> Decision {
    let authenticator = state.authenticator(credential).ok_or(AccountError::UnknownAuthenticator)?;
    let another = state.active_authenticators().any(|other| other.id != credential);
    if state.two_step() && authenticator.is_enrolled() && !another {
        return Err(AccountError::LastAuthenticator);
    }
    Ok(vec![AccountEvent::AuthenticatorRemoved { credential, cause: AuthenticatorCause::RemovedByUser }])
}

fn suspend(state: &AccountState, credential: CredentialId, cause: AuthenticatorCause) -> Decision {
    let authenticator = state.authenticator(credential).ok_or(AccountError::UnknownAuthenticator)?;
    Ok(match authenticator.status {
        AuthenticatorStatus::Suspended => vec![],
        // It never could be used; a lost device must not come back and confirm it.
        AuthenticatorStatus::Pending => vec![AccountEvent::AuthenticatorRemoved { credential, cause }],
        AuthenticatorStatus::Active | AuthenticatorStatus::Disabled => {
            vec![AccountEvent::AuthenticatorSuspended { credential, cause }]
        }
    })
}

fn enable_two_step(state: &AccountState, first_factor: Method, codes: Vec<RecoveryCodeHash>) -> Decision {
    if state.two_step() {
        return Err(AccountError::TwoStepOn);
    }
    if first_factor != Method::Password {
        return Err(AccountError::PasswordSignInRequired);
    }
    if state.active_authenticators().next().is_none() {
        return Err(AccountError::NoAuthenticator);
    }
    Ok(vec![AccountEvent::TwoStepEnabled {}, issue_codes(state, codes)?])
}

fn issue_codes(state: &AccountState, codes: Vec<RecoveryCodeHash>) -> Result<AccountEvent, AccountError> {
    let numbers: std::collections::BTreeSet<u8> = codes.iter().map(|code| code.number).collect();
    if codes.is_empty() || numbers.len() != codes.len() {
        return Err(AccountError::BadCodes);
    }
    Ok(AccountEvent::RecoveryCodesIssued { set: state.recovery_set().saturating_add(1), codes })
}

fn not_throttled(state: &AccountState, at: DateTime<Utc>) -> Result<(), AccountError> {
    state.throttled_until(at).map_or(Ok(()), |until| Err(AccountError::Throttled { until }))
}

fn use_recovery_code(state: &AccountState, set: u32, number: u8, at: DateTime<Utc>) -> Decision {
    not_throttled(state, at)?;
    let refused = |reason| Err(AccountError::ProofRefused { method: Method::RecoveryCode, credential: None, reason });
    let current = state.recovery_set() == set;
    match state.recovery_codes().iter().find(|code| current && code.code.number == number) {
        None => refused(RejectReason::NotAvailable),
        Some(code) if code.used => refused(RejectReason::Reused),
        Some(_) => Ok(vec![AccountEvent::RecoveryCodeUsed { set, number }]),
    }
}

fn same_password(state: &AccountState, generation: u32) -> Result<(), AccountError> {
    state.password_hash().ok_or(AccountError::NoPassword)?;
    if state.password_generation() != generation {
        return Err(AccountError::PasswordChanged);
    }
    Ok(())
}

fn accept_password(state: &AccountState, generation: u32, at: DateTime<Utc>) -> Decision {
    not_throttled(state, at)?;
    same_password(state, generation)?;
    if state.password_disabled() {
        let (method, reason) = (Method::Password, RejectReason::NotAvailable);
        return Err(AccountError::ProofRefused { method, credential: None, reason });
    }
    Ok(vec![AccountEvent::AccountProofAccepted { method: Method::Password, credential: None, step: None }])
}

fn accept_totp(state: &AccountState, code: &str, at: DateTime<Utc>) -> Decision {
    not_throttled(state, at)?;
    let refused = |credential, reason| Err(AccountError::ProofRefused { method: Method::Totp, credential, reason });
    match state.check_totp(code, at) {
        TotpOutcome::Accepted { credential, step } => Ok(vec![AccountEvent::AccountProofAccepted {
            method: Method::Totp,
            credential: Some(credential),
            step: Some(step),
        }]),
        TotpOutcome::Reused { credential } => refused(Some(credential), RejectReason::Reused),
        TotpOutcome::Wrong => refused(None, RejectReason::Wrong),
        TotpOutcome::NotAvailable => refused(None, RejectReason::NotAvailable),
    }
}

fn reject_proof(
    state: &AccountState,
    method: Method,
    credential: Option<CredentialId>,
    reason: RejectReason,
    at: DateTime<Utc>,
) -> Decision {
    not_throttled(state, at)?;
    let mut events = vec![AccountEvent::AccountProofRejected { method, credential, reason, at }];
    let failures = state.failures(method).saturating_add(1);
    if NOTICE_AT.contains(&failures) {
        events.push(AccountEvent::FailureNoticeDue { failures });
    }
    if method == Method::Password && failures >= DISABLE_AT && !state.password_disabled() {
        events.push(AccountEvent::AuthenticatorDisabled { credential: None, failures });
    }
    for authenticator in state.meant(method, credential) {
        let failures = authenticator.failures.saturating_add(1);
        if failures >= DISABLE_AT {
            events.push(AccountEvent::AuthenticatorDisabled { credential: Some(authenticator.id), failures });
        }
    }
    Ok(events)
}
