//! What else must happen when something happens. One pure function gives both the preview that a
//! person sees beforehand and the list of commands that is carried out.

use serde::{Deserialize, Serialize};

use crate::account::AuthenticatorCause;
use crate::device::TrustDropCause;
use crate::id::{CeremonyId, CredentialId, DeviceId, SessionId};
use crate::policy::Purpose;
use crate::session::SessionEndCause;

/// What sets a cascade off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A device was reported lost.
    DeviceLost {
        /// Which.
        device: DeviceId,
    },
    /// A device was taken off the list.
    DeviceForgotten {
        /// Which.
        device: DeviceId,
    },
    /// Something on the account was not its owner.
    NotMe(NotMe),
    /// The password was changed by its owner, or reset.
    PasswordChanged {
        /// What becomes of sessions.
        sessions: OtherSessions,
    },
    /// An authenticator was removed or replaced.
    FactorRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A support code was used.
    SupportCodeUsed,
    /// A policy was tightened.
    PolicyTightened,
    /// Two-step verification was switched off.
    TwoStepDisabled,
}

/// What "this wasn't me" points at, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotMe {
    /// The ceremony.
    pub ceremony: Option<CeremonyId>,
    /// The session in which it happened, or which it opened.
    pub session: Option<SessionId>,
    /// The device on which it happened.
    pub device: Option<DeviceId>,
    /// The authenticator that it added, if it added one. One that was merely used is not suspended:
    /// it may be the only one its owner has.
    pub added: Option<CredentialId>,
    /// The session from which the report is made. It is kept even if it is on the reported device:
    /// the person is there.
    pub reporter: Option<SessionId>,
}

/// What becomes of the account's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherSessions {
    /// They go on.
    Keep,
    /// They end, but for this one.
    End {
        /// The session to keep.
        except: Option<SessionId>,
    },
}

/// A device of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Which.
    pub device: DeviceId,
    /// Whether it is trusted now.
    pub trusted: bool,
}

/// A session of the account that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Which.
    pub session: SessionId,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Opened by which ceremony.
    pub ceremony: Option<CeremonyId>,
}

/// An authenticator of the account that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticatorFacts {
    /// Which.
    pub credential: CredentialId,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
}

/// A ceremony of the account that is under way, or that is complete and allows a deed still undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CeremonyFacts {
    /// Which.
    pub ceremony: CeremonyId,
    /// What for.
    pub purpose: Purpose,
    /// On which device.
    pub device: Option<DeviceId>,
    /// The session it raises.
    pub session: Option<SessionId>,
    /// It would put another address in the place of the account's.
    pub changes_email: bool,
}

/// All that a cascade may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CascadeFacts {
    /// Devices.
    pub devices: Vec<DeviceFacts>,
    /// Sessions that have not ended.
    pub sessions: Vec<SessionFacts>,
    /// Authenticators that can be used.
    pub authenticators: Vec<AuthenticatorFacts>,
    /// Ceremonies that can still lead to something.
    pub ceremonies: Vec<CeremonyFacts>,
}

/// One consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "effect")]
pub enum Effect {
    /// A session ends.
    EndSession {
        /// Which.
        session: SessionId,
        /// Why.
        cause: SessionEndCause,
    },
    /// A device is trusted no longer.
    DropTrust {
        /// Which.
        device: DeviceId,
        /// Why.
        cause: TrustDropCause,
    },
    /// An authenticator cannot be used until its owner decides.
    SuspendAuthenticator {
        /// Which.
        credential: CredentialId,
        /// Why.
        cause: AuthenticatorCause,
    },
    /// A ceremony under way cannot be completed any more.
    FailCeremony {
        /// Which.
        ceremony: CeremonyId,
    },
}

/// The consequences of `trigger`, in the order in which they are carried out. Each thing at most once,
/// and nothing that has happened already.
pub fn cascade(trigger: &Trigger, facts: &CascadeFacts) -> Vec<Effect> {
    let every = |cause| drop_trust(facts, cause, |_| true);
    match trigger {
        Trigger::DeviceLost { device } => {
            let mut effects = drop_trust(facts, TrustDropCause::DeviceLost, |on| on == *device);
            effects.extend(end_sessions(facts, SessionEndCause::DeviceLost, |on| on.device == Some(*device)));
            effects.extend(suspend(facts, AuthenticatorCause::DeviceLost, |on| on.carried_by == Some(*device)));
            // Whoever has the device may have asked for another address on it.
            effects.extend(fail_ceremonies(facts, &effects, |on| on.device == Some(*device) || on.changes_email));
            effects
        }
        Trigger::DeviceForgotten { device } => {
            let mut effects = drop_trust(facts, TrustDropCause::Forgotten, |on| on == *device);
            effects.extend(end_sessions(facts, SessionEndCause::DeviceForgotten, |on| on.device == Some(*device)));
            effects.extend(fail_ceremonies(facts, &effects, |on| on.device == Some(*device)));
            effects
        }
        Trigger::NotMe(report) => not_me(report, facts),
        Trigger::PasswordChanged { sessions } => {
            let mut effects = every(TrustDropCause::PasswordChanged);
            if let OtherSessions::End { except } = sessions {
                let cause = SessionEndCause::PasswordChanged;
                effects.extend(end_sessions(facts, cause, |on| Some(on.session) != *except));
            }
            // Whoever got half-way with the old password must not finish with the other half, nor take the
            // address over. Proving the address that the account has is nobody's half.
            let kept = match sessions {
                OtherSessions::End { except } => *except,
                OtherSessions::Keep => None,
            };
            effects.extend(fail_ceremonies(facts, &effects, |on| {
                (on.purpose != Purpose::VerifyEmail || on.changes_email) && (on.session.is_none() || on.session != kept)
            }));
            effects
        }
        Trigger::FactorRemoved => every(TrustDropCause::FactorRemoved),
        Trigger::RecoveryCodeUsed => every(TrustDropCause::RecoveryCodeUsed),
        Trigger::SupportCodeUsed => every(TrustDropCause::SupportCodeUsed),
        Trigger::PolicyTightened => every(TrustDropCause::PolicyTightened),
        Trigger::TwoStepDisabled => every(TrustDropCause::TwoStepDisabled),
    }
}

/// Whoever it was may have been on any device, so all trust goes; sessions end where the report points.
fn not_me(report: &NotMe, facts: &CascadeFacts) -> Vec<Effect> {
    let on_device = |device: Option<DeviceId>| device.is_some() && device == report.device;
    let mut effects = drop_trust(facts, TrustDropCause::NotMe, |_| true);
    effects.extend(end_sessions(facts, SessionEndCause::NotMe, |on| {
        let meant = Some(on.session) == report.session
            || (on.ceremony.is_some() && on.ceremony == report.ceremony)
            || on_device(on.device);
        meant && Some(on.session) != report.reporter
    }));
    effects.extend(suspend(facts, AuthenticatorCause::NotMe, |on| Some(on.credential) == report.added));
    // Nor may a stranger finish a way back in that was begun, or take the address over.
    let way_in = |on: &CeremonyFacts| match on.purpose {
        Purpose::PasswordReset | Purpose::ReplaceFactor => true,
        _ => on.changes_email,
    };
    let pending = fail_ceremonies(facts, &effects, |on| {
        Some(on.ceremony) == report.ceremony || on_device(on.device) || way_in(on)
    });
    effects.extend(pending);
    effects
}

fn drop_trust(facts: &CascadeFacts, cause: TrustDropCause, meant: impl Fn(DeviceId) -> bool) -> Vec<Effect> {
    let devices = facts.devices.iter().filter(|on| on.trusted && meant(on.device));
    devices.map(|on| Effect::DropTrust { device: on.device, cause }).collect()
}

fn end_sessions(facts: &CascadeFacts, cause: SessionEndCause, meant: impl Fn(&SessionFacts) -> bool) -> Vec<Effect> {
    let sessions = facts.sessions.iter().filter(|on| meant(on));
    sessions.map(|on| Effect::EndSession { session: on.session, cause }).collect()
}

fn suspend(
    facts: &CascadeFacts,
    cause: AuthenticatorCause,
    meant: impl Fn(&AuthenticatorFacts) -> bool,
) -> Vec<Effect> {
    let authenticators = facts.authenticators.iter().filter(|on| meant(on));
    authenticators.map(|on| Effect::SuspendAuthenticator { credential: on.credential, cause }).collect()
}

/// A ceremony falls where it is meant itself, and where the session that it would raise ends.
fn fail_ceremonies(facts: &CascadeFacts, ended: &[Effect], meant: impl Fn(&CeremonyFacts) -> bool) -> Vec<Effect> {
    let raised = |on: &CeremonyFacts| {
        ended.iter().any(|effect| matches!(effect, Effect::EndSession { session, .. } if Some(*session) == on.session))
    };
    let ceremonies = facts.ceremonies.iter().filter(|on| meant(on) || raised(on));
    ceremonies.map(|on| Effect::FailCeremony { ceremony: on.ceremony }).collect()
}
