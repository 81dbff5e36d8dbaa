//! The folded state of a session, and what may happen to it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Achievement, SessionCommand, SessionEndCause, SessionError, SessionEvent, SessionLimits, SessionRefusal};
use crate::id::{AccountId, CeremonyId, DeviceId};
use crate::policy::{GivenProof, Method, Outcome, Purpose, Requirement};
use crate::protected::Protected;
use crate::token::SecretHash;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Start {
    account: AccountId,
    device: Option<DeviceId>,
    ceremony: CeremonyId,
    token_hash: Protected,
    acr: String,
    amr: Vec<String>,
    methods: Vec<Method>,
    auth_time: DateTime<Utc>,
    proved_at: DateTime<Utc>,
    idle_seconds: u32,
    expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Elevation {
    purpose: Purpose,
    methods: Vec<Method>,
    amr: Vec<String>,
    auth_time: DateTime<Utc>,
    proved_at: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    start: Option<Start>,
    elevations: Vec<Elevation>,
    last_used: Option<DateTime<Utc>>,
    ended: Option<SessionEndCause>,
    forgotten: bool,
}

/// What a good token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Whose session.
    pub account: AccountId,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Opened by which ceremony.
    pub ceremony: CeremonyId,
    /// The authentication context class of the sign-in.
    pub acr: String,
    /// How (RFC 8176), step-ups included, each once.
    pub amr: Vec<String>,
    /// When the last proof was given, step-ups included.
    pub auth_time: DateTime<Utc>,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
    /// When it ends if it is not used.
    pub idle_at: DateTime<Utc>,
    /// Whether [`SessionCommand::Use`] would write an event now. Saves the command where not.
    pub use_due: bool,
}

impl cqrs_es::Aggregate for Session {
    const TYPE: &'static str = "session";
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Error = SessionError;
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

    fn apply(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::SessionStarted {
                account,
                device,
                ceremony,
                token_hash,
                acr,
                amr,
                methods,
                auth_time,
                proved_at,
                idle_seconds,
                expires_at,
            } => {
                self.last_used = Some(auth_time);
                self.start = Some(Start {
                    account,
                    device,
                    ceremony,
                    token_hash,
                    acr,
                    amr,
                    methods,
                    auth_time,
                    proved_at,
                    idle_seconds,
                    expires_at,
                });
            }
            SessionEvent::SessionElevated { purpose, ceremony: _, methods, amr, auth_time, proved_at, until } => {
                self.elevations.retain(|earlier| earlier.purpose != purpose);
                self.elevations.push(Elevation { purpose, methods, amr, auth_time, proved_at, until });
                self.touch(auth_time);
            }
            SessionEvent::SessionUsed { at } => self.touch(at),
            SessionEvent::SessionEnded { cause } => self.ended = Some(cause),
            // Sessions live for hours and their events for months: one that cannot be read is over.
            SessionEvent::Shredded { .. } => self.forgotten = true,
        }
    }
}

impl Session {
    /// Use never moves backwards, even if the clock does.
    fn touch(&mut self, at: DateTime<Utc>) {
        self.last_used = self.last_used.max(Some(at));
    }

    /// The events that `command` leads to.
    pub fn decide(&self, command: &SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        match command {
            SessionCommand::Start { account, device, achievement, token, limits, at } => {
                self.start(*account, *device, achievement, token, *limits, *at)
            }
            SessionCommand::Elevate { achievement, at } => self.elevate(achievement, *at),
            SessionCommand::Use { at } => {
                let start = self.live(*at)?;
                let due = self.use_due(start, *at);
                Ok(if due { vec![SessionEvent::SessionUsed { at: *at }] } else { Vec::new() })
            }
            SessionCommand::End { cause } => {
                if self.forgotten || self.ended.is_some() {
                    return Ok(Vec::new());
                }
                self.start.as_ref().ok_or(SessionRefusal::Unknown)?;
                Ok(vec![SessionEvent::SessionEnded { cause: *cause }])
            }
        }
    }

    fn start(
        &self,
        account: AccountId,
        device: Option<DeviceId>,
        achievement: &Achievement,
        token: &SecretHash,
        limits: SessionLimits,
        at: DateTime<Utc>,
    ) -> Result<Vec<SessionEvent>, SessionError> {
        if self.start.is_some() || self.forgotten {
            return Err(SessionError::AlreadyStarted);
        }
        let (Purpose::SignIn, Some(acr)) = (achievement.purpose, &achievement.acr) else {
            return Err(SessionError::WrongPurpose);
        };
        let idle_seconds = u32::try_from(limits.idle.num_seconds()).ok().filter(|seconds| *seconds > 0);
        let idle_seconds = idle_seconds.ok_or(SessionError::BadLimits)?;
        let expires_at = at.checked_add_signed(limits.absolute).filter(|end| *end > at);
        let expires_at = expires_at.ok_or(SessionError::BadLimits)?;
        Ok(vec![SessionEvent::SessionStarted {
            account,
            device,
            ceremony: achievement.ceremony,
            token_hash: token.protected(),
            acr: acr.clone(),
            amr: achievement.amr.clone(),
            methods: achievement.methods.clone(),
            auth_time: achievement.auth_time,
            proved_at: achievement.proved_at,
            idle_seconds,
            expires_at,
        }])
    }

    fn elevate(&self, achievement: &Achievement, at: DateTime<Utc>) -> Result<Vec<SessionEvent>, SessionError> {
        let start = self.live(at)?;
        if !achievement.purpose.is_step_up() {
            return Err(SessionError::WrongPurpose);
        }
        Ok(vec![SessionEvent::SessionElevated {
            purpose: achievement.purpose,
            ceremony: achievement.ceremony,
            methods: achievement.methods.clone(),
            amr: achievement.amr.clone(),
            auth_time: achievement.auth_time,
            proved_at: achievement.proved_at,
            until: achievement.until.unwrap_or(start.expires_at).min(start.expires_at),
        }])
    }

    /// What a token with this secret opens at `at`. The secret is compared first and in constant time,
    /// so that only its holder learns what became of the session.
    pub fn check(&self, secret: &SecretHash, at: DateTime<Utc>) -> Result<SessionView, SessionRefusal> {
        if let Some(start) = &self.start {
            let own = SecretHash::from_protected(&start.token_hash).is_some_and(|own| own == *secret);
            if !own {
                return Err(SessionRefusal::WrongToken);
            }
        }
        let start = self.live(at)?;
        let elevations = self.elevations.iter();
        let mut amr = start.amr.clone();
        for name in elevations.clone().filter(|elevation| elevation.until > at).flat_map(|elevation| &elevation.amr) {
            if !amr.contains(name) {
                amr.push(name.clone());
            }
        }
        let auth_time = elevations.map(|elevation| elevation.auth_time).fold(start.auth_time, DateTime::max);
        Ok(SessionView {
            account: start.account,
            device: start.device,
            ceremony: start.ceremony,
            acr: start.acr.clone(),
            amr,
            auth_time,
            expires_at: start.expires_at,
            idle_at: self.idle_at(start),
            use_due: self.use_due(start, at),
        })
    }

    /// The proofs that this session rests on, as policy counts them: those of its sign-in, and those
    /// of step-ups that have not lapsed. Each is as old as the oldest given with it.
    pub fn given_proofs(&self, at: DateTime<Utc>) -> Vec<GivenProof> {
        let Some(start) = &self.start else { return Vec::new() };
        let signed_in = start.methods.iter().map(|method| (*method, start.proved_at));
        let raised = self.elevations.iter().filter(|elevation| elevation.until > at);
        let raised = raised.flat_map(|raised| raised.methods.iter().map(|method| (*method, raised.proved_at)));
        let proof = |(method, at)| GivenProof { method, credential: None, at };
        signed_in.chain(raised).map(proof).collect()
    }

    /// Whether it meets `requirement` at `at` without another ceremony, and what is missing if not.
    /// A session that has ended meets nothing.
    pub fn outcome(&self, requirement: &Requirement, at: DateTime<Utc>) -> Outcome {
        let given = if self.live(at).is_ok() { self.given_proofs(at) } else { Vec::new() };
        requirement.without_trust().outcome(&given, at)
    }

    /// Whether it may do now what `requirement` protects: raised for it, or signed in to freshly and
    /// strongly enough. The requirement is the account's of today, so that a step-up made before a
    /// second factor was enrolled does not count as one made with it.
    pub fn elevated_for(&self, requirement: &Requirement, at: DateTime<Utc>) -> bool {
        self.outcome(requirement, at).satisfied
    }

    fn live(&self, at: DateTime<Utc>) -> Result<&Start, SessionRefusal> {
        if self.forgotten || self.ended.is_some() {
            return Err(SessionRefusal::Ended);
        }
        let start = self.start.as_ref().ok_or(SessionRefusal::Unknown)?;
        if at >= start.expires_at {
            Err(SessionRefusal::Expired)
        } else if at >= self.idle_at(start) {
            Err(SessionRefusal::Idle)
        } else {
            Ok(start)
        }
    }

    fn idle_at(&self, start: &Start) -> DateTime<Utc> {
        self.last_used.unwrap_or(start.auth_time) + TimeDelta::seconds(i64::from(start.idle_seconds))
    }

    fn use_due(&self, start: &Start, at: DateTime<Utc>) -> bool {
        let twelfth = TimeDelta::milliseconds(i64::from(start.idle_seconds) * 1000 / 12);
        at >= self.last_used.unwrap_or(start.auth_time) + twelfth
    }

    /// Whose it is.
    pub fn account(&self) -> Option<AccountId> {
        self.start.as_ref().map(|start| start.account)
    }

    /// On which device.
    pub fn device(&self) -> Option<DeviceId> {
        self.start.as_ref().and_then(|start| start.device)
    }

    /// Opened by which ceremony.
    pub fn ceremony(&self) -> Option<CeremonyId> {
        self.start.as_ref().map(|start| start.ceremony)
    }

    /// Why it ended, if it was ended.
    pub const fn ended(&self) -> Option<SessionEndCause> {
        self.ended
    }

    /// Why it cannot be used at `at`, whatever the token; `None` if it can.
    pub fn refusal(&self, at: DateTime<Utc>) -> Option<SessionRefusal> {
        self.live(at).err()
    }

    /// Until when it is raised for `purpose`, if it is at `at`. For display; decisions ask
    /// [`Session::elevated_for`].
    pub fn elevated_until(&self, purpose: Purpose, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let raised = self.elevations.iter().find(|raised| raised.purpose == purpose && raised.until > at)?;
        Some(raised.until)
    }
}
