//! The folded state of an account, and what can be read from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::authenticator::{Authenticator, AuthenticatorStatus, TotpOutcome};
use super::events::{AccountEvent, AuthenticatorKind, Language, RecoveryCodeHash, ReportedEntry};
use super::failures::Failures;
use crate::event::{LoggedEvent, RetentionClass};
use crate::id::CredentialId;
use crate::policy::Method;
use crate::protected::Protected;

/// How many confirmed authenticators an account can have.
pub const MAX_AUTHENTICATORS: usize = 10;
/// How many reports of "this wasn't me" the state remembers, so that it stays small.
const REMEMBERED_REPORTS: usize = 100;

/// A recovery code of the current set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCode {
    /// Its number and hash.
    #[serde(flatten)]
    pub code: RecoveryCodeHash,
    /// Whether it is used up.
    pub used: bool,
}

/// The folded state of an account. It is itself part of an event (`AccountSummarised`), so its fields
/// are a public interface too: add with `#[serde(default)]`, never rename.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountState {
    registered: bool,
    erased: bool,
    email: String,
    email_verified: bool,
    display_name: String,
    phone: Option<String>,
    language: Language,
    password: Option<Protected>,
    password_generation: u32,
    password_disabled: bool,
    two_step: bool,
    authenticators: Vec<Authenticator>,
    recovery_set: u32,
    recovery_codes: Vec<RecoveryCode>,
    failures: BTreeMap<Method, Failures>,
    reports: Vec<ReportedEntry>,
}

/// Reading.
impl AccountState {
    /// Whether there is an account here that can be used: registered and not erased.
    pub fn is_registered(&self) -> bool {
        self.registered && !self.erased
    }

    /// Whether the subject was erased.
    pub fn erased(&self) -> bool {
        self.erased
    }

    /// The address as typed, in NFC.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether the address was proved.
    pub fn email_verified(&self) -> bool {
        self.email_verified
    }

    /// The name to be called by.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The phone number in E.164.
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// The language of texts and mail.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The password's Argon2id PHC string, also while the password is disabled.
    pub fn password_hash(&self) -> Option<&Protected> {
        self.password.as_ref()
    }

    /// Counts the passwords of this account; an upgraded hash is still the same password.
    pub fn password_generation(&self) -> u32 {
        self.password_generation
    }

    /// Whether too many failures in a row made the password unusable until a new one is set.
    pub fn password_disabled(&self) -> bool {
        self.password_disabled
    }

    /// Whether two-step verification is on.
    pub fn two_step(&self) -> bool {
        self.two_step
    }

    /// The authenticators, pending ones too, the oldest first.
    pub fn authenticators(&self) -> &[Authenticator] {
        &self.authenticators
    }

    /// One authenticator.
    pub fn authenticator(&self, id: CredentialId) -> Option<&Authenticator> {
        self.authenticators.iter().find(|authenticator| authenticator.id == id)
    }

    /// The authenticators that can be used now.
    pub fn active_authenticators(&self) -> impl Iterator<Item = &Authenticator> {
        self.authenticators.iter().filter(|authenticator| authenticator.is_active())
    }

    /// The current set of recovery codes, 0 if there never was one.
    pub fn recovery_set(&self) -> u32 {
        self.recovery_set
    }

    /// The codes of the current set, used ones too.
    pub fn recovery_codes(&self) -> &[RecoveryCode] {
        &self.recovery_codes
    }

    /// The unused codes of the current set. To tell a used code from a wrong one, search all of
    /// [`Self::recovery_codes`].
    pub fn remaining_recovery_codes(&self) -> impl Iterator<Item = &RecoveryCodeHash> {
        self.recovery_codes.iter().filter(|code| !code.used).map(|code| &code.code)
    }

    /// The methods that can serve as the second factor now, whether or not two-step verification is on.
    pub fn second_factors(&self) -> Vec<Method> {
        let totp = self.active_authenticators().next().map(|_| Method::Totp);
        let recovery = self.remaining_recovery_codes().next().map(|_| Method::RecoveryCode);
        totp.into_iter().chain(recovery).collect()
    }

    /// Failures in a row of a method.
    pub fn failures(&self, method: Method) -> u32 {
        self.failures.get(&method).map_or(0, |failures| failures.count)
    }

    /// Until when attempts are refused unread, if they are at `at`.
    pub fn throttled_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.failures.values().filter_map(Failures::until).max().filter(|until| *until > at)
    }

    /// What was reported as not the subject's, the latest last; at most the last hundred.
    pub fn reports(&self) -> &[ReportedEntry] {
        &self.reports
    }

    /// What a time-based code is, without using it up.
    pub fn check_totp(&self, code: &str, at: DateTime<Utc>) -> TotpOutcome {
        let mut outcome = TotpOutcome::NotAvailable;
        for authenticator in self.active_authenticators().filter(|a| a.kind == AuthenticatorKind::Totp) {
            let credential = authenticator.id;
            let this = match authenticator.fresh_step(code, at) {
                Ok(step) => TotpOutcome::Accepted { credential, step },
                Err(true) => TotpOutcome::Reused { credential },
                Err(false) => TotpOutcome::Wrong,
            };
            outcome = match (outcome, this) {
                (TotpOutcome::Accepted { .. }, _) => outcome,
                (_, TotpOutcome::Accepted { .. }) => this,
                (TotpOutcome::Reused { .. }, _) => outcome,
                _ => this,
            };
        }
        outcome
    }
}

/// Folding. Total: any event on any state gives a state, so that no history can stop a reader.
impl AccountState {
    /// The state after `event`.
    pub fn apply(&mut self, event: AccountEvent) {
        if self.erased {
            return;
        }
        match event {
            AccountEvent::AccountRegistered { email, display_name, language } => {
                self.registered = true;
                (self.email, self.display_name, self.language) = (email, display_name, language);
            }
            AccountEvent::EmailVerified { email } => self.email_verified = email == self.email,
            AccountEvent::EmailChanged { email, .. } => (self.email, self.email_verified) = (email, true),
            AccountEvent::ProfileChanged { display_name, phone, language } => {
                self.display_name = display_name.unwrap_or(std::mem::take(&mut self.display_name));
                self.phone = phone.or(self.phone.take()).filter(|phone| !phone.is_empty());
                self.language = language.unwrap_or(self.language);
            }
            AccountEvent::PasswordSet { hash, .. } => {
                self.password = Some(hash);
                self.password_generation = self.password_generation.saturating_add(1);
                self.password_disabled = false;
                self.failures.remove(&Method::Password);
            }
            AccountEvent::PasswordHashUpgraded { hash } => self.password = Some(hash),
            AccountEvent::TwoStepEnabled {} => self.two_step = true,
            AccountEvent::TwoStepDisabled {} => {
                self.two_step = false;
                self.recovery_codes.clear();
            }
            AccountEvent::RecoveryCodesIssued { set, codes } => {
                self.recovery_set = set;
                self.recovery_codes = codes.into_iter().map(|code| RecoveryCode { code, used: false }).collect();
                self.failures.remove(&Method::RecoveryCode);
            }
            AccountEvent::RecoveryCodeUsed { set, number } => self.use_code(set, number),
            AccountEvent::NotMeReported { entry } => {
                self.reports.push(entry);
                let surplus = self.reports.len().saturating_sub(REMEMBERED_REPORTS);
                self.reports.drain(..surplus);
            }
            AccountEvent::AccountSummarised { state } => *self = *state,
            AccountEvent::SubjectErased {} => self.forget(),
            AccountEvent::Shredded { event_type, .. } => self.apply_shredded(&event_type),
            AccountEvent::RegistrationAttempted {}
            | AccountEvent::FailureNoticeDue { .. }
            | AccountEvent::AttemptsThrottled { .. } => {}
            factor @ (AccountEvent::AuthenticatorEnrolmentStarted { .. }
            | AccountEvent::AuthenticatorEnrolled { .. }
            | AccountEvent::AuthenticatorRenamed { .. }
            | AccountEvent::AuthenticatorRemoved { .. }
            | AccountEvent::AuthenticatorSuspended { .. }
            | AccountEvent::AuthenticatorDisabled { .. }
            | AccountEvent::AccountProofAccepted { .. }
            | AccountEvent::AccountProofRejected { .. }) => self.apply_factor(factor),
        }
    }

    fn use_code(&mut self, set: u32, number: u8) {
        let current = self.recovery_set == set;
        for code in self.recovery_codes.iter_mut().filter(|code| current && code.code.number == number) {
            code.used = true;
        }
        self.failures.remove(&Method::RecoveryCode);
    }

    /// The key of an identity event dies only with the subject. A security event's key dies of age:
    /// by then its delay has run out and its time step has passed, so nothing is lost for the state.
    fn apply_shredded(&mut self, event_type: &str) {
        let class = AccountEvent::SPECS.iter().find(|spec| spec.name == event_type).map(|spec| spec.class);
        if class == Some(RetentionClass::Identity) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        *self = Self { registered: self.registered, erased: true, ..Self::default() };
    }

    pub(super) fn authenticators_mut(&mut self) -> &mut Vec<Authenticator> {
        &mut self.authenticators
    }

    pub(super) fn authenticator_mut(&mut self, id: CredentialId) -> Option<&mut Authenticator> {
        self.authenticators.iter_mut().find(|authenticator| authenticator.id == id)
    }

    pub(super) fn failures_mut(&mut self) -> &mut BTreeMap<Method, Failures> {
        &mut self.failures
    }

    pub(super) fn disable_password(&mut self) {
        self.password_disabled = true;
    }

    /// The usable authenticators that a refusal counts against.
    pub(super) fn meant(
        &self,
        method: Method,
        credential: Option<CredentialId>,
    ) -> impl Iterator<Item = &Authenticator> {
        self.authenticators.iter().filter(move |authenticator| authenticator.is_meant(method, credential))
    }
}

impl Authenticator {
    pub(super) fn is_meant(&self, method: Method, credential: Option<CredentialId>) -> bool {
        method == Method::Totp
            && self.status == AuthenticatorStatus::Active
            && credential.is_none_or(|credential| credential == self.id)
    }
}
