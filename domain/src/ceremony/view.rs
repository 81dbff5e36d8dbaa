//! What the API may know of a ceremony.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Ceremony, Completion, MAX_REJECTED, MAX_REQUESTS, Phase, RESEND_AFTER, Step};
use crate::account::RejectReason;
use crate::id::{AccountId, CeremonyId, SessionId};
use crate::policy::{Cause, GivenProof, GroupName, Method, Missing, Purpose, Requirement};
use crate::session::Achievement;
use crate::token::SecretHash;

/// A ceremony as its holder sees it. Nothing in it tells a known account from an unknown one: a second
/// step, and why it is demanded, are shown only after the first one is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CeremonyView {
    /// What for.
    pub purpose: Purpose,
    /// Where it stands now; [`Phase::Expired`] as soon as its time has run out.
    pub phase: Phase,
    /// The story so far.
    pub steps: Vec<Step>,
    /// What can be given next.
    pub next: Vec<Method>,
    /// What is missing, as far as it may be shown yet.
    pub missing: Vec<Missing>,
    /// Why it is demanded, as far as it may be shown yet.
    pub causes: Vec<Cause>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The session it raises, or has opened.
    pub session: Option<SessionId>,
    /// Refused proofs left before it fails.
    pub attempts_left: u32,
    /// When another challenge can be sent, if one was sent and another may be.
    pub resend_at: Option<DateTime<Utc>>,
}

impl Ceremony {
    /// What its holder may see at `at`; `None` if there is nothing to see.
    pub fn view(&self, at: DateTime<Utc>) -> Option<CeremonyView> {
        let start = self.started().ok()?;
        let phase = match self.phase {
            Phase::Pending if at >= start.expires_at => Phase::Expired,
            phase => phase,
        };
        let pending = phase == Phase::Pending;
        let outcome = start.requirement.without_trust().outcome(&self.proofs, at);
        let begun = !self.proofs.is_empty();
        // How much evidence is missing tells whether there is a second factor, just as a second group does.
        let telling = |missing: &Missing| !matches!(missing, Missing::Group { name: GroupName::First, .. });
        let shown = outcome.missing.into_iter().filter(|missing| begun || !telling(missing)).collect();
        let causes = if begun { start.requirement.causes.clone() } else { vec![Cause::PurposeDefault] };
        let resend_at = outcome.next.iter().filter_map(|method| self.resend_at(*method)).max();
        Some(CeremonyView {
            purpose: start.purpose,
            phase,
            steps: self.steps.iter().map(|step| self.shown(*step)).collect(),
            next: if pending { outcome.next } else { Vec::new() },
            missing: if pending { shown } else { Vec::new() },
            causes,
            expires_at: start.expires_at,
            session: start.session.or(self.completion.as_ref().and_then(|done| done.session)),
            attempts_left: if pending { MAX_REJECTED.saturating_sub(self.rejected) } else { 0 },
            resend_at: resend_at.filter(|_| pending),
        })
    }

    fn shown(&self, step: Step) -> Step {
        match step {
            Step::Rejected(method, reason) => Step::Rejected(method, self.shown_reason(reason)),
            other => other,
        }
    }

    /// Why a proof was refused, as far as its holder may know: before the first proof is accepted, that a
    /// code is used up, or that there is nothing to compare it with, would tell what the account has.
    pub fn shown_reason(&self, reason: RejectReason) -> RejectReason {
        if self.proofs.is_empty() { RejectReason::Wrong } else { reason }
    }

    fn resend_at(&self, method: Method) -> Option<DateTime<Utc>> {
        let sent = self.challenges.iter().filter(|sent| sent.method == method);
        if sent.clone().count() >= MAX_REQUESTS { None } else { sent.map(|sent| sent.at + RESEND_AFTER).max() }
    }

    /// Whether `secret` is that of its holder. Constant time; false for a ceremony that is not there.
    pub fn is_held_by(&self, secret: &SecretHash) -> bool {
        let stored = self.start.as_ref().and_then(|start| SecretHash::from_protected(&start.secret_hash));
        stored.is_some_and(|stored| stored == *secret)
    }

    /// Where it stands, as its events say.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The last step: what became of a proof that was just given.
    pub fn last_step(&self) -> Option<Step> {
        self.steps.last().copied()
    }

    /// What it is for.
    pub fn purpose(&self) -> Option<Purpose> {
        self.start.as_ref().map(|start| start.purpose)
    }

    /// Whose it is. For the engine only; its holder is not told.
    pub fn account(&self) -> Option<AccountId> {
        self.start.as_ref().and_then(|start| start.account)
    }

    /// The account stream on which refused proofs are counted. For the engine only.
    pub fn guard(&self) -> Option<AccountId> {
        self.start.as_ref().map(|start| start.guard)
    }

    /// The session it raises.
    pub fn session(&self) -> Option<SessionId> {
        self.start.as_ref().and_then(|start| start.session)
    }

    /// The address to be proved.
    pub fn contact(&self) -> Option<&str> {
        self.start.as_ref().and_then(|start| start.contact.as_deref())
    }

    /// What must be proved.
    pub fn requirement(&self) -> Option<&Requirement> {
        self.start.as_ref().map(|start| &start.requirement)
    }

    /// The proofs given so far.
    pub fn proofs(&self) -> &[GivenProof] {
        &self.proofs
    }

    /// What completing it came to.
    pub const fn completion(&self) -> Option<&Completion> {
        self.completion.as_ref()
    }

    /// Whether its subject said that it was not them.
    pub const fn is_reported(&self) -> bool {
        self.reported
    }

    /// What it proved, for the session that it opens or raises. `id` is its own stream's. `None`
    /// unless it has been completed and not been reported since.
    pub fn achievement(&self, id: CeremonyId) -> Option<Achievement> {
        let (start, completion) = (self.started().ok()?, self.completion.as_ref()?);
        if self.phase != Phase::Completed || self.reported {
            return None;
        }
        let methods = start.requirement.fresh(&self.proofs, completion.auth_time);
        let newest = |method: &Method| {
            let same = self.proofs.iter().filter(|proof| proof.method == *method);
            same.map(|proof| proof.at).max()
        };
        let proved_at = methods.iter().filter_map(newest).min().unwrap_or(completion.auth_time);
        let lasts = start.requirement.fresh_seconds.map(|seconds| chrono::TimeDelta::seconds(i64::from(seconds)));
        Some(Achievement {
            ceremony: id,
            purpose: start.purpose,
            acr: completion.acr.clone(),
            amr: completion.amr.clone(),
            methods,
            auth_time: completion.auth_time,
            proved_at,
            until: lasts.map(|lasts| proved_at + lasts),
        })
    }
}
