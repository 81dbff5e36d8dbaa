//! What may happen next in a ceremony.

use chrono::{DateTime, TimeDelta, Utc};

use super::state::Start;
use super::{
    AcceptProof, AnswerChallenge, Ceremony, CeremonyCommand, CeremonyError, CeremonyEvent, FailureReason, Phase,
    RequestProof, StartCeremony,
};
use crate::account::RejectReason;
use crate::id::{CredentialId, SessionId};
use crate::policy::{GivenProof, Method, Outcome, Purpose, offered};
use crate::token::SecretHash;

/// Refused proofs after which a ceremony fails.
pub const MAX_REJECTED: u32 = 10;
/// Challenges of one method that are sent in one ceremony.
pub const MAX_REQUESTS: usize = 5;
/// Time between two challenges of one method.
pub const RESEND_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Time after completion in which what it allows must be done.
pub const SPEND_WITHIN: TimeDelta = TimeDelta::minutes(15);

type Decision = Result<Vec<CeremonyEvent>, CeremonyError>;

impl Ceremony {
    /// The events that `command` leads to.
    pub fn decide(&self, command: &CeremonyCommand) -> Decision {
        match command {
            CeremonyCommand::Start(start) => self.start(start),
            CeremonyCommand::RequestProof(request) => self.request(request),
            CeremonyCommand::AcceptProof(proof) => self.accept(proof),
            CeremonyCommand::AnswerChallenge(answer) => self.answer(answer),
            CeremonyCommand::RejectProof { method, credential, reason, at } => {
                self.reject(*method, *credential, *reason, *at)
            }
            CeremonyCommand::Spend { at } => self.spend(*at),
            CeremonyCommand::Expire { at } => self.expire(*at),
            CeremonyCommand::Abandon { at } => self.abandon(*at),
            CeremonyCommand::Fail { reason } => self.fail(*reason),
            CeremonyCommand::Report => self.report(),
        }
    }

    /// Whether a proof by `method` can be given now. Ask before a password is hashed or a code is
    /// used up: a proof that comes too early must not cost its owner anything.
    pub fn may_prove(&self, method: Method, at: DateTime<Utc>) -> Result<(), CeremonyError> {
        let start = self.under_way(at)?;
        let outcome = start.requirement.without_trust().outcome(&self.proofs, at);
        if outcome.next.contains(&method) {
            return Ok(());
        }
        let fresh = start.requirement.fresh(&self.proofs, at);
        // Before the first proof, what this account's requirement holds would tell what the account has.
        let accepted = if self.proofs.is_empty() {
            offered(start.purpose)
        } else {
            let groups = start.requirement.groups.iter().flat_map(|group| &group.accepts);
            groups.chain(&start.requirement.evidence).copied().collect()
        };
        if fresh.contains(&method) {
            Err(CeremonyError::AlreadyGiven)
        } else if accepted.contains(&method) {
            Err(CeremonyError::NotYet { first: outcome.next })
        } else {
            Err(CeremonyError::NotAccepted { accepted: outcome.next })
        }
    }

    fn start(&self, start: &StartCeremony) -> Decision {
        if self.phase != Phase::Absent {
            return Err(CeremonyError::AlreadyStarted);
        }
        if start.requirement.purpose != start.purpose {
            return Err(CeremonyError::BadStart("the requirement is for another purpose"));
        }
        if start.expires_at <= start.at || start.expires_at - start.at > start.purpose.longest_ceremony() {
            return Err(CeremonyError::BadStart("it ends too late, or before it begins"));
        }
        if start.purpose.is_step_up() != start.session.is_some() {
            return Err(CeremonyError::BadStart("a session goes with the purposes that raise one, and with no other"));
        }
        if (start.purpose == Purpose::VerifyEmail) != start.contact.is_some() {
            return Err(CeremonyError::BadStart("an address goes with the purpose that proves one, and with no other"));
        }
        Ok(vec![CeremonyEvent::CeremonyStarted {
            purpose: start.purpose,
            account: start.account,
            guard: start.guard,
            requirement: start.requirement.clone(),
            secret_hash: start.secret.protected(),
            session: start.session,
            contact: start.contact.clone(),
            expires_at: start.expires_at,
        }])
    }

    fn request(&self, request: &RequestProof) -> Decision {
        self.may_prove(request.method, request.at)?;
        if !request.method.is_requested() {
            return Err(CeremonyError::NothingToSend);
        }
        let start = self.under_way(request.at)?;
        let sent = self.challenges.iter().filter(|sent| sent.method == request.method);
        if sent.clone().count() >= MAX_REQUESTS {
            return Err(CeremonyError::TooManyRequests);
        }
        if let Some(retry_at) = sent.map(|sent| sent.at + RESEND_AFTER).max().filter(|retry| *retry > request.at) {
            return Err(CeremonyError::TooSoon { retry_at });
        }
        Ok(vec![CeremonyEvent::CeremonyProofRequested {
            method: request.method,
            challenge_hash: request.challenge.map(|hash| hash.protected()),
            sent_to: request.sent_to.clone(),
            expires_at: request.expires_at.min(start.expires_at),
            at: request.at,
        }])
    }

    fn answer(&self, answer: &AnswerChallenge) -> Decision {
        self.may_prove(answer.method, answer.at)?;
        if let Err(reason) = self.check_challenge(answer.method, &answer.answer, answer.at)? {
            return self.reject(answer.method, None, reason, answer.at);
        }
        self.accepted(&AcceptProof {
            method: answer.method,
            credential: None,
            label: None,
            number: None,
            device_trusted: answer.device_trusted,
            opens: answer.opens,
            at: answer.at,
        })
    }

    /// Any challenge that was sent and is not too old will do: mail arrives out of order.
    fn check_challenge(
        &self,
        method: Method,
        answer: &SecretHash,
        at: DateTime<Utc>,
    ) -> Result<Result<(), RejectReason>, CeremonyError> {
        let mut open = false;
        let mut verdict = Err(RejectReason::Wrong);
        for challenge in self.challenges.iter().filter(|sent| sent.method == method) {
            let Some(hash) = challenge.hash.as_ref().and_then(SecretHash::from_protected) else { continue };
            open = true;
            if hash == *answer {
                verdict = if challenge.expires_at > at { Ok(()) } else { Err(RejectReason::Expired) };
            }
        }
        if open { Ok(verdict) } else { Err(CeremonyError::NoChallenge) }
    }

    fn accept(&self, proof: &AcceptProof) -> Decision {
        // Only this stream knows what the link says, so nobody else can have found it good.
        if proof.method == Method::EmailLink {
            return Err(CeremonyError::NoChallenge);
        }
        self.accepted(proof)
    }

    fn accepted(&self, proof: &AcceptProof) -> Decision {
        self.may_prove(proof.method, proof.at)?;
        let start = self.under_way(proof.at)?;
        if start.account.is_none() {
            return Err(CeremonyError::UnknownAccount);
        }
        let mut events = vec![CeremonyEvent::CeremonyProofAccepted {
            method: proof.method,
            credential: proof.credential,
            label: proof.label.clone(),
            number: proof.number,
            at: proof.at,
        }];
        let mut proofs = self.proofs.clone();
        proofs.push(GivenProof { method: proof.method, credential: proof.credential, at: proof.at });
        let outcome = if proof.device_trusted {
            start.requirement.outcome(&proofs, proof.at)
        } else {
            start.requirement.without_trust().outcome(&proofs, proof.at)
        };
        if outcome.satisfied {
            events.push(completed(start, &proofs, &outcome, proof.opens, proof.at));
        }
        Ok(events)
    }

    fn reject(
        &self,
        method: Method,
        credential: Option<CredentialId>,
        reason: RejectReason,
        at: DateTime<Utc>,
    ) -> Decision {
        self.may_prove(method, at)?;
        let mut events = vec![CeremonyEvent::CeremonyProofRejected { method, credential, reason }];
        if self.rejected.saturating_add(1) >= MAX_REJECTED {
            events.push(CeremonyEvent::CeremonyFailed { reason: FailureReason::TooManyAttempts });
        }
        Ok(events)
    }

    fn spend(&self, at: DateTime<Utc>) -> Decision {
        let start = self.started()?;
        if self.reported {
            return Err(CeremonyError::Reported);
        }
        let completion = match (self.phase, &self.completion) {
            (Phase::Completed, Some(completion)) => completion,
            (Phase::Spent, _) => return Err(CeremonyError::AlreadySpent),
            (Phase::Pending, _) if at >= start.expires_at => return Err(CeremonyError::Expired),
            (Phase::Pending, _) => return Err(CeremonyError::NotComplete),
            (Phase::Expired, _) => return Err(CeremonyError::Expired),
            _ => return Err(CeremonyError::Ended),
        };
        if !start.purpose.is_spent() {
            return Err(CeremonyError::Ended);
        }
        if at >= completion.auth_time + SPEND_WITHIN {
            return Err(CeremonyError::Expired);
        }
        Ok(vec![CeremonyEvent::CeremonySpent {}])
    }

    fn expire(&self, at: DateTime<Utc>) -> Decision {
        let start = self.started()?;
        match self.phase {
            Phase::Pending if at < start.expires_at => Err(CeremonyError::NotExpired),
            Phase::Pending => Ok(vec![CeremonyEvent::CeremonyExpired {}]),
            _ => Ok(Vec::new()),
        }
    }

    fn abandon(&self, at: DateTime<Utc>) -> Decision {
        let start = self.started()?;
        match self.phase {
            Phase::Pending if at >= start.expires_at => Err(CeremonyError::Expired),
            Phase::Pending => Ok(vec![CeremonyEvent::CeremonyAbandoned {}]),
            Phase::Completed | Phase::Spent => Err(CeremonyError::Ended),
            _ => Ok(Vec::new()),
        }
    }

    fn fail(&self, reason: FailureReason) -> Decision {
        let start = self.started()?;
        match self.phase {
            Phase::Pending => Ok(vec![CeremonyEvent::CeremonyFailed { reason }]),
            // What it allows has not been done yet, and must not be any more.
            Phase::Completed if start.purpose.is_spent() => Ok(vec![CeremonyEvent::CeremonyFailed { reason }]),
            _ => Ok(Vec::new()),
        }
    }

    fn report(&self) -> Decision {
        if self.phase == Phase::Absent {
            return Err(CeremonyError::NotFound);
        }
        if self.reported {
            return Ok(Vec::new());
        }
        let mut events = vec![CeremonyEvent::CeremonyReported {}];
        if self.phase == Phase::Pending {
            events.push(CeremonyEvent::CeremonyFailed { reason: FailureReason::NoLongerPossible });
        }
        Ok(events)
    }

    pub(super) fn started(&self) -> Result<&Start, CeremonyError> {
        match (&self.start, self.phase) {
            (_, Phase::Forgotten) => Err(CeremonyError::Forgotten),
            (Some(start), _) => Ok(start),
            (None, _) => Err(CeremonyError::NotFound),
        }
    }

    fn under_way(&self, at: DateTime<Utc>) -> Result<&Start, CeremonyError> {
        let start = self.started()?;
        match self.phase {
            Phase::Expired => Err(CeremonyError::Expired),
            Phase::Pending if at >= start.expires_at => Err(CeremonyError::Expired),
            Phase::Pending => Ok(start),
            _ => Err(CeremonyError::Ended),
        }
    }
}

fn completed(
    start: &Start,
    proofs: &[GivenProof],
    outcome: &Outcome,
    opens: Option<SessionId>,
    at: DateTime<Utc>,
) -> CeremonyEvent {
    let mut amr: Vec<String> = Vec::new();
    for name in start.requirement.fresh(proofs, at).into_iter().flat_map(Method::amr) {
        if !amr.iter().any(|known| known == name) {
            amr.push((*name).to_owned());
        }
    }
    CeremonyEvent::CeremonyCompleted {
        acr: start.purpose.acr().map(str::to_owned),
        amr,
        auth_time: at,
        by_device_trust: outcome.by_device_trust,
        session: start.session.or(opens.filter(|_| start.purpose == Purpose::SignIn)),
    }
}
