//! The part of the fold that concerns authenticators and proofs.

use super::authenticator::{Authenticator, AuthenticatorStatus};
use super::events::AccountEvent;
use super::state::AccountState;
use crate::policy::Method;

impl AccountState {
    /// The state after an event about authenticators or proofs; any other changes nothing.
    pub(super) fn apply_factor(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::AuthenticatorEnrolmentStarted {
                credential,
                kind,
                label,
                secret,
                carried_by,
                replaces,
                expires_at,
            } => {
                // One unconfirmed enrolment at a time keeps the state small however often one begins.
                self.authenticators_mut().retain(|a| a.is_enrolled() && a.id != credential);
                self.authenticators_mut().push(Authenticator {
                    id: credential,
                    kind,
                    label,
                    status: AuthenticatorStatus::Pending,
                    carried_by,
                    replaces,
                    expires_at: Some(expires_at),
                    enrolled_step: None,
                    last_step: None,
                    failures: 0,
                    secret,
                });
            }
            AccountEvent::AuthenticatorEnrolled { credential, label, carried_by, step, .. } => {
                if let Some(authenticator) = self.authenticator_mut(credential) {
                    authenticator.status = AuthenticatorStatus::Active;
                    authenticator.label = label;
                    authenticator.carried_by = carried_by;
                    authenticator.expires_at = None;
                    authenticator.enrolled_step = Some(step);
                    authenticator.last_step = Some(step);
                }
            }
            AccountEvent::AuthenticatorRenamed { credential, label } => {
                if let Some(authenticator) = self.authenticator_mut(credential) {
                    authenticator.label = label;
                }
            }
            AccountEvent::AuthenticatorRemoved { credential, .. } => {
                self.authenticators_mut().retain(|authenticator| authenticator.id != credential);
            }
            AccountEvent::AuthenticatorSuspended { credential, .. } => {
                if let Some(authenticator) = self.authenticator_mut(credential) {
                    authenticator.status = AuthenticatorStatus::Suspended;
                }
            }
            AccountEvent::AuthenticatorDisabled { credential: None, .. } => self.disable_password(),
            AccountEvent::AuthenticatorDisabled { credential: Some(credential), .. } => {
                if let Some(authenticator) = self.authenticator_mut(credential) {
                    authenticator.status = AuthenticatorStatus::Disabled;
                }
            }
            AccountEvent::AccountProofAccepted { method, credential, step } => {
                self.failures_mut().remove(&method);
                for authenticator in self.authenticators_mut().iter_mut().filter(|_| method == Method::Totp) {
                    // A code is tried against every authenticator, so a right one clears them all.
                    authenticator.failures = 0;
                    if Some(authenticator.id) == credential {
                        authenticator.last_step = authenticator.last_step.max(step);
                    }
                }
            }
            AccountEvent::AccountProofRejected { method, credential, at, .. } => {
                self.failures_mut().entry(method).or_default().add(at);
                for authenticator in self.authenticators_mut() {
                    if authenticator.is_meant(method, credential) {
                        authenticator.failures = authenticator.failures.saturating_add(1);
                    }
                }
            }
            _ => {}
        }
    }
}
